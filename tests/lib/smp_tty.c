/*
 * smp_tty: see smp_tty.h.
 */
#include "smp_tty.h"

#include <assert.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <pty.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "smp_server.h"

enum { LINE = 1024, BODY = 8192, FLASH = 1 << 20, WAIT_MS = 5 };

struct smp_tty {
	struct smp_script d;
	pthread_t thread;
	pthread_mutex_t lock;
	atomic_bool stop;
	char path[200];
	uid_t uid;
	int master, slave; /* -1 = unplugged */
	char line[LINE];
	size_t line_len;
	uint8_t body[BODY];
	size_t body_len;
	bool receiving;
	struct mono down_at, up_at; /* of a reset; MONO_NEVER = none */
	uint8_t *seen;              /* all upload bytes by offset */
	size_t seen_len;
};

static uint16_t
sum(const uint8_t *data, size_t len)
{
	unsigned c = 0;

	for (size_t i = 0; i < len; i++) {
		c ^= (unsigned)data[i] << 8;
		for (int k = 0; k < 8; k++)
			c = c & 0x8000 ? c << 1 ^ 0x1021 : c << 1;
		c &= 0xffff;
	}
	return (uint16_t)c;
}

static void
send_packet(struct smp_tty *t, const uint8_t *packet, size_t len)
{
	uint8_t body[SMP_SERVER_ANSWER + 4];
	char line[200];

	body[0] = (uint8_t)((len + 2) >> 8);
	body[1] = (uint8_t)(len + 2);
	memcpy(body + 2, packet, len);
	body[2 + len] = (uint8_t)(sum(packet, len) >> 8);
	body[3 + len] = (uint8_t)sum(packet, len);
	for (size_t i = 0; i < len + 4; i += 93) {
		size_t n = len + 4 - i < 93 ? len + 4 - i : 93;

		memcpy(line, i == 0 ? "\x06\x09" : "\x04\x14", 2);
		sodium_bin2base64(
		    line + 2, sizeof(line) - 2, body + i, n, sodium_base64_VARIANT_ORIGINAL);
		size_t total = strlen(line);
		line[total++] = '\n';
		if (write(t->master, line, total) != (ssize_t)total)
			return;
	}
}

/* Remember what reached the flash, also when the server forgets it. */
static void
note_flash(struct smp_tty *t, size_t before)
{
	if (t->d.flash_len > before && t->d.flash_len <= FLASH)
		memcpy(t->seen + before, t->d.flash + before, t->d.flash_len - before);
	if (t->d.flash_len > t->seen_len)
		t->seen_len = t->d.flash_len;
}

static void
packet_is_whole(struct smp_tty *t)
{
	uint8_t answer[SMP_SERVER_ANSWER];
	bool is_reset = false;
	size_t before = t->d.flash_len, len = t->body_len - 4;
	const uint8_t *packet = t->body + 2;
	struct timespec work = {.tv_nsec = (long)t->d.chunk_us * 1000};

	t->receiving = false;
	if (len < 8 || sum(packet, len) != (packet[len] << 8 | packet[len + 1]))
		return;
	bool upload = packet[5] == 1 && packet[7] == 1;
	size_t expected = t->d.flash_size;
	if (upload && t->d.chunk_us)
		nanosleep(&work, NULL);
	t->d.uploads += upload;
	size_t n = smp_server_answer(&t->d, packet, len, answer, &is_reset);
	if (upload && t->d.flash_len == 0 && expected > before && t->d.slot[1].used) {
		/* the last piece: the server has forgotten the length by now */
		memcpy(t->seen + before, t->d.flash + before, expected - before);
		t->seen_len = expected > t->seen_len ? expected : t->seen_len;
	} else {
		note_flash(t, before);
	}
	if (n > 0)
		send_packet(t, answer, n);
	if (is_reset) {
		t->d.resets++;
		t->down_at = mono_after(clock_now(), t->d.old_answers_us / 1000);
	}
}

static void
line_ends(struct smp_tty *t)
{
	size_t n = 0;

	if (t->line_len < 3 || t->line_len > 127)
		return;
	if (t->line[0] == 6 && t->line[1] == 9) {
		t->receiving = true;
		t->body_len = 0;
	} else if (t->line[0] != 4 || t->line[1] != 0x14 || !t->receiving) {
		return;
	}
	if (sodium_base642bin(t->body + t->body_len, BODY - t->body_len, t->line + 2,
		t->line_len - 2, NULL, &n, NULL, sodium_base64_VARIANT_ORIGINAL)) {
		t->receiving = false;
		return;
	}
	t->body_len += n;
	if (t->body_len >= 4 && t->body_len == 2u + (unsigned)(t->body[0] << 8 | t->body[1]))
		packet_is_whole(t);
}

