/*
 * ctl_ask: the operator's commands against sockets that answer like the daemons: what they print,
 * and what they say when a daemon is away, hangs, or talks nonsense.
 */
#include <cjson/cJSON.h>
#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "answers.h"
#include "kit.h"
#include "tool.h"

AUTO_DEFINE(json, cJSON *, cJSON_Delete)

/* clang-format off */
static const struct answers_row rows[] = {
	{WHO_CLOUDD, "status", "{'endpoint':'iot.example:8883','connected':true}"},
	{WHO_FETCHD, "status", "{'daemon':'fetchd','cloudd':{'up':true,'received':12}}"},
	{WHO_FLASHD, "status", "{'daemon':'flashd','devices':2}"},
	{WHO_CLOUDD, "devices",
	    "[{'product_key':'p1','device_key':'m1','component':'app','version':'1.0',"
	    "'login':'IN','upgrade':7},"
	    "{'product_key':'p1','device_key':'lost','component':'app','login':'OUT'}]"},
	{WHO_FLASHD, "devices",
	    "{'devices':[{'name':'meter','product_key':'p1','device_key':'m1','component':'app',"
	    "'port':'/dev/ttyUSB0','driver':'smp','state':'busy','version':'1.0.0','error':'OK',"
	    "'detail':''},"
	    "{'name':'far','product_key':'p1','device_key':'m2','component':'app',"
	    "'state':'away','error':'DEVICE_AWAY','detail':'no answer\\u001b[2J'}]}"},
	{WHO_CLOUDD, "upgrades",
	    "[{'upgrade':7,'product_key':'p1','device_key':'m1','component':'app',"
	    "'target':'2.0','status':9,'text':'updating','error':'OK'},"
	    "{'upgrade':3,'product_key':'p1','device_key':'m2','component':'app',"
	    "'target':'2.0','text':'failed','error':'PLATFORM'}]"},
	{WHO_FETCHD, "upgrades",
	    "{'upgrades':[{'upgrade':9,'product_key':'p1','device_key':'m3','component':'app',"
	    "'target_version':'2.0','state':'ORDERED','image':1,'error':'OK'},"
	    "{'upgrade':7,'product_key':'p1','device_key':'m1','state':'TAKEN','image':1}]}"},
	{WHO_FLASHD, "upgrades",
	    "{'upgrades':[{'upgrade':7,'product_key':'p1','device_key':'m1','component':'app',"
	    "'target_version':'2.0','state':'FLASHING','done':512,'size':4096,'error':'OK'},"
	    "{'upgrade':3,'state':'FAILED','product_key':'p1','device_key':'m2',"
	    "'error':'VERIFY','detail':'hash'}]}"},
	{WHO_FETCHD, "store",
	    "{'used':4096,'quota':8192,'images':[{'image':1,'state':'READY','size':4096,"
	    "'done':4096,'upgrades':2,'url':'https://p.example/fw.bin','error':'OK'}]}"},
};
/* clang-format on */

static const struct answers_row nonsense[] = {
    {WHO_CLOUDD, "status", "{'endpoint':"}, {WHO_FETCHD, "upgrades", "7"}};

#define OPEN(a, list) \
	struct answers a; \
	answers_open(&a, list, sizeof(list) / sizeof((list)[0]))

#define ASK(a, ...) CTL((a).dir, __VA_ARGS__, "--config", "conf")

static const char *
text(const cJSON *o, const char *key)
{
	const char *s = cJSON_GetStringValue(cJSON_GetObjectItem(o, key));

	return s ? s : "";
}

Test(ctl_ask, status_shows_every_daemon)
{
	OPEN(a, rows);
	struct tool_result r = ASK(a, "status");

	cr_expect_eq(r.status, 0, "%s", r.out);
	cr_expect(strstr(r.out, "cloudd.endpoint             iot.example:8883\n"), "%s", r.out);
	cr_expect(strstr(r.out, "fetchd.cloudd.received      12\n"), "%s", r.out);
	cr_expect(strstr(r.out, "flashd.up                   yes\n"), "%s", r.out);
	r = ASK(a, "status", "--json", "flashd");
	cr_expect_str_eq(r.out, "{\"flashd\":{\"up\":true,\"daemon\":\"flashd\",\"devices\":2}}\n");
	answers_close(&a);
}

