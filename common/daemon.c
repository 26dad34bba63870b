/*
 * daemon: see daemon.h. The order of things is the point of this file: ids, capabilities and
 * Landlock bind one thread, ZeroMQ starts threads with its first socket, so nothing that starts a
 * thread comes before sandbox_lock_files; nothing that needs a privilege comes after sandbox_enter;
 * and the first message is read when all promises are kept.
 */
#include <getopt.h>
#include <malloc.h>
#include <string.h>
#include <sys/stat.h>

#include "daemon.h"
#include "notify.h"

enum { EXIT_USAGE = 64, EXIT_ENVIRONMENT = 71, EXIT_CONFIG = 78 };

struct options {
	const char *config;
	const char *sandbox; /* NULL: as configured */
	bool check, verbose, nursery;
};

static const char nursery_help[] =
    "  --nursery       for service managers: become the process that starts others for this "
    "daemon,\n"
    "                  which is at the other end of descriptor 3 (a unit of its own, behind a "
    "socket)\n";

static void
print_help(const struct daemon_spec *s)
{
	printf("usage: subota-%s [--config FILE] [--check] [--verbose] [--no-sandbox[=WHAT]]\n"
	       "       subota-%s --help | --help-config | --version\n\n%s\n"
	       "  --config FILE   configuration (default /etc/subota/subota.conf)\n"
	       "  --check         read the configuration, say what is wrong with it, and end\n"
	       "  --verbose       debug lines in the log\n"
	       "  --no-sandbox    for debugging by hand: no Landlock, no seccomp, no namespaces; "
	       "or without\n"
	       "                  some of them: no-files,no-calls,no-apart\n"
	       "%s"
	       "  --help-config   every key of the configuration with its default\n"
	       "  --version       which version this is\n\n"
	       "Exit status: 0 after SIGTERM or SIGINT, 64 usage, 71 environment, 78 "
	       "configuration.\n",
	    s->name, s->name, s->summary, s->brood ? nursery_help : "");
}

/* -1: go on; else the exit status. */
static int
read_options(const struct daemon_spec *s, int argc, char **argv, struct options *out)
{
	static const struct option longs[] = {{"config", required_argument, NULL, 'c'},
	    {"check", no_argument, NULL, 'k'}, {"verbose", no_argument, NULL, 'v'},
	    {"no-sandbox", optional_argument, NULL, 'S'}, {"nursery", no_argument, NULL, 'n'},
	    {"help", no_argument, NULL, 'h'}, {"help-config", no_argument, NULL, 'H'},
	    {"version", no_argument, NULL, 'V'}, {0}};
	int o;

	while ((o = getopt_long(argc, argv, "c:hv", longs, NULL)) >= 0) {
		switch (o) {
		case 'c':
			out->config = optarg;
			break;
		case 'k':
			out->check = true;
			break;
		case 'S':
			out->sandbox = optarg ? optarg : "none";
			break;
		case 'v':
			out->verbose = true;
			break;
		case 'n':
			out->nursery = true;
			break;
		case 'h':
			print_help(s);
			return EXIT_SUCCESS;
		case 'H':
			conf_print_help(s->conf);
			return EXIT_SUCCESS;
		case 'V':
			printf("subota-%s %s\n", s->name, SUBOTA_VERSION);
			return EXIT_SUCCESS;
		default:
			fprintf(stderr, "try subota-%s --help\n", s->name);
			return EXIT_USAGE;
		}
	}
	if (optind == argc)
		return -1;
	fprintf(stderr, "subota-%s: expected options only, got \"%s\"\n", s->name, argv[optind]);
	return EXIT_USAGE;
}

