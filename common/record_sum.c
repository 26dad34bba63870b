/*
 * record_sum: see record_sum.h. All but reading, writing and opening is passed on as it is. The
 * layer below is asked for each time, because the simulator puts its disk there.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "record_sum.h"

enum {
	UNDER_MAX = 1024,          /* bytes of a file of the layer below */
	ASK_WHETHER_ON = 0x737562, /* our own file controls */
	ASK_WHETHER_UNREADABLE,
	AT_PAGE_SIZE = 16,         /* in the file's header: two bytes, big endian */
	AT_RESERVED = 20,
	HEADER = 100,
};

struct sum_file {
	sqlite3_file base;
	bool main; /* the database itself, not one of its logs */
	bool unreadable; /* the layer below has failed to read it: no word about what is in it */
	int page; /* size of a page with a sum; 0: its header says that there is no room for them */
	_Alignas(sqlite3_int64) unsigned char under[UNDER_MAX]; /* SQLite aligns files to 8 */
};

static sqlite3_vfs *
below(void)
{
	return sqlite3_vfs_find(NULL);
}

static struct sum_file *
own(sqlite3_file *file)
{
	return (struct sum_file *)file;
}

static sqlite3_file *
under(sqlite3_file *file)
{
	return (sqlite3_file *)own(file)->under;
}

/* --- sums ------------------------------------------------------------------------------------- */

/* FNV-1a, 64 bits: each byte that changes alone changes it for certain. */
static uint64_t
sum_of(const uint8_t *page, int size, sqlite3_int64 at)
{
	uint64_t sum = UINT64_C(0xcbf29ce484222325) ^ (uint64_t)at;

	for (int i = 0; i < size - RECORD_SUM_BYTES; i++)
		sum = (sum ^ page[i]) * UINT64_C(0x100000001b3);
	return sum;
}

static void
look_at_header(struct sum_file *f, const uint8_t *data, int n, sqlite3_int64 at)
{
	if (!f->main || at != 0 || n < HEADER)
		return;
	int page = data[AT_PAGE_SIZE] << 8 | data[AT_PAGE_SIZE + 1];

	f->page = memcmp(data, "SQLite format 3", 16) == 0 && page <= RECORD_SUM_MAX &&
			  data[AT_RESERVED] == RECORD_SUM_BYTES
		      ? page
		      : 0;
}

static bool
is_page(const struct sum_file *f, int n, sqlite3_int64 at)
{
	return f->page && n == f->page && at % f->page == 0;
}

static int
on_read(sqlite3_file *file, void *out, int n, sqlite3_int64 at)
{
	int code = under(file)->pMethods->xRead(under(file), out, n, at);
	uint64_t sum = 0;

	if (code != SQLITE_OK) {
		own(file)->unreadable |= code != SQLITE_IOERR_SHORT_READ;
		return code;
	}
	look_at_header(own(file), out, n, at);
	if (!is_page(own(file), n, at))
		return SQLITE_OK;
	memcpy(&sum, (uint8_t *)out + n - RECORD_SUM_BYTES, sizeof(sum));
	return sum == sum_of(out, n, at) ? SQLITE_OK : SQLITE_IOERR_DATA;
}

static int
on_write(sqlite3_file *file, const void *data, int n, sqlite3_int64 at)
{
	uint8_t page[RECORD_SUM_MAX];

	look_at_header(own(file), data, n, at);
	if (!is_page(own(file), n, at))
		return under(file)->pMethods->xWrite(under(file), data, n, at);
	uint64_t sum = sum_of(data, n, at);

	memcpy(page, data, (size_t)n - RECORD_SUM_BYTES);
	memcpy(page + n - RECORD_SUM_BYTES, &sum, sizeof(sum));
	return under(file)->pMethods->xWrite(under(file), page, n, at);
}

static int
on_control(sqlite3_file *file, int what, void *arg)
{
	if (what == ASK_WHETHER_ON) {
		*(bool *)arg = own(file)->page != 0;
		return SQLITE_OK;
	}
	if (what == ASK_WHETHER_UNREADABLE) {
		*(bool *)arg = own(file)->unreadable;
		return SQLITE_OK;
	}
	return under(file)->pMethods->xFileControl(under(file), what, arg);
}

/* --- passed on -------------------------------------------------------------------------------- */

static int
on_close(sqlite3_file *file)
{
	return under(file)->pMethods->xClose(under(file));
}

static int
on_truncate(sqlite3_file *file, sqlite3_int64 size)
{
	return under(file)->pMethods->xTruncate(under(file), size);
}

static int
on_sync(sqlite3_file *file, int flags)
{
	return under(file)->pMethods->xSync(under(file), flags);
}

static int
on_size(sqlite3_file *file, sqlite3_int64 *size)
{
	return under(file)->pMethods->xFileSize(under(file), size);
}

static int
on_lock(sqlite3_file *file, int level)
{
	return under(file)->pMethods->xLock(under(file), level);
}

