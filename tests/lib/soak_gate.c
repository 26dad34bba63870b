/*
 * soak_gate: the gate and flashd of a soak, as far as cloudd can tell: verdicts by chance,
 * progress, reports that are said again until they are acknowledged. See soak.h.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "soak.h"

enum { SAY_AGAIN_MS = 30000, PROGRESS_MS = 20000 };

static struct mono
in_minutes(struct soak *s, uint64_t least, uint64_t most)
{
	return mono_after(
	    s->now, (int64_t)(least + soak_random(s, most - least + 1)) * SOAK_MINUTE);
}

static struct soak_upgrade *
find(struct soak *s, uint64_t id)
{
	for (unsigned i = 0; i < s->n_upgrades; i++)
		if (s->upgrade[i].id == id)
			return &s->upgrade[i];
	return NULL;
}

static bool
is_open(const struct soak_upgrade *u)
{
	return u->phase != SOAK_ENDED;
}

/* --- what is said ----------------------------------------------------------------------------- */

static void
say(struct soak *s, unsigned device, uint64_t upgrade, Pb__Envelope *e, Pb__Device *d)
{
	pb__device__init(d);
	d->product_key = (char *)(uintptr_t)DC_CASE_SUB_PK;
	d->device_key = s->device[device].dk;
	e->upgrade = upgrade;
	cloud_on_gate_message(&s->cloud, e);
}

static void
say_device(struct soak *s, unsigned i)
{
	Pb__Device d;
	Pb__DeviceReport r = PB__DEVICE_REPORT__INIT;
	Pb__Envelope e = PB__ENVELOPE__INIT;

	r.device = &d;
	r.component = (char *)(uintptr_t) "app";
	r.version = s->device[i].version;
	r.state = PB__DEVICE_STATE__DEVICE_STATE_PRESENT;
	e.body_case = PB__ENVELOPE__BODY_DEVICE_REPORT;
	e.device_report = &r;
	say(s, i, 0, &e, &d);
}

static void
say_verdict(struct soak *s, struct soak_upgrade *u)
{
	Pb__Device d;
	Pb__PlanVerdict v = PB__PLAN_VERDICT__INIT;
	Pb__Envelope e = PB__ENVELOPE__INIT;

	v.verdict = (Pb__Verdict)u->verdict;
	v.reason = (uint32_t)u->reason;
	v.until = u->until;
	e.body_case = PB__ENVELOPE__BODY_PLAN_VERDICT;
	e.plan_verdict = &v;
	say(s, u->device, u->id, &e, &d);
}

static void
say_progress(struct soak *s, struct soak_upgrade *u)
{
	Pb__Device d;
	Pb__Progress p = PB__PROGRESS__INIT;
	Pb__Envelope e = PB__ENVELOPE__INIT;

	p.device = &d;
	p.phase = u->phase == SOAK_FETCHING ? PB__PHASE__PHASE_FETCHING : PB__PHASE__PHASE_FLASHING;
	e.body_case = PB__ENVELOPE__BODY_PROGRESS;
	e.progress = &p;
	say(s, u->device, u->id, &e, &d);
}

static void
say_report(struct soak *s, struct soak_report *k)
{
	Pb__Device d;
	Pb__Report r = PB__REPORT__INIT;
	Pb__Envelope e = PB__ENVELOPE__INIT;

	k->again = mono_after(s->now, SAY_AGAIN_MS);
	r.device = &d;
	r.id = k->id;
	r.source = (char *)(uintptr_t)(k->by_gate ? "fetchd" : "flashd");
	r.phase = (Pb__Phase)k->phase;
	r.error = (uint32_t)k->error;
	r.version = k->version;
	e.body_case = PB__ENVELOPE__BODY_REPORT;
	e.report = &r;
	say(s, k->device, k->upgrade, &e, &d);
}

static void
report(struct soak *s, const struct soak_upgrade *u, bool by_gate, int phase, int error)
{
	cr_assert_lt(s->n_reports, SOAK_REPORTS, "reports are not acknowledged");
	struct soak_report *k = &s->report[s->n_reports++];

	*k = (struct soak_report){.id = ++s->next_report,
	    .upgrade = u->id,
	    .device = u->device,
	    .phase = phase,
	    .error = error,
	    .by_gate = by_gate,
	    .again = s->now};
	memcpy(k->version, s->device[u->device].version, sizeof(k->version));
}

/* --- what happens ----------------------------------------------------------------------------- */

