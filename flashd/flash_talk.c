/*
 * flash_talk: see flash_talk.h.
 */
#include <inttypes.h>
#include <string.h>

#include "device_bare.h"
#include "flash_act.h"
#include "flash_judge.h"
#include "flash_plan.h"
#include "flash_status.h"
#include "flash_talk.h"
#include "flash_work.h"

enum { RESEND_MS = 60000, SIGN_MS = 600000, REPORTS_AT_ONCE = 64 };

static char *
text(const char *s)
{
	return (char *)(uintptr_t)s;
}

/* --- sending ---------------------------------------------------------------------------------- */

static enum err
send_verdict(struct flash *f, uint64_t upgrade, const struct policy_verdict *v)
{
	Pb__PlanVerdict p = PB__PLAN_VERDICT__INIT;
	Pb__Envelope e = PB__ENVELOPE__INIT;

	p.verdict = v->verdict;
	p.reason = v->reason;
	p.detail = text(v->detail);
	p.until = v->until;
	e.upgrade = upgrade;
	e.body_case = PB__ENVELOPE__BODY_PLAN_VERDICT;
	e.plan_verdict = &p;
	return bus_send(f->gate, &e);
}

enum err
flash_talk_accept(struct flash *f, const struct device_upgrade *u)
{
	struct policy_verdict v = {.verdict = PB__VERDICT__VERDICT_ACCEPT};

	return send_verdict(f, u->id, &v);
}

enum err
flash_talk_asked(struct flash *f, const struct device_upgrade *u)
{
	int64_t left = mono_between(clock_now(), device_deadline(u, &f->limits));
	struct policy_verdict v = {.verdict = PB__VERDICT__VERDICT_ASKED,
	    .reason = ERR_POLICY,
	    .until = clock_wall_ms() + (left > 0 ? (uint64_t)left : 0)};

	snprintf(v.detail, sizeof(v.detail), "%.190s", u->detail);
	return send_verdict(f, u->id, &v);
}

static enum err
send_report(void *arg, const struct ledger_report *r)
{
	struct flash *f = arg;
	Pb__Device device = PB__DEVICE__INIT;
	Pb__Report report = PB__REPORT__INIT;
	Pb__Envelope e = PB__ENVELOPE__INIT;

	device.product_key = text(r->product_key);
	device.device_key = text(r->device_key);
	report.id = r->id;
	report.source = text("flashd");
	report.device = &device;
	report.phase = (Pb__Phase)r->phase;
	report.error = (uint32_t)r->error;
	report.detail = text(r->detail);
	report.version = text(r->version);
	report.head = text(r->head);
	e.upgrade = r->upgrade;
	e.body_case = PB__ENVELOPE__BODY_REPORT;
	e.report = &report;
	enum err err = bus_send(f->gate, &e);
	if (err != ERR_OK)
		return err;
	if (r->id <= f->told_report)
		roster_tell_again(&f->roster, r->product_key, r->device_key);
	else
		f->told_report = r->id;
	f->sent_report = r->id;
	return ERR_OK;
}

void
flash_talk_reports(struct flash *f)
{
	struct mono now = clock_now();

	if (mono_reached(now, f->resend_at)) {
		f->sent_report = 0;
		f->resend_at = mono_after(now, RESEND_MS);
	}
	if (!bus_is_up(f->gate))
		return;
	if (ledger_each_report(&f->ledger, f->sent_report, REPORTS_AT_ONCE, send_report, f) !=
	    ERR_OK)
		log_debug(NULL, "the gate does not take all reports now");
}

static enum err
send_device(struct flash *f, const struct roster_device *d)
{
	Pb__DeviceReport r = PB__DEVICE_REPORT__INIT;
	Pb__Device device = PB__DEVICE__INIT;
	Pb__Envelope e = PB__ENVELOPE__INIT;

	device.product_key = text(d->config->product_key);
	device.device_key = text(d->config->device_key);
	r.device = &device;
	r.component = text(d->config->component);
	r.version = text(d->version);
	r.state = d->busy ? PB__DEVICE_STATE__DEVICE_STATE_BUSY : d->state;
	r.battery_percent = d->battery;
	r.signal_dbm = d->signal_dbm;
	r.place = d->place;
	r.places = d->places;
	e.body_case = PB__ENVELOPE__BODY_DEVICE_REPORT;
	e.device_report = &r;
	return bus_send(f->gate, &e);
}

void
flash_talk_devices(struct flash *f)
{
	roster_count(&f->roster, f->ledger.upgrades);
	for (size_t i = 0; i < f->roster.n && bus_is_up(f->gate); i++) {
		struct roster_device *d = &f->roster.devices[i];
		bool busy = roster_is_busy(d);

		d->report_due |= busy != d->busy;
		d->busy = busy;
		/* a device that was never asked has nothing to say */
		if (d->report_due && d->state != PB__DEVICE_STATE__DEVICE_STATE_UNKNOWN)
			d->report_due = send_device(f, d) != ERR_OK;
	}
}

