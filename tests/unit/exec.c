/*
 * exec: the words that are sent for each verb, and what the program's words and end lead to; the
 * program is a few lines of text in virtual time.
 */
#include "exec.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "exec_argv.h"
#include "exec_recipe.h"
#include "exec_wire.h"

struct scene {
	void *state;
	struct mono now;
	char sent[4000]; /* words divided by '|', RUN as a newline */
	size_t image;    /* bytes of it that were sent */
	struct driver_image of;
	struct driver_result result;
};

static enum err
read_image(void *arg, uint64_t offset, uint8_t *out, size_t len)
{
	cr_assert(offset + len <= 3000);
	memset(out, 'i', len);
	return *(bool *)arg ? ERR_TOCTOU : ERR_OK;
}

static enum err
set(void *state, const char *const *options, char why[200])
{
	const char *values[32];

	for (size_t i = 0; exec_driver.options[i].key; i++) {
		values[i] = exec_driver.options[i].fallback;
		for (size_t k = 0; options[k]; k += 2)
			if (strcmp(options[k], exec_driver.options[i].key) == 0)
				values[i] = options[k + 1];
	}
	return exec_driver.init(state, values, why, 200);
}

static bool rotten;

static void
setup(struct scene *s, const char *const *options)
{
	char why[200] = "";

	*s = (struct scene){.state = calloc(1, exec_driver.state_size), .now = {1000}};
	s->of = (struct driver_image){.size = 3000, .read = read_image, .arg = &rotten};
	cr_assert_eq(set(s->state, options, why), ERR_OK, "%s", why);
}

static void
begin(struct scene *s, enum driver_verb verb)
{
	struct driver_job job = {.verb = verb,
	    .image = verb == DRIVER_WRITE ? &s->of : NULL,
	    .timeout_ms = 60000,
	    .target_version = "2.0.0"};

	exec_driver.start(s->state, &job, s->now);
}

/* All that the driver wants to send now. */
static const char *
sent(struct scene *s)
{
	struct exec_gather g = {0};
	uint8_t out[700];
	size_t n = 0, len = 0;

	s->sent[0] = 0;
	while ((n = exec_driver.output(s->state, out, sizeof(out), s->now)) > 0)
		for (size_t i = 0; i < n; i++) {
			if (exec_wire_gather(&g, out[i], &len) != EXEC_FRAME)
				continue;
			s->image += g.data[0] == EXEC_IMAGE ? len : 0;
			size_t at = strlen(s->sent);
			if (g.data[0] == EXEC_WORD)
				snprintf(s->sent + at, sizeof(s->sent) - at, "%s%.*s",
				    at ? "|" : "", (int)len, (char *)g.data + 3);
			else if (g.data[0] == EXEC_RUN)
				snprintf(s->sent + at, sizeof(s->sent) - at, "\n");
		}
	return s->sent;
}

static void
hear(struct scene *s, enum exec_kind kind, const void *data, size_t len)
{
	uint8_t out[EXEC_WIRE_FRAME];
	size_t n = exec_wire_format(kind, data, len, out);

	for (size_t i = 0; i < n; i++)
		exec_driver.on_bytes(s->state, out + i, 1, s->now);
}

static void
say(struct scene *s, const char *text)
{
	hear(s, EXEC_OUTPUT, text, strlen(text));
}

static enum err
end(struct scene *s, int status)
{
	const uint8_t code[4] = {0, 0, (uint8_t)(status >> 8), (uint8_t)status};

	hear(s, EXEC_EXIT, code, 4);
	return exec_driver.done(s->state, &s->result) ? s->result.error : ERR_AGAIN;
}

static const char *const avr[] = {"recipe", "avrdude", "part", "m328p", "version", "fw=", "port",
    "/dev/ttyUSB0", "baud", "115200", NULL};

