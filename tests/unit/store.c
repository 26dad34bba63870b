/*
 * The store against a real directory.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kit.h"
#include "sick_calls.h"
#include "store.h"

static char dir[200];

static void
setup(void)
{
	snprintf(dir, sizeof(dir), "%s/subota-store-XXXXXX", kit_tmp());
	cr_assert_not_null(mkdtemp(dir));
}

static int
remove_one(const char *path, const struct stat *st, int flag, struct FTW *w)
{
	(void)st;
	(void)flag;
	(void)w;
	return remove(path);
}

static void
teardown(void)
{
	nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

TestSuite(store, .init = setup, .fini = teardown);

static const uint8_t one[STORE_DIGEST] = {0x0a, 0xff, 1};
static const uint8_t two[STORE_DIGEST] = {0x0b};

static struct store *
open_store(uint64_t quota)
{
	struct store *s = NULL;

	cr_assert_eq(store_open(dir, quota, &s), ERR_OK);
	return s;
}

static void
put(struct store *s, uint64_t job, const char *text)
{
	AUTO(fd) int fd = -1;
	uint64_t size = 0;

	cr_assert_eq(store_incoming_open(s, job, &fd, &size), ERR_OK);
	cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

static bool
there(const char *name)
{
	char path[300];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return lstat(path, &st) == 0;
}

static unsigned
mode_of(const char *name)
{
	char path[300];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	cr_assert_eq(lstat(path, &st), 0);
	return st.st_mode & 07777;
}

Test(store, publishes_an_entry_that_others_may_read_and_nobody_write)
{
	AUTO(store) struct store *s = open_store(1000);
	AUTO(fd) int fd = -1;
	uint64_t size = 0;
	char hex[STORE_HEX + 1], path[100], text[10] = "";

	put(s, 7, "bundle!");
	cr_expect(there("incoming/7.part"));
	cr_assert_eq(store_publish(s, 7, one), ERR_OK);
	cr_expect(!there("incoming/7.part"));
	store_hex(one, hex);
	cr_expect_eq(mode_of(hex), 02750);
	snprintf(path, sizeof(path), "%s/bundle", hex);
	cr_expect_eq(mode_of(path), 0440);
	cr_assert_eq(store_bundle_open(s, one, &fd, &size), ERR_OK);
	cr_expect_eq(size, 7);
	cr_expect_eq(read(fd, text, 9), 7);
	cr_expect_str_eq(text, "bundle!");
}

Test(store, keeps_the_entry_that_is_there_already)
{
	AUTO(store) struct store *s = open_store(1000);
	AUTO(fd) int fd = -1;
	uint64_t size = 0;

	put(s, 1, "first");
	cr_assert_eq(store_publish(s, 1, one), ERR_OK);
	put(s, 2, "second one");
	cr_assert_eq(store_publish(s, 2, one), ERR_OK);
	cr_expect(!there("incoming/2.part"));
	cr_assert_eq(store_bundle_open(s, one, &fd, &size), ERR_OK);
	cr_expect_eq(size, 5);
}

/* trust: store-orphans 40 */
Test(store, publishes_also_where_something_else_stands_in_the_entry_s_place)
{
	AUTO(store) struct store *s = open_store(1 << 20);
	char name[STORE_HEX + 1], path[400];

	store_hex(one, name);
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	for (int kind = 0; kind < 3; kind++) {
		AUTO(fd) int fd = -1;
		uint64_t size = 0;

		cr_assert_eq(kind == 0   ? mkfifo(path, 0600)
			     : kind == 1 ? symlink("/etc", path)
					 : mkdir(path, 0700),
		    0);
		put(s, 1, "bundle");
		cr_assert_eq(store_publish(s, 1, one), ERR_OK, "kind %d", kind);
		cr_expect_eq(store_bundle_open(s, one, &fd, &size), ERR_OK, "kind %d", kind);
		cr_expect_eq(size, 6);
		store_drop(s, one);
		cr_expect_not(there(name));
	}
}

/* Whichever sync it is that fails: the next one would say that all is well. */
Test(store, what_could_not_be_made_durable_is_not_there_for_the_next_one_to_publish)
{
	for (long sync = 0; sync < 3; sync++) {
		AUTO(store) struct store *s = open_store(1 << 20);
		AUTO(fd) int fd = -1;
		uint64_t size = 0;

		put(s, 1, "bundle");
		sick_calls_fail(SICK_SYNC, EIO, sync);
		cr_expect_eq(store_publish(s, 1, one), ERR_SYSTEM, "sync %ld", sync);
		sick_calls_fail(SICK_SYNC, 0, 0);
		cr_expect(strstr(store_why(s), "Input/output error; the disk fails"), "%s",
		    store_why(s));
		cr_expect_eq(store_bundle_open(s, one, &fd, &size), ERR_NOT_FOUND, "%ld", sync);
		store_incoming_drop(s, 1);
		put(s, 2, "bundle");
		cr_expect_eq(store_publish(s, 2, one), ERR_OK, "sync %ld", sync);
		store_drop(s, one);
	}
}

