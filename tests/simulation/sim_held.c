/*
 * sim_held: see sim_held.h. A table by address (linear probing; holes are closed at once) beside
 * the allocator, so that neither sizes nor alignments change.
 */
#include "sim_held.h"
#include "sim_dirs.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { SLOTS = 1 << 17, FD_MAX = 4096, NOBODY = 0 };

struct block {
	void *p;
	size_t size;
	unsigned owner; /* enum sim_who + 1 */
};

struct held {
	struct block *slots; /* NULL: memory is not counted */
	size_t used;
	uint64_t bytes[SIM_PROCS + 1];
	uint8_t fd_owner[FD_MAX];
};

void *__wrap_malloc(size_t n);
void *__real_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__real_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
void *__real_realloc(void *p, size_t n);
void __wrap_free(void *p);
void __real_free(void *p);
char *__wrap_strdup(const char *text);
char *__real_strdup(const char *text);
int __wrap_open(const char *path, int flags, ...);
int __real_open(const char *path, int flags, ...);
int __wrap_openat(int dir, const char *path, int flags, ...);
int __real_openat(int dir, const char *path, int flags, ...);
int __wrap_dup(int fd);
int __real_dup(int fd);
long __wrap_syscall(long number, ...);
long __real_syscall(long number, ...);

static struct held *
held(void)
{
	static struct held all;

	return &all;
}

static unsigned
who_runs(void)
{
	return sim()->current ? (unsigned)sim()->current->who + 1 : NOBODY;
}

/* --- memory ----------------------------------------------------------------------------------- */

static size_t
home_of(const void *p)
{
	return (size_t)(((uintptr_t)p >> 4) * 0x9e3779b97f4a7c15u >> 20) % SLOTS;
}

static void
take_out(struct held *h, size_t hole)
{
	h->bytes[h->slots[hole].owner] -= h->slots[hole].size;
	h->used--;
	for (size_t i = (hole + 1) % SLOTS; h->slots[i].p; i = (i + 1) % SLOTS) {
		size_t home = home_of(h->slots[i].p);

		if ((i - home) % SLOTS < (i - hole) % SLOTS)
			continue; /* its way does not lead over the hole */
		h->slots[hole] = h->slots[i];
		hole = i;
	}
	h->slots[hole].p = NULL;
}

static void
forget(const void *p)
{
	struct held *h = held();

	if (!h->slots || !p)
		return;
	for (size_t i = home_of(p); h->slots[i].p; i = (i + 1) % SLOTS)
		if (h->slots[i].p == p) {
			take_out(h, i);
			return;
		}
}

static void
note(void *p, size_t size)
{
	struct held *h = held();
	unsigned owner = who_runs();

	forget(p); /* a library may have freed what was here */
	if (!h->slots || !p || !owner)
		return;
	if (++h->used > SLOTS / 2)
		abort();
	size_t i = home_of(p);
	while (h->slots[i].p)
		i = (i + 1) % SLOTS;
	h->slots[i] = (struct block){p, size, owner};
	h->bytes[owner] += size;
}

void *
__wrap_malloc(size_t n)
{
	void *p = __real_malloc(n);

	note(p, n);
	return p;
}

void *
__wrap_calloc(size_t n, size_t size)
{
	void *p = __real_calloc(n, size);

	note(p, n * size);
	return p;
}

void *
__wrap_realloc(void *p, size_t n)
{
	forget(p);
	void *fresh = __real_realloc(p, n);

	note(fresh, n);
	return fresh;
}

void
__wrap_free(void *p)
{
	forget(p);
	__real_free(p);
}

char *
__wrap_strdup(const char *text)
{
	char *p = __real_strdup(text);

	note(p, p ? strlen(p) + 1 : 0);
	return p;
}

void
sim_held_begin(void)
{
	held()->slots = __real_calloc(SLOTS, sizeof(struct block));
	if (!held()->slots)
		abort();
}

uint64_t
sim_held_bytes(enum sim_who who)
{
	return held()->bytes[who + 1];
}

/* --- descriptors ------------------------------------------------------------------------------ */

static int
own(int fd)
{
	if (fd >= 0 && fd < FD_MAX)
		held()->fd_owner[fd] = (uint8_t)who_runs();
	return fd;
}

int
__wrap_open(const char *path, int flags, ...)
{
	va_list ap;

	va_start(ap, flags);
	mode_t mode = flags & O_CREAT ? va_arg(ap, mode_t) : 0;
	va_end(ap);
	return own(__real_open(path, flags, mode));
}

int
__wrap_openat(int dir, const char *path, int flags, ...)
{
	va_list ap;

	va_start(ap, flags);
	mode_t mode = flags & O_CREAT ? va_arg(ap, mode_t) : 0;
	va_end(ap);
	return own(__real_openat(dir, path, flags, mode));
}

int
__wrap_dup(int fd)
{
	return own(__real_dup(fd));
}

/* Of openat2 only, which has no function of its own. */
long
__wrap_syscall(long number, ...)
{
	long a[6];
	va_list ap;

	va_start(ap, number);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(ap, long);
	va_end(ap);
	const struct open_how *how = (const struct open_how *)a[2];
	bool opens = number == SYS_openat2, makes = opens && how->flags & O_CREAT;
	bool fresh = makes && faccessat((int)a[0], (const char *)a[1], F_OK, 0) != 0;
	long result = __real_syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);

	if (fresh && result >= 0)
		sim_dirs_made((int)a[0], (const char *)a[1]);
	return opens ? own((int)result) : result;
}

void
sim_held_give(int fd)
{
	if (fd >= 0 && fd < FD_MAX)
		held()->fd_owner[fd] = NOBODY;
}

static bool
is_open(int fd, enum sim_who who)
{
	return held()->fd_owner[fd] == who + 1 && fcntl(fd, F_GETFD) >= 0;
}

unsigned
sim_held_descriptors(enum sim_who who)
{
	unsigned n = 0;

	for (int fd = 0; fd < FD_MAX; fd++)
		n += is_open(fd, who);
	return n;
}

void
sim_held_died(enum sim_who who)
{
	struct held *h = held();

	for (int fd = 0; fd < FD_MAX; fd++) {
		if (is_open(fd, who))
			close(fd);
		if (h->fd_owner[fd] == who + 1)
			h->fd_owner[fd] = NOBODY;
	}
	for (size_t i = 0; h->slots && i < SLOTS; i++)
		while (h->slots[i].p && h->slots[i].owner == who + 1)
			take_out(h, i);
}
