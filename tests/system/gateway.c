/*
 * System tests of the gateway's own session with the platform: who it is, what it says of itself,
 * and whom it believes.
 */
#include <string.h>

#include "house_db.h"
#include "house_life.h"
#include "json.h"

TestSuite(gateway, .timeout = 120);

/* rule: gw-register gw-connect gw-announce */
Test(gateway, it_registers_once_in_its_life_and_says_what_it_is_each_time)
{
	AUTO(house_case) struct house *h = house_case_open(&(struct house_options){0});

	cr_expect_eq(house_life_log(h, HOUSE_GATEWAY_DK, "registered"), 1);
	for (unsigned n = 2; n <= 3; n++) {
		HOUSE_MUST(h, house_stop(h, HOUSE_CLOUDD));
		HOUSE_MUST(h, house_start(h, HOUSE_CLOUDD));
		house_life_until_log(h, HOUSE_GATEWAY_DK, "online", n);
		house_life_until_log(h, HOUSE_GATEWAY_DK, "status report", n);
		house_life_until_log(h, HOUSE_GATEWAY_DK, "info report: version", n);
	}
	cr_expect_eq(house_life_log(h, HOUSE_GATEWAY_DK, "registered"), 1);
}

/* The platform's own word: somebody who may hear everything sees no frame in clear. */
/* rule: gw-key sub-key */
Test(gateway, one_that_asks_for_keys_says_and_hears_nothing_in_clear)
{
	AUTO(house_case)
	struct house *h = house_case_open(&(struct house_options){.cloudd = "encrypt = yes"});
	char port[16], line[700];

	snprintf(port, sizeof(port), "%u", h->mqtt);
	snprintf(line, sizeof(line),
	    "timeout 30 mosquitto_sub --cafile devcenter/ca.pem -h localhost -p %s -u observer "
	    "-P observer -t 'q/+/d/+/ota' -t 'q/+/d/+/sys' -F '%%t %%x' >heard 2>heard.err & "
	    "echo $! >heard.pid; "
	    "for i in $(seq 100); do [ -s heard ] && exit 0; sleep 0.1; done; cat heard.err; exit "
	    "1",
	    port);
	struct tool_result r = TOOL(h->dir, "sh", "-c", line);
	cr_assert_eq(r.status, 0, "%s", r.out);
	house_case_plan(h, &(struct house_pack){0});
	house_case_upgraded(h, 0, HOUSE_NEW);
	r = TOOL(h->dir, "sh", "-c",
	    "kill $(cat heard.pid); grep -c /ota heard; grep -ci ' aaaa00' heard");
	cr_expect_gt(strtol(r.out, NULL, 10), 5, "%s", r.out);
	cr_expect_str_eq(strchr(r.out, '\n'), "\n0\n", "%s", r.out);
}

/* rule: tls-verify */
/* trust: 63 */
Test(gateway, a_server_that_cannot_prove_who_it_is_gets_no_password)
{
	AUTO(house_case) struct house *h = house_case_new(&(struct house_options){0});
	char other[300];

	snprintf(other, sizeof(other), "%s/other", h->dir);
	char program[340];
	snprintf(program, sizeof(program), "%s/subota-devcenter", h->programs);
	struct tool_result r = TOOL(h->dir, program, "init", "--dir", other);
	cr_assert_eq(r.status, 0, "%s", r.out);
	r = TOOL(h->dir, "cp", "other/ca.pem", "devcenter/ca.pem");
	cr_assert_eq(r.status, 0, "%s", r.out);
	HOUSE_MUST(h, house_start(h, HOUSE_CLOUDD));
	for (int i = 0; i < 300 && !house_life_said(h, HOUSE_CLOUDD, "TLS"); i++)
		house_look_pause(100);
	cr_expect_geq(house_life_said(h, HOUSE_CLOUDD, "TLS"), 1);
	cr_expect_eq(house_life_log(h, HOUSE_GATEWAY_DK, "registered"), 0);
	cr_expect_eq(
	    house_db_ask(h, "SELECT count(*) FROM device WHERE registered IS NOT NULL"), 0);
}
