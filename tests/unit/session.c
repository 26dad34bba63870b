/*
 * session: the MQTT client's conversation, driven with bytes and a clock of our own. A rig holds a
 * session, the time, and the server's side as hex.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mqtt.h"
#include "session.h"

struct rig {
	struct session *s;
	struct mono now;
	struct session_event ev;
	char sent[400]; /* what the session sent last, hex, cut */
};

static struct rig
rig_new(unsigned keepalive_s)
{
	struct rig r = {.now = {1000000}};
	struct session_login login = {
	    .client_id = "c", .password = "p", .topic = "t/+", .keepalive_s = keepalive_s};

	cr_assert_eq(session_new(&r.s), ERR_OK);
	cr_assert_eq(session_open(r.s, r.now, &login), ERR_OK);
	return r;
}

/* The next event, or SESSION_NOTHING. */
static enum session_event_kind
next(struct rig *r)
{
	cr_expect_eq(session_next(r->s, r->now, &r->ev), r->ev.kind != SESSION_NOTHING);
	return r->ev.kind;
}

static enum session_event_kind
feed(struct rig *r, const char *hex)
{
	uint8_t data[256];
	size_t n = 0;

	for (; hex[0] && hex[1]; hex += 2) {
		char pair[3] = {hex[0], hex[1], 0};

		data[n++] = (uint8_t)strtoul(pair, NULL, 16);
	}
	cr_expect_eq(session_input(r->s, data, n), n);
	return next(r);
}

/* Everything in the output, taken out of it. */
static const char *
sent(struct rig *r)
{
	const uint8_t *data = NULL;
	size_t n = session_output(r->s, &data);

	r->sent[0] = '\0';
	for (size_t i = 0; i < n && i < sizeof(r->sent) / 2 - 1; i++)
		snprintf(r->sent + 2 * i, 3, "%02x", data[i]);
	session_sent(r->s, n);
	return r->sent;
}

static enum session_event_kind
wait_ms(struct rig *r, int64_t ms)
{
	r->now = mono_after(r->now, ms);
	return next(r);
}

static struct rig
rig_ready(unsigned keepalive_s)
{
	struct rig r = rig_new(keepalive_s);

	cr_assert_eq(next(&r), SESSION_NOTHING);
	sent(&r);
	cr_assert_eq(feed(&r, "20020000"), SESSION_NOTHING);
	sent(&r);
	cr_assert_eq(feed(&r, "9003000101"), SESSION_READY);
	return r;
}

static enum err
publish(struct rig *r, unsigned qos, uint64_t token)
{
	return session_publish(r->s, "a", qos, (const uint8_t *)"x", 1, token);
}

static void
expect_down(struct rig *r, enum err why, int code)
{
	cr_expect_eq(r->ev.kind, SESSION_DOWN);
	cr_expect_eq(r->ev.why, why, "expected %s, got %s", err_name(why), err_name(r->ev.why));
	cr_expect_eq(r->ev.code, code, "expected %d, got %d", code, r->ev.code);
	cr_expect_not_null(r->ev.detail);
	cr_expect_str_eq(sent(r), "");
	cr_expect_eq(session_due(r->s).ms, MONO_NEVER.ms);
	session_free(r->s);
}

Test(session, subscribes_only_after_the_server_has_accepted)
{
	struct rig r = rig_new(120);

	cr_expect_eq(next(&r), SESSION_NOTHING);
	cr_expect_str_eq(sent(&r), "101000044d51545404420078000163000170");
	cr_expect_not(session_is_ready(r.s));
	cr_expect_eq(feed(&r, "20020000"), SESSION_NOTHING);
	cr_expect_str_eq(sent(&r), "820800010003742f2b01");
	cr_expect_eq(publish(&r, 0, 1), ERR_OFFLINE);
	cr_expect_eq(feed(&r, "9003000101"), SESSION_READY);
	cr_expect(session_is_ready(r.s));
	session_free(r.s);
}

