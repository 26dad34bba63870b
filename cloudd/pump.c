/*
 * pump: see pump.h.
 */
#include <string.h>

#include "dp.h"
#include "pump.h"

/* A message on its way: values first, then where it goes. */
struct letter {
	uint8_t values[DIALECT_PAYLOAD_MAX];
	struct ttlv_writer w;
	uint16_t command;
	uint16_t package_id;
	struct subdevice *from; /* whose endpoint; NULL = the gateway's */
	const char *what;       /* sys or ota */
	unsigned qos;
	uint64_t token;
};

static void
begin(struct letter *l, uint16_t command)
{
	l->w = TTLV_WRITER(l->values);
	l->command = command;
	l->package_id = 0;
	l->from = NULL;
	l->what = "sys";
	l->qos = 1;
	l->token = 0;
}

static uint16_t *
counter_of(struct cloud *c, struct subdevice *from)
{
	return from ? &from->package_id : &c->package_id;
}

/* Frame, encrypt, publish. A fresh package id unless the letter is an answer. */
static enum err
post(struct cloud *c, struct letter *l)
{
	uint8_t frame[2 * (DP_HEAD + DIALECT_PAYLOAD_MAX)];
	uint8_t sealed[sizeof(frame) + 16], *out = frame;
	char topic[ENDPOINT_TOPIC_SIZE];
	uint16_t *counter = counter_of(c, l->from);
	bool sealing = l->from ? l->from->has_session_key : c->has_session_key;
	const uint8_t *key = l->from ? l->from->session_key : c->session_key;
	struct dp f = {l->package_id ? l->package_id : *counter, l->command, l->values, 0};
	size_t len = 0;
	enum err e = ttlv_put_end(&l->w, &f.len);

	if (c->in_flight >= CLOUD_FLIGHT_MAX && l->qos > 0)
		return ERR_AGAIN;
	if (e == ERR_OK)
		e = dp_format(&f, frame, sizeof(frame), &len);
	if (e == ERR_OK && sealing) {
		e = auth_seal(key, AUTH_SESSION_KEY, frame, len, sealed, sizeof(sealed), &len);
		out = sealed;
	}
	if (e != ERR_OK)
		return e;
	endpoint_topic_up(l->from ? l->from->endpoint : c->endpoint, l->what, topic);
	if (!l->token)
		l->token = PUMP_TRANSIENT | c->next_token++;
	e = c->io.publish(c->io.arg, topic, l->qos, out, len, l->token);
	if (e != ERR_OK)
		return e;
	c->in_flight++;
	if (!l->package_id)
		*counter = dp_next_package(f.package_id);
	l->package_id = f.package_id;
	return ERR_OK;
}

/* Send a message that concerns a sub-device over whichever endpoint the profile says. */
static enum err
post_for(struct cloud *c, struct subdevice *s, struct letter *l, int via)
{
	if (via == PROFILE_VIA_SUBDEVICE)
		l->from = s;
	else
		dialect_put_sub(&l->w, c->profile, &s->keys);
	return post(c, l);
}

static void
warn(const struct subdevice *s, const char *what, enum err e)
{
	struct subject about = s ? subdevice_subject(s) : (struct subject){0};

	if (e != ERR_OK && e != ERR_AGAIN && e != ERR_OFFLINE)
		log_error(&about, "cannot send %s: %s", what, err_text(e));
}

/* --- the gateway ------------------------------------------------------------------------------ */

static void
put_gateway_state(struct cloud *c, struct letter *l)
{
	struct dialect_state s = {.has_free = true, .free_bytes = c->io.free_bytes(c->io.arg)};

	dialect_put_state(&l->w, &s);
}

static void
put_gateway_info(const struct cloud *c, struct letter *l)
{
	const struct cloud_identity *id = c->identity;

	dialect_put_info(&l->w, &(struct dialect_info){.model = id->model,
				    .version = id->version,
				    .sdk_version = id->sdk_version,
				    .locators = "NONE;",
				    .data_protocol = "1.3.0",
				    .comm_protocol = "3.0.0"});
}

