/*
 * wallclock: put before a daemon (LD_PRELOAD), it moves the wall clock that the process sees, by
 * what a test writes into a file while it runs (SUBOTA_WALLCLOCK, mapped before the daemon locks
 * itself in). The monotonic clock is left alone, as on a real machine whose clock is set.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

struct wallclock {
	volatile int64_t offset_ms;
	volatile int64_t unset; /* nobody has set the clock: STA_UNSYNC */
};

static const struct wallclock *shared; /* the one mutable object: where the test writes */

__attribute__((constructor)) static void
map(void)
{
	const char *path = getenv("SUBOTA_WALLCLOCK");
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	void *at = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof(*shared), PROT_READ, MAP_SHARED, fd, 0);

	if (fd >= 0)
		close(fd);
	if (at != MAP_FAILED)
		shared = at;
}

int
clock_gettime(clockid_t id, struct timespec *ts)
{
	int (*real)(clockid_t, struct timespec *) = NULL;

	*(void **)&real = dlsym(RTLD_NEXT, "clock_gettime");
	int code = real(id, ts);

	if (code != 0 || !shared || (id != CLOCK_REALTIME && id != CLOCK_REALTIME_COARSE))
		return code;
	int64_t ns = (int64_t)ts->tv_sec * 1000000000 + ts->tv_nsec + shared->offset_ms * 1000000;

	if (ns < 0)
		ns = 0;
	*ts = (struct timespec){.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
	return 0;
}

time_t
time(time_t *out)
{
	struct timespec ts = {0};

	clock_gettime(CLOCK_REALTIME, &ts);
	if (out)
		*out = ts.tv_sec;
	return ts.tv_sec;
}

int
gettimeofday(struct timeval *tv, void *zone)
{
	struct timespec ts = {0};

	(void)zone;
	clock_gettime(CLOCK_REALTIME, &ts);
	*tv = (struct timeval){.tv_sec = ts.tv_sec, .tv_usec = ts.tv_nsec / 1000};
	return 0;
}

int
adjtimex(struct timex *t)
{
	int code = (int)syscall(SYS_adjtimex, t);

	if (shared && code >= 0)
		t->status = shared->unset ? t->status | STA_UNSYNC : t->status & ~STA_UNSYNC;
	return code;
}