void
flash_talk_progress(struct flash *f, const struct device_upgrade *u)
{
	Pb__Progress p = PB__PROGRESS__INIT;
	Pb__Device device = PB__DEVICE__INIT;
	Pb__Envelope e = PB__ENVELOPE__INIT;

	if (!bus_is_up(f->gate) || (u->total_bytes == 0 && u->state != DEVICE_QUEUED))
		return;
	device.product_key = text(u->product_key);
	device.device_key = text(u->device_key);
	p.device = &device;
	p.phase = device_phase(u->state);
	p.done_bytes = u->done_bytes;
	p.total_bytes = u->total_bytes;
	p.bytes_per_second = u->rate;
	e.upgrade = u->id;
	e.body_case = PB__ENVELOPE__BODY_PROGRESS;
	e.progress = &p;
	if (bus_send(f->gate, &e) != ERR_OK)
		log_debug(NULL, "the gate does not take progress now");
}

/* Who waits in the queue lives: cloudd's clock for a silent upgrade begins anew. */
void
flash_talk_signs(struct flash *f, struct mono now)
{
	for (struct device_upgrade *u = f->ledger.upgrades; u && bus_is_up(f->gate); u = u->next) {
		if (!mono_reached(now, flash_talk_sign_due(f, u)))
			continue;
		u->told_at = now;
		flash_talk_progress(f, u);
	}
}

struct mono
flash_talk_sign_due(const struct flash *f, const struct device_upgrade *u)
{
	if (u->state != DEVICE_QUEUED || !bus_is_up(f->gate))
		return MONO_NEVER;
	return u->told_at.ms ? mono_after(u->told_at, SIGN_MS) : u->since;
}

/* --- offers ----------------------------------------------------------------------------------- */

/* Plans for the same component that are not this one and wait for an image, or have left the device
 * with nothing to run for longer than they may. */
static void
supersede(struct flash *f, const struct device_upgrade *by)
{
	struct device_news n = {.now = clock_now()};

	for (struct device_upgrade *u = f->ledger.upgrades; u; u = u->next) {
		if (u->id == by->id || (u->state > DEVICE_QUEUED && !device_bare_yields(u)) ||
		    strcmp(u->product_key, by->product_key) != 0 ||
		    strcmp(u->device_key, by->device_key) != 0 ||
		    strcmp(u->component, by->component) != 0)
			continue;
		if (device_step(u, DEVICE_SUPERSEDED, &n) != ERR_OK)
			log_debug(NULL, "nothing to supersede");
	}
}

/* For when a person has said yes. */
static void
keep_terms(struct device_upgrade *u, const Pb__PlanOffer *o)
{
	u->changed |= u->min_battery != o->min_battery_percent ||
		      u->min_signal_dbm != o->min_signal_dbm ||
		      strcmp(u->source_version, o->source_version) != 0;
	snprintf(u->source_version, sizeof(u->source_version), "%s", o->source_version);
	u->min_battery = o->min_battery_percent;
	u->min_signal_dbm = o->min_signal_dbm;
}

/* A plan for an id that is known: what was said then is said again. */
static void
answer_again(struct flash *f, struct device_upgrade *u, const Pb__PlanOffer *o)
{
	struct device_news n = {.now = clock_now()};
	struct policy_verdict v = {.verdict = PB__VERDICT__VERDICT_REJECT};

	if (strcmp(u->product_key, o->device->product_key) != 0 ||
	    strcmp(u->device_key, o->device->device_key) != 0 ||
	    strcmp(u->component, o->component) != 0 ||
	    strcmp(u->target_version, o->target_version) != 0) {
		v.reason = why_say(v.detail, ERR_MISMATCH,
		    "expected version %.64s as offered before, got %.64s or another device",
		    u->target_version, o->target_version);
	} else if (device_is_over(u)) {
		v.reason = u->error ? (enum err)u->error : ERR_ALREADY;
		snprintf(v.detail, sizeof(v.detail),
		    "expected a new upgrade, got one that ended %s", device_table.states[u->state]);
	} else if (u->state == DEVICE_IDENTIFIED) {
		keep_terms(u, o);
		u->effects |= DEVICE_DO_VERDICT;
		return;
	} else {
		v.verdict = PB__VERDICT__VERDICT_ACCEPT;
		if (device_step(u, DEVICE_ADMIT, &n) == ERR_OK)
			return; /* the verdict leaves with the record */
	}
	if (send_verdict(f, u->id, &v) != ERR_OK)
		log_debug(NULL, "the gate does not take a verdict now");
}

