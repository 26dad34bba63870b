/*
 * What the gate must not forget, across closing and opening.
 */
#include <criterion/criterion.h>
#include <sqlite3.h>
#include <string.h>

#include "book.h"
#include "kit.h"

static char *
path_in(const char *dir)
{
	static char path[400];

	snprintf(path, sizeof(path), "%s/fetchd.db", dir);
	return path;
}

static struct book
open_book(const char *dir, bool expect_fresh)
{
	struct book b;
	bool fresh = !expect_fresh;

	cr_assert_eq(book_open(path_in(dir), &b, &fresh), ERR_OK);
	cr_expect_eq(fresh, expect_fresh);
	return b;
}

static struct image *
add_image(struct book *b, const char *url)
{
	struct image i = {.size = 1000, .has_sha256 = true, .sha256 = {1, 2, 3}, .durable = 300};
	struct image *out = NULL;

	snprintf(i.url, sizeof(i.url), "%s", url);
	snprintf(i.boot_id, sizeof(i.boot_id), "boot");
	snprintf(i.validator, sizeof(i.validator), "\"v\"");
	cr_assert_eq(book_add_image(b, &i, &out), ERR_OK);
	return out;
}

static struct upgrade *
add_upgrade(struct book *b, uint64_t id, uint64_t image)
{
	struct upgrade u = {.id = id, .image = image};
	struct upgrade *out = NULL;

	snprintf(u.product_key, sizeof(u.product_key), "p1");
	snprintf(u.device_key, sizeof(u.device_key), "meter-%llu", (unsigned long long)id);
	cr_assert_eq(book_add_upgrade(b, &u, &out), ERR_OK);
	return out;
}

/* rule: url-files */
Test(book, the_files_of_a_package_are_there_again_and_go_with_it)
{
	AUTO(scratch) char *dir = kit_scratch();
	struct book b = open_book(dir, true);
	struct image *i = add_image(&b, "https://h/a");
	int64_t left = 0;

	i->files = calloc(2, sizeof(*i->files));
	i->n_files = 2;
	i->file = 1;
	for (unsigned k = 0; k < 2; k++)
		i->files[k] = (struct image_file){.url = "https://h/b", .size = 5 + k, .md5 = {9}};
	cr_assert_eq(book_save(&b), ERR_OK);
	book_close(&b);
	b = open_book(dir, false);
	i = b.images;
	cr_assert_eq(i->n_files, 2);
	cr_expect_eq(i->file, 1);
	cr_expect_str_eq(i->files[1].url, "https://h/b");
	cr_expect_eq(i->files[1].size, 6);
	cr_expect_eq(i->files[1].md5[0], 9);
	cr_assert_eq(book_drop_image(&b, i), ERR_OK);
	cr_assert_eq(record_get_int(b.record, &left, "SELECT count(*) FROM file", ""), ERR_OK);
	cr_expect_eq(left, 0);
	book_close(&b);
}

Test(book, images_of_the_first_version_have_one_file)
{
	static const char *const back[] = {"DROP TABLE file", "ALTER TABLE image DROP COLUMN file",
	    "ALTER TABLE upgrade DROP COLUMN local", "PRAGMA user_version = 1"};
	AUTO(scratch) char *dir = kit_scratch();
	struct book b = open_book(dir, true);

	add_image(&b, "https://h/a");
	cr_assert_eq(book_save(&b), ERR_OK);
	for (size_t i = 0; i < sizeof(back) / sizeof(back[0]); i++)
		cr_assert_eq(record_run(b.record, back[i], ""), ERR_OK, "%s", back[i]);
	book_close(&b);
	b = open_book(dir, false);
	cr_assert_not_null(b.images);
	cr_expect_eq(b.images->n_files, 0);
	cr_expect_eq(b.images->durable, 300);
	book_close(&b);
}

Test(book, everything_that_was_saved_is_there_again)
{
	AUTO(scratch) char *dir = kit_scratch();
	struct book b = open_book(dir, true);
	struct image *i = add_image(&b, "https://h/a");
	struct upgrade *u = add_upgrade(&b, 7, i->id);
	uint64_t id = i->id;

	i->state = IMAGE_FETCHING;
	i->tries = 3;
	i->has_digest = true;
	i->digest[31] = 9;
	u->state = UPGRADE_FETCHED;
	cr_assert_eq(book_save(&b), ERR_OK);
	cr_expect_not(i->changed || u->changed);
	book_close(&b);
	b = open_book(dir, false);
	i = book_image(&b, id);
	u = book_upgrade(&b, 7);
	cr_assert(i && u);
	cr_expect(
	    i->state == IMAGE_FETCHING && i->size == 1000 && i->durable == 300 && i->tries == 3);
	cr_expect(i->has_sha256 && i->sha256[2] == 3 && i->has_digest && i->digest[31] == 9);
	cr_expect(!i->has_md5 && !i->changed);
	cr_expect_str_eq(i->url, "https://h/a");
	cr_expect_str_eq(i->boot_id, "boot");
	cr_expect_str_eq(i->validator, "\"v\"");
	cr_expect(u->state == UPGRADE_FETCHED && u->image == id);
	cr_expect_str_eq(u->device_key, "meter-7");
	cr_expect_eq(book_users(&b, id), 1);
	book_close(&b);
}

