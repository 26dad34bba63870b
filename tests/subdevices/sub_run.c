/*
 * sub_run: see sub_run.h. Times are ns since the start, so that sums never overflow.
 *
 * The pseudo-terminal is read only as far as the line's buffer has room, so that a writer is held
 * up as by a real UART. What nobody reads on the other side is lost, as on a real one.
 */
#include "sub_run.h"

#include <errno.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <time.h>

#include "auto.h"
#include "sub_device.h"
#include "sub_opt.h"
#include "sub_pty.h"
#include "sub_status.h"
#include "sub_wire.h"

static const int64_t second_ns = 1000000000, ms_ns = 1000000;

enum { EXIT_USAGE = 64, EXIT_SYSTEM = 71 };

struct run {
	struct sub_opt opt;
	struct sub_flash flash;
	struct sub_device device;
	struct sub_wire in, out; /* to and from the device */
	struct sub_pty pty;
	struct sub_status status;
	int64_t start;              /* of the monotonic clock */
	int64_t plug_at;            /* SUB_WIRE_NEVER = not waiting */
	bool unplugged_once, holds; /* holds: the line's buffer is full, the terminal is not read */
	int epoll, timer, signals;
};

static void __attribute__((format(printf, 2, 3)))
say(const struct run *r, const char *format, ...)
{
	va_list args;

	if (r->opt.quiet)
		return;
	va_start(args, format);
	fprintf(stderr, "subota-subdevice %s: ", r->opt.tty);
	vfprintf(stderr, format, args);
	fprintf(stderr, "\n");
	va_end(args);
}

static int64_t
clock_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * second_ns + t.tv_nsec;
}

static int64_t
send_text(void *arg, int64_t now, const char *text, size_t len)
{
	struct run *r = arg;

	sub_wire_put(&r->out, now, text, len);
	return sub_wire_sent_at(&r->out);
}

static bool
watch(struct run *r, int fd, uint32_t events, int how)
{
	struct epoll_event e = {.events = events, .data.fd = fd};

	return epoll_ctl(r->epoll, how, fd, &e) == 0;
}

static bool
plug(struct run *r, int64_t now)
{
	r->plug_at = SUB_WIRE_NEVER;
	r->status.unplugged = r->holds = false;
	if (!sub_pty_plug(&r->pty) || !watch(r, r->pty.master, EPOLLIN, EPOLL_CTL_ADD))
		return false;
	sub_device_power(&r->device, true, now);
	say(r, "power on, slot 0 holds %s",
	    r->flash.slot[0].listed ? r->flash.slot[0].version : "nothing");
	return true;
}

static void
unplug(struct run *r, int64_t now)
{
	r->unplugged_once = r->status.unplugged = true;
	r->plug_at = now + (int64_t)r->opt.unplug.seconds * second_ns;
	sub_pty_unplug(&r->pty);
	sub_wire_cut(&r->in, now);
	sub_wire_cut(&r->out, now);
	sub_device_power(&r->device, false, now);
	say(r, "unplugged after %llu image bytes", (unsigned long long)r->device.smp.upload_bytes);
}

/* From the terminal onto the line, as far as there is room. */
static void
take_in(struct run *r, int64_t now)
{
	uint8_t bytes[SUB_WIRE_QUEUE];
	size_t room = sub_wire_room(&r->in, now);
	ssize_t n = 0;

	if (r->pty.master < 0)
		return;
	if (room > 0)
		n = read(r->pty.master, bytes, room < sizeof(bytes) ? room : sizeof(bytes));
	if (n > 0)
		sub_wire_put(&r->in, now, bytes, (size_t)n);
	bool full = sub_wire_room(&r->in, now) == 0;
	if (full != r->holds && watch(r, r->pty.master, full ? 0 : EPOLLIN, EPOLL_CTL_MOD))
		r->holds = full;
}

static void
to_device(struct run *r, int64_t now)
{
	uint8_t bytes[1024];
	size_t n = 0;

	while ((n = sub_wire_get(&r->in, now, bytes, sizeof(bytes))) > 0) {
		r->status.wire_in += n;
		for (size_t i = 0; i < n; i++)
			sub_device_byte(&r->device, bytes[i], now);
	}
}

static void
to_terminal(struct run *r, int64_t now)
{
	uint8_t bytes[1024];
	size_t n = 0;

	while ((n = sub_wire_get(&r->out, now, bytes, sizeof(bytes))) > 0) {
		r->status.wire_out += n;
		if (r->pty.master >= 0 && write(r->pty.master, bytes, n) < 0)
			errno = 0; /* nobody reads: lost, like on a line without a reader */
	}
}

static bool
step(struct run *r, int64_t now)
{
	take_in(r, now);
	to_device(r, now);
	sub_device_step(&r->device, now);
	if (r->opt.unplug_at && !r->unplugged_once &&
	    r->device.smp.upload_bytes >= r->opt.unplug_at)
		unplug(r, now);
	if (now >= r->plug_at && !plug(r, now))
		return false;
	to_terminal(r, now);
	if (!r->device.changed)
		return true;
	r->device.changed = false;
	return sub_status_write(&r->device, &r->status);
}

