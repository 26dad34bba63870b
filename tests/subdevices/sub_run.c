/*
 * sub_run: see sub_run.h. Times are ns since the start, so that sums never overflow.
 *
 * The pseudo-terminal is read only as far as the line's buffer has room, so that a writer is held
 * up as by a real UART. What nobody reads on the other side is lost, as on a real one.
 *
 * --count makes many devices of one kind in one process, for a crowd; they share the loop, nothing
 * else. Only those with an event, or for which it is time, are looked at.
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
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <time.h>

#include "auto.h"
#include "sub_device.h"
#include "sub_opt.h"
#include "sub_port.h"
#include "sub_status.h"
#include "sub_wire.h"

static const int64_t second_ns = 1000000000, ms_ns = 1000000;

enum { EXIT_USAGE = 64, EXIT_SYSTEM = 71, PATH_SIZE = 300 };

struct run {
	struct shell *shell;
	const struct sub_opt *opt;
	char dir[PATH_SIZE], tty[PATH_SIZE];
	struct sub_flash flash, second;
	struct sub_device device;
	struct sub_wire in, out; /* to and from the device */
	struct sub_port port;
	struct sub_status status;
	int64_t plug_at;            /* SUB_WIRE_NEVER = not waiting */
	int64_t due;                /* when to look at it again */
	int64_t seen;               /* when it was looked at */
	int64_t say_at;             /* its status is not written before */
	bool unplugged_once, holds; /* holds: the line's buffer is full, the terminal is not read */
};

struct shell {
	struct sub_opt opt;
	struct run *runs;
	unsigned count;
	uid_t owner;
	int64_t start; /* of the monotonic clock */
	int epoll, timer, signals;
};

static void __attribute__((format(printf, 2, 3))) say(const struct run *r, const char *format, ...)
{
	va_list args;

	if (r->opt->quiet)
		return;
	va_start(args, format);
	fprintf(stderr, "subota-subdevice %s: ", r->dir);
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

	if (r->port.kind == SUB_PORT_UDP) {
		r->status.wire_out += len;
		if (!sub_wire_loses(&r->out))
			sub_port_write(&r->port, text, len);
		return now;
	}
	sub_wire_put(&r->out, now, text, len);
	return sub_wire_sent_at(&r->out);
}

/* Events of this descriptor concern `who`: a device, the timer or the signals. */
static bool
watch(struct shell *s, int fd, uint32_t events, int how, void *who)
{
	struct epoll_event e = {.events = events, .data.ptr = who};

	return epoll_ctl(s->epoll, how, fd, &e) == 0;
}

static bool
plug(struct run *r, int64_t now)
{
	r->plug_at = SUB_WIRE_NEVER;
	r->status.unplugged = r->holds = false;
	if (!sub_port_plug(&r->port))
		return false;
	int door = sub_port_door(&r->port), fd = door >= 0 ? door : sub_port_fd(&r->port);
	if (!watch(r->shell, fd, EPOLLIN, EPOLL_CTL_ADD, r))
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
	r->plug_at = now + (int64_t)r->opt->unplug.seconds * second_ns;
	sub_port_unplug(&r->port);
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

	if (sub_port_let_in(&r->port)) {
		r->holds = false;
		if (!watch(r->shell, sub_port_fd(&r->port), EPOLLIN, EPOLL_CTL_ADD, r))
			say(r, "cannot watch the client");
	}
	if (sub_port_fd(&r->port) < 0)
		return;
	if (room > 0)
		n = sub_port_read(&r->port, bytes, room < sizeof(bytes) ? room : sizeof(bytes));
	if (n > 0)
		sub_wire_put(&r->in, now, bytes, (size_t)n);
	bool full = sub_wire_room(&r->in, now) == 0;
	if (full != r->holds && sub_port_fd(&r->port) >= 0 &&
	    watch(r->shell, sub_port_fd(&r->port), full ? 0 : EPOLLIN, EPOLL_CTL_MOD, r))
		r->holds = full;
}

/* Datagrams come as they are: no rate, no latency, a loss takes one of them. */
static void
take_datagrams(struct run *r, int64_t now)
{
	uint8_t bytes[SUB_WIRE_QUEUE];
	ssize_t n = 0;

	if (sub_port_fd(&r->port) < 0)
		return;
	while ((n = sub_port_read(&r->port, bytes, sizeof(bytes))) > 0) {
		r->status.wire_in += (uint64_t)n;
		if (!sub_wire_loses(&r->in))
			sub_device_datagram(&r->device, bytes, (size_t)n, now);
	}
}

static void
to_device(struct run *r, int64_t now)
{
	int64_t at = 0;
	uint8_t b = 0;

	for (; sub_wire_next(&r->in, now, &b, &at); r->status.wire_in++)
		sub_device_byte(&r->device, b, at);
}