Test(store, lets_no_second_courier_write_while_the_first_one_lives)
{
	AUTO(store) struct store *s = open_store(1000);
	AUTO(fd) int first = -1;
	AUTO(fd) int second = -1;
	uint64_t size = 0;

	cr_assert_eq(store_incoming_open(s, 1, &first, &size), ERR_OK);
	int given = dup(first); /* as a courier gets it */
	cr_assert_eq(store_incoming_lock(first), ERR_OK);
	close(hand_over_fd(&first));
	cr_assert_eq(store_incoming_open(s, 1, &second, &size), ERR_OK);
	cr_assert_eq(store_incoming_lock(second), ERR_BUSY);
	close(given);
	cr_assert_eq(store_incoming_lock(second), ERR_OK);
}

Test(store, resumes_an_incoming_file_where_it_ends)
{
	AUTO(store) struct store *s = open_store(1000);
	AUTO(fd) int fd = -1;
	uint64_t size = 0;

	put(s, 1, "half");
	cr_assert_eq(store_incoming_open(s, 1, &fd, &size), ERR_OK);
	cr_expect_eq(size, 4);
	store_incoming_drop(s, 1);
	store_incoming_drop(s, 1);
	cr_expect(!there("incoming/1.part"));
}

/* Not as root, whom a mode does not keep out. */
static void
become_nobody(void)
{
	enum { NOBODY = 65534 };
	char path[300];

	if (geteuid() != 0)
		return;
	snprintf(path, sizeof(path), "%s/incoming", dir);
	cr_assert_eq(chown(path, NOBODY, NOBODY), 0);
	snprintf(path, sizeof(path), "%s/incoming/1.part", dir);
	cr_assert_eq(chown(path, NOBODY, NOBODY), 0);
	cr_assert_eq(chmod(dir, 0755), 0);
	cr_assert_eq(seteuid(NOBODY), 0);
}

/* trust: 56 */
Test(store, goes_on_with_a_file_that_was_made_read_only_and_not_published_any_more)
{
	AUTO(store) struct store *s = open_store(1000);
	char path[300];
	uint64_t size = 0;
	AUTO(fd) int fd = -1;

	put(s, 1, "good");
	snprintf(path, sizeof(path), "%s/incoming/1.part", dir);
	cr_assert_eq(chmod(path, 0440), 0);
	become_nobody();
	cr_expect_eq(store_incoming_open(s, 1, &fd, &size), ERR_OK);
	cr_expect_eq(size, 4);
	cr_expect_eq(pwrite(fd, "more", 4, 4), 4);
	cr_expect_eq(seteuid(getuid()), 0);
}

/* trust: 40 */
Test(store, follows_no_link_and_opens_no_fifo)
{
	AUTO(store) struct store *s = open_store(1000);
	char hex[STORE_HEX + 1], path[300], from[300];
	uint64_t size = 0;
	int fd = -1;

	put(s, 1, "good");
	cr_assert_eq(store_publish(s, 1, one), ERR_OK);
	store_hex(one, hex);
	snprintf(path, sizeof(path), "%s/%s/bundle", dir, hex);
	cr_assert_eq(unlink(path), 0);
	cr_expect_eq(store_bundle_open(s, one, &fd, &size), ERR_NOT_FOUND);
	cr_assert_eq(symlink("/etc/passwd", path), 0);
	cr_expect_eq(store_bundle_open(s, one, &fd, &size), ERR_CORRUPT);
	cr_assert_eq(unlink(path), 0);
	cr_assert_eq(mkfifo(path, 0600), 0);
	cr_expect_eq(store_bundle_open(s, one, &fd, &size), ERR_CORRUPT);
	snprintf(from, sizeof(from), "%s/incoming/9.part", dir);
	cr_assert_eq(symlink("/tmp/subota-never", from), 0);
	cr_expect_eq(store_incoming_open(s, 9, &fd, &size), ERR_CORRUPT);
}

/* trust: store-quota */
Test(store, counts_what_it_holds_against_the_quota)
{
	AUTO(store) struct store *s = open_store(10);

	cr_expect_eq(store_room(s, 10), ERR_OK);
	cr_expect_eq(store_room(s, 11), ERR_QUOTA);
	put(s, 1, "12345");
	cr_expect_eq(store_used(s), 5);
	cr_expect_eq(store_room(s, 5), ERR_OK);
	cr_expect_eq(store_room(s, 6), ERR_QUOTA);
	cr_assert_eq(store_publish(s, 1, one), ERR_OK);
	cr_expect_eq(store_used(s), 5);
	store_drop(s, one);
	store_drop(s, one);
	cr_expect_eq(store_used(s), 0);
}

/* trust: 57 */
Test(store, says_full_before_the_disk_is)
{
	AUTO(store) struct store *s = open_store(UINT64_MAX);

	cr_expect_eq(store_room(s, UINT64_MAX / 2), ERR_FULL);
}

