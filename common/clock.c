/*
 * clock: see clock.h.
 */
#include <stdio.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"

static int64_t
read_ms(clockid_t id)
{
	struct timespec ts = {0};

	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

struct mono
clock_now(void)
{
	return (struct mono){read_ms(CLOCK_MONOTONIC)};
}

uint64_t
clock_wall_ms(void)
{
	int64_t ms = read_ms(CLOCK_REALTIME);

	return ms > 0 ? (uint64_t)ms : 0;
}

void
clock_text(uint64_t wall_ms, char out[CLOCK_TEXT])
{
	time_t s = (time_t)(wall_ms / 1000);
	struct tm tm = {0};
	char day[CLOCK_TEXT] = "";

	if (wall_ms > CLOCK_MAX_MS || !gmtime_r(&s, &tm))
		gmtime_r(&(time_t){CLOCK_MAX_MS / 1000}, &tm);
	strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(out, CLOCK_TEXT, "%.19s.%03uZ", day, (unsigned)(wall_ms % 1000));
}

void
clock_boot_id(char out[CLOCK_BOOT_ID])
{
	FILE *f = fopen("/proc/sys/kernel/random/boot_id", "re");

	if (!f || !fgets(out, 37, f))
		snprintf(out, CLOCK_BOOT_ID, "unknown-%llu", (unsigned long long)clock_wall_ms());
	if (f)
		fclose(f);
}

bool
clock_is_synchronised(void)
{
	struct timex t = {0};

	if (adjtimex(&t) >= 0)
		return !(t.status & STA_UNSYNC);
	/* a service without access to clocks may not even ask */
	return access("/run/systemd/timesync/synchronized", F_OK) == 0;
}

struct mono
mono_after(struct mono t, int64_t ms)
{
	if (t.ms == INT64_MAX || (ms > 0 && t.ms > INT64_MAX - ms))
		return MONO_NEVER;
	return (struct mono){t.ms + ms};
}

int64_t
mono_between(struct mono from, struct mono to)
{
	return to.ms - from.ms;
}
