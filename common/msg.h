/*
 * msg: envelopes to bytes and back, and the field checks that stand beside the route table.
 *
 * Field rules: keys 1..32 printable characters without blanks, '/' or quotes; versions and
 * components 1..64 of the platform's charset (letters digits `_ - . +`), digests exactly 0 or their
 * full length, texts at most 512 bytes of UTF-8, enum values known, sizes at most 2^40, ids at
 * least 1 and below 2^63. A version may be empty where the schema says so. Numbers of errors are
 * not held against our list, which grows; err_text() knows what to say of a new one. An envelope
 * that passes can be used without further thought, except that every word in it may be a lie.
 *
 * Unknown fields are a newer peer's right and count as nothing: msg_unpack drops them at every
 * depth, so they are neither read nor passed on. Only signed documents refuse them (strict.h).
 */
#ifndef SUBOTA_MSG_H
#define SUBOTA_MSG_H

#include <stddef.h>
#include <stdint.h>
#include <subota.pb-c.h>

#include "auto.h"
#include "err.h"

enum {
	MSG_URL_MAX = 3072, /* longer than the gate takes, so that it can say what is wrong */
	MSG_QUERY_DATA_MAX = 62 * 1024, /* with the rest it fits a message */
	MSG_COMPONENTS_MAX = 20, /* of one device, as the platform counts */
	MSG_FILES_MAX = 5, /* of one package */
};

/* Unpack; the result is the caller's. ERR_LIMIT over `max`, ERR_MESSAGE when it does not unpack or
 * would take more memory than an honest message of its length (64 KiB and 4 times the length). No
 * row check. `*out` is NULL on error. */
enum err msg_unpack(const uint8_t *data, size_t len, size_t max, Pb__Envelope **out) MUST_CHECK;
void msg_free(Pb__Envelope *e);
AUTO_DEFINE(msg, Pb__Envelope *, msg_free)

/* Pack into `out` of `size` bytes; ERR_LIMIT if it does not fit. */
enum err msg_pack(const Pb__Envelope *e, uint8_t *out, size_t size, size_t *len) MUST_CHECK;

/* One check per kind, named in the route table. */
enum err msg_check_hello(const Pb__Envelope *e) MUST_CHECK;
enum err msg_check_ping(const Pb__Envelope *e) MUST_CHECK;
enum err msg_check_device_report(const Pb__Envelope *e) MUST_CHECK;
enum err msg_check_plan_offer(const Pb__Envelope *e) MUST_CHECK;
enum err msg_check_plan_verdict(const Pb__Envelope *e) MUST_CHECK;
enum err msg_check_fetch_order(const Pb__Envelope *e) MUST_CHECK;
enum err msg_check_flash_order(const Pb__Envelope *e) MUST_CHECK;
enum err msg_check_progress(const Pb__Envelope *e) MUST_CHECK;
enum err msg_check_report(const Pb__Envelope *e) MUST_CHECK;
enum err msg_check_report_ack(const Pb__Envelope *e) MUST_CHECK;
enum err msg_check_cancel(const Pb__Envelope *e) MUST_CHECK;
enum err msg_check_link_state(const Pb__Envelope *e) MUST_CHECK;
enum err msg_check_courier_order(const Pb__Envelope *e) MUST_CHECK;
enum err msg_check_courier_report(const Pb__Envelope *e) MUST_CHECK;
enum err msg_check_session_order(const Pb__Envelope *e) MUST_CHECK;
enum err msg_check_session_report(const Pb__Envelope *e) MUST_CHECK;
enum err msg_check_query(const Pb__Envelope *e) MUST_CHECK;
enum err msg_check_act(const Pb__Envelope *e) MUST_CHECK;
enum err msg_check_answer(const Pb__Envelope *e) MUST_CHECK;

#endif
