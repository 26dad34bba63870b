/*
 * sim_late: see sim_late.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dialect.h"
#include "endpoint.h"
#include "sim.h"
#include "sim_late.h"
#include "sim_platform.h"

enum { STANDS_MS = 30000, DOUBLINGS = 10, NEXT_MS = 2000, AGAIN_MS = 60000, TWICE_PERCENT = 25 };

struct letter {
	bool up, kept, twice;
	char topic[ENDPOINT_TOPIC_SIZE];
	struct letter *next;
	size_t len;
	uint8_t data[];
};

/* `waiting`: the connection is still there, or no time has been set; `leaving`: each has its event,
 * which finds nothing where calm was faster. */
struct queues {
	int at;           /* they stand still from this status on; -1: from none */
	bool both[2];     /* up, down, which then do */
	int64_t break_ns; /* so long after */
	unsigned life;    /* of the connection that stands still */
	bool up, down;
	struct letter *waiting, *leaving;
};

static struct queues *
queues(void)
{
	static struct queues q = {.at = -1};

	return &q;
}

static void
put(struct letter **list, struct letter *l)
{
	while (*list)
		list = &(*list)->next;
	l->next = NULL;
	*list = l;
}

static bool
take(struct letter **list, const struct letter *l)
{
	while (*list && *list != l)
		list = &(*list)->next;
	if (!*list)
		return false;
	*list = l->next;
	return true;
}

static struct letter *
new_letter(const char *topic, const uint8_t *data, size_t len)
{
	struct letter *l = calloc(1, sizeof(*l) + len);

	snprintf(l->topic, sizeof(l->topic), "%s", topic);
	l->len = len;
	memcpy(l->data, data, len);
	return l;
}

/* --- worked off ------------------------------------------------------------------------------- */

static void
arrive(const struct letter *l)
{
	if (l->up) {
		sim_platform_hear_late(l->topic, l->data, l->len, l->kept);
		return;
	}
	sim_platform_was_late(l->topic, l->data, l->len);
	sim_uplink_hear(l->topic, l->data, l->len);
}

static void
leave(void *arg)
{
	struct letter *l = arg;

	if (!take(&queues()->leaving, l))
		return;
	arrive(l);
	if (!l->twice) {
		free(l);
		return;
	}
	l->twice = false;
	put(&queues()->leaving, l);
	sim_after(sim_between(0, AGAIN_MS) * SIM_MS, leave, l);
}

static void
send_off(struct letter *l, int64_t ms)
{
	l->twice = !l->up && sim_chance(TWICE_PERCENT);
	put(&queues()->leaving, l);
	sim_after(ms * SIM_MS, leave, l);
}

/* When the first of a queue is worked off: mostly soon, at most about ten minutes after. */
static int64_t
lateness(void)
{
	return sim_between(1, 1200 << sim_below(DOUBLINGS));
}

void
sim_late_lost(void)
{
	struct queues *q = queues();
	int64_t up = 0, down = 0;

	if (!sim()->late || q->life != sim_uplink_life() || !(q->up || q->down))
		return;
	up = lateness();
	down = lateness();
	while (q->waiting) {
		struct letter *l = q->waiting;
		int64_t *at = l->up ? &up : &down;

		q->waiting = l->next;
		send_off(l, *at);
		*at += sim_between(0, NEXT_MS);
	}
	q->down = false; /* up, something may still be on its way */
}

/* --- kept ------------------------------------------------------------------------------------- */

bool
sim_late_up(unsigned life, const char *topic, const uint8_t *data, size_t len)
{
	struct queues *q = queues();

	if (!q->up || q->life != life)
		return false;
	struct letter *l = new_letter(topic, data, len);

	l->up = true;
	l->kept = life == sim_uplink_life();
	if (l->kept) {
		put(&q->waiting, l);
		sim_platform_keep(topic, data, len);
	} else {
		send_off(l, lateness());
	}
	return true;
}

bool
sim_late_down(const char *topic, const uint8_t *data, size_t len)
{
	struct queues *q = queues();

	if (!sim()->late)
		return false;
	if (!sim_uplink_is_ready()) /* nobody is there */
		return true;
	if (!q->down || q->life != sim_uplink_life())
		return false;
	put(&q->waiting, new_letter(topic, data, len));
	return true;
}

/* --- trouble ---------------------------------------------------------------------------------- */

static void
cut(void *arg)
{
	if ((unsigned)(uintptr_t)arg == sim_uplink_life())
		sim_uplink_cut(false);
}

static void
stand_still(struct queues *q)
{
	q->at = -1;
	if (!sim_uplink_is_ready() || q->waiting)
		return;
	q->life = sim_uplink_life();
	q->up = q->both[0];
	q->down = q->both[1];
	sim_after(q->break_ns, cut, (void *)(uintptr_t)q->life);
}

void
sim_late(unsigned a, unsigned b)
{
	static const int from[] = {SIM_LATE_READY, DIALECT_PLAN_RECEIVED, DIALECT_CONFIRMED,
	    DIALECT_DOWNLOAD_START, DIALECT_DOWNLOADED, DIALECT_UPDATING, DIALECT_SUCCESS,
	    DIALECT_FAILURE};
	struct queues *q = queues();

	q->both[0] = a % 3 != 1;
	q->both[1] = a % 3 != 0;
	q->break_ns = (int64_t)(b % STANDS_MS) * SIM_MS;
	q->at = from[a / 3 % (sizeof(from) / sizeof(from[0]))];
	if (b / STANDS_MS % 4 == 0)
		stand_still(q);
}

void
sim_late_hears(int status)
{
	if (sim()->late && queues()->at == status)
		stand_still(queues());
}

void
sim_late_end(void)
{
	struct queues *q = queues();
	struct letter **lists[] = {&q->leaving, &q->waiting};

	q->at = -1;
	q->up = q->down = false;
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		while (*lists[i]) {
			struct letter *l = *lists[i];

			*lists[i] = l->next;
			arrive(l); /* not freed: it may have an event */
		}
}
