/*
 * smp_upload: which piece of an image is sent next, and what an answer means for it. Pure: it sees
 * offsets, sequence numbers and the time, no bytes.
 *
 * The device's `off` is the truth, whatever it is: the end of the piece (fine), less (a piece was
 * dropped: go back there, once for everything in flight), more (it has that already: go on there),
 * 0 (it was reset: begin again). Pieces in flight are answered in order; an answer to a piece that
 * was given up is only used to move forward.
 *
 * The window starts at 1, grows by one with every good answer, and falls to 1 at once when
 * something is lost. A device says how many buffers it has, not how many are free for this wire,
 * and a full one drops without a word. So a loss soon after the window grew is blamed on the
 * window: its ceiling stays below, and a higher one is tried again only after a number of good
 * answers that quadruples with every failure. A loss long after is blamed on the wire.
 *
 * An answer that does not come: the first one (the device erases) is given first_reply_ms, later
 * ones twice the worst recent time plus 200 ms, at most reply_ms; each failure in a row doubles it.
 *
 * It ends for sure: `stalls` silences in a row are ERR_DEVICE_AWAY, SMP_UPLOAD_FRUITLESS rewinds
 * without reaching a new highest offset are ERR_DEVICE_PROTO (of the caller's deadline apart).
 */
#ifndef SUBOTA_SMP_UPLOAD_H
#define SUBOTA_SMP_UPLOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "clock.h"
#include "err.h"

enum {
	SMP_UPLOAD_WINDOW = 16, /* pieces in flight at most */
	SMP_UPLOAD_FRUITLESS = 32,
	SMP_UPLOAD_ALIGN = 32, /* every piece but the last is a multiple of it: flash alignment */
};

struct smp_upload_limits {
	uint32_t first_chunk; /* bytes in the piece at offset 0; both multiples of ALIGN */
	uint32_t chunk;
	unsigned window; /* 1..SMP_UPLOAD_WINDOW */
	uint32_t first_reply_ms;
	uint32_t reply_ms;
	unsigned stalls;
};

struct smp_upload_piece {
	uint8_t seq;
	uint64_t off;
	uint32_t len;
	struct mono sent;
};

struct smp_upload {
	struct smp_upload_limits limits;
	uint64_t size;
	uint64_t acked;   /* the device has all bytes below */
	uint64_t next;    /* offset of the next piece to send */
	uint64_t highest; /* of `acked` ever */
	uint64_t sent_to; /* end of the furthest piece ever sent */
	unsigned window;
	unsigned ceiling;
	unsigned good;        /* answers since the last loss */
	unsigned since_grown; /* answers since the window last grew */
	unsigned try_after;   /* good answers before a higher ceiling is tried */
	unsigned n;
	struct smp_upload_piece flight[SMP_UPLOAD_WINDOW];
	struct mono timer;      /* the oldest piece is overdue `patience` after this */
	struct mono gave_up;    /* when the piece was sent that was last given up for silence */
	struct mono not_before; /* a busy device asked for a pause */
	uint32_t worst_ms;      /* worst recent time from piece to answer, 0 = none seen */
	unsigned silences;      /* in a row */
	unsigned fruitless;
	uint64_t rewinds;
};

void smp_upload_init(struct smp_upload *u, const struct smp_upload_limits *l, uint64_t size);

/* Is there a piece to send now? */
bool smp_upload_want(const struct smp_upload *u, struct mono now, uint64_t *off, uint32_t *len);

/* That piece was handed to the wire under this sequence number. */
void smp_upload_sent(
    struct smp_upload *u, uint8_t seq, uint64_t off, uint32_t len, struct mono now);

/* Is this sequence number in flight? */
bool smp_upload_knows(const struct smp_upload *u, uint8_t seq);

/* A good answer with the offset that the device wants next. */
enum err smp_upload_answer(
    struct smp_upload *u, uint8_t seq, uint64_t off, struct mono now) MUST_CHECK;

/* The device was out of memory or busy for this piece: send it again a little later. */
enum err smp_upload_refused(struct smp_upload *u, uint8_t seq, struct mono now) MUST_CHECK;

/* It is known that nothing in flight will be answered. */
enum err smp_upload_lost(struct smp_upload *u) MUST_CHECK;

/* The link was away: ask the device where it is by offering offset 0 again. */
void smp_upload_restart(struct smp_upload *u);

/* To be called at the deadline. ERR_DEVICE_AWAY after too many silences. */
enum err smp_upload_time(struct smp_upload *u, struct mono now) MUST_CHECK;
struct mono smp_upload_deadline(const struct smp_upload *u);

bool smp_upload_done(const struct smp_upload *u);

#endif
