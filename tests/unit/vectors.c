/*
 * vectors: the golden data as a whole: no part of it is without a test, and what belongs to no
 * codec of its own: packets of the connection, and how long the SDK waited before it connected
 * again.
 */
#include <criterion/criterion.h>
#include <openssl/evp.h>
#include <string.h>

#include "auth.h"
#include "mqtt.h"
#include "session.h"
#include "vectors.h"

/* A new group must find its test: in ttlv, dp, auth, dialect_golden, cloud_golden, or here. The
 * signature of the platform's HTTP interface concerns no program of ours. */
Test(vectors, have_a_test_for_each_group)
{
	static const char known[][40] = {"origin", "byte_order", "ttlv", "ttlv_malformed",
	    "dp_frames", "dp_malformed", "passwords", "ds_encrypted_form", "aes_session",
	    "ota_messages", "mqtt_packets", "sdk_sessions", "doc_examples_ttlv",
	    "reconnect_gaps_seconds_measured", "openapi_sign_example"};
	AUTO(vectors) cJSON *doc = vectors_load();
	const cJSON *group = NULL;

	cJSON_ArrayForEach(group, doc)
	{
		bool found = false;

		for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
			found |= strcmp(known[i], group->string) == 0;
		cr_expect(found, "group %s has no test", group->string);
	}
}

Test(vectors, connect_and_subscribe_are_made_and_read)
{
	AUTO(vectors) cJSON *doc = vectors_load();
	const cJSON *list = cJSON_GetObjectItem(doc, "mqtt_packets");
	const cJSON *connect = cJSON_GetArrayItem(list, 0),
		    *subscribe = cJSON_GetArrayItem(list, 1);
	AUTO(mem) struct vectors_bytes *c = vectors_hex(connect, "hex");
	AUTO(mem) struct vectors_bytes *s = vectors_hex(subscribe, "hex");
	const char *id = vectors_text(connect, "client_id"),
		   *topic = vectors_text(subscribe, "topic");
	const char *password = vectors_text(connect, "password");
	struct mqtt_packet p = {0};
	uint8_t out[256];
	size_t len = 0, used = 0;

	cr_assert_eq(mqtt_format_connect(id, NULL, password, 120, out, sizeof(out), &len), ERR_OK);
	cr_expect(len == c->len && memcmp(out, c->data, len) == 0);
	cr_assert_eq(mqtt_parse(c->data, c->len, &p, &used), ERR_OK);
	cr_expect(p.connect.client_id.len == strlen(id) &&
		  memcmp(p.connect.client_id.data, id, strlen(id)) == 0);
	cr_expect(p.connect.password.len == strlen(password) &&
		  memcmp(p.connect.password.data, password, strlen(password)) == 0);
	cr_assert_eq(mqtt_format_subscribe(1, topic, 1, out, sizeof(out), &len), ERR_OK);
	cr_expect(len == s->len && memcmp(out, s->data, len) == 0);
	cr_assert_eq(mqtt_parse(s->data, s->len, &p, &used), ERR_OK);
	cr_expect_eq(p.type, MQTT_SUBSCRIBE);
	cr_expect_eq(p.id, 1);
}

/* The n-th measured gap must be one that we could wait, too; a little is lost on the way there. */
Test(vectors, gaps_between_connections_are_ours)
{
	AUTO(vectors) cJSON *doc = vectors_load();
	const cJSON *gap = NULL,
		    *gaps = cJSON_GetObjectItem(
			cJSON_GetObjectItem(doc, "reconnect_gaps_seconds_measured"), "gaps");
	unsigned n = 0;

	cJSON_ArrayForEach(gap, gaps)
	{
		int64_t least = INT64_MAX, most = 0, ms = (int64_t)(gap->valuedouble * 1000);

		n++;
		for (uint32_t random = 0; random < 10000; random++) {
			int64_t wait = session_backoff(SESSION_ACCESS, 10474, n, random);

			least = wait < least ? wait : least;
			most = wait > most ? wait : most;
		}
		cr_expect(ms >= least && ms <= most + 100, "gap %u: %lld not in %lld..%lld", n,
		    (long long)ms, (long long)least, (long long)most);
	}
	cr_expect_eq(n, SESSION_FAILURES_MAX);
	cr_expect_eq(session_backoff(SESSION_ACCESS, 10474, n + 1, 0), 30 * 60000);
}

Test(vectors, a_device_secret_is_sealed_as_the_platform_does_it)
{
	AUTO(vectors) cJSON *doc = vectors_load();
	const cJSON *v = cJSON_GetObjectItem(doc, "ds_encrypted_form");
	const char *ps = vectors_text(v, "ps"), *ds = vectors_text(v, "ds");
	uint8_t sealed[64];
	char text[100];
	size_t len = 0;

	cr_assert_eq(auth_seal(ps, strlen(ps), (const uint8_t *)ds, strlen(ds), sealed,
			 sizeof(sealed), &len),
	    ERR_OK);
	EVP_EncodeBlock((unsigned char *)text, sealed, (int)len);
	cr_expect_str_eq(text, vectors_text(v, "base64_aes"));
}
