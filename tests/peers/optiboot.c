/*
 * optiboot: an ATmega328P with Debian's Optiboot in simavr, its UART at a pseudo-terminal. The
 * application never runs: whenever the boot loader has had enough, it is started again, as by a
 * reset. Its time stands still while nobody speaks, so that a slow host is not too late for its
 * watchdog. A program of its own, because of its libraries.
 *
 * usage: optiboot LINK FLASH-FILE
 *
 * SIGUSR1 takes its power away for a moment.
 *
 * LINK becomes a symbolic link to the terminal; FLASH-FILE holds the application's flash, is read
 * at the start and written when it has changed. Says "ready".
 */
#include <avr_uart.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sim_avr.h>
#include <sim_irq.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#define LOADER "/usr/share/arduino/hardware/arduino/avr/bootloaders/optiboot/optiboot_atmega328.hex"

enum { FLASH = 0x8000, BOOT = 0x7e00, MCUSR = 0x54, EXTERNAL_RESET = 2, IDLE_STEPS = 7000000 };

static volatile sig_atomic_t cut;

struct board {
	avr_t *avr;
	int master, slave;
	int may_send; /* the UART has room */
	int idle;     /* steps since the last byte */
	uint8_t saved[BOOT];
};

static void
die(const char *what)
{
	perror(what);
	exit(1);
}

/* Intel hex: data records only. */
static void
load_hex(uint8_t flash[FLASH])
{
	FILE *f = fopen(LOADER, "re");
	char line[600];
	unsigned n, at, type, byte;

	if (!f)
		die(LOADER);
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, ":%2x%4x%2x", &n, &at, &type) != 3 || type != 0)
			continue;
		for (unsigned i = 0; i < n && at + i < FLASH; i++)
			if (sscanf(line + 9 + 2 * i, "%2x", &byte) == 1)
				flash[at + i] = (uint8_t)byte;
	}
	fclose(f);
}

static void
on_output(struct avr_irq_t *irq, uint32_t value, void *arg)
{
	struct board *b = arg;
	uint8_t byte = (uint8_t)value;

	(void)irq;
	b->idle = 0;
	(void)!write(b->master, &byte, 1);
}

static void
on_xon(struct avr_irq_t *irq, uint32_t value, void *arg)
{
	(void)irq;
	(void)value;
	((struct board *)arg)->may_send = 1;
}

static void
on_xoff(struct avr_irq_t *irq, uint32_t value, void *arg)
{
	(void)irq;
	(void)value;
	((struct board *)arg)->may_send = 0;
}

static void
open_line(struct board *b, const char *link)
{
	char name[100];
	struct termios raw;

	if (openpty(&b->master, &b->slave, name, NULL, NULL) < 0)
		die("openpty");
	tcgetattr(b->slave, &raw);
	cfmakeraw(&raw);
	tcsetattr(b->slave, TCSANOW, &raw);
	fcntl(b->master, F_SETFL, O_NONBLOCK);
	chmod(name, 0666);
	(void)unlink(link);
	if (symlink(name, link) < 0)
		die(link);
}

static void
power_on(struct board *b)
{
	avr_reset(b->avr);
	b->avr->pc = BOOT;
	b->avr->data[MCUSR] = EXTERNAL_RESET;
	b->may_send = 1;
}

static void
make_board(struct board *b)
{
	uint32_t flags = 0;

	b->avr = avr_make_mcu_by_name("atmega328p");
	if (!b->avr)
		die("atmega328p");
	avr_init(b->avr);
	b->avr->frequency = 16000000;
	b->avr->log = LOG_NONE;
	avr_ioctl(b->avr, AVR_IOCTL_UART_GET_FLAGS('0'), &flags);
	flags &= ~(uint32_t)(AVR_UART_FLAG_STDIO | AVR_UART_FLAG_POLL_SLEEP);
	avr_ioctl(b->avr, AVR_IOCTL_UART_SET_FLAGS('0'), &flags);
	avr_irq_t *irq = avr_io_getirq(b->avr, AVR_IOCTL_UART_GETIRQ('0'), UART_IRQ_OUTPUT);
	avr_irq_register_notify(irq, on_output, b);
	irq = avr_io_getirq(b->avr, AVR_IOCTL_UART_GETIRQ('0'), UART_IRQ_OUT_XON);
	avr_irq_register_notify(irq, on_xon, b);
	irq = avr_io_getirq(b->avr, AVR_IOCTL_UART_GETIRQ('0'), UART_IRQ_OUT_XOFF);
	avr_irq_register_notify(irq, on_xoff, b);
}

static void
save(struct board *b, const char *path)
{
	char next[700];

	if (memcmp(b->saved, b->avr->flash, BOOT) == 0)
		return;
	memcpy(b->saved, b->avr->flash, BOOT);
	snprintf(next, sizeof(next), "%s.next", path);
	FILE *f = fopen(next, "we");
	if (!f || fwrite(b->saved, 1, BOOT, f) != BOOT || fclose(f) != 0 || rename(next, path) < 0)
		die(path);
}

static void
load(struct board *b, const char *path)
{
	FILE *f = fopen(path, "re");

	memset(b->avr->flash, 0xff, FLASH);
	if (f && fread(b->avr->flash, 1, BOOT, f) == 0)
		die(path);
	if (f)
		fclose(f);
	memcpy(b->saved, b->avr->flash, BOOT);
	load_hex(b->avr->flash);
}

static void
feed(struct board *b)
{
	avr_irq_t *in = avr_io_getirq(b->avr, AVR_IOCTL_UART_GETIRQ('0'), UART_IRQ_INPUT);
	uint8_t byte;

	while (b->may_send && read(b->master, &byte, 1) == 1) {
		b->idle = 0;
		avr_raise_irq(in, byte);
	}
}

static void
run(struct board *b)
{
	for (int i = 0; i < 1000; i++, b->idle++) {
		int state = avr_run(b->avr);

		if (state == cpu_Done || state == cpu_Crashed || b->avr->pc < BOOT)
			power_on(b);
	}
}

static void
on_signal(int number)
{
	(void)number;
	cut = 1;
}

int
main(int argc, char **argv)
{
	static struct board b;

	if (argc != 3)
		return 64;
	make_board(&b);
	load(&b, argv[2]);
	open_line(&b, argv[1]);
	power_on(&b);
	signal(SIGUSR1, on_signal);
	puts("ready");
	fflush(stdout);
	for (;;) {
		struct pollfd p = {.fd = b.master, .events = POLLIN};

		if (cut) {
			cut = 0;
			tcflush(b.master, TCIOFLUSH);
			power_on(&b);
		}
		feed(&b);
		run(&b);
		save(&b, argv[2]);
		if (b.idle > IDLE_STEPS)
			poll(&p, 1, 1000);
	}
}
