/*
 * dc_fault: when misbehaviour strikes, and when it stops.
 */
#include <criterion/criterion.h>

#include "dc_fault.h"

Test(dc_fault, a_value_may_have_a_number_of_times)
{
	int64_t value, times;

	cr_expect_eq(dc_fault_parse("20000000", &value, &times), ERR_OK);
	cr_expect(value == 20000000 && times == 0);
	cr_expect_eq(dc_fault_parse("-5,2", &value, &times), ERR_OK);
	cr_expect(value == -5 && times == 2);
	static const char *const wrong[] = {
	    "", "x", "1,", "1,0", "1,-1", "1,2,3", "1 ", "99999999999999999999"};
	for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		cr_expect_eq(dc_fault_parse(wrong[i], &value, &times), ERR_INVALID, "%s", wrong[i]);
}

Test(dc_fault, it_strikes_so_often_and_no_more_however_often_it_is_loaded)
{
	struct dc_faults fs = {0};
	int64_t value = 0;

	cr_expect_not(dc_fault_strikes(&fs, DC_FAULT_REJECT, &value));
	for (int i = 0; i < 4; i++) {
		dc_fault_set(&fs, DC_FAULT_REJECT, 10423, 2, 77);
		cr_expect_eq(dc_fault_strikes(&fs, DC_FAULT_REJECT, &value), i < 2);
	}
	cr_expect_eq(value, 10423);
	cr_expect_eq(dc_fault_value(&fs, DC_FAULT_REJECT), 0);
	dc_fault_set(&fs, DC_FAULT_REJECT, 10424, 1, 78);
	cr_expect(dc_fault_strikes(&fs, DC_FAULT_REJECT, &value));
	cr_expect_eq(value, 10424);
}

Test(dc_fault, every_nth_time_is_every_nth_time)
{
	struct dc_faults fs = {0};
	int n = 0;

	dc_fault_set(&fs, DC_FAULT_REPEAT, 3, 0, 1);
	for (int i = 0; i < 9; i++)
		n += dc_fault_nth(&fs, DC_FAULT_REPEAT);
	cr_expect_eq(n, 3);
	dc_fault_clear(&fs, DC_FAULT_REPEAT);
	cr_expect_not(dc_fault_nth(&fs, DC_FAULT_REPEAT));
}

Test(dc_fault, every_fault_has_a_name_that_finds_it)
{
	for (unsigned f = 0; f < DC_FAULT_COUNT; f++)
		cr_expect_eq(dc_fault_find(dc_fault_name((enum dc_fault)f)), f);
	cr_expect_eq(dc_fault_find("nonsense"), DC_FAULT_COUNT);
}
