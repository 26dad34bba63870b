/*
 * order: who goes before whom, who goes together, and what cannot be.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "order.h"

struct scene {
	struct flash_settings s;
};

static struct scene *
open_scene(size_t n)
{
	static const char *const names[] = {"a", "b", "c", "bb"};
	struct scene *c = calloc(1, sizeof(*c));

	cr_assert(c);
	c->s.n_devices = n;
	for (size_t i = 0; i < n; i++)
		snprintf(c->s.devices[i].name, sizeof(c->s.devices[i].name), "%s", names[i]);
	return c;
}

static void
after(struct scene *c, size_t device, const char *names)
{
	snprintf(c->s.devices[device].after, sizeof(c->s.devices[0].after), "%s", names);
}

Test(order, names_are_whole_words_separated_by_blanks_or_commas)
{
	struct scene *c = open_scene(4);

	after(c, 0, " b, c");
	cr_expect(order_is_after(&c->s.devices[0], &c->s.devices[1]));
	cr_expect(order_is_after(&c->s.devices[0], &c->s.devices[2]));
	cr_expect_not(order_is_after(&c->s.devices[0], &c->s.devices[3]));
	after(c, 0, "bb");
	cr_expect_not(order_is_after(&c->s.devices[0], &c->s.devices[1]));
	cr_expect_not(order_is_after(&c->s.devices[1], &c->s.devices[0]));
	cr_expect_eq(order_check(&c->s), ERR_OK);
	free(c);
}

/* trust: 54 */
Test(order, circles_are_refused_however_long_and_ladders_are_not)
{
	struct scene *c = open_scene(3);

	after(c, 0, "b c");
	after(c, 1, "c");
	cr_expect_eq(order_check(&c->s), ERR_OK);
	after(c, 2, "a");
	cr_expect_eq(order_check(&c->s), ERR_CONFIG, "a -> b -> c -> a");
	after(c, 2, "c");
	cr_expect_eq(order_check(&c->s), ERR_CONFIG, "after itself");
	free(c);
}

Test(order, names_nobody_has_are_refused)
{
	struct scene *c = open_scene(2);

	after(c, 0, "b nobody");
	cr_expect_eq(order_check(&c->s), ERR_CONFIG);
	free(c);
}

Test(order, group_is_one_word_and_knows_no_order_within)
{
	struct scene *c = open_scene(3);

	snprintf(c->s.devices[0].together, 65, "pair");
	snprintf(c->s.devices[1].together, 65, "pair");
	cr_expect(order_is_together(&c->s.devices[0], &c->s.devices[1]));
	cr_expect_not(order_is_together(&c->s.devices[0], &c->s.devices[0]));
	cr_expect_not(order_is_together(&c->s.devices[0], &c->s.devices[2]));
	cr_expect_not(order_is_together(&c->s.devices[2], &c->s.devices[0]));
	after(c, 0, "c");
	cr_expect_eq(order_check(&c->s), ERR_OK);
	after(c, 0, "b");
	cr_expect_eq(order_check(&c->s), ERR_CONFIG, "they would wait for each other");
	free(c);
}

Test(order, very_many_devices_in_a_row_are_no_circle)
{
	struct scene *c = open_scene(0);

	c->s.n_devices = FLASH_SETTINGS_DEVICES;
	for (size_t i = 0; i < c->s.n_devices; i++) {
		snprintf(c->s.devices[i].name, 65, "d%d", (int)i);
		if (i > 0)
			snprintf(c->s.devices[i].after, 257, "d%d", (int)i - 1);
	}
	cr_expect_eq(order_check(&c->s), ERR_OK);
	after(c, 0, "d255");
	cr_expect_eq(order_check(&c->s), ERR_CONFIG);
	free(c);
}
