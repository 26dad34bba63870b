/*
 * sim_disk: see sim_disk.h. One connection per database, so locks are granted and the index of the
 * write-ahead log is a connection's own; after a death it is found empty and made anew, as on Linux
 * when the last user of it is gone.
 */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"
#include "sim_disk.h"

enum { FILES = 64, SECTOR = 512, REGIONS = 8, REGION = 32768 };

struct write_op {
	sqlite3_int64 at; /* -1: a truncation to `len` */
	size_t len;
	uint8_t *data;
	struct write_op *next;
};

struct bytes {
	uint8_t *data;
	size_t len, room;
};

struct disk_file {
	char name[SIM_PATH + 64];
	bool there;
	struct bytes now, safe;
	struct write_op *ops, **end;
};

struct sim_disk {
	sqlite3_vfs vfs;
	struct disk_file file[FILES];
};

struct handle {
	sqlite3_file base;
	struct disk_file *f;
	bool own; /* a temporary file */
	void *region[REGIONS];
};

static void
put(struct bytes *b, sqlite3_int64 at, const void *data, size_t len)
{
	size_t end = (size_t)at + len;

	if (end > b->room) {
		b->room = end * 2;
		b->data = realloc(b->data, b->room);
		if (!b->data)
			abort();
	}
	if (end > b->len) {
		memset(b->data + b->len, 0, end - b->len);
		b->len = end;
	}
	memcpy(b->data + at, data, len);
}

static void
do_op(struct bytes *b, const struct write_op *op, size_t len)
{
	if (op->at >= 0)
		put(b, op->at, op->data, len);
	else if (op->len < b->len)
		b->len = op->len;
}

static void
drop_ops(struct disk_file *f)
{
	for (struct write_op *op = f->ops, *next; op; op = next) {
		next = op->next;
		free(op->data);
		free(op);
	}
	f->ops = NULL;
	f->end = &f->ops;
}

/* The disk's own memory is no process'. */
static struct sim_proc *
step_aside(void)
{
	struct sim_proc *runs = sim()->current;

	sim()->current = NULL;
	return runs;
}

static void
add_op(struct disk_file *f, sqlite3_int64 at, const void *data, size_t len)
{
	struct sim_proc *runs = step_aside();
	struct write_op *op = calloc(1, sizeof(*op));

	*op = (struct write_op){.at = at, .len = len};
	if (at >= 0) {
		op->data = malloc(len);
		memcpy(op->data, data, len);
	}
	*f->end = op;
	f->end = &op->next;
	do_op(&f->now, op, len);
	sim()->current = runs;
}

static void
sync_file(struct disk_file *f)
{
	struct sim_proc *runs = step_aside();

	for (struct write_op *op = f->ops; op; op = op->next)
		do_op(&f->safe, op, op->len);
	drop_ops(f);
	sim()->current = runs;
}

void
sim_disk_power_cut(void)
{
	for (int i = 0; i < FILES; i++) {
		struct disk_file *f = &sim()->disk->file[i];

		for (struct write_op *op = f->there ? f->ops : NULL; op; op = op->next) {
			unsigned how = (unsigned)sim_below(3);
			size_t part = op->len / SECTOR ? sim_below(op->len / SECTOR) * SECTOR : 0;

			if (how)
				do_op(&f->safe, op, how == 1 || op->at < 0 ? op->len : part);
		}
		drop_ops(f);
		f->now.len = 0;
		if (f->safe.len)
			put(&f->now, 0, f->safe.data, f->safe.len);
	}
}

void
sim_disk_lose(const char *name)
{
	for (int i = 0; i < FILES; i++) {
		struct disk_file *f = &sim()->disk->file[i];

		if (!strstr(f->name, name))
			continue;
		drop_ops(f);
		f->there = false;
		f->now.len = f->safe.len = 0;
	}
}

uint64_t
sim_disk_size(void)
{
	uint64_t sum = 0;

	for (int i = 0; i < FILES; i++)
		if (sim()->disk->file[i].there)
			sum += sim()->disk->file[i].now.len;
	return sum;
}

/* --- one file --------------------------------------------------------------------------------- */

static bool
fails(void)
{
	struct sim_proc *p = sim()->current;

	return p && (p->disk_broken || (p->io_errors && p->io_errors--));
}

static int
on_close(sqlite3_file *file)
{
	struct handle *h = (struct handle *)file;

	for (int i = 0; i < REGIONS; i++)
		free(h->region[i]);
	if (h->own)
		free(h->f);
	return SQLITE_OK;
}

static int
on_read(sqlite3_file *file, void *out, int n, sqlite3_int64 at)
{
	const struct bytes *b = &((struct handle *)file)->f->now;
	size_t have = (size_t)at < b->len ? b->len - (size_t)at : 0;

	if (have > (size_t)n)
		have = (size_t)n;
	if (have)
		memcpy(out, b->data + at, have);
	memset((uint8_t *)out + have, 0, (size_t)n - have);
	return have < (size_t)n ? SQLITE_IOERR_SHORT_READ : SQLITE_OK;
}

static int
on_write(sqlite3_file *file, const void *data, int n, sqlite3_int64 at)
{
	struct handle *h = (struct handle *)file;
	struct sim_proc *p = sim()->current;

	sim_effect("a write");
	if (fails() || (p && p->disk_read_only))
		return SQLITE_IOERR_WRITE;
	if (p && p->disk_full && (size_t)at + (size_t)n > h->f->now.len)
		return SQLITE_FULL;
	if (p)
		p->writes++;
	sim()->counts.writes++;
	sim()->counts.bytes_written += (uint64_t)n;
	add_op(h->f, at, data, (size_t)n);
	return SQLITE_OK;
}

