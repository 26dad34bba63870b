/*
 * outbox against a real database: what is saved comes back, what is confirmed does not, and a
 * report is settled once.
 */
#include <criterion/criterion.h>
#include <string.h>
#include <unistd.h>

#include "outbox_case.h"

static const struct mono now = {50};

Test(outbox, gives_back_what_was_saved_in_the_same_order)
{
	AUTO(outbox_case) struct outbox_case *b = outbox_case_new();

	cr_expect(b->fresh);
	outbox_case_add(b, OUTBOX_STATUS, DIALECT_UPDATING, 7);
	outbox_case_add(b, OUTBOX_STATUS, DIALECT_SUCCESS, 7);
	outbox_case_add(b, OUTBOX_INFO, 0, 7);
	outbox_case_add(b, OUTBOX_CANCEL, 0, 6);
	outbox_case_save(b);
	outbox_case_reopen(b);
	cr_expect(!b->fresh);
	const struct outbox_item *i = b->o.items;
	cr_assert(i && i->next && i->next->next && i->next->next->next);
	cr_expect_eq(i->status, DIALECT_UPDATING);
	cr_expect_str_eq(i->component, "app");
	cr_expect_str_eq(i->version, "1.0.0");
	cr_expect_eq(i->upgrade, 7);
	cr_expect_eq(i->next->status, DIALECT_SUCCESS);
	cr_expect_eq(i->next->next->kind, OUTBOX_INFO);
	cr_expect_eq(i->next->next->next->kind, OUTBOX_CANCEL);
	cr_expect(i->saved && !i->confirmed && !i->in_flight);
	cr_expect_eq(b->device->pending, 3, "a cancel is not the platform's");
	cr_expect_eq(outbox_oldest(&b->o, b->device), b->o.items);
}

Test(outbox, loses_what_was_not_saved_and_what_is_not_durable)
{
	AUTO(outbox_case) struct outbox_case *b = outbox_case_new();

	outbox_case_add(b, OUTBOX_STATUS, DIALECT_DOWNLOADING, 7);
	outbox_case_add(b, OUTBOX_STATUS, DIALECT_DOWNLOADED, 7);
	outbox_case_save(b);
	outbox_case_add(b, OUTBOX_STATUS, DIALECT_UPDATING, 7);
	outbox_case_reopen(b);
	cr_assert_not_null(b->o.items);
	cr_expect_eq(b->o.items->status, DIALECT_DOWNLOADED);
	cr_expect_null(b->o.items->next);
}

Test(outbox, forgets_on_the_disk_what_the_platform_has)
{
	AUTO(outbox_case) struct outbox_case *b = outbox_case_new();
	struct outbox_item *i = outbox_case_add(b, OUTBOX_STATUS, DIALECT_UPDATING, 7);

	outbox_case_save(b);
	outbox_confirm(&b->o, i, now);
	cr_expect_null(outbox_oldest(&b->o, b->device));
	cr_expect_eq(b->device->pending, 0);
	outbox_case_reopen(b);
	cr_assert_not_null(b->o.items, "confirmed, but not saved as such");
	outbox_confirm(&b->o, b->o.items, now);
	outbox_case_save(b);
	outbox_case_reopen(b);
	cr_expect_null(b->o.items);
}

Test(outbox, never_gives_an_id_twice)
{
	AUTO(outbox_case) struct outbox_case *b = outbox_case_new();
	struct outbox_item *i = outbox_case_add(b, OUTBOX_STATUS, DIALECT_UPDATING, 7);
	uint64_t id = i->id;

	outbox_case_save(b);
	outbox_confirm(&b->o, i, now);
	outbox_case_save(b);
	outbox_case_reopen(b);
	cr_expect_gt(outbox_case_add(b, OUTBOX_STATUS, DIALECT_SUCCESS, 7)->id, id);
}

Test(outbox, counts_upgrades_from_the_clock_on_after_a_lost_database)
{
	AUTO(outbox_case) struct outbox_case *b = outbox_case_new();

	cr_expect_eq(b->o.last_upgrade, 1000);
	b->o.last_upgrade = 1005;
	b->o.dirty = true;
	outbox_case_save(b);
	outbox_case_close(b);
	outbox_case_open(b, 999);
	cr_expect_eq(b->o.last_upgrade, 1005, "the clock was set back");
	outbox_case_close(b);
	outbox_case_open(b, 2000);
	cr_expect_eq(b->o.last_upgrade, 2000, "it may be an old copy");
	outbox_case_close(b);
	cr_assert_eq(unlink(b->path), 0);
	outbox_case_open(b, 999999);
	cr_expect_eq(b->o.last_upgrade, 999999);
}

