/*
 * demo: see demo.h.
 */
#include "demo.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "demo_fault.h"
#include "demo_kind.h"
#include "demo_show.h"
#include "demo_sum.h"
#include "house_pack.h"

enum {
	EXIT_WRONG = 1,
	EXIT_USAGE = 64,
	EXIT_ENVIRONMENT = 71,
	EXIT_INTERRUPTED = 130,
	LOOK_MS = 100,
	PATIENCE_MS = 600000,
	IMAGE = 120000,       /* about 15 seconds at 115200 baud */
	DOWNLOAD_RATE = 60000 /* bytes a second: a download that can be seen */
};

struct options {
	const struct demo_fault *fault;
	const struct demo_kind *kind;
	unsigned devices, baud;
	bool keep, degrade;
	const char *json;
};

struct demo {
	struct options options;
	struct house *house;
	struct demo_watch watch;
	struct demo_device before[HOUSE_DEVICES]; /* as last printed */
	bool live, struck, printed;
	unsigned width;
	struct mono begun;
};

/* --- options ---------------------------------------------------------------------------------- */

static void
print_help(void)
{
	printf("usage: subota-demo [--fault NAME] [--device KIND] [--devices N] [--baud N]\n"
	       "                   [--keep] [--degrade] [--json FILE]\n"
	       "  --fault NAME   a bad day; `list` names them\n"
	       "  --device KIND  smp, udp, tcp, raw, mcuboot, xmodem, ymodem (smp)\n"
	       "  --devices N    1 to %d (1, or DEVICES of the environment)\n"
	       "  --baud N       of the serial lines (115200)\n"
	       "  --keep         leave all running until Ctrl-C\n"
	       "  --degrade      go on without what this kernel cannot jail\n"
	       "  --json FILE    where the figures go (build/demo.json)\n",
	    HOUSE_DEVICES);
}

static int
print_faults(void)
{
	for (const struct demo_fault *f = demo_fault_table(); f->name; f++)
		printf("  %-8s %s: %s\n", f->name, f->text, f->then);
	return EXIT_SUCCESS;
}

/* 0: not a number from 1 to max. */
static unsigned
number(const char *text, unsigned max)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	return *text && !*end && n <= max ? (unsigned)n : 0;
}

static int
usage(const char *what, const char *got)
{
	fprintf(stderr, "subota-demo: expected %s, got \"%s\"; try --help\n", what, got);
	return EXIT_USAGE;
}

/* -1: go on; else the exit status. */
static int
read_options(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {{"fault", required_argument, NULL, 'f'},
	    {"device", required_argument, NULL, 'D'}, {"devices", required_argument, NULL, 'd'},
	    {"baud", required_argument, NULL, 'b'}, {"keep", no_argument, NULL, 'k'},
	    {"degrade", no_argument, NULL, 'g'}, {"json", required_argument, NULL, 'j'},
	    {"help", no_argument, NULL, 'h'}, {0}};
	const char *fault = "none", *kind = "smp";
	const char *devices = getenv("DEVICES"), *baud = "115200";
	int c;

	*o = (struct options){.json = "build/demo.json"};
	while ((c = getopt_long(argc, argv, "h", longs, NULL)) >= 0) {
		if (c == 'f')
			fault = optarg;
		else if (c == 'D')
			kind = optarg;
		else if (c == 'd')
			devices = optarg;
		else if (c == 'b')
			baud = optarg;
		else if (c == 'j')
			o->json = optarg;
		else if (c == 'k')
			o->keep = true;
		else if (c == 'g')
			o->degrade = true;
		else
			return print_help(), c == 'h' ? EXIT_SUCCESS : EXIT_USAGE;
	}
	if (strcmp(fault, "list") == 0)
		return print_faults();
	o->fault = demo_fault_find(fault);
	o->kind = demo_kind_find(kind);
	o->devices = devices && *devices ? number(devices, HOUSE_DEVICES) : 1;
	o->baud = number(baud, 12000000);
	if (!o->fault)
		return usage("the name of a fault (--fault list)", fault);
	if (!o->kind)
		return usage("a kind of device (--help)", kind);
	if (!o->devices)
		return usage("1 to 16 devices", devices);
	return o->baud ? -1 : usage("a baud rate", baud);
}

