/*
 * dc_broker: delivery guarantees, wildcards, limits, faults; through the platform's own broker with
 * clients made of bytes.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "dc_case.h"

static struct dc_line *
observer(struct dc_case *c, const char *id, const char *filter, unsigned qos)
{
	struct dc_line *l = dc_case_connect(c);

	dc_line_connect(l, id, "observer", "observer");
	if (filter)
		dc_line_subscribe(l, filter, qos);
	cr_assert_not(l->closed);
	l->at = l->len;
	return l;
}

static void
expect_ack(struct dc_line *l, unsigned type, uint16_t id)
{
	struct dc_mqtt_packet p;
	uint16_t got;

	cr_assert(dc_line_next(l, &p), "expected packet type %u", type);
	cr_assert_eq(p.type, type);
	cr_assert_eq(dc_mqtt_id(&p, &got), ERR_OK);
	cr_expect_eq(got, id);
}

Test(dc_broker, a_repeated_qos_2_publish_arrives_once)
{
	AUTO(dc_case) struct dc_case *c = dc_case_new();
	AUTO(dc_line) struct dc_line *from = observer(c, "a", NULL, 0);
	AUTO(dc_line) struct dc_line *to = observer(c, "b", "t", 0);
	struct dc_mqtt_publish m;

	for (int i = 0; i < 3; i++) {
		dc_line_publish(from, "t", "x", 1, 2, 77);
		expect_ack(from, DC_MQTT_PUBREC, 77);
	}
	cr_expect(dc_line_message(to, &m));
	cr_expect_not(dc_line_message(to, &m), "once is enough");
	for (int i = 0; i < 2; i++) {
		dc_line_ack(from, 0x62, 77);
		expect_ack(from, DC_MQTT_PUBCOMP, 77);
	}
	dc_line_publish(from, "t", "y", 1, 2, 77);
	cr_expect(dc_line_message(to, &m), "the id is free again");
}

Test(dc_broker, a_repeated_qos_1_publish_is_acknowledged_each_time)
{
	AUTO(dc_case) struct dc_case *c = dc_case_new();
	AUTO(dc_line) struct dc_line *from = observer(c, "a", NULL, 0);

	for (int i = 0; i < 2; i++) {
		dc_line_publish(from, "t", "x", 1, 1, 5);
		expect_ack(from, DC_MQTT_PUBACK, 5);
	}
}

Test(dc_broker, a_subscriber_gets_the_smaller_of_both_qualities)
{
	AUTO(dc_case) struct dc_case *c = dc_case_new();
	struct dc_mqtt_publish m;

	for (unsigned sub = 0; sub <= 2; sub++)
		for (unsigned pub = 0; pub <= 2; pub++) {
			AUTO(dc_line) struct dc_line *from = observer(c, "a", NULL, 0);
			AUTO(dc_line) struct dc_line *to = observer(c, "b", "+/x/#", sub);

			dc_line_publish(from, "t/x/y", "x", 1, pub, 1);
			cr_assert(dc_line_message(to, &m));
			cr_expect_eq(m.qos, sub < pub ? sub : pub);
			cr_expect_eq(m.id != 0, m.qos > 0);
		}
}

Test(dc_broker, qos_2_to_a_subscriber_takes_all_four_packets)
{
	AUTO(dc_case) struct dc_case *c = dc_case_new();
	AUTO(dc_line) struct dc_line *l = observer(c, "b", "t", 2);
	struct dc_mqtt_publish m;

	dc_broker_publish(c->dc->broker, "t", (const uint8_t *)"x", 1, 2);
	cr_assert(dc_line_message(l, &m));
	dc_line_ack(l, 0x50, m.id);
	expect_ack(l, DC_MQTT_PUBREL, m.id);
	dc_line_ack(l, 0x50, m.id);
	expect_ack(l, DC_MQTT_PUBREL, m.id);
	dc_line_ack(l, 0x70, m.id);
	cr_expect_eq(l->at, l->len);
}

Test(dc_broker, a_client_that_never_acknowledges_is_dropped)
{
	AUTO(dc_case) struct dc_case *c = dc_case_new();
	AUTO(dc_line) struct dc_line *l = observer(c, "b", "t", 1);

	for (int i = 0; i < DC_BROKER_OUTBOUND; i++)
		dc_broker_publish(c->dc->broker, "t", (const uint8_t *)"x", 1, 1);
	cr_expect_not(l->closed);
	dc_broker_publish(c->dc->broker, "t", (const uint8_t *)"x", 1, 1);
	cr_expect(l->closed);
}

Test(dc_broker, too_many_open_qos_2_messages_are_refused)
{
	AUTO(dc_case) struct dc_case *c = dc_case_new();
	AUTO(dc_line) struct dc_line *l = observer(c, "a", NULL, 0);

	for (unsigned i = 1; i <= DC_BROKER_INBOUND; i++)
		dc_line_publish(l, "t", "x", 1, 2, (uint16_t)i);
	cr_expect_not(l->closed);
	dc_line_publish(l, "t", "x", 1, 2, DC_BROKER_INBOUND + 1);
	cr_expect(l->closed);
}

Test(dc_broker, one_filter_too_many_is_refused_in_suback)
{
	AUTO(dc_case) struct dc_case *c = dc_case_new();
	AUTO(dc_line) struct dc_line *l = observer(c, "a", NULL, 0);
	struct dc_mqtt_packet p;
	char filter[16];

	for (int i = 0; i <= DC_BROKER_FILTERS; i++) {
		snprintf(filter, sizeof(filter), "t/%d", i);
		dc_line_subscribe(l, filter, 1);
		cr_assert(dc_line_next(l, &p));
		cr_assert_eq(p.type, DC_MQTT_SUBACK);
		cr_expect_eq(p.body[2], i < DC_BROKER_FILTERS ? 1 : 0x80);
	}
}

Test(dc_broker, a_packet_before_connect_and_a_second_connect_close)
{
	AUTO(dc_case) struct dc_case *c = dc_case_new();
	AUTO(dc_line) struct dc_line *early = dc_case_connect(c);
	AUTO(dc_line) struct dc_line *twice = observer(c, "a", NULL, 0);

	dc_line_send(early, "\xc0\x00", 2);
	cr_expect(early->closed);
	dc_line_connect(twice, "a", "observer", "observer");
	cr_expect(twice->closed);
}

Test(dc_broker, a_newer_connection_takes_the_client_id_over)
{
	AUTO(dc_case) struct dc_case *c = dc_case_new();
	AUTO(dc_line) struct dc_line *older = observer(c, "a", NULL, 0);
	AUTO(dc_line) struct dc_line *newer = observer(c, "a", NULL, 0);

	AUTO(dc_line) struct dc_line *to = observer(c, "b", "t", 0);
	struct dc_mqtt_publish m;

	cr_expect(older->closed);
	cr_expect_not(newer->closed);
	dc_line_publish(older, "t", "x", 1, 0, 0);
	cr_expect_not(dc_line_message(to, &m), "nobody listens to the old one any more");
	dc_line_publish(newer, "t", "x", 1, 0, 0);
	cr_expect(dc_line_message(to, &m));
}

Test(dc_broker, silence_beyond_one_and_a_half_keep_alives_closes)
{
	AUTO(dc_case) struct dc_case *c = dc_case_new();
	AUTO(dc_line) struct dc_line *l = observer(c, "a", NULL, 0);
	AUTO(dc_line) struct dc_line *mute = dc_case_connect(c);

	dc_broker_tick(c->dc->broker, (struct mono){DC_BROKER_CONNECT_MS});
	cr_expect_not(mute->closed);
	dc_broker_tick(c->dc->broker, (struct mono){DC_BROKER_CONNECT_MS + 1});
	cr_expect(mute->closed, "no CONNECT came");
	dc_broker_tick(c->dc->broker, (struct mono){180000});
	cr_expect_not(l->closed);
	dc_broker_tick(c->dc->broker, (struct mono){180001});
	cr_expect(l->closed);
}

Test(dc_broker, packets_may_come_in_any_pieces)
{
	AUTO(dc_case) struct dc_case *c = dc_case_new();
	AUTO(dc_line) struct dc_line *l = observer(c, "a", "t", 0);
	static const uint8_t two[] = {0xc0, 0, 0x30, 4, 0, 1, 't', 'x'};
	struct dc_mqtt_packet p;
	size_t used, at = 0;

	for (size_t end = 1; end <= sizeof(two); end++) {
		cr_assert_eq(dc_broker_input(c->dc->broker, l->client, two + at, end - at,
				 (struct mono){0}, &used),
		    ERR_OK);
		at += used;
	}
	cr_expect_eq(at, sizeof(two));
	cr_assert(dc_line_next(l, &p));
	cr_expect_eq(p.type, DC_MQTT_PINGRESP);
	cr_assert(dc_line_next(l, &p));
	cr_expect_eq(p.type, DC_MQTT_PUBLISH);
}

Test(dc_broker, a_wrong_account_is_refused)
{
	AUTO(dc_case) struct dc_case *c = dc_case_new();
	AUTO(dc_line) struct dc_line *l = dc_case_connect(c);
	AUTO(dc_line) struct dc_line *nobody = dc_case_connect(c);
	struct dc_mqtt_packet p;

	dc_line_connect(l, "a", "observer", "wrong");
	cr_expect(l->closed);
	cr_assert(dc_line_next(l, &p));
	cr_expect_eq(p.body[1], 4);
	dc_line_connect(nobody, "a", NULL, NULL);
	cr_expect(nobody->closed);
}

/* --- faults ---------------------------------------------------------------------------------- */

