/*
 * bench_exec: see bench_exec.h. Ours is the time from the order to the report that the device runs
 * the new version: jail, session, durable states and all. By hand the same words are run one after
 * the other: read the version, write, verify, read the version again. The boards are simavr with
 * Debian's Optiboot, and a virtual STM32.
 */
#include "bench_exec.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "driver_run.h"
#include "flashhouse_expect.h"
#include "rom_line.h"
#include "tool.h"

enum { BYTES = 8000, FLASH = 0x7e00, PATIENCE_MS = 20000, WORDS = 20, STEPS = 4, WAITS = 6 };

struct board {
	char dir[300], line[400];
	pid_t pid; /* an AVR; 0: none */
	int stdio;
	struct rom_line *rom; /* an STM32, NULL: none */
};

#define AVR_READ \
	{ \
		"avrdude", "-p", "m328p", "-c", "arduino", "-P", "%s", "-b", "115200", "-q", "-q", \
		    "-U", "flash:r:back:r" \
	}
#define STM_READ \
	{ \
		"stm32flash", "-b", "115200", "-m", "8n1", "-r", "-", "-S", "0x08000040:64", "%s" \
	}

/* A program: its section for flashd and what it is told by hand. %s is the line. */
static const struct kind {
	const char *name, *section;
	bool avr;
	const char *steps[STEPS][WORDS];
} kinds[] = {
    {"exec_time_to_avrdude", "recipe = avrdude\npart = m328p\nversion = fw=\n", true,
	{AVR_READ,
	    {"avrdude", "-p", "m328p", "-c", "arduino", "-P", "%s", "-b", "115200", "-D", "-V",
		"-U", "flash:w:image:r"},
	    {"avrdude", "-p", "m328p", "-c", "arduino", "-P", "%s", "-b", "115200", "-q", "-q",
		"-U", "flash:v:image:r"},
	    AVR_READ}},
    {"exec_time_to_stm32flash",
	"recipe = stm32flash\nversion = fw=\nreset = none\n"
	"identify = -b {baud} -m 8n1 -r - -S 0x08000040:64 {port}\n"
	"flash = -b {baud} -m 8n1 -f -v -w {image} {port}\n",
	false,
	{STM_READ, {"stm32flash", "-b", "115200", "-m", "8n1", "-f", "-v", "-w", "image", "%s"},
	    STM_READ}},
};

static void
fill(uint8_t *out, size_t len, const char *version)
{
	for (size_t i = 0; i < len; i++)
		out[i] = (uint8_t)(i * 2654435761u >> 13 ^ i);
	memset(out + 96, 0, 32);
	snprintf((char *)out + 100, 24, "fw=%s", version);
}

/* --- boards ------------------------------------------------------------------------------------
 */

/* Next to this program's bin directory, where `make bench` puts it. */
static const char *
optiboot(char path[600])
{
	ssize_t n = readlink("/proc/self/exe", path, 500);

	if (n <= 0)
		return NULL;
	path[n] = '\0';
	*strrchr(path, '/') = '\0';
	snprintf(strrchr(path, '/'), 40, "/tests/optiboot");
	return access(path, X_OK) == 0 ? path : NULL;
}

static bool
open_avr(struct board *b)
{
	uint8_t old[FLASH];
	char path[600], text[20] = "";
	const char *program = optiboot(path);
	struct pollfd p = {.events = POLLIN};

	if (!program)
		return false;
	fill(old, sizeof(old), "1.0.0");
	kit_write(b->dir, "flash", old, sizeof(old));
	b->pid = driver_run_peer(
	    b->dir, (const char *const[]){program, "line", "flash", NULL}, &b->stdio);
	p.fd = b->stdio;
	snprintf(b->line, sizeof(b->line), "%s/line", b->dir);
	return poll(&p, 1, PATIENCE_MS) == 1 && read(p.fd, text, sizeof(text) - 1) > 0 &&
	       strncmp(text, "ready", 5) == 0;
}

