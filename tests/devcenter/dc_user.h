/*
 * dc_user: what a person decides about a manual plan (spec: developer center, section 11.2): now,
 * by appointment, never, or once more after a failure; and the same person at the console's
 * button for another try of a silent plan (section 13). That a result is confirmed by operType 4 is
 * inferred from userConfirmStatus 4. The decision is pure; the rest writes it
 * down, and the platform's next tick offers what has become due.
 */
#ifndef DC_USER_H
#define DC_USER_H

#include "dc_db.h"
#include "dc_rule.h"

/* clang-format off */
/* userConfirmStatus of the platform's OpenAPI. */
enum dc_user_status { DC_USER_NONE, DC_USER_NOW, DC_USER_APPOINTED, DC_USER_CANCELLED,
	DC_USER_SEEN /* the result was confirmed */ };
/* operType */
enum dc_user_oper {
	DC_USER_DO_NOW = 1, DC_USER_DO_APPOINT = 2, DC_USER_DO_CANCEL = 3, DC_USER_DO_SEEN = 4,
	DC_USER_DO_RETRY = 5,
	DC_USER_APPOINT_MS = 3600000, /* an appointment is at least so long */
};
/* clang-format on */

struct dc_user_wish {
	int64_t oper;         /* enum dc_user_oper */
	int64_t starts, ends; /* of an appointment, ms */
};

/* Where the plan and the device in it stand. */
struct dc_user_case {
	bool manual, active;
	int64_t status, device_state; /* enum dc_user_status, enum dc_progress */
	int64_t starts, ends, now;    /* of the plan; ms */
};

/* The status that a wish leads to; ERR_PHASE or ERR_INVALID with a sentence in `why`. */
enum err dc_user_decide(const struct dc_user_case *c, const struct dc_user_wish *w,
    enum dc_user_status *to, char why[static DC_RULE_WHY]) MUST_CHECK;

/* Decide and write down; one transaction. Rows of plan and device. */
enum err dc_user_confirm(struct dc_db *db, int64_t plan, int64_t device,
    const struct dc_user_wish *w, int64_t now, char why[static DC_RULE_WHY]) MUST_CHECK;

/* The console's button: try a silent plan once more on a device that failed and still reports the
 * version it began with. At once when it is online, otherwise when it logs in. */
enum err dc_user_retry(struct dc_db *db, int64_t plan, int64_t device, int64_t now,
    char why[static DC_RULE_WHY]) MUST_CHECK;

/* Whether it may be done, with what would refuse it in `why`. */
enum err dc_user_may_retry(struct dc_db *db, int64_t plan, int64_t device, int64_t now,
    char why[static DC_RULE_WHY]) MUST_CHECK;

/* Where a plan and a device in it stand, for dc_user_decide(); ERR_NOT_FOUND. */
enum err dc_user_load(struct dc_db *db, int64_t plan, int64_t device, int64_t now,
    struct dc_user_case *out) MUST_CHECK;

/* Where a device stands in a plan as a whole, enum dc_progress: of a plan that is over, what has
 * not begun counts as failed. */
int64_t dc_user_device_state(struct dc_db *db, int64_t plan, int64_t device, int64_t now);

#endif
