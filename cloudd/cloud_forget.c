/*
 * cloud_forget: see cloud_forget.h.
 */
#include <inttypes.h>
#include <string.h>

#include "cloud_forget.h"

/* The struct stays (subdevice.h); what it knew does not. */
static void
wipe(struct cloud *c, struct subdevice *s)
{
	for (struct outbox_item *i = c->outbox.items; i; i = i->next) {
		if (i->device != s || i->confirmed || i->kind == OUTBOX_CANCEL)
			continue;
		i->refused = false;
		outbox_confirm(&c->outbox, i, c->io.now(c->io.arg));
	}
	conversation_fini(&s->conversation);
	conversation_init(&s->conversation);
	login_init(&s->login);
	explicit_bzero(s->device_secret, sizeof(s->device_secret));
	explicit_bzero(s->session_key, sizeof(s->session_key));
	s->has_session_key = s->reported = s->leaving = s->want_info = s->want_request = false;
	component_free_all(&s->components);
	s->next_request = MONO_NEVER;
	s->hold = (struct mono){0};
	s->gone = s->dirty = true;
}

static void
finish(struct cloud *c, struct subdevice *s, const char *text)
{
	cloud_tell(c, s, "device_forgotten", ERR_OK, text);
	cloud_step_login(c, s, LOGIN_ON_FORGOTTEN);
	wipe(c, s);
}

enum err
cloud_forget(struct cloud *c, struct subdevice *s, char why[WHY_SIZE])
{
	if (s->conversation.state != CONVERSATION_IDLE)
		return why_say(why, ERR_BUSY, "expected a device without an upgrade, got %s",
		    conversation_table.states[s->conversation.state]);
	cloud_tell(c, s, "operator_forget", ERR_OK, "the device is to be de-registered");
	s->leaving = s->dirty = true;
	if (s->device_secret[0] && s->product_secret)
		return ERR_OK;
	finish(c, s, "forgotten here only: without its secrets nothing can be said in its name");
	return ERR_OK;
}

void
cloud_forget_run(struct cloud *c, struct subdevice *s)
{
	if (s->pending == 0 && (s->login.state == LOGIN_OUT || s->login.state == LOGIN_IN))
		cloud_step_login(c, s, LOGIN_ON_FORGET);
}

bool
cloud_forget_is_due(const struct subdevice *s)
{
	return s->leaving && s->login.state == LOGIN_PAUSED &&
	       (s->pending == 0 || s->login.refused);
}

void
cloud_forget_on_reply(struct cloud *c, struct subdevice *s, int64_t code)
{
	char text[200];

	if (!s->leaving)
		return;
	snprintf(text, sizeof(text),
	    "the platform answered the de-registration with code %" PRId64 ": %s", code,
	    dialect_code_text(code));
	switch (code) {
	case DIALECT_CODE_OK:
		finish(c, s, "the platform has de-registered the device");
		return;
	case DIALECT_CODE_PRODUCT:
	case DIALECT_CODE_SUB_UNKNOWN:
	case DIALECT_CODE_NOT_ASSOCIATED:
		finish(c, s, text);
		return;
	default:
		cloud_tell(c, s, "forget_refused", ERR_PLATFORM, text);
		cloud_step_login(c, s,
		    login_event_of(code) == LOGIN_ON_ENTERED ? LOGIN_ON_REFUSED
							     : login_event_of(code));
	}
}
