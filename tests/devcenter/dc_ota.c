/*
 * dc_ota: see dc_ota.h.
 *
 * Log lines follow the platform's own log of a run: request, issue plan, plan issued, status, issue
 * URL, URL issued, status ..., version equals target.
 */
#include "dc_ota.h"

#include <string.h>

#include "dc_plan.h"
#include "dc_rule.h"

/* clang-format off */
enum {
	CMD_PLAN = 0x0111, CMD_FIRMWARE = 0x0113,
	ID_URL = 1, ID_SIZE = 2, ID_MD5 = 3, ID_COMPONENT = 4, ID_SOURCE = 5, ID_TARGET = 6,
	ID_KIND = 7, ID_BATTERY = 8, ID_SPACE = 9, ID_SIGNAL = 10, ID_STATUS = 13,
	ID_STATUS_NAME = 14, ID_CRC = 15, ID_SHA256 = 16, ID_WANTS = 19, ID_FILES = 20,
	ID_VERSION = 25, ID_MCU = 26, ID_TASKS = 28, ID_FILE_INDEX = 30,
	EXCEPTION_PAYLOAD = 5,
	PUSH_EVERY_MS = 600000,  /* again inside the push period while nobody answers */
	QUIET_MS = 1800000,      /* a running upgrade that says nothing for so long */
	JUST_NOW_MS = 5000,      /* login and version report come together */
	TICK_DEVICES = 64,       /* looked at in one tick */
};

enum { RECEIVED = 1, CONFIRMED = 2, REFUSED = 3, DOWNLOAD_FAILED = 6, SUCCEEDED = 11, FAILED = 12 };

/* Status, its name on the wire, the platform's wording, whether an upgrade is under way. */
static const struct status_row {
	int64_t status;
	const char *name, *text;
	bool running;
} status_rows[] = {
	{ 1, "REVICEPLAN",      "Plan Received",      true  },
	{ 2, "SUBMITOTA",       "Upgrade Confirmed",  true  },
	{ 3, "REFUSEDOTA",      "Upgrade Refused",    false },
	{ 4, "DOWNLOADSTART",   "Ready to Download",  true  },
	{ 5, "DOWNLOADING",     "Downloading",        true  },
	{ 6, "DOWNLOADERROR",   "Download Failed",    false },
	{ 8, "DOWNLOADSUCCESS", "Download Succeeded", true  },
	{ 9, "UPDATING",        "Upgrading",          true  },
	{11, "UPDATESUCCESS",   "Upgrade Succeeded",  false },
	{12, "UPDATEERROR",     "Upgrade Failed",     false },
};
/* clang-format on */

static const struct status_row *
find_status(int64_t status)
{
	for (size_t i = 0; i < sizeof(status_rows) / sizeof(status_rows[0]); i++)
		if (status_rows[i].status == status)
			return &status_rows[i];
	return NULL;
}

const char *
dc_ota_status_text(int64_t status)
{
	const struct status_row *row = find_status(status);

	return row ? row->text : NULL;
}

const char *
dc_ota_progress_text(int64_t state, int64_t last, bool offered)
{
	const char *text = dc_ota_status_text(last);

	if (state == DC_PROGRESS_NEEDLESS)
		return "No Update Required";
	return text ? text : offered ? "Plan Not Received" : "";
}

/* --- the address of the package -------------------------------------------------------------- */

/* Make a hex digest wrong without making it no digest. */
static void
spoil(char *hex)
{
	hex[0] = hex[0] == '0' ? '1' : '0';
}

/* Address, size and MD5 of the file in the query's row. */
static void
put_file(struct dc *dc, struct dc_ttlv_out *v, const struct dc_query *q)
{
	char url[600], md5[33];
	bool http = strcmp(dc_query_text(q, 1), "http") == 0;
	int64_t size = dc_query_int(q, 3), extra = 0;

	if (dc_query_is_null(q, 0))
		snprintf(url, sizeof(url), "%s/packages/%s", http ? dc->http : dc->https,
		    dc_query_text(q, 2));
	else
		snprintf(url, sizeof(url), "%s", dc_query_text(q, 0));
	snprintf(md5, sizeof(md5), "%s", dc_query_text(q, 4));
	if (dc_fault_strikes(&dc->faults, DC_FAULT_WRONG_MD5, NULL))
		spoil(md5);
	if (dc_fault_strikes(&dc->faults, DC_FAULT_WRONG_SIZE, &extra))
		size += extra;
	dc_ttlv_put_text(v, ID_URL, url);
	dc_ttlv_put_int(v, ID_SIZE, size);
	dc_ttlv_put_text(v, ID_MD5, md5);
}

