/*
 * pins: what a configuration says of the pins of a device, and what the kernel is asked for. This
 * machine has no GPIO chip: a function of the test stands for ioctl(2) and looks at the request,
 * any file stands for the chip.
 */
#include "pins.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/gpio.h>
#include <string.h>
#include <unistd.h>

static struct gpio_v2_line_request *
asked(void)
{
	static struct gpio_v2_line_request r;

	return &r;
}

static int
grants(int fd, unsigned long request, void *arg)
{
	struct gpio_v2_line_request *r = arg;

	cr_expect_geq(fd, 0);
	cr_expect_eq(request, (unsigned long)GPIO_V2_GET_LINE_IOCTL);
	r->fd = dup(fd);
	*asked() = *r;
	return 0;
}

static int
is_busy(int fd, unsigned long request, void *arg)
{
	(void)fd, (void)request, (void)arg;
	errno = EBUSY;
	return -1;
}

static struct pins
parsed(const char *boot, const char *reset)
{
	struct pins p;
	char why[WHY_SIZE] = "";

	cr_assert_eq(pins_parse(boot, reset, &p, why), ERR_OK, "%s", why);
	return p;
}

Test(pins, modem_lines_as_they_are_or_turned_round_need_no_chip)
{
	struct pins p = parsed("rts", "!dtr");
	char why[WHY_SIZE] = "";

	cr_expect_eq(p.boot.where, PB__PIN__PIN_RTS);
	cr_expect_eq(p.reset.where, PB__PIN__PIN_NOT_DTR);
	cr_expect_eq(pins_open(&p, is_busy, why), ERR_OK, "nobody is asked");
	cr_expect_eq(p.fd, -1);
	p = parsed("", "");
	cr_expect_eq(p.boot.where + p.reset.where, PB__PIN__PIN_NONE);
}

Test(pins, two_lines_of_a_chip_are_requested_as_outputs_that_are_off)
{
	struct pins p = parsed("/dev/null:17", "!/dev/null:4");
	const struct gpio_v2_line_request *r = asked();
	char why[WHY_SIZE] = "";

	cr_expect_eq(p.boot.where, PB__PIN__PIN_GPIO_FIRST);
	cr_expect_eq(p.reset.where, PB__PIN__PIN_GPIO_SECOND);
	cr_assert_eq(pins_open(&p, grants, why), ERR_OK, "%s", why);
	cr_expect_geq(p.fd, 0);
	cr_expect_str_eq(r->consumer, "subota");
	cr_expect_eq(r->num_lines, 2);
	cr_expect(r->offsets[0] == 17 && r->offsets[1] == 4);
	cr_expect_eq(r->config.flags, GPIO_V2_LINE_FLAG_OUTPUT);
	cr_expect_eq(r->config.num_attrs, 2);
	cr_expect_eq(r->config.attrs[0].attr.id, GPIO_V2_LINE_ATTR_ID_FLAGS);
	cr_expect_eq(r->config.attrs[0].attr.flags,
	    GPIO_V2_LINE_FLAG_OUTPUT | GPIO_V2_LINE_FLAG_ACTIVE_LOW);
	cr_expect_eq(r->config.attrs[0].mask, 2, "the reset line, low when it is on");
	cr_expect_eq(r->config.attrs[1].attr.id, GPIO_V2_LINE_ATTR_ID_OUTPUT_VALUES);
	cr_expect_eq(r->config.attrs[1].attr.values, 0);
	cr_expect_eq(r->config.attrs[1].mask, 3);
	pins_close(&p);
	cr_expect_eq(p.fd, -1);
}

Test(pins, one_line_beside_a_modem_line_is_the_first_or_second_all_the_same)
{
	struct pins p = parsed("dtr", "/dev/null:4");
	char why[WHY_SIZE] = "";

	cr_expect_eq(p.boot.where, PB__PIN__PIN_DTR);
	cr_expect_eq(p.reset.where, PB__PIN__PIN_GPIO_FIRST);
	cr_assert_eq(pins_open(&p, grants, why), ERR_OK, "%s", why);
	cr_expect_eq(asked()->num_lines, 1);
	cr_expect_eq(asked()->offsets[0], 4);
	cr_expect_eq(asked()->config.num_attrs, 1, "no attribute for no line");
	cr_expect_eq(asked()->config.attrs[0].mask, 1);
	pins_close(&p);
}

Test(pins, a_chip_that_is_not_there_or_taken_is_told)
{
	struct pins p = parsed("", "/nowhere/gpiochip9:1");
	char why[WHY_SIZE] = "";

	cr_expect_eq(pins_open(&p, grants, why), ERR_LINK);
	cr_expect(strstr(why, "/nowhere/gpiochip9: expected a GPIO chip"), "%s", why);
	p = parsed("", "/dev/null:1");
	cr_expect_eq(pins_open(&p, is_busy, why), ERR_BUSY);
	cr_expect_eq(p.fd, -1);
	cr_expect_eq(pins_open(&p, NULL, why), ERR_LINK, "the real kernel knows no such lines");
}

Test(pins, refuses_what_is_no_pin)
{
	static const char *const bad[][2] = {{"cts", ""}, {"", "!"}, {"/dev/gpiochip0", ""},
	    {"/dev/gpiochip0:", ""}, {"/dev/gpiochip0:x", ""}, {"/dev/gpiochip0:1x", ""},
	    {"/dev/gpiochip0:99999", ""}, {":4", ""}, {"gpiochip0:4", ""},
	    {"/dev/gpiochip0:1", "/dev/gpiochip1:2"}, {"/dev/gpiochip0:1", "/dev/gpiochip0:1"},
	    {"/dev/0123456789012345678901234567890123456789012345678901234567890:1", ""}};
	struct pins p;
	char why[WHY_SIZE];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		cr_expect_eq(pins_parse(bad[i][0], bad[i][1], &p, why), ERR_CONFIG, "%s %s",
		    bad[i][0], bad[i][1]);
		cr_expect(strstr(why, "_pin"), "%s", why);
	}
}
