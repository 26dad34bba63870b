/*
 * dc_fault: misbehaviour on request. What the platform can be told to do wrong, as one table.
 *
 * A fault has a value and a number of times (0 = always). `fault set` writes it into the database,
 * the server takes it over; times that were used up are counted here.
 */
#ifndef DC_FAULT_H
#define DC_FAULT_H

#include <stdbool.h>
#include <stdint.h>

#include "err.h"

/* clang-format off */
/*      symbol          name                        what VALUE means */
#define DC_FAULT_LIST(X) \
	X(HTTP_CUT,       "http_cut_after",         "close after so many body bytes") \
	X(HTTP_STATUS,    "http_status",            "answer requests with this status") \
	X(HTTP_DRIP,      "http_drip",              "one body byte every so many ms") \
	X(HTTP_RATE,      "http_rate",              "at most so many body bytes a second") \
	X(HTTP_STALL,     "http_stall_after",       "send nothing more after so many body bytes") \
	X(HTTP_NO_RANGE,  "http_no_range",          "1: answer 200 to a ranged request") \
	X(HTTP_NEW_ETAG,  "http_new_etag",          "1: another ETag with every answer") \
	X(HTTP_FLIP,      "http_flip",              "flip a bit of the body byte at this offset") \
	X(HTTP_REDIRECT,  "http_redirect",          "redirect, this is the status") \
	X(MQTT_CUT,       "mqtt_cut_after_packets", "close a device after so many packets") \
	X(MQTT_REFUSE,    "mqtt_refuse",            "this CONNACK code (1..5) to every device") \
	X(REJECT,         "reject",                 "this code (104xx) to every registration") \
	X(DROP_PUBLISH,   "drop_publish",           "lose every Nth PUBLISH to a device") \
	X(DROP_ACK,       "drop_ack",               "lose every Nth answer to a device") \
	X(REPEAT,         "repeat",                 "send every Nth PUBLISH twice") \
	X(REORDER,       "reorder",                "let every Nth PUBLISH leave after the next")  \
	X(DELAY,          "delay",                  "hold all to a device back so many ms") \
	X(WRONG_SIZE,     "wrong_size",             "add this to the size in 0113") \
	X(WRONG_MD5,      "wrong_md5",              "1: a wrong MD5 in 0113") \
	X(WRONG_SHA256,   "wrong_sha256",           "1: a wrong SHA-256 in 0113") \
	X(NO_0113,        "no_0113",                "1: never send the firmware's address") \
	X(WRONG_SOURCE,   "wrong_source",           "1: another source version in 0111") \
	X(NO_0111,        "no_0111",                "1: never push or answer with a plan") \
	X(OPEN_CODE,      "open_code",              "answer calls of the OpenAPI with this code") \
	X(BAD_FRAME,      "bad_frame",              "spoil the sum of every Nth frame to a device")
/* clang-format on */

enum dc_fault {
#define X(symbol, name, text) DC_FAULT_##symbol,
	DC_FAULT_LIST(X)
#undef X
	    DC_FAULT_COUNT
};

struct dc_faults {
	struct dc_fault_state {
		bool set;
		int64_t value;
		int64_t left; /* times, -1 = always */
		int64_t rev;  /* which `fault set` this is */
		uint64_t seen;
	} fault[DC_FAULT_COUNT];
};

const char *dc_fault_name(enum dc_fault f);
const char *dc_fault_text(enum dc_fault f);
/* DC_FAULT_COUNT when there is none of that name. */
enum dc_fault dc_fault_find(const char *name);

/* A whole number at the beginning of a text. ERR_INVALID. */
enum err dc_fault_number(const char *text, const char **end, int64_t *out) MUST_CHECK;
/* "VALUE" or "VALUE,TIMES". ERR_INVALID. */
enum err dc_fault_parse(const char *text, int64_t *value, int64_t *times) MUST_CHECK;

/* Take a setting over, unless `rev` says that it is the one we have. */
void dc_fault_set(struct dc_faults *fs, enum dc_fault f, int64_t value, int64_t times, int64_t rev);
void dc_fault_clear(struct dc_faults *fs, enum dc_fault f);

/* True when it strikes now; one of its times is used up. `value` may be NULL. */
bool dc_fault_strikes(struct dc_faults *fs, enum dc_fault f, int64_t *value);
/* For "every Nth": true at every Nth call. */
bool dc_fault_nth(struct dc_faults *fs, enum dc_fault f);
/* Its value without using a time up; 0 when it is not set. */
int64_t dc_fault_value(const struct dc_faults *fs, enum dc_fault f);

#endif
