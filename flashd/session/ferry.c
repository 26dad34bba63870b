/*
 * ferry: see ferry.h.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "ferry.h"
#include "log.h"
#include "msg.h"
#include "pose.h"

enum { OUT_BYTES = 2048, IN_BYTES = 4096, DRAINS = 64, WRITES_A_STEP = 16 };

struct ferry {
	struct chan *chan;
	int link_fd, image_fd;
	struct pose pose;
	work_find *find;
	struct work *work; /* NULL = idle */
	Pb__Verb verb;
	uint8_t out[OUT_BYTES];
	size_t out_at, out_len;
	bool full; /* the kernel takes no more now */
	bool link_lost, over;
	bool datagram; /* the link keeps messages apart, and may lose them */
	uint64_t wire_bytes;
	struct mono report_at;
	uint64_t reported; /* done_bytes */
	bool told_hash;
};

static bool
keeps_apart(int fd)
{
	int type = 0;
	socklen_t len = sizeof(type);

	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 && type == SOCK_DGRAM;
}

enum err
ferry_new(struct chan *chan, const struct ferry_ends *ends, work_find *find, struct ferry **out)
{
	struct ferry *p = calloc(1, sizeof(*p));

	if (!p)
		return ERR_NOMEM;
	*p = (struct ferry){.chan = chan,
	    .link_fd = ends->link,
	    .image_fd = ends->image,
	    .find = find,
	    .datagram = keeps_apart(ends->link)};
	pose_init(&p->pose, ends->link, ends->gpio, NULL);
	*out = p;
	return ERR_OK;
}

void
ferry_free(struct ferry *p)
{
	if (!p)
		return;
	work_free(p->work);
	free(p);
}

/* --- reports ---------------------------------------------------------------------------------- */

static void
send_report(struct ferry *p, Pb__SessionReport *r)
{
	Pb__Envelope e = PB__ENVELOPE__INIT;

	r->verb = p->verb;
	r->wire_bytes = p->wire_bytes;
	e.body_case = PB__ENVELOPE__BODY_SESSION_REPORT;
	e.session_report = r;
	enum err err = chan_send(p->chan, &e);
	if (err == ERR_OK)
		return;
	log_error(NULL, "session: cannot report: %s", err_text(err));
	p->over = true;
}

/* The order's last word. */
static void
finish(struct ferry *p, enum err e, const char *detail)
{
	Pb__SessionReport r = PB__SESSION_REPORT__INIT;
	struct work_texts texts;

	if (p->work)
		work_report(p->work, &r, &texts);
	r.final = true;
	r.error = e;
	r.detail = (char *)(uintptr_t)detail;
	send_report(p, &r);
	work_free(p->work);
	p->work = NULL;
	p->out_at = p->out_len = 0;
}

/* New bytes, or the image's hash, which flashd wants to know early. */
static void
report_progress(struct ferry *p, struct mono now)
{
	const struct driver_facts *f = p->work->driver->facts(p->work->state);
	Pb__SessionReport r = PB__SESSION_REPORT__INIT;
	bool hash = f->image_hash_len > 0 && !p->told_hash;
	struct work_texts texts;

	if (!hash && (f->done_bytes == p->reported || !mono_reached(now, p->report_at)))
		return;
	p->told_hash |= hash;
	p->reported = f->done_bytes;
	p->report_at = mono_after(now, FERRY_REPORT_MS);
	work_report(p->work, &r, &texts);
	send_report(p, &r);
}

/* The line as the driver wants it now; what cannot be done ends the order. */
static void
take_pose(struct ferry *p)
{
	const struct driver *d = p->work ? p->work->driver : NULL;
	char why[WHY_SIZE] = "";

	if (!d || !d->line)
		return;
	enum err e = pose_take(&p->pose, d->line(p->work->state), why);
	if (e != ERR_OK)
		finish(p, e, why);
}

/* The driver's word, unless the image itself was the trouble. */
static void
finish_if_done(struct ferry *p)
{
	struct driver_result result = {0};

	if (!p->work || !p->work->driver->done(p->work->state, &result))
		return;
	enum err e = reader_error(p->work->reader);
	if (result.error != ERR_OK && e != ERR_OK && e != result.error) {
		char detail[sizeof(result.detail) + 40];

		snprintf(detail, sizeof(detail), "%s: %s", err_text(e), result.detail);
		finish(p, e, detail);
		return;
	}
	finish(p, result.error, result.detail);
}

/* --- the link --------------------------------------------------------------------------------- */

static void
lose_link(struct ferry *p, struct mono now, const char *how)
{
	char detail[100];

	p->link_lost = true;
	if (!p->work)
		return;
	p->work->driver->on_link(p->work->state, false, now);
	snprintf(detail, sizeof(detail), "expected the link to stay, got: %s", how);
	finish(p, ERR_LINK, detail);
}

/* A datagram did not arrive, and somebody said so: the same as if nobody had. */
static bool
is_loss(const struct ferry *p)
{
	static const int losses[] = {ECONNREFUSED, EHOSTUNREACH, ENETUNREACH, EHOSTDOWN, ENOBUFS};
	bool found = false;

	for (size_t i = 0; i < sizeof(losses) / sizeof(losses[0]); i++)
		found |= errno == losses[i];
	return p->datagram && found;
}

static void
read_link(struct ferry *p, struct mono now)
{
	uint8_t in[IN_BYTES];
	ssize_t n = read(p->link_fd, in, sizeof(in));

	if (n > 0 && p->work)
		p->work->driver->on_bytes(p->work->state, in, (size_t)n, now);
	else if (n == 0 && !p->datagram)
		lose_link(p, now, "end of file");
	else if (n < 0 && errno != EAGAIN && errno != EINTR && !is_loss(p))
		lose_link(p, now, strerror(errno));
}

