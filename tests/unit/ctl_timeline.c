/*
 * ctl_timeline: one upgrade as a story: spans, who said no first, and a sentence for each way an
 * upgrade can stand.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "ctl/timeline.h"

/* ' for ". */
static cJSON *
json(const char *text)
{
	char copy[4096];

	snprintf(copy, sizeof(copy), "%s", text);
	for (char *c = copy; *c; c++)
		*c = *c == '\'' ? '"' : *c;
	cJSON *doc = cJSON_Parse(copy);

	cr_assert(doc, "%s", copy);
	return doc;
}

#define AT(s, daemon, event, rest) \
	"{'at':'2026-11-24T09:" s "Z','daemon':'" daemon "','event':'" event "'" rest "}"

static void
expect_sentence(const char *upgrade, const char *events, const char *want)
{
	AUTO(out_json) cJSON *u = json(upgrade), *list = json(events);
	AUTO(out_json) cJSON *timeline = timeline_make(list);
	char got[TIMELINE_SENTENCE];

	timeline_sentence(u, timeline, got);
	cr_expect_str_eq(got, want);
}

static double
number(const cJSON *list, int i, const char *key)
{
	const cJSON *n = cJSON_GetObjectItem(cJSON_GetArrayItem(list, i), key);

	return cJSON_IsNumber(n) ? n->valuedouble : -1;
}

static const char *
text(const cJSON *list, int i, const char *key)
{
	const char *s = cJSON_GetStringValue(cJSON_GetObjectItem(cJSON_GetArrayItem(list, i), key));

	return s ? s : "";
}

Test(ctl_timeline, a_daemon_s_state_lasts_until_its_next_event)
{
	AUTO(out_json)
	cJSON *events = json("[" AT("01:00.000", "cloudd", "plan_offered", ",'text':'2.0'") "," AT(
	    "01:00.250", "flashd", "state", ",'text':'ADMITTED'") "," AT("01:01.000", "cloudd",
	    "state",
	    ",'text':'CONFIRMED'") "," AT("06:01.000", "flashd", "state", ",'text':'DONE'") "]");
	AUTO(out_json) cJSON *t = timeline_make(events);
	AUTO(out_json) cJSON *rows = timeline_rows(t);

	cr_assert_eq(cJSON_GetArraySize(t), 4);
	cr_expect_eq(number(t, 0, "for_ms"), 1000);
	cr_expect_eq(number(t, 1, "for_ms"), 300750);
	cr_expect_eq(number(t, 2, "for_ms"), -1, "the last of its daemon");
	cr_expect_eq(number(t, 3, "after_ms"), 301000);
	cr_expect_str_eq(text(rows, 0, "what"), "plan_offered");
	cr_expect_str_eq(text(rows, 0, "why"), "2.0");
	cr_expect_str_eq(text(rows, 1, "what"), "ADMITTED");
	cr_expect_str_eq(text(rows, 1, "lasted"), "5 min 0 s");
	cr_expect_str_eq(text(rows, 1, "why"), "");
	cr_expect_str_eq(text(rows, 2, "after"), "1.000 s");
}

Test(ctl_timeline, of_a_long_story_the_middle_is_left_out_and_that_is_said)
{
	for (int n = 15; n < 40; n++) {
		AUTO(out_json) cJSON *events = cJSON_CreateArray();

		for (int i = 0; i < n; i++) {
			cJSON *e = out_row(events);
			char name[20];

			snprintf(name, sizeof(name), "e%d", i);
			out_add_text(e, "event", name);
		}
		AUTO(out_json) cJSON *t = timeline_make(events);
		AUTO(out_json) cJSON *rows = timeline_rows(t);
		int got = cJSON_GetArraySize(rows);
		char last[20];

		snprintf(last, sizeof(last), "e%d", n - 1);
		cr_expect_eq(cJSON_GetArraySize(t), n);
		cr_expect_eq(got, n <= 20 ? n : 20, "%d", n);
		cr_expect_str_eq(text(rows, 5, "what"), "e5");
		cr_expect_str_eq(text(rows, got - 1, "what"), last);
		if (n == 30) {
			cr_expect_str_eq(text(rows, 6, "why"), "11 more; --json has them");
			cr_expect_str_eq(text(rows, 7, "what"), "e17");
		}
	}
}

