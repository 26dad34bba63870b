/*
 * platform: see platform.h.
 */
#include <inttypes.h>
#include <string.h>

#include "cloud_forget.h"
#include "cloud_move.h"
#include "dp.h"
#include "platform.h"
#include "pump.h"

enum scope { GATEWAY = 1, SUBDEVICE = 2 };

/* A message that is well formed as a frame. */
struct message {
	struct subdevice *device; /* whose endpoint it came on; NULL = the gateway's */
	struct dp frame;
	char why[WHY_SIZE];
};

typedef enum err handle(struct cloud *c, struct message *m);

/* The device that a message over the gateway's topic names, or whose topic it came on. */
static struct subdevice *
device_of(struct cloud *c, const struct message *m, const struct dialect_sub *named)
{
	if (m->device)
		return m->device;
	if (!named->product_key[0])
		return NULL;
	return subdevice_find(&c->devices, named->product_key, named->device_key);
}

static enum err
no_device(struct message *m, const struct dialect_sub *named)
{
	return why_say(m->why, ERR_UNKNOWN_DEVICE,
	    "expected a device that is configured here, got %s/%s",
	    named->product_key[0] ? named->product_key : "the gateway itself", named->device_key);
}

/* --- upgrades --------------------------------------------------------------------------------- */

static enum err
on_plan(struct cloud *c, struct message *m)
{
	struct dialect_notice notice;
	enum err e = dialect_parse_notice(
	    c->profile, m->frame.payload, m->frame.len, &notice, m->why);

	if (e != ERR_OK)
		return e;
	struct subdevice *s = device_of(c, m, &notice.sub);

	if (!s)
		return no_device(m, &notice.sub);
	struct subject about = subdevice_subject(s);
	struct conversation_news n = {.plan = &notice.plans[0], .n_more = notice.n - 1};

	if (notice.n > 1)
		log_info(&about, "plan with %zu components, beginning with %s", notice.n,
		    notice.plans[0].component);
	e = cloud_step(c, s, CONVERSATION_ON_PLAN, &n, NULL);
	return e == ERR_PHASE ? ERR_OK : e;
}

/* `e`: what reading it came to. */
static enum err
take_firmware(struct cloud *c, struct message *m, struct subdevice *s,
    const struct dialect_firmware *f, enum err e)
{
	if (e == ERR_OK && c->identity->ask_sha256 && !f->has_sha256 && !f->listed &&
	    s->conversation.state == CONVERSATION_CONFIRMED)
		e = why_say(m->why, ERR_NOT_FOUND,
		    "id 16: expected a SHA-256, which was asked for, got nothing");
	struct conversation_news n = {.firmware = f, .error = (int)e, .detail = m->why};

	if (e != ERR_OK) {
		struct subject about = subdevice_subject(s);

		log_warn(&about, "0113 refused: %s", m->why);
		e = cloud_step(c, s, CONVERSATION_ON_BAD_FIRMWARE, &n, NULL);
	} else {
		e = cloud_step(c, s, CONVERSATION_ON_FIRMWARE, &n, NULL);
	}
	return e == ERR_PHASE ? ERR_OK : e;
}

static enum err
on_firmware(struct cloud *c, struct message *m)
{
	struct dialect_firmware f;
	enum err e = dialect_parse_firmware(c->profile, m->frame.payload, m->frame.len, &f, m->why);
	struct subdevice *s = device_of(c, m, &f.sub);

	if (s)
		e = take_firmware(c, m, s, &f, e);
	else if (e == ERR_OK)
		e = no_device(m, &f.sub);
	dialect_firmware_fini(&f);
	return e;
}

/* --- logging in ------------------------------------------------------------------------------- */

static enum err
read_reply(struct cloud *c, struct message *m, struct dialect_reply *r, struct subdevice **s)
{
	enum err e = dialect_parse_reply(c->profile, m->frame.payload, m->frame.len, r, m->why);

	if (e != ERR_OK)
		return e;
	*s = subdevice_find(&c->devices, r->sub.product_key, r->sub.device_key);
	return *s ? ERR_OK : no_device(m, &r->sub);
}

