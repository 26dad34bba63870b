/*
 * sim_fault: see sim_fault.h.
 */
#include <stdio.h>
#include <stdlib.h>

#include "sim.h"
#include "sim_aim.h"
#include "sim_courier.h"
#include "sim_deed.h"
#include "sim_device.h"
#include "sim_fault.h"
#include "sim_house.h"
#include "sim_lane.h"
#include "sim_late.h"
#include "sim_mischief.h"
#include "sim_person.h"
#include "sim_platform.h"
#include "sim_quirk.h"
#include "sim_traitor.h"
#include "sim_trouble.h"
#include "sim_watch.h"

struct fault {
	int kind;
	int64_t at; /* ns */
	unsigned a, b;
};

struct sim_faults {
	struct fault list[SIM_FAULTS_MAX];
	unsigned n;
};

/* clang-format off */
static const struct {
	const char *name;
	unsigned weight, lively; /* how often, among the others; in lively worlds */
	bool gentle;
	unsigned hostile; /* at most so often in a hostile one */
	unsigned also;    /* and in a lively one, besides */
} kinds[SIM_FAULT_KINDS] = {
	[SIM_FAULT_KILL]            = {"process_killed_at_an_effect", 26},
	[SIM_FAULT_POWER]           = {"power_cut_at_an_effect",      10},
	[SIM_FAULT_BUS_CUT]         = {"bus_cut",                      8},
	[SIM_FAULT_BUS_BUSY]        = {"bus_busy_and_lossy",           4},
	[SIM_FAULT_UPLINK_CUT]      = {"uplink_cut",                   6},
	[SIM_FAULT_UPLINK_LATE_CUT] = {"uplink_cut_after_delivery",    6},
	[SIM_FAULT_FORGOTTEN_LOGIN] = {"login_forgotten",              3},
	[SIM_FAULT_RATE_LIMIT]      = {"message_over_the_rate",        3},
	[SIM_FAULT_NO_ADDRESS]      = {"address_not_sent",             3},
	[SIM_FAULT_COURIER_BREAKS]  = {"download_broken",              4},
	[SIM_FAULT_COURIER_DIES]    = {"courier_killed",               3},
	[SIM_FAULT_COURIER_HTTP]    = {"server_busy",                  2},
	[SIM_FAULT_COURIER_LIES]    = {"courier_lies",                 4},
	[SIM_FAULT_SESSION_DIES]    = {"session_killed",               6},
	[SIM_FAULT_SESSION_HANGS]   = {"session_hangs",                1},
	[SIM_FAULT_UNPLUG]          = {"device_unplugged",             8},
	[SIM_FAULT_NOISE]           = {"line_noisy",                   4},
	[SIM_FAULT_DISK_FULL]       = {"disk_full",                    5},
	[SIM_FAULT_DISK_READ_ONLY]  = {"disk_read_only",               2},
	[SIM_FAULT_DISK_ERROR]      = {"disk_error",                   4},
	[SIM_FAULT_CLOCK_JUMP]      = {"clock_jumps",                  2},
	[SIM_FAULT_STORE_SPOILT]    = {"stored_package_spoilt",        2},
	/* in lively worlds; then also in gentle ones */
	[SIM_FAULT_PERSON_CANCELS]  = {"person_cancels",               0, 12},
	[SIM_FAULT_PERSON_CHECKS]   = {"person_asks_for_an_upgrade",   0, 4, true},
	[SIM_FAULT_PERSON_FORGETS]  = {"person_forgets_a_device",      0, 4},
	[SIM_FAULT_PERSON_ROLLOUT]  = {"person_pauses_or_resumes",     0, 4},
	[SIM_FAULT_ADDRESS_AGAIN]   = {"address_out_of_nothing",       0, 8},
	[SIM_FAULT_ADDRESS_BAD]     = {"address_malformed",            0, 6},
	[SIM_FAULT_LOGIN_TROUBLE]   = {"login_not_answered_well",      0, 10},
	[SIM_FAULT_EXPELLED]        = {"device_expelled",              0, 6},
	[SIM_FAULT_PROCESS_AWAY]    = {"process_away_for_long",        0, 6},
	[SIM_FAULT_BUS_AWAY]        = {"bus_away_for_long",            0, 6},
	[SIM_FAULT_DEVICE_AWAY]     = {"device_away_for_long",         0, 8},
	[SIM_FAULT_SESSION_DIES_LATE] = {"session_killed_in_a_change", 0, 6, true},
	[SIM_FAULT_BOARD_AMID_CHANGE] = {"board_lost_amid_a_change",  0, 16},
	[SIM_FAULT_HIT_AT_MESSAGE]  = {"process_killed_at_a_message",  0, 14},
	[SIM_FAULT_POWER_AMID_DOWNLOAD] = {"power_cut_amid_a_download", 0, 6, true, 4, 4},
	[SIM_FAULT_SERVER_WRONG]    = {"server_has_other_bytes",       0, 4},
	[SIM_FAULT_SERVER_GONE]     = {"package_not_found",            0, 5},
	[SIM_FAULT_SERVER_SLOW]     = {"download_slow",                0, 3},
	[SIM_FAULT_NETWORK_GONE]    = {"download_broken_many_times",   0, 4},
	[SIM_FAULT_STORE_LOST]      = {"store_lost_amid_an_order",     0, 3},
	[SIM_FAULT_RECORD_LOST]     = {"database_lost",                0, 4},
	[SIM_FAULT_UNRECORDED]      = {"process_killed_before_it_records_a_report", 0, 0, false, 8, 8},
	/* in hostile worlds */
	[SIM_FAULT_REPLACED]        = {"device_replaced",              .hostile = 2},
	[SIM_FAULT_RESTART]         = {"device_restarts",              .hostile = 4},
	[SIM_FAULT_DEAF]            = {"device_deaf_for_long",         .hostile = 1},
	[SIM_FAULT_SWAP_CUT]        = {"device_power_gone_in_a_swap",  .hostile = 3},
	[SIM_FAULT_SAYS_VERSION]    = {"device_lies_about_version",    .hostile = 2},
	[SIM_FAULT_SAYS_HASH]       = {"device_lies_about_hash",       .hostile = 2},
	[SIM_FAULT_FORGETS]         = {"device_does_not_write",        .hostile = 2},
	[SIM_FAULT_DENIES]          = {"device_denies_confirmation",   .hostile = 2},
	[SIM_FAULT_PLAN_REPLACED]   = {"plan_replaced_midway",         .hostile = 2},
	[SIM_FAULT_PLAN_WITHDRAWN]  = {"plan_withdrawn_midway",        .hostile = 2},
	[SIM_FAULT_COURIER_FULL]    = {"courier_without_room",         .hostile = 2},
	[SIM_FAULT_NAME_LOST]       = {"name_lost_with_the_power"},
	[SIM_FAULT_PLAN_LATE]       = {"plan_repeated_much_later"},
	[SIM_FAULT_TRAITOR]         = {"gate_orders_what_it_made_up",  .hostile = 4},
	[SIM_FAULT_AIMED]           = {"trouble_aimed_at_a_state"},
	[SIM_FAULT_LATE]            = {"old_connection_worked_off_late"},
};
/* clang-format on */

