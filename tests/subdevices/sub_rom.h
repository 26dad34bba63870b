/*
 * sub_rom: a virtual STM32: its reset, its boot loader in ROM (AN3155 over UART) and an application
 * with a small console; no clock, no line. Bytes, pins and times go in, bytes come out by a
 * callback that says when they will have left.
 *
 *     off -> starting -> application (or crashed, or nothing) <-> boot loader
 *
 * The application knows two lines: `version` -> `app 1.2.3`, `boot` -> `ok` and the boot loader.
 * Oddities of real parts are switched on one by one.
 */
#ifndef SUB_ROM_H
#define SUB_ROM_H

#include "sub_chip.h"

#define SUB_ROM_NEVER INT64_MAX

enum sub_rom_quirk {
	SUB_ROM_LOCKED = 1,     /* read-out protection: reads, writes, erases get NACK */
	SUB_ROM_BUSY = 2,       /* says BUSY before the answer to a write or an erase */
	SUB_ROM_OLD_ERASE = 4,  /* knows 43, not 44 */
	SUB_ROM_CRC = 8,        /* knows a1 */
	SUB_ROM_TOUCHY = 16,    /* measures its rate on any first byte: deaf after a wrong one */
	SUB_ROM_NO_CHECK = 32,  /* does not look for a vector table: empty flash hangs */
	SUB_ROM_MUTE_APP = 64,  /* the application says nothing */
	SUB_ROM_NO_ACK = 128,   /* loses every 7th answer to a write */
	SUB_ROM_NAK_DATA = 256, /* finds every 11th block's checksum wrong */
};

enum sub_rom_state { SUB_ROM_OFF, SUB_ROM_STARTING, SUB_ROM_APP, SUB_ROM_CRASHED, SUB_ROM_LOADER };

typedef int64_t (*sub_rom_send)(void *arg, int64_t now, const uint8_t *data, size_t len);

struct sub_rom {
	struct sub_chip *chip;
	unsigned quirks;
	int64_t start_ns, write_ns, erase_ns; /* a start; a block; a page */
	sub_rom_send send;
	void *arg;

	enum sub_rom_state state;
	bool powered;
	bool boot, reset;                   /* pins */
	bool changed;                       /* something that a person would want to see */
	char version[SUB_CHIP_VERSION + 1]; /* that runs */
	uint64_t boots, nacks, wrong;       /* wrong: first bytes that were no 7f */
	int64_t up_at, done_at;
	enum sub_rom_state next; /* at up_at */
	/* boot loader */
	bool synced, deaf;
	uint8_t command;
	unsigned stage;
	uint32_t address;
	uint8_t in[2 + 2 * SUB_CHIP_JOBS + 1]; /* a list of pages */
	size_t in_len, need;
	unsigned blocks;
	/* application */
	char line[32];
	size_t line_len;
};

/* `chip` is borrowed. Off. */
void sub_rom_init(struct sub_rom *r, struct sub_chip *chip, sub_rom_send send, void *arg);

void sub_rom_power(struct sub_rom *r, bool on, int64_t now);
/* Asserted or not; a reset that ends starts the chip, into what `boot` says. */
void sub_rom_pins(struct sub_rom *r, bool boot, bool reset, int64_t now);
void sub_rom_byte(struct sub_rom *r, uint8_t b, int64_t now);
void sub_rom_step(struct sub_rom *r, int64_t now);
int64_t sub_rom_due(const struct sub_rom *r);

#endif
