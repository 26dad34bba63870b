/*
 * sub_xmodem: see sub_xmodem.h.
 */
#include "sub_xmodem.h"

#include <stdlib.h>
#include <string.h>

#include "sub_frame.h"

enum { SOH = 1, STX = 2, EOT = 4, ACK = 6, NAK = 0x15, CAN = 0x18, ASK = 'C' };
enum { HEAD = 3, SUM = 2, ASKS = 60, ERRORS = 10 };

static const int64_t second_ns = 1000000000;

static void
say(struct sub_xmodem *x, uint8_t b, int64_t now)
{
	x->owner.say(x->owner.arg, b, now);
}

void
sub_xmodem_start(struct sub_xmodem *x, bool named, bool long_ok, int64_t now)
{
	*x = (struct sub_xmodem){.owner = x->owner,
	    .lose_acks = x->lose_acks,
	    .named = named,
	    .long_ok = long_ok,
	    .next = named ? 0 : 1,
	    .size = UINT64_MAX,
	    .due = now};
}

static void
abort_it(struct sub_xmodem *x, int64_t now)
{
	for (int i = 0; i < 2; i++)
		say(x, CAN, now);
	x->end = SUB_XMODEM_ABORTED;
}

static void
trouble(struct sub_xmodem *x, int64_t now)
{
	x->have = 0;
	x->due = now + 2 * second_ns;
	if (++x->errors >= ERRORS)
		abort_it(x, now);
	else
		say(x, NAK, now);
}

/* YMODEM's block 0: "name\0size ...\0"; an empty name ends the session. */
static void
take_name(struct sub_xmodem *x, const uint8_t *data, size_t len, int64_t now)
{
	const uint8_t *end = memchr(data, 0, len);

	say(x, ACK, now);
	if (data[0] == 0) {
		x->end = SUB_XMODEM_DONE;
		return;
	}
	if (end && end + 1 < data + len && memchr(end + 1, 0, len - (size_t)(end + 1 - data)))
		x->size = strtoull((const char *)end + 1, NULL, 10);
	x->named = false;
	x->next = 1;
	x->due = now + second_ns;
	say(x, ASK, now);
}

static void
take_data(struct sub_xmodem *x, const uint8_t *data, size_t len, int64_t now)
{
	uint64_t left = x->size - x->got;

	x->next++;
	x->got += len;
	if (!x->owner.take(x->owner.arg, data, len < left ? len : (size_t)left))
		abort_it(x, now);
	else
		say(x, ACK, now);
}

static void
block_is_whole(struct sub_xmodem *x, int64_t now)
{
	size_t len = x->want - HEAD - SUM;
	const uint8_t *b = x->block;
	bool fine = (b[1] ^ b[2]) == 0xff && sub_frame_sum(b + HEAD, len + SUM) == 0;

	if (!fine) {
		trouble(x, now);
		return;
	}
	x->have = 0;
	x->errors = 0;
	x->begun = true;
	x->due = now + 2 * second_ns;
	if (b[1] == (uint8_t)(x->next - 1) && !x->named)
		say(x, ACK, now); /* ours was lost */
	else if (b[1] != x->next)
		abort_it(x, now);
	else if (x->named)
		take_name(x, b + HEAD, len, now);
	else
		take_data(x, b + HEAD, len, now);
}

static void
at_eot(struct sub_xmodem *x, int64_t now)
{
	bool session = x->size != UINT64_MAX;

	if (x->lose_acks > 0)
		x->lose_acks--;
	else
		say(x, ACK, now);
	if (!session) {
		x->end = SUB_XMODEM_DONE;
		return;
	}
	x->named = x->last = true;
	x->next = 0;
	x->due = now + second_ns;
	say(x, ASK, now);
}

static void
between_blocks(struct sub_xmodem *x, uint8_t b, int64_t now)
{
	bool was_cancel = x->cancel;

	x->cancel = b == CAN;
	if (b == SOH || (b == STX && x->long_ok)) {
		x->block[0] = b;
		x->have = 1;
		x->want = HEAD + (b == SOH ? 128 : 1024) + SUM;
		x->due = now + 2 * second_ns;
	} else if (b == EOT && (x->begun || x->last)) {
		at_eot(x, now);
	} else if (b == CAN && was_cancel) {
		x->end = SUB_XMODEM_ABORTED;
	}
}

void
sub_xmodem_byte(struct sub_xmodem *x, uint8_t b, int64_t now)
{
	if (x->end != SUB_XMODEM_RUNS)
		return;
	if (x->have == 0) {
		between_blocks(x, b, now);
		return;
	}
	x->block[x->have++] = b;
	if (x->have == x->want)
		block_is_whole(x, now);
}

void
sub_xmodem_step(struct sub_xmodem *x, int64_t now)
{
	if (x->end != SUB_XMODEM_RUNS || now < x->due)
		return;
	if (x->begun && !x->last) {
		trouble(x, now);
		return;
	}
	x->have = 0;
	x->due = now + second_ns;
	if (++x->errors > ASKS)
		abort_it(x, now);
	else
		say(x, ASK, now);
}