/* What was due since it was looked at happens at its time, not now. */
static void
let_time_pass(struct run *r, int64_t now)
{
	int64_t due = sub_device_due(&r->device);

	if (due < now)
		sub_device_step(&r->device, due > r->seen ? due : r->seen);
	sub_device_step(&r->device, now);
	r->seen = now;
}

static void
to_terminal(struct run *r, int64_t now)
{
	uint8_t bytes[1024];
	size_t n = 0;

	while ((n = sub_wire_get(&r->out, now, bytes, sizeof(bytes))) > 0) {
		r->status.wire_out += n;
		sub_port_write(&r->port, bytes, n);
	}
}

/* Of many blocks a second not for each, if so told: the time for it is missing on the line. */
static bool
say_status(struct run *r, int64_t now)
{
	if (!r->device.changed || now < r->say_at)
		return true;
	r->device.changed = false;
	r->say_at = now + (int64_t)r->opt->status_ms * ms_ns;
	return sub_status_write(&r->device, &r->status);
}

static bool
step(struct run *r, int64_t now)
{
	if (r->port.kind == SUB_PORT_UDP)
		take_datagrams(r, now);
	else
		take_in(r, now);
	to_device(r, now);
	let_time_pass(r, now);
	if (r->opt->unplug_at && !r->unplugged_once &&
	    r->device.smp.upload_bytes >= r->opt->unplug_at)
		unplug(r, now);
	if (now >= r->plug_at && !plug(r, now))
		return false;
	to_terminal(r, now);
	return say_status(r, now);
}

static void
note_due(struct run *r, int64_t now)
{
	int64_t due = sub_device_due(&r->device), in = sub_wire_due(&r->in);
	int64_t out = sub_wire_due(&r->out);

	due = in < due ? in : due;
	due = out < due ? out : due;
	due = r->plug_at < due ? r->plug_at : due;
	if (r->device.changed && r->say_at < due)
		due = r->say_at;
	if (r->holds) /* room comes with time, not with an event */
		due = now + ms_ns < due ? now + ms_ns : due;
	r->due = due;
}

static bool
look(struct run *r)
{
	int64_t now = clock_ns() - r->shell->start;
	bool fine = step(r, now);

	note_due(r, now);
	return fine;
}

static bool
sleep_until_due(struct shell *s)
{
	int64_t due = SUB_WIRE_NEVER;
	struct itimerspec t = {0};

	for (unsigned i = 0; i < s->count; i++)
		due = s->runs[i].due < due ? s->runs[i].due : due;
	if (due != SUB_WIRE_NEVER) {
		due += s->start;
		t.it_value = (struct timespec){due / second_ns, due % second_ns};
	}
	return timerfd_settime(s->timer, TFD_TIMER_ABSTIME, &t, NULL) == 0;
}

static bool
look_at_due(struct shell *s)
{
	int64_t now = clock_ns() - s->start;
	bool fine = true;

	for (unsigned i = 0; fine && i < s->count; i++)
		fine = s->runs[i].due > now || look(&s->runs[i]);
	return fine;
}

/* True until it is time to end; *fine says whether all went well. */
static bool
turn(struct shell *s, bool *fine)
{
	struct epoll_event e[16];
	uint64_t ticks;

	*fine = sleep_until_due(s);
	int n = *fine ? epoll_wait(s->epoll, e, 16, -1) : -1;
	if (n < 0) {
		*fine = *fine && errno == EINTR;
		return *fine;
	}
	for (int i = 0; *fine && i < n; i++) {
		if (e[i].data.ptr == &s->signals)
			return false;
		if (e[i].data.ptr != &s->timer)
			*fine = look(e[i].data.ptr);
		else if (read(s->timer, &ticks, sizeof(ticks)) < 0)
			errno = 0;
	}
	*fine = *fine && look_at_due(s);
	return *fine;
}

/* --- beginning and end ----------------------------------------------------------------------- */

static bool
find_owner(struct shell *s)
{
	const char *uid = s->opt.uid;
	char *end = NULL;

	s->owner = (uid_t)-1;
	if (!uid)
		return true;
	struct passwd *who = getpwnam(uid);
	unsigned long number = strtoul(uid, &end, 10);
	if (!who && (end == uid || *end)) {
		fprintf(stderr, "subota-subdevice: --uid: expected a user, got %s\n", uid);
		return false;
	}
	s->owner = who ? who->pw_uid : (uid_t)number;
	return true;
}