static void
judge(struct soak *s, struct soak_upgrade *u)
{
	uint64_t chance = soak_random(s, 100);

	u->next = MONO_NEVER;
	u->verdict = PB__VERDICT__VERDICT_ACCEPT;
	if (chance < 18) {
		u->verdict = PB__VERDICT__VERDICT_REJECT;
		u->reason = ERR_WRONG_TARGET;
		s->count.rejected++;
	} else if (chance < 30) {
		u->verdict = PB__VERDICT__VERDICT_DEFER;
		u->reason = ERR_BUSY;
		u->until = soak_wall(s) + (30 + soak_random(s, 300)) * (uint64_t)SOAK_MINUTE;
		s->count.deferred++;
	} else if (chance < 36 && u->phase == SOAK_OFFERED) {
		u->verdict = PB__VERDICT__VERDICT_ASKED;
		u->until = soak_wall(s) + (uint64_t)(12 * SOAK_HOUR);
		u->next = in_minutes(s, 5, 300);
		s->count.asked++;
	}
	s->count.accepted += u->verdict == PB__VERDICT__VERDICT_ACCEPT;
	u->phase = u->verdict == PB__VERDICT__VERDICT_ACCEPT  ? SOAK_ACCEPTED
		   : u->verdict == PB__VERDICT__VERDICT_ASKED ? SOAK_ASKED
							      : SOAK_ENDED;
	say_verdict(s, u);
}

static void
fetch(struct soak *s, struct soak_upgrade *u)
{
	if (soak_random(s, 100) < 10) {
		u->phase = SOAK_ENDED;
		s->count.fetch_failed++;
		report(s, u, true, PB__PHASE__PHASE_FAILED, ERR_NETWORK);
		return;
	}
	report(s, u, true, PB__PHASE__PHASE_FETCHED, 0);
	u->phase = SOAK_FLASHING;
	u->progress = s->now;
	u->next = in_minutes(s, 2, 15);
	uint64_t chance = soak_random(s, 100);

	u->end = chance < 10 ? PB__PHASE__PHASE_REVERTED : PB__PHASE__PHASE_DONE;
	if (chance >= 95) { /* longer than anybody waits */
		u->silent = true;
		u->progress = MONO_NEVER;
		u->next = in_minutes(s, 25, 90);
		s->count.silent++;
	}
}

static void
flash(struct soak *s, struct soak_upgrade *u)
{
	bool done = u->end == PB__PHASE__PHASE_DONE;

	u->phase = SOAK_ENDED;
	s->count.done += done;
	s->count.failed += u->end == PB__PHASE__PHASE_REVERTED;
	s->count.cancelled += u->end == PB__PHASE__PHASE_CANCELLED;
	if (done)
		memcpy(s->device[u->device].version, u->target, sizeof(u->target));
	report(s, u, false, u->end, done ? 0 : ERR_REVERTED);
	say_device(s, u->device);
}

static void
step(struct soak *s, struct soak_upgrade *u)
{
	if (u->repeat) {
		u->repeat = false;
		say_verdict(s, u);
	}
	if (mono_reached(s->now, u->progress)) {
		u->progress = mono_after(s->now, PROGRESS_MS);
		say_progress(s, u);
	}
	if (!mono_reached(s->now, u->next))
		return;
	u->next = MONO_NEVER;
	if (u->phase == SOAK_OFFERED || u->phase == SOAK_ASKED) {
		judge(s, u);
		return;
	}
	u->progress = MONO_NEVER;
	if (u->phase == SOAK_FETCHING)
		fetch(s, u);
	else if (u->phase == SOAK_FLASHING)
		flash(s, u);
}

void
soak_gate_step(struct soak *s)
{
	if (mono_reached(s->now, s->gate_back))
		soak_gate_link(s, true);
	for (unsigned i = 0; s->gate_up && i < s->n_upgrades; i++)
		step(s, &s->upgrade[i]);
	for (unsigned i = 0; s->gate_up && i < s->n_reports; i++)
		if (mono_reached(s->now, s->report[i].again))
			say_report(s, &s->report[i]);
}

struct mono
soak_gate_due(const struct soak *s)
{
	struct mono due = s->gate_back;

	for (unsigned i = 0; s->gate_up && i < s->n_upgrades; i++) {
		due = s->upgrade[i].repeat ? s->now : due;
		due.ms = s->upgrade[i].next.ms < due.ms ? s->upgrade[i].next.ms : due.ms;
		due.ms = s->upgrade[i].progress.ms < due.ms ? s->upgrade[i].progress.ms : due.ms;
	}
	for (unsigned i = 0; s->gate_up && i < s->n_reports; i++)
		due.ms = s->report[i].again.ms < due.ms ? s->report[i].again.ms : due.ms;
	return due;
}

