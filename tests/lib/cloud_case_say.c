/*
 * cloud_case_say: what the fake platform and the fake gate say; declared in cloud_case.h.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "cloud_case.h"
#include "dp.h"

/* --- the platform ----------------------------------------------------------------------------- */

/* The platform's answer to a letter, after its PUBCOMP. */
static void
answer(struct cloud_case *c, const struct cloud_case_letter *l)
{
	if (c->no_logins)
		return;
	if (l->command == DIALECT_REGISTER)
		cloud_case_reply(c, DIALECT_REGISTERED, c->register_code);
	else if (l->command == DIALECT_LOGIN)
		cloud_case_reply(c, DIALECT_LOGGED_IN, c->login_code);
}

void
cloud_case_confirm(struct cloud_case *c)
{
	cr_assert_gt(c->n_letters, 0, "nothing is on its way");
	struct cloud_case_letter l = c->letters[0];

	memmove(c->letters, c->letters + 1, --c->n_letters * sizeof(l));
	cloud_on_published(&c->cloud, l.token);
	answer(c, &l);
}

void
cloud_case_confirm_all(struct cloud_case *c)
{
	for (int i = 0; c->n_letters; i++) {
		cr_assert_lt(i, 10000, "it never ends");
		cloud_case_confirm(c);
	}
}

static void
settle(struct cloud_case *c)
{
	if (!c->mute)
		cloud_case_confirm_all(c);
}

void
cloud_case_down_bytes(struct cloud_case *c, bool device, const uint8_t *data, size_t len)
{
	char endpoint[ENDPOINT_SIZE] = CLOUD_CASE_GATEWAY, topic[ENDPOINT_TOPIC_SIZE];

	if (device)
		endpoint_format(&c->keys, endpoint);
	snprintf(topic, sizeof(topic), "q/1/d/%s/x", endpoint);
	cloud_on_message(&c->cloud, topic, data, len);
	settle(c);
}

static void
down(struct cloud_case *c, bool device, uint16_t package_id, uint16_t command,
    const struct ttlv_writer *values)
{
	const uint8_t *key = cloud_case_key(c, device);
	uint8_t frame[2 * 4096], sealed[sizeof(frame) + 16];
	struct dp f = {package_id, command, values->data, 0};
	size_t len = 0;

	cr_assert_eq(ttlv_put_end(values, &f.len), ERR_OK);
	cr_assert_eq(dp_format(&f, frame, sizeof(frame), &len), ERR_OK);
	if (key)
		cr_assert_eq(
		    auth_seal(key, AUTH_SESSION_KEY, frame, len, sealed, sizeof(sealed), &len),
		    ERR_OK);
	cloud_case_down_bytes(c, device, key ? sealed : frame, len);
}

void
cloud_case_down(
    struct cloud_case *c, bool device, uint16_t command, const struct ttlv_writer *values)
{
	c->down_package = dp_next_package(c->down_package);
	down(c, device, c->down_package, command, values);
}

/* About an upgrade of the device: over the endpoint that the profile says. */
static void
down_ota(struct cloud_case *c, uint16_t package_id, uint16_t command, struct ttlv_writer *w)
{
	bool own = c->profile.ota_via == PROFILE_VIA_SUBDEVICE;

	if (!own) {
		ttlv_put_text(w, (uint16_t)c->profile.via_pk, c->keys.product_key);
		ttlv_put_text(w, (uint16_t)c->profile.via_dk, c->keys.device_key);
	}
	c->down_package = package_id;
	down(c, own, package_id, command, w);
}

static void
put_component(struct ttlv_writer *w, const char *component, const char *target, int type)
{
	ttlv_put_text(w, 4, component);
	ttlv_put_text(w, 6, target);
	ttlv_put_int(w, 7, type);
}

static void
put_plan(struct ttlv_writer *w, const char *target)
{
	put_component(w, "app", target, 0);
}

void
cloud_case_plans(struct cloud_case *c, const char *list)
{
	uint8_t values[2000];
	struct ttlv_writer w = TTLV_WRITER(values);
	char text[1000], *rest = text, *word;
	uint16_t n = 1;

	snprintf(text, sizeof(text), "%s", list);
	for (const char *at = text; (at = strchr(at, ';')) != NULL; at++)
		n++;
	ttlv_put_struct(&w, 28, n);
	for (int i = 0; (word = strsep(&rest, ";")) != NULL; i++) {
		char *version = strchr(word, ':');

		*version++ = '\0';
		ttlv_put_struct(&w, 0, 3);
		put_component(&w, word, version, i > 0);
	}
	down_ota(c, dp_next_package(c->down_package), DIALECT_PLAN, &w);
}

