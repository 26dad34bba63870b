/*
 * cloud: see cloud.h.
 */
#include <inttypes.h>
#include <string.h>

#include "cloud_forget.h"
#include "cloud_move.h"
#include "dp.h"
#include "orders.h"
#include "platform.h"
#include "pump.h"

enum { AGAIN_MS = 1000 };

static struct mono
now(const struct cloud *c)
{
	return c->io.now(c->io.arg);
}

/* --- lifetime --------------------------------------------------------------------------------- */

/* Package ids start anywhere: a restarted gateway must not be taken for a repetition. */
static uint16_t
random_package(struct cloud *c)
{
	uint8_t r[2];

	c->io.random(c->io.arg, r, sizeof(r));
	return dp_next_package((uint16_t)((r[0] << 8 | r[1]) & 0x7fff));
}

static bool
is_told(const struct cloud *c, const struct subdevice *s)
{
	return !outbox_oldest(&c->outbox, s);
}

enum err
cloud_open(struct cloud *c, const struct cloud_identity *identity, const struct profile *profile,
    const struct secrets *secrets, const struct cloud_io *io, const char *path)
{
	struct dialect_sub self;
	bool fresh = false;

	*c = (struct cloud){.identity = identity,
	    .profile = profile,
	    .secrets = secrets,
	    .io = *io,
	    .next_token = 1,
	    .online_due = MONO_NEVER,
	    .relink = MONO_NEVER,
	    .again = MONO_NEVER};
	memcpy(self.product_key, identity->product_key, sizeof(self.product_key));
	memcpy(self.device_key, identity->device_key, sizeof(self.device_key));
	endpoint_format(&self, c->endpoint);
	entry_init(&c->entry);
	c->clock_apart = (int64_t)io->wall_ms(io->arg) - now(c).ms;
	c->package_id = random_package(c);
	c->product_secret = secrets_find(secrets, identity->product_key);
	if (!c->product_secret) {
		log_error(NULL, "expected a secret for the gateway's product %s, got none",
		    identity->product_key);
		return ERR_CONFIG;
	}
	enum err e = outbox_open(
	    path, &self, io->wall_ms(io->arg), &c->outbox, &c->devices, &fresh);

	if (e != ERR_OK) {
		log_error(NULL, "cannot open %s: %s", path, err_text(e));
		return e;
	}
	if (record_was_damaged(c->outbox.record))
		cloud_tell(c, NULL, "record_damaged", ERR_CORRUPT,
		    "the outbox was damaged and set aside: what it held is not reported");
	cloud_move_resume(c);
	for (struct subdevice *s = c->devices.first; s; s = s->next) {
		s->product_secret = secrets_find(secrets, s->keys.product_key);
		s->login.has_secret = s->device_secret[0];
		s->package_id = random_package(c);
		conversation_resume(&s->conversation, profile, now(c), is_told(c, s));
	}
	cloud_settle(c);
	return ERR_OK;
}

void
cloud_close(struct cloud *c)
{
	outbox_close(&c->outbox);
	subdevice_free_all(&c->devices);
}

/* --- for the parts ---------------------------------------------------------------------------- */

void
cloud_tell(
    struct cloud *c, const struct subdevice *s, const char *name, enum err error, const char *text)
{
	struct event e = {.name = name, .error = error, .text = text};

	if (s)
		e.about = subdevice_subject(s);
	c->io.event(c->io.arg, &e);
}

void
cloud_set_secret(struct cloud *c, const char *secret)
{
	struct outbox *o = &c->outbox;

	entry_on_secret(&c->entry);
	if (strcmp(o->gateway_secret, secret) == 0)
		return;
	if (o->gateway_secret[0])
		memcpy(o->gateway_spare, o->gateway_secret, sizeof(o->gateway_spare));
	snprintf(o->gateway_secret, sizeof(o->gateway_secret), "%s", secret);
	o->gateway_dirty = true;
}

static struct entry_secrets
known_secrets(const struct cloud *c)
{
	return (struct entry_secrets){c->outbox.gateway_secret[0], c->outbox.gateway_spare[0]};
}