Test(exec, identify_runs_the_program_and_finds_the_version_in_what_it_says)
{
	struct scene s;

	setup(&s, avr);
	begin(&s, DRIVER_IDENTIFY);
	cr_expect_str_eq(sent(&s), "/usr/bin/avrdude|-p|m328p|-c|arduino|-P|/dev/ttyUSB0|-b|115200|"
				   "-q|-q|-U|flash:r:-:r\n");
	say(&s, "\x01\xff w= fw");
	say(&s, "=1.2.3-rc_4+5\n and so on fw=9");
	cr_expect_eq(end(&s, 0), ERR_OK);
	cr_expect_str_eq(exec_driver.facts(s.state)->version, "1.2.3-rc_4+5");
	cr_expect(exec_driver.facts(s.state)->active_confirmed);
	free(s.state);
}

Test(exec, a_serial_number_is_taken_where_the_configuration_says_it_stands)
{
	static const char *const serial[] = {
	    "recipe", "avrdude", "version", "fw=", "serial", "sn=", NULL};
	struct scene s;

	setup(&s, serial);
	begin(&s, DRIVER_IDENTIFY);
	sent(&s);
	say(&s, "fw=1.2.3 sn=0A-1B\nsn=9\n");
	cr_expect_eq(end(&s, 0), ERR_OK);
	cr_expect_str_eq(exec_driver.facts(s.state)->version, "1.2.3");
	cr_expect_str_eq(exec_driver.facts(s.state)->unit, "0A-1B");
	free(s.state);
	setup(&s, avr);
	begin(&s, DRIVER_IDENTIFY);
	sent(&s);
	say(&s, "fw=1.2.3 sn=0A-1B\n");
	cr_expect_eq(end(&s, 0), ERR_OK);
	cr_expect_str_empty(exec_driver.facts(s.state)->unit);
	free(s.state);
}

Test(exec, a_device_that_says_no_version_has_no_application)
{
	struct scene s;

	setup(&s, avr);
	begin(&s, DRIVER_IDENTIFY);
	sent(&s);
	say(&s, "\xff\xff\xff fw=\x1b[2J");
	cr_expect_eq(end(&s, 0), ERR_OK);
	cr_expect_str_empty(exec_driver.facts(s.state)->version);
	cr_expect_not(exec_driver.facts(s.state)->active_confirmed);
	free(s.state);
}

Test(exec, where_a_listing_is_asked_no_version_means_away)
{
	static const char *const options[] = {"recipe", "dfu-util", "part", "0483:df11", NULL};
	struct scene s;

	setup(&s, options);
	begin(&s, DRIVER_IDENTIFY);
	cr_expect_str_eq(sent(&s), "/usr/bin/dfu-util|-l|-d|0483:df11\n");
	say(&s, "dfu-util 0.11\n");
	cr_expect_eq(end(&s, 0), ERR_DEVICE_AWAY);
	begin(&s, DRIVER_IDENTIFY);
	sent(&s);
	say(&s, "Found DFU: [0483:df11] ver=2200, devnum=5");
	cr_expect_eq(end(&s, 0), ERR_OK);
	cr_expect_str_eq(exec_driver.facts(s.state)->version, "2200");
	free(s.state);
}

Test(exec, a_write_sends_the_image_and_runs_flash_and_verify)
{
	const struct driver_facts *f;
	struct scene s;

	setup(&s, avr);
	f = exec_driver.facts(s.state);
	begin(&s, DRIVER_WRITE);
	cr_expect_str_eq(sent(&s), "/usr/bin/avrdude|-p|m328p|-c|arduino|-P|/dev/ttyUSB0|-b|115200|"
				   "-D|-V|-U|flash:w:/dev/fd/3:r\n");
	cr_expect_eq(s.image, 3000);
	say(&s, "Reading | ##########");
	cr_expect_eq(f->done_bytes, 0);
	say(&s, "\r\nWriting | ##########");
	cr_expect_eq(f->done_bytes, 600);
	cr_expect_eq(end(&s, 0), ERR_AGAIN);
	cr_expect_eq(f->done_bytes, 3000);
	cr_expect(strstr(sent(&s), "|flash:v:/dev/fd/3:r\n"), "%s", s.sent);
	cr_expect_eq(s.image, 3000, "once");
	cr_expect_eq(end(&s, 0), ERR_OK);
	begin(&s, DRIVER_REBOOT);
	cr_expect(exec_driver.done(s.state, &s.result));
	cr_expect_eq(s.result.error, ERR_UNSUPPORTED);
	free(s.state);
}