/* Nothing of the caller's environment is needed but where to say that we are ready. */
static void
empty_environment(void)
{
	static const char *const kept[] = {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"};
	char *values[3];

	for (size_t i = 0; i < 3; i++) {
		const char *v = getenv(kept[i]);

		values[i] = v ? strdup(v) : NULL;
	}
	clearenv();
	for (size_t i = 0; i < 3; i++) {
		if (values[i])
			setenv(kept[i], values[i], 1);
		free(values[i]);
	}
}

/* What the service manager says in the environment, before it is emptied. */
static void
read_manager(struct daemon *d)
{
	const char *credentials = getenv("CREDENTIALS_DIRECTORY");
	uint64_t us = notify_watchdog_us();

	if (credentials)
		snprintf(d->credentials, sizeof(d->credentials), "%s", credentials);
	if (us)
		d->heart_ms = (int64_t)(us / 2000) + 1; /* twice within the time given */
	log_journal("/run/systemd/journal/socket");
}

/* A small gateway: one heap for all threads. The two sizes are glibc's own first values, but said
 * aloud they stay: else one large block that was freed (a list of certificates) raises both, and
 * megabytes remain in the heap for ever. */
static void
keep_heap_small(void)
{
	mallopt(M_ARENA_MAX, 1);
	mallopt(M_MMAP_THRESHOLD, 128 * 1024);
	mallopt(M_TRIM_THRESHOLD, 128 * 1024);
}

static uint32_t
own(const struct daemon_spec *s, size_t offset)
{
	return *(const uint32_t *)((const char *)s->common + offset);
}

static const struct sandbox_promise *
promise_of(const struct daemon_spec *s)
{
	return promise_find(s->name);
}

/* While still root, if we are. */
static enum err
prepare(const struct daemon_spec *s, struct daemon *d)
{
	uid_t uid = own(s, s->uid_offset);
	enum err e = daemon_make_dirs(s->common, s->who, uid);

	if (e == ERR_OK && s->prepare)
		e = s->prepare(s, d);
	if (e == ERR_OK)
		e = sandbox_apart(promise_of(s), &d->mode);
	if (e == ERR_OK)
		e = sandbox_enter(promise_of(s), uid, daemon_gid_of(uid),
		    s->group_offset ? own(s, s->group_offset) : 0);
	return e;
}

/* Files and ports. */
static enum err
lock_files(const struct daemon_spec *s, struct daemon *d)
{
	struct places places = {0};

	sandbox_tell_gaps(promise_of(s));
	daemon_places(d, s->who, &places);
	if (s->places)
		s->places(s->settings, &places);
	enum err e = sandbox_lock_files(promise_of(s), &d->mode, &places);
	places_fini(&places);
	return e;
}

static enum err
open_all(const struct daemon_spec *s, struct daemon *d)
{
	char tap[108];
	enum err e = event_open(d->state_dir, s->name, &d->events);

	if (e == ERR_OK)
		e = loop_new(&d->loop);
	if (e == ERR_OK)
		e = bus_new(d->loop, s->who, &d->bus);
	if (e == ERR_OK)
		e = lock_files(s, d);
	daemon_tap_path(s->common, s->who, tap);
	if (e == ERR_OK && s->common->tap)
		e = bus_tap(d->bus, tap);
	if (e != ERR_OK)
		log_error(NULL, "cannot start: %s", err_text(e));
	return e;
}

/* The watchdog hears the loop, not a thread: a loop that hangs is restarted. */
static void
on_heart(void *arg)
{
	struct daemon *d = arg;

	notify_supervisor("WATCHDOG=1");
	loop_timer_set(d->loop, &d->heart, mono_after(clock_now(), d->heart_ms), on_heart, d);
}

static void
tell_ready(struct daemon *d)
{
	notify_supervisor("READY=1");
	if (d->heart_ms)
		on_heart(d);
	log_info(NULL, "ready, version %s", SUBOTA_VERSION);
	malloc_trim(0); /* what only the start needed */
}

static int
run(const struct daemon_spec *s, struct daemon *d)
{
	enum err e = open_all(s, d);

	if (e == ERR_OK) {
		e = s->start(d);
		if (e == ERR_OK)
			e = sandbox_lock_calls(promise_of(s), &d->mode);
		if (e == ERR_OK) {
			tell_ready(d);
			int signal = loop_run(d->loop);

			loop_timer_clear(d->loop, &d->heart);
			notify_supervisor("STOPPING=1");
			log_info(NULL, "stopping on signal %d", signal);
			e = signal < 0 ? ERR_SYSTEM : ERR_OK;
		} else {
			log_error(NULL, "cannot start: %s", err_text(e));
		}
		s->stop(d);
	}
	bus_free(d->bus);
	loop_free(d->loop);
	event_close(d->events);
	if (e == ERR_CONFIG)
		return EXIT_CONFIG;
	return e == ERR_OK ? EXIT_SUCCESS : EXIT_ENVIRONMENT;
}

/* What is wanted of the sandbox, by the command line or else the configuration. */
static enum err
set_mode(const struct daemon_spec *s, const struct options *o, struct daemon *d)
{
	const char *words = o->sandbox ? o->sandbox : s->common->sandbox ? "degrade" : "require";

	if (sandbox_mode_parse(words, &d->mode) != ERR_OK) {
		log_error(NULL,
		    "--no-sandbox: expected none, no-files, no-calls or no-apart, got \"%s\"",
		    words);
		return ERR_CONFIG;
	}
	sandbox_mode_text(&d->mode, d->mode_text);
	return sandbox_mode_admit(&d->mode);
}

int
daemon_main(const struct daemon_spec *s, int argc, char **argv)
{
	struct options o = {.config = "/etc/subota/subota.conf"};
	struct daemon d = {.common = s->common, .settings = s->settings};
	int status = read_options(s, argc, argv, &o);

	if (status >= 0)
		return status;
	log_init(s->name, LOG_INFO);
	sandbox_close_from(o.nursery ? 4 : 3);
	umask(0077);
	enum err e = conf_load(s->conf, o.config, s->settings);
	if (e == ERR_OK && s->check)
		e = s->check(s->settings);
	if (e != ERR_OK)
		return EXIT_CONFIG;
	if (o.check) {
		printf("%s: fine\n", o.config);
		return EXIT_SUCCESS;
	}
	log_init(s->name, o.verbose ? LOG_DEBUG : (enum log_level)s->common->log_level);
	e = set_mode(s, &o, &d);
	if (e == ERR_OK && o.nursery)
		return daemon_become_nursery(s, &d);
	read_manager(&d);
	empty_environment();
	keep_heap_small();
	snprintf(d.state_dir, sizeof(d.state_dir), "%s/%s", s->common->state_dir, s->name);
	if (e == ERR_OK)
		e = prepare(s, &d);
	if (e == ERR_CONFIG)
		return EXIT_CONFIG;
	if (e != ERR_OK)
		return EXIT_ENVIRONMENT;
	return run(s, &d);
}
