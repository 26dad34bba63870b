/*
 * dc_rule: what the platform's model allows and how it is read (spec: developer center, sections 12
 * and 13). Pure: no database, no clock.
 */
#ifndef DC_RULE_H
#define DC_RULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

/* clang-format off */
enum {
	DC_RULE_VERSION = 64, DC_RULE_COMPONENT = 32, DC_RULE_NAME = 100, DC_RULE_REMARK = 200,
	DC_RULE_NAME_BYTES = 400, DC_RULE_REMARK_BYTES = 800, /* the same as UTF-8 */
	DC_RULE_COMPONENTS = 20, DC_RULE_VERSIONS = 8, DC_RULE_WHY = 240, DC_RULE_FILES = 5,
	DC_RULE_VERIFY_MS = 60 * 60000, /* a verification on one device runs so long */
	DC_RULE_AT_ONCE = 10000,        /* devices that are upgraded at the same time */
};
/* clang-format on */

/* Where a plan's life stands, as the platform shows it. */
enum dc_rule_life {
	DC_RULE_INACTIVATED,
	DC_RULE_TO_BE_UPGRADED,
	DC_RULE_UPGRADING,
	DC_RULE_SUSPENDED,
	DC_RULE_TERMINATED,
	DC_RULE_ENDED,
};

/* "To be upgraded" and the like. */
const char *dc_rule_life_name(enum dc_rule_life life);
/* From the stored state ("inactivated", "activated", "suspended", "terminated"), the plan's end and
 * how many of its devices have begun. A plan that was terminated stays so after its end. */
enum dc_rule_life dc_rule_life_of(const char *state, int64_t ends, int64_t now, int64_t begun);

/* How many devices of a plan are in each state; the index is enum dc_progress. */
struct dc_rule_counts {
	int64_t n[5];
};

/* Success in percent of those that came to an end, success or failure; -1: none did. Devices that
 * have not begun, run or need nothing do not count. */
int dc_rule_rate(const struct dc_rule_counts *c);

/* One device's state in a plan, from the states of its components: failed if one failed, done or
 * needless if all are, running if one runs or is done. */
int64_t dc_rule_device_state(const struct dc_rule_counts *components, int64_t all);

/* Whether a component may begin now: its plan is active in its time, or it is suspended and the
 * device had begun before. */
bool dc_rule_may_begin(const char *state, int64_t ends, int64_t now, bool begun);
/* A plan that was terminated or whose end is past: what has not begun counts as failed. */
bool dc_rule_is_over(const char *state, int64_t ends, int64_t now);

/* Whether `now` (ms, UTC) is inside a push period of minutes of the day in a zone given in minutes
 * east of UTC. from == to: the whole day; a period may span midnight. */
bool dc_rule_in_period(int64_t from, int64_t to, int64_t zone_min, int64_t now);

/* Letters, digits and those of `extra`, 1 to max bytes. */
bool dc_rule_is_text(const char *text, size_t max, const char *extra);

/* What the platform asks of a package. ERR_INVALID with a sentence in `why`. */
struct dc_rule_package {
	const char *base;      /* name of the file */
	const char *name;      /* shown */
	const char *component, *target;
	const char *source;    /* NULL: a full package */
	const char *scheme;    /* "https" or "http" */
	const char *remark;    /* NULL: none */
	bool mcu;
	unsigned files;        /* 1 to 5; an MCU's package has one */
};
/* The name of a file, without its directory. */
enum err dc_rule_file(const char *base, char why[static DC_RULE_WHY]) MUST_CHECK;
enum err dc_rule_package(
    const struct dc_rule_package *p, char why[static DC_RULE_WHY]) MUST_CHECK;

/* The numbers and texts of a plan; ERR_INVALID with a sentence in `why`. */
struct dc_rule_plan {
	const char *name, *versions, *remark; /* versions and remark may be NULL */
	int64_t starts, ends, zone_min, push_from, push_to, reject_min, retries, retry_ms,
	    min_signal, min_battery;
	bool push;
	unsigned components;
};
/* At most 8 versions of the platform's characters, joined by ';'. */
bool dc_rule_are_versions(const char *list);
enum err dc_rule_plan(const struct dc_rule_plan *p, char why[static DC_RULE_WHY]) MUST_CHECK;
/* What the console and the command line begin with: one year from now, pushed all day, 120 minutes
 * after a refusal, 5 retries a second apart, -113 dBm, 30 %. */
struct dc_rule_plan dc_rule_plan_defaults(int64_t now);

#endif