Test(exec, an_image_that_is_not_what_was_signed_starts_no_program)
{
	struct scene s;

	setup(&s, avr);
	rotten = true;
	begin(&s, DRIVER_WRITE);
	cr_expect_str_empty(sent(&s));
	cr_expect(exec_driver.done(s.state, &s.result));
	cr_expect_eq(s.result.error, ERR_TOCTOU);
	rotten = false;
	free(s.state);
}

Test(exec, ends_have_meanings)
{
	static const struct {
		enum driver_verb verb;
		int status;
		enum err want;
	} rows[] = {{DRIVER_IDENTIFY, 1 << 8, ERR_DEVICE_AWAY},
	    {DRIVER_WRITE, 1 << 8, ERR_DEVICE_PROTO}, {DRIVER_WRITE, 69 << 8, ERR_DEVICE_AWAY},
	    {DRIVER_WRITE, 75 << 8, ERR_BUSY}, {DRIVER_WRITE, 65 << 8, ERR_DEVICE_REJECTED},
	    {DRIVER_WRITE, 66 << 8, ERR_DEVICE_REJECTED}, {DRIVER_WRITE, 127 << 8, ERR_NOT_FOUND},
	    {DRIVER_WRITE, SIGSEGV, ERR_SESSION}, {DRIVER_WRITE, SIGSYS, ERR_DENIED}};
	static const char *const options[] = {"program", "/bin/x", "identify", "i", "flash", "f",
	    "verify", "v", "refused", "65 66", NULL};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct scene s;

		setup(&s, options);
		begin(&s, rows[i].verb);
		sent(&s);
		say(&s, "all is\x1b[31m lost\r\n\r\n");
		cr_expect_eq(
		    end(&s, rows[i].status), rows[i].want, "row %zu: %s", i, s.result.detail);
		cr_expect_null(strchr(s.result.detail, '\x1b'));
		if (rows[i].status == 1 << 8)
			cr_expect(strstr(s.result.detail, "got 1: all is.[31m lost"), "%s",
			    s.result.detail);
		free(s.state);
	}
}

Test(exec, a_verify_that_fails_means_that_the_device_does_not_hold_the_image)
{
	struct scene s;

	setup(&s, avr);
	begin(&s, DRIVER_WRITE);
	sent(&s);
	cr_expect_eq(end(&s, 0), ERR_AGAIN);
	sent(&s);
	cr_expect_eq(end(&s, 1 << 8), ERR_VERIFY);
	free(s.state);
}

Test(exec, a_program_that_does_not_end_ends_by_its_time)
{
	struct scene s;

	setup(&s, avr);
	begin(&s, DRIVER_IDENTIFY);
	sent(&s);
	s.now = exec_driver.deadline(s.state);
	exec_driver.on_time(s.state, s.now);
	cr_expect(exec_driver.done(s.state, &s.result));
	cr_expect_eq(s.result.error, ERR_TIMEOUT);
	cr_expect_eq(s.now.ms, 61000);
	free(s.state);
}

Test(exec, nonsense_of_the_launcher_ends_the_verb)
{
	static const struct {
		uint8_t data[4];
		size_t len;
	} rows[] = {
	    {{'Z', 0, 0}, 1}, {{'O', 0xff, 0xff}, 3}, {{'W', 0, 0}, 3}, {{'X', 0, 1, 0}, 4}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct scene s;

		setup(&s, avr);
		begin(&s, DRIVER_IDENTIFY);
		sent(&s);
		exec_driver.on_bytes(s.state, rows[i].data, rows[i].len, s.now);
		cr_expect(exec_driver.done(s.state, &s.result), "row %zu", i);
		cr_expect_eq(s.result.error, ERR_LINK);
		free(s.state);
	}
}

