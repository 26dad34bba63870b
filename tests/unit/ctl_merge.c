/*
 * ctl_merge: rows of three daemons as one, and daemons that say what makes no sense.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "ctl/merge.h"

static cJSON *
parse(const char *json)
{
	cJSON *doc = cJSON_Parse(json);

	cr_assert(doc, "%s", json);
	return doc;
}

static const char *
member(const cJSON *o, const char *key, char text[200])
{
	out_text(cJSON_GetObjectItem(o, key), text, 200);
	return text;
}

Test(ctl_merge, upgrades_of_one_daemon_alone_are_shown)
{
	AUTO(out_json)
	cJSON *gate = parse("{\"upgrades\":[{\"upgrade\":1,\"state\":\"ORDERED\"},"
			    "{\"upgrade\":2,\"state\":\"TAKEN\"}]}");
	AUTO(out_json) cJSON *list = merge_upgrades(&(struct merge){.fetchd = gate});
	char text[200];

	cr_assert_eq(cJSON_GetArraySize(list), 2);
	cr_expect_str_eq(member(cJSON_GetArrayItem(list, 0), "gate", text), "TAKEN");
	cr_expect_str_eq(member(cJSON_GetArrayItem(list, 0), "flash", text), "-");
	cr_expect_not_null(merge_find_upgrade(list, 1));
	cr_expect_null(merge_find_upgrade(list, 3));
}

Test(ctl_merge, upgrades_are_put_in_order_wherever_they_come_from)
{
	AUTO(out_json)
	cJSON *gate = parse("{\"upgrades\":[{\"upgrade\":2},{\"upgrade\":6},{\"upgrade\":4}]}");
	AUTO(out_json)
	cJSON *cloud = parse("[{\"upgrade\":3},{\"upgrade\":1},{\"upgrade\":4},{\"upgrade\":5}]");
	AUTO(out_json)
	cJSON *list = merge_upgrades(&(struct merge){.cloudd = cloud, .fetchd = gate});

	cr_assert_eq(cJSON_GetArraySize(list), 6);
	for (int i = 0; i < 6; i++)
		cr_expect_eq(
		    cJSON_GetArrayItem(list, i), merge_find_upgrade(list, (uint64_t)(6 - i)));
}

Test(ctl_merge, ids_above_2_to_the_53_stay_exact)
{
	AUTO(out_json)
	cJSON *flash = parse("{\"upgrades\":[{\"upgrade\":\"9223372036854775807\","
			     "\"state\":\"DONE\"},{\"upgrade\":\"9223372036854775806\"}]}");
	AUTO(out_json) cJSON *list = merge_upgrades(&(struct merge){.flashd = flash});

	cr_assert_eq(cJSON_GetArraySize(list), 2);
	char text[200];

	cr_expect_str_eq(member(merge_find_upgrade(list, INT64_MAX), "flash", text), "DONE");
	cr_expect_str_eq(
	    member(cJSON_GetArrayItem(list, 0), "upgrade", text), "9223372036854775807");
}

Test(ctl_merge, a_device_with_two_components_has_two_rows)
{
	AUTO(out_json)
	cJSON *flash = parse(
	    "{\"devices\":["
	    "{\"product_key\":\"p\",\"device_key\":\"d\",\"component\":\"app\"},"
	    "{\"product_key\":\"p\",\"device_key\":\"d\",\"component\":\"radio\"}]}");
	AUTO(out_json)
	cJSON *cloud = parse("[{\"product_key\":\"p\",\"device_key\":\"d\","
			     "\"component\":\"app\",\"login\":\"IN\",\"upgrade\":7,"
			     "\"upgrade_component\":\"radio\"}]");
	AUTO(out_json)
	cJSON *list = merge_devices(&(struct merge){.cloudd = cloud, .flashd = flash});
	char text[200];

	cr_assert_eq(cJSON_GetArraySize(list), 2);
	for (int i = 0; i < 2; i++)
		cr_expect_str_eq(
		    member(cJSON_GetArrayItem(list, i), "login", text), "IN", "both are logged in");
	cr_expect_str_eq(member(cJSON_GetArrayItem(list, 0), "upgrade", text), "-");
	cr_expect_str_eq(member(cJSON_GetArrayItem(list, 1), "upgrade", text), "7");
}

Test(ctl_merge, answers_without_sense_make_odd_rows_and_no_crash)
{
	static const char *const odd[] = {"7", "null", "\"x\"", "[]", "{}", "[1,null,[2],{}]",
	    "{\"upgrades\":7,\"devices\":7}", "{\"upgrades\":[[]],\"devices\":[\"x\"]}",
	    "{\"upgrades\":[{\"upgrade\":{}},{\"upgrade\":-1},{\"upgrade\":1e99}]}",
	    "{\"upgrades\":[{\"upgrade\":1,\"error\":5},{\"upgrade\":1,\"error\":\"X\"}]}",
	    "{\"devices\":[{\"product_key\":{\"a\":[]},\"error\":[]},{\"error\":\"X\"}]}"};
	const size_t n = sizeof(odd) / sizeof(odd[0]);

	for (size_t i = 0; i < n * n; i++) {
		AUTO(out_json) cJSON *a = parse(odd[i / n]), *b = parse(odd[i % n]);
		struct merge m = {.cloudd = a, .fetchd = b, .flashd = b};
		AUTO(out_json) cJSON *upgrades = merge_upgrades(&m);
		AUTO(out_json) cJSON *devices = merge_devices(&m);

		cr_expect(cJSON_IsArray(upgrades) && cJSON_IsArray(devices));
	}
}
