/*
 * bench_download: see bench_download.h.
 */
#include "bench_download.h"

#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "bench_gate.h"
#include "bench_swupdate.h"
#include "house_look.h"
#include "httpd.h"
#include "kit.h"
#include "tool.h"

enum {
	MB = 1000 * 1000,
	PAYLOAD = 100 * MB,
	CUT_AFTER = 20 * MB,
	CUTS = 2,
	RATE = 80 * MB, /* a second, where something has to happen in the middle */
	LONG_S = 120,
	CHUNK = 1 << 20,
};

struct field {
	struct bench *b;
	char *dir;
	uint8_t *payload;
	struct bundle_bytes package; /* ours */
	struct bench_gate *gate;
	struct bench_swupdate peer;
	double verifying;            /* seconds from "fetched" to "verified" in the last round */
	struct httpd *ours, *theirs; /* two servers, because each serves one body */
};

static const struct httpd_faults paced = {.rate = RATE};

static bool
prepare(struct field *f)
{
	f->dir = kit_scratch();
	f->payload = malloc(PAYLOAD);
	f->gate = bench_gate_new();
	if (!f->payload || !f->gate || RAND_bytes(f->payload, PAYLOAD) != 1)
		return false;
	struct kit_spec spec = {
	    .payload = f->payload, .payload_len = PAYLOAD, .chunk_size = CHUNK, .sequence = 1};
	f->package = kit_bundle(f->gate->kit, &spec);
	if (!bench_swupdate_init(&f->peer, f->dir, f->payload, PAYLOAD))
		return false;
	f->ours = httpd_start(f->package.data, f->package.len, false);
	f->theirs = httpd_start(f->peer.file.data, f->peer.file.len, false);
	return f->package.data && f->ours && f->theirs;
}

static void
clean_up(struct field *f)
{
	if (f->ours)
		httpd_stop(f->ours);
	if (f->theirs)
		httpd_stop(f->theirs);
	if (f->gate)
		bench_gate_free(f->gate);
	bench_swupdate_fini(&f->peer);
	free(f->package.data);
	free(f->payload);
	kit_scratch_remove(f->dir);
}

static void
faults(struct httpd *h, const struct httpd_faults *f)
{
	httpd_set(h, f);
	httpd_reset(h);
}

/* Seconds, or 0 when it failed. The store is empty before and after. */
static double
ours_once(struct field *f)
{
	struct bench_gate *g = f->gate;
	double begin = 0, end = 0;

	if (!g->pid && !bench_gate_start(g))
		return 0;
	begin = bench_now();
	if (bench_gate_order(g, httpd_url(f->ours), f->package.len) && bench_gate_wait(g, LONG_S))
		end = bench_now();
	f->verifying = end - g->fetched_at;
	if (end == 0)
		fprintf(
		    stderr, "gate: phase %d, error %u, %s\n", (int)g->phase, g->error, g->detail);
	bench_gate_reset(g);
	return end > 0 ? end - begin : 0;
}

static double
peer_once(struct field *f, unsigned retries)
{
	double begin = bench_now();
	pid_t pid = bench_swupdate_start(&f->peer, httpd_url(f->theirs), retries);

	if (pid < 0 || !bench_swupdate_wait(pid))
		return 0;
	return bench_now() - begin;
}

static double
curl_once(struct field *f)
{
	char path[300];

	snprintf(path, sizeof(path), "%s/curl.bin", f->dir);
	double begin = bench_now();
	bool fine = TOOL(f->dir, "curl", "-s", "-o", path, httpd_url(f->ours)).status == 0;
	double took = bench_now() - begin;
	unlink(path);
	return fine ? took : 0;
}

/* --- G1 -------------------------------------------------------------------------------------- */

static void
speed(struct field *f)
{
	struct bench *b = f->b;
	struct bench_figure *to_curl = bench_goal(
	    b, "download_100mb_to_curl", "ratio", BENCH_LOWER, 1.0);
	struct bench_figure *to_peer = bench_goal(
	    b, "download_100mb_to_swupdate", "ratio", BENCH_LOWER, 0.70);
	struct bench_figure *seconds = bench_add(b, "download_100mb", "s", BENCH_LOWER);
	struct bench_figure *after = bench_add(
	    b, "download_100mb_after_last_byte", "s", BENCH_LOWER);
	unsigned rounds = b->quick ? 3 : 11;

	curl_once(f); /* what is slow the first time only */
	for (unsigned i = 0; i < rounds; i++) {
		if (!bench_gate_start(f->gate)) {
			bench_failed(b, "download", "the gate does not start");
			return;
		}
		double curl = curl_once(f), peer = peer_once(f, 3), ours = ours_once(f);

		unlink(f->peer.out);
		if (ours == 0 || curl == 0 || peer == 0) {
			bench_failed(b, "download",
			    ours == 0   ? "the gate failed"
			    : curl == 0 ? "curl failed"
					: "swupdate failed");
			return;
		}
		bench_sample(to_curl, ours / curl);
		bench_sample(to_peer, ours / peer);
		bench_sample(seconds, ours);
		bench_sample(after, f->verifying);
	}
}

/* --- G5 -------------------------------------------------------------------------------------- */

static double
again(struct httpd *h, size_t size)
{
	struct httpd_counters c = httpd_counters(h);

	return c.body_bytes > size ? (double)(c.body_bytes - size) : 0;
}

