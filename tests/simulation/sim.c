/*
 * sim: see sim.h. Time, events, processes and their deaths.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"
#include "sim_device.h"
#include "sim_held.h"
#include "sim_house.h"

enum { STILL_MAX = 200000 };

struct sim *
sim(void)
{
	static struct sim world;

	return &world;
}

/* splitmix64 */
static uint64_t
mix_bits(uint64_t z)
{
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

static uint64_t
next_random(void)
{
	return mix_bits(sim()->random += 0x9e3779b97f4a7c15u);
}

static bool
is_in(uint64_t seed, uint64_t first, uint64_t end)
{
	return seed >= first && seed < end;
}

void
sim_begin(uint64_t seed, const char *dir)
{
	static const char *const names[] = {"cloudd", "fetchd", "flashd"};
	struct sim *s = sim();
	bool depends = is_in(seed, SIM_DEPENDS, SIM_LOCAL);
	bool local = is_in(seed, SIM_LOCAL, SIM_RARE);
	bool grouped = is_in(seed, SIM_GROUPS, SIM_AIMED) || depends;
	bool rare = is_in(seed, SIM_RARE, SIM_LATE), late = seed >= SIM_LATE;
	bool aimed = is_in(seed, SIM_AIMED, SIM_DEPENDS) || rare;
	bool boards = rare && seed / 8 % 2; /* of other kinds, which go together */

	*s = (struct sim){.seed = seed,
	    .random = mix_bits(seed ^ 0x50b07au),
	    .hostile = is_in(seed, SIM_HOSTILE, SIM_LIVELY) || is_in(seed, SIM_WILD, SIM_GROUPS) ||
		       ((grouped || local) && seed % 2) || (late && seed / 4 % 2),
	    .lively = is_in(seed, SIM_LIVELY, SIM_GROUPS) || (aimed && !boards) ||
		      (late && seed / 8 % 2),
	    .grouped = grouped || boards,
	    .depends = depends,
	    .local = local,
	    .aimed = aimed,
	    .rare = rare,
	    .late = late};
	snprintf(s->dir, sizeof(s->dir), "%s", dir);
	for (int i = 0; i < SIM_PROCS; i++)
		s->proc[i] = (struct sim_proc){
		    .who = (enum sim_who)i, .name = names[i], .restart_at = SIM_NEVER};
}

/* --- chance ----------------------------------------------------------------------------------- */

uint64_t
sim_below(uint64_t n)
{
	return n ? next_random() % n : 0;
}

bool
sim_chance(unsigned percent)
{
	return sim_below(100) < percent;
}

int64_t
sim_between(int64_t low, int64_t high)
{
	return low + (int64_t)sim_below((uint64_t)(high - low + 1));
}

struct sim_stream
sim_stream(const char *name)
{
	uint64_t state = mix_bits(sim()->seed ^ 0x73747265616du);

	for (; *name; name++)
		state = mix_bits(state ^ (uint8_t)*name);
	return (struct sim_stream){state};
}

uint64_t
sim_stream_below(struct sim_stream *s, uint64_t n)
{
	uint64_t z = mix_bits(s->state += 0x9e3779b97f4a7c15u);

	return n ? z % n : 0;
}

bool
sim_stream_chance(struct sim_stream *s, unsigned percent)
{
	return sim_stream_below(s, 100) < percent;
}

/* --- time ------------------------------------------------------------------------------------- */

struct mono
sim_mono(void)
{
	return (struct mono){(sim()->now - sim()->boot_at) / SIM_MS + 5000};
}

uint64_t
sim_wall(void)
{
	int64_t ms = (int64_t)SIM_WALL + sim()->now / SIM_MS + sim()->wall_skew_ms;

	return ms > 0 ? (uint64_t)ms : 0;
}

static bool
is_before(const struct sim_event *a, const struct sim_event *b)
{
	return a->due < b->due || (a->due == b->due && a->order < b->order);
}

static void
swap(struct sim_event *a, struct sim_event *b)
{
	struct sim_event t = *a;

	*a = *b;
	*b = t;
}

void
sim_after(int64_t delay_ns, sim_fn *fn, void *arg)
{
	struct sim *s = sim();
	size_t i = s->n_heap++;

	if (s->n_heap > s->heap_size) {
		s->heap_size = s->heap_size ? 2 * s->heap_size : 64;
		s->heap = realloc(s->heap, s->heap_size * sizeof(*s->heap));
		if (!s->heap)
			abort();
	}
	s->heap[i] = (struct sim_event){s->now + delay_ns, s->order++, fn, arg};
	for (; i > 0 && is_before(&s->heap[i], &s->heap[(i - 1) / 2]); i = (i - 1) / 2)
		swap(&s->heap[i], &s->heap[(i - 1) / 2]);
}

static struct sim_event
take_event(struct sim *s)
{
	struct sim_event top = s->heap[0];
	size_t i = 0;

	s->heap[0] = s->heap[--s->n_heap];
	for (;;) {
		size_t least = i, left = 2 * i + 1, right = left + 1;

		if (left < s->n_heap && is_before(&s->heap[left], &s->heap[least]))
			least = left;
		if (right < s->n_heap && is_before(&s->heap[right], &s->heap[least]))
			least = right;
		if (least == i)
			return top;
		swap(&s->heap[i], &s->heap[least]);
		i = least;
	}
}

/* Time may stand still only for a bounded number of events: nothing spins. */
static void
move_to(struct sim *s, int64_t due)
{
	s->counts.events++;
	if (due > s->now)
		s->now = due;
	if (s->now / SIM_MS != s->still_at) {
		s->still_at = s->now / SIM_MS;
		s->still = 0;
	}
	if (++s->still > STILL_MAX)
		sim_violate(4, "%u events without a millisecond's progress", s->still);
}

static void
restart(struct sim_proc *p)
{
	p->restart_at = SIM_NEVER;
	sim_house_start(p);
}

bool
sim_step(int64_t until)
{
	struct sim *s = sim();
	int64_t due = s->n_heap ? s->heap[0].due : SIM_NEVER;
	int pick = -1, device = sim_device_next();
	int64_t device_due = device >= 0 ? sim_device_due(device) : SIM_NEVER;

	for (int i = 0; i < SIM_PROCS; i++) {
		struct sim_proc *p = &s->proc[i];
		int64_t at = p->alive ? sim_loop_due(p->daemon.loop) : p->restart_at;

		if (at < due) {
			due = at;
			pick = i;
		}
	}
	if (device_due < due) {
		due = device_due;
		pick = SIM_PROCS;
	}
	if (due == SIM_NEVER || due > until)
		return false;
	move_to(s, due);
	if (pick == SIM_PROCS) {
		sim_device_step(device);
	} else if (pick < 0) {
		struct sim_event e = take_event(s);

		e.fn(e.arg);
	} else if (s->proc[pick].alive) {
		sim_call(&s->proc[pick], sim_loop_fire, s->proc[pick].daemon.loop);
	} else {
		restart(&s->proc[pick]);
	}
	return true;
}

/* --- processes -------------------------------------------------------------------------------- */

/* It is no more; others find out in their own time. */
static void
bury(struct sim_proc *p)
{
	p->alive = false;
	p->die_at = p->die_at_rename = 0;
	p->self = NULL;
	sim_held_died(p->who);
	p->daemon = (struct daemon){0};
	p->restart_at = sim()->now + sim_between(50, 5000) * SIM_MS;
	sim_bus_lost(p->who);
	if (p->who == SIM_CLOUDD)
		sim_uplink_lost();
	if (p->who == SIM_FETCHD)
		sim_couriers_lost();
	if (p->who == SIM_FLASHD)
		sim_lanes_lost();
}

void
sim_kill(struct sim_proc *p)
{
	bool runs = sim()->current == p;

	if (!p->alive)
		return;
	sim()->counts.crashes++;
	sim_say(p->name, "dies");
	bury(p);
	if (runs)
		longjmp(p->escape, 1);
}

void
sim_power_cut(void)
{
	struct sim *s = sim();
	struct sim_proc *runs = s->current;

	s->counts.power_cuts++;
	sim_say(NULL, "power cut");
	for (int i = 0; i < SIM_PROCS; i++)
		if (s->proc[i].alive)
			bury(&s->proc[i]);
	sim_couriers_power_cut();
	sim_disk_power_cut();
	sim_system_power_cut();
	s->boots++;
	s->boot_at = s->now + sim_between(1, 20000) * SIM_MS;
	for (int i = 0; i < SIM_PROCS; i++)
		s->proc[i].restart_at = s->boot_at + sim_between(1, 3000) * SIM_MS;
	if (runs)
		longjmp(runs->escape, 1);
}

bool
sim_call(struct sim_proc *p, sim_fn *fn, void *arg)
{
	struct sim *s = sim();

	if (!p->alive)
		return false;
	s->current = p;
	log_init(p->name, s->timeline ? LOG_INFO : LOG_SILENT);
	if (setjmp(p->escape) == 0)
		fn(arg);
	s->current = NULL;
	return p->alive;
}

void
sim_effect(const char *what)
{
	struct sim_proc *p = sim()->current;

	if (!p)
		return;
	sim()->counts.effects++;
	bool renames = strncmp(what, "rename", 6) == 0 && p->die_at_rename;
	if (++p->effects != p->die_at && !(renames && --p->die_at_rename == 0))
		return;
	sim_say(p->name, "is hit at an effect: %s", what);
	if (p->takes_power)
		sim_power_cut();
	sim_kill(p);
}

/* --- what happened ---------------------------------------------------------------------------- */

static void
mix(struct sim *s, const char *text)
{
	for (; *text; text++)
		s->digest = (s->digest ^ (uint8_t)*text) * 0x100000001b3u;
	s->digest = (s->digest ^ (uint64_t)(s->now / SIM_MS)) * 0x100000001b3u;
}

void
sim_say(const char *from, const char *format, ...)
{
	struct sim *s = sim();
	char text[400], at[CLOCK_TEXT];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	mix(s, text);
	if (!s->timeline)
		return;
	clock_text((uint64_t)((int64_t)SIM_WALL + s->now / SIM_MS), at);
	fprintf(stderr, "%s ** %s %s\n", at, from ? from : "the world", text);
}

void
sim_violate(int number, const char *format, ...)
{
	struct sim *s = sim();
	va_list ap;

	if (s->violated)
		return;
	va_start(ap, format);
	vsnprintf(s->violation, sizeof(s->violation), format, ap);
	va_end(ap);
	s->violated = number;
	sim_say(NULL, "VIOLATION of invariant %d: %s", number, s->violation);
}