const char *
sim_fault_name(int kind)
{
	return kinds[kind].name;
}

/* --- what they do ----------------------------------------------------------------------------- */

struct later {
	int kind;
	unsigned a;
};

static void
mend(void *arg)
{
	struct later *l = arg;
	struct sim_proc *p = &sim()->proc[l->a % SIM_PROCS];

	for (int i = 0; l->kind == SIM_FAULT_DISK_FULL && i < SIM_PROCS; i++)
		sim()->proc[i].disk_full = false;
	if (l->kind == SIM_FAULT_DISK_READ_ONLY)
		p->disk_read_only = false;
	if (l->kind == SIM_FAULT_BUS_BUSY)
		sim_bus_trouble(0, 0);
	if (l->kind == SIM_FAULT_NOISE)
		sim_device_noise((int)l->a % sim()->house->devices, 0, 0);
	if (l->kind == SIM_FAULT_CLOCK_JUMP)
		sim()->wall_skew_ms = 0;
	free(l);
}

static void
mend_after(const struct fault *f, int64_t ms)
{
	struct later *l = malloc(sizeof(*l));

	*l = (struct later){f->kind, f->a};
	sim_after(ms * SIM_MS, mend, l);
}

static void
strike_process(const struct fault *f)
{
	struct sim_proc *p = &sim()->proc[f->a % SIM_PROCS];

	if (f->kind == SIM_FAULT_DISK_FULL && f->a % 2)
		p = &sim()->proc[SIM_FETCHD]; /* which has two kinds of files */
	switch (f->kind) {
	case SIM_FAULT_KILL:
	case SIM_FAULT_POWER:
		p->die_at = p->effects + 1 + f->b % 60;
		p->takes_power = f->kind == SIM_FAULT_POWER;
		if (p->who == SIM_FETCHD && f->b % 3 == 0) { /* a package is made an entry */
			p->die_at = 0;
			p->die_at_rename = 1 + f->b % 8;
		}
		break;
	case SIM_FAULT_DISK_FULL:
		p->disk_full = true;
		if (f->b % 2) /* and dies before there is room */
			p->die_at = p->effects + 20 + f->b % 200;
		mend_after(f, 1000 + f->b % 120000);
		break;
	case SIM_FAULT_DISK_READ_ONLY:
		p->disk_read_only = true;
		mend_after(f, 1000 + f->b % 60000);
		break;
	default: /* SIM_FAULT_DISK_ERROR */
		p->io_errors += 1 + f->b % 5;
	}
}

