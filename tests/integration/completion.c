/*
 * completion: what bash offers after subotactl, asked of bash itself.
 */
#include <criterion/criterion.h>
#include <libgen.h>
#include <string.h>

#include "couriers.h"
#include "tool.h"

TestSuite(completion, .timeout = 60);

/* What is offered for the last of the words, one a line. */
static void
expect_offers(const char *words, const char *wanted)
{
	char script[1200];

	snprintf(script, sizeof(script),
	    "compopt() { echo \"files\"; }; . deploy/bash/subotactl; COMP_WORDS=('%s' %s); "
	    "COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _subotactl; "
	    "printf '%%s\\n' \"${COMPREPLY[@]}\"",
	    couriers_program("subotactl"), words);
	struct tool_result r = TOOL(".", "bash", "-c", script);
	cr_expect_eq(r.status, 0, "%s: %s", words, r.out);
	cr_expect_str_eq(r.out, wanted, "%s", words);
}

Test(completion, offers_commands_options_and_files_where_each_makes_sense)
{
	expect_offers("upg", "upgrades\nupgrade\n");
	expect_offers("bundle ver", "verify\n");
	expect_offers("tap --js", "--json\n");
	expect_offers("bundle keygen --he", "\n");
	expect_offers("tap fl", "flashd\n");
	expect_offers("tap --count ''", "files\n\n");
	expect_offers("config --check ''", "files\n\n");
	expect_offers("frobnicate ''", "\n");
}
