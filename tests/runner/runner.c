/*
 * runner: see runner.h. Each run has one scratch directory, in TMPDIR for all it starts; what is
 * left in it, or still running, when an item has ended makes that item fail. A POSIX shell cannot
 * be a subreaper, so this is a program.
 */
#include <dirent.h>
#include <ftw.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include "auto.h"
#include "item.h"
#include "reap.h"
#include "runner.h"

enum { ITEMS = 100, GRACE_MS = 5000, LIMIT_S = 900, INTERRUPTED = 130 };

struct runner {
	struct item_rules rules;
	unsigned jobs;
	char scratch[300], tmp[320], fuzz[320];
	struct item items[ITEMS];
	unsigned n;
	bool interrupted;
};

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

static void
make_dirs(char *path)
{
	for (char *slash = path; slash; slash = strchr(slash + 1, '/')) {
		char c = *slash;

		*slash = 0;
		if (*path)
			mkdir(path, 0755);
		*slash = c;
	}
	mkdir(path, 0755);
}

/* Readable by all: tests that begin as root go on as somebody else. */
static bool
open_scratch(struct runner *r)
{
	snprintf(r->scratch, sizeof(r->scratch), "/tmp/subota-XXXXXX");
	if (!mkdtemp(r->scratch) || chmod(r->scratch, 0755) < 0)
		return false;
	snprintf(r->tmp, sizeof(r->tmp), "%s/t", r->scratch);
	snprintf(r->fuzz, sizeof(r->fuzz), "%s/f", r->scratch);
	return mkdir(r->tmp, 0755) == 0 && chmod(r->tmp, 01777) == 0 && mkdir(r->fuzz, 0755) == 0 &&
	    setenv("TMPDIR", r->tmp, 1) == 0;
}

/* Names what is left in the tests' directory on `out`, removes it. Returns how many entries. */
static unsigned
sweep(const char *dir, FILE *out)
{
	AUTO(dir) DIR *d = opendir(dir);
	struct dirent *e;
	unsigned n = 0;
	char path[700];

	while (d && (e = readdir(d)) != NULL) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		fprintf(out, "left a file behind: %s\n", e->d_name);
		snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
		n++;
	}
	return n;
}

static struct item *
item_of(struct runner *r, pid_t pid)
{
	for (unsigned i = 0; i < r->n; i++) {
		if (r->items[i].pid == pid)
			return &r->items[i];
	}
	return NULL;
}

static unsigned
running(const struct runner *r)
{
	unsigned n = 0;

	for (unsigned i = 0; i < r->n; i++)
		n += r->items[i].pid > 0;
	return n;
}

/* Only fuzz targets run beside each other. */
static bool
has_to_wait(const struct runner *r, const struct item *it)
{
	for (unsigned i = 0; i < r->n; i++) {
		if (r->items[i].pid > 0 &&
		    (r->items[i].kind != ITEM_FUZZ || it->kind != ITEM_FUZZ))
			return true;
	}
	return running(r) >= r->jobs;
}

/* Wait for one item. Orphans and files count against the item that ends last of those running. */
static void
finish_one(struct runner *r)
{
	unsigned limit = r->rules.limit_s + r->rules.fuzz_seconds, left = 0;
	struct item *it = NULL;
	int status = -1;
	pid_t pid;

	while (!it) {
		enum reap_why why = reap_wait((int)limit * 1000, &pid, &status);

		r->interrupted = why == REAP_INTERRUPTED;
		if (why != REAP_ENDED)
			break;
		it = item_of(r, pid);
	}
	if (!it) { /* too late or interrupted: nothing may go on */
		reap_all();
		for (unsigned i = 0; i < r->n; i++) {
			if (r->items[i].pid > 0 && !r->interrupted)
				printf("%s: killed after %u s\n", r->items[i].name, limit);
			if (r->items[i].pid > 0)
				item_end(&r->items[i], -1, 1);
		}
		sweep(r->tmp, stdout);
		return;
	}
	if (running(r) == 1)
		left = reap_orphans(GRACE_MS, stdout) + sweep(r->tmp, stdout);
	item_end(it, status, left);
	fflush(stdout);
}

static void
run_all(struct runner *r)
{
	for (unsigned i = 0; i < r->n && !r->interrupted; i++) {
		struct item *it = &r->items[i];

		while (has_to_wait(r, it) && !r->interrupted)
			finish_one(r);
		if (!r->interrupted)
			item_start(it, &r->rules);
	}
	while (running(r) > 0 && !r->interrupted)
		finish_one(r);
}

static int
add_up(const struct runner *r)
{
	unsigned passed = 0, failed = 0;

	for (unsigned i = 0; i < r->n; i++) {
		passed += r->items[i].passed;
		failed += r->items[i].done ? r->items[i].failed : 1;
		if (!r->interrupted) /* again, where whoever sees only the end looks */
			item_say_failed(&r->items[i]);
	}
	printf("%u passed, %u failed\n", passed, failed);
	if (r->interrupted)
		return INTERRUPTED;
	return failed == 0 && passed > 0 ? 0 : 1;
}

static bool
parse(struct runner *r, int argc, char *argv[])
{
	int opt;

	while ((opt = getopt(argc, argv, "j:o:f:l:")) != -1) {
		unsigned number = (unsigned)strtoul(optarg ? optarg : "0", NULL, 10);

		if (opt == 'o')
			r->rules.log_dir = optarg;
		else if (opt == 'j' && number > 0)
			r->jobs = number;
		else if (opt == 'f')
			r->rules.fuzz_seconds = number;
		else if (opt == 'l' && number > 0)
			r->rules.limit_s = number;
		else
			return false;
	}
	make_dirs((char *)(uintptr_t)r->rules.log_dir);
	for (; optind < argc; optind++, r->n++) {
		if (r->n == ITEMS || !item_parse(argv[optind], &r->rules, &r->items[r->n]))
			return false;
	}
	return true;
}

int
runner_run(int argc, char *argv[])
{
	AUTO(mem) struct runner *r = calloc(1, sizeof(*r));
	char here[] = ".";

	if (!r || !reap_init() || !open_scratch(r)) {
		perror("subota-tests");
		return 1;
	}
	r->jobs = 1;
	r->rules = (struct item_rules){
	    .log_dir = here, .scratch_dir = r->fuzz, .limit_s = LIMIT_S};
	bool good = parse(r, argc, argv);

	if (good)
		run_all(r);
	reap_all();
	nftw(r->scratch, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	if (!good) {
		fprintf(stderr, "usage: subota-tests [-j JOBS] [-o LOG_DIR] [-f FUZZ_SECONDS] "
				"[-l LIMIT_S] ITEM...\n");
		return 64;
	}
	return add_up(r);
}