static void
put_target(struct dc_ttlv_out *v, const struct dc_offer *o)
{
	dc_ttlv_put_text(v, ID_COMPONENT, o->component);
	dc_ttlv_put_text(v, ID_TARGET, o->target);
	dc_ttlv_put_int(v, ID_KIND, o->kind);
}

static void
put_digests(
    struct dc *dc, struct dc_ttlv_out *v, const struct dc_offer *o, const struct dc_query *q)
{
	char sha256[65];

	snprintf(sha256, sizeof(sha256), "%s", dc_query_text(q, 6));
	if (dc_fault_strikes(&dc->faults, DC_FAULT_WRONG_SHA256, NULL))
		spoil(sha256);
	dc_ttlv_put_text(v, ID_CRC, dc_query_text(q, 5));
	if (o->sha256)
		dc_ttlv_put_text(v, ID_SHA256, sha256);
}

/* One file with its digests, or a list of several files, which have an MD5 only. */
static void
put_package(struct dc *dc, struct dc_ttlv_out *v, const struct dc_offer *o, int64_t files,
    struct dc_query *q)
{
	if (files == 1) {
		put_file(dc, v, q);
		put_target(v, o);
		put_digests(dc, v, o, q);
		return;
	}
	put_target(v, o);
	dc_ttlv_put_struct(v, ID_FILES, (unsigned)files);
	do {
		dc_ttlv_put_struct(v, 0, 4);
		dc_ttlv_put_int(v, ID_FILE_INDEX, dc_query_int(q, 7));
		put_file(dc, v, q);
	} while (dc_query_next(q));
}

static void
send_package(struct dc *dc, struct dc_peer *p, const struct dc_offer *o)
{
	struct dc_ttlv_out v = {0};
	int64_t more = dc_db_int(
	    dc->db, 0, "SELECT count(*) FROM package_file WHERE package = ?", "i", o->package);
	AUTO(dc_query)
	struct dc_query *q = dc_db_query(dc->db,
	    "SELECT url, scheme, path, size, md5, crc, sha256, 0 AS idx FROM package WHERE id = ? "
	    "UNION ALL SELECT NULL, k.scheme, f.path, f.size, f.md5, f.crc, f.sha256, f.idx "
	    "FROM package_file f JOIN package k ON k.id = f.package WHERE k.id = ? ORDER BY idx",
	    "ii", o->package, o->package);

	if (dc_fault_strikes(&dc->faults, DC_FAULT_NO_0113, NULL)) {
		dc_plan_say(dc, p, o, "issue URL: not sent, as ordered");
		return;
	}
	if (!dc_query_next(q))
		return;
	dc_plan_say(dc, p, o, "issue URL");
	put_package(dc, &v, o, more + 1, q);
	dc_peer_send(dc, p, "ota", CMD_FIRMWARE, 0, &v);
	dc_plan_say(dc, p, o, "URL issued");
}

/* The device confirmed a component whose turn it is. */
static void
begin(struct dc *dc, struct dc_peer *p, const struct dc_offer *o)
{
	dc_db_do(dc->db,
	    "UPDATE progress SET state = 1, confirmed = confirmed + 1, "
	    "started = coalesce(started, ?) WHERE plan = ? AND seq = ? AND device = ?",
	    "iiii", dc_peer_now(dc), o->plan, o->seq, p->device);
	send_package(dc, p, o);
}

/* --- offering -------------------------------------------------------------------------------- */

static bool
may_push(const struct dc_offer *o, enum dc_ota_why why, int64_t now)
{
	const struct status_row *row = find_status(o->last);

	if (why == DC_OTA_REQUEST || o->forced)
		return true;
	if (!o->push || !dc_rule_in_period(o->push_from, o->push_to, o->zone, now))
		return false;
	if (o->last == REFUSED && o->due > now)
		return false;
	if (why == DC_OTA_SWEEP)
		return o->due <= now;
	if (why == DC_OTA_LOGIN)
		return true; /* whoever logs in may have forgotten what it was doing */
	if (row && row->running && o->due > now)
		return false;
	return why != DC_OTA_VERSION || now - o->offered > JUST_NOW_MS;
}