Test(book, what_was_not_saved_is_not_there)
{
	AUTO(scratch) char *dir = kit_scratch();
	struct book b = open_book(dir, true);

	add_upgrade(&b, 7, 0);
	book_close(&b);
	b = open_book(dir, false);
	cr_expect_null(book_upgrade(&b, 7));
	book_close(&b);
}

Test(book, images_get_numbers_that_do_not_come_again_while_one_is_known)
{
	AUTO(scratch) char *dir = kit_scratch();
	struct book b = open_book(dir, true);
	uint64_t first = add_image(&b, "a")->id;
	struct image *second = add_image(&b, "b");
	uint64_t second_id = second->id;

	cr_expect_gt(second_id, first);
	cr_assert_eq(book_save(&b), ERR_OK);
	cr_assert_eq(book_drop_image(&b, book_image(&b, first)), ERR_OK);
	cr_expect_null(book_image(&b, first));
	book_close(&b);
	b = open_book(dir, false);
	cr_expect_null(book_image(&b, first));
	cr_expect_gt(add_image(&b, "c")->id, second_id);
	book_close(&b);
}

struct seen {
	struct book_report r[8];
	unsigned n, stop_at;
};

static enum err
on_report(void *arg, const struct book_report *r)
{
	struct seen *s = arg;

	if (s->stop_at && s->n == s->stop_at)
		return ERR_AGAIN;
	cr_assert_lt(s->n, 8);
	s->r[s->n++] = *r;
	return ERR_OK;
}

static struct seen
reports(struct book *b, uint64_t after, unsigned max)
{
	struct seen s = {.n = 0};

	cr_assert_eq(book_each_report(b, after, max, on_report, &s), ERR_OK);
	return s;
}

Test(book, what_an_upgrade_has_to_say_becomes_reports_that_stay_until_they_are_dropped)
{
	AUTO(scratch) char *dir = kit_scratch();
	struct book b = open_book(dir, true);
	struct upgrade *u = add_upgrade(&b, 7, 0);

	u->effects = UPGRADE_SAY_FETCHED | UPGRADE_SAY_VERIFIED | UPGRADE_ORDER;
	cr_assert_eq(book_save(&b), ERR_OK);
	cr_expect_eq(u->effects, UPGRADE_ORDER, "not the book's to clear");
	book_close(&b);
	b = open_book(dir, false);
	struct seen s = reports(&b, 0, 8);
	cr_assert_eq(s.n, 2);
	cr_expect_eq(s.r[0].phase, PB__PHASE__PHASE_FETCHED);
	cr_expect_eq(s.r[1].phase, PB__PHASE__PHASE_VERIFIED);
	cr_expect_gt(s.r[1].id, s.r[0].id);
	cr_expect_str_eq(s.r[0].device_key, "meter-7");
	cr_expect_eq(reports(&b, s.r[0].id, 8).n, 1);
	cr_expect_eq(reports(&b, 0, 1).n, 1);
	cr_expect_eq(book_drop_report(&b, s.r[0].id), ERR_OK);
	cr_expect_eq(book_drop_report(&b, s.r[0].id), ERR_OK, "gone already is fine");
	cr_expect_eq(reports(&b, 0, 8).n, 1);
	book_close(&b);
}

Test(book, the_end_carries_its_reason_and_what_is_said_again_gets_a_new_number)
{
	AUTO(scratch) char *dir = kit_scratch();
	struct book b = open_book(dir, true);
	struct upgrade *u = add_upgrade(&b, 7, 0);

	u->state = UPGRADE_ENDED;
	u->error = ERR_DIGEST;
	snprintf(u->detail, sizeof(u->detail), "expected a, got b");
	u->effects = UPGRADE_SAY_END;
	cr_assert_eq(book_save(&b), ERR_OK);
	struct seen first = reports(&b, 0, 8);
	cr_assert_eq(first.n, 1);
	cr_expect_eq(first.r[0].phase, PB__PHASE__PHASE_REFUSED);
	cr_expect_eq(first.r[0].error, ERR_DIGEST);
	cr_expect_str_eq(first.r[0].detail, "expected a, got b");
	u->effects = UPGRADE_SAY_END;
	cr_assert_eq(book_save(&b), ERR_OK);
	struct seen second = reports(&b, 0, 8);
	cr_assert_eq(second.n, 1, "once is enough");
	cr_expect_gt(second.r[0].id, first.r[0].id);
	book_close(&b);
}

