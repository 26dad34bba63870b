/*
 * bench_forward: see bench_forward.h. A device has taken the image when its own swupdate says so
 * (its post-update command leaves a file) and the file is what was sent. The gateway's status of a
 * bad one is its exit: it has no other.
 */
#include "bench_forward.h"

#include <openssl/rand.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "auto.h"
#include "bench_relay.h"
#include "bench_swupdate.h"
#include "house_look.h"
#include "house_proc.h"
#include "kit.h"
#include "tool.h"

enum {
	FEW = 8,
	FOUR = 4,
	PORT = 8571,
	BITS = 10,
	UP_S = 20,
	PATIENCE_S = 60,
	TROUBLE_S = 40, /* as long as a clear status of ours may take */
	HASTE_S = 20,
	END_MS = 2000,
	SETTLE_MS = 1500
};

enum trouble { NONE, DOWN, DYING, HUNG, HANGING, TROUBLES };

struct device {
	char *dir;
	pid_t pid;
	char at[32]; /* its address: one for each, of 127.0.0.0/8 */
	struct bench_relay *line;
	double ended; /* seconds; 0: not yet */
};

/* One gateway and its devices. */
struct wave {
	char *dir;
	pid_t daemon, pid; /* pid: who gave the order, and waits for its end */
	unsigned n;
	struct device device[FEW];
	double begun, ended; /* ended: the gateway's word */
	bool fine;           /* which was: success */
};

struct field {
	struct bench *b;
	char *dir; /* with key.pem and cert.pem */
	uint8_t *image;
	size_t len;
	struct bundle_bytes inner;
	unsigned rate;
	unsigned devices; /* so far */
	double base;      /* seconds for one device */
};

/* --- packages ----------------------------------------------------------------------------------
 */

static bool
pack(struct field *f, const char *images, const char *name, const void *data, size_t len,
    struct bundle_bytes *out)
{
	char text[4096], hex[65];

	bench_swupdate_sha256(data, len, hex);
	snprintf(text, sizeof(text),
	    "software =\n{\n\tversion = \"1.0.0\";\n\thardware-compatibility: [ \"1.0\" ];\n"
	    "\timages: ( { filename = \"%s\"; sha256 = \"%s\"; installed-directly = true; %s } "
	    ");\n}\n",
	    name, hex, images);
	return bench_swupdate_pack(f->dir, text, name, data, len, out);
}

static bool
prepare(struct field *f)
{
	f->dir = kit_scratch();
	f->image = malloc(f->len);
	return f->image && RAND_bytes(f->image, (int)f->len) == 1 && bench_swupdate_keys(f->dir) &&
	       pack(f, "type = \"rawfile\"; path = \"out.bin\";", "img.bin", f->image, f->len,
		   &f->inner);
}

/* What the gateway is to install: the devices' package, and where they are. */
static bool
write_order(struct field *f, const struct wave *w)
{
	char urls[1024] = "type = \"swuforward\"; properties: { url = [";
	struct bundle_bytes outer = {0};

	for (unsigned i = 0; i < w->n; i++) {
		size_t at = strlen(urls);

		snprintf(urls + at, sizeof(urls) - at, "%s\"http://127.0.0.1:%u\"", i ? ", " : "",
		    bench_relay_port(w->device[i].line));
	}
	snprintf(urls + strlen(urls), sizeof(urls) - strlen(urls), "]; };");
	bool fine = pack(f, urls, "inner.swu", f->inner.data, f->inner.len, &outer);
	if (fine)
		kit_write(w->dir, "outer.swu", outer.data, outer.len);
	free(outer.data);
	return fine;
}

/* --- one wave ----------------------------------------------------------------------------------
 */

static char *
make_dir(const struct field *f)
{
	char cert[400];
	char *dir = kit_scratch();

	snprintf(cert, sizeof(cert), "%s/cert.pem", f->dir);
	return TOOL(dir, "cp", cert, ".").status == 0 &&
		       TOOL(dir, "mkdir", "tmp", "www").status == 0
		   ? dir
		   : NULL;
}

static bool
run_device(struct device *d)
{
	char server[64];

	snprintf(server, sizeof(server), "-p %s:%u -r www", d->at, PORT);
	d->pid = bench_swupdate_exec(
	    d->dir, (const char *const[]){"swupdate", "-l", "1", "-H", "board:1.0", "-k",
			"cert.pem", "-p", "touch done", "-w", server, NULL});
	return d->pid > 0;
}

