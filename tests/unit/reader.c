/*
 * The image reader: whoever writes to the file meanwhile, only signed bytes come out.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sodium.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

#include "reader.h"
#include "sick_calls.h"

enum { OFFSET = 1536, SIZE = 100000, CHUNK = 4096, CHUNKS = (SIZE - 1) / CHUNK + 1 };

struct scene {
	int fd;
	uint8_t image[SIZE];
	uint8_t digests[CHUNKS * READER_DIGEST];
	struct reader_order order;
};

static void
open_scene(struct scene *s)
{
	s->fd = memfd_create("bundle", MFD_CLOEXEC);
	for (size_t i = 0; i < SIZE; i++)
		s->image[i] = (uint8_t)(i * 2654435761u >> 9);
	cr_assert_eq(pwrite(s->fd, s->image, SIZE, OFFSET), SIZE);
	cr_assert_eq(pwrite(s->fd, "behind it", 9, OFFSET + SIZE), 9);
	for (size_t i = 0; i < CHUNKS; i++)
		crypto_generichash(s->digests + i * READER_DIGEST, READER_DIGEST,
		    s->image + i * CHUNK, i == CHUNKS - 1 ? SIZE - i * CHUNK : CHUNK, NULL, 0);
	s->order = (struct reader_order){
	    s->fd, OFFSET, SIZE, CHUNK, s->digests, sizeof(s->digests)};
}

static struct reader *
new_reader(struct scene *s)
{
	struct reader *r = NULL;

	cr_assert_eq(reader_new(&s->order, &r), ERR_OK);
	return r;
}

static void
expect_bytes(struct scene *s, struct reader *r, uint64_t at, size_t len)
{
	uint8_t out[SIZE];

	cr_assert_eq(reader_read(r, at, out, len), ERR_OK);
	cr_expect_eq(memcmp(out, s->image + at, len), 0, "at %zu, %zu bytes", (size_t)at, len);
}

Test(reader, hands_out_every_byte_at_any_offset_and_length)
{
	struct scene s;

	open_scene(&s);
	AUTO(reader) struct reader *r = new_reader(&s);
	expect_bytes(&s, r, 0, SIZE);
	expect_bytes(&s, r, 0, 1);
	expect_bytes(&s, r, CHUNK - 1, 2);
	expect_bytes(&s, r, CHUNK, CHUNK);
	expect_bytes(&s, r, SIZE - 1, 1);
	expect_bytes(&s, r, 5, 3 * CHUNK);
	expect_bytes(&s, r, SIZE, 0);
	cr_expect_eq(reader_error(r), ERR_OK);
	close(s.fd);
}

Test(reader, refuses_to_read_past_the_end)
{
	struct scene s;
	uint8_t out[16];

	open_scene(&s);
	AUTO(reader) struct reader *r = new_reader(&s);
	cr_expect_eq(reader_read(r, SIZE - 1, out, 2), ERR_LIMIT);
	cr_expect_eq(reader_read(r, SIZE, out, 1), ERR_LIMIT);
	cr_expect_eq(reader_read(r, UINT64_MAX, out, 2), ERR_LIMIT);
	close(s.fd);
}

Test(reader, refuses_an_order_whose_numbers_do_not_fit)
{
	struct scene s;
	struct reader *r = NULL;

	open_scene(&s);
#define REFUSED(field, value) \
	do { \
		struct reader_order o = s.order; \
		o.field = (value); \
		cr_expect_eq(reader_new(&o, &r), ERR_INVALID, #field " = " #value); \
	} while (0)
	REFUSED(size, 0);
	REFUSED(size, SIZE + CHUNK);
	REFUSED(size, UINT64_MAX);
	REFUSED(size, (uint64_t)INT64_MAX);
	REFUSED(chunk_size, 0);
	REFUSED(chunk_size, CHUNK / 2);
	REFUSED(chunk_size, READER_CHUNK_MAX + 1);
	REFUSED(digests_len, sizeof(s.digests) - 1);
	REFUSED(digests_len, sizeof(s.digests) - READER_DIGEST);
	REFUSED(digests_len, 0);
	REFUSED(offset, UINT64_MAX);
#undef REFUSED
	close(s.fd);
}

/* trust: 38 40 43 */
Test(reader, one_changed_bit_in_a_chunk_is_found_and_the_rest_is_still_good)
{
	struct scene s;
	uint8_t out[CHUNK], bad = 0;

	open_scene(&s);
	AUTO(reader) struct reader *r = new_reader(&s);
	bad = s.image[3 * CHUNK + 17] ^ 1;
	cr_assert_eq(pwrite(s.fd, &bad, 1, OFFSET + 3 * CHUNK + 17), 1);
	memset(out, 0xee, sizeof(out));
	cr_expect_eq(reader_read(r, 3 * CHUNK, out, CHUNK), ERR_TOCTOU);
	for (size_t i = 0; i < CHUNK; i++)
		cr_assert_eq(out[i], 0xee, "nothing of it was handed out");
	expect_bytes(&s, r, 2 * CHUNK, CHUNK);
	expect_bytes(&s, r, 4 * CHUNK, CHUNK);
	cr_expect_eq(reader_error(r), ERR_TOCTOU);
	close(s.fd);
}

