/*
 * What tools see of a daemon: the tap, and answers on the control socket. The daemon's loop turns
 * in a thread here, because the client side waits.
 */
#include <cjson/cJSON.h>
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <zmq.h>

#include "bus_case.h"
#include "bus_client.h"
#include "bus_part.h"
#include "golden.h"
#include "json.h"
#include "msg.h"

enum { PATIENCE_MS = 20000 };

struct turner {
	struct bus_case *c;
	pthread_t thread;
	atomic_bool stop;
};

static void *
turn(void *arg)
{
	struct turner *t = arg;

	while (!t->stop)
		bus_case_turn(t->c);
	return NULL;
}

static void
turner_start(struct turner *t, struct bus_case *c)
{
	*t = (struct turner){.c = c};
	cr_assert_eq(pthread_create(&t->thread, NULL, turn, t), 0);
}

static void
turner_stop(struct turner *t)
{
	t->stop = true;
	pthread_join(t->thread, NULL);
}

/* --- control --------------------------------------------------------------------------------- */

static enum err
on_query(void *arg, const char *what, const char *argument, char **json)
{
	size_t n = strtoull(argument, NULL, 10);

	(void)arg;
	if (strcmp(what, "long") != 0 && strcmp(what, "status") != 0)
		return ERR_NOT_FOUND;
	*json = malloc(2 * n + 3);
	cr_assert_not_null(*json);
	char *at = *json;
	*at++ = '"';
	for (size_t i = 0; i < n; i++, at += 2)
		memcpy(at, "\xc3\xa4", 2); /* a character of two bytes: no part may end inside */
	memcpy(at, "\"", 2);
	return ERR_OK;
}

static void
control_open(struct bus_case *c)
{
	bus_case_open(c);
	bus_case_server(c, geteuid());
	cr_assert_eq(bus_control(c->server.bus, c->control, on_query, NULL), ERR_OK);
}

Test(bus_tools, a_question_gets_its_answer_and_who_gave_it)
{
	struct bus_case c;
	struct turner t;
	struct bus_answer a;

	control_open(&c);
	turner_start(&t, &c);
	cr_assert_eq(bus_client_ask(c.control, "status", "1", PATIENCE_MS, &a), ERR_OK);
	cr_expect_eq(a.daemon, WHO_FETCHD);
	cr_expect_str_eq(a.build, SUBOTA_VERSION);
	cr_expect_eq(a.error, 0);
	cr_expect_str_eq(a.json, "\"\xc3\xa4\"");
	free(a.json);
	turner_stop(&t);
	bus_case_close(&c);
}

Test(bus_tools, a_long_answer_comes_in_parts_and_whole)
{
	static const size_t rows[] = {30718, 30719, 30720, 100000, 1000000};
	struct bus_case c;
	struct turner t;
	struct bus_answer a;
	char argument[24];

	control_open(&c);
	turner_start(&t, &c);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(argument, sizeof(argument), "%zu", rows[i]);
		cr_assert_eq(bus_client_ask(c.control, "long", argument, PATIENCE_MS, &a), ERR_OK);
		cr_expect_eq(strlen(a.json), 2 * rows[i] + 2);
		cr_expect_eq(strspn(a.json + 1, "\xc3\xa4"), 2 * rows[i]);
		free(a.json);
	}
	turner_stop(&t);
	bus_case_close(&c);
}

Test(bus_tools, a_question_that_has_no_answer_gets_the_daemons_error)
{
	struct bus_case c;
	struct turner t;
	struct bus_answer a;

	control_open(&c);
	turner_start(&t, &c);
	cr_assert_eq(bus_client_ask(c.control, "nonsense", "", PATIENCE_MS, &a), ERR_OK);
	cr_expect_eq(a.error, ERR_NOT_FOUND);
	cr_expect_str_empty(a.json);
	free(a.json);
	turner_stop(&t);
	bus_case_close(&c);
}

Test(bus_tools, where_nobody_listens_there_is_an_error_and_no_waiting_for_ever)
{
	struct bus_case c;
	struct bus_answer a;

	control_open(&c);
	cr_expect_eq(
	    bus_client_ask("/nonexistent/ctl", "status", "", PATIENCE_MS, &a), ERR_NOT_FOUND);
	cr_expect_eq(bus_client_ask(c.control, "status", "1", 100, &a), ERR_TIMEOUT, "it hangs");
	bus_case_close(&c);
}

Test(bus_tools, more_peers_than_are_remembered_do_not_harm_the_newest)
{
	struct bus_case c;
	struct bus_raw r[20];
	struct turner t;
	struct bus_answer a;

	control_open(&c);
	for (size_t i = 0; i < 20; i++) {
		bus_raw_open(&r[i], c.control, NULL);
		bus_raw_hello(&r[i], "ctl", 1, 1);
		msg_free(bus_raw_wait(&c, &r[i]));
	}
	turner_start(&t, &c);
	for (int i = 0; i < 20; i++) {
		cr_assert_eq(bus_client_ask(c.control, "status", "1", PATIENCE_MS, &a), ERR_OK);
		free(a.json);
	}
	turner_stop(&t);
	for (size_t i = 0; i < 20; i++)
		bus_raw_close(&r[i]);
	bus_case_close(&c);
}

