/*
 * sim_system: what the cores ask of the system, wrapped at link time: clocks, the boot's name, room
 * on the disk, fsync, renames and locks of the image store's files.
 *
 * The store lies in real files; what of them was synced is remembered by inode. A power cut gives a
 * file that was not synced a length between what was safe and what was written, and spoils a part
 * of the rest.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "event.h"
#include "sim.h"
#include "sim_check.h"
#include "sim_courier.h"
#include "sim_dirs.h"
#include "sim_fault.h"
#include "sim_house.h"
#include "sim_install.h"
#include "sim_watch.h"

enum { FILES_MAX = 4096 };

struct mono __wrap_clock_now(void);
uint64_t __wrap_clock_wall_ms(void);
bool __wrap_clock_is_synchronised(void);
FILE *__wrap_fopen(const char *path, const char *mode);
FILE *__real_fopen(const char *path, const char *mode);
void __wrap_event_write(struct event_log *l, const struct event *e);
void __real_event_write(struct event_log *l, const struct event *e);
int __wrap_fsync(int fd);
int __wrap_fdatasync(int fd);
int __wrap_flock(int fd, int operation);
int __wrap_fstatvfs(int fd, struct statvfs *v);
int __wrap_renameat(int from_dir, const char *from, int to_dir, const char *to);
int __real_renameat(int from_dir, const char *from, int to_dir, const char *to);
int __wrap_mkdirat(int dir, const char *name, mode_t mode);
int __real_mkdirat(int dir, const char *name, mode_t mode);
int __wrap_unlinkat(int dir, const char *name, int flags);

struct mono
__wrap_clock_now(void)
{
	return sim_mono();
}

uint64_t
__wrap_clock_wall_ms(void)
{
	return sim_wall();
}

bool
__wrap_clock_is_synchronised(void)
{
	return sim()->wall_skew_ms == 0;
}

FILE *
__wrap_fopen(const char *path, const char *mode)
{
	static char name[64];

	if (strcmp(path, "/proc/sys/kernel/random/boot_id") != 0)
		return __real_fopen(path, mode);
	snprintf(name, sizeof(name), "%08x-0000-4000-8000-000000000000\n", sim()->boots);
	return fmemopen(name, strlen(name), "r");
}

/* What people are told has a name that they can ask for. */
void
__wrap_event_write(struct event_log *l, const struct event *e)
{
	if (!event_is_known(e->name))
		sim_violate(3, "people are told %s, which event.c does not list", e->name);
	sim_check_told(e);
	__real_event_write(l, e);
}

/* --- files ------------------------------------------------------------------------------------ */

struct synced {
	ino_t inode;
	off_t length;
};

struct files {
	size_t n;
	struct synced list[FILES_MAX];
};

static struct files *
files(void)
{
	static struct files all;

	return &all;
}

static bool
fails(struct sim_proc *p, int number)
{
	if (!p || !(p->disk_broken || (p->io_errors && p->io_errors--)))
		return false;
	sim_watch_fault(SIM_FAULT_DISK_ERROR);
	errno = number;
	return true;
}

/* The store's file system, too, in hostile worlds; elsewhere only the databases'. */
static bool
is_read_only(void)
{
	const struct sim_proc *p = sim()->current;

	if (!sim()->hostile || !p || !p->disk_read_only)
		return false;
	errno = EROFS;
	return true;
}

int
__wrap_mkdirat(int dir, const char *name, mode_t mode)
{
	if (is_read_only())
		return -1;
	int result = __real_mkdirat(dir, name, mode);

	if (result == 0)
		sim_dirs_made(dir, name);
	return result;
}

int
__wrap_fsync(int fd)
{
	struct files *f = files();
	struct stat st;
	size_t i = 0;

	sim_effect("fsync");
	if (fails(sim()->current, EIO))
		return -1;
	if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode))
		sim_dirs_synced(fd);
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		return 0;
	while (i < f->n && f->list[i].inode != st.st_ino)
		i++;
	if (i == f->n)
		i = f->n < FILES_MAX ? f->n++ : 0;
	f->list[i] = (struct synced){st.st_ino, st.st_size};
	sim_effect("fsync is done");
	return 0;
}

