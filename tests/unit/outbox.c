/*
 * outbox against a real database: what is saved comes back, what is confirmed does not, and a
 * report is settled once.
 */
#include <criterion/criterion.h>
#include <string.h>
#include <unistd.h>

#include "kit.h"
#include "outbox.h"

static const struct dialect_sub gateway = {"p1115X", "gw"};

struct box {
	char *dir;
	char path[300];
	struct outbox o;
	struct subdevices devices;
	struct subdevice *device;
	bool fresh;
};

static void
box_open(struct box *b, uint64_t wall)
{
	cr_assert_eq(outbox_open(b->path, &gateway, wall, &b->o, &b->devices, &b->fresh), ERR_OK);
	cr_assert_eq(subdevice_need(&b->devices, "p", "d", &b->device), ERR_OK);
}

static void
box_close(struct box *b)
{
	outbox_close(&b->o);
	subdevice_free_all(&b->devices);
	b->devices = (struct subdevices){0};
}

static struct box *
box_new(void)
{
	struct box *b = calloc(1, sizeof(*b));

	b->dir = kit_scratch();
	snprintf(b->path, sizeof(b->path), "%s/o.db", b->dir);
	box_open(b, 1000);
	return b;
}

static void
box_free(struct box *b)
{
	box_close(b);
	kit_scratch_remove(b->dir);
	free(b);
}
AUTO_DEFINE(box, struct box *, box_free)

static void
box_reopen(struct box *b)
{
	box_close(b);
	box_open(b, 1000);
}

static void
save(struct box *b)
{
	cr_assert_eq(outbox_save(&b->o, &b->devices, 5), ERR_OK);
}

static struct outbox_item *
add(struct box *b, enum outbox_kind kind, int status, uint64_t upgrade)
{
	struct outbox_item *out = NULL;
	struct outbox_item i = {.kind = kind,
	    .device = b->device,
	    .upgrade = upgrade,
	    .status = status,
	    .component = "app",
	    .version = "1.0.0",
	    .made_at = 1000,
	    .durable = status != DIALECT_DOWNLOADING};

	cr_assert_eq(outbox_add(&b->o, &i, &out), ERR_OK);
	return out;
}

static const struct mono now = {50};

Test(outbox, gives_back_what_was_saved_in_the_same_order)
{
	AUTO(box) struct box *b = box_new();

	cr_expect(b->fresh);
	add(b, OUTBOX_STATUS, DIALECT_UPDATING, 7);
	add(b, OUTBOX_STATUS, DIALECT_SUCCESS, 7);
	add(b, OUTBOX_INFO, 0, 7);
	add(b, OUTBOX_CANCEL, 0, 6);
	save(b);
	box_reopen(b);
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
	AUTO(box) struct box *b = box_new();

	add(b, OUTBOX_STATUS, DIALECT_DOWNLOADING, 7);
	add(b, OUTBOX_STATUS, DIALECT_DOWNLOADED, 7);
	save(b);
	add(b, OUTBOX_STATUS, DIALECT_UPDATING, 7);
	box_reopen(b);
	cr_assert_not_null(b->o.items);
	cr_expect_eq(b->o.items->status, DIALECT_DOWNLOADED);
	cr_expect_null(b->o.items->next);
}

Test(outbox, forgets_on_the_disk_what_the_platform_has)
{
	AUTO(box) struct box *b = box_new();
	struct outbox_item *i = add(b, OUTBOX_STATUS, DIALECT_UPDATING, 7);

	save(b);
	outbox_confirm(&b->o, i, now);
	cr_expect_null(outbox_oldest(&b->o, b->device));
	cr_expect_eq(b->device->pending, 0);
	box_reopen(b);
	cr_assert_not_null(b->o.items, "confirmed, but not saved as such");
	outbox_confirm(&b->o, b->o.items, now);
	save(b);
	box_reopen(b);
	cr_expect_null(b->o.items);
}

Test(outbox, never_gives_an_id_twice)
{
	AUTO(box) struct box *b = box_new();
	struct outbox_item *i = add(b, OUTBOX_STATUS, DIALECT_UPDATING, 7);
	uint64_t id = i->id;

	save(b);
	outbox_confirm(&b->o, i, now);
	save(b);
	box_reopen(b);
	cr_expect_gt(add(b, OUTBOX_STATUS, DIALECT_SUCCESS, 7)->id, id);
}

Test(outbox, counts_upgrades_from_the_clock_on_after_a_lost_database)
{
	AUTO(box) struct box *b = box_new();

	cr_expect_eq(b->o.last_upgrade, 1000);
	b->o.last_upgrade = 1005;
	b->o.dirty = true;
	save(b);
	box_close(b);
	box_open(b, 999999);
	cr_expect_eq(b->o.last_upgrade, 1005);
	box_close(b);
	cr_assert_eq(unlink(b->path), 0);
	box_open(b, 999999);
	cr_expect_eq(b->o.last_upgrade, 999999);
}

