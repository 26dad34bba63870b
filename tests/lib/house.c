/*
 * house: see house.h. Processes are started with execve in groups of their own, so that a Ctrl-C
 * for the caller is the caller's to act on.
 */
#include "house.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "clock.h"
#include "house_conf.h"
#include "house_crowd.h"
#include "house_look.h"
#include "house_proc.h"

enum { STOP_MS = 10000, ORPHAN_MS = 3000, READY_MS = 30000, ARGS = 40, NUMBER = 24, MORE = 12 };

static const char *const names[] = {
    [HOUSE_DEVCENTER] = "devcenter",
    [HOUSE_FLASHD] = "flashd",
    [HOUSE_FETCHD] = "fetchd",
    [HOUSE_CLOUDD] = "cloudd",
    [HOUSE_CROWD] = "crowd",
};

const char *
house_why(const struct house *h)
{
	return h->why;
}

enum err
house_fail(struct house *h, enum err e, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(h->why, sizeof(h->why), format, ap);
	va_end(ap);
	return e;
}

const char *
house_name(enum house_part p, char out[32])
{
	if (p < HOUSE_DEVICE)
		snprintf(out, 32, "%s", names[p]);
	else
		snprintf(out, 32, "device%d", (int)p - HOUSE_DEVICE + 1);
	return out;
}

enum house_part
house_parts(const struct house *h)
{
	return HOUSE_DEVICE + h->options.devices;
}

/* --- one process ------------------------------------------------------------------------------ */

struct command {
	char program[340];
	char *argv[ARGS];
	int argc;
	char text[ARGS][340];
};

static void __attribute__((format(printf, 2, 3)))
add(struct command *c, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(c->text[c->argc], sizeof(c->text[0]), format, ap);
	va_end(ap);
	c->argv[c->argc] = c->text[c->argc];
	c->argc++;
}

static void
add_option(struct command *c, const char *name, unsigned long value)
{
	add(c, "--%s", name);
	add(c, "%lu", value);
}

static void
device_command(struct house *h, enum house_part p, struct command *c)
{
	const struct house_options *o = &h->options;
	char name[32];

	house_name(p, name);
	if (o->stm32)
		add(c, "stm32");
	add(c, "--dir");
	add(c, "%s/%s", h->dir, name);
	if (house_is_networked(h)) {
		add_option(c, o->link, h->device_port[p - HOUSE_DEVICE]);
	} else {
		add(c, "--tty");
		add(c, "%s/%s/tty", h->dir, name);
	}
	if (o->loader && strcmp(o->loader, "mcuboot") == 0) {
		add(c, "--recovery");
		add(c, "mode");
	} else if (o->loader) {
		add(c, "--loader");
		add(c, "%s", o->loader);
	}
	if (o->link && strcmp(o->link, "raw") == 0) {
		add(c, "--raw");
		add_option(c, "raw-idle-ms", 150);
	}
	add(c, "--slot0");
	add(c, "%s/old.img", h->dir);
	if (o->second) {
		add(c, "--second");
		add(c, "%s/old.img", h->dir);
	}
	add_option(c, "baud", o->baud);
	add_option(c, "latency-ms", o->latency_ms);
	add_option(c, "reset-ms", o->reset_ms);
	if (geteuid() == 0)
		add_option(c, "uid", HOUSE_FLASH_UID);
	if (p == HOUSE_CROWD) {
		add_option(c, "count", o->crowd);
		add(c, "--quiet");
	}
	for (size_t k = 0; k < 2 && h->process[p].extra[k][0]; k++)
		add(c, "%s", h->process[p].extra[k]);
}

static void
make_command(struct house *h, enum house_part p, struct command *c)
{
	const char *name = p < HOUSE_CROWD ? names[p] : "subdevice";

	if (h->options.one_process && p == HOUSE_FLASHD)
		name = "solo";
	snprintf(c->program, sizeof(c->program), "%s/subota-%s", h->programs, name);
	add(c, "subota-%s", name);
	if (p == HOUSE_DEVCENTER) {
		add(c, "serve");
		add(c, "--dir");
		add(c, "%s/devcenter", h->dir);
		add_option(c, "mqtt-port", h->mqtt);
		add_option(c, "https-port", h->https);
		add(c, "--profile");
		add(c, "%s", h->options.profile ? h->options.profile : "p1");
	} else if (p < HOUSE_CROWD) {
		if (!h->options.one_process)
			add(c, "--config");
		add(c, "%s/subota.conf", h->dir);
		if (h->options.sandbox)
			add(c, "--no-sandbox=%s", h->options.sandbox);
	} else {
		device_command(h, p, c);
	}
}

/* In the child. */
static void
become(const struct command *c, const char *log, pid_t parent)
{
	sigset_t none;
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int out = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);

	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	if (null < 0 || out < 0 || dup2(null, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0 ||
	    getppid() != parent)
		_exit(127);
	execv(c->program, c->argv);
	_exit(127);
}

