/*
 * subota-cloudd on bad days: a platform that loses, repeats, delays, reorders, cuts and refuses; a
 * platform that is away; and cloudd itself dying at every stage of an upgrade. What is asked each
 * time: the upgrade ends as it must, the platform has heard every status at least once and no end
 * twice, and the gate got its acknowledgements.
 */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "cloud_scene.h"
#include "tls_case.h"

TestSuite(cloud_faults, .timeout = 180);

/* As the platform's own, but nobody has minutes. */
static const struct cloud_scene_wish hasty = {.cloudd = "request_interval = 1 s",
    .profile = "url_wait = 1500 ms\nreply = 1 s\nrefused = 2 s\n"};

static struct cloud_scene *
open_running(const struct cloud_scene_wish *wish)
{
	struct cloud_scene *s = cloud_scene_open(wish);

	cloud_scene_start(s);
	return s;
}

/* How often the platform has heard a status. */
static int
heard(struct cloud_scene *s, int status)
{
	return (int)dc_db_int(
	    s->view.db, 0, "SELECT count(*) FROM status WHERE code = ?", "i", (int64_t)status);
}

/* The gate's side of upgrades until one succeeds: whatever is offered is accepted, whatever is
 * ordered is done. Orders that come again are answered with the reports that exist. */
struct diligent {
	uint64_t upgrade, fetched, done;
};

static void
work(struct cloud_scene *s, struct diligent *d)
{
	while (s->n_inbox) {
		const Pb__Envelope *e = cloud_scene_next(s, (int)s->inbox[0]->body_case);
		uint64_t id = e->upgrade;

		if (e->body_case == PB__ENVELOPE__BODY_PLAN_OFFER) {
			cloud_scene_verdict(s, id, PB__VERDICT__VERDICT_ACCEPT, 0);
		} else if (e->body_case == PB__ENVELOPE__BODY_FETCH_ORDER && id != d->upgrade) {
			d->upgrade = id;
			cloud_scene_progress(s, id, PB__PHASE__PHASE_FETCHING);
			d->fetched = cloud_scene_report(
			    s, id, 0, "fetchd", PB__PHASE__PHASE_FETCHED, 0, "");
			cloud_scene_progress(s, id, PB__PHASE__PHASE_FLASHING);
			d->done = cloud_scene_report(
			    s, id, 0, "flashd", PB__PHASE__PHASE_DONE, 0, "1.1.0");
		}
	}
}

static bool
ends_well(struct cloud_scene *s, struct diligent *d)
{
	if (s->linked)
		work(s, d);
	return cloud_scene_is_done(s) && d->done && s->acked == d->done;
}

/* --- the platform's bad days ------------------------------------------------------------------ */

/* `exact`: a fault that must not show in what the platform hears. */
static void
suffer(const char *name, const char *value, bool exact)
{
	AUTO(cloud_scene) struct cloud_scene *s = open_running(&hasty);
	struct diligent d = {0};

	cloud_scene_ready(s);
	DC_MUST(&s->dc, "fault", "set", name, value);
	cloud_scene_plan(s);
	SCENE_WAIT(s, ends_well(s, &d));
	cr_expect_eq(heard(s, 11), 1, "%s: statuses %s", name, cloud_scene_statuses(s));
	cr_expect_geq(heard(s, 8), 1, "%s: statuses %s", name, cloud_scene_statuses(s));
	if (exact)
		cr_expect_str_eq(cloud_scene_statuses(s), "1 2 4 5 8 9 11", "%s", name);
	cr_expect(cloud_scene_text_is(s, DC_CASE_SUB_DK, "version", "1.1.0"));
}

Test(cloud_faults, messages_that_are_lost_on_the_way_to_us)
{
	suffer("drop_publish", "3", false);
}

Test(cloud_faults, acknowledgements_that_are_lost)
{
	suffer("drop_ack", "3", true);
}

Test(cloud_faults, messages_that_come_twice)
{
	suffer("repeat", "1", true);
}

Test(cloud_faults, messages_that_change_places)
{
	suffer("reorder", "2", false);
}

Test(cloud_faults, messages_that_come_late)
{
	suffer("delay", "300", true);
}

Test(cloud_faults, frames_that_are_spoilt)
{
	suffer("bad_frame", "3", false);
}

Test(cloud_faults, a_connection_that_is_cut_again_and_again)
{
	suffer("mqtt_cut_after_packets", "7,4", false);
}

Test(cloud_faults, an_address_that_never_comes_the_first_time)
{
	suffer("no_0113", "1,1", false);
}

