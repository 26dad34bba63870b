/*
 * sub_line: a real virtual sub-device and a real session at the two ends of one serial line, as
 * processes; the test plays flashd and gives the session its orders.
 *
 *     struct sub_line *l = sub_line_new("1.0.0");
 *     sub_line_start(l, (const char *const[]){"--baud", "921600", NULL});
 *     sub_line_run(l, &(struct sub_line_order){.verb = PB__VERB__VERB_WRITE, .image = i}, &end);
 */
#ifndef SUBOTA_TESTS_SUB_LINE_H
#define SUBOTA_TESTS_SUB_LINE_H

#include <cjson/cJSON.h>
#include <subota.pb-c.h>
#include <sys/types.h>

#include "auto.h"
#include "bundle.h"
#include "chan.h"
#include "err.h"

struct sub_line {
	char *dir; /* DIR/flash is the device's, DIR/tty the line, DIR/old.img what it came with */
	pid_t device;      /* 0: does not run */
	pid_t session;     /* 0: none */
	struct chan *chan; /* to the session */
	int line;          /* the session's or our own end, -1 */
};

enum { SUB_LINE_OPTIONS = 48 };

struct sub_line_order {
	Pb__Verb verb;
	struct bundle_bytes image;             /* data NULL: none */
	const char *target;                    /* version; NULL: none */
	uint32_t timeout_ms;                   /* 0: a minute */
	const char *options[SUB_LINE_OPTIONS]; /* key, value, ...; ends with NULL */
	const char *driver;                    /* NULL: "smp" */
	Pb__Pin reset_pin;
	int gpio; /* descriptor 6; 0: none */
};

struct sub_line_end {
	enum err error; /* ERR_SESSION when it died */
	char detail[300];
	char version[65];
	uint64_t rewinds, wire_bytes, done_bytes;
	bool confirmed, pending;
};

/* Scratch directory, an old image of that version. Fails the test if it cannot. */
struct sub_line *sub_line_new(const char *version);
void sub_line_free(struct sub_line *l);
AUTO_DEFINE(sub_line, struct sub_line *, sub_line_free)

/* Start the device with more arguments (ends with NULL; NULL: none), wait until it is up. */
void sub_line_start(struct sub_line *l, const char *const more[]);
/* SIGKILL: a power cut. SIGTERM: its exit status is returned. */
int sub_line_stop(struct sub_line *l, int signal);

/* status.json; NULL when there is none. Caller frees. */
cJSON *sub_line_status(struct sub_line *l);
/* One number of it, -1 when there is none. */
double sub_line_number(struct sub_line *l, const char *key);
/* Until running is that version and `confirmed` that; false after 20 s. */
bool sub_line_wait(struct sub_line *l, const char *version, bool confirmed);

/* Start an order. The line must be there. */
enum err sub_line_order(struct sub_line *l, const struct sub_line_order *o) MUST_CHECK;
/* Wait up to `ms` for the final report; false when it has not come. */
bool sub_line_final(struct sub_line *l, int ms, struct sub_line_end *end);
/* Both. The result is also end->error. */
enum err sub_line_run(struct sub_line *l, const struct sub_line_order *o, struct sub_line_end *end);
/* SIGKILL for the session. */
void sub_line_drop(struct sub_line *l);

#endif