Test(outbox, sends_again_what_was_refused_before_and_after_it_was_confirmed)
{
	AUTO(box) struct box *b = box_new();
	struct outbox_item *i = add(b, OUTBOX_STATUS, DIALECT_UPDATING, 7);

	save(b);
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
	save(b);
	cr_expect(outbox_refuse(&b->o, b->device, 10));
	cr_expect(!i->confirmed);
	cr_expect_eq(b->device->pending, 1);
	save(b);
	box_reopen(b);
	cr_expect_not_null(b->o.items, "it is on the disk again");
}

Test(outbox, sends_again_what_was_under_way_when_the_link_went)
{
	AUTO(box) struct box *b = box_new();
	struct outbox_item *i = add(b, OUTBOX_STATUS, DIALECT_UPDATING, 7);
	struct outbox_item *cancel = add(b, OUTBOX_CANCEL, 0, 7);

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
settled(struct box *b)
{
	struct acks a = {0};

	outbox_each_settled(&b->o, count_ack, &a);
	return a;
}

static enum outbox_report_state
report_state(struct box *b, const char *source, uint64_t id)
{
	enum outbox_report_state state = OUTBOX_NEW;

	cr_assert_eq(outbox_find_report(&b->o, source, id, &state), ERR_OK);
	return state;
}

Test(outbox, settles_a_report_when_the_item_it_caused_has_been_confirmed)
{
	AUTO(box) struct box *b = box_new();
	struct outbox_item *i = add(b, OUTBOX_STATUS, DIALECT_SUCCESS, 7);

	cr_assert_eq(outbox_add_report(&b->o, "flashd", 4, i->id), ERR_OK);
	cr_expect_eq(report_state(b, "flashd", 4), OUTBOX_PENDING, "even before the save");
	save(b);
	cr_expect_eq(settled(b).n, 0);
	cr_expect_eq(report_state(b, "flashd", 4), OUTBOX_PENDING);
	cr_expect_eq(report_state(b, "fetchd", 4), OUTBOX_NEW);
	outbox_confirm(&b->o, i, now);
	cr_expect_eq(settled(b).n, 0, "not before the save");
	save(b);
	struct acks a = settled(b);
	cr_expect_eq(a.n, 1);
	cr_expect_str_eq(a.last, "flashd 4");
	cr_expect_eq(settled(b).n, 0, "once");
	cr_expect_eq(report_state(b, "flashd", 4), OUTBOX_DONE);
	box_reopen(b);
	cr_expect_eq(report_state(b, "flashd", 4), OUTBOX_DONE);
}

Test(outbox, settles_a_report_that_caused_nothing_with_the_next_save)
{
	AUTO(box) struct box *b = box_new();

	cr_assert_eq(outbox_add_report(&b->o, "fetchd", 4, 0), ERR_OK);
	cr_expect_eq(settled(b).n, 0);
	save(b);
	cr_expect_eq(settled(b).n, 1);
	cr_expect_eq(report_state(b, "fetchd", 4), OUTBOX_DONE);
}

Test(outbox, keeps_a_report_pending_over_a_restart)
{
	AUTO(box) struct box *b = box_new();

	cr_assert_eq(
	    outbox_add_report(&b->o, "flashd", 4, add(b, OUTBOX_STATUS, DIALECT_SUCCESS, 7)->id),
	    ERR_OK);
	save(b);
	box_reopen(b);
	cr_expect_eq(report_state(b, "flashd", 4), OUTBOX_PENDING);
	outbox_confirm(&b->o, b->o.items, now);
	save(b);
	cr_expect_eq(settled(b).n, 1);
}

Test(outbox, takes_a_report_whose_item_was_lost_as_done)
{
	AUTO(box) struct box *b = box_new();

	/* what it caused was a status 5, which is never on the disk */
	cr_assert_eq(outbox_add_report(
			 &b->o, "fetchd", 4, add(b, OUTBOX_STATUS, DIALECT_DOWNLOADING, 7)->id),
	    ERR_OK);
	save(b);
	box_reopen(b);
	cr_expect_eq(report_state(b, "fetchd", 4), OUTBOX_DONE);
}

Test(outbox, knows_the_last_reports_and_forgets_older_ones)
{
	AUTO(box) struct box *b = box_new();

	for (uint64_t id = 1; id <= OUTBOX_REPORTS + 10; id++) {
		cr_assert_eq(outbox_add_report(&b->o, "flashd", id, 0), ERR_OK);
		if (id % 512 == 0)
			save(b);
	}
	save(b);
	cr_expect_eq(report_state(b, "flashd", 1), OUTBOX_NEW);
	cr_expect_eq(report_state(b, "flashd", 11), OUTBOX_DONE);
	cr_expect_eq(report_state(b, "flashd", OUTBOX_REPORTS + 10), OUTBOX_DONE);
}

Test(outbox, refuses_a_source_that_is_too_long)
{
	AUTO(box) struct box *b = box_new();

	cr_expect_eq(outbox_add_report(&b->o, "0123456789abcdef", 1, 0), ERR_LIMIT);
}

Test(outbox, drops_the_cancels_of_an_upgrade_that_has_ended)
{
	AUTO(box) struct box *b = box_new();

	add(b, OUTBOX_CANCEL, 0, 7);
	add(b, OUTBOX_CANCEL, 0, 8);
	save(b);
	outbox_drop_cancels(&b->o, 7);
	save(b);
	box_reopen(b);
	cr_assert_not_null(b->o.items);
	cr_expect_eq(b->o.items->upgrade, 8);
	cr_expect_null(b->o.items->next);
}

Test(outbox, forgets_confirmed_items_after_five_minutes_and_cancels_after_a_day)
{
	AUTO(box) struct box *b = box_new();
	struct outbox_item *i = add(b, OUTBOX_STATUS, DIALECT_UPDATING, 7);

	add(b, OUTBOX_CANCEL, 0, 7);
	save(b);
	outbox_confirm(&b->o, i, now);
	save(b);
	outbox_forget_old(&b->o, (struct mono){now.ms + OUTBOX_KEEP_MS - 1}, 2000);
	cr_expect_eq(b->o.n_items, 2);
	outbox_forget_old(&b->o, (struct mono){now.ms + OUTBOX_KEEP_MS}, 2000);
	cr_expect_eq(b->o.n_items, 1);
	struct mono later = {now.ms + OUTBOX_CANCEL_MS};
	outbox_forget_old(&b->o, later, 1000 + OUTBOX_CANCEL_MS);
	cr_expect_eq(b->o.n_items, 1);
	outbox_forget_old(&b->o, later, 1001 + OUTBOX_CANCEL_MS);
	save(b);
	outbox_forget_old(&b->o, later, 1001 + OUTBOX_CANCEL_MS);
	cr_expect_eq(b->o.n_items, 0);
	cr_expect(!b->o.items && !b->o.last);
	add(b, OUTBOX_STATUS, DIALECT_SUCCESS, 7);
	cr_expect_eq(b->o.items, b->o.last);
}

Test(outbox, has_room_for_so_many_items_and_no_more)
{
	AUTO(box) struct box *b = box_new();
	struct outbox_item *out = NULL;
	struct outbox_item one = {.device = b->device, .status = 5};

	for (size_t n = 0; n < OUTBOX_ITEMS_MAX; n++)
		cr_assert_eq(outbox_add(&b->o, &one, &out), ERR_OK);
	cr_expect_eq(outbox_add(&b->o, &one, &out), ERR_LIMIT);
}

static void
fill_conversation(struct conversation *v)
{
	static const struct dialect_firmware f = {.url = "https://x.example/f",
	    .size = 1ull << 40,
	    .md5 = {1, 2, 3},
	    .component = "app",
	    .target = "2.0.0",
	    .crc = 0xffffffff,
	    .has_sha256 = true,
	    .sha256 = {9, 8, 7}};

	v->state = CONVERSATION_ORDERED;
	v->upgrade = UINT64_MAX;
	v->plan = (struct dialect_plan){.component = "app",
	    .source = "1.0.0",
	    .target = "2.0.0",
	    .min_battery_percent = 30,
	    .min_signal_dbm = -90,
	    .space_bytes = 1ull << 40};
	v->failures = 3;
	v->ask_at = 1ull << 41;
	v->error = ERR_BATTERY;
	snprintf(v->version, sizeof(v->version), "1.0.0");
	snprintf(v->detail, sizeof(v->detail), "a detail");
	v->firmware = malloc(sizeof(f));
	*v->firmware = f;
}

Test(outbox, gives_back_a_whole_conversation)
{
	AUTO(box) struct box *b = box_new();
	struct conversation *v = &b->device->conversation;

	fill_conversation(v);
	snprintf(b->device->component, sizeof(b->device->component), "app");
	b->device->dirty = true;
	save(b);
	cr_expect(!b->device->dirty);
	box_reopen(b);
	v = &b->device->conversation;
	cr_expect_str_eq(b->device->component, "app");
	cr_expect_eq(v->state, CONVERSATION_ORDERED);
	cr_expect_eq(v->upgrade, UINT64_MAX);
	cr_expect_str_eq(v->plan.source, "1.0.0");
	cr_expect_str_eq(v->plan.target, "2.0.0");
	cr_expect_eq(v->plan.min_battery_percent, 30);
	cr_expect_eq(v->plan.min_signal_dbm, -90);
	cr_expect_eq(v->plan.space_bytes, 1ull << 40);
	cr_expect_eq(v->failures, 3);
	cr_expect_eq(v->ask_at, 1ull << 41);
	cr_expect_eq(v->error, ERR_BATTERY);
	cr_expect_str_eq(v->version, "1.0.0");
	cr_expect_str_eq(v->detail, "a detail");
	cr_assert_not_null(v->firmware);
	cr_expect_str_eq(v->firmware->url, "https://x.example/f");
	cr_expect_eq(v->firmware->size, 1ull << 40);
	cr_expect_eq(v->firmware->md5[2], 3);
	cr_expect_eq(v->firmware->crc, 0xffffffff);
	cr_expect(v->firmware->has_sha256 && v->firmware->sha256[2] == 7);
}

Test(outbox, drops_an_upgrade_whose_firmware_is_missing)
{
	AUTO(box) struct box *b = box_new();

	fill_conversation(&b->device->conversation);
	b->device->dirty = true;
	save(b);
	cr_assert_eq(record_run(b->o.record, "DELETE FROM firmware", ""), ERR_OK);
	box_reopen(b);
	cr_expect_eq(b->device->conversation.state, CONVERSATION_IDLE);
}

Test(outbox, takes_a_state_that_does_not_exist_as_idle)
{
	static const int64_t states[] = {-1, CONVERSATION_STATES, INT64_MAX};
	AUTO(box) struct box *b = box_new();

	b->device->dirty = true;
	save(b);
	for (size_t i = 0; i < 3; i++) {
		cr_assert_eq(
		    record_run(b->o.record, "UPDATE device SET state = ?", "i", states[i]), ERR_OK);
		box_reopen(b);
		cr_expect_eq(b->device->conversation.state, CONVERSATION_IDLE);
	}
}

Test(outbox, keeps_the_secrets_of_devices_and_of_the_gateway_apart)
{
	AUTO(box) struct box *b = box_new();

	snprintf(b->device->device_secret, sizeof(b->device->device_secret), "0123456789abcdef");
	b->device->secret_dirty = true;
	snprintf(b->o.gateway_secret, sizeof(b->o.gateway_secret), "fedcba9876543210");
	b->o.gateway_dirty = true;
	save(b);
	box_reopen(b);
	cr_expect_str_eq(b->device->device_secret, "0123456789abcdef");
	cr_expect_str_eq(b->o.gateway_secret, "fedcba9876543210");
	cr_expect_eq(b->devices.n, 1, "the gateway is no sub-device");
}

static enum err
first_upgrade(void *arg, const struct outbox_upgrade *u)
{
	struct outbox_upgrade *out = arg;

	if (!out->id)
		*out = *u;
	out->changed_at++; /* counts */
	return ERR_OK;
}

Test(outbox, tells_the_history_newest_first)
{
	AUTO(box) struct box *b = box_new();
	struct outbox_upgrade first = {0};

	for (uint64_t id = 1; id <= 3; id++) {
		add(b, OUTBOX_STATUS, DIALECT_PLAN_RECEIVED, id);
		add(b, OUTBOX_STATUS, DIALECT_SUCCESS, id);
	}
	save(b);
	cr_assert_eq(outbox_each_upgrade(&b->o, 2, first_upgrade, &first), ERR_OK);
	cr_expect_eq(first.id, 3);
	cr_expect_eq(first.status, DIALECT_SUCCESS);
	cr_expect_eq(first.changed_at, 5 + 2);
}

Test(outbox, keeps_everything_for_later_when_it_cannot_save)
{
	AUTO(box) struct box *b = box_new();
	struct outbox_item *i = NULL;
	int64_t pages = 0;

	cr_assert_eq(record_get_int(b->o.record, &pages, "PRAGMA max_page_count = 1", ""), ERR_OK);
	i = add(b, OUTBOX_STATUS, DIALECT_UPDATING, 7);
	cr_assert_eq(outbox_add_report(&b->o, "flashd", 4, 0), ERR_OK);
	/* the file has its pages already; what is new has to be larger than what is left in them */
	for (int n = 0; n < 400; n++)
		add(b, OUTBOX_STATUS, DIALECT_UPDATING, 7);
	cr_expect_eq(outbox_save(&b->o, &b->devices, 5), ERR_FULL);
	cr_expect(!i->saved);
	cr_expect(b->o.dirty);
	cr_expect_eq(settled(b).n, 0);
	cr_assert_eq(
	    record_get_int(b->o.record, &pages, "PRAGMA max_page_count = 100000", ""), ERR_OK);
	save(b);
	cr_expect(i->saved);
	cr_expect_eq(settled(b).n, 1);
}
