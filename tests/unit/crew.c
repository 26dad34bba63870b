/*
 * crew: several links in one session, flashd's and the devices' ends held by the same thread.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <sodium.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "crew.h"
#include "fake_driver.h"
#include "golden.h"
#include "hatch.h"
#include "msg.h"

enum { LINKS = 5, SIZE = 300, ROUNDS = 500 };

struct desk {
	struct chan *chan;
	int device;
	enum err error;
	char version[32];
	bool final;
};

struct scene {
	int hatch[2];
	struct crew *crew;
	struct desk desks[LINKS];
	uint8_t bytes[SIZE], digest[32], sha[32];
};

static struct scene *
open_scene(void)
{
	struct scene *s = calloc(1, sizeof(*s));

	cr_assert_not_null(s);
	for (size_t i = 0; i < LINKS; i++)
		s->desks[i].device = -1;
	memset(s->bytes, 'i', sizeof(s->bytes));
	crypto_generichash(s->digest, sizeof(s->digest), s->bytes, SIZE, NULL, 0);
	cr_assert_eq(hatch_new(s->hatch), ERR_OK);
	cr_assert_eq(crew_new(s->hatch[1], fake_driver_find, &s->crew), ERR_OK);
	return s;
}

static void
close_desk(struct desk *d)
{
	chan_free(d->chan);
	d->chan = NULL;
	if (d->device >= 0)
		close(hand_over_fd(&d->device));
}

static void
close_scene(struct scene *s)
{
	for (size_t i = 0; i < LINKS; i++)
		close_desk(&s->desks[i]);
	crew_free(s->crew);
	close(s->hatch[1]);
	if (s->hatch[0] >= 0)
		close(s->hatch[0]);
	free(s);
}

/* A link with an order for it; the image only where there is one. */
static void
send_link(struct scene *s, struct desk *d, int image)
{
	int channel[2], line[2];
	Pb__Envelope e = PB__ENVELOPE__INIT;
	Pb__SessionOrder o = PB__SESSION_ORDER__INIT;

	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, channel), 0);
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, line), 0);
	cr_assert_eq(chan_new(channel[0], WHO_FLASHD, WHO_SESSION, &d->chan), ERR_OK);
	d->device = line[0];
	cr_assert_eq(hatch_give_all(s->hatch[0], image < 0 ? 0 : CREW_IMAGE,
			 (int[]){channel[1], line[1], image}, image < 0 ? 2 : 3),
	    ERR_OK);
	close(channel[1]);
	close(line[1]);
	o.verb = image < 0 ? PB__VERB__VERB_IDENTIFY : PB__VERB__VERB_WRITE;
	o.driver = golden_text("fake");
	o.timeout_ms = 60000;
	if (image >= 0) {
		o.image_size = SIZE;
		o.image_sha256 = (ProtobufCBinaryData){32, s->sha};
		o.chunk_size = 4096;
		o.chunk_digests = (ProtobufCBinaryData){32, s->digest};
	}
	e.body_case = PB__ENVELOPE__BODY_SESSION_ORDER;
	e.session_order = &o;
	cr_assert_eq(chan_send(d->chan, &e), ERR_OK);
}

static void
hear(struct desk *d)
{
	Pb__Envelope *e = NULL;

	while (d->chan && chan_recv(d->chan, &e) == ERR_OK) {
		if (e->session_report->final) {
			d->final = true;
			d->error = (enum err)e->session_report->error;
			snprintf(
			    d->version, sizeof(d->version), "%.30s", e->session_report->version);
		}
		msg_free(e);
	}
}

/* Turn the crew until so many desks have their last word. */
static void
run_until(struct scene *s, size_t wanted)
{
	size_t n = 0;

	for (int i = 0; i < ROUNDS && n < wanted; i++) {
		crew_step(s->crew, 10);
		n = 0;
		for (size_t k = 0; k < LINKS; k++) {
			hear(&s->desks[k]);
			n += s->desks[k].final;
		}
	}
	cr_assert_eq(n, wanted);
}

/* A device speaks when it is asked. */
static void
answer(struct scene *s, struct desk *d, const char *line)
{
	char byte = 0;

	for (int i = 0; i < ROUNDS && read(d->device, &byte, 1) != 1; i++)
		crew_step(s->crew, 1);
	cr_assert_eq(byte, '?');
	cr_assert_eq(write(d->device, line, strlen(line)), (ssize_t)strlen(line));
}

