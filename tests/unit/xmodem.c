/*
 * xmodem: which script follows which, and what a verb says at its end; the device is a few lines of
 * text in virtual time.
 */
#include "xmodem.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

enum { SAID = 4096 };

/* What it was told and what it says to that, in this order. */
struct line {
	const char *hears, *says;
};

struct scene {
	void *state;
	const char *values[20];
	struct mono now;
	char said[SAID]; /* by the driver */
	size_t said_len, told;
	struct driver_result result;
	struct driver_image image;
};

static enum err
read_image(void *arg, uint64_t offset, uint8_t *out, size_t len)
{
	(void)arg;
	memset(out, 'i', len);
	return offset > 100 ? ERR_LIMIT : ERR_OK;
}

static enum err
set(struct scene *s, const char *const *options, char why[200])
{
	for (size_t i = 0; xmodem_driver.options[i].key; i++) {
		s->values[i] = xmodem_driver.options[i].fallback;
		for (size_t k = 0; options[k]; k += 2)
			if (strcmp(options[k], xmodem_driver.options[i].key) == 0)
				s->values[i] = options[k + 1];
	}
	return xmodem_driver.init(s->state, s->values, why, 200);
}

static void
setup(struct scene *s, const char *const *options)
{
	char why[200] = "";

	*s = (struct scene){.state = calloc(1, xmodem_driver.state_size), .now = {1000}};
	s->image = (struct driver_image){.size = 100, .read = read_image};
	cr_assert_eq(set(s, options, why), ERR_OK, "%s", why);
}

static void
tell(struct scene *s, const char *text)
{
	for (; *text; text++)
		xmodem_driver.on_bytes(s->state, (const uint8_t *)text, 1, s->now);
}

static void
collect(struct scene *s)
{
	s->said_len += xmodem_driver.output(
	    s->state, (uint8_t *)s->said + s->said_len, SAID - s->said_len, s->now);
	cr_assert_lt(s->said_len, SAID);
}

/* A verb against a device that says lines[i].says when it hears lines[i].hears. */
static enum err
run(struct scene *s, enum driver_verb verb, const struct line *lines)
{
	struct driver_job job = {.verb = verb,
	    .image = verb == DRIVER_WRITE ? &s->image : NULL,
	    .timeout_ms = 300000,
	    .target_version = "2.0"};

	s->said_len = 0;
	xmodem_driver.start(s->state, &job, s->now);
	for (int i = 0; i < 1000 && !xmodem_driver.done(s->state, &s->result); i++) {
		size_t from = s->said_len;

		collect(s);
		if (s->said_len > from && lines->hears &&
		    memmem(
			s->said + from, s->said_len - from, lines->hears, strlen(lines->hears))) {
			tell(s, lines++->says);
			continue;
		}
		if (s->said_len > from)
			continue;
		s->now = xmodem_driver.deadline(s->state);
		xmodem_driver.on_time(s->state, s->now);
	}
	cr_assert(xmodem_driver.done(s->state, &s->result));
	return s->result.error;
}

static const char *const gecko[] = {
    "recipe", "gecko", "identify", "send 'version\\n' expect 'app {version}\\r'", NULL};
static const struct line nothing[] = {{NULL, NULL}};

Test(xmodem, identify_reads_the_version_of_a_running_application)
{
	static const struct line lines[] = {{"version\n", "app 1.4.2\r"}, {NULL, NULL}};
	struct scene s;

	setup(&s, gecko);
	cr_expect_eq(run(&s, DRIVER_IDENTIFY, lines), ERR_OK, "%s", s.result.detail);
	cr_expect_str_eq(xmodem_driver.facts(s.state)->version, "1.4.2");
	cr_expect(xmodem_driver.facts(s.state)->active_confirmed);
	free(s.state);
}

Test(xmodem, a_boot_loader_without_application_is_there_and_has_no_version)
{
	static const struct line lines[] = {
	    {"\x18\n", "Gecko Bootloader v2.01\r\nBL > "}, {NULL, NULL}};
	struct scene s;

	setup(&s, gecko);
	cr_expect_eq(run(&s, DRIVER_IDENTIFY, lines), ERR_OK, "%s", s.result.detail);
	cr_expect_str_empty(xmodem_driver.facts(s.state)->version);
	cr_expect_not(xmodem_driver.facts(s.state)->active_confirmed);
	free(s.state);
}

Test(xmodem, silence_is_away_and_nonsense_is_nonsense)
{
	static const struct line lines[] = {{"version\n", "\x1b[2Jlogin: "}, {NULL, NULL}};
	struct scene s;

	setup(&s, gecko);
	cr_expect_eq(run(&s, DRIVER_IDENTIFY, nothing), ERR_DEVICE_AWAY);
	cr_expect_leq(s.now.ms, 20000);
	cr_expect_eq(run(&s, DRIVER_IDENTIFY, lines), ERR_DEVICE_PROTO);
	cr_expect(strstr(s.result.detail, "loader: expected 'BL > ' within 2000 ms"), "%s",
	    s.result.detail);
	free(s.state);
}

Test(xmodem, a_write_goes_through_the_menu_and_reads_the_boot_loaders_word)
{
	static const struct line lines[] = {{"\x18\n", "BL > "}, {"\n", "BL > "},
	    {"1", "begin upload\r\nC"}, {"iii", "\x06"},
	    {"\x04", "\x06\r\nSerial upload complete\r\n"
		     "BL > "},
	    {NULL, NULL}};
	struct scene s;

	setup(&s, gecko);
	cr_expect_eq(run(&s, DRIVER_WRITE, lines), ERR_OK, "%s", s.result.detail);
	cr_expect_eq(xmodem_driver.facts(s.state)->done_bytes, 100);
	free(s.state);
}

