/*
 * sub_line: see sub_line.h.
 */
#include "sub_line.h"

#include <assert.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "clock.h"
#include "couriers.h"
#include "house_look.h"
#include "house_pack_image.h"
#include "json.h"
#include "kit.h"
#include "msg.h"
#include "tty.h"

enum { WORDS = 40, CHUNK = 4096, DIGEST = 32, PATIENCE_MS = 20000, NOBODY = 65534 };

struct sub_line *
sub_line_new(const char *version)
{
	struct sub_line *l = calloc(1, sizeof(*l));
	struct bundle_bytes old = house_pack_image(version, 1, 20000);

	assert(l && old.data);
	l->line = -1;
	l->dir = kit_scratch();
	kit_write(l->dir, "old.img", old.data, old.len);
	free(old.data);
	return l;
}

void
sub_line_free(struct sub_line *l)
{
	sub_line_drop(l);
	if (l->device)
		sub_line_stop(l, SIGKILL);
	kit_scratch_remove(l->dir);
	free(l);
}

/* --- the device ------------------------------------------------------------------------------ */

static void
become(struct sub_line *l, const char *program, const char *const more[])
{
	char dir[300], tty[300], old[300];
	const char *words[WORDS] = {
	    "subota-subdevice", "--quiet", "--dir", dir, "--tty", tty, "--slot0", old};
	int n = 8;

	snprintf(dir, sizeof(dir), "%s/flash", l->dir);
	snprintf(tty, sizeof(tty), "%s/tty", l->dir);
	snprintf(old, sizeof(old), "%s/old.img", l->dir);
	for (int i = 0; more && more[i] && n < WORDS - 1; i++)
		words[n++] = more[i];
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	execv(program, (char *const *)(uintptr_t)words);
	_exit(127);
}

/* The status of a former life says nothing of this one. */
static void
forget_status(struct sub_line *l)
{
	char path[300];

	snprintf(path, sizeof(path), "%s/flash/status.json", l->dir);
	unlink(path);
}

void
sub_line_start(struct sub_line *l, const char *const more[])
{
	const char *program = couriers_program("subota-subdevice");
	struct mono end = mono_after(clock_now(), PATIENCE_MS);

	forget_status(l);
	l->device = fork();
	assert(l->device >= 0);
	if (l->device == 0)
		become(l, program, more);
	for (;;) {
		AUTO(json) cJSON *doc = sub_line_status(l);

		if (doc && json_text(doc, "running")[0])
			return;
		assert(!mono_reached(clock_now(), end));
		house_look_pause(5);
	}
}

