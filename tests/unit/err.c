/*
 * err: numbers travel in messages and records, so they must be what they were.
 */
#include <criterion/criterion.h>
#include <ctype.h>
#include <string.h>

#include "err.h"

struct row {
	unsigned number;
	char name[32];
	char text[64];
};

static const struct row rows[] = {
#define X(name, number, text) {number, #name, text},
    ERR_LIST(X)
#undef X
};
enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

Test(err, names_each_number_without_its_prefix)
{
	for (size_t i = 0; i < ROWS; i++) {
		cr_expect_str_eq(err_name(rows[i].number), rows[i].name + strlen("ERR_"));
		cr_expect_str_eq(err_text(rows[i].number), rows[i].text);
		cr_expect_str_eq(err_text_of(err_name(rows[i].number)), rows[i].text);
	}
}

Test(err, uses_no_number_and_no_name_twice)
{
	for (size_t i = 0; i < ROWS; i++)
		for (size_t k = 0; k < i; k++) {
			cr_expect_neq(rows[i].number, rows[k].number, "%s", rows[i].name);
			cr_expect_str_neq(rows[i].name, rows[k].name);
			cr_expect_str_neq(rows[i].text, rows[k].text);
		}
}

Test(err, has_texts_that_are_phrases)
{
	for (size_t i = 0; i < ROWS; i++) {
		size_t len = strlen(rows[i].text);

		cr_assert_gt(len, 3);
		cr_expect_neq(rows[i].text[len - 1], '.', "%s", rows[i].text);
		cr_expect(islower((unsigned char)rows[i].text[0]) ||
			      isupper((unsigned char)rows[i].text[1]),
		    "%s", rows[i].text);
	}
}

Test(err, knows_what_it_does_not_know)
{
	static const unsigned unknown[] = {20, 29, 49, 61, 99, 199, 1000, 0xffffffff};

	for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
		cr_expect_str_eq(err_name(unknown[i]), "UNKNOWN");
		cr_expect_str_eq(err_text(unknown[i]), "unknown error");
	}
}

/* The numbers that other programs and stored records have seen already. */
Test(err, keeps_its_numbers)
{
	cr_expect_eq(ERR_OK, 0);
	cr_expect_eq(ERR_MALFORMED, 18);
	cr_expect_eq(ERR_PHASE, 34);
	cr_expect_eq(ERR_NOT_LOGGED_IN, 59);
	cr_expect_eq(ERR_DIALER, 60);
	cr_expect_eq(ERR_COURIER, 79);
	cr_expect_eq(ERR_DEPENDS, 121);
	cr_expect_eq(ERR_ALREADY, 158);
}