Test(session, takes_bytes_one_at_a_time)
{
	struct rig r = rig_new(120);
	static const char *const bytes[] = {"20", "02", "00", "00", "90", "03", "00", "01", "01"};

	for (size_t i = 0; i < 8; i++)
		cr_expect_eq(feed(&r, bytes[i]), SESSION_NOTHING);
	cr_expect_eq(feed(&r, bytes[8]), SESSION_READY);
	session_free(r.s);
}

Test(session, maps_connack_codes_to_the_platforms)
{
	static const struct {
		const char *hex;
		enum err why;
		int code;
	} rows[] = {
	    {"20020001", ERR_VERSION, 10471},
	    {"20020002", ERR_AUTH, 10430},
	    {"20020003", ERR_OFFLINE, 10466},
	    {"20020004", ERR_AUTH, 10430},
	    {"20020005", ERR_AUTH, 10430},
	    {"20020006", ERR_MQTT, 10500},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct rig r = rig_new(120);

		feed(&r, rows[i].hex);
		expect_down(&r, rows[i].why, rows[i].code);
	}
}

Test(session, gives_up_without_connack_or_suback_in_5_s)
{
	struct rig r = rig_new(120);

	cr_expect_eq(session_due(r.s).ms, r.now.ms + 5000);
	cr_expect_eq(wait_ms(&r, 4999), SESSION_NOTHING);
	cr_expect_eq(wait_ms(&r, 1), SESSION_DOWN);
	expect_down(&r, ERR_TIMEOUT, 10500);
	r = rig_new(120);
	feed(&r, "20020000");
	cr_expect_eq(session_due(r.s).ms, r.now.ms + 5000);
	cr_expect_eq(wait_ms(&r, 4999), SESSION_NOTHING);
	cr_expect_eq(wait_ms(&r, 1), SESSION_DOWN);
	expect_down(&r, ERR_TIMEOUT, 10500);
}

Test(session, a_refused_first_subscription_ends_it)
{
	struct rig r = rig_new(120);

	feed(&r, "20020000");
	cr_expect_eq(feed(&r, "9003000180"), SESSION_DOWN);
	expect_down(&r, ERR_PLATFORM, 10500);
}

Test(session, refuses_what_a_server_must_not_send)
{
	static const char *const bad[] = {
	    "100d00044d51545404020000000163", /* CONNECT */
	    "8206000100016101",               /* SUBSCRIBE */
	    "c000",                           /* PINGREQ */
	    "e000",                           /* DISCONNECT */
	    "b0020001",                       /* UNSUBACK: we never unsubscribe */
	    "20020000",                       /* a second CONNACK */
	    "3605000161000178",               /* QoS 3 */
	    "30ffffff7f",                     /* too long */
	    "f0",                             /* no type at all, in its first byte */
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct rig r = rig_ready(120);

		cr_expect_eq(feed(&r, bad[i]), SESSION_DOWN, "%s", bad[i]);
		expect_down(&r, ERR_MQTT, 10500);
	}
}

Test(session, refuses_a_message_before_connack)
{
	struct rig r = rig_new(120);

	cr_expect_eq(feed(&r, "3004000161"), SESSION_NOTHING); /* not complete */
	session_free(r.s);
	r = rig_new(120);
	feed(&r, "3004000161"
		 "78");
	expect_down(&r, ERR_MQTT, 10500);
}

Test(session, delivers_a_message_that_overtakes_suback)
{
	struct rig r = rig_new(120);

	feed(&r, "20020000");
	cr_expect_eq(feed(&r, "3004000161"
			      "78"),
	    SESSION_MESSAGE);
	cr_expect_str_eq(r.ev.topic, "a");
	cr_expect_eq(r.ev.len, 1);
	cr_expect_eq(r.ev.payload[0], 'x');
	session_free(r.s);
}

Test(session, acknowledges_qos_1_and_delivers_each)
{
	struct rig r = rig_ready(120);

	sent(&r);
	cr_expect_eq(feed(&r, "3205000161"
			      "0007"),
	    SESSION_MESSAGE);
	cr_expect_null(r.ev.payload);
	cr_expect_str_eq(sent(&r), "40020007");
	cr_expect_eq(feed(&r, "3a05000161"
			      "0007"),
	    SESSION_MESSAGE);
	cr_expect_str_eq(sent(&r), "40020007");
	session_free(r.s);
}

