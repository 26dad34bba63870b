/*
 * sim_deed: see sim_deed.h.
 */
#include <stdio.h>
#include <string.h>

#include "flash.h"
#include "sim_courier.h"
#include "sim_deed.h"
#include "sim_device.h"
#include "sim_device_part.h"
#include "sim_fault.h"
#include "sim_house.h"
#include "sim_lane.h"
#include "sim_mischief.h"
#include "sim_person.h"
#include "sim_platform.h"
#include "sim_quirk.h"
#include "sim_trouble.h"
#include "sim_watch.h"

/* clang-format off */
static const char *const names[SIM_DEEDS] = {
	"cloudd dies", "fetchd dies", "flashd dies", "cloudd is away", "fetchd is away",
	"flashd is away", "cloudd cannot record", "fetchd cannot record", "flashd cannot record",
	"cloudd's database is lost", "fetchd's database is lost", "flashd's database is lost",
	"power cut", "bus to cloudd cut", "bus to flashd cut", "bus to cloudd away",
	"bus to flashd away", "bus busy", "store lost", "store spoilt", "a person cancels",
	"plan withdrawn", "plan replaced", "address out of nothing", "the radio's address", "the address before",
	"no address", "uplink cut", "package gone", "server slow", "download breaks", "unplugged",
	"unplugged for long", "reset", "another unit", "lies about its version",
	"lies about its hash", "says another version", "does not write", "denies", "power in a swap",
	"the next session dies", "keeps what is on trial", "forgets that it keeps", "marks",
	"unmarks", "goes back", "goes back, marked again", "goes back, erased",
	"forgets and goes back", "forgets and goes back, marked", "forgets and goes back, erased",
	"boots what was written", "loses its image", "loses what was written", "bus to cloudd hangs",
	"bus to cloudd is roused", "goes back when it is to be kept",
};
/* clang-format on */

const char *
sim_deed_name(int deed)
{
	return names[deed];
}

/* --- processes -------------------------------------------------------------------------------- */

static void
to_process(int deed, unsigned n)
{
	struct sim_proc *p = &sim()->proc[deed % SIM_PROCS];

	switch (deed / SIM_PROCS) {
	case SIM_DEED_KILL_CLOUDD / SIM_PROCS:
		sim_kill(p);
		break;
	case SIM_DEED_AWAY_CLOUDD / SIM_PROCS:
		sim_trouble_send_away(p, n);
		break;
	case SIM_DEED_DISK_CLOUDD / SIM_PROCS:
		sim_trouble_read_only(p, 1000 + n % 900000);
		break;
	default: /* SIM_DEED_LOSE_CLOUDD */
		if (p->who != SIM_FLASHD || sim()->house->forgets)
			sim_trouble_lose_record(p);
	}
}

static void
not_busy(void *arg)
{
	(void)arg;
	sim_bus_trouble(0, 0);
}

static void
between(int deed, unsigned n)
{
	switch (deed) {
	case SIM_DEED_POWER:
		sim_power_cut();
		break;
	case SIM_DEED_BUS_BUSY:
		sim_bus_trouble(50, 60);
		sim_after((1000 + n % 120000) * SIM_MS, not_busy, NULL);
		break;
	case SIM_DEED_STORE_LOST:
		sim_kill(&sim()->proc[SIM_FETCHD]);
		sim_system_lose_store();
		break;
	case SIM_DEED_STORE_SPOILT:
		sim_system_spoil_store(n);
		break;
	case SIM_DEED_BUS_CLOUD:
	case SIM_DEED_BUS_FLASH:
		sim_bus_away((unsigned)(deed - SIM_DEED_BUS_CLOUD), (100 + n % 60000) * SIM_MS);
		break;
	default: /* SIM_DEED_BUS_CLOUD_AWAY */
		sim_bus_away((unsigned)(deed - SIM_DEED_BUS_CLOUD_AWAY), sim_trouble_long(n));
	}
}

/* --- people and the platform ------------------------------------------------------------------ */