Test(exec, progress_is_read_as_percent_or_as_marks)
{
	static const struct {
		const char *progress, *says;
		uint64_t want;
	} rows[] = {{"percent", "Wrote address 0x08000100 (12.50%)", 360},
	    {"percent", "Writing at 0x1000... (40 %)\r", 1200}, {"percent", "50% 30%", 1500},
	    {"percent", "% 400% .5%", 0}, {"percent Download", "Erase 90% Download 10%", 300},
	    {"marks . 4 Go", "....Go..", 1500}, {"none", "50%", 0}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *options[] = {"program", "/bin/x", "identify", "i", "flash", "f",
		    "progress", rows[i].progress, NULL};
		struct scene s;

		setup(&s, options);
		begin(&s, DRIVER_WRITE);
		sent(&s);
		say(&s, rows[i].says);
		cr_expect_eq(exec_driver.facts(s.state)->done_bytes, rows[i].want, "%s: %llu",
		    rows[i].says, (unsigned long long)exec_driver.facts(s.state)->done_bytes);
		free(s.state);
	}
}

Test(exec, each_option_is_checked)
{
	static const char *const bad[][2] = {{"recipe", "magic"}, {"program", "avrdude"},
	    {"program", "none"}, {"identify", "none"}, {"flash", "-w 'half"}, {"flash", "{imgae}"},
	    {"progress", "marks # 0"}, {"progress", "sometimes"}, {"absent", "0"},
	    {"absent", "256"}, {"absent", "1 2 3 4 5 6 7 8"}, {"command_ms", "99"},
	    {"unversioned", "what"}};
	void *state = calloc(1, exec_driver.state_size);
	char why[200];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const char *options[] = {
		    bad[i][0], bad[i][1], i ? "recipe" : "part", "avrdude", NULL};

		cr_expect_eq(set(state, options, why), ERR_CONFIG, "%s", bad[i][1]);
		cr_expect(strncmp(why, bad[i][0], strlen(bad[i][0])) == 0, "%s", why);
	}
	free(state);
}

Test(exec, each_recipe_can_be_taken)
{
	void *state = calloc(1, exec_driver.state_size);
	const struct exec_recipe *r;
	char why[200] = "";
	int n = 0;

	for (int i = 1; (r = exec_recipe_row(i)); i++, n++) {
		const char *options[] = {"recipe", r->name, "identify", "list", NULL};

		cr_expect_eq(set(state, options, why), ERR_OK, "%s: %s", r->name, why);
	}
	cr_expect_eq(n, 5);
	free(state);
}

/* --- a health check --------------------------------------------------------------------------- */

static const char *const health[] = {"program", "/usr/local/bin/ok", "check",
    " --of {device} --version '{target}'", "device", "meter-1", "command_ms", "3000", NULL};

static void
expect_unhealthy(int status, const char *why)
{
	struct scene s;

	setup(&s, health);
	begin(&s, DRIVER_CHECK);
	sent(&s);
	say(&s, "no pulse\n");
	cr_expect_eq(end(&s, status), ERR_UNHEALTHY);
	cr_expect_str_eq(s.result.detail, why);
	free(s.state);
}

Test(exec, a_health_check_gets_the_devices_name_and_the_version_as_words)
{
	struct scene s;

	setup(&s, health);
	begin(&s, DRIVER_CHECK);
	cr_expect_str_eq(sent(&s), "/usr/local/bin/ok|--of|meter-1|--version|2.0.0\n");
	cr_expect_eq(end(&s, 0), ERR_OK);
	free(s.state);
}

