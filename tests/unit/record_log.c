/*
 * record_log: the log of a database is bounded, and it is no other database's and of no other time.
 */
#include "record_scene.h"
#include "tool.h"

enum { MANY = 3000, LOG_MAX = 1 << 20, SLACK = 65536 };

static off_t
size_of(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? st.st_size : 0;
}

static struct record *
open_it(const char *path)
{
	struct record *r = NULL;
	bool fresh = false;

	cr_assert_eq(record_open(path, schema, 2, &fresh, &r), ERR_OK, "%s", path);
	return r;
}

static void
change(struct record *r, int64_t times)
{
	for (int64_t i = 0; i < times; i++)
		cr_assert_eq(
		    record_run(r, "UPDATE thing SET size = size + 1 WHERE id = 1", ""), ERR_OK);
}

static int64_t
size_in(struct record *r)
{
	int64_t n = -1;

	cr_assert_eq(record_get_int(r, &n, "SELECT size FROM thing WHERE id = 1", ""), ERR_OK);
	return n;
}

/* What is there of `dir`/db after the power went: not damaged, with this value. */
static void
expect_survives(const char *dir, int64_t want)
{
	AUTO(mem) char *after = in(dir, "after");

	cut_power(dir, "db", "after");
	AUTO(record) struct record *r = open_it(after);
	cr_expect(!record_was_damaged(r), "at %lld", (long long)want);
	cr_expect_eq(size_in(r), want);
}

/* trust: record-wal */
Test(record_log, is_bounded_and_begun_anew_while_the_daemon_runs, .timeout = 120)
{
	AUTO(scratch) char *dir = kit_scratch();
	AUTO(mem) char *path = in(dir, "db"), *wal = in(dir, "db-wal"), *alone = in(dir, "alone");
	AUTO(record) struct record *r = open_at(path, 2, true);
	off_t most = 0;

	for (int i = 0; i < MANY; i++) {
		change(r, 1);
		most = size_of(wal) > most ? size_of(wal) : most;
		if (i % 97 == 0)
			expect_survives(dir, 5 + i + 1);
	}
	cr_expect_lt(most, LOG_MAX + SLACK, "the log has grown to %lld bytes", (long long)most);
	copy(path, alone);
	AUTO(record) struct record *old = open_it(alone);
	cr_expect_gt(size_in(old), 1000, "the database itself is not left behind");
}

/* Whichever statement begins a log: by itself or in a transaction, rolled back or not. */
/* trust: record-wal */
Test(record_log, survives_the_power_at_each_step_of_a_new_log)
{
	AUTO(scratch) char *dir = kit_scratch();
	AUTO(mem) char *path = in(dir, "db");
	int64_t want = 5;

	record_close(open_at(path, 2, true));
	for (int life = 0; life < 6; life++) {
		struct record *r = open_it(path);

		if (life % 2) {
			cr_assert_eq(record_begin(r), ERR_OK);
			change(r, 1);
			record_rollback(r);
		}
		if (life % 3) {
			cr_assert_eq(record_begin(r), ERR_OK);
			change(r, 2);
			cr_assert_eq(record_commit(r), ERR_OK);
			want += 2;
			expect_survives(dir, want);
		}
		change(r, 1);
		expect_survives(dir, ++want);
		record_close(r);
	}
}

/* trust: record-wal */
Test(record_log, of_a_later_life_is_not_taken_beside_a_restored_backup, .timeout = 120)
{
	AUTO(scratch) char *dir = kit_scratch();
	AUTO(mem) char *path = in(dir, "db"), *wal = in(dir, "db-wal");
	AUTO(mem) char *backup = in(dir, "backup"), *backup_wal = in(dir, "backup-wal");
	static const int lives[] = {1, 2, 5};

	for (size_t i = 0; i < sizeof(lives) / sizeof(lives[0]); i++) {
		record_close(open_it(path));
		copy(path, backup);
		for (int life = 0; life < lives[i]; life++) {
			struct record *r = open_it(path);

			change(r, 3);
			record_close(r);
		}
		struct record *r = open_it(path);

		change(r, 1); /* a page of its rows, not the first */
		copy(wal, backup_wal);
		record_close(r);
		AUTO(record) struct record *restored = open_it(backup);
		cr_expect(record_was_damaged(restored), "after %d lives", lives[i]);
	}
}

