/*
 * sim_trouble: see sim_trouble.h.
 */
#include <stdio.h>

#include "dialect.h"
#include "sim.h"
#include "sim_ack.h"
#include "sim_courier.h"
#include "sim_device.h"
#include "sim_fault.h"
#include "sim_house.h"
#include "sim_lane.h"
#include "sim_person.h"
#include "sim_platform.h"
#include "sim_quirk.h"
#include "sim_trouble.h"
#include "sim_watch.h"

int64_t
sim_trouble_long(unsigned n)
{
	return (60 + n % 7200) * 1000 * SIM_MS;
}

void
sim_trouble_send_away(struct sim_proc *p, unsigned n)
{
	sim_kill(p);
	p->restart_at = sim()->now + sim_trouble_long(n);
}

static void
mend_disk(void *arg)
{
	((struct sim_proc *)arg)->disk_read_only = false;
}

/* What was not written until then may be found missing for a while. */
static void
mend_disk_told(void *arg)
{
	mend_disk(arg);
	sim_watch_fault(SIM_FAULT_DISK_READ_ONLY);
}

void
sim_trouble_read_only(struct sim_proc *p, int64_t ms)
{
	p->disk_read_only = true;
	sim_after(ms * SIM_MS, mend_disk_told, p);
}

void
sim_trouble_lose_record(struct sim_proc *p)
{
	static const char *const names[SIM_PROCS] = {"cloudd.db", "fetchd.db", "flashd.db"};

	sim_kill(p);
	sim_disk_lose(names[p->who]);
	for (int i = 0; p->who == SIM_FLASHD && i < sim()->house->devices; i++)
		sim_device_forget_floor(i);
	sim_quirk_muddle();
	if (p->who == SIM_CLOUDD)
		sim_quirk_mute();
}

/* The gate dies of an order to flashd, which is away, and finds its store empty. */
static void
lose_store(unsigned b)
{
	sim_bus_hit(PB__ENVELOPE__BODY_FLASH_ORDER, true, sim_trouble_long(b));
	sim_bus_hit_store();
}

static void
trouble_courier(int kind, unsigned b)
{
	if (kind == SIM_FAULT_SERVER_WRONG)
		sim_courier_trouble(SIM_COURIER_WRONG);
	else if (kind == SIM_FAULT_SERVER_SLOW)
		sim_courier_trouble(SIM_COURIER_SLOW);
	else if (kind == SIM_FAULT_SERVER_GONE)
		sim_courier_trouble(SIM_COURIER_GONE);
	else if (kind == SIM_FAULT_POWER_AMID_DOWNLOAD)
		sim_courier_cut(true);
	else if (kind == SIM_FAULT_NETWORK_GONE && b % 2)
		sim_courier_unreachable((60 + b / 2 % 1800) * 1000 * SIM_MS);
	else if (kind == SIM_FAULT_NETWORK_GONE)
		for (unsigned i = 0; i < 10 + b % 10; i++)
			sim_courier_trouble(SIM_COURIER_BREAKS);
}

static void
trouble_platform(int kind, int device, unsigned b)
{
	char name[40];

	snprintf(name, sizeof(name), "p1sub%d/d%d", device % sim()->house->products, device);
	if (kind == SIM_FAULT_PERSON_CHECKS)
		sim_person_orders("check", name);
	else if (kind == SIM_FAULT_PERSON_FORGETS) {
		if (b % 2)
			sim_quirk_refuse(device, b / 2);
		sim_person_orders("forget", name);
	} else if (kind == SIM_FAULT_ADDRESS_AGAIN)
		sim_quirk_push(device, b % 4 == 0);
	else if (kind == SIM_FAULT_ADDRESS_BAD)
		sim_quirk_malform(device, b % 3 == 0);
	else if (kind == SIM_FAULT_LOGIN_TROUBLE)
		sim_quirk_login(device, b);
	else
		sim_quirk_expel(device, b);
}

/* A session dies, or its board goes, at a chosen order. */
static void
blow(int kind, int device, unsigned b)
{
	static const struct {
		int verb, after;
	} when[] = {{PB__VERB__VERB_STAGE, 0}, {PB__VERB__VERB_REBOOT, 0},
	    {PB__VERB__VERB_CONFIRM, 0}, {PB__VERB__VERB_IDENTIFY, PB__VERB__VERB_CONFIRM},
	    {PB__VERB__VERB_IDENTIFY, PB__VERB__VERB_REBOOT}, {PB__VERB__VERB_WRITE, 0}};
	unsigned at = b % (sizeof(when) / sizeof(when[0]));
	struct sim_lane_blow k = {.verb = when[at].verb, .after = when[at].after};

	k.board = kind == SIM_FAULT_BOARD_AMID_CHANGE;
	/* serial recovery is entered first, by a reset */
	k.delay_ns = b / 8 % (sim()->house->bare ? 6000 : 300) * SIM_MS;
	k.cancel = b / 131072 % 4 == 0 && !sim()->gentle;
	k.both = k.board && b / 65536 % 2;
	if (b / 4096 % 3 == 1) /* for a moment */
		k.away_ns = (200 + b / 8192 % 3000) * SIM_MS;
	else if (b / 4096 % 3 == 2)
		k.away_ns = sim_trouble_long(b / 8192);
	sim_lane_blow(device, &k);
}

