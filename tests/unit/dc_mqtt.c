/*
 * dc_mqtt: the broker's packets against the recorded ones and the standard's rules.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "dc_mqtt.h"
#include "vectors.h"

Test(dc_mqtt, the_recorded_connect_without_user_name_is_understood)
{
	AUTO(vectors) cJSON *doc = vectors_load();
	const cJSON *row = cJSON_GetArrayItem(cJSON_GetObjectItem(doc, "mqtt_packets"), 0);
	AUTO(mem) struct vectors_bytes *b = vectors_hex(row, "hex");
	struct dc_mqtt_packet p;
	struct dc_mqtt_connect c;

	for (size_t n = 0; n < b->len; n++)
		cr_expect_eq(dc_mqtt_frame(b->data, n, &p), ERR_TRUNCATED, "%zu bytes", n);
	cr_assert_eq(dc_mqtt_frame(b->data, b->len, &p), ERR_OK);
	cr_assert_eq(dc_mqtt_connect(&p, &c), ERR_OK);
	cr_expect_eq(c.flags, 0x42);
	cr_expect_eq(c.keepalive_s, 120);
	cr_expect_not(c.has_user);
	cr_expect_str_eq(c.client_id, vectors_text(row, "client_id"));
	cr_expect_str_eq(c.password, vectors_text(row, "password"));
	for (size_t cut = 1; cut < p.len; cut++) {
		struct dc_mqtt_packet shorter = p;

		shorter.len -= cut;
		cr_expect(dc_mqtt_connect(&shorter, &c) != ERR_OK, "body shorter by %zu", cut);
	}
}

Test(dc_mqtt, the_recorded_subscribe_is_understood)
{
	AUTO(vectors) cJSON *doc = vectors_load();
	const cJSON *row = cJSON_GetArrayItem(cJSON_GetObjectItem(doc, "mqtt_packets"), 1);
	AUTO(mem) struct vectors_bytes *b = vectors_hex(row, "hex");
	AUTO(mem) struct dc_mqtt_filters *f = calloc(1, sizeof(*f));
	struct dc_mqtt_packet p;

	cr_assert_eq(dc_mqtt_frame(b->data, b->len, &p), ERR_OK);
	cr_assert_eq(dc_mqtt_filters(&p, f), ERR_OK);
	cr_expect_eq(f->id, 1);
	cr_expect_eq(f->n, 1);
	cr_expect_eq(f->row[0].qos, 1);
	cr_expect_str_eq(f->row[0].filter, vectors_text(row, "topic"));
}

/* One packet by its bytes through frame and body. */
static enum err
read_packet(const uint8_t *data, size_t len)
{
	AUTO(mem) struct dc_mqtt_filters *f = calloc(1, sizeof(*f));
	struct dc_mqtt_packet p;
	struct dc_mqtt_publish m;
	struct dc_mqtt_connect c;
	uint16_t id;
	enum err err = dc_mqtt_frame(data, len, &p);

	if (err)
		return err;
	switch (p.type) {
	case DC_MQTT_CONNECT:
		return dc_mqtt_connect(&p, &c);
	case DC_MQTT_PUBLISH:
		return dc_mqtt_publish(&p, &m);
	case DC_MQTT_SUBSCRIBE:
	case DC_MQTT_UNSUBSCRIBE:
		return dc_mqtt_filters(&p, f);
	case DC_MQTT_PUBACK:
	case DC_MQTT_PUBREL:
		return dc_mqtt_id(&p, &id);
	default:
		return ERR_OK;
	}
}

