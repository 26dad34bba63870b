/*
 * policy_table: see policy_table.h.
 */
#include <string.h>

#include "policy_table.h"
#include "window.h"

/* How closely a policy names the device; -1 = it means another. */
static int
closeness(const struct flash_settings_policy *p, const struct flash_settings_device *d)
{
	const struct {
		const char *wanted, *is;
	} names[] = {{p->product, d->product_key}, {p->group, d->group}, {p->device, d->name}};
	int close = 0;

	for (int i = 0; i < 3; i++) {
		if (!names[i].wanted[0])
			continue;
		if (strcmp(names[i].wanted, names[i].is) != 0)
			return -1;
		close |= 1 << i;
	}
	return close;
}

const struct flash_settings_policy *
policy_table_find(const struct flash_settings *s, const struct flash_settings_device *d)
{
	const struct flash_settings_policy *best = NULL;
	int most = -1;

	for (size_t i = 0; i < s->n_policies; i++) {
		int close = closeness(&s->policies[i], d);

		if (close <= most)
			continue;
		most = close;
		best = &s->policies[i];
	}
	return best;
}

void
policy_table_apply(const struct flash_settings *s, const struct flash_settings_device *d,
    const struct tm *local, struct policy_device *out)
{
	const struct flash_settings_policy *p = policy_table_find(s, d);
	struct window w;
	char why[WHY_SIZE];

	out->mode = (enum policy_mode)d->policy;
	out->component = d->component;
	out->min_battery = (uint32_t)d->min_battery;
	out->space = d->space;
	if (!p)
		return;
	out->rule = p->name;
	if ((int)out->mode < p->mode)
		out->mode = (enum policy_mode)p->mode;
	if (p->min_battery > out->min_battery)
		out->min_battery = (uint32_t)p->min_battery;
	out->min_signal_dbm = -(int32_t)p->min_signal;
	if (!p->windows[0])
		return;
	out->windows = p->windows;
	out->minute = (unsigned)(local->tm_wday * WINDOW_DAY + local->tm_hour * 60 + local->tm_min);
	/* checked at the start; what cannot be read never opens */
	out->opens_in_ms = (uint64_t)WINDOW_WEEK * 60000;
	if (window_parse(p->windows, &w, why) == ERR_OK)
		out->opens_in_ms = (uint64_t)window_wait(&w, out->minute) * 60000;
	if (out->opens_in_ms > (uint64_t)local->tm_sec * 1000)
		out->opens_in_ms -= (uint64_t)local->tm_sec * 1000;
}