Test(outbox, counts_upgrades_from_the_clock_on_when_the_first_process_died_at_once)
{
	AUTO(outbox_case) struct outbox_case *b = outbox_case_new();

	outbox_case_close(b);
	outbox_case_open(b, 2000);
	cr_expect(!b->fresh);
	cr_expect_eq(b->o.last_upgrade, 2000);
}

Test(outbox, sends_again_what_was_refused_before_and_after_it_was_confirmed)
{
	AUTO(outbox_case) struct outbox_case *b = outbox_case_new();
	struct outbox_item *i = outbox_case_add(b, OUTBOX_STATUS, DIALECT_UPDATING, 7);

	outbox_case_save(b);
	i->in_flight = true;
	i->package_id = 9;
	cr_expect(!outbox_refuse(&b->o, b->device, 8));
	cr_expect(!outbox_refuse(&b->o, NULL, 9));
	cr_expect(outbox_refuse(&b->o, b->device, 9));
	outbox_confirm(&b->o, i, now);
	cr_expect(!i->confirmed, "its PUBCOMP comes after the refusal");
	i->in_flight = true;
	i->package_id = 10;
	outbox_confirm(&b->o, i, now);
	outbox_case_save(b);
	cr_expect(outbox_refuse(&b->o, b->device, 10));
	cr_expect(!i->confirmed);
	cr_expect_eq(b->device->pending, 1);
	outbox_case_save(b);
	outbox_case_reopen(b);
	cr_expect_not_null(b->o.items, "it is on the disk again");
}

/* Said and confirmed, under a package id of its own. */
static struct outbox_item *
say(struct outbox_case *b, enum outbox_kind kind, int status, uint64_t upgrade,
    const char *component)
{
	static uint16_t package_id;
	struct outbox_item *i = outbox_case_add(b, kind, status, upgrade);

	snprintf(i->component, sizeof(i->component), "%s", component);
	i->in_flight = true;
	i->package_id = ++package_id;
	outbox_confirm(&b->o, i, now);
	outbox_case_save(b);
	return i;
}

static bool
is_said_again(struct outbox_case *b, struct outbox_item *i)
{
	return outbox_refuse(&b->o, b->device, i->package_id) && !i->confirmed;
}

Test(outbox, does_not_say_again_what_is_refused_when_something_younger_has_been_said)
{
	AUTO(outbox_case) struct outbox_case *b = outbox_case_new();
	struct outbox_item *confirmed = say(b, OUTBOX_STATUS, DIALECT_CONFIRMED, 7, "app");
	struct outbox_item *ended = say(b, OUTBOX_STATUS, DIALECT_FAILURE, 7, "app");
	struct outbox_item *told = say(b, OUTBOX_INFO, 0, 7, "app");

	cr_expect(!is_said_again(b, confirmed), "a 2 when its upgrade has ended");
	say(b, OUTBOX_STATUS, DIALECT_PLAN_RECEIVED, 8, "app");
	cr_expect(!is_said_again(b, ended), "an end when the next plan has been taken");
	say(b, OUTBOX_INFO, 0, 8, "app");
	cr_expect(!is_said_again(b, told), "a version when another one has been told");
	cr_expect_eq(b->device->pending, 0);
}

Test(outbox, says_again_what_is_refused_when_only_others_have_said_something_younger)
{
	AUTO(outbox_case) struct outbox_case *b = outbox_case_new();
	struct outbox_item *ended = say(b, OUTBOX_STATUS, DIALECT_SUCCESS, 7, "app");
	struct outbox_item *begun = say(b, OUTBOX_STATUS, DIALECT_CONFIRMED, 8, "radio");
	struct outbox_item *last = NULL;

	say(b, OUTBOX_STATUS, DIALECT_UPDATING, 8, "radio");
	cr_expect(is_said_again(b, ended), "the next of its list is another component");
	cr_expect(is_said_again(b, begun), "its end is not told yet");
	begun = say(b, OUTBOX_STATUS, DIALECT_CONFIRMED, 9, "app");
	last = outbox_case_add(b, OUTBOX_STATUS, DIALECT_FAILURE, 9);
	snprintf(last->component, sizeof(last->component), "app");
	cr_expect(is_said_again(b, begun), "nor is it when it only waits to be");
}

