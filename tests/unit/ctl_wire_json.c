/*
 * ctl_wire_json: what dump makes of a message goes back to the very same bytes; what is no such
 * JSON is refused with the name of the member.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "auto.h"
#include "ctl/wire_json.h"
#include "dump.h"
#include "golden.h"
#include "route.h"

AUTO_DEFINE(json, cJSON *, cJSON_Delete)

static enum err
pack(const char *text, uint8_t **out, size_t *len, char why[WHY_SIZE])
{
	AUTO(json) cJSON *doc = cJSON_Parse(text);

	cr_assert(doc, "%s", text);
	return wire_json_pack(&pb__envelope__descriptor, doc, out, len, why);
}

Test(ctl_wire_json, every_golden_message_comes_back_byte_for_byte)
{
	for (int kind = PB__ENVELOPE__BODY_HELLO;
	     route_kind_name(kind) && kind <= PB__ENVELOPE__BODY_ACT; kind++) {
		AUTO(mem) char *text = NULL;
		AUTO(mem) uint8_t *got = NULL, *want = NULL;
		char why[WHY_SIZE] = "";
		struct golden g;
		size_t len = 0;

		golden_make(kind, &g);
		cr_assert_eq(dump_json(&g.e.base, &text), ERR_OK);
		size_t wanted = pb__envelope__get_packed_size(&g.e);

		want = malloc(wanted);
		pb__envelope__pack(&g.e, want);
		cr_assert_eq(pack(text, &got, &len, why), ERR_OK, "%s: %s", text, why);
		cr_expect_eq(len, wanted, "%s", text);
		cr_expect(len == wanted && memcmp(got, want, len) == 0, "%s", text);
	}
}

static void
expect_refused(const char *text, const char *want)
{
	AUTO(mem) uint8_t *got = NULL;
	char why[WHY_SIZE] = "";
	size_t len = 0;

	cr_expect_eq(pack(text, &got, &len, why), ERR_MALFORMED, "%s", text);
	cr_expect(strstr(why, want), "%s: %s", text, why);
	cr_expect_null(got);
}

Test(ctl_wire_json, what_is_no_message_is_refused_by_the_name_of_its_member)
{
	expect_refused("[]", "expected an object");
	expect_refused("{\"proto\":\"x\"}", "proto: expected an integer");
	expect_refused("{\"proto\":1.5e300}", "proto: expected an integer");
	expect_refused(
	    "{\"proto\":1,\"no_such\":1}", "expected the fields of Envelope only, got 1");
	expect_refused("{\"hello\":7}", "hello: expected an object");
	expect_refused("{\"hello\":{\"who\":7}}", "who: expected text");
	expect_refused("{\"ping\":{\"answer\":1}}", "answer: expected a boolean");
	expect_refused("{\"fetch_order\":{\"md5\":\"0\"}}", "md5: expected pairs");
	expect_refused("{\"fetch_order\":{\"md5\":\"zz\"}}", "md5: expected pairs");
	expect_refused("{\"progress\":{\"phase\":\"PHASE_NO\"}}", "phase: expected an integer");
	expect_refused("{\"courier_order\":{\"hosts\":\"x\"}}", "hosts: expected a list");
}
