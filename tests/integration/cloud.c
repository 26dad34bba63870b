/*
 * subota-cloudd as it runs, with the local Developer Center on one side and the test as the gate on
 * the other. cloud_faults.c has the bad days.
 */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "cloud_scene.h"

TestSuite(cloud_run, .timeout = 120);

static const struct cloud_scene_wish usual = {0};

/* rule: gw-register gw-connect gw-announce */
Test(cloud_run, the_gateway_registers_once_and_is_known_the_next_time)
{
	AUTO(cloud_scene) struct cloud_scene *s = cloud_scene_open(&usual);
	char path[400];
	struct stat st;

	cr_expect_eq(cloud_scene_number(s, DC_CASE_DK, "known"), 0);
	cloud_scene_start(s);
	SCENE_WAIT(s, cloud_scene_text_is(s, DC_CASE_DK, "version", "3.2.1"));
	cr_expect(cloud_scene_text_is(s, DC_CASE_DK, "model", "TESTGW"));
	cr_expect_eq(cloud_scene_number(s, DC_CASE_DK, "online"), 1);
	int64_t registered = cloud_scene_number(s, DC_CASE_DK, "registered");
	cr_expect_gt(registered, 0);
	snprintf(path, sizeof(path), "%s/cloudd/cloudd.db", s->state);
	cr_assert_eq(stat(path, &st), 0);
	cr_expect_eq(st.st_mode & 07777, 0600, "%04o", (unsigned)st.st_mode);
	cr_expect_eq(st.st_uid, s->uid);

	int status = cloud_scene_end(s, SIGTERM);
	cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%x", (unsigned)status);
	SCENE_WAIT(s, cloud_scene_number(s, DC_CASE_DK, "online") == 0);
	cloud_scene_start(s);
	SCENE_WAIT(s, cloud_scene_number(s, DC_CASE_DK, "online") == 1);
	SCENE_WAIT(s, cloud_scene_next(s, PB__ENVELOPE__BODY_LINK_STATE)->link_state->online);
	cr_expect_eq(cloud_scene_number(s, DC_CASE_DK, "registered"), registered);
	cr_expect_not(cloud_scene_log_has(s, DC_CASE_PS), "a secret in the log");
}

/* rule: status-order timer-status5 */
Test(cloud_run, a_silent_upgrade_goes_from_the_plan_to_the_platforms_success)
{
	AUTO(cloud_scene) struct cloud_scene *s = cloud_scene_open(&usual);

	cloud_scene_start(s);
	cloud_scene_ready(s);
	cloud_scene_plan(s);
	const Pb__Envelope *e = cloud_scene_next(s, PB__ENVELOPE__BODY_PLAN_OFFER);
	uint64_t id = e->upgrade;
	cr_expect_str_eq(e->plan_offer->device->product_key, DC_CASE_SUB_PK);
	cr_expect_str_eq(e->plan_offer->device->device_key, DC_CASE_SUB_DK);
	cr_expect_str_eq(e->plan_offer->component, "app");
	cr_expect_str_eq(e->plan_offer->target_version, "1.1.0");
	SCENE_WAIT(s, strcmp(cloud_scene_statuses(s), "1") == 0);

	cloud_scene_verdict(s, id, PB__VERDICT__VERDICT_ACCEPT, 0);
	e = cloud_scene_next(s, PB__ENVELOPE__BODY_FETCH_ORDER);
	cr_expect_eq(e->upgrade, id);
	cr_expect_eq(e->fetch_order->size, DC_SCENE_PACKAGE);
	cr_expect_eq(e->fetch_order->md5.len, 16);
	cr_expect_eq(strncmp(e->fetch_order->url, "https://127.0.0.1:", 18), 0);
	SCENE_WAIT(s, strcmp(cloud_scene_statuses(s), "1 2 4") == 0);

	cloud_scene_progress(s, id, PB__PHASE__PHASE_FETCHING);
	SCENE_WAIT(s, strcmp(cloud_scene_statuses(s), "1 2 4 5") == 0);
	uint64_t fetched = cloud_scene_report(s, id, 0, "fetchd", PB__PHASE__PHASE_FETCHED, 0, "");
	SCENE_WAIT(s, s->acked == fetched);
	cr_expect_str_eq(cloud_scene_statuses(s), "1 2 4 5 8", "acknowledged before it was told");
	cloud_scene_progress(s, id, PB__PHASE__PHASE_FLASHING);
	SCENE_WAIT(s, strcmp(cloud_scene_statuses(s), "1 2 4 5 8 9") == 0);
	cr_expect_not(cloud_scene_is_done(s));
	uint64_t done = cloud_scene_report(s, id, 0, "flashd", PB__PHASE__PHASE_DONE, 0, "1.1.0");
	SCENE_WAIT(s, cloud_scene_is_done(s) && s->acked == done);
	SCENE_WAIT(s, cloud_scene_text_is(s, DC_CASE_SUB_DK, "version", "1.1.0"));
	cr_expect_str_eq(cloud_scene_statuses(s), "1 2 4 5 8 9 11");
	cr_expect(s->offers == 1 && s->orders == 1 && s->cancels == 0);
}

