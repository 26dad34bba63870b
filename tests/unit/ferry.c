/*
 * ferry: a session's loop with a driver made for the test; flashd's end of the channel and the
 * device's end of the link are held by the same thread.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <sodium.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "fake_driver.h"
#include "ferry.h"
#include "golden.h"
#include "msg.h"

/* --- the scene -------------------------------------------------------------------------------- */

enum { SIZE = 20000, CHUNK = 4096, CHUNKS = 5, ROUNDS = 2000 };

struct scene {
	struct chan *flashd, *session;
	int device, link; /* two ends */
	int image;
	uint8_t bytes[SIZE], digests[CHUNKS * 32], got[SIZE];
	size_t n_got;
	struct ferry *ferry;
	Pb__SessionOrder o;
	uint8_t sha[32];
	Pb__Envelope *final;
	unsigned reports;
	uint64_t last_done;
};

static void
make_image(struct scene *s)
{
	s->image = memfd_create("image", MFD_CLOEXEC);
	for (size_t i = 0; i < SIZE; i++)
		s->bytes[i] = (uint8_t)(i * 2654435761u >> 11);
	cr_assert_eq(pwrite(s->image, s->bytes, SIZE, 0), SIZE);
	for (size_t i = 0; i < CHUNKS; i++)
		crypto_generichash(s->digests + 32 * i, 32, s->bytes + i * CHUNK,
		    i == CHUNKS - 1 ? SIZE - i * CHUNK : CHUNK, NULL, 0);
}

static void
open_scene(struct scene *s)
{
	int channel[2], line[2];

	memset(s, 0, sizeof(*s));
	make_image(s);
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, channel), 0);
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, line), 0);
	cr_assert_eq(chan_new(channel[0], WHO_FLASHD, WHO_SESSION, &s->flashd), ERR_OK);
	cr_assert_eq(chan_new(channel[1], WHO_SESSION, WHO_FLASHD, &s->session), ERR_OK);
	s->device = line[0];
	s->link = line[1];
	cr_assert_eq(ferry_new(s->session, &(struct ferry_ends){s->link, s->image, -1},
			 fake_driver_find, &s->ferry),
	    ERR_OK);
	pb__session_order__init(&s->o);
	s->o.verb = PB__VERB__VERB_IDENTIFY;
	s->o.driver = golden_text("fake");
	s->o.timeout_ms = 60000;
}

static void
close_scene(struct scene *s)
{
	msg_free(s->final);
	ferry_free(s->ferry);
	chan_free(s->session);
	chan_free(s->flashd);
	if (s->device >= 0)
		close(s->device);
	close(s->link);
	close(s->image);
}

static void
order(struct scene *s)
{
	Pb__Envelope e = PB__ENVELOPE__INIT;

	e.body_case = PB__ENVELOPE__BODY_SESSION_ORDER;
	e.session_order = &s->o;
	cr_assert_eq(chan_send(s->flashd, &e), ERR_OK);
}

static void
order_write(struct scene *s)
{
	s->o.verb = PB__VERB__VERB_WRITE;
	s->o.image_size = SIZE;
	s->o.image_sha256 = (ProtobufCBinaryData){32, s->sha};
	s->o.chunk_size = CHUNK;
	s->o.chunk_digests = (ProtobufCBinaryData){sizeof(s->digests), s->digests};
	order(s);
}

/* What the session says now: reports are counted, the last word is kept. */
static void
hear(struct scene *s)
{
	Pb__Envelope *e = NULL;

	while (chan_recv(s->flashd, &e) == ERR_OK) {
		const Pb__SessionReport *r = e->session_report;

		cr_expect_null(s->final, "nothing comes after the last word");
		s->reports++;
		s->last_done = r->done_bytes;
		if (r->final)
			s->final = e;
		else
			msg_free(e);
	}
}