/* Perhaps nothing can be recorded before it. */
static void
hit(unsigned a, unsigned b)
{
	static const int kinds[] = {PB__ENVELOPE__BODY_PLAN_OFFER, PB__ENVELOPE__BODY_PLAN_VERDICT,
	    PB__ENVELOPE__BODY_FETCH_ORDER, PB__ENVELOPE__BODY_FLASH_ORDER,
	    PB__ENVELOPE__BODY_REPORT, PB__ENVELOPE__BODY_REPORT_ACK, PB__ENVELOPE__BODY_CANCEL};

	sim_bus_hit(kinds[a % (sizeof(kinds) / sizeof(kinds[0]))], b % 2,
	    b / 2 % 2 ? sim_trouble_long(b / 4) : 0);
	if (b / 16 % 3)
		return;
	struct sim_proc *p = &sim()->proc[b / 64 % SIM_PROCS];

	p->disk_read_only = true;
	sim_after((5000 + b / 64 % 60000) * SIM_MS, mend_disk, p);
}

/* At once, or when the platform hears a status. */
static void
cut_bus(unsigned a, unsigned b)
{
	static const int statuses[] = {DIALECT_CONFIRMED, DIALECT_DOWNLOAD_START,
	    DIALECT_DOWNLOADING, DIALECT_DOWNLOADED, DIALECT_UPDATING};

	if (a % 3)
		sim_bus_away(a, sim_trouble_long(b));
	else
		sim_quirk_cut_at(statuses[a / 3 % (sizeof(statuses) / sizeof(statuses[0]))],
		    2 * sim_trouble_long(b));
}

void
sim_trouble(int kind, unsigned a, unsigned b)
{
	int device = (int)a % sim()->house->devices;

	switch (kind) {
	case SIM_FAULT_PERSON_CANCELS:
		sim_person_cancels(a);
		break;
	case SIM_FAULT_PERSON_ROLLOUT:
		sim_person_rolls(a, b % 2);
		break;
	case SIM_FAULT_PROCESS_AWAY:
		sim_trouble_send_away(&sim()->proc[a % SIM_PROCS], b);
		break;
	case SIM_FAULT_BUS_AWAY:
		cut_bus(a, b);
		break;
	case SIM_FAULT_HIT_AT_MESSAGE:
		hit(a, b);
		break;
	case SIM_FAULT_UNRECORDED:
		sim_ack_trouble(a, b);
		break;
	case SIM_FAULT_DEVICE_AWAY:
		sim_device_unplug(device, sim_trouble_long(b));
		break;
	case SIM_FAULT_STORE_LOST:
		lose_store(b);
		break;
	case SIM_FAULT_SESSION_DIES_LATE:
	case SIM_FAULT_BOARD_AMID_CHANGE:
		blow(kind, device, b);
		break;
	case SIM_FAULT_RECORD_LOST:
		sim_trouble_lose_record(
		    &sim()->proc[a % (sim()->house->forgets ? SIM_PROCS : SIM_FLASHD)]);
		break;
	case SIM_FAULT_POWER_AMID_DOWNLOAD:
	case SIM_FAULT_SERVER_WRONG:
	case SIM_FAULT_SERVER_GONE:
	case SIM_FAULT_SERVER_SLOW:
	case SIM_FAULT_NETWORK_GONE:
		trouble_courier(kind, b);
		break;
	default:
		trouble_platform(kind, device, b);
	}
}

void
sim_trouble_end(void)
{
	static const struct sim_lane_blow none;

	sim_bus_calm();
	sim_bus_hit(0, false, 0);
	sim_quirk_end();
	sim_courier_calm();
	for (int i = 0; i < sim()->house->devices; i++) {
		sim_device_plug(i);
		sim_lane_blow(i, &none);
	}
	for (int i = 0; i < SIM_PROCS; i++) {
		struct sim_proc *p = &sim()->proc[i];

		if (!p->alive && p->restart_at > sim()->now + 5000 * SIM_MS)
			p->restart_at = sim()->now + 5000 * SIM_MS;
	}
}