Test(cloud_run, flashds_no_and_its_failure_are_the_platforms_3_and_12)
{
	AUTO(cloud_scene) struct cloud_scene *s = cloud_scene_open(&usual);

	cloud_scene_start(s);
	cloud_scene_ready(s);
	DC_MUST(&s->dc, "plan", "add", "once", "--product", DC_CASE_SUB_PK, "--package", "app.bin",
	    "--versions", "1.0.0", "--reject-min", "0", "--retries", "0", "--activate");
	uint64_t id = cloud_scene_next(s, PB__ENVELOPE__BODY_PLAN_OFFER)->upgrade;
	cloud_scene_verdict(s, id, PB__VERDICT__VERDICT_REJECT, ERR_WRONG_TARGET);
	id = cloud_scene_next(s, PB__ENVELOPE__BODY_PLAN_OFFER)->upgrade;
	cloud_scene_verdict(s, id, PB__VERDICT__VERDICT_ACCEPT, 0);
	(void)cloud_scene_next(s, PB__ENVELOPE__BODY_FETCH_ORDER);
	uint64_t last = cloud_scene_report(
	    s, id, 0, "flashd", PB__PHASE__PHASE_REFUSED, ERR_WRONG_TARGET, "1.0.0");
	SCENE_WAIT(s, s->acked == last);
	cr_expect_str_eq(cloud_scene_statuses(s), "1 3 1 2 4 12");
	SCENE_WAIT(s, dc_case_state(&s->view, DC_CASE_SUB_DK) == DC_PROGRESS_FAILED);
}

Test(cloud_run, a_report_that_comes_twice_is_acknowledged_twice_and_told_once)
{
	AUTO(cloud_scene) struct cloud_scene *s = cloud_scene_open(&usual);

	cloud_scene_start(s);
	cloud_scene_ready(s);
	cloud_scene_plan(s);
	cloud_scene_upgrade(s);
	uint64_t id = s->last_report;
	unsigned acks = s->acks;
	for (int i = 0; i < 3; i++)
		cloud_scene_report(s, 1, id, "flashd", PB__PHASE__PHASE_DONE, 0, "1.1.0");
	SCENE_WAIT(s, s->acks == acks + 3);
	cr_expect_str_eq(cloud_scene_statuses(s), "1 2 4 5 8 9 11");
}

Test(cloud_run, a_wrong_product_secret_is_said_clearly)
{
	const struct cloud_scene_wish wish = {.secret = "0123456789abcdef"};
	AUTO(cloud_scene) struct cloud_scene *s = cloud_scene_open(&wish);

	cloud_scene_start(s);
	SCENE_WAIT(s, cloud_scene_log_has(s, "event gateway_refused, AUTH"));
	cr_expect(cloud_scene_log_has(s, "is the product secret right?"));
	cr_expect_not(cloud_scene_log_has(s, wish.secret), "a secret in the log");
	cr_expect_eq(cloud_scene_number(s, DC_CASE_DK, "known"), 0);
}

Test(cloud_run, plain_tcp_is_for_the_laboratory_only_and_is_warned_about)
{
	const struct cloud_scene_wish no = {.plain = true};
	const struct cloud_scene_wish yes = {.plain = true, .cloudd = "lab = yes"};
	struct cloud_scene *s = cloud_scene_open(&no);

	cloud_scene_start(s);
	int status = cloud_scene_wait_end(s);
	cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 78, "%x", (unsigned)status);
	cr_expect(cloud_scene_log_has(s, "expected tls = yes (or lab = yes), got tls = no"));
	cloud_scene_close(s);

	s = cloud_scene_open(&yes);
	cloud_scene_start(s);
	SCENE_WAIT(s, cloud_scene_number(s, DC_CASE_DK, "online") == 1);
	cr_expect(cloud_scene_log_has(s, "LAB ONLY"));
	cloud_scene_close(s);
}

/* rule: tls-verify */
Test(cloud_run, a_platform_of_another_authority_gets_no_registration)
{
	const struct cloud_scene_wish wish = {.ca_file = "/etc/ssl/certs/ca-certificates.crt"};
	AUTO(cloud_scene) struct cloud_scene *s = cloud_scene_open(&wish);

	cloud_scene_start(s);
	SCENE_WAIT(s, cloud_scene_log_has(s, "down: TLS"));
	cr_expect_eq(cloud_scene_number(s, DC_CASE_DK, "registered"), 0);
}
