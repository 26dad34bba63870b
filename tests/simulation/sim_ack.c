/*
 * sim_ack: see sim_ack.h.
 */
#include <stdlib.h>

#include "gate.h"
#include "sim_ack.h"
#include "sim_depends.h"
#include "sim_fault.h"
#include "sim_house.h"
#include "sim_install.h"
#include "sim_trouble.h"
#include "sim_watch.h"

enum { ANSWER_MS = 10, DOUBLINGS = 10, READ_ONLY_MS = 60000, ENDS_MAX = 64 };

/* --- what was acknowledged is recorded -------------------------------------------------------- */

/* Reports of flashd's that ended an upgrade the gate knew, the latest, and which life of the gate
 * heard them: a gate that was started since hears them again, and one that has lost its database
 * begins the upgrade anew and is told once more by flashd how it ended. */
struct ends {
	unsigned n;
	struct end {
		uint64_t report, upgrade;
		unsigned life;
	} list[ENDS_MAX];
};

static struct ends *
ends(void)
{
	static struct ends all;

	return &all;
}

static void
check_cloudd(const Pb__ReportAck *a)
{
	const struct cloud *c = sim()->proc[SIM_CLOUDD].self; /* its first member */
	int64_t done = 0;

	if (record_get_int(c->outbox.record, &done,
		"SELECT done FROM report WHERE source = ? AND id = ?", "ti", a->source,
		(int64_t)a->id) != ERR_OK ||
	    !done)
		sim_violate(3, "cloudd acknowledges report %llu of %s, which it has not recorded",
		    (unsigned long long)a->id, a->source);
}

static void
check_gate(const Pb__ReportAck *a)
{
	const struct gate *g = sim()->proc[SIM_FETCHD].self;
	int64_t state = UPGRADE_ENDED;

	for (unsigned i = 0; i < ENDS_MAX; i++) {
		const struct end *e = &ends()->list[i];

		if (e->report == a->id && e->life == sim()->proc[SIM_FETCHD].life &&
		    record_get_int(g->book.record, &state, "SELECT state FROM upgrade WHERE id = ?",
			"i", (int64_t)e->upgrade) == ERR_OK &&
		    state != UPGRADE_ENDED)
			sim_violate(3,
			    "the gate acknowledges the end of upgrade %llu, and has it as %s",
			    (unsigned long long)e->upgrade, upgrade_table.states[state]);
	}
}

static void
note_end(const struct sim_proc *p, const Pb__Envelope *e)
{
	const struct gate *g = p->self;

	if (book_upgrade(&g->book, e->upgrade))
		ends()->list[ends()->n++ % ENDS_MAX] = (struct end){
		    e->report->id, e->upgrade, p->life};
}

void
sim_ack_sent(enum sim_who from, enum sim_who to, const Pb__Envelope *e)
{
	if (sim()->local)
		sim_install_sent(to, e);
	if (e->body_case != PB__ENVELOPE__BODY_REPORT_ACK)
		return;
	if (from == SIM_CLOUDD)
		check_cloudd(e->report_ack);
	else if (to == SIM_FLASHD)
		check_gate(e->report_ack);
}

/* --- nothing can be recorded ------------------------------------------------------------------ */

struct waiting {
	bool on, for_an_end;
	unsigned others_first;
	int64_t dies_after, mends_after; /* ms */
};

static struct waiting *
waiting(enum sim_who who)
{
	static struct waiting all[SIM_PROCS];

	return &all[who];
}

void
sim_ack_trouble(unsigned a, unsigned b)
{
	int64_t dies_after = ANSWER_MS << b / 4 % DOUBLINGS;

	*waiting(a % 2 ? SIM_FETCHD : SIM_CLOUDD) = (struct waiting){
	    .on = true,
	    .for_an_end = b % 4 != 0,
	    .others_first = a / 2 % 4 == 0,
	    .dies_after = dies_after,
	    .mends_after = dies_after + 1 + a / 8 % READ_ONLY_MS,
	};
}

struct victim {
	struct sim_proc *p;
	unsigned life;
};

static void
die(void *arg)
{
	struct victim *v = arg;

	if (v->p->life == v->life && v->p->disk_read_only)
		sim_kill(v->p);
	free(v);
}

static void
strike(struct sim_proc *p, const struct waiting *w)
{
	struct victim *v = malloc(sizeof(*v));

	*v = (struct victim){p, p->life};
	sim_say(p->name, "cannot record this report");
	sim_watch_fault(SIM_FAULT_DISK_READ_ONLY);
	sim_after(w->dies_after * SIM_MS, die, v);
	sim_trouble_read_only(p, w->mends_after);
}

void
sim_ack_given(struct sim_proc *to, const Pb__Envelope *e)
{
	struct waiting *w = waiting(to->who);

	if (e->body_case != PB__ENVELOPE__BODY_REPORT)
		return;
	if (sim()->depends && to->who == SIM_FETCHD)
		sim_depends_ends(e);
	bool ends_it = e->report->phase >= PB__PHASE__PHASE_DONE;
	if (to->who == SIM_FETCHD && ends_it)
		note_end(to, e);
	if (!w->on || sim()->calm || (w->for_an_end && !ends_it))
		return;
	if (w->others_first) {
		w->others_first--;
		return;
	}
	w->on = false;
	strike(to, w);
}
