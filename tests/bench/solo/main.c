/*
 * subota-solo: the three daemons as one process, for the bench; README.md.
 *
 * usage: subota-solo CONFIG
 *
 * May: all that the daemons may. Must never: be installed.
 *
 * The mains of the daemons are linked under other names, and their skeleton, daemon_main, is the
 * one below. Each starts and then calls the next one's main, the last one runs the loop: so each
 * finds its own variables on the stack, and they stop in reverse order.
 */
#include <curl/curl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "daemon.h"
#include "log.h"
#include "solo.h"

int solo_flashd_main(int argc, char **argv);
int solo_fetchd_main(int argc, char **argv);
int solo_cloudd_main(int argc, char **argv);
int __wrap_daemon_main(const struct daemon_spec *s, int argc, char **argv);

struct solo *
solo(void)
{
	static struct solo one;

	return &one;
}

/* The next daemon, or when all have started the loop; exit status. */
static int
go_on(int argc, char **argv)
{
	switch (++solo()->started) {
	case 1:
		return solo_fetchd_main(argc, argv);
	case 2:
		return solo_cloudd_main(argc, argv);
	default:
		return loop_run(solo()->loop) < 0 ? 71 : 0;
	}
}

enum err
daemon_nursery(const struct daemon_spec *s, const struct daemon *d, struct nursery **out)
{
	(void)s, (void)d;
	return nursery_start(NULL, out);
}

static enum err
prepare(const struct daemon_spec *s, struct daemon *d)
{
	enum err e = conf_load(s->conf, solo()->config, s->settings);

	if (e == ERR_OK && s->check)
		e = s->check(s->settings);
	if (e == ERR_OK)
		e = sandbox_mode_parse("none", &d->mode);
	sandbox_mode_text(&d->mode, d->mode_text);
	snprintf(d->state_dir, sizeof(d->state_dir), "%s/%s", s->common->state_dir, s->name);
	if (e == ERR_OK)
		e = daemon_make_dirs(s->common, s->who, geteuid());
	return e == ERR_OK && s->prepare ? s->prepare(s, d) : e;
}

int
__wrap_daemon_main(const struct daemon_spec *s, int argc, char **argv)
{
	struct daemon d = {.common = s->common, .settings = s->settings, .loop = solo()->loop};
	enum err e = prepare(s, &d);
	int status = 71;

	if (e == ERR_OK)
		e = event_open(d.state_dir, s->name, &d.events);
	if (e == ERR_OK)
		e = bus_new(d.loop, s->who, &d.bus);
	if (e == ERR_OK)
		e = s->start(&d);
	if (e == ERR_OK)
		status = go_on(argc, argv);
	else
		log_error(NULL, "%s cannot start: %s", s->name, err_text(e));
	s->stop(&d);
	bus_free(d.bus);
	event_close(d.events);
	return status;
}

int
main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: subota-solo CONFIG\n");
		return 64;
	}
	log_init("solo", LOG_INFO);
	umask(0077);
	solo()->config = argv[1];
	if (sodium_init() < 0 || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK ||
	    loop_new(&solo()->loop) != ERR_OK)
		return 71;
	int status = solo_flashd_main(argc, argv);

	loop_free(solo()->loop);
	return status;
}
