/*
 * orders: see orders.h.
 */
#include <inttypes.h>
#include <string.h>

#include "orders.h"
#include "route.h"

#define ASKED_MAX_MS (32 * UINT64_C(86400000))

/* --- to the gate ------------------------------------------------------------------------------ */

static enum err
send(struct cloud *c, Pb__Envelope *e, const struct subject *s)
{
	enum err err = c->gate_up ? c->io.to_gate(c->io.arg, e) : ERR_OFFLINE;

	if (err == ERR_AGAIN)
		c->again = mono_after(c->io.now(c->io.arg), 1000);
	else if (err != ERR_OK && err != ERR_OFFLINE)
		log_error(s, "cannot send a %s to the gate: %s", route_kind_name((int)e->body_case),
		    err_text(err));
	return err;
}

static void
name_device(Pb__Device *d, struct subdevice *s)
{
	pb__device__init(d);
	d->product_key = s->keys.product_key;
	d->device_key = s->keys.device_key;
}

static enum err
send_offer(struct cloud *c, struct subdevice *s)
{
	struct dialect_plan *p = &s->conversation.plan;
	struct subject about = subdevice_subject(s);
	Pb__Device device;
	Pb__PlanOffer o = PB__PLAN_OFFER__INIT;
	Pb__Envelope e = PB__ENVELOPE__INIT;

	name_device(&device, s);
	o.device = &device;
	o.component = p->component;
	o.source_version = p->source;
	o.target_version = p->target;
	o.min_battery_percent = p->min_battery_percent;
	o.min_signal_dbm = p->min_signal_dbm;
	o.space_bytes = p->space_bytes;
	e.upgrade = s->conversation.upgrade;
	e.body_case = PB__ENVELOPE__BODY_PLAN_OFFER;
	e.plan_offer = &o;
	return send(c, &e, &about);
}

/* What a FetchOrder points to. */
struct order_files {
	Pb__FetchFile file[DIALECT_FILES_MAX], *list[DIALECT_FILES_MAX];
};

static void
put_file(struct order_files *k, size_t i, struct dialect_file *from)
{
	Pb__FetchFile *f = k->list[i] = &k->file[i];

	pb__fetch_file__init(f);
	f->url = from->url;
	f->size = from->size;
	f->md5 = (ProtobufCBinaryData){sizeof(from->md5), from->md5};
}

/* One file with its digests, or a list of them. */
static void
put_files(Pb__FetchOrder *o, struct order_files *k, struct dialect_firmware *f)
{
	o->url = f->file.url;
	o->size = dialect_firmware_size(f);
	if (!f->listed) {
		o->md5 = (ProtobufCBinaryData){sizeof(f->file.md5), f->file.md5};
		o->sha256 = (ProtobufCBinaryData){f->has_sha256 ? sizeof(f->sha256) : 0, f->sha256};
		o->crc = f->crc;
		o->has_crc = true;
		return;
	}
	put_file(k, 0, &f->file);
	for (size_t i = 0; i < f->n_more; i++)
		put_file(k, i + 1, &f->more[i]);
	o->files = k->list;
	o->n_files = f->n_more + 1;
}

static enum err
send_order(struct cloud *c, struct subdevice *s)
{
	struct dialect_firmware *f = s->conversation.firmware;
	struct subject about = subdevice_subject(s);
	struct order_files files;
	Pb__Device device;
	Pb__FetchOrder o = PB__FETCH_ORDER__INIT;
	Pb__Envelope e = PB__ENVELOPE__INIT;

	if (!f)
		return ERR_OK;
	name_device(&device, s);
	o.device = &device;
	o.component = f->component;
	o.target_version = f->target;
	put_files(&o, &files, f);
	e.upgrade = s->conversation.upgrade;
	e.body_case = PB__ENVELOPE__BODY_FETCH_ORDER;
	e.fetch_order = &o;
	return send(c, &e, &about);
}

static enum err
send_cancel(struct cloud *c, const struct outbox_item *i)
{
	struct subject about = {
	    i->upgrade, i->device->keys.product_key, i->device->keys.device_key};
	char reason[] = "the platform's side has given up";
	Pb__Cancel o = PB__CANCEL__INIT;
	Pb__Envelope e = PB__ENVELOPE__INIT;

	o.reason = reason;
	e.upgrade = i->upgrade;
	e.body_case = PB__ENVELOPE__BODY_CANCEL;
	e.cancel = &o;
	return send(c, &e, &about);
}

/* Carry out one effect; it stays when the gate is only busy. A gate that is away gets everything
 * anew when it comes back. */
static void
carry_out(struct cloud *c, struct subdevice *s, unsigned effect,
    enum err (*fn)(struct cloud *c, struct subdevice *s))
{
	unsigned *effects = &s->conversation.effects;

	if (*effects & effect && fn(c, s) != ERR_AGAIN)
		*effects &= ~effect;
}

