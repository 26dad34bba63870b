/*
 * sim: the world of one simulated run: virtual time, one source of chance, three processes that can
 * die at any effect, and what they see of it.
 *
 *     sim.c          time, events, processes and their deaths
 *     sim_loop.c     body of common/loop.h        sim_bus.c      body of common/bus.h
 *     sim_system.c   clocks, fsync and locks      sim_disk.c     SQLite on a disk that forgets
 *     sim_courier.c  body of fetchd/download.h    sim_lane.c     body of flashd/lane.h
 *     sim_device.c   boards and their lines       sim_platform.c the Developer Center
 *     sim_plans.c    its plans                    sim_status.c   what it is told of them
 *     sim_house.c    settings, keys, packages, starts
 *     sim_uplink.c   cloudd's connection
 *     sim_fault.c    what goes wrong, and when    sim_check.c    the invariants
 *     sim_trouble.c  and in lively worlds         sim_person.c   people at the gateway
 *     sim_quirk.c    what the platform may do     sim_world.c    settings of lively worlds
 *     sim_aim.c      trouble at chosen states     sim_deed.c     what it is
 *     sim_kind.c     boards of other kinds        sim_ack.c      what is acknowledged is recorded
 *     sim_group.c    devices that go together     sim_depends.c  images that depend on others
 *     sim_install.c  packages that people install sim_rare.c     worlds for rare histories
 *     sim_late.c     old connections, worked off late
 *     sim_cover.c    rows of the state tables     sim_run.c      one seed, from beginning to end
 *
 * A process is its struct and its loop. It runs only inside sim_call, which a death leaves by a
 * longjmp: nothing after the fatal effect happens, and what the process held is never touched again
 * (each run is a process of its own, so what leaks ends with it). There is one world per program.
 */
#ifndef SUBOTA_SIM_H
#define SUBOTA_SIM_H

#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>
#include <subota.pb-c.h>

#include "clock.h"
#include "daemon.h"

#define SIM_NEVER INT64_MAX
#define SIM_MS INT64_C(1000000) /* in ns */
#define SIM_WALL UINT64_C(1764000000000)

enum { SIM_DEVICES_MAX = 64, SIM_DEVICES_FEW = 4, SIM_FAULTS_MAX = 256, SIM_PATH = 256 };

/* From this seed on boards, platform and disk misbehave in the newer ways, too. */
enum { SIM_HOSTILE = 1000000 };
/* And from this one on people, policies and whoever is away for hours instead (sim_trouble.h). */
enum { SIM_LIVELY = 2000000 };
/* And from this one on both at once. */
enum { SIM_WILD = 3000000 };
/* And from this one on devices go together (sim_group.h); every other of these worlds is hostile.
 */
enum { SIM_GROUPS = 4000000 };
/* And from this one on lively ones with boards of other kinds (sim_kind.h), and trouble that is
 * aimed at states of the machines (sim_aim.h). */
enum { SIM_AIMED = 5000000 };
/* And from this one on images depend on what other devices run (sim_depends.h), some of which go
 * together; every other of these worlds is hostile. */
enum { SIM_DEPENDS = 6000000 };
/* And from this one on people install packages without the platform (sim_install.h); every other of
 * these worlds is hostile, too. */
enum { SIM_LOCAL = 7000000 };
/* And from this one on worlds in which histories happen that are rare even there (sim_rare.h): in
 * every other eight of them boards of other kinds go together, in the others they are lively. */
enum { SIM_RARE = 8000000 };
/* And from this one on the platform works off old connections late (sim_late.h), in worlds of the
 * first four kinds. */
enum { SIM_LATE = 9000000 };

enum sim_who { SIM_CLOUDD, SIM_FETCHD, SIM_FLASHD, SIM_PROCS };

struct sim_proc {
	enum sim_who who;
	const char *name;
	bool alive;
	unsigned life; /* how often it was started */
	void *self;    /* struct cloud, gate or flash */
	struct daemon daemon;
	jmp_buf escape;
	uint64_t effects;       /* so far, in all lives */
	uint64_t die_at;        /* effect number, 0 = never */
	unsigned die_at_rename; /* so many more of these effects, 0 = never */
	bool takes_power;       /* and the whole gateway with it */
	bool disk_full, disk_broken, disk_read_only;
	unsigned io_errors; /* so many operations fail next */
	int64_t restart_at; /* ns */
	unsigned failed_starts;
	uint64_t writes;
};

typedef void sim_fn(void *arg);

struct sim_event {
	int64_t due;
	uint64_t order;
	sim_fn *fn;
	void *arg;
};

struct sim_counts {
	uint64_t upgrades, crashes, power_cuts, events, messages, effects, writes, bytes_written;
	uint64_t faults[64];
};