Test(bus_tools, a_question_before_the_greeting_and_orders_of_other_kinds_get_nothing)
{
	struct bus_case c;
	struct bus_raw r;
	Pb__Envelope e = PB__ENVELOPE__INIT;
	Pb__Query q = PB__QUERY__INIT;
	Pb__Cancel cancel = PB__CANCEL__INIT;

	control_open(&c);
	bus_raw_open(&r, c.control, NULL);
	e.proto = 1;
	q.what = (char *)(uintptr_t) "status";
	e.body_case = PB__ENVELOPE__BODY_QUERY;
	e.query = &q;
	bus_raw_envelope(&r, &e);
	bus_raw_hello(&r, "ctl", 1, 1);
	Pb__Envelope *hello = bus_raw_wait(&c, &r);
	cr_expect_eq(hello->body_case, PB__ENVELOPE__BODY_HELLO, "the question was not heard");
	msg_free(hello);
	e.body_case = PB__ENVELOPE__BODY_CANCEL; /* costs the greeting ... */
	e.cancel = &cancel;
	bus_raw_envelope(&r, &e);
	e.body_case = PB__ENVELOPE__BODY_QUERY; /* ... so this is not answered */
	e.query = &q;
	bus_raw_envelope(&r, &e);
	bus_raw_hello(&r, "ctl", 1, 1);
	hello = bus_raw_wait(&c, &r);
	cr_expect_eq(hello->body_case, PB__ENVELOPE__BODY_HELLO);
	msg_free(hello);
	bus_raw_close(&r);
	bus_case_close(&c);
}

/* --- tap ------------------------------------------------------------------------------------- */

/* The next line of a kind with a verdict. */
static cJSON *
tapped(struct bus_client_tap *tap, const char *kind, const char *verdict)
{
	for (;;) {
		AUTO(mem) char *line = NULL;
		cr_assert_eq(bus_client_tap_next(tap, PATIENCE_MS, &line), ERR_OK);
		cJSON *o = cJSON_Parse(line);
		cr_assert_not_null(o, "no JSON: %s", line);
		if (strcmp(cJSON_GetStringValue(cJSON_GetObjectItem(o, "kind")), kind) == 0 &&
		    strcmp(cJSON_GetStringValue(cJSON_GetObjectItem(o, "verdict")), verdict) == 0)
			return o;
		cJSON_Delete(o);
	}
}

/* A listener that is subscribed: it has heard a line, the caller's (NULL: not wanted). */
static struct bus_client_tap *
listen_to(struct bus_case *c, cJSON **heard)
{
	struct bus_client_tap *tap = NULL;
	struct turner t;

	cr_assert_eq(bus_client_tap_open(&tap), ERR_OK);
	cr_assert_eq(bus_client_tap_add(tap, c->tap), ERR_OK);
	turner_start(&t, c);
	cJSON *ping = tapped(tap, "Ping", "OK");
	turner_stop(&t);
	if (heard)
		*heard = ping;
	else
		cJSON_Delete(ping);
	return tap;
}

static const char *
member(const cJSON *o, const char *name)
{
	return cJSON_GetStringValue(cJSON_GetObjectItem(o, name));
}

Test(bus_tools, the_tap_shows_both_directions_and_refusals)
{
	struct bus_case c;
	struct bus_raw r;
	struct bus_client_tap *tap = NULL;

	bus_case_open(&c);
	bus_case_both(&c);
	cr_assert_eq(bus_tap(c.server.bus, c.tap), ERR_OK);
	tap = listen_to(&c, NULL);

	cr_assert_eq(bus_case_say(&c.client, 12), ERR_OK);
	BUS_WAIT(&c, c.server.last_upgrade == 12);
	bus_raw_open(&r, c.path, NULL);
	bus_raw_send(&r, "noise", 5, false);
	BUS_WAIT(&c, bus_counters(c.server.link).refused == 1);
	cJSON *in = tapped(tap, "LinkState", "OK");
	cr_expect_str_eq(member(in, "daemon"), "fetchd");
	cr_expect_str_eq(member(in, "from"), "cloudd");
	cr_expect_str_eq(member(in, "to"), "fetchd");
	cr_expect_eq(cJSON_GetNumberValue(
			 cJSON_GetObjectItem(cJSON_GetObjectItem(in, "message"), "upgrade")),
	    12);
	cJSON_Delete(in);
	in = tapped(tap, "unknown", "MESSAGE");
	cr_expect_eq(cJSON_GetNumberValue(cJSON_GetObjectItem(in, "bytes")), 5);
	cr_expect(cJSON_IsNull(cJSON_GetObjectItem(in, "message")));
	cJSON_Delete(in);
	bus_raw_close(&r);
	bus_client_tap_close(tap);
	bus_case_close(&c);
}