/* The platform has accepted a secret that it gave before this connection: no other is needed. */
static void
keep_accepted(struct cloud *c)
{
	struct outbox *o = &c->outbox;
	const struct entry_secrets known = known_secrets(c);

	c->entry.unavailable = 0;
	if (c->entry.registering || !known.has_spare)
		return;
	if (entry_way(&c->entry, &known) == ENTRY_SPARE)
		memcpy(o->gateway_secret, o->gateway_spare, sizeof(o->gateway_secret));
	explicit_bzero(o->gateway_spare, sizeof(o->gateway_spare));
	o->gateway_dirty = true;
	entry_on_secret(&c->entry);
}

static enum err
add_item(struct cloud *c, struct subdevice *s, const struct outbox_item *like, uint64_t *last)
{
	struct outbox_item *added = NULL;
	struct subject about = subdevice_subject(s);
	enum err e = outbox_add(&c->outbox, like, &added);

	if (e != ERR_OK)
		log_error(&about, "a message for the platform is lost: %s", err_text(e));
	else if (last && added->durable && added->kind != OUTBOX_CANCEL)
		*last = added->id;
	return e;
}

/* A status 5 that is still waiting says all that a second one would. */
static bool
is_said(const struct subdevice *s, int status)
{
	for (const struct outbox_item *i = s->items; i; i = i->sibling)
		if (!i->durable && !i->confirmed && i->status == status)
			return true;
	return false;
}

/* What a conversation said becomes items, in order. */
static void
keep_says(struct cloud *c, struct subdevice *s, uint64_t *last)
{
	struct conversation *v = &s->conversation;
	struct outbox_item like = {.device = s,
	    .upgrade = v->upgrade,
	    .type = v->plan.type,
	    .made_at = c->io.wall_ms(c->io.arg)};

	memcpy(like.component, v->plan.component, sizeof(like.component));
	memcpy(like.version, v->version, sizeof(like.version));
	for (size_t i = 0; i < v->n_says; i++) {
		like.kind = OUTBOX_STATUS;
		like.status = v->says[i];
		like.durable = like.status != DIALECT_DOWNLOADING;
		if (like.durable || !is_said(s, like.status))
			(void)!add_item(c, s, &like, last);
	}
	v->n_says = 0;
	like.durable = true;
	if (v->effects & CONVERSATION_INFO && v->version[0]) {
		like.kind = OUTBOX_INFO;
		(void)!add_item(c, s, &like, last);
	}
	if (v->effects & CONVERSATION_CANCEL) {
		like.kind = OUTBOX_CANCEL;
		like.upgrade = v->cancelled;
		(void)!add_item(c, s, &like, NULL);
	}
	v->effects &= ~(unsigned)(CONVERSATION_INFO | CONVERSATION_CANCEL);
}

/* The operator's view of how an upgrade went. */
static void
tell_step(struct cloud *c, const struct subdevice *s, int before)
{
	const struct conversation *v = &s->conversation;
	struct event e = {.name = "upgrade_ended",
	    .about = {v->upgrade, s->keys.product_key, s->keys.device_key},
	    .error = (enum err)v->error,
	    .text = v->detail};

	if (before == v->state)
		return;
	if (v->state == CONVERSATION_OFFERED) {
		e.name = "plan_offered";
		e.text = v->plan.target;
	} else if (v->state != CONVERSATION_IDLE) {
		e.name = "state";
		e.error = ERR_OK;
		e.text = conversation_table.states[v->state];
	}
	c->io.event(c->io.arg, &e);
}

/* The conversation knows the version of the component that it is about: a new one is told, what it
 * learns goes to the list. */
static void
share_version(struct subdevice *s, bool begun)
{
	struct conversation *v = &s->conversation;
	const struct component *k = component_find(&s->components, v->plan.component);

	if (begun)
		snprintf(v->version, sizeof(v->version), "%s", k ? k->version : "");
	else
		(void)component_learn(&s->components, v->plan.component, v->version);
}

enum err
cloud_step(
    struct cloud *c, struct subdevice *s, int event, struct conversation_news *n, uint64_t *last)
{
	struct subject about = subdevice_subject(s);
	uint64_t fresh = c->outbox.last_upgrade + 1;
	int before = s->conversation.state;

