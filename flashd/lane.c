/*
 * lane: see lane.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "auto.h"

#include "chan.h"
#include "crews.h"
#include "lane.h"
#include "log.h"
#include "msg.h"

enum {
	GRACE_MS = 10000, /* beyond the order's own time */
	END_MS = 3000,    /* from closing the channel to SIGKILL */
	AT_ONCE = 16,     /* messages, then it is the others' turn: a session may flood */
};

struct lane {
	struct loop *loop;
	struct nursery *nursery;
	const char *port;
	struct lane_handler handler;
	struct link link;
	int pins;                  /* GPIO lines of the device whose turn it is, -1 = none */
	struct crews *crews;       /* NULL: a process for each order */
	uint32_t session;          /* as the nursery names it, 0 = none */
	Pb__Verb verb;             /* of its order */
	const struct places *exec; /* of the order at hand, NULL = the link is used */
	bool keep_port;            /* it does not open that */
	uint32_t helper;           /* subota-exec, 0 = none */
	int helper_fd;             /* to it, on its way to the session; -1 */
	struct chan *chan;
	bool final; /* the last word is out, or nobody wants it */
	struct loop_timer timer;
};

enum err
lane_new(struct loop *loop, struct nursery *nursery, const char *port, const struct lane_handler *h,
    struct lane **out)
{
	struct lane *l = calloc(1, sizeof(*l));

	if (!l)
		return ERR_NOMEM;
	*l = (struct lane){.loop = loop,
	    .nursery = nursery,
	    .port = port,
	    .handler = *h,
	    .helper_fd = -1,
	    .pins = -1};
	link_init(&l->link, -1);
	*out = l;
	return ERR_OK;
}

void
lane_lend_socket(struct lane *l, int socket)
{
	link_init(&l->link, socket);
}

void
lane_lend_crews(struct lane *l, struct crews *crews)
{
	l->crews = crews;
}

void
lane_lend_pins(struct lane *l, int fd)
{
	l->pins = fd;
}

const char *
lane_port(const struct lane *l)
{
	return l->port;
}

bool
lane_is_idle(const struct lane *l)
{
	return l->session == 0 && l->helper == 0;
}

static void
close_chan(struct lane *l)
{
	if (!l->chan)
		return;
	loop_unwatch_fd(l->loop, chan_fd(l->chan));
	chan_free(l->chan);
	l->chan = NULL;
}

/* Of a nursery that is gone nothing is left to kill. */
static void
kill_one(const struct lane *l, uint32_t id)
{
	if (nursery_kill(l->nursery, id) != ERR_OK)
		log_error(NULL, "%s: cannot reach the nursery", l->port);
}

static void
on_timer(void *arg)
{
	struct lane *l = arg;

	if (l->session) {
		log_warn(NULL, "%s: the session does not end: killed", l->port);
		kill_one(l, l->session);
	} else if (l->helper) {
		log_warn(NULL, "%s: the flasher program does not end: killed", l->port);
		kill_one(l, l->helper);
	}
	if (l->helper)
		loop_timer_set(l->loop, &l->timer, mono_after(clock_now(), END_MS), on_timer, l);
}

/* Close the channel, upon which the session ends; if not, it is killed. A shared one closes its end
 * of the channel, and with it the link, upon the end of ours: until then the link is taken. */
static void
let_end(struct lane *l)
{
	if (l->crews && l->session && l->chan)
		shutdown(chan_fd(l->chan), SHUT_WR);
	else
		close_chan(l);
	if (l->session || l->helper)
		loop_timer_set(l->loop, &l->timer, mono_after(clock_now(), END_MS), on_timer, l);
}

/* The session is done with the lane, though it may go on with others. */
static void
leave_crew(struct lane *l)
{
	uint32_t id = l->session;

	l->session = 0;
	close_chan(l);
	if (!l->helper)
		loop_timer_clear(l->loop, &l->timer);
	crews_leave(l->crews, id);
	if (lane_is_idle(l))
		l->handler.on_idle(l->handler.arg, l);
}

