/*
 * sim_kind: see sim_kind.h.
 */
#include <stdio.h>

#include "sim.h"
#include "sim_device.h"
#include "sim_kind.h"

enum { MINUTE_MS = 60000 };

/* With a second processor there are two slots: its boot loader cannot do without. */
void
sim_kind_choose(struct sim_house *h)
{
	struct sim_stream s = sim_stream("kinds");
	unsigned kind = (unsigned)sim_stream_below(&s, h->radio ? 4 : 9);

	h->no_test = kind == 3;
	h->bare = kind >= 4;
	h->loader = kind >= 6;
	h->runs_by_itself = kind >= 7;
	h->serials = !h->bare && sim_stream_chance(&s, 50);
	h->sources = sim_stream_chance(&s, 40) && !h->bare;
	h->products = sim_stream_chance(&s, 40) ? 1 : SIM_PRODUCTS;
	h->forgets = sim_stream_chance(&s, 35);
}

/* Of what runs for good at once only that the operator's program says no; or the boot loader, where
 * there are two slots. */
void
sim_kind_illness(const struct sim_house *h, struct sim_package *p, struct sim_stream *s)
{
	bool first = p == &h->package[0], radio = p >= h->package + h->n_packages;

	if (p->variant == SIM_GOOD && !first && !radio && h->checks && sim_stream_chance(s, 15))
		p->variant = SIM_SICK;
	if (p->variant != SIM_SICK)
		return;
	p->illness = (int)sim_stream_below(s, SIM_ILL_UNWELL);
	if (h->no_test)
		p->illness = SIM_ILL_REFUSED;
	if (sim()->grouped && p->illness == SIM_ILL_UNKEPT)
		p->illness = SIM_ILL_SILENT; /* others have kept it when that shows */
	if (h->checks && (h->bare || sim_stream_chance(s, 60)))
		p->illness = SIM_ILL_UNWELL;
	else if (h->bare)
		p->variant = SIM_GOOD;
}

void
sim_kind_board(const struct sim_house *h, struct board *b, struct sub_device_settings *s)
{
	b->chip[0].flash.no_test = b->chip[1].flash.no_test = h->no_test;
	snprintf(b->serial, sizeof(b->serial), "unit-0");
	if (!h->loader)
		return;
	s->loader = SUB_LOADER_GECKO;
	s->recovery = 0;
}

static void
add_option(struct flash_settings_device *d, const char *key, const char *value)
{
	struct flash_settings_option *o = &d->options[d->n_options++];

	snprintf(o->key, sizeof(o->key), "%s", key);
	snprintf(o->value, sizeof(o->value), "%s", value);
}

/* Silicon Labs' boot loader, and an application with a command line. */
static void
set_loader(struct flash_settings_device *d, bool runs_by_itself)
{
	snprintf(d->driver, sizeof(d->driver), "xmodem");
	add_option(d, "recipe", "gecko");
	add_option(d, "identify", "send 'version\\n' expect 'app {version}\\r' 1000");
	add_option(d, "loader", "send '\\x18\\x18\\x18\\n' expect 'BL > ' 1000");
	add_option(d, "launch", "send 'bootloader\\n' expect 'BL > ' 5000");
	add_option(d, "start_ms", "20000");
	add_option(d, "run_wait_ms", "4000");
	if (!runs_by_itself)
		return;
	add_option(d, "verify",
	    "expect 'Serial upload complete' 10000 expect 'BL > ' 5000 send '2' pause 4000");
	add_option(d, "run", "");
}

void
sim_kind_settings(struct sim_house *h)
{
	struct sim_stream s = sim_stream("times");

	for (size_t i = 0; i < h->flash.n_devices; i++) {
		struct flash_settings_device *d = &h->flash.devices[i];

		if (h->loader)
			set_loader(d, h->runs_by_itself);
		if (h->serials)
			add_option(d, "serial", "hw/serial");
	}
	if (sim_stream_chance(&s, 50))
		h->flash.away_ms = 3 * MINUTE_MS;
	if (sim_stream_chance(&s, 25)) /* longer than the platform's patience */
		h->flash.reboot_ms = 45 * MINUTE_MS;
	if (sim_stream_chance(&s, 30))
		h->flash.flash_ms = 10 * MINUTE_MS;
	if (sim_stream_chance(&s, 40))
		h->flash.queue_ms = 20 * MINUTE_MS;
	if (sim_stream_chance(&s, 30))
		h->flash.wait_ms = 3 * MINUTE_MS;
	if (sim_stream_chance(&s, 30))
		h->profile.hung_ms = 12 * MINUTE_MS;
}