/* --- the display ------------------------------------------------------------------------------ */

static void
say(const struct demo *d, const char *text)
{
	printf("%6.1f s  %s\n", (double)mono_between(d->begun, clock_now()) / 1000, text);
	fflush(stdout);
}

static void
show(struct demo *d, struct mono now)
{
	int64_t at_ms = mono_between(d->begun, now);
	char line[DEMO_SHOW_LINE];

	if (d->live && d->printed)
		printf("\033[%uF", d->watch.n);
	for (unsigned i = 0; i < d->watch.n; i++) {
		if (d->live) {
			demo_show_live(&d->watch.device[i], now, d->width, line);
			printf("%s\033[K\n", line);
		} else if (demo_show_news(&d->before[i], &d->watch.device[i], at_ms, line)) {
			printf("%s\n", line);
		}
		d->before[i] = d->watch.device[i];
	}
	d->printed = true;
	fflush(stdout);
}

/* --- the scene -------------------------------------------------------------------------------- */

static enum err
open_house(struct demo *d)
{
	const struct demo_fault *f = d->options.fault;
	struct house_options o = {.devices = d->options.devices,
	    .baud = d->options.baud,
	    .degrade = d->options.degrade,
	    .link = d->options.kind->link,
	    .loader = d->options.kind->loader,
	    .cloudd = "request_interval = 1 min",
	    .flashd = "ask_every = 10 s\ntest_deadline = 60 s\nreboot_deadline = 60 s"};
	char text[200];
	enum err e = house_open(&o, &d->house);

	if (e)
		return e;
	if (f->device[0])
		house_device_args(d->house, 0, f->device[0], f->device[1]);
	snprintf(text, sizeof(text), "starting platform, flashd, fetchd, cloudd and devices in %s",
	    d->house->dir);
	say(d, text);
	return house_start_all(d->house);
}

static enum err
set_fault(struct house *h, const char *name, const char *value)
{
	struct tool_result r = HOUSE_DC(h, "fault", "set", name, value);

	return r.status ? house_fail(h, ERR_SYSTEM, "fault set: %.200s", r.out) : ERR_OK;
}

static enum err
plan(struct demo *d)
{
	const struct demo_fault *f = d->options.fault;
	struct house *h = d->house;
	struct house_pack p = {.size = IMAGE};
	char rate[16], forger[300], where[100];
	AUTO(kit) struct kit *other = NULL;

	snprintf(rate, sizeof(rate), "%d", DOWNLOAD_RATE);
	enum err e = set_fault(h, "http_rate", rate);
	if (!e && f->platform[0])
		e = set_fault(h, f->platform[0], f->platform[1]);
	if (!e && f->forged) {
		snprintf(forger, sizeof(forger), "%s/forger", h->dir);
		if (mkdir(forger, 0755) < 0)
			return house_fail(h, ERR_SYSTEM, "%s: %s", forger, strerror(errno));
		p.signer = other = kit_new(forger);
	}
	demo_watch_init(&d->watch, h, HOUSE_NEW);
	snprintf(where, sizeof(where),
	    "devices are online; the platform's console: http://127.0.0.1:%u/", h->console);
	say(d, where);
	say(d, "signing and uploading a package, activating a silent plan");
	if (!e)
		e = house_pack_publish(h, &p);
	return e ? e : house_activate(h, "demo");
}

