/*
 * cloud_restart: cloudd dies at every step of an upgrade, in four ways, and is started again. The
 * world around it behaves as the real one: the platform repeats what it has had no answer to when
 * the device logs in, flashd answers a repeated offer, and both fetchd and flashd repeat a report
 * until it is acknowledged. The platform must hear every status, in order, and nothing that
 * contradicts what it heard before.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "cloud_case.h"
#include "kit.h"

enum way {
	DIES_AFTER_IT,       /* the platform has confirmed what followed */
	DIES_BEFORE_PUBCOMP, /* it left, but was not confirmed */
	DIES_BEFORE_EFFECTS, /* it was saved, nothing left */
	DIES_WITH_IT,        /* it was not even saved */
	LINK_LOST,           /* no death at all */
	WAYS
};

enum step { PLAN, ACCEPT, FIRMWARE, FETCHING, FETCHED, VERIFIED, FLASHING, TESTING, END, STEPS };

struct world {
	struct cloud_case *c;
	int last;        /* status the platform heard last */
	char heard[200]; /* all of them, without 5 and repetitions */
	bool sent[STEPS], acked[STEPS];
	bool accepted;
	int end; /* Pb__Phase */
	uint64_t upgrade;
};

/* Reports by step: who, phase. */
static const struct {
	const char *source;
	int phase;
} reports[STEPS] = {
    [FETCHED] = {"fetchd", PB__PHASE__PHASE_FETCHED},
    [VERIFIED] = {"fetchd", PB__PHASE__PHASE_VERIFIED},
    [FLASHING] = {"flashd", PB__PHASE__PHASE_FLASHING},
    [TESTING] = {"flashd", PB__PHASE__PHASE_TESTING},
    [END] = {"flashd", 0},
};

static void
hear(struct world *w, const char *word)
{
	int status = 0;
	unsigned long long id = 0;

	if (sscanf(word, "s%d", &status) == 1 && status != DIALECT_DOWNLOADING) {
		size_t at = strlen(w->heard);

		if (status != w->last)
			snprintf(
			    w->heard + at, sizeof(w->heard) - at, "%s%d", at ? " " : "", status);
		w->last = status;
	} else if (sscanf(word, "ack:%*6s:%llu", &id) == 1 && id < STEPS) {
		w->acked[id] = true;
	} else if (strncmp(word, "offer", 5) == 0) {
		if (!w->upgrade)
			w->upgrade = w->c->upgrade;
		cr_expect_eq(w->c->upgrade, w->upgrade, "one plan is one upgrade");
	}
}

