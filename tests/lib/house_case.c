/*
 * house_case: see house_case.h.
 */
#include "house_case.h"

#include <string.h>

#include "clock.h"
#include "house_look.h"
#include "json.h"

enum { TAIL = 12, LINE = 300, LOOK_MS = 4, DONE = 11 };

/* --- saying what went wrong ------------------------------------------------------------------- */

static void
print_tail(struct house *h, enum house_part p)
{
	char path[300], name[32], lines[TAIL][LINE];
	unsigned n = 0;

	snprintf(path, sizeof(path), "%s/log/%s", h->dir, house_name(p, name));
	AUTO(file) FILE *f = fopen(path, "re");
	while (f && fgets(lines[n % TAIL], LINE, f))
		n++;
	fprintf(stderr, "--- %s, pid %d, started %u times\n", name, (int)h->process[p].pid,
	    h->process[p].starts);
	for (unsigned i = n > TAIL ? n - TAIL : 0; i < n; i++)
		fprintf(stderr, "%s", lines[i % TAIL]);
}

static void
fail(struct house *h, const char *what)
{
	for (enum house_part p = 0; p < house_parts(h); p++)
		print_tail(h, p);
	struct tool_result r = HOUSE_DC(h, "status");
	fprintf(stderr, "%s", r.out);
	cr_assert_fail("%s", what);
}

void
house_case_must(struct house *h, enum err e, const char *what)
{
	char text[HOUSE_WHY + 100];

	if (e == ERR_OK)
		return;
	snprintf(text, sizeof(text), "%.80s: %s: %s", what, err_name(e), house_why(h));
	fail(h, text);
}

/* --- life ------------------------------------------------------------------------------------- */

struct house *
house_case_new(const struct house_options *o)
{
	struct house_options fast = *o;
	struct house *h = NULL;

	fast.hasty = true;
	fast.baud = o->baud ? o->baud : 1000000;
	fast.reset_ms = o->reset_ms ? o->reset_ms : 300;
	enum err e = house_open(&fast, &h);
	cr_assert_not_null(h);
	house_case_must(h, e, "house_open");
	return h;
}

struct house *
house_case_open(const struct house_options *o)
{
	struct house *h = house_case_new(o);

	HOUSE_MUST(h, house_start_all(h));
	return h;
}

void
house_case_close(struct house *h)
{
	char name[32];

	for (enum house_part p = 0; p < house_parts(h); p++) {
		bool ran = h->process[p].pid != 0;

		if (ran && !house_runs(h, p))
			fail(h, "a process ended by itself");
		if (ran)
			HOUSE_MUST(h, house_stop(h, p));
		cr_expect_eq(h->process[p].orphans, 0, "%s: %u children outlived it",
		    house_name(p, name), h->process[p].orphans);
	}
	house_close(h);
}

void
house_case_fault(struct house *h, const char *name, const char *value)
{
	struct tool_result r = HOUSE_DC(h, "fault", "set", name, value);

	cr_assert_eq(r.status, 0, "fault %s %s: %s", name, value, r.out);
}

void
house_case_plan(struct house *h, const struct house_pack *p)
{
	HOUSE_MUST(h, house_pack_publish(h, p));
	HOUSE_MUST(h, house_activate(h, h->package));
}

/* --- waiting ---------------------------------------------------------------------------------- */

static void
until(struct house *h, house_case_is *is, void *arg, const char *what, bool supervise)
{
	unsigned patience_s = h->options.patience_s;
	struct mono end = mono_after(
	    clock_now(), patience_s ? 1000 * (int64_t)patience_s : HOUSE_CASE_PATIENCE_MS);
	char text[200], name[32];

	while (!is(h, arg)) {
		enum house_part dead = house_dead(h);

		if (dead != HOUSE_PARTS && !supervise) {
			snprintf(text, sizeof(text), "%s died before: %.100s",
			    house_name(dead, name), what);
			fail(h, text);
		}
		if (dead != HOUSE_PARTS)
			HOUSE_MUST(h, house_start(h, dead));
		if (mono_reached(clock_now(), end))
			fail(h, what);
		house_look_pause(LOOK_MS);
	}
}

void
house_case_until(struct house *h, house_case_is *is, void *arg, const char *what)
{
	until(h, is, arg, what, false);
}

void
house_case_until_alive(struct house *h, house_case_is *is, void *arg, const char *what)
{
	until(h, is, arg, what, true);
}

/* --- looking ---------------------------------------------------------------------------------- */

/* Of a list: what concerns this device and has the largest upgrade. */
static const cJSON *
newest(const cJSON *list, int device)
{
	const cJSON *o, *best = NULL;
	char dk[32];

	snprintf(dk, sizeof(dk), "METER%d", device + 1);
	cJSON_ArrayForEach(o, list)
	{
		if (strcmp(json_text(o, "device_key"), dk) == 0 &&
		    (!best || json_number(o, "upgrade") > json_number(best, "upgrade")))
			best = o;
	}
	return best;
}

