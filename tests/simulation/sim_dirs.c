/*
 * sim_dirs: see sim_dirs.h. What was removed or replaced lives on under another name beside the
 * store until nothing can bring it back.
 */
#include "sim_dirs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sim.h"
#include "sim_fault.h"
#include "sim_house.h"

enum { OPS_MAX = 256, NAME = 600 };

int __real_renameat(int from_dir, const char *from, int to_dir, const char *to);
int __real_unlinkat(int dir, const char *name, int flags);

enum op_kind { MADE, MADE_DIR, RENAMED, REMOVED, REMOVED_DIR };

struct op {
	enum op_kind kind;
	char from[NAME], to[NAME]; /* `to`: the name that came to be, or went */
	bool replaced;             /* RENAMED: something had the name before */
	unsigned grave;            /* where what went lies; 0 = nowhere */
};

struct dirs {
	struct op ops[OPS_MAX];
	unsigned n, graves;
	struct sim_stream stream;
};

static struct dirs *
dirs(void)
{
	static struct dirs all;

	return &all;
}

static void
path_of(int dir, const char *name, char out[NAME])
{
	char link[40], base[NAME / 2] = "";

	snprintf(link, sizeof(link), "/proc/self/fd/%d", dir);
	if (readlink(link, base, sizeof(base) - 1) < 0)
		abort();
	snprintf(out, NAME, "%s/%s", base, name);
}

static void
grave_of(unsigned number, char out[NAME])
{
	snprintf(out, NAME, "%s/grave-%u", sim()->dir, number);
}

/* Keep what has this name, if it is a file. */
static unsigned
bury(const char *path)
{
	struct dirs *d = dirs();
	char grave[NAME];
	struct stat st;

	if (lstat(path, &st) != 0 || !S_ISREG(st.st_mode))
		return 0;
	grave_of(++d->graves, grave);
	if (link(path, grave) != 0)
		abort();
	return d->graves;
}

/* The first `n` can no longer be undone. */
static void
settle(struct dirs *d, unsigned n)
{
	char grave[NAME];

	for (unsigned i = 0; i < n; i++)
		if (d->ops[i].grave) {
			grave_of(d->ops[i].grave, grave);
			unlink(grave);
		}
	d->n -= n;
	memmove(d->ops, d->ops + n, d->n * sizeof(d->ops[0]));
}

static struct op *
note(enum op_kind kind, const char *from, const char *to)
{
	struct dirs *d = dirs();

	if (d->n == OPS_MAX)
		settle(d, 1);
	struct op *op = &d->ops[d->n++];
	*op = (struct op){.kind = kind};
	snprintf(op->from, sizeof(op->from), "%s", from);
	snprintf(op->to, sizeof(op->to), "%s", to);
	return op;
}

static bool
is_watched(const char *path)
{
	const char *store = sim_house_store();

	return sim()->hostile && sim()->current && strncmp(path, store, strlen(store)) == 0;
}

void
sim_dirs_made(int dir, const char *name)
{
	char path[NAME];
	struct stat st;

	path_of(dir, name, path);
	if (is_watched(path) && lstat(path, &st) == 0)
		note(S_ISDIR(st.st_mode) ? MADE_DIR : MADE, "", path);
}

int
sim_dirs_rename(int from_dir, const char *from, int to_dir, const char *to)
{
	char old[NAME], new[NAME];
	struct stat st;

	path_of(from_dir, from, old);
	path_of(to_dir, to, new);
	if (!is_watched(new))
		return __real_renameat(from_dir, from, to_dir, to);
	bool replaced = lstat(new, &st) == 0;
	unsigned grave = bury(new);
	int result = __real_renameat(from_dir, from, to_dir, to), number = errno;
	struct op *op = note(RENAMED, old, new);

	op->replaced = replaced;
	op->grave = grave;
	if (result != 0)
		dirs()->n--;
	errno = number;
	return result;
}

int
sim_dirs_unlink(int dir, const char *name, int flags)
{
	char path[NAME];

	path_of(dir, name, path);
	if (!is_watched(path))
		return __real_unlinkat(dir, name, flags);
	unsigned grave = bury(path);
	int result = __real_unlinkat(dir, name, flags), number = errno;
	struct op *op = note(flags & AT_REMOVEDIR ? REMOVED_DIR : REMOVED, "", path);

	op->grave = grave;
	if (result != 0)
		dirs()->n--;
	errno = number;
	return result;
}

void
sim_dirs_synced(int dir)
{
	struct dirs *d = dirs();
	char path[NAME];

	path_of(dir, "", path);
	size_t len = strlen(path);
	unsigned n = d->n;
	while (n > 0) {
		const char *to = d->ops[n - 1].to;

		if (strncmp(to, path, len) == 0 && !strchr(to + len, '/'))
			break;
		n--;
	}
	settle(d, n);
}

void
sim_dirs_all_synced(void)
{
	settle(dirs(), dirs()->n);
}

static void
undo(const struct op *op)
{
	char grave[NAME];

	sim_say(NULL, "the name %s is lost", strrchr(op->to, '/') + 1);
	if (op->kind == RENAMED && rename(op->to, op->from) != 0)
		abort();
	if (op->kind == RENAMED && op->replaced && !op->grave)
		mkdir(op->to, 0750);
	if (op->kind == MADE)
		unlink(op->to);
	if (op->kind == MADE_DIR && rmdir(op->to) != 0)
		abort();
	if (op->kind == REMOVED_DIR)
		mkdir(op->to, 0750);
	if (!op->grave)
		return;
	grave_of(op->grave, grave);
	if (rename(grave, op->to) != 0)
		abort();
}

void
sim_dirs_power_cut(void)
{
	struct dirs *d = dirs();

	if (!d->stream.state)
		d->stream = sim_stream("lost names");
	uint64_t lost = d->n ? sim_stream_below(&d->stream, d->n + 1) : 0;
	for (; lost > 0; lost--) {
		sim()->counts.faults[SIM_FAULT_NAME_LOST]++;
		undo(&d->ops[--d->n]);
	}
	settle(d, d->n);
}
