/*
 * doctor_reach: what the daemons build on and reach: trust anchors, the platform's server (with the
 * very TLS profile that cloudd uses), and the daemons themselves.
 */
#include <fcntl.h>
#include <poll.h>
#include <string.h>

#include "bundle_dir.h"
#include "call.h"
#include "clock.h"
#include "doctor.h"
#include "root.h"
#include "trust.h"
#include "wire.h"

enum {
	ROOT_BYTES_MAX = 1 << 20,
	REACH_MS = 5000,
};

#define DAY_MS UINT64_C(86400000)

/* --- trust anchors ---------------------------------------------------------------------------- */

/* The newest root document that can be seen, in the anchors or in what the daemon took since. Its
 * end, ms since 1970; 0: none. */
static uint64_t
root_ends(const char *anchors, const char *taken, uint32_t version, bool lab)
{
	const char *const dirs[] = {taken, anchors};
	char path[600], why[WHY_SIZE];

	for (size_t i = 0; i < 2; i++) {
		struct bundle_bytes b = {0};
		AUTO(root) Tr__Root *r = NULL;

		snprintf(path, sizeof(path), "%s/root.%u", dirs[i], (unsigned)version);
		if (bundle_dir_read_file(AT_FDCWD, path, ROOT_BYTES_MAX, &b) != ERR_OK)
			continue;
		enum err e = root_parse(b.data, b.len, lab, &r, why);

		free(b.data);
		if (e == ERR_OK)
			return r->expires_ms;
	}
	return 0;
}

static void
look_at_anchors(struct doctor *d, const char *daemon, const char *anchors, bool lab,
    const struct daemon_common *c)
{
	struct trust_policy policy = {.lab = lab};
	AUTO(trust) struct trust *t = NULL;
	char taken[300], check[40], ends[CLOCK_TEXT];
	uint64_t now = clock_wall_ms();

	snprintf(taken, sizeof(taken), "%s/%s/roots", c->state_dir, daemon);
	snprintf(check, sizeof(check), "trust of %s", daemon);
	enum err e = trust_open(
	    anchors, access(taken, R_OK | X_OK) == 0 ? taken : NULL, &policy, &t);

	if (e || trust_refuses_all(t)) {
		doctor_say(d, DOCTOR_BAD, check,
		    "put root.1 there, of root and writable for root only: subotactl bundle root",
		    "%s: expected a root document, got %s", anchors, e ? err_text(e) : "none");
		return;
	}
	uint32_t version = trust_root_version(t);
	uint64_t end_ms = root_ends(anchors, taken, version, lab);

	clock_text(end_ms, ends);
	if (end_ms < now)
		doctor_say(d, DOCTOR_BAD, check, "publish a newer root document in a bundle",
		    "root %u: expected one that holds, got one until %s", version, ends);
	else if (end_ms < now + 30 * DAY_MS)
		doctor_say(d, DOCTOR_WARN, check, "publish a newer root document in a bundle",
		    "root %u ends in less than 30 days: %s", version, ends);
	else
		doctor_say(d, DOCTOR_OK, check, "", "root %u until %s%s", version, ends,
		    lab ? ", test keys allowed" : "");
}

void
doctor_trust(struct doctor *d)
{
	if (d->fetch)
		look_at_anchors(d, "fetchd", d->fetch->trust_dir, d->fetch->lab, &d->fetch->common);
	if (d->flash)
		look_at_anchors(d, "flashd", d->flash->trust_dir, d->flash->lab, &d->flash->common);
}

/* --- the platform ----------------------------------------------------------------------------- */

/* Until `fd` is ready; false: not before `end`. */
static bool
wait_ready(int fd, short events, struct mono end)
{
	struct pollfd p = {.fd = fd, .events = events};
	int64_t ms = mono_between(clock_now(), end);

	(void)!poll(&p, 1, ms > 0 ? (int)ms : 0);
	return !mono_reached(clock_now(), end);
}

/* A connection, as the dialer makes them, but by ourselves; `why` says what failed. */
static enum err
make_call(const struct cloud_settings *s, struct mono end, int *fd, char why[WHY_SIZE])
{
	char detail[CALL_WHY] = "";
	struct addrinfo *all = NULL;
	struct call call;
	enum err e = call_resolve(s->identity.host, (uint16_t)s->identity.port, &all, detail);

	if (e)
		return why_say(why, e, "%s", detail);
	call_init(&call, all, REACH_MS / 2, clock_now());
	while ((e = call_step(&call, clock_now(), fd)) == ERR_AGAIN)
		if (!wait_ready(call.fd, POLLOUT, call.due.ms < end.ms ? call.due : end) &&
		    mono_reached(clock_now(), end))
			break;
	if (e == ERR_AGAIN)
		e = why_say(why, ERR_TIMEOUT, "no answer within %d s", REACH_MS / 1000);
	else if (e)
		e = why_say(why, e, "%s", call.why);
	call_fini(&call);
	return e;
}

