/*
 * dc_range: byte ranges as RFC 9110 reads them.
 */
#include <criterion/criterion.h>

#include "dc_range.h"

Test(dc_range, a_range_is_taken_as_written_or_not_at_all)
{
	static const struct {
		const char *header;
		enum dc_range want;
		uint64_t first, len;
	} rows[] = {
	    {NULL, DC_RANGE_ALL, 0, 1000},
	    {"bytes=0-999", DC_RANGE_PART, 0, 1000},
	    {"bytes=0-0", DC_RANGE_PART, 0, 1},
	    {"bytes=10-19", DC_RANGE_PART, 10, 10},
	    {"bytes=999-", DC_RANGE_PART, 999, 1},
	    {"bytes=500-5000", DC_RANGE_PART, 500, 500},
	    {"bytes=-1", DC_RANGE_PART, 999, 1},
	    {"bytes=-5000", DC_RANGE_PART, 0, 1000},
	    {"bytes=0-18446744073709551615", DC_RANGE_PART, 0, 1000},
	    {"bytes=0-18446744073709551616", DC_RANGE_ALL, 0, 1000},
	    {"bytes=1000-", DC_RANGE_NONE, 0, 1000},
	    {"bytes=1000-2000", DC_RANGE_NONE, 0, 1000},
	    {"bytes=-0", DC_RANGE_NONE, 0, 1000},
	    {"bytes=20-10", DC_RANGE_ALL, 0, 1000},
	    {"bytes=0-1,5-6", DC_RANGE_ALL, 0, 1000},
	    {"bytes=", DC_RANGE_ALL, 0, 1000},
	    {"bytes=-", DC_RANGE_ALL, 0, 1000},
	    {"bytes=a-b", DC_RANGE_ALL, 0, 1000},
	    {"bytes= 1-2", DC_RANGE_ALL, 0, 1000},
	    {"items=1-2", DC_RANGE_ALL, 0, 1000},
	};
	uint64_t first, len;

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cr_expect_eq(dc_range_parse(rows[i].header, 1000, &first, &len), rows[i].want, "%s",
		    rows[i].header);
		if (rows[i].want == DC_RANGE_NONE)
			continue;
		cr_expect_eq(first, rows[i].first, "%s", rows[i].header);
		cr_expect_eq(len, rows[i].len, "%s", rows[i].header);
	}
}
