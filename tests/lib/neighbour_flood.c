/*
 * neighbour_flood: a process that was taken over says as much as its neighbour takes; see
 * neighbour.h.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>
#include <zmq.h>

#include "golden.h"
#include "msg.h"
#include "neighbour.h"

enum { HEAR_EVERY = 32, FIRST_UPGRADE = 1000 };

struct flooder {
	const struct neighbour *n;
	void *socket;
	uint64_t seq;
};

static void
become(const struct neighbour *n)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (geteuid() == 0 && (setgid(n->uid) != 0 || setuid(n->uid) != 0))
		_exit(2);
	prctl(PR_SET_PDEATHSIG, SIGKILL); /* forgotten with the user */
}

static void hear_all(struct flooder *f);

static void
send_one(struct flooder *f, Pb__Envelope *e)
{
	zmq_pollitem_t item = {.socket = f->socket, .events = ZMQ_POLLOUT | ZMQ_POLLIN};
	uint8_t bytes[GOLDEN_BYTES];
	size_t len = 0;

	e->proto = ROUTE_PROTO_MAX;
	e->seq = ++f->seq;
	if (msg_pack(e, bytes, sizeof(bytes), &len) != ERR_OK)
		_exit(3);
	while (zmq_send(f->socket, bytes, len, ZMQ_DONTWAIT) < 0) {
		zmq_poll(&item, 1, 100);
		hear_all(f);
	}
}

static void
greet(struct flooder *f)
{
	struct golden g;

	golden_make(PB__ENVELOPE__BODY_HELLO, &g);
	g.body.hello.who = golden_text(who_name(f->n->self));
	send_one(f, &g.e);
}

/* Says Hello when the victim does, reads the rest away. */
static void
hear_all(struct flooder *f)
{
	uint8_t bytes[ROUTE_BUS_MAX];

	for (int len = 0; (len = zmq_recv(f->socket, bytes, sizeof(bytes), ZMQ_DONTWAIT)) >= 0;) {
		AUTO(msg) Pb__Envelope *e = NULL;

		if ((size_t)len <= sizeof(bytes) &&
		    msg_unpack(bytes, (size_t)len, sizeof(bytes), &e) == ERR_OK &&
		    e->body_case == PB__ENVELOPE__BODY_HELLO)
			greet(f);
	}
}

/* Whatever is legal and costs the most: plans and orders for the device that is there, each of
 * another upgrade. Nothing that would end the one under way. */
static void
say_costly(struct flooder *f, uint64_t i)
{
	static const int kinds[] = {PB__ENVELOPE__BODY_PLAN_OFFER, PB__ENVELOPE__BODY_FLASH_ORDER,
	    PB__ENVELOPE__BODY_REPORT_ACK, PB__ENVELOPE__BODY_LINK_STATE};
	struct golden g;

	golden_make(kinds[i % 4], &g);
	g.device.product_key = golden_text(f->n->device[0]);
	g.device.device_key = golden_text(f->n->device[1]);
	if (kinds[i % 4] == PB__ENVELOPE__BODY_REPORT_ACK)
		g.body.report_ack.id = FIRST_UPGRADE + i;
	g.e.upgrade = FIRST_UPGRADE + i;
	send_one(f, &g.e);
}

pid_t
neighbour_flood(const struct neighbour *n)
{
	struct flooder f = {.n = n};
	char address[120];
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	become(n);
	f.socket = zmq_socket(zmq_ctx_new(), ZMQ_DEALER);
	snprintf(address, sizeof(address), "ipc://%s", n->path);
	if (zmq_setsockopt(f.socket, ZMQ_PROBE_ROUTER, &(int){1}, sizeof(int)) != 0 ||
	    zmq_connect(f.socket, address) != 0)
		_exit(4);
	greet(&f);
	for (uint64_t i = 0;; i++) {
		say_costly(&f, i);
		if (i % HEAR_EVERY == 0)
			hear_all(&f);
	}
}