static void
settings(const struct sub_opt *o, struct sub_device_settings *s)
{
	*s = (struct sub_device_settings){
	    .loader = !o->loader                        ? SUB_LOADER_NONE
		      : strcmp(o->loader, "gecko") == 0 ? SUB_LOADER_GECKO
							: SUB_LOADER_UBOOT,
	    .recovery = !o->recovery                       ? 0
			: strcmp(o->recovery, "mode") == 0 ? SUB_DEVICE_BOOT_MODE
							   : SUB_DEVICE_WINDOW,
	    .window_ns = 500 * ms_ns,
	    .quirks = o->quirk_bits,
	    .align = 8,
	    .lose_acks = (unsigned)o->lose_acks,
	    .framing = o->udp   ? SUB_DEVICE_DATAGRAM
		       : o->raw ? SUB_DEVICE_RAW
				: SUB_DEVICE_CONSOLE,
	    .raw_idle_ns = (int64_t)o->raw_idle_ms * ms_ns,
	    .buf_size = (uint32_t)o->buf_size,
	    .buf_count = (uint32_t)o->buf_count,
	    .slot_size = (uint32_t)o->slot_kib * 1024,
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

/* The directory and the line of device `number`; 0: the only one. */
static bool
name_it(struct run *r, const struct sub_opt *o, unsigned number)
{
	int d = number ? snprintf(r->dir, PATH_SIZE, "%s/%u", o->dir, number)
		       : snprintf(r->dir, PATH_SIZE, "%s", o->dir);
	const char *tty = o->tty ? o->tty : "";
	int t = number ? snprintf(r->tty, PATH_SIZE, "%s%u", tty, number)
		       : snprintf(r->tty, PATH_SIZE, "%s", tty);

	if (d >= PATH_SIZE || t >= PATH_SIZE) {
		errno = ENAMETOOLONG;
		return false;
	}
	return !number || mkdir(r->dir, 0755) == 0 || errno == EEXIST;
}

static bool
open_second(struct run *r)
{
	char dir[PATH_SIZE + 16];

	snprintf(dir, sizeof(dir), "%s/second", r->dir);
	return sub_flash_open(&r->second, dir, r->opt->second);
}

static bool
begin(struct shell *s, struct run *r, unsigned number)
{
	struct sub_device_settings set;

	r->shell = s;
	r->opt = &s->opt;
	if (s->opt.tty)
		sub_port_init(&r->port, r->tty, s->owner);
	else
		sub_port_init_net(&r->port, s->opt.tcp != 0,
		    (uint16_t)(s->opt.tcp + s->opt.udp + (number ? number - 1 : 0)));
	r->flash.dir = r->second.dir = -1;
	if (!name_it(r, &s->opt, number) || !sub_flash_open(&r->flash, r->dir, s->opt.slot0))
		return false;
	r->flash.refused = s->opt.refuse_boot;
	settings(&s->opt, &set);
	if (s->opt.second && !open_second(r))
		return false;
	set.second = s->opt.second ? &r->second : NULL;
	sub_device_init(&r->device, &set, &r->flash, send_text, r);
	make_wire(&r->in, &s->opt, 1000 * (uint64_t)number);
	make_wire(&r->out, &s->opt, 1000 * (uint64_t)number + 1);
	if (!plug(r, clock_ns() - s->start))
		return false;
	return look(r);
}

static bool
prepare(struct shell *s)
{
	sigset_t set;
	bool fine = true;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	s->start = clock_ns();
	s->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	s->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	s->epoll = epoll_create1(EPOLL_CLOEXEC);
	unsigned count = s->opt.count ? (unsigned)s->opt.count : 1;
	s->runs = calloc(count, sizeof(*s->runs));
	if (!s->runs || s->signals < 0 || s->timer < 0 || s->epoll < 0 ||
	    !watch(s, s->signals, EPOLLIN, EPOLL_CTL_ADD, &s->signals) ||
	    !watch(s, s->timer, EPOLLIN, EPOLL_CTL_ADD, &s->timer))
		return false;
	while (fine && s->count < count) {
		s->count++;
		fine = begin(s, &s->runs[s->count - 1], s->opt.count ? s->count : 0);
	}
	return fine;
}

static void
end(struct shell *s)
{
	for (unsigned i = 0; i < s->count; i++) {
		(void)!say_status(&s->runs[i], INT64_MAX / 2);
		sub_port_unplug(&s->runs[i].port);
		sub_device_fini(&s->runs[i].device);
		sub_flash_close(&s->runs[i].flash);
		sub_flash_close(&s->runs[i].second);
	}
	free(s->runs);
}

int
sub_run(int argc, char **argv)
{
	struct shell s = {0};
	bool fine = true;

	switch (sub_opt_parse(&s.opt, argc, argv)) {
	case SUB_OPT_HELP:
		return 0;
	case SUB_OPT_WRONG:
		return EXIT_USAGE;
	case SUB_OPT_RUN:
		break;
	}
	if (!find_owner(&s))
		return EXIT_USAGE;
	for (fine = prepare(&s); fine && turn(&s, &fine);)
		continue;
	if (!fine)
		fprintf(stderr, "subota-subdevice: %s: expected to go on, got: %s\n", s.opt.dir,
		    strerror(errno));
	end(&s);
	return fine ? 0 : EXIT_SYSTEM;
}