static void
wish(int deed, int device)
{
	switch (deed) {
	case SIM_DEED_CANCEL:
		sim_quirk_muddle_one(device); /* an address may be on its way */
		sim_person_cancels_for(device);
		break;
	case SIM_DEED_WITHDRAW:
	case SIM_DEED_REPLACE_PLAN:
		sim_plans_drop(device, deed == SIM_DEED_REPLACE_PLAN);
		break;
	case SIM_DEED_PUSH:
		sim_quirk_push(device, false);
		break;
	case SIM_DEED_PUSH_RADIO:
		sim_quirk_push_radio(device);
		break;
	case SIM_DEED_PUSH_BEFORE:
		sim_quirk_push_before(device);
		break;
	case SIM_DEED_SILENCE:
		sim_platform_silence(device);
		break;
	case SIM_DEED_UPLINK:
		sim_uplink_cut(false);
		break;
	case SIM_DEED_SERVER_GONE:
		for (int i = 0; i < 3; i++)
			sim_courier_trouble(SIM_COURIER_GONE);
		break;
	case SIM_DEED_SERVER_SLOW:
		sim_courier_trouble(SIM_COURIER_SLOW);
		break;
	default: /* SIM_DEED_SERVER_BREAKS */
		for (int i = 0; i < 20; i++)
			sim_courier_trouble(SIM_COURIER_BREAKS);
	}
}

/* --- the board -------------------------------------------------------------------------------- */

static void
to_board(int deed, int device, unsigned n)
{
	static const int kinds[] = {[SIM_DEED_OTHER_UNIT - SIM_DEED_UNPLUG] = SIM_FAULT_REPLACED,
	    [SIM_DEED_LIE_VERSION - SIM_DEED_UNPLUG] = SIM_FAULT_SAYS_VERSION,
	    [SIM_DEED_LIE_HASH - SIM_DEED_UNPLUG] = SIM_FAULT_SAYS_HASH,
	    [SIM_DEED_FORGETS - SIM_DEED_UNPLUG] = SIM_FAULT_FORGETS,
	    [SIM_DEED_DENIES - SIM_DEED_UNPLUG] = SIM_FAULT_DENIES,
	    [SIM_DEED_SWAP_CUT - SIM_DEED_UNPLUG] = SIM_FAULT_SWAP_CUT};

	switch (deed) {
	case SIM_DEED_UNPLUG:
		sim_device_unplug(device, (100 + n % 60000) * SIM_MS);
		break;
	case SIM_DEED_UNPLUG_LONG:
		sim_device_unplug(device, sim_trouble_long(n));
		break;
	case SIM_DEED_RESET:
		sim_device_reset(device);
		break;
	case SIM_DEED_MISFIT:
		sim_mischief_misfit(device, n);
		break;
	case SIM_DEED_SESSION_DIES:
		sim_lane_kill(device);
		break;
	default:
		sim_mischief_strike(kinds[deed - SIM_DEED_UNPLUG], (unsigned)device, n);
	}
}

/* What is under way on it; NULL: nothing, or flashd does not run. */
static const struct device_upgrade *
under_way(int device)
{
	const struct flash *f = sim()->proc[SIM_FLASHD].self;
	const struct device_upgrade *u = f ? f->ledger.upgrades : NULL;
	char key[16];

	snprintf(key, sizeof(key), "d%d", device);
	while (u && (!device_is_active(u) || strcmp(u->device_key, key) != 0))
		u = u->next;
	return u;
}

/* What was kept is on trial again: the floor is that of what it would go back to. */
static void
unkeep(struct chip *c)
{
	const struct sim_package *p = sim_house_image(c->flash.slot[1].hash);

	c->flash.confirmed = false;
	c->touched = true;
	c->floor = p ? p->sequence : 0;
}

static void
have_tried(struct chip *c)
{
	c->touched = true;
	sub_flash_mark(&c->flash, SUB_FLASH_TEST);
}

static void
go_back(int device, struct chip *c, bool marked, bool erased)
{
	sim_device_reset(device);
	if (erased && sub_flash_erase(&c->flash, 1))
		sub_flash_look(&c->flash, 1);
	if (marked && !sim()->house->no_test && c->flash.slot[1].sound)
		have_tried(c);
}

/* Is what lies in this slot what is being installed? */
static bool
holds_new(const struct device_upgrade *u, const struct chip *c, int slot)
{
	const struct sub_image *i = &c->flash.slot[slot];

	return i->sound && u->has_image_hash &&
	       memcmp(i->hash, u->image_hash, sizeof(u->image_hash)) == 0;
}

