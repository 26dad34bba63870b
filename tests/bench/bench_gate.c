/*
 * bench_gate: see bench_gate.h.
 */
#include "bench_gate.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "bench.h"
#include "couriers.h"
#include "daemon.h"
#include "house.h"
#include "house_proc.h"

enum { STEP_MS = 5, UP_S = 20, END_MS = 8000 };

static bool
write_config(const struct bench_gate *g)
{
	char path[300], lib[300];
	unsigned me = (unsigned)geteuid();
	bool root = me == 0;

	snprintf(path, sizeof(path), "%s/subota.conf", g->dir);
	snprintf(lib, sizeof(lib), "%s", couriers_program(""));
	AUTO(file) FILE *f = fopen(path, "we");
	if (!f)
		return false;
	fprintf(f,
	    "[common]\nrun_dir = %s/run\nstate_dir = %s/state\nstore_dir = %s/store\n"
	    "lib_dir = %s\ncloud_user = %u\nfetch_user = %u\ncourier_user = %u\n"
	    "flash_user = %u\nsession_user = %u\n",
	    g->dir, g->dir, g->dir, lib, me, root ? HOUSE_FETCH_UID : me,
	    root ? HOUSE_COURIER_UID : me, root ? HOUSE_FLASH_UID : me,
	    root ? HOUSE_SESSION_UID : me);
	fprintf(f,
	    "[fetchd]\ntrust_dir = %s\nallow_http = yes\nallow_private_hosts = yes\n"
	    "package_ports = any\n",
	    g->kit->anchor_dir);
	return ferror(f) == 0;
}

struct bench_gate *
bench_gate_new(void)
{
	struct bench_gate *g = calloc(1, sizeof(*g));

	if (!g)
		return NULL;
	g->dir = kit_scratch();
	if (chmod(g->dir, 0755) == 0 && (g->kit = kit_new(g->dir)) && write_config(g))
		return g;
	bench_gate_free(g);
	return NULL;
}

static void
hang_up(struct bench_gate *g)
{
	bus_free(g->bus);
	loop_free(g->loop);
	g->bus = NULL;
	g->loop = NULL;
	g->link = NULL;
}

void
bench_gate_free(struct bench_gate *g)
{
	if (g->pid)
		bench_gate_kill(g);
	hang_up(g);
	if (g->kit)
		kit_free(g->kit);
	kit_scratch_remove(g->dir);
	free(g);
}

/* --- what it says ---------------------------------------------------------------------------- */

static void
acknowledge(struct bench_gate *g, const Pb__Report *r)
{
	Pb__ReportAck ack = PB__REPORT_ACK__INIT;
	Pb__Envelope e = PB__ENVELOPE__INIT;

	ack.id = r->id;
	ack.source = r->source;
	e.body_case = PB__ENVELOPE__BODY_REPORT_ACK;
	e.report_ack = &ack;
	if (bus_send(g->link, &e) != ERR_OK)
		g->unacknowledged++; /* it is said again when the gate is back */
}

static void
on_message(void *arg, struct bus_link *from, const Pb__Envelope *e)
{
	struct bench_gate *g = arg;

	(void)from;
	if (e->body_case != PB__ENVELOPE__BODY_REPORT)
		return;
	if (e->upgrade == g->upgrade) {
		g->phase = e->report->phase;
		g->error = e->report->error;
		if (g->phase == PB__PHASE__PHASE_FETCHED)
			g->fetched_at = bench_now();
		snprintf(g->detail, sizeof(g->detail), "%s", e->report->detail);
	}
	acknowledge(g, e->report);
}

static void
on_link(void *arg, struct bus_link *link)
{
	(void)arg;
	(void)link;
}

static bool
call(struct bench_gate *g)
{
	struct bus_handler h = {on_message, on_link, on_link, g};
	struct daemon_common c = {0};
	char path[108];

	hang_up(g);
	snprintf(c.run_dir, sizeof(c.run_dir), "%s/run", g->dir);
	daemon_socket_path(&c, WHO_FETCHD, WHO_CLOUDD, path);
	return loop_new(&g->loop) == ERR_OK && bus_new(g->loop, WHO_CLOUDD, &g->bus) == ERR_OK &&
	       bus_connect(g->bus, WHO_FETCHD, path, &h, &g->link) == ERR_OK;
}

