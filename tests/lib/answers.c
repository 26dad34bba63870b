/*
 * answers: see answers.h.
 */
#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "answers.h"
#include "bus.h"
#include "daemon.h"
#include "kit.h"

struct daemon_case {
	enum who self;
	const struct answers_row *rows;
	size_t n;
};

static enum err
on_query(void *arg, const char *what, const char *argument, char **json)
{
	const struct daemon_case *d = arg;

	(void)argument;
	for (size_t i = 0; i < d->n; i++) {
		if (d->rows[i].daemon != d->self || strcmp(d->rows[i].what, what) != 0)
			continue;
		*json = strdup(d->rows[i].json);
		for (char *c = *json; c && *c; c++)
			*c = *c == '\'' ? '"' : *c;
		return *json ? ERR_OK : ERR_NOMEM;
	}
	return ERR_NOT_FOUND;
}

static void
on_message(void *arg, struct bus_link *from, const Pb__Envelope *e)
{
	(void)arg, (void)from, (void)e;
}

static void
on_change(void *arg, struct bus_link *link)
{
	(void)arg, (void)link;
}

static void
make_dir_of(char *path)
{
	char *slash = strrchr(path, '/');

	*slash = '\0';
	mkdir(path, 0755);
	*slash = '/';
}

static void
must(bool good)
{
	if (!good)
		_exit(1);
}

/* The link of cloudd and fetchd, whose pings the tap hears. */
static void
listen_and_tap(const struct daemon_common *c, struct bus *bus, enum who self)
{
	static const struct bus_handler h = {on_message, on_change, on_change, NULL};
	static const struct bus_pace pace = {50, 3, 20, 500};
	struct bus_link *link = NULL;
	char path[108];

	bus_set_pace(bus, &pace);
	daemon_socket_path(c, WHO_FETCHD, WHO_CLOUDD, path);
	make_dir_of(path);
	if (self == WHO_CLOUDD)
		must(bus_connect(bus, WHO_FETCHD, path, &h, &link) == ERR_OK);
	if (self != WHO_FETCHD)
		return;
	must(bus_bind(bus, WHO_CLOUDD, geteuid(), path, &h, &link) == ERR_OK);
	daemon_tap_path(c, self, path);
	make_dir_of(path);
	must(bus_tap(bus, path) == ERR_OK);
}

static void
live(const struct daemon_common *c, const struct answers_row *rows, size_t n, int ready)
{
	static const enum who daemons[] = {WHO_FETCHD, WHO_CLOUDD, WHO_FLASHD};
	struct daemon_case cases[3];
	struct loop *loop = NULL;
	char path[108];

	log_init("answers", LOG_ERROR);
	must(loop_new(&loop) == ERR_OK);
	for (size_t i = 0; i < 3; i++) {
		struct bus *bus = NULL;
		bool named = false;

		cases[i] = (struct daemon_case){daemons[i], rows, n};
		for (size_t k = 0; k < n; k++)
			named = named || rows[k].daemon == daemons[i];
		if (!named)
			continue;
		must(bus_new(loop, daemons[i], &bus) == ERR_OK);
		daemon_socket_path(c, daemons[i], WHO_CTL, path);
		make_dir_of(path);
		must(bus_control(bus, path, on_query, &cases[i]) == ERR_OK);
		listen_and_tap(c, bus, daemons[i]);
	}
	must(write(ready, "r", 1) == 1);
	while (loop_once(loop, 1000))
		;
	_exit(1);
}

void
answers_open(struct answers *a, const struct answers_row *rows, size_t n)
{
	struct daemon_common c = {0};
	char conf[1024], state[300], byte;
	int ready[2];

	a->dir = kit_scratch();
	snprintf(c.run_dir, sizeof(c.run_dir), "%s/run", a->dir);
	snprintf(state, sizeof(state), "%s/state", a->dir);
	cr_assert_eq(mkdir(c.run_dir, 0755), 0);
	cr_assert_eq(mkdir(state, 0755), 0);
	snprintf(conf, sizeof(conf), "[common]\nrun_dir = %s\nstate_dir = %s\ncloud_user = none\n",
	    c.run_dir, state);
	kit_write(a->dir, "conf", conf, strlen(conf));
	cr_assert_eq(pipe(ready), 0);
	a->pid = fork();
	if (a->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(ready[0]);
		live(&c, rows, n, ready[1]);
	}
	close(ready[1]);
	cr_assert_eq(read(ready[0], &byte, 1), 1, "the daemons' double did not start");
	close(ready[0]);
}

void
answers_close(struct answers *a)
{
	kill(a->pid, SIGKILL);
	waitpid(a->pid, NULL, 0);
	kit_scratch_remove(a->dir);
}