Test(cloud_faults, a_platform_that_does_not_know_our_secret_any_more)
{
	AUTO(cloud_scene) struct cloud_scene *s = open_running(&hasty);
	struct diligent d = {0};

	cloud_scene_ready(s);
	int64_t registered = cloud_scene_number(s, DC_CASE_DK, "registered");
	DC_MUST(&s->dc, "fault", "set", "mqtt_refuse", "5,1");
	DC_MUST(&s->dc, "device", "kick", DC_CASE_PK "/" DC_CASE_DK);
	SCENE_WAIT(s, cloud_scene_log_has(s, "code 10430"));
	SCENE_WAIT(s, cloud_scene_number(s, DC_CASE_DK, "registered") > registered);
	cloud_scene_plan(s);
	SCENE_WAIT(s, ends_well(s, &d));
}

Test(cloud_faults, a_platform_under_repair_costs_no_secret)
{
	AUTO(cloud_scene) struct cloud_scene *s = open_running(&hasty);
	struct diligent d = {0};

	cloud_scene_ready(s);
	int64_t registered = cloud_scene_number(s, DC_CASE_DK, "registered");
	DC_MUST(&s->dc, "fault", "set", "mqtt_refuse", "3,1");
	DC_MUST(&s->dc, "device", "kick", DC_CASE_PK "/" DC_CASE_DK);
	SCENE_WAIT(s, cloud_scene_log_has(s, "code 10466"));
	cloud_scene_plan(s);
	SCENE_WAIT(s, ends_well(s, &d));
	cr_expect_eq(cloud_scene_number(s, DC_CASE_DK, "registered"), registered);
}

Test(cloud_faults, a_platform_that_refuses_a_registration_is_left_alone_for_a_while)
{
	AUTO(cloud_scene) struct cloud_scene *s = cloud_scene_open(&hasty);

	DC_MUST(&s->dc, "fault", "set", "reject", "10422");
	cloud_scene_start(s);
	SCENE_WAIT(s, cloud_scene_log_has(s, "code 10422: already registered"));
	SCENE_WAIT(s, cloud_scene_log_has(s, "next try in 600000 ms"));
	cr_expect_eq(cloud_scene_number(s, DC_CASE_DK, "known"), 0);
}

Test(cloud_faults, a_platform_whose_handshake_drips_is_given_up)
{
	AUTO(tls_case) struct tls_case *c = tls_case_open();
	const struct tls_server_plan plan = {.id = &c->server, .drip = true};
	struct tls_server *server = tls_server_start(&plan);
	const struct cloud_scene_wish wish = {.port = tls_server_port(server),
	    .ca_file = c->ca_file,
	    .cloudd = "server_name = " TLS_CASE_NAME};
	struct cloud_scene *s = cloud_scene_open(&wish);
	struct tls_server_seen seen = {0};

	cr_assert_eq(chmod(c->dir, 0755), 0);
	cloud_scene_start(s);
	SCENE_WAIT(s, cloud_scene_log_has(s, "expected a connection within 10 s"));
	SCENE_WAIT(s, cloud_scene_log_has(s, "next try in"));
	cr_expect(tls_server_saw(server, 1, &seen));
	cr_expect(seen.finished == 0 && seen.app_bytes == 0 && seen.sent > 1);
	cloud_scene_close(s);
	tls_server_stop(server);
}

/* --- a platform that is away ------------------------------------------------------------------ */

Test(cloud_faults, what_happens_while_the_platform_is_away_is_told_when_it_is_back)
{
	AUTO(cloud_scene) struct cloud_scene *s = open_running(&hasty);
	int status = -1;

	cloud_scene_ready(s);
	cloud_scene_plan(s);
	uint64_t id = cloud_scene_next(s, PB__ENVELOPE__BODY_PLAN_OFFER)->upgrade;
	cloud_scene_verdict(s, id, PB__VERDICT__VERDICT_ACCEPT, 0);
	(void)cloud_scene_next(s, PB__ENVELOPE__BODY_FETCH_ORDER);
	SCENE_WAIT(s, heard(s, 4) == 1);
	kill(s->dc.pid, SIGKILL);
	cr_assert_eq(waitpid(s->dc.pid, &status, 0), s->dc.pid);
	SCENE_WAIT(s, cloud_scene_log_has(s, "next try in"));
	cloud_scene_report(s, id, 0, "fetchd", PB__PHASE__PHASE_FETCHED, 0, "");
	cloud_scene_progress(s, id, PB__PHASE__PHASE_FLASHING);
	uint64_t done = cloud_scene_report(s, id, 0, "flashd", PB__PHASE__PHASE_DONE, 0, "1.1.0");
	SCENE_WAIT(s, cloud_scene_log_has(s, "upgrade_ended"));
	cr_expect_eq(s->acks, 0, "acknowledged, but nobody has heard it");
	dc_scene_start(&s->dc);
	SCENE_WAIT(s, cloud_scene_is_done(s) && s->acked == done);
	cr_expect_str_eq(cloud_scene_statuses(s), "1 2 4 8 9 11");
}