/* `late`: with the image at hand already; what passes is then waited for in the queue, and a device
 * that says that it runs that version is asked for its hash: this may be how an upgrade ended that
 * was forgotten here. */
static struct device_upgrade *
admit(struct flash *f, uint64_t id, const Pb__PlanOffer *o, bool late, struct policy_verdict *v)
{
	struct device_news n = {.now = clock_now()};
	struct device_upgrade fresh, *u = NULL;

	device_init(&fresh, id, o->device, o->component, o->target_version, n.now);
	flash_judge(f, id, o, false, v);
	bool asked = v->verdict == PB__VERDICT__VERDICT_ASKED;
	bool waits = late && (v->verdict == PB__VERDICT__VERDICT_DEFER || v->reason == ERR_ALREADY);

	if (v->verdict != PB__VERDICT__VERDICT_ACCEPT && !asked && !waits)
		return NULL;
	keep_terms(&fresh, o);
	if (ledger_add(&f->ledger, &fresh, &u) != ERR_OK) {
		v->verdict = PB__VERDICT__VERDICT_DEFER;
		v->reason = ERR_LIMIT;
		v->until = clock_wall_ms() + POLICY_LATER_MS;
		snprintf(v->detail, sizeof(v->detail), "expected fewer upgrades at the same time");
		return NULL;
	}
	supersede(f, u);
	if (asked)
		flash_act_ask(f, u, v->detail);
	else if (device_step(u, DEVICE_ADMIT, &n) != ERR_OK)
		log_error(NULL, "a new upgrade cannot be admitted");
	return u;
}

static void
on_offer(struct flash *f, const Pb__Envelope *e)
{
	struct device_upgrade *u = ledger_find(&f->ledger, e->upgrade);
	const Pb__PlanOffer *o = e->plan_offer;
	struct policy_verdict v;
	struct subject s = {e->upgrade, o->device->product_key, o->device->device_key};

	if (u) {
		answer_again(f, u, o);
		return;
	}
	if (admit(f, e->upgrade, o, false, &v))
		return;
	log_info(&s, "plan for %s: %s: %s", o->target_version, err_name(v.reason), v.detail);
	if (v.verdict == PB__VERDICT__VERDICT_REJECT || v.reason == ERR_POLICY) {
		struct event ev = {.name = v.verdict == PB__VERDICT__VERDICT_REJECT
					       ? "plan_refused"
					       : "plan_put_off",
		    .about = s,
		    .error = v.reason,
		    .text = v.detail};

		event_write(f->daemon->events, &ev);
	}
	if (send_verdict(f, e->upgrade, &v) != ERR_OK)
		log_debug(&s, "the gate does not take a verdict now");
}

/* --- orders ----------------------------------------------------------------------------------- */

static void
refuse(struct device_upgrade *u, enum err e, const char *why)
{
	struct device_news n = {.now = clock_now(), .error = e, .detail = why};
	struct subject s = device_subject(u);

	log_warn(&s, "order refused: %s: %s", err_name(e), why);
	if (device_step(u, DEVICE_REFUSE, &n) != ERR_OK)
		log_error(&s, "a refusal means nothing in %s", device_table.states[u->state]);
}

/* Trouble of our own is no judgement: the gate orders again. */
static bool
is_ours(enum err e)
{
	return e == ERR_SYSTEM || e == ERR_NOMEM || e == ERR_FULL;
}

static void
take_order(struct flash *f, struct device_upgrade *u, const Pb__FlashOrder *o)
{
	struct device_news n = {.now = clock_now()};
	struct subject s = device_subject(u);
	struct verify_image v;
	char why[WHY_SIZE] = "";
	enum err e = flash_judge_agreed(u, o, why);

	verify_image_init(&v);
	if (e == ERR_OK)
		e = flash_work_verify(f, u, o->manifest_digest.data, &v, why);
	if (is_ours(e)) {
		log_error(&s, "cannot judge the image now: %s", why);
		return;
	}
	if (e != ERR_OK) {
		refuse(u, e, why);
		return;
	}
	flash_judge_take_image(f, u, &v);
	log_info(&s, "image verified: version %s, sequence %" PRIu64 ", release %s",
	    u->image_version, u->sequence, v.manifest->release_id);
	verify_image_fini(&v);
	if (device_step(u, DEVICE_ORDER, &n) != ERR_OK)
		log_error(&s, "an order means nothing in %s", device_table.states[u->state]);
}

