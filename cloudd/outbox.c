/*
 * outbox: the part in memory; see outbox.h. Reading is in outbox_open.c, writing in outbox_save.c.
 */
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "outbox_part.h"

/* --- items ------------------------------------------------------------------------------------ */

static bool
is_for_platform(const struct outbox_item *i)
{
	return i->kind != OUTBOX_CANCEL;
}

enum err
outbox_add(struct outbox *o, const struct outbox_item *item, struct outbox_item **out)
{
	if (o->n_items >= OUTBOX_ITEMS_MAX)
		return ERR_LIMIT;
	struct outbox_item *copy = malloc(sizeof(*copy));

	if (!copy)
		return ERR_NOMEM;
	*copy = *item;
	copy->id = ++o->last_item;
	copy->next = copy->sibling = NULL;
	struct outbox_item **at = &copy->device->items;

	while (*at)
		at = &(*at)->sibling;
	*at = copy;
	if (o->last)
		o->last->next = copy;
	else
		o->items = copy;
	o->last = *out = copy;
	o->n_items++;
	o->dirty |= copy->durable;
	copy->device->pending += is_for_platform(copy);
	return ERR_OK;
}

struct outbox_item *
outbox_oldest(const struct outbox *o, const struct subdevice *device)
{
	(void)o;
	for (struct outbox_item *i = device->pending ? device->items : NULL; i; i = i->sibling)
		if (is_for_platform(i) && !i->confirmed)
			return i;
	return NULL;
}

struct outbox_item *
outbox_find(const struct outbox *o, uint64_t id)
{
	for (struct outbox_item *i = o->items; i; i = i->next)
		if (i->id == id)
			return i;
	return NULL;
}

void
outbox_confirm(struct outbox *o, struct outbox_item *item, struct mono now)
{
	item->in_flight = false;
	if (item->refused) {
		item->refused = false;
		return;
	}
	item->confirmed = true;
	item->confirmed_at = now;
	item->device->pending--;
	item->device->kept++;
	o->dirty |= item->durable;
}

static bool
is_end(int status)
{
	return status == DIALECT_SUCCESS || status == DIALECT_FAILURE ||
	       status == DIALECT_REFUSED || status == DIALECT_DOWNLOAD_ERROR;
}

/* The platform has, or is about to have, what came after it of the same component: how that upgrade
 * ended, a younger upgrade, a younger version. A status names no plan: said again it would count
 * against what came after, a 2 be answered with the address of what is over. */
static bool
is_overtaken(const struct outbox_item *i)
{
	for (const struct outbox_item *k = i->sibling; k; k = k->sibling) {
		if (k->kind != i->kind || !(k->confirmed || k->in_flight) ||
		    strcmp(k->component, i->component) != 0)
			continue;
		if (k->kind == OUTBOX_INFO || k->upgrade != i->upgrade || is_end(k->status))
			return true;
	}
	return false;
}

const struct outbox_item *
outbox_refuse(struct outbox *o, const struct subdevice *device, uint16_t package_id)
{
	for (struct outbox_item *i = o->items; i; i = i->next) {
		if (i->device != device || !is_for_platform(i) || !i->package_id ||
		    i->package_id != package_id)
			continue;
		i->package_id = 0;
		if (is_overtaken(i))
			return NULL;
		i->refused = i->in_flight;
		i->device->pending += i->confirmed;
		i->device->kept -= i->confirmed;
		i->confirmed = false;
		o->dirty |= i->durable;
		return i;
	}
	return NULL;
}

void
outbox_lose_flight(struct outbox *o, bool to_gate)
{
	for (struct outbox_item *i = o->items; i; i = i->next)
		if (is_for_platform(i) != to_gate)
			i->in_flight = i->refused = false;
}

void
outbox_drop_cancels(struct outbox *o, uint64_t upgrade)
{
	for (struct outbox_item *i = o->items; i; i = i->next) {
		if (i->kind != OUTBOX_CANCEL || i->upgrade != upgrade || i->confirmed)
			continue;
		i->confirmed = true;
		i->confirmed_at = (struct mono){0};
		o->dirty = true;
	}
}

/* A list of all, oldest first, meets the ones that are too many first. */
static bool
is_to_forget(const struct outbox_item *i, struct mono now)
{
	bool surplus = is_for_platform(i) && i->device->kept > OUTBOX_KEEP_EACH;

	return i->confirmed && !i->saved &&
	       (surplus || mono_between(i->confirmed_at, now) >= OUTBOX_KEEP_MS);
}

static void
leave_siblings(const struct outbox_item *i)
{
	struct outbox_item **at = &i->device->items;

	while (*at && *at != i)
		at = &(*at)->sibling;
	if (*at)
		*at = i->sibling;
}

void
outbox_forget_old(struct outbox *o, struct mono now, uint64_t wall_ms)
{
	for (struct outbox_item **at = &o->items; *at;) {
		struct outbox_item *i = *at;

		if (i->kind == OUTBOX_CANCEL && !i->confirmed &&
		    wall_ms > i->made_at + OUTBOX_CANCEL_MS)
			outbox_drop_cancels(o, i->upgrade);
		if (!is_to_forget(i, now)) {
			at = &i->next;
			continue;
		}
		*at = i->next;
		o->n_items--;
		i->device->kept -= is_for_platform(i);
		leave_siblings(i);
		free(i);
	}
	for (o->last = o->items; o->last && o->last->next; o->last = o->last->next)
		;
}

/* --- reports ---------------------------------------------------------------------------------- */

enum err
outbox_part_push(struct outbox_report **list, const char *source, uint64_t id, uint64_t item)
{
	struct outbox_report *r = calloc(1, sizeof(*r));

	if (!r)
		return ERR_NOMEM;
	snprintf(r->source, sizeof(r->source), "%s", source);
	r->id = id;
	r->item = item;
	while (*list)
		list = &(*list)->next;
	*list = r;
	return ERR_OK;
}

void
outbox_part_free(struct outbox_report **list)
{
	for (struct outbox_report *r = *list, *next; r; r = next) {
		next = r->next;
		free(r);
	}
	*list = NULL;
}

enum err
outbox_find_report(struct outbox *o, const char *source, uint64_t id, enum outbox_report_state *out)
{
	int64_t done = 0;

	*out = OUTBOX_PENDING;
	for (const struct outbox_report *r = o->reports; r; r = r->next)
		if (r->id == id && strcmp(r->source, source) == 0)
			return ERR_OK;
	enum err e = record_get_int(o->record, &done,
	    "SELECT done FROM report WHERE source = ? AND id = ?", "ti", source, (int64_t)id);

	if (e == ERR_NOT_FOUND)
		*out = OUTBOX_NEW;
	else if (e == ERR_OK && done)
		*out = OUTBOX_DONE;
	return e == ERR_NOT_FOUND ? ERR_OK : e;
}

enum err
outbox_add_report(struct outbox *o, const char *source, uint64_t id, uint64_t item)
{
	if (strlen(source) >= OUTBOX_SOURCE_SIZE)
		return ERR_LIMIT;
	enum err e = outbox_part_push(&o->reports, source, id, item);

	o->dirty |= e == ERR_OK;
	return e;
}

void
outbox_each_settled(struct outbox *o, outbox_on_settled *fn, void *arg)
{
	for (const struct outbox_report *r = o->settled; r; r = r->next)
		fn(arg, r->source, r->id);
	outbox_part_free(&o->settled);
}
