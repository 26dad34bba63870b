/*
 * cloud_golden: the recorded sessions of the platform's own SDK, played against the whole of
 * cloudd. The device of the recording stands behind our gateway as a sub-device (profile p1, whose
 * claim is that nothing else differs). What the platform said then, it says now; whenever the SDK
 * said a status because its application did something, flashd or the gate does that; and each of
 * our statuses must be the SDK's, byte for byte (11 and 12: but for the versions, whose meaning
 * differs).
 */
#include <criterion/criterion.h>
#include <string.h>

#include "cloud_case.h"
#include "dp.h"
#include "vectors.h"

/* What makes cloudd say the status that the SDK said. 1 and 4 are answers; 12 comes with time. */
static void
cause(struct cloud_case *c, int status)
{
	switch (status) {
	case DIALECT_CONFIRMED:
		cloud_case_verdict(c, PB__VERDICT__VERDICT_ACCEPT, ERR_OK, 0);
		break;
	case DIALECT_REFUSED:
		cloud_case_verdict(c, PB__VERDICT__VERDICT_REJECT, ERR_POLICY, 0);
		break;
	case DIALECT_DOWNLOADING:
		cloud_case_progress(c, PB__PHASE__PHASE_FETCHING);
		break;
	case DIALECT_DOWNLOAD_ERROR:
		cloud_case_report(c, "fetchd", PB__PHASE__PHASE_FAILED, ERR_HTTP, "");
		break;
	case DIALECT_DOWNLOADED:
		cloud_case_report(c, "fetchd", PB__PHASE__PHASE_FETCHED, ERR_OK, "");
		break;
	case DIALECT_UPDATING:
		cloud_case_report(c, "flashd", PB__PHASE__PHASE_FLASHING, ERR_OK, "");
		break;
	case DIALECT_SUCCESS:
		cloud_case_report(c, "flashd", PB__PHASE__PHASE_DONE, ERR_OK, "1.1.0");
		break;
	case DIALECT_FAILURE:
		cloud_case_pass(c, 29000);
		cr_expect_neq(c->last_status.status, DIALECT_FAILURE, "not before 30 s");
		cloud_case_pass(c, 1000);
		break;
	default:
		break;
	}
}

/* The length of a payload's part up to id 25. */
static size_t
without_versions(const uint8_t *data, size_t len)
{
	static struct ttlv t;
	static uint8_t out[300];
	size_t n = 0;

	cr_assert_eq(ttlv_parse(data, len, &t), ERR_OK);
	while (t.n > 0 && t.nodes[t.n - 1].id >= 25)
		t.n--;
	cr_assert_eq(ttlv_format(&t, out, sizeof(out), &n), ERR_OK);
	return n;
}

static void
expect_status(struct cloud_case *c, const cJSON *step, const char *key, const char *name)
{
	AUTO(mem) struct vectors_bytes *wire = vectors_hex(step, "wire");
	uint8_t clear[1024], buffer[1024];
	int status = cJSON_GetArrayItem(cJSON_GetArrayItem(cJSON_GetObjectItem(step, "ttlv"), 0), 1)
			 ->valueint;
	size_t len = wire->len;
	struct dp f;

	memcpy(clear, wire->data, len);
	if (key[0])
		cr_assert_eq(auth_open(key, AUTH_SESSION_KEY, wire->data, wire->len, clear,
				 sizeof(clear), &len),
		    ERR_OK);
	cr_assert_eq(dp_parse(clear, len, buffer, sizeof(buffer), &f), ERR_OK);
	c->n_letters = 0;
	cause(c, status);
	cloud_case_confirm_all(c);
	cr_expect_eq(c->last_status.status, status, "%s: expected %d, got %d", name, status,
	    c->last_status.status);
	size_t want = without_versions(f.payload, f.len);
	cr_assert_eq(without_versions(c->last_status.payload, c->last_status.len), want, "%s: %d",
	    name, status);
	cr_expect_eq(memcmp(c->last_status.payload, f.payload, want), 0, "%s: %d", name, status);
}

/* One recorded line; true if it was about an upgrade. */
static bool
play(struct cloud_case *c, const cJSON *step, const char *key, const char *name)
{
	AUTO(mem) struct vectors_bytes *frame = vectors_hex(step, "frame");
	const char *cmd = vectors_text(step, "cmd");
	bool ours = strcmp(vectors_text(step, "from"), "SDK") == 0;

	if (ours && strcmp(cmd, "0114") == 0)
		expect_status(c, step, key, name);
	else if (strcmp(cmd, "0111") == 0 || strcmp(cmd, "0113") == 0)
		cloud_case_down_bytes(c, true, frame->data, frame->len);
	else
		return false;
	return true;
}

static struct cloud_case *
recorded_device(bool ask_sha256)
{
	struct cloud_case *c = cloud_case_new();

	c->keys = (struct dialect_sub){"p1115X", "860000000000001"};
	snprintf(c->component, sizeof(c->component), "MCU1");
	c->identity.ask_sha256 = ask_sha256;
	cloud_on_gate_up(&c->cloud);
	cloud_case_reports_device(c, "1.0.0", PB__DEVICE_STATE__DEVICE_STATE_PRESENT);
	cloud_case_connect(c);
	return c;
}

Test(cloud_golden, says_what_the_sdk_said_in_every_recorded_session)
{
	AUTO(vectors) cJSON *doc = vectors_load();
	const cJSON *session = NULL, *step = NULL;
	int n = 0;

	cJSON_ArrayForEach(session, cJSON_GetObjectItem(doc, "sdk_sessions"))
	{
		const char *key = vectors_text(session, "session_key");
		AUTO(cloud_case) struct cloud_case *c = recorded_device(key[0]);

		cJSON_ArrayForEach(step, cJSON_GetObjectItem(session, "steps"))
		    n += play(c, step, key, vectors_text(session, "name"));
		cr_expect_eq(cloud_case_state(c), CONVERSATION_IDLE);
		cr_expect_eq(c->cloud.refused, 0);
	}
	cr_expect_eq(n, 31, "%d lines", n);
}

/* The gateway itself is the device of the recording: 00B4 in clear and with a session key. */
Test(cloud_golden, comes_online_by_the_recorded_answers)
{
	AUTO(vectors) cJSON *doc = vectors_load();
	const cJSON *session = NULL;

	cJSON_ArrayForEach(session, cJSON_GetObjectItem(doc, "sdk_sessions"))
	{
		AUTO(cloud_case) struct cloud_case *c = cloud_case_new();
		const cJSON *step = cJSON_GetArrayItem(cJSON_GetObjectItem(session, "steps"), 2);
		AUTO(mem) struct vectors_bytes *frame = vectors_hex(step, "frame");

		c->identity.encrypt = vectors_text(session, "session_key")[0];
		cloud_on_ready(&c->cloud);
		c->publish_error = c->identity.encrypt ? ERR_AGAIN : ERR_OK;
		cloud_case_down_bytes(c, false, frame->data, frame->len);
		cr_expect(c->cloud.online, "%s", vectors_text(session, "name"));
		cr_expect_eq(c->cloud.has_session_key, c->identity.encrypt);
		cr_expect_str_eq(c->cloud.outbox.gateway_secret, vectors_text(session, "ds"));
	}
}