static void
put_component(struct dc *dc, struct dc_ttlv_out *v, const struct dc_offer *o)
{
	dc_ttlv_put_text(v, ID_COMPONENT, o->component);
	if (o->source[0])
		dc_ttlv_put_text(v, ID_SOURCE,
		    dc_fault_strikes(&dc->faults, DC_FAULT_WRONG_SOURCE, NULL) ? "0.0.0"
									       : o->source);
	dc_ttlv_put_text(v, ID_TARGET, o->target);
	dc_ttlv_put_int(v, ID_KIND, o->kind);
	dc_ttlv_put_int(v, ID_BATTERY, o->min_battery);
	dc_ttlv_put_int(v, ID_SPACE, o->size);
	dc_ttlv_put_int(v, ID_SIGNAL, o->min_signal);
}

static void
issue(struct dc *dc, struct dc_peer *p, const struct dc_offer *o, unsigned n)
{
	struct dc_ttlv_out v = {0};

	if (n > 1)
		dc_ttlv_put_struct(&v, ID_TASKS, n);
	for (unsigned i = 0; i < n; i++) {
		dc_plan_say(dc, p, &o[i], "issue upgrade plan %s: component %s to version %s",
		    o[i].plan_name, o[i].component, o[i].target);
		dc_plan_offered(dc, p, &o[i]);
		if (n > 1)
			dc_ttlv_put_struct(&v, 0, o[i].source[0] ? 7 : 6);
		put_component(dc, &v, &o[i]);
	}
	dc_plan_set_due(dc, p, &o[0], PUSH_EVERY_MS);
	dc_peer_send(dc, p, "ota", CMD_PLAN, 0, &v);
	for (unsigned i = 0; i < n; i++)
		dc_plan_say(dc, p, &o[i], "upgrade plan issued");
}

/* As many devices are at it as the platform takes at once. */
static bool
are_enough(struct dc *dc)
{
	return dc_db_int(dc->db, 0, "SELECT count(DISTINCT device) FROM progress WHERE state = 1",
		   "") >= DC_RULE_AT_ONCE;
}

void
dc_ota_offer(struct dc *dc, struct dc_peer *p, enum dc_ota_why why)
{
	struct dc_offer o[DC_RULE_COMPONENTS];

	if (dc_fault_strikes(&dc->faults, DC_FAULT_NO_0111, NULL))
		return;
	unsigned n = dc_plan_next(dc, p, o);
	if (n == 0) {
		if (why == DC_OTA_REQUEST)
			dc_peer_say(dc, p, "no plan fits");
		return;
	}
	if (!may_push(&o[0], why, dc_peer_now(dc)))
		return;
	if (!o[0].begun && are_enough(dc)) {
		dc_plan_set_due(dc, p, &o[0], PUSH_EVERY_MS);
		dc_plan_say(dc, p, &o[0], "upgrade plan %s waits: %d devices are being upgraded",
		    o[0].plan_name, DC_RULE_AT_ONCE);
		return;
	}
	issue(dc, p, o, n);
}

/* A component is done: one that follows and was in the same notice has its turn; it gets its
 * address if it was confirmed already. False when there is none. */
static bool
go_on(struct dc *dc, struct dc_peer *p)
{
	struct dc_offer o[DC_RULE_COMPONENTS];

	if (dc_plan_next(dc, p, o) == 0 || o[0].seq == 0 || !o[0].offered ||
	    o[0].state != DC_PROGRESS_NONE || (o[0].last != 0 && o[0].last != CONFIRMED))
		return false;
	dc_plan_set_due(dc, p, &o[0], PUSH_EVERY_MS);
	if (o[0].last == CONFIRMED)
		begin(dc, p, &o[0]);
	return true;
}

void
dc_ota_address(struct dc *dc, struct dc_peer *p)
{
	struct dc_offer o[DC_RULE_COMPONENTS];

	if (dc_plan_next(dc, p, o))
		send_package(dc, p, &o[0]);
}

