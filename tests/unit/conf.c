/*
 * conf: a table with every type, and files that are right, at a limit, over it, and wrong.
 */
#include <criterion/criterion.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "caught.h"
#include "conf.h"
#include "kit.h"
#include "log.h"

struct item {
	char name[9];
	uint64_t speed;
	char other_key[20], other_value[20];
};

struct settings {
	bool yes;
	uint64_t n, any, size, ms;
	char text[9];
	char secret[9];
	int choice;
	uint32_t uid, gid;
	size_t n_items;
	struct item items[3];
};

#define AT(field) .offset = offsetof(struct settings, field)

static const char *const choices[] = {"red", "green", NULL};

static const struct conf_key keys[] = {
    {"yes", CONF_BOOL, AT(yes), .fallback = "yes", .help = "Whether."},
    {"n", CONF_UINT, AT(n), .min = 1, .max = 100, .fallback = "7", .help = "How many."},
    {"any", CONF_UINT, AT(any), .fallback = "0", .help = "Any number."},
    {"size", CONF_SIZE, AT(size), .min = 0, .max = 1ull << 40, .fallback = "8 MiB", .help = "S."},
    {"ms", CONF_DURATION, AT(ms), .min = 100, .max = 86400000, .fallback = "10 min", .help = "T."},
    {"text", CONF_STRING, CONF_STRING_AT(struct settings, text), .help = "Text."},
    {"secret", CONF_STRING, CONF_STRING_AT(struct settings, secret), .fallback = "",
	.help = "Secret.", .secret = true},
    {"choice", CONF_CHOICE, AT(choice), .choices = choices, .fallback = "green", .help = "C."},
    {"user", CONF_USER, AT(uid), .fallback = "root", .help = "U."},
    {"group", CONF_GROUP, AT(gid), .fallback = "root", .help = "G."},
};

static const struct conf_key item_keys[] = {
    {"speed", CONF_UINT, .offset = offsetof(struct item, speed), .max = 9, .fallback = "3",
	.help = "Speed."},
};

static enum err
on_other(void *item, const char *key, const char *value, char *why, size_t why_size)
{
	struct item *i = item;

	if (strlen(value) >= sizeof(i->other_value)) {
		snprintf(why, why_size, "expected a short value");
		return ERR_CONFIG;
	}
	snprintf(i->other_key, sizeof(i->other_key), "%s", key);
	snprintf(i->other_value, sizeof(i->other_value), "%s", value);
	return ERR_OK;
}

static const struct conf_section sections[] = {
    {.name = "flashd", .keys = keys, .n_keys = sizeof(keys) / sizeof(keys[0])},
    {.name = "flashd.item",
	.named = true,
	.keys = item_keys,
	.n_keys = 1,
	.offset = offsetof(struct settings, items),
	.item_size = sizeof(struct item),
	.max_items = 3,
	.count_offset = offsetof(struct settings, n_items),
	.name_offset = offsetof(struct item, name),
	.name_size = sizeof(((struct item *)0)->name),
	.on_other = on_other},
};
static const struct conf_table table = {sections, 2};

/* Parses a text; the log goes to `log`, which holds 4000 bytes. */
static enum err
parse(const char *text, struct settings *s, char *log)
{
	AUTO(caught) struct caught *c = caught_begin(STDERR_FILENO);
	enum err e = conf_parse(&table, "x.conf", text, strlen(text), s);

	snprintf(log, 4000, "%s", caught_text(c));
	return e;
}

static struct settings
good(const char *text)
{
	struct settings s;
	char log[4000];

	memset(&s, 0xa5, sizeof(s));
	cr_assert_eq(parse(text, &s, log), ERR_OK, "%s", log);
	cr_expect_str_eq(log, "");
	return s;
}

static void
bad(const char *text, const char *complaint)
{
	struct settings s = {0};
	char log[4000];

	cr_expect_eq(parse(text, &s, log), ERR_CONFIG, "%s", text);
	cr_expect(strstr(log, complaint), "%s\nexpected: %s\ngot: %s", text, complaint, log);
}

/* One line of [flashd] beside what must be there. */
static struct settings
good_line(const char *line)
{
	char text[600];

	snprintf(text, sizeof(text), "[flashd]\ntext=t\n%s\n", line);
	return good(text);
}

static void
bad_line(const char *line, const char *complaint)
{
	char text[600];

	snprintf(text, sizeof(text), "[flashd]\ntext=t\n%s\n", line);
	bad(text, complaint);
}

