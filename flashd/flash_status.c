/*
 * flash_status: see flash_status.h. Numbers above 2^53 are written as text.
 */
#include <cjson/cJSON.h>
#include <inttypes.h>
#include <string.h>

#include "flash.h"
#include "flash_health.h"
#include "flash_queue.h"
#include "flash_status.h"
#include "flash_work.h"

static void
add_number(cJSON *o, const char *name, uint64_t v)
{
	char text[24];

	if (v <= (UINT64_C(1) << 53)) {
		cJSON_AddNumberToObject(o, name, (double)v);
		return;
	}
	snprintf(text, sizeof(text), "%" PRIu64, v);
	cJSON_AddStringToObject(o, name, text);
}

static void
add_upgrade(cJSON *list, const struct flash *f, const struct device_upgrade *u)
{
	cJSON *o = cJSON_CreateObject();
	const char *text = NULL, *status = flash_queue_status(f, u, &text);

	add_number(o, "upgrade", u->id);
	cJSON_AddStringToObject(o, "product_key", u->product_key);
	cJSON_AddStringToObject(o, "device_key", u->device_key);
	cJSON_AddStringToObject(o, "component", u->component);
	cJSON_AddStringToObject(o, "target_version", u->target_version);
	cJSON_AddStringToObject(o, "state", device_table.states[u->state]);
	cJSON_AddStringToObject(o, "status", status);
	cJSON_AddStringToObject(
	    o, "hold", u->state == DEVICE_QUEUED ? rollout_hold_name(u->hold) : "");
	cJSON_AddStringToObject(o, "version", u->version);
	add_number(o, "done", u->done_bytes);
	add_number(o, "size", u->total_bytes);
	add_number(o, "bytes_per_second", u->running ? u->rate : 0);
	cJSON_AddBoolToObject(o, "working", u->running);
	cJSON_AddStringToObject(o, "error", err_name((unsigned)u->error));
	cJSON_AddStringToObject(o, "detail", text);
	cJSON_AddItemToArray(list, o);
}

static const char *
state_text(const struct flash *f, const struct roster_device *d)
{
	if (flash_work_busy(f, d, 0))
		return "busy";
	switch ((int)d->state) {
	case PB__DEVICE_STATE__DEVICE_STATE_PRESENT:
		return "present";
	case PB__DEVICE_STATE__DEVICE_STATE_AWAY:
		return "away";
	default:
		return "unknown";
	}
}

/* What became of its newest upgrade, in a word and why. */
static void
add_newest(cJSON *o, const struct flash *f, const struct roster_device *d)
{
	const struct device_upgrade *u = roster_newest(f->ledger.upgrades, d);
	const char *text = "";

	cJSON_AddStringToObject(o, "status", u ? flash_queue_status(f, u, &text) : "");
	cJSON_AddStringToObject(o, "why", text);
}

static void
add_device(cJSON *list, struct flash *f, const struct roster_device *d)
{
	const struct flash_settings_device *c = d->config;
	struct counters_key key = roster_key(d);
	struct counters_row row;
	cJSON *o = cJSON_CreateObject();
	enum err e = counters_get(f->ledger.record, &key, &row);

	cJSON_AddStringToObject(o, "name", c->name);
	cJSON_AddStringToObject(o, "product_key", c->product_key);
	cJSON_AddStringToObject(o, "device_key", c->device_key);
	cJSON_AddStringToObject(o, "component", c->component);
	cJSON_AddStringToObject(o, "port", c->port);
	cJSON_AddStringToObject(o, "driver", c->driver);
	cJSON_AddBoolToObject(o, "health_check", flash_health_is(c));
	cJSON_AddStringToObject(o, "state", state_text(f, d));
	add_newest(o, f, d);
	cJSON_AddStringToObject(o, "version", d->version);
	if (d->unit[0])
		cJSON_AddStringToObject(o, "unit", d->unit);
	cJSON_AddStringToObject(o, "error", err_name((unsigned)d->error));
	cJSON_AddStringToObject(o, "detail", d->detail);
	cJSON_AddBoolToObject(o, "record_damaged", e != ERR_OK && e != ERR_NOT_FOUND);
	add_number(o, "confirmed_sequence", e == ERR_OK ? row.sequence : 0);
	add_number(o, "confirmed_counter", e == ERR_OK ? row.counter : 0);
	cJSON_AddStringToObject(o, "confirmed_version", e == ERR_OK ? row.version : "");
	cJSON_AddItemToArray(list, o);
}

