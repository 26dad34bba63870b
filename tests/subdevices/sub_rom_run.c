/*
 * sub_rom_run: see sub_rom_run.h. The flash and what is counted lie in one file that is mapped, so
 * that they survive SIGKILL, which is a power cut.
 */
#include "sub_rom_run.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "sub_pty.h"
#include "sub_rom.h"
#include "sub_wire.h"

enum { EXIT_USAGE = 64, EXIT_SYSTEM = 71, BITS = 11, FLASH_MAX = 2 << 20, WORDS = 16 };

static const int64_t second_ns = 1000000000, ms_ns = 1000000;

/* Behind the flash in its file. */
struct kept {
	uint64_t boots, crashes, overwrites, erases, written;
};

struct run {
	const char *dir, *tty, *slot0;
	uint64_t number[WORDS];
	struct sub_chip chip;
	struct sub_rom rom;
	struct sub_wire in, out;
	struct sub_pty pty;
	struct kept *kept;
	uint64_t wire_in, wire_out;
	int64_t start, plug_at, seen, say_at; /* say_at: no status is written before */
	bool was_cut;
	int signals;
};

/* clang-format off */
enum number { BAUD, LATENCY, RESET, UID, ID, FLASH, PAGE, ERASED, ERASE_US, WRITE_US, QUIRKS, CUT_AT,
	CUT_MS, STATUS };

static const struct {
	const char *name;
	uint64_t fallback;
	const char *help;
} numbers[] = {
	[BAUD]     = {"baud",       115200,     "rate of the line; a byte has 11 bits"},
	[LATENCY]  = {"latency-ms", 0,          "per direction"},
	[RESET]    = {"reset-ms",   100,        "a start takes so long"},
	[UID]      = {"uid",        UINT64_MAX, "who owns the line"},
	[ID]       = {"id",         0x410,      "what GET ID says"},
	[FLASH]    = {"flash",      131072,     "bytes"},
	[PAGE]     = {"page",       1024,       "bytes; 0: sectors of an F4"},
	[ERASED]   = {"erased",     255,        "value of an erased byte"},
	[ERASE_US] = {"erase-us",   20000,      "for a page"},
	[WRITE_US] = {"write-us",   5000,       "for a block of 256 bytes"},
	[QUIRKS]   = {"quirks",     0,          "bits of enum sub_rom_quirk"},
	[CUT_AT]   = {"cut-at",     0,          "no line and no power once so many bytes were programmed"},
	[CUT_MS]   = {"cut-ms",     1000,       "for so long"},
	[STATUS]   = {"status-ms",  0,          "status.json is written at most so often"},
};
/* clang-format on */

enum { N_NUMBERS = sizeof(numbers) / sizeof(numbers[0]) };

/* --- command line ---------------------------------------------------------------------------- */

static int
usage(void)
{
	fprintf(stderr, "usage: subota-subdevice stm32 --dir DIR --tty PATH [--slot0 IMAGE] ...\n");
	for (int i = 0; i < N_NUMBERS; i++)
		fprintf(stderr, "  --%s N (%" PRIu64 ")  %s\n", numbers[i].name,
		    numbers[i].fallback, numbers[i].help);
	return EXIT_USAGE;
}

static bool
take(struct run *r, const char *word, const char *value)
{
	char *end = NULL;

	if (strcmp(word, "--dir") == 0)
		return (r->dir = value) != NULL;
	if (strcmp(word, "--tty") == 0)
		return (r->tty = value) != NULL;
	if (strcmp(word, "--slot0") == 0)
		return (r->slot0 = value) != NULL;
	for (int i = 0; i < N_NUMBERS; i++)
		if (strncmp(word, "--", 2) == 0 && strcmp(word + 2, numbers[i].name) == 0) {
			r->number[i] = strtoull(value, &end, 0);
			return end != value && *end == 0;
		}
	return false;
}

static bool
parse(struct run *r, int argc, char **argv)
{
	for (int i = 0; i < N_NUMBERS; i++)
		r->number[i] = numbers[i].fallback;
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--quiet") == 0)
			continue;
		if (i + 1 == argc || !take(r, argv[i], argv[i + 1]))
			return false;
		i++;
	}
	return r->dir && r->tty && r->number[BAUD] >= 300 && r->number[FLASH] >= 4096 &&
	       r->number[FLASH] <= FLASH_MAX;
}