static void
read_device(struct scene *s)
{
	ssize_t n = 0;

	while (s->device >= 0 && s->n_got < SIZE &&
	       (n = read(s->device, s->got + s->n_got, SIZE - s->n_got)) > 0)
		s->n_got += (size_t)n;
}

/* Turn the ferry until the last word or its end. */
static const Pb__SessionReport *
run(struct scene *s)
{
	for (int i = 0; i < ROUNDS && !s->final; i++) {
		bool on = ferry_step(s->ferry, 10);

		read_device(s);
		hear(s);
		if (!on)
			break;
	}
	return s->final ? s->final->session_report : NULL;
}

static void
expect_final(struct scene *s, enum err want, const char *says)
{
	const Pb__SessionReport *r = run(s);

	cr_assert_not_null(r, "expected a last word");
	cr_expect_eq(r->error, want, "expected %s, got %s: %s", err_name(want), err_name(r->error),
	    r->detail);
	cr_expect(!says || strstr(r->detail, says), "%s", r->detail);
}

Test(ferry, question_goes_out_and_the_answer_comes_back_as_one_last_word)
{
	struct scene s;

	open_scene(&s);
	order(&s);
	for (int i = 0; i < ROUNDS && s.n_got == 0; i++) {
		cr_assert(ferry_step(s.ferry, 10));
		read_device(&s);
	}
	cr_expect_eq(s.got[0], '?');
	cr_assert_eq(write(s.device, "1.0.0 b\n", 8), 8);
	expect_final(&s, ERR_OK, NULL);
	cr_expect_eq(s.final->session_report->verb, PB__VERB__VERB_IDENTIFY);
	cr_expect_str_eq(s.final->session_report->version, "1.0.0_b", "made clean on its way");
	cr_expect_eq(s.final->session_report->wire_bytes, 1);
	cr_expect_eq(s.reports, 1u);
	close_scene(&s);
}

Test(ferry, image_reaches_the_link_whole_with_progress_before_the_last_word)
{
	struct scene s;

	open_scene(&s);
	order_write(&s);
	expect_final(&s, ERR_OK, NULL);
	read_device(&s);
	cr_expect_eq(s.n_got, SIZE);
	cr_expect_arr_eq(s.got, s.bytes, SIZE);
	cr_expect_eq(s.final->session_report->done_bytes, SIZE);
	cr_expect_eq(s.final->session_report->total_bytes, SIZE);
	cr_expect_eq(s.final->session_report->wire_bytes, SIZE);
	cr_expect_leq(s.reports, 10u, "at most four a second");
	close_scene(&s);
}

Test(ferry, order_after_order_is_taken_in_one_session)
{
	struct scene s;

	open_scene(&s);
	order_write(&s);
	expect_final(&s, ERR_OK, NULL);
	msg_free(s.final);
	s.final = NULL;
	order_write(&s);
	expect_final(&s, ERR_OK, NULL);
	cr_expect_eq(s.final->session_report->wire_bytes, SIZE, "counted from zero again");
	close_scene(&s);
}

Test(ferry, old_bytes_on_the_link_are_nobodys_answer)
{
	struct scene s;

	open_scene(&s);
	cr_assert_eq(write(s.device, "old\n", 4), 4);
	s.o.timeout_ms = 50;
	order(&s);
	expect_final(&s, ERR_TIMEOUT, "in time");
	close_scene(&s);
}

Test(ferry, order_that_cannot_be_carried_out_gets_its_reason_at_once)
{
	struct scene s;
	Pb__Option o = PB__OPTION__INIT, *list[] = {&o};

	open_scene(&s);
	s.o.driver = golden_text("ymodem");
	order(&s);
	expect_final(&s, ERR_UNSUPPORTED, "ymodem");
	msg_free(s.final);
	s.final = NULL;
	s.o.driver = golden_text("fake");
	s.o.verb = PB__VERB__VERB_REVERT;
	order(&s);
	expect_final(&s, ERR_UNSUPPORTED, "verb");
	msg_free(s.final);
	s.final = NULL;
	s.o.verb = PB__VERB__VERB_IDENTIFY;
	s.o.options = list;
	s.o.n_options = 1;
	o.key = golden_text("color");
	order(&s);
	expect_final(&s, ERR_CONFIG, "color");
	msg_free(s.final);
	s.final = NULL;
	o.key = golden_text("colour");
	o.value = golden_text("bad");
	order(&s);
	expect_final(&s, ERR_CONFIG, "got bad");
	close_scene(&s);
}