/* End of file: the crew has let go of it. */
static bool
is_let_go(struct scene *s, int device)
{
	char byte = 0;
	ssize_t n = -1;

	for (int i = 0; i < ROUNDS && n != 0; i++) {
		crew_step(s->crew, 1);
		n = read(device, &byte, 1);
	}
	return n == 0;
}

Test(crew, each_link_gets_its_own_answer)
{
	struct scene *s = open_scene();
	char line[40];

	for (size_t i = 0; i < LINKS; i++)
		send_link(s, &s->desks[i], -1);
	for (size_t i = LINKS; i-- > 0;) {
		snprintf(line, sizeof(line), "1.0.%zu\n", i);
		answer(s, &s->desks[i], line);
	}
	run_until(s, LINKS);
	for (size_t i = 0; i < LINKS; i++) {
		snprintf(line, sizeof(line), "1.0.%zu", i);
		cr_expect_eq(s->desks[i].error, ERR_OK);
		cr_expect_str_eq(s->desks[i].version, line);
	}
	close_scene(s);
}

Test(crew, link_that_hangs_or_closes_keeps_nobody_waiting)
{
	struct scene *s = open_scene();

	for (size_t i = 0; i < 3; i++)
		send_link(s, &s->desks[i], -1);
	answer(s, &s->desks[2], "2.0.0\n");
	shutdown(s->desks[1].device, SHUT_WR);
	run_until(s, 2);
	cr_expect_not(s->desks[0].final);
	cr_expect_eq(s->desks[1].error, ERR_LINK);
	cr_expect_str_eq(s->desks[2].version, "2.0.0");
	answer(s, &s->desks[0], "3.0.0\n");
	run_until(s, 3);
	close_scene(s);
}

Test(crew, image_goes_to_the_link_it_came_with)
{
	struct scene *s = open_scene();
	AUTO(fd) int image = memfd_create("image", MFD_CLOEXEC);
	uint8_t got[SIZE + 1] = {0};

	cr_assert_eq(pwrite(image, s->bytes, SIZE, 0), SIZE);
	send_link(s, &s->desks[0], -1);
	send_link(s, &s->desks[1], image);
	run_until(s, 1);
	cr_expect_eq(s->desks[1].error, ERR_OK);
	cr_expect_eq(read(s->desks[1].device, got, sizeof(got)), SIZE);
	cr_expect_arr_eq(got, s->bytes, SIZE);
	cr_expect_eq(read(s->desks[0].device, got, sizeof(got)), 1); /* its question */
	close_scene(s);
}

Test(crew, channel_that_ends_takes_its_link_along_and_no_other)
{
	struct scene *s = open_scene();
	send_link(s, &s->desks[0], -1);
	send_link(s, &s->desks[1], -1);
	crew_step(s->crew, 10);
	chan_free(HAND_OVER(s->desks[0].chan));
	cr_expect(is_let_go(s, s->desks[0].device));
	answer(s, &s->desks[1], "1.2.3\n");
	run_until(s, 1);
	close_scene(s);
}

Test(crew, ends_when_nothing_can_come_and_nobody_works)
{
	struct scene *s = open_scene();
	int rounds = 0;

	send_link(s, &s->desks[0], -1);
	crew_step(s->crew, 10);
	close(hand_over_fd(&s->hatch[0]));
	cr_expect(crew_step(s->crew, 10), "a link is at work");
	answer(s, &s->desks[0], "1.0.0\n");
	run_until(s, 1);
	chan_free(HAND_OVER(s->desks[0].chan));
	while (rounds < ROUNDS && crew_step(s->crew, 10))
		rounds++;
	cr_expect_lt(rounds, ROUNDS);
	close_scene(s);
}

Test(crew, what_does_not_fit_is_closed_and_the_rest_goes_on)
{
	struct scene *s = open_scene();
	int pair[2];

	send_link(s, &s->desks[0], -1);
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
	cr_assert_eq(hatch_give_all(s->hatch[0], CREW_IMAGE, &pair[1], 1), ERR_OK);
	cr_assert_eq(hatch_give_all(s->hatch[0], 0x80, (int[]){pair[1], pair[1]}, 2), ERR_OK);
	close(pair[1]);
	cr_expect(is_let_go(s, pair[0]));
	close(pair[0]);
	answer(s, &s->desks[0], "1.0.0\n");
	run_until(s, 1);
	close_scene(s);
}