/* --- what lasts ------------------------------------------------------------------------------ */

static bool
load_image(struct run *r)
{
	memset(r->chip.flash, r->chip.erased, r->chip.size);
	if (!r->slot0)
		return true;
	int fd = open(r->slot0, O_RDONLY | O_CLOEXEC);
	bool fine = fd >= 0 && read(fd, r->chip.flash, r->chip.size) > 0;

	if (fd >= 0)
		close(fd);
	return fine;
}

static bool
open_flash(struct run *r)
{
	char path[4096];
	size_t size = r->chip.size + sizeof(struct kept);
	struct stat st;

	mkdir(r->dir, 0755);
	snprintf(path, sizeof(path), "%s/flash.bin", r->dir);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0 || fstat(fd, &st) < 0 || ftruncate(fd, (off_t)size) < 0)
		return false;
	void *map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (map == MAP_FAILED)
		return false;
	r->chip.flash = map;
	r->kept = (void *)(r->chip.flash + r->chip.size);
	if (st.st_size == 0 && !load_image(r))
		return false;
	r->chip.crashes = r->kept->crashes;
	r->chip.overwrites = r->kept->overwrites;
	r->chip.erases = r->kept->erases;
	r->chip.written = r->kept->written;
	r->rom.boots = r->kept->boots;
	return true;
}

static void
keep(struct run *r)
{
	*r->kept = (struct kept){
	    .boots = r->rom.boots,
	    .crashes = r->chip.crashes,
	    .overwrites = r->chip.overwrites,
	    .erases = r->chip.erases,
	    .written = r->chip.written,
	};
}

static bool
write_status(struct run *r)
{
	static const char *const states[] = {"off", "starting", "application", "crashed", "loader"};
	char path[4096], next[4096];
	bool runs = r->rom.state == SUB_ROM_APP;

	snprintf(path, sizeof(path), "%s/status.json", r->dir);
	snprintf(next, sizeof(next), "%s/status.new", r->dir);
	FILE *f = fopen(next, "we");
	if (!f)
		return false;
	fprintf(f,
	    "{\"running\":\"%s\",\"confirmed\":%s,\"state\":\"%s\",\"reverts\":0,"
	    "\"boots\":%" PRIu64 ",\"crashes\":%" PRIu64 ",\"overwrites\":%" PRIu64
	    ",\"erases\":%" PRIu64 ",\"written\":%" PRIu64 ",\"nacks\":%" PRIu64
	    ",\"wire_in\":%" PRIu64 ",\"wire_out\":%" PRIu64 ",\"unplugged\":%s}\n",
	    runs ? r->rom.version : "", runs ? "true" : "false", states[r->rom.state], r->rom.boots,
	    r->chip.crashes, r->chip.overwrites, r->chip.erases, r->chip.written, r->rom.nacks,
	    r->wire_in, r->wire_out, r->pty.master < 0 ? "true" : "false");
	return fclose(f) == 0 && rename(next, path) == 0;
}

/* --- the loop -------------------------------------------------------------------------------- */

static int64_t
clock_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * second_ns + t.tv_nsec;
}

static int64_t
on_send(void *arg, int64_t now, const uint8_t *data, size_t len)
{
	struct run *r = arg;

	sub_wire_put(&r->out, now, data, len);
	return sub_wire_sent_at(&r->out);
}

static bool
plug(struct run *r, int64_t now)
{
	r->plug_at = SUB_WIRE_NEVER;
	if (!sub_pty_plug(&r->pty))
		return false;
	sub_rom_power(&r->rom, true, now);
	return true;
}

static void
cut(struct run *r, int64_t now)
{
	r->was_cut = true;
	r->plug_at = now + (int64_t)r->number[CUT_MS] * ms_ns;
	sub_pty_unplug(&r->pty);
	sub_wire_cut(&r->in, now);
	sub_wire_cut(&r->out, now);
	sub_rom_power(&r->rom, false, now);
}

