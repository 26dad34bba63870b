/*
 * dc_plan: see dc_plan.h.
 */
#include "dc_plan.h"

#include <string.h>

#define BEGUN(device) \
	"EXISTS (SELECT 1 FROM progress b WHERE b.plan = pl.id AND b.state IN (1, 2) " \
	"AND b.device = " device ") "
/* Columns of struct dc_offer, in the order in which read_offer takes them. */
#define OFFER_COLUMNS(device) \
	"SELECT pl.id, pc.seq, pk.id, pl.name, pl.state, pk.component, pk.target, pk.source, " \
	"pk.kind, pk.size + coalesce((SELECT sum(size) FROM package_file f " \
	"WHERE f.package = pk.id), 0), pl.min_battery, pl.min_signal, pl.push, pl.push_from, " \
	"pl.push_to, " \
	"pl.reject_min, pl.retries, pl.retry_ms, pr.state, pr.last, pr.tries, pr.due, " \
	"pr.offered, pr.sha256, pc.versions, pl.zone, pl.ends, pr.forced, " BEGUN(device)

const char *
dc_plan_state_name(int64_t progress_state)
{
	static const char *const names[] = {
	    "not upgraded", "upgrading", "success", "failed", "no update required"};

	return progress_state >= 0 && progress_state <= 4 ? names[progress_state] : "unknown";
}

void
dc_plan_say(
    struct dc *dc, const struct dc_peer *p, const struct dc_offer *o, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	dc_peer_tell(dc, p, o->plan, o->component, format, ap);
	va_end(ap);
}

static void
copy(char *out, size_t size, const char *text)
{
	snprintf(out, size, "%s", text);
}

static struct dc_offer
read_offer(const struct dc_query *q)
{
	struct dc_offer o = {
	    .plan = dc_query_int(q, 0),
	    .seq = dc_query_int(q, 1),
	    .package = dc_query_int(q, 2),
	    .kind = dc_query_int(q, 8),
	    .size = dc_query_int(q, 9),
	    .min_battery = dc_query_int(q, 10),
	    .min_signal = dc_query_int(q, 11),
	    .push = dc_query_int(q, 12),
	    .push_from = dc_query_int(q, 13),
	    .push_to = dc_query_int(q, 14),
	    .reject_min = dc_query_int(q, 15),
	    .retries = dc_query_int(q, 16),
	    .retry_ms = dc_query_int(q, 17),
	    .state = dc_query_int(q, 18),
	    .last = dc_query_int(q, 19),
	    .tries = dc_query_int(q, 20),
	    .due = dc_query_int(q, 21),
	    .offered = dc_query_int(q, 22),
	    .sha256 = dc_query_int(q, 23),
	    .zone = dc_query_int(q, 25),
	    .ends = dc_query_int(q, 26),
	    .forced = dc_query_int(q, 27),
	    .begun = dc_query_int(q, 28),
	};

	copy(o.plan_name, sizeof(o.plan_name), dc_query_text(q, 3));
	copy(o.plan_state, sizeof(o.plan_state), dc_query_text(q, 4));
	copy(o.component, sizeof(o.component), dc_query_text(q, 5));
	copy(o.target, sizeof(o.target), dc_query_text(q, 6));
	copy(o.source, sizeof(o.source), dc_query_text(q, 7));
	return o;
}

/* Value of `key` in "key:value;key:value". */
static void
pick(const char *list, const char *key, char *out, size_t size)
{
	size_t n = strlen(key);

	out[0] = '\0';
	for (const char *at = list; *at;) {
		size_t len = strcspn(at, ";");

		if (len > n && at[n] == ':' && memcmp(at, key, n) == 0 && len - n - 1 < size) {
			memcpy(out, at + n + 1, len - n - 1);
			out[len - n - 1] = '\0';
			return;
		}
		at += len + (at[len] == ';');
	}
}

void
dc_plan_version_of(
    struct dc *dc, int64_t device, const char *component, int64_t kind, char *out, size_t size)
{
	dc_plan_version_in(dc->db, device, component, kind, out, size);
}

void
dc_plan_version_in(
    struct dc_db *db, int64_t device, const char *component, int64_t kind, char *out, size_t size)
{
	AUTO(dc_query)
	struct dc_query *q = dc_db_query(
	    db, "SELECT version, mcu FROM device WHERE id = ?", "i", device);

	out[0] = '\0';
	if (!dc_query_next(q))
		return;
	pick(dc_query_text(q, 1), component, out, size);
	if (!out[0] && kind == 0)
		copy(out, size, dc_query_text(q, 0));
}

/* Whether `version` is in a list joined by ';'. */
static bool
listed(const char *list, const char *version)
{
	size_t n = strlen(version);

	for (const char *at = list; *at;) {
		size_t len = strcspn(at, ";");

		if (len == n && memcmp(at, version, n) == 0)
			return true;
		at += len + (at[len] == ';');
	}
	return false;
}

