/*
 * sim_aim: see sim_aim.h.
 */
#include <stdlib.h>
#include <string.h>

#include "conversation.h"
#include "device.h"
#include "image.h"
#include "sim.h"
#include "sim_aim.h"
#include "sim_cover.h"
#include "sim_deed.h"
#include "sim_house.h"
#include "upgrade.h"

enum { ARMED_MAX = 128, STEPS_MAX = 5, ANY = -1 };

/* When a step leads there (by this event, if one is named), then that, after at most so long. */
struct aim {
	int table, state, event, deed;
	unsigned delay_ms;
};

struct recipe {
	unsigned n;
	struct aim aim[STEPS_MAX];
};

#define WHEN(table, state, deed, ms) \
	{ \
		SIM_##table, table##_##state, ANY, SIM_DEED_##deed, ms \
	}
#define UPON(table, event, state, deed, ms) \
	{ \
		SIM_##table, table##_##state, table##_##event, SIM_DEED_##deed, ms \
	}
enum { CONVERSATION_NEXT = CONVERSATION_ON_NEXT };

/* clang-format off */
static const struct recipe recipes[] = {
	/* written, and it runs before flashd knows */
	{2, {UPON(DEVICE, WROTE, FLASHING, BOOT_NEW, 20), WHEN(DEVICE, FLASHING, SESSION_DIES, 0)}},
	{2, {UPON(DEVICE, WROTE, FLASHING, BOOT_NEW, 20), UPON(DEVICE, WROTE, FLASHING, KILL_FLASHD, 30)}},
	{2, {UPON(DEVICE, WROTE, FLASHING, KILL_FLASHD, 1), UPON(DEVICE, WROTE, FLASHING, RESET, 1)}},
	{2, {UPON(DEVICE, WROTE, FLASHING, KILL_FLASHD, 0), UPON(DEVICE, WROTE, FLASHING, LOSE_FLASHD, 2000)}},
	{1, {UPON(DEVICE, WROTE, FLASHING, CANCEL, 100)}},
	{2, {UPON(DEVICE, SEES_OLD, FLASHING, UNPLUG_LONG, 4000), WHEN(DEVICE, QUEUED, LOSE_CLOUDD, 0)}},
	{2, {WHEN(DEVICE, FLASHING, FORGETS, 1), UPON(DEVICE, WROTE, FLASHING, KILL_FLASHD, 10)}},
	/* after the reset was ordered */
	{2, {WHEN(DEVICE, STAGED, MISFIT, 0), WHEN(DEVICE, STAGED, KILL_FLASHD, 4000)}},
	{2, {WHEN(DEVICE, STAGED, KILL_FLASHD, 0), WHEN(DEVICE, STAGED, BOOT_NEW, 500)}},
	{2, {WHEN(DEVICE, STAGED, CANCEL, 0), WHEN(DEVICE, STAGED, KILL_FLASHD, 4000)}},
	{2, {WHEN(DEVICE, STAGED, KILL_FLASHD, 0), WHEN(DEVICE, STAGED, ERASE, 0)}},
	{2, {WHEN(DEVICE, STAGED, ERASE, 0), WHEN(DEVICE, STAGED, KILL_FLASHD, 6000)}},
	{1, {WHEN(DEVICE, STAGED, UNPLUG_LONG, 3000)}},
	{1, {WHEN(DEVICE, STAGED, UNPLUG_LONG, 300)}},
	{3, {WHEN(DEVICE, STAGED, UNPLUG, 0), WHEN(DEVICE, STAGED, ERASE, 0), WHEN(DEVICE, STAGED, UNPLUG, 0)}},
	{2, {WHEN(DEVICE, STAGED, GO_BACK_ERASED, 4000), WHEN(DEVICE, STAGED, KILL_FLASHD, 4000)}},
	/* on trial */
	{2, {WHEN(DEVICE, TESTING, GO_BACK_MARKED, 2000), WHEN(DEVICE, TESTING, KILL_FLASHD, 2000)}},
	{1, {WHEN(DEVICE, TESTING, GO_BACK_MARKED, 20)}},
	{1, {UPON(DEVICE, SEES_NEW_ON_TEST, TESTING, GO_BACK, 20)}},
	{1, {UPON(DEVICE, SEES_NEW_ON_TEST, TESTING, GO_BACK, 2)}},
	{1, {UPON(DEVICE, TROUBLE, TESTING, KILL_FLASHD, 2)}},
	{1, {UPON(DEVICE, TROUBLE, TESTING, KILL_FLASHD, 20)}},
	{2, {WHEN(DEVICE, TESTING, GO_BACK_ERASED, 2000), WHEN(DEVICE, TESTING, KILL_FLASHD, 2000)}},
	{1, {WHEN(DEVICE, TESTING, GO_BACK, 500)}},
	{2, {WHEN(DEVICE, TESTING, KEEP, 500), WHEN(DEVICE, TESTING, CANCEL, 500)}},
	{2, {WHEN(DEVICE, TESTING, CANCEL, 200), UPON(DEVICE, SEES_NEW_ON_TEST, TESTING, KEEP, 100)}},
	{2, {UPON(DEVICE, TROUBLE, TESTING, KILL_FLASHD, 200), UPON(DEVICE, TROUBLE, TESTING, KEEP, 100)}},
	{2, {UPON(DEVICE, TROUBLE, TESTING, KILL_FLASHD, 200), UPON(DEVICE, TROUBLE, TESTING, SESSION_DIES, 0)}},
	{2, {WHEN(DEVICE, TESTING, ERASE, 0), WHEN(DEVICE, TESTING, KILL_FLASHD, 4000)}},
	{1, {WHEN(DEVICE, TESTING, UNPLUG_LONG, 100)}},
	/* told to keep it */
	{2, {UPON(DEVICE, KEPT, CONFIRMED, UNKEEP, 0), WHEN(DEVICE, CONFIRMED, KILL_FLASHD, 2000)}},
	{1, {UPON(DEVICE, KEPT, CONFIRMED, UNKEEP, 20)}},
	{2, {UPON(DEVICE, KEPT, CONFIRMED, KILL_FLASHD, 0), UPON(DEVICE, KEPT, CONFIRMED, UNKEEP_BACK, 0)}},
	{1, {UPON(DEVICE, KEPT, CONFIRMED, UNKEEP_BACK, 10)}},
	{1, {UPON(DEVICE, KEPT, CONFIRMED, UNKEEP_MARKED, 10)}},
	{1, {UPON(DEVICE, KEPT, CONFIRMED, UNKEEP_ERASED, 10)}},
	{1, {UPON(DEVICE, KEPT, CONFIRMED, MISFIT, 0)}},
	{2, {UPON(DEVICE, KEPT, CONFIRMED, MISFIT, 0), UPON(DEVICE, KEPT, CONFIRMED, KILL_FLASHD, 10)}},
	{1, {WHEN(DEVICE, CONFIRMED, AWAY_FLASHD, 40)}},
	{1, {WHEN(DEVICE, CONFIRMED, AWAY_FLASHD, 40)}},
	{1, {WHEN(DEVICE, CONFIRMED, UNPLUG_LONG, 20)}},
	{1, {WHEN(DEVICE, CONFIRMED, CANCEL, 20)}},
	/* another unit */
	{1, {WHEN(DEVICE, FLASHING, OTHER_UNIT, 3000)}},
	{1, {WHEN(DEVICE, STAGED, OTHER_UNIT, 3000)}},
	{2, {WHEN(DEVICE, STAGED, CANCEL, 0), WHEN(DEVICE, STAGED, OTHER_UNIT, 3000)}},
	{2, {WHEN(DEVICE, TESTING, CANCEL, 0), WHEN(DEVICE, TESTING, OTHER_UNIT, 1000)}},
	{2, {WHEN(DEVICE, QUEUED, OTHER_UNIT, 0), WHEN(DEVICE, QUEUED, BUS_FLASH, 0)}},
	/* before the first byte */
	{2, {WHEN(CONVERSATION, OFFERED, BUS_BUSY, 0), WHEN(DEVICE, ADMITTED, CANCEL, 20)}},
	{2, {WHEN(CONVERSATION, OFFERED, DISK_FLASHD, 4), WHEN(DEVICE, ADMITTED, CANCEL, 2000)}},
	{2, {WHEN(DEVICE, QUEUED, LOSE_CLOUDD, 500), WHEN(DEVICE, QUEUED, REPLACE_PLAN, 20000)}},
	{3, {WHEN(DEVICE, QUEUED, LOSE_CLOUDD, 0), WHEN(DEVICE, QUEUED, UNPLUG_LONG, 0), WHEN(DEVICE, QUEUED, REPLACE_PLAN, 40000)}},
	{1, {WHEN(DEVICE, WAITING, UNPLUG_LONG, 2000)}},
	{1, {WHEN(DEVICE, QUEUED, UNPLUG_LONG, 100)}},
	{1, {WHEN(DEVICE, WAITING, OTHER_UNIT, 4000)}},
	{2, {WHEN(DEVICE, QUEUED, STORE_SPOILT, 0), WHEN(DEVICE, QUEUED, UNPLUG, 0)}},
	{1, {WHEN(DEVICE, FLASHING, STORE_SPOILT, 1000)}},
	/* the conversation */
	{2, {UPON(CONVERSATION, NEXT, OFFERED, PUSH, 2000), UPON(CONVERSATION, NEXT, OFFERED, KILL_FLASHD, 0)}},
	{2, {UPON(CONVERSATION, NEXT, OFFERED, PUSH_RADIO, 2000), UPON(CONVERSATION, NEXT, OFFERED, KILL_FLASHD, 0)}},
	{1, {UPON(CONVERSATION, NEXT, OFFERED, PUSH_RADIO, 10000)}},
	{2, {WHEN(CONVERSATION, CONFIRMED, PUSH_BEFORE, 50), WHEN(CONVERSATION, CONFIRMED, UPLINK, 200)}},
	{2, {UPON(CONVERSATION, NEXT, OFFERED, SILENCE, 0), UPON(CONVERSATION, NEXT, OFFERED, PUSH_BEFORE, 400)}},
	{2, {WHEN(CONVERSATION, CONFIRMED, LOSE_FLASHD, 0), WHEN(CONVERSATION, CONFIRMED, UNPLUG_LONG, 0)}},
	{5, {WHEN(CONVERSATION, CONFIRMED, LOSE_FLASHD, 0), WHEN(CONVERSATION, CONFIRMED, OTHER_UNIT, 0), WHEN(CONVERSATION, CONFIRMED, BUS_CLOUD, 0),
		WHEN(CONVERSATION, CONFIRMED, SILENCE, 0), WHEN(CONVERSATION, CONFIRMED, UPLINK, 0)}},
	{3, {WHEN(CONVERSATION, CONFIRMED, LOSE_FLASHD, 0), WHEN(CONVERSATION, CONFIRMED, UNPLUG_LONG, 0), WHEN(CONVERSATION, CONFIRMED, KILL_FETCHD, 0)}},
	{2, {WHEN(CONVERSATION, ORDERED, BUS_CLOUD, 2000), WHEN(DEVICE, CONFIRMED, BUS_CLOUD, 0)}},
	{1, {WHEN(CONVERSATION, ORDERED, BUS_CLOUD, 10)}},
	{1, {WHEN(CONVERSATION, ORDERED, BUS_CLOUD, 10)}},
	{1, {WHEN(CONVERSATION, DOWNLOADING, BUS_CLOUD, 10)}},
	{2, {WHEN(CONVERSATION, ORDERED, BUS_CLOUD, 200), WHEN(DEVICE, TESTING, BUS_CLOUD, 3000)}},
	{2, {WHEN(CONVERSATION, DOWNLOADING, BUS_CLOUD, 1000), WHEN(DEVICE, CONFIRMED, KILL_FETCHD, 50)}},
	{2, {WHEN(CONVERSATION, DOWNLOADING, BUS_CLOUD, 1000), WHEN(DEVICE, TESTING, BUS_CLOUD, 5000)}},
	{2, {WHEN(CONVERSATION, ORDERED, BUS_CLOUD_AWAY, 0), WHEN(CONVERSATION, ORDERED, SERVER_GONE, 0)}},
	{2, {WHEN(CONVERSATION, ORDERED, SERVER_SLOW, 0), WHEN(CONVERSATION, DOWNLOADING, DISK_CLOUDD, 2700000)}},
	{2, {WHEN(CONVERSATION, ORDERED, SERVER_SLOW, 0), WHEN(CONVERSATION, DOWNLOADING, BUS_CLOUD_AWAY, 0)}},
	{3, {WHEN(DEVICE, TESTING, STORE_LOST, 0), WHEN(DEVICE, TESTING, LOSE_FETCHD, 0), WHEN(DEVICE, TESTING, SERVER_GONE, 0)}},
	{3, {WHEN(DEVICE, FLASHING, STORE_LOST, 0), WHEN(DEVICE, FLASHING, LOSE_FETCHD, 0), WHEN(DEVICE, FLASHING, SERVER_GONE, 0)}},
	/* the gate */
	{2, {WHEN(DEVICE, FLASHING, LOSE_FETCHD, 200), WHEN(CONVERSATION, UPDATING, SERVER_SLOW, 0)}},
	{2, {WHEN(DEVICE, STAGED, LOSE_FETCHD, 0), WHEN(CONVERSATION, UPDATING, SERVER_SLOW, 0)}},
	{1, {WHEN(DEVICE, QUEUED, LOSE_FETCHD, 200)}},
	{3, {WHEN(UPGRADE, ORDERED, STORE_LOST, 0), WHEN(UPGRADE, ORDERED, SERVER_SLOW, 0), WHEN(UPGRADE, ORDERED, SERVER_SLOW, 0)}},
	{2, {WHEN(UPGRADE, ORDERED, BUS_FLASH_AWAY, 0), WHEN(UPGRADE, ORDERED, STORE_LOST, 2000)}},
	{2, {WHEN(UPGRADE, ORDERED, LOSE_FLASHD, 0), WHEN(UPGRADE, ORDERED, STORE_SPOILT, 0)}},
	{1, {WHEN(UPGRADE, ORDERED, BUS_FLASH_AWAY, 0)}},
};