static void
fill_status(cJSON *root, struct flash *f)
{
	struct bus_counters c = bus_counters(f->gate);
	cJSON *gate = NULL;
	unsigned active = 0, sessions = 0;

	for (const struct device_upgrade *u = f->ledger.upgrades; u; u = u->next)
		active += device_is_active(u);
	for (size_t i = 0; i < f->n_lanes; i++)
		sessions += !lane_is_idle(f->lanes[i].lane);
	cJSON_AddStringToObject(root, "daemon", "flashd");
	cJSON_AddStringToObject(root, "version", SUBOTA_VERSION);
	add_number(root, "root_version", trust_root_version(f->trust));
	cJSON_AddBoolToObject(root, "refuses_all", trust_refuses_all(f->trust));
	cJSON_AddBoolToObject(root, "online", f->online);
	add_number(root, "devices", f->roster.n);
	add_number(root, "links", f->n_lanes);
	add_number(root, "sessions", sessions);
	add_number(root, "active", active);
	add_number(root, "upgrades", f->ledger.n_upgrades);
	cJSON_AddBoolToObject(root, "clock_behind",
	    clock_alarm_check(&f->clock, f->daemon->events, ledger_bound(&f->ledger)));
	record_alarm_show(root, f->ledger.record);
	gate = cJSON_AddObjectToObject(root, "fetchd");
	cJSON_AddBoolToObject(gate, "up", bus_is_up(f->gate));
	add_number(gate, "received", c.received);
	add_number(gate, "sent", c.sent);
	add_number(gate, "refused", c.refused);
	add_number(gate, "dropped", c.dropped);
	add_number(gate, "strangers", c.strangers);
	cJSON_AddStringToObject(gate, "last_refusal", err_name((unsigned)c.last_refusal));
}

static void
fill_devices(cJSON *root, struct flash *f)
{
	cJSON *list = cJSON_AddArrayToObject(root, "devices");

	for (size_t i = 0; i < f->roster.n && i < 100; i++) /* an answer has to fit a message */
		add_device(list, f, &f->roster.devices[i]);
}

static void
fill_upgrades(cJSON *root, struct flash *f)
{
	cJSON *list = cJSON_AddArrayToObject(root, "upgrades");
	unsigned left = 100; /* the newest */

	for (const struct device_upgrade *u = f->ledger.upgrades; u && left; u = u->next, left--)
		add_upgrade(list, f, u);
}

static void
add_rollout(cJSON *list, const struct flash *f, const struct rollout *r)
{
	cJSON *o = cJSON_CreateObject();
	unsigned queued = 0, active = 0;

	for (const struct device_upgrade *u = f->ledger.upgrades; u; u = u->next) {
		if (device_is_over(u) || ledger_rollout_of(&f->ledger, u) != r)
			continue;
		queued += !device_is_active(u);
		active += device_is_active(u);
	}
	add_number(o, "rollout", r->id);
	cJSON_AddStringToObject(o, "product_key", r->product_key);
	cJSON_AddStringToObject(o, "component", r->component);
	cJSON_AddStringToObject(o, "version", r->version);
	cJSON_AddStringToObject(o, "state", rollout_table.states[r->state]);
	add_number(o, "queued", queued);
	add_number(o, "active", active);
	add_number(o, "done", r->done);
	add_number(o, "failed", r->failed);
	cJSON_AddItemToArray(list, o);
}

static void
fill_rollouts(cJSON *root, struct flash *f)
{
	cJSON *list = cJSON_AddArrayToObject(root, "rollouts");

	cJSON_AddBoolToObject(root, "paused", f->ledger.paused);
	for (const struct rollout *r = f->ledger.rollouts; r; r = r->next)
		add_rollout(list, f, r);
}

static const struct {
	const char *what;
	void (*fill)(cJSON *root, struct flash *f);
} queries[] = {
    {"status", fill_status},
    {"devices", fill_devices},
    {"upgrades", fill_upgrades},
    {"rollouts", fill_rollouts},
};

/* --- the audit log ---------------------------------------------------------------------------- */

struct audit_page {
	cJSON *lines;
	uint64_t next;
	unsigned n;
};

static enum err
on_line(void *arg, uint64_t seq, const char *line)
{
	struct audit_page *p = arg;

	cJSON_AddItemToArray(p->lines, cJSON_CreateString(line));
	p->next = seq;
	p->n++;
	return ERR_OK;
}

/* {"public": minisign's text, "lines": [...], "next": number, "more"}; `after` in decimal. */
static enum err
answer_audit(struct flash *f, const char *after, char **json)
{
	struct journal *j = &f->ledger.journal;
	char key[MINIKEY_TEXT_MAX];
	size_t len = 0;
	struct audit_page p = {.next = strtoull(after, NULL, 10)};
	enum err e = minikey_format_public(&j->key, key, &len);

	if (e != ERR_OK)
		return e;
	cJSON *root = cJSON_CreateObject();

	p.lines = cJSON_AddArrayToObject(root, "lines");
	e = journal_each(j, p.next, on_line, &p);
	cJSON_AddStringToObject(root, "public", key);
	add_number(root, "next", p.next);
	cJSON_AddBoolToObject(root, "more", p.n == JOURNAL_PAGE);
	*json = e == ERR_OK ? cJSON_PrintUnformatted(root) : NULL;
	cJSON_Delete(root);
	return e == ERR_OK && !*json ? ERR_NOMEM : e;
}

enum err
flash_status_on_query(void *arg, const char *what, const char *argument, char **json)
{
	if (strcmp(what, "audit") == 0)
		return answer_audit(arg, argument, json);
	for (size_t i = 0; i < sizeof(queries) / sizeof(queries[0]); i++) {
		if (strcmp(queries[i].what, what) != 0)
			continue;
		cJSON *root = cJSON_CreateObject();
		queries[i].fill(root, arg);
		*json = cJSON_PrintUnformatted(root);
		cJSON_Delete(root);
		return *json ? ERR_OK : ERR_NOMEM;
	}
	return ERR_NOT_FOUND;
}
