/*
 * modbus_server: a device with a boot loader behind libmodbus' server: the map of
 * tests/lib/modbus_dev.h without file records, which libmodbus does not know. A program of its own,
 * so that nothing else depends on the library.
 *
 * usage: modbus-server rtu TTY OUT | tcp PORT-FILE OUT
 *
 * OUT gets the committed image. With tcp the port is the kernel's choice and written to PORT-FILE.
 */
#include <arpa/inet.h>
#include <modbus/modbus.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { CONTROL = 0x1000, WINDOW = 0x2000, UNIT = 17, FLASH = 256 * 1024 };
enum { UNLOCK, COMMAND, STATUS, OFFSET, SIZE = 5, SUM = 7, OWN = 9 };

struct device {
	modbus_t *ctx;
	modbus_mapping_t *map;
	uint8_t flash[FLASH];
	int loader, unlocked;
	const char *out;
};

static uint32_t
wide(const struct device *d, int reg)
{
	const uint16_t *r = d->map->tab_registers + CONTROL + reg;

	return (uint32_t)r[0] << 16 | r[1];
}

static uint32_t
sum(const uint8_t *p, size_t len)
{
	uint32_t crc = ~0u;

	while (len-- > 0) {
		crc ^= *p++;
		for (int i = 0; i < 8; i++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
	}
	return ~crc;
}

/* What the registers say, from what the device is. */
static void
show(struct device *d)
{
	uint16_t *r = d->map->tab_registers;
	uint32_t size = wide(d, SIZE), own = size <= FLASH ? sum(d->flash, size) : 0;

	for (int i = 0; i < 8; i++)
		r[i] = (uint16_t)(d->flash[2 + 2 * i] << 8 | d->flash[3 + 2 * i]);
	r[CONTROL + STATUS] = (uint16_t)((r[CONTROL + STATUS] & 8) | (d->loader ? 4 : 0));
	r[CONTROL + OWN] = (uint16_t)(own >> 16);
	r[CONTROL + OWN + 1] = (uint16_t)own;
}

static void
commit(struct device *d)
{
	uint32_t size = wide(d, SIZE);

	if (size > FLASH || sum(d->flash, size) != wide(d, SUM))
		return;
	d->map->tab_registers[CONTROL + STATUS] |= 8;
	FILE *f = fopen(d->out, "we");
	if (!f || fwrite(d->flash, 1, size, f) != size || fclose(f) != 0)
		exit(1);
}

static void
command(struct device *d, uint16_t what)
{
	if (what == 1)
		d->loader = 1;
	else if (what == 2 && d->unlocked)
		memset(d->flash, 0xff, FLASH);
	else if (what == 3)
		commit(d);
	else if (what == 4)
		d->loader = d->unlocked = 0;
}

/* After a write was answered. */
static void
act(struct device *d, unsigned at, unsigned n)
{
	const uint16_t *r = d->map->tab_registers;
	uint32_t to = wide(d, OFFSET);

	if (at == CONTROL + UNLOCK)
		d->unlocked = r[at] == 0xa55a;
	else if (at == CONTROL + COMMAND)
		command(d, r[at]);
	for (unsigned i = 0; at == WINDOW && d->unlocked && i < n && to + 2 * i + 1 < FLASH; i++) {
		d->flash[to + 2 * i] = (uint8_t)(r[WINDOW + i] >> 8);
		d->flash[to + 2 * i + 1] = (uint8_t)r[WINDOW + i];
	}
}

static void
serve(struct device *d)
{
	uint8_t q[MODBUS_MAX_ADU_LENGTH];
	int n = 0;

	while ((n = modbus_receive(d->ctx, q)) >= 0) {
		const uint8_t *p = q + modbus_get_header_length(d->ctx);
		unsigned at = (unsigned)p[1] << 8 | p[2], count = (unsigned)p[3] << 8 | p[4];

		if (n == 0)
			continue; /* for another unit */
		show(d);
		if (p[0] == 3 && at < 8 && d->loader) {
			modbus_reply_exception(d->ctx, q, MODBUS_EXCEPTION_ILLEGAL_DATA_ADDRESS);
			continue;
		}
		if (modbus_reply(d->ctx, q, n, d->map) >= 0 && p[0] != 3)
			act(d, at, p[0] == 6 ? 1 : count);
	}
}

static void
run_tcp(struct device *d, const char *port_file)
{
	struct sockaddr_in a = {0};
	socklen_t len = sizeof(a);

	d->ctx = modbus_new_tcp("127.0.0.1", 0);
	modbus_set_slave(d->ctx, UNIT);
	int listener = modbus_tcp_listen(d->ctx, 1);
	if (listener < 0 || getsockname(listener, (struct sockaddr *)&a, &len) < 0)
		exit(1);
	FILE *f = fopen(port_file, "we");
	if (!f || fprintf(f, "%d\n", ntohs(a.sin_port)) < 0 || fclose(f) != 0)
		exit(1);
	while (modbus_tcp_accept(d->ctx, &listener) >= 0)
		serve(d);
}

int
main(int argc, char **argv)
{
	static struct device d;

	if (argc != 4 || !(d.map = modbus_mapping_new(0, 0, WINDOW + 200, 0)))
		return 1;
	d.out = argv[3];
	memcpy(d.flash, "MB1.0.0", 8);
	if (strcmp(argv[1], "tcp") == 0) {
		run_tcp(&d, argv[2]);
		return 0;
	}
	d.ctx = modbus_new_rtu(argv[2], 115200, 'N', 8, 1);
	modbus_set_slave(d.ctx, UNIT);
	if (modbus_connect(d.ctx) < 0)
		return 1;
	puts("ready");
	fflush(stdout);
	for (;;)
		serve(&d); /* noise on the line ends a receive */
}