static int
on_unlock(sqlite3_file *file, int level)
{
	return under(file)->pMethods->xUnlock(under(file), level);
}

static int
on_reserved(sqlite3_file *file, int *out)
{
	return under(file)->pMethods->xCheckReservedLock(under(file), out);
}

static int
on_sector(sqlite3_file *file)
{
	return under(file)->pMethods->xSectorSize(under(file));
}

static int
on_character(sqlite3_file *file)
{
	return under(file)->pMethods->xDeviceCharacteristics(under(file));
}

static int
on_shm_map(sqlite3_file *file, int region, int size, int extend, void volatile **out)
{
	return under(file)->pMethods->xShmMap(under(file), region, size, extend, out);
}

static int
on_shm_lock(sqlite3_file *file, int offset, int n, int flags)
{
	return under(file)->pMethods->xShmLock(under(file), offset, n, flags);
}

static void
on_shm_barrier(sqlite3_file *file)
{
	under(file)->pMethods->xShmBarrier(under(file));
}

static int
on_shm_unmap(sqlite3_file *file, int drop)
{
	return under(file)->pMethods->xShmUnmap(under(file), drop);
}

/* Version 2: no memory mapping, which would go round the sums. */
static const sqlite3_io_methods methods = {.iVersion = 2,
    .xClose = on_close,
    .xRead = on_read,
    .xWrite = on_write,
    .xTruncate = on_truncate,
    .xSync = on_sync,
    .xFileSize = on_size,
    .xLock = on_lock,
    .xUnlock = on_unlock,
    .xCheckReservedLock = on_reserved,
    .xFileControl = on_control,
    .xSectorSize = on_sector,
    .xDeviceCharacteristics = on_character,
    .xShmMap = on_shm_map,
    .xShmLock = on_shm_lock,
    .xShmBarrier = on_shm_barrier,
    .xShmUnmap = on_shm_unmap};

static int
on_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out_flags)
{
	struct sum_file *f = own(file);

	(void)vfs;
	memset(f, 0, sizeof(*f));
	if (below()->szOsFile > UNDER_MAX)
		return SQLITE_CANTOPEN;
	int code = below()->xOpen(below(), name, under(file), flags, out_flags);

	if (code != SQLITE_OK) {
		if (under(file)->pMethods)
			under(file)->pMethods->xClose(under(file));
		return code;
	}
	f->main = (flags & SQLITE_OPEN_MAIN_DB) != 0;
	f->base.pMethods = &methods;
	return SQLITE_OK;
}

static int
on_delete(sqlite3_vfs *vfs, const char *name, int sync)
{
	(void)vfs;
	return below()->xDelete(below(), name, sync);
}

static int
on_access(sqlite3_vfs *vfs, const char *name, int flags, int *out)
{
	(void)vfs;
	return below()->xAccess(below(), name, flags, out);
}

static int
on_full_path(sqlite3_vfs *vfs, const char *name, int size, char *out)
{
	(void)vfs;
	return below()->xFullPathname(below(), name, size, out);
}

static int
on_random(sqlite3_vfs *vfs, int n, char *out)
{
	(void)vfs;
	return below()->xRandomness(below(), n, out);
}

static int
on_sleep(sqlite3_vfs *vfs, int us)
{
	(void)vfs;
	return below()->xSleep(below(), us);
}

static int
on_time(sqlite3_vfs *vfs, double *out)
{
	(void)vfs;
	return below()->xCurrentTime(below(), out);
}

static int
on_error(sqlite3_vfs *vfs, int n, char *out)
{
	(void)vfs;
	return below()->xGetLastError(below(), n, out);
}

bool
record_sum_register(void)
{
	if (sqlite3_vfs_find(RECORD_SUM_VFS))
		return true;
	if (sqlite3_initialize() != SQLITE_OK || !below())
		return false;
	sqlite3_vfs *vfs = calloc(1, sizeof(*vfs));

	if (!vfs)
		return false;
	*vfs = (sqlite3_vfs){.iVersion = 1,
	    .szOsFile = sizeof(struct sum_file),
	    .mxPathname = below()->mxPathname,
	    .zName = RECORD_SUM_VFS,
	    .xOpen = on_open,
	    .xDelete = on_delete,
	    .xAccess = on_access,
	    .xFullPathname = on_full_path,
	    .xRandomness = on_random,
	    .xSleep = on_sleep,
	    .xCurrentTime = on_time,
	    .xGetLastError = on_error};
	if (sqlite3_vfs_register(vfs, 0) == SQLITE_OK)
		return true; /* SQLite keeps it for ever */
	free(vfs);
	return false;
}

bool
record_sum_on(sqlite3 *db)
{
	bool on = false;

	return sqlite3_file_control(db, "main", ASK_WHETHER_ON, &on) == SQLITE_OK && on;
}

bool
record_sum_unreadable(sqlite3 *db)
{
	bool unreadable = false;

	return sqlite3_file_control(db, "main", ASK_WHETHER_UNREADABLE, &unreadable) == SQLITE_OK &&
	       unreadable;
}
