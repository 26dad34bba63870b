/*
 * mqtt: the packet codec against the recorded packets of the platform's own SDK, against the
 * standard's rules one by one, and against its own limits.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "auto.h"
#include "mqtt.h"

/* Recorded from the platform's device SDK. */
static const char golden_connect[] =
    "106900044d51545404420078001771647031313135583836303030303030303030303030310044313b303030303b30"
    "3132333435363738394142434445463b35736e44484d2f4f536b6176666c43736d76684152615a304e70626759346"
    "376396a6c532b317075364d6f3d";
static const char golden_subscribe[] =
    "82240001001f712f312f642f71647031313135583836303030303030303030303030312f2b01";
static const char client_id[] = "qdp1115X860000000000001";
static const char password[] =
    "1;0000;0123456789ABCDEF;5snDHM/OSkavflCsmvhARaZ0NpbgY4cv9jlS+1pu6Mo=";

struct bytes {
	uint8_t data[256];
	size_t len;
};

static struct bytes
unhex(const char *hex)
{
	struct bytes b = {0};

	for (; hex[0] && hex[1]; hex += 2) {
		char pair[3] = {hex[0], hex[1], 0};

		b.data[b.len++] = (uint8_t)strtoul(pair, NULL, 16);
	}
	return b;
}

static enum err
parse_hex(const char *hex, struct mqtt_packet *p, size_t *used)
{
	static struct bytes b;

	b = unhex(hex);
	return mqtt_parse(b.data, b.len, p, used);
}

static void
expect(const char *hex, enum err wanted)
{
	struct mqtt_packet p = {0};
	size_t used = 0;
	enum err got = parse_hex(hex, &p, &used);

	cr_expect_eq(got, wanted, "%s: expected %s, got %s", hex, err_name(wanted), err_name(got));
}

/* rule: mqtt-connect */
Test(mqtt, formats_the_platforms_connect_byte_for_byte)
{
	struct bytes want = unhex(golden_connect);
	uint8_t out[256];
	size_t len = 0;

	cr_assert_eq(
	    mqtt_format_connect(client_id, NULL, password, 120, out, sizeof(out), &len), ERR_OK);
	cr_assert_eq(len, want.len);
	cr_expect_arr_eq(out, want.data, len);
}

/* rule: gw-subscribe */
Test(mqtt, formats_the_platforms_subscribe_byte_for_byte)
{
	struct bytes want = unhex(golden_subscribe);
	uint8_t out[256];
	size_t len = 0;

	cr_assert_eq(mqtt_format_subscribe(
			 1, "q/1/d/qdp1115X860000000000001/+", 1, out, sizeof(out), &len),
	    ERR_OK);
	cr_assert_eq(len, want.len);
	cr_expect_arr_eq(out, want.data, len);
}

Test(mqtt, parses_a_password_without_a_user_name)
{
	struct mqtt_packet p = {0};
	size_t used = 0;

	cr_assert_eq(parse_hex(golden_connect, &p, &used), ERR_OK);
	cr_expect_eq(used, sizeof(golden_connect) / 2);
	cr_expect_eq(p.type, MQTT_CONNECT);
	cr_expect_eq(p.connect.keepalive_s, 120);
	cr_expect(p.connect.clean_session);
	cr_expect_null(p.connect.user.data);
	cr_expect_null(p.connect.will_topic.data);
	cr_expect_eq(p.connect.client_id.len, strlen(client_id));
	cr_expect_arr_eq(p.connect.client_id.data, client_id, strlen(client_id));
	cr_expect_eq(p.connect.password.len, strlen(password));
	cr_expect_arr_eq(p.connect.password.data, password, strlen(password));
}

Test(mqtt, sets_both_flags_when_a_user_name_is_sent)
{
	struct mqtt_packet p = {0};
	uint8_t out[64];
	size_t len = 0, used = 0;

	cr_assert_eq(mqtt_format_connect("c", "u", "p", 60, out, sizeof(out), &len), ERR_OK);
	cr_expect_eq(out[9], 0xc2);
	cr_assert_eq(mqtt_parse(out, len, &p, &used), ERR_OK);
	cr_expect_eq(p.connect.user.len, 1);
	cr_expect_eq(p.connect.password.len, 1);
}