/* trust: record-wal */
Test(record_log, of_another_database_of_the_same_schema_is_not_taken)
{
	AUTO(scratch) char *dir = kit_scratch();
	AUTO(mem) char *path = in(dir, "db"), *wal = in(dir, "db-wal");
	AUTO(mem) char *other = in(dir, "other"), *other_wal = in(dir, "other-wal");

	record_close(open_at(path, 2, true));
	record_close(open_at(other, 2, true));
	struct record *r = open_it(other);

	change(r, 1);
	copy(other_wal, wal);
	record_close(r);
	AUTO(record) struct record *again = open_it(path);
	cr_expect(record_was_damaged(again));
	cr_expect(there(dir, "db.corrupt-1-wal"), "both are kept for whoever looks");
}

Test(record_log, is_begun_by_a_change_and_not_by_a_start)
{
	AUTO(scratch) char *dir = kit_scratch();
	AUTO(mem) char *path = in(dir, "db"), *wal = in(dir, "db-wal"), *before = in(dir, "before");

	record_close(open_at(path, 2, true));
	copy(path, before);
	struct record *r = open_it(path);

	cr_expect_eq(size_in(r), 5);
	cr_expect_eq(size_of(wal), 0);
	record_close(r);
	struct tool_result same = TOOL(dir, "cmp", "db", "before");
	cr_expect_eq(same.status, 0, "%s", same.out);
}

/* --- spoilt ----------------------------------------------------------------------------------- */

enum { HEADER = 32, FRAME = 24 + 1024, BIT = 4, LAST = 5 };

static void
flip(const char *path, off_t at)
{
	AUTO(fd) int fd = open(path, O_RDWR);
	uint8_t byte = 0;

	cr_assert_eq(pread(fd, &byte, 1, at), 1);
	byte ^= BIT;
	cr_assert_eq(pwrite(fd, &byte, 1, at), 1);
}

/* The log's own, four more of one page, and one of three pages: row, rest of it, the first. */
static struct record *
five(const char *path)
{
	struct record *r = open_it(path);

	change(r, 4);
	cr_assert_eq(
	    record_run(r, "UPDATE thing SET size = 10, data = zeroblob(1500) WHERE id = 1", ""),
	    ERR_OK);
	return r;
}

/* All of it is committed; a bit in it that flips would take back what came after. */
/* trust: record-wal */
Test(record_log, with_a_flipped_bit_amid_what_was_committed_is_found, .timeout = 60)
{
	AUTO(scratch) char *dir = kit_scratch();
	AUTO(mem)
	char *path = in(dir, "db"), *after = in(dir, "after"), *wal = in(dir, "after-wal");

	record_close(open_at(path, 2, true));
	struct record *r = five(path);

	cut_power(dir, "db", "after");
	off_t size = size_of(wal);
	for (off_t at = 0; at < size; at += at < HEADER ? 1 : 71) {
		cut_power(dir, "db", "after");
		flip(wal, at);
		off_t in_frame = at < HEADER ? 0 : (at - HEADER) % FRAME;
		off_t frame = at < HEADER ? 0 : (at - HEADER) / FRAME;
		/* one in the last transaction cannot be told from a torn one; one in a salt makes
		 * a frame of an older log of it */
		bool last = frame >= LAST;
		AUTO(record) struct record *again = open_it(after);

		if (!last && (in_frame < 8 || in_frame >= 16))
			cr_expect(record_was_damaged(again), "byte %ld", (long)at);
		if (!record_was_damaged(again))
			cr_expect_geq(size_in(again), 5);
	}
	record_close(r);
}

/* trust: record-wal */
Test(record_log, that_was_torn_anywhere_in_its_last_transaction_is_not_damaged)
{
	AUTO(scratch) char *dir = kit_scratch();
	AUTO(mem)
	char *path = in(dir, "db"), *after = in(dir, "after"), *wal = in(dir, "after-wal");

	record_close(open_at(path, 2, true));
	struct record *r = five(path);

	for (off_t cut = 1; cut < 2 * FRAME; cut += 97) {
		cut_power(dir, "db", "after");
		cr_assert_eq(truncate(wal, size_of(wal) - cut), 0);
		cr_assert_eq(truncate(wal, size_of(wal) + cut), 0);
		AUTO(record) struct record *again = open_it(after);

		cr_expect(!record_was_damaged(again), "the last %ld bytes are 0", (long)cut);
		cr_expect_geq(size_in(again), 8);
	}
	cut_power(dir, "db", "after");
	flip(wal, size_of(wal) - 2 * FRAME + 100);
	AUTO(record) struct record *again = open_it(after);
	cr_expect(!record_was_damaged(again), "its first page is torn, its last is whole");
	cr_expect_eq(size_in(again), 9);
	record_close(r);
}