void
orders_run(struct cloud *c)
{
	if (!c->gate_up)
		return;
	for (struct outbox_item *i = c->outbox.items; i; i = i->next)
		if (i->kind == OUTBOX_CANCEL && i->saved && !i->in_flight && !i->confirmed)
			i->in_flight = send_cancel(c, i) == ERR_OK;
	for (struct subdevice *s = c->devices.first; s; s = s->next) {
		carry_out(c, s, CONVERSATION_OFFER, send_offer);
		carry_out(c, s, CONVERSATION_ORDER, send_order);
	}
}

void
orders_acknowledge(struct cloud *c, const char *source, uint64_t id)
{
	char name[OUTBOX_SOURCE_SIZE];
	Pb__ReportAck o = PB__REPORT_ACK__INIT;
	Pb__Envelope e = PB__ENVELOPE__INIT;

	snprintf(name, sizeof(name), "%s", source);
	o.id = id;
	o.source = name;
	e.body_case = PB__ENVELOPE__BODY_REPORT_ACK;
	e.report_ack = &o;
	if (send(c, &e, NULL) != ERR_OK)
		log_debug(
		    NULL, "report %s %" PRIu64 " is acknowledged when it comes again", name, id);
}

void
orders_link_state(struct cloud *c)
{
	Pb__LinkState o = PB__LINK_STATE__INIT;
	Pb__Envelope e = PB__ENVELOPE__INIT;

	o.online = c->online;
	e.body_case = PB__ENVELOPE__BODY_LINK_STATE;
	e.link_state = &o;
	if (c->gate_up && send(c, &e, NULL) != ERR_OK)
		log_debug(NULL, "the gate does not take the link's state now");
}

/* --- from the gate ---------------------------------------------------------------------------- */

static void
learn(struct cloud *c, struct subdevice *s, const Pb__DeviceReport *r)
{
	struct conversation *v = &s->conversation;
	struct component *k = NULL;
	struct subject about = subdevice_subject(s);
	enum err e = component_need(
	    &s->components, r->component, r->place, r->places, &s->dirty, &k);

	if (e != ERR_OK) {
		log_error(&about, "expected at most %d components, got %s: %s", COMPONENT_MAX,
		    r->component, err_text(e));
		return;
	}
	s->dirty |= component_learn(&s->components, k->name, r->version);
	if (r->version[0] && strcmp(v->plan.component, k->name) == 0)
		snprintf(v->version, sizeof(v->version), "%s", r->version);
	k->state = (int)r->state;
	s->state = component_state(&s->components);
	s->battery_percent = r->battery_percent;
	s->signal_dbm = r->signal_dbm;
	s->reported = true;
	s->gone = false;
	if (s->login.state != LOGIN_IN || component_is_said(&s->components, NULL))
		return;
	s->want_info = s->want_request = true;
	s->next_request = cloud_next_request(c);
}

static void
on_device_report(struct cloud *c, const Pb__DeviceReport *r)
{
	struct subject about = {0, r->device->product_key, r->device->device_key};
	struct subdevice *s = NULL;
	enum err e = subdevice_need(&c->devices, r->device->product_key, r->device->device_key, &s);

	if (e != ERR_OK) {
		log_error(&about, "expected at most %d devices: %s", SUBDEVICE_MAX, err_text(e));
		return;
	}
	if (!s->product_secret)
		s->product_secret = secrets_find(c->secrets, s->keys.product_key);
	if (!s->product_secret && !s->reported)
		cloud_tell(c, s, "no_secret", ERR_CONFIG,
		    "the device's product has no secret here, so it cannot be reported");
	learn(c, s, r);
}

static void
on_verdict(struct cloud *c, const Pb__Envelope *e, struct subdevice *s)
{
	const Pb__PlanVerdict *v = e->plan_verdict;
	struct conversation_news n = {
	    .until = v->until, .error = (int)v->reason, .detail = v->detail};
	int event = CONVERSATION_ON_REJECTED;
	uint64_t wall = c->io.wall_ms(c->io.arg);

	if (v->until > wall)
		n.wait_ms = v->until - wall < ASKED_MAX_MS ? v->until - wall : ASKED_MAX_MS;
	if (v->verdict == PB__VERDICT__VERDICT_ASKED)
		event = CONVERSATION_ON_ASKED;
	else if (v->verdict == PB__VERDICT__VERDICT_ACCEPT)
		event = CONVERSATION_ON_ACCEPTED;
	else if (v->verdict == PB__VERDICT__VERDICT_DEFER)
		event = CONVERSATION_ON_DEFERRED;
	struct subject about = subdevice_subject(s);

	if (event != CONVERSATION_ON_ACCEPTED)
		log_info(&about, "flashd %s the plan: %s: %s",
		    event == CONVERSATION_ON_DEFERRED ? "defers"
		    : event == CONVERSATION_ON_ASKED  ? "asks a person about"
						      : "rejects",
		    err_name(v->reason), v->detail);
	if (cloud_step(c, s, event, &n, NULL) != ERR_OK)
		log_debug(&about, "the verdict comes too late");
}

static bool
is_from_gate(const char *source)
{
	return strcmp(source, who_name(WHO_FETCHD)) == 0;
}

