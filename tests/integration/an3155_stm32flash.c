/*
 * A client that nobody here wrote, Debian's stm32flash, and our driver, each against the same
 * virtual boot loader: what both leave in the flash is equal. Skips, and says so, without
 * stm32flash.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "an3155.h"
#include "driver_run.h"
#include "house_pack_image.h"
#include "kit.h"
#include "rom_line.h"
#include "tool.h"

TestSuite(an3155_stm32flash, .timeout = 90);

enum { SIZE = 20000 };

static bool
has_peer(void)
{
	if (access("/usr/bin/stm32flash", X_OK) == 0)
		return true;
	cr_log_warn("skipped: stm32flash is not installed");
	return false;
}

/* -m 8n1: a pseudo-terminal has no parity. */
static struct tool_result
stm32flash(const struct rom_line *l, const char *const more[])
{
	const char *argv[20] = {"/usr/bin/stm32flash", "-b", "115200", "-m", "8n1"};
	size_t n = 5;

	for (size_t i = 0; more[i]; i++)
		argv[n++] = more[i];
	argv[n] = l->tty;
	return tool_run(l->dir, argv);
}

#define STM32FLASH(l, ...) stm32flash(l, (const char *const[]){__VA_ARGS__, NULL})

static enum err
write_by_driver(const struct rom_line *l, struct bundle_bytes image, const char *verify)
{
	const char *options[] = {"identify", "send 'version\\n' expect 'app {version}\\r'",
	    "launch", "send 'boot\\n' expect 'ok'", "verify", verify, NULL};
	struct driver_run run;

	driver_run_open(&run, &an3155_driver, rom_line_open(l), options);
	driver_run_image(&run, image.data, image.len);
	enum err e = driver_run_verb(&run, DRIVER_WRITE, "2.0.0", 60000);
	if (!e)
		e = driver_run_verb(&run, DRIVER_REBOOT, "2.0.0", 10000);
	if (!e)
		e = driver_run_verb(&run, DRIVER_IDENTIFY, "2.0.0", 20000);
	cr_expect_str_eq(an3155_driver.facts(run.state)->version, "2.0.0");
	cr_expect_eq(e, ERR_OK, "%s: %s", err_name(e), run.result.detail);
	driver_run_close(&run);
	return e;
}

/* Flash kinds and oddities that both must bear. */
#define QUICK "--baud", "1000000", "--write-us", "200", "--erase-us", "500"
static const char *const kinds[][15] = {
    {QUICK, NULL},
    {QUICK, "--quirks", "8", NULL},
    {QUICK, "--id", "0x413", "--flash", "1048576", "--page", "0", NULL},
    {QUICK, "--id", "0x416", "--page", "256", "--erased", "0", NULL},
};

enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };

Test(an3155_stm32flash, writes_verifies_and_starts_an_image_at_our_boot_loader)
{
	struct bundle_bytes image = house_pack_stm32("2.0.0", SIZE);

	for (size_t i = 0; i < KINDS && has_peer(); i++) {
		AUTO(rom_line) struct rom_line *l = rom_line_new(kinds[i]);

		kit_write(l->dir, "image", image.data, image.len);
		struct tool_result r = STM32FLASH(l, "-w", "image", "-v", "-g", "0x08000000");
		cr_assert_eq(r.status, 0, "kind %zu: %s", i, r.out);
		cr_expect(rom_line_holds(l, image));
		cr_expect(rom_line_wait(l, "2.0.0"));
		cr_expect_eq(rom_line_number(l, "overwrites"), 0);
	}
	free(image.data);
}

static void
expect_file(const struct rom_line *l, const char *name, struct bundle_bytes image)
{
	AUTO(mem) uint8_t *got = calloc(1, image.len);
	char path[300];

	snprintf(path, sizeof(path), "%s/%s", l->dir, name);
	AUTO(file) FILE *f = fopen(path, "re");
	cr_assert(f && got && fread(got, 1, image.len, f) == image.len);
	cr_expect_eq(memcmp(got, image.data, image.len), 0);
}

Test(an3155_stm32flash, reads_back_what_our_driver_wrote)
{
	struct bundle_bytes image = house_pack_stm32("2.0.0", SIZE);

	for (size_t i = 0; i < KINDS; i++) {
		AUTO(rom_line) struct rom_line *l = rom_line_new(kinds[i]);

		cr_assert_eq(write_by_driver(l, image, i == 1 ? "crc" : "read"), ERR_OK);
		cr_expect(rom_line_holds(l, image), "kind %zu", i);
		cr_expect_eq(rom_line_number(l, "overwrites"), 0);
		cr_expect_eq(rom_line_number(l, "crashes"), 0);
		if (i > 0 || !has_peer())
			continue;
		cr_assert(rom_line_boot(l));
		struct tool_result r = STM32FLASH(l, "-r", "got", "-S", "0x08000000:20000");
		cr_assert_eq(r.status, 0, "%s", r.out);
		expect_file(l, "got", image);
	}
	free(image.data);
}