static enum err
run_gateway(struct cloud *c)
{
	struct letter l;
	enum err e = ERR_OK;

	if (c->wants & CLOUD_WANT_STATE) {
		begin(&l, DIALECT_STATE);
		put_gateway_state(c, &l);
		e = post(c, &l);
		if (e == ERR_OK)
			c->wants &= ~(unsigned)CLOUD_WANT_STATE;
	}
	if (e == ERR_OK && c->wants & CLOUD_WANT_INFO) {
		begin(&l, DIALECT_INFO);
		put_gateway_info(c, &l);
		e = post(c, &l);
		if (e == ERR_OK)
			c->wants &= ~(unsigned)CLOUD_WANT_INFO;
	}
	return e;
}

/* --- logging in ------------------------------------------------------------------------------- */

/* 00C0, 00C2 or 00C6 */
static enum err
put_login(struct cloud *c, struct subdevice *s, struct letter *l)
{
	uint8_t random[AUTH_RANDOM];
	char text[AUTH_RANDOM + 1], out[AUTH_BLOB_SIZE];
	bool registers = s->login.effects & LOGIN_SEND_REGISTER;
	bool forgets = s->login.effects & LOGIN_SEND_FORGET;
	struct auth a = {s->keys.product_key, s->product_secret, s->keys.device_key,
	    s->device_secret, text, c->identity->encrypt};

	c->io.random(c->io.arg, random, sizeof(random));
	auth_random_text(random, text);
	enum err e = registers ? auth_blob(&a, out) : auth_sign(&a, out);
	if (e != ERR_OK)
		return e;
	begin(l, registers ? DIALECT_REGISTER : forgets ? DIALECT_FORGET : DIALECT_LOGIN);
	if (registers)
		dialect_put_register(&l->w, c->profile, s->keys.product_key, out);
	else if (forgets)
		dialect_put_forget(&l->w, c->profile, &s->keys, text, out);
	else
		dialect_put_login(&l->w, c->profile, &s->keys, text, out, c->identity->encrypt);
	return ERR_OK;
}

static enum err
run_login(struct cloud *c, struct subdevice *s)
{
	const unsigned asks = LOGIN_SEND_REGISTER | LOGIN_SEND_LOGIN | LOGIN_SEND_FORGET;
	struct letter l;
	enum err e = ERR_OK;

	if (s->login.effects & LOGIN_SEND_LOGOUT) {
		begin(&l, DIALECT_LOGOUT);
		dialect_put_logout(&l.w, c->profile, &s->keys);
		e = post(c, &l);
		if (e == ERR_OK) {
			s->login.effects &= ~(unsigned)LOGIN_SEND_LOGOUT;
			s->left = true;
		}
	}
	if (e != ERR_OK || !(s->login.effects & asks))
		return e;
	e = put_login(c, s, &l);
	if (e == ERR_OK)
		e = post(c, &l);
	if (e == ERR_OK && s->left && l.command == DIALECT_LOGIN) { /* from now on counted anew */
		endpoint_forget(&c->repeats, s);
		s->left = false;
	}
	if (e != ERR_AGAIN && e != ERR_OFFLINE)
		s->login.effects &= ~asks; /* sent, or it never can be */
	warn(s, "a login", e);
	return e;
}

/* --- devices ---------------------------------------------------------------------------------- */

/* Versions of a device, in which `component` (NULL: none in particular) has `version`. */
static void
put_versions(struct subdevice *s, struct letter *l, const char *component, const char *version)
{
	struct component_versions v;

	component_say(&s->components, component, version, subdevice_hidden(s), &v);
	dialect_put_info(&l->w, &(struct dialect_info){.version = v.module, .mcu_versions = v.mcu});
}

/* 0044. `item`: because of what happened to a component; NULL: of what is known. */
static enum err
send_info(
    struct cloud *c, struct subdevice *s, const struct outbox_item *item, struct letter *l)
{
	const char *component = item ? item->component : NULL;
	const char *version = item ? item->version : NULL;

	begin(l, DIALECT_INFO);
	l->token = item ? item->id : 0;
	put_versions(s, l, component, version);
	enum err e = post_for(c, s, l, c->profile->sys_via);
	if (e == ERR_OK)
		component_note_said(&s->components, component, version, subdevice_hidden(s));
	return e;
}

