/*
 * directory: which servers may be dialled, and how the list travels as words.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "cloud_settings.h"
#include "directory.h"

static void
expect_place(const struct directory *d, const char *host, uint16_t port, enum err e, uint32_t place)
{
	uint32_t got = 99;

	cr_expect_eq(directory_find(d, host, port, &got), e, "%s:%u", host, port);
	if (e == ERR_OK)
		cr_expect_eq(got, place, "%s:%u", host, port);
	else
		cr_expect_eq(got, 99, "untouched");
}

Test(directory, finds_a_server_by_name_and_port_and_no_other)
{
	struct directory d = {0};

	cr_assert_eq(directory_add(&d, "a.example", 8883), ERR_OK);
	cr_assert_eq(directory_add(&d, "a.example", 1883), ERR_OK);
	cr_assert_eq(directory_add(&d, "2001:db8::1", 8883), ERR_OK);
	cr_expect_eq(directory_add(&d, "A.EXAMPLE", 8883), ERR_OK, "the same one");
	cr_expect_eq(d.n, 3);
	expect_place(&d, "a.example", 8883, ERR_OK, 0);
	expect_place(&d, "A.Example", 1883, ERR_OK, 1);
	expect_place(&d, "2001:db8::1", 8883, ERR_OK, 2);
	expect_place(&d, "a.example", 22, ERR_DENIED, 0);
	expect_place(&d, "a.example.", 8883, ERR_DENIED, 0);
	expect_place(&d, "b.example", 8883, ERR_DENIED, 0);
	expect_place(&d, "", 8883, ERR_DENIED, 0);
	directory_fini(&d);
	expect_place(&d, "a.example", 8883, ERR_DENIED, 0);
}

Test(directory, takes_no_entry_that_is_none)
{
	struct directory d = {0};
	char long_host[DIRECTORY_HOST + 1];

	memset(long_host, 'a', sizeof(long_host) - 1);
	long_host[DIRECTORY_HOST] = '\0';
	cr_expect_eq(directory_add(&d, "", 1), ERR_INVALID);
	cr_expect_eq(directory_add(&d, "a", 0), ERR_INVALID);
	cr_expect_eq(directory_add(&d, long_host, 1), ERR_INVALID);
	long_host[DIRECTORY_HOST - 1] = '\0';
	cr_expect_eq(directory_add(&d, long_host, 1), ERR_OK);
	for (unsigned i = 1; i < DIRECTORY_MOST; i++)
		cr_assert_eq(directory_add(&d, "b", (uint16_t)i), ERR_OK);
	cr_expect_eq(directory_add(&d, "c", 1), ERR_LIMIT);
	cr_expect_eq(directory_add(&d, "b", 1), ERR_OK, "there already");
	directory_fini(&d);
}

Test(directory, reads_the_words_that_it_writes)
{
	const struct directory_entry rows[] = {{"a.example", 8883}, {"::1", 1}, {"x", 65535}};
	struct directory d = {0};
	char word[DIRECTORY_HOST + 8];

	for (size_t i = 0; i < 3; i++) {
		directory_format(&rows[i], word);
		cr_expect_eq(directory_parse(&d, word), ERR_OK, "%s", word);
		expect_place(&d, rows[i].host, rows[i].port, ERR_OK, (uint32_t)i);
	}
	cr_expect_eq(d.n, 3);
	directory_fini(&d);
}

Test(directory, reads_no_other_word)
{
	static const char *const rows[] = {"", "a", "a ", " 1", "a 0", "a 65536", "a 1x", "a -1",
	    "a +1", "a 01", "a 99999999999999999999", "a:1"};
	struct directory d = {0};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		cr_expect_eq(directory_parse(&d, rows[i]), ERR_MALFORMED, "%s", rows[i]);
	cr_expect_eq(d.n, 0);
}

Test(directory, of_cloudd_is_its_server_and_where_a_move_may_lead)
{
	AUTO(mem) struct cloud_settings *s = calloc(1, sizeof(*s));
	struct directory d = {0};

	cr_assert_not_null(s);
	snprintf(s->identity.host, sizeof(s->identity.host), "cloud.example");
	s->identity.port = 8883;
	cr_assert_eq(cloud_settings_servers(s, &d), ERR_OK);
	cr_expect_eq(d.n, 1);
	directory_fini(&d);
	snprintf(s->identity.move_to, sizeof(s->identity.move_to),
	    "other.example, [2001:db8::2]:444, cloud.example:8884,cloud.example");
	cr_assert_eq(cloud_settings_servers(s, &d), ERR_OK);
	cr_expect_eq(d.n, 4);
	expect_place(&d, "cloud.example", 8883, ERR_OK, 0);
	expect_place(&d, "other.example", 8883, ERR_OK, 1);
	expect_place(&d, "2001:db8::2", 444, ERR_OK, 2);
	expect_place(&d, "cloud.example", 8884, ERR_OK, 3);
	directory_fini(&d);
}
