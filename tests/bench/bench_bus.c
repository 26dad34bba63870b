/*
 * bench_bus: what an envelope on the bus costs in processor time; declared in bench_jail.h.
 *
 * cloudd's end and the gate's, each with its loop and its threads of libzmq, in this process, so
 * that its clock counts all of it. One envelope at a time, as in an upgrade, where they are rare.
 * Beside it what one process would do, make a copy and check it; and the same bus with its tap on,
 * unheard and heard (the listener's own time does not count). The ways take turns.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench_jail.h"
#include "bus.h"
#include "bus_client.h"
#include "golden.h"
#include "kit.h"
#include "msg.h"

enum { ENVELOPES = 3000, QUICK_ENVELOPES = 500, TURN = 50, ROUNDS = 7, PATIENCE_S = 10 };

enum way { TAP_OFF, TAP_UNHEARD, TAP_HEARD, WAYS };

struct end {
	struct loop *loop;
	struct bus *bus;
	struct bus_link *link;
	unsigned got;
};

struct pair {
	struct end server, client;
	char tap[120];
	pid_t listener; /* 0 = none */
};

static void
on_message(void *arg, struct bus_link *from, const Pb__Envelope *e)
{
	struct end *n = arg;

	(void)from, (void)e;
	n->got++;
}

static void
on_change(void *arg, struct bus_link *link)
{
	(void)arg, (void)link;
}

static bool
open_end(struct end *n, enum who self, const char *path)
{
	static const struct bus_pace pace = {60000, 3, 1000, 30000};
	const struct bus_handler h = {on_message, on_change, on_change, n};

	if (loop_new(&n->loop) != ERR_OK || bus_new(n->loop, self, &n->bus) != ERR_OK)
		return false;
	bus_set_pace(n->bus, &pace);
	if (self == WHO_FETCHD)
		return bus_bind(n->bus, WHO_CLOUDD, geteuid(), path, &h, &n->link) == ERR_OK;
	return bus_connect(n->bus, WHO_FETCHD, path, &h, &n->link) == ERR_OK;
}

static void
turn(struct pair *p)
{
	loop_once(p->client.loop, 0);
	loop_once(p->server.loop, 1);
}

/* Somebody who listens, in a process of its own; it writes a byte when it hears the first line. */
static pid_t
listen_to(const char *tap, int told)
{
	struct bus_client_tap *t = NULL;
	char *line = NULL;
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (bus_client_tap_open(&t) != ERR_OK || bus_client_tap_add(t, tap) != ERR_OK)
		_exit(1);
	for (bool first = true; bus_client_tap_next(t, -1, &line) == ERR_OK; first = false) {
		free(line);
		if (first && write(told, "!", 1) != 1)
			_exit(1);
	}
	_exit(0);
}

/* One envelope, there and taken. */
static bool
send_one(struct pair *p, Pb__Envelope *e)
{
	unsigned before = p->server.got;
	double end = bench_now() + PATIENCE_S;

	if (bus_send(p->client.link, e) != ERR_OK)
		return false;
	while (p->server.got == before && bench_now() < end)
		loop_once(p->server.loop, 100);
	return p->server.got > before;
}

static bool
start_listening(struct pair *p, Pb__Envelope *e)
{
	double end = bench_now() + PATIENCE_S;
	int told[2];
	char byte = 0;

	if (pipe2(told, O_CLOEXEC | O_NONBLOCK) != 0)
		return false;
	p->listener = listen_to(p->tap, told[1]);
	while (byte == 0 && bench_now() < end && send_one(p, e))
		if (read(told[0], &byte, 1) < 0 && errno != EAGAIN)
			break;
	close(told[0]);
	close(told[1]);
	return byte == '!';
}

static bool
open_pair(struct pair *p, const char *dir, enum way way, Pb__Envelope *e)
{
	double end = bench_now() + PATIENCE_S;
	char path[120];

	snprintf(path, sizeof(path), "%s/bus%d", dir, (int)way);
	snprintf(p->tap, sizeof(p->tap), "%s/tap%d", dir, (int)way);
	bool good = open_end(&p->server, WHO_FETCHD, path) &&
		    (way == TAP_OFF || bus_tap(p->server.bus, p->tap) == ERR_OK) &&
		    open_end(&p->client, WHO_CLOUDD, path);

	while (
	    good && !(bus_is_up(p->client.link) && bus_is_up(p->server.link)) && bench_now() < end)
		turn(p);
	return good && bus_is_up(p->client.link) && (way != TAP_HEARD || start_listening(p, e));
}

static void
close_pair(struct pair *p)
{
	if (p->listener > 0) {
		kill(p->listener, SIGKILL);
		waitpid(p->listener, NULL, 0);
	}
	bus_free(p->client.bus);
	bus_free(p->server.bus);
	loop_free(p->client.loop);
	loop_free(p->server.loop);
}

/* --- measuring -------------------------------------------------------------------------------- */