struct sim {
	uint64_t seed, random;
	int64_t now;     /* ns of virtual time */
	int64_t boot_at; /* of the gateway: its monotonic clock starts anew */
	int64_t wall_skew_ms;
	unsigned boots;
	char dir[SIM_PATH];
	struct sim_event *heap;
	size_t n_heap, heap_size;
	uint64_t order;
	struct sim_proc proc[SIM_PROCS];
	struct sim_proc *current;
	struct sim_counts counts;
	bool timeline; /* print it */
	bool gentle;   /* nothing goes wrong but processes and the bus */
	bool hostile;  /* SIM_HOSTILE, SIM_WILD, half of the later ones */
	bool lively;   /* SIM_LIVELY, SIM_WILD, SIM_AIMED, half of SIM_RARE, SIM_LATE */
	bool aimed;    /* SIM_AIMED, SIM_RARE */
	bool grouped;  /* SIM_GROUPS, SIM_DEPENDS, half of SIM_RARE: all have the same plans */
	bool depends;  /* SIM_DEPENDS */
	bool local;    /* SIM_LOCAL */
	bool rare;     /* SIM_RARE */
	bool late;     /* SIM_LATE */
	bool calm;     /* faults have stopped */
	int64_t calm_at;
	int64_t plan_every; /* ns between plans of a device; 0 = as soon as may be */
	char violation[400];
	int violated;     /* number of the invariant, 0 = none */
	uint64_t digest;  /* of everything that happened */
	int64_t still_at; /* the last point in time, and how many events it had */
	unsigned still;

	struct sim_bus *bus;
	struct sim_disk *disk;
	struct sim_house *house;
	struct sim_platform *platform;
	struct sim_uplink *uplink;
	struct sim_couriers *couriers;
	struct sim_faults *faults;
	struct sim_installs *installs;
	struct sim_cover *cover;
};

/* The one world. */
struct sim *sim(void);
/* Begin a world for a seed, in the scratch directory `dir`. */
void sim_begin(uint64_t seed, const char *dir);

/* Chance: below `n`; true in `percent` of 100. */
uint64_t sim_below(uint64_t n);
bool sim_chance(unsigned percent);
/* Between two numbers, both included. */
int64_t sim_between(int64_t low, int64_t high);

/* A source of chance of its own, from the seed and a name: what is drawn from it moves nobody
 * else's history. What is new in the model draws from one, so that older seeds stay what they were.
 */
struct sim_stream {
	uint64_t state;
};
struct sim_stream sim_stream(const char *name);
uint64_t sim_stream_below(struct sim_stream *s, uint64_t n);
bool sim_stream_chance(struct sim_stream *s, unsigned percent);

/* Call `fn` after `delay_ns`. Never from inside. */
void sim_after(int64_t delay_ns, sim_fn *fn, void *arg);
/* One event, whatever is due next; false when nothing ever is or it is later than `until`. */
bool sim_step(int64_t until);

/* Run `fn` as process `p`. False when it died of it, or was dead before. */
bool sim_call(struct sim_proc *p, sim_fn *fn, void *arg);
/* The process that runs is about to do something that others can see: it may die here. */
void sim_effect(const char *what);
/* End the process that runs (or another), as kill -9 does. Does not return when it runs. */
void sim_kill(struct sim_proc *p);
/* All processes end, and the disks lose what they had not written. */
void sim_power_cut(void);

/* What happened, for the digest of the run and the timeline; `from` may be NULL. */
void sim_say(const char *from, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Invariant `number` does not hold. The first one counts. */
void sim_violate(int number, const char *format, ...) __attribute__((format(printf, 2, 3)));

struct mono sim_mono(void);
uint64_t sim_wall(void);

/* --- for the parts ---------------------------------------------------------------------------- */

int64_t sim_loop_due(const struct loop *l);
/* Run the timer that is due next. As the process. */
void sim_loop_fire(void *loop);
void sim_bus_new(void);
void sim_bus_lost(enum sim_who who); /* the process is gone */
void sim_bus_cut(unsigned conn);
void sim_bus_away(unsigned conn, int64_t for_ns); /* longer */
/* What is sent is lost, and no end finds out until then, as if who reads hung. */
void sim_bus_hang(unsigned conn);
void sim_bus_rouse(unsigned conn);
void sim_bus_calm(void);
/* Who sends a message of this kind next dies of it, before or after, and whom it is for is away for
 * a while; kind 0: nobody. */
void sim_bus_hit(int kind, bool after, int64_t away_ns);
void sim_bus_hit_store(void); /* and the store's files are gone then */
void sim_bus_try(void);
void sim_bus_trouble(unsigned drop_percent, unsigned busy_percent);
void sim_disk_new(void);
void sim_disk_power_cut(void);
void sim_disk_lose(const char *name); /* the database of this process */
void sim_system_power_cut(void);
void sim_system_lose_store(void);
void sim_system_spoil_store(unsigned a); /* one byte of each bundle in it */
void sim_uplink_new(void);
void sim_uplink_lost(void);
void sim_uplink_cut(bool reached);
void sim_couriers_new(void);
void sim_couriers_lost(void);
void sim_couriers_power_cut(void);
void sim_lanes_lost(void);

#endif
