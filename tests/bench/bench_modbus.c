/*
 * bench_modbus: see bench_modbus.h.
 *
 * The limit is the protocol's: request and answer at 10 bits a byte, the line's latency twice, and
 * 1.75 ms of silence before a request, which is RTU's rule from 19200 baud up. libmodbus keeps no
 * silence, so it may come out above the limit where the latency is none.
 */
#include "bench_modbus.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench_line.h"
#include "bench_unit.h"
#include "kit.h"
#include "modbus_dev.h"

enum { BITS = 10, WORDS_FILE = 122, WORDS_WINDOW = 123, LATENCIES = 3, WAIT_S = 90 };
enum { FILES, REGISTERS, PEER, WAYS, LINES = WAYS * LATENCIES };

#define SILENCE_S 0.00175

struct modbus {
	struct bench_line line;
	struct bench_unit *unit;
	unsigned words;
};

/* Seconds for a request and its answer of so many bytes. */
static double
exchange(unsigned bytes, unsigned baud, unsigned latency_ms)
{
	return bytes * (double)BITS / baud + 2 * latency_ms / 1000.0 + SILENCE_S;
}

/* Image bytes a second that the protocol allows. */
static double
limit(int way, unsigned baud, unsigned latency_ms)
{
	if (way == FILES) /* the answer repeats the request */
		return 2 * WORDS_FILE / exchange(2 * (12 + 2 * WORDS_FILE), baud, latency_ms);
	return 2 * WORDS_WINDOW /
	       (exchange(13 + 8, baud, latency_ms) +
		   exchange(9 + 2 * WORDS_WINDOW + 8, baud, latency_ms));
}

/* From the line, which is the first thing in a struct modbus. */
static double
has_bytes(struct bench_line *l)
{
	const struct modbus *m = (const void *)l;

	return 2.0 * m->words * bench_unit_writes(m->unit);
}

static bool
open_line(struct modbus *m, int way, unsigned baud, unsigned latency_ms, double seconds)
{
	struct bench_line *l = &m->line;
	char tty[300];
	size_t len = (size_t)(limit(way, baud, latency_ms) * seconds);

	l->line = sub_line_new("1.0.0");
	m->words = way == FILES ? WORDS_FILE : WORDS_WINDOW;
	len = (len < MODBUS_DEV_FLASH ? len : MODBUS_DEV_FLASH) / 2 / m->words * 2 * m->words;
	l->image = (struct bundle_bytes){malloc(len), len};
	snprintf(tty, sizeof(tty), "%s/tty", l->line->dir);
	m->unit = bench_unit_start(tty, baud, latency_ms);
	if (!l->image.data || !m->unit)
		return false;
	modbus_dev_image(l->image.data, len, "2.0.0");
	kit_write(l->line->dir, "image", l->image.data, len);
	return true;
}

static void
start_session(struct modbus *m, bool file)
{
	struct sub_line_order o = {.verb = PB__VERB__VERB_WRITE,
	    .driver = "modbus",
	    .target = "2.0.0",
	    .image = m->line.image,
	    .timeout_ms = WAIT_S * 1000};
	const char *const *rest = modbus_dev_options(file);

	for (size_t i = 0; rest[i] && i + 1 < SUB_LINE_OPTIONS; i++)
		o.options[i] = rest[i];
	m->line.begin = bench_now();
	m->line.running = sub_line_order(m->line.line, &o) == ERR_OK;
}

/* Next to this program's bin directory, where `make bench` puts it. */
static bool
start_peer(struct modbus *m)
{
	char path[600];
	ssize_t n = readlink("/proc/self/exe", path, 500);

	if (n <= 0)
		return false;
	path[n] = '\0';
	*strrchr(path, '/') = '\0';
	snprintf(strrchr(path, '/'), 40, "/tests/modbus-client");
	return access(path, X_OK) == 0 &&
	       bench_line_peer(&m->line, (const char *const[]){path, "tty", "image", NULL}, -1);
}

static void
judge(struct bench *b, unsigned baud, unsigned latency_ms, const struct modbus m[WAYS])
{
	static const char *const names[] = {"modbus_files", "modbus_registers"};
	double most = limit(REGISTERS, baud, latency_ms), peer = bench_line_rate(&m[PEER].line);
	char name[BENCH_NAME];

	for (int way = FILES; way <= REGISTERS; way++) {
		double rate = bench_line_rate(&m[way].line);

		snprintf(
		    name, sizeof(name), "%s_limit_share_%u_%ums", names[way], baud, latency_ms);
		if (rate > 0)
			bench_sample(bench_goal(b, name, "of limit", BENCH_HIGHER, 0.90),
			    rate / limit(way, baud, latency_ms));
		else
			bench_failed(b, name, bench_line_why(&m[way].line));
	}
	snprintf(name, sizeof(name), "modbus_registers_%u_%ums_libmodbus", baud, latency_ms);
	if (peer > 0)
		bench_sample(bench_beside(b, name, "libmodbus", "of limit"), peer / most);
	else
		bench_failed(b, name, bench_line_why(&m[PEER].line));
}

/* One rate, all latencies, all ways: nine lines at once. */
static void
run_rate(struct bench *b, unsigned baud)
{
	static const unsigned latencies[LATENCIES] = {0, 1, 16};
	AUTO(mem) struct modbus *m = calloc(LINES, sizeof(*m));
	struct bench_line *lines[LINES];
	bool fine = m != NULL;

	for (int i = 0; fine && i < LINES; i++) {
		lines[i] = &m[i].line;
		fine = open_line(&m[i], i % WAYS, baud, latencies[i / WAYS], b->quick ? 3 : 8);
	}
	for (int i = 0; fine && i < LINES; i++) {
		if (i % WAYS == PEER)
			fine = start_peer(&m[i]);
		else
			start_session(&m[i], i % WAYS == FILES);
	}
	if (fine)
		bench_line_watch(lines, LINES, has_bytes, WAIT_S);
	else
		bench_failed(b, "modbus", "no device, or no modbus-client (libmodbus-dev)");
	for (int i = 0; fine && i < LATENCIES; i++)
		judge(b, baud, latencies[i], &m[i * WAYS]);
	for (int i = 0; m && i < LINES; i++) {
		bench_line_close(&m[i].line);
		bench_unit_stop(m[i].unit);
	}
}

void
bench_modbus(struct bench *b)
{
	static const unsigned bauds[] = {115200, 921600, 1000000};

	for (size_t i = 0; i < sizeof(bauds) / sizeof(bauds[0]); i++)
		if (!b->quick || i != 1)
			run_rate(b, bauds[i]);
}