static void
move_bytes(struct run *r, int64_t now)
{
	uint8_t bytes[1024];
	size_t room = sub_wire_room(&r->in, now), n = 0;
	ssize_t got = 0;

	if (r->pty.master >= 0 && room > 0)
		got = read(r->pty.master, bytes, room < sizeof(bytes) ? room : sizeof(bytes));
	if (got > 0)
		sub_wire_put(&r->in, now, bytes, (size_t)got);
	int64_t at = 0, due = 0;
	uint8_t b = 0;

	for (; sub_wire_next(&r->in, now, &b, &at); r->wire_in++)
		sub_rom_byte(&r->rom, b, at);
	due = sub_rom_due(&r->rom);
	if (due < now) /* what was due since then happened at its time */
		sub_rom_step(&r->rom, due > r->seen ? due : r->seen);
	sub_rom_step(&r->rom, now);
	r->seen = now;
	while ((n = sub_wire_get(&r->out, now, bytes, sizeof(bytes))) > 0) {
		r->wire_out += n;
		if (r->pty.master >= 0 && write(r->pty.master, bytes, n) < 0)
			errno = 0; /* nobody reads: lost */
	}
}

static int64_t
least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* True until it is time to end; *fine says whether all went well. */
static bool
turn(struct run *r, bool *fine)
{
	int64_t now = clock_ns() - r->start;
	int64_t due = least(least(sub_wire_due(&r->in), sub_wire_due(&r->out)),
	    least(sub_rom_due(&r->rom), r->plug_at));
	bool full = sub_wire_room(&r->in, now) == 0;
	struct pollfd p[2] = {{r->signals, POLLIN, 0}, {full ? -1 : r->pty.master, POLLIN, 0}};

	due = r->rom.changed && r->say_at > now ? least(due, r->say_at) : due;
	due = full ? least(due, now + ms_ns) : due;
	int64_t wait = due == SUB_WIRE_NEVER ? second_ns : due > now ? due - now : 0;
	const struct timespec t = {wait / second_ns, wait % second_ns};
	ppoll(p, 2, &t, NULL);
	if (p[0].revents)
		return false;
	now = clock_ns() - r->start;
	move_bytes(r, now);
	if (r->number[CUT_AT] && !r->was_cut && r->chip.written >= r->number[CUT_AT])
		cut(r, now);
	if (now >= r->plug_at)
		*fine = plug(r, now);
	keep(r);
	if (!r->rom.changed || now < r->say_at)
		return *fine;
	r->rom.changed = false;
	r->say_at = now + (int64_t)r->number[STATUS] * ms_ns;
	*fine = *fine && write_status(r);
	return *fine;
}

static bool
prepare(struct run *r)
{
	sigset_t set;
	uint64_t *n = r->number;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	r->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	r->chip = (struct sub_chip){.id = (uint16_t)n[ID],
	    .size = (uint32_t)n[FLASH],
	    .page = (uint32_t)n[PAGE],
	    .erased = (uint8_t)n[ERASED]};
	sub_rom_init(&r->rom, &r->chip, on_send, r);
	r->rom.quirks = (unsigned)n[QUIRKS];
	r->rom.start_ns = (int64_t)n[RESET] * ms_ns;
	r->rom.write_ns = (int64_t)n[WRITE_US] * 1000;
	r->rom.erase_ns = (int64_t)n[ERASE_US] * 1000;
	sub_wire_init(&r->in, (uint32_t)n[BAUD], (int64_t)n[LATENCY] * ms_ns, 1);
	sub_wire_init(&r->out, (uint32_t)n[BAUD], (int64_t)n[LATENCY] * ms_ns, 2);
	r->in.bits = r->out.bits = BITS;
	r->pty = (struct sub_pty){
	    .path = r->tty, .owner = (uid_t)n[UID], .master = -1, .slave = -1};
	r->start = clock_ns();
	return r->signals >= 0 && open_flash(r) && plug(r, 0);
}

int
sub_rom_run(int argc, char **argv)
{
	struct run *r = calloc(1, sizeof(*r));

	if (!r)
		return EXIT_SYSTEM;
	if (!parse(r, argc, argv)) {
		free(r);
		return usage();
	}
	bool fine = prepare(r);
	while (fine && turn(r, &fine))
		continue;
	if (!fine)
		fprintf(stderr, "subota-subdevice stm32: %s, %s: expected to go on, got: %s\n",
		    r->dir, r->tty, strerror(errno));
	sub_pty_unplug(&r->pty);
	free(r);
	return fine ? 0 : EXIT_SYSTEM;
}