	n->now = now(c);
	n->profile = c->profile;
	n->component = component_main_name(&s->components);
	n->untold = s->pending > 0;
	n->fresh = fresh;
	enum err e = conversation_step(&s->conversation, event, n, &about);
	if (e != ERR_OK)
		return e;
	if (s->conversation.upgrade == fresh)
		c->outbox.last_upgrade = fresh;
	s->dirty = true;
	share_version(s, s->conversation.upgrade == fresh);
	keep_says(c, s, last);
	tell_step(c, s, before);
	if (s->conversation.state == CONVERSATION_IDLE && before != CONVERSATION_IDLE)
		s->want_info |= !subdevice_is_announced(s);
	if (s->conversation.state != CONVERSATION_IDLE || !s->conversation.n_rest)
		return ERR_OK;
	return cloud_step(c, s, CONVERSATION_ON_NEXT, n, last);
}

void
cloud_step_login(struct cloud *c, struct subdevice *s, int event)
{
	struct login_news n = {now(c), c->profile};
	struct subject about = subdevice_subject(s);

	if (login_step(&s->login, event, &n, &about) != ERR_OK) {
		log_debug(&about, "%s means nothing while %s", login_table.events[event],
		    login_table.states[s->login.state]);
		return;
	}
	if (s->login.state != LOGIN_IN)
		s->has_session_key = false;
	if (s->login.effects & LOGIN_ANNOUNCE) {
		component_forget_said(&s->components);
		s->want_info = s->want_request = true;
		s->next_request = cloud_next_request(c);
		if (c->profile->subscribe) {
			char filter[ENDPOINT_TOPIC_SIZE];

			endpoint_topic_filter(s->endpoint, filter);
			if (c->io.subscribe(c->io.arg, filter) != ERR_OK)
				log_warn(&about, "cannot subscribe to %s", filter);
		}
	}
	s->login.effects &= ~(unsigned)LOGIN_ANNOUNCE;
}

/* --- settling --------------------------------------------------------------------------------- */

/* Let devices log in that are there, and out that are away; a few at a time. */
static void
run_logins(struct cloud *c)
{
	size_t busy = 0;

	for (const struct subdevice *s = c->devices.first; s; s = s->next)
		busy += s->login.state == LOGIN_REGISTERING || s->login.state == LOGIN_ENTERING;
	for (struct subdevice *s = c->devices.first; s; s = s->next) {
		if (s->leaving)
			cloud_forget_run(c, s);
		/* what has to be said about a device is said even when it is away */
		bool due = s->conversation.state != CONVERSATION_IDLE ||
			   outbox_oldest(&c->outbox, s);
		bool stays = subdevice_is_present(s) && !s->leaving;
		bool wanted = s->product_secret && (stays || due);

		if (wanted && s->login.state == LOGIN_OUT && busy < CLOUD_LOGINS_MAX) {
			cloud_step_login(c, s, LOGIN_ON_WANTED);
			busy++;
		} else if (!wanted && s->reported && !s->leaving && s->login.state != LOGIN_OUT) {
			cloud_step_login(c, s, LOGIN_ON_UNWANTED);
		}
	}
}

static void
acknowledge(void *arg, const char *source, uint64_t id)
{
	orders_acknowledge(arg, source, id);
}

void
cloud_settle(struct cloud *c)
{
	struct event alarm;

	if (c->online)
		run_logins(c);
	enum err e = outbox_save(&c->outbox, &c->devices, c->io.wall_ms(c->io.arg));

	if (record_alarm_turned(&c->record, c->outbox.record, &alarm))
		cloud_tell(c, NULL, alarm.name, alarm.error, alarm.text);
	if (e != ERR_OK) {
		log_debug(NULL, "cannot save, nothing leaves until that works: %s", err_text(e));
		c->again = mono_after(now(c), AGAIN_MS);
		return;
	}
	outbox_each_settled(&c->outbox, acknowledge, c);
	orders_run(c);
	pump_run(c);
}

/* --- the platform ----------------------------------------------------------------------------- */

enum err
cloud_credentials(struct cloud *c, struct cloud_credentials *out)
{
	uint8_t random[AUTH_RANDOM];
	char text[AUTH_RANDOM + 1];
	enum err e = cloud_move_adopt(c);

	if (e != ERR_OK) {
		c->relink = mono_after(now(c), AGAIN_MS);
		return e;
	}
	const struct entry_secrets known = known_secrets(c);
	const char *const secrets[] = {[ENTRY_SECRET] = c->outbox.gateway_secret,
	    [ENTRY_REGISTER] = "",
	    [ENTRY_SPARE] = c->outbox.gateway_spare};
	struct auth a = {c->outbox.gateway.product_key, c->product_secret, c->identity->device_key,
	    secrets[entry_way(&c->entry, &known)], text, c->identity->encrypt};

	entry_begin(&c->entry, &known);

	c->has_session_key = false;
	c->io.random(c->io.arg, random, sizeof(random));
	auth_random_text(random, text);
	snprintf(out->client_id, sizeof(out->client_id), "%s", c->endpoint);
	endpoint_topic_filter(c->endpoint, out->topic);
	e = auth_password(&a, out->password);

	if (e != ERR_OK)
		log_error(NULL, "expected keys and secrets that can sign, got others");
	return e;
}