void
dc_ota_version(struct dc *dc, struct dc_peer *p, const char *version, const char *mcu)
{
	if (version)
		dc_db_do(dc->db, "UPDATE device SET version = ?, seen = ? WHERE id = ?", "tii",
		    version, dc_peer_now(dc), p->device);
	if (mcu)
		dc_db_do(dc->db, "UPDATE device SET mcu = ? WHERE id = ?", "ti", mcu, p->device);
	if (!dc_plan_settle(dc, p) || !go_on(dc, p))
		dc_ota_offer(dc, p, DC_OTA_VERSION);
}

unsigned
dc_ota_request(struct dc *dc, struct dc_peer *p)
{
	char version[65], mcu[512];

	if (!dc_ttlv_text(&dc->ttlv, ID_VERSION, version, sizeof(version)))
		return EXCEPTION_PAYLOAD;
	dc_peer_say(dc, p, "device requests an upgrade plan, version %s", version);
	dc_db_do(dc->db, "UPDATE device SET version = ?, seen = ? WHERE id = ?", "tii", version,
	    dc_peer_now(dc), p->device);
	if (dc_ttlv_text(&dc->ttlv, ID_MCU, mcu, sizeof(mcu)))
		dc_db_do(dc->db, "UPDATE device SET mcu = ? WHERE id = ?", "ti", mcu, p->device);
	dc_plan_settle(dc, p);
	dc_ota_offer(dc, p, DC_OTA_REQUEST);
	return 0;
}

/* --- statuses -------------------------------------------------------------------------------- */

static void
on_confirmed(struct dc *dc, struct dc_peer *p, struct dc_offer *o)
{
	char wants[16];

	o->sha256 = dc_ttlv_text(&dc->ttlv, ID_WANTS, wants, sizeof(wants)) &&
		    strcmp(wants, "sha256") == 0;
	if (o->state > DC_PROGRESS_RUNNING ||
	    (o->state == DC_PROGRESS_NONE && !dc_plan_may_begin(dc, o))) {
		dc_plan_say(dc, p, o, "no URL: plan %s is %s, device state is %s", o->plan_name,
		    o->plan_state, dc_plan_state_name(o->state));
		return;
	}
	dc_db_do(dc->db, "UPDATE progress SET sha256 = ? WHERE plan = ? AND seq = ? AND device = ?",
	    "iiii", (int64_t)o->sha256, o->plan, o->seq, p->device);
	if (dc_plan_must_wait(dc, p, o))
		dc_plan_say(dc, p, o, "no URL yet: component %s has its turn later", o->component);
	else
		begin(dc, p, o);
}

/* Whether the versions that come with status 11 contradict it. */
static bool
reports_other_version(struct dc *dc, const struct dc_peer *p, const struct dc_offer *o)
{
	char version[65];

	if (!dc_ttlv_find(&dc->ttlv, o->kind == 0 ? ID_VERSION : ID_MCU))
		return false;
	dc_plan_version_of(dc, p->device, o->component, o->kind, version, sizeof(version));
	if (strcmp(version, o->target) == 0)
		return false;
	dc_plan_say(
	    dc, p, o, "upgrade succeeded, but: expected version %s, got %s", o->target, version);
	return true;
}

/* `o->last` is the status before this one: the same failure twice is one failure. */
static void
judge(struct dc *dc, struct dc_peer *p, struct dc_offer *o, int64_t status)
{
	const struct status_row *row = find_status(status);
	bool failed = status == FAILED || status == DOWNLOAD_FAILED;

	dc_plan_heard(dc, p, o, status);
	if (status == CONFIRMED)
		on_confirmed(dc, p, o);
	if (row->running)
		dc_plan_set_due(dc, p, o, QUIET_MS);
	if (o->state > DC_PROGRESS_RUNNING)
		return;
	if (status == REFUSED)
		dc_plan_set_due(dc, p, o, o->reject_min * 60000);
	if (status == SUCCEEDED && o->last != SUCCEEDED) {
		failed = reports_other_version(dc, p, o);
		if (!failed)
			dc_plan_say(dc, p, o, "version equals target version %s", o->target);
		if (!failed)
			dc_plan_end(dc, p, o, DC_PROGRESS_DONE);
	}
	if (failed && o->last != status)
		dc_plan_failed(dc, p, o);
}

