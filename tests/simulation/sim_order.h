/*
 * sim_order: the order of what the platform is told of one component, as it was said, taken or not.
 *
 * What holds exactly: after 0 or an end only 1 is new; a plan may be announced (1) anew while
 * nothing has been confirmed; else numbers rise. A message that the platform refused may come once
 * more, after younger ones, and only that one, but not after the next plan was announced, or, if it
 * is no end, after the end. An end may be missing where the device is heard to run what was wanted.
 * A message may be repeated out of nothing only when the connection was lost since (its
 * acknowledgement may have been, too), but for 5, which has a clock, and 1, which answers a
 * repeated offer.
 */
#ifndef SUBOTA_SIM_ORDER_H
#define SUBOTA_SIM_ORDER_H

#include <stdbool.h>

enum { SIM_OWED_MAX = 16 };

struct sim_order {
	int last;      /* said in its turn; 0 = none */
	int late;      /* said out of turn, because it had been refused */
	bool cut;      /* the connection was lost since the last one came */
	bool cut_late; /* and since the late one did */
	bool left;     /* no end need come: sim_order_leave */
	bool pushed;   /* sim_order_push, and nothing new since */
	int owed[SIM_OWED_MAX];
	unsigned n_owed;
};

/* One comes; `refused`: and is not taken. False when it must not come now. *late: it is one that
 * was refused before, and younger ones were taken since. */
bool sim_order_hear(struct sim_order *o, int status, bool refused, bool *late);
/* Was this one refused and has not come again? */
bool sim_order_owes(const struct sim_order *o, int status);
/* It was taken by the broker, and is refused only when it is worked off. */
void sim_order_refuse_late(struct sim_order *o, int status);
void sim_order_cut(struct sim_order *o);
/* An address comes that nothing asked for: a plan of its own, which is not announced. */
void sim_order_push(struct sim_order *o);
/* The device is heard to run what was wanted, and its plan is over: the gateway may have given up
 * waiting for the report, and then says no more than that. */
void sim_order_leave(struct sim_order *o);
bool sim_order_is_end(int status);

#endif