static bool
open_stm32(struct board *b)
{
	static const char *const chip[] = {"--uid", "65534", NULL};

	b->rom = rom_line_new(geteuid() ? NULL : chip);
	snprintf(b->line, sizeof(b->line), "%s", b->rom->tty);
	return chmod(b->rom->dir, 0755) == 0;
}

static bool
open_board(struct board *b, const struct kind *k, const char *dir)
{
	*b = (struct board){.stdio = -1};
	snprintf(b->dir, sizeof(b->dir), "%s", dir);
	return k->avr ? open_avr(b) : open_stm32(b);
}

static void
close_board(struct board *b)
{
	if (b->pid > 0) {
		kill(b->pid, SIGKILL);
		waitpid(b->pid, NULL, 0);
		close(b->stdio);
	}
	if (b->rom)
		rom_line_free(b->rom);
}

/* --- one upgrade -------------------------------------------------------------------------------
 */

/* Seconds, 0 when it did not go well. */
static double
by_hand(const struct kind *k)
{
	AUTO(scratch) char *dir = kit_scratch();
	uint8_t image[BYTES];
	struct board b;
	bool fine = open_board(&b, k, dir);

	fill(image, BYTES, "2.0.0");
	kit_write(dir, "image", image, BYTES);
	double begin = bench_now();
	for (int i = 0; fine && i < STEPS && k->steps[i][0]; i++) {
		const char *words[WORDS + 1] = {NULL};

		for (int w = 0; w < WORDS && k->steps[i][w]; w++)
			words[w] = strcmp(k->steps[i][w], "%s") == 0 ? b.line : k->steps[i][w];
		fine = tool_run(dir, words).status == 0;
	}
	double took = bench_now() - begin;
	close_board(&b);
	return fine ? took : 0;
}

static double
by_recipe(const struct kind *k)
{
	uint8_t image[BYTES];
	struct flashhouse h;
	struct board b;
	char conf[1500];

	flashhouse_open(&h);
	bool fine = open_board(&b, k, h.dir);
	snprintf(conf, sizeof(conf),
	    "[flashd.device m1]\nproduct_key = p1\ndevice_key = meter-1\nvendor = acme\n"
	    "model = sensor-9\ndriver = exec\nport = %s\n%s",
	    b.line, k->section);
	fill(image, BYTES, "2.0.0");
	h.devices = conf;
	h.spec.version = "2.0.0";
	h.spec.driver = "exec";
	h.spec.payload = image;
	h.spec.payload_len = BYTES;
	flashhouse_publish(&h);
	flashhouse_start(&h);
	fine = fine && flashhouse_device(&h, PB__DEVICE_STATE__DEVICE_STATE_PRESENT, NULL);
	if (fine)
		flashhouse_begin_for(&h, 7, &(struct flashhouse_target){0});
	double begin = bench_now();
	const Pb__Report *r = NULL;

	for (int i = 0; fine && !r && i < WAITS; i++) /* 20 s each */
		r = flashhouse_end(&h, 7);
	double took = bench_now() - begin;
	fine = r && r->phase == PB__PHASE__PHASE_DONE;
	flashhouse_stop(&h);
	close_board(&b);
	flashhouse_close(&h);
	return fine ? took : 0;
}

void
bench_exec(struct bench *b)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct bench_figure *f = bench_add(b, kinds[i].name, "ratio", BENCH_LOWER);
		char name[BENCH_NAME];

		snprintf(name, sizeof(name), "%s_by_hand", kinds[i].name);
		struct bench_figure *s = bench_beside(b, name, "by hand, s", "s");
		for (int n = 0; n < (b->quick ? 1 : 3); n++) {
			double hand = by_hand(&kinds[i]), ours = by_recipe(&kinds[i]);

			if (hand == 0 || ours == 0) {
				bench_failed(b, kinds[i].name,
				    hand == 0 ? "not even by hand (board or program missing?)"
					      : "the upgrade does not end well");
				break;
			}
			bench_sample(f, ours / hand);
			bench_sample(s, hand);
		}
	}
}