Test(session, delivers_qos_2_once_until_pubrel)
{
	struct rig r = rig_ready(120);

	cr_expect_eq(feed(&r, "3405000161"
			      "0007"),
	    SESSION_MESSAGE);
	cr_expect_str_eq(sent(&r), "50020007");
	cr_expect_eq(feed(&r, "3c05000161"
			      "0007"),
	    SESSION_NOTHING);
	cr_expect_str_eq(sent(&r), "50020007");
	cr_expect_eq(feed(&r, "3405000161"
			      "0008"),
	    SESSION_MESSAGE); /* another id */
	cr_expect_str_eq(sent(&r), "50020008");
	cr_expect_eq(feed(&r, "62020007"), SESSION_NOTHING);
	cr_expect_str_eq(sent(&r), "70020007");
	cr_expect_eq(feed(&r, "62020007"), SESSION_NOTHING);
	cr_expect_str_eq(sent(&r), "70020007"); /* a repeated PUBREL as well */
	cr_expect_eq(feed(&r, "3405000161"
			      "0007"),
	    SESSION_MESSAGE); /* the id is free again */
	session_free(r.s);
}

Test(session, a_new_connection_forgets_held_ids)
{
	struct rig r = rig_ready(120);
	struct session_login login = {.client_id = "c", .password = "p", .topic = "t/+"};

	cr_expect_eq(feed(&r, "3405000161ffff"), SESSION_MESSAGE);
	cr_expect_eq(session_open(r.s, r.now, &login), ERR_OK);
	feed(&r, "20020000");
	feed(&r, "9003000101");
	cr_expect_eq(feed(&r, "3405000161ffff"), SESSION_MESSAGE);
	session_free(r.s);
}

Test(session, publishes_in_order_and_one_at_a_time)
{
	struct rig r = rig_ready(120);

	cr_assert_eq(publish(&r, 1, 11), ERR_OK);
	cr_assert_eq(publish(&r, 2, 12), ERR_OK);
	cr_assert_eq(publish(&r, 0, 13), ERR_OK);
	cr_expect_eq(next(&r), SESSION_NOTHING);
	cr_expect_str_eq(sent(&r), "3206000161000278");
	cr_expect_eq(feed(&r, "40020002"), SESSION_PUBLISHED);
	cr_expect_eq(r.ev.token, 11);
	cr_expect_eq(next(&r), SESSION_NOTHING);
	cr_expect_str_eq(sent(&r), "3406000161000378");
	cr_expect_eq(feed(&r, "50020003"), SESSION_NOTHING);
	cr_expect_str_eq(sent(&r), "62020003");
	cr_expect_eq(feed(&r, "70020003"), SESSION_PUBLISHED);
	cr_expect_eq(r.ev.token, 12);
	cr_expect_eq(next(&r), SESSION_PUBLISHED); /* QoS 0: no answer needed */
	cr_expect_eq(r.ev.token, 13);
	cr_expect_str_eq(sent(&r), "300400016178");
	session_free(r.s);
}

/* rule: timer-resend */
Test(session, sends_again_with_dup_and_gives_up_after_three)
{
	struct rig r = rig_ready(120);

	cr_assert_eq(publish(&r, 1, 1), ERR_OK);
	next(&r);
	cr_expect_str_eq(sent(&r), "3206000161000278");
	cr_expect_eq(session_due(r.s).ms, r.now.ms + 2000);
	cr_expect_eq(wait_ms(&r, 1999), SESSION_NOTHING);
	cr_expect_str_eq(sent(&r), "");
	cr_expect_eq(wait_ms(&r, 1), SESSION_NOTHING);
	cr_expect_str_eq(sent(&r), "3a06000161000278");
	cr_expect_eq(wait_ms(&r, 2000), SESSION_NOTHING);
	cr_expect_str_eq(sent(&r), "3a06000161000278");
	cr_expect_eq(wait_ms(&r, 1999), SESSION_NOTHING);
	cr_expect_eq(wait_ms(&r, 1), SESSION_DOWN);
	expect_down(&r, ERR_TIMEOUT, 10500);
}

