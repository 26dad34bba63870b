/*
 * cloud_scene: the real subota-cloudd between the real local Developer Center and a gate that the
 * test plays on the bus. One sub-device, DC_CASE_SUB_PK/DC_CASE_SUB_DK, is registered behind the
 * gateway on the platform's side; one package for its component "app" leads from 1.0.0 to 1.1.0.
 *
 * The gate's loop turns only inside SCENE_WAIT and the functions that wait, so tests wait with
 * these and never with the Developer Center's own `wait`.
 */
#ifndef SUBOTA_TEST_CLOUD_SCENE_H
#define SUBOTA_TEST_CLOUD_SCENE_H

#include <subota.pb-c.h>

#include "bus.h"
#include "clock.h"
#include "dc_case.h"
#include "dc_plan.h"
#include "dc_scene.h"

enum { CLOUD_SCENE_INBOX = 256 };

struct cloud_scene {
	struct dc_scene dc;
	struct dc_case view; /* only its database: what the platform has recorded */
	char conf[300], log[300], run[300], state[300];
	uid_t uid; /* cloudd's */
	pid_t pid; /* cloudd's, 0 = it does not run */

	struct loop *loop;
	struct bus *bus;
	struct bus_link *gate;
	bool linked;
	Pb__Envelope *inbox[CLOUD_SCENE_INBOX]; /* not looked at yet */
	size_t n_inbox;
	unsigned offers, orders, cancels, acks; /* that ever came */
	uint64_t acked;                         /* id of the last acknowledged report */
	uint64_t last_report;
};

struct cloud_scene_wish {
	const char *cloudd;  /* more lines of [cloudd] */
	const char *profile; /* of [cloudd.profile], NULL = cloudd's own */
	const char *secret;  /* of the gateway's product, NULL = the right one */
	bool plain;          /* no TLS; needs lab in `cloudd` */
	const char *host;    /* NULL = 127.0.0.1; the certificate is for that */
	unsigned port;       /* 0 = the Developer Center's */
	const char *ca_file; /* NULL = the Developer Center's */
};

/* Everything but cloudd runs. */
struct cloud_scene *cloud_scene_open(const struct cloud_scene_wish *wish);
void cloud_scene_close(struct cloud_scene *s);
AUTO_DEFINE(cloud_scene, struct cloud_scene *, cloud_scene_close)

/* Other settings for the next start. */
void cloud_scene_configure(struct cloud_scene *s, const struct cloud_scene_wish *wish);
void cloud_scene_start(struct cloud_scene *s);
/* SIGTERM or SIGKILL, and wait for the end; returns the wait status. */
int cloud_scene_end(struct cloud_scene *s, int signal);
/* Wait until cloudd ends by itself. */
int cloud_scene_wait_end(struct cloud_scene *s);

void cloud_scene_turn(struct cloud_scene *s);
/* Let the gate's loop turn until `condition`; fails the test, with cloudd's log, after 40 s. */
#define SCENE_WAIT(s, condition) \
	do { \
		int64_t end_ = clock_now().ms + 40000; \
		bool seen_ = false; \
		while (!(seen_ = (condition)) && clock_now().ms < end_) \
			cloud_scene_turn(s); \
		if (!seen_) \
			cloud_scene_give_up(s, #condition); \
	} while (0)
void cloud_scene_give_up(struct cloud_scene *s, const char *condition);
bool cloud_scene_log_has(struct cloud_scene *s, const char *text);

/* --- the gate --------------------------------------------------------------------------------- */

/* Wait for the next message of a kind; those before it are thrown away. Valid until the next call.
 */
const Pb__Envelope *cloud_scene_next(struct cloud_scene *s, int kind);
void cloud_scene_device(struct cloud_scene *s, const char *version);
void cloud_scene_verdict(struct cloud_scene *s, uint64_t upgrade, int verdict, int reason);
void cloud_scene_progress(struct cloud_scene *s, uint64_t upgrade, int phase);
/* A new report, or (id not 0) an old one again; returns its id. */
uint64_t cloud_scene_report(struct cloud_scene *s, uint64_t upgrade, uint64_t id,
    const char *source, int phase, int error, const char *version);

/* --- the platform ----------------------------------------------------------------------------- */

/* A silent plan for the sub-device, active at once. */
void cloud_scene_plan(struct cloud_scene *s);
/* Columns of the platform's record of a device. */
int64_t cloud_scene_number(struct cloud_scene *s, const char *dk, const char *column);
bool cloud_scene_text_is(
    struct cloud_scene *s, const char *dk, const char *column, const char *text);
/* Its statuses so far. */
const char *cloud_scene_statuses(struct cloud_scene *s);
bool cloud_scene_is_done(struct cloud_scene *s);
/* Wait until the sub-device is logged in and its version is known. */
void cloud_scene_ready(struct cloud_scene *s);
/* From the offer that comes next to the platform's success. */
void cloud_scene_upgrade(struct cloud_scene *s);

#endif