Test(mqtt, publish_goes_there_and_back_at_every_qos)
{
	for (unsigned qos = 0; qos <= 2; qos++) {
		struct mqtt_packet p = {0};
		uint8_t out[64];
		size_t len = 0, used = 0;

		cr_assert_eq(mqtt_format_publish("a/b", qos, 0x1234, (const uint8_t *)"hi", 2, out,
				 sizeof(out), &len),
		    ERR_OK);
		cr_assert_eq(mqtt_parse(out, len, &p, &used), ERR_OK);
		cr_expect_eq(used, len);
		cr_expect_eq(p.qos, qos);
		cr_expect_eq(p.id, qos ? 0x1234 : 0);
		cr_expect_eq(p.topic.len, 3);
		cr_expect_eq(p.payload.len, 2);
		cr_expect_not(p.dup);
		if (!qos)
			continue;
		mqtt_set_dup(out);
		cr_assert_eq(mqtt_parse(out, len, &p, &used), ERR_OK);
		cr_expect(p.dup);
	}
}

Test(mqtt, parses_what_a_server_sends)
{
	struct mqtt_packet p = {0};
	size_t used = 0;

	cr_assert_eq(parse_hex("20020005", &p, &used), ERR_OK);
	cr_expect_eq(p.code, 5);
	cr_assert_eq(parse_hex("20020100", &p, &used), ERR_OK);
	cr_expect(p.session_present);
	cr_assert_eq(parse_hex("9003000180", &p, &used), ERR_OK);
	cr_expect_eq(p.id, 1);
	cr_expect_eq(p.payload.data[0], 0x80);
	cr_assert_eq(parse_hex("62021234", &p, &used), ERR_OK);
	cr_expect_eq(p.type, MQTT_PUBREL);
	cr_expect_eq(p.id, 0x1234);
	cr_assert_eq(parse_hex("d000", &p, &used), ERR_OK);
	cr_expect_eq(p.type, MQTT_PINGRESP);
}

Test(mqtt, formats_acknowledgements)
{
	uint8_t out[4];

	mqtt_format_ack(MQTT_PUBREL, 0x0102, out);
	cr_expect_arr_eq(out, "\x62\x02\x01\x02", 4);
	mqtt_format_ack(MQTT_PUBACK, 0x0102, out);
	cr_expect_arr_eq(out, "\x40\x02\x01\x02", 4);
	mqtt_format_empty(MQTT_PINGREQ, out);
	cr_expect_arr_eq(out, "\xc0\x00", 2);
}

Test(mqtt, every_truncation_asks_for_more)
{
	struct bytes b = unhex(golden_connect);
	struct mqtt_packet p = {0};
	size_t used = 1;

	for (size_t n = 0; n < b.len; n++) {
		cr_expect_eq(mqtt_parse(b.data, n, &p, &used), ERR_TRUNCATED, "%zu bytes", n);
		cr_expect_eq(used, 0);
	}
}

