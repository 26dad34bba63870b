/*
 * record_daemons: what each daemon makes of its own database when it was cut, has flipped bits, no
 * byte, a log of another one, or was made by a newer program, or by another one.
 */
#include <sqlite3.h>

#include "book.h"
#include "ledger.h"
#include "outbox.h"
#include "record_scene.h"
#include "record_sum.h"

struct opened {
	struct outbox o;
	struct subdevices devices;
	struct book b;
	struct ledger l;
	struct record *record; /* of whichever it is */
};

static enum err
open_cloudd(const char *path, struct opened *out, bool *fresh)
{
	static const struct dialect_sub gateway = {"pGW", "gw1"};
	enum err e = outbox_open(path, &gateway, 1000, &out->o, &out->devices, fresh);

	out->record = out->o.record;
	if (e == ERR_OK && *fresh) /* what is not yet on the disk */
		e = outbox_save(&out->o, &out->devices, 1000);
	return e;
}

static void
close_cloudd(struct opened *c)
{
	outbox_close(&c->o);
	subdevice_free_all(&c->devices);
}

static enum err
open_fetchd(const char *path, struct opened *out, bool *fresh)
{
	enum err e = book_open(path, &out->b, fresh);

	out->record = out->b.record;
	return e;
}

static void
close_fetchd(struct opened *c)
{
	book_close(&c->b);
}

static enum err
open_flashd(const char *path, struct opened *out, bool *fresh)
{
	enum err e = ledger_open(path, (struct mono){1000}, &out->l, fresh);

	out->record = out->l.record;
	return e;
}

static void
close_flashd(struct opened *c)
{
	ledger_close(&c->l);
}

static const struct {
	const char name[8];
	enum err (*open)(const char *path, struct opened *out, bool *fresh);
	void (*close)(struct opened *c);
} daemons[] = {
    {"cloudd", open_cloudd, close_cloudd},
    {"fetchd", open_fetchd, close_fetchd},
    {"flashd", open_flashd, close_flashd},
};

enum { DAEMONS = 3 };

/* --- harm ------------------------------------------------------------------------------------- */

static off_t
size_of(const char *path)
{
	struct stat st;

	cr_assert_eq(stat(path, &st), 0, "%s", path);
	return st.st_size;
}

static void
cut(const char *path)
{
	cr_assert_eq(truncate(path, size_of(path) / 2 + 100), 0);
}

static void
empty(const char *path)
{
	cr_assert_eq(truncate(path, 0), 0);
}

static void
flip(const char *path)
{
	AUTO(fd) int fd = open(path, O_RDWR);
	uint8_t byte = 0;

	/* in the first page: the list of tables */
	cr_assert_eq(pread(fd, &byte, 1, 900), 1);
	byte ^= 1;
	cr_assert_eq(pwrite(fd, &byte, 1, 900), 1);
}

static void
overwrite(const char *path)
{
	AUTO(fd) int fd = open(path, O_RDWR);

	cr_assert_eq(pwrite(fd, "this was a database", 19, 0), 19);
}

/* The log of one that somebody else made, with the same tables. */
static void
give_foreign_log(const char *path)
{
	AUTO(mem) char *other = NULL, *from = NULL, *to = NULL;
	struct opened c = {0};
	bool fresh = false;

	cr_assert_gt(asprintf(&other, "%s.other", path), 0);
	cr_assert_gt(asprintf(&from, "%s-wal", other), 0);
	cr_assert_gt(asprintf(&to, "%s-wal", path), 0);
	for (size_t i = 0; i < DAEMONS; i++) {
		if (!strstr(path, daemons[i].name))
			continue;
		cr_assert_eq(daemons[i].open(other, &c, &fresh), ERR_OK);
		cr_assert_eq(record_run(c.record, "CREATE TABLE stranger(x)", ""), ERR_OK);
		copy(from, to);
		daemons[i].close(&c);
	}
}

static const struct {
	const char name[20];
	void (*harm)(const char *path);
} harms[] = {
    {"cut", cut},
    {"empty", empty},
    {"flipped", flip},
    {"overwritten", overwrite},
    {"a foreign log", give_foreign_log},
};

/* --- tests ------------------------------------------------------------------------------------ */

/* Opened and closed, with a number in it that a new one would not have. */
static void
prepare(size_t daemon, const char *path)
{
	struct opened c = {0};
	bool fresh = false;

	cr_assert_eq(daemons[daemon].open(path, &c, &fresh), ERR_OK);
	cr_expect(fresh);
	cr_assert_eq(record_run(c.record, "CREATE TABLE mark(x)", ""), ERR_OK);
	daemons[daemon].close(&c);
}

