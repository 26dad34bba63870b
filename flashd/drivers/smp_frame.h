/*
 * smp_frame: SMP packets on a wire. One framing is one row of functions (struct smp_framing); raw
 * UART and datagrams are in smp_frame_raw.c.
 *
 * Console framing (Zephyr smp_transport.rst): the body BE16(len + 2) | packet | BE16(crc16) is
 * written as base64 in lines of at most 127 bytes; the first starts with 06 09, the others with
 * 04 14, each ends with a newline. Every line is base64 of its own, so lines are cut at multiples
 * of 3 bytes (93 of them). CRC-16: polynomial 0x1021, start 0, not reflected.
 *
 * A device's log and its prompt share the wire: everything outside a marked line is junk and only
 * counted, a marker inside a line starts there. A bad line drops the packet it belongs to; the
 * device is never told, its peer runs into a timeout and asks again. Nothing here can fail, memory
 * is fixed and each byte costs a constant.
 */
#ifndef SUBOTA_SMP_FRAME_H
#define SUBOTA_SMP_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	SMP_PACKET_MAX = 4096, /* header and CBOR, in both directions */
	SMP_LINE_MAX = 127,    /* on the wire, with marker and newline, as we write it */
	SMP_LINE_IN = 512,     /* base64 characters of one line that we still read */
};

/* What was received and thrown away, for people and tests. */
struct smp_frame_count {
	uint64_t packets;
	uint64_t junk_bytes;
	uint64_t bad_lines; /* base64, too long, continuation without a start */
	uint64_t bad_sums;
	uint64_t overruns; /* length impossible, or more bytes than announced */
};

struct smp_rx {
	uint8_t last; /* last byte outside a line, to see a two-byte marker */
	bool in_line;
	bool first; /* this line starts a packet */
	bool too_long;
	size_t line_len;
	char line[SMP_LINE_IN];
	size_t want; /* bytes of the body, 0 = no packet is being put together */
	size_t have;
	uint8_t body[2 + SMP_PACKET_MAX + 2];
	struct smp_frame_count count;
};

struct smp_tx {
	uint8_t body[2 + SMP_PACKET_MAX + 2];
	size_t len; /* of the body, 0 = nothing to send */
	size_t at;  /* bytes of the body that went into lines */
	char line[SMP_LINE_MAX + 1];
	size_t line_len;
	size_t line_at;
};

struct smp_framing {
	const char *name;
	/* Bytes of a device's buffer that the framing takes from a message. */
	size_t overhead;
	size_t most;   /* longest message, both ways */
	bool marked;   /* what is torn or lost is told from what follows it */
	bool datagram; /* one call of output, one message; one call of feed, too */
	/* Where the caller writes the next packet, SMP_PACKET_MAX bytes; only when idle. */
	uint8_t *(*room)(struct smp_tx *t);
	/* The packet of `len` bytes is complete: start sending it. */
	void (*load)(struct smp_tx *t, size_t len);
	/* Up to `size` bytes for the wire; stops at the end of a line; 0 when idle. */
	size_t (*output)(struct smp_tx *t, uint8_t *out, size_t size);
	/* Is the next byte of output the first of a line? */
	bool (*at_line)(const struct smp_tx *t);
	/* Take bytes from the wire, at most up to the end of one packet; returns how many. When a
	 * packet was completed, *packet is not NULL and lives until the next call. */
	size_t (*feed)(struct smp_rx *r, const uint8_t *data, size_t len, const uint8_t **packet,
	    size_t *packet_len);
};

extern const struct smp_framing smp_frame_console, smp_frame_raw, smp_frame_datagram;

static inline bool
smp_frame_idle(const struct smp_tx *t)
{
	return t->len == 0;
}

/* Forget what was half sent or half received; counters stay. */
void smp_frame_reset(struct smp_tx *t, struct smp_rx *r);

uint16_t smp_frame_crc(const uint8_t *data, size_t len);

#endif
