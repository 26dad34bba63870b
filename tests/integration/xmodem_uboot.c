/*
 * The XMODEM driver and a boot loader that nobody here wrote: Debian's U-Boot on Debian's QEMU,
 * with the shipped recipes: loady and loadx, and U-Boot's own crc32 equal to ours.
 */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "driver_run.h"
#include "kit.h"
#include "xmodem.h"

TestSuite(xmodem_uboot, .timeout = 120);

enum { BYTES = 6000 };

struct scene {
	char *dir;
	struct driver_run run;
	pid_t pid;
	uint8_t *image;
};

/* Hits a key until the boot loader's prompt is there. */
static void
wait_for_prompt(int fd)
{
	const char *options[] = {"identify", "expect 'v{version}'", "run",
	    "send '\\r' expect '=> ' 500", "tries", "100", NULL};
	struct driver_run r;

	driver_run_open(&r, &xmodem_driver, fd, options);
	cr_assert_eq(driver_run_verb(&r, DRIVER_REBOOT, "", 60000), ERR_OK, "%s", r.result.detail);
	free(r.state);
}

static void
setup(struct scene *s, const char *protocol, const char *recipe, const char *verify)
{
	static const char *const argv[] = {"qemu-system-arm", "-M", "virt", "-m", "64M",
	    "-nodefaults", "-display", "none", "-monitor", "none", "-serial", "stdio", "-bios",
	    "/usr/lib/u-boot/qemu_arm/u-boot.bin", NULL};
	const char *options[] = {"protocol", protocol, "recipe", recipe, "address", "40200000",
	    "tries", "1", "verify", verify, NULL};
	int fd = -1;

	s->dir = kit_scratch();
	s->pid = driver_run_peer(s->dir, argv, &fd);
	wait_for_prompt(fd);
	driver_run_open(&s->run, &xmodem_driver, fd, options);
	s->image = driver_run_bytes(BYTES);
	driver_run_image(&s->run, s->image, BYTES);
}

static void
teardown(struct scene *s)
{
	kill(s->pid, SIGKILL);
	waitpid(s->pid, NULL, 0);
	driver_run_close(&s->run);
	free(s->image);
	kit_scratch_remove(s->dir);
}

static void
expect_verb(struct scene *s, enum driver_verb verb, enum err want)
{
	enum err got = driver_run_verb(&s->run, verb, "2.0.1", 80000);

	cr_expect_eq(got, want, "verb %d: expected %s, got %s: %s", verb, err_name(want),
	    err_name(got), s->run.result.detail);
}

/* Upgrades a boot loader that has no version yet. */
static void
upgrade(struct scene *s)
{
	const struct driver_facts *f = xmodem_driver.facts(s->run.state);

	expect_verb(s, DRIVER_IDENTIFY, ERR_OK);
	cr_expect_str_empty(f->version);
	cr_expect_not(f->active_confirmed);
	expect_verb(s, DRIVER_WRITE, ERR_OK);
	cr_expect_eq(f->done_bytes, BYTES);
	expect_verb(s, DRIVER_IDENTIFY, ERR_OK);
	cr_expect_str_eq(f->version, "2.0.1");
	cr_expect(f->active_confirmed);
	expect_verb(s, DRIVER_REBOOT, ERR_UNSUPPORTED);
}

Test(xmodem_uboot, loady_takes_an_image_and_its_crc32_is_equal)
{
	struct scene s;

	setup(&s, "ymodem", "u-boot", "recipe");
	upgrade(&s);
	teardown(&s);
}

Test(xmodem_uboot, loadx_takes_an_image_and_its_crc32_is_equal)
{
	struct scene s;

	setup(&s, "1k", "u-boot-loadx", "recipe");
	upgrade(&s);
	teardown(&s);
}

Test(xmodem_uboot, a_crc32_that_differs_is_no_success)
{
	struct scene s;

	setup(&s, "ymodem", "u-boot",
	    "send '\\r' expect '=> ' send 'crc32 {address} 10\\r' expect '==> {crc32}'");
	s.image[0] ^= 1;
	expect_verb(&s, DRIVER_WRITE, ERR_VERIFY);
	cr_expect(strstr(s.run.result.detail, "verify: expected '==> "), "%s", s.run.result.detail);
	teardown(&s);
}
