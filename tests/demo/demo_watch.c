/*
 * demo_watch: see demo_watch.h.
 */
#include "demo_watch.h"

#include <string.h>

#include "daemon.h"
#include "house_look.h"
#include "house_proc.h"
#include "json.h"

enum { PLATFORM_MS = 500 };

static void
listen_to_cloudd(struct demo_watch *w)
{
	struct daemon_common c = {0};
	char path[108];

	snprintf(c.run_dir, sizeof(c.run_dir), "%s/run", w->house->dir);
	daemon_tap_path(&c, WHO_CLOUDD, path);
	if (bus_client_tap_open(&w->tap) == ERR_OK && bus_client_tap_add(w->tap, path) == ERR_OK)
		return;
	bus_client_tap_close(w->tap);
	w->tap = NULL;
}

void
demo_watch_fini(struct demo_watch *w)
{
	bus_client_tap_close(w->tap);
	w->tap = NULL;
}

static void
hear(struct demo_watch *w)
{
	char *line = NULL;

	while (w->tap && bus_client_tap_next(w->tap, 0, &line) == ERR_OK) {
		for (unsigned i = 0; i < w->n; i++)
			if (demo_tap_take(&w->marks[i], line))
				break;
		free(line);
	}
}

void
demo_watch_settle(struct demo_watch *w)
{
	hear(w);
	for (unsigned i = 0; i < w->n; i++)
		demo_tap_durations(&w->marks[i], w->device[i].phase_ms);
}

void
demo_watch_init(struct demo_watch *w, struct house *h, const char *target)
{
	*w = (struct demo_watch){.house = h, .n = h->options.devices};
	for (unsigned i = 0; i < w->n; i++) {
		snprintf(w->device[i].name, sizeof(w->device[i].name), "METER%u", i + 1);
		snprintf(w->device[i].from, sizeof(w->device[i].from), "%s", HOUSE_OLD);
		snprintf(w->device[i].to, sizeof(w->device[i].to), "%s", target);
		snprintf(w->marks[i].device, sizeof(w->marks[i].device), "METER%u", i + 1);
	}
	listen_to_cloudd(w);
}

/* The entry of a list with this device key and the largest "upgrade". */
static const cJSON *
newest(const cJSON *list, const char *dk)
{
	const cJSON *o, *best = NULL;

	cJSON_ArrayForEach(o, list)
	{
		if (strcmp(json_text(o, "device_key"), dk) != 0)
			continue;
		if (!best ||
		    json_number(o, "upgrade") > json_number(best, "upgrade"))
			best = o;
	}
	return best;
}

static const cJSON *
image_of(const cJSON *store, const cJSON *upgrade)
{
	const cJSON *o;

	cJSON_ArrayForEach(o, cJSON_GetObjectItem(store, "images"))
	{
		if (json_number(o, "image") == json_number(upgrade, "image"))
			return o;
	}
	return NULL;
}

static void
take_numbers(struct demo_device *d, const cJSON *image, const cJSON *upgrade, struct mono now)
{
	const cJSON *from = NULL;

	if (image)
		d->fetched = (uint64_t)json_number(image, "done");
	if (d->phase == DEMO_FETCHING || d->phase == DEMO_VERIFYING)
		from = image;
	else if (d->phase >= DEMO_FLASHING && d->phase <= DEMO_DONE)
		from = upgrade;
	if (!from)
		return;
	d->done = (uint64_t)json_number(from, "done");
	d->total = (uint64_t)json_number(from, "size");
	d->rate = (uint64_t)json_number(from, "bytes_per_second");
	if (from == upgrade && d->done > d->written) {
		d->written = d->done;
		d->write_ms = d->phase_ms[DEMO_FLASHING];
		if (d->phase == DEMO_FLASHING)
			d->write_ms += (uint64_t)mono_between(d->since, now);
	}
}

static void
look_at_device(struct demo_watch *w, unsigned i)
{
	struct demo_device *d = &w->device[i];
	AUTO(json) cJSON *own = house_look_device(w->house, (int)i);

	if (!own) /* half written, or it is just being started */
		return;
	snprintf(d->running, sizeof(d->running), "%.64s", json_text(own, "running"));
	d->confirmed = cJSON_IsTrue(cJSON_GetObjectItem(own, "confirmed"));
	d->uploaded = (uint64_t)json_number(own, "upload_bytes");
	d->boots = (unsigned)json_number(own, "boots");
	d->reverts = (unsigned)json_number(own, "reverts");
}

static void
take_detail(struct demo_device *d, const cJSON *gate, const cJSON *device)
{
	const cJSON *who = d->phase == DEMO_REFUSED && !json_text(device, "detail")[0] ? gate
											  : device;

	if (!demo_phase_is_end(d->phase) || d->phase == DEMO_DONE || !who)
		return;
	snprintf(d->detail, sizeof(d->detail), "%.40s: %.150s", json_text(who, "error"),
	    json_text(who, "detail"));
}

