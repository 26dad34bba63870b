/*
 * every_test: what holds for each test of each suite, in one place. Linked into every test program
 * by name, so no suite has to know.
 *
 * Leaks: Criterion's workers leave by _exit, so LeakSanitizer's own check at exit never runs in
 * them. The Makefile links with --wrap=criterion_internal_test_main: the call from each test's
 * trampoline comes here first. It looks before .fini: what a fixture keeps in file-scope objects is
 * still pointed to. In a build without the sanitizer the weak symbol is NULL.
 *
 * Time: a test that names no .timeout gets one of ours; the option --timeout of Criterion 2.4.1 and
 * criterion_options.timeout were seen to do nothing.
 */
#include <criterion/criterion.h>
#include <string.h>

enum { DEFAULT_TIMEOUT_S = 60 };

int __attribute__((weak)) __lsan_do_recoverable_leak_check(void);
void __real_criterion_internal_test_main(void (*fn)(void));
void __wrap_criterion_internal_test_main(void (*fn)(void));
/* Bounds of the sections in which Criterion's macros collect tests and suites; made by the linker,
 * weak because a program need not have a suite. */
#define WEAK __attribute__((weak))
extern struct criterion_test *WEAK __start_cr_tst[], *WEAK __stop_cr_tst[];
extern struct criterion_suite *WEAK __start_cr_sts[], *WEAK __stop_cr_sts[];

const char *__lsan_default_options(void);

static void (*body)(void);

/* Criterion's own parent process leaks a little; what tests leak is looked for below. */
const char *
__lsan_default_options(void)
{
	return "leak_check_at_exit=0";
}

static void
test_then_look(void)
{
	body();
	if (__lsan_do_recoverable_leak_check && __lsan_do_recoverable_leak_check() != 0)
		cr_assert_fail("this test leaks memory; LeakSanitizer said where");
}

void
__wrap_criterion_internal_test_main(void (*fn)(void))
{
	body = fn;
	__real_criterion_internal_test_main(test_then_look);
}

static double
timeout_of_suite(const char *name)
{
	for (struct criterion_suite **s = __start_cr_sts; s < __stop_cr_sts; s++) {
		if (*s && (*s)->data && strcmp((*s)->name, name) == 0)
			return (*s)->data->timeout;
	}
	return 0;
}

static void __attribute__((constructor))
give_timeouts(void)
{
	for (struct criterion_test **t = __start_cr_tst; t < __stop_cr_tst; t++) {
		if (*t && (*t)->data->timeout <= 0 && timeout_of_suite((*t)->category) <= 0)
			(*t)->data->timeout = DEFAULT_TIMEOUT_S;
	}
}