static void
take(const cJSON *o, const char *key, char out[32])
{
	snprintf(out, 32, "%.31s", json_text(o, key));
}

void
house_case_conversation(struct house *h, int device, char out[32])
{
	AUTO(json) cJSON *doc = house_look_ask(h, HOUSE_CLOUDD, "devices");

	take(newest(doc, device), "conversation", out);
}

void
house_case_image(struct house *h, char out[32], double *done)
{
	AUTO(json) cJSON *doc = house_look_ask(h, HOUSE_FETCHD, "store");
	const cJSON *image = cJSON_GetArrayItem(cJSON_GetObjectItem(doc, "images"), 0);

	take(image, "state", out);
	*done = json_number(image, "done");
}

void
house_case_flash(struct house *h, int device, char out[32], double *done)
{
	AUTO(json) cJSON *doc = house_look_ask(h, HOUSE_FLASHD, "upgrades");
	const cJSON *u = newest(cJSON_GetObjectItem(doc, "upgrades"), device);

	take(u, "state", out);
	*done = json_number(u, "done");
}

/* The last of a list. */
static const cJSON *
last_of(const cJSON *o, const char *key)
{
	const cJSON *list = cJSON_GetObjectItem(o, key);

	return cJSON_GetArrayItem(list, cJSON_GetArraySize(list) - 1);
}

void
house_case_verdict(struct house *h, int device, char out[32])
{
	AUTO(json) cJSON *doc = house_look_platform(h);

	take(last_of(house_look_platform_device(doc, device), "upgrades"), "state", out);
}

unsigned
house_case_count(struct house *h, int device, int status)
{
	AUTO(json) cJSON *doc = house_look_platform(h);
	const cJSON *s;
	unsigned n = 0;

	cJSON_ArrayForEach(
	    s, cJSON_GetObjectItem(house_look_platform_device(doc, device), "statuses"))
	{
		n += (int)json_number(s, "code") == status;
	}
	return n;
}

void
house_case_served(struct house *h, double *requests, double *bytes, double *size)
{
	AUTO(json) cJSON *doc = house_look_platform(h);
	const cJSON *p = last_of(doc, "packages");

	*requests = json_number(p, "requests");
	*bytes = json_number(p, "bytes_served");
	*size = json_number(p, "size");
}

struct verdict {
	int device;
	const char *wanted;
};

static bool
has_verdict(struct house *h, void *arg)
{
	const struct verdict *v = arg;
	char seen[32];

	house_case_verdict(h, v->device, seen);
	return strcmp(seen, v->wanted) == 0;
}

void
house_case_until_verdict(struct house *h, int device, const char *verdict)
{
	struct verdict v = {device, verdict};

	house_case_until(h, has_verdict, &v, verdict);
}

/* --- ends ------------------------------------------------------------------------------------- */

struct end {
	int device;
	const char *verdict, *version;
	bool known; /* the platform has to know the version, too */
};

static bool
is_at_end(struct house *h, void *arg)
{
	const struct end *e = arg;
	AUTO(json) cJSON *own = house_look_device(h, e->device);

	if (strcmp(json_text(own, "running"), e->version) != 0 ||
	    !cJSON_IsTrue(cJSON_GetObjectItem(own, "confirmed")))
		return false;
	AUTO(json) cJSON *doc = house_look_platform(h);
	const cJSON *d = house_look_platform_device(doc, e->device);
	return strcmp(json_text(last_of(d, "upgrades"), "state"), e->verdict) == 0 &&
	       (!e->known || strcmp(json_text(d, "version"), e->version) == 0);
}

void
house_case_upgraded(struct house *h, int device, const char *version)
{
	static const int failures[] = {3, 6, 7, 10, 12};
	struct end e = {device, "success", version, true};

	house_case_until_alive(h, is_at_end, &e, "an upgrade that succeeds, on the platform, too");
	cr_expect_geq(house_case_count(h, device, DONE), 1);
	for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++)
		cr_expect_eq(house_case_count(h, device, failures[i]), 0,
		    "METER%d: status %d contradicts the device", device + 1, failures[i]);
}

void
house_case_not_upgraded(struct house *h, int device, const char *version)
{
	struct end e = {device, "failed", version, false};

	house_case_until_alive(h, is_at_end, &e, "an upgrade that fails, on the platform, too");
	cr_expect_eq(house_case_count(h, device, DONE), 0);
}

bool
house_case_is_flashing(struct house *h, void *arg)
{
	char state[32];
	double done;

	(void)arg;
	house_case_flash(h, 0, state, &done);
	return strcmp(state, "FLASHING") == 0 && done > 10000;
}

bool
house_case_is_fetching(struct house *h, void *arg)
{
	char state[32];
	double done;

	(void)arg;
	house_case_image(h, state, &done);
	return strcmp(state, "FETCHING") == 0 && done > 10000;
}