static void
strike_line(const struct fault *f)
{
	int device = (int)f->a % sim()->house->devices;

	switch (f->kind) {
	case SIM_FAULT_SESSION_DIES:
		sim_lane_kill(device);
		break;
	case SIM_FAULT_SESSION_HANGS:
		sim_lane_hang(device);
		break;
	case SIM_FAULT_UNPLUG:
		sim_device_unplug(device, (100 + f->b % 120000) * SIM_MS);
		break;
	case SIM_FAULT_FORGOTTEN_LOGIN:
		sim_platform_forget(device);
		break;
	case SIM_FAULT_NO_ADDRESS:
		sim_platform_silence(device);
		break;
	case SIM_FAULT_RATE_LIMIT:
		sim_platform_hurry(device);
		break;
	default: /* SIM_FAULT_NOISE */
		sim_device_noise(device, f->b % 2 ? 0.002 : 0, 0.0005);
		mend_after(f, 1000 + f->b % 60000);
	}
}

static void
strike(void *arg)
{
	const struct fault *f = arg;

	sim()->counts.faults[f->kind]++;
	sim_watch_fault(f->kind);
	sim_say(NULL, "fault: %s (%u, %u)", kinds[f->kind].name, f->a % 12, f->b % 1000);
	switch (f->kind) {
	case SIM_FAULT_BUS_CUT:
		sim_bus_cut(f->a);
		break;
	case SIM_FAULT_BUS_BUSY:
		sim_bus_trouble(50, 30);
		mend_after(f, 1000 + f->b % 60000);
		break;
	case SIM_FAULT_UPLINK_CUT:
	case SIM_FAULT_UPLINK_LATE_CUT:
		sim_uplink_cut(f->kind == SIM_FAULT_UPLINK_LATE_CUT);
		break;
	case SIM_FAULT_COURIER_BREAKS:
	case SIM_FAULT_COURIER_DIES:
	case SIM_FAULT_COURIER_HTTP:
	case SIM_FAULT_COURIER_LIES:
		sim_courier_trouble((enum sim_courier_trouble)(f->kind - SIM_FAULT_COURIER_BREAKS));
		break;
	case SIM_FAULT_COURIER_FULL:
		sim_courier_trouble(SIM_COURIER_FULL);
		break;
	case SIM_FAULT_PLAN_REPLACED:
	case SIM_FAULT_PLAN_WITHDRAWN:
		sim_plans_drop((int)(f->a % (unsigned)sim()->house->devices),
		    f->kind == SIM_FAULT_PLAN_REPLACED);
		break;
	case SIM_FAULT_TRAITOR:
		sim_traitor_strike(f->b);
		break;
	case SIM_FAULT_AIMED:
		sim_aim(f->a, f->b);
		break;
	case SIM_FAULT_LATE:
		sim_late(f->a, f->b);
		break;
	case SIM_FAULT_CLOCK_JUMP:
		sim()->wall_skew_ms = f->a % 4 ? (int64_t)(f->b % 7200000) - 3600000
					       : -(int64_t)SIM_WALL;
		mend_after(f, 10000 + f->b % 600000);
		break;
	case SIM_FAULT_STORE_SPOILT:
		sim_system_spoil_store(f->b);
		break;
	case SIM_FAULT_KILL:
	case SIM_FAULT_POWER:
	case SIM_FAULT_DISK_FULL:
	case SIM_FAULT_DISK_READ_ONLY:
	case SIM_FAULT_DISK_ERROR:
		strike_process(f);
		break;
	default:
		if (f->kind >= SIM_FAULT_FIRST_NEW)
			sim_mischief_strike(f->kind, f->a, f->b);
		else if (f->kind > SIM_FAULT_STORE_SPOILT)
			sim_trouble(f->kind, f->a, f->b);
		else
			strike_line(f);
	}
}

