/*
 * modbus_dev: a Modbus device with a boot loader, in memory. Shares no code with the driver.
 *
 * Registers: 0 version, 8 registers of text (application only); 0x1000 unlock (0xA55A); 0x1001
 * command (1 boot loader, 2 erase, 3 commit, 4 run); 0x1002 status (1 busy, 2 error, 4 boot loader,
 * 8 committed); 0x1003 offset, 0x1005 size, 0x1007 CRC-32, two registers each, high first; 0x1009
 * own CRC-32 of what was written; 0x2000 window for data at the offset. File records, file 1 and
 * those after it, are the same flash. An image begins with "MB" and its version, ended by NUL.
 */
#ifndef SUBOTA_TESTS_MODBUS_DEV_H
#define SUBOTA_TESTS_MODBUS_DEV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MODBUS_DEV_FLASH = 256 * 1024, MODBUS_DEV_OUT = 1024 };

enum modbus_dev_quirk {
	MODBUS_DEV_STEPS = 1,      /* the offset moves behind what was written */
	MODBUS_DEV_SILENT_RUN = 2, /* resets before it answers */
	MODBUS_DEV_LOCKED = 4,     /* refuses its unlock value */
	MODBUS_DEV_ROTTEN = 8,     /* a bit of its flash sticks */
	MODBUS_DEV_CHATTER = 16,   /* another unit is heard before each answer */
	MODBUS_DEV_LAUNCHES = 32,  /* takes some polls to reach its boot loader, silent meanwhile */
};

struct modbus_dev {
	bool tcp;
	uint8_t unit;
	unsigned quirks;
	unsigned drop_every, flip_every, busy_every; /* answers; 0 = never */
	unsigned erase_polls;                        /* reads of the status until it is done */

	bool in_loader, unlocked, off; /* off: no power, hears nothing */
	uint16_t reg[0x100];           /* 0x1000.. */
	uint8_t flash[MODBUS_DEV_FLASH];
	bool valid; /* committed */
	size_t size;
	unsigned answers, polls_left, deaf, runs, erases, writes;

	uint8_t in[300];
	size_t in_len;
	uint8_t out[MODBUS_DEV_OUT];
	size_t out_len;
};

/* It runs an application of this version. */
void modbus_dev_init(struct modbus_dev *d, const char *version);
/* Bytes from the line; what it answers is appended to out, taken by the caller. */
void modbus_dev_bytes(struct modbus_dev *d, const uint8_t *data, size_t len);
/* The line was quiet: half a request is none. */
void modbus_dev_quiet(struct modbus_dev *d);
/* Power was away and is back. */
void modbus_dev_power(struct modbus_dev *d);
/* The version that runs, NULL in the boot loader. */
const char *modbus_dev_version(const struct modbus_dev *d);

/* Bytes of an image of that version. */
void modbus_dev_image(uint8_t *out, size_t len, const char *version);

/* The profile that fits it: key, value, ..., NULL. `data` is window or file. */
const char *const *modbus_dev_options(bool file);

#endif