void
cloud_case_plan(struct cloud_case *c, const char *target)
{
	uint8_t values[300];
	struct ttlv_writer w = TTLV_WRITER(values);

	put_plan(&w, target);
	down_ota(c, dp_next_package(c->down_package), DIALECT_PLAN, &w);
}

void
cloud_case_plan_again(struct cloud_case *c, const char *target)
{
	uint8_t values[300];
	struct ttlv_writer w = TTLV_WRITER(values);

	put_plan(&w, target);
	down_ota(c, c->down_package, DIALECT_PLAN, &w);
}

static void
put_address(struct ttlv_writer *w, bool whole)
{
	ttlv_put_text(w, 1, "https://packages.example/fw.bin");
	if (whole)
		ttlv_put_int(w, 2, 4711);
	ttlv_put_text(w, 3, "0123456789abcdef0123456789abcdef");
	ttlv_put_text(w, 15, "cafe1234");
}

void
cloud_case_firmware(struct cloud_case *c, const char *target)
{
	uint8_t values[300];
	struct ttlv_writer w = TTLV_WRITER(values);

	put_address(&w, true);
	put_plan(&w, target);
	down_ota(c, dp_next_package(c->down_package), DIALECT_FIRMWARE, &w);
}

void
cloud_case_firmware_of(struct cloud_case *c, const char *component, const char *target)
{
	uint8_t values[300];
	struct ttlv_writer w = TTLV_WRITER(values);

	put_address(&w, true);
	put_component(&w, component, target, 1);
	down_ota(c, dp_next_package(c->down_package), DIALECT_FIRMWARE, &w);
}

void
cloud_case_bad_firmware(struct cloud_case *c)
{
	uint8_t values[300];
	struct ttlv_writer w = TTLV_WRITER(values);

	put_address(&w, false);
	put_plan(&w, "2.0.0");
	down_ota(c, dp_next_package(c->down_package), DIALECT_FIRMWARE, &w);
}

static void
put_session_key(const struct cloud_case *c, struct ttlv_writer *w)
{
	uint8_t sealed[32];
	size_t len = 0;

	cr_assert_eq(auth_seal(CLOUD_CASE_SECRET, 32, (const uint8_t *)CLOUD_CASE_KEY,
			 AUTH_SESSION_KEY, sealed, sizeof(sealed), &len),
	    ERR_OK);
	ttlv_put_bytes(w, (uint16_t)c->profile.reply_session_key, sealed, len);
}

/* The device secret of the golden data, sealed as in it. */
void
cloud_case_reply(struct cloud_case *c, uint16_t command, int code)
{
	uint8_t values[300];
	struct ttlv_writer w = TTLV_WRITER(values);

	code = code ? code : DIALECT_CODE_OK;
	ttlv_put_int(&w, (uint16_t)c->profile.reply_code, code);
	ttlv_put_text(&w, (uint16_t)c->profile.sub_pk, c->keys.product_key);
	ttlv_put_text(&w, (uint16_t)c->profile.sub_dk, c->keys.device_key);
	if (command == DIALECT_REGISTERED && code == DIALECT_CODE_OK)
		ttlv_put_text(&w, (uint16_t)c->profile.reply_ds,
		    "2iKcFleFzN2uzW2fTpi5LEajGd+l6JHDxCTkffv2H8avWN9TzFkl5mKU/SaYv+aR");
	if (command == DIALECT_LOGGED_IN && code == DIALECT_CODE_OK && c->identity.encrypt)
		put_session_key(c, &w);
	cloud_case_down(c, false, command, &w);
}

void
cloud_case_exception(struct cloud_case *c, bool device, int code, uint16_t package_id)
{
	uint8_t values[100];
	struct ttlv_writer w = TTLV_WRITER(values);

	ttlv_put_int(&w, 1, code);
	ttlv_put_int(&w, 2, package_id);
	cloud_case_down(c, device, DIALECT_EXCEPTION, &w);
}

/* --- the gate --------------------------------------------------------------------------------- */

static Pb__Device *
device(struct cloud_case *c, Pb__Device *d)
{
	pb__device__init(d);
	d->product_key = c->keys.product_key;
	d->device_key = c->keys.device_key;
	return d;
}

static void
from_gate(struct cloud_case *c, Pb__Envelope *e)
{
	cloud_on_gate_message(&c->cloud, e);
	settle(c);
}