Test(conf, takes_defaults_for_what_is_not_said)
{
	struct settings s = good("[flashd]\ntext = t\n");

	cr_expect(s.yes);
	cr_expect_eq(s.n, 7);
	cr_expect_eq(s.any, 0);
	cr_expect_eq(s.size, 8 << 20);
	cr_expect_eq(s.ms, 600000);
	cr_expect_str_eq(s.text, "t");
	cr_expect_str_eq(s.secret, "");
	cr_expect_eq(s.choice, 1);
	cr_expect_eq(s.uid, 0);
	cr_expect_eq(s.gid, 0);
	cr_expect_eq(s.n_items, 0);
}

Test(conf, reads_each_type)
{
	struct settings s = good("# all of them\r\n[flashd]\r\n  yes=no\r\n"
				 "n = 100 # the limit\n\tany = 18446744073709551615\n"
				 "size = 3GiB\nms = 2 h\ntext =  two  w \nsecret = a#b\n"
				 "choice = red\nuser = 12345\ngroup = 4294967294");

	cr_expect(!s.yes);
	cr_expect_eq(s.n, 100);
	cr_expect_eq(s.any, UINT64_MAX);
	cr_expect_eq(s.size, 3ull << 30);
	cr_expect_eq(s.ms, 7200000);
	cr_expect_str_eq(s.text, "two  w");
	cr_expect_str_eq(s.secret, "a#b");
	cr_expect_eq(s.choice, 0);
	cr_expect_eq(s.uid, 12345);
	cr_expect_eq(s.gid, 4294967294u);
}

Test(conf, knows_units)
{
	static const struct {
		char line[32];
		uint64_t want;
	} sizes[] = {{"size = 0", 0}, {"size = 64", 64}, {"size = 5 B", 5}, {"size = 2 KiB", 2048},
	    {"size = 1 TiB", 1ull << 40}},
	  durations[] = {{"ms = 100 ms", 100}, {"ms = 30 s", 30000}, {"ms = 30s", 30000},
	      {"ms = 5 min", 300000}, {"ms = 1 d", 86400000}};

	for (size_t i = 0; i < 5; i++) {
		cr_expect_eq(good_line(sizes[i].line).size, sizes[i].want, "%s", sizes[i].line);
		cr_expect_eq(
		    good_line(durations[i].line).ms, durations[i].want, "%s", durations[i].line);
	}
}