Test(ctl_ask, devices_puts_what_two_daemons_know_into_one_row)
{
	OPEN(a, rows);
	struct tool_result r = ASK(a, "devices");

	cr_expect_eq(r.status, 0, "%s", r.out);
	cr_expect(strstr(r.out, "p1/m1 "), "%s", r.out);
	cr_expect(strstr(r.out, "no answer?[2J"), "no control characters: %s", r.out);
	r = ASK(a, "devices", "--json");
	AUTO(json) cJSON *list = cJSON_Parse(r.out);

	cr_assert_eq(cJSON_GetArraySize(list), 3, "%s", r.out);
	const cJSON *first = cJSON_GetArrayItem(list, 0);

	cr_expect_str_eq(text(first, "state"), "busy");
	cr_expect_str_eq(text(first, "version"), "1.0.0", "flashd is nearer");
	cr_expect_str_eq(text(first, "login"), "IN");
	cr_expect_str_eq(text(cJSON_GetObjectItem(first, "flashd"), "port"), "/dev/ttyUSB0");
	cr_expect_str_eq(text(cJSON_GetArrayItem(list, 1), "error"), "DEVICE_AWAY");
	cr_expect_str_eq(text(cJSON_GetArrayItem(list, 2), "device"), "p1/lost");
	answers_close(&a);
}

Test(ctl_ask, upgrades_are_joined_by_their_id_the_newest_first)
{
	OPEN(a, rows);
	struct tool_result r = ASK(a, "upgrades", "--json");
	AUTO(json) cJSON *list = cJSON_Parse(r.out);
	static const double ids[] = {9, 7, 3};

	cr_assert_eq(cJSON_GetArraySize(list), 3, "%s", r.out);
	for (int i = 0; i < 3; i++)
		cr_expect_eq(
		    cJSON_GetObjectItem(cJSON_GetArrayItem(list, i), "upgrade")->valuedouble,
		    ids[i]);
	const cJSON *seven = cJSON_GetArrayItem(list, 1), *three = cJSON_GetArrayItem(list, 2);

	cr_expect_str_eq(text(seven, "cloud"), "updating");
	cr_expect_str_eq(text(seven, "gate"), "TAKEN");
	cr_expect_str_eq(text(seven, "flash"), "FLASHING");
	cr_expect_null(cJSON_GetObjectItem(seven, "error"), "OK is no error");
	cr_expect_str_eq(text(three, "error"), "VERIFY", "the device's word comes first");
	cr_expect_str_eq(text(three, "detail"), "hash");
	answers_close(&a);
}

Test(ctl_ask, one_upgrade_is_told_whole_or_not_known)
{
	OPEN(a, rows);
	struct tool_result r = ASK(a, "upgrade", "7");

	cr_expect_eq(r.status, 0, "%s", r.out);
	cr_expect(strstr(r.out, "flashd.done                 512\n"), "%s", r.out);
	cr_expect(strstr(r.out, "cloudd.status               9\n"), "%s", r.out);
	cr_expect_eq(ASK(a, "upgrade", "8").status, 1);
	cr_expect_eq(ASK(a, "upgrade", "seven").status, 64);
	answers_close(&a);
}

Test(ctl_ask, store_shows_packages_and_how_full_it_is)
{
	OPEN(a, rows);
	struct tool_result r = ASK(a, "store");

	cr_expect_eq(r.status, 0, "%s", r.out);
	cr_expect(strstr(r.out, "READY"), "%s", r.out);
	cr_expect(strstr(r.out, "4096 of 8192 bytes used\n"), "%s", r.out);
	r = ASK(a, "store", "--json");
	cr_expect(strncmp(r.out, "{\"used\":4096,", 13) == 0, "%s", r.out);
	answers_close(&a);
}