/* The platform does not want a device: say so to the operator, by name. */
static void
tell_refusal(struct cloud *c, const struct subdevice *s, int64_t code)
{
	char text[200];
	enum err e = ERR_PLATFORM;

	if (code == DIALECT_CODE_NOT_ASSOCIATED)
		e = ERR_NOT_ASSOCIATED;
	else if (code == DIALECT_CODE_SECRET || code == DIALECT_CODE_SUB_SECRET)
		e = ERR_AUTH;
	snprintf(text, sizeof(text), "the platform answered the login with code %" PRId64 ": %s",
	    code, dialect_code_text(code));
	cloud_tell(c, s, "login_refused", e, text);
}

static enum err
on_registered(struct cloud *c, struct message *m)
{
	struct dialect_reply r;
	struct subdevice *s = NULL;
	char secret[AUTH_KEY_MAX + 1];
	enum err e = read_reply(c, m, &r, &s);

	if (e != ERR_OK)
		return e;
	if (r.code != DIALECT_CODE_OK) {
		tell_refusal(c, s, r.code);
		cloud_step_login(c, s, LOGIN_ON_REFUSED);
		return ERR_OK;
	}
	if (!s->product_secret ||
	    auth_device_secret(s->product_secret, r.device_secret, secret) != ERR_OK) {
		cloud_step_login(c, s, LOGIN_ON_REFUSED);
		return why_say(m->why, ERR_MALFORMED,
		    "expected a device secret sealed under the product's secret, got %zu "
		    "characters",
		    strlen(r.device_secret));
	}
	memcpy(s->device_secret, secret, sizeof(secret));
	s->secret_dirty = s->login.has_secret = true;
	cloud_step_login(c, s, LOGIN_ON_REGISTERED);
	return ERR_OK;
}

static enum err
on_logged_in(struct cloud *c, struct message *m)
{
	struct dialect_reply r;
	struct subdevice *s = NULL;
	enum err e = read_reply(c, m, &r, &s);

	if (e != ERR_OK)
		return e;
	int event = login_event_of(r.code);

	if (event != LOGIN_ON_ENTERED) {
		tell_refusal(c, s, r.code);
		cloud_step_login(c, s, event);
		return ERR_OK;
	}
	s->has_session_key = r.session_key_len > 0;
	if (s->has_session_key)
		e = auth_session_key(
		    s->device_secret, r.session_key, r.session_key_len, s->session_key);
	if (e != ERR_OK) {
		s->has_session_key = false;
		cloud_step_login(c, s, LOGIN_ON_REFUSED);
		return why_say(m->why, e, "expected a session key sealed under the device secret");
	}
	cloud_step_login(c, s, LOGIN_ON_ENTERED);
	return ERR_OK;
}

static enum err
on_logged_out(struct cloud *c, struct message *m)
{
	struct dialect_reply r;
	struct subdevice *s = NULL;

	return read_reply(c, m, &r, &s); /* nothing follows from it */
}

static enum err
on_forgotten(struct cloud *c, struct message *m)
{
	struct dialect_reply r;
	struct subdevice *s = NULL;
	enum err e = read_reply(c, m, &r, &s);

	if (e == ERR_OK)
		cloud_forget_on_reply(c, s, r.code);
	return e;
}

static enum err
on_put_offline(struct cloud *c, struct message *m)
{
	struct dialect_reply r;
	struct subdevice *s = NULL;
	enum err e = read_reply(c, m, &r, &s);

	if (e != ERR_OK)
		return e;
	cloud_tell(c, s, "put_offline", ERR_PLATFORM, "the platform put the device offline");
	cloud_step_login(c, s, LOGIN_ON_REFUSED);
	return ERR_OK;
}

/* --- the link --------------------------------------------------------------------------------- */

/* A message of the device is to be sent again; if it was our confirmation, the platform's 30 s for
 * the firmware's address have not begun. What was nothing that happened was a version told or a
 * question for plans: both are said once more, as after a login. */
static void
send_again(struct cloud *c, struct subdevice *s, uint16_t package_id)
{
	const struct outbox_item *i = outbox_refuse(&c->outbox, s, package_id);
	const struct conversation *v = &s->conversation;
	struct conversation_news n = {0};

	if (!i) {
		component_forget_said(&s->components);
		s->want_info = s->want_request = true;
		return;
	}
	if (i->kind == OUTBOX_STATUS && i->status == DIALECT_CONFIRMED &&
	    i->upgrade == v->upgrade && v->state == CONVERSATION_CONFIRMED)
		(void)!cloud_step(c, s, CONVERSATION_ON_UNTOLD, &n, NULL);
}

