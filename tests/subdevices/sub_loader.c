/*
 * sub_loader: see sub_loader.h.
 */
#include "sub_loader.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void __attribute__((format(printf, 3, 4)))
print(struct sub_loader *l, int64_t now, const char *format, ...)
{
	char text[400];
	va_list ap;

	va_start(ap, format);
	int n = vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	l->say(l->arg, now, text, n < (int)sizeof(text) ? (size_t)n : sizeof(text) - 1);
}

static void
show_menu(struct sub_loader *l, int64_t now)
{
	l->state = SUB_LOADER_AT_MENU;
	if (l->kind == SUB_LOADER_UBOOT)
		print(l, now, "=> ");
	else
		print(l, now,
		    "\r\nGecko Bootloader v1.12.00\r\n1. upload gbl\r\n2. run\r\n"
		    "3. ebl info\r\nBL > ");
}

/* --- the transfer ----------------------------------------------------------------------------- */

static void
say_byte(void *arg, uint8_t b, int64_t now)
{
	struct sub_loader *l = arg;

	l->say(l->arg, now, (const char *)&b, 1);
}

static bool
take(void *arg, const uint8_t *data, size_t len)
{
	struct sub_loader *l = arg;
	bool fine = l->written <= SUB_FLASH_SIZE && len <= SUB_FLASH_SIZE - l->written;

	if (fine && l->kind == SUB_LOADER_UBOOT)
		memcpy(l->ram + l->written, data, len);
	else if (fine)
		fine = sub_flash_write(l->flash, 0, l->written, data, len);
	l->bytes += len;
	l->written += fine ? len : 0;
	l->furthest = l->written > l->furthest ? l->written : l->furthest;
	l->pieces++;
	l->changed = true;
	return fine;
}

static void
receive(struct sub_loader *l, bool named, bool long_ok, int64_t now)
{
	l->written = 0;
	l->state = SUB_LOADER_RECEIVES;
	if (l->kind == SUB_LOADER_GECKO && !sub_flash_erase(l->flash, 0))
		print(l, now, "erase failed\r\n");
	sub_xmodem_start(&l->x, named, long_ok, now);
	sub_xmodem_step(&l->x, now);
}

static void
look_at_end(struct sub_loader *l, int64_t now)
{
	bool done = l->x.end == SUB_XMODEM_DONE;

	if (l->state != SUB_LOADER_RECEIVES || l->x.end == SUB_XMODEM_RUNS)
		return;
	if (l->kind == SUB_LOADER_UBOOT) {
		print(l, now, "## Total Size      = 0x%08llx = %llu Bytes\r\n",
		    (unsigned long long)l->written, (unsigned long long)l->written);
	} else {
		sub_flash_look(l->flash, 0);
		print(l, now, "\r\nSerial upload %s\r\n", done ? "complete" : "aborted");
	}
	l->changed = true;
	show_menu(l, now);
}

/* --- Gecko ------------------------------------------------------------------------------------ */

static void
gecko_key(struct sub_loader *l, uint8_t b, int64_t now)
{
	if (b == '1') {
		print(l, now, "\r\nbegin upload\r\n");
		receive(l, false, false, now);
	} else if (b == '2') {
		l->reset = true;
	} else if (b == '\n' || b == '\r') {
		show_menu(l, now);
	}
}

static void
app_line(struct sub_loader *l, int64_t now)
{
	if (strcmp(l->line, "version") == 0)
		print(l, now, "app %s\r\n> ", l->flash->slot[0].version);
	else if (strcmp(l->line, "bootloader") == 0)
		l->reset = l->to_loader = true;
	else
		print(l, now, "> ");
}

/* --- U-Boot ----------------------------------------------------------------------------------- */

static uint32_t
crc32_of(const uint8_t *data, size_t len)
{
	uint32_t c = 0xffffffff;

	for (size_t i = 0; i < len; i++) {
		c ^= data[i];
		for (int bit = 0; bit < 8; bit++)
			c = c & 1 ? c >> 1 ^ 0xedb88320 : c >> 1;
	}
	return ~c;
}

static void
sum(struct sub_loader *l, const char *args, int64_t now)
{
	unsigned long long at = 0, len = 0;

	if (sscanf(args, "%llx %llx", &at, &len) != 2 || len > SUB_FLASH_SIZE) {
		print(l, now, "crc32 - checksum calculation\r\n");
		return;
	}
	print(l, now, "crc32 for %08llx ... %08llx ==> %08x\r\n", at, at + len - 1,
	    crc32_of(l->ram, (size_t)len));
}

/* From memory into the flash that the next start reads. */
static void
store(struct sub_loader *l, int64_t now)
{
	bool fine = sub_flash_erase(l->flash, 0) &&
		    sub_flash_write(l->flash, 0, 0, l->ram, (size_t)l->written);

	sub_flash_look(l->flash, 0);
	l->changed = true;
	print(l, now, fine ? "device 0 whole chip: %llu bytes written\r\n" : "SF: failed %llu\r\n",
	    (unsigned long long)l->written);
}