/* In worlds for rare histories: what only they have. */
static const struct recipe rare[] = {
	/* only its end is heard of an upgrade */
	{2, {WHEN(CONVERSATION, DOWNLOADING, HANG_CLOUD, 0), WHEN(DEVICE, CONFIRMED, ROUSE_CLOUD, 15)}},
	{2, {WHEN(CONVERSATION, DOWNLOADING, HANG_CLOUD, 0), WHEN(DEVICE, TESTING, ROUSE_CLOUD, 15)}},
	/* flashd has it, and the gate, which has not heard so, has lost the package */
	{2, {WHEN(DEVICE, QUEUED, STORE_LOST, 0), WHEN(DEVICE, QUEUED, SERVER_SLOW, 0)}},
	/* cancelled while it is marked, which has no effect, and what was written is gone */
	{3, {UPON(DEVICE, WROTE, FLASHING, CANCEL, 0), UPON(DEVICE, WROTE, FLASHING, LOSE_WRITTEN, 0),
		UPON(DEVICE, WROTE, FLASHING, UNPLUG, 0)}},
	/* it goes back between the look and the order to keep */
	{1, {WHEN(DEVICE, TESTING, BACK_AT_KEEP, 0)}},
	/* the yes is not recorded when the next plan comes, and who would cancel the first has forgotten it */
	{3, {WHEN(CONVERSATION, OFFERED, DISK_FLASHD, 0), WHEN(DEVICE, ADMITTED, LOSE_CLOUDD, 0),
		WHEN(DEVICE, ADMITTED, REPLACE_PLAN, 20000)}},
};