/* What lies in the kernel from before belongs to nobody; false when the link is lost. */
static bool
drain_link(struct ferry *p, struct mono now)
{
	uint8_t in[IN_BYTES];
	ssize_t n = 1;

	for (int i = 0; i < DRAINS && (n > 0 || p->datagram); i++) {
		n = read(p->link_fd, in, sizeof(in));
		if (n < 0 && !is_loss(p))
			break;
	}
	if (n < 0 && errno != EAGAIN && errno != EINTR && !is_loss(p))
		lose_link(p, now, strerror(errno));
	return !p->link_lost;
}

/* One go at writing; false when there is nothing (more) to write now. */
static bool
write_some(struct ferry *p, struct mono now)
{
	if (p->out_at == p->out_len) {
		p->out_at = 0;
		p->out_len = p->work->driver->output(p->work->state, p->out, OUT_BYTES, now);
		take_pose(p);
	}
	if (p->out_len == 0)
		return false;
	ssize_t n = write(p->link_fd, p->out + p->out_at, p->out_len - p->out_at);
	if (n < 0 && is_loss(p))
		n = (ssize_t)(p->out_len - p->out_at);
	if (n > 0) {
		p->out_at += (size_t)n;
		p->wire_bytes += (uint64_t)n;
		return true;
	}
	p->full = n < 0 && (errno == EAGAIN || errno == EINTR);
	if (!p->full)
		lose_link(p, now, strerror(errno));
	return false;
}

static void
write_out(struct ferry *p, struct mono now)
{
	p->full = false;
	for (int i = 0; i < WRITES_A_STEP && p->work && write_some(p, now); i++)
		;
}

/* --- orders ----------------------------------------------------------------------------------- */

static void
start(struct ferry *p, const Pb__SessionOrder *o, struct mono now)
{
	char why[WHY_SIZE] = "";

	p->verb = o->verb;
	p->reported = p->wire_bytes = 0;
	p->told_hash = false;
	p->report_at = now;
	if (p->link_lost) {
		finish(p, ERR_LINK, "expected a link, got one that closed before");
		return;
	}
	enum err e = work_new(o, p->image_fd, p->find, &p->work, why);
	if (e != ERR_OK) {
		finish(p, e, why);
		return;
	}
	p->work->job.datagram = p->datagram;
	pose_begin(&p->pose, o->boot_pin, o->reset_pin);
	p->work->job.pins = pose_pins(&p->pose);
	if (drain_link(p, now))
		p->work->driver->start(p->work->state, &p->work->job, now);
	take_pose(p);
}

/* One message from flashd; false when there is none (any more). */
static bool
take_message(struct ferry *p, struct mono now)
{
	AUTO(msg) Pb__Envelope *e = NULL;
	enum err err = chan_recv(p->chan, &e);

	if (err == ERR_AGAIN)
		return false;
	if (err != ERR_OK) {
		if (err != ERR_CLOSED)
			log_error(NULL, "session: expected an order, got: %s", err_text(err));
		p->over = true;
		return false;
	}
	if (e->body_case != PB__ENVELOPE__BODY_SESSION_ORDER || p->work) {
		log_error(NULL, "session: expected nothing while a verb runs, got a message");
		p->over = true;
		return false;
	}
	start(p, e->session_order, now);
	return true;
}

/* --- the loop --------------------------------------------------------------------------------- */

static struct mono
next_time(const struct ferry *p)
{
	const struct driver *d = NULL;

	if (!p->work)
		return MONO_NEVER;
	d = p->work->driver;
	struct mono due = d->deadline(p->work->state);
	if (d->facts(p->work->state)->done_bytes != p->reported && p->report_at.ms < due.ms)
		return p->report_at;
	return due;
}

/* Until `due`, as poll(2) has it. */
static int
wait_ms(struct mono now, struct mono due)
{
	if (due.ms == INT64_MAX)
		return -1;
	int64_t ms = mono_between(now, due);
	if (ms < 0)
		return 0;
	return ms > 60000 ? 60000 : (int)ms;
}

static void
work_on(struct ferry *p, short revents)
{
	struct mono now = clock_now();

	if (revents & (POLLIN | POLLHUP | POLLERR | POLLNVAL))
		read_link(p, now);
	if (p->work && mono_reached(now, p->work->driver->deadline(p->work->state)))
		p->work->driver->on_time(p->work->state, now);
	take_pose(p);
	if (p->work)
		write_out(p, now);
	if (p->work)
		report_progress(p, now);
	finish_if_done(p);
}

int
ferry_wants(const struct ferry *p, struct mono now, struct pollfd fds[2])
{
	bool listens = p->work && !p->link_lost;

	fds[0] = (struct pollfd){.fd = chan_fd(p->chan), .events = POLLIN};
	fds[1] = (struct pollfd){.fd = listens ? p->link_fd : -1,
	    .events = (short)(POLLIN | (p->full ? POLLOUT : 0))};
	return wait_ms(now, next_time(p));
}

bool
ferry_act(struct ferry *p, const struct pollfd fds[2])
{
	while (fds[0].revents && !p->over && take_message(p, clock_now()))
		;
	if (p->work && !p->over)
		work_on(p, fds[1].revents);
	return !p->over;
}

bool
ferry_step(struct ferry *p, int max_wait_ms)
{
	struct pollfd fds[2];
	int ms = ferry_wants(p, clock_now(), fds);

	if (ms < 0 || (max_wait_ms >= 0 && ms > max_wait_ms))
		ms = max_wait_ms;
	if (poll(fds, 2, ms) < 0 && errno != EINTR)
		return false;
	return ferry_act(p, fds);
}