static bool
open_device(struct field *f, struct device *d, enum trouble t)
{
	static const enum bench_relay_end ends[TROUBLES] = {
	    [DYING] = BENCH_RELAY_DIES, [HANGING] = BENCH_RELAY_HANGS};
	unsigned me = (unsigned)getpid();

	snprintf(d->at, sizeof(d->at), "127.%u.%u.%u", 1 + me % 200, me / 200 % 250,
	    1 + f->devices++ % 250);
	d->dir = make_dir(f);
	d->line = bench_relay_start(d->at, PORT, f->rate, ends[t], f->len / 2);
	return d->dir && d->line && run_device(d);
}

static bool
has_ended(pid_t pid, int *status)
{
	if (waitpid(pid, status, WNOHANG) != pid)
		return false;
	house_proc_end_group(pid, END_MS);
	return true;
}

/* Its parts find each other by chance: on a busy machine some starts fail, and are done again. */
static bool
wait_until_up(struct device *d)
{
	double end = bench_now() + UP_S;
	char url[64];
	int status = 0;

	snprintf(url, sizeof(url), "http://%s:%u/", d->at, PORT);
	while (TOOL("/", "curl", "-s", "-m", "1", "-o", "/dev/null", url).status != 0) {
		if (bench_now() > end || (has_ended(d->pid, &status) && !run_device(d)))
			return false;
		house_look_pause(20);
	}
	return true;
}

static void
spoil(struct device *d, enum trouble t)
{
	if (t == DOWN) {
		bench_swupdate_kill(d->pid);
		d->pid = 0;
	} else if (t == HUNG) {
		kill(-d->pid, SIGSTOP);
	}
}

/* The daemon takes orders once its socket is there and it has settled: one that comes earlier is
 * taken for done. */
static bool
open_gateway(struct field *f, struct wave *w)
{
	double end = bench_now() + UP_S;
	char path[400];

	w->dir = make_dir(f);
	if (!w->dir || !write_order(f, w))
		return false;
	snprintf(path, sizeof(path), "%s/tmp/sockinstctrl", w->dir);
	w->daemon = bench_swupdate_exec(w->dir, (const char *const[]){"swupdate", "-l", "1", "-H",
						    "board:1.0", "-k", "cert.pem", NULL});
	while (access(path, F_OK) < 0) {
		if (w->daemon < 0 || bench_now() > end)
			return false;
		house_look_pause(20);
	}
	house_look_pause(SETTLE_MS);
	return true;
}

static void
order(struct wave *w)
{
	w->begun = bench_now();
	w->pid = bench_swupdate_exec(
	    w->dir, (const char *const[]){"swupdate-client", "outer.swu", NULL});
}

static bool
start(struct field *f, struct wave *w, unsigned n, enum trouble t)
{
	*w = (struct wave){.n = n};
	for (unsigned i = 0; i < n; i++)
		if (!open_device(f, &w->device[i], i == FOUR - 1 ? t : NONE))
			return false;
	for (unsigned i = 0; i < n; i++)
		if (!wait_until_up(&w->device[i]))
			return false;
	if (!open_gateway(f, w))
		return false;
	spoil(&w->device[FOUR - 1], t);
	order(w);
	return w->pid > 0;
}

static bool
is_image(const struct field *f, const char *path)
{
	AUTO(mem) uint8_t *got = malloc(f->len + 1);
	AUTO(file) FILE *in = fopen(path, "re");

	return got && in && fread(got, 1, f->len + 1, in) == f->len &&
	       memcmp(got, f->image, f->len) == 0;
}

static bool
has_it(const struct field *f, const struct device *d)
{
	char path[400];
	struct stat st;

	snprintf(path, sizeof(path), "%s/done", d->dir);
	if (stat(path, &st) < 0)
		return false;
	snprintf(path, sizeof(path), "%s/out.bin", d->dir);
	return is_image(f, path);
}

static void
look(const struct field *f, struct wave *w)
{
	double now = bench_now() - w->begun;
	int status = 0;

	for (unsigned i = 0; i < w->n; i++)
		if (w->device[i].ended == 0 && has_it(f, &w->device[i]))
			w->device[i].ended = now;
	if (w->pid == 0 || !has_ended(w->pid, &status))
		return;
	w->pid = 0;
	w->fine = WIFEXITED(status) && WEXITSTATUS(status) == 0;
	w->ended = now;
}

