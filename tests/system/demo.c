/*
 * System tests of the demo itself: what it says is so, and however it ends, nothing is left.
 */
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "clock.h"
#include "house_case.h"
#include "house_look.h"
#include "house_proc.h"
#include "json.h"

TestSuite(demo, .timeout = 120);

enum { PATIENCE_MS = 60000, TEXT = 32768 };

/* A demo in the background, in a directory of its own for what it writes. */
struct run {
	char *dir;
	char program[300], out[200], json[200];
	pid_t pid;
	char text[TEXT]; /* what it has said so far */
	char house[64];  /* its scratch directory, once it has named it */
};

static void
run_open(struct run *r)
{
	char self[280] = "";

	prctl(PR_SET_CHILD_SUBREAPER, 1);
	*r = (struct run){.dir = kit_scratch()};
	cr_assert_gt(readlink("/proc/self/exe", self, sizeof(self) - 1), 0);
	*strrchr(self, '/') = 0;
	snprintf(r->program, sizeof(r->program), "%.270s/../bin/subota-demo", self);
	snprintf(r->out, sizeof(r->out), "%s/out", r->dir);
	snprintf(r->json, sizeof(r->json), "%s/demo.json", r->dir);
}

static void
run_kind(struct run *r, const char *kind, const char *fault)
{
	const char *argv[] = {r->program, "--baud", "1000000", "--json", r->json, "--fault", fault,
	    "--device", kind, NULL};
	char *env[] = {NULL};
	posix_spawn_file_actions_t actions;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 1, r->out, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	posix_spawn_file_actions_adddup2(&actions, 1, 2);
	int e = posix_spawn(
	    &r->pid, r->program, &actions, NULL, (char *const *)(uintptr_t)argv, env);
	posix_spawn_file_actions_destroy(&actions);
	cr_assert_eq(e, 0, "%s: %s", r->program, strerror(e));
}

static void
run_start(struct run *r, const char *fault)
{
	run_kind(r, "smp", fault);
}

static void
run_read(struct run *r)
{
	AUTO(file) FILE *f = fopen(r->out, "re");
	size_t n = f ? fread(r->text, 1, TEXT - 1, f) : 0;

	r->text[n] = 0;
	const char *at = strstr(r->text, "/subota-test-");
	while (at && at > r->text && at[-1] > ' ')
		at--; /* to where the path begins: TMPDIR is the runner's */
	if (at && strcspn(at, " \n") < sizeof(r->house))
		snprintf(r->house, sizeof(r->house), "%.*s", (int)strcspn(at, " \n"), at);
}

/* Until it has said `text`, and right behind it one of `next` if that is not empty. */
static void
run_until(struct run *r, const char *text, const char *next)
{
	struct mono end = mono_after(clock_now(), PATIENCE_MS);

	for (;;) {
		run_read(r);
		for (const char *at = r->text; (at = strstr(at, text)); at++)
			if (!*next || (at[strlen(text)] && strchr(next, at[strlen(text)])))
				return;
		cr_assert_not(mono_reached(clock_now(), end), "expected '%s', one of '%s', got: %s",
		    text, next, r->text);
		house_look_pause(20);
	}
}

/* Some bytes are there. A slow machine does not see each step of the display. */
static void
run_until_download(struct run *r)
{
	run_until(r, "fetching ", "123456789");
}

static int
run_end(struct run *r)
{
	int status = 0;

	cr_assert_eq(waitpid(r->pid, &status, 0), r->pid);
	run_read(r);
	return status;
}

static void
run_close(struct run *r)
{
	kit_scratch_remove(r->dir);
}

static void
count_ours(void *arg, const struct house_proc *p)
{
	unsigned *n = arg;

	*n += p->state != 'Z' && strncmp(p->name, "subota-", 7) == 0 && p->parent == getpid();
}

/* Its directory goes, and so do all processes, which are ours once their parents are gone. */
static void
expect_nothing_left(struct run *r)
{
	struct mono end = mono_after(clock_now(), PATIENCE_MS);
	unsigned n = 1;

	cr_assert(r->house[0], "it named no directory: %s", r->text);
	while ((n || access(r->house, F_OK) == 0) && !mono_reached(clock_now(), end)) {
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
		n = 0;
		house_proc_each(count_ours, &n);
		house_look_pause(10);
	}
	cr_expect_eq(n, 0, "%u processes are left", n);
	cr_expect_neq(access(r->house, F_OK), 0, "%s is left", r->house);
}