static void
record_status(struct dc *dc, const struct dc_peer *p, const struct dc_offer *o,
    const char *component, int64_t status, const char *name)
{
	char version[65];
	bool has_version = dc_ttlv_text(&dc->ttlv, ID_VERSION, version, sizeof(version));

	dc_db_do(dc->db,
	    "INSERT INTO status (device, plan, component, code, name, version, at) "
	    "VALUES (?, nullif(?, 0), ?, ?, ?, ?, ?)",
	    "iititti", p->device, o ? o->plan : (int64_t)0, component, status, name,
	    has_version ? version : NULL, dc_peer_now(dc));
}

unsigned
dc_ota_status(struct dc *dc, struct dc_peer *p)
{
	char name[33], component[33], version[65], mcu[512];
	struct dc_offer o;
	int64_t status, kind;

	if (!dc_ttlv_int(&dc->ttlv, ID_STATUS, &status) ||
	    !dc_ttlv_text(&dc->ttlv, ID_STATUS_NAME, name, sizeof(name)) ||
	    !dc_ttlv_int(&dc->ttlv, ID_KIND, &kind) ||
	    !dc_ttlv_text(&dc->ttlv, ID_COMPONENT, component, sizeof(component)))
		return EXCEPTION_PAYLOAD;
	const struct status_row *row = find_status(status);
	if (!row)
		return EXCEPTION_PAYLOAD;
	if (strcmp(name, row->name) != 0)
		dc_peer_say(dc, p, "status %lld: expected the name %s, got %s", (long long)status,
		    row->name, name);
	bool known = dc_plan_current(dc, p, component, &o);
	record_status(dc, p, known ? &o : NULL, component, status, name);
	if (known)
		dc_plan_say(dc, p, &o, "status %lld: %s", (long long)status, row->text);
	else
		dc_peer_say(
		    dc, p, "status %lld: %s (no plan was issued)", (long long)status, row->text);
	if (dc_ttlv_text(&dc->ttlv, ID_VERSION, version, sizeof(version)))
		dc_db_do(dc->db, "UPDATE device SET version = ?, seen = ? WHERE id = ?", "tii",
		    version, dc_peer_now(dc), p->device);
	if (dc_ttlv_text(&dc->ttlv, ID_MCU, mcu, sizeof(mcu)))
		dc_db_do(dc->db, "UPDATE device SET mcu = ? WHERE id = ?", "ti", mcu, p->device);
	if (known)
		judge(dc, p, &o, status);
	if (status == SUCCEEDED && !go_on(dc, p))
		dc_ota_offer(dc, p, DC_OTA_ACTIVE); /* another plan, if there is one */
	return 0;
}

unsigned
dc_ota_confirm(struct dc *dc, struct dc_peer *p)
{
	dc_peer_say(dc, p, "0x0112 heard; this platform takes the confirmation from status 2");
	return 0;
}

void
dc_ota_tick(struct dc *dc)
{
	int64_t device[TICK_DEVICES];
	unsigned n = 0;
	AUTO(dc_query)
	struct dc_query *q = dc_db_query(dc->db,
	    "SELECT DISTINCT pr.device FROM progress pr JOIN plan pl ON pl.id = pr.plan "
	    "JOIN device d ON d.id = pr.device "
	    "WHERE pr.due <= ? AND pr.state IN (0, 1) AND d.online = 1 AND pr.device > ? "
	    "AND pl.state IN ('activated', 'suspended') AND (pl.push = 1 OR pr.forced = 1) "
	    "ORDER BY pr.device LIMIT ?",
	    "iii", dc_peer_now(dc), dc->ticked, (int64_t)TICK_DEVICES);

	while (n < TICK_DEVICES && dc_query_next(q))
		device[n++] = dc_query_int(q, 0);
	dc_query_free(HAND_OVER(q));
	/* Whoever is due but may not be pushed now stays due: all the others have their turn. */
	dc->ticked = n < TICK_DEVICES ? 0 : device[n - 1];
	for (unsigned i = 0; i < n; i++) {
		struct dc_peer *p = dc_peer_of(dc, device[i]);

		dc_db_begin(dc->db);
		if (p)
			dc_ota_offer(dc, p, DC_OTA_TIMER);
		dc_db_commit(dc->db);
	}
}
