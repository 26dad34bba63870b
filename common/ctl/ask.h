/*
 * ask: questions to running daemons on their control sockets. Where these are says [common] of the
 * configuration; a missing file at the usual place means its defaults. Questions change nothing.
 */
#ifndef SUBOTA_ASK_H
#define SUBOTA_ASK_H

#include "bundle.h"
#include "daemon.h"
#include "opt.h"
#include "out.h"
#include "why.h"

struct ask {
	struct daemon_common common; /* run_dir, state_dir and tap only */
	int timeout_ms;
	enum out_form form;
};

/* Rows for the option table of a command that asks. */
#define ASK_OPTIONS \
	{"config", "FILE", false, false, "else /etc/subota/subota.conf"}, \
	    {"timeout", "MS", false, false, "wait so long for a daemon; else 3000"}, OUT_OPTION

/* Parse the command line and read the configuration. -1: go on; else the exit status. */
int ask_begin(const struct opt_command *c, int argc, char **argv, struct opt_set *o,
    struct ask *a) MUST_CHECK;

/* The three daemons, in the order orders go. */
enum { ASK_DAEMONS = 3 };
extern const enum who ask_daemons[ASK_DAEMONS];
/* By name; WHO_NONE for another word. */
enum who ask_find(const char *name);

/* One question to one daemon. The answer is the caller's; NULL on error, and `why` says for people
 * what to do about it. ERR_MALFORMED: the answer is no JSON. */
enum err ask_one(const struct ask *a, enum who daemon, const char *what, const char *argument,
    cJSON **out, char why[WHY_SIZE]) MUST_CHECK;

/* The same with bytes that the question is about. */
enum err ask_about(const struct ask *a, enum who daemon, const char *what, const char *argument,
    const struct bundle_bytes *about, cJSON **out, char why[WHY_SIZE]) MUST_CHECK;

/* The same, complaining on stderr; *worst becomes the exit status for the gravest complaint so
 * far. NULL when there is no answer. */
cJSON *ask_or_complain(
    const struct ask *a, enum who daemon, const char *what, const char *argument, int *worst);

/* The array `name` of an answer that is an object, or the answer itself when it is an array; NULL
 * if there is none. Borrowed. */
const cJSON *ask_list(const cJSON *answer, const char *name);

/* Exit status for an error of ask_one or of a tap. */
int ask_status(enum err e);
/* What to do about it: `fetchd: expected ..., got ...`. */
void ask_explain(enum err e, enum who daemon, const char *path, int timeout_ms, char why[WHY_SIZE]);

#endif