static int
on_truncate(sqlite3_file *file, sqlite3_int64 size)
{
	sim_effect("a truncation");
	add_op(((struct handle *)file)->f, -1, NULL, (size_t)size);
	return SQLITE_OK;
}

static int
on_sync(sqlite3_file *file, int flags)
{
	(void)flags;
	sim_effect("a sync");
	if (fails())
		return SQLITE_IOERR_FSYNC;
	sync_file(((struct handle *)file)->f);
	sim_effect("a sync is done");
	return SQLITE_OK;
}

static int
on_size(sqlite3_file *file, sqlite3_int64 *size)
{
	*size = (sqlite3_int64)((struct handle *)file)->f->now.len;
	return SQLITE_OK;
}

static int
on_lock(sqlite3_file *file, int lock)
{
	(void)file, (void)lock;
	return SQLITE_OK;
}

static int
on_reserved(sqlite3_file *file, int *out)
{
	(void)file;
	*out = 0;
	return SQLITE_OK;
}

static int
on_control(sqlite3_file *file, int op, void *arg)
{
	(void)file, (void)op, (void)arg;
	return SQLITE_NOTFOUND;
}

static int
on_sector(sqlite3_file *file)
{
	(void)file;
	return SECTOR;
}

static int
on_traits(sqlite3_file *file)
{
	(void)file;
	return 0;
}

static int
on_map(sqlite3_file *file, int n, int size, int extend, void volatile **out)
{
	struct handle *h = (struct handle *)file;

	*out = NULL;
	if (n >= REGIONS || size > REGION)
		return SQLITE_IOERR_SHMMAP;
	if (!h->region[n] && extend)
		h->region[n] = calloc(1, REGION);
	*out = h->region[n];
	return SQLITE_OK;
}

static int
on_map_lock(sqlite3_file *file, int offset, int n, int flags)
{
	(void)file, (void)offset, (void)n, (void)flags;
	return SQLITE_OK;
}

static void
on_barrier(sqlite3_file *file)
{
	(void)file;
}

static int
on_unmap(sqlite3_file *file, int delete)
{
	(void)file, (void)delete;
	return SQLITE_OK;
}

static const sqlite3_io_methods methods = {2, on_close, on_read, on_write, on_truncate, on_sync,
    on_size, on_lock, on_lock, on_reserved, on_control, on_sector, on_traits, on_map, on_map_lock,
    on_barrier, on_unmap, NULL, NULL};

/* --- the disk --------------------------------------------------------------------------------- */

static struct disk_file *
find(const char *name, bool make)
{
	struct sim_disk *d = sim()->disk;
	struct disk_file *empty = NULL;

	for (int i = 0; i < FILES; i++) {
		if (d->file[i].there && strcmp(d->file[i].name, name) == 0)
			return &d->file[i];
		if (!d->file[i].there && !empty)
			empty = &d->file[i];
	}
	if (!make || !empty)
		return NULL;
	*empty = (struct disk_file){.there = true};
	empty->end = &empty->ops;
	snprintf(empty->name, sizeof(empty->name), "%s", name);
	return empty;
}

static int
on_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out_flags)
{
	struct handle *h = (struct handle *)file;

	(void)vfs;
	*h = (struct handle){.own = !name};
	h->f = name ? find(name, true) : calloc(1, sizeof(*h->f));
	if (!h->f)
		return SQLITE_CANTOPEN;
	if (!name)
		h->f->end = &h->f->ops;
	h->base.pMethods = &methods;
	if (out_flags)
		*out_flags = flags;
	return SQLITE_OK;
}

static int
on_delete(sqlite3_vfs *vfs, const char *name, int sync)
{
	struct disk_file *f = find(name, false);

	(void)vfs, (void)sync;
	sim_effect("a deletion");
	if (!f)
		return SQLITE_IOERR_DELETE_NOENT;
	drop_ops(f);
	f->there = false;
	return SQLITE_OK;
}

static int
on_access(sqlite3_vfs *vfs, const char *name, int flags, int *out)
{
	const struct disk_file *f = find(name, false);

	(void)vfs, (void)flags;
	*out = f && f->now.len > 0;
	return SQLITE_OK;
}

static int
on_full_path(sqlite3_vfs *vfs, const char *name, int size, char *out)
{
	(void)vfs;
	snprintf(out, (size_t)size, "%s", name);
	return SQLITE_OK;
}

static int
on_random(sqlite3_vfs *vfs, int n, char *out)
{
	(void)vfs;
	for (int i = 0; i < n; i++)
		out[i] = (char)sim_below(256);
	return n;
}

static int
on_sleep(sqlite3_vfs *vfs, int us)
{
	(void)vfs;
	return us;
}

static int
on_time(sqlite3_vfs *vfs, double *out)
{
	(void)vfs;
	*out = 2440587.5 + (double)sim_wall() / 86400000.0;
	return SQLITE_OK;
}

static int
on_error(sqlite3_vfs *vfs, int n, char *out)
{
	(void)vfs, (void)n, (void)out;
	return 0;
}

void
sim_disk_new(void)
{
	struct sim_disk *d = calloc(1, sizeof(*d));

	sim()->disk = d;
	d->vfs = (sqlite3_vfs){.iVersion = 1,
	    .szOsFile = sizeof(struct handle),
	    .mxPathname = SIM_PATH + 63,
	    .zName = "sim",
	    .xOpen = on_open,
	    .xDelete = on_delete,
	    .xAccess = on_access,
	    .xFullPathname = on_full_path,
	    .xRandomness = on_random,
	    .xSleep = on_sleep,
	    .xCurrentTime = on_time,
	    .xGetLastError = on_error};
	if (sqlite3_vfs_register(&d->vfs, 1) != SQLITE_OK)
		abort();
}
