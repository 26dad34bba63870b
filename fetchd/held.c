/*
 * held: see held.h. Items are packed envelopes in a list, oldest first.
 */
#include <string.h>

#include "held.h"
#include "msg.h"
#include "route.h"

struct held_item {
	struct held_item *next;
	int kind;
	bool due;
	uint64_t upgrade;
	uint64_t report;
	char device[140]; /* DeviceReport: whose */
	size_t len;
	uint8_t data[];
};

static bool
stays(int kind)
{
	return kind == PB__ENVELOPE__BODY_DEVICE_REPORT || kind == PB__ENVELOPE__BODY_LINK_STATE ||
	       kind == PB__ENVELOPE__BODY_PLAN_OFFER;
}

static void
name_subject(struct held_item *i, const Pb__Envelope *e)
{
	const Pb__Device *d = NULL;

	i->kind = (int)e->body_case;
	i->upgrade = e->upgrade;
	if (e->body_case == PB__ENVELOPE__BODY_REPORT)
		i->report = e->report->id;
	if (e->body_case == PB__ENVELOPE__BODY_REPORT_ACK)
		i->report = e->report_ack->id;
	if (e->body_case == PB__ENVELOPE__BODY_DEVICE_REPORT)
		d = e->device_report->device;
	if (d)
		snprintf(i->device, sizeof(i->device), "%s/%s/%s", d->product_key, d->device_key,
		    e->device_report->component);
}

static bool
is_same(const struct held_item *a, const struct held_item *b)
{
	return a->kind == b->kind && a->upgrade == b->upgrade && a->report == b->report &&
	       strcmp(a->device, b->device) == 0;
}

void
held_fini(struct held *h)
{
	for (struct held_item *i = h->items, *next; i; i = next) {
		next = i->next;
		free(i);
	}
	*h = (struct held){0};
}

/* What is news of a device goes behind all that it is newer than. */
static void
replace(struct held *h, struct held_item **at, struct held_item *fresh)
{
	struct held_item *old = *at;

	h->due += !old->due;
	*at = old->next;
	free(old);
	while (*at && fresh->kind == PB__ENVELOPE__BODY_DEVICE_REPORT)
		at = &(*at)->next;
	fresh->next = *at;
	*at = fresh;
}

enum err
held_put(struct held *h, const Pb__Envelope *e)
{
	size_t len = pb__envelope__get_packed_size(e);
	struct held_item **at = &h->items;

	if (len > ROUTE_BUS_MAX)
		return ERR_LIMIT;
	struct held_item *fresh = calloc(1, sizeof(*fresh) + len);
	if (!fresh)
		return ERR_NOMEM;
	fresh->len = pb__envelope__pack(e, fresh->data);
	fresh->due = true;
	name_subject(fresh, e);
	while (*at && !is_same(*at, fresh))
		at = &(*at)->next;
	if (*at) {
		replace(h, at, fresh);
		return ERR_OK;
	}
	if (h->n >= HELD_MAX) {
		free(fresh);
		return ERR_LIMIT;
	}
	*at = fresh;
	h->n++;
	h->due++;
	return ERR_OK;
}

void
held_drop(struct held *h, int kind, uint64_t upgrade)
{
	for (struct held_item **at = &h->items; *at;) {
		struct held_item *old = *at;

		if (old->kind != kind || old->upgrade != upgrade) {
			at = &old->next;
			continue;
		}
		*at = old->next;
		h->n--;
		h->due -= old->due;
		free(old);
	}
}

static bool
send_item(const struct held_item *i, held_send *fn, void *arg)
{
	AUTO(msg) Pb__Envelope *e = NULL;

	/* what cannot be read back is no loss to anybody */
	return msg_unpack(i->data, i->len, ROUTE_BUS_MAX, &e) != ERR_OK || fn(arg, e) == ERR_OK;
}

void
held_flush(struct held *h, held_send *fn, void *arg)
{
	for (struct held_item **at = &h->items; *at && h->due;) {
		struct held_item *i = *at;

		if (i->due && !send_item(i, fn, arg))
			return;
		h->due -= i->due;
		i->due = false;
		if (stays(i->kind)) {
			at = &i->next;
			continue;
		}
		*at = i->next;
		h->n--;
		free(i);
	}
}

void
held_again(struct held *h)
{
	for (struct held_item *i = h->items; i; i = i->next)
		i->due = true;
	h->due = h->n;
}
