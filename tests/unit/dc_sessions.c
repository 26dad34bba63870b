/*
 * dc_sessions: the recorded exchanges of the platform's own SDK, replayed into the local Developer
 * Center. Every byte that the SDK sent is accepted, every answer is the recorded one.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "dc_case.h"
#include "vectors.h"

/* The case of the recorded sessions: one MCU component, offered when the device asks. */
static struct dc_case *
recorded_case(const cJSON *session)
{
	static uint8_t random[32];
	struct dc_case *c = dc_case_new();
	AUTO(mem) struct vectors_bytes *ds = vectors_hex(session, "ds");

	dc_case_plan(c, DC_CASE_PK, "MCU1", 1, "1.0.0", "1.1.0", false);
	dc_db_do(c->db, "UPDATE package SET url = 'http://127.0.0.1:18999/fw.bin'", "");
	memcpy(random, ds->data, 16);
	memcpy(random + 16, "ABCDEFGHIJKLMNOP", 16);
	dc_case_random(random, sizeof(random));
	if (strcmp(vectors_text(session, "name"), "nourl") == 0)
		dc_fault_set(&c->dc->faults, DC_FAULT_NO_0113, 1, 0, 1);
	return c;
}

/* The next message of the platform is the one of this step, byte for byte. */
static void
expect_message(struct dc_line *l, const cJSON *step)
{
	const char *key = *vectors_text(step, "wire") ? "wire" : "frame";
	AUTO(mem) struct vectors_bytes *want = vectors_hex(step, key);
	struct dc_mqtt_publish m;

	cr_assert(
	    dc_line_message(l, &m), "nothing was sent, expected %s", vectors_text(step, "cmd"));
	cr_expect_str_eq(m.topic, vectors_text(step, "topic"));
	cr_assert_eq(m.len, want->len, "%s: expected %zu bytes, got %zu", vectors_text(step, "cmd"),
	    want->len, m.len);
	cr_expect_arr_eq(m.payload, want->data, want->len, "%s", vectors_text(step, "cmd"));
	cr_expect_leq(m.qos, 1, "subscribed at 1");
}

/* A QoS 2 message takes PUBREC, PUBREL, PUBCOMP; the platform's own messages may come between. */
static void
send_message(struct dc_line *l, const cJSON *step, uint16_t id)
{
	AUTO(mem) struct vectors_bytes *wire = vectors_hex(step, "wire");
	unsigned qos = (unsigned)cJSON_GetObjectItem(step, "qos")->valueint;

	dc_line_publish(l, vectors_text(step, "topic"), wire->data, wire->len, qos, id);
	if (qos == 2)
		dc_line_ack(l, 0x62, id);
	cr_assert_not(l->closed);
}

static void
replay(const cJSON *session)
{
	AUTO(dc_case) struct dc_case *c = recorded_case(session);
	AUTO(dc_line) struct dc_line *l = dc_case_connect(c);
	const cJSON *step = NULL;
	struct dc_mqtt_publish m;
	uint16_t id = 1;

	cJSON_ArrayForEach(step, cJSON_GetObjectItem(session, "steps"))
	{
		const char *mqtt = vectors_text(step, "mqtt"), *from = vectors_text(step, "from");

		if (strcmp(mqtt, "CONNECT") == 0)
			dc_line_connect(l, vectors_text(step, "client_id"), NULL,
			    vectors_text(step, "password"));
		else if (strcmp(mqtt, "SUBSCRIBE") == 0)
			dc_line_subscribe(l, vectors_text(step, "topic"), 1);
		else if (strcmp(from, "SDK") == 0)
			send_message(l, step, ++id);
		else if (*from)
			expect_message(l, step);
	}
	cr_expect_not(dc_line_message(l, &m), "%s: nothing more is said, got %s",
	    vectors_text(session, "name"), m.topic);
}

Test(dc_sessions, the_recorded_sessions_are_answered_as_recorded)
{
	AUTO(vectors) cJSON *doc = vectors_load();
	const cJSON *session = NULL;
	int n = 0;

	cJSON_ArrayForEach(session, cJSON_GetObjectItem(doc, "sdk_sessions"))
	{
		replay(session);
		n++;
	}
	cr_expect_eq(n, 5);
}

/* Replay one session by name and look at what the platform remembers. */
static void
expect_memory(const char *name, const char *statuses, int state, const char *mcu)
{
	AUTO(vectors) cJSON *doc = vectors_load();
	cJSON *session = NULL, *step = NULL;

	cJSON_ArrayForEach(session, cJSON_GetObjectItem(doc, "sdk_sessions"))
	{
		if (strcmp(vectors_text(session, "name"), name) != 0)
			continue;
		AUTO(dc_case) struct dc_case *c = recorded_case(session);
		AUTO(dc_line) struct dc_line *l = dc_case_connect(c);
		uint16_t id = 1;

		cJSON_ArrayForEach(step, cJSON_GetObjectItem(session, "steps"))
		{
			if (strcmp(vectors_text(step, "mqtt"), "CONNECT") == 0)
				dc_line_connect(l, vectors_text(step, "client_id"), NULL,
				    vectors_text(step, "password"));
			if (strcmp(vectors_text(step, "mqtt"), "SUBSCRIBE") == 0)
				dc_line_subscribe(l, vectors_text(step, "topic"), 1);
			if (strcmp(vectors_text(step, "from"), "SDK") == 0)
				send_message(l, step, ++id);
		}
		cr_expect_str_eq(dc_case_statuses(c, DC_CASE_DK), statuses);
		cr_expect_eq(dc_case_state(c, DC_CASE_DK), state);
		cr_expect_eq(
		    dc_db_int(c->db, 0,
			"SELECT count(*) FROM device WHERE id = 1 AND mcu = ? AND battery = 87 "
			"AND rssi = -63 AND model = 'PEER-LINUX'",
			"t", mcu),
		    1);
		return;
	}
	cr_assert_fail("no session %s", name);
}

Test(dc_sessions, a_whole_upgrade_is_remembered_in_order)
{
	expect_memory("run2", "1 2 4 5 8 9 11", 2, "MCU1:1.1.0");
}

Test(dc_sessions, an_encrypted_upgrade_is_remembered_in_order)
{
	expect_memory("session_sha", "1 2 4 5 8 9 11", 2, "MCU1:1.1.0");
}

Test(dc_sessions, a_refusal_is_no_failure)
{
	expect_memory("refuse", "1 3", 0, "MCU1:1.0.0");
}

Test(dc_sessions, a_failed_download_leaves_the_upgrade_open)
{
	expect_memory("http404", "1 2 4 6", 1, "MCU1:1.0.0");
}

Test(dc_sessions, a_device_without_an_address_gives_up)
{
	expect_memory("nourl", "1 2 12", 1, "MCU1:1.0.0");
}
