/*
 * rotation: a newer root document comes inside a package, through the whole house: it takes the
 * place of the older one in the gate and in flashd, what it revokes counts no more, and its floors
 * hold where all memory is lost.
 */
#include <string.h>
#include <unistd.h>

#include "house_case.h"
#include "house_life.h"
#include "house_look.h"
#include "json.h"
#include "root.h"

TestSuite(rotation, .timeout = 180);

enum { OLD_KEY, NEW_KEY };

static void
expect_root(struct house *h, int version)
{
	static const enum house_part parts[] = {HOUSE_FETCHD, HOUSE_FLASHD};

	for (size_t i = 0; i < 2; i++) {
		AUTO(json) cJSON *status = house_look_ask(h, parts[i], "status");

		cr_expect_eq(json_number(status, "root_version"), version);
	}
}

static double
uploaded(struct house *h)
{
	AUTO(json) cJSON *own = house_look_device(h, 0);

	return json_number(own, "upload_bytes");
}

/* The plan fails for this reason, and no byte of it reaches the device. */
static void
expect_refused(struct house *h, const struct house_pack *p, const char *reason)
{
	double before = uploaded(h);
	unsigned said = house_life_said(h, HOUSE_FETCHD, reason) +
			house_life_said(h, HOUSE_FLASHD, reason);

	house_case_plan(h, p);
	house_case_until_verdict(h, 0, "failed");
	cr_expect_eq(uploaded(h), before, "%s", p->name);
	cr_expect_gt(
	    house_life_said(h, HOUSE_FETCHD, reason) + house_life_said(h, HOUSE_FLASHD, reason),
	    said, "%s", reason);
}

static void
restart(struct house *h)
{
	for (enum house_part p = HOUSE_FLASHD; p <= HOUSE_CLOUDD; p++)
		HOUSE_MUST(h, house_stop(h, p));
	for (enum house_part p = HOUSE_FLASHD; p <= HOUSE_CLOUDD; p++)
		HOUSE_MUST(h, house_start(h, p));
}

static void
expect_upgraded(struct house *h, const struct house_pack *p)
{
	house_case_plan(h, p);
	house_case_until_verdict(h, 0, "success");
	HOUSE_MUST(h, house_look_wait_version(h, 0, p->version));
}

/* trust: 17 18 21 47 */
Test(rotation, a_root_that_comes_with_a_package_revokes_a_key_and_sets_floors_for_good)
{
	AUTO(house_case) struct house *h = house_case_open(&(struct house_options){0});
	AUTO(root) Tr__Root *two = kit_next_root(h->kit->doc);
	char path[400];

	kit_revoke(two, &h->kit->release[OLD_KEY]);
	kit_add_floor(two, HOUSE_MODEL, 2, 6);
	expect_upgraded(h, &(struct house_pack){.name = "first", .version = "1.1.0"});
	expect_root(h, 1);
	expect_upgraded(h, &(struct house_pack){.name = "carrier",
			       .version = "1.2.0",
			       .sequence = 6,
			       .root = two,
			       .release_key = NEW_KEY});
	expect_root(h, 2);
	restart(h);
	expect_root(h, 2);
	expect_refused(h,
	    &(struct house_pack){.name = "revoked", .version = "1.3.0", .sequence = 7},
	    "KEY_REVOKED");
	/* flashd has forgotten what was confirmed; the root document has not */
	HOUSE_MUST(h, house_stop(h, HOUSE_FLASHD));
	snprintf(path, sizeof(path), "%s/state/flashd/flashd.db", h->dir);
	cr_assert_eq(unlink(path), 0);
	HOUSE_MUST(h, house_start(h, HOUSE_FLASHD));
	expect_refused(h,
	    &(struct house_pack){
		.name = "below", .version = "1.0.9", .sequence = 5, .release_key = NEW_KEY},
	    "ROLLBACK");
	expect_upgraded(
	    h, &(struct house_pack){
		   .name = "last", .version = "1.4.0", .sequence = 8, .release_key = NEW_KEY});
}