static void
save_variable(struct sub_loader *l)
{
	int fd = openat(l->flash->dir, "env", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	memcpy(l->saved, l->version, sizeof(l->saved));
	if (fd < 0 || dprintf(fd, "%s", l->saved) < 0)
		perror("env");
	if (fd >= 0)
		close(fd);
}

static void
load_variable(struct sub_loader *l)
{
	int fd = openat(l->flash->dir, "env", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, l->saved, sizeof(l->saved) - 1);

	if (fd >= 0)
		close(fd);
	if (n >= 0)
		l->saved[n] = '\0';
	else
		snprintf(l->saved, sizeof(l->saved), "%s", l->flash->slot[0].version);
}

static void
uboot_line(struct sub_loader *l, int64_t now)
{
	char *word = l->line, *rest = strchr(word, ' ');

	if (rest)
		*rest++ = '\0';
	if (strcmp(word, "loady") == 0 || strcmp(word, "loadx") == 0) {
		print(l, now, "## Ready for binary (%cmodem) download to %s at 115200 bps...\r\n",
		    word[4], rest ? rest : "0");
		receive(l, word[4] == 'y', true, now);
		return;
	}
	if (strcmp(word, "crc32") == 0)
		sum(l, rest ? rest : "", now);
	else if (strcmp(word, "sf") == 0 && rest && strncmp(rest, "update", 6) == 0)
		store(l, now);
	else if (strcmp(word, "setenv") == 0 && rest && strncmp(rest, "fw_version ", 11) == 0)
		snprintf(l->version, sizeof(l->version), "%s", rest + 11);
	else if (strcmp(word, "saveenv") == 0)
		save_variable(l);
	else if (strcmp(word, "printenv") == 0 && l->version[0])
		print(l, now, "fw_version=%s\r\n", l->version);
	else if (strcmp(word, "printenv") == 0)
		print(l, now, "## Error: \"fw_version\" not defined\r\n");
	else if (strcmp(word, "reset") == 0)
		l->reset = true;
	else if (word[0])
		print(l, now, "Unknown command '%s' - try 'help'\r\n", word);
	show_menu(l, now);
}

/* --- bytes ------------------------------------------------------------------------------------ */

/* A line editor: what is no text ends nothing and is not kept. */
static void
line_byte(struct sub_loader *l, uint8_t b, int64_t now)
{
	if (b == '\r' || b == '\n') {
		l->line[l->line_len] = '\0';
		l->line_len = 0;
		if (l->kind == SUB_LOADER_UBOOT) {
			print(l, now, "\r\n");
			uboot_line(l, now);
		} else {
			app_line(l, now);
		}
	} else if (b >= ' ' && b < 0x7f && l->line_len < SUB_LOADER_LINE - 1) {
		l->line[l->line_len++] = (char)b;
		if (l->kind == SUB_LOADER_UBOOT)
			say_byte(l, b, now);
	}
}

void
sub_loader_byte(struct sub_loader *l, uint8_t b, int64_t now)
{
	if (l->state == SUB_LOADER_RECEIVES) {
		sub_xmodem_byte(&l->x, b, now);
		look_at_end(l, now);
	} else if (l->state == SUB_LOADER_AT_MENU && l->kind == SUB_LOADER_GECKO) {
		gecko_key(l, b, now);
	} else {
		line_byte(l, b, now);
	}
}

void
sub_loader_step(struct sub_loader *l, int64_t now)
{
	if (l->state != SUB_LOADER_RECEIVES)
		return;
	sub_xmodem_step(&l->x, now);
	look_at_end(l, now);
}

int64_t
sub_loader_due(const struct sub_loader *l)
{
	return l->state == SUB_LOADER_RECEIVES ? l->x.due : INT64_MAX;
}

/* --- life ------------------------------------------------------------------------------------- */

bool
sub_loader_init(struct sub_loader *l)
{
	l->x.owner = (struct sub_xmodem_owner){say_byte, take, l};
	l->ram = calloc(1, SUB_FLASH_SIZE);
	load_variable(l);
	return l->ram != NULL;
}

void
sub_loader_fini(struct sub_loader *l)
{
	free(l->ram);
	l->ram = NULL;
}

void
sub_loader_boot(struct sub_loader *l, bool sound, int64_t now)
{
	bool app = sound && !l->to_loader && l->kind == SUB_LOADER_GECKO;

	l->reset = l->to_loader = false;
	l->line_len = 0;
	l->written = 0;
	memcpy(l->version, l->saved, sizeof(l->version));
	if (app) {
		l->state = SUB_LOADER_RUNS_APP;
		print(l, now, "app %s started\r\n> ", l->flash->slot[0].version);
	} else {
		show_menu(l, now);
	}
}