/* Connect, greet and prove; `why` says what failed. */
static enum err
reach(const struct cloud_settings *s, struct tls_context *context, char why[WHY_SIZE])
{
	struct mono end = mono_after(clock_now(), REACH_MS);
	AUTO(wire) struct wire *w = NULL;
	int fd = -1;
	enum err e = make_call(s, end, &fd, why);

	if (e)
		return e;
	e = wire_new(fd, context, &w);
	if (e)
		return why_say(why, e, "%s", err_text(e));
	while ((e = wire_step(w)) == ERR_AGAIN)
		if (!wait_ready(wire_fd(w), wire_wants(w), end))
			return why_say(why, ERR_TIMEOUT, "no answer within %d s", REACH_MS / 1000);
	return e ? why_say(why, e, "%s", wire_why(w)) : ERR_OK;
}

void
doctor_platform(struct doctor *d)
{
	const struct cloud_settings *s = d->cloud;
	AUTO(tls_context) struct tls_context *context = NULL;
	char why[WHY_SIZE] = "";

	if (!s)
		return;
	const struct tls_settings tls = {.ca_file = s->ca_file,
	    .server_name = s->server_name[0] ? s->server_name : s->identity.host,
	    .crl_file = s->crl_file[0] ? s->crl_file : NULL,
	    .spki_pin = s->spki_pin[0] ? s->spki_pin : NULL,
	    .tls12 = s->tls12};

	if (s->tls && tls_context_new(&tls, &context)) {
		doctor_say(d, DOCTOR_BAD, "platform", "mend ca_file, crl_file or spki_pin",
		    "%s: cannot be used", s->ca_file);
		return;
	}
	enum err e = reach(s, context, why);
	if (e)
		doctor_say(d, DOCTOR_BAD, "platform",
		    e == ERR_TLS ? "look at ca_file, server_name and the clock"
				 : "look at host, port, name service and the network",
		    "%s:%llu: %s: %s", s->identity.host, (unsigned long long)s->identity.port,
		    err_text(e), why);
	else
		doctor_say(d, DOCTOR_OK, "platform", "", "%s:%llu%s", s->identity.host,
		    (unsigned long long)s->identity.port,
		    s->tls ? " has proved itself" : " without TLS");
}

/* --- the daemons ------------------------------------------------------------------------------ */

/* A member of a status that should be as it is said to be; absent is fine. */
static void
expect_member(struct doctor *d, const cJSON *status, const char *daemon, const char *member,
    bool wanted, enum doctor_verdict otherwise, const char *advice)
{
	const cJSON *value = cJSON_GetObjectItem(status, member);

	if (value && cJSON_IsTrue(value) != wanted)
		doctor_say(d, otherwise, daemon, advice, "expected %s to be %s", member,
		    wanted ? "true" : "false");
}

static void
expect_no_damage(struct doctor *d, const cJSON *status, const char *daemon)
{
	const cJSON *n = cJSON_GetObjectItem(status, "records_set_aside");

	if (cJSON_IsNumber(n) && n->valuedouble > 0)
		doctor_say(d, DOCTOR_WARN, daemon,
		    "look at the disk and subotactl events; keep or remove *.corrupt-* in its "
		    "state directory",
		    "expected no damaged record, got %.0f that were set aside: what they held is "
		    "learned anew",
		    n->valuedouble);
}

static void
expect_no_trouble(struct doctor *d, const cJSON *status, const char *daemon)
{
	const char *got = cJSON_GetStringValue(cJSON_GetObjectItem(status, "record_trouble"));

	if (got && *got)
		doctor_say(d, DOCTOR_BAD, daemon, "see the kernel's log and df for its state_dir",
		    "expected a record that can be written, got %s", got);
}

void
doctor_daemons(struct doctor *d)
{
	for (size_t i = 0; i < ASK_DAEMONS; i++) {
		const char *name = who_name(ask_daemons[i]);
		AUTO(out_json) cJSON *status = NULL;
		char why[WHY_SIZE] = "";
		enum err e = ask_one(d->ask, ask_daemons[i], "status", "", &status, why);

		if (e) {
			doctor_say(d, e == ERR_DENIED ? DOCTOR_WARN : DOCTOR_BAD, name,
			    e == ERR_DENIED ? "ask as root or a member of operator_group"
					    : "systemctl status, journalctl -u: why is it down?",
			    "%s", why);
			continue;
		}
		doctor_say(d, DOCTOR_OK, name, "", "answers");
		expect_member(d, status, name, "connected", true, DOCTOR_BAD,
		    "see platform above, and subotactl events cloudd");
		expect_member(d, status, name, "online", true, DOCTOR_WARN,
		    "the platform is away, or does not let the gateway in: subotactl events "
		    "cloudd");
		expect_no_damage(d, status, name);
		expect_no_trouble(d, status, name);
		expect_member(d, status, name, "clock_behind", false, DOCTOR_BAD,
		    "set the clock: it is before a time that was signed and verified");
		expect_member(d, status, name, "refuses_all", false, DOCTOR_BAD,
		    "put root.1 into trust_dir and restart");
	}
}