/* --- cloudd dies ------------------------------------------------------------------------------ */

/* Afterwards the gate tells the new one what the device runs: `version`. */
static void
die(struct cloud_scene *s, const char *version)
{
	int status = cloud_scene_end(s, SIGKILL);

	cr_assert(WIFSIGNALED(status), "it had ended by itself: %x", (unsigned)status);
	SCENE_WAIT(s, !s->linked);
	cloud_scene_start(s);
	SCENE_WAIT(s, s->linked);
	cloud_scene_device(s, version);
}

Test(cloud_faults, cloudd_killed_at_every_stage_of_an_upgrade)
{
	static const struct {
		const char *source;
		int phase;
		bool report;
		int status; /* that the platform has to hear */
	} stages[] = {
	    {"fetchd", PB__PHASE__PHASE_FETCHING, false, 5},
	    {"fetchd", PB__PHASE__PHASE_FETCHED, true, 8},
	    {"flashd", PB__PHASE__PHASE_FLASHING, false, 9},
	    {"flashd", PB__PHASE__PHASE_DONE, true, 11},
	};
	AUTO(cloud_scene) struct cloud_scene *s = open_running(&hasty);

	cloud_scene_ready(s);
	die(s, "1.0.0");
	cloud_scene_plan(s);
	uint64_t id = cloud_scene_next(s, PB__ENVELOPE__BODY_PLAN_OFFER)->upgrade;
	die(s, "1.0.0"); /* it offers again, under the same number */
	cr_expect_eq(cloud_scene_next(s, PB__ENVELOPE__BODY_PLAN_OFFER)->upgrade, id);
	cloud_scene_verdict(s, id, PB__VERDICT__VERDICT_ACCEPT, 0);
	cr_expect_eq(cloud_scene_next(s, PB__ENVELOPE__BODY_FETCH_ORDER)->upgrade, id);
	die(s, "1.0.0"); /* and orders again */
	cr_expect_eq(cloud_scene_next(s, PB__ENVELOPE__BODY_FETCH_ORDER)->upgrade, id);
	for (size_t i = 0; i < sizeof(stages) / sizeof(stages[0]); i++) {
		const char *version = stages[i].status == 11 ? "1.1.0" : "";
		uint64_t report = 0;

		if (stages[i].report)
			report = cloud_scene_report(
			    s, id, 0, stages[i].source, stages[i].phase, 0, version);
		else
			cloud_scene_progress(s, id, stages[i].phase);
		SCENE_WAIT(s, heard(s, stages[i].status) > 0);
		die(s, version[0] ? version : "1.0.0");
		if (!report)
			continue;
		cloud_scene_report(s, id, report, stages[i].source, stages[i].phase, 0, version);
		SCENE_WAIT(s, s->acked == report);
	}
	SCENE_WAIT(s, cloud_scene_is_done(s));
	cr_expect_eq(heard(s, 12) + heard(s, 6) + heard(s, 3), 0, "%s", cloud_scene_statuses(s));
	cr_expect_eq(dc_db_int(s->view.db, 0, "SELECT count(DISTINCT plan) FROM status", ""), 1);
}

Test(cloud_faults, cloudd_killed_right_after_the_gate_has_said_something)
{
	AUTO(cloud_scene) struct cloud_scene *s = open_running(&hasty);
	uint64_t fetched = 0, done = 0;

	cloud_scene_ready(s);
	cloud_scene_plan(s);
	uint64_t id = cloud_scene_next(s, PB__ENVELOPE__BODY_PLAN_OFFER)->upgrade;
	cloud_scene_verdict(s, id, PB__VERDICT__VERDICT_ACCEPT, 0);
	(void)cloud_scene_next(s, PB__ENVELOPE__BODY_FETCH_ORDER);
	fetched = cloud_scene_report(s, id, 0, "fetchd", PB__PHASE__PHASE_FETCHED, 0, "");
	cloud_scene_turn(s);
	die(s, "1.0.0");
	cloud_scene_report(s, id, fetched, "fetchd", PB__PHASE__PHASE_FETCHED, 0, "");
	done = cloud_scene_report(s, id, 0, "flashd", PB__PHASE__PHASE_DONE, 0, "1.1.0");
	cloud_scene_turn(s);
	die(s, "1.1.0");
	cloud_scene_report(s, id, done, "flashd", PB__PHASE__PHASE_DONE, 0, "1.1.0");
	SCENE_WAIT(s, cloud_scene_is_done(s) && s->acked == done);
	SCENE_WAIT(s, cloud_scene_text_is(s, DC_CASE_SUB_DK, "version", "1.1.0"));
	cr_expect_eq(heard(s, 12) + heard(s, 6) + heard(s, 3), 0, "%s", cloud_scene_statuses(s));
}
