/*
 * order: see order.h.
 */
#include <stdio.h>
#include <string.h>

#include "order.h"

enum { CIRCLE_TEXT = 200 };

bool
order_is_after(const struct flash_settings_device *a, const struct flash_settings_device *b)
{
	size_t len = strlen(b->name);

	for (const char *at = a->after; *at; at += strcspn(at, " \t,")) {
		at += strspn(at, " \t,");
		if (len > 0 && strcspn(at, " \t,") == len && strncmp(at, b->name, len) == 0)
			return true;
	}
	return false;
}

bool
order_is_together(const struct flash_settings_device *a, const struct flash_settings_device *b)
{
	return a != b && a->together[0] && strcmp(a->together, b->together) == 0;
}

/* --- what cannot be --------------------------------------------------------------------------- */

struct way {
	const struct flash_settings *s;
	size_t on[FLASH_SETTINGS_DEVICES]; /* from the start to here */
	size_t n;
	bool fine[FLASH_SETTINGS_DEVICES]; /* no circle can be reached from it */
};

static enum err
refuse_circle(const struct way *w, size_t first)
{
	char text[CIRCLE_TEXT] = "";

	for (size_t i = first; i < w->n; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%.40s -> ",
		    w->s->devices[w->on[i]].name);
	log_error(NULL, "device %s: after: expected an order, got a circle: %s%s",
	    w->s->devices[w->on[first]].name, text, w->s->devices[w->on[first]].name);
	return ERR_CONFIG;
}

static enum err step_from(struct way *w, size_t device);

static enum err
step_to(struct way *w, size_t device)
{
	for (size_t i = 0; i < w->n; i++)
		if (w->on[i] == device)
			return refuse_circle(w, i);
	if (w->fine[device])
		return ERR_OK;
	w->on[w->n++] = device;
	enum err e = step_from(w, device);

	w->n--;
	w->fine[device] = e == ERR_OK;
	return e;
}

static enum err
step_from(struct way *w, size_t device)
{
	enum err e = ERR_OK;

	for (size_t i = 0; i < w->s->n_devices && e == ERR_OK; i++)
		if (order_is_after(&w->s->devices[device], &w->s->devices[i]))
			e = step_to(w, i);
	return e;
}

static bool
is_device(const struct flash_settings *s, const char *name, size_t len)
{
	for (size_t i = 0; i < s->n_devices; i++)
		if (strlen(s->devices[i].name) == len &&
		    strncmp(s->devices[i].name, name, len) == 0)
			return true;
	return false;
}

static enum err
check_names(const struct flash_settings *s, const struct flash_settings_device *d)
{
	for (const char *at = d->after; *at; at += strcspn(at, " \t,")) {
		at += strspn(at, " \t,");
		size_t len = strcspn(at, " \t,");

		if (len == 0 || is_device(s, at, len))
			continue;
		log_error(NULL,
		    "device %s: after: expected the name of a device's section, got '%.*s'",
		    d->name, (int)len, at);
		return ERR_CONFIG;
	}
	return ERR_OK;
}

static enum err
check_group(const struct flash_settings *s, const struct flash_settings_device *d)
{
	for (size_t i = 0; i < s->n_devices; i++) {
		if (!order_is_together(d, &s->devices[i]) || !order_is_after(d, &s->devices[i]))
			continue;
		log_error(NULL,
		    "device %s: expected no order within group %s, whose devices go together, got"
		    " after %s",
		    d->name, d->together, s->devices[i].name);
		return ERR_CONFIG;
	}
	return ERR_OK;
}

enum err
order_check(const struct flash_settings *s)
{
	AUTO(mem) struct way *w = calloc(1, sizeof(*w));
	enum err e = ERR_OK;

	if (!w)
		return ERR_NOMEM;
	w->s = s;
	for (size_t i = 0; i < s->n_devices; i++)
		if (check_names(s, &s->devices[i]) != ERR_OK ||
		    check_group(s, &s->devices[i]) != ERR_OK)
			e = ERR_CONFIG;
	for (size_t i = 0; i < s->n_devices && e == ERR_OK; i++)
		e = step_to(w, i);
	return e;
}
