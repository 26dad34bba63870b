/*
 * bench_serial: see bench_serial.h.
 */
#include "bench_serial.h"

#include <stdio.h>

#include "house_look.h"
#include "house_pack.h"
#include "json.h"
#include "sub_line.h"

enum { BITS = 10, WATCH_MS = 4, WRITE_S = 90, GROUP = 4, LINES = 2 * GROUP };

/* A point of one upload: when, how far, what the line had carried. */
struct point {
	double at, upload, wire;
};

struct run {
	struct sub_line *line;
	struct bundle_bytes image;
	struct point from, to; /* at 5 and 95 % */
	bool running, fine;
	struct sub_line_end end;
};

/* clang-format off */
static const struct row {
	unsigned baud, latency_ms;
	const char *buf_size, *buf_count, *window;
	double goal; /* 0: none */
} rows[] = {
	/* baud  latency, buffers, window goal */
	{115200,  0,  "384", "4", "4", 0.97},
	{115200,  1,  "384", "4", "4", 0.97},
	{115200,  16, "384", "4", "4", 0.97},
	{921600,  0,  "576", "5", "4", 0.95},
	{921600,  1,  "576", "5", "4", 0.95},
	{921600,  10, "576", "5", "4", 0.95},
	{921600,  16, "576", "9", "8", 0.95}, /* more is under way than four packets */
	{1000000, 0,  "576", "5", "4", 0.95},
	{1000000, 1,  "576", "5", "4", 0.95},
	{1000000, 16, "576", "9", "8", 0.95},
};
/* clang-format on */

enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

static bool
start(struct run *r, const struct row *row, bool single, double seconds)
{
	char baud[16], latency[16];
	struct sub_line_order o = {
	    .verb = PB__VERB__VERB_WRITE,
	    .target = "1.1.0",
	    .timeout_ms = WRITE_S * 1000,
	    .options = {"window", single ? "1" : row->window, NULL},
	};

	snprintf(baud, sizeof(baud), "%u", row->baud);
	snprintf(latency, sizeof(latency), "%u", row->latency_ms);
	r->line = sub_line_new("1.0.0");
	sub_line_start(r->line, (const char *const[]){"--baud", baud, "--latency-ms", latency,
				    "--reset-ms", "50", "--buf-size", row->buf_size, "--buf-count",
				    row->buf_count, "--status-ms", "10", NULL});
	/* two thirds of the line are image, the rest is base64 and heads */
	r->image = house_pack_image(
	    "1.1.0", 2, (size_t)((double)row->baud / BITS * 0.6 * seconds * (single ? 0.6 : 1)));
	o.image = r->image;
	r->running = r->image.data && sub_line_order(r->line, &o) == ERR_OK;
	return r->running;
}

static void
look(struct run *r)
{
	AUTO(json) cJSON *doc = sub_line_status(r->line);
	struct point now = {.at = bench_now()};

	if (!doc)
		return;
	now.upload = json_number(doc, "max_upload");
	now.wire = json_number(doc, "wire_in");
	if (now.upload >= 0.05 * (double)r->image.len && r->from.at == 0)
		r->from = now;
	if (now.upload <= 0.95 * (double)r->image.len && now.upload > r->to.upload)
		r->to = now;
}

static void
watch(struct run runs[LINES], double until)
{
	unsigned left = LINES;

	while (left > 0 && bench_now() < until) {
		left = 0;
		for (int i = 0; i < LINES; i++) {
			struct run *r = &runs[i];

			if (!r->running)
				continue;
			look(r);
			r->running = !sub_line_final(r->line, 0, &r->end);
			r->fine = !r->running && r->end.error == ERR_OK;
			left += r->running;
		}
		house_look_pause(WATCH_MS);
	}
}

static double
per_second(const struct run *r)
{
	return (r->to.upload - r->from.upload) / (r->to.at - r->from.at);
}

static void
judge(struct bench *b, const struct row *row, const struct run *many, const struct run *one)
{
	char share[BENCH_NAME], ratio[BENCH_NAME];

	snprintf(share, sizeof(share), "smp_line_share_%u_%ums", row->baud, row->latency_ms);
	snprintf(ratio, sizeof(ratio), "smp_rate_to_window_1_%u_%ums", row->baud, row->latency_ms);
	if (!many->fine || !one->fine || many->to.at <= many->from.at ||
	    one->to.at <= one->from.at) {
		bench_failed(b, share,
		    many->fine ? (one->fine ? "too short" : one->end.detail) : many->end.detail);
		return;
	}
	double carried = (many->to.wire - many->from.wire) * BITS / row->baud;

	bench_sample(bench_goal(b, share, "of line rate", BENCH_HIGHER, row->goal),
	    carried / (many->to.at - many->from.at));
	bench_sample(
	    bench_want(bench_beside(b, ratio, "rate to window 1", "ratio"), BENCH_HIGHER, 0.98),
	    per_second(many) / per_second(one));
}

/* Rows of one rate, each with one that has a single request under way, at the same time. */
static void
run_group(struct bench *b, const struct row *at, int n)
{
	struct run runs[LINES] = {0};
	double seconds = b->quick ? 4 : 10;

	for (int i = 0; i < 2 * n; i++)
		if (!start(&runs[i], &at[i / 2], i % 2, seconds))
			snprintf(runs[i].end.detail, sizeof(runs[i].end.detail), "no session");
	watch(runs, bench_now() + WRITE_S);
	for (int i = 0; i < 2 * n; i += 2)
		judge(b, &at[i / 2], &runs[i], &runs[i + 1]);
	for (int i = 0; i < 2 * n; i++) {
		sub_line_free(runs[i].line);
		free(runs[i].image.data);
	}
}

void
bench_serial(struct bench *b)
{
	for (int i = 0, n = 0; i < ROWS; i += n) {
		for (n = 1; i + n < ROWS && rows[i + n].baud == rows[i].baud; n++)
			continue;
		if (!b->quick || rows[i].baud != 921600)
			run_group(b, &rows[i], n);
	}
}
