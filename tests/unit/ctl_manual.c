/*
 * ctl_manual: the sample configuration and the manual say what the programs do: every key with its
 * default, every subcommand, every option, and examples that work.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <string.h>

#include "bundle_dir.h"
#include "driver.h"
#include "kit.h"
#include "tool.h"

#define SAMPLE "deploy/subota.conf"
#define MARKER "# --- every key"

enum { PATH_SIZE = 300 };

/* A file as text; heap. */
static char *
slurp(const char *path)
{
	struct bundle_bytes b = {0};
	char *text = NULL;

	cr_assert_eq(bundle_dir_read_file(AT_FDCWD, path, 1 << 20, &b), ERR_OK, "%s", path);
	text = strndup((const char *)b.data, b.len);
	free(b.data);
	return text;
}

static const char *
after(const char *text, const char *word)
{
	const char *at = strstr(text, word);

	cr_assert(at, "'%s' is missing", word);
	return strchr(at, '\n') + 1;
}

Test(ctl_manual, the_sample_configuration_has_every_key_with_its_default)
{
	AUTO(mem) char *sample = slurp(SAMPLE);

	cr_expect_str_eq(after(sample, MARKER), CTL(".", "config").out, "make sample-config");
}

/* Lines of a text from `from` to `to`, without a prefix, as a configuration that all daemons take.
 */
static void
expect_example(const char *text, const char *from, const char *to, const char *prefix)
{
	static const char common[] =
	    "[common]\ncloud_user = 0\nfetch_user = 0\ncourier_user = 0\n"
	    "flash_user = 0\nsession_user = 0\noperator_group = 0\ndevice_group = 0\n";
	AUTO(scratch) char *dir = kit_scratch();
	char conf[4096];
	size_t n = (size_t)snprintf(conf, sizeof(conf), "%s", common);
	const char *line = after(text, from), *end = strstr(line, to);

	for (; line < end; line = strchr(line, '\n') + 1) {
		size_t skip = strncmp(line, prefix, strlen(prefix)) == 0 ? strlen(prefix) : 1;
		int len = (int)(strchr(line, '\n') + 1 - line) - (int)skip;

		n += (size_t)snprintf(conf + n, sizeof(conf) - n, "%.*s", len, line + skip);
	}
	cr_assert(n > sizeof(common) + 100, "%s", conf);
	kit_write(dir, "conf", conf, n);
	struct tool_result r = CTL(dir, "config", "--check", "conf");

	cr_expect_eq(r.status, 0, "%s\n%s", r.out, conf);
}

Test(ctl_manual, the_shortest_configuration_in_sample_and_manual_works)
{
	AUTO(mem) char *sample = slurp(SAMPLE), *page = NULL;

	expect_example(sample, "shortest file that works", "# Beside it", "#     ");
	page = slurp("deploy/man/subota.conf.5");
	expect_example(page, ".Bd -literal", ".Ed", "");
}

Test(ctl_manual, the_manual_has_every_key_as_the_tables_have_it)
{
	AUTO(scratch) char *dir = kit_scratch();
	AUTO(mem) char *page = slurp("deploy/man/subota.conf.5");
	struct tool_result keys = CTL(".", "config"), made;
	const char *begin = after(page, ".\\\" keys:"), *end = strstr(begin, ".\\\" end of keys");
	char path[PATH_SIZE];

	kit_write(dir, "keys", keys.out, strlen(keys.out));
	snprintf(path, sizeof(path), "%s/keys", dir);
	made = TOOL(".", "awk", "-f", "deploy/man/keys.awk", path);
	cr_assert_eq(made.status, 0, "%s", made.out);
	cr_assert(end);
	page[end - page] = '\0';
	cr_expect(strlen(begin) > 1000 && strcmp(begin, made.out) == 0, "make manual-keys");
}

Test(ctl_manual, the_manual_has_every_option_of_every_driver)
{
	AUTO(mem) char *page = slurp("deploy/man/subota.conf.5");
	char want[200];

	for (const struct driver *const *d = driver_list; *d; d++) {
		snprintf(want, sizeof(want), "Options of the driver %s\n", (*d)->name);
		const char *at = strstr(page, want);

		cr_assert(at, "%s", want);
		for (const struct driver_option *o = (*d)->options; o->key; o++) {
			snprintf(want, sizeof(want), "\n.It Ic %s\n", o->key);
			const char *item = strstr(at, want);

			cr_assert(item, "%s", want);
			snprintf(want, sizeof(want), "; default %s.\n", o->fallback);
			const char *fallback = strstr(item, want), *next = strstr(item + 1, "\n.");

			cr_expect(fallback && fallback < next, "%s: %s", o->key, want);
		}
	}
}

/* --- subotactl(1) ----------------------------------------------------------------------------- */

static void
expect_options(const char *page, const char *command, const char *help)
{
	char want[300];

	snprintf(want, sizeof(want), "\n.Ss %s", command);
	cr_expect(strstr(page, want), "%s", command);
	for (const char *at = strstr(help, "\n  --"); at; at = strstr(at + 1, "\n  --")) {
		snprintf(
		    want, sizeof(want), "\n.It Fl Fl %.*s", (int)strcspn(at + 5, " \n"), at + 5);
		cr_expect(strstr(page, want), "%s %s", command, want);
	}
}

/* Every command that the list of `prefix` names; how many there are. */
static int
expect_commands(const char *page, const char *prefix)
{
	struct tool_result list = *prefix ? CTL(".", prefix, "--help") : CTL(".", "--help");
	int n = 0;

	cr_assert_eq(list.status, 0);
	for (const char *at = strstr(list.out, "\n  "); at; at = strstr(at + 1, "\n  ")) {
		char name[40], full[100];

		snprintf(name, sizeof(name), "%.*s", (int)strcspn(at + 3, " \n"), at + 3);
		snprintf(full, sizeof(full), "%s%s%s", prefix, *prefix ? " " : "", name);
		n++;
		if (strcmp(name, "bundle") == 0) {
			n += expect_commands(page, "bundle");
			continue;
		}
		struct tool_result help = *prefix ? CTL(".", prefix, name, "--help")
						  : CTL(".", name, "--help");

		cr_assert_eq(help.status, 0, "%s --help", full);
		expect_options(page, full, help.out);
	}
	return n;
}

Test(ctl_manual, the_manual_has_every_subcommand_and_option)
{
	AUTO(mem) char *page = slurp("deploy/man/subotactl.1");

	cr_expect_geq(expect_commands(page, ""), 20);
}

Test(ctl_manual, every_page_renders_without_a_warning)
{
	static const char *const pages[] = {"deploy/man/subota-cloudd.8",
	    "deploy/man/subota-fetchd.8", "deploy/man/subota-flashd.8", "deploy/man/subotactl.1",
	    "deploy/man/subota.conf.5"};

	for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
		struct tool_result r = TOOL(".", "groff", "-mdoc", "-Tutf8", "-ww", "-z", pages[i]);

		if (r.status == 127)
			cr_skip_test("groff is not installed");
		cr_expect_eq(r.status, 0, "%s", pages[i]);
		cr_expect_str_eq(r.out, "", "%s", pages[i]);
	}
}