Test(session, repeats_pubrel_but_never_the_message_after_pubrec)
{
	struct rig r = rig_ready(120);

	cr_assert_eq(publish(&r, 2, 1), ERR_OK);
	next(&r);
	sent(&r);
	wait_ms(&r, 2000);
	cr_expect_str_eq(sent(&r), "3c06000161000278");
	feed(&r, "50020002");
	cr_expect_str_eq(sent(&r), "62020002");
	cr_expect_eq(feed(&r, "50020002"), SESSION_NOTHING); /* the answer to the second send */
	cr_expect_str_eq(sent(&r), "62020002");
	wait_ms(&r, 2000);
	cr_expect_str_eq(sent(&r), "62020002");
	wait_ms(&r, 2000);
	cr_expect_str_eq(sent(&r), "62020002");
	cr_expect_eq(feed(&r, "70020002"), SESSION_PUBLISHED);
	session_free(r.s);
}

Test(session, ignores_answers_to_nothing)
{
	struct rig r = rig_ready(120);

	cr_expect_eq(feed(&r, "40020009"), SESSION_NOTHING);
	cr_expect_eq(feed(&r, "70020009"), SESSION_NOTHING);
	cr_expect_eq(feed(&r, "9003000901"), SESSION_NOTHING);
	cr_expect_eq(feed(&r, "d000"), SESSION_NOTHING);
	cr_assert_eq(publish(&r, 2, 1), ERR_OK);
	next(&r);
	cr_expect_eq(feed(&r, "40020002"), SESSION_NOTHING); /* PUBACK for a QoS 2 message */
	cr_expect_eq(feed(&r, "70020002"), SESSION_NOTHING); /* PUBCOMP before PUBREC */
	session_free(r.s);
}

/* rule: timer-ping */
Test(session, pings_as_the_platforms_sdk_does)
{
	struct rig r = rig_ready(120);

	sent(&r);
	cr_expect_eq(session_due(r.s).ms, r.now.ms + 50000);
	wait_ms(&r, 49999);
	cr_expect_str_eq(sent(&r), "");
	wait_ms(&r, 1);
	cr_expect_str_eq(sent(&r), "c000");
	feed(&r, "d000");
	cr_expect_eq(session_due(r.s).ms, r.now.ms + 100000);
	for (int i = 0; i < 3; i++) {
		cr_expect_eq(wait_ms(&r, i ? 5000 : 100000), SESSION_NOTHING);
		cr_expect_str_eq(sent(&r), "c000");
	}
	cr_expect_eq(wait_ms(&r, 4999), SESSION_NOTHING);
	cr_expect_eq(wait_ms(&r, 1), SESSION_DOWN);
	expect_down(&r, ERR_TIMEOUT, 10473);
}

Test(session, an_answer_to_the_third_ping_saves_it)
{
	struct rig r = rig_ready(120);

	wait_ms(&r, 50000);
	wait_ms(&r, 5000);
	wait_ms(&r, 5000);
	cr_expect_eq(feed(&r, "d000"), SESSION_NOTHING);
	cr_expect_eq(wait_ms(&r, 5000), SESSION_NOTHING);
	cr_expect(session_is_ready(r.s));
	session_free(r.s);
}

Test(session, raises_a_keep_alive_of_up_to_20_s)
{
	struct rig r = rig_new(20);

	cr_expect_eq(strncmp(sent(&r) + 20, "0015", 4), 0);
	session_free(r.s);
	r = rig_new(1);
	cr_expect_eq(strncmp(sent(&r) + 20, "0015", 4), 0);
	session_free(r.s);
	r = rig_new(21);
	cr_expect_eq(strncmp(sent(&r) + 20, "0015", 4), 0);
	session_free(r.s);
	r = rig_new(0);
	cr_expect_eq(strncmp(sent(&r) + 20, "0078", 4), 0);
	session_free(r.s);
}