static double
cpu_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* CPU seconds of one envelope over the bus; 0 when it does not arrive. */
static double
over_the_bus(struct pair *p, Pb__Envelope *e, unsigned n)
{
	double before = cpu_now();

	for (unsigned i = 0; i < n; i++)
		if (!send_one(p, e))
			return 0;
	return (cpu_now() - before) / n;
}

struct figures {
	struct bench_figure *bus, *encode, *carry, *decode, *unheard, *heard;
};

/* CPU seconds of an envelope's parts. */
struct parts {
	double encode, decode; /* with the route table's word, as on the bus */
};

static double
encode_all(const Pb__Envelope *e, unsigned n, uint8_t bytes[GOLDEN_BYTES], size_t *len)
{
	double before = cpu_now();

	for (unsigned i = 0; i < n; i++)
		if (msg_pack(e, bytes, GOLDEN_BYTES, len) != ERR_OK ||
		    route_admit(e, *len, WHO_CLOUDD, WHO_FETCHD, ROUTE_READY) != ERR_OK)
			return 0;
	return cpu_now() - before;
}

static double
decode_all(const uint8_t *bytes, size_t len, unsigned n)
{
	double before = cpu_now();

	for (unsigned i = 0; i < n; i++) {
		AUTO(msg) Pb__Envelope *copy = NULL;

		if (msg_unpack(bytes, len, ROUTE_BUS_MAX, &copy) != ERR_OK ||
		    route_admit(copy, len, WHO_CLOUDD, WHO_FETCHD, ROUTE_READY) != ERR_OK)
			return 0;
	}
	return cpu_now() - before;
}

static bool
take_apart(const Pb__Envelope *e, unsigned n, struct parts *out)
{
	uint8_t bytes[GOLDEN_BYTES];
	size_t len = 0;

	out->encode = encode_all(e, n, bytes, &len) / n;
	out->decode = decode_all(bytes, len, n) / n;
	return out->encode > 0 && out->decode > 0;
}

/* One round, in small turns, so that whatever else this machine does meets all ways alike; CPU
 * seconds of an envelope with the tap off. */
static double
measure(struct figures *f, struct pair pairs[WAYS], Pb__Envelope *e, unsigned n)
{
	double cost[WAYS] = {0};
	struct parts part;

	if (!take_apart(e, 10 * n, &part))
		return 0;
	for (unsigned i = 0; i < n; i += TURN)
		for (enum way w = 0; w < WAYS; w++) {
			double one = over_the_bus(&pairs[w], e, TURN);

			if (one <= 0)
				return 0;
			cost[w] += one;
		}
	double whole = cost[TAP_OFF] * TURN / n;

	bench_sample(f->bus, whole / (part.encode + part.decode));
	bench_sample(f->encode, part.encode / whole);
	bench_sample(f->decode, part.decode / whole);
	bench_sample(f->carry, 1 - (part.encode + part.decode) / whole);
	bench_sample(f->unheard, cost[TAP_UNHEARD] / cost[TAP_OFF]);
	bench_sample(f->heard, cost[TAP_HEARD] / cost[TAP_OFF]);
	return whole;
}

/* Threads that wake each other across processors cost three times as much, or not, by chance of
 * where they lie: all stay on one. Children and threads inherit it. */
static void
stay_on_one(cpu_set_t *before)
{
	cpu_set_t one;
	int cpu = sched_getcpu();

	sched_getaffinity(0, sizeof(*before), before);
	CPU_ZERO(&one);
	CPU_SET(cpu < 0 ? 0 : cpu, &one);
	sched_setaffinity(0, sizeof(one), &one);
}

double
bench_bus(struct bench *b)
{
	struct figures f = {bench_add(b, "envelope_bus_to_copy", "ratio", BENCH_LOWER),
	    bench_add(b, "envelope_share_encode", "share", BENCH_LOWER),
	    bench_add(b, "envelope_share_carry", "share", BENCH_LOWER),
	    bench_add(b, "envelope_share_decode", "share", BENCH_LOWER),
	    bench_goal(b, "envelope_tap_unheard_to_off", "ratio", BENCH_LOWER, 1.02),
	    bench_add(b, "envelope_tap_heard_to_off", "ratio", BENCH_LOWER)};
	AUTO(scratch) char *dir = kit_scratch();
	struct pair pairs[WAYS] = {0};
	struct bench_figure costs = {0};
	struct golden g;
	bool good = true;
	cpu_set_t processors;

	stay_on_one(&processors);
	golden_make(PB__ENVELOPE__BODY_PLAN_OFFER, &g);
	for (enum way w = 0; w < WAYS && good; w++)
		good = open_pair(&pairs[w], dir, w, &g.e);
	for (unsigned i = 0; i < ROUNDS && good; i++) {
		double cost = measure(&f, pairs, &g.e, b->quick ? QUICK_ENVELOPES : ENVELOPES);

		good = cost > 0;
		bench_sample(&costs, cost);
	}
	if (!good)
		bench_failed(b, "an envelope", "the bus does not carry it");
	for (enum way w = 0; w < WAYS; w++)
		close_pair(&pairs[w]);
	sched_setaffinity(0, sizeof(processors), &processors);
	return good ? bench_median(&costs) : 0;
}
