/*
 * sub_case: one virtual sub-device without a line, in virtual time, and images to put into it.
 *
 *     struct sub_case *c = sub_case_new(&settings);      runs 1.0.0, is up
 *     sub_case_ask(c, 2, 0, 5, NULL, 0);                 reset; the answer's map is in c->map
 *     sub_case_wait(c, seconds);
 *
 * Requests are framed by the device's own codec, whose tests know the bytes.
 */
#ifndef SUBOTA_TESTS_SUB_CASE_H
#define SUBOTA_TESTS_SUB_CASE_H

#include "../subdevices/sub_cbor.h"
#include "../subdevices/sub_device.h"
#include "auto.h"

struct sub_case {
	char *dir; /* scratch */
	struct sub_flash flash;
	struct sub_device device;
	struct sub_frame reader; /* of answers */
	int64_t now, sent;       /* ns */
	uint8_t seq;
	unsigned answers;
	const uint8_t *map; /* of the last answer, NULL when there was none */
	size_t map_len;
	unsigned version; /* of the header in requests */
};

enum { SUB_CASE_BODY = 3000 };

/* An MCUboot image of that version, hash right, in `out`; the length. `body` bytes of payload. */
size_t sub_case_image(const char *version, size_t body, uint8_t out[SUB_CASE_BODY + 100]);
/* Its hash TLV. */
const uint8_t *sub_case_hash(const uint8_t *image, size_t len);

struct sub_case *sub_case_new(const struct sub_device_settings *set);
void sub_case_free(struct sub_case *c);
AUTO_DEFINE(sub_case, struct sub_case *, sub_case_free)

/* Cut and restore power; RAM is gone, flash is read anew as by a new process. Waits until up. */
void sub_case_power_cut(struct sub_case *c);

/* Let time pass, event by event. */
void sub_case_wait(struct sub_case *c, double seconds);

/* Send a request (map as CBOR, NULL: empty) without waiting. */
void sub_case_send(
    struct sub_case *c, unsigned op, unsigned group, unsigned command, const void *map, size_t len);
/* ... and wait up to a second for the answer. True if there was one. */
bool sub_case_ask(
    struct sub_case *c, unsigned op, unsigned group, unsigned command, const void *map, size_t len);

/* One upload request; the offset in the answer, -1 when there is none. `len` 0: not said. */
int64_t sub_case_piece(struct sub_case *c, uint64_t off, const uint8_t *data, size_t n, size_t len,
    const uint8_t *sha);
/* All of an image by pieces of 256. */
void sub_case_upload(struct sub_case *c, const uint8_t *image, size_t len);
/* State write; hash NULL: none. True if it was not refused. */
bool sub_case_mark(struct sub_case *c, const uint8_t *hash, bool confirm);
/* The number that refused the last request, as {"rc"} or {"err": {"rc"}}; 0 = fine. */
unsigned sub_case_refusal(const struct sub_case *c);

#endif