int
__wrap_fdatasync(int fd)
{
	return __wrap_fsync(fd);
}

int
__wrap_flock(int fd, int operation)
{
	struct stat st;

	(void)operation;
	if (fstat(fd, &st) == 0 && sim_courier_writes(st.st_ino)) {
		errno = EWOULDBLOCK;
		return -1;
	}
	return 0;
}

int
__wrap_fstatvfs(int fd, struct statvfs *v)
{
	struct sim_proc *p = sim()->current;

	(void)fd;
	*v = (struct statvfs){.f_frsize = 4096};
	v->f_bavail = p && p->disk_full ? 0 : 1 << 20;
	return 0;
}

int
__wrap_renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	int result = 0;

	if (!sim()->current)
		return __real_renameat(from_dir, from, to_dir, to);
	sim_effect("rename");
	if (fails(sim()->current, EIO) || is_read_only())
		return -1;
	if (strstr(to, ".gone"))
		sim_watch_remove(from);
	result = sim_dirs_rename(from_dir, from, to_dir, to);
	sim_effect("rename is done");
	return result;
}

int
__wrap_unlinkat(int dir, const char *name, int flags)
{
	sim_effect("unlink");
	if (is_read_only())
		return -1;
	return sim_dirs_unlink(dir, name, flags);
}

/* --- the power goes --------------------------------------------------------------------------- */

static off_t
safe_length(ino_t inode)
{
	for (size_t i = 0; i < files()->n; i++)
		if (files()->list[i].inode == inode)
			return files()->list[i].length;
	return 0;
}

static void
tear(const char *path)
{
	struct stat st;
	uint8_t junk[512];

	if (stat(path, &st) != 0 || !S_ISREG(st.st_mode))
		return;
	off_t safe = safe_length(st.st_ino);
	if (safe >= st.st_size)
		return;
	off_t length = sim_between(safe, st.st_size);
	int fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0 && chmod(path, 0600) == 0)
		fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0 || ftruncate(fd, length) != 0)
		abort();
	if (length > safe && sim_chance(70)) {
		off_t at = sim_between(safe, length - 1);
		size_t n = (size_t)(length - at) < sizeof(junk) ? (size_t)(length - at)
								: sizeof(junk);

		memset(junk, (int)sim_below(256), sizeof(junk));
		if (pwrite(fd, junk, n, at) < 0)
			abort();
	}
	close(fd);
	if (chmod(path, st.st_mode & 07777) != 0)
		abort();
}

static void
tear_all(const char *dir, int depth)
{
	DIR *d = opendir(dir);
	char path[600];

	for (struct dirent *e; d && (e = readdir(d));) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		tear(path);
		if (depth < 2)
			tear_all(path, depth + 1);
	}
	if (d)
		closedir(d);
}

void
sim_system_lose_store(void)
{
	DIR *d = opendir(sim_house_store());
	char path[600];

	for (struct dirent *e; d && (e = readdir(d));) {
		snprintf(path, sizeof(path), "%s/%s/bundle", sim_house_store(), e->d_name);
		unlink(path);
	}
	if (d)
		closedir(d);
}

void
sim_system_spoil_store(unsigned a)
{
	DIR *d = opendir(sim_house_store());
	char path[600];
	uint8_t byte = 0;

	for (struct dirent *e; d && (e = readdir(d));) {
		struct stat st;

		snprintf(path, sizeof(path), "%s/%s/bundle", sim_house_store(), e->d_name);
		if (stat(path, &st) != 0 || st.st_size == 0)
			continue;
		chmod(path, 0600);
		int fd = open(path, O_RDWR | O_CLOEXEC);
		off_t at = (off_t)(a % (unsigned)(a % 2 ? st.st_size : st.st_size / 3));
		if (fd < 0 || pread(fd, &byte, 1, at) != 1)
			abort();
		byte ^= 1;
		if (pwrite(fd, &byte, 1, at) != 1)
			abort();
		close(fd);
		chmod(path, 0440);
	}
	if (d)
		closedir(d);
}

void
sim_system_power_cut(void)
{
	sim_dirs_power_cut();
	tear_all(sim_house_store(), 0);
	if (sim()->local)
		tear_all(sim_install_dir(), 2);
}
