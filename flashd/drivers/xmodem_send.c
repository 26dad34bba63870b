/*
 * xmodem_send: see xmodem_send.h.
 */
#include "xmodem_send.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "smp_frame.h"

enum {
	SOH = 0x01,
	STX = 0x02,
	EOT = 0x04,
	ACK = 0x06,
	NAK = 0x15,
	CAN = 0x18,
	ASK = 'C',
	PAD = 0x1a,
	SMALL = 128,
	LARGE = 1024,
	HEAD = 3,
	EOTS = 5,
	NAKS = 3,
	QUIET_MS = 200,
	ABORT_MS = 300,
	CANS = 8,
};

uint32_t
xmodem_send_crc32(uint32_t crc, const uint8_t *data, size_t len)
{
	crc = ~crc;
	for (size_t i = 0; i < len; i++) {
		crc ^= data[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
	}
	return ~crc;
}

static void
finish(struct xmodem_send *s, enum err e, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(s->detail, sizeof(s->detail), format, ap);
	va_end(ap);
	s->error = e;
	s->state = XMODEM_OVER;
}

/* Give up and tell the receiver, which would wait for minutes otherwise. */
static void
give_up(struct xmodem_send *s, struct mono now)
{
	s->state = XMODEM_ABORT;
	s->hold = (struct mono){0};
	memset(s->frame, CAN, CANS);
	s->frame_len = CANS;
	s->frame_at = 0;
	s->due = mono_after(now, ABORT_MS);
}

static bool
is_waiting(const struct xmodem_send *s)
{
	return s->state == XMODEM_WAIT_NAME || s->state == XMODEM_WAIT_DATA ||
	       s->state == XMODEM_WAIT_LAST;
}

static void
wait_for(struct xmodem_send *s, enum xmodem_state state, uint32_t ms, struct mono now)
{
	s->state = state;
	s->frame_len = s->frame_at = 0;
	s->tries = 0;
	s->due = mono_after(now, ms);
}

void
xmodem_send_start(struct xmodem_send *s, const struct xmodem_limits *limits,
    const struct driver_image *image, struct mono now)
{
	*s = (struct xmodem_send){.limits = *limits, .image = image};
	wait_for(s, limits->mode == XMODEM_Y ? XMODEM_WAIT_NAME : XMODEM_WAIT_DATA,
	    limits->start_ms, now);
}

/* --- blocks ---------------------------------------------------------------------------------- */

/* Around `size` bytes that lie in the frame already. */
static void
close_block(struct xmodem_send *s, size_t size)
{
	uint16_t crc = smp_frame_crc(s->frame + HEAD, size);

	s->frame[0] = size == LARGE ? STX : SOH;
	s->frame[1] = s->number;
	s->frame[2] = (uint8_t)~s->number;
	s->frame[HEAD + size] = (uint8_t)(crc >> 8);
	s->frame[HEAD + size + 1] = (uint8_t)crc;
	s->frame_len = HEAD + size + 2;
	s->frame_at = 0;
	s->tries = 0;
}

/* Block 0: a name and a length, or nothing, which ends the batch. */
static void
make_name(struct xmodem_send *s, enum xmodem_state state)
{
	s->state = state;
	s->number = 0;
	s->piece = 0;
	memset(s->frame + HEAD, 0, SMALL);
	if (state == XMODEM_NAME) {
		memcpy(s->frame + HEAD, "image", 6);
		snprintf((char *)s->frame + HEAD + 6, SMALL - 6, "%llu",
		    (unsigned long long)s->image->size);
	}
	close_block(s, SMALL);
}

static void
make_data(struct xmodem_send *s, struct mono now)
{
	uint64_t left = s->image->size - s->acked;
	size_t size = s->limits.mode == XMODEM_CRC || left <= SMALL ? SMALL : LARGE;

	s->state = XMODEM_DATA;
	s->piece = (uint32_t)(left < size ? left : size);
	memset(s->frame + HEAD, PAD, size);
	enum err e = s->image->read(s->image->arg, s->acked, s->frame + HEAD, s->piece);
	if (e) {
		give_up(s, now);
		s->error = e;
		snprintf(s->detail, sizeof(s->detail), "image could not be read at byte %llu",
		    (unsigned long long)s->acked);
		return;
	}
	if (s->summed == s->acked) {
		s->crc32 = xmodem_send_crc32(s->crc32, s->frame + HEAD, s->piece);
		s->summed += s->piece;
	}
	close_block(s, size);
}

static void
make_eot(struct xmodem_send *s)
{
	s->state = XMODEM_EOT;
	s->frame[0] = EOT;
	s->frame_len = 1;
	s->frame_at = 0;
	s->tries = 0;
}

static void
next_block(struct xmodem_send *s, struct mono now)
{
	if (s->acked == s->image->size) {
		make_eot(s);
		return;
	}
	s->number++;
	make_data(s, now);
}

/* --- what the receiver says ------------------------------------------------------------------ */

static void
on_ack(struct xmodem_send *s, struct mono now)
{
	bool again = s->tries > 1;

	if (s->state == XMODEM_NAME)
		wait_for(s, XMODEM_WAIT_DATA, s->limits.start_ms, now);
	else if (s->state == XMODEM_LAST)
		finish(s, ERR_OK, "%s", "");
	else if (s->state == XMODEM_EOT && s->limits.mode == XMODEM_Y)
		wait_for(s, XMODEM_WAIT_LAST, s->limits.eot_ms, now);
	else if (s->state == XMODEM_EOT)
		finish(s, ERR_OK, "%s", "");
	else if (s->state == XMODEM_DATA) {
		s->acked += s->piece;
		next_block(s, now);
		if (again)
			s->hold = mono_after(now, QUIET_MS);
	}
}

static void
send_again(struct xmodem_send *s, struct mono now)
{
	unsigned most = s->state == XMODEM_EOT ? EOTS : s->limits.retries;

	if (s->tries < most) {
		s->frame_at = 0;
		s->resent++;
		return;
	}
	if (s->state == XMODEM_LAST) {
		finish(s, ERR_OK, "%s", ""); /* the image itself was acknowledged */
		return;
	}
	if (s->state == XMODEM_EOT) {
		finish(s, ERR_AMBIGUOUS,
		    "expected an answer to the end of %llu bytes, got none %u times",
		    (unsigned long long)s->image->size, s->tries);
		return;
	}
	give_up(s, now);
	s->error = ERR_TIMEOUT;
	snprintf(s->detail, sizeof(s->detail),
	    "expected ACK for byte %llu of %llu, got none %u times", (unsigned long long)s->acked,
	    (unsigned long long)s->image->size, s->tries);
}

static void
on_ask(struct xmodem_send *s, struct mono now)
{
	if (s->state == XMODEM_WAIT_NAME)
		make_name(s, XMODEM_NAME);
	else if (s->state == XMODEM_WAIT_DATA)
		next_block(s, now);
	else if (s->state == XMODEM_WAIT_LAST ||
		 (s->state == XMODEM_EOT && s->limits.mode == XMODEM_Y && s->tries > 0))
		make_name(s, XMODEM_LAST); /* also when the ACK of the EOT was lost */
}

static void
on_nak(struct xmodem_send *s, struct mono now)
{
	if (!is_waiting(s)) {
		send_again(s, now);
		return;
	}
	if (++s->naks < NAKS)
		return;
	give_up(s, now);
	s->error = ERR_DEVICE_PROTO;
	snprintf(s->detail, sizeof(s->detail),
	    "expected a receiver that asks for CRC, got one that asks for sums of 8 bits");
}

static void
on_byte(struct xmodem_send *s, uint8_t c, struct mono now)
{
	bool second = c == CAN && s->cancel;

	s->cancel = c == CAN;
	if (second) {
		finish(s, ERR_DEVICE_REJECTED,
		    "expected the receiver to take %llu bytes, got a cancel at byte %llu",
		    (unsigned long long)s->image->size, (unsigned long long)s->acked);
		return;
	}
	if (s->hold.ms != 0 || s->frame_at < s->frame_len)
		return; /* an answer to something older */
	if (c == ASK)
		on_ask(s, now);
	else if (c == NAK)
		on_nak(s, now);
	else if (c == ACK && !is_waiting(s))
		on_ack(s, now);
}

size_t
xmodem_send_bytes(struct xmodem_send *s, const uint8_t *data, size_t len, struct mono now)
{
	size_t i = 0;

	while (i < len && s->state < XMODEM_ABORT)
		on_byte(s, data[i++], now);
	return i;
}

/* --- time and output ------------------------------------------------------------------------- */

void
xmodem_send_time(struct xmodem_send *s, struct mono now)
{
	if (s->hold.ms != 0 && mono_reached(now, s->hold))
		s->hold = (struct mono){0};
	if (s->state == XMODEM_OVER || !mono_reached(now, xmodem_send_deadline(s)))
		return;
	if (s->state == XMODEM_ABORT)
		s->state = XMODEM_OVER; /* nobody takes our bytes */
	else if (s->state == XMODEM_WAIT_LAST)
		finish(s, ERR_OK, "%s", ""); /* a receiver that knows no batches */
	else if (is_waiting(s))
		finish(s, ERR_TIMEOUT, "expected the receiver to ask within %u ms, got silence",
		    (unsigned)s->limits.start_ms);
	else
		send_again(s, now);
}

static uint32_t
patience(const struct xmodem_send *s)
{
	return s->state == XMODEM_EOT || s->state == XMODEM_LAST ? s->limits.eot_ms
								 : s->limits.reply_ms;
}

size_t
xmodem_send_output(struct xmodem_send *s, uint8_t *out, size_t size, struct mono now)
{
	size_t n = s->frame_len - s->frame_at;

	if (n == 0 || s->hold.ms != 0 || s->state == XMODEM_OVER)
		return 0;
	n = n < size ? n : size;
	memcpy(out, s->frame + s->frame_at, n);
	s->frame_at += n;
	if (s->frame_at < s->frame_len)
		return n;
	s->tries++;
	s->due = mono_after(now, patience(s));
	if (s->state == XMODEM_ABORT)
		s->state = XMODEM_OVER;
	return n;
}

struct mono
xmodem_send_deadline(const struct xmodem_send *s)
{
	if (s->state == XMODEM_OVER)
		return MONO_NEVER;
	if (s->hold.ms != 0)
		return s->hold;
	if (s->frame_at < s->frame_len && s->state != XMODEM_ABORT)
		return MONO_NEVER; /* the wire decides */
	return s->due;
}
