/*
 * sickdisk: see sickdisk.h. FUSE's protocol is spoken by hand, as a directory with one file needs
 * little of it (linux/fuse.h).
 */
#include "sickdisk.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "auto.h"

#define NAME "disk.img"

enum {
	MOST = 1 << 20, /* bytes of one request's data */
	ROOM = MOST + 4096,
	ROOT = 1, /* numbers of the directory and of the file */
	FILE_NODE = 2,
	STAYS_S = 3600, /* what is told of them may be kept for so long */
};

/* What the test sets, and the server counts. */
struct shared {
	atomic_uint faults, failed;
};

struct sickdisk {
	struct shared *shared;
	pid_t server;
	char dir[400];
};

struct server {
	int fuse, image;
	struct shared *shared;
	union {
		struct fuse_in_header head;
		char bytes[ROOM];
	} in;
	union {
		struct fuse_out_header head;
		char bytes[ROOM];
	} out;
};

/* --- the server ------------------------------------------------------------------------------- */

/* Where an answer's data go, and what is behind a request's head. */
static void *
answer(struct server *s)
{
	return s->out.bytes + sizeof(s->out.head);
}

static const void *
question(const struct server *s)
{
	return s->in.bytes + sizeof(s->in.head);
}

static void
reply(struct server *s, int error, size_t len)
{
	s->out.head = (struct fuse_out_header){
	    .len = (uint32_t)(sizeof(s->out.head) + (error ? 0 : len)),
	    .error = -error,
	    .unique = s->in.head.unique};
	(void)!write(s->fuse, s->out.bytes, s->out.head.len);
}

static bool
fails(struct server *s, unsigned fault)
{
	if (!(atomic_load(&s->shared->faults) & fault))
		return false;
	atomic_fetch_add(&s->shared->failed, 1);
	reply(s, EIO, 0);
	return true;
}

static struct fuse_attr
attributes(const struct server *s, uint64_t node)
{
	struct stat st = {0};
	struct fuse_attr a = {.ino = node, .mode = S_IFDIR | 0755, .nlink = 2, .blksize = 4096};

	if (node == ROOT || fstat(s->image, &st) != 0)
		return a;
	a.mode = S_IFREG | 0600;
	a.nlink = 1;
	a.size = (uint64_t)st.st_size;
	a.blocks = a.size / 512;
	return a;
}

static void
on_init(struct server *s)
{
	const struct fuse_init_in *in = question(s);
	struct fuse_init_out out = {.major = FUSE_KERNEL_VERSION,
	    .minor = in->minor < FUSE_KERNEL_MINOR_VERSION ? in->minor : FUSE_KERNEL_MINOR_VERSION,
	    .max_write = MOST,
	    .max_background = 16,
	    .flags = FUSE_BIG_WRITES | FUSE_MAX_PAGES,
	    .max_pages = MOST / 4096};

	memcpy(answer(s), &out, sizeof(out));
	reply(s, 0, sizeof(out));
}

static void
on_lookup(struct server *s)
{
	struct fuse_entry_out out = {.nodeid = FILE_NODE,
	    .entry_valid = STAYS_S,
	    .attr_valid = STAYS_S,
	    .attr = attributes(s, FILE_NODE)};

	memcpy(answer(s), &out, sizeof(out));
	reply(s, strcmp(question(s), NAME) == 0 ? 0 : ENOENT, sizeof(out));
}

static void
on_attributes(struct server *s)
{
	struct fuse_attr_out out = {
	    .attr_valid = STAYS_S, .attr = attributes(s, s->in.head.nodeid)};

	memcpy(answer(s), &out, sizeof(out));
	reply(s, 0, sizeof(out));
}

/* Its bytes are not cached: each read and write of the disk's comes here. */
static void
on_open(struct server *s)
{
	struct fuse_open_out out = {
	    .open_flags = s->in.head.opcode == FUSE_OPEN ? FOPEN_DIRECT_IO : 0};

	memcpy(answer(s), &out, sizeof(out));
	reply(s, 0, sizeof(out));
}

static void
on_read(struct server *s)
{
	const struct fuse_read_in *in = question(s);

	if (fails(s, SICKDISK_READ))
		return;
	size_t size = in->size < MOST ? in->size : MOST;
	ssize_t n = pread(s->image, answer(s), size, (off_t)in->offset);

	reply(s, n < 0 ? EIO : 0, n < 0 ? 0 : (size_t)n);
}

