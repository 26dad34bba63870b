/*
 * soak: weeks of the cloud's life in seconds. The real cloud core (struct cloud) and the real MQTT
 * session, joined by bytes in memory with the platform of the local Developer Center, broker and
 * plan model included; on the other side a gate with devices that decide, fetch, flash, fail and
 * fall silent by chance. One clock for all, which jumps to whatever is due next; chance comes from
 * one seed.
 *
 *     AUTO(soak) struct soak *s = soak_new(seed);
 *     soak_plan(s, "1.1.0", hours, ...);  soak_pass(s, hours)
 *
 * What goes wrong on purpose (soak_trouble): connections that are cut amid a message, a platform
 * that is away, loses and repeats messages, loses acknowledgements; its death and cloudd's (what
 * was not durable is gone); a gate that is away; put-offline notices.
 */
#ifndef SUBOTA_TESTS_SOAK_H
#define SUBOTA_TESTS_SOAK_H

#include "cloud.h"
#include "dc_case.h"
#include "session.h"

enum { SOAK_DEVICES = 12, SOAK_REPORTS = 256, SOAK_UPGRADES = 512 };
#define SOAK_MINUTE INT64_C(60000)
#define SOAK_HOUR (60 * SOAK_MINUTE)
#define SOAK_DAY (24 * SOAK_HOUR)

enum soak_phase {
	SOAK_OFFERED,
	SOAK_ASKED,
	SOAK_ACCEPTED,
	SOAK_FETCHING,
	SOAK_FLASHING,
	SOAK_ENDED
};

/* One upgrade as flashd and the gate know it. */
struct soak_upgrade {
	uint64_t id;
	unsigned device;
	enum soak_phase phase;
	char target[DIALECT_VERSION_MAX + 1];
	int verdict, reason;        /* once given */
	uint64_t until;             /* wall clock, of a verdict that puts off */
	int end;                    /* the phase (enum Pb__Phase) that it will come to */
	bool silent, repeat;        /* repeat: the verdict is wanted once more */
	struct mono next, progress; /* the next step, the next word on it */
};

struct soak_report {
	uint64_t id, upgrade;
	unsigned device;
	int phase, error;
	bool by_gate;
	char version[DIALECT_VERSION_MAX + 1];
	struct mono again; /* until it is acknowledged */
};

struct soak_count {
	unsigned offers, accepted, rejected, deferred, asked, orders, cancels;
	unsigned done, failed, fetch_failed, silent, cancelled;
	unsigned connects, cuts, outages, restarts_platform, restarts_cloudd, gate_gone, kicks;
	size_t items_max;
};

struct soak {
	struct dc_case *platform;
	struct dc_line *line; /* NULL: no connection */
	size_t up_len;
	uint8_t up[70000]; /* bytes the broker did not take yet */
	struct session *session;
	struct cloud cloud;
	struct cloud_identity identity;
	struct secrets secrets;
	char *dir;
	char path[300];

	struct mono now;
	uint64_t wall0; /* wall clock at now = 0 */
	uint64_t random;

	struct mono retry, ready_at, away_until;
	unsigned failures;
	int fail_code;
	bool reconnect;
	int64_t cut_after; /* so many further bytes up; < 0: none */

	bool gate_up;
	struct mono gate_back;
	struct {
		char dk[32], version[DIALECT_VERSION_MAX + 1];
	} device[SOAK_DEVICES];
	struct soak_upgrade upgrade[SOAK_UPGRADES];
	unsigned n_upgrades;
	struct soak_report report[SOAK_REPORTS];
	unsigned n_reports;
	uint64_t next_report;

	bool trouble;
	struct mono next_trouble, next_tick;
	struct soak_count count;
};

/* All connected and logged in with version 1.0.0. */
struct soak *soak_new(uint64_t seed);
void soak_free(struct soak *s);
AUTO_DEFINE(soak, struct soak *, soak_free)

/* A silent plan from now on for so many hours; hours of the day [from, to) in which it is pushed
 * (0, 0: always), -1: never. */
void soak_plan(
    struct soak *s, const char *target, int hours, int push_from, int push_to, int reject_min);
/* Let time pass. */
void soak_pass(struct soak *s, int64_t ms);
/* From now on things go wrong every few hours, or no longer. */
void soak_trouble(struct soak *s, bool on);

/* --- for the parts ---------------------------------------------------------------------------- */

uint64_t soak_random(struct soak *s, uint64_t below);
uint64_t soak_wall(const struct soak *s);

/* The gate: takes what cloudd sends, says what is due. */
enum err soak_gate_take(struct soak *s, const Pb__Envelope *e);
void soak_gate_step(struct soak *s);
struct mono soak_gate_due(const struct soak *s);
void soak_gate_link(struct soak *s, bool up);

#endif
