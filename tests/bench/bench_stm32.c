/*
 * bench_stm32: see bench_stm32.h.
 *
 * The limit is the protocol's: a block of 256 bytes takes 268 bytes of 11 bits and three answers
 * one after the other, so six times the line's latency, and its programming. Shares are of blocks
 * that were written between 5 and 95 % of an image; ratios to stm32flash are of the whole work, its
 * verification included, each client on a line of its own at the same time.
 */
#include "bench_stm32.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "house_look.h"
#include "house_pack_image.h"
#include "kit.h"
#include "rom_line.h"
#include "sub_line.h"

enum {
	BITS = 11,
	BLOCK = 256,
	WIRE = 268,
	TURNS = 6,
	WATCH_MS = 4,
	LATENCIES = 3,
	PATIENCE_S = 120
};

#define PROGRAM_S 0.005 /* of a block */

static const struct row {
	unsigned baud, latency_ms;
	double goal;
} rows[] = {
    {115200, 0, 0.95},
    {115200, 1, 0.95},
    {115200, 16, 0.95},
    {921600, 0, 0.90},
    {921600, 1, 0.90},
    {921600, 16, 0.90},
    {1000000, 0, 0.90},
    {1000000, 1, 0.90},
    {1000000, 16, 0.90},
};

enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

struct run {
	struct rom_line *rom;
	struct sub_line line;
	struct bundle_bytes image;
	pid_t peer; /* stm32flash; 0: our session */
	bool running, fine;
	double begin, end;
	struct point {
		double at, written;
	} from, to;
	struct sub_line_end last;
};

/* Bytes a second that the protocol allows. */
static double
limit(const struct row *r)
{
	return BLOCK / (WIRE * (double)BITS / r->baud + TURNS * r->latency_ms / 1000.0 + PROGRAM_S);
}

static void
open_device(struct run *r, const struct row *row, double seconds)
{
	char baud[16], latency[16];

	snprintf(baud, sizeof(baud), "%u", row->baud);
	snprintf(latency, sizeof(latency), "%u", row->latency_ms);
	r->rom = rom_line_new((const char *const[]){"--baud", baud, "--latency-ms", latency, "--id",
	    "0x430", "--flash", "1048576", "--page", "2048", "--erase-us", "5000", "--status-ms",
	    "10", NULL});
	/* half of the time for writing, half for reading back */
	r->image = house_pack_stm32("2.0.0", (size_t)(limit(row) * seconds / 2) + 2000);
	kit_write(r->rom->dir, "image", r->image.data, r->image.len);
}

static void
start_session(struct run *r)
{
	struct sub_line_order o = {.verb = PB__VERB__VERB_WRITE,
	    .driver = "an3155",
	    .target = "2.0.0",
	    .image = r->image,
	    .timeout_ms = PATIENCE_S * 1000,
	    .options = {"version_at", "08000100", NULL}};

	r->line = (struct sub_line){.dir = r->rom->dir, .line = -1};
	r->begin = bench_now();
	r->running = sub_line_order(&r->line, &o) == ERR_OK;
}

static void
start_peer(struct run *r)
{
	char image[400];

	snprintf(image, sizeof(image), "%s/image", r->rom->dir);
	r->begin = bench_now();
	r->peer = fork();
	if (r->peer == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (!freopen("/dev/null", "w", stdout) || !freopen("/dev/null", "w", stderr))
			_exit(127);
		execl("/usr/bin/stm32flash", "stm32flash", "-b", "115200", "-m", "8n1", "-w", image,
		    "-v", r->rom->tty, (char *)NULL);
		_exit(127);
	}
	r->running = r->peer > 0;
}

static void
look(struct run *r)
{
	struct point now = {bench_now(), rom_line_number(r->rom, "written")};

	if (now.written >= 0.05 * (double)r->image.len && r->from.at == 0)
		r->from = now;
	if (now.written <= 0.95 * (double)r->image.len && now.written > r->to.written)
		r->to = now;
}

static void
look_for_end(struct run *r)
{
	int status = 0;

	if (r->peer) {
		r->running = waitpid(r->peer, &status, WNOHANG) == 0;
		r->fine = !r->running && WIFEXITED(status) && WEXITSTATUS(status) == 0;
	} else {
		r->running = !sub_line_final(&r->line, 0, &r->last);
		r->fine = !r->running && r->last.error == ERR_OK;
	}
	r->end = bench_now();
	r->fine = r->fine && rom_line_holds(r->rom, r->image);
}

static void
watch(struct run *runs, int n)
{
	double until = bench_now() + PATIENCE_S;

	for (int left = n; left > 0 && bench_now() < until;) {
		left = 0;
		for (int i = 0; i < n; i++) {
			if (!runs[i].running)
				continue;
			look(&runs[i]);
			look_for_end(&runs[i]);
			left += runs[i].running;
		}
		house_look_pause(WATCH_MS);
	}
}

/* Of what the protocol allows, in the middle of the image; 0: too short. */
static double
share(const struct run *r, const struct row *row)
{
	if (!r->fine || r->to.at <= r->from.at)
		return 0;
	return (r->to.written - r->from.written) / (r->to.at - r->from.at) / limit(row);
}

static void
judge(struct bench *b, const struct row *row, const struct run *own, const struct run *peer)
{
	char name[BENCH_NAME];
	double ours = share(own, row);

	snprintf(name, sizeof(name), "an3155_limit_share_%u_%ums", row->baud, row->latency_ms);
	if (ours == 0) {
		bench_failed(b, name, own->fine ? "too short" : own->last.detail);
		return;
	}
	bench_sample(bench_goal(b, name, "of limit", BENCH_HIGHER, row->goal), ours);
	if (!peer->fine) {
		bench_failed(b, name, "stm32flash failed");
		return;
	}
	snprintf(
	    name, sizeof(name), "an3155_time_to_stm32flash_%u_%ums", row->baud, row->latency_ms);
	bench_sample(
	    bench_want(bench_beside(b, name, "time to stm32flash's", "ratio"), BENCH_LOWER, 1.1),
	    (own->end - own->begin) / (peer->end - peer->begin));
}

static void
close_run(struct run *r)
{
	if (r->running && r->peer)
		kill(r->peer, SIGKILL);
	if (!r->peer)
		sub_line_drop(&r->line);
	rom_line_free(r->rom);
	free(r->image.data);
}

/* One rate, all latencies, both clients: six lines at once. */
static void
run_rate(struct bench *b, const struct row *at, double seconds)
{
	struct run runs[2 * LATENCIES] = {0};

	for (int i = 0; i < 2 * LATENCIES; i++)
		open_device(&runs[i], &at[i / 2], seconds);
	for (int i = 0; i < 2 * LATENCIES; i++) {
		if (i % 2)
			start_peer(&runs[i]);
		else
			start_session(&runs[i]);
	}
	watch(runs, 2 * LATENCIES);
	for (int i = 0; i < LATENCIES; i++)
		judge(b, &at[i], &runs[2 * i], &runs[2 * i + 1]);
	for (int i = 0; i < 2 * LATENCIES; i++)
		close_run(&runs[i]);
}

void
bench_stm32(struct bench *b)
{
	for (int i = 0; i < ROWS; i += LATENCIES)
		if (!b->quick || rows[i].baud != 921600)
			run_rate(b, &rows[i], b->quick ? 4 : 12);
}