Test(outbox, sends_again_what_was_under_way_when_the_link_went)
{
	AUTO(outbox_case) struct outbox_case *b = outbox_case_new();
	struct outbox_item *i = outbox_case_add(b, OUTBOX_STATUS, DIALECT_UPDATING, 7);
	struct outbox_item *cancel = outbox_case_add(b, OUTBOX_CANCEL, 0, 7);

	i->in_flight = cancel->in_flight = true;
	outbox_lose_flight(&b->o, false);
	cr_expect(!i->in_flight && cancel->in_flight);
	i->in_flight = true;
	outbox_lose_flight(&b->o, true);
	cr_expect(i->in_flight && !cancel->in_flight);
}

struct acks {
	unsigned n;
	char last[40];
};

static void
count_ack(void *arg, const char *source, uint64_t id)
{
	struct acks *a = arg;

	a->n++;
	snprintf(a->last, sizeof(a->last), "%s %llu", source, (unsigned long long)id);
}

/* How many reports became settled with the last save; *last names the last of them. */
static struct acks
settled(struct outbox_case *b)
{
	struct acks a = {0};

	outbox_each_settled(&b->o, count_ack, &a);
	return a;
}

static enum outbox_report_state
report_state(struct outbox_case *b, const char *source, uint64_t id)
{
	enum outbox_report_state state = OUTBOX_NEW;

	cr_assert_eq(outbox_find_report(&b->o, source, id, &state), ERR_OK);
	return state;
}

Test(outbox, settles_a_report_when_the_item_it_caused_has_been_confirmed)
{
	AUTO(outbox_case) struct outbox_case *b = outbox_case_new();
	struct outbox_item *i = outbox_case_add(b, OUTBOX_STATUS, DIALECT_SUCCESS, 7);

	cr_assert_eq(outbox_add_report(&b->o, "flashd", 4, i->id), ERR_OK);
	cr_expect_eq(report_state(b, "flashd", 4), OUTBOX_PENDING, "even before the save");
	outbox_case_save(b);
	cr_expect_eq(settled(b).n, 0);
	cr_expect_eq(report_state(b, "flashd", 4), OUTBOX_PENDING);
	cr_expect_eq(report_state(b, "fetchd", 4), OUTBOX_NEW);
	outbox_confirm(&b->o, i, now);
	cr_expect_eq(settled(b).n, 0, "not before the save");
	outbox_case_save(b);
	struct acks a = settled(b);
	cr_expect_eq(a.n, 1);
	cr_expect_str_eq(a.last, "flashd 4");
	cr_expect_eq(settled(b).n, 0, "once");
	cr_expect_eq(report_state(b, "flashd", 4), OUTBOX_DONE);
	outbox_case_reopen(b);
	cr_expect_eq(report_state(b, "flashd", 4), OUTBOX_DONE);
}

Test(outbox, settles_a_report_that_caused_nothing_with_the_next_save)
{
	AUTO(outbox_case) struct outbox_case *b = outbox_case_new();

	cr_assert_eq(outbox_add_report(&b->o, "fetchd", 4, 0), ERR_OK);
	cr_expect_eq(settled(b).n, 0);
	outbox_case_save(b);
	cr_expect_eq(settled(b).n, 1);
	cr_expect_eq(report_state(b, "fetchd", 4), OUTBOX_DONE);
}

Test(outbox, keeps_a_report_pending_over_a_restart)
{
	AUTO(outbox_case) struct outbox_case *b = outbox_case_new();

	cr_assert_eq(outbox_add_report(&b->o, "flashd", 4,
			 outbox_case_add(b, OUTBOX_STATUS, DIALECT_SUCCESS, 7)->id),
	    ERR_OK);
	outbox_case_save(b);
	outbox_case_reopen(b);
	cr_expect_eq(report_state(b, "flashd", 4), OUTBOX_PENDING);
	outbox_confirm(&b->o, b->o.items, now);
	outbox_case_save(b);
	cr_expect_eq(settled(b).n, 1);
}

