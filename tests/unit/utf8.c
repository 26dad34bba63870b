/*
 * utf8: the edges of each length, and what looks like a character and is none.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "utf8.h"

struct row {
	const char *bytes;
	size_t n; /* bytes of the first character, 0 = none */
};

Test(utf8, characters_end_where_they_end_and_impostors_are_none)
{
	static const struct row rows[] = {
	    {"a", 1},
	    {"\x7f", 1},
	    {"\xc2\x80", 2},
	    {"\xdf\xbf", 2},
	    {"\xe0\xa0\x80", 3},
	    {"\xed\x9f\xbf", 3},
	    {"\xee\x80\x80", 3},
	    {"\xef\xbf\xbf", 3},
	    {"\xf0\x90\x80\x80", 4},
	    {"\xf4\x8f\xbf\xbf", 4},
	    {"\x80", 0},             /* a tail alone */
	    {"\xc0\x80", 0},         /* NUL, overlong */
	    {"\xc1\xbf", 0},         /* overlong */
	    {"\xe0\x9f\xbf", 0},     /* overlong */
	    {"\xf0\x8f\xbf\xbf", 0}, /* overlong */
	    {"\xed\xa0\x80", 0},     /* surrogates */
	    {"\xed\xbf\xbf", 0},
	    {"\xf4\x90\x80\x80", 0}, /* beyond U+10FFFF */
	    {"\xf5\x80\x80\x80", 0},
	    {"\xff", 0},
	    {"\xc3", 0},             /* cut */
	    {"\xe2\x82", 0},
	    {"\xc3(", 0},            /* no tail */
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		cr_expect_eq(utf8_character((const uint8_t *)rows[i].bytes, strlen(rows[i].bytes)),
		    rows[i].n, "row %zu", i);
}

Test(utf8, text_is_characters_to_its_end_and_may_be_empty)
{
	cr_expect(utf8_is_text((const uint8_t *)"", 0));
	cr_expect(utf8_is_text((const uint8_t *)"a\xc3\xa0z", 4));
	cr_expect_not(utf8_is_text((const uint8_t *)"a\xc3\xa0z", 2));
	cr_expect_not(utf8_is_text((const uint8_t *)"a\0b", 3));
}

Test(utf8, copy_is_cut_between_characters_and_ends_at_what_is_none)
{
	char out[5];

	utf8_copy(out, 5, "ab\xc3\xa0");
	cr_expect_str_eq(out, "ab\xc3\xa0");
	utf8_copy(out, 5, "abc\xc3\xa0");
	cr_expect_str_eq(out, "abc");
	utf8_copy(out, 5, "a\xff");
	cr_expect_str_eq(out, "a");
	utf8_copy(out, 1, "abc");
	cr_expect_str_eq(out, "");
}
