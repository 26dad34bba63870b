/*
 * modbus_client: a client of libmodbus that does what our driver does to the device of
 * tests/lib/modbus_dev.h by its window of registers: boot loader, unlock, erase, then offset and
 * data for each piece, one request after the other. A program of its own, so that nothing else
 * depends on the library.
 *
 * usage: modbus-client TTY IMAGE
 */
#include <errno.h>
#include <modbus.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { UNIT = 17, UNLOCK = 0x1000, COMMAND = 0x1001, STATUS = 0x1002, OFFSET = 0x1003 };
enum { SIZE = 0x1005, WINDOW = 0x2000, WORDS = MODBUS_MAX_WRITE_REGISTERS, IMAGE = 256 * 1024 };

static void
fail(const char *what)
{
	fprintf(stderr, "modbus-client: %s: %s\n", what, modbus_strerror(errno));
	exit(1);
}

static void
write_one(modbus_t *m, int at, uint16_t value)
{
	if (modbus_write_register(m, at, value) != 1)
		fail("register");
}

static void
write_wide(modbus_t *m, int at, uint32_t value)
{
	const uint16_t words[2] = {(uint16_t)(value >> 16), (uint16_t)value};

	if (modbus_write_registers(m, at, 2, words) != 2)
		fail("two registers");
}

static void
wait_while_busy(modbus_t *m)
{
	uint16_t status = 1;

	while (status & 1)
		if (modbus_read_registers(m, STATUS, 1, &status) != 1)
			fail("status");
}

static void
send_image(modbus_t *m, const uint8_t *image, size_t len)
{
	for (size_t at = 0; at < len; at += 2 * (size_t)WORDS) {
		uint16_t words[WORDS];
		size_t n = (len - at + 1) / 2 < WORDS ? (len - at + 1) / 2 : WORDS;

		for (size_t i = 0; i < n; i++)
			words[i] = (uint16_t)(image[at + 2 * i] << 8 | image[at + 2 * i + 1]);
		write_wide(m, OFFSET, (uint32_t)at);
		if (modbus_write_registers(m, WINDOW, (int)n, words) != (int)n)
			fail("window");
	}
}

int
main(int argc, char **argv)
{
	static uint8_t image[IMAGE + 2];
	modbus_t *m = argc == 3 ? modbus_new_rtu(argv[1], 115200, 'N', 8, 1) : NULL;
	FILE *f = argc == 3 ? fopen(argv[2], "re") : NULL;
	size_t len = f ? fread(image, 1, IMAGE, f) : 0;

	if (!m || len == 0 || modbus_set_slave(m, UNIT) < 0 || modbus_connect(m) < 0)
		fail("expected TTY IMAGE");
	modbus_set_response_timeout(m, 2, 0);
	write_one(m, COMMAND, 1);
	write_one(m, UNLOCK, 0xa55a);
	write_wide(m, SIZE, (uint32_t)len);
	write_one(m, COMMAND, 2);
	wait_while_busy(m);
	send_image(m, image, len);
	modbus_close(m);
	modbus_free(m);
	return 0;
}