/* A gateway hears `n` messages under a fault; returns how many PUBLISH came. */
static int
heard_under(enum dc_fault fault, int64_t value, int n)
{
	AUTO(dc_case) struct dc_case *c = dc_case_new();
	AUTO(dc_line) struct dc_line *l = dc_case_connect(c);
	struct dc_mqtt_publish m;
	int heard = 0;

	dc_line_login(l, 0);
	dc_fault_set(&c->dc->faults, fault, value, 0, 1);
	for (int i = 0; i < n; i++)
		dc_broker_publish(
		    c->dc->broker, "q/1/d/" DC_CASE_EP "/bus", (const uint8_t *)"x", 1, 1);
	while (dc_line_message(l, &m))
		heard++;
	return heard;
}

Test(dc_broker, every_nth_message_to_a_device_is_lost_or_repeated_on_request)
{
	cr_expect_eq(heard_under(DC_FAULT_NO_0113, 1, 6), 6);
	cr_expect_eq(heard_under(DC_FAULT_DROP_PUBLISH, 3, 6), 4);
	cr_expect_eq(heard_under(DC_FAULT_REPEAT, 3, 6), 8);
}

Test(dc_broker, messages_change_places_on_request_and_none_is_lost)
{
	AUTO(dc_case) struct dc_case *c = dc_case_new();
	AUTO(dc_line) struct dc_line *l = dc_case_connect(c);
	struct dc_mqtt_publish m;
	char order[8] = "";

	dc_line_login(l, 0);
	dc_fault_set(&c->dc->faults, DC_FAULT_REORDER, 2, 0, 1);
	for (int i = 0; i < 4; i++)
		dc_broker_publish(
		    c->dc->broker, "q/1/d/" DC_CASE_EP "/bus", (const uint8_t *)"1234" + i, 1, 1);
	dc_broker_tick(c->dc->broker, (struct mono){0});
	for (int i = 0; dc_line_message(l, &m); i++)
		order[i] = (char)m.payload[0];
	cr_expect_str_eq(order, "1324");
}

