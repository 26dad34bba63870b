/*
 * sim_order: see sim_order.h.
 */
#include "sim_order.h"
#include "dialect.h"

bool
sim_order_is_end(int status)
{
	return status == DIALECT_SUCCESS || status == DIALECT_FAILURE ||
	       status == DIALECT_REFUSED || status == DIALECT_DOWNLOAD_ERROR;
}

static bool
is_new(const struct sim_order *o, int status)
{
	bool idle = o->last == 0 || sim_order_is_end(o->last);

	if (status == DIALECT_PLAN_RECEIVED)
		return idle || o->left || o->last == DIALECT_PLAN_RECEIVED;
	return idle ? o->pushed : status > o->last;
}

static bool
may_repeat(const struct sim_order *o, int status)
{
	if (status == o->last && (o->cut || status == DIALECT_DOWNLOADING))
		return true;
	return status == o->late && o->cut_late;
}

static void
owe(struct sim_order *o, int status)
{
	if (o->n_owed < SIM_OWED_MAX)
		o->owed[o->n_owed++] = status;
}

bool
sim_order_owes(const struct sim_order *o, int status)
{
	for (unsigned i = 0; i < o->n_owed; i++)
		if (o->owed[i] == status)
			return true;
	return false;
}

static bool
take_owed(struct sim_order *o, int status)
{
	for (unsigned i = 0; i < o->n_owed; i++)
		if (o->owed[i] == status) {
			o->owed[i] = o->owed[--o->n_owed];
			return true;
		}
	return false;
}

/* Taken: what was refused before is not said again after it. */
static void
forgive(struct sim_order *o, int status)
{
	unsigned n = 0;

	for (unsigned i = 0; i < o->n_owed; i++)
		if (status != DIALECT_PLAN_RECEIVED && sim_order_is_end(o->owed[i]))
			o->owed[n++] = o->owed[i];
	if (status == DIALECT_PLAN_RECEIVED || sim_order_is_end(status))
		o->n_owed = n;
}

bool
sim_order_hear(struct sim_order *o, int status, bool refused, bool *late)
{
	/* of this plan, or of the one before, whose end was refused? */
	bool either = is_new(o, status) && sim_order_is_end(status) && sim_order_owes(o, status);
	bool good = true;

	*late = false;
	if (is_new(o, status) && !either) {
		o->last = status;
		o->late = 0;
		o->pushed = false;
	} else if (take_owed(o, status)) {
		*late = status != o->last;
		o->late = *late ? status : 0;
	} else {
		good = may_repeat(o, status);
		*late = status != o->last;
	}
	o->cut_late = false;
	o->cut = o->cut && *late; /* what was refused comes before what is repeated */
	o->left = either;
	if (refused)
		owe(o, status);
	else if (good && !*late)
		forgive(o, status);
	return good;
}

void
sim_order_refuse_late(struct sim_order *o, int status)
{
	if (sim_order_is_end(status) == sim_order_is_end(o->last))
		owe(o, status);
}

void
sim_order_cut(struct sim_order *o)
{
	o->cut = o->cut_late = true;
}

void
sim_order_leave(struct sim_order *o)
{
	o->left = true;
}

void
sim_order_push(struct sim_order *o)
{
	o->pushed = true;
}