/* In those whose boards go together: one is stopped, and all with it. */
static const struct recipe together[] = {
	{1, {WHEN(DEVICE, FLASHING, CANCEL, 4000)}},
	{1, {UPON(DEVICE, WROTE, FLASHING, CANCEL, 100)}},
	{2, {UPON(DEVICE, WROTE, FLASHING, CANCEL, 0), UPON(DEVICE, WROTE, FLASHING, UNPLUG, 1000)}},
	{3, {UPON(DEVICE, WROTE, FLASHING, CANCEL, 0), UPON(DEVICE, WROTE, FLASHING, KILL_FLASHD, 1),
		UPON(DEVICE, WROTE, FLASHING, RESET, 1)}},
	{2, {UPON(DEVICE, WROTE, FLASHING, CANCEL, 0), WHEN(DEVICE, STAGED, UNPLUG, 1000)}},
	{3, {UPON(DEVICE, WROTE, FLASHING, CANCEL, 0), WHEN(DEVICE, STAGED, KILL_FLASHD, 500), WHEN(DEVICE, STAGED, RESET, 500)}},
	{2, {UPON(DEVICE, WROTE, FLASHING, CANCEL, 0), WHEN(DEVICE, TESTING, KILL_FLASHD, 4000)}},
	{1, {WHEN(DEVICE, TESTING, CANCEL, 4000)}},
	{1, {WHEN(DEVICE, STAGED, CANCEL, 1000)}},
	{2, {WHEN(DEVICE, FLASHING, CANCEL, 4000), WHEN(DEVICE, FLASHING, KILL_FLASHD, 4000)}},
};