/* An order without a plan: flashd lost its memory, or the offer its way. Policy decides as ever. */
static struct device_upgrade *
admit_late(struct flash *f, const Pb__Envelope *e)
{
	const Pb__FlashOrder *order = e->flash_order;
	Pb__PlanOffer o = PB__PLAN_OFFER__INIT;
	struct device_upgrade fresh, *u = NULL;
	struct policy_verdict v;
	struct subject s = {e->upgrade, order->device->product_key, order->device->device_key};

	o.device = order->device;
	o.component = order->component;
	o.target_version = order->target_version;
	u = admit(f, e->upgrade, &o, true, &v);
	if (u || v.verdict != PB__VERDICT__VERDICT_REJECT) {
		if (!u)
			log_info(&s, "order put off: %s", v.detail);
		return u;
	}
	device_init(&fresh, e->upgrade, o.device, o.component, o.target_version, clock_now());
	if (ledger_add(&f->ledger, &fresh, &u) == ERR_OK)
		refuse(u, v.reason, v.detail);
	return NULL;
}

static void
on_order(struct flash *f, const Pb__Envelope *e)
{
	const Pb__FlashOrder *o = e->flash_order;
	struct device_upgrade *u = ledger_find(&f->ledger, e->upgrade);
	const struct roster_device *d = roster_find(
	    &f->roster, o->device->product_key, o->device->device_key, o->component);
	struct subject s = {e->upgrade, o->device->product_key, o->device->device_key};

	if (!u)
		u = admit_late(f, e);
	if (!u || u->state == DEVICE_IDENTIFIED) /* a person was asked: the gate orders again */
		return;
	if (u->state > DEVICE_WAITING) { /* the gate has not heard yet */
		u->say |= 1u << device_phase(u->state);
		return;
	}
	const struct device_upgrade *other = d ? flash_work_busy(f, d, u->id) : NULL;
	if (other)
		log_info(&s, "order put off: upgrade %" PRIu64 " is under way", other->id);
	else
		take_order(f, u, o);
}

/* --- the link --------------------------------------------------------------------------------- */

static void
on_cancel(struct flash *f, const Pb__Envelope *e)
{
	struct device_upgrade *u = ledger_find(&f->ledger, e->upgrade);
	struct device_news n = {.now = clock_now(), .detail = e->cancel->reason};

	if (n.detail && !n.detail[0])
		n.detail = NULL;
	if (!u || device_step(u, DEVICE_CANCEL, &n) != ERR_OK)
		log_info(NULL, "cancel of upgrade %" PRIu64 ": nothing to stop", e->upgrade);
}

static void
on_message(void *arg, struct bus_link *from, const Pb__Envelope *e)
{
	struct flash *f = arg;

	(void)from;
	switch ((int)e->body_case) {
	case PB__ENVELOPE__BODY_PLAN_OFFER:
		on_offer(f, e);
		break;
	case PB__ENVELOPE__BODY_FLASH_ORDER:
		on_order(f, e);
		break;
	case PB__ENVELOPE__BODY_CANCEL:
		on_cancel(f, e);
		break;
	case PB__ENVELOPE__BODY_REPORT_ACK:
		if (strcmp(e->report_ack->source, "flashd") == 0 &&
		    ledger_drop_report(&f->ledger, e->report_ack->id) != ERR_OK)
			log_warn(NULL, "cannot forget an acknowledged report");
		break;
	case PB__ENVELOPE__BODY_LINK_STATE:
		f->online = e->link_state->online;
		break;
	default: /* the route table lets nothing else in */
		log_warn(NULL, "expected an order, got kind %d", (int)e->body_case);
	}
	flash_settle(f);
}

/* Who comes up has to hear everything that it may have missed. */
static void
on_up(void *arg, struct bus_link *link)
{
	struct flash *f = arg;

	(void)link;
	f->sent_report = 0;
	f->resend_at = mono_after(clock_now(), RESEND_MS);
	for (size_t i = 0; i < f->roster.n; i++)
		f->roster.devices[i].report_due = true;
	for (struct device_upgrade *u = f->ledger.upgrades; u; u = u->next)
		if (u->state <= DEVICE_ADMITTED)
			u->effects |= DEVICE_DO_VERDICT;
	flash_settle(f);
}

static void
on_down(void *arg, struct bus_link *link)
{
	(void)arg;
	(void)link;
	log_warn(NULL, "the gate is away; upgrades that have begun go on");
}

enum err
flash_talk_open(struct flash *f)
{
	const struct daemon_common *c = &f->settings->common;
	struct bus_handler gate = {on_message, on_up, on_down, f};
	char path[108];

	daemon_socket_path(c, WHO_FLASHD, WHO_FETCHD, path);
	enum err e = bus_bind(f->daemon->bus, WHO_FETCHD, c->fetch_uid, path, &gate, &f->gate);
	if (e != ERR_OK)
		return e;
	e = daemon_control(f->daemon, WHO_FLASHD, flash_status_on_query, f);
	if (e == ERR_OK)
		bus_control_data(f->daemon->bus, flash_plan_on_data, f);
	daemon_socket_path(c, WHO_FLASHD, WHO_ACTOR, path);
	return e == ERR_OK ? bus_act(f->daemon->bus, path, flash_act_on_order, f) : e;
}
