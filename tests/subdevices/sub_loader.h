/*
 * sub_loader: a device without slots, on one console: an application with a command line, and a
 * boot loader that takes an image by XMODEM or YMODEM straight over the only one it has. No clock,
 * no line.
 *
 * GECKO speaks like Silicon Labs' boot loader (a menu; XMODEM-CRC, blocks of 128), its application
 * knows "version" and "bootloader". UBOOT is a prompt that echoes: loady, loadx, crc32, sf update,
 * setenv, printenv, saveenv, reset; what it knows of a version is a variable, as in the field.
 */
#ifndef SUB_LOADER_H
#define SUB_LOADER_H

#include "sub_flash.h"
#include "sub_xmodem.h"

enum sub_loader_kind { SUB_LOADER_NONE, SUB_LOADER_GECKO, SUB_LOADER_UBOOT };

enum { SUB_LOADER_LINE = 200, SUB_LOADER_VERSION = 65 };

/* Put text on the line. */
typedef void (*sub_loader_say)(void *arg, int64_t now, const char *text, size_t len);

struct sub_loader {
	enum sub_loader_kind kind;
	struct sub_flash *flash;
	sub_loader_say say;
	void *arg;
	enum { SUB_LOADER_RUNS_APP, SUB_LOADER_AT_MENU, SUB_LOADER_RECEIVES } state;
	char line[SUB_LOADER_LINE];
	size_t line_len;
	struct sub_xmodem x;
	uint8_t *ram; /* UBOOT: what was loaded; SUB_FLASH_SIZE bytes */
	uint64_t written;
	char version[SUB_LOADER_VERSION], saved[SUB_LOADER_VERSION]; /* UBOOT's variable */
	bool reset; /* it wants to start again: taken by the owner ... */
	bool to_loader; /* ... into the boot loader */
	bool changed;
	uint64_t bytes, furthest, pieces; /* image bytes ever received, furthest written, pieces */
};

/* `flash`, `say`, `arg` and `kind` are set; the rest is zero. False without memory. */
bool sub_loader_init(struct sub_loader *l);
void sub_loader_fini(struct sub_loader *l);
/* Power on or reset; `sound`: slot 0 may run. */
void sub_loader_boot(struct sub_loader *l, bool sound, int64_t now);
void sub_loader_byte(struct sub_loader *l, uint8_t b, int64_t now);
void sub_loader_step(struct sub_loader *l, int64_t now);
int64_t sub_loader_due(const struct sub_loader *l);

#endif