Test(mqtt, refuses_what_the_standard_forbids)
{
	static const char *const bad[] = {
	    "0000",                 /* type 0 */
	    "f000",                 /* type 15 */
	    "60021234",             /* PUBREL with flags 0 */
	    "d100",                 /* PINGRESP with a flag */
	    "d00100",               /* PINGRESP with a body */
	    "40020000",             /* PUBACK for id 0 */
	    "400101",               /* PUBACK too short */
	    "4003000101",           /* PUBACK too long */
	    "20020200",             /* CONNACK reserved flag */
	    "20020101",             /* refused, yet a session is present */
	    "90020001",             /* SUBACK without codes */
	    "9003000103",           /* SUBACK code 3 */
	    "3600016100010000",     /* QoS 3 */
	    "3203000561",           /* length field past the end */
	    "3205000161000078",     /* QoS 1 with id 0 */
	    "3804000161" "78",      /* DUP with QoS 0 */
	    "30020000",             /* empty topic */
	    "30030001" "2b",        /* topic with + */
	    "30030001" "23",        /* topic with # */
	    "30030001" "00",        /* NUL in a topic */
	    "30040002" "c080",      /* overlong UTF-8 */
	    "30050003" "eda080",    /* surrogate */
	    "30030001" "ff",        /* no UTF-8 */
	    "3006000490808080" "41",/* beyond the field */
	    "3080808080",           /* length of five bytes */
	    "8206000100016104",     /* SUBSCRIBE QoS 4 in 6 bytes */
	    "82020001",             /* SUBSCRIBE without topics */
	    "82060001000161" "03",  /* SUBSCRIBE QoS 3 */
	    "820700010002" "612b01",/* + not alone in its level */
	    "820800010003" "232f6101", /* # not last */
	    "100c00044d5154540342003c0000", /* protocol level 3 */
	    "100c00044d5154540401003c0000", /* reserved connect flag */
	    "100c00044d5154540422003c0000", /* will retain without a will */
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		expect(bad[i], ERR_MALFORMED);
}

Test(mqtt, refuses_a_packet_over_the_limit_from_its_first_bytes)
{
	expect("30fcff03", ERR_LIMIT);     /* 65536 in all */
	expect("30fbff03", ERR_TRUNCATED); /* 65535 in all: at the limit */
	expect("30ffffff7f", ERR_LIMIT);
	expect("30ffff7f", ERR_LIMIT);
}

Test(mqtt, takes_a_packet_at_the_limit_and_none_over_it)
{
	static uint8_t payload[MQTT_PACKET_MAX], out[MQTT_PACKET_MAX + 64];
	struct mqtt_packet p = {0};
	size_t len = 0, used = 0, most = MQTT_PACKET_MAX - 5 - 3;

	memset(payload, 'x', sizeof(payload));
	cr_assert_eq(mqtt_format_publish("a", 0, 0, payload, most, out, sizeof(out), &len), ERR_OK);
	cr_assert_eq(mqtt_parse(out, len, &p, &used), ERR_OK);
	cr_expect_eq(p.payload.len, most);
	cr_expect_eq(mqtt_format_publish("a", 0, 0, payload, most + 1, out, sizeof(out), &len),
	    ERR_LIMIT);
	cr_expect_eq(mqtt_format_publish("a", 0, 0, payload, 10, out, 14, &len), ERR_LIMIT);
	cr_expect_eq(mqtt_format_publish("a", 0, 0, payload, 10, out, 15, &len), ERR_OK);
}

Test(mqtt, will_not_format_what_is_forbidden)
{
	uint8_t out[64];
	size_t len = 0;

	cr_expect_eq(mqtt_format_publish("a/+", 0, 0, NULL, 0, out, 64, &len), ERR_INVALID);
	cr_expect_eq(mqtt_format_publish("", 0, 0, NULL, 0, out, 64, &len), ERR_INVALID);
	cr_expect_eq(mqtt_format_publish("a", 3, 1, NULL, 0, out, 64, &len), ERR_INVALID);
	cr_expect_eq(mqtt_format_publish("a", 1, 0, NULL, 0, out, 64, &len), ERR_INVALID);
	cr_expect_eq(mqtt_format_subscribe(1, "a/#/b", 1, out, 64, &len), ERR_INVALID);
	cr_expect_eq(mqtt_format_subscribe(0, "a", 1, out, 64, &len), ERR_INVALID);
	cr_expect_eq(
	    mqtt_format_connect("\xff", NULL, NULL, 60, out, sizeof(out), &len), ERR_INVALID);
}

static void
expect_json(const char *hex, const char *want)
{
	struct bytes b = unhex(hex);
	AUTO(mem) char *json = NULL;

	cr_assert_eq(mqtt_dump_json(b.data, b.len, &json), ERR_OK);
	cr_expect_str_eq(json, want);
}

Test(mqtt, dumps_packets_as_json)
{
	expect_json(golden_subscribe, "[{\"packet\":\"SUBSCRIBE\",\"id\":1,\"topics\":[{\"topic\":"
				      "\"q/1/d/qdp1115X860000000000001/+\",\"qos\":1}]}]");
	expect_json(golden_connect, "[{\"packet\":\"CONNECT\",\"client_id\":"
				    "\"qdp1115X860000000000001\",\"keepalive_s\":120,"
				    "\"clean_session\":true,\"password\":\"1;0000;0123456789ABCDEF;"
				    "5snDHM/OSkavflCsmvhARaZ0NpbgY4cv9jlS+1pu6Mo=\"}]");
	expect_json("20020005" "9003000180" "3a06000161000778" "40020007",
	    "[{\"packet\":\"CONNACK\",\"session_present\":false,\"code\":5},"
	    "{\"packet\":\"SUBACK\",\"id\":1,\"codes\":[128]},"
	    "{\"packet\":\"PUBLISH\",\"topic\":\"a\",\"qos\":1,\"dup\":true,\"retain\":false,"
	    "\"id\":7,\"payload\":\"78\"},{\"packet\":\"PUBACK\",\"id\":7}]");
}

Test(mqtt, dumps_nothing_of_a_bad_packet)
{
	static const uint8_t good_then_bad[] = {0xd0, 0x00, 0x60, 0x02, 0x00, 0x01};
	char *json = NULL;

	cr_expect_eq(mqtt_dump_json(good_then_bad, 6, &json), ERR_MALFORMED);
	cr_expect_null(json);
	cr_expect_eq(mqtt_dump_json(good_then_bad, 3, &json), ERR_MALFORMED);
	cr_expect_eq(mqtt_dump_json(good_then_bad, 1, &json), ERR_TRUNCATED);
	cr_expect_eq(mqtt_dump_json(good_then_bad, 0, &json), ERR_TRUNCATED);
}
