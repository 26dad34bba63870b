/*
 * victim: see victim.h.
 */
#include "victim.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "exec_wire.h"
#include "hatch.h"
#include "house_look.h"
#include "house_proc.h"
#include "sandbox.h"
#include "victim_open.h"

enum { PATIENCE_MS = 10000 };

static const struct {
	enum attempt_who who;
	const char *name;
	enum house_part part; /* HOUSE_PARTS: not a part of the house */
} table[VICTIMS] = {
    {ATTEMPT_CLOUDD, "cloudd", HOUSE_CLOUDD},
    {ATTEMPT_FETCHD, "fetchd", HOUSE_FETCHD},
    {ATTEMPT_NURSERY, "nursery", HOUSE_FETCHD}, /* a child of it */
    {ATTEMPT_COURIER, "courier", HOUSE_PARTS},
    {ATTEMPT_FLASHD, "flashd", HOUSE_FLASHD},
    {ATTEMPT_SESSION, "session", HOUSE_PARTS},
    {ATTEMPT_FLASHD_EXEC, "flashd+exec", HOUSE_FLASHD}, /* of another house */
    {ATTEMPT_EXEC, "exec", HOUSE_PARTS},
    {ATTEMPT_FLASHER, "flasher", HOUSE_PARTS}, /* a child of it */
};

static struct house *
home(const struct victims *v, enum attempt_who who)
{
	return who == ATTEMPT_FLASHD_EXEC ? v->exec_house : v->house;
}

enum attempt_who
victims_who(size_t i, const char **name)
{
	*name = table[i].name;
	return table[i].who;
}

static enum house_part
part_of(enum attempt_who who)
{
	for (size_t i = 0; i < VICTIMS; i++)
		if (table[i].who == who)
			return table[i].part;
	return HOUSE_PARTS;
}

/* --- a session, a courier, a flasher program -------------------------------------------------- */

enum { WORDS = 3 };

/* What to start, and how. */
struct program {
	const char *name;
	uid_t uid;
	int fds[2];
	size_t n_fds;
	bool apart;               /* as flashd, whose network it shares */
	const char *words[WORDS]; /* after the mode */
};

/* In a child that stays as the parent of the program: become the user, start it, tell the pid. */
__attribute__((noreturn)) static void
be_parent(const char *path, char *const argv[], const struct program *p, int tell)
{
	struct sandbox_mode mode = {0};
	pid_t pid = 0;

	if (sandbox_mode_parse(argv[1], &mode) != ERR_OK ||
	    (p->apart && sandbox_apart(promise_find("flashd"), &mode) != ERR_OK) ||
	    setresgid(p->uid, p->uid, p->uid) != 0 || setresuid(p->uid, p->uid, p->uid) != 0)
		_exit(1);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (sandbox_spawn(path, argv, p->fds, p->n_fds, &pid) != ERR_OK)
		_exit(1);
	(void)!write(tell, &pid, sizeof(pid));
	close(tell);
	for (size_t i = 0; i < p->n_fds; i++)
		close(p->fds[i]);
	(void)waitpid(pid, NULL, 0);
	_exit(0);
}

/* The parents of what has ended. */
static void
reap(struct victims *v)
{
	for (size_t i = 0; i < v->n_parents;)
		if (waitpid(v->parents[i], NULL, WNOHANG) != 0)
			v->parents[i] = v->parents[--v->n_parents];
		else
			i++;
}

static pid_t
start(struct victims *v, const struct program *p)
{
	char path[400], mode[40];
	char *argv[2 + WORDS + 1] = {path, mode};
	pid_t pid = 0;
	int pipes[2];

	snprintf(path, sizeof(path), "%s/%s", v->house->programs, p->name);
	snprintf(mode, sizeof(mode), "%s", v->mode);
	for (size_t i = 0; i < WORDS; i++)
		argv[2 + i] = (char *)(uintptr_t)p->words[i];
	if (pipe2(pipes, O_CLOEXEC) != 0)
		return 0;
	pid_t child = fork();
	if (child == 0)
		be_parent(path, argv, p, pipes[1]);
	close(pipes[1]);
	reap(v);
	if (child > 0 && v->n_parents < VICTIMS)
		v->parents[v->n_parents++] = child;
	if (child < 0 || read(pipes[0], &pid, sizeof(pid)) != (ssize_t)sizeof(pid))
		pid = 0;
	close(pipes[0]);
	return pid;
}