Test(conf, refuses_values_that_are_none)
{
	static const char rows[][2][100] = {
	    {"yes = true", "x.conf:3: yes: expected yes or no, got \"true\""},
	    {"yes =", "expected yes or no, got \"\""},
	    {"n = 0", "n: expected a number from 1 to 100, got \"0\""},
	    {"n = 101", "from 1 to 100, got \"101\""},
	    {"n = -1", "got \"-1\""},
	    {"n = +1", "got \"+1\""},
	    {"n = 0x10", "got \"0x10\""},
	    {"n = 1 s", "got \"1 s\""},
	    {"n = ", "got \"\""},
	    {"any = 18446744073709551616", "any: expected a number of at least 0, got \"184"},
	    {"size = 1025 GiB",
		"expected a size such as 8 MiB from 0 B to 1 TiB, got \"1025 GiB\""},
	    {"size = 16777216 TiB", "got \"16777216 TiB\""},
	    {"size = 1 mib", "got \"1 mib\""},
	    {"size = MiB", "got \"MiB\""},
	    {"ms = 30", "(units ms, s, min, h, d) from 100 ms to 1 d, got \"30\""},
	    {"ms = 99 ms", "got \"99 ms\""},
	    {"ms = 1 d 1 s", "got \"1 d 1 s\""},
	    {"ms = 25 h", "got \"25 h\""},
	    {"choice = blue", "choice: expected one of red, green, got \"blue\""},
	    {"choice = ", "got \"\""},
	    {"user = no-such-user-here", "expected a user of this system or a number, got \"no-"},
	    {"user = 4294967295", "got \"4294967295\""},
	    {"user =", "expected a user of this system or a number, got \"\""},
	    {"group = no-such-group", "expected a group of this system or a number, got \"no-"},
	    {"colour = red", "x.conf:3: expected a key of [flashd], got \"colour\""},
	    {"N = 1", "expected a key of [flashd], got \"N\""},
	    {"n 1", "x.conf:3: expected [section] or key = value, got neither"},
	    {"= 1", "got neither"},
	    {"[flashd", "got neither"},
	    {"n = \033[2J", "expected printable text, got a control character"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		bad_line(rows[i][0], rows[i][1]);
}

Test(conf, takes_a_string_that_just_fits_and_no_longer_one)
{
	cr_expect_str_eq(good("[flashd]\ntext = 12345678").text, "12345678");
	bad("[flashd]\ntext = 123456789",
	    "text: expected text of at most 8 bytes, got \"123456789\"");
}

Test(conf, never_shows_a_secret)
{
	struct settings s = {0};
	char log[4000];

	cr_expect_eq(parse("[flashd]\ntext=t\nsecret = hunter2hunter2\n", &s, log), ERR_CONFIG);
	cr_expect(strstr(log, "secret: expected text of at most 8 bytes, got 14 bytes"), "%s", log);
	cr_expect_null(strstr(log, "hunter2"));
	cr_expect_eq(parse("[flashd]\ntext=t\nsecret hunter2\n", &s, log), ERR_CONFIG);
	cr_expect_null(strstr(log, "hunter2"));
}

Test(conf, names_every_fault_and_not_just_the_first)
{
	struct settings s = {0};
	char log[4000];

	cr_expect_eq(
	    parse("n = 1\n[flashd]\nn = x\nyes = y\n[other]\nz = 1\n", &s, log), ERR_CONFIG);
	cr_expect(strstr(log, "x.conf:1: n: expected a [section] before the first key"), "%s", log);
	cr_expect(strstr(log, "x.conf:3: n: "));
	cr_expect(strstr(log, "x.conf:4: yes: "));
	cr_expect(
	    strstr(log, "x.conf:2: [flashd] text: expected text of at most 8 bytes, got not"));
	cr_expect(strstr(log, "x.conf:5: expected a section that is known, got [other]"));
	cr_expect_null(strstr(log, "x.conf:6"), "keys of an unknown section are not faults, too");
}

Test(conf, counts_a_section_that_comes_twice_as_one_fault)
{
	struct settings s = {0};
	char log[4000];

	cr_expect_eq(parse("[flashd]\ntext = a\n[flashd]\nn = 1\nq = 2\n", &s, log), ERR_CONFIG);
	cr_expect_eq(strchr(log, '\n'), log + strlen(log) - 1, "%s", log);
}

Test(conf, wants_what_has_no_default_even_without_the_section)
{
	bad("", "[flashd] text: expected text of at most 8 bytes, got nothing");
	bad("# nothing\n", "[flashd] text: ");
}

Test(conf, refuses_everything_that_comes_twice)
{
	bad("[flashd]\ntext = a\ntext = a\n", "x.conf:3: text: expected it once, got it again");
	bad("[flashd]\ntext = a\n[flashd]\n", "x.conf:3: [flashd]: expected this section once");
	bad("[flashd]\ntext = a\n[flashd.item a]\n[flashd.item a]\n",
	    "x.conf:4: [flashd.item a]: expected each name once");
	bad("[flashd]\ntext = a\n[flashd.item a]\nq = 1\nq = 1\n", "x.conf:5: q: expected it once");
}

Test(conf, fills_the_items_of_a_named_section)
{
	struct settings s = good("[flashd.item 12345678]\nspeed = 9\nodd = value\n"
				 "[flashd]\ntext = t\n[ flashd.item\tb ]\n[flashd.item c]\n");

	cr_assert_eq(s.n_items, 3);
	cr_expect_str_eq(s.items[0].name, "12345678");
	cr_expect_eq(s.items[0].speed, 9);
	cr_expect_str_eq(s.items[0].other_key, "odd");
	cr_expect_str_eq(s.items[0].other_value, "value");
	cr_expect_str_eq(s.items[1].name, "b");
	cr_expect_eq(s.items[1].speed, 3);
	cr_expect_str_eq(s.items[2].name, "c");
}

Test(conf, holds_items_to_their_limits)
{
	bad("[flashd]\ntext=t\n[flashd.item a]\n[flashd.item b]\n[flashd.item c]\n[flashd.item "
	    "d]\n",
	    "x.conf:6: [flashd.item d]: expected at most 3 of them");
	bad("[flashd]\ntext=t\n[flashd.item]\n", "expected a name of 1 to 8 bytes, got \"\"");
	bad("[flashd]\ntext=t\n[flashd.item 123456789]\n", "got \"123456789\"");
	bad("[flashd x]\ntext=t\n", "[flashd]: expected no name, got \"x\"");
	bad("[flashd]\ntext=t\n[flashd.item a]\nodd = 01234567890123456789\n",
	    "x.conf:4: odd: expected a short value, got \"01234567890123456789\"");
}

Test(conf, skips_what_belongs_to_other_programs_and_nothing_else)
{
	good("[common]\nx = 1\n[cloudd]\ny = 1\n[cloudd.profile]\n[fetchd]\n[subotactl]\nz=\n"
	     "[flashd]\ntext = t\n[cloudd.x y]\n");
	bad("[flashd]\ntext=t\n[flashd.other]\n", "got [flashd.other]");
	bad("[flashd]\ntext=t\n[cloud]\n", "got [cloud]");
	bad("[flashd]\ntext=t\n[clouddx]\n", "got [clouddx]");
	bad("[flashd]\ntext=t\n[]\n", "got []");
	bad("[cloudd]\nno equals sign\n[flashd]\ntext=t\n", "x.conf:2: expected [section] or key");
}

Test(conf, has_limits_for_lines_and_files)
{
	AUTO(mem) char *text = malloc(1024 * 1024 + 2);
	struct settings s;
	int n = snprintf(text, 100, "[flashd]\ntext = t\n#");

	memset(text + n, 'x', 4095);
	snprintf(text + n + 4095, 2, "\n");
	good(text);
	memset(text + n, 'x', 4096);
	snprintf(text + n + 4096, 2, "\n");
	bad(text, "x.conf:3: expected a line of at most 4096 bytes, got 4097");
	memset(text + n, '\n', 1024 * 1024 + 1 - (size_t)n);
	log_init("x", LOG_INFO);
	cr_expect_eq(conf_parse(&table, "x", text, 1024 * 1024, &s), ERR_OK);
	AUTO(caught) struct caught *c = caught_begin(STDERR_FILENO);
	cr_expect_eq(conf_parse(&table, "x", text, 1024 * 1024 + 1, &s), ERR_CONFIG);
	cr_expect(strstr(caught_text(c), "expected text of at most 1048576 bytes, got more"));
}

Test(conf, refuses_a_nul_byte)
{
	static const char text[] = "[flashd]\ntext = t\n\0n = 5\n";
	struct settings s;

	AUTO(caught) struct caught *c = caught_begin(STDERR_FILENO);
	cr_expect_eq(conf_parse(&table, "x", text, sizeof(text) - 1, &s), ERR_CONFIG);
	cr_expect(strstr(caught_text(c), "got a NUL byte"));
}

Test(conf, stops_telling_after_a_hundred_faults)
{
	char text[2000] = "";
	struct settings s = {0};
	unsigned lines = 0;

	memset(text, 'x', 1600);
	for (int i = 1; i < 1600; i += 2)
		text[i] = '\n';
	AUTO(caught) struct caught *c = caught_begin(STDERR_FILENO);
	cr_expect_eq(conf_parse(&table, "x", text, strlen(text), &s), ERR_CONFIG);
	for (const char *at = caught_text(c); (at = strchr(at, '\n')); at++)
		lines++;
	cr_expect_eq(lines, 101);
}

Test(conf, loads_a_file_and_names_it_in_every_fault)
{
	AUTO(scratch) char *dir = kit_scratch();
	char path[300], want[400];
	struct settings s;

	snprintf(path, sizeof(path), "%s/f.conf", dir);
	kit_write(dir, "f.conf", "[flashd]\ntext = t\n", 18);
	cr_expect_eq(conf_load(&table, path, &s), ERR_OK);
	cr_expect_str_eq(s.text, "t");
	kit_write(dir, "f.conf", "[flashd]\nn = t\n", 15);
	AUTO(caught) struct caught *c = caught_begin(STDERR_FILENO);
	cr_expect_eq(conf_load(&table, path, &s), ERR_CONFIG);
	snprintf(want, sizeof(want), "%s:2: n: expected", path);
	cr_expect(strstr(caught_text(c), want));
	cr_assert_eq(unlink(path), 0);
	cr_expect_eq(conf_load(&table, path, &s), ERR_CONFIG);
	cr_expect(strstr(caught_text(c), "expected a configuration, got: No such file"));
	cr_expect_eq(conf_load(&table, dir, &s), ERR_CONFIG, "a directory");
	cr_expect_eq(conf_load(&table, "/dev/zero", &s), ERR_CONFIG, "an endless file");
}

Test(conf, prints_a_sample_that_it_reads_itself)
{
	char text[4000], *at;
	struct settings s;

	AUTO(caught) struct caught *c = caught_begin(STDOUT_FILENO);
	conf_print_help(&table);
	snprintf(text, sizeof(text), "%s", caught_text(c));
	caught_end(HAND_OVER(c));
	cr_expect(strstr(text, "# How many.\n# (a number from 1 to 100)\n#n = 7\n"), "%s", text);
	cr_expect(strstr(text, "# Text.\n# (text of at most 8 bytes; must be given)\ntext =\n"));
	cr_expect(strstr(text, "[flashd.item NAME]\n# (at most 3 such sections)\n"));
	s = good(text);
	cr_expect_eq(s.n, 7);
	/* the same with every default written out */
	for (at = text; (at = strchr(at, '#')); at++)
		if (at[1] != ' ')
			*at = ' ';
	s = good(text);
	cr_expect_eq(s.ms, 600000);
	cr_expect_eq(s.n_items, 1);
}