/* --- starting and ending --------------------------------------------------------------------- */

static void
become(const struct bench_gate *g)
{
	char config[300];
	char *argv[] = {
	    (char *)(uintptr_t) "subota-fetchd", (char *)(uintptr_t) "--config", config, NULL};
	sigset_t none;
	int null = open("/dev/null", O_WRONLY);

	snprintf(config, sizeof(config), "%s/subota.conf", g->dir);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(null, 2);
	execv(couriers_program("subota-fetchd"), argv);
	_exit(127);
}

bool
bench_gate_start(struct bench_gate *g)
{
	double end = bench_now() + UP_S;

	fflush(NULL);
	g->pid = fork();
	if (g->pid == 0)
		become(g);
	if (g->pid < 0 || !call(g))
		return false;
	while (!bus_is_up(g->link) && bench_now() < end)
		loop_once(g->loop, STEP_MS);
	return bus_is_up(g->link);
}

static void
end_with(struct bench_gate *g, pid_t target, int signal)
{
	kill(target, signal);
	waitpid(g->pid, NULL, 0);
	house_proc_end_group(g->pid, END_MS);
	g->pid = 0;
}

void
bench_gate_kill(struct bench_gate *g)
{
	end_with(g, g->pid, SIGKILL);
}

void
bench_gate_kill_all(struct bench_gate *g)
{
	end_with(g, -g->pid, SIGKILL);
}

void
bench_gate_reset(struct bench_gate *g)
{
	const char *const parts[] = {"run", "state", "store"};
	char path[300];

	end_with(g, g->pid, SIGTERM);
	hang_up(g);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", g->dir, parts[i]);
		TOOL("/", "rm", "-rf", path);
	}
}

/* --- orders ---------------------------------------------------------------------------------- */

bool
bench_gate_order(struct bench_gate *g, const char *url, uint64_t size)
{
	Pb__Device d = PB__DEVICE__INIT;
	Pb__FetchOrder o = PB__FETCH_ORDER__INIT;
	Pb__Envelope e = PB__ENVELOPE__INIT;

	d.product_key = (char *)(uintptr_t) "p1";
	d.device_key = (char *)(uintptr_t) "meter-1";
	o.device = &d;
	o.component = (char *)(uintptr_t) "app";
	o.target_version = (char *)(uintptr_t) "2.4.1";
	o.url = (char *)(uintptr_t)url;
	o.size = size;
	g->phase = PB__PHASE__PHASE_UNKNOWN;
	e.upgrade = ++g->upgrade;
	e.body_case = PB__ENVELOPE__BODY_FETCH_ORDER;
	e.fetch_order = &o;
	return bus_send(g->link, &e) == ERR_OK;
}

bool
bench_gate_turn(struct bench_gate *g, int ms)
{
	loop_once(g->loop, ms);
	return g->phase == PB__PHASE__PHASE_VERIFIED || g->phase >= PB__PHASE__PHASE_DONE;
}

bool
bench_gate_wait(struct bench_gate *g, double seconds)
{
	double end = bench_now() + seconds;

	while (!bench_gate_turn(g, STEP_MS) && bench_now() < end)
		continue;
	return g->phase == PB__PHASE__PHASE_VERIFIED;
}

/* Sizes of plain files in a directory and the directories in it. */
static uint64_t
sum(const char *path, int depth)
{
	AUTO(dir) DIR *d = opendir(path);
	struct dirent *e = NULL;
	uint64_t bytes = 0;
	struct stat st;
	char next[600];

	while (d && (e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(next, sizeof(next), "%s/%s", path, e->d_name);
		if (lstat(next, &st) == 0 && S_ISREG(st.st_mode))
			bytes += (uint64_t)st.st_size;
		else if (depth > 0 && strcmp(e->d_name, "incoming") != 0)
			bytes += sum(next, depth - 1);
	}
	return bytes;
}

uint64_t
bench_gate_incoming(const struct bench_gate *g)
{
	char path[300];

	snprintf(path, sizeof(path), "%s/store/incoming", g->dir);
	return sum(path, 0);
}

uint64_t
bench_gate_published(const struct bench_gate *g)
{
	char path[300];

	snprintf(path, sizeof(path), "%s/store", g->dir);
	return sum(path, 1);
}