void
lane_free(struct lane *l)
{
	if (!l)
		return;
	if (l->session && l->crews)
		crews_leave(l->crews, l->session);
	else if (l->session)
		kill_one(l, l->session); /* which ends its helper, too */
	loop_timer_clear(l->loop, &l->timer);
	close_chan(l);
	link_close(&l->link);
	free(l);
}

static void
end_with(struct lane *l, const Pb__SessionReport *r)
{
	bool tell = !l->final;

	l->final = true;
	if (!r || r->error == ERR_LINK)
		link_close(&l->link);
	else if (r->error != ERR_OK)
		link_doubt(&l->link);
	let_end(l);
	if (tell)
		l->handler.on_final(l->handler.arg, l, r);
}

/* One message from the session; false when there is none (any more). */
static bool
take_one(struct lane *l)
{
	AUTO(msg) Pb__Envelope *e = NULL;
	enum err err = chan_recv(l->chan, &e);

	if (err == ERR_AGAIN)
		return false;
	if (l->crews && l->final) { /* nobody wants to know any more */
		if (err != ERR_OK && l->session)
			leave_crew(l);
		return err == ERR_OK;
	}
	if (err != ERR_OK || e->body_case != PB__ENVELOPE__BODY_SESSION_REPORT) {
		if (err != ERR_CLOSED)
			log_error(NULL, "%s: expected a report of the session, got: %s", l->port,
			    err_text(err));
		end_with(l, NULL);
		return false;
	}
	if (!e->session_report->final) {
		l->handler.on_report(l->handler.arg, l, e->session_report);
		return l->chan != NULL;
	}
	end_with(l, e->session_report);
	return false;
}

static void
on_readable(void *arg, short revents)
{
	struct lane *l = arg;

	(void)revents;
	for (int i = 0; i < AT_ONCE && l->chan && take_one(l); i++)
		;
}

void
lane_lend_exec(struct lane *l, const struct places *places, bool keep_port)
{
	l->exec = places;
	l->keep_port = keep_port;
}

/* Instead of opening a line: a program at the other end of a socket. */
static enum err
start_helper(struct lane *l)
{
	int pair[2] = {-1, -1};

	if (!l->keep_port)
		link_close(&l->link); /* the program opens it, and needs it for itself */
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return ERR_SYSTEM;
	enum err e = nursery_spawn(l->nursery,
	    &(struct nursery_birth){
		.program = NURSERY_EXEC, .fds = {pair[1]}, .n_fds = 1, .places = l->exec},
	    &l->helper);
	close(pair[1]);
	l->helper_fd = pair[0];
	if (e == ERR_OK && fcntl(pair[0], F_SETFL, O_NONBLOCK) < 0)
		e = ERR_SYSTEM;
	return e;
}

/* Where the session's bytes go. */
static enum err
open_line(struct lane *l, const struct tty_settings *s, char why[WHY_SIZE])
{
	if (!l->exec)
		return link_open(&l->link, s, why);
	enum err e = start_helper(l);
	return e ? why_say(
		       why, e, "expected a nursery that starts subota-exec, got: %s", err_text(e))
		 : ERR_OK;
}

static enum err
spawn(struct lane *l, int chan_end, int image_fd)
{
	int line = l->exec ? l->helper_fd : l->link.fd;

	if (l->crews)
		return crews_join(
		    l->crews, &(struct crews_link){chan_end, line, image_fd, l->pins}, &l->session);
	/* 5 is the package: where the pins follow and there is none, it is the link once more */
	const struct nursery_birth birth = {.program = NURSERY_SESSION,
	    .fds = {chan_end, line, image_fd < 0 ? line : image_fd, l->pins},
	    .n_fds = l->pins >= 0    ? 4
		     : image_fd >= 0 ? 3
				     : 2};

	return nursery_spawn(l->nursery, &birth, &l->session);
}

