/*
 * dump: what a message looks like as JSON. Expected texts are written out here.
 */
#include <bundle.pb-c.h>
#include <cjson/cJSON.h>
#include <criterion/criterion.h>
#include <string.h>

#include "auto.h"
#include "dump.h"
#include "golden.h"

static void
expect_json(const ProtobufCMessage *m, const char *want)
{
	AUTO(mem) char *json = NULL;

	cr_assert_eq(dump_json(m, &json), ERR_OK);
	cr_expect_str_eq(json, want);
}

Test(dump, envelope_shows_its_head_and_the_one_body_it_has)
{
	struct golden g;

	golden_make(PB__ENVELOPE__BODY_FLASH_ORDER, &g);
	expect_json(&g.e.base,
	    "{\"proto\":1,\"seq\":3,\"upgrade\":7,\"sent_at\":1764000000123,\"flash_order\":{"
	    "\"device\":{\"product_key\":\"p1115X\",\"device_key\":\"meter-1\"},"
	    "\"component\":\"app\",\"target_version\":\"1.1.0\",\"manifest_digest\":"
	    "\"0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20\"}}");
}

Test(dump, defaults_are_shown_and_missing_messages_are_not)
{
	Pb__Envelope e = PB__ENVELOPE__INIT;
	Pb__Progress p = PB__PROGRESS__INIT;

	e.body_case = PB__ENVELOPE__BODY_PROGRESS;
	e.progress = &p;
	expect_json(&e.base,
	    "{\"proto\":0,\"seq\":0,\"upgrade\":0,\"sent_at\":0,\"progress\":{"
	    "\"phase\":\"PHASE_UNKNOWN\",\"done_bytes\":0,\"total_bytes\":0,"
	    "\"bytes_per_second\":0}}");
}

Test(dump, lists_are_arrays_and_empty_ones_are_there)
{
	Pb__Option a = PB__OPTION__INIT, b = PB__OPTION__INIT, *list[] = {&a, &b};
	Pb__SessionOrder o = PB__SESSION_ORDER__INIT;
	AUTO(mem) char *json = NULL;

	a.key = golden_text("k");
	a.value = golden_text("v");
	o.options = list;
	o.n_options = 2;
	cr_assert_eq(dump_json(&o.base, &json), ERR_OK);
	cr_expect_not_null(strstr(json,
	    "\"options\":[{\"key\":\"k\",\"value\":\"v\"},{\"key\":\"\",\"value\":\"\"}]"));
	Pb__CourierOrder none = PB__COURIER_ORDER__INIT;
	AUTO(mem) char *empty = NULL;
	cr_assert_eq(dump_json(&none.base, &empty), ERR_OK);
	cr_expect_not_null(strstr(empty, "\"hosts\":[]"));
}

static void
expect_nonce(uint64_t nonce, const char *want)
{
	Pb__Ping p = PB__PING__INIT;

	p.nonce = nonce;
	expect_json(&p.base, want);
}

Test(dump, integers_stay_exact_and_become_text_beyond_two_to_the_53)
{
	expect_nonce(1000000000000000, "{\"nonce\":1000000000000000,\"answer\":false}");
	expect_nonce(UINT64_C(1) << 53, "{\"nonce\":9007199254740992,\"answer\":false}");
	expect_nonce(
	    (UINT64_C(1) << 53) + 1, "{\"nonce\":\"9007199254740993\",\"answer\":false}");
	expect_nonce(UINT64_MAX, "{\"nonce\":\"18446744073709551615\",\"answer\":false}");
}

Test(dump, negative_numbers_and_unknown_values_of_enums_are_numbers)
{
	Pb__DeviceReport r = PB__DEVICE_REPORT__INIT;
	AUTO(mem) char *json = NULL;

	r.signal_dbm = INT32_MIN;
	r.state = (Pb__DeviceState)-3;
	cr_assert_eq(dump_json(&r.base, &json), ERR_OK);
	cr_expect_not_null(strstr(json, "\"signal_dbm\":-2147483648"));
	cr_expect_not_null(strstr(json, "\"state\":-3"));
}

Test(dump, texts_of_strangers_are_still_json)
{
	Pb__Cancel c = PB__CANCEL__INIT;

	c.reason = golden_text("a\"b\\\n\x01\xff\xc3(\xc3\xa0");
	expect_json(&c.base, "{\"reason\":\"a\\\"b\\\\\\n\\u0001?" "?(\xc3\xa0\"}");
}

Test(dump, every_golden_message_becomes_json_that_parses)
{
	for (int kind = GOLDEN_FIRST; kind < GOLDEN_FIRST + GOLDEN_KINDS; kind++) {
		struct golden g;
		AUTO(mem) char *json = NULL;

		golden_make(kind, &g);
		cr_assert_eq(dump_json(&g.e.base, &json), ERR_OK);
		cJSON *tree = cJSON_Parse(json);
		cr_expect_not_null(tree, "%s", json);
		cr_expect_null(strchr(json, '\n'));
		cJSON_Delete(tree);
	}
}

Test(dump, signed_documents_can_be_shown_as_well)
{
	Tr__Root r = TR__ROOT__INIT;
	AUTO(mem) char *json = NULL;

	r.version = 4;
	cr_assert_eq(dump_json(&r.base, &json), ERR_OK);
	cr_expect_not_null(strstr(json, "\"version\":4"));
}
