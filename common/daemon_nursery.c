/*
 * daemon_nursery: the nursery of a daemon, and the short life as its daemon that one has under a
 * service manager. See daemon.h.
 *
 * Why a daemon becomes its own nursery there: what the nursery may start stands in the
 * configuration, and the words of a unit cannot repeat it; a daemon that told its nursery through
 * the socket could, when it is taken over, connect once more and tell something else.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "daemon.h"

enum { EXIT_USAGE = 64, EXIT_ENVIRONMENT = 71 };

static void
program_path(const struct daemon_common *c, char out[260])
{
	snprintf(out, 260, "%s/subota-nursery", c->lib_dir);
}

enum err
daemon_nursery(const struct daemon_spec *s, const struct daemon *d, struct nursery **out)
{
	struct daemon_brood brood = {0};
	char path[260];

	if (geteuid() != 0) {
		snprintf(path, sizeof(path), "%s/%s-nursery/sock", d->common->run_dir, s->name);
		if (access(path, F_OK) == 0)
			return nursery_connect(path, out);
	}
	s->brood(s->settings, &brood);
	program_path(d->common, path);
	const struct nursery_setup setup = {.program = path,
	    .parent = s->name,
	    .mode = d->mode_text,
	    .uid = brood.uid,
	    .gid = daemon_gid_of(brood.uid),
	    .group = brood.group,
	    .places = &brood.places};
	enum err e = nursery_start(&setup, out);
	places_fini(&brood.places);
	return e;
}

int
daemon_become_nursery(const struct daemon_spec *s, const struct daemon *d)
{
	char *const none[] = {NULL};
	struct daemon_brood brood = {0};
	char path[260];

	if (!s->brood) {
		log_error(NULL, "--nursery: %s starts no programs", s->name);
		return EXIT_USAGE;
	}
	s->brood(s->settings, &brood);
	program_path(d->common, path);
	const struct nursery_setup setup = {.parent = s->name,
	    .mode = d->mode_text,
	    .uid = geteuid(),
	    .gid = getegid(),
	    .places = &brood.places};
	char **argv = nursery_argv(&setup);
	places_fini(&brood.places);
	if (argv)
		execve(path, argv, none);
	log_error(NULL, "%s: expected a program, got: %s", path, strerror(errno));
	nursery_free_argv(argv);
	return EXIT_ENVIRONMENT;
}