static void
on_write(struct server *s)
{
	const struct fuse_write_in *in = question(s);

	if (fails(s, SICKDISK_WRITE))
		return;
	ssize_t n = pwrite(s->image, in + 1, in->size, (off_t)in->offset);
	struct fuse_write_out out = {.size = n < 0 ? 0 : (uint32_t)n};

	memcpy(answer(s), &out, sizeof(out));
	reply(s, n < 0 ? EIO : 0, sizeof(out));
}

static void
on_space(struct server *s)
{
	struct fuse_statfs_out out = {.st = {.bsize = 4096}};

	memcpy(answer(s), &out, sizeof(out));
	reply(s, 0, sizeof(out));
}

/* False: the file system is gone. */
static bool
serve_one(struct server *s)
{
	switch (s->in.head.opcode) {
	case FUSE_INIT:
		on_init(s);
		break;
	case FUSE_LOOKUP:
		on_lookup(s);
		break;
	case FUSE_GETATTR:
	case FUSE_SETATTR:
		on_attributes(s);
		break;
	case FUSE_OPEN:
	case FUSE_OPENDIR:
		on_open(s);
		break;
	case FUSE_READ:
		on_read(s);
		break;
	case FUSE_WRITE:
		on_write(s);
		break;
	case FUSE_FSYNC:
		if (!fails(s, SICKDISK_FLUSH))
			reply(s, 0, 0);
		break;
	case FUSE_STATFS:
		on_space(s);
		break;
	case FUSE_FLUSH:
	case FUSE_RELEASE:
	case FUSE_RELEASEDIR:
	case FUSE_ACCESS:
		reply(s, 0, 0);
		break;
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
	case FUSE_INTERRUPT:
		break; /* nobody waits for an answer */
	case FUSE_DESTROY:
		return false;
	default:
		reply(s, ENOSYS, 0);
	}
	return true;
}

static void
serve(struct server *s)
{
	for (bool goes_on = true; goes_on;) {
		ssize_t n = read(s->fuse, s->in.bytes, sizeof(s->in.bytes));

		if (n >= (ssize_t)sizeof(s->in.head))
			goes_on = serve_one(s);
		else
			goes_on = n < 0 && (errno == EINTR || errno == ENOENT || errno == EAGAIN);
	}
}

/* --- the test's side -------------------------------------------------------------------------- */

static pid_t
start(struct server *s)
{
	pid_t parent = getpid(), pid = fork();

	if (pid != 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() == parent)
		serve(s);
	_exit(0);
}

static bool
mount_it(const char *dir, int fuse)
{
	char options[100];

	snprintf(options, sizeof(options), "fd=%d,rootmode=40755,user_id=0,group_id=0", fuse);
	return mount("sickdisk", dir, "fuse", MS_NODEV | MS_NOSUID, options) == 0;
}

struct sickdisk *
sickdisk_open(const char *dir, const char *image)
{
	AUTO(mem) struct server *v = calloc(1, sizeof(*v));
	AUTO(mem) struct sickdisk *s = calloc(1, sizeof(*s));
	AUTO(fd) int fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	AUTO(fd) int file = open(image, O_RDWR | O_CLOEXEC);
	struct shared *shared = mmap(
	    NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (!v || !s || fuse < 0 || file < 0 || shared == MAP_FAILED || !mount_it(dir, fuse))
		return NULL;
	v->fuse = fuse;
	v->image = file;
	v->shared = s->shared = shared;
	snprintf(s->dir, sizeof(s->dir), "%s", dir);
	s->server = start(v);
	return s->server > 0 ? HAND_OVER(s) : NULL;
}

void
sickdisk_fail(struct sickdisk *s, unsigned faults)
{
	atomic_store(&s->shared->failed, 0);
	atomic_store(&s->shared->faults, faults);
}

unsigned
sickdisk_failed(const struct sickdisk *s)
{
	return atomic_load(&s->shared->failed);
}

void
sickdisk_close(struct sickdisk *s)
{
	if (!s)
		return;
	kill(s->server, SIGKILL);
	waitpid(s->server, NULL, 0);
	umount2(s->dir, MNT_DETACH);
	munmap(s->shared, sizeof(*s->shared));
	free(s);
}