Test(reader, what_was_read_stays_what_it_was)
{
	struct scene s;

	open_scene(&s);
	AUTO(reader) struct reader *r = new_reader(&s);
	expect_bytes(&s, r, 0, 10);
	cr_assert_eq(pwrite(s.fd, "evil", 4, OFFSET), 4);
	expect_bytes(&s, r, 0, CHUNK); /* from our own buffer */
	close(s.fd);
}

Test(reader, a_file_that_became_shorter_has_changed)
{
	struct scene s;
	uint8_t out[1];

	open_scene(&s);
	AUTO(reader) struct reader *r = new_reader(&s);
	cr_assert_eq(ftruncate(s.fd, OFFSET + SIZE - 1), 0);
	cr_expect_eq(reader_read(r, SIZE - 1, out, 1), ERR_TOCTOU);
	close(s.fd);
}

/* --- a writer that never rests ---- */

struct writer {
	int fd;
	atomic_bool stop;
	atomic_uint rounds;
};

/* The image as it is, then a byte of every chunk turned over, and so on, as fast as it can. */
static void *
scribble(void *arg)
{
	struct writer *w = arg;

	while (!atomic_load(&w->stop)) {
		for (size_t i = 0; i < CHUNKS; i++) {
			uint8_t byte = 0;
			off_t at = OFFSET + (off_t)(i * CHUNK + i);

			if (pread(w->fd, &byte, 1, at) != 1)
				return NULL;
			byte ^= 0x80;
			if (pwrite(w->fd, &byte, 1, at) != 1)
				return NULL;
		}
		atomic_fetch_add(&w->rounds, 1);
	}
	return NULL;
}

/* trust: 38 39 */
Test(reader, under_a_writer_loop_delivers_signed_bytes_or_an_error, .timeout = 30)
{
	struct scene s;
	struct writer w = {0};
	pthread_t thread;
	unsigned good = 0, bad = 0;

	open_scene(&s);
	AUTO(reader) struct reader *r = new_reader(&s);
	w.fd = s.fd;
	cr_assert_eq(pthread_create(&thread, NULL, scribble, &w), 0);
	while (atomic_load(&w.rounds) == 0)
		;
	for (unsigned i = 0; (good < 50 || bad < 50) && i < 2000000; i++) {
		uint8_t out[64];
		uint64_t at = (uint64_t)i * 40503 % (SIZE - sizeof(out));
		enum err e = reader_read(r, at, out, sizeof(out));

		cr_assert(e == ERR_OK || e == ERR_TOCTOU, "%s", err_name(e));
		if (e == ERR_OK)
			cr_assert_eq(memcmp(out, s.image + at, sizeof(out)), 0);
		good += e == ERR_OK;
		bad += e == ERR_TOCTOU;
	}
	atomic_store(&w.stop, true);
	pthread_join(thread, NULL);
	cr_expect_geq(bad, 50, "the writer was seen %u times", bad);
	cr_expect_geq(good, 50, "%u reads succeeded", good);
	close(s.fd);
}

/* trust: 57 */
Test(reader, bytes_that_the_disk_does_not_give_back_are_a_spoilt_image)
{
	struct scene s;
	uint8_t out[10];

	open_scene(&s);
	AUTO(reader) struct reader *r = new_reader(&s);
	sick_calls_fail(SICK_READ, EIO, OFFSET + CHUNK);
	cr_expect_eq(reader_read(r, 0, out, sizeof(out)), ERR_OK);
	cr_expect_eq(reader_read(r, CHUNK, out, sizeof(out)), ERR_CORRUPT);
	cr_expect_eq(reader_error(r), ERR_CORRUPT);
	sick_calls_fail(SICK_READ, 0, 0);
	expect_bytes(&s, r, CHUNK, sizeof(out));
	sick_calls_fail(SICK_READ, EPERM, 0);
	cr_expect_eq(reader_read(r, 0, out, sizeof(out)), ERR_SYSTEM, "that is no word about it");
}
