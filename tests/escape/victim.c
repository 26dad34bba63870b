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

enum {
	PATIENCE_MS = 120000,
	DIALLED = 5, /* descriptors of a dialer through which somebody talks, at least */
	NURSERIES = ATTEMPT_NURSERY | ATTEMPT_FLASH_NURSERY | ATTEMPT_EXEC_NURSERY,
};

static const struct {
	enum attempt_who who;
	const char *name;
	enum house_part part; /* HOUSE_PARTS: not a part of the house */
} table[VICTIMS] = {
    {ATTEMPT_CLOUDD, "cloudd", HOUSE_CLOUDD}, {ATTEMPT_DIALER, "dialer", HOUSE_CLOUDD},
    {ATTEMPT_FETCHD, "fetchd", HOUSE_FETCHD},
    {ATTEMPT_NURSERY, "nursery", HOUSE_FETCHD}, /* a child of it */
    {ATTEMPT_COURIER, "courier", HOUSE_PARTS},
    {ATTEMPT_FLASHD, "flashd", HOUSE_FLASHD}, /* of the other house */
    {ATTEMPT_FLASH_NURSERY, "its nursery", HOUSE_FLASHD}, {ATTEMPT_SESSION, "session", HOUSE_PARTS},
    {ATTEMPT_EXEC_NURSERY, "nursery+exec", HOUSE_FLASHD}, /* of the other house */
    {ATTEMPT_EXEC, "exec", HOUSE_PARTS},
    {ATTEMPT_FLASHER, "flasher", HOUSE_PARTS}, /* a child of it */
};

static struct house *
home(const struct victims *v, enum attempt_who who)
{
	return who == ATTEMPT_FLASHD || who == ATTEMPT_EXEC_NURSERY ? v->exec_house : v->house;
}

enum attempt_who
victims_who(size_t i, const char **name)
{
	*name = table[i].name;
	return table[i].who;
}

