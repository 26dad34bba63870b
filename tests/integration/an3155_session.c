/*
 * The STM32 driver in a real session, jailed: a whole write, and that its jail lets it ask for the
 * pins that it inherited (this machine has none: any file stands for them, and the kernel says that
 * it is no GPIO).
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "house_pack_image.h"
#include "rom_line.h"
#include "sub_line.h"

TestSuite(an3155_session, .timeout = 60);

static void
run(struct rom_line *rom, struct sub_line_order *o, struct sub_line_end *end)
{
	struct sub_line l = {.dir = rom->dir, .line = -1};

	o->driver = "an3155";
	o->options[0] = "version_at";
	o->options[1] = "08000100";
	o->target = "2.0.0";
	sub_line_run(&l, o, end);
}

Test(an3155_session, writes_and_starts_an_image_and_reads_its_version_in_its_jail)
{
	AUTO(rom_line)
	struct rom_line *rom = rom_line_new(
	    (const char *const[]){"--baud", "1000000", "--write-us", "200", NULL});
	struct bundle_bytes image = house_pack_stm32("2.0.0", 9000);
	struct sub_line_order write = {.verb = PB__VERB__VERB_WRITE, .image = image},
			      reboot = {.verb = PB__VERB__VERB_REBOOT};
	struct sub_line_end end;

	run(rom, &write, &end);
	cr_expect_eq(end.error, ERR_OK, "%s", end.detail);
	cr_expect_eq(end.done_bytes, 9000);
	cr_expect(rom_line_holds(rom, image));
	struct sub_line_order identify = {.verb = PB__VERB__VERB_IDENTIFY};
	run(rom, &identify, &end);
	cr_expect_str_eq(end.version, "2.0.0", "%s", end.detail);
	run(rom, &reboot, &end); /* it runs already: nobody in the boot loader, and no harm */
	cr_expect_eq(end.error, ERR_OK, "%s", end.detail);
	cr_expect(rom_line_wait(rom, "2.0.0"));
	free(image.data);
}

Test(an3155_session, moves_pins_that_it_inherited_and_no_others)
{
	AUTO(rom_line) struct rom_line *rom = rom_line_new(NULL);
	AUTO(fd) int lines = memfd_create("lines", MFD_CLOEXEC);
	struct sub_line_order o = {
	    .verb = PB__VERB__VERB_REBOOT, .reset_pin = PB__PIN__PIN_GPIO_FIRST, .gpio = lines};
	struct sub_line_end end;

	run(rom, &o, &end);
	cr_expect_eq(end.error, ERR_LINK);
	cr_expect(strstr(end.detail, "the reset pin, got: Inappropriate ioctl"), "%s", end.detail);
	o.gpio = 0;
	run(rom, &o, &end);
	cr_expect_eq(end.error, ERR_LINK);
	cr_expect(strstr(end.detail, "the reset pin, got: Bad file descriptor"), "%s", end.detail);
	o.reset_pin = PB__PIN__PIN_DTR; /* a pseudo-terminal has no modem lines */
	run(rom, &o, &end);
	cr_expect_eq(end.error, ERR_LINK);
	cr_expect(strstr(end.detail, "the reset pin, got: "), "%s", end.detail);
}