Test(bus_tools, the_tap_shows_an_order_without_its_secret_and_the_receiver_gets_it_whole)
{
	struct bus_case c;
	struct golden g;
	struct bus_client_tap *tap = NULL;

	bus_case_open(&c);
	bus_case_both(&c);
	cr_assert_eq(bus_tap(c.server.bus, c.tap), ERR_OK);
	tap = listen_to(&c, NULL);
	golden_make(PB__ENVELOPE__BODY_FETCH_ORDER, &g);
	size_t bytes = pb__envelope__get_packed_size(&g.e);
	cr_assert_eq(bus_send(c.client.link, &g.e), ERR_OK);
	BUS_WAIT(&c, c.server.last_kind == PB__ENVELOPE__BODY_FETCH_ORDER);
	AUTO(json) cJSON *in = tapped(tap, "FetchOrder", "OK");
	const cJSON *order = cJSON_GetObjectItem(cJSON_GetObjectItem(in, "message"), "fetch_order");
	cr_expect_str_eq(member(order, "url"), "https://packages.example/fw.bin?");
	cr_expect_str_eq(member(order, "target_version"), "1.1.0");
	cr_expect_geq(cJSON_GetNumberValue(cJSON_GetObjectItem(in, "bytes")), bytes);
	bus_client_tap_close(tap);
	bus_case_close(&c);
}

Test(bus_tools, what_passes_while_nobody_listens_is_not_even_counted)
{
	struct bus_case c;
	struct bus_client_tap *tap = NULL;

	bus_case_open(&c);
	bus_case_both(&c);
	cr_assert_eq(bus_tap(c.server.bus, c.tap), ERR_OK);
	for (int listener = 0; listener < 3; listener++) {
		for (uint64_t i = 1; i <= 100; i++) {
			unsigned before = c.server.messages;

			cr_assert_eq(bus_case_say(&c.client, i), ERR_OK);
			BUS_WAIT(&c, c.server.messages == before + 1);
		}
		AUTO(json) cJSON *in = NULL;
		tap = listen_to(&c, &in);
		cr_expect_lt(json_number(in, "n"), 60, "so many lines were made: %d",
		    cJSON_GetObjectItem(in, "n")->valueint);
		bus_client_tap_close(tap);
		BUS_WAIT(&c, c.server.bus->tap.topics == 0);
	}
	bus_case_close(&c);
}

Test(bus_tools, a_listener_that_never_reads_costs_the_daemon_nothing)
{
	struct bus_case c;
	struct bus_client_tap *tap = NULL;

	bus_case_open(&c);
	bus_case_both(&c);
	cr_assert_eq(bus_tap(c.server.bus, c.tap), ERR_OK);
	tap = listen_to(&c, NULL);
	for (uint64_t i = 1; i <= 20000; i++) {
		while (bus_case_say(&c.client, i) == ERR_AGAIN)
			bus_case_turn(&c);
		if (i % 64 == 0)
			bus_case_turn(&c);
	}
	BUS_WAIT(&c, c.server.messages == 20000);
	cr_expect_eq(c.server.downs, 0);
	bus_client_tap_close(tap);
	bus_case_close(&c);
}

Test(bus_tools, the_tap_hears_nothing_but_subscriptions)
{
	struct bus_case c;
	void *ctx = zmq_ctx_new();
	void *s = zmq_socket(ctx, ZMQ_XSUB);
	char name[128], line[4096];
	int linger = 0;

	bus_case_open(&c);
	bus_case_both(&c);
	cr_assert_eq(bus_tap(c.server.bus, c.tap), ERR_OK);
	cr_expect_eq(bus_tap(c.server.bus, c.tap), ERR_EXISTS);
	snprintf(name, sizeof(name), "ipc://%s", c.tap);
	cr_assert_eq(zmq_setsockopt(s, ZMQ_LINGER, &linger, sizeof(linger)), 0);
	cr_assert_eq(zmq_connect(s, name), 0);
	cr_assert_eq(zmq_send(s, "\1", 1, 0), 1);
	for (int i = 0; i < 10; i++)
		cr_assert_eq(zmq_send(s, "noise", 5, ZMQ_SNDMORE), 5);
	cr_assert_eq(zmq_send(s, "noise", 5, 0), 5);
	BUS_WAIT(&c, zmq_recv(s, line, sizeof(line), ZMQ_DONTWAIT) > 0);
	cr_expect_eq(c.server.downs, 0);
	zmq_close(s);
	zmq_ctx_term(ctx);
	bus_case_close(&c);
}
