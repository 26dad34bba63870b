/*
 * victim: see victim.h.
 */
#include "victim.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pty.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "hatch.h"
#include "house_look.h"
#include "house_proc.h"
#include "sandbox.h"

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
};

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

/* --- who listens ------------------------------------------------------------------------------ */

static int
listen_tcp(unsigned *port)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&at, len) != 0 || listen(fd, 64) != 0 ||
	    getsockname(fd, (struct sockaddr *)&at, &len) != 0)
		return -1;
	*port = ntohs(at.sin_port);
	return fd;
}

static int
listen_abstract(char name[16])
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(name, 16, "esc%010u", (unsigned)getpid());
	memcpy(at.sun_path + 1, name, strlen(name));
	socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name));
	return fd >= 0 && bind(fd, (struct sockaddr *)&at, len) == 0 && listen(fd, 64) == 0 ? fd
											    : -1;
}

enum err
victims_open(struct victims *v, struct house *h)
{
	*v = (struct victims){.house = h, .mode = "require", .link = -1};
	v->server = listen_tcp(&v->server_port);
	v->other = listen_tcp(&v->other_port);
	v->abstract = listen_abstract(v->abstract_name);
	return v->server < 0 || v->other < 0 || v->abstract < 0 ? ERR_SYSTEM : ERR_OK;
}

/* --- a session and a courier ------------------------------------------------------------------ */

/* In a child that stays as the parent of the program: become the user, start, tell the pid, wait.
 * With `apart` as flashd, whose network a session shares. */
__attribute__((noreturn)) static void
be_parent(const char *path, char *const argv[], uid_t uid, const int fds[2], int tell, bool apart)
{
	struct sandbox_mode mode = {0};
	pid_t pid = 0;

	if (sandbox_mode_parse(argv[1], &mode) != ERR_OK ||
	    (apart && sandbox_apart(promise_find("flashd"), &mode) != ERR_OK) ||
	    setresgid(uid, uid, uid) != 0 || setresuid(uid, uid, uid) != 0)
		_exit(1);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (sandbox_spawn(path, argv, fds, 2, &pid) != ERR_OK)
		_exit(1);
	(void)!write(tell, &pid, sizeof(pid));
	close(tell);
	close(fds[0]);
	close(fds[1]);
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
start(struct victims *v, const char *program, uid_t uid, const int fds[2], bool apart)
{
	char path[400], name[40], mode[40];
	char *argv[] = {name, mode, NULL};
	pid_t pid = 0;
	int pipes[2];

	snprintf(path, sizeof(path), "%s/%s", v->house->programs, program);
	snprintf(name, sizeof(name), "%s", program);
	snprintf(mode, sizeof(mode), "%s", v->mode);
	if (pipe2(pipes, O_CLOEXEC) != 0)
		return 0;
	pid_t child = fork();
	if (child == 0)
		be_parent(path, argv, uid, fds, pipes[1], apart);
	close(pipes[1]);
	reap(v);
	if (child > 0 && v->n_parents < VICTIMS)
		v->parents[v->n_parents++] = child;
	if (child < 0 || read(pipes[0], &pid, sizeof(pid)) != (ssize_t)sizeof(pid))
		pid = 0;
	close(pipes[0]);
	return pid;
}

/* Until it sleeps in a poll: by then it is locked in. */
static bool
wait_for_poll(pid_t pid)
{
	struct mono end = mono_after(clock_now(), PATIENCE_MS);
	char path[40], line[80] = "";

	snprintf(path, sizeof(path), "/proc/%d/syscall", (int)pid);
	while (!mono_reached(clock_now(), end)) {
		AUTO(file) FILE *f = fopen(path, "re");

		/* poll, ppoll */
		if (f && fgets(line, sizeof(line), f) &&
		    (strncmp(line, "7 ", 2) == 0 || strncmp(line, "271 ", 4) == 0))
			return true;
		house_look_pause(5);
	}
	return false;
}

static pid_t
start_session(struct victims *v)
{
	int pair[2], slave = -1;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0 ||
	    openpty(&v->link, &slave, NULL, NULL, NULL) != 0)
		return 0;
	v->session =
	    start(v, "subota-session", HOUSE_FLASH_UID, (int[]){pair[1], slave}, true);
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
	v->courier =
	    start(v, "subota-courier", HOUSE_COURIER_UID, (int[]){pair[1], hatch[1]}, false);
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
	pid_t pid = 0;

	if (part != HOUSE_PARTS) {
		if (house_start(v->house, part) == ERR_OK)
			pid = who == ATTEMPT_NURSERY
				  ? house_look_child(v->house, part, "subota-nursery")
				  : v->house->process[part].pid;
	} else if (who == ATTEMPT_SESSION) {
		pid = is_alive(v->session) ? v->session : start_session(v);
	} else {
		pid = is_alive(v->courier) ? v->courier : start_courier(v);
	}
	if (!pid)
		fprintf(stderr, "escape: a victim cannot be started: %s\n", house_why(v->house));
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

static void
end_helper(pid_t *pid)
{
	if (*pid > 0)
		kill(*pid, SIGKILL);
	*pid = 0;
}

void
victims_end(struct victims *v, enum attempt_who who)
{
	enum house_part part = part_of(who);

	if (part != HOUSE_PARTS) {
		house_kill(v->house, part);
	} else if (who == ATTEMPT_SESSION) {
		end_helper(&v->session);
		chan_free(v->session_chan);
		v->session_chan = NULL;
		if (v->link >= 0)
			close(v->link);
		v->link = -1;
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
}

void
victims_close(struct victims *v)
{
	victims_set_mode(v, "require");
	victims_end_control(v);
	close(v->server);
	close(v->other);
	close(v->abstract);
}

void
victims_places(struct victims *v, enum attempt_who who, struct places *out)
{
	const struct house *h = v->house;
	enum house_part sibling = who == ATTEMPT_CLOUDD ? HOUSE_FLASHD : HOUSE_CLOUDD;

	for (enum house_part p = HOUSE_FLASHD; p <= HOUSE_CLOUDD; p++)
		if (house_start(v->house, p) != ERR_OK)
			fprintf(stderr, "escape: %s\n", house_why(v->house));
	places_add(out, "$dir", "%s", h->dir);
	places_add(out, "$state", "%s/state", h->dir);
	places_add(out, "$store", "%s/store", h->dir);
	places_add(out, "$run", "%s/run", h->dir);
	places_add(out, "$trust", "%s", h->kit->anchor_dir);
	places_add(out, "$line", "%s/device1/tty", h->dir);
	places_add(out, "$sibling", "%d", (int)h->process[sibling].pid);
	places_add(out, "$sibproc", "/proc/%d", (int)h->process[sibling].pid);
	places_add(out, "$parent", "%d", (int)getpid());
	places_add(out, "$broker", "%u", h->mqtt);
	places_add(out, "$server", "%u", v->server_port);
	places_add(out, "$other", "%u", v->other_port);
	places_add(out, "$abstract", "%s", v->abstract_name);
}