bool
dc_plan_version_fits(const char *source, const char *versions, const char *version)
{
	if (source[0])
		return strcmp(source, version) == 0;
	return !versions[0] || listed(versions, version);
}

/* Whether a component is to be done and may be; marks it when it needs nothing. */
static bool
is_open(struct dc *dc, const struct dc_peer *p, const struct dc_offer *o, const char *versions,
    bool *stops)
{
	char version[65];

	*stops = false;
	if (o->state == DC_PROGRESS_DONE || o->state == DC_PROGRESS_NEEDLESS)
		return false;
	*stops = true;
	if (o->state == DC_PROGRESS_FAILED)
		return false;
	dc_plan_version_of(dc, p->device, o->component, o->kind, version, sizeof(version));
	if (version[0] && strcmp(version, o->target) == 0) {
		dc_plan_end(dc, p, o, o->offered ? DC_PROGRESS_DONE : DC_PROGRESS_NEEDLESS);
		*stops = false;
		return false;
	}
	return dc_plan_version_fits(o->source, versions, version);
}

/* Whose plans: those that may be offered now, or the manual ones whatever a person decided. */
static unsigned
next(struct dc *dc, const struct dc_peer *p, bool only_manual,
    struct dc_offer out[static DC_RULE_COMPONENTS])
{
	int64_t now = dc_peer_now(dc), blocked = 0, any = only_manual;
	unsigned n = 0;
	bool stops;
	AUTO(dc_query)
	struct dc_query *q = dc_db_query(dc->db,
	    OFFER_COLUMNS(
		"d.id") "FROM plan pl JOIN plan_component pc ON pc.plan = pl.id "
			"JOIN package pk ON pk.id = pc.package JOIN device d ON d.id = ? "
			"LEFT JOIN progress pr ON pr.plan = pl.id AND pr.seq = pc.seq AND "
			"pr.device = d.id "
			"LEFT JOIN confirmation c ON c.plan = pl.id AND c.device = d.id "
			"WHERE pl.pk = ? AND (pl.state = 'activated' OR (pl.state = 'suspended' "
			"AND " BEGUN(
			    "d.id") ")) AND pl.starts <= ? AND pl.ends > ? "
				    "AND (pl.mode = 'manual' AND (? OR d.auto_upgrade = 1 OR "
				    "c.status = 1 OR "
				    "  (c.status = 2 AND c.starts <= ? AND c.ends > ?)) OR pl.mode "
				    "= 'silent' AND NOT ?) "
				    "AND NOT EXISTS (SELECT 1 FROM plan_device b WHERE b.plan = "
				    "pl.id AND b.dk = ? "
				    " AND b.list = 'black') "
				    "AND (NOT EXISTS (SELECT 1 FROM plan_device w WHERE w.plan = "
				    "pl.id "
				    " AND w.list = 'white') OR EXISTS (SELECT 1 FROM plan_device w "
				    " WHERE w.plan = pl.id AND w.dk = ? AND w.list = 'white')) "
				    "ORDER BY pl.id, pc.seq",
	    "itiiiiiitt", p->device, p->pk, now, now, any, now, now, any, p->dk, p->dk);

	while (n < DC_RULE_COMPONENTS && dc_query_next(q)) {
		struct dc_offer o = read_offer(q);

		if (n > 0 && o.plan != out[0].plan)
			break;
		if (o.plan == blocked)
			continue;
		if (is_open(dc, p, &o, dc_query_text(q, 24), &stops))
			out[n++] = o;
		else if (stops)
			blocked = o.plan; /* what follows in this plan waits for it */
	}
	return n;
}

unsigned
dc_plan_next(struct dc *dc, const struct dc_peer *p, struct dc_offer out[static DC_RULE_COMPONENTS])
{
	return next(dc, p, false, out);
}

unsigned
dc_plan_waiting(
    struct dc *dc, const struct dc_peer *p, struct dc_offer out[static DC_RULE_COMPONENTS])
{
	return next(dc, p, true, out);
}

bool
dc_plan_may_begin(const struct dc *dc, const struct dc_offer *o)
{
	return dc_rule_may_begin(o->plan_state, o->ends, dc_peer_now(dc), o->begun);
}

bool
dc_plan_must_wait(struct dc *dc, const struct dc_peer *p, const struct dc_offer *o)
{
	return dc_db_int(dc->db, 0,
		   "SELECT count(*) FROM plan_component pc LEFT JOIN progress pr "
		   "ON pr.plan = pc.plan AND pr.seq = pc.seq AND pr.device = ? "
		   "WHERE pc.plan = ? AND pc.seq < ? AND coalesce(pr.state, 0) NOT IN (2, 4)",
		   "iii", p->device, o->plan, o->seq) > 0;
}