Test(session, additional_subscriptions_may_be_refused)
{
	struct rig r = rig_ready(120);

	cr_assert_eq(session_subscribe(r.s, "q/1/d/x/+", 1), ERR_OK);
	cr_expect_eq(session_subscribe(r.s, "q/#/d", 1), ERR_INVALID);
	next(&r);
	sent(&r);
	cr_expect_eq(feed(&r, "9003000280"), SESSION_REFUSED);
	cr_expect_str_eq(r.ev.topic, "q/1/d/x/+");
	cr_assert_eq(session_subscribe(r.s, "b", 2), ERR_OK);
	next(&r);
	cr_expect_eq(feed(&r, "9003000400"), SESSION_NOTHING);
	cr_expect_eq(publish(&r, 1, 9), ERR_OK);
	next(&r);
	cr_expect_eq(feed(&r, "40020005"), SESSION_PUBLISHED);
	session_free(r.s);
}

Test(session, takes_the_longest_topic_and_none_longer)
{
	struct rig r = rig_ready(120);
	char topic[SESSION_TOPIC_MAX + 2];

	memset(topic, 't', sizeof(topic));
	topic[SESSION_TOPIC_MAX] = '\0';
	cr_expect_eq(session_subscribe(r.s, topic, 1), ERR_OK);
	next(&r);
	cr_expect_eq(feed(&r, "9003000280"), SESSION_REFUSED);
	cr_expect_str_eq(r.ev.topic, topic);
	topic[SESSION_TOPIC_MAX] = 't';
	topic[SESSION_TOPIC_MAX + 1] = '\0';
	cr_expect_eq(session_subscribe(r.s, topic, 1), ERR_LIMIT);
	cr_expect_eq(session_publish(r.s, topic, 1, NULL, 0, 0), ERR_LIMIT);
	session_free(r.s);
}

Test(session, bounds_the_queue_at_50_kib)
{
	struct rig r = rig_ready(120);
	static uint8_t payload[SESSION_QUEUE_MAX];
	size_t head = 1 + 3 + 2 + 1 + 2; /* three length bytes, topic, id */

	cr_expect_eq(
	    session_publish(r.s, "a", 1, payload, sizeof(payload) - head + 1, 1), ERR_LIMIT);
	cr_expect_eq(session_publish(r.s, "a", 1, payload, SIZE_MAX, 1), ERR_LIMIT);
	cr_expect_eq(session_publish(r.s, "a", 1, payload, sizeof(payload) - head, 1), ERR_OK);
	cr_expect_eq(publish(&r, 0, 2), ERR_AGAIN);
	cr_expect_eq(next(&r), SESSION_NOTHING);
	cr_expect_eq(publish(&r, 0, 2), ERR_AGAIN); /* in flight still counts */
	sent(&r);
	feed(&r, "40020003"); /* the refused one has used up an id */
	cr_expect_eq(r.ev.kind, SESSION_PUBLISHED);
	cr_expect_eq(publish(&r, 0, 2), ERR_OK);
	session_free(r.s);
}

Test(session, a_peer_that_never_reads_is_not_answered_without_end)
{
	struct rig r = rig_ready(120);
	static const uint8_t flood[] = {0x34, 5, 0, 1, 'a', 0, 7};
	const uint8_t *out = NULL;
	size_t taken = 0;

	sent(&r);
	for (int i = 0; i < 100000; i++) {
		taken = session_input(r.s, flood, sizeof(flood));
		next(&r);
	}
	cr_expect_eq(taken, 0); /* it presses back */
	cr_expect_leq(session_output(r.s, &out), MQTT_PACKET_MAX + 1024);
	cr_expect_eq(wait_ms(&r, 65000), SESSION_NOTHING);
	wait_ms(&r, 5000);
	wait_ms(&r, 5000);
	cr_expect_eq(wait_ms(&r, 5000), SESSION_DOWN);
	expect_down(&r, ERR_TIMEOUT, 10473);
}
