/*
 * bench_wear: see bench_wear.h. The kernel counts what each process has made dirty on a disk
 * (/proc/PID/io, write_bytes), which is what flash memory wears by before a file system adds its
 * own; children that have ended count for their parents. Logs are not counted: here they are files.
 */
#include "bench_wear.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "house.h"
#include "house_look.h"
#include "house_pack.h"
#include "house_proc.h"

enum { SETTLE_MS = 3000, IDLE_MS = 10000, KIB = 1024, DEVICES = 8 };

struct tree {
	pid_t root;
	double bytes;
};

static void
add_to_tree(void *arg, const struct house_proc *p)
{
	struct tree *t = arg;

	if (p->pid == t->root || p->parent == t->root)
		t->bytes += house_proc_number(p->pid, "io", "write_bytes:", 0);
}

/* Of a daemon, its children and those of its children that have ended. */
static double
written(const struct house *h, enum house_part p)
{
	struct tree t = {.root = h->process[p].pid};

	house_proc_each(add_to_tree, &t);
	return t.bytes;
}

struct row {
	enum house_part part;
	const char *one, *eight, *idle;
};

/* clang-format off */
static const struct row rows[] = {
	{HOUSE_CLOUDD, "wear_cloudd_per_upgrade", "wear_cloudd_per_upgrade_of_8", "wear_cloudd_idle"},
	{HOUSE_FETCHD, "wear_fetchd_per_upgrade", "wear_fetchd_per_upgrade_of_8", "wear_fetchd_idle"},
	{HOUSE_FLASHD, "wear_flashd_per_upgrade", "wear_flashd_per_upgrade_of_8", "wear_flashd_idle"},
};
/* clang-format on */

enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

static void
note(const struct house *h, double out[ROWS])
{
	for (size_t i = 0; i < ROWS; i++)
		out[i] = written(h, rows[i].part);
}

/* Every device runs it, and the platform knows. */
static bool
upgrade(struct house *h, unsigned n)
{
	char name[16], version[16];
	struct house_pack p = {.name = name, .version = version, .sequence = 5 + n};

	snprintf(name, sizeof(name), "wear%u", n);
	snprintf(version, sizeof(version), "1.%u.0", n);
	if (house_pack_publish(h, &p) != ERR_OK || house_activate(h, name) != ERR_OK)
		return false;
	for (unsigned d = 0; d < h->options.devices; d++)
		if (house_look_wait_version(h, (int)d, version) != ERR_OK)
			return false;
	house_look_pause(SETTLE_MS); /* the last acknowledgements */
	return true;
}

/* The package itself is written by the courier, for the gate. */
static double
package_size(const struct house *h)
{
	char path[400];
	struct stat st = {0};

	snprintf(path, sizeof(path), "%s/%s.bin", h->dir, h->package);
	return stat(path, &st) == 0 ? (double)st.st_size : 0;
}

static void
upgrades(struct bench *b, struct house *h, unsigned times)
{
	bool one = h->options.devices == 1;
	struct bench_figure *f[ROWS];
	double before[ROWS], after[ROWS];

	for (size_t i = 0; i < ROWS; i++)
		f[i] = bench_add(b, one ? rows[i].one : rows[i].eight, "KiB", BENCH_LOWER);
	for (unsigned n = 1; n <= times; n++) {
		note(h, before);
		if (!upgrade(h, n)) {
			bench_failed(b, "wear of an upgrade", house_why(h));
			return;
		}
		note(h, after);
		for (size_t i = 0; i < ROWS; i++) {
			double bytes = after[i] - before[i];

			if (rows[i].part == HOUSE_FETCHD)
				bytes -= package_size(h);
			bench_sample(f[i], bytes / KIB / h->options.devices);
		}
	}
}

static void
idle(struct bench *b, struct house *h)
{
	double before[ROWS], after[ROWS];

	note(h, before);
	house_look_pause(IDLE_MS);
	note(h, after);
	for (size_t i = 0; i < ROWS; i++)
		bench_sample(
		    bench_goal(b, rows[i].idle, "bytes", BENCH_LOWER, 0), after[i] - before[i]);
}

static void
with_devices(struct bench *b, unsigned devices)
{
	struct house_options o = {
	    .devices = devices, .baud = 921600, .reset_ms = 200, .hasty = true};
	struct house *h = NULL;

	if (house_open(&o, &h) != ERR_OK || house_start_all(h) != ERR_OK) {
		bench_failed(b, "the house", h ? house_why(h) : "it cannot be made");
	} else {
		house_look_pause(SETTLE_MS);
		upgrades(b, h, b->quick ? 2 : 5);
		if (devices == 1)
			idle(b, h);
	}
	if (h)
		house_close(h);
}

void
bench_wear(struct bench *b)
{
	with_devices(b, 1);
	with_devices(b, DEVICES);
}
