/*
 * sub_xmodem: the receiving side of XMODEM-CRC, XMODEM-1K and YMODEM, pure, as boot loaders have
 * it: asks once a second, takes a repeated block, cancels at a skipped one, gives up after ten
 * errors in a row. Time is ns.
 */
#ifndef SUB_XMODEM_H
#define SUB_XMODEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum sub_xmodem_end { SUB_XMODEM_RUNS, SUB_XMODEM_DONE, SUB_XMODEM_ABORTED };

struct sub_xmodem_owner {
	void (*say)(void *arg, uint8_t byte, int64_t now);
	/* Bytes of the file, without what pads a YMODEM block; false ends the transfer. */
	bool (*take)(void *arg, const uint8_t *data, size_t len);
	void *arg;
};

struct sub_xmodem {
	struct sub_xmodem_owner owner;
	bool named;    /* YMODEM: block 0 with name and length */
	bool long_ok;  /* blocks of 1024 */
	bool begun;    /* the first block has come */
	bool cancel;   /* the last byte was CAN */
	bool last;     /* YMODEM: the file is over, the empty block 0 is due */
	uint8_t block[3 + 1024 + 2];
	size_t have, want;
	uint8_t next;
	unsigned errors;
	uint64_t size, got; /* size: YMODEM, UINT64_MAX = not said */
	unsigned lose_acks; /* so many answers to EOT are not said */
	int64_t due;
	enum sub_xmodem_end end;
};

void sub_xmodem_start(struct sub_xmodem *x, bool named, bool long_ok, int64_t now);
void sub_xmodem_byte(struct sub_xmodem *x, uint8_t b, int64_t now);
void sub_xmodem_step(struct sub_xmodem *x, int64_t now);

#endif
