/*
 * ledger: the time that is known to have passed.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>

#include "kit.h"
#include "ledger.h"
#include "sick_calls.h"

#define PASSED UINT64_C(1764000000000)

static struct ledger
open_in(const char *dir)
{
	char path[600];
	struct ledger l = {0};
	bool fresh = false;

	snprintf(path, sizeof(path), "%s/flashd.db", dir);
	cr_assert_eq(ledger_open(path, (struct mono){5000000}, &l, &fresh), ERR_OK);
	return l;
}

/* trust: time-bound */
Test(ledger_time, time_that_is_known_to_have_passed_never_goes_back)
{
	AUTO(scratch) char *dir = kit_scratch();
	struct ledger l = open_in(dir);

	cr_expect_eq(ledger_bound(&l), 0);
	ledger_set_bound(&l, PASSED);
	ledger_set_bound(&l, 1000);
	ledger_close(&l);
	l = open_in(dir);
	cr_expect_eq(ledger_bound(&l), PASSED);
	ledger_close(&l);
}

/* trust: time-bound */
Test(ledger_time, time_that_has_passed_holds_also_while_it_cannot_be_recorded)
{
	AUTO(scratch) char *dir = kit_scratch();
	struct ledger l = open_in(dir);

	sick_calls_fail(SICK_WRITE, EIO, 0);
	ledger_set_bound(&l, PASSED);
	sick_calls_fail(SICK_WRITE, 0, 0);
	cr_expect_eq(ledger_bound(&l), PASSED);
	ledger_set_bound(&l, 1000);
	ledger_close(&l);
	l = open_in(dir);
	cr_expect_eq(ledger_bound(&l), PASSED);
	ledger_close(&l);
}