/* --- the list --------------------------------------------------------------------------------- */

/* In a gentle run processes die and connections are cut: no good package may fail then, but for an
 * address that was lost. */
static void
make_gentle(struct fault *f)
{
	static const int gentle[] = {SIM_FAULT_KILL, SIM_FAULT_KILL, SIM_FAULT_KILL,
	    SIM_FAULT_POWER, SIM_FAULT_BUS_CUT, SIM_FAULT_BUS_BUSY, SIM_FAULT_SESSION_DIES,
	    SIM_FAULT_COURIER_DIES, SIM_FAULT_UPLINK_CUT, SIM_FAULT_UPLINK_LATE_CUT};

	f->kind = gentle[f->b % (sizeof(gentle) / sizeof(gentle[0]))];
}

static int
pick_kind(void)
{
	unsigned sum = 0, at = 0;
	int kind = 0;

	for (int i = 0; i < SIM_FAULT_FIRST_NEW; i++)
		sum += kinds[i].weight;
	at = (unsigned)sim_below(sum);
	while (at >= kinds[kind].weight)
		at -= kinds[kind++].weight;
	return kind;
}

/* Nothing that was ordered and has not struck yet strikes any more. */
static void
calm_down(void *arg)
{
	(void)arg;
	sim()->calm = true;
	sim()->calm_at = sim()->now;
	sim_bus_trouble(0, 0);
	if (sim()->lively || sim()->aimed)
		sim_trouble_end();
	sim_deed_end();
	sim_mischief_end();
	sim_courier_cut(false);
	sim_traitor_end();
	sim_late_end();
	for (int i = 0; i < SIM_PROCS; i++) {
		struct sim_proc *p = &sim()->proc[i];

		p->die_at = p->die_at_rename = 0;
		p->io_errors = 0;
	}
	sim_say(NULL, "calm");
}

/* In lively worlds that which was no trouble before: from a stream of its own. Returns when it is
 * over: in some only hours later, so that whoever is away is missed. */
static int64_t
add_lively(struct sim_faults *all, int64_t end)
{
	struct sim_stream s = sim_stream("lively");
	unsigned sum = 0, n = (unsigned)sim_stream_below(&s, 24);

	for (int i = 0; i < SIM_FAULT_KINDS; i++)
		sum += sim()->gentle && !kinds[i].gentle ? 0 : kinds[i].lively;
	for (; n > 0 && all->n < SIM_FAULTS_MAX; n--) {
		unsigned at = (unsigned)sim_stream_below(&s, sum);
		int k = 0;

		for (;; k++) {
			unsigned w = sim()->gentle && !kinds[k].gentle ? 0 : kinds[k].lively;

			if (at < w)
				break;
			at -= w;
		}
		all->list[all->n++] = (struct fault){k,
		    sim()->now + (int64_t)sim_stream_below(&s, (uint64_t)(end - sim()->now)),
		    (unsigned)sim_stream_below(&s, 1u << 30),
		    (unsigned)sim_stream_below(&s, 1u << 30)};
	}
	return end + (sim_stream_chance(&s, 35)
			     ? (int64_t)sim_stream_below(&s, 4 * 3600) * 1000 * SIM_MS
			     : 0);
}