static bool
sleep_until_due(struct run *r)
{
	int64_t due = sub_device_due(&r->device), in = sub_wire_due(&r->in);
	int64_t out = sub_wire_due(&r->out);

	due = in < due ? in : due;
	due = out < due ? out : due;
	due = r->plug_at < due ? r->plug_at : due;
	if (r->holds) /* room comes with time, not with an event */
		due = clock_ns() - r->start + ms_ns < due ? clock_ns() - r->start + ms_ns : due;
	struct itimerspec t = {0};
	if (due != SUB_WIRE_NEVER) {
		due += r->start;
		t.it_value = (struct timespec){due / second_ns, due % second_ns};
	}
	return timerfd_settime(r->timer, TFD_TIMER_ABSTIME, &t, NULL) == 0;
}

/* True until it is time to end; *fine says whether all went well. */
static bool
turn(struct run *r, bool *fine)
{
	struct epoll_event e[4];
	uint64_t ticks;

	*fine = sleep_until_due(r);
	int n = *fine ? epoll_wait(r->epoll, e, 4, -1) : -1;
	if (n < 0) {
		*fine = *fine && errno == EINTR;
		return *fine;
	}
	for (int i = 0; i < n; i++) {
		if (e[i].data.fd == r->signals)
			return false;
		if (e[i].data.fd == r->timer && read(r->timer, &ticks, sizeof(ticks)) < 0)
			errno = 0;
	}
	*fine = step(r, clock_ns() - r->start);
	return *fine;
}

/* --- beginning and end ----------------------------------------------------------------------- */

static bool
find_owner(struct run *r)
{
	const char *uid = r->opt.uid;
	char *end = NULL;

	r->pty.owner = (uid_t)-1;
	if (!uid)
		return true;
	struct passwd *who = getpwnam(uid);
	unsigned long number = strtoul(uid, &end, 10);
	if (!who && (end == uid || *end)) {
		fprintf(stderr, "subota-subdevice: --uid: expected a user, got %s\n", uid);
		return false;
	}
	r->pty.owner = who ? who->pw_uid : (uid_t)number;
	return true;
}

static void
settings(const struct sub_opt *o, struct sub_device_settings *s)
{
	*s = (struct sub_device_settings){
	    .buf_size = (uint32_t)o->buf_size,
	    .buf_count = (uint32_t)o->buf_count,
	    .reset_ns = (int64_t)o->reset_ms * ms_ns,
	    .swap_ns = (int64_t)o->swap_ms * ms_ns,
	    .noise_ns = (int64_t)o->noise_ms * ms_ns,
	    .sick = o->sick.name[0] ? o->sick.name : NULL,
	    .sick_ns = (int64_t)o->sick.seconds * second_ns,
	    .deaf_after = o->deaf_after,
	    .deny_confirm = o->deny_confirm,
	};
}

static void
make_wire(struct sub_wire *w, const struct sub_opt *o, uint64_t salt)
{
	sub_wire_init(w, (uint32_t)o->baud, (int64_t)o->latency_ms * ms_ns, 2 * o->seed + salt);
	w->loss = o->loss;
	w->flip = o->flip;
}

static bool
prepare(struct run *r)
{
	struct sub_device_settings s;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	r->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	r->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	r->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (r->signals < 0 || r->timer < 0 || r->epoll < 0)
		return false;
	if (!sub_flash_open(&r->flash, r->opt.dir, r->opt.slot0))
		return false;
	r->flash.refused = r->opt.refuse_boot;
	settings(&r->opt, &s);
	sub_device_init(&r->device, &s, &r->flash, send_text, r);
	make_wire(&r->in, &r->opt, 0);
	make_wire(&r->out, &r->opt, 1);
	r->start = clock_ns();
	return watch(r, r->signals, EPOLLIN, EPOLL_CTL_ADD) &&
	       watch(r, r->timer, EPOLLIN, EPOLL_CTL_ADD) && plug(r, 0) && step(r, 0);
}

int
sub_run(int argc, char **argv)
{
	AUTO(mem) struct run *r = calloc(1, sizeof(*r));
	bool fine = r != NULL;

	if (!r)
		return EXIT_SYSTEM;
	switch (sub_opt_parse(&r->opt, argc, argv)) {
	case SUB_OPT_HELP:
		return 0;
	case SUB_OPT_WRONG:
		return EXIT_USAGE;
	case SUB_OPT_RUN:
		break;
	}
	r->pty.path = r->opt.tty;
	r->pty.master = r->pty.slave = r->flash.dir = r->epoll = r->timer = r->signals = -1;
	if (!find_owner(r))
		return EXIT_USAGE;
	for (fine = prepare(r); fine && turn(r, &fine);)
		continue;
	if (!fine)
		fprintf(stderr, "subota-subdevice: %s, %s: expected to go on, got: %s\n",
		    r->opt.dir, r->opt.tty, strerror(errno));
	sub_pty_unplug(&r->pty);
	sub_flash_close(&r->flash);
	return fine ? 0 : EXIT_SYSTEM;
}