/* In those where all are one rollout: the first goes back by itself, while the others settle. */
static const struct recipe rollout[] = {
	{1, {WHEN(DEVICE, TESTING, GO_BACK, 2000)}},
	{1, {WHEN(DEVICE, TESTING, BACK_AT_KEEP, 0)}},
};

/* What is drawn by lot: states of the machines that something may happen in. */
static const struct { int table, state; } states[] = {
	{SIM_CONVERSATION, CONVERSATION_OFFERED}, {SIM_CONVERSATION, CONVERSATION_CONFIRMED},
	{SIM_CONVERSATION, CONVERSATION_ORDERED}, {SIM_CONVERSATION, CONVERSATION_DOWNLOADING},
	{SIM_CONVERSATION, CONVERSATION_FETCHED}, {SIM_CONVERSATION, CONVERSATION_UPDATING},
	{SIM_CONVERSATION, CONVERSATION_OVERDUE},
	{SIM_IMAGE, IMAGE_QUEUED}, {SIM_IMAGE, IMAGE_FETCHING}, {SIM_IMAGE, IMAGE_VERIFYING},
	{SIM_IMAGE, IMAGE_READY}, {SIM_IMAGE, IMAGE_PARTIAL},
	{SIM_UPGRADE, UPGRADE_WAITING}, {SIM_UPGRADE, UPGRADE_FETCHED}, {SIM_UPGRADE, UPGRADE_ORDERED},
	{SIM_UPGRADE, UPGRADE_TAKEN}, {SIM_UPGRADE, UPGRADE_ENDED},
	{SIM_DEVICE, DEVICE_ADMITTED}, {SIM_DEVICE, DEVICE_WAITING}, {SIM_DEVICE, DEVICE_QUEUED},
	{SIM_DEVICE, DEVICE_FLASHING}, {SIM_DEVICE, DEVICE_FLASHING}, {SIM_DEVICE, DEVICE_FLASHING},
	{SIM_DEVICE, DEVICE_STAGED}, {SIM_DEVICE, DEVICE_STAGED}, {SIM_DEVICE, DEVICE_STAGED},
	{SIM_DEVICE, DEVICE_TESTING}, {SIM_DEVICE, DEVICE_TESTING}, {SIM_DEVICE, DEVICE_TESTING},
	{SIM_DEVICE, DEVICE_CONFIRMED}, {SIM_DEVICE, DEVICE_CONFIRMED},
};
/* clang-format on */
enum {
	RECIPES = sizeof(recipes) / sizeof(recipes[0]),
	RARE = sizeof(rare) / sizeof(rare[0]),
	TOGETHER = sizeof(together) / sizeof(together[0]),
	ROLLOUT = sizeof(rollout) / sizeof(rollout[0]),
	STATES = sizeof(states) / sizeof(states[0]),
	SHIFT_MAX = 22
};