/* Kinds with a stream of their own, in the same time, or in an hour where that is short. */
static int64_t
add_own_kinds(struct sim_faults *all, int64_t end)
{
	int64_t span = end - sim()->now, least = 3600 * 1000 * SIM_MS;

	span = span < least ? least : span;
	for (int k = 0; k < SIM_FAULT_KINDS; k++) {
		struct sim_stream s = sim_stream(kinds[k].name);
		unsigned most = sim()->hostile ? kinds[k].hostile : kinds[k].also;
		if (sim()->late && !sim()->hostile && !sim()->lively)
			most = 0;
		if (sim()->aimed && k == SIM_FAULT_AIMED)
			most = SIM_AIMS_MAX;
		if (sim()->late && k == SIM_FAULT_LATE)
			most = SIM_LATES_MAX;
		most *= k != SIM_FAULT_UNRECORDED || (!sim()->gentle && sim()->seed % 5 == 2);
		uint64_t n = sim_stream_below(&s, most + 1);

		for (; n > 0 && all->n < SIM_FAULTS_MAX; n--) {
			int64_t at = (int64_t)sim_stream_below(
			    &s, (uint64_t)(sim()->rare ? span / 4 : span));
			if (k == SIM_FAULT_LATE) /* while there is something to be said */
				at /= 1 + (int64_t)sim_stream_below(&s, 6);
			unsigned a = (unsigned)sim_stream_below(&s, 1u << 30);

			all->list[all->n++] = (struct fault){
			    k, sim()->now + at, a, (unsigned)sim_stream_below(&s, 1u << 30)};
		}
	}
	return sim()->now + span;
}

void
sim_fault_new(unsigned n, const bool *skip)
{
	struct sim_faults *all = calloc(1, sizeof(*all));
	int64_t at = sim()->now;

	sim()->faults = all;
	for (all->n = 0; all->n < n && all->n < SIM_FAULTS_MAX; all->n++) {
		at += sim_between(500, 40000) * SIM_MS;
		all->list[all->n] = (struct fault){
		    pick_kind(), at, (unsigned)sim_below(1u << 30), (unsigned)sim_below(1u << 30)};
	}
	for (unsigned i = 0; sim()->gentle && i < all->n; i++)
		make_gentle(&all->list[i]);
	if (sim()->lively)
		at = add_lively(all, at + 1800 * 1000 * SIM_MS);
	if (sim()->hostile || sim()->lively || sim()->aimed || sim()->late)
		at = add_own_kinds(all, at);
	for (unsigned i = 0; i < all->n; i++)
		if (!skip || !skip[i])
			sim_after(all->list[i].at - sim()->now, strike, &all->list[i]);
	sim_after(at - sim()->now + 180000 * SIM_MS, calm_down, NULL);
	sim_person_new();
	if (sim()->lively && !sim()->gentle)
		sim_quirk_begin();
}

void
sim_fault_calm(void)
{
	calm_down(NULL);
}

struct steady {
	int64_t mean, deaths_until;
};

static void
strike_again(void *arg)
{
	const struct steady *s = arg;
	static struct fault f;

	if (sim()->calm)
		return;
	f = (struct fault){.at = sim()->now,
	    .a = (unsigned)sim_below(1u << 30),
	    .b = (unsigned)sim_below(1u << 30)};
	f.kind = SIM_FAULT_FIRST_NEW + (int)(f.b % (SIM_FAULT_NAME_LOST - SIM_FAULT_FIRST_NEW));
	if (!sim()->hostile || f.a % 5)
		f.kind = pick_kind();
	if (sim()->now >= s->deaths_until &&
	    (f.kind == SIM_FAULT_KILL || f.kind == SIM_FAULT_POWER))
		f.kind = SIM_FAULT_UNPLUG;
	if (sim()->now >= s->deaths_until && f.kind == SIM_FAULT_DISK_FULL)
		f.b &= ~1u; /* and nobody dies of it */
	strike(&f);
	sim_after(sim_between(s->mean / 2, s->mean * 3 / 2) * SIM_MS, strike_again, arg);
}

void
sim_fault_steady(int64_t mean_ms, int64_t deaths_until)
{
	struct steady *s = malloc(sizeof(*s));

	*s = (struct steady){mean_ms, deaths_until};
	sim()->faults = calloc(1, sizeof(*sim()->faults));
	sim_after(mean_ms * SIM_MS, strike_again, s);
}

unsigned
sim_fault_count(void)
{
	return sim()->faults->n;
}

void
sim_fault_print(const bool *skip)
{
	const struct sim_faults *all = sim()->faults;

	for (unsigned i = 0; i < all->n; i++)
		if (!skip[i])
			fprintf(stderr, "  %8.1f s  %s (%u, %u)\n", (double)all->list[i].at / 1e9,
			    kinds[all->list[i].kind].name, all->list[i].a, all->list[i].b);
}