Test(ctl_timeline, a_year_and_a_clock_that_jumps_back_are_borne)
{
	AUTO(out_json)
	cJSON *events = json("[{'at':'2027-01-01T00:00:01.000Z','daemon':'cloudd','event':'a'},"
			     "{'at':'2026-12-31T23:59:59.500Z','daemon':'cloudd','event':'b'},"
			     "{'at':'never','daemon':'cloudd','event':'c'},"
			     "{'daemon':'cloudd','event':'d'},{}]");
	AUTO(out_json) cJSON *t = timeline_make(events);
	AUTO(out_json) cJSON *rows = timeline_rows(t);

	cr_expect_eq(number(t, 0, "for_ms"), -1500);
	cr_expect_str_eq(text(rows, 1, "after"), "-1.500 s");
	cr_expect_eq(cJSON_GetArraySize(rows), 5);
}

Test(ctl_timeline, the_first_own_no_counts_and_a_repetition_only_alone)
{
	static const char repeated[] = AT(
	    "01:00.000", "cloudd", "upgrade_ended", ",'error':'TIMEOUT','text':'no address'");

	expect_sentence("{'upgrade':7,'error':'VERIFY','fetchd':{'error':'OK'}}",
	    "[" AT("01:00.000", "cloudd", "upgrade_ended", ",'error':'VERIFY'") "," AT("01:00.000",
		"flashd", "device_failed",
		",'error':'VERIFY','text':'hash','expected':'aa','got':'bb'") "," AT("01:01.000",
		"fetchd", "upgrade_failed", ",'error':'VERIFY'") "]",
	    "flashd failed it: device does not hold what was written (VERIFY): hash: expected aa, "
	    "got bb");
	char only[400];

	snprintf(only, sizeof(only), "[%s]", repeated);
	expect_sentence(
	    "{'upgrade':7}", only, "cloudd failed it: took too long (TIMEOUT): no address");
}

Test(ctl_timeline, what_is_put_off_is_not_called_failed)
{
	expect_sentence("{'upgrade':7,'flash':'IDENTIFIED','flashd':{'error':'POLICY'}}",
	    "[" AT("01:00.000", "flashd", "plan_awaits_person",
		",'error':'POLICY','text':'expected a yes'") "]",
	    "flashd puts it off: policy forbids it (POLICY): expected a yes");
	expect_sentence("{'upgrade':7,'flash':'REFUSED','flashd':{'error':'POLICY'}}",
	    "[" AT("01:00.000", "flashd", "plan_awaits_person", ",'error':'POLICY'") "," AT(
		"02:00.000", "flashd", "upgrade_refused", ",'error':'POLICY','text':'a no'") "]",
	    "flashd refused it: policy forbids it (POLICY): a no");
}

Test(ctl_timeline, without_a_record_the_daemons_rows_are_enough)
{
	expect_sentence("{'upgrade':7,'error':'SPACE','detail':'full','fetchd':{'error':'SPACE'}}",
	    "[]", "fetchd failed it: not enough space for the image (SPACE): full");
	expect_sentence("{'upgrade':7,'error':'?','cloudd':{'error':'?'}}", "[]",
	    "cloudd failed it: unknown error (?)");
}

Test(ctl_timeline, work_and_success_have_their_sentences)
{
	expect_sentence("{'upgrade':7,'flash':'FLASHING','gate':'TAKEN','done':5,'size':9}",
	    "[" AT("01:00.000", "flashd", "state", ",'text':'FLASHING'") "]",
	    "at work: flashd FLASHING, 5 of 9 bytes; last heard of at 2026-11-24T09:01:00.000Z");
	expect_sentence("{'upgrade':7,'cloud':'x'}", "[]", "at work: cloudd x, - of - bytes");
	expect_sentence(
	    "{'upgrade':7,'flash':'DONE','device':'p/d','component':'app','target':'2.0'}", "[]",
	    "done: p/d app runs 2.0");
}
