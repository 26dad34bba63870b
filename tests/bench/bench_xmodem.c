/*
 * bench_xmodem: see bench_xmodem.h.
 *
 * The limit is the protocol's: a block of 1024 takes 1029 bytes of 10 bits, its answer one, and
 * both the line's latency. The device is a virtual U-Boot; for lrzsz, which knows no dialogue, the
 * bench says `loadx` or `loady`, and what we say to the prompt before and after is in our time.
 */
#include "bench_xmodem.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "bench_line.h"
#include "house_pack_image.h"
#include "kit.h"
#include "tty.h"

enum {
	BITS = 10,
	BLOCK = 1024,
	WIRE = 1029 + 1,
	LATENCIES = 3,
	LINES = 2 * LATENCIES,
	WAIT_S = 90
};

static const struct mode {
	const char *name, *recipe, *protocol, *peer, *command;
} modes[] = {
    {"xmodem", "u-boot-loadx", "1k", "sx", "loadx 0\r"},
    {"ymodem", "u-boot", "ymodem", "sb", "loady 0\r"},
};

/* Bytes a second that the protocol allows. */
static double
limit(unsigned baud, unsigned latency_ms)
{
	return BLOCK / (WIRE * (double)BITS / baud + 2 * latency_ms / 1000.0);
}

static double
has_bytes(struct bench_line *l)
{
	return sub_line_number(l->line, "max_upload");
}

static void
open_line(struct bench_line *l, unsigned baud, unsigned latency_ms, double seconds)
{
	char rate[16], latency[16];

	snprintf(rate, sizeof(rate), "%u", baud);
	snprintf(latency, sizeof(latency), "%u", latency_ms);
	l->line = sub_line_new("1.0.0");
	sub_line_start(
	    l->line, (const char *const[]){"--loader", "u-boot", "--baud", rate, "--latency-ms",
			 latency, "--reset-ms", "50", "--status-ms", "10", NULL});
	size_t blocks = (size_t)(limit(baud, latency_ms) * seconds / BLOCK);
	l->image = house_pack_image("2.0.0", 2, blocks * BLOCK);
	kit_write(l->line->dir, "image", l->image.data, l->image.len);
}

static void
start_session(struct bench_line *l, const struct mode *m)
{
	const struct sub_line_order o = {.verb = PB__VERB__VERB_WRITE,
	    .driver = "xmodem",
	    .target = "2.0.0",
	    .image = l->image,
	    .timeout_ms = WAIT_S * 1000,
	    .options = {"recipe", m->recipe, "protocol", m->protocol, NULL}};

	l->begin = bench_now();
	l->running = sub_line_order(l->line, &o) == ERR_OK;
}

/* Until the receiver has asked for the first time; -1 when it does not. */
static int
ask_for_it(struct bench_line *l, const char *command)
{
	char path[300], why[WHY_SIZE], got[400] = "";
	struct tty_settings s = {.path = path, .baud = 115200};
	size_t len = 0;
	int fd = -1;

	snprintf(path, sizeof(path), "%s/tty", l->line->dir);
	if (tty_open(&s, &fd, why) != ERR_OK || write(fd, command, strlen(command)) < 0)
		return -1;
	while (!strstr(got, "bps...\r\n")) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		ssize_t n = poll(&p, 1, 5000) > 0 ? read(fd, got + len, sizeof(got) - 1 - len) : 0;

		if (n <= 0)
			return -1;
		len += (size_t)n;
		got[len] = '\0';
	}
	return fd;
}

static void
start_peer(struct bench_line *l, const struct mode *m)
{
	AUTO(fd) int fd = ask_for_it(l, m->command);

	if (fd >= 0 && fcntl(fd, F_SETFL, O_RDWR) == 0) /* it waits in read() */
		bench_line_peer(l, (const char *const[]){m->peer, "-k", "-q", "image", NULL}, fd);
}

static void
judge(struct bench *b, const struct mode *m, unsigned baud, unsigned latency_ms,
    const struct bench_line *own, const struct bench_line *peer)
{
	char name[BENCH_NAME];
	double most = limit(baud, latency_ms), rate = bench_line_rate(own);
	double other = bench_line_rate(peer);

	snprintf(name, sizeof(name), "%s_limit_share_%u_%ums", m->name, baud, latency_ms);
	if (rate > 0)
		bench_sample(bench_goal(b, name, "of limit", BENCH_HIGHER, 0.98), rate / most);
	else
		bench_failed(b, name, bench_line_why(own));
	snprintf(name, sizeof(name), "%s_limit_share_%u_%ums_lrzsz", m->name, baud, latency_ms);
	if (other > 0)
		bench_sample(bench_beside(b, name, "lrzsz", "of limit"), other / most);
	else
		bench_failed(b, name, bench_line_why(peer));
	snprintf(name, sizeof(name), "%s_time_to_lrzsz_%u_%ums", m->name, baud, latency_ms);
	if (own->fine && peer->fine)
		bench_sample(
		    bench_want(bench_beside(b, name, "time to lrzsz's", "ratio"), BENCH_LOWER, 1.0),
		    bench_line_took(own) / bench_line_took(peer));
}

/* One rate, all latencies, both senders: six lines at once. */
static void
run_rate(struct bench *b, const struct mode *m, unsigned baud)
{
	static const unsigned latencies[LATENCIES] = {0, 1, 16};
	struct bench_line lines[LINES] = {0}, *all[LINES];

	for (int i = 0; i < LINES; i++)
		open_line(all[i] = &lines[i], baud, latencies[i / 2], b->quick ? 3 : 8);
	for (int i = 0; i < LINES; i++) {
		if (i % 2)
			start_peer(&lines[i], m);
		else
			start_session(&lines[i], m);
	}
	bench_line_watch(all, LINES, has_bytes, WAIT_S);
	for (int i = 0; i < LATENCIES; i++)
		judge(b, m, baud, latencies[i], &lines[2 * i], &lines[2 * i + 1]);
	for (int i = 0; i < LINES; i++)
		bench_line_close(&lines[i]);
}

void
bench_xmodem(struct bench *b)
{
	static const unsigned bauds[] = {115200, 921600, 1000000};

	for (size_t m = 0; m < sizeof(modes) / sizeof(modes[0]); m++)
		for (size_t i = 0; i < sizeof(bauds) / sizeof(bauds[0]); i++)
			if (!b->quick || i != 1)
				run_rate(b, &modes[m], bauds[i]);
}