/* The device whose conversation is about this upgrade; NULL when there is none (any more). */
static struct subdevice *
find_upgrade(struct cloud *c, uint64_t upgrade)
{
	if (!upgrade)
		return NULL;
	for (struct subdevice *s = c->devices.first; s; s = s->next)
		if (s->conversation.upgrade == upgrade &&
		    s->conversation.state != CONVERSATION_IDLE)
			return s;
	return NULL;
}

/* The device that a report or an answer is about, if it names the same as the upgrade does. */
static struct subdevice *
match(struct cloud *c, const Pb__Envelope *e, const Pb__Device *d)
{
	struct subdevice *s = find_upgrade(c, e->upgrade);

	if (!s || !d)
		return s;
	if (strcmp(s->keys.product_key, d->product_key) == 0 &&
	    strcmp(s->keys.device_key, d->device_key) == 0)
		return s;
	struct subject about = subdevice_subject(s);

	log_warn(&about, "expected a report about this device, got %s/%s", d->product_key,
	    d->device_key);
	return NULL;
}

/* Which item, if any, has to be confirmed before the report is acknowledged. */
static uint64_t
take_report(struct cloud *c, const Pb__Envelope *e)
{
	const Pb__Report *r = e->report;
	int event = conversation_event_of((int)r->phase, is_from_gate(r->source));
	struct subdevice *s = match(c, e, r->device);
	struct conversation_news n = {
	    .version = r->version, .error = (int)r->error, .detail = r->detail};
	uint64_t item = 0;

	if (r->phase >= PB__PHASE__PHASE_DONE && !is_from_gate(r->source))
		outbox_drop_cancels(&c->outbox, e->upgrade);
	if (!s || event < 0)
		return 0;
	struct subject about = subdevice_subject(s);

	if (n.error)
		log_warn(&about, "%s reports %s: %s: %s", r->source,
		    conversation_table.events[event], err_name(r->error), r->detail);
	if (cloud_step(c, s, event, &n, &item) != ERR_OK)
		log_debug(&about, "the report means nothing now");
	return item;
}

/* Where the gateway's audit log was when an upgrade ended: whoever cuts the log off has not cut
 * this record. */
static void
note_head(struct cloud *c, const Pb__Envelope *e)
{
	const Pb__Report *r = e->report;
	struct event ev = {.name = "audit_head",
	    .about = {e->upgrade, r->device->product_key, r->device->device_key},
	    .text = r->head};

	if (r->head[0] && r->phase >= PB__PHASE__PHASE_DONE)
		c->io.event(c->io.arg, &ev);
}

static void
on_report(struct cloud *c, const Pb__Envelope *e)
{
	const Pb__Report *r = e->report;
	enum outbox_report_state known = OUTBOX_NEW;
	enum err err = outbox_find_report(&c->outbox, r->source, r->id, &known);

	if (err != ERR_OK) {
		log_error(NULL, "report %s %" PRIu64 " cannot be looked up: %s", r->source, r->id,
		    err_text(err));
		return; /* it will come again */
	}
	if (known == OUTBOX_DONE)
		orders_acknowledge(c, r->source, r->id);
	if (known != OUTBOX_NEW)
		return;
	note_head(c, e);
	err = outbox_add_report(&c->outbox, r->source, r->id, take_report(c, e));
	if (err != ERR_OK)
		log_error(NULL, "report %s %" PRIu64 " cannot be kept: %s", r->source, r->id,
		    err_text(err));
}

static void
on_progress(struct cloud *c, const Pb__Envelope *e)
{
	struct subdevice *s = match(c, e, e->progress->device);
	int phase = (int)e->progress->phase;
	int event = conversation_event_of(phase, phase == PB__PHASE__PHASE_FETCHING);
	struct conversation_news n = {0};

	/* of one that waits for its turn: a sign of life where that is known, else it is reported
	 */
	bool waits = s && event == CONVERSATION_ON_FETCHED &&
		     (s->conversation.state == CONVERSATION_FETCHED ||
			 s->conversation.state == CONVERSATION_OVERDUE);

	if (!s || (event != CONVERSATION_ON_FETCHING && event != CONVERSATION_ON_WORKING && !waits))
		return;
	if (cloud_step(c, s, event, &n, NULL) != ERR_OK)
		log_debug(NULL, "progress means nothing now");
}

void
orders_on_message(struct cloud *c, const Pb__Envelope *e)
{
	struct subdevice *s = NULL;

	switch ((int)e->body_case) {
	case PB__ENVELOPE__BODY_DEVICE_REPORT:
		if (e->device_report->device)
			on_device_report(c, e->device_report);
		break;
	case PB__ENVELOPE__BODY_PLAN_VERDICT:
		s = find_upgrade(c, e->upgrade);
		if (s)
			on_verdict(c, e, s);
		break;
	case PB__ENVELOPE__BODY_PROGRESS:
		on_progress(c, e);
		break;
	case PB__ENVELOPE__BODY_REPORT:
		on_report(c, e);
		break;
	default: /* the route table lets nothing else in */
		break;
	}
}
