/*
 * clock: the only place that asks for the time. Pure code gets `now` as an argument, so that tests
 * and the simulator own the clock.
 */
#ifndef SUBOTA_CLOCK_H
#define SUBOTA_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

/* A point on the monotonic clock, in ms since an unknown start; never compared across a reboot. */
struct mono {
	int64_t ms;
};

#define MONO_NEVER ((struct mono){INT64_MAX})

struct mono clock_now(void);

/* Wall clock, ms since 1970; for people and for signed time limits only. */
uint64_t clock_wall_ms(void);

/* `2026-11-24T09:10:11.123Z`; what lies after the year 9999 is shown as its last second. */
enum { CLOCK_TEXT = 25 };
#define CLOCK_MAX_MS UINT64_C(253402300799999)
void clock_text(uint64_t wall_ms, char out[CLOCK_TEXT]);

/* This start of the kernel, a UUID; another text each time where the kernel does not tell, so that
 * it is never taken for the same start. */
enum { CLOCK_BOOT_ID = 40 };
void clock_boot_id(char out[CLOCK_BOOT_ID]);

/* Whether the kernel says that the wall clock is synchronised (adjtimex STA_UNSYNC is clear), or
 * systemd-timesyncd does where the kernel may not be asked (ProtectClock= of a unit). */
bool clock_is_synchronised(void);

/* `t` plus `ms`; MONO_NEVER stays MONO_NEVER, an overflow gives MONO_NEVER. */
struct mono mono_after(struct mono t, int64_t ms);

/* ms from `from` to `to`; negative when `to` lies before `from`. */
int64_t mono_between(struct mono from, struct mono to);

static inline bool
mono_reached(struct mono now, struct mono due)
{
	return now.ms >= due.ms;
}

#endif