#define EXPECT(want, ...) \
	do { \
		static const uint8_t bytes_[] = {__VA_ARGS__}; \
		cr_expect_eq(read_packet(bytes_, sizeof(bytes_)), want, "%s", #__VA_ARGS__); \
	} while (0)

Test(dc_mqtt, what_the_standard_forbids_is_refused)
{
	EXPECT(ERR_MQTT, 0x00, 0); /* reserved types */
	EXPECT(ERR_MQTT, 0xf0, 0);
	EXPECT(ERR_MQTT, 0xc1, 0);       /* flags of PINGREQ */
	EXPECT(ERR_MQTT, 0x60, 2, 0, 1); /* flags of PUBREL */
	EXPECT(ERR_OK, 0x62, 2, 0, 1);
	EXPECT(ERR_MQTT, 0x62, 2, 0, 0); /* id 0 */
	EXPECT(ERR_MQTT, 0x62, 3, 0, 1, 0);
	EXPECT(ERR_MQTT, 0xc0, 0x80, 0x80, 0x80, 0x80, 1);       /* length of 5 bytes */
	EXPECT(ERR_LIMIT, 0x30, 0xff, 0xff, 0xff, 0x7f);         /* 256 MiB */
	EXPECT(ERR_MQTT, 0x36, 5, 0, 1, 'a', 0, 1);              /* QoS 3 */
	EXPECT(ERR_MQTT, 0x38, 3, 0, 1, 'a');                    /* DUP with QoS 0 */
	EXPECT(ERR_MQTT, 0x32, 5, 0, 1, 'a', 0, 0);              /* id 0 */
	EXPECT(ERR_MQTT, 0x32, 4, 0, 1, 'a', 0);                 /* half an id */
	EXPECT(ERR_MQTT, 0x30, 3, 0, 1, '+');                    /* wildcard in a name */
	EXPECT(ERR_MQTT, 0x30, 2, 0, 0);                         /* empty name */
	EXPECT(ERR_MQTT, 0x30, 3, 0, 1, 0);                      /* NUL */
	EXPECT(ERR_MQTT, 0x82, 2, 0, 1);                         /* no filter */
	EXPECT(ERR_MQTT, 0x82, 6, 0, 1, 0, 1, 'a', 3);           /* QoS 3 */
	EXPECT(ERR_MQTT, 0x82, 8, 0, 1, 0, 3, 'a', '#', 'b', 0); /* # inside */
	EXPECT(ERR_MQTT, 0x82, 7, 0, 1, 0, 2, 'a', '+', 0);      /* + beside */
	EXPECT(ERR_OK, 0x82, 8, 0, 1, 0, 3, '+', '/', '#', 2);
	EXPECT(ERR_MQTT, 0x10, 12, 0, 4, 'M', 'Q', 'T', 'T', 4, 3, 0, 9, 0, 0); /* reserved flag */
	EXPECT(ERR_MQTT, 0x10, 12, 0, 4, 'M', 'Q', 'T', 'X', 4, 2, 0, 9, 0, 0);
	EXPECT(ERR_MQTT, 0x10, 13, 0, 4, 'M', 'Q', 'T', 'T', 4, 2, 0, 9, 0, 0, 0);
	EXPECT(ERR_OK, 0x10, 12, 0, 4, 'M', 'Q', 'T', 'T', 4, 2, 0, 9, 0, 0);
}

Test(dc_mqtt, an_unknown_level_is_told_apart_from_nonsense)
{
	static const uint8_t v5[] = {0x10, 13, 0, 4, 'M', 'Q', 'T', 'T', 5, 2, 0, 9, 0, 0, 0};
	struct dc_mqtt_packet p;
	struct dc_mqtt_connect c;

	cr_assert_eq(dc_mqtt_frame(v5, sizeof(v5), &p), ERR_OK);
	cr_expect_eq(dc_mqtt_connect(&p, &c), ERR_OK);
	cr_expect_not(c.known_level);
}

Test(dc_mqtt, filters_match_as_the_standard_says)
{
	static const struct {
		const char *filter, *topic;
		bool matches;
	} rows[] = {
	    {"a/b", "a/b", true},
	    {"a/b", "a/b/c", false},
	    {"a/b/c", "a/b", false},
	    {"a/+", "a/b", true},
	    {"a/+", "a", false},
	    {"a/+", "a/", true},
	    {"a/+", "a/b/c", false},
	    {"+/+", "/b", true},
	    {"+", "/b", false},
	    {"#", "a/b/c", true},
	    {"#", "a", true},
	    {"a/#", "a", true},
	    {"a/#", "a/b/c", true},
	    {"a/#", "b/a", false},
	    {"a/#", "ab", false},
	    {"+/b/#", "a/b", true},
	    {"#", "$SYS/x", false},
	    {"+/x", "$SYS/x", false},
	    {"$SYS/#", "$SYS/x", true},
	    {"q/1/d/x/+", "q/1/d/x/ota", true},
	    {"q/1/d/x/+", "q/1/d/x/ota/app", false},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		cr_expect_eq(dc_mqtt_matches(rows[i].filter, rows[i].topic), rows[i].matches,
		    "%s and %s", rows[i].filter, rows[i].topic);
}

Test(dc_mqtt, a_publish_is_read_as_it_was_written_at_every_size_of_length)
{
	static const size_t sizes[] = {0, 1, 110, 127, 128, 16370, 16384, 100000};
	AUTO(mem) uint8_t *out = malloc(DC_MQTT_PACKET_MAX + 5);
	AUTO(mem) uint8_t *in = calloc(1, DC_MQTT_PACKET_MAX);
	struct dc_mqtt_packet p;
	size_t n;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		for (unsigned qos = 0; qos <= 2; qos++) {
			struct dc_mqtt_publish m = {.topic = "q/1/d/x/ota",
						   .qos = (uint8_t)qos,
						   .id = 7,
						   .payload = in,
						   .len = sizes[i]},
					       got;

			cr_assert_eq(
			    dc_mqtt_put_publish(&m, out, DC_MQTT_PACKET_MAX + 5, &n), ERR_OK);
			cr_assert_eq(dc_mqtt_frame(out, n, &p), ERR_OK);
			cr_expect_eq(p.total, n);
			cr_assert_eq(dc_mqtt_publish(&p, &got), ERR_OK);
			cr_expect_eq(got.len, sizes[i]);
			cr_expect_eq(got.qos, qos);
			cr_expect_eq(got.id, qos ? 7 : 0);
		}
	struct dc_mqtt_publish m = {.topic = "a", .payload = in, .len = DC_MQTT_PACKET_MAX};
	cr_expect_eq(dc_mqtt_put_publish(&m, out, DC_MQTT_PACKET_MAX + 5, &n), ERR_LIMIT);
}