/* An image on trial, with something to go back to; or one that is kept, and the same. */
static bool
can_go_back(const struct chip *c, bool kept)
{
	return !sim()->house->bare && c->flash.confirmed == kept &&
	       c->flash.pending == SUB_FLASH_NONE && c->flash.slot[1].sound;
}

static void
keep(int device, struct chip *c, bool sick)
{
	if (c->flash.confirmed || sim()->house->bare || sick)
		return;
	sim_say(NULL, "device %d keeps what it runs, by itself", device);
	sub_flash_confirm(&c->flash);
}

static void
touch_trial(int deed, int device, const struct device_upgrade *u, struct chip *c)
{
	bool kept = deed >= SIM_DEED_UNKEEP_BACK || deed == SIM_DEED_UNKEEP;

	if (!can_go_back(c, kept) || !holds_new(u, c, 0))
		return;
	if (kept)
		unkeep(c);
	if (deed == SIM_DEED_UNKEEP)
		return;
	go_back(device, c, deed == SIM_DEED_GO_BACK_MARKED || deed == SIM_DEED_UNKEEP_MARKED,
	    deed == SIM_DEED_GO_BACK_ERASED || deed == SIM_DEED_UNKEEP_ERASED);
}

static void
touch(int deed, int device)
{
	const struct device_upgrade *u = under_way(device);
	struct board *b = sim_device_board(device);
	struct chip *c = &b->chip[u && strcmp(u->component, "app") != 0];
	bool sick = b->sick[0] || b->unkept[0] || b->unwell[0];

	if (!u || !b->plugged)
		return;
	switch (deed) {
	case SIM_DEED_KEEP:
		keep(device, c, sick);
		break;
	case SIM_DEED_MARK:
	case SIM_DEED_BOOT_NEW:
		if (!can_go_back(c, true) || sim()->house->no_test || !holds_new(u, c, 1))
			return;
		have_tried(c);
		if (deed == SIM_DEED_BOOT_NEW)
			sim_device_reset(device);
		break;
	case SIM_DEED_LOSE_WRITTEN:
		if (can_go_back(c, true) && holds_new(u, c, 1) && sub_flash_erase(&c->flash, 1))
			sub_flash_look(&c->flash, 1);
		break;
	case SIM_DEED_UNMARK:
		if (holds_new(u, c, 1))
			sub_flash_mark(&c->flash, SUB_FLASH_NONE);
		break;
	case SIM_DEED_ERASE: /* it will be written again: it was begun */
		if (!sim()->house->bare || u->state < DEVICE_STAGED || !u->wrote)
			return;
		sub_flash_erase(&c->flash, 0);
		sim_device_reset(device);
		break;
	default:
		touch_trial(deed, device, u, c);
	}
}

static void
in_recipes(int deed, int device)
{
	static const struct sim_lane_blow reset = {.verb = PB__VERB__VERB_CONFIRM, .board = true};

	if (deed == SIM_DEED_HANG_CLOUD)
		sim_bus_hang(0);
	else if (deed == SIM_DEED_ROUSE_CLOUD)
		sim_bus_rouse(0);
	else
		sim_lane_blow(device, &reset);
}

void
sim_deed_end(void)
{
	for (int i = 0; sim()->aimed && i < SIM_PROCS; i++) {
		sim()->proc[i].disk_read_only = false;
		sim()->proc[i].failed_starts = 0;
	}
}

void
sim_deed(int deed, int device, unsigned n)
{
	if (sim()->calm)
		return;
	sim_say(NULL, "deed: %s, device %d", names[deed], device);
	if (deed < SIM_DEED_POWER || deed == SIM_DEED_STORE_LOST || deed == SIM_DEED_STORE_SPOILT)
		sim_watch_fault(SIM_FAULT_RECORD_LOST);
	if (deed < SIM_DEED_POWER)
		to_process(deed, n);
	else if (deed < SIM_DEED_CANCEL)
		between(deed, n);
	else if (deed < SIM_DEED_UNPLUG)
		wish(deed, device);
	else if (deed < SIM_DEED_KEEP)
		to_board(deed, device, n);
	else if (deed < SIM_DEED_HANG_CLOUD)
		touch(deed, device);
	else
		in_recipes(deed, device);
}
