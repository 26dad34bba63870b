/*
 * dc_plan: which plan fits a device now, and where a device stands in it (spec: developer center,
 * section 13). Reads and writes the tables `plan`, `plan_component` and `progress`.
 *
 * Components of a plan run in list order; the first that is neither done nor needless is the one to
 * offer. A manual plan fits once a person confirmed it (dc_user.h) or the device's auto-confirm is
 * on.
 */
#ifndef DC_PLAN_H
#define DC_PLAN_H

#include "dc_peer.h"
#include "dc_rule.h"

/* progress.state: the platform's device states. */
enum dc_progress {
	DC_PROGRESS_NONE = 0,
	DC_PROGRESS_RUNNING = 1,
	DC_PROGRESS_DONE = 2,
	DC_PROGRESS_FAILED = 3,
	DC_PROGRESS_NEEDLESS = 4, /* "no update required" */
};

const char *dc_plan_state_name(int64_t progress_state);

/* One component of one plan for one device. */
struct dc_offer {
	int64_t plan, seq, package;
	char plan_name[DC_RULE_NAME_BYTES + 1], plan_state[16];
	int64_t ends;
	char component[33], target[65], source[65];
	int64_t kind, size; /* kind: 0 module, 1 MCU; size of all its files */
	int64_t min_battery, min_signal;
	bool push;
	int64_t push_from, push_to; /* minutes of the day, in `zone`: minutes east of UTC */
	int64_t zone;
	int64_t reject_min, retries, retry_ms;
	/* progress */
	int64_t state, last, tries, due, offered;
	bool sha256;
	bool forced; /* a person wants it at once */
	bool begun;  /* the device runs or has done a component of the plan */
};

/* A line in the device's log that belongs to a component of a plan. */
void dc_plan_say(struct dc *dc, const struct dc_peer *p, const struct dc_offer *o,
    const char *format, ...) __attribute__((format(printf, 4, 5)));

/* The version that a device reported for a component, "" when it did not: the one its list of
 * component versions names; for a module component otherwise its own version. */
void dc_plan_version_of(
    struct dc *dc, int64_t device, const char *component, int64_t kind, char *out, size_t size);

void dc_plan_version_in(struct dc_db *db, int64_t device, const char *component, int64_t kind,
    char *out, size_t size);

/* The match rule: a delta package's source version, or one of the specified versions; "" none. */
bool dc_plan_version_fits(const char *source, const char *versions, const char *version);

/* The components to offer to a device now: those of the first plan that has one, in the order in
 * which they run. Returns how many, at most DC_RULE_COMPONENTS. Marks on its way what needs no
 * update. */
unsigned dc_plan_next(
    struct dc *dc, const struct dc_peer *p, struct dc_offer out[static DC_RULE_COMPONENTS]);
/* The same among the manual plans, whatever a person decided. */
unsigned dc_plan_waiting(
    struct dc *dc, const struct dc_peer *p, struct dc_offer out[static DC_RULE_COMPONENTS]);
/* Whether its address may be given out now. */
bool dc_plan_may_begin(const struct dc *dc, const struct dc_offer *o);
/* Whether a component that stands before it in its plan is still to be done. */
bool dc_plan_must_wait(struct dc *dc, const struct dc_peer *p, const struct dc_offer *o);

/* The component that a status is about: the one that was offered last. */
bool dc_plan_current(
    struct dc *dc, const struct dc_peer *p, const char *component, struct dc_offer *out);

/* Changes of progress. */
void dc_plan_offered(struct dc *dc, const struct dc_peer *p, const struct dc_offer *o);
void dc_plan_heard(
    struct dc *dc, const struct dc_peer *p, const struct dc_offer *o, int64_t status);
void dc_plan_set_due(
    struct dc *dc, const struct dc_peer *p, const struct dc_offer *o, int64_t after_ms);
void dc_plan_end(
    struct dc *dc, const struct dc_peer *p, const struct dc_offer *o, enum dc_progress state);
/* A failure: counted; true when a new try is due, false when it was the last: the plan has enough,
 * or is over. */
bool dc_plan_failed(struct dc *dc, const struct dc_peer *p, const struct dc_offer *o);

/* Record success for whatever was offered and is reported at its target. True if anything was. */
bool dc_plan_settle(struct dc *dc, const struct dc_peer *p);

#endif
