/*
 * cloud_act: see cloud_act.h.
 */
#include <cjson/cJSON.h>
#include <string.h>

#include "cloud_act.h"
#include "cloud_forget.h"

static struct subdevice *
find(struct cloud *c, const char *name)
{
	char product_key[DIALECT_KEY_MAX + 1];
	const char *slash = strchr(name, '/');

	if (!slash || (size_t)(slash - name) >= sizeof(product_key))
		return NULL;
	snprintf(product_key, sizeof(product_key), "%.*s", (int)(slash - name), name);
	return subdevice_find(&c->devices, product_key, slash + 1);
}

static enum err
check(struct cloud *c, const char *argument, char why[WHY_SIZE])
{
	struct subdevice *s = find(c, argument);

	if (!s || s->gone)
		return why_say(why, ERR_UNKNOWN_DEVICE,
		    "expected PRODUCT/DEVICE of a known device, got '%.80s'", argument);
	if (!c->online)
		return why_say(why, ERR_OFFLINE, "expected the platform to be there, got none");
	if (s->login.state != LOGIN_IN)
		return why_say(why, ERR_NOT_LOGGED_IN, "expected %.80s to be logged in, got %s",
		    argument, login_table.states[s->login.state]);
	if (s->conversation.state != CONVERSATION_IDLE)
		return why_say(why, ERR_BUSY, "expected %.80s to be idle, got %s", argument,
		    conversation_table.states[s->conversation.state]);
	s->want_request = s->dirty = true;
	s->conversation.ask_at = 0;
	cloud_tell(c, s, "operator_check", ERR_OK, "asking the platform for an upgrade");
	return ERR_OK;
}

static enum err
forget(struct cloud *c, const char *argument, char why[WHY_SIZE])
{
	struct subdevice *s = find(c, argument);

	if (!s || s->gone)
		return why_say(why, ERR_UNKNOWN_DEVICE,
		    "expected PRODUCT/DEVICE of a known device, got '%.80s'", argument);
	return cloud_forget(c, s, why);
}

enum err
cloud_act(struct cloud *c, const char *what, const char *argument, char **json)
{
	char why[WHY_SIZE] = "";
	cJSON *root = cJSON_CreateObject();
	enum err e;

	if (strcmp(what, "check") == 0)
		e = check(c, argument, why);
	else if (strcmp(what, "forget") == 0)
		e = forget(c, argument, why);
	else
		e = why_say(why, ERR_NOT_FOUND, "expected check or forget, got '%.40s'", what);

	cloud_settle(c);
	cJSON_AddStringToObject(root, "detail", why);
	*json = cJSON_PrintUnformatted(root);
	cJSON_Delete(root);
	return *json ? e : ERR_NOMEM;
}