/* Something that a device said was not taken. */
static void
on_device_exception(struct cloud *c, struct subdevice *s, const struct dialect_reply *r)
{
	struct subject about = subdevice_subject(s);
	bool slower = r->code == DIALECT_CODE_RATE || r->code == DIALECT_CODE_QUOTA;
	int event = login_event_of(r->code);

	log_warn(
	    &about, "the platform refused message %u with code %" PRId64, r->package_id, r->code);
	if (slower)
		s->hold = mono_after(c->io.now(c->io.arg), CLOUD_ONLINE_MS);
	if (slower || event == LOGIN_ON_EXPELLED || event == LOGIN_ON_BAD_SECRET)
		send_again(c, s, r->package_id);
	if (event == LOGIN_ON_EXPELLED || event == LOGIN_ON_BAD_SECRET)
		cloud_step_login(c, s, event);
	else if (r->code == DIALECT_CODE_NOT_ASSOCIATED) {
		tell_refusal(c, s, r->code);
		cloud_step_login(c, s, LOGIN_ON_REFUSED);
	}
}

static enum err
on_exception(struct cloud *c, struct message *m)
{
	struct dialect_reply r;
	char text[200];
	enum err e = dialect_parse_exception(
	    c->profile, m->frame.payload, m->frame.len, &r, m->why);

	if (e != ERR_OK)
		return e;
	struct subdevice *s = device_of(c, m, &r.sub);

	if (s) {
		on_device_exception(c, s, &r);
		return ERR_OK;
	}
	if (r.sub.product_key[0])
		return no_device(m, &r.sub);
	c->last_code = (int)r.code;
	if (!dialect_is_auth_code(r.code)) {
		log_warn(NULL, "the platform says code %" PRId64 " about message %u", r.code,
		    r.package_id);
		return ERR_OK;
	}
	snprintf(text, sizeof(text), "the platform refused the gateway with code %" PRId64 ": %s",
	    r.code, dialect_code_text(r.code));
	cloud_tell(c, NULL, "gateway_refused", ERR_AUTH, text);
	c->io.fail(c->io.arg, (int)r.code);
	return ERR_OK;
}

static enum err
on_configure(struct cloud *c, struct message *m)
{
	struct dialect_configure f;
	enum err e = dialect_parse_configure(m->frame.payload, m->frame.len, &f, m->why);

	if (e == ERR_OK && f.device_secret[0] && !auth_is_device_secret(f.device_secret))
		e = why_say(m->why, ERR_MALFORMED, "id 5: expected a device secret");
	if (e == ERR_OK && f.new_device_secret[0] && !auth_is_device_secret(f.new_device_secret))
		e = why_say(m->why, ERR_MALFORMED, "id 10: expected a device secret");
	if (e != ERR_OK)
		return e;
	bool moves = f.has_server || f.has_product, begun = false;

	if (f.device_secret[0])
		cloud_set_secret(c, f.device_secret);
	if (f.has_session_key) {
		c->has_session_key = true;
		memcpy(c->session_key, f.session_key, sizeof(c->session_key));
	}
	if (moves)
		cloud_move(c, &f, &begun);
	else if (f.new_device_secret[0])
		cloud_set_secret(c, f.new_device_secret);
	cloud_check_online(c);
	if (!begun && (moves || (!f.new_device_secret[0] && !f.authenticate_again)))
		return ERR_OK;
	if (f.authenticate_again && !f.new_device_secret[0])
		entry_on_demand(&c->entry);
	cloud_settle(c); /* the record first */
	c->io.reconnect(c->io.arg);
	return ERR_OK;
}

static enum err
on_read_status(struct cloud *c, struct message *m)
{
	pump_answer(c, m->device, DIALECT_STATUS_READ, m->frame.package_id);
	return ERR_OK;
}

static enum err
on_read_info(struct cloud *c, struct message *m)
{
	pump_answer(c, m->device, DIALECT_INFO_READ, m->frame.package_id);
	return ERR_OK;
}

/* --- taking it apart -------------------------------------------------------------------------- */

