/*
 * subdevice: see subdevice.h.
 */
#include <stdlib.h>
#include <string.h>
#include <subota.pb-c.h>

#include "subdevice.h"

void
subdevice_free_all(struct subdevices *l)
{
	for (struct subdevice *s = l->first, *next; s; s = next) {
		next = s->next;
		conversation_fini(&s->conversation);
		component_free_all(&s->components);
		free(s);
	}
	*l = (struct subdevices){0};
}

struct subdevice *
subdevice_find(const struct subdevices *l, const char *pk, const char *dk)
{
	for (struct subdevice *s = l->first; s; s = s->next)
		if (strcmp(s->keys.device_key, dk) == 0 && strcmp(s->keys.product_key, pk) == 0)
			return s;
	return NULL;
}

struct subdevice *
subdevice_find_endpoint(const struct subdevices *l, const char *endpoint)
{
	for (struct subdevice *s = l->first; s; s = s->next)
		if (strcmp(s->endpoint, endpoint) == 0)
			return s;
	return NULL;
}

enum err
subdevice_need(struct subdevices *l, const char *pk, const char *dk, struct subdevice **out)
{
	*out = subdevice_find(l, pk, dk);
	if (*out)
		return ERR_OK;
	if (l->n >= SUBDEVICE_MAX)
		return ERR_LIMIT;
	struct subdevice *s = calloc(1, sizeof(*s));

	if (!s)
		return ERR_NOMEM;
	snprintf(s->keys.product_key, sizeof(s->keys.product_key), "%s", pk);
	snprintf(s->keys.device_key, sizeof(s->keys.device_key), "%s", dk);
	endpoint_format(&s->keys, s->endpoint);
	conversation_init(&s->conversation);
	login_init(&s->login);
	s->next_request = MONO_NEVER;
	s->package_id = 1;
	s->next = l->first;
	l->first = *out = s;
	l->n++;
	return ERR_OK;
}

struct subject
subdevice_subject(const struct subdevice *s)
{
	bool under_way = s->conversation.state != CONVERSATION_IDLE;

	return (struct subject){
	    under_way ? s->conversation.upgrade : 0, s->keys.product_key, s->keys.device_key};
}

bool
subdevice_is_present(const struct subdevice *s)
{
	if (!s->reported || s->state == PB__DEVICE_STATE__DEVICE_STATE_AWAY)
		return false;
	return s->state != PB__DEVICE_STATE__DEVICE_STATE_UNKNOWN ||
	       component_is_any_known(&s->components);
}

const char *
subdevice_hidden(const struct subdevice *s)
{
	return conversation_is_busy(&s->conversation) ? s->conversation.plan.component : NULL;
}

bool
subdevice_is_announced(const struct subdevice *s)
{
	return component_is_said(&s->components, subdevice_hidden(s));
}