Test(exec, every_end_of_a_health_check_but_status_0_is_unhealthy_and_says_what_it_was)
{
	expect_unhealthy(3 << 8, "health check of meter-1: expected exit status 0, got 3 "
				 "(/usr/local/bin/ok): no pulse");
	expect_unhealthy(75 << 8, "health check of meter-1: expected exit status 0, got 75 "
				  "(/usr/local/bin/ok): no pulse");
	expect_unhealthy(127 << 8, "health check of meter-1: expected exit status 0, got 127, it "
				   "cannot start (/usr/local/bin/ok): no pulse");
	expect_unhealthy(SIGSEGV, "health check of meter-1: expected exit status 0, got signal 11 "
				  "(/usr/local/bin/ok): no pulse");
}

Test(exec, a_health_check_that_does_not_end_is_unhealthy)
{
	struct scene s;

	setup(&s, health);
	begin(&s, DRIVER_CHECK);
	sent(&s);
	s.now = exec_driver.deadline(s.state);
	cr_expect_eq(s.now.ms, 4000);
	exec_driver.on_time(s.state, s.now);
	cr_assert(exec_driver.done(s.state, &s.result));
	cr_expect_eq(s.result.error, ERR_UNHEALTHY);
	cr_expect(strstr(s.result.detail, "got none within 3000 ms"), "%s", s.result.detail);
	free(s.state);
}

Test(exec, a_health_check_may_have_no_arguments_and_no_other_program_is_one)
{
	static const char *const bare[] = {"program", "/bin/true", "check", "", NULL};
	static const char *const typo[] = {"program", "/bin/true", "check", "{devise}", NULL};
	char why[200] = "";
	struct scene s;

	setup(&s, bare);
	begin(&s, DRIVER_CHECK);
	cr_expect_str_eq(sent(&s), "/bin/true\n");
	cr_expect_eq(set(s.state, typo, why), ERR_CONFIG);
	cr_expect(strstr(why, "check: "), "%s", why);
	free(s.state);
	setup(&s, avr);
	begin(&s, DRIVER_CHECK);
	cr_expect(exec_driver.done(s.state, &s.result));
	cr_expect_eq(s.result.error, ERR_UNSUPPORTED);
	free(s.state);
}

/* --- words ------------------------------------------------------------------------------------ */

Test(exec_argv, words_are_divided_by_blanks_and_kept_by_quotes_and_nothing_else_is_special)
{
	static const struct exec_values v = {
	    .port = "/dev/a b", .target = "$(reboot); 'x'", .size = 7};
	static const char line[] =
	    "  -a\t'two words'\"'\"x {port}:{size} `id` $HOME \\n {target} ''|; ";
	static const char *const want[] = {
	    "-a", "two words'x", "/dev/a b:7", "`id`", "$HOME", "\\n", "$(reboot); 'x'", "|;"};
	char word[EXEC_WORD_MAX];
	const char *at = line;

	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		cr_expect(exec_argv_next(&at, &v, word));
		cr_expect_str_eq(word, want[i]);
	}
	cr_expect_not(exec_argv_next(&at, &v, word));
}

Test(exec_argv, too_long_and_too_many_are_refused)
{
	char many[400] = "", why[200], big[EXEC_WORD_MAX + 10], word[EXEC_WORD_MAX];
	const char *at = big;

	for (int i = 0; i <= EXEC_WORDS_MAX; i++)
		memcpy(many + 2 * i, "a ", 3);
	cr_expect_eq(exec_argv_check(many, why, sizeof(why)), ERR_CONFIG);
	many[2 * EXEC_WORDS_MAX] = 0;
	cr_expect_eq(exec_argv_check(many, why, sizeof(why)), ERR_OK, "%s", why);
	memset(big, 'a', sizeof(big));
	big[sizeof(big) - 1] = 0;
	cr_expect_not(exec_argv_next(&at, &(struct exec_values){0}, word));
	cr_expect_eq(exec_argv_check(big, why, sizeof(why)), ERR_CONFIG);
}