Test(outbox, takes_a_report_whose_item_was_lost_as_done)
{
	AUTO(outbox_case) struct outbox_case *b = outbox_case_new();

	/* what it caused was a status 5, which is never on the disk */
	cr_assert_eq(outbox_add_report(&b->o, "fetchd", 4,
			 outbox_case_add(b, OUTBOX_STATUS, DIALECT_DOWNLOADING, 7)->id),
	    ERR_OK);
	outbox_case_save(b);
	outbox_case_reopen(b);
	cr_expect_eq(report_state(b, "fetchd", 4), OUTBOX_DONE);
}

Test(outbox, knows_the_last_reports_and_forgets_older_ones)
{
	AUTO(outbox_case) struct outbox_case *b = outbox_case_new();

	for (uint64_t id = 1; id <= OUTBOX_REPORTS + 10; id++) {
		cr_assert_eq(outbox_add_report(&b->o, "flashd", id, 0), ERR_OK);
		if (id % 512 == 0)
			outbox_case_save(b);
	}
	outbox_case_save(b);
	cr_expect_eq(report_state(b, "flashd", 1), OUTBOX_NEW);
	cr_expect_eq(report_state(b, "flashd", 11), OUTBOX_DONE);
	cr_expect_eq(report_state(b, "flashd", OUTBOX_REPORTS + 10), OUTBOX_DONE);
}

Test(outbox, refuses_a_source_that_is_too_long)
{
	AUTO(outbox_case) struct outbox_case *b = outbox_case_new();

	cr_expect_eq(outbox_add_report(&b->o, "0123456789abcdef", 1, 0), ERR_LIMIT);
}

Test(outbox, drops_the_cancels_of_an_upgrade_that_has_ended)
{
	AUTO(outbox_case) struct outbox_case *b = outbox_case_new();

	outbox_case_add(b, OUTBOX_CANCEL, 0, 7);
	outbox_case_add(b, OUTBOX_CANCEL, 0, 8);
	outbox_case_save(b);
	outbox_drop_cancels(&b->o, 7);
	outbox_case_save(b);
	outbox_case_reopen(b);
	cr_assert_not_null(b->o.items);
	cr_expect_eq(b->o.items->upgrade, 8);
	cr_expect_null(b->o.items->next);
}

Test(outbox, forgets_confirmed_items_after_five_minutes_and_cancels_after_a_day)
{
	AUTO(outbox_case) struct outbox_case *b = outbox_case_new();
	struct outbox_item *i = outbox_case_add(b, OUTBOX_STATUS, DIALECT_UPDATING, 7);

	outbox_case_add(b, OUTBOX_CANCEL, 0, 7);
	outbox_case_save(b);
	outbox_confirm(&b->o, i, now);
	outbox_case_save(b);
	outbox_forget_old(&b->o, (struct mono){now.ms + OUTBOX_KEEP_MS - 1}, 2000);
	cr_expect_eq(b->o.n_items, 2);
	outbox_forget_old(&b->o, (struct mono){now.ms + OUTBOX_KEEP_MS}, 2000);
	cr_expect_eq(b->o.n_items, 1);
	struct mono later = {now.ms + OUTBOX_CANCEL_MS};
	outbox_forget_old(&b->o, later, 1000 + OUTBOX_CANCEL_MS);
	cr_expect_eq(b->o.n_items, 1);
	outbox_forget_old(&b->o, later, 1001 + OUTBOX_CANCEL_MS);
	outbox_case_save(b);
	outbox_forget_old(&b->o, later, 1001 + OUTBOX_CANCEL_MS);
	cr_expect_eq(b->o.n_items, 0);
	cr_expect(!b->o.items && !b->o.last);
	outbox_case_add(b, OUTBOX_STATUS, DIALECT_SUCCESS, 7);
	cr_expect_eq(b->o.items, b->o.last);
}