/* Take in what has left since the last call; true if there was an offer. */
static bool
absorb(struct world *w)
{
	char text[8000], *save = NULL;
	bool offered = false;

	snprintf(text, sizeof(text), "%s", cloud_case_trace(w->c));
	for (char *word = strtok_r(text, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
		offered |= strncmp(word, "offer", 5) == 0;
		hear(w, word);
	}
	return offered;
}

static void
send_report(struct world *w, int step)
{
	bool ends = step == END;
	bool good = w->end == PB__PHASE__PHASE_DONE;

	w->sent[step] = true;
	cloud_case_report_again(w->c, reports[step].source, (uint64_t)step,
	    ends ? w->end : reports[step].phase, ends && !good ? ERR_REVERTED : ERR_OK,
	    ends && good ? "2.0.0" : "1.0.0");
}

static void
do_step(struct world *w, int step)
{
	struct cloud_case *c = w->c;

	if (step == PLAN)
		cloud_case_plan(c, "2.0.0");
	else if (step == ACCEPT)
		cloud_case_verdict(c, PB__VERDICT__VERDICT_ACCEPT, ERR_OK, 0);
	else if (step == FIRMWARE)
		cloud_case_firmware(c, "2.0.0");
	else if (step == FETCHING)
		cloud_case_progress(c, PB__PHASE__PHASE_FETCHING);
	else
		send_report(w, step);
	w->accepted |= step == ACCEPT;
	absorb(w);
}

/* What everybody does who has had no answer. */
static void
repeat_all(struct world *w)
{
	struct cloud_case *c = w->c;
	bool offered = absorb(w);

	if (w->last == 0 || w->last == DIALECT_PLAN_RECEIVED)
		cloud_case_plan(c, "2.0.0");
	offered |= absorb(w);
	if (offered && w->accepted)
		cloud_case_verdict(c, PB__VERDICT__VERDICT_ACCEPT, ERR_OK, 0);
	absorb(w);
	if (w->last == DIALECT_CONFIRMED && w->sent[FIRMWARE])
		cloud_case_firmware(c, "2.0.0");
	for (int s = FETCHED; s < STEPS; s++)
		if (w->sent[s] && !w->acked[s])
			send_report(w, s);
	absorb(w);
}

/* Cut at `step` in one of the ways, and come back. */
static void
cut(struct world *w, int step, enum way way)
{
	struct cloud_case *c = w->c;

	c->mute = way == DIES_BEFORE_PUBCOMP || way == LINK_LOST;
	c->publish_error = c->gate_error = way == DIES_BEFORE_EFFECTS ? ERR_OFFLINE : ERR_OK;
	if (way == DIES_WITH_IT) {
		w->accepted |= step == ACCEPT;
		w->sent[step] = true;
	} else {
		do_step(w, step);
	}
	w->sent[step] = true;
	c->mute = false;
	c->publish_error = c->gate_error = ERR_OK;
	if (way == LINK_LOST) {
		cloud_case_lose(c);
	} else {
		cloud_case_restart(c);
		cloud_on_gate_up(&c->cloud);
	}
	absorb(w);
	cloud_case_reports_device(
	    c, step == END ? "2.0.0" : "1.0.0", PB__DEVICE_STATE__DEVICE_STATE_PRESENT);
	cloud_case_connect(c);
	repeat_all(w);
}

static void
run(int step, enum way way, int end, const char *want)
{
	AUTO(cloud_case) struct cloud_case *c = cloud_case_online();
	struct world w = {.c = c, .end = end};

	for (int s = 0; s < STEPS; s++) {
		w.sent[s] = true;
		if (s == step)
			cut(&w, s, way);
		else
			do_step(&w, s);
	}
	cloud_case_pass(c, 60000);
	absorb(&w);
	cr_expect_str_eq(w.heard, want, "step %d, way %d: expected \"%s\", got \"%s\"", step, way,
	    want, w.heard);
	cr_expect_eq(cloud_case_state(c), CONVERSATION_IDLE, "step %d, way %d", step, way);
	cr_expect_eq(cloud_case_device(c)->pending, 0);
	for (int s = FETCHED; s < STEPS; s++)
		cr_expect(
		    w.acked[s], "step %d, way %d: report %d is repeated for ever", step, way, s);
}

Test(cloud_restart, loses_no_status_of_a_success_and_contradicts_none)
{
	for (int step = 0; step < STEPS; step++)
		for (int way = 0; way < WAYS; way++)
			run(step, (enum way)way, PB__PHASE__PHASE_DONE, "1 2 4 8 9 11");
}

Test(cloud_restart, loses_no_status_of_a_failure_and_contradicts_none)
{
	for (int step = 0; step < STEPS; step++)
		for (int way = 0; way < WAYS; way++)
			run(step, (enum way)way, PB__PHASE__PHASE_REVERTED, "1 2 4 8 9 12");
}

Test(cloud_restart, gives_a_new_plan_a_new_id_after_each_restart)
{
	AUTO(cloud_case) struct cloud_case *c = cloud_case_online();
	uint64_t last = 0;

	for (int i = 0; i < 3; i++) {
		cloud_case_plan(c, "2.0.0");
		cr_expect_gt(c->upgrade, last);
		last = c->upgrade;
		cloud_case_verdict(c, PB__VERDICT__VERDICT_REJECT, ERR_POLICY, 0);
		cloud_case_restart(c);
		cloud_on_gate_up(&c->cloud);
		cloud_case_reports_device(c, "1.0.0", PB__DEVICE_STATE__DEVICE_STATE_PRESENT);
		cloud_case_connect(c);
	}
}

Test(cloud_restart, lets_nothing_leave_that_is_not_on_the_disk)
{
	AUTO(cloud_case) struct cloud_case *c = cloud_case_online();
	int64_t pages = 0;
	struct record *r = c->cloud.outbox.record;

	cr_assert_eq(record_get_int(r, &pages, "PRAGMA query_only = 1", ""), ERR_NOT_FOUND);
	cloud_case_plan(c, "2.0.0");
	CLOUD_CASE_EXPECT(c, "!plan_offered");
	cr_assert_eq(record_get_int(r, &pages, "PRAGMA query_only = 0", ""), ERR_NOT_FOUND);
	cloud_case_pass(c, 1000);
	CLOUD_CASE_EXPECT(c, "offer:2.0.0 s1");
}

Test(cloud_restart, acknowledges_no_report_that_is_not_on_the_disk)
{
	AUTO(cloud_case) struct cloud_case *c = cloud_case_online();
	int64_t pages = 0;
	struct record *r = c->cloud.outbox.record;

	cloud_case_drive(c, CONVERSATION_UPDATING);
	cr_assert_eq(record_get_int(r, &pages, "PRAGMA query_only = 1", ""), ERR_NOT_FOUND);
	cloud_case_report(c, "flashd", PB__PHASE__PHASE_TESTING, ERR_OK, "1.0.0");
	CLOUD_CASE_EXPECT(c, "");
	cloud_case_report(c, "flashd", PB__PHASE__PHASE_DONE, ERR_OK, "2.0.0");
	CLOUD_CASE_EXPECT(c, "!upgrade_ended");
	cr_assert_eq(record_get_int(r, &pages, "PRAGMA query_only = 0", ""), ERR_NOT_FOUND);
	cloud_case_pass(c, 1000);
	CLOUD_CASE_EXPECT(c, "ack:flashd:102 s11:2.0.0 0044:2.0.0 ack:flashd:103");
}

Test(cloud_restart, keeps_a_time_to_ask_again_that_flashd_gave)
{
	AUTO(cloud_case) struct cloud_case *c = cloud_case_online();

	cloud_case_drive(c, CONVERSATION_OFFERED);
	cloud_case_verdict(c, PB__VERDICT__VERDICT_DEFER, ERR_POLICY, c->wall + 60000);
	cloud_case_restart(c);
	cloud_case_reports_device(c, "1.0.0", PB__DEVICE_STATE__DEVICE_STATE_PRESENT);
	cloud_case_connect(c);
	CLOUD_CASE_EXPECT(c, "g0034 g0044 00c2 0044:1.0.0 0115");
	cloud_case_pass(c, 60000);
	CLOUD_CASE_EXPECT(c, "0115");
}

Test(cloud_restart, starts_no_url_timer_for_a_confirmation_that_nobody_has_heard)
{
	AUTO(cloud_case) struct cloud_case *c = cloud_case_online();

	cloud_case_drive(c, CONVERSATION_OFFERED);
	c->mute = true;
	cloud_case_verdict(c, PB__VERDICT__VERDICT_ACCEPT, ERR_OK, 0);
	cloud_case_restart(c);
	cloud_case_pass(c, 120000);
	cr_expect_eq(cloud_case_state(c), CONVERSATION_CONFIRMED);
	c->mute = false;
	cloud_case_connect(c);
	CLOUD_CASE_EXPECT(c, "g0034 g0044 00c2 s2 0044:1.0.0");
	cloud_case_pass(c, 30000);
	CLOUD_CASE_EXPECT(c, "!upgrade_ended s12:1.0.0 0115");
}

Test(cloud_restart, tells_the_operator_when_its_outbox_was_damaged)
{
	AUTO(cloud_case) struct cloud_case *c = cloud_case_new();

	cloud_close(&c->cloud);
	c->cloud = (struct cloud){0};
	kit_write(c->dir, "outbox.db", "this is no database", 19);
	cloud_case_restart(c);
	cr_expect_str_eq(c->last_event, "record_damaged");
}