void
soak_gate_link(struct soak *s, bool up)
{
	s->gate_up = up;
	s->gate_back = MONO_NEVER;
	if (!up) {
		cloud_on_gate_down(&s->cloud);
		return;
	}
	cloud_on_gate_up(&s->cloud);
	for (unsigned i = 0; i < SOAK_DEVICES; i++)
		say_device(s, i);
	for (unsigned i = 0; i < s->n_reports; i++)
		s->report[i].again = s->now;
}

/* --- what cloudd says ------------------------------------------------------------------------- */

static unsigned
device_of(struct soak *s, const char *dk)
{
	unsigned i = 0;

	while (i < SOAK_DEVICES && strcmp(s->device[i].dk, dk) != 0)
		i++;
	cr_assert_lt(i, SOAK_DEVICES, "an offer for %s, which nobody has", dk);
	return i;
}

/* Room for one more: ended ones that are long forgotten by cloudd go. */
static struct soak_upgrade *
make_room(struct soak *s)
{
	if (s->n_upgrades == SOAK_UPGRADES) {
		unsigned kept = 0;

		for (unsigned i = 0; i < SOAK_UPGRADES; i++)
			if (is_open(&s->upgrade[i]) || i >= SOAK_UPGRADES / 2)
				s->upgrade[kept++] = s->upgrade[i];
		s->n_upgrades = kept;
	}
	return &s->upgrade[s->n_upgrades++];
}

static void
on_offer(struct soak *s, uint64_t id, const Pb__PlanOffer *o)
{
	struct soak_upgrade *u = find(s, id);
	unsigned device = device_of(s, o->device->device_key);

	s->count.offers++;
	if (!u) {
		u = make_room(s);
		*u = (struct soak_upgrade){
		    .id = id, .device = device, .next = s->now, .progress = MONO_NEVER};
		snprintf(u->target, sizeof(u->target), "%s", o->target_version);
	} else if (u->verdict == PB__VERDICT__VERDICT_ACCEPT ||
		   u->verdict == PB__VERDICT__VERDICT_ASKED) {
		u->repeat = true; /* cloudd has not heard it */
	} else {
		u->phase = SOAK_OFFERED; /* nothing was kept of a refusal: judged anew */
		u->next = s->now;
	}
}

static void
on_order(struct soak *s, uint64_t id)
{
	struct soak_upgrade *u = find(s, id);

	s->count.orders++;
	cr_assert_not_null(u, "an order for an upgrade that was never offered");
	if (u->phase != SOAK_ACCEPTED)
		return;
	u->phase = SOAK_FETCHING;
	u->progress = s->now;
	u->next = in_minutes(s, 1, 8);
}

static void
on_cancel(struct soak *s, uint64_t id)
{
	struct soak_upgrade *u = find(s, id);

	s->count.cancels++;
	if (!u || !is_open(u) || (u->phase == SOAK_FLASHING && soak_random(s, 2) == 0))
		return; /* too late: the truth follows */
	u->end = PB__PHASE__PHASE_CANCELLED;
	u->phase = SOAK_FLASHING;
	u->next = mono_after(s->now, 1);
}

static void
on_ack(struct soak *s, const Pb__ReportAck *a)
{
	for (unsigned i = 0; i < s->n_reports; i++) {
		bool by_gate = strcmp(a->source, "fetchd") == 0;

		if (s->report[i].id != a->id || s->report[i].by_gate != by_gate)
			continue;
		memmove(&s->report[i], &s->report[i + 1],
		    (s->n_reports - i - 1) * sizeof(s->report[0]));
		s->n_reports--;
		return;
	}
}

enum err
soak_gate_take(struct soak *s, const Pb__Envelope *e)
{
	if (!s->gate_up)
		return ERR_OFFLINE;
	switch ((int)e->body_case) {
	case PB__ENVELOPE__BODY_PLAN_OFFER:
		on_offer(s, e->upgrade, e->plan_offer);
		break;
	case PB__ENVELOPE__BODY_FETCH_ORDER:
		on_order(s, e->upgrade);
		break;
	case PB__ENVELOPE__BODY_CANCEL:
		on_cancel(s, e->upgrade);
		break;
	case PB__ENVELOPE__BODY_REPORT_ACK:
		on_ack(s, e->report_ack);
		break;
	default:
		break;
	}
	return ERR_OK;
}
