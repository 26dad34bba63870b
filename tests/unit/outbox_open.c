/*
 * outbox_open: what comes back from a database, also from one that says what cannot be.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "outbox_case.h"

static void
fill_conversation(struct conversation *v)
{
	static const struct dialect_firmware f = {
	    .file = {.url = "https://x.example/f", .size = 1ull << 40, .md5 = {1, 2, 3}},
	    .listed = true,
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
	v->turn = 2;
	cr_assert_eq(conversation_need_rest(v), ERR_OK);
	v->rest[v->n_rest++] = (struct dialect_plan){
	    .component = "radio", .source = "7.1", .target = "7.2", .type = 1};
	v->rest[v->n_rest++] = (struct dialect_plan){.component = "sensor", .target = "3"};
	v->failures = 3;
	v->ask_at = 1ull << 41;
	v->error = ERR_BATTERY;
	snprintf(v->version, sizeof(v->version), "1.0.0");
	snprintf(v->detail, sizeof(v->detail), "a detail");
	v->firmware = malloc(sizeof(f));
	*v->firmware = f;
	v->firmware->more = calloc(2, sizeof(*v->firmware->more));
	v->firmware->n_more = 2;
	for (int i = 0; i < 2; i++)
		v->firmware->more[i] = (struct dialect_file){
		    .url = "https://x.example/g", .size = 7u + (unsigned)i, .md5 = {5}};
}

static void
add_component(struct subdevice *s, const char *name, const char *version, unsigned place)
{
	struct component *k = NULL;

	cr_assert_eq(component_need(&s->components, name, place, 2, &s->dirty, &k), ERR_OK);
	snprintf(k->version, sizeof(k->version), "%s", version);
}

Test(outbox_open, gives_back_a_whole_conversation)
{
	AUTO(outbox_case) struct outbox_case *b = outbox_case_new();
	struct conversation *v = &b->device->conversation;

	fill_conversation(v);
	add_component(b->device, "app", "1.0.0", 0);
	add_component(b->device, "radio", "7.1", 1);
	b->device->dirty = true;
	outbox_case_save(b);
	cr_expect(!b->device->dirty);
	outbox_case_reopen(b);
	v = &b->device->conversation;
	cr_expect_str_eq(component_main_name(&b->device->components), "app");
	cr_expect_str_eq(component_find(&b->device->components, "radio")->version, "7.1");
	cr_expect_eq(component_find(&b->device->components, "radio")->place, 1);
	cr_expect_eq(v->turn, 2);
	cr_assert_eq(v->n_rest, 2);
	cr_expect_str_eq(v->rest[0].component, "radio");
	cr_expect_str_eq(v->rest[0].source, "7.1");
	cr_expect_eq(v->rest[0].type, 1);
	cr_expect_str_eq(v->rest[1].component, "sensor");
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
	cr_expect_str_eq(v->firmware->file.url, "https://x.example/f");
	cr_expect_eq(v->firmware->file.size, 1ull << 40);
	cr_expect_eq(v->firmware->file.md5[2], 3);
	cr_expect(v->firmware->listed);
	cr_assert_eq(v->firmware->n_more, 2);
	cr_expect_str_eq(v->firmware->more[0].url, "https://x.example/g");
	cr_expect_eq(v->firmware->more[1].size, 8);
	cr_expect_eq(v->firmware->more[1].md5[0], 5);
	cr_expect_eq(v->firmware->crc, 0xffffffff);
	cr_expect(v->firmware->has_sha256 && v->firmware->sha256[2] == 7);
}

Test(outbox_open, goes_on_with_an_upgrade_of_the_first_version)
{
	static const char *const back[] = {"DROP TABLE leaving", "DROP TABLE component",
	    "DROP TABLE rest", "DROP TABLE file", "DROP TABLE move", "DROP TABLE moved_secret",
	    "ALTER TABLE device DROP COLUMN turn", "ALTER TABLE firmware DROP COLUMN listed",
	    "PRAGMA user_version = 1"};
	AUTO(outbox_case) struct outbox_case *b = outbox_case_new();

	fill_conversation(&b->device->conversation);
	add_component(b->device, "app", "1.0.0", 0);
	b->device->dirty = true;
	outbox_case_save(b);
	for (size_t i = 0; i < sizeof(back) / sizeof(back[0]); i++)
		cr_assert_eq(record_run(b->o.record, back[i], ""), ERR_OK, "%s", back[i]);
	outbox_case_reopen(b);
	const struct conversation *v = &b->device->conversation;
	cr_expect_str_eq(component_main_name(&b->device->components), "app");
	cr_expect_str_eq(component_main_version(&b->device->components), "1.0.0");
	cr_expect_eq(v->state, CONVERSATION_ORDERED);
	cr_expect_eq(v->n_rest, 0);
	cr_expect_str_eq(v->firmware->file.url, "https://x.example/f");
	cr_expect(!v->firmware->listed && v->firmware->n_more == 0);
}

Test(outbox_open, drops_an_upgrade_whose_firmware_is_missing)
{
	AUTO(outbox_case) struct outbox_case *b = outbox_case_new();

	fill_conversation(&b->device->conversation);
	b->device->dirty = true;
	outbox_case_save(b);
	cr_assert_eq(record_run(b->o.record, "DELETE FROM firmware", ""), ERR_OK);
	outbox_case_reopen(b);
	cr_expect_eq(b->device->conversation.state, CONVERSATION_IDLE);
}

Test(outbox_open, takes_a_state_that_does_not_exist_as_idle)
{
	static const int64_t states[] = {-1, CONVERSATION_STATES, INT64_MAX};
	AUTO(outbox_case) struct outbox_case *b = outbox_case_new();

	b->device->dirty = true;
	outbox_case_save(b);
	for (size_t i = 0; i < 3; i++) {
		cr_assert_eq(
		    record_run(b->o.record, "UPDATE device SET state = ?", "i", states[i]), ERR_OK);
		outbox_case_reopen(b);
		cr_expect_eq(b->device->conversation.state, CONVERSATION_IDLE);
	}
}

Test(outbox_open, keeps_the_secrets_of_devices_and_of_the_gateway_apart)
{
	AUTO(outbox_case) struct outbox_case *b = outbox_case_new();

	snprintf(b->device->device_secret, sizeof(b->device->device_secret), "0123456789abcdef");
	b->device->secret_dirty = true;
	snprintf(b->o.gateway_secret, sizeof(b->o.gateway_secret), "fedcba9876543210");
	b->o.gateway_dirty = true;
	outbox_case_save(b);
	outbox_case_reopen(b);
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

Test(outbox_open, tells_the_history_newest_first)
{
	AUTO(outbox_case) struct outbox_case *b = outbox_case_new();
	struct outbox_upgrade first = {0};

	for (uint64_t id = 1; id <= 3; id++) {
		outbox_case_add(b, OUTBOX_STATUS, DIALECT_PLAN_RECEIVED, id);
		outbox_case_add(b, OUTBOX_STATUS, DIALECT_SUCCESS, id);
	}
	outbox_case_save(b);
	cr_assert_eq(outbox_each_upgrade(&b->o, 2, first_upgrade, &first), ERR_OK);
	cr_expect_eq(first.id, 3);
	cr_expect_eq(first.status, DIALECT_SUCCESS);
	cr_expect_eq(first.changed_at, 5 + 2);
}