Test(ctl_ask, tap_shows_messages_as_they_pass)
{
	OPEN(a, rows);
	struct tool_result r = ASK(a, "tap", "fetchd", "--count", "2", "--timeout", "20000");

	cr_expect_eq(r.status, 0, "%s", r.out);
	cr_expect(strstr(r.out, "Z  fetchd  "), "%s", r.out);
	cr_expect(strstr(r.out, "  OK  {\""), "%s", r.out);
	cr_expect_null(strstr(r.out, "sent_at"), "only what it says: %s", r.out);
	r = ASK(a, "tap", "--json", "--count", "1", "--timeout", "20000");
	AUTO(json) cJSON *row = cJSON_Parse(strchr(r.out, '{'));

	cr_expect_eq(r.status, 0, "one tap of three is enough: %s", r.out);
	cr_expect_str_eq(text(row, "daemon"), "fetchd");
	cr_expect_eq(ASK(a, "tap", "flashd").status, 69);
	cr_expect_eq(ASK(a, "tap", "nobody").status, 64);
	answers_close(&a);
}

/* --- when it does not work -------------------------------------------------------------------- */

Test(ctl_ask, a_daemon_that_is_not_running_is_named_and_the_others_are_shown)
{
	OPEN(a, nonsense);
	struct tool_result r = ASK(a, "devices");

	cr_expect_eq(r.status, 69);
	cr_expect(strstr(r.out, "flashd is not running: expected a socket at "), "%s", r.out);
	r = ASK(a, "status", "flashd");
	cr_expect_eq(r.status, 69);
	cr_expect(strstr(r.out, "flashd.up                   no\n"), "%s", r.out);
	answers_close(&a);
}

Test(ctl_ask, a_question_or_an_answer_without_sense_is_65)
{
	OPEN(a, nonsense);
	struct tool_result r = ASK(a, "status", "cloudd");

	cr_expect_eq(r.status, 65, "%s", r.out);
	cr_expect(strstr(r.out, "expected JSON"), "%s", r.out);
	r = ASK(a, "status", "fetchd");
	cr_expect_eq(r.status, 65, "%s", r.out);
	cr_expect(strstr(r.out, "NOT_FOUND"), "%s", r.out);
	cr_expect_eq(ASK(a, "upgrades").status, 69, "an answer that is no list is an empty one");
	answers_close(&a);
}

Test(ctl_ask, a_daemon_that_answers_in_anothers_place_is_not_believed)
{
	char from[300], to[300];

	OPEN(a, nonsense);
	snprintf(from, sizeof(from), "%s/run/fetchd-ctl", a.dir);
	snprintf(to, sizeof(to), "%s/run/flashd-ctl", a.dir);
	cr_assert_eq(symlink(from, to), 0);
	struct tool_result r = ASK(a, "upgrades");

	cr_expect_eq(r.status, 65, "%s", r.out);
	cr_expect(strstr(r.out, "expected flashd at "), "%s", r.out);
	answers_close(&a);
}

Test(ctl_ask, a_daemon_that_hangs_is_given_up_after_the_time_allowed)
{
	OPEN(a, rows);
	kill(a.pid, SIGSTOP);
	struct tool_result r = ASK(a, "status", "fetchd", "--timeout", "100");

	cr_expect_eq(r.status, 69, "%s", r.out);
	cr_expect(strstr(r.out, "fetchd does not answer: expected it within 100 ms"), "%s", r.out);
	answers_close(&a);
}

Test(ctl_ask, a_socket_that_is_not_ours_to_use_is_77_with_the_reason)
{
	char path[600];

	if (geteuid() == 0)
		return; /* root may use every socket */
	OPEN(a, rows);
	snprintf(path, sizeof(path), "%s/run/fetchd-ctl", a.dir);
	cr_assert_eq(chmod(path, 0), 0);
	struct tool_result r = ASK(a, "status", "fetchd");

	cr_expect_eq(r.status, 77, "%s", r.out);
	cr_expect(strstr(r.out, "operator_group"), "%s", r.out);
	chmod(path, 0755);
	answers_close(&a);
}

Test(ctl_ask, a_configuration_that_is_missing_or_wrong_is_named)
{
	AUTO(scratch) char *dir = kit_scratch();

	kit_write(dir, "bad", "[common]\nrun_dir\n", 17);
	cr_expect_eq(CTL(dir, "status", "--config", "bad").status, 65);
	struct tool_result r = CTL(dir, "status", "--config", "missing");

	cr_expect_eq(r.status, 65);
	cr_expect(strstr(r.out, "missing"), "%s", r.out);
	cr_expect_eq(CTL(dir, "status", "--timeout", "soon").status, 64);
	cr_expect_eq(CTL(dir, "status", "nobody", "--config", "/dev/null").status, 64);
}
