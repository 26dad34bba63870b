/*
 * record_golden: databases of every schema version that ever was (tests/data/records) are opened by
 * today's daemons' code: nothing they said is lost, and they end as a new one begins.
 */
#include <sqlite3.h>

#include "book.h"
#include "kit.h"
#include "ledger.h"
#include "outbox.h"
#include "record_scene.h"

#define OLD UINT64_C(1764300000004)    /* an upgrade that has ended */
#define ACTIVE UINT64_C(1764300000005) /* one that has not */
#define SAID UINT64_C(1806643200000001)

enum { TEXT_MAX = 8000 };

/* As the daemon of that version left it. */
static void
make(const char *path, const char *daemon, int version)
{
	char name[100], text[TEXT_MAX];
	sqlite3 *db = NULL;

	snprintf(name, sizeof(name), "tests/data/records/%s-%d.sql", daemon, version);
	AUTO(file) FILE *f = fopen(name, "re");

	cr_assert_not_null(f, "%s", name);
	size_t n = fread(text, 1, sizeof(text) - 1, f);

	text[n] = 0;
	cr_assert_eq(sqlite3_open(path, &db), SQLITE_OK);
	cr_assert_eq(sqlite3_exec(db, "PRAGMA journal_mode = WAL", NULL, NULL, NULL), SQLITE_OK);
	cr_assert_eq(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK, "%s", sqlite3_errmsg(db));
	sqlite3_close(db);
}

static enum err
add_column(void *arg, const struct record_row *row)
{
	char *out = arg;
	size_t at = strlen(out);

	snprintf(out + at, TEXT_MAX - at, "%s.%s ", record_text(row, 0), record_text(row, 1));
	return ERR_OK;
}

/* Every table and column that there is. */
static void
columns(struct record *r, char out[TEXT_MAX])
{
	out[0] = 0;
	cr_assert_eq(record_query(r, add_column, out,
			 "SELECT m.name, c.name FROM sqlite_schema m, pragma_table_info(m.name) c"
			 " WHERE m.type = 'table' ORDER BY 1, 2",
			 ""),
	    ERR_OK);
}

static void
expect_as_new(struct record *old, struct record *new, int newest)
{
	char have[TEXT_MAX], want[TEXT_MAX];
	int64_t version = 0;

	columns(old, have);
	columns(new, want);
	cr_expect_str_eq(have, want);
	cr_expect_eq(record_get_int(old, &version, "PRAGMA user_version", ""), ERR_OK);
	cr_expect_eq(version, newest, "a new migration needs a new file in tests/data/records");
	cr_expect(!record_was_damaged(old));
}

/* --- cloudd ----------------------------------------------------------------------------------- */

enum { CLOUDD = 5, FETCHD = 3, FLASHD = 7 };

struct cloud_side {
	struct outbox o;
	struct subdevices devices;
};

static void
open_outbox(const char *path, struct cloud_side *c)
{
	static const struct dialect_sub gateway = {"pGW", "gw1"};
	bool fresh = false;

	*c = (struct cloud_side){0};
	cr_assert_eq(outbox_open(path, &gateway, 1000, &c->o, &c->devices, &fresh), ERR_OK);
}

static void
close_outbox(struct cloud_side *c)
{
	outbox_close(&c->o);
	subdevice_free_all(&c->devices);
}

static void
expect_conversation(const struct conversation *c, int version)
{
	cr_assert_not_null(c->firmware);
	cr_expect_eq(c->state, CONVERSATION_DOWNLOADING);
	cr_expect_eq(c->upgrade, ACTIVE);
	cr_expect_str_eq(c->plan.target, "1.1.0");
	cr_expect_eq(c->plan.min_signal_dbm, -95);
	cr_expect_str_eq(c->firmware->file.url, "https://h/fw.bin");
	cr_expect_eq(c->firmware->sha256[31], 0x22);
	cr_expect_eq(c->n_rest, version >= 3 ? 1 : 0);
	cr_expect_eq(c->firmware->n_more, version >= 4 ? 1 : 0);
}

static void
expect_outbox(const struct cloud_side *c, int version)
{
	const struct subdevice *m1 = subdevice_find(&c->devices, "pM", "m1");
	const struct subdevice *m2 = subdevice_find(&c->devices, "pM", "m2");

	cr_assert(m1 && m2);
	cr_expect_str_eq(c->o.gateway_secret, "gwsecret");
	cr_expect_str_eq(m1->device_secret, "m1secret");
	expect_conversation(&m1->conversation, version);
	cr_assert_not_null(component_find(&m1->components, "app"));
	cr_expect_str_eq(component_find(&m1->components, "app")->version, "1.0.0");
	cr_expect_eq(m2->leaving, version >= 2);
	cr_expect_eq(c->o.n_items, 2);
	cr_expect_eq(c->o.items->status, 2);
	cr_expect_eq(c->o.last->status, 11);
	cr_expect_eq(c->o.last_upgrade, ACTIVE);
	cr_expect_eq(c->o.last_item, 3);
}

/* trust: record-golden */
Test(record_golden, cloudd_reads_the_records_of_every_version)
{
	for (int v = 1; v <= CLOUDD; v++) {
		AUTO(scratch) char *dir = kit_scratch();
		AUTO(mem) char *path = in(dir, "o"), *other = in(dir, "new");
		struct cloud_side c, new;

		make(path, "cloudd", v);
		open_outbox(path, &c);
		open_outbox(other, &new);
		expect_outbox(&c, v);
		expect_as_new(c.o.record, new.o.record, CLOUDD);
		cr_expect_eq(outbox_save(&c.o, &c.devices, 5), ERR_OK);
		close_outbox(&c);
		open_outbox(path, &c);
		expect_outbox(&c, v);
		close_outbox(&c);
		close_outbox(&new);
	}
}