/* Until it sleeps in one of two calls: by then it is locked in. */
static bool
wait_for_call(pid_t pid, long one, long other)
{
	struct mono end = mono_after(clock_now(), PATIENCE_MS);
	char path[40], line[80] = "";

	snprintf(path, sizeof(path), "/proc/%d/syscall", (int)pid);
	while (!mono_reached(clock_now(), end)) {
		AUTO(file) FILE *f = fopen(path, "re");
		char *rest = line;

		if (f && fgets(line, sizeof(line), f)) {
			long call = strtol(line, &rest, 10);

			if (rest != line && (call == one || call == other))
				return true;
		}
		house_look_pause(5);
	}
	return false;
}

static bool
wait_for_poll(pid_t pid)
{
	return wait_for_call(pid, SYS_poll, SYS_ppoll);
}

static pid_t
start_session(struct victims *v)
{
	int pair[2], slave = -1;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0 ||
	    openpty(&v->link, &slave, NULL, NULL, NULL) != 0)
		return 0;
	v->session = start(v, &(struct program){.name = "subota-session", .uid = HOUSE_FLASH_UID,
				  .fds = {pair[1], slave}, .n_fds = 2, .apart = true});
	close(pair[1]);
	close(slave);
	if (v->session && wait_for_poll(v->session) &&
	    chan_new(pair[0], WHO_FLASHD, WHO_SESSION, &v->session_chan) == ERR_OK)
		return v->session;
	return 0;
}

static enum err
send_order(struct victims *v)
{
	Pb__CourierOrder o = PB__COURIER_ORDER__INIT;
	Pb__Envelope e = PB__ENVELOPE__INIT;
	char url[60];

	snprintf(url, sizeof(url), "http://127.0.0.1:%u/never", v->server_port);
	o.url = url;
	o.size = 1000;
	o.allow_http = o.allow_private_hosts = true;
	o.connect_timeout_ms = 60000;
	o.low_speed_bytes = 1;
	o.low_speed_seconds = o.total_seconds = 600;
	o.mark_bytes = 1 << 20;
	e.body_case = PB__ENVELOPE__BODY_COURIER_ORDER;
	e.courier_order = &o;
	return chan_send(v->chan, &e);
}

/* A courier that is connected to a server which never answers. */
static pid_t
start_courier(struct victims *v)
{
	struct pollfd p = {.fd = v->server, .events = POLLIN};
	char path[300];
	int pair[2], hatch[2], fd;

	while ((fd = accept(v->server, NULL, NULL)) >= 0)
		close(fd); /* of older ones */
	snprintf(path, sizeof(path), "%s/download", v->house->dir);
	AUTO(fd) int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (file < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0 ||
	    hatch_new(hatch) != ERR_OK)
		return 0;
	v->courier = start(v, &(struct program){.name = "subota-courier", .uid = HOUSE_COURIER_UID,
				  .fds = {pair[1], hatch[1]}, .n_fds = 2});
	bool given = hatch_give(hatch[0], file) == ERR_OK;
	close(pair[1]);
	close(hatch[0]);
	close(hatch[1]);
	if (!v->courier || !given ||
	    chan_new(pair[0], WHO_FETCHD, WHO_COURIER, &v->chan) != ERR_OK ||
	    send_order(v) != ERR_OK || poll(&p, 1, PATIENCE_MS) != 1 || !wait_for_poll(v->courier))
		return 0;
	return v->courier;
}

static void
end_helper(pid_t *pid)
{
	if (*pid > 0)
		kill(*pid, SIGKILL);
	*pid = 0;
}

