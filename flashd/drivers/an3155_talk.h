/*
 * an3155_talk: one command to the system boot loader of an STM32 at a time; pure.
 *
 * A command goes in turns: some bytes out, then one byte of answer (ACK 79, NACK 1f, BUSY 76 means
 * wait on), at most three such turns, and what the command brings. Stop and wait: the next turn
 * begins in the moment the answer is read. More than one turn on its way would overrun the UARTs of
 * old parts, which hold a single byte.
 *
 * Before the first command, and after silence or nonsense, the boot loader's place in its protocol
 * is unknown: it may not have measured the rate yet, or wait for the rest of a command that
 * somebody else began. an3155_talk_sync() brings both sides together: 7f (it measures the rate and
 * says ACK, or knows it and says NACK), then bytes that are no command, a few by themselves and
 * then as many as the longest command can lack, until a NACK shows that it waits for a new one.
 * None of these bytes makes a valid command or, but by a chance of 1 in 256 in the middle of one, a
 * valid rest.
 *
 * Source: section 2.10 of the protocol notes; ST's AN3155.
 */
#ifndef SUBOTA_AN3155_TALK_H
#define SUBOTA_AN3155_TALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "clock.h"

enum {
	AN3155_BLOCK = 256, /* bytes of one read or write, at most */
	AN3155_PAGES = 64,  /* pages of one erase, at most */
	AN3155_OUT = 1 + AN3155_BLOCK + 1,
	AN3155_ACK = 0x79,
	AN3155_NACK = 0x1f,
	AN3155_BUSY = 0x76,
	AN3155_HELLO = 0x7f,
};

enum an3155_code {
	AN3155_GET = 0x00,
	AN3155_VERSION = 0x01,
	AN3155_ID = 0x02,
	AN3155_READ = 0x11,
	AN3155_GO = 0x21,
	AN3155_WRITE = 0x31,
	AN3155_ERASE = 0x43,
	AN3155_ERASE_EXT = 0x44,
	AN3155_CRC = 0xa1,
};

struct an3155_command {
	enum an3155_code code;
	uint32_t address;
	uint32_t len;                 /* READ, WRITE: 1 to 256; CRC: bytes */
	uint8_t data[AN3155_BLOCK];   /* WRITE */
	uint16_t pages[AN3155_PAGES]; /* ERASE */
	size_t n_pages;
	uint32_t work_ms; /* for what the device does before its last answer */
};

struct an3155_talk {
	enum an3155_talk_state {
		AN3155_RUNNING,
		AN3155_OK,
		AN3155_REFUSED, /* a NACK */
		AN3155_SILENT,
		AN3155_GARBLED, /* another byte where an answer belongs */
	} state;
	uint32_t reply_ms; /* longest wait for a byte */
	uint32_t sync_ms;  /* the same while synchronising */
	struct an3155_command command;
	unsigned turn; /* turns that were acknowledged */
	unsigned part;
	uint8_t out[AN3155_OUT];
	size_t out_len, out_at;
	uint8_t in[AN3155_BLOCK + 8]; /* what the command brought */
	size_t in_len, in_want;
	unsigned busy;
	uint8_t odd; /* GARBLED: that byte */
	struct mono due;
	/* sync */
	bool syncing, heard;
	bool fresh; /* OK: it had just been started */
	unsigned poke, pokes;
};

/* Both end as any state but RUNNING. `sync`: `whole` tries all there is, otherwise only 7f. */
void an3155_talk_start(struct an3155_talk *t, const struct an3155_command *c, struct mono now);
void an3155_talk_sync(struct an3155_talk *t, bool whole, struct mono now);

/* Returns how many bytes were taken; what comes after the end is not. */
size_t an3155_talk_bytes(struct an3155_talk *t, const uint8_t *data, size_t len, struct mono now);
size_t an3155_talk_output(struct an3155_talk *t, uint8_t *out, size_t size, struct mono now);
void an3155_talk_time(struct an3155_talk *t, struct mono now);
struct mono an3155_talk_deadline(const struct an3155_talk *t);

/* The checksum of the boot loader's own CRC command (32-bit words, little endian, not reflected);
 * `len` is a multiple of 4; begin with 0xffffffff. */
uint32_t an3155_talk_crc(uint32_t crc, const uint8_t *data, size_t len);

#endif
