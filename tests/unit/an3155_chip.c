/*
 * an3155_chip: each chip's pages cover its flash without gaps; the borders that are known by heart.
 */
#include "an3155_chip.h"

#include <criterion/criterion.h>
#include <string.h>

#include "an3155_write.h"

Test(an3155_chip, pages_follow_each_other_to_the_end_of_the_flash)
{
	size_t n = 0;
	const struct an3155_chip *rows = an3155_chip_rows(&n);

	for (size_t i = 0; i < n; i++) {
		struct an3155_page p;
		uint32_t at = 0, number = 0;

		for (; at < rows[i].size; at += p.size, number++) {
			cr_assert(an3155_chip_page(&rows[i], at, &p), "%s", rows[i].name);
			cr_assert_eq(p.at, at, "%s, page %u", rows[i].name, (unsigned)number);
			cr_assert_eq(p.number, number, "%s", rows[i].name);
			cr_assert_geq(p.size, 128);
			cr_assert(an3155_chip_page(&rows[i], at + p.size - 1, &p));
			cr_assert_eq(p.number, number);
		}
		cr_expect_eq(
		    at, rows[i].size, "%s: the last page ends with the flash", rows[i].name);
		cr_expect_leq(number, (uint32_t)AN3155_PAGES_MAX, "%s", rows[i].name);
		cr_expect_not(an3155_chip_page(&rows[i], at, &p));
		cr_expect_eq(an3155_chip_find(rows[i].id), &rows[i], "an id stands once");
		cr_expect_lt(strlen(rows[i].name), (size_t)AN3155_NAME);
	}
}

Test(an3155_chip, known_borders)
{
	static const struct {
		uint16_t id;
		uint32_t at, number, begin, size;
	} known[] = {{0x410, 5000, 4, 4096, 1024}, {0x414, 5000, 2, 4096, 2048},
	    {0x413, 0xffff, 3, 0xc000, 0x4000}, {0x413, 0x10000, 4, 0x10000, 0x10000},
	    {0x413, 0x20000, 5, 0x20000, 0x20000}, {0x413, 0xfffff, 11, 0xe0000, 0x20000},
	    {0x419, 0x100000, 12, 0x100000, 0x4000}, {0x449, 0x8000, 1, 0x8000, 0x8000},
	    {0x449, 0x40000, 5, 0x40000, 0x40000}, {0x447, 300, 2, 256, 128},
	    {0x437, 300, 1, 256, 256}};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		const struct an3155_chip *c = an3155_chip_find(known[i].id);
		struct an3155_page p;

		cr_assert(c && an3155_chip_page(c, known[i].at, &p), "%x", known[i].id);
		cr_expect_eq(p.number, known[i].number, "%x: %u", known[i].id, (unsigned)p.number);
		cr_expect_eq(p.at, known[i].begin, "%x: %x", known[i].id, (unsigned)p.at);
		cr_expect_eq(p.size, known[i].size, "%x: %x", known[i].id, (unsigned)p.size);
	}
	cr_expect_null(an3155_chip_find(0));
}