static bool
knows_job(void *arg, uint64_t job)
{
	(void)arg;
	return job == 1;
}

static bool
knows_entry(void *arg, const uint8_t digest[STORE_DIGEST])
{
	(void)arg;
	return memcmp(digest, one, STORE_DIGEST) == 0;
}

/* trust: store-orphans */
Test(store, sweeps_away_what_nobody_knows_and_nothing_else)
{
	AUTO(store) struct store *s = open_store(1000);
	struct store_known known = {knows_job, knows_entry, NULL};
	char hex[STORE_HEX + 1], path[300];

	put(s, 3, "x");
	cr_assert_eq(store_publish(s, 3, one), ERR_OK);
	put(s, 4, "x");
	cr_assert_eq(store_publish(s, 4, two), ERR_OK);
	put(s, 1, "known");
	put(s, 2, "unknown");
	snprintf(path, sizeof(path), "%s/incoming/half.new", dir);
	cr_assert_eq(mkdir(path, 0750), 0);
	snprintf(path, sizeof(path), "%s/incoming/half.new/bundle", dir);
	close(open(path, O_CREAT | O_WRONLY, 0600));
	snprintf(path, sizeof(path), "%s/notes.txt", dir);
	close(open(path, O_CREAT | O_WRONLY, 0600));

	store_sweep(s, &known);
	cr_expect(there("incoming/1.part"));
	cr_expect(!there("incoming/2.part"));
	cr_expect(!there("incoming/half.new"));
	cr_expect(there("notes.txt"));
	store_hex(one, hex);
	cr_expect(there(hex));
	store_hex(two, hex);
	cr_expect(!there(hex));
}

static bool
knows_nothing(void *arg, const uint8_t digest[STORE_DIGEST])
{
	(void)arg, (void)digest;
	return false;
}

static bool
knows_no_job(void *arg, uint64_t job)
{
	(void)arg, (void)job;
	return false;
}

/* A full directory stands where the entry would be moved to, as a disk error would. */
/* trust: store-orphans */
Test(store, what_could_not_be_removed_is_remembered_and_goes_with_the_next_sweep)
{
	const struct store_known known = {knows_no_job, knows_nothing, NULL};
	struct store *s = open_store(1 << 20);
	char name[STORE_HEX + 1], gone[400], inside[410];

	store_hex(one, name);
	put(s, 7, "a bundle");
	cr_assert_eq(store_publish(s, 7, one), ERR_OK);
	cr_expect_not(store_left_something(s));
	snprintf(gone, sizeof(gone), "%s/incoming/%s.gone", dir, name);
	snprintf(inside, sizeof(inside), "%s/full", gone);
	cr_assert_eq(mkdir(gone, 0700) | mkdir(inside, 0700), 0);
	store_drop(s, one);
	cr_expect(store_left_something(s));
	cr_expect(there(name), "the entry is still there");
	cr_assert_eq(rmdir(inside), 0);
	store_sweep(s, &known);
	cr_expect_not(there(name));
	cr_expect_not(store_left_something(s));
	store_close(s);
}

/* A directory stands in the file's place: root, who runs these tests, may do all else. */
/* trust: store-orphans 57 */
Test(store, what_is_in_the_way_of_an_incoming_file_is_named_and_goes_with_the_next_sweep)
{
	const struct store_known known = {knows_no_job, knows_nothing, NULL};
	AUTO(store) struct store *s = open_store(1 << 20);
	char path[400], expected[500];
	uint64_t size = 0;
	int fd = -1;

	snprintf(path, sizeof(path), "%s/incoming/7.part", dir);
	cr_assert_eq(mkdir(path, 0700), 0);
	cr_expect_neq(store_incoming_open(s, 7, &fd, &size), ERR_OK);
	snprintf(expected, sizeof(expected),
	    "expected to open incoming file 7.part in %.70s, got: Is a directory", dir);
	cr_expect_str_eq(store_why(s), expected);
	store_incoming_drop(s, 7);
	cr_expect(store_left_something(s), "what was to be removed and is there");
	store_sweep(s, &known);
	cr_expect_not(there("incoming/7.part"));
	cr_expect_not(store_left_something(s));
}

/* trust: 60 */
Test(store, reads_only_its_own_kind_of_hex)
{
	uint8_t digest[STORE_DIGEST];
	char hex[STORE_HEX + 2];

	store_hex(one, hex);
	cr_expect(store_unhex(hex, digest));
	cr_expect_eq(memcmp(digest, one, STORE_DIGEST), 0);
	hex[3] = 'F';
	cr_expect(!store_unhex(hex, digest));
	hex[3] = 'f';
	hex[STORE_HEX] = '0';
	hex[STORE_HEX + 1] = 0;
	cr_expect(!store_unhex(hex, digest));
	cr_expect(!store_unhex("", digest));
}
