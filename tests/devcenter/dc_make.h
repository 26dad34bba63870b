/*
 * dc_make: packages and plans come into being and change, for the command line and the console
 * alike. What is allowed is dc_rule's; here it is written down. Every function is one transaction
 * and says in `why` (DC_RULE_WHY bytes) what is wrong, naming both values.
 */
#ifndef DC_MAKE_H
#define DC_MAKE_H

#include "dc_db.h"
#include "dc_digest.h"
#include "dc_rule.h"

struct dc_make_package {
	struct dc_rule_package rule;
	const char *file; /* where its bytes are now; they are copied */
	const char *more[DC_RULE_FILES]; /* further files, rule.files - 1 of them */
	const char *url;  /* NULL: the store's own */
};

struct dc_make_stored {
	int64_t id;
	char path[140]; /* below /packages/ */
	struct dc_digest digest;
};

/* Put a file into DIR/packages and the table. ERR_EXISTS for a name that is taken. */
enum err dc_make_package(struct dc_db *db, const char *dir, const struct dc_make_package *p,
    int64_t now, struct dc_make_stored *out, char why[static DC_RULE_WHY]) MUST_CHECK;

/* Another file of a package that is in no plan yet, for those who send files one by one: bytes in
 * `file`, `base` the name. *idx becomes its index. */
enum err dc_make_file(struct dc_db *db, const char *dir, int64_t package, const char *file,
    const char *base, int64_t *idx, char why[static DC_RULE_WHY]) MUST_CHECK;

struct dc_make_plan {
	struct dc_rule_plan rule; /* rule.components of them in `packages` */
	const char *pk;
	const char *packages[DC_RULE_COMPONENTS]; /* names, in order */
	const char *const *white, *const *black;  /* device keys; black wins */
	unsigned n_white, n_black;
	const char *const *texts; /* "LANG=TEXT"; a manual plan needs one in zh or en */
	unsigned n_texts;
	const char *versions[DC_RULE_COMPONENTS]; /* of one component; NULL: rule.versions */
	bool manual;
	/* when it is edited: these stay as they are */
	bool keeps_components, keeps_lists, keeps_texts;
	int64_t verifies; /* the device whose verification this is; 0: a plan */
};

/* An inactivated plan. */
enum err dc_make_plan(struct dc_db *db, const struct dc_make_plan *p, int64_t now, int64_t *id,
    char why[static DC_RULE_WHY]) MUST_CHECK;

/* Make a plan that is inactivated over; its product is fixed (p->pk: the same, or NULL). */
enum err dc_make_edit(struct dc_db *db, int64_t plan, const struct dc_make_plan *p,
    char why[static DC_RULE_WHY]) MUST_CHECK;
/* What a plan is now, to be edited: everything kept. ERR_NOT_FOUND. */
struct dc_make_loaded {
	struct dc_make_plan plan; /* its texts are those below */
	char name[DC_RULE_NAME_BYTES + 1], remark[DC_RULE_REMARK_BYTES + 1];
};
enum err dc_make_load(struct dc_db *db, int64_t plan, struct dc_make_loaded *l) MUST_CHECK;

/* Verify a package on one device that is online: a plan for it alone, active for 60 minutes. */
enum err dc_make_verify(struct dc_db *db, int64_t package, int64_t device, int64_t now,
    int64_t *plan, char why[static DC_RULE_WHY]) MUST_CHECK;

/* clang-format off */
enum dc_make_verb { DC_MAKE_ACTIVATE, DC_MAKE_SUSPEND, DC_MAKE_TERMINATE, DC_MAKE_DELETE };
/* clang-format on */

/* "activate" and the like; false for another word. */
bool dc_make_verb(const char *word, enum dc_make_verb *out);
/* Change a plan by its row; ERR_PHASE when it is in none of the states the verb begins from.
 * Devices that run go on after suspend and terminate; those that have not begun count as failed
 * after terminate. */
enum err dc_make_change(struct dc_db *db, int64_t plan, enum dc_make_verb verb, int64_t now,
    char why[static DC_RULE_WHY]) MUST_CHECK;
/* The state that a verb leads to, as the table has it; "deleted" for delete. */
const char *dc_make_state(enum dc_make_verb verb);

/* For the parts of dc_make: say why not, and end the savepoint "make" by what came of it. */
enum err dc_make_refuse(
    char why[static DC_RULE_WHY], enum err err, const char *what, const char *sentence) MUST_CHECK;
enum err dc_make_conclude(struct dc_db *db, enum err err, const char *what,
    char why[static DC_RULE_WHY]) MUST_CHECK;

#endif
