/*
 * cloud_case: cloudd's whole logic (struct cloud) between a fake platform and a fake gate, with a
 * clock of its own.
 *
 * Everything that leaves is one word in a trace, and tests compare traces:
 *
 *     to the platform   s1 .. s12 (0114), 0115, 0044:1.0.0, 00c0, 00c2, 00c4, g0034, g0044 (of the
 *                       gateway), 00a4:5
 *     to the gate       offer:2.0.0, order, cancel, ack:flashd:7, online, offline
 *     to the operator   !plan_offered, !upgrade_ended, ... (only what concerns a device)
 *
 * The fake platform confirms every message at once (PUBCOMP) and answers 00C0 and 00C2, unless it
 * is told otherwise; so does the gate take everything. One device, p1sub/d1, component app,
 * runs 1.0.0.
 */
#ifndef SUBOTA_TESTS_CLOUD_CASE_H
#define SUBOTA_TESTS_CLOUD_CASE_H

#include "cloud.h"

#define CLOUD_CASE_PK "p1sub"
#define CLOUD_CASE_DK "d1"
#define CLOUD_CASE_GATEWAY "qdp1115Xgw"
#define CLOUD_CASE_DEVICE "qdp1subd1" /* unless a test changes `keys` */

/* Device secret of the gateway and of the device, as in the golden data; and their session key. */
#define CLOUD_CASE_SECRET "2c8e8a105e5c4c0fa3787deb7e96ede7"
#define CLOUD_CASE_KEY "ABCDEFGHIJKLMNOP"

enum { CLOUD_CASE_LETTERS = 256 };

/* A message to the platform that it has not confirmed. */
struct cloud_case_letter {
	uint64_t token;
	uint16_t command, package_id;
	int status; /* of 0114 */
	bool from_device;
	unsigned qos;
	char topic[ENDPOINT_TOPIC_SIZE];
	bool sealed;
	uint8_t payload[300]; /* of the frame */
	size_t len;
};

struct cloud_case {
	struct cloud cloud;
	struct cloud_identity identity;
	struct profile profile;
	struct secrets secrets;
	struct dialect_sub keys; /* of the device; may be changed before it is reported */
	char component[DIALECT_COMPONENT_MAX + 1];
	char *dir;
	char path[300];
	struct mono now;
	uint64_t wall;

	/* what the fakes do */
	bool mute;         /* the platform confirms nothing: letters pile up */
	bool no_logins;    /* it does not answer 00C0 and 00C2 */
	int login_code;    /* of its 00C3, 0 = 10200 */
	int register_code; /* of its 00C1 */
	enum err publish_error, gate_error;
	uint8_t random_salt; /* added to every random byte */

	/* what has happened */
	char trace[8000];
	struct cloud_case_letter letters[CLOUD_CASE_LETTERS];
	size_t n_letters;
	struct cloud_case_letter last; /* the last one of all */
	struct cloud_case_letter last_status;
	uint64_t upgrade;      /* of the last message to the gate that named one */
	uint64_t order_size;   /* of the last FetchOrder */
	uint16_t down_package; /* package id of the platform's last message */
	char last_event[32];   /* about anything, the gateway, too */
	unsigned fails, reconnects, subscribed;
	char host[300]; /* of the next connection, "host:port"; ":0" = the configured one */
	int fail_code;
	uint64_t next_report;
};

/* Opened, with the gate and the platform away. */
struct cloud_case *cloud_case_new(void);
/* The same again after the process died: whatever was not durable is gone. */
void cloud_case_restart(struct cloud_case *c);
void cloud_case_free(struct cloud_case *c);
AUTO_DEFINE(cloud_case, struct cloud_case *, cloud_case_free)

/* Everything up, the device reported and logged in; the trace is empty then. */
struct cloud_case *cloud_case_online(void);
/* Connection up: CONNECT, SUBACK, 00B4 where it is needed. */
void cloud_case_connect(struct cloud_case *c);
void cloud_case_lose(struct cloud_case *c);

/* The trace since the last call, without the blank at its end; valid until something happens. */
const char *cloud_case_trace(struct cloud_case *c);
/* Asserts on it. */
#define CLOUD_CASE_EXPECT(c, text) cloud_case_expect(__FILE__, __LINE__, c, text)
void cloud_case_expect(const char *file, int line, struct cloud_case *c, const char *text);

struct subdevice *cloud_case_device(struct cloud_case *c);
int cloud_case_state(struct cloud_case *c);

/* --- the platform ----------------------------------------------------------------------------- */

/* The session key of the device or the gateway, NULL when it has none. */
const uint8_t *cloud_case_key(struct cloud_case *c, bool device);
/* Bytes that come on a topic of the device's or the gateway's. */
void cloud_case_down_bytes(struct cloud_case *c, bool device, const uint8_t *data, size_t len);
/* Send a message down; `device`: on the device's topic, else on the gateway's. */
void cloud_case_down(
    struct cloud_case *c, bool device, uint16_t command, const struct ttlv_writer *values);
void cloud_case_plan(struct cloud_case *c, const char *target);
/* One notice (id 28) of "app:2.0.0;radio:7.1": all but the first count as MCUs. */
void cloud_case_plans(struct cloud_case *c, const char *list);
/* With the package id of the last message: repeated by the network, not by the platform. */
void cloud_case_plan_again(struct cloud_case *c, const char *target);
void cloud_case_firmware(struct cloud_case *c, const char *target);
/* 0113 for another component than "app", an MCU. */
void cloud_case_firmware_of(struct cloud_case *c, const char *component, const char *target);
/* 0113 without a size. */
void cloud_case_bad_firmware(struct cloud_case *c);
/* A reply 00C1..00C8 about the device, on the gateway's topic. */
void cloud_case_reply(struct cloud_case *c, uint16_t command, int code);
/* 00A3 about message `package_id`, on the device's or the gateway's topic. */
void cloud_case_exception(struct cloud_case *c, bool device, int code, uint16_t package_id);
/* Confirm the oldest letter, or all (also those that follow from it). */
void cloud_case_confirm(struct cloud_case *c);
void cloud_case_confirm_all(struct cloud_case *c);

/* --- the gate --------------------------------------------------------------------------------- */

void cloud_case_reports_device(struct cloud_case *c, const char *version, int state);
/* The same of one component of several. */
void cloud_case_reports_component(
    struct cloud_case *c, const char *component, const char *version, unsigned place);
void cloud_case_verdict(struct cloud_case *c, int verdict, enum err reason, uint64_t until);
void cloud_case_progress(struct cloud_case *c, int phase);
/* A new report about the upgrade; returns its id. */
uint64_t cloud_case_report(
    struct cloud_case *c, const char *source, int phase, enum err error, const char *version);
/* The same report once more. */
void cloud_case_report_again(struct cloud_case *c, const char *source, uint64_t id, int phase,
    enum err error, const char *version);

/* Let time pass, in steps of at most a second that stop wherever cloud_due wants it. */
void cloud_case_pass(struct cloud_case *c, int64_t ms);

/* Drive a silent upgrade to `state` (enum conversation_state); the trace is empty then. */
void cloud_case_drive(struct cloud_case *c, int state);

#endif