/* --- waiting ---------------------------------------------------------------------------------- */

struct armed {
	bool on;
	int device;
	unsigned n;
	struct aim aim;
};

static struct armed *
armed(void)
{
	static struct armed all[ARMED_MAX];

	return all;
}

static void
arm(int device, const struct aim *aim, unsigned n)
{
	struct armed *a = armed(), *end = a + ARMED_MAX;

	while (a < end && a->on)
		a++;
	if (a < end)
		*a = (struct armed){true, device, n, *aim};
}

/* All of a recipe, which `lot` picks from `n`. */
static void
arm_recipe(int device, const struct recipe *from, unsigned n, unsigned lot)
{
	const struct recipe *r = &from[lot % n];

	for (unsigned i = 0; i < r->n; i++)
		arm(device, &r->aim[i], lot / n + i * 7919);
}

void
sim_aim(unsigned a, unsigned b)
{
	int device = (int)(a % (unsigned)sim()->house->devices);
	unsigned lot = b / 3;

	if (sim()->rare && sim()->grouped && sim()->house->joins) {
		arm_recipe(device, together, TOGETHER, lot);
		return;
	}
	if (sim()->rare && sim()->grouped) {
		arm_recipe(0, rollout, ROLLOUT, lot);
		return;
	}
	if (b % 3) {
		if (sim()->rare && b % 3 == 2)
			arm_recipe(device, rare, RARE, lot);
		else
			arm_recipe(device, recipes, RECIPES, lot);
		return;
	}
	struct aim by_lot = {.table = states[lot % STATES].table,
	    .state = states[lot % STATES].state,
	    .event = ANY,
	    .deed = (int)(lot / STATES % SIM_DEEDS_BY_LOT),
	    .delay_ms = 1u << a / 64 % SHIFT_MAX};
	arm(device, &by_lot, lot / STATES / SIM_DEEDS_BY_LOT + a / 64);
}

/* --- striking --------------------------------------------------------------------------------- */

static void
do_it(void *arg)
{
	struct armed *a = arg;

	sim_deed(a->aim.deed, a->device, a->n * 31);
	free(a);
}

static void
fire(struct armed *a)
{
	struct armed *copy = malloc(sizeof(*copy));

	*copy = *a;
	a->on = false;
	sim_after((a->aim.delay_ms ? a->n % (a->aim.delay_ms + 1) : 0) * SIM_MS, do_it, copy);
}

static bool
is_about(const struct subject *s, int device)
{
	const char *key = s ? s->device_key : NULL;

	return !key || (key[0] == 'd' && strtol(key + 1, NULL, 10) == device);
}

void
sim_aim_on_step(int table, int state, int event, const struct subject *s)
{
	struct armed *a = armed();

	for (int i = 0; i < ARMED_MAX && !sim()->calm; i++) {
		const struct aim *k = &a[i].aim;

		if (a[i].on && k->table == table && k->state == state &&
		    (k->event == ANY || k->event == event) && is_about(s, a[i].device))
			fire(&a[i]);
	}
}