void
cloud_check_online(struct cloud *c)
{
	bool ready = c->linked && c->outbox.gateway_secret[0] && !c->entry.registering &&
		     (!c->identity->encrypt || c->has_session_key);

	if (!ready || c->online)
		return;
	c->online = true;
	c->online_due = MONO_NEVER;
	c->last_code = 0;
	c->wants = CLOUD_WANT_STATE | CLOUD_WANT_INFO;
	cloud_move_on_online(c);
	cloud_tell(c, NULL, "online", ERR_OK, "the platform is there");
	orders_link_state(c);
}

void
cloud_on_ready(struct cloud *c)
{
	c->linked = true;
	c->in_flight = 0;
	keep_accepted(c);
	c->online_due = mono_after(now(c), CLOUD_ONLINE_MS);
	cloud_check_online(c);
	cloud_settle(c);
}

void
cloud_on_message(struct cloud *c, const char *topic, const uint8_t *payload, size_t len)
{
	platform_on_message(c, topic, payload, len);
	cloud_settle(c);
}

void
cloud_on_published(struct cloud *c, uint64_t token)
{
	struct outbox_item *i = NULL;
	struct conversation_news n = {0};

	if (c->in_flight)
		c->in_flight--;
	if (!(token & PUMP_TRANSIENT))
		i = outbox_find(&c->outbox, token);
	if (i && i->in_flight) {
		outbox_confirm(&c->outbox, i, now(c));
		const struct conversation *v = &i->device->conversation;
		if (i->confirmed && i->status == DIALECT_CONFIRMED && i->kind == OUTBOX_STATUS &&
		    i->upgrade == v->upgrade && v->state == CONVERSATION_CONFIRMED)
			(void)!cloud_step(c, i->device, CONVERSATION_ON_TOLD, &n, NULL);
		if (!i->device->pending)
			conversation_heard_all(&i->device->conversation, c->profile, now(c));
	}
	outbox_forget_old(&c->outbox, now(c), c->io.wall_ms(c->io.arg));
	cloud_settle(c);
}

void
cloud_on_down(struct cloud *c, enum err why, int platform_code)
{
	const struct entry_secrets known = known_secrets(c);
	bool was_online = c->online;
	int64_t wait = entry_on_down(&c->entry, &known, platform_code);

	c->linked = c->online = c->has_session_key = false;
	c->in_flight = 0;
	c->wants = 0;
	c->online_due = MONO_NEVER;
	c->last_code = platform_code;
	outbox_lose_flight(&c->outbox, false);
	for (struct subdevice *s = c->devices.first; s; s = s->next)
		cloud_step_login(c, s, LOGIN_ON_LINK_DOWN);
	if (wait != ENTRY_USUAL)
		c->relink = mono_after(now(c), wait);
	if (was_online) {
		cloud_tell(c, NULL, "offline", why, "the platform is gone");
		orders_link_state(c);
	} else if (why != ERR_CANCELLED) {
		cloud_move_on_failure(c);
	}
	cloud_settle(c);
}

/* --- the gate --------------------------------------------------------------------------------- */

void
cloud_on_gate_up(struct cloud *c)
{
	c->gate_up = true;
	outbox_lose_flight(&c->outbox, true);
	orders_link_state(c);
	for (struct subdevice *s = c->devices.first; s; s = s->next) {
		struct conversation_news n = {0};

		if (s->conversation.state != CONVERSATION_IDLE)
			(void)!cloud_step(c, s, CONVERSATION_ON_GATE_UP, &n, NULL);
	}
	cloud_settle(c);
}

void
cloud_on_gate_down(struct cloud *c)
{
	c->gate_up = false;
}

void
cloud_on_gate_message(struct cloud *c, const Pb__Envelope *e)
{
	orders_on_message(c, e);
	cloud_settle(c);
}