static void
look_at_daemons(struct demo_watch *w, struct mono now)
{
	AUTO(json) cJSON *cloud = house_look_ask(w->house, HOUSE_CLOUDD, "devices");
	AUTO(json) cJSON *gate = house_look_ask(w->house, HOUSE_FETCHD, "upgrades");
	AUTO(json) cJSON *store = house_look_ask(w->house, HOUSE_FETCHD, "store");
	AUTO(json) cJSON *flash = house_look_ask(w->house, HOUSE_FLASHD, "upgrades");

	if (!cloud || !gate || !store || !flash) /* one is being started again: no news */
		return;
	for (unsigned i = 0; i < w->n; i++) {
		struct demo_device *d = &w->device[i];
		const cJSON *c = newest(cloud, d->name);
		const cJSON *g = newest(cJSON_GetObjectItem(gate, "upgrades"), d->name);
		const cJSON *f = newest(cJSON_GetObjectItem(flash, "upgrades"), d->name);
		const cJSON *image = image_of(store, g);
		struct demo_words words = {json_text(c, "conversation"), json_text(g, "state"),
		    json_text(image, "state"), json_text(f, "state"),
		    json_text(g, "error"), cJSON_IsTrue(cJSON_GetObjectItem(f, "working"))};

		demo_state_enter(d, demo_state_phase(&words), now);
		take_numbers(d, image, f, now);
		take_detail(d, g, f);
	}
}

static void
take_statuses(struct demo_watch *w, unsigned i, const cJSON *d)
{
	const cJSON *s, *last = NULL;
	size_t used = 0;

	w->statuses[i][0] = 0;
	cJSON_ArrayForEach(s, cJSON_GetObjectItem(d, "statuses"))
	{
		double code = json_number(s, "code");
		int n = 0;

		if (!last || json_number(last, "code") != code)
			n = snprintf(w->statuses[i] + used, sizeof(w->statuses[i]) - used, "%s%.0f",
			    last ? " " : "", code);
		used += n > 0 ? (size_t)n : 0;
		last = s;
		if (used >= sizeof(w->statuses[i]))
			break;
	}
	const cJSON *up = cJSON_GetArrayItem(cJSON_GetObjectItem(d, "upgrades"), 0);
	snprintf(w->device[i].platform, sizeof(w->device[i].platform), "%.20s",
	    json_text(up, "state"));
}

void
demo_watch_platform(struct demo_watch *w)
{
	AUTO(json) cJSON *doc = house_look_platform(w->house);
	const cJSON *package = cJSON_GetArrayItem(cJSON_GetObjectItem(doc, "packages"), 0);

	if (!doc)
		return;
	w->package_size = (uint64_t)json_number(package, "size");
	w->served = (uint64_t)json_number(package, "bytes_served");
	w->requests = (uint64_t)json_number(package, "requests");
	for (unsigned i = 0; i < w->n; i++)
		take_statuses(w, i, house_look_platform_device(doc, (int)i));
}

void
demo_watch_usage(struct demo_watch *w)
{
	struct house_proc p, child;

	for (enum house_part k = 0; k < house_parts(w->house); k++) {
		struct demo_usage *u = &w->usage[k];

		if (!w->house->process[k].pid || !house_proc_read(w->house->process[k].pid, &p))
			continue;
		pid_t nursery = house_look_child(w->house, k, "subota-nursery");
		if (nursery && house_proc_read(nursery, &child)) /* it has buried the couriers */
			p.children_ms = child.children_ms;
		u->cpu_ms = p.cpu_ms > u->cpu_ms ? p.cpu_ms : u->cpu_ms;
		u->children_ms = p.children_ms > u->children_ms ? p.children_ms : u->children_ms;
		u->rss_kib = p.rss_kib > u->rss_kib ? p.rss_kib : u->rss_kib;
	}
}

void
demo_watch_step(struct demo_watch *w, struct mono now)
{
	hear(w);
	look_at_daemons(w, now);
	for (unsigned i = 0; i < w->n; i++)
		look_at_device(w, i);
	if (!mono_reached(now, w->platform_due))
		return;
	w->platform_due = mono_after(now, PLATFORM_MS);
	demo_watch_platform(w);
	demo_watch_usage(w);
}

bool
demo_watch_is_over(const struct demo_watch *w)
{
	for (unsigned i = 0; i < w->n; i++)
		if (!demo_phase_is_end(w->device[i].phase) ||
		    (strcmp(w->device[i].platform, "success") != 0 &&
			strcmp(w->device[i].platform, "failed") != 0))
			return false;
	return true;
}
