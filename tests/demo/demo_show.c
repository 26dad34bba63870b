/*
 * demo_show: see demo_show.h.
 */
#include "demo_show.h"

#include <stdio.h>
#include <string.h>

enum { BAR_MAX = 40, BAR_MIN = 10, FIXED = 82 };

void
demo_show_bytes(uint64_t bytes, char out[24])
{
	static const char *const units[] = {"kB", "MB", "GB", "TB"};
	double v = (double)bytes / 1000;
	size_t i = 0;

	if (bytes < 1000) {
		snprintf(out, 24, "%u B", (unsigned)bytes);
		return;
	}
	for (; v >= 999.95 && i < 3; i++)
		v /= 1000;
	snprintf(out, 24, "%.*f %s", i ? 2 : 1, v, units[i]);
}

static unsigned
share(const struct demo_device *d)
{
	if (demo_phase_is_end(d->phase))
		return d->phase == DEMO_DONE ? 100 : 0;
	if (!d->total)
		return 0;
	return d->done >= d->total ? 100 : (unsigned)(d->done * 100 / d->total);
}

static void
put_bar(char *out, unsigned width, unsigned percent)
{
	unsigned full = width * percent / 100;

	out[0] = '[';
	memset(out + 1, '.', width);
	memset(out + 1, '#', full);
	if (full && full < width)
		out[full] = '>';
	out[width + 1] = ']';
	out[width + 2] = 0;
}

static void
put_amount(const struct demo_device *d, char *out, size_t size)
{
	char bytes[24], rate[24];

	out[0] = 0;
	if (!d->total)
		return;
	demo_show_bytes(d->done, bytes);
	demo_show_bytes(d->rate, rate);
	if (d->rate)
		snprintf(out, size, "%s, %s/s", bytes, rate);
	else
		snprintf(out, size, "%s", bytes);
}

static double
seconds(const struct demo_device *d, struct mono now)
{
	if (d->phase == DEMO_IDLE)
		return 0;
	return (double)mono_between(d->begun, demo_phase_is_end(d->phase) ? d->since : now) / 1000;
}

void
demo_show_live(
    const struct demo_device *d, struct mono now, unsigned width, char out[DEMO_SHOW_LINE])
{
	char bar[BAR_MAX + 3], amount[64];
	unsigned room = width > FIXED + BAR_MIN ? width - FIXED : BAR_MIN;
	unsigned percent = share(d);

	put_bar(bar, room > BAR_MAX ? BAR_MAX : room, percent);
	put_amount(d, amount, sizeof(amount));
	int n = snprintf(out, DEMO_SHOW_LINE, "%-8.32s %.16s > %.16s  %-9s %s %3u%%  %-21s %6.1f s",
	    d->name, d->from, d->to, demo_phase_word(d->phase), bar,
	    percent, amount, seconds(d, now));
	if (n > 0 && (unsigned)n > width && width < DEMO_SHOW_LINE)
		out[width] = 0;
}

bool
demo_show_news(const struct demo_device *before, const struct demo_device *d, int64_t at_ms,
    char out[DEMO_SHOW_LINE])
{
	char amount[64];
	bool same = before->phase == d->phase;

	if (same && (demo_phase_is_end(d->phase) || share(before) / 10 == share(d) / 10))
		return false;
	put_amount(d, amount, sizeof(amount));
	int n = snprintf(out, DEMO_SHOW_LINE, "%6.1f s  %-8.32s %s", (double)at_ms / 1000, d->name,
	    demo_phase_word(d->phase));
	size_t used = n > 0 ? (size_t)n : 0;
	if (demo_phase_is_end(d->phase) && d->detail[0])
		snprintf(out + used, DEMO_SHOW_LINE - used, ": %.160s", d->detail);
	else if (d->total)
		snprintf(out + used, DEMO_SHOW_LINE - used, " %u%%, %s", share(d), amount);
	return true;
}