/* 0: over; else the signal that came, or -1 for a time that ran out or a process that died. */
static int
watch(struct demo *d)
{
	const struct timespec step = {0, LOOK_MS * 1000000L};
	struct mono end = mono_after(clock_now(), PATIENCE_MS);
	char name[32];
	sigset_t set;

	sigprocmask(SIG_BLOCK, NULL, &set);
	memcpy(d->before, d->watch.device, sizeof(d->before));
	while (!demo_watch_is_over(&d->watch) || (d->options.fault->strike && !d->struck)) {
		int sig = sigtimedwait(&set, NULL, &step);

		if (sig > 0)
			return sig;
		demo_watch_step(&d->watch, clock_now());
		show(d, clock_now());
		if (d->options.fault->strike && !d->struck)
			d->struck = d->options.fault->strike(&d->watch);
		enum house_part dead = house_dead(d->house);
		if (dead == HOUSE_PARTS && !mono_reached(clock_now(), end))
			continue;
		house_fail(d->house, ERR_CLOSED, "%s",
		    dead == HOUSE_PARTS ? "expected an end within 10 minutes, got none"
					: house_name(dead, name));
		return -1;
	}
	return 0;
}

static void
print_examples(const struct demo *d)
{
	const struct house *h = d->house;

	printf("\nAll keeps running until Ctrl-C.\n"
	       "  directory         %s (log/*, subota.conf, trust/, fw.bin)\n"
	       "  Developer Center  http://127.0.0.1:%u/ (console), MQTT over TLS %u, HTTPS %u\n"
	       "  %s/subota-devcenter status --dir %s/devcenter\n"
	       "  %s/subotactl status --config %s/subota.conf\n"
	       "  %s/subotactl tap --config %s/subota.conf\n"
	       "  %s/subotactl bundle show %s/fw.bin\n",
	    h->dir, h->console, h->mqtt, h->https, h->programs, h->dir, h->programs, h->dir,
	    h->programs, h->dir, h->programs, h->dir);
	fflush(stdout);
}

static int
conclude(struct demo *d)
{
	char why[DEMO_WHY] = "";
	const struct demo_fault *f = d->options.fault;

	demo_watch_step(&d->watch, clock_now());
	demo_watch_platform(&d->watch);
	demo_watch_usage(&d->watch);
	demo_watch_settle(&d->watch);
	show(d, clock_now());
	demo_fault_judge(f, &d->watch, why);
	demo_sum_print(&d->watch, stdout);
	if (!demo_sum_write(&d->watch, f, why, d->options.json))
		fprintf(stderr, "%s: cannot be written: %s\n", d->options.json, strerror(errno));
	if (why[0])
		printf("\nWRONG: %s\n", why);
	else
		printf("\nAs expected: %s; %s.\n", f->text, f->then);
	return why[0] ? EXIT_WRONG : EXIT_SUCCESS;
}

static int
run(struct demo *d)
{
	sigset_t set;
	enum err e = open_house(d);

	if (!e)
		e = plan(d);
	if (e) {
		fprintf(stderr, "subota-demo: %s: %s\n", err_text(e), house_why(d->house));
		return EXIT_ENVIRONMENT;
	}
	/* until here a signal ends us at once, and the keeper tidies up */
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	int sig = watch(d);
	if (sig < 0) {
		fprintf(stderr, "subota-demo: %s\n", house_why(d->house));
		conclude(d);
		return EXIT_WRONG;
	}
	if (sig)
		printf("\ninterrupted: ending all processes, removing %s\n", d->house->dir);
	int status = sig ? EXIT_INTERRUPTED : conclude(d);
	if (!sig && d->options.keep) {
		print_examples(d);
		sigwait(&set, &sig);
	}
	return status;
}

int
demo_main(int argc, char **argv)
{
	struct demo d = {.begun = clock_now(), .width = 80};
	struct winsize size;
	int status = read_options(argc, argv, &d.options);

	if (status >= 0)
		return status;
	d.live = isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0;
	if (d.live && size.ws_col)
		d.width = size.ws_col;
	printf("subota demo: %s.\n", d.options.fault->text);
	status = run(&d);
	demo_watch_fini(&d.watch);
	house_close(d.house);
	return status;
}
