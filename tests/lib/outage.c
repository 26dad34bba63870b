/*
 * outage: see outage.h.
 */
#include "outage.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "house_db.h"
#include "house_look.h"
#include "house_pack.h"
#include "json.h"
#include "powercut.h"
#include "powercut_view.h"
#include "powercut_watch.h"

enum {
	LONGEST_MS = 1600,
	WRITE_MS = 1000, /* that a write is waited for */
	STUCK = 200,     /* cuts in one plan */
	QUIET = 600,     /* looks at the end, when no cut comes any more */
	PATIENCE_S = 600,
	TEXT = 64
};

struct scene {
	struct outage *o;
	struct house *h;
	struct powercut power;
	unsigned within; /* cuts of this plan */
	unsigned quiet;
	unsigned plan; /* of this house */
	char version[16];
	char write[POWERCUT_WATCH_WHAT]; /* amid which the next cut comes; "" = at any moment */
};

uint64_t
outage_random(uint64_t seed)
{
	return seed * 2654435769u + 1;
}

static unsigned
roll(struct scene *s, unsigned sides)
{
	uint64_t *r = &s->o->random;

	*r ^= *r << 13;
	*r ^= *r >> 7;
	*r ^= *r << 17;
	return (unsigned)(*r >> 32) % sides;
}

static bool
is_stopped(const struct scene *s)
{
	return s->o->is_stopped && s->o->is_stopped();
}

/* Always false. */
static bool __attribute__((format(printf, 2, 3))) broken(struct scene *s, const char *format, ...)
{
	va_list ap;

	if (s->o->why[0])
		return false;
	va_start(ap, format);
	vsnprintf(s->o->why, OUTAGE_WHY, format, ap);
	va_end(ap);
	return false;
}

static bool
must(struct scene *s, enum err e, const char *what)
{
	return e == ERR_OK || broken(s, "%s: %s: %s", what, err_name(e), house_why(s->h));
}

/* --- what is under way ------------------------------------------------------------------------ */

struct look {
	struct tally moment;
	unsigned idle;      /* conversations */
	double unconfirmed; /* -1: cloudd did not answer */
};

static void
note(struct look *l, const char *what, const char *state)
{
	char name[TEXT];

	snprintf(name, sizeof(name), "%s %s", what, state);
	tally_add(&l->moment, name, 1);
}

static void
take_look(struct scene *s, struct look *l)
{
	AUTO(json) cJSON *cloud = house_look_ask(s->h, HOUSE_CLOUDD, "status");
	AUTO(json) cJSON *talks = house_look_ask(s->h, HOUSE_CLOUDD, "devices");
	AUTO(json) cJSON *store = house_look_ask(s->h, HOUSE_FETCHD, "store");
	AUTO(json) cJSON *flash = house_look_ask(s->h, HOUSE_FLASHD, "upgrades");
	const cJSON *o;

	*l = (struct look){.unconfirmed = -1};
	if (cJSON_GetObjectItem(cloud, "unconfirmed"))
		l->unconfirmed = json_number(cloud, "unconfirmed");
	if (l->unconfirmed > 0)
		note(l, "platform", "that has not confirmed all");
	cJSON_ArrayForEach(o, talks)
	{
		note(l, "conversation", json_text(o, "conversation"));
		l->idle += strcmp(json_text(o, "conversation"), "IDLE") == 0;
	}
	cJSON_ArrayForEach(o, cJSON_GetObjectItem(store, "images"))
	{
		note(l, "image", json_text(o, "state"));
	}
	cJSON_ArrayForEach(o, cJSON_GetObjectItem(flash, "upgrades"))
	{
		note(l,
		    cJSON_IsTrue(cJSON_GetObjectItem(o, "working")) ? "device at work on"
								    : "device",
		    json_text(o, "state"));
	}
}

/* --- what has to hold ------------------------------------------------------------------------- */

static long
statuses(struct house *h, const char *codes)
{
	char sql[100];

	snprintf(sql, sizeof(sql), "SELECT count(*) FROM status WHERE code IN (%s)", codes);
	return house_db_ask(h, sql);
}

/* Each device runs it, confirmed; platform and cloudd agree that its newest plan is over, and
 * cloudd knows that the platform knows it. A last status whose confirmation a cut took away is said
 * again; the platform would hold it against a plan that it has issued meanwhile. */
static bool
is_over(struct scene *s, const struct look *l)
{
	if (l->idle != OUTAGE_DEVICES || l->unconfirmed != 0)
		return false;
	for (int d = 0; d < OUTAGE_DEVICES; d++) {
		AUTO(json) cJSON *own = house_look_device(s->h, d);

		if (strcmp(json_text(own, "running"), s->version) != 0 ||
		    !cJSON_IsTrue(cJSON_GetObjectItem(own, "confirmed")))
			return false;
	}
	return house_db_ask(s->h, "SELECT count(DISTINCT device) FROM status WHERE code = 11"
				  " AND plan = (SELECT max(id) FROM plan)") == OUTAGE_DEVICES;
}

/* No status says that an upgrade failed or was refused. */
static bool
no_failure(struct scene *s)
{
	static const char bad[] = "3, 6, 7, 10, 12";
	long failures = statuses(s->h, bad);

	if (failures != 0) {
		s->o->lost += failures > 0 ? (unsigned)failures : 1;
		return broken(s, "expected no status of %s, got %ld", bad, failures);
	}
	return true;
}

