/*
 * xmodem_send: the sending side of XMODEM-CRC, XMODEM-1K and YMODEM; pure.
 *
 * Stop and wait: a block goes out, ACK moves on, NAK or silence sends it again, two CAN in a row
 * end it. Bytes that come before a block is written whole answer an older one and are ignored;
 * after a block that had to be sent twice the line must be quiet for a moment, so that two ACK for
 * it are not taken for the next one's, too. Sums of 8 bits are refused: they are no integrity. The
 * end is an EOT, sent again after a short silence; when no answer comes at all the outcome is
 * unknown (ERR_AMBIGUOUS), because the answer may have been lost behind a complete transfer.
 */
#ifndef SUBOTA_XMODEM_SEND_H
#define SUBOTA_XMODEM_SEND_H

#include "driver.h"

enum xmodem_mode { XMODEM_CRC, XMODEM_1K, XMODEM_Y };

enum { XMODEM_FRAME = 3 + 1024 + 2 };

struct xmodem_limits {
	enum xmodem_mode mode;
	uint32_t start_ms; /* until the receiver asks for the first block */
	uint32_t reply_ms;
	uint32_t eot_ms;
	uint32_t retries; /* of a block */
};

struct xmodem_send {
	struct xmodem_limits limits;
	const struct driver_image *image;
	enum xmodem_state {
		XMODEM_WAIT_NAME, /* for C, before YMODEM's block 0 */
		XMODEM_NAME,
		XMODEM_WAIT_DATA, /* for C, before the first data */
		XMODEM_DATA,
		XMODEM_EOT,
		XMODEM_WAIT_LAST, /* for C, before YMODEM's empty block 0 */
		XMODEM_LAST,
		XMODEM_ABORT, /* tells the receiver; then OVER */
		XMODEM_OVER
	} state;
	uint64_t acked; /* bytes of the image */
	uint32_t piece; /* bytes of the image in the block that is out */
	uint8_t number;
	uint8_t frame[XMODEM_FRAME];
	size_t frame_len, frame_at;
	unsigned tries;        /* the frame was sent so often */
	unsigned naks;         /* instead of C */
	bool cancel;           /* the last byte was CAN */
	struct mono due, hold; /* hold: quiet until then; 0 = not */
	uint64_t resent;
	uint64_t summed; /* bytes in crc32 */
	uint32_t crc32;  /* of the image, so far */
	enum err error;
	char detail[160];
};

/* `image` is borrowed. */
void xmodem_send_start(struct xmodem_send *s, const struct xmodem_limits *limits,
    const struct driver_image *image, struct mono now);
/* Returns how many bytes were taken: what follows the end is not. */
size_t xmodem_send_bytes(struct xmodem_send *s, const uint8_t *data, size_t len, struct mono now);
void xmodem_send_time(struct xmodem_send *s, struct mono now);
size_t xmodem_send_output(struct xmodem_send *s, uint8_t *out, size_t size, struct mono now);
struct mono xmodem_send_deadline(const struct xmodem_send *s);

/* CRC-32 as of zlib and U-Boot, of one more piece; begin with 0. */
uint32_t xmodem_send_crc32(uint32_t crc, const uint8_t *data, size_t len);

#endif