bool
dc_plan_current(struct dc *dc, const struct dc_peer *p, const char *component, struct dc_offer *out)
{
	AUTO(dc_query)
	struct dc_query *q = dc_db_query(dc->db,
	    OFFER_COLUMNS(
		"pr.device") "FROM progress pr JOIN plan pl ON pl.id = pr.plan "
			     "JOIN plan_component pc ON pc.plan = pr.plan AND pc.seq = pr.seq "
			     "JOIN package pk ON pk.id = pc.package "
			     "WHERE pr.device = ? AND pk.component = ? AND pr.offered IS NOT NULL "
			     "ORDER BY pr.state IN (0, 1) DESC, pr.offered DESC LIMIT 1",
	    "it", p->device, component);

	if (!dc_query_next(q))
		return false;
	*out = read_offer(q);
	return true;
}

void
dc_plan_offered(struct dc *dc, const struct dc_peer *p, const struct dc_offer *o)
{
	char version[65];

	dc_plan_version_of(dc, p->device, o->component, o->kind, version, sizeof(version));
	dc_db_do(dc->db,
	    "INSERT INTO progress (plan, seq, device, offered, was) VALUES (?, ?, ?, ?, ?) "
	    "ON CONFLICT (plan, seq, device) DO UPDATE SET offered = excluded.offered, last = 0, "
	    "due = NULL, forced = 0, was = coalesce(was, excluded.was)",
	    "iiiit", o->plan, o->seq, p->device, dc_peer_now(dc), version);
}

void
dc_plan_heard(struct dc *dc, const struct dc_peer *p, const struct dc_offer *o, int64_t status)
{
	dc_db_do(dc->db, "UPDATE progress SET last = ? WHERE plan = ? AND seq = ? AND device = ?",
	    "iiii", status, o->plan, o->seq, p->device);
}

void
dc_plan_set_due(struct dc *dc, const struct dc_peer *p, const struct dc_offer *o, int64_t after_ms)
{
	dc_db_do(dc->db,
	    "INSERT INTO progress (plan, seq, device, due) VALUES (?, ?, ?, ?) "
	    "ON CONFLICT (plan, seq, device) DO UPDATE SET due = excluded.due",
	    "iiii", o->plan, o->seq, p->device, dc_peer_now(dc) + after_ms);
}

void
dc_plan_end(
    struct dc *dc, const struct dc_peer *p, const struct dc_offer *o, enum dc_progress state)
{
	dc_db_do(dc->db,
	    "INSERT INTO progress (plan, seq, device, state, ended) VALUES (?, ?, ?, ?, ?) "
	    "ON CONFLICT (plan, seq, device) DO UPDATE SET state = excluded.state, "
	    "ended = excluded.ended, due = NULL",
	    "iiiii", o->plan, o->seq, p->device, (int64_t)state, dc_peer_now(dc));
	dc_plan_say(dc, p, o, "plan %s, component %s: %s", o->plan_name, o->component,
	    dc_plan_state_name(state));
}

bool
dc_plan_failed(struct dc *dc, const struct dc_peer *p, const struct dc_offer *o)
{
	dc_db_do(dc->db,
	    "UPDATE progress SET tries = tries + 1 WHERE plan = ? AND seq = ? AND device = ?",
	    "iii", o->plan, o->seq, p->device);
	if (o->tries < o->retries && !dc_rule_is_over(o->plan_state, o->ends, dc_peer_now(dc))) {
		dc_plan_set_due(dc, p, o, o->retry_ms);
		return true;
	}
	dc_plan_end(dc, p, o, DC_PROGRESS_FAILED);
	return false;
}

bool
dc_plan_settle(struct dc *dc, const struct dc_peer *p)
{
	struct dc_offer found[20];
	char version[65];
	unsigned n = 0;
	AUTO(dc_query)
	struct dc_query *q = dc_db_query(dc->db,
	    OFFER_COLUMNS(
		"pr.device") "FROM progress pr JOIN plan pl ON pl.id = pr.plan "
			     "JOIN plan_component pc ON pc.plan = pr.plan AND pc.seq = pr.seq "
			     "JOIN package pk ON pk.id = pc.package "
			     "WHERE pr.device = ? AND pr.offered IS NOT NULL AND pr.state IN (0, "
			     "1, 3)",
	    "i", p->device);

	while (n < 20 && dc_query_next(q)) {
		struct dc_offer o = read_offer(q);

		dc_plan_version_of(dc, p->device, o.component, o.kind, version, sizeof(version));
		if (strcmp(version, o.target) == 0)
			found[n++] = o;
	}
	for (unsigned i = 0; i < n; i++) {
		dc_plan_say(
		    dc, p, &found[i], "reported version equals target version %s", found[i].target);
		dc_plan_end(dc, p, &found[i], DC_PROGRESS_DONE);
	}
	return n > 0;
}
