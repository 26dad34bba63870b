/*
 * sub_frame: SMP packets on a serial console, the device's side, pure.
 *
 * A packet P travels as base64 of BE16(len(P) + 2) P BE16(crc16(P)), in lines: the first begins
 * with 06 09, the others with 04 14. As strict as a stock server: a line is at most 128 bytes with
 * its newline and is decoded alone; a line that is longer or is not base64, a body that outgrows
 * the buffer and a wrong sum each drop the packet without a word.
 */
#ifndef SUB_FRAME_H
#define SUB_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	SUB_FRAME_LINE = 128,  /* newline included */
	SUB_FRAME_BODY = 4096, /* largest buffer that can be asked for */
	SUB_FRAME_TEXT = 3 * SUB_FRAME_BODY / 2 + 256,
};

enum sub_frame_event {
	SUB_FRAME_NOTHING,
	SUB_FRAME_BEGINS, /* a first line: the device takes a buffer, or drops the packet */
	SUB_FRAME_PACKET, /* whole: sub_frame.body + 2, sub_frame.packet_len bytes */
	SUB_FRAME_BAD,    /* a packet had begun and is dropped */
};

struct sub_frame {
	size_t buf_size; /* a body may be so long */
	char line[SUB_FRAME_LINE];
	size_t line_len; /* SUB_FRAME_LINE + 1: too long, wait for the newline */
	uint8_t body[SUB_FRAME_BODY];
	size_t body_len, packet_len;
	bool receiving;
	bool deaf; /* sub_raw.h: until the line has been silent */
	uint64_t bad;
};

void sub_frame_init(struct sub_frame *f, size_t buf_size);

/* Take one byte. On SUB_FRAME_BEGINS the caller may call sub_frame_drop; if the packet is whole
 * after its first line, sub_frame_go_on (call it until it says NOTHING) tells so. */
enum sub_frame_event sub_frame_byte(struct sub_frame *f, uint8_t b);
enum sub_frame_event sub_frame_go_on(struct sub_frame *f);

/* Forget the packet that is being received. */
void sub_frame_drop(struct sub_frame *f);

/* Packet to text with newlines; the length. `out` has SUB_FRAME_TEXT bytes, `len` is below
 * SUB_FRAME_BODY - 4. */
size_t sub_frame_format(const uint8_t *packet, size_t len, char *out);

uint16_t sub_frame_sum(const uint8_t *data, size_t len);

#endif
