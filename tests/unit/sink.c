/*
 * The sink against real files.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kit.h"
#include "sink.h"

enum { BODY = 1000003 };

static uint8_t *
make_body(void)
{
	uint8_t *b = malloc(BODY);

	for (size_t i = 0; i < BODY; i++)
		b[i] = (uint8_t)(i * 2654435761u >> 13);
	return b;
}

static int
temp_file(void)
{
	char path[200];

	snprintf(path, sizeof(path), "%s/subota-sink-XXXXXX", kit_tmp());
	int fd = mkstemp(path);

	cr_assert_geq(fd, 0);
	unlink(path);
	return fd;
}

static void
expect_digests(const uint8_t *body, size_t len, const uint8_t *md5, const uint8_t *sha256)
{
	uint8_t want[32];

	EVP_Digest(body, len, want, NULL, EVP_md5(), NULL);
	cr_expect_eq(memcmp(want, md5, 16), 0);
	EVP_Digest(body, len, want, NULL, EVP_sha256(), NULL);
	cr_expect_eq(memcmp(want, sha256, 32), 0);
}

static size_t
file_size(int fd)
{
	struct stat st;

	cr_assert_eq(fstat(fd, &st), 0);
	return (size_t)st.st_size;
}

Test(sink, writes_and_hashes_everything_it_gets)
{
	AUTO(mem) uint8_t *body = make_body();
	AUTO(fd) int fd = temp_file();
	AUTO(sink) struct sink *s = NULL;
	struct sink_setup setup = {fd, 0, 0, 100000, true, true};
	uint8_t md5[16], sha256[32];

	cr_assert_eq(sink_new(&setup, &s), ERR_OK);
	for (size_t at = 0, n = 1; at < BODY; at += n, n = n * 3 % 70001 + 1) {
		n = n < BODY - at ? n : BODY - at;
		cr_assert_eq(sink_put(s, body + at, n), ERR_OK);
		cr_expect_leq(sink_size(s) - sink_written(s), SINK_PIECE);
	}
	cr_assert_eq(sink_finish(s, md5, sha256), ERR_OK);
	expect_digests(body, BODY, md5, sha256);
	cr_expect_eq(sink_durable(s), BODY);
	uint8_t *file = mmap(NULL, BODY, PROT_READ, MAP_PRIVATE, fd, 0);
	cr_expect_eq(memcmp(file, body, BODY), 0);
	munmap(file, BODY);
}

Test(sink, hashes_the_prefix_of_a_resumed_file_and_cuts_what_lies_behind_it)
{
	AUTO(mem) uint8_t *body = make_body();
	AUTO(fd) int fd = temp_file();
	AUTO(sink) struct sink *s = NULL;
	struct sink_setup setup = {fd, 0, 300000, 0, true, true};
	uint8_t md5[16], sha256[32];

	cr_assert_eq(write(fd, body, 300000), 300000);
	cr_assert_eq(write(fd, "garbage", 7), 7);
	cr_assert_eq(sink_new(&setup, &s), ERR_OK);
	cr_expect_eq(file_size(fd), 300000);
	cr_assert_eq(sink_put(s, body + 300000, BODY - 300000), ERR_OK);
	cr_assert_eq(sink_finish(s, md5, sha256), ERR_OK);
	expect_digests(body, BODY, md5, sha256);
}

/* rule: url-files */
Test(sink, a_file_behind_others_leaves_those_alone)
{
	AUTO(mem) uint8_t *body = make_body();
	AUTO(fd) int fd = temp_file();
	AUTO(sink) struct sink *s = NULL;
	struct sink_setup setup = {fd, 1000, 200, 50000, true, true};
	uint8_t md5[16], sha256[32], before[1000];

	cr_assert_eq(write(fd, body + 7, 1000), 1000);
	cr_expect_eq(sink_new(&setup, &s), ERR_LIMIT, "shorter than it should be");
	cr_assert_eq(write(fd, body, 200), 200);
	cr_assert_eq(write(fd, "garbage", 7), 7);
	cr_assert_eq(sink_new(&setup, &s), ERR_OK);
	cr_expect_eq(sink_size(s), 200);
	cr_assert_eq(sink_put(s, body + 200, 100000), ERR_OK);
	cr_assert_eq(sink_restart(s), ERR_OK);
	cr_expect_eq(file_size(fd), 1000);
	cr_assert_eq(sink_put(s, body, BODY), ERR_OK);
	cr_assert_eq(sink_finish(s, md5, sha256), ERR_OK);
	expect_digests(body, BODY, md5, sha256);
	cr_expect_eq(file_size(fd), BODY + 1000);
	cr_expect_eq(sink_durable(s), BODY);
	cr_assert_eq(pread(fd, before, sizeof(before), 0), (ssize_t)sizeof(before));
	cr_expect_eq(memcmp(before, body + 7, sizeof(before)), 0);
}

Test(sink, begins_at_zero_after_a_restart)
{
	AUTO(mem) uint8_t *body = make_body();
	AUTO(fd) int fd = temp_file();
	AUTO(sink) struct sink *s = NULL;
	struct sink_setup setup = {fd, 0, 0, 50000, true, true};
	uint8_t md5[16], sha256[32];

	cr_assert_eq(sink_new(&setup, &s), ERR_OK);
	for (int i = 0; i < 20; i++) {
		cr_assert_eq(sink_put(s, body + 1, BODY - 500000), ERR_OK);
		cr_assert_eq(sink_restart(s), ERR_OK);
		cr_expect_eq(sink_size(s), 0);
		cr_expect_eq(sink_durable(s), 0);
	}
	cr_assert_eq(sink_put(s, body, BODY), ERR_OK);
	cr_assert_eq(sink_finish(s, md5, sha256), ERR_OK);
	expect_digests(body, BODY, md5, sha256);
	cr_expect_eq(file_size(fd), BODY);
}

Test(sink, settles_what_it_has_before_an_early_end)
{
	AUTO(fd) int fd = temp_file();
	AUTO(sink) struct sink *s = NULL;
	struct sink_setup setup = {fd, 0, 0, 0, false, false};

	cr_assert_eq(sink_new(&setup, &s), ERR_OK);
	cr_assert_eq(sink_put(s, "abc", 3), ERR_OK);
	cr_expect_eq(sink_durable(s), 0);
	cr_assert_eq(sink_settle(s), ERR_OK);
	cr_expect_eq(sink_durable(s), 3);
	cr_expect_eq(file_size(fd), 3);
}

Test(sink, refuses_a_file_that_is_shorter_than_the_offset)
{
	AUTO(fd) int fd = temp_file();
	struct sink *s = NULL;
	struct sink_setup setup = {fd, 0, 1, 0, false, true};

	cr_expect_eq(sink_new(&setup, &s), ERR_LIMIT);
	cr_expect_null(s);
}

Test(sink, says_full_when_the_file_may_not_grow)
{
	AUTO(mem) uint8_t *body = make_body();
	AUTO(fd) int fd = temp_file();
	AUTO(sink) struct sink *s = NULL;
	struct sink_setup setup = {fd, 0, 0, 0, false, true};
	struct rlimit limit = {200000, 200000};

	signal(SIGXFSZ, SIG_IGN);
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	cr_assert_eq(sink_new(&setup, &s), ERR_OK);
	cr_expect_eq(sink_put(s, body, BODY), ERR_FULL);
	cr_expect_eq(sink_written(s), 200000);
}