Test(book, a_reader_of_reports_may_stop)
{
	AUTO(scratch) char *dir = kit_scratch();
	struct book b = open_book(dir, true);
	struct seen s = {.stop_at = 1};

	add_upgrade(&b, 7, 0)->effects = UPGRADE_SAY_FETCHED | UPGRADE_SAY_VERIFIED;
	cr_assert_eq(book_save(&b), ERR_OK);
	cr_expect_eq(book_each_report(&b, 0, 8, on_report, &s), ERR_AGAIN);
	cr_expect_eq(s.n, 1);
	book_close(&b);
}

Test(book, only_so_many_ended_upgrades_are_remembered_the_newest)
{
	AUTO(scratch) char *dir = kit_scratch();
	struct book b = open_book(dir, true);

	add_upgrade(&b, 1, 0); /* goes on */
	for (uint64_t id = 2; id <= BOOK_ENDED_MAX + 3; id++)
		add_upgrade(&b, id, 0)->state = UPGRADE_ENDED;
	cr_assert_eq(book_save(&b), ERR_OK);
	cr_expect(book_upgrade(&b, 1) != NULL);
	cr_expect_null(book_upgrade(&b, 2));
	cr_expect_null(book_upgrade(&b, 3));
	cr_expect_not_null(book_upgrade(&b, 4));
	cr_expect_eq(b.n_upgrades, BOOK_ENDED_MAX + 1);
	book_close(&b);
	b = open_book(dir, false);
	cr_expect_eq(b.n_upgrades, BOOK_ENDED_MAX + 1);
	cr_expect_null(book_upgrade(&b, 3));
	book_close(&b);
}

Test(book, an_ended_upgrade_is_no_user_of_its_image)
{
	AUTO(scratch) char *dir = kit_scratch();
	struct book b = open_book(dir, true);

	add_upgrade(&b, 1, 5);
	add_upgrade(&b, 2, 5)->state = UPGRADE_ENDED;
	add_upgrade(&b, 3, 6);
	cr_expect_eq(book_users(&b, 5), 1);
	book_close(&b);
}

Test(book, is_bounded)
{
	AUTO(scratch) char *dir = kit_scratch();
	struct book b = open_book(dir, true);
	struct image i = {.size = 1}, *out = NULL;

	for (int k = 0; k < BOOK_IMAGES_MAX; k++)
		cr_assert_eq(book_add_image(&b, &i, &out), ERR_OK);
	cr_expect_eq(book_add_image(&b, &i, &out), ERR_LIMIT);
	book_close(&b);
}

/* trust: time-bound */
Test(book, time_that_has_passed_only_grows)
{
	AUTO(scratch) char *dir = kit_scratch();
	struct book b = open_book(dir, true);

	cr_expect_eq(book_bound(&b), 0);
	book_set_bound(&b, 500);
	book_set_bound(&b, 400);
	cr_expect_eq(book_bound(&b), 500);
	book_close(&b);
	b = open_book(dir, false);
	cr_expect_eq(book_bound(&b), 500);
	book_close(&b);
}

/* trust: time-ids */
Test(book, a_damaged_file_gives_a_fresh_book_whose_reports_do_not_repeat_old_numbers)
{
	AUTO(scratch) char *dir = kit_scratch();
	struct book b = open_book(dir, true);

	add_upgrade(&b, 7, 0)->effects = UPGRADE_SAY_FETCHED;
	cr_assert_eq(book_save(&b), ERR_OK);
	uint64_t old = reports(&b, 0, 8).r[0].id;
	book_close(&b);
	kit_write(
	    dir, "fetchd.db", "this is no database, and long enough not to be taken for one", 60);
	b = open_book(dir, true);
	cr_expect_null(book_upgrade(&b, 7));
	add_upgrade(&b, 8, 0)->effects = UPGRADE_SAY_FETCHED;
	cr_assert_eq(book_save(&b), ERR_OK);
	cr_expect_gt(reports(&b, 0, 8).r[0].id, old);
	book_close(&b);
}

static int
damaged(sqlite3 *db, char **why, const struct sqlite3_api_routines *api)
{
	(void)db, (void)why, (void)api;
	return SQLITE_CORRUPT;
}

Test(book, is_not_opened_where_a_new_file_is_damaged_like_the_one_before)
{
	AUTO(scratch) char *dir = kit_scratch();
	struct book b;
	bool fresh = false;

	sqlite3_auto_extension((void (*)(void))damaged); /* whatever is opened */
	cr_expect_eq(book_open(path_in(dir), &b, &fresh), ERR_CORRUPT);
	sqlite3_reset_auto_extension();
	book_close(&b);
}

Test(book, has_numbers_for_reports_even_if_the_first_gate_died_before_it_had_any)
{
	AUTO(scratch) char *dir = kit_scratch();
	struct book b = open_book(dir, true);

	cr_assert_eq(record_run(b.record, "DELETE FROM counter", ""), ERR_OK);
	book_close(&b);
	b = open_book(dir, false);
	add_upgrade(&b, 7, 0)->effects = UPGRADE_SAY_FETCHED;
	cr_expect_eq(book_save(&b), ERR_OK);
	cr_expect_eq(reports(&b, 0, 8).n, 1);
	book_close(&b);
}