static enum err
send_status(struct cloud *c, struct subdevice *s, const struct outbox_item *i, struct letter *l)
{
	struct component_versions v;
	struct dialect_report r = {.status = i->status,
	    .type = i->type,
	    .component = i->component,
	    .ask_sha256 = c->identity->ask_sha256,
	    .version = v.module,
	    .mcu_versions = v.mcu};

	component_say(&s->components, i->component, i->version, subdevice_hidden(s), &v);
	if (i->type == 1)
		component_add_mcu(&v, i->component, i->version);
	begin(l, DIALECT_OTA_STATUS);
	dialect_put_report(&l->w, &r);
	l->what = "ota";
	l->qos = 2;
	l->token = i->id;
	return post_for(c, s, l, c->profile->ota_via);
}

static enum err
run_item(struct cloud *c, struct subdevice *s)
{
	struct outbox_item *i = outbox_oldest(&c->outbox, s);
	struct letter l;
	enum err e;

	if (!i || i->in_flight || (i->durable && !i->saved))
		return ERR_OK;
	if (i->kind == OUTBOX_INFO)
		e = send_info(c, s, i, &l);
	else
		e = send_status(c, s, i, &l);
	if (e != ERR_OK) {
		warn(s, "a status", e);
		return e;
	}
	i->in_flight = true;
	i->package_id = l.package_id;
	return ERR_OK;
}

/* What is asked and said by the clock, not because something happened to an upgrade. */
static enum err
run_wants(struct cloud *c, struct subdevice *s)
{
	const char *version = component_main_version(&s->components);
	struct component_versions v;
	struct letter l;
	enum err e = ERR_OK;

	if (conversation_is_busy(&s->conversation) || !component_is_any_known(&s->components))
		return ERR_OK;
	if (s->want_info && subdevice_is_announced(s))
		s->want_info = false;
	if (s->want_info) {
		e = send_info(c, s, NULL, &l);
		s->want_info = e != ERR_OK;
	}
	if (!version[0]) /* without which there is no 0115 */
		return e;
	if (e != ERR_OK || !s->want_request || s->conversation.state != CONVERSATION_IDLE)
		return e;
	begin(&l, DIALECT_OTA_REQUEST);
	component_say(&s->components, NULL, NULL, NULL, &v);
	dialect_put_request(&l.w, v.module, v.mcu);
	l.what = "ota";
	l.qos = 2;
	e = post_for(c, s, &l, c->profile->ota_via);
	if (e == ERR_OK)
		s->want_request = false;
	return e;
}

static enum err
run_device(struct cloud *c, struct subdevice *s)
{
	enum err e = run_login(c, s);

	if (e != ERR_OK || s->login.state != LOGIN_IN)
		return e;
	if (!mono_reached(c->io.now(c->io.arg), s->hold))
		return ERR_OK;
	e = run_item(c, s);
	/* nothing may overtake what happened */
	if (e != ERR_OK || outbox_oldest(&c->outbox, s))
		return e;
	return run_wants(c, s);
}

void
pump_run(struct cloud *c)
{
	if (!c->online || run_gateway(c) != ERR_OK)
		return;
	for (struct subdevice *s = c->devices.first; s; s = s->next)
		if (run_device(c, s) == ERR_AGAIN)
			return;
}

/* --- answers ---------------------------------------------------------------------------------- */

void
pump_exception(struct cloud *c, struct subdevice *s, int code, uint16_t package_id)
{
	struct letter l;

	begin(&l, DIALECT_EXCEPTION_UP);
	dialect_put_exception(&l.w, code, package_id);
	l.qos = 0;
	warn(s, "an exception", s ? post_for(c, s, &l, c->profile->sys_via) : post(c, &l));
}

void
pump_answer(struct cloud *c, struct subdevice *s, uint16_t command, uint16_t package_id)
{
	struct letter l;

	begin(&l, command);
	l.qos = 0;
	l.package_id = package_id;
	if (command == DIALECT_STATUS_READ)
		put_gateway_state(c, &l);
	else if (s)
		put_versions(s, &l, NULL, NULL);
	else
		put_gateway_info(c, &l);
	warn(s, "an answer", s ? post_for(c, s, &l, c->profile->sys_via) : post(c, &l));
}