/* --- fetchd ----------------------------------------------------------------------------------- */

static enum err
take_id(void *arg, const struct book_report *r)
{
	*(uint64_t *)arg = r->id;
	return ERR_OK;
}

static void
expect_book(struct book *b, int version)
{
	const struct image *i = book_image(b, 6), *old = book_image(b, 5);
	const struct upgrade *u = book_upgrade(b, ACTIVE), *ended = book_upgrade(b, OLD);
	uint64_t id = 0;

	cr_assert(i && old && u && ended);
	cr_expect_eq(i->state, IMAGE_FETCHING);
	cr_expect_str_eq(i->url, "https://h/fw.bin");
	cr_expect(i->has_md5 && i->md5[15] == 0x11 && i->has_sha256 && !i->has_digest);
	cr_expect_eq(i->durable, 1024);
	cr_expect_eq(i->n_files, version >= 2 ? 2 : 0);
	cr_expect_eq(i->file, version >= 2 ? 1 : 0);
	cr_expect(old->state == IMAGE_READY && old->good && old->digest[0] == 0x55);
	cr_expect(u->image == 6 && u->state == UPGRADE_WAITING && !u->local);
	cr_expect_eq(ended->state, UPGRADE_ENDED);
	cr_expect_eq(ended->local, version >= 3);
	cr_expect_eq(book_bound(b), UINT64_C(1764300000000));
	cr_expect_eq(book_each_report(b, 0, 5, take_id, &id), ERR_OK);
	cr_expect_eq(id, SAID);
}

/* trust: record-golden */
Test(record_golden, fetchd_reads_the_book_of_every_version)
{
	for (int v = 1; v <= FETCHD; v++) {
		AUTO(scratch) char *dir = kit_scratch();
		AUTO(mem) char *path = in(dir, "b"), *other = in(dir, "new");
		struct book b, new;
		bool fresh = true;

		make(path, "fetchd", v);
		cr_assert_eq(book_open(path, &b, &fresh), ERR_OK);
		cr_expect(!fresh);
		cr_assert_eq(book_open(other, &new, &fresh), ERR_OK);
		expect_book(&b, v);
		expect_as_new(b.record, new.record, FETCHD);
		cr_expect_eq(book_save(&b), ERR_OK);
		book_close(&b);
		cr_assert_eq(book_open(path, &b, &fresh), ERR_OK);
		expect_book(&b, v);
		book_close(&b);
		book_close(&new);
	}
}

/* --- flashd ----------------------------------------------------------------------------------- */

static enum err
take_report(void *arg, const struct ledger_report *r)
{
	*(uint64_t *)arg = r->phase == PB__PHASE__PHASE_DONE ? r->id : 0;
	return ERR_OK;
}

static void
expect_counters(struct ledger *l)
{
	struct counters_key key = {"pM", "m2", "hw-b", "app"};
	struct counters_row row;

	cr_assert_eq(counters_get(l->record, &key, &row), ERR_OK);
	cr_expect(row.counter == 2 && row.sequence == 7 && row.digest[31] == 0x99);
}

static void
expect_ledger(struct ledger *l, int version)
{
	const struct device_upgrade *u = ledger_find(l, ACTIVE), *ended = ledger_find(l, OLD);
	uint64_t id = 0;

	cr_assert(u && ended);
	cr_expect_eq(u->state, DEVICE_FLASHING, "got %d", u->state);
	cr_expect(u->has_digest && u->digest[0] == 0x66 && u->has_image_hash && u->wrote);
	cr_expect_str_eq(u->binding, "hw-a");
	cr_expect_eq(u->min_battery, version >= 2 ? 30 : 0);
	cr_expect_str_eq(u->source_version, version >= 4 ? "1.0.0" : "");
	cr_expect_eq(ended->state, DEVICE_DONE, "got %d", ended->state);
	cr_expect_eq(l->rollouts != NULL, version >= 3);
	cr_expect_eq(l->upgrades, version >= 7 ? ended : u, "the newest");
	cr_expect_eq(ledger_bound(l), UINT64_C(1764300000000));
	cr_expect_eq(ledger_each_report(l, 0, 5, take_report, &id), ERR_OK);
	cr_expect_eq(id, SAID);
	expect_counters(l);
}

/* trust: record-golden */
Test(record_golden, flashd_reads_the_ledger_of_every_version)
{
	for (int v = 1; v <= FLASHD; v++) {
		AUTO(scratch) char *dir = kit_scratch();
		AUTO(mem) char *path = in(dir, "l"), *other = in(dir, "new");
		struct mono now = {900000};
		struct ledger l, new;
		bool fresh = true;

		/* states of the first two versions knew no queue: the numbers are those of then */
		make(path, "flashd", v);
		cr_assert_eq(ledger_open(path, now, &l, &fresh), ERR_OK);
		cr_expect(!fresh);
		cr_assert_eq(ledger_open(other, now, &new, &fresh), ERR_OK);
		expect_ledger(&l, v);
		expect_as_new(l.record, new.record, FLASHD);
		cr_expect_eq(ledger_save(&l, now), ERR_OK);
		ledger_close(&l);
		cr_assert_eq(ledger_open(path, now, &l, &fresh), ERR_OK);
		expect_ledger(&l, v);
		ledger_close(&l);
		ledger_close(&new);
	}
}