static void
report_device(struct cloud_case *c, const char *component, const char *version, int state,
    unsigned place, unsigned places)
{
	char text[65], name[65];
	Pb__Device d;
	Pb__DeviceReport r = PB__DEVICE_REPORT__INIT;
	Pb__Envelope e = PB__ENVELOPE__INIT;

	snprintf(text, sizeof(text), "%s", version);
	r.device = device(c, &d);
	snprintf(name, sizeof(name), "%s", component);
	r.component = name;
	r.version = text;
	r.state = (Pb__DeviceState)state;
	r.place = place;
	r.places = places;
	e.body_case = PB__ENVELOPE__BODY_DEVICE_REPORT;
	e.device_report = &r;
	from_gate(c, &e);
}

void
cloud_case_reports_device(struct cloud_case *c, const char *version, int state)
{
	report_device(c, c->component, version, state, 0, 0);
}

void
cloud_case_reports_component(
    struct cloud_case *c, const char *component, const char *version, unsigned place)
{
	report_device(c, component, version, PB__DEVICE_STATE__DEVICE_STATE_PRESENT, place, 2);
}

void
cloud_case_verdict(struct cloud_case *c, int verdict, enum err reason, uint64_t until)
{
	static char detail[] = "expected this, got that";
	Pb__PlanVerdict v = PB__PLAN_VERDICT__INIT;
	Pb__Envelope e = PB__ENVELOPE__INIT;

	v.verdict = (Pb__Verdict)verdict;
	v.reason = reason;
	v.detail = reason ? detail : v.detail;
	v.until = until;
	e.upgrade = c->upgrade;
	e.body_case = PB__ENVELOPE__BODY_PLAN_VERDICT;
	e.plan_verdict = &v;
	from_gate(c, &e);
}

void
cloud_case_progress(struct cloud_case *c, int phase)
{
	Pb__Device d;
	Pb__Progress p = PB__PROGRESS__INIT;
	Pb__Envelope e = PB__ENVELOPE__INIT;

	p.device = device(c, &d);
	p.phase = (Pb__Phase)phase;
	e.upgrade = c->upgrade;
	e.body_case = PB__ENVELOPE__BODY_PROGRESS;
	e.progress = &p;
	from_gate(c, &e);
}

void
cloud_case_report_again(struct cloud_case *c, const char *source, uint64_t id, int phase,
    enum err error, const char *version)
{
	char from[16], text[65];
	Pb__Device d;
	Pb__Report r = PB__REPORT__INIT;
	Pb__Envelope e = PB__ENVELOPE__INIT;

	snprintf(from, sizeof(from), "%s", source);
	snprintf(text, sizeof(text), "%s", version);
	r.id = id;
	r.source = from;
	r.device = device(c, &d);
	r.phase = (Pb__Phase)phase;
	r.error = error;
	r.version = text;
	e.upgrade = c->upgrade;
	e.body_case = PB__ENVELOPE__BODY_REPORT;
	e.report = &r;
	from_gate(c, &e);
}

uint64_t
cloud_case_report(
    struct cloud_case *c, const char *source, int phase, enum err error, const char *version)
{
	cloud_case_report_again(c, source, c->next_report, phase, error, version);
	return c->next_report++;
}

/* --- both ------------------------------------------------------------------------------------- */

void
cloud_case_drive(struct cloud_case *c, int state)
{
	if (state >= CONVERSATION_OFFERED)
		cloud_case_plan(c, "2.0.0");
	if (state >= CONVERSATION_CONFIRMED)
		cloud_case_verdict(c, PB__VERDICT__VERDICT_ACCEPT, ERR_OK, 0);
	if (state >= CONVERSATION_ORDERED)
		cloud_case_firmware(c, "2.0.0");
	if (state >= CONVERSATION_DOWNLOADING)
		cloud_case_progress(c, PB__PHASE__PHASE_FETCHING);
	if (state >= CONVERSATION_FETCHED)
		cloud_case_report(c, "fetchd", PB__PHASE__PHASE_FETCHED, ERR_OK, "");
	if (state >= CONVERSATION_UPDATING)
		cloud_case_report(c, "flashd", PB__PHASE__PHASE_FLASHING, ERR_OK, "");
	if (state >= CONVERSATION_OVERDUE)
		cloud_case_pass(c, (int64_t)c->profile.updating_ms);
	cr_assert_eq(cloud_case_state(c), state);
	c->trace[0] = 0;
}