static void
close_end(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void
end_exec(struct victims *v)
{
	end_helper(&v->exec);
	v->flasher = 0; /* dies with it */
	close_end(&v->exec_link);
}

static pid_t
start_exec(struct victims *v)
{
	char device[100];
	int pair[2];

	end_exec(v);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
		return 0;
	v->exec_link = pair[0];
	snprintf(device, sizeof(device), "$flasher_devices=%s", v->tty);
	v->exec = start(v, &(struct program){.name = "subota-exec", .uid = HOUSE_FLASH_UID,
			       .fds = {pair[1]}, .n_fds = 1, .apart = true,
			       .words = {"$flasher=" FLASHER, device}});
	close(pair[1]);
	return v->exec && wait_for_poll(v->exec) ? v->exec : 0;
}

static bool
say(const struct victims *v, enum exec_kind kind, const char *text)
{
	uint8_t frame[EXEC_WIRE_FRAME];
	size_t n = exec_wire_format(kind, text, strlen(text), frame);

	return write(v->exec_link, frame, n) == (ssize_t)n;
}

/* A program that was told to sleep, and does. */
static pid_t
start_flasher(struct victims *v)
{
	struct mono end = mono_after(clock_now(), PATIENCE_MS);

	if (!start_exec(v) || !say(v, EXEC_WORD, FLASHER) || !say(v, EXEC_WORD, "1000") ||
	    !say(v, EXEC_RUN, ""))
		return 0;
	while (!v->flasher && !mono_reached(clock_now(), end)) {
		v->flasher = house_proc_find(v->exec, "sleep");
		house_look_pause(5);
	}
	bool asleep = v->flasher > 0 &&
		      wait_for_call(v->flasher, SYS_clock_nanosleep, SYS_nanosleep);
	return asleep ? v->flasher : 0;
}

/* --- one of them ------------------------------------------------------------------------------ */

static bool
is_alive(pid_t pid)
{
	struct house_proc p;

	return pid > 0 && house_proc_read(pid, &p) && p.state != 'Z';
}

pid_t
victims_pid(struct victims *v, enum attempt_who who)
{
	enum house_part part = part_of(who);
	struct house *h = home(v, who);
	pid_t pid = 0;

	if (part != HOUSE_PARTS) {
		if (house_start(h, part) == ERR_OK)
			pid = who == ATTEMPT_NURSERY
				  ? house_look_child(h, part, "subota-nursery")
				  : h->process[part].pid;
	} else if (who == ATTEMPT_SESSION) {
		pid = is_alive(v->session) ? v->session : start_session(v);
	} else if (who == ATTEMPT_EXEC) {
		pid = is_alive(v->exec) ? v->exec : start_exec(v);
	} else if (who == ATTEMPT_FLASHER) {
		pid = is_alive(v->flasher) ? v->flasher : start_flasher(v);
	} else {
		pid = is_alive(v->courier) ? v->courier : start_courier(v);
	}
	if (!pid)
		fprintf(stderr, "escape: a victim cannot be started: %s\n", house_why(h));
	return pid;
}

/* A process of root with nothing taken away but its view of mounts, which it may spoil. */
pid_t
victims_control(struct victims *v)
{
	if (is_alive(v->control))
		return v->control;
	v->control = fork();
	if (v->control == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (unshare(CLONE_NEWNS) != 0)
			_exit(1);
		for (;;)
			pause();
	}
	house_look_pause(5);
	return v->control;
}

void
victims_end_control(struct victims *v)
{
	if (v->control <= 0)
		return;
	kill(v->control, SIGKILL);
	waitpid(v->control, NULL, 0);
	v->control = 0;
}

void
victims_end(struct victims *v, enum attempt_who who)
{
	enum house_part part = part_of(who);

	if (part != HOUSE_PARTS) {
		house_kill(home(v, who), part);
	} else if (who == ATTEMPT_SESSION) {
		end_helper(&v->session);
		chan_free(v->session_chan);
		v->session_chan = NULL;
		close_end(&v->link);
	} else if (who == ATTEMPT_EXEC || who == ATTEMPT_FLASHER) {
		end_exec(v);
	} else {
		end_helper(&v->courier);
		chan_free(v->chan);
		v->chan = NULL;
	}
}

void
victims_set_mode(struct victims *v, const char *mode)
{
	for (size_t i = 0; i < VICTIMS; i++)
		victims_end(v, table[i].who);
	v->mode = mode;
	v->house->options.sandbox = strcmp(mode, "require") == 0 ? NULL : mode;
	v->exec_house->options.sandbox = v->house->options.sandbox;
}

void
victims_close(struct victims *v)
{
	victims_set_mode(v, "require");
	victims_end_control(v);
	victims_shut(v);
}

void
victims_places(struct victims *v, enum attempt_who who, struct places *out)
{
	struct house *h = home(v, who);
	enum house_part sibling = who == ATTEMPT_CLOUDD ? HOUSE_FLASHD : HOUSE_CLOUDD;

	for (enum house_part p = HOUSE_FLASHD; p <= HOUSE_CLOUDD; p++)
		if (house_start(h, p) != ERR_OK)
			fprintf(stderr, "escape: %s\n", house_why(h));
	places_add(out, "$dir", "%s", h->dir);
	places_add(out, "$state", "%s/state", h->dir);
	places_add(out, "$store", "%s/store", h->dir);
	places_add(out, "$run", "%s/run", h->dir);
	places_add(out, "$trust", "%s", h->kit->anchor_dir);
	places_add(out, "$line", "%s/device1/tty", h->dir);
	places_add(out, "$flasher_line", "%s", v->tty);
	places_add(out, "$sibling", "%d", (int)h->process[sibling].pid);
	places_add(out, "$sibproc", "/proc/%d", (int)h->process[sibling].pid);
	places_add(out, "$parent", "%d", (int)getpid());
	places_add(out, "$broker", "%u", h->mqtt);
	places_add(out, "$server", "%u", v->server_port);
	places_add(out, "$other", "%u", v->other_port);
	places_add(out, "$abstract", "%s", v->abstract_name);
}
