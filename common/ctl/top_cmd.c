/*
 * top_cmd: `top`: the screen of top.h, again and again. The terminal is left as it was found, on
 * every way out: end, q, Ctrl-C, SIGTERM, SIGHUP; and when the job is stopped, it is given back for
 * as long. Without a terminal, or with --once, one screen is printed and that is all.
 */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include "clock.h"
#include "commands.h"
#include "ctl.h"
#include "merge.h"
#include "processes.h"
#include "promise.h"
#include "top.h"

enum { EVERY_MS = 1000, EVERY_MIN_MS = 100, EVERY_MAX_MS = 3600000, WIDTH = 120, HEIGHT = 60 };

/* the other screen and no cursor; and back */
#define ENTER "\033[?1049h\033[?25l"
#define LEAVE "\033[?25h\033[?1049l"
#define HOME "\033[H"
#define REST_OF_LINE "\033[K"
#define REST_OF_SCREEN "\033[J"

/* clang-format off */
static const struct opt_spec specs[] = {
	{"once",  NULL, false, false, "print one screen and end"},
	{"every", "MS", false, false, "look so often; else 1000"},
	ASK_OPTIONS,
	{NULL, NULL, false, false, NULL},
};
/* clang-format on */

static const struct opt_command command = {
    .usage = "subotactl top [--once] [--every MS] [OPTION]...",
    .about =
	"Processes with their memory, links with their traffic, devices with the upgrade they\n"
	"are in, on one screen that is drawn anew every second. q ends it. --json prints one\n"
	"look as JSON.",
    .specs = specs,
};

/* --- one look --------------------------------------------------------------------------------- */

struct naming {
	struct top_look *look;
	const char *name;
};

static void
on_process(void *arg, const char *pid)
{
	struct naming *n = arg;
	struct top_look *l = n->look;

	if (l->n_processes == TOP_PROCESSES)
		return;
	struct top_process *p = &l->processes[l->n_processes++];

	snprintf(p->name, sizeof(p->name), "%s", n->name);
	snprintf(p->pid, sizeof(p->pid), "%s", pid);
	p->memory = processes_memory(pid);
	p->cpu_ms = processes_cpu_ms(pid);
}

/* NULL when the daemon does not answer; that is shown, not complained of. */
static cJSON *
ask_quietly(const struct ask *a, enum who daemon, const char *what)
{
	cJSON *answer = NULL;
	char why[WHY_SIZE];

	return ask_one(a, daemon, what, "", &answer, why) == ERR_OK ? answer : NULL;
}

static void
look(const struct ask *a, struct top_look *out)
{
	cJSON *devices[ASK_DAEMONS] = {NULL}, *upgrades[ASK_DAEMONS] = {NULL};
	size_t n = 0;
	const struct sandbox_promise *rows = promise_rows(&n);

	*out = (struct top_look){.at = clock_now()};
	for (size_t i = 0; i < n; i++)
		processes_each(&rows[i], on_process, &(struct naming){out, rows[i].name});
	for (size_t i = 0; i < ASK_DAEMONS; i++) {
		out->status[i] = ask_quietly(a, ask_daemons[i], "status");
		if (!out->status[i])
			continue;
		upgrades[i] = ask_quietly(a, ask_daemons[i], "upgrades");
		if (ask_daemons[i] == WHO_FETCHD)
			out->store = ask_quietly(a, WHO_FETCHD, "store");
		else
			devices[i] = ask_quietly(a, ask_daemons[i], "devices");
	}
	out->devices = merge_devices(&(struct merge){devices[0], devices[1], devices[2]});
	out->upgrades = merge_upgrades(&(struct merge){upgrades[0], upgrades[1], upgrades[2]});
	for (size_t i = 0; i < ASK_DAEMONS; i++) {
		cJSON_Delete(devices[i]);
		cJSON_Delete(upgrades[i]);
	}
}

static int
print_value(const struct top_look *l, enum out_form form)
{
	AUTO(out_json) cJSON *all = cJSON_CreateObject();
	cJSON *processes = cJSON_AddArrayToObject(all, "processes");
	cJSON *status = cJSON_AddObjectToObject(all, "status");

	for (size_t i = 0; i < l->n_processes; i++) {
		cJSON *row = out_row(processes);

		out_add_text(row, "name", l->processes[i].name);
		out_add_text(row, "pid", l->processes[i].pid);
		out_add_number(row, "memory", l->processes[i].memory);
		out_add_number(row, "cpu_ms", l->processes[i].cpu_ms);
	}
	for (size_t i = 0; i < ASK_DAEMONS; i++)
		cJSON_AddItemToObject(status, who_name(ask_daemons[i]),
		    l->status[i] ? cJSON_Duplicate(l->status[i], true) : cJSON_CreateNull());
	cJSON_AddItemToObject(all, "devices", cJSON_Duplicate(l->devices, true));
	cJSON_AddItemToObject(all, "upgrades", cJSON_Duplicate(l->upgrades, true));
	return out_value(all, form);
}