static enum err
spawn(struct house *h, enum house_part p)
{
	char log[300], name[32];
	pid_t parent = getpid();
	AUTO(mem) struct command *c = calloc(1, sizeof(*c));

	if (!c)
		return ERR_NOMEM;
	make_command(h, p, c);
	if (access(c->program, X_OK) < 0)
		return house_fail(h, ERR_NOT_FOUND, "%s is not built", c->program);
	snprintf(log, sizeof(log), "%s/log/%s", h->dir, house_name(p, name));
	fflush(NULL);
	pid_t pid = fork();
	if (pid < 0)
		return house_fail(h, ERR_SYSTEM, "%s: fork: %s", name, strerror(errno));
	if (pid == 0)
		become(c, log, parent);
	setpgid(pid, pid);
	keeper_add(&h->keeper, pid);
	h->process[p].pid = pid;
	h->process[p].starts++;
	return ERR_OK;
}

/* It has ended with this status. */
static void
note_end(struct house *h, enum house_part p, int status)
{
	struct house_process *k = &h->process[p];

	k->orphans += house_proc_end_group(k->pid, ORPHAN_MS);
	keeper_drop(&h->keeper, k->pid);
	k->pid = 0;
	k->status = status;
}

bool
house_runs(struct house *h, enum house_part p)
{
	int status = 0;

	if (!h->process[p].pid)
		return false;
	if (waitpid(h->process[p].pid, &status, WNOHANG) == 0)
		return true;
	note_end(h, p, status);
	return false;
}

enum house_part
house_dead(struct house *h)
{
	for (enum house_part p = 0; p < house_parts(h); p++)
		if (h->process[p].pid && !house_runs(h, p))
			return p;
	return HOUSE_PARTS;
}

/* The last line that the part wrote. */
static void
last_words(struct house *h, enum house_part p, char *out, size_t size)
{
	char path[300], name[32], line[300];

	snprintf(path, sizeof(path), "%s/log/%s", h->dir, house_name(p, name));
	AUTO(file) FILE *f = fopen(path, "re");
	snprintf(out, size, "nothing");
	while (f && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = 0;
		if (line[0])
			snprintf(out, size, "%s", line);
	}
}

enum err
house_start(struct house *h, enum house_part p)
{
	int64_t patience_ms = 1000 * (int64_t)h->options.patience_s;
	struct mono end =
	    mono_after(clock_now(), patience_ms > READY_MS ? patience_ms : READY_MS);
	char name[32], words[300];

	if (house_runs(h, p))
		return ERR_OK;
	house_look_forget(h, p);
	enum err e = spawn(h, p);
	while (e == ERR_OK && !house_look_ready(h, p)) {
		if (!house_runs(h, p)) {
			last_words(h, p, words, sizeof(words));
			e = house_fail(h, ERR_CLOSED, "%s ended, status %#x, its last words: %s",
			    house_name(p, name), (unsigned)h->process[p].status, words);
		} else if (mono_reached(clock_now(), end)) {
			last_words(h, p, words, sizeof(words));
			e = house_fail(h, ERR_TIMEOUT, "%s does not get ready, its last words: %s",
			    house_name(p, name), words);
		}
		house_look_pause(5);
	}
	return e;
}

/* The name of a terminal that is gone must not stay: the next one that is opened, by whichever
 * device, may be that very terminal, and flashd would write one device's image to another. */
static void
pull_lines(const struct house *h, enum house_part p)
{
	char path[400], name[32];

	for (unsigned i = 1; p == HOUSE_CROWD && i <= h->options.crowd; i++) {
		snprintf(path, sizeof(path), "%s/crowd/tty%u", h->dir, i);
		unlink(path);
	}
	if (p < HOUSE_DEVICE)
		return;
	snprintf(path, sizeof(path), "%s/%s/tty", h->dir, house_name(p, name));
	unlink(path);
}

void
house_kill(struct house *h, enum house_part p)
{
	int status = 0;

	if (!h->process[p].pid)
		return;
	pull_lines(h, p);
	kill(h->process[p].pid, SIGKILL);
	while (waitpid(h->process[p].pid, &status, 0) < 0 && errno == EINTR)
		;
	note_end(h, p, status);
}

enum err
house_stop(struct house *h, enum house_part p)
{
	struct mono end = mono_after(clock_now(), STOP_MS);
	char name[32];

	if (!house_runs(h, p))
		return ERR_OK;
	kill(h->process[p].pid, SIGTERM);
	while (house_runs(h, p) && !mono_reached(clock_now(), end))
		house_look_pause(5);
	if (h->process[p].pid) {
		house_kill(h, p);
		return house_fail(h, ERR_TIMEOUT,
		    "%s: expected an end on SIGTERM, got none in %d s", house_name(p, name),
		    STOP_MS / 1000);
	}
	if (h->process[p].status == 0)
		return ERR_OK;
	return house_fail(h, ERR_SYSTEM, "%s: expected status 0 on SIGTERM, got %#x",
	    house_name(p, name), (unsigned)h->process[p].status);
}