static const char *
name_of(enum attempt_who who)
{
	for (size_t i = 0; i < VICTIMS; i++)
		if (table[i].who == who)
			return table[i].name;
	return "?";
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

static void
end_nursery(struct nursery **n)
{
	pid_t pid = *n ? nursery_pid(*n) : 0;

	nursery_free(*n);
	*n = NULL;
	if (pid > 0)
		(void)waitpid(pid, NULL, 0);
}

/* What a nursery of its own starts for `parent`. */
struct program {
	const char *parent, *name;
	uid_t uid;
	struct places places; /* of the nursery; freed */
	struct nursery_birth birth;
};

static pid_t
be_born(const struct victims *v, struct program *p, struct nursery **from)
{
	struct mono end = mono_after(clock_now(), PATIENCE_MS);
	char path[400];
	uint32_t id = 0;
	pid_t pid = 0;
	const struct nursery_setup setup = {.program = path,
	    .parent = p->parent,
	    .mode = v->mode,
	    .uid = p->uid,
	    .gid = p->uid,
	    .places = &p->places};

	end_nursery(from);
	snprintf(path, sizeof(path), "%s/subota-nursery", v->house->programs);
	bool fine = nursery_start(&setup, from) == ERR_OK &&
		    nursery_spawn(*from, &p->birth, &id) == ERR_OK;
	places_fini(&p->places);
	while (fine && !pid && !mono_reached(clock_now(), end)) {
		pid = house_proc_find(nursery_pid(*from), p->name);
		if (!pid)
			house_look_pause(5);
	}
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
	struct program p = {.parent = "flashd",
	    .name = "subota-session",
	    .uid = HOUSE_SESSION_UID,
	    .birth = {.program = NURSERY_SESSION, .fds = {pair[1], slave}, .n_fds = 2}};
	places_add(&p.places, "$session", "%s/subota-session", v->house->programs);
	v->session = be_born(v, &p, &v->session_from);
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
	struct pollfd asked = {.fd = v->server, .events = POLLIN};
	char path[300];
	int pair[2], hatch[2], fd;

	while ((fd = accept(v->server, NULL, NULL)) >= 0)
		close(fd); /* of older ones */
	snprintf(path, sizeof(path), "%s/download", v->house->dir);
	AUTO(fd) int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (file < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0 ||
	    hatch_new(hatch) != ERR_OK)
		return 0;
	struct program p = {.parent = "fetchd",
	    .name = "subota-courier",
	    .uid = HOUSE_COURIER_UID,
	    .birth = {.program = NURSERY_COURIER, .fds = {pair[1], hatch[1]}, .n_fds = 2}};
	places_add(&p.places, "$courier", "%s/subota-courier", v->house->programs);
	v->courier = be_born(v, &p, &v->courier_from);
	bool given = hatch_give(hatch[0], file) == ERR_OK;
	close(pair[1]);
	close(hatch[0]);
	close(hatch[1]);
	if (!v->courier || !given ||
	    chan_new(pair[0], WHO_FETCHD, WHO_COURIER, &v->chan) != ERR_OK ||
	    send_order(v) != ERR_OK || poll(&asked, 1, PATIENCE_MS) != 1 ||
	    !wait_for_poll(v->courier))
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
	struct places told = {0};
	int pair[2];

	end_exec(v);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
		return 0;
	v->exec_link = pair[0];
	places_add(&told, "$flasher", FLASHER);
	places_add(&told, "$flasher_devices", "%s", v->tty);
	struct program p = {.parent = "flashd",
	    .name = "subota-exec",
	    .uid = HOUSE_SESSION_UID,
	    .birth = {.program = NURSERY_EXEC, .fds = {pair[1]}, .n_fds = 1, .places = &told}};
	places_add(&p.places, "$exec", "%s/subota-exec", v->house->programs);
	for (size_t i = 0; i < told.n; i++)
		places_add(&p.places, told.list[i].name, "%s", told.list[i].path);
	v->exec = be_born(v, &p, &v->exec_from);
	places_fini(&told);
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

/* A dialer that is connected to the platform: an attempt may have cost it that, and cloudd tries
 * again only after a while. */
static pid_t
find_dialer(struct house *h)
{
	for (int life = 0; life < 2; life++) {
		struct mono end = mono_after(clock_now(), life ? PATIENCE_MS : 0);
		pid_t pid = 0;

		while (house_start(h, HOUSE_CLOUDD) == ERR_OK) {
			pid = house_look_child(h, HOUSE_CLOUDD, "subota-dialer");
			if (pid && house_proc_descriptors(pid) > DIALLED)
				return pid;
			if (mono_reached(clock_now(), end))
				break;
			house_look_pause(5);
		}
		house_kill(h, HOUSE_CLOUDD);
	}
	return 0;
}

/* One that is a daemon of the house, or a child of one. */
static pid_t
find_part(struct house *h, enum attempt_who who)
{
	enum house_part part = part_of(who);

	if (who == ATTEMPT_DIALER)
		return find_dialer(h);
	if (house_start(h, part) != ERR_OK)
		return 0;
	return who & NURSERIES ? house_look_child(h, part, "subota-nursery") : h->process[part].pid;
}

pid_t
victims_pid(struct victims *v, enum attempt_who who)
{
	enum house_part part = part_of(who);
	struct house *h = home(v, who);
	pid_t pid = 0;

	if (part != HOUSE_PARTS) {
		pid = find_part(h, who);
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
		fprintf(stderr, "escape: a victim (%s) cannot be started: %s\n", name_of(who),
		    house_why(h));
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
		sandbox_close_from(3); /* what it spoils must be its own */
		if (unshare(CLONE_NEWNS) != 0 ||
		    socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0) < 0)
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
	end_nursery(&v->session_from);
	end_nursery(&v->courier_from);
	end_nursery(&v->exec_from);
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
	places_add(out, "$own", "%u",
	    who == ATTEMPT_COURIER  ? v->server_port
	    : who == ATTEMPT_FLASHD ? v->far_port
	    : who == ATTEMPT_DIALER ? h->mqtt
				    : v->other_port);
	places_add(out, "$abstract", "%s", v->abstract_name);
}
