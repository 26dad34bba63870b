/*
 * bench_birth: part of bench_jail.h. A session's life without work: from the request to the nursery
 * to its note that the session has ended, which it does at once, because its channel has. Two
 * nurseries, one with its jail and one without, take turns.
 */
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "bench_jail.h"
#include "couriers.h"
#include "nursery.h"

enum { NOBODY = 65534, BIRTHS = 21, ROUNDS = 7, PATIENCE_MS = 10000 };
enum { JAILED, FREE, NURSERIES };

static bool
open_nursery(const char *mode, struct nursery **out)
{
	bool root = geteuid() == 0;
	struct places places = {0};
	const struct nursery_setup setup = {.program = couriers_program("subota-nursery"),
	    .parent = "flashd",
	    .mode = mode,
	    .uid = root ? NOBODY : geteuid(),
	    .gid = root ? NOBODY : getegid(),
	    .places = &places};

	places_add(&places, "$session", "%s", couriers_program("subota-session"));
	enum err e = nursery_start(&setup, out);
	places_fini(&places);
	return e == ERR_OK;
}

/* Seconds of one life; 0 when it was none. */
static double
live(struct nursery *n)
{
	int chan[2] = {-1, -1}, link[2] = {-1, -1};
	struct pollfd p = {.fd = nursery_fd(n), .events = POLLIN};
	struct nursery_note note = {0};
	uint32_t id = 0;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, chan) < 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, link) < 0)
		return 0;
	AUTO(fd) int ours = chan[0];
	AUTO(fd) int line = link[0];
	const struct nursery_birth b = {
	    .program = NURSERY_SESSION, .fds = {chan[1], link[1]}, .n_fds = 2};
	shutdown(ours, SHUT_WR);
	double begin = bench_now();
	bool fine = nursery_spawn(n, &b, &id) == ERR_OK && poll(&p, 1, PATIENCE_MS) == 1 &&
		    nursery_read(n, &note) == ERR_OK && note.pid > 0 && note.status == 0;
	double end = bench_now();
	close(chan[1]);
	close(link[1]);
	return fine ? end - begin : 0;
}

static int
compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* The median life in each; false when a session could not be had. */
static bool
take_turns(struct nursery *const n[NURSERIES], double out[NURSERIES])
{
	double life[NURSERIES][BIRTHS];

	for (int i = 0; i < BIRTHS; i++)
		for (int k = 0; k < NURSERIES; k++)
			if ((life[k][i] = live(n[k])) <= 0)
				return false;
	for (int k = 0; k < NURSERIES; k++) {
		qsort(life[k], BIRTHS, sizeof(life[k][0]), compare);
		out[k] = life[k][BIRTHS / 2];
	}
	return true;
}

void
bench_birth(struct bench *b)
{
	struct bench_figure *ratio = bench_goal(
	    b, "session_birth_jail_to_no_jail", "ratio", BENCH_LOWER, 1.25);
	struct bench_figure *ms = bench_add(b, "session_birth", "ms", BENCH_LOWER);
	AUTO(nursery) struct nursery *jailed = NULL;
	AUTO(nursery) struct nursery *unjailed = NULL;
	double s[NURSERIES];
	bool fine = open_nursery("require", &jailed) && open_nursery("none", &unjailed);
	struct nursery *const both[NURSERIES] = {jailed, unjailed};

	for (unsigned i = 0; fine && i < (b->quick ? 3u : ROUNDS); i++) {
		fine = take_turns(both, s);
		if (!fine)
			break;
		bench_sample(ratio, s[JAILED] / s[FREE]);
		bench_sample(ms, s[JAILED] * 1000);
	}
	if (!fine)
		bench_failed(b, "a session's birth", "no session");
}