static enum err
send_order(struct lane *l, Pb__SessionOrder *o)
{
	Pb__Envelope e = PB__ENVELOPE__INIT;

	e.body_case = PB__ENVELOPE__BODY_SESSION_ORDER;
	e.session_order = o;
	enum err err = chan_send(l->chan, &e);
	return err == ERR_CLOSED ? ERR_OK : err; /* died at once: told like any other death */
}

/* A channel whose other end lies in *peer. */
static enum err
open_chan(struct lane *l, int *peer)
{
	int pair[2] = {-1, -1};

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return ERR_SYSTEM;
	*peer = pair[1];
	enum err e = chan_new(pair[0], WHO_FLASHD, WHO_SESSION, &l->chan);
	if (e != ERR_OK) {
		close(pair[0]);
		return e;
	}
	return loop_watch_fd(l->loop, pair[0], POLLIN, on_readable, l);
}

/* The session has the socket now, or nobody: then its other end ends by itself. */
static void
drop_helper(struct lane *l)
{
	if (l->helper_fd >= 0)
		close(hand_over_fd(&l->helper_fd));
	l->exec = NULL;
}

enum err
lane_start(struct lane *l, const struct tty_settings *s, int image_fd, Pb__SessionOrder *o,
    char why[WHY_SIZE])
{
	AUTO(fd) int peer = -1;
	enum err e = open_line(l, s, why);

	if (e != ERR_OK) {
		drop_helper(l);
		return e;
	}
	l->final = false;
	l->verb = o->verb;
	e = open_chan(l, &peer);
	if (e == ERR_OK)
		e = spawn(l, peer, image_fd);
	drop_helper(l);
	if (e == ERR_OK) {
		close(hand_over_fd(&peer)); /* so that a session that dies at once is seen */
		e = send_order(l, o);
	}
	if (e != ERR_OK) {
		l->final = true;
		let_end(l);
		return why_say(
		    why, e, "expected a nursery that starts a session, got: %s", err_text(e));
	}
	loop_timer_set(l->loop, &l->timer,
	    mono_after(clock_now(), (int64_t)o->timeout_ms + GRACE_MS), on_timer, l);
	return ERR_OK;
}

void
lane_stop(struct lane *l)
{
	if (!l->session)
		return;
	l->final = true;
	if (l->crews) {
		let_end(l);
		return;
	}
	kill_one(l, l->session);
	close_chan(l);
}

static void
on_helper_end(struct lane *l, const struct nursery_note *note)
{
	l->helper = 0;
	if (note->error)
		log_error(NULL, "%s: expected subota-exec, got: %s", l->port,
		    err_text((enum err)note->error));
	if (!lane_is_idle(l))
		return;
	loop_timer_clear(l->loop, &l->timer);
	l->handler.on_idle(l->handler.arg, l);
}

/* It never was: as if it had said so. */
static void
end_unborn(struct lane *l, enum err e)
{
	Pb__SessionReport r = PB__SESSION_REPORT__INIT;
	char why[WHY_SIZE] = "";

	r.verb = l->verb;
	r.final = true;
	r.error = why_say(why, e, "expected a session, got: %s", err_text(e));
	r.detail = why;
	log_error(NULL, "%s: %s", l->port, why);
	end_with(l, &r);
}

bool
lane_on_end(struct lane *l, const struct nursery_note *note)
{
	if (l->helper && note->id == l->helper) {
		on_helper_end(l, note);
		return true;
	}
	if (l->session == 0 || note->id != l->session)
		return false;
	l->session = 0;
	if (!l->helper)
		loop_timer_clear(l->loop, &l->timer);
	if (!WIFEXITED(note->status) || WEXITSTATUS(note->status) != 0)
		log_debug(
		    NULL, "%s: session ended with status 0x%x", l->port, (unsigned)note->status);
	if (note->error && !l->final)
		end_unborn(l, (enum err)note->error);
	while (l->chan && take_one(l))
		; /* what it said before it ended */
	if (!l->final)
		end_with(l, NULL);
	close_chan(l);
	if (lane_is_idle(l))
		l->handler.on_idle(l->handler.arg, l);
	return true;
}