Test(outbox, keeps_the_last_few_confirmed_items_of_each_device_however_many_there_were)
{
	AUTO(outbox_case) struct outbox_case *b = outbox_case_new();
	struct subdevice *mine = b->device, *other = NULL;

	cr_assert_eq(subdevice_need(&b->devices, "p", "other", &other), ERR_OK);
	for (uint16_t k = 1; k <= 5 * OUTBOX_KEEP_EACH; k++) {
		b->device = k == 1 ? other : mine;
		struct outbox_item *i = outbox_case_add(b, OUTBOX_STATUS, DIALECT_UPDATING, 7);

		i->in_flight = true;
		i->package_id = k;
		outbox_confirm(&b->o, i, now);
		outbox_case_save(b);
		outbox_forget_old(&b->o, now, 1000);
	}
	cr_expect_eq(b->o.n_items, OUTBOX_KEEP_EACH + 1);
	cr_expect(outbox_refuse(&b->o, other, 1), "its last, whatever others said since");
	cr_expect(outbox_refuse(&b->o, mine, 5 * OUTBOX_KEEP_EACH));
	cr_expect(outbox_refuse(&b->o, mine, 4 * OUTBOX_KEEP_EACH + 1));
	cr_expect(!outbox_refuse(&b->o, mine, 4 * OUTBOX_KEEP_EACH));
	outbox_forget_old(&b->o, (struct mono){now.ms + OUTBOX_KEEP_MS}, 1000);
	cr_expect_eq(b->o.n_items, 3, "what is to be sent again is no longer confirmed");
}

Test(outbox, each_device_has_its_own_items_in_order_whatever_is_forgotten_between_them)
{
	AUTO(outbox_case) struct outbox_case *b = outbox_case_new();
	struct subdevice *mine = b->device, *other = NULL;
	struct outbox_item *i[6];

	cr_assert_eq(subdevice_need(&b->devices, "p", "other", &other), ERR_OK);
	for (int k = 0; k < 6; k++) {
		b->device = k % 2 ? other : mine;
		i[k] = outbox_case_add(b, OUTBOX_STATUS, DIALECT_UPDATING, 7);
	}
	b->device = mine;
	cr_expect_eq(outbox_oldest(&b->o, mine), i[0]);
	cr_expect_eq(outbox_oldest(&b->o, other), i[1]);
	outbox_case_save(b);
	outbox_confirm(&b->o, i[0], now);
	outbox_confirm(&b->o, i[3], now);
	outbox_case_save(b);
	outbox_forget_old(&b->o, (struct mono){now.ms + OUTBOX_KEEP_MS}, 2000);
	cr_expect_eq(b->o.n_items, 4);
	cr_expect(mine->items == i[2] && i[2]->sibling == i[4] && !i[4]->sibling);
	cr_expect(other->items == i[1] && i[1]->sibling == i[5] && !i[5]->sibling);
	cr_expect_eq(outbox_oldest(&b->o, mine), i[2]);
}

/* Each item is looked for in the whole list: slow with sanitizers. */
Test(outbox, has_room_for_so_many_items_and_no_more, .timeout = 300)
{
	AUTO(outbox_case) struct outbox_case *b = outbox_case_new();
	struct outbox_item *out = NULL;
	struct outbox_item one = {.device = b->device, .status = 5};

	for (size_t n = 0; n < OUTBOX_ITEMS_MAX; n++)
		cr_assert_eq(outbox_add(&b->o, &one, &out), ERR_OK);
	cr_expect_eq(outbox_add(&b->o, &one, &out), ERR_LIMIT);
}

Test(outbox, keeps_everything_for_later_when_it_cannot_save)
{
	AUTO(outbox_case) struct outbox_case *b = outbox_case_new();
	struct outbox_item *i = NULL;
	int64_t pages = 0;

	cr_assert_eq(record_get_int(b->o.record, &pages, "PRAGMA max_page_count = 1", ""), ERR_OK);
	i = outbox_case_add(b, OUTBOX_STATUS, DIALECT_UPDATING, 7);
	cr_assert_eq(outbox_add_report(&b->o, "flashd", 4, 0), ERR_OK);
	/* the file has its pages already; what is new has to be larger than what is left in them */
	for (int n = 0; n < 400; n++)
		outbox_case_add(b, OUTBOX_STATUS, DIALECT_UPDATING, 7);
	cr_expect_eq(outbox_save(&b->o, &b->devices, 5), ERR_FULL);
	cr_expect(!i->saved);
	cr_expect(b->o.dirty);
	cr_expect_eq(settled(b).n, 0);
	cr_assert_eq(
	    record_get_int(b->o.record, &pages, "PRAGMA max_page_count = 100000", ""), ERR_OK);
	outbox_case_save(b);
	cr_expect(i->saved);
	cr_expect_eq(settled(b).n, 1);
}