Test(ferry, digests_that_do_not_fit_the_image_are_refused_before_a_byte)
{
	struct scene s;

	open_scene(&s);
	s.o.chunk_size = CHUNK;
	s.o.image_size = SIZE;
	s.o.image_sha256 = (ProtobufCBinaryData){32, s.sha};
	s.o.chunk_digests = (ProtobufCBinaryData){32, s.digests};
	s.o.verb = PB__VERB__VERB_WRITE;
	order(&s);
	expect_final(&s, ERR_INVALID, "digest per chunk");
	cr_expect_eq(s.n_got, 0);
	close_scene(&s);
}

Test(ferry, package_that_changes_meanwhile_ends_as_toctou_and_no_unsigned_byte_is_sent)
{
	struct scene s;

	open_scene(&s);
	cr_assert_eq(pwrite(s.image, "evil", 4, 3 * CHUNK + 100), 4);
	order_write(&s);
	expect_final(&s, ERR_TOCTOU, NULL);
	read_device(&s);
	cr_expect_leq(s.n_got, 3 * CHUNK);
	cr_expect_arr_eq(s.got, s.bytes, s.n_got);
	close_scene(&s);
}

Test(ferry, package_that_was_cut_meanwhile_ends_as_toctou)
{
	struct scene s;

	open_scene(&s);
	cr_assert_eq(ftruncate(s.image, 2 * CHUNK + 1), 0);
	order_write(&s);
	expect_final(&s, ERR_TOCTOU, NULL);
	close_scene(&s);
}

Test(ferry, link_that_closes_ends_the_order_and_every_later_one)
{
	struct scene s;

	open_scene(&s);
	order(&s);
	for (int i = 0; i < ROUNDS && s.n_got == 0; i++) {
		cr_assert(ferry_step(s.ferry, 10));
		read_device(&s);
	}
	close(s.device);
	s.device = -1;
	expect_final(&s, ERR_LINK, "end of file");
	msg_free(s.final);
	s.final = NULL;
	order(&s);
	expect_final(&s, ERR_LINK, "closed before");
	close_scene(&s);
}

Test(ferry, channel_that_closes_ends_the_session_in_mid_verb)
{
	struct scene s;

	open_scene(&s);
	order(&s);
	cr_assert(ferry_step(s.ferry, 10));
	chan_free(s.flashd);
	s.flashd = NULL;
	bool on = true;
	for (int i = 0; i < ROUNDS && on; i++)
		on = ferry_step(s.ferry, 10);
	cr_expect_not(on);
	close_scene(&s);
}

Test(ferry, second_order_while_a_verb_runs_ends_the_session)
{
	struct scene s;

	open_scene(&s);
	order(&s);
	cr_assert(ferry_step(s.ferry, 10));
	order(&s);
	cr_expect_null(run(&s));
	cr_expect_not(ferry_step(s.ferry, 0));
	close_scene(&s);
}

Test(ferry, link_that_takes_nothing_does_not_spin_and_goes_on_when_it_does)
{
	struct scene s;
	int small = 4096;

	open_scene(&s);
	setsockopt(s.link, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	order_write(&s);
	for (int i = 0; i < 50; i++)
		cr_assert(ferry_step(s.ferry, 1));
	hear(&s);
	cr_expect_null(s.final, "the kernel has no room for all of it");
	expect_final(&s, ERR_OK, NULL);
	read_device(&s);
	cr_expect_arr_eq(s.got, s.bytes, SIZE);
	close_scene(&s);
}
