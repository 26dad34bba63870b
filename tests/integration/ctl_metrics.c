/*
 * ctl_metrics: `subotactl metrics` against sockets that answer like the daemons: what Prometheus
 * reads, sample by sample, and a file that is never half written.
 */
#include <criterion/criterion.h>
#include <string.h>
#include <sys/stat.h>

#include "answers.h"
#include "kit.h"
#include "tool.h"

/* clang-format off */
static const struct answers_row rows[] = {
	{WHO_CLOUDD, "status", "{'connected':true,'online':false,'logged_in':2,'unconfirmed':5,'refused':1,'records_set_aside':2,'record_fails':true}"},
	{WHO_CLOUDD, "upgrades", "[{'upgrade':7,'state':'x'}]"},
	{WHO_FETCHD, "status",
	    "{'couriers':1,'images':3,'root_version':2,'refuses_all':false,"
	    "'cloudd':{'up':true,'received':12,'sent':7,'refused':1,'dropped':0,'strangers':4},"
	    "'flashd':{'up':false,'received':0,'sent':0,'refused':0,'dropped':0,'strangers':0}}"},
	{WHO_FETCHD, "upgrades", "{'upgrades':[]}"},
	{WHO_FETCHD, "store", "{'used':12345678901,'quota':99999999999,'images':[]}"},
	{WHO_FLASHD, "status", "{'links':2,'sessions':1,'active':1}"},
	{WHO_FLASHD, "upgrades",
	    "{'upgrades':[{'state':'DONE'},{'state':'FAILED'},{'state':'DONE'}]}"},
	{WHO_FLASHD, "devices",
	    "{'devices':[{'product_key':'p','device_key':'d\\\"1\\\\','component':'app',"
	    "'version':'1\\n\\u001b','state':'present'},"
	    "{'product_key':'p','device_key':'d2','component':'app','state':'away'},"
	    "{'product_key':'p','device_key':'d3','component':'app','state':'present'}]}"},
};
/* clang-format on */

static void
expect_line(const char *text, const char *line)
{
	char want[300];

	snprintf(want, sizeof(want), "\n%s\n", line);
	cr_expect(strstr(text, want), "%s is not in:\n%s", line, text);
}

Test(ctl_metrics, figures_of_all_daemons_are_printed_as_prometheus_reads_them)
{
	struct answers a;

	answers_open(&a, rows, sizeof(rows) / sizeof(rows[0]));
	struct tool_result r = CTL(a.dir, "metrics", "--config", "conf");

	cr_expect_eq(r.status, 0, "%s", r.out);
	expect_line(r.out, "# TYPE subota_up gauge");
	expect_line(r.out, "subota_up{daemon=\"flashd\"} 1");
	expect_line(r.out, "subota_platform_connected 1");
	expect_line(r.out, "subota_platform_online 0");
	expect_line(r.out, "subota_platform_reports 5");
	expect_line(r.out, "subota_records_set_aside{daemon=\"cloudd\"} 2");
	expect_line(r.out, "subota_record_fails{daemon=\"cloudd\"} 1");
	expect_line(r.out, "subota_store_bytes 12345678901");
	expect_line(r.out, "# TYPE subota_link_refused_total counter");
	expect_line(r.out, "subota_link_received_total{daemon=\"fetchd\",peer=\"cloudd\"} 12");
	expect_line(r.out, "subota_link_up{daemon=\"fetchd\",peer=\"flashd\"} 0");
	expect_line(r.out, "subota_devices{state=\"present\"} 2");
	expect_line(r.out, "subota_devices{state=\"away\"} 1");
	expect_line(r.out, "subota_upgrades{daemon=\"flashd\",state=\"DONE\"} 2");
	expect_line(r.out, "subota_upgrades{daemon=\"flashd\",state=\"FAILED\"} 1");
	expect_line(r.out,
	    "subota_device_runs{product_key=\"p\",device_key=\"d\\\"1\\\\\",component=\"app\","
	    "version=\"1??\"} 1");
	cr_expect_null(
	    strstr(r.out, "\nsubota_flash_root_version "), "what is not said is left out");
	answers_close(&a);
}

Test(ctl_metrics, each_metric_has_its_help_and_type_once_and_its_samples_together)
{
	struct answers a;

	answers_open(&a, rows, sizeof(rows) / sizeof(rows[0]));
	struct tool_result r = CTL(a.dir, "metrics", "--config", "conf");
	char current[100] = "";

	for (char *at = r.out, *next = NULL; at && *at; at = next) {
		next = strchr(at, '\n');
		next = next ? next + 1 : NULL;
		if (strncmp(at, "# TYPE ", 7) == 0)
			snprintf(
			    current, sizeof(current), "%.*s", (int)strcspn(at + 7, " "), at + 7);
		if (*at == '#')
			continue;
		cr_expect(
		    strncmp(at, current, strlen(current)) == 0 && strchr(" {", at[strlen(current)]),
		    "%.60s stands under %s", at, current);
	}
	answers_close(&a);
}

Test(ctl_metrics, a_daemon_that_is_away_is_a_zero_and_exit_status_69)
{
	struct answers a;

	answers_open(&a, rows, 2); /* cloudd alone */
	struct tool_result r = CTL(a.dir, "metrics", "--config", "conf");

	cr_expect_eq(r.status, 69, "%s", r.out);
	expect_line(r.out, "subota_up{daemon=\"cloudd\"} 1");
	expect_line(r.out, "subota_up{daemon=\"flashd\"} 0");
	answers_close(&a);
}

Test(ctl_metrics, a_file_is_put_in_its_place_whole_and_nothing_is_left_beside_it)
{
	struct answers a;
	struct stat st;
	char path[600];

	answers_open(&a, rows, sizeof(rows) / sizeof(rows[0]));
	struct tool_result r = CTL(a.dir, "metrics", "--config", "conf", "--output", "subota.prom");

	cr_expect_eq(r.status, 0, "%s", r.out);
	cr_expect_str_eq(r.out, "");
	snprintf(path, sizeof(path), "%s/subota.prom", a.dir);
	cr_assert_eq(stat(path, &st), 0);
	cr_expect_gt(st.st_size, 1000);
	cr_expect_eq(TOOL(a.dir, "sh", "-c", "test $(ls subota.prom* | wc -l) = 1").status, 0);
	r = CTL(a.dir, "metrics", "--config", "conf", "--output", "nowhere/subota.prom");
	cr_expect_eq(r.status, 71);
	cr_expect(strstr(r.out, "expected to write nowhere/subota.prom"), "%s", r.out);
	answers_close(&a);
}