static bool
has_mark(struct record *r)
{
	int64_t n = 0;

	return record_get_int(
		   r, &n, "SELECT count(*) FROM sqlite_schema WHERE name = 'mark'", "") == ERR_OK &&
	       n == 1;
}

/* trust: record-sums record-wal record-aside */
Test(record_daemons, none_believes_half_of_a_database_that_was_harmed)
{
	for (size_t k = 0; k < DAEMONS * (sizeof(harms) / sizeof(harms[0])); k++) {
		size_t d = k % DAEMONS, h = k / DAEMONS;
		AUTO(scratch) char *dir = kit_scratch();
		AUTO(mem) char *path = in(dir, daemons[d].name);
		struct opened c = {0};
		bool fresh = false;

		prepare(d, path);
		harms[h].harm(path);
		cr_assert_eq(daemons[d].open(path, &c, &fresh), ERR_OK, "%s, %s", daemons[d].name,
		    harms[h].name);
		cr_expect(fresh && record_was_damaged(c.record), "%s, %s", daemons[d].name,
		    harms[h].name);
		cr_expect_eq(
		    record_set_aside(c.record), 1, "%s, %s", daemons[d].name, harms[h].name);
		cr_expect(!has_mark(c.record), "%s, %s", daemons[d].name, harms[h].name);
		daemons[d].close(&c);
		c = (struct opened){0};
		cr_assert_eq(daemons[d].open(path, &c, &fresh), ERR_OK);
		cr_expect(!fresh && !record_was_damaged(c.record));
		daemons[d].close(&c);
	}
}

/* trust: record-newer */
Test(record_daemons, each_refuses_a_database_of_a_newer_program_and_leaves_it_alone)
{
	for (size_t d = 0; d < DAEMONS; d++) {
		AUTO(scratch) char *dir = kit_scratch();
		AUTO(mem) char *path = in(dir, daemons[d].name);
		struct opened c = {0};
		bool fresh = false;
		sqlite3 *db = NULL;

		prepare(d, path);
		cr_assert(record_sum_register());
		cr_assert_eq(
		    sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, RECORD_SUM_VFS), SQLITE_OK);
		cr_assert_eq(
		    sqlite3_exec(db, "PRAGMA user_version = 99", NULL, NULL, NULL), SQLITE_OK);
		sqlite3_close(db);
		cr_expect_eq(
		    daemons[d].open(path, &c, &fresh), ERR_UNSUPPORTED, "%s", daemons[d].name);
		cr_assert_eq(
		    sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, RECORD_SUM_VFS), SQLITE_OK);
		cr_expect_eq(sqlite3_exec(db, "SELECT * FROM mark", NULL, NULL, NULL), SQLITE_OK);
		sqlite3_close(db);
	}
}

/* What is of a version that this daemon has had itself is known by its tables. */
/* trust: record-foreign */
Test(record_daemons, none_takes_the_database_of_another_for_its_own)
{
	unsigned aside = 0;

	for (size_t k = 0; k < DAEMONS * DAEMONS; k++) {
		size_t d = k % DAEMONS, other = k / DAEMONS;
		AUTO(scratch) char *dir = kit_scratch();
		AUTO(mem) char *path = in(dir, daemons[d].name);
		struct opened c = {0};
		bool fresh = false;

		if (d == other)
			continue;
		prepare(other, path);
		enum err e = daemons[d].open(path, &c, &fresh);
		if (e == ERR_UNSUPPORTED)
			continue; /* its version is higher than all of this daemon's: left alone */
		cr_assert_eq(e, ERR_OK, "%s for %s", daemons[other].name, daemons[d].name);
		cr_expect(fresh && record_was_damaged(c.record) && !has_mark(c.record), "%s for %s",
		    daemons[other].name, daemons[d].name);
		daemons[d].close(&c);
		aside++;
	}
	cr_expect_eq(aside, DAEMONS, "of each two, the one with more versions");
}

/* trust: record-foreign */
Test(record_daemons, none_makes_its_tables_in_the_database_of_another_program)
{
	for (size_t d = 0; d < DAEMONS; d++) {
		AUTO(scratch) char *dir = kit_scratch();
		AUTO(mem) char *path = in(dir, daemons[d].name);
		struct opened c = {0};
		bool fresh = false;
		sqlite3 *db = NULL;

		cr_assert_eq(sqlite3_open(path, &db), SQLITE_OK);
		cr_assert_eq(sqlite3_exec(db, "CREATE TABLE mark(x)", NULL, NULL, NULL), SQLITE_OK);
		sqlite3_close(db);
		cr_assert_eq(daemons[d].open(path, &c, &fresh), ERR_OK, "%s", daemons[d].name);
		cr_expect(fresh && record_was_damaged(c.record) && !has_mark(c.record), "%s",
		    daemons[d].name);
		daemons[d].close(&c);
	}
}
