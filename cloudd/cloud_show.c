/*
 * cloud_show: see cloud_show.h.
 */
#include <cjson/cJSON.h>
#include <inttypes.h>
#include <string.h>

#include "cloud_show.h"

AUTO_DEFINE(json, cJSON *, cJSON_Delete)

enum { UPGRADES_SHOWN = 100 };

/* cJSON's adders answer NULL when there is no memory; the whole document is checked at its end by
 * printing it, so a lost member costs that member only. */
static void
add_number(cJSON *o, const char *key, uint64_t n)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, n);
	cJSON_AddRawToObject(o, key, text);
}

static cJSON *
show_status(struct cloud *c)
{
	cJSON *o = cJSON_CreateObject();
	size_t in = 0, waiting = 0;

	for (const struct subdevice *s = c->devices.first; s; s = s->next) {
		in += s->login.state == LOGIN_IN;
		waiting += s->pending;
	}
	cJSON_AddStringToObject(o, "endpoint", c->endpoint);
	cJSON_AddStringToObject(o, "moved_to", move_place(&c->outbox.move)->host);
	cJSON_AddBoolToObject(o, "moving", c->outbox.move.trying);
	cJSON_AddBoolToObject(o, "connected", c->linked);
	cJSON_AddBoolToObject(o, "online", c->online);
	cJSON_AddBoolToObject(o, "registered", c->outbox.gateway_secret[0]);
	cJSON_AddBoolToObject(o, "encrypted", c->has_session_key);
	cJSON_AddBoolToObject(o, "gate", c->gate_up);
	cJSON_AddNumberToObject(o, "last_code", c->last_code);
	add_number(o, "devices", c->devices.n);
	add_number(o, "logged_in", in);
	add_number(o, "unconfirmed", waiting);
	add_number(o, "in_flight", c->in_flight);
	add_number(o, "refused", c->refused);
	record_alarm_show(o, c->outbox.record);
	return o;
}

/* All of them, where there are several. */
static void
show_components(const struct subdevice *s, cJSON *o)
{
	cJSON *list = s->components.n > 1 ? cJSON_AddArrayToObject(o, "components") : NULL;

	for (size_t i = 0; list && i < s->components.n; i++) {
		const struct component *k = &s->components.list[i];
		cJSON *c = cJSON_CreateObject();

		cJSON_AddStringToObject(c, "component", k->name);
		cJSON_AddStringToObject(c, "version", k->version);
		cJSON_AddItemToArray(list, c);
	}
	if (s->conversation.n_rest)
		cJSON_AddNumberToObject(o, "components_to_come", (double)s->conversation.n_rest);
}

static cJSON *
show_device(const struct subdevice *s)
{
	const struct conversation *v = &s->conversation;
	cJSON *o = cJSON_CreateObject();

	cJSON_AddStringToObject(o, "product_key", s->keys.product_key);
	cJSON_AddStringToObject(o, "device_key", s->keys.device_key);
	cJSON_AddStringToObject(o, "component", component_main_name(&s->components));
	cJSON_AddStringToObject(o, "version", component_main_version(&s->components));
	show_components(s, o);
	cJSON_AddBoolToObject(o, "present", subdevice_is_present(s));
	cJSON_AddStringToObject(o, "login", login_table.states[s->login.state]);
	cJSON_AddBoolToObject(o, "leaving", s->leaving);
	cJSON_AddStringToObject(o, "conversation", conversation_table.states[v->state]);
	if (v->state != CONVERSATION_IDLE) {
		add_number(o, "upgrade", v->upgrade);
		cJSON_AddStringToObject(o, "upgrade_component", v->plan.component);
		cJSON_AddStringToObject(o, "target", v->plan.target);
	}
	if (v->ask_at)
		add_number(o, "ask_at", v->ask_at);
	add_number(o, "unconfirmed", s->pending);
	return o;
}

static cJSON *
show_devices(struct cloud *c)
{
	cJSON *list = cJSON_CreateArray();

	for (const struct subdevice *s = c->devices.first; s; s = s->next)
		if (!s->gone)
			cJSON_AddItemToArray(list, show_device(s));
	return list;
}

static enum err
show_upgrade(void *arg, const struct outbox_upgrade *u)
{
	cJSON *o = cJSON_CreateObject();
	const char *text = dialect_status_text(u->status);

	add_number(o, "upgrade", u->id);
	cJSON_AddStringToObject(o, "product_key", u->product_key);
	cJSON_AddStringToObject(o, "device_key", u->device_key);
	cJSON_AddStringToObject(o, "component", u->component);
	cJSON_AddStringToObject(o, "target", u->target);
	cJSON_AddNumberToObject(o, "status", u->status);
	cJSON_AddStringToObject(o, "text", text ? text : "");
	cJSON_AddStringToObject(o, "error", err_name((unsigned)u->error));
	cJSON_AddStringToObject(o, "detail", u->detail);
	add_number(o, "changed_at", u->changed_at);
	return cJSON_AddItemToArray(arg, o) ? ERR_OK : ERR_NOMEM;
}

enum err
cloud_show(struct cloud *c, const char *what, char **json)
{
	AUTO(json) cJSON *doc = NULL;
	enum err e = ERR_OK;

	if (strcmp(what, "status") == 0) {
		doc = show_status(c);
	} else if (strcmp(what, "devices") == 0) {
		doc = show_devices(c);
	} else if (strcmp(what, "upgrades") == 0) {
		doc = cJSON_CreateArray();
		e = outbox_each_upgrade(&c->outbox, UPGRADES_SHOWN, show_upgrade, doc);
	} else {
		return ERR_NOT_FOUND;
	}
	if (e != ERR_OK)
		return e;
	*json = cJSON_PrintUnformatted(doc);
	return *json ? ERR_OK : ERR_NOMEM;
}
