/*
 * rom_line: see rom_line.h.
 */
#include "rom_line.h"

#include <assert.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "couriers.h"
#include "house_look.h"
#include "json.h"
#include "kit.h"
#include "tty.h"

enum { WORDS = 40, PATIENCE_MS = 20000 };

static void
become(const char *program, const struct rom_line *l, const char *const more[])
{
	const char *words[WORDS] = {"subota-subdevice", "stm32", "--dir", l->dir, "--tty", l->tty};
	int n = 6;

	for (int i = 0; more && more[i] && n < WORDS - 1; i++)
		words[n++] = more[i];
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	execv(program, (char *const *)(uintptr_t)words);
	_exit(127);
}

struct rom_line *
rom_line_new(const char *const more[])
{
	const char *program = couriers_program("subota-subdevice");
	struct mono end = mono_after(clock_now(), PATIENCE_MS);
	struct rom_line *l = calloc(1, sizeof(*l));

	assert(l);
	l->dir = kit_scratch();
	snprintf(l->tty, sizeof(l->tty), "%s/tty", l->dir);
	l->pid = fork();
	assert(l->pid >= 0);
	if (l->pid == 0)
		become(program, l, more);
	while (rom_line_number(l, "boots") < 1 || access(l->tty, R_OK) < 0) {
		assert(!mono_reached(clock_now(), end));
		house_look_pause(5);
	}
	return l;
}

void
rom_line_free(struct rom_line *l)
{
	kill(l->pid, SIGKILL);
	waitpid(l->pid, NULL, 0);
	kit_scratch_remove(l->dir);
	free(l);
}

static cJSON *
status(const struct rom_line *l)
{
	char path[300];

	snprintf(path, sizeof(path), "%s/status.json", l->dir);
	return json_file(path);
}

double
rom_line_number(const struct rom_line *l, const char *key)
{
	AUTO(json) cJSON *doc = status(l);
	const cJSON *n = doc ? cJSON_GetObjectItem(doc, key) : NULL;

	return cJSON_IsNumber(n) ? n->valuedouble : -1;
}

/* Until its status says so; false after 20 s. */
static bool
wait_for(const struct rom_line *l, const char *key, const char *value)
{
	struct mono end = mono_after(clock_now(), PATIENCE_MS);

	while (!mono_reached(clock_now(), end)) {
		AUTO(json) cJSON *doc = status(l);

		if (doc && strcmp(json_text(doc, key), value) == 0)
			return true;
		house_look_pause(10);
	}
	return false;
}

bool
rom_line_wait(const struct rom_line *l, const char *version)
{
	return wait_for(l, "running", version);
}

bool
rom_line_boot(const struct rom_line *l)
{
	AUTO(fd) int fd = rom_line_open(l);

	return fd >= 0 && write(fd, "boot\n", 5) == 5 && wait_for(l, "state", "loader");
}

bool
rom_line_holds(const struct rom_line *l, struct bundle_bytes image)
{
	AUTO(mem) uint8_t *got = malloc(image.len);
	char path[300];

	assert(got);
	snprintf(path, sizeof(path), "%s/flash.bin", l->dir);
	AUTO(file) FILE *f = fopen(path, "re");
	return f && fread(got, 1, image.len, f) == image.len &&
	       memcmp(got, image.data, image.len) == 0;
}

int
rom_line_open(const struct rom_line *l)
{
	struct tty_settings s = {.path = l->tty, .baud = 115200, .parity = TTY_EVEN};
	char why[WHY_SIZE] = "";
	int fd = -1;
	enum err e = tty_open(&s, &fd, why);

	if (e)
		fprintf(stderr, "%s\n", why);
	return e ? -1 : fd;
}
