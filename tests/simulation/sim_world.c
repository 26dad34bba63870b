/*
 * sim_world: settings that only lively worlds have: plans that wait for a person, for a window, for
 * a time that a new image has to have run.
 */
#include <stdio.h>

#include "policy.h"
#include "sim.h"
#include "sim_house.h"

enum { WINDOW_MIN = 25, WINDOWS_MIN = 90 };

/* Windows of 25 minutes, 65 minutes apart, which divide a day. */
static void
set_windows(struct flash_settings_policy *p)
{
	size_t at = 0;

	for (unsigned from = 0; from + WINDOW_MIN <= 24 * 60; from += WINDOWS_MIN)
		at += (size_t)snprintf(p->windows + at, sizeof(p->windows) - at,
		    "%s%02u:%02u-%02u:%02u", at ? ", " : "", from / 60, from % 60,
		    (from + WINDOW_MIN) / 60, (from + WINDOW_MIN) % 60);
}

bool
sim_world_is_open(void)
{
	return !sim()->house->flash.policies[0].windows[0] ||
	       sim_wall() / 60000 % WINDOWS_MIN < WINDOW_MIN;
}

void
sim_world_boards(struct sim_house *h)
{
	struct sim_stream s = sim_stream("boards");

	h->bare = !h->radio && sim_stream_chance(&s, 40);
	h->checks = sim_stream_chance(&s, 40);
	h->forgets = sim_stream_chance(&s, 20);
	h->in_step = sim_stream_chance(&s, 30);
}

void
sim_world(struct sim_house *h)
{
	struct sim_stream s = sim_stream("world");
	bool asks = sim_stream_chance(&s, 40), settles = sim_stream_chance(&s, 40);

	h->flash.ask_ms = 600000;
	if (settles) /* time enough also when flashd is killed again and again */
		h->flash.test_ms = 1800000;
	if (sim_stream_chance(&s, 20)) /* longer than the platform's patience */
		h->flash.reboot_ms = h->flash.test_ms = h->flash.confirm_ms = 45 * 60000;
	h->profile.hung_ms = 40 * 60000;
	h->profile.failures_max = 2;
	h->flash.queue_ms = 70 * 60000;
	h->flash.policies[0].canary = sim_stream_below(&s, 3);
	h->flash.policies[0].restore = sim_stream_chance(&s, 50);
	if (h->flash.policies[0].stop_after) /* there a person resumes */
		h->flash.policies[0].stop_after = 1 + sim_stream_below(&s, 2);
	for (size_t i = 0; i < h->flash.n_devices; i++) {
		struct flash_settings_device *d = &h->flash.devices[i];

		d->space = 1 << 20;
		d->health_ms = 60000;
		snprintf(d->health_command, sizeof(d->health_command), "%s",
		    h->checks ? "/opt/health" : "");
		if (h->bare) /* serial recovery writes over the only image that there is */
			snprintf(d->driver, sizeof(d->driver), "mcuboot");
		d->policy = asks && sim_stream_chance(&s, 70) ? POLICY_ASK : POLICY_AUTO;
		d->settle_ms = settles ? 1000 * sim_stream_below(&s, 90) : 0;
	}
	if (sim_stream_chance(&s, 20))
		set_windows(&h->flash.policies[0]);
}

/* Where nothing may fail there is time enough for every window. */
void
sim_world_is_gentle(struct sim_house *h)
{
	h->profile.hung_ms = 6 * 3600000;
	h->flash.queue_ms = 6 * 3600000;
	h->gate.quota = 400000; /* all may wait with their packages at the same time */
}
