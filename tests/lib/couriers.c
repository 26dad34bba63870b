/*
 * couriers: see couriers.h.
 */
#include <criterion/criterion.h>
#include <libgen.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "couriers.h"
#include "hatch.h"
#include "msg.h"

enum { PATIENCE_MS = 20000, NOBODY = 65534 };

const char *
couriers_program(const char *name)
{
	static char path[2][400];
	static int turn;
	char self[300] = "";

	turn = !turn;
	if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
		return name;
	snprintf(path[turn], sizeof(path[turn]), "%s/../bin/%s", dirname(self), name);
	return path[turn];
}

void
couriers_start(struct courier_run *r, Pb__CourierOrder *order, int file)
{
	Pb__Envelope e = PB__ENVELOPE__INIT;
	uid_t uid = geteuid() ? geteuid() : NOBODY;
	gid_t gid = geteuid() ? getegid() : NOBODY;
	int pair[2], hatch[2];

	*r = (struct courier_run){.file = file};
	struct places places = {0};
	places_add(&places, "$courier", "%s", couriers_program("subota-courier"));
	if (order->ca_file[0])
		places_add(&places, "$ca", "%s", order->ca_file);
	const struct nursery_setup setup = {.program = couriers_program("subota-nursery"),
	    .parent = "fetchd",
	    .uid = uid,
	    .gid = gid,
	    .mode = "require",
	    .places = &places};
	cr_assert_eq(nursery_start(&setup, &r->nursery), ERR_OK);
	places_fini(&places);
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	cr_assert_eq(chan_new(pair[0], WHO_FETCHD, WHO_COURIER, &r->chan), ERR_OK);
	e.body_case = PB__ENVELOPE__BODY_COURIER_ORDER;
	e.courier_order = order;
	cr_assert_eq(chan_send(r->chan, &e), ERR_OK);
	cr_assert_eq(hatch_new(hatch), ERR_OK);
	const struct nursery_birth birth = {
	    .program = NURSERY_COURIER, .fds = {pair[1], hatch[1]}, .n_fds = 2};
	cr_assert_eq(nursery_spawn(r->nursery, &birth, &r->id), ERR_OK);
	cr_assert_eq(hatch_give(hatch[0], file), ERR_OK);
	close(pair[1]);
	close(hatch[0]);
	close(hatch[1]);
}

Pb__Envelope *
couriers_next(struct courier_run *r)
{
	Pb__Envelope *e = NULL;

	if (chan_wait(r->chan, PATIENCE_MS, &e) != ERR_OK)
		return NULL;
	cr_assert_eq(e->body_case, PB__ENVELOPE__BODY_COURIER_REPORT);
	return e;
}

Pb__Envelope *
couriers_final(struct courier_run *r)
{
	Pb__Envelope *e = couriers_next(r);

	while (e && !e->courier_report->final) {
		msg_free(e);
		e = couriers_next(r);
	}
	return e;
}

void
couriers_kill(struct courier_run *r)
{
	cr_assert_eq(nursery_kill(r->nursery, r->id), ERR_OK);
}

void
couriers_stop(struct courier_run *r)
{
	struct pollfd p = {.fd = nursery_fd(r->nursery), .events = POLLIN};
	struct nursery_note note = {0};
	pid_t pid = nursery_pid(r->nursery);

	chan_free(r->chan);
	cr_expect_eq(poll(&p, 1, PATIENCE_MS), 1);
	cr_expect_eq(nursery_read(r->nursery, &note), ERR_OK);
	cr_expect_eq(note.id, r->id);
	nursery_free(r->nursery);
	waitpid(pid, NULL, 0);
}