static unsigned
done_of(const struct wave *w, unsigned n, double *last)
{
	unsigned done = 0;

	*last = 0;
	for (unsigned i = 0; i < n; i++) {
		done += w->device[i].ended > 0;
		*last = w->device[i].ended > *last ? w->device[i].ended : *last;
	}
	return done;
}

static void
finish(struct wave *w)
{
	if (w->pid > 0)
		bench_swupdate_kill(w->pid);
	if (w->daemon > 0)
		bench_swupdate_kill(w->daemon);
	for (unsigned i = 0; i < w->n; i++) {
		struct device *d = &w->device[i];

		if (d->pid > 0)
			bench_swupdate_kill(d->pid);
		bench_relay_stop(d->line);
		if (d->dir)
			kit_scratch_remove(d->dir);
	}
	if (w->dir)
		kit_scratch_remove(w->dir);
}

/* --- figures -----------------------------------------------------------------------------------
 */

static void
healthy(struct field *f, unsigned n, double patience)
{
	struct wave w;
	char name[64];
	double last = 0, end = bench_now() + patience;
	bool fine = start(f, &w, n, NONE);

	snprintf(name, sizeof(name),
	    n == 1 ? "fleet_%u_seconds_swupdate" : "fleet_%u_time_to_1_swupdate", n);
	while (fine && (done_of(&w, n, &last) < n || w.ended == 0) && bench_now() < end) {
		look(f, &w);
		house_look_pause(10);
	}
	if (!fine || done_of(&w, n, &last) < n)
		bench_failed(f->b, name, "swupdate does not finish");
	else if (n == 1)
		bench_sample(bench_add(f->b, name, "s", BENCH_LOWER), f->base = last);
	else if (f->base > 0)
		bench_sample(bench_add(f->b, name, "ratio", BENCH_LOWER), last / f->base);
	finish(&w);
}

static void
report(struct field *f, const struct wave *w, const char *trouble)
{
	char name[64];
	double last = 0;

	snprintf(name, sizeof(name), "fleet_4_one_%s_others_done_swupdate", trouble);
	bench_sample(bench_add(f->b, name, "of 3", BENCH_HIGHER), done_of(w, FOUR - 1, &last));
	snprintf(name, sizeof(name), "fleet_4_one_%s_ended_after_swupdate", trouble);
	if (w->ended > 0 && !w->fine)
		bench_sample(bench_add(f->b, name, "s", BENCH_LOWER), w->ended);
	else if (w->ended > 0)
		bench_failed(f->b, name, "swupdate calls it a success");
	else
		bench_sample(
		    bench_add(f->b, name, "s, not yet", BENCH_LOWER), bench_now() - w->begun);
}

/* Until the three others and the gateway have ended, or nobody would wait any longer. */
static void
one_is_bad(struct field *f, enum trouble t, const char *name, double patience)
{
	struct wave w;
	bool fine = start(f, &w, FOUR, t);
	double last = 0, end = bench_now() + patience;

	while (fine && (done_of(&w, FOUR - 1, &last) < FOUR - 1 || w.ended == 0) &&
	       bench_now() < end) {
		look(f, &w);
		if (w.ended > 0 && end > bench_now() + END_MS / 1e3)
			end = bench_now() + END_MS / 1e3; /* what is under way without it */
		house_look_pause(10);
	}
	if (fine)
		report(f, &w, name);
	else
		bench_failed(f->b, name, "swupdate does not start");
	finish(&w);
}

void
bench_forward(struct bench *b, size_t image, unsigned baud)
{
	static const char *const names[TROUBLES] = {NULL, "down", "dying", "hung", "hanging"};
	struct field f = {.b = b, .len = image, .rate = baud / BITS};
	double patience = b->quick ? HASTE_S : TROUBLE_S;

	if (!prepare(&f)) {
		bench_failed(b, "swupdate's forwarder", "no keys, or no swupdate");
	} else {
		for (unsigned n = 1; n <= FEW; n *= 2)
			if (!b->quick || n == 1 || n == FEW)
				healthy(&f, n, PATIENCE_S);
		for (int t = DOWN; t < TROUBLES; t++)
			one_is_bad(&f, (enum trouble)t, names[t], patience);
	}
	free(f.inner.data);
	free(f.image);
	kit_scratch_remove(f.dir);
}