Test(xmodem, a_lost_last_answer_is_settled_by_the_boot_loaders_word)
{
	static const struct line good[] = {{"\x18\n", "BL > "}, {"\n", "BL > "},
	    {"1", "begin upload\r\nC"}, {"iii", "\x06"},
	    {"\x04", "\r\nSerial upload complete\r\nBL > "}, {NULL, NULL}};
	static const struct line mute[] = {{"\x18\n", "BL > "}, {"\n", "BL > "},
	    {"1", "begin upload\r\nC"}, {"iii", "\x06"}, {NULL, NULL}};
	struct scene s;

	setup(&s, gecko);
	cr_expect_eq(run(&s, DRIVER_WRITE, good), ERR_OK, "%s", s.result.detail);
	cr_expect_eq(run(&s, DRIVER_WRITE, mute), ERR_AMBIGUOUS);
	cr_expect(strstr(s.result.detail, "verify: expected 'Serial upload complete'"), "%s",
	    s.result.detail);
	free(s.state);
}

Test(xmodem, a_lost_last_answer_without_a_way_to_ask_is_unknown)
{
	static const struct line lines[] = {{"go", "C"}, {"iii", "\x06"}, {NULL, NULL}};
	static const char *const options[] = {
	    "identify", "expect 'v{version}'", "enter", "send 'go'", NULL};
	struct scene s;

	setup(&s, options);
	cr_expect_eq(run(&s, DRIVER_WRITE, lines), ERR_AMBIGUOUS);
	free(s.state);
}

Test(xmodem, a_running_application_is_led_to_its_boot_loader_first)
{
	static const struct line lines[] = {{"boot\n", "BL > "}, {"\n", "BL > "},
	    {"1", "begin upload\r\nC"}, {"iii", "\x06"},
	    {"\x04", "\x06Serial upload complete\r\nBL > "}, {NULL, NULL}};
	static const char *const options[] = {"recipe", "gecko", "identify", "expect 'v{version}'",
	    "launch", "send 'boot\\n' expect 'BL > '", NULL};
	struct scene s;

	setup(&s, options);
	cr_expect_eq(run(&s, DRIVER_WRITE, lines), ERR_OK, "%s", s.result.detail);
	free(s.state);
}

Test(xmodem, a_start_waits_a_moment_and_is_unknown_to_recipes_without_one)
{
	static const char *const options[] = {"identify", "expect 'v{version}'", NULL};
	struct scene s;

	setup(&s, gecko);
	cr_expect_eq(run(&s, DRIVER_REBOOT, nothing), ERR_OK);
	cr_expect(s.said_len == 1 && s.said[0] == '2');
	cr_expect_eq(s.now.ms, 2000);
	free(s.state);
	setup(&s, options);
	cr_expect_eq(run(&s, DRIVER_REBOOT, nothing), ERR_UNSUPPORTED);
	free(s.state);
}

Test(xmodem, a_line_that_comes_back_in_mid_transfer_ends_it)
{
	static const char *const options[] = {"identify", "expect 'v{version}'", NULL};
	struct driver_job job = {.verb = DRIVER_WRITE, .timeout_ms = 300000};
	struct scene s;

	setup(&s, options);
	job.image = &s.image;
	xmodem_driver.start(s.state, &job, s.now);
	xmodem_driver.on_link(s.state, false, s.now);
	cr_expect_eq(xmodem_driver.output(s.state, (uint8_t *)s.said, SAID, s.now), 0);
	xmodem_driver.on_link(s.state, true, s.now);
	cr_assert(xmodem_driver.done(s.state, &s.result));
	cr_expect_eq(s.result.error, ERR_LINK);
	free(s.state);
}

Test(xmodem, a_script_can_hold_the_device_in_reset)
{
	static const char *const options[] = {
	    "identify", "set reset on pause 20 set reset off expect 'v{version}'", NULL};
	struct driver_job job = {.verb = DRIVER_IDENTIFY, .timeout_ms = 300000};
	struct scene s;

	setup(&s, options);
	xmodem_driver.start(s.state, &job, s.now);
	cr_expect_eq(xmodem_driver.line(s.state).pins, DRIVER_RESET);
	s.now = mono_after(s.now, 20);
	xmodem_driver.on_time(s.state, s.now);
	cr_expect_eq(xmodem_driver.line(s.state).pins, 0);
	free(s.state);
}

Test(xmodem, says_what_is_wrong_with_its_options)
{
	static const char *const bad[][3] = {{"protocol", "zmodem", "protocol: expected crc"},
	    {"recipe", "grub", "recipe: expected none"},
	    {"address", "4020000g", "address: expected"},
	    {"identify", "send 'x'", "identify: expected a script with an expect of {version}"},
	    {"enter", "sent 'x'", "enter: script: expected send, expect, pause or set"},
	    {"retries", "0", "retries: expected a number from 1"}};
	struct scene s;

	setup(&s, gecko);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const char *options[] = {
		    "identify", "expect 'v{version}'", bad[i][0], bad[i][1], NULL};
		char why[200] = "";

		cr_expect_eq(set(&s, options + (i == 3 ? 2 : 0), why), ERR_CONFIG);
		cr_expect(strstr(why, bad[i][2]), "%s", why);
	}
	free(s.state);
}