static bool
ours_killed(struct field *f, void (*kill_gate)(struct bench_gate *g))
{
	struct bench_gate *g = f->gate;
	double end = bench_now() + LONG_S;

	if (!bench_gate_start(g) || !bench_gate_order(g, httpd_url(f->ours), f->package.len))
		return false;
	while (bench_gate_incoming(g) < f->package.len / 2 && bench_now() < end)
		bench_gate_turn(g, 1);
	kill_gate(g);
	bool fine = bench_gate_start(g) && bench_gate_wait(g, LONG_S);
	bench_gate_reset(g);
	return fine;
}

static bool
peer_killed(struct field *f)
{
	pid_t pid = bench_swupdate_start(&f->peer, httpd_url(f->theirs), 3);
	double end = bench_now() + LONG_S;

	while (bench_swupdate_written(&f->peer) < PAYLOAD / 2 && bench_now() < end)
		house_look_pause(1);
	bench_swupdate_kill(pid);
	return peer_once(f, 3) > 0;
}

static void
ours_killed_often(struct field *f, const char *name, void (*kill_gate)(struct bench_gate *g))
{
	struct bench_figure *figure = bench_goal(f->b, name, "bytes", BENCH_LOWER, 65536);

	for (unsigned i = 0; i < (f->b->quick ? 1u : 5u); i++) {
		faults(f->ours, &paced);
		if (!ours_killed(f, kill_gate))
			bench_failed(f->b, name, "the gate did not finish");
		else
			bench_sample(figure, again(f->ours, f->package.len));
	}
}

static void
killed(struct field *f)
{
	struct bench_figure *peer = NULL;

	ours_killed_often(f, "sigkill_at_half_fetched_again", bench_gate_kill);
	ours_killed_often(f, "sigkill_all_at_half_fetched_again", bench_gate_kill_all);
	peer = bench_add(f->b, "sigkill_at_half_fetched_again_swupdate", "bytes", BENCH_LOWER);
	faults(f->theirs, &paced);
	if (!peer_killed(f))
		bench_failed(f->b, "sigkill", "swupdate did not finish");
	else
		bench_sample(peer, again(f->theirs, f->peer.file.len));
}

/* --- broken connections ---------------------------------------------------------------------- */

static void
cut(struct field *f)
{
	static const struct httpd_faults two = {.cut_after = CUT_AFTER, .cuts = CUTS, .rate = RATE};
	struct bench *b = f->b;
	struct bench_figure *ours = bench_goal(
	    b, "two_cuts_fetched_again", "bytes", BENCH_LOWER, 65536);
	struct bench_figure *peer = bench_add(
	    b, "two_cuts_fetched_again_swupdate", "bytes", BENCH_LOWER);
	struct bench_figure *ratio = bench_goal(
	    b, "two_cuts_seconds_to_swupdate", "ratio", BENCH_LOWER, 1.0);
	struct bench_figure *took = bench_add(b, "two_cuts_seconds", "s", BENCH_LOWER);

	faults(f->ours, &two);
	double a = ours_once(f);
	if (a > 0)
		bench_sample(ours, again(f->ours, f->package.len));
	faults(f->theirs, &two);
	double c = peer_once(f, 5);
	if (c > 0)
		bench_sample(peer, again(f->theirs, f->peer.file.len));
	if (a > 0)
		bench_sample(took, a);
	if (a > 0 && c > 0)
		bench_sample(ratio, a / c);
	else
		bench_failed(b, "two cuts", a > 0 ? "swupdate gave up" : "the gate gave up");
}

/* --- a corrupt image ------------------------------------------------------------------------- */

static void
corrupt(struct field *f)
{
	struct bench_figure *ours = bench_goal(
	    f->b, "corrupt_image_bytes_published", "bytes", BENCH_LOWER, 0);
	struct bench_figure *peer = bench_add(
	    f->b, "corrupt_image_bytes_written_swupdate", "bytes", BENCH_LOWER);
	static const struct httpd_faults none;

	faults(f->ours, &none);
	faults(f->theirs, &none);
	f->package.data[f->package.len / 2] ^= 1;
	f->peer.file.data[f->peer.file.len / 2] ^= 1;
	if (bench_gate_start(f->gate) &&
	    bench_gate_order(f->gate, httpd_url(f->ours), f->package.len) &&
	    !bench_gate_wait(f->gate, LONG_S) && f->gate->error != 0)
		bench_sample(ours, (double)bench_gate_published(f->gate));
	else
		bench_failed(f->b, "corrupt image", "the gate did not refuse it");
	bench_gate_reset(f->gate);
	if (peer_once(f, 3) == 0)
		bench_sample(peer, (double)bench_swupdate_written(&f->peer));
	else
		bench_failed(f->b, "corrupt image", "swupdate installed it");
	f->package.data[f->package.len / 2] ^= 1;
	f->peer.file.data[f->peer.file.len / 2] ^= 1;
}

void
bench_download(struct bench *b)
{
	struct field f = {.b = b};

	if (prepare(&f)) {
		speed(&f);
		killed(&f);
		cut(&f);
		corrupt(&f);
	} else {
		bench_failed(b, "download", "keys, packages or servers could not be made");
	}
	clean_up(&f);
}