int
sub_line_stop(struct sub_line *l, int signal)
{
	int status = 0;

	kill(l->device, signal);
	waitpid(l->device, &status, 0);
	l->device = 0;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

cJSON *
sub_line_status(struct sub_line *l)
{
	char path[300];

	snprintf(path, sizeof(path), "%s/flash/status.json", l->dir);
	return json_file(path);
}

double
sub_line_number(struct sub_line *l, const char *key)
{
	AUTO(json) cJSON *doc = sub_line_status(l);
	const cJSON *n = doc ? cJSON_GetObjectItem(doc, key) : NULL;

	return cJSON_IsNumber(n) ? n->valuedouble : -1;
}

bool
sub_line_wait(struct sub_line *l, const char *version, bool confirmed)
{
	struct mono end = mono_after(clock_now(), PATIENCE_MS);

	while (!mono_reached(clock_now(), end)) {
		AUTO(json) cJSON *doc = sub_line_status(l);

		if (doc && strcmp(json_text(doc, "running"), version) == 0 &&
		    cJSON_IsTrue(cJSON_GetObjectItem(doc, "confirmed")) == confirmed)
			return true;
		house_look_pause(10);
	}
	return false;
}

/* --- the session ----------------------------------------------------------------------------- */

/* A sealed file of the image, and its digests for the order. */
static int
make_file(const struct sub_line_order *o, Pb__SessionOrder *so, uint8_t **digests, uint8_t *sha)
{
	size_t n = (o->image.len + CHUNK - 1) / CHUNK;
	int fd = memfd_create("image", MFD_CLOEXEC);

	assert(fd >= 0 && write(fd, o->image.data, o->image.len) == (ssize_t)o->image.len);
	*digests = malloc(n * DIGEST);
	assert(*digests);
	for (size_t i = 0; i < n; i++) {
		size_t left = o->image.len - i * CHUNK;

		crypto_generichash(*digests + i * DIGEST, DIGEST, o->image.data + i * CHUNK,
		    left < CHUNK ? left : CHUNK, NULL, 0);
	}
	crypto_hash_sha256(sha, o->image.data, o->image.len);
	so->image_size = o->image.len;
	so->image_sha256 = (ProtobufCBinaryData){32, sha};
	so->chunk_size = CHUNK;
	so->chunk_digests = (ProtobufCBinaryData){n * DIGEST, *digests};
	return fd;
}

static enum err
open_line(struct sub_line *l)
{
	char path[300], why[WHY_SIZE];
	struct tty_settings s = {.path = path, .baud = 115200};
	struct mono end = mono_after(clock_now(), PATIENCE_MS);
	enum err e = ERR_LINK;

	snprintf(path, sizeof(path), "%s/tty", l->dir);
	while ((e = tty_open(&s, &l->line, why)) != ERR_OK && !mono_reached(clock_now(), end))
		house_look_pause(10);
	return e;
}

/* In the child: descriptors 3 to 5, and nobody's rights when we are root: a session refuses to be
 * root. The program is opened before, the way to it may be closed to others. */
static void
become_session(const int fds[4])
{
	char *argv[] = {(char *)(uintptr_t) "subota-session", NULL}, *none[] = {NULL};
	int low = open(couriers_program("subota-session"), O_PATH | O_CLOEXEC);
	int program = fcntl(low, F_DUPFD_CLOEXEC, 20);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (int i = 0; i < 4; i++)
		if (fds[i] >= 0 && dup2(fds[i], 3 + i) < 0)
			_exit(127);
	for (int i = 2; i < 4; i++)
		if (fds[i] < 0)
			close(3 + i);
	if (geteuid() == 0 && (setgroups(0, NULL) || setgid(NOBODY) || setuid(NOBODY)))
		_exit(127);
	fexecve(program, argv, none);
	_exit(127);
}

static enum err
spawn(struct sub_line *l, int image, int gpio)
{
	int pair[2] = {-1, -1};

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return ERR_SYSTEM;
	AUTO(fd) int peer = pair[1];
	enum err e = chan_new(pair[0], WHO_FLASHD, WHO_SESSION, &l->chan);
	if (e != ERR_OK) {
		close(pair[0]);
		return e;
	}
	/* out of the way of 3 to 5; close-on-exec, so that only what dup2 makes goes on */
	AUTO(fd) int chan_high = fcntl(peer, F_DUPFD_CLOEXEC, 20);
	AUTO(fd) int line_high = fcntl(l->line, F_DUPFD_CLOEXEC, 20);
	AUTO(fd) int image_high = image < 0 ? -1 : fcntl(image, F_DUPFD_CLOEXEC, 20);
	AUTO(fd) int gpio_high = gpio <= 0 ? -1 : fcntl(gpio, F_DUPFD_CLOEXEC, 20);
	l->session = fork();
	if (l->session == 0)
		become_session((const int[]){chan_high, line_high, image_high, gpio_high});
	return l->session < 0 ? ERR_SYSTEM : ERR_OK;
}

enum err
sub_line_order(struct sub_line *l, const struct sub_line_order *o)
{
	Pb__SessionOrder so = PB__SESSION_ORDER__INIT;
	Pb__Envelope e = PB__ENVELOPE__INIT;
	Pb__Option option[SUB_LINE_OPTIONS / 2], *options[SUB_LINE_OPTIONS / 2];
	AUTO(mem) uint8_t *digests = NULL;
	AUTO(fd) int image = -1;
	uint8_t sha[32];

	so.verb = o->verb;
	so.driver = (char *)(uintptr_t)(o->driver ? o->driver : "smp");
	so.reset_pin = o->reset_pin;
	so.timeout_ms = o->timeout_ms ? o->timeout_ms : 60000;
	so.target_version = (char *)(uintptr_t)(o->target ? o->target : "");
	so.options = options;
	for (size_t i = 0; i < SUB_LINE_OPTIONS / 2 && o->options[2 * i]; i++, so.n_options++) {
		pb__option__init(&option[i]);
		option[i].key = (char *)(uintptr_t)o->options[2 * i];
		option[i].value = (char *)(uintptr_t)o->options[2 * i + 1];
		options[i] = &option[i];
	}
	if (o->image.data)
		image = make_file(o, &so, &digests, sha);
	enum err err = open_line(l);
	if (err == ERR_OK)
		err = spawn(l, image, o->gpio);
	if (err != ERR_OK)
		return err;
	e.body_case = PB__ENVELOPE__BODY_SESSION_ORDER;
	e.session_order = &so;
	return chan_send(l->chan, &e);
}

void
sub_line_drop(struct sub_line *l)
{
	if (l->session) {
		kill(l->session, SIGKILL);
		waitpid(l->session, NULL, 0);
		l->session = 0;
	}
	chan_free(l->chan);
	l->chan = NULL;
	if (l->line >= 0)
		close(hand_over_fd(&l->line));
}

static void
keep(const Pb__SessionReport *r, struct sub_line_end *end)
{
	*end = (struct sub_line_end){
	    .error = (enum err)r->error,
	    .rewinds = r->rewinds,
	    .wire_bytes = r->wire_bytes,
	    .done_bytes = r->done_bytes,
	    .confirmed = r->active_confirmed,
	    .pending = r->staged_pending,
	};
	snprintf(end->detail, sizeof(end->detail), "%s", r->detail);
	snprintf(end->version, sizeof(end->version), "%s", r->version);
}

bool
sub_line_final(struct sub_line *l, int ms, struct sub_line_end *end)
{
	struct mono due = mono_after(clock_now(), ms);

	for (;;) {
		AUTO(msg) Pb__Envelope *e = NULL;
		int64_t left = mono_between(clock_now(), due);
		enum err err = chan_wait(l->chan, left > 0 ? (int)left : 0, &e);

		if (err == ERR_TIMEOUT)
			return false;
		if (err == ERR_OK && !e->session_report->final)
			continue;
		*end = (struct sub_line_end){.error = ERR_SESSION};
		if (err == ERR_OK)
			keep(e->session_report, end);
		sub_line_drop(l);
		return true;
	}
}

enum err
sub_line_run(struct sub_line *l, const struct sub_line_order *o, struct sub_line_end *end)
{
	*end = (struct sub_line_end){.error = sub_line_order(l, o)};
	if (end->error != ERR_OK) {
		sub_line_drop(l);
		return end->error;
	}
	if (!sub_line_final(l, (int)(o->timeout_ms ? o->timeout_ms : 60000) + 10000, end)) {
		sub_line_drop(l);
		end->error = ERR_TIMEOUT;
	}
	return end->error;
}