/* clang-format off */
static const struct { uint16_t command; unsigned scopes; handle *fn; } commands[] = {
	/* command               comes to              handler */
	{DIALECT_PLAN,           GATEWAY | SUBDEVICE,  on_plan},
	{DIALECT_FIRMWARE,       GATEWAY | SUBDEVICE,  on_firmware},
	{DIALECT_EXCEPTION,      GATEWAY | SUBDEVICE,  on_exception},
	{DIALECT_CONFIGURE,      GATEWAY,              on_configure},
	{DIALECT_REGISTERED,     GATEWAY,              on_registered},
	{DIALECT_LOGGED_IN,      GATEWAY,              on_logged_in},
	{DIALECT_LOGGED_OUT,     GATEWAY,              on_logged_out},
	{DIALECT_FORGOTTEN,      GATEWAY,              on_forgotten},
	{DIALECT_PUT_OFFLINE,    GATEWAY,              on_put_offline},
	{DIALECT_READ_STATUS,    GATEWAY,              on_read_status},
	{DIALECT_READ_INFO,      GATEWAY | SUBDEVICE,  on_read_info},
};
/* clang-format on */

static handle *
find_handler(const struct message *m)
{
	unsigned scope = m->device ? SUBDEVICE : GATEWAY;

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (commands[i].command == m->frame.command && commands[i].scopes & scope)
			return commands[i].fn;
	return NULL;
}

static void
dispatch(struct cloud *c, struct message *m)
{
	struct subject about = m->device ? subdevice_subject(m->device) : (struct subject){0};
	handle *fn = find_handler(m);

	if (!fn) {
		c->refused++;
		log_warn(&about, "command %04x (%s) is not served here", m->frame.command,
		    dp_command_name(m->frame.command));
		pump_exception(c, m->device, DIALECT_CODE_COMMAND, m->frame.package_id);
		return;
	}
	enum err e = fn(c, m);

	if (e == ERR_OK)
		return;
	c->refused++;
	log_warn(&about, "command %04x (%s) refused: %s: %s", m->frame.command,
	    dp_command_name(m->frame.command), err_text(e), m->why);
	if (m->frame.command != DIALECT_EXCEPTION)
		pump_exception(c, m->device, DIALECT_CODE_PAYLOAD, m->frame.package_id);
}

/* Decrypt if this endpoint has a session key. */
static enum err
unseal(const struct cloud *c, const struct subdevice *s, const uint8_t *in, size_t len,
    uint8_t *out, size_t size, size_t *n)
{
	bool sealed = s ? s->has_session_key : c->has_session_key;
	const uint8_t *key = s ? s->session_key : c->session_key;

	if (sealed)
		return auth_open(key, AUTH_SESSION_KEY, in, len, out, size, n);
	if (len > size)
		return ERR_LIMIT;
	if (len)
		memcpy(out, in, len);
	*n = len;
	return ERR_OK;
}

static enum err
find_endpoint(struct cloud *c, const char *topic, struct subdevice **out)
{
	char endpoint[ENDPOINT_SIZE];
	enum err e = endpoint_parse(topic, endpoint);

	*out = NULL;
	if (e != ERR_OK || strcmp(endpoint, c->endpoint) == 0)
		return e;
	*out = subdevice_find_endpoint(&c->devices, endpoint);
	return *out ? ERR_OK : ERR_UNKNOWN_DEVICE;
}

void
platform_on_message(struct cloud *c, const char *topic, const uint8_t *payload, size_t len)
{
	AUTO(mem) uint8_t *clear = malloc(len + 1);
	AUTO(mem) uint8_t *buffer = malloc(len + 1);
	struct message m = {0};
	size_t n = 0;
	enum err e = clear && buffer ? find_endpoint(c, topic, &m.device) : ERR_NOMEM;

	if (e == ERR_OK)
		e = unseal(c, m.device, payload, len, clear, len + 1, &n);
	if (e == ERR_OK)
		e = dp_parse(clear, n, buffer, len + 1, &m.frame);
	if (e != ERR_OK) {
		c->refused++;
		log_warn(
		    NULL, "message of %zu bytes on %.150s refused: %s", len, topic, err_text(e));
		return;
	}
	if (endpoint_is_repeat(&c->repeats, m.device ? (void *)m.device : (void *)c,
		m.frame.package_id, m.frame.command, m.frame.payload, m.frame.len,
		c->io.now(c->io.arg), c->profile->repeat_ms)) {
		log_debug(NULL, "message %u on %.150s came again", m.frame.package_id, topic);
		return;
	}
	dispatch(c, &m);
}
