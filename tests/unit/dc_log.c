/*
 * dc_log: what the platform writes down about a device, line by line, and to which component of
 * which plan it belongs.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "dc_ota.h"
#include "dc_state.h"
#include "dc_talk.h"

/* The lines about a component ("": all), joined by '|'. */
static const char *
lines(struct dc_case *c, const char *component)
{
	static char text[4000];
	AUTO(cjson) cJSON *list = dc_state_log(c->db, 2, 0, component);
	const cJSON *line;
	size_t n = 0;

	text[0] = '\0';
	cJSON_ArrayForEach(line, list)
	{
		const char *what = cJSON_GetObjectItem(line, "text")->valuestring;

		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s", n ? "|" : "", what);
	}
	return text;
}

Test(dc_log, a_run_reads_as_in_the_platform_s_own_log)
{
	AUTO(dc_case) struct dc_case *c = dc_case_new();
	dc_case_plan(c, DC_CASE_SUB_PK, "app", 0, NULL, "2.0.0", false);
	AUTO(dc_line) struct dc_line *l = dc_talk_begin(c);

	dc_talk_ask(l, "1.0.0", NULL);
	dc_talk_all(l, "app", (int[]){1, 2, 4, 5, 8, 9, 0});
	dc_talk_report(l, "2.0.0");
	cr_expect_str_eq(lines(c, "app"),
	    "issue upgrade plan plan 2.0.0: component app to version 2.0.0|upgrade plan issued|"
	    "status 1: Plan Received|status 2: Upgrade Confirmed|issue URL|URL issued|"
	    "status 4: Ready to Download|status 5: Downloading|status 8: Download Succeeded|"
	    "status 9: Upgrading|reported version equals target version 2.0.0|"
	    "plan plan 2.0.0, component app: success");
	cr_expect(strstr(lines(c, ""), "device requests an upgrade plan, version 1.0.0|issue "));
}

Test(dc_log, each_component_has_lines_of_its_own)
{
	AUTO(dc_case) struct dc_case *c = dc_case_new();
	dc_case_plan(c, DC_CASE_SUB_PK, "app", 0, NULL, "2.0.0", true);
	dc_db_do(c->db,
	    "INSERT INTO package (name, component, kind, target, path, scheme, size, md5, crc, "
	    "sha256, created) VALUES ('n', 'net', 0, '3.0.0', 'n', 'https', 7, '', '', '', 0)",
	    "");
	dc_db_do(c->db, "INSERT INTO plan_component VALUES (1, 1, 2, NULL)", "");
	AUTO(dc_line) struct dc_line *l = dc_talk_begin(c);

	dc_talk_all(l, "app", (int[]){2, 0});
	dc_talk_say(l, "app", 11, "2.0.0");
	dc_talk_say(l, "net", 3, NULL);
	cr_expect_str_eq(lines(c, "net"),
	    "issue upgrade plan plan 2.0.0: component net to version 3.0.0|upgrade plan issued|"
	    "status 3: Upgrade Refused");
	cr_expect(strstr(lines(c, "app"), "|version equals target version 2.0.0|"), "%s",
	    lines(c, "app"));
	AUTO(cjson) cJSON *list = dc_state_log(c->db, 2, 0, "net");
	cr_expect_str_eq(
	    cJSON_GetObjectItem(cJSON_GetArrayItem(list, 0), "plan")->valuestring, "plan 2.0.0");
}

Test(dc_log, what_is_not_a_status_has_the_platform_s_word_too)
{
	cr_expect_str_eq(dc_ota_progress_text(0, 0, false), "");
	cr_expect_str_eq(dc_ota_progress_text(0, 0, true), "Plan Not Received");
	cr_expect_str_eq(dc_ota_progress_text(0, 1, true), "Plan Received");
	cr_expect_str_eq(dc_ota_progress_text(4, 0, false), "No Update Required");
}
