/*
 * dc_case: the platform of the local Developer Center in memory, with devices made of bytes: what
 * its tests share. Packets to the platform are built here, not by its own code.
 */
#ifndef SUBOTA_TESTS_DC_CASE_H
#define SUBOTA_TESTS_DC_CASE_H

#include "dc_platform.h"

#define DC_CASE_PK "p1115X"
#define DC_CASE_PS "d2c5Q1FsVWpwT1k3"
#define DC_CASE_DK "860000000000001"
#define DC_CASE_DS "2c8e8a105e5c4c0fa3787deb7e96ede7"
#define DC_CASE_EP "qd" DC_CASE_PK DC_CASE_DK
#define DC_CASE_SUB_PK "p1SUB1"
#define DC_CASE_SUB_PS "abcdefghijklmnop"
#define DC_CASE_SUB_DK "SUBDEV01"
#define DC_CASE_SUB_DS "00112233445566778899aabbccddeeff"
#define DC_CASE_SUB_EP "qd" DC_CASE_SUB_PK DC_CASE_SUB_DK

struct dc_case {
	char *dir;
	struct dc_db *db;
	struct dc *dc;
};

/* The far end of one connection. */
struct dc_line {
	struct dc_case *of; /* NULL: over a socket */
	int fd;
	struct dc_client *client;
	bool closed;    /* the platform closed it */
	size_t len, at; /* received, looked at */
	uint8_t data[65536];
	uint16_t next_id;
	uint16_t next_pkg;
	const int64_t *slow_of; /* looked at whenever something is sent; NULL: not */
	int64_t slowest;        /* the most that it was */
};

/* Product and gateway as in the recorded sessions (the gateway has no secret yet), a product and
 * one sub-device behind it (with a secret), account observer:observer. The platform's clock is
 * dc_case_clock, its random bytes are those of the recorded sessions. */
struct dc_case *dc_case_new(void);
void dc_case_free(struct dc_case *c);
AUTO_DEFINE(dc_case, struct dc_case *, dc_case_free)

/* The platform dies and starts again on what it had recorded; lines to it are dead. */
void dc_case_restart(struct dc_case *c);

/* The platform's wall clock in ms; tests move it. */
uint64_t *dc_case_clock(void);
/* The next random bytes come from here (NULL: counted up). */
void dc_case_random(const void *bytes, size_t len);

struct dc_line *dc_case_connect(struct dc_case *c);
/* A line to a running server's plain port instead. */
struct dc_line *dc_case_dial(unsigned port);
/* Over a socket: wait (at most 10 s) for the next packet. */
bool dc_line_wait(struct dc_line *l, struct dc_mqtt_packet *p);
void dc_line_free(struct dc_line *l);
AUTO_DEFINE(dc_line, struct dc_line *, dc_line_free)

/* Raw bytes to the platform. */
void dc_line_send(struct dc_line *l, const void *data, size_t len);
void dc_line_connect(struct dc_line *l, const char *id, const char *user, const char *password);
void dc_line_subscribe(struct dc_line *l, const char *filter, unsigned qos);
void dc_line_publish(
    struct dc_line *l, const char *topic, const void *data, size_t len, unsigned qos, uint16_t id);
void dc_line_ack(struct dc_line *l, unsigned type_and_flags, uint16_t id);
/* CONNECT (known device, DC_CASE_DS) and SUBSCRIBE; eats the answers. */
void dc_line_login(struct dc_line *l, unsigned flag);
/* A command with its values to q/2/d/ENDPOINT/LEVEL, QoS 0. */
void dc_line_command(struct dc_line *l, const char *endpoint, const char *level, unsigned cmd,
    const struct dc_ttlv_out *v);

/* The next packet from the platform; false when there is none. The body points into l->data. */
bool dc_line_next(struct dc_line *l, struct dc_mqtt_packet *p);
/* The next PUBLISH (acknowledgements are passed over). */
bool dc_line_message(struct dc_line *l, struct dc_mqtt_publish *p);
/* The next PUBLISH as a frame with values; returns the command, 0 when there is none. */
unsigned dc_line_frame(struct dc_line *l, struct dc_ttlv *values);

/* Sub-device messages: login (with its secret) and what comes of it. */
void dc_line_sub_login(struct dc_line *l, bool flag);

/* A package and an activated plan for a product. `push`: offered actively. */
void dc_case_plan(struct dc_case *c, const char *pk, const char *component, int kind,
    const char *source, const char *target, bool push);
/* The codes of a device's statuses in order, joined by blanks. */
const char *dc_case_statuses(struct dc_case *c, const char *dk);
/* progress.state of a device in the newest plan, -1 when there is none. */
int dc_case_state(struct dc_case *c, const char *dk);

#endif
