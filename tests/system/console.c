/*
 * System test of the web console: a person's whole day in a headless Chromium, before a house of
 * real daemons. What is done and expected stands in console.py.
 */
#include <string.h>
#include <unistd.h>

#include "house_case.h"

TestSuite(console, .timeout = 240);

/* Chromium or its driver is not here: `make deps` installs both where Debian has them. */
static bool
has_browser(void)
{
	return access("/usr/bin/chromium", X_OK) == 0 &&
	       access("/usr/bin/chromedriver", X_OK) == 0 &&
	       access("/usr/lib/python3/dist-packages/selenium", F_OK) == 0;
}

Test(console, a_person_adds_verifies_plans_watches_and_reads_in_a_browser)
{
	char address[64], bundle[300], script[300], here[200];
	const char *pictures = getenv("CONSOLE_PICTURES"); /* a directory: keep screenshots */

	if (!has_browser())
		cr_skip_test("no Chromium here: needs chromium, chromium-driver, python3-selenium");
	AUTO(house_case)
	struct house *h = house_case_open(&(struct house_options){.devices = 2});
	HOUSE_MUST(h, house_pack_publish(h, &(struct house_pack){.size = 400000}));
	cr_assert_not_null(getcwd(here, sizeof(here)));
	snprintf(address, sizeof(address), "http://127.0.0.1:%u/", h->console);
	snprintf(bundle, sizeof(bundle), "%s/fw.bin", h->dir);
	snprintf(script, sizeof(script), "%s/tests/system/console.py", here);
	struct tool_result r = TOOL(h->dir, "/usr/bin/env", "HOME=.", "/usr/bin/python3", "-B",
	    script, address, bundle, h->dir,
	    pictures ? pictures : NULL);
	cr_expect_eq(r.status, 0, "%s", r.out);
	cr_expect(strstr(r.out, "all seen"), "%s", r.out);
}
