/*
 * item: see item.h.
 */
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "auto.h"
#include "item.h"
#include "reap.h"
#include "said.h"

enum {
	SHORT_RUNS = 20000, /* of a fuzz target within the short share ... */
	SHORT_SECONDS = 4,  /* ... but not longer than this */
	AGAIN = 3,          /* failed tests that are run once more, alone, for their output */
	AGAIN_LIMIT_MS = 90 * 1000,
	LOG_MAX = 4 << 20,
	SHOWN = 16 << 10, /* of the end of a log */
	SAID_LINES = 8,   /* failed tests of one program that are named at the very end */
};

static long
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static const char *
base(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* At most `most` words, the last of which is the rest. */
static unsigned
cut(char *text, char at, unsigned most, char *words[ITEM_WORDS])
{
	char sep[2] = {at, 0};
	unsigned n = 0;

	for (char *w; n < most && (w = n + 1 < most ? strsep(&text, sep) : text) != NULL;) {
		text = n + 1 < most ? text : NULL;
		if (*w)
			words[n++] = w;
	}
	words[n] = NULL;
	return n;
}

bool
item_parse(const char *arg, const struct item_rules *rules, struct item *it)
{
	char *parts[ITEM_WORDS];

	*it = (struct item){0};
	snprintf(it->text, sizeof(it->text), "%s", arg);
	unsigned n = strlen(arg) < sizeof(it->text) ? cut(it->text, ':', 3, parts) : 0;

	if (n == 2 && strcmp(parts[0], "suite") == 0) {
		it->kind = ITEM_SUITE;
		it->words[0] = parts[1];
		snprintf(it->name, sizeof(it->name), "%s", base(parts[1]));
	} else if (n == 3 && strcmp(parts[0], "fuzz") == 0) {
		it->kind = ITEM_FUZZ;
		it->words[0] = parts[1];
		it->words[1] = parts[2];
		snprintf(it->name, sizeof(it->name), "fuzz-%s", base(parts[1]));
		if (rules->fuzz_seconds) /* what a long run finds is kept for the next one */
			snprintf(it->scratch, sizeof(it->scratch), "%s-corpus", parts[1]);
		else
			snprintf(it->scratch, sizeof(it->scratch), "%s/%s", rules->scratch_dir,
			    it->name);
	} else if (n == 3 && strcmp(parts[0], "check") == 0 &&
		   cut(parts[2], ' ', ITEM_WORDS - 1, it->words) > 0) {
		it->kind = ITEM_CHECK;
		snprintf(it->name, sizeof(it->name), "%s", parts[1]);
	} else {
		fprintf(stderr,
		    "expected suite:PROGRAM, fuzz:PROGRAM:CORPUS or check:NAME:COMMAND, got '%s'\n",
		    arg);
		return false;
	}
	snprintf(it->log, sizeof(it->log), "%s/%s.log", rules->log_dir, it->name);
	return true;
}

static void
fuzz_command(const struct item *it, const struct item_rules *rules, char *argv[], char text[8][400])
{
	unsigned n = 0;

	argv[0] = it->words[0];
	snprintf(text[n++], sizeof(text[0]), "-artifact_prefix=%s-found-", it->words[0]);
	snprintf(text[n++], sizeof(text[0]), "-max_total_time=%u",
	    rules->fuzz_seconds ? rules->fuzz_seconds : (unsigned)SHORT_SECONDS);
	snprintf(text[n++], sizeof(text[0]), "-timeout=10");
	snprintf(text[n++], sizeof(text[0]), "-rss_limit_mb=1024");
	snprintf(text[n++], sizeof(text[0]), "-print_final_stats=1");
	if (!rules->fuzz_seconds) {
		snprintf(text[n++], sizeof(text[0]), "-runs=%u", (unsigned)SHORT_RUNS);
		snprintf(text[n++], sizeof(text[0]), "-seed=1");
	}
	for (unsigned i = 0; i < n; i++)
		argv[1 + i] = text[i];
	argv[n + 1] = (char *)(uintptr_t)it->scratch;
	argv[n + 2] = it->words[1];
	argv[n + 3] = NULL;
}

void
item_command(const struct item *it, const struct item_rules *rules, char *argv[ITEM_WORDS + 8],
    char text[8][400])
{
	if (it->kind == ITEM_FUZZ)
		fuzz_command(it, rules, argv, text);
	else
		memcpy(argv, it->words, sizeof(it->words));
}

void
item_start(struct item *it, const struct item_rules *rules)
{
	char *argv[ITEM_WORDS + 8], text[8][400];

	remove(it->log);
	if (it->kind == ITEM_FUZZ)
		mkdir(it->scratch, 0755);
	item_command(it, rules, argv, text);
	it->started_ms = now_ms();
	it->pid = reap_start(argv, it->log);
	if (it->pid > 0)
		return;
	it->pid = 0;
	it->failed = 1;
	it->done = true;
	printf("%s: FAILED, cannot start %s\n", it->name, argv[0]);
}

/* The last LOG_MAX bytes of a log, with a NUL; caller frees. */
static char *
read_log(const char *path)
{
	AUTO(file) FILE *f = fopen(path, "re");
	char *text = calloc(1, LOG_MAX + 1);
	struct stat st;

	if (!text)
		abort();
	if (!f || fstat(fileno(f), &st) < 0)
		return text;
	if (st.st_size > LOG_MAX)
		fseek(f, st.st_size - LOG_MAX, SEEK_SET);
	size_t n = fread(text, 1, LOG_MAX, f);

	for (size_t i = 0; i < n; i++) {
		if (text[i] == 0)
			text[i] = '?';
	}
	return text;
}

static void
show_end(const char *log)
{
	size_t len = strlen(log);

	if (len > SHOWN)
		printf("(the last %d bytes)\n", SHOWN);
	printf("%s\n", len > SHOWN ? log + len - SHOWN : log);
}

/* Criterion's own words: the rest is what the tests' programs said, all at once. */
static void
show_criterion(const char *log)
{
	while (*log) {
		int len = (int)strcspn(log, "\n");

		if (log[0] == '[' && strncmp(log, "[====]", 6) != 0)
			printf("%.*s\n", len, log);
		log += len + (log[len] == '\n');
	}
}

/* True: alone it passes. */
static bool
run_again(const struct item *it, const char *name)
{
	char *argv[] = {it->words[0], (char[]){"--filter"}, (char *)(uintptr_t)name, NULL};
	char path[420];
	int status = -1;
	pid_t pid = -1;

	snprintf(path, sizeof(path), "%s.again", it->log);
	remove(path);
	pid_t started = reap_start(argv, path);

	while (
	    started > 0 && reap_wait(AGAIN_LIMIT_MS, &pid, &status) == REAP_ENDED && pid != started)
		;
	reap_all();
	AUTO(mem) char *log = read_log(path);

	printf("--- %s once more, alone (the verdict stays):\n", name);
	show_end(log);
	return started > 0 && pid == started && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void
show_failed_suite(struct item *it, const char *log)
{
	char name[SAID_NAME];
	unsigned n = 0;

	show_criterion(log);
	for (const char *at = log; n < AGAIN && said_failed(&at, name); n++)
		it->alone_passed |= run_again(it, name) ? 1U << n : 0;
	if (n == 0)
		show_end(log);
}

static void
judge_suite(struct item *it, bool clean, const char *log)
{
	struct said said;
	bool told = said_closing(log, &said);

	it->passed = told ? said.passing : 0;
	it->failed = told ? said.tested - said.passing : 0;
	if (it->failed == 0 && (!clean || !told || said.tested == 0))
		it->failed = 1; /* the program itself: it died, said nothing or ran nothing */
	if (it->failed > 0)
		show_failed_suite(it, log);
	printf("%s: %s", it->name, told ? said.line : "no closing line");
	printf("%s\n", told && said.tested == 0 ? " (no test ran)" : "");
}

void
item_end(struct item *it, int status, unsigned orphans)
{
	AUTO(mem) char *log = read_log(it->log);
	bool clean = WIFEXITED(status) && WEXITSTATUS(status) == 0 && orphans == 0;

	it->took_ms = now_ms() - it->started_ms;
	it->pid = 0;
	it->done = true;
	if (it->kind == ITEM_SUITE) {
		judge_suite(it, clean, log);
		return;
	}
	it->passed = clean;
	it->failed = !clean;
	if (!clean)
		show_end(log);
	printf("%s: %s\n", it->name, clean ? "ok" : "FAILED");
}

/* What fails may fail in hundreds: the first lines say it. */
void
item_say_failed(const struct item *it)
{
	char name[SAID_NAME], why[SAID_WHY];
	unsigned n = 0;

	if (!it->done)
		printf("failed: %s (not run to its end)\n", it->name);
	if (!it->done || it->failed == 0)
		return;
	AUTO(mem) char *log = read_log(it->log);

	for (const char *at = log; it->kind == ITEM_SUITE && said_failed(&at, name); n++) {
		unsigned bit = n < AGAIN ? 1U << n : 0;

		if (n >= SAID_LINES)
			continue;
		said_why(log, at, why);
		printf("failed: %s/%s (%s)%s\n", it->name, name, why,
		    it->alone_passed & bit ? "; alone it passed" : "");
	}
	if (n > SAID_LINES)
		printf("failed: %u more of %s\n", n - SAID_LINES, it->name);
	if (n == 0)
		printf("failed: %s (see %s)\n", it->name, it->log);
}