static int
print_once(const struct ask *a)
{
	struct top_look l;

	look(a, &l);
	AUTO(mem) char *text = a->form ? NULL : top_render(&l, NULL, WIDTH, HEIGHT);

	if (a->form)
		print_value(&l, a->form);
	else if (text)
		fputs(text, stdout);
	top_look_fini(&l);
	return CTL_OK;
}

/* --- the terminal ----------------------------------------------------------------------------- */

struct terminal {
	struct termios before;
	int signals; /* signalfd */
};

static void
enter(const struct terminal *t)
{
	struct termios raw = t->before;

	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
	fputs(ENTER, stdout);
	fflush(stdout);
}

static void
leave(const struct terminal *t)
{
	fputs(LEAVE, stdout);
	fflush(stdout);
	tcsetattr(STDIN_FILENO, TCSADRAIN, &t->before);
}

/* The screen is drawn over itself, line by line: no flicker. */
static void
draw(const char *text)
{
	fputs(HOME, stdout);
	for (const char *at = text; *at; at += strcspn(at, "\n") + 1)
		printf("%.*s" REST_OF_LINE "\n", (int)strcspn(at, "\n"), at);
	fputs(REST_OF_SCREEN, stdout);
	fflush(stdout);
}

/* Given back while we are stopped. */
static void
stop(const struct terminal *t)
{
	sigset_t tstp;

	leave(t);
	sigemptyset(&tstp);
	sigaddset(&tstp, SIGTSTP);
	sigprocmask(SIG_UNBLOCK, &tstp, NULL);
	raise(SIGTSTP);
	sigprocmask(SIG_BLOCK, &tstp, NULL);
	enter(t);
}

/* Wait for the next look. False: it is over. */
static bool
wait_for_more(const struct terminal *t, int ms)
{
	struct pollfd p[] = {{t->signals, POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}};
	struct signalfd_siginfo info = {0};
	char key = 0;

	if (poll(p, 2, ms) <= 0)
		return true;
	if (p[0].revents && read(t->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (info.ssi_signo == SIGTSTP)
			stop(t);
		return info.ssi_signo == SIGTSTP || info.ssi_signo == SIGWINCH;
	}
	return !p[1].revents || (read(STDIN_FILENO, &key, 1) == 1 && key != 'q' && key != 'Q');
}

static void
show(const struct top_look *now, const struct top_look *before)
{
	struct winsize size = {0};

	ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
	AUTO(mem)
	char *text = top_render(now, before, size.ws_col ? size.ws_col : WIDTH,
	    size.ws_row > 1 ? size.ws_row - 1 : HEIGHT);

	if (text)
		draw(text);
}

static int
run(const struct ask *a, int every_ms)
{
	struct terminal t = {0};
	struct top_look before = {0}, now = {0};
	sigset_t ours;

	if (tcgetattr(STDIN_FILENO, &t.before) < 0)
		return print_once(a);
	sigemptyset(&ours);
	for (const int *s = (const int[]){SIGINT, SIGTERM, SIGHUP, SIGTSTP, SIGWINCH, 0}; *s; s++)
		sigaddset(&ours, *s);
	sigprocmask(SIG_BLOCK, &ours, NULL);
	t.signals = signalfd(-1, &ours, SFD_CLOEXEC);
	if (t.signals < 0)
		return ctl_complain("top", ERR_SYSTEM, "signals");
	enter(&t);
	do {
		top_look_fini(&before);
		before = now;
		look(a, &now);
		show(&now, before.devices ? &before : NULL);
	} while (wait_for_more(&t, every_ms));
	leave(&t);
	top_look_fini(&before);
	top_look_fini(&now);
	close(t.signals);
	return CTL_OK;
}

int
top_cmd_run(int argc, char **argv)
{
	struct opt_set o;
	struct ask a;
	uint64_t every = 0;
	int status = ask_begin(&command, argc, argv, &o, &a);

	if (status >= 0)
		return status;
	if (opt_number(&o, "every", EVERY_MS, EVERY_MAX_MS, &every))
		return CTL_USAGE;
	if (opt_count(&o, "once") || a.form || !isatty(STDOUT_FILENO) || !isatty(STDIN_FILENO))
		return print_once(&a);
	return run(&a, (int)(every < EVERY_MIN_MS ? EVERY_MIN_MS : every));
}