static void
take_bytes(struct smp_tty *t)
{
	uint8_t in[512];
	ssize_t n = read(t->master, in, sizeof(in));
	bool deaf = t->up_at.ms != INT64_MAX;

	for (ssize_t i = 0; i < n && !deaf; i++) {
		if (in[i] != '\n') {
			if (t->line_len < LINE)
				t->line[t->line_len++] = (char)in[i];
			continue;
		}
		line_ends(t);
		t->line_len = 0;
	}
}

static void
keep_time(struct smp_tty *t)
{
	struct mono now = clock_now();

	if (t->down_at.ms != INT64_MAX && mono_reached(now, t->down_at)) {
		t->down_at = MONO_NEVER;
		t->line_len = 0;
		t->receiving = false;
		smp_server_boot(&t->d);
		t->up_at = mono_after(now, t->d.boot_us / 1000);
	}
	if (t->up_at.ms != INT64_MAX && mono_reached(now, t->up_at) &&
	    !(t->d.quirks & SMP_Q_NEVER_BACK))
		t->up_at = MONO_NEVER;
}

static void *
live(void *arg)
{
	struct smp_tty *t = arg;

	while (!atomic_load(&t->stop)) {
		pthread_mutex_lock(&t->lock);
		struct pollfd p = {.fd = t->master, .events = POLLIN};
		pthread_mutex_unlock(&t->lock);
		int ready = poll(&p, 1, WAIT_MS);
		pthread_mutex_lock(&t->lock);
		keep_time(t);
		if (ready > 0 && p.fd == t->master && t->master >= 0)
			take_bytes(t);
		pthread_mutex_unlock(&t->lock);
	}
	return NULL;
}

static void
open_line(struct smp_tty *t)
{
	char name[64], next[220];
	struct termios raw;

	int failed = openpty(&t->master, &t->slave, name, NULL, NULL);
	assert(failed == 0);
	fcntl(t->master, F_SETFD, FD_CLOEXEC);
	fcntl(t->slave, F_SETFD, FD_CLOEXEC);
	tcgetattr(t->slave, &raw);
	cfmakeraw(&raw);
	tcsetattr(t->slave, TCSANOW, &raw);
	if (geteuid() == 0) {
		failed = chown(name, t->uid, (gid_t)-1);
		assert(failed == 0);
	}
	snprintf(next, sizeof(next), "%s.next", t->path);
	failed = symlink(name, next);
	assert(failed == 0);
	failed = rename(next, t->path);
	assert(failed == 0);
}

struct smp_tty *
smp_tty_start(const char *path, uid_t uid)
{
	struct smp_tty *t = calloc(1, sizeof(*t));

	assert(t);
	smp_script_init(&t->d);
	t->d.chunk_us = 0;
	t->d.old_answers_us = 20000;
	t->d.boot_us = 100000;
	snprintf(t->path, sizeof(t->path), "%s", path);
	t->uid = uid;
	t->seen = calloc(1, FLASH);
	t->down_at = t->up_at = MONO_NEVER;
	pthread_mutex_init(&t->lock, NULL);
	open_line(t);
	int failed = pthread_create(&t->thread, NULL, live, t);
	assert(t->seen && failed == 0);
	return t;
}

void
smp_tty_stop(struct smp_tty *t)
{
	atomic_store(&t->stop, true);
	pthread_join(t->thread, NULL);
	if (t->master >= 0)
		close(t->master);
	if (t->slave >= 0)
		close(t->slave);
	smp_script_fini(&t->d);
	free(t->seen);
	free(t);
}

struct smp_script *
smp_tty_take(struct smp_tty *t)
{
	pthread_mutex_lock(&t->lock);
	return &t->d;
}

void
smp_tty_give(struct smp_tty *t)
{
	pthread_mutex_unlock(&t->lock);
}

void
smp_tty_expect(struct smp_tty *t, const char *version, const uint8_t hash[32])
{
	struct smp_script *d = smp_tty_take(t);

	snprintf(d->image_version, sizeof(d->image_version), "%s", version);
	memcpy(d->image_hash, hash, 32);
	smp_tty_give(t);
}

void
smp_tty_unplug(struct smp_tty *t, bool with_power)
{
	smp_tty_take(t);
	unlink(t->path);
	close(t->master);
	close(t->slave);
	t->master = t->slave = -1;
	t->line_len = 0;
	t->receiving = false;
	if (with_power)
		smp_server_boot(&t->d);
	smp_tty_give(t);
}

void
smp_tty_plug(struct smp_tty *t)
{
	smp_tty_take(t);
	open_line(t);
	smp_tty_give(t);
}

size_t
smp_tty_received(struct smp_tty *t, uint8_t *out, size_t size)
{
	smp_tty_take(t);
	size_t n = t->seen_len < size ? t->seen_len : size;

	memcpy(out, t->seen, n);
	smp_tty_give(t);
	return n;
}

size_t
smp_tty_reached(struct smp_tty *t)
{
	smp_tty_take(t);
	size_t n = t->seen_len;

	smp_tty_give(t);
	return n;
}