static bool
all_true(struct scene *s)
{
	char ctl[340];

	for (int d = 0; d < OUTAGE_DEVICES; d++) {
		AUTO(json) cJSON *own = house_look_device(s->h, d);

		if (own && json_number(own, "reverts") != 0)
			return broken(s, "device %d went back to its old image", d + 1);
	}
	snprintf(ctl, sizeof(ctl), "%s/subotactl", s->h->programs);
	struct tool_result r = TOOL(s->h->dir, ctl, "audit", "verify", "--config", "subota.conf");

	return r.status == 0 || broken(s, "the signed log: %.300s", r.out);
}

/* No daemon took what it found for damaged. */
static bool
none_set_aside(struct scene *s)
{
	const struct powercut_view *v = s->power.after;

	for (unsigned i = 0; i < v->n; i++)
		if (strstr(v->file[i].path, ".corrupt-"))
			return broken(s, "a record was set aside: %s", v->file[i].path);
	return true;
}

/* --- plan after plan -------------------------------------------------------------------------- */

static bool
begin_plan(struct scene *s)
{
	char name[16];

	s->within = 0;
	snprintf(name, sizeof(name), "fw%u", ++s->plan);
	/* an MCUboot header has a byte for each of the first two numbers, two for the third */
	snprintf(s->version, sizeof(s->version), "1.1.%u", s->plan);
	const struct house_pack p = {
	    .name = name, .version = s->version, .sequence = 5 + s->plan, .size = 60000};

	return must(s, house_pack_publish(s->h, &p), "a package") &&
	       must(s, house_activate(s->h, s->h->package), "a plan");
}

static bool
end_plan(struct scene *s)
{
	if (!all_true(s))
		return false;
	s->o->plans++;
	s->o->upgrades += OUTAGE_DEVICES;
	if (s->o->on_plan)
		s->o->on_plan(s->o);
	return true;
}

/* Nobody may have ended but by us. */
static bool
all_live(struct scene *s)
{
	enum house_part dead = house_dead(s->h);
	char name[32];

	return dead == HOUSE_PARTS ||
	       broken(s, "%s ended by itself, status %#x", house_name(dead, name),
		   (unsigned)s->h->process[dead].status);
}

/* Three of four cuts come amid the next write, if one comes. */
static void
await_write(struct scene *s)
{
	char disk[400];

	s->write[0] = 0;
	snprintf(disk, sizeof(disk), "%s/disk", s->h->dir);
	if (roll(s, 4) != 0 && !powercut_watch(disk, WRITE_MS, s->write))
		s->write[0] = 0;
}

static bool
cut(struct scene *s, const struct look *l)
{
	struct outage *o = s->o;

	if (++s->within > STUCK) {
		o->lost++;
		return broken(s, "plan %u does not end", s->plan);
	}
	await_write(s);
	enum err e = powercut_now(&s->power);

	powercut_watch_end();
	if (!must(s, e, "after a power cut"))
		return false;
	o->cuts++;
	o->starts += 3;
	tally_add_kinds(&o->moments, &l->moment);
	tally_add_kinds(&o->files, &s->power.lost);
	tally_add(&o->writes, s->write[0] ? s->write : "at any moment", 1);
	o->lossless += s->power.lost.kinds == 0;
	return none_set_aside(s);
}

/* What ends by itself, after the last cut. */
static bool
wait_quietly(struct scene *s)
{
	if (++s->quiet <= QUIET)
		return true;
	s->o->lost++;
	return broken(s, "plan %u does not end without cuts", s->plan);
}

static bool
live(struct scene *s)
{
	bool over = true;
	struct look l;

	while ((s->o->cuts < s->o->wanted || !over) && !is_stopped(s)) {
		if (over && !begin_plan(s))
			return false;
		house_look_pause(50 + (int)roll(s, LONGEST_MS));
		take_look(s, &l);
		over = is_over(s, &l);
		if (!all_live(s) || !no_failure(s) || (over && !end_plan(s)))
			return false;
		if (s->o->cuts < s->o->wanted ? !cut(s, &l) : !wait_quietly(s))
			return false;
	}
	long told = statuses(s->h, "1, 2, 5, 8, 9, 11");

	s->o->statuses += told > 0 ? (unsigned)told : 0;
	return no_failure(s) && all_true(s);
}

bool
outage_run(struct outage *o)
{
	const struct house_options options = {.devices = OUTAGE_DEVICES,
	    .baud = 1000000,
	    .reset_ms = 300,
	    .patience_s = PATIENCE_S,
	    .hasty = true,
	    .flashd =
		"ask_every = 2 s\naway_retry = 60 s\nflash_deadline = 60 min\n"
		"reboot_deadline = 30 min\ntest_deadline = 30 min\nconfirm_deadline = 30 min"};
	struct scene s = {.o = o};
	bool there = true;

	enum err e = house_open(&options, &s.h);

	if (!s.h)
		return !broken(&s, "a house: %s", err_name(e));
	powercut_watch_share_cpu();
	if (must(&s, e, "a house"))
		there = powercut_open(&s.power, s.h);
	if (there && !o->why[0]) {
		if (must(&s, house_start_all(s.h), "the start"))
			(void)!live(&s);
		if (o->why[0] && o->found)
			house_keep(s.h, o->found);
		powercut_close(&s.power);
	}
	house_close(s.h);
	return there;
}