/* --- the whole -------------------------------------------------------------------------------- */

enum err
house_start_all(struct house *h)
{
	enum err e = ERR_OK;

	for (int i = 0; e == ERR_OK && i < (int)h->options.devices; i++)
		e = house_start(h, HOUSE_DEVICE + i);
	if (e == ERR_OK && h->options.crowd)
		e = house_start(h, HOUSE_CROWD);
	enum house_part daemons = h->options.one_process ? HOUSE_FETCHD : HOUSE_CROWD;
	for (enum house_part p = 0; e == ERR_OK && p < daemons; p++)
		e = house_start(h, p);
	if (h->options.crowd) /* see house_crowd.h; too many to be listed again and again */
		return e;
	for (int i = 0; e == ERR_OK && i < (int)(h->options.devices / h->options.parts); i++)
		e = house_look_wait_version(h, i, HOUSE_OLD);
	return e;
}

bool
house_is_networked(const struct house *h)
{
	const char *link = h->options.link;

	return link && (strcmp(link, "udp") == 0 || strcmp(link, "tcp") == 0);
}

void
house_device_args(struct house *h, int device, const char *first, const char *second)
{
	struct house_process *p = &h->process[HOUSE_DEVICE + device];

	snprintf(p->extra[0], sizeof(p->extra[0]), "%s", first);
	snprintf(p->extra[1], sizeof(p->extra[1]), "%s", second ? second : "");
}

struct tool_result
house_devcenter(struct house *h, const char *const words[])
{
	char program[340], dir[300];
	const char *argv[40] = {program};
	size_t n = 1;

	snprintf(program, sizeof(program), "%s/subota-devcenter", h->programs);
	snprintf(dir, sizeof(dir), "%s/devcenter", h->dir);
	for (size_t i = 0; words[i] && n < 36; i++)
		argv[n++] = words[i];
	argv[n++] = "--dir";
	argv[n++] = dir;
	return tool_run(h->dir, argv);
}

enum err
house_activate(struct house *h, const char *name)
{
	return house_activate_list(h, name, (const char *const[]){h->package, NULL});
}

const char *
house_component(const struct house *h, unsigned device)
{
	static const char *const parts[] = {"app", "radio", "sensor", "clock"};
	unsigned n = sizeof(parts) / sizeof(parts[0]);

	return parts[device % h->options.parts % n];
}

enum err
house_activate_list(struct house *h, const char *name, const char *const packages[])
{
	char retries[NUMBER];
	const char *words[2 * MORE + 16] = {"plan", "add", name, "--product", HOUSE_PK, "--retries",
	    retries, "--activate"};
	unsigned n = 8;

	snprintf(retries, sizeof(retries), "%u", h->options.retries);
	for (unsigned i = 0; packages[i] && i < MORE; i++) {
		words[n++] = "--package";
		words[n++] = packages[i];
	}
	struct tool_result r = house_devcenter(h, words);

	if (r.status == 0)
		return ERR_OK;
	return house_fail(h, ERR_SYSTEM, "plan add: status %d: %.200s", r.status, r.out);
}

static struct house_options
with_defaults(const struct house_options *o)
{
	struct house_options all = *o;

	all.devices = all.devices ? all.devices : 1;
	all.parts = all.parts ? all.parts : 1;
	all.baud = all.baud ? all.baud : 115200;
	all.reset_ms = all.reset_ms ? all.reset_ms : 1500;
	return all;
}

enum err
house_open(const struct house_options *o, struct house **out)
{
	struct house *h = calloc(1, sizeof(*h));

	if (!h)
		return ERR_NOMEM;
	*out = h;
	h->options = with_defaults(o);
	if (h->options.devices > HOUSE_DEVICES)
		return house_fail(h, ERR_LIMIT, "expected at most %d devices, got %u",
		    HOUSE_DEVICES, h->options.devices);
	prctl(PR_SET_CHILD_SUBREAPER, 1); /* what outlives its parent comes to us */
	h->dir = kit_scratch();
	if (keeper_start(&h->keeper, h->dir) != ERR_OK)
		return house_fail(h, ERR_SYSTEM, "keeper: %s", strerror(errno));
	enum err e = house_conf_directories(h);
	if (e == ERR_OK)
		e = house_conf_platform(h);
	if (e == ERR_OK && h->options.crowd)
		e = house_crowd_join(h);
	if (e == ERR_OK)
		e = house_start(h, HOUSE_DEVCENTER);
	if (e == ERR_OK)
		e = house_conf_ports(h);
	if (e == ERR_OK && house_is_networked(h))
		e = house_conf_device_ports(h);
	return e == ERR_OK ? house_conf_write(h) : e;
}

void
house_close(struct house *h)
{
	if (!h)
		return;
	for (int p = HOUSE_PARTS - 1; p >= 0; p--)
		house_kill(h, (enum house_part)p);
	kit_free(h->kit);
	if (h->dir)
		keeper_end(&h->keeper, h->dir);
	free(h->dir);
	free(h);
}