Test(dc_broker, acknowledgements_are_lost_on_request)
{
	AUTO(dc_case) struct dc_case *c = dc_case_new();
	AUTO(dc_line) struct dc_line *l = dc_case_connect(c);

	dc_line_login(l, 0);
	dc_fault_set(&c->dc->faults, DC_FAULT_DROP_ACK, 1, 1, 1);
	dc_line_publish(l, "q/2/d/" DC_CASE_EP "/bus", "x", 1, 2, 9);
	dc_line_publish(l, "q/2/d/" DC_CASE_EP "/bus", "x", 1, 2, 9);
	struct dc_mqtt_packet p;
	int acks = 0;
	while (dc_line_next(l, &p))
		acks += p.type == DC_MQTT_PUBREC;
	cr_expect_eq(acks, 1);
}

Test(dc_broker, a_connection_is_cut_after_so_many_packets_and_so_many_times)
{
	AUTO(dc_case) struct dc_case *c = dc_case_new();

	dc_fault_set(&c->dc->faults, DC_FAULT_MQTT_CUT, 3, 1, 1);
	for (int round = 0; round < 2; round++) {
		AUTO(dc_line) struct dc_line *l = dc_case_connect(c);

		dc_line_login(l, 0);
		dc_line_send(l, "\xc0\x00", 2);
		cr_expect_eq(l->closed, round == 0);
	}
}