Test(demo, ends_well_and_writes_down_what_it_saw)
{
	struct run r;

	run_open(&r);
	run_start(&r, "none");
	cr_expect_eq(run_end(&r), 0, "%s", r.text);
	cr_expect(strstr(r.text, "As expected"), "%s", r.text);
	cr_expect(strstr(r.text, "the platform's console: http://127.0.0.1:"), "%s", r.text);
	AUTO(json) cJSON *doc = json_file(r.json);
	const cJSON *d = cJSON_GetArrayItem(cJSON_GetObjectItem(doc, "devices"), 0);
	const cJSON *bytes = cJSON_GetObjectItem(d, "bytes");
	cr_expect(cJSON_IsTrue(cJSON_GetObjectItem(doc, "ok")));
	cr_expect_str_eq(json_text(d, "from"), HOUSE_OLD);
	cr_expect_str_eq(json_text(d, "to"), HOUSE_NEW);
	cr_expect_str_eq(json_text(d, "running"), HOUSE_NEW);
	cr_expect_str_eq(json_text(d, "outcome"), "done");
	cr_expect_gt(json_number(cJSON_GetObjectItem(d, "phases"), "flashing"), 0);
	cr_expect_gt(json_number(bytes, "package"), json_number(bytes, "image"));
	cr_expect_eq(json_number(bytes, "device"), json_number(bytes, "image"));
	expect_nothing_left(&r);
	run_close(&r);
}

Test(demo, shows_other_devices_too_and_knows_which_there_are)
{
	struct run r;

	run_open(&r);
	run_kind(&r, "xmodem", "none");
	cr_expect_eq(run_end(&r), 0, "%s", r.text);
	cr_expect(strstr(r.text, "written by XMODEM"), "%s", r.text);
	run_kind(&r, "teapot", "none");
	int status = run_end(&r);
	cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 64, "status %#x", (unsigned)status);
	run_close(&r);
}

Test(demo, two_at_the_same_time_do_not_meet)
{
	struct run a, b;

	run_open(&a);
	run_open(&b);
	run_start(&a, "none");
	run_start(&b, "forged");
	cr_expect_eq(run_end(&a), 0, "%s", a.text);
	cr_expect_eq(run_end(&b), 0, "%s", b.text);
	cr_expect_str_neq(a.house, b.house);
	expect_nothing_left(&a);
	expect_nothing_left(&b);
	run_close(&a);
	run_close(&b);
}

Test(demo, interrupted_in_mid_download_leaves_nothing)
{
	struct run r;

	run_open(&r);
	run_start(&r, "none");
	run_until_download(&r);
	kill(r.pid, SIGINT);
	int status = run_end(&r);
	cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 130, "status %#x", (unsigned)status);
	expect_nothing_left(&r);
	run_close(&r);
}

Test(demo, killed_in_mid_download_leaves_nothing)
{
	struct run r;

	run_open(&r);
	run_start(&r, "none");
	run_until_download(&r);
	kill(r.pid, SIGKILL);
	run_end(&r);
	expect_nothing_left(&r);
	run_close(&r);
}

Test(demo, interrupted_while_it_starts_leaves_nothing)
{
	struct run r;

	run_open(&r);
	run_start(&r, "none");
	run_until(&r, "starting", "");
	kill(r.pid, SIGINT);
	run_end(&r);
	expect_nothing_left(&r);
	run_close(&r);
}

Test(demo, an_unknown_fault_is_a_usage_error_and_list_names_them_all)
{
	struct run r;

	run_open(&r);
	run_start(&r, "nonsense");
	int status = run_end(&r);
	cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 64, "status %#x", (unsigned)status);
	cr_expect(strstr(r.text, "nonsense"), "%s", r.text);
	run_start(&r, "list");
	cr_expect_eq(run_end(&r), 0);
	cr_expect(strstr(r.text, "forged") && strstr(r.text, "unplug") && strstr(r.text, "cut") &&
		      strstr(r.text, "sick"),
	    "%s", r.text);
	run_close(&r);
}
