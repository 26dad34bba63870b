/*
 * sim_run: see sim_run.h.
 */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "sim_check.h"
#include "sim_depends.h"
#include "sim_device.h"
#include "sim_fault.h"
#include "sim_house.h"
#include "sim_install.h"
#include "sim_platform.h"
#include "sim_rare.h"
#include "sim_run.h"

#define HOUR (3600 * 1000 * SIM_MS)

/* Keys and nonces come from the seed, too. */
static const char *
random_name(void)
{
	return "sim";
}

static void
random_bytes(void *const out, const size_t n)
{
	for (size_t i = 0; i < n; i++)
		((uint8_t *)out)[i] = (uint8_t)sim_below(256);
}

static uint32_t
random_number(void)
{
	return (uint32_t)sim_below(UINT64_C(1) << 32);
}

static void
take_random(void)
{
	static struct randombytes_implementation how;

	how = (struct randombytes_implementation){
	    .implementation_name = random_name, .random = random_number, .buf = random_bytes};
	randombytes_set_implementation(&how);
	if (sodium_init() < 0)
		abort();
}

static void
make_room(size_t events)
{
	sim()->heap = calloc(events, sizeof(*sim()->heap));
	sim()->heap_size = sim()->heap ? events : 0;
}

int
sim_run_begin(uint64_t seed, const char *dir, const struct sim_scale *scale)
{
	struct rlimit files = {4096, 4096};

	setrlimit(RLIMIT_NOFILE, &files);
	sim_begin(seed, dir);
	if (scale->events)
		make_room(scale->events);
	sim()->plan_every = scale->plan_every;
	sim()->timeline = scale->timeline;
	sim()->cover = calloc(1, sizeof(*sim()->cover));
	take_random();
	sim_disk_new();
	sim_bus_new();
	sim_uplink_new();
	sim_couriers_new();
	int devices = (int)sim_between(1, SIM_DEVICES_FEW), plans = (int)sim_between(3, 10);
	if (sim()->grouped && devices < 2)
		devices = 2;
	if (scale->devices)
		devices = scale->devices;
	if (scale->plans)
		plans = scale->plans;
	sim_house_new(devices, plans + 2);
	sim_platform_new(plans);
	sim()->gentle = sim_chance(30) && !sim()->hostile && !sim()->aimed && !scale->plans &&
			!sim()->grouped && !sim()->local && !sim()->late;
	if (sim()->lively && sim()->gentle)
		sim_world_is_gentle(sim()->house);
	return plans;
}

void
sim_run_start(void)
{
	for (int i = 0; i < SIM_PROCS; i++)
		sim()->proc[i].restart_at = sim_between(1, 4000) * SIM_MS;
	sim_rare_begin();
}

/* Until all plans have ended and the weather is calm. */
static void
live(void)
{
	char why[200] = "";
	int64_t look = 0, end = SIM_NEVER;

	while (!sim()->violated && sim_step(end == SIM_NEVER ? sim()->now + HOUR : end)) {
		if (sim()->now < look)
			continue;
		look = sim()->now + 1000 * SIM_MS;
		sim_check_bounds();
		sim_plans_check();
		if (sim()->depends)
			sim_depends_watch();
		if (!sim()->calm)
			continue;
		if (sim_plans_is_done(why, sizeof(why)) && sim_check_is_complete() &&
		    (!sim()->local || sim_install_is_done(why, sizeof(why))))
			return;
		if (end == SIM_NEVER)
			end = sim()->now + (sim_plans_left() + 1) * 24 * HOUR;
	}
	if (!sim()->violated)
		sim_violate(4, "time is over: %s", why);
}

static void
pass(int64_t ns)
{
	int64_t end = sim()->now + ns;

	while (!sim()->violated && sim_step(end))
		;
	sim()->now = end;
}

/* A quiet house writes nothing. */
static void
rest(void)
{
	pass(sim()->lively ? 2 * HOUR : HOUR); /* there a window may open once more */
	uint64_t writes[SIM_PROCS], events = sim()->counts.events;
	for (int i = 0; i < SIM_PROCS; i++)
		writes[i] = sim()->proc[i].writes;
	pass(HOUR);
	for (int i = 0; i < SIM_PROCS; i++)
		if (sim()->proc[i].writes != writes[i] && sim_check_is_quiet())
			sim_violate(5, "%s: %llu writes in an hour in which nothing happened",
			    sim()->proc[i].name,
			    (unsigned long long)(sim()->proc[i].writes - writes[i]));
	if (sim()->counts.events - events > 200000 + 20000 * (uint64_t)sim()->house->devices)
		sim_violate(4, "%llu events in an hour in which nothing happened",
		    (unsigned long long)(sim()->counts.events - events));
}

void
sim_run_end(void)
{
	live();
	if (!sim()->violated)
		rest();
	if (!sim()->violated)
		sim_check_end();
}

void
sim_run(uint64_t seed, const char *dir, const bool *skip, bool timeline, struct sim_result *out)
{
	const struct sim_scale by_seed = {.timeline = timeline};
	int plans = sim_run_begin(seed, dir, &by_seed);

	sim_fault_new((unsigned)sim_between(0, 6) * (unsigned)plans, skip);
	sim_run_start();
	sim_run_end();
	sim_run_result(out);
}

void
sim_run_result(struct sim_result *out)
{
	*out = (struct sim_result){.seed = sim()->seed,
	    .digest = sim()->digest,
	    .counts = sim()->counts,
	    .violated = sim()->violated,
	    .lasted_ms = sim()->now / SIM_MS,
	    .n_faults = sim_fault_count(),
	    .cover = *sim()->cover};
	memcpy(out->violation, sim()->violation, sizeof(out->violation));
	sim_plans_outcome(out->outcome, sizeof(out->outcome));
}
