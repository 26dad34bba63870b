/*
 * pose: which ioctls a driver's wishes become; a function of the test stands for ioctl(2).
 */
#include "pose.h"

#include <asm/ioctls.h>
#include <asm/termbits.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <linux/gpio.h>
#include <stdio.h>
#include <string.h>

enum { LINK = 100, GPIO = 101, SAID = 400 };

struct kernel {
	char said[SAID]; /* what it was told, in words */
	struct termios2 line;
	bool fails;
};

static struct kernel *
kernel(void)
{
	static struct kernel k;

	return &k;
}

static void
note(const char *what, long value)
{
	size_t n = strlen(kernel()->said);

	snprintf(kernel()->said + n, SAID - n, "%s%s %ld", n ? ", " : "", what, value);
}

static int
on_gpio(int fd, const struct gpio_v2_line_values *v)
{
	cr_expect_eq(fd, GPIO);
	note(v->mask == 1 ? "gpio0" : v->mask == 2 ? "gpio1" : "gpio?", v->bits ? 1 : 0);
	return 0;
}

static int
take(int fd, unsigned long request, void *arg)
{
	struct kernel *k = kernel();

	errno = EIO;
	if (k->fails)
		return -1;
	if (request == GPIO_V2_LINE_SET_VALUES_IOCTL)
		return on_gpio(fd, arg);
	cr_expect_eq(fd, LINK);
	if (request == TIOCMBIS || request == TIOCMBIC)
		note(*(int *)arg == 2 ? "dtr" : *(int *)arg == 4 ? "rts" : "?",
		    request == TIOCMBIS);
	else if (request == TCGETS2)
		*(struct termios2 *)arg = k->line;
	else if (request == TCSETSW2) {
		k->line = *(struct termios2 *)arg;
		note("even", (k->line.c_cflag & PARENB) && !(k->line.c_cflag & PARODD));
	}
	return 0;
}

static void
expect_takes(struct pose *p, uint8_t pins, bool even, const char *said)
{
	char why[WHY_SIZE] = "";

	kernel()->said[0] = 0;
	cr_assert_eq(pose_take(p, (struct driver_line){pins, even}, why), ERR_OK, "%s", why);
	cr_expect_str_eq(kernel()->said, said);
}

static struct pose
begun(Pb__Pin boot, Pb__Pin reset)
{
	struct pose p;

	*kernel() = (struct kernel){.line = {.c_cflag = CS8 | PARENB | PARODD}};
	pose_init(&p, LINK, GPIO, take);
	pose_begin(&p, boot, reset);
	return p;
}

Test(pose, what_is_unknown_is_set_and_afterwards_only_what_changes)
{
	struct pose p = begun(PB__PIN__PIN_RTS, PB__PIN__PIN_NOT_DTR);

	cr_expect_eq(pose_pins(&p), DRIVER_BOOT | DRIVER_RESET);
	expect_takes(&p, 0, false, "rts 0, dtr 1");
	expect_takes(&p, 0, false, "");
	expect_takes(&p, DRIVER_BOOT | DRIVER_RESET, false, "rts 1, dtr 0");
	expect_takes(&p, DRIVER_BOOT, false, "dtr 1");
	expect_takes(&p, 0, false, "rts 0");
	pose_begin(&p, PB__PIN__PIN_RTS, PB__PIN__PIN_NOT_DTR);
	expect_takes(&p, 0, false, "rts 0, dtr 1");
}

Test(pose, lines_of_a_chip_are_set_through_the_request)
{
	struct pose p = begun(PB__PIN__PIN_GPIO_FIRST, PB__PIN__PIN_GPIO_SECOND);

	expect_takes(&p, DRIVER_BOOT, false, "gpio0 1, gpio1 0");
	expect_takes(&p, DRIVER_RESET, false, "gpio0 0, gpio1 1");
	p = begun(PB__PIN__PIN_NONE, PB__PIN__PIN_GPIO_FIRST);
	cr_expect_eq(pose_pins(&p), DRIVER_RESET);
	expect_takes(&p, DRIVER_BOOT | DRIVER_RESET, false, "gpio0 1");
}

Test(pose, another_parity_is_put_back_as_it_was)
{
	struct pose p = begun(PB__PIN__PIN_NONE, PB__PIN__PIN_NONE);

	expect_takes(&p, 0, false, "");
	expect_takes(&p, 0, true, "even 1");
	expect_takes(&p, DRIVER_BOOT, true, "");
	expect_takes(&p, 0, false, "even 0");
	cr_expect_eq(kernel()->line.c_cflag, (tcflag_t)(CS8 | PARENB | PARODD));
}

Test(pose, what_cannot_be_set_is_told)
{
	struct pose p = begun(PB__PIN__PIN_NONE, PB__PIN__PIN_DTR);
	char why[WHY_SIZE] = "";

	kernel()->fails = true;
	cr_expect_eq(pose_take(&p, (struct driver_line){DRIVER_RESET, false}, why), ERR_LINK);
	cr_expect(strstr(why, "expected to set the reset pin, got: Input/output error"), "%s", why);
	p = begun(PB__PIN__PIN_GPIO_FIRST, PB__PIN__PIN_NONE);
	p.gpio_fd = -1; /* the chip was not there when flashd started */
	cr_expect_eq(pose_take(&p, (struct driver_line){0, false}, why), ERR_LINK);
	cr_expect(strstr(why, "the boot pin"), "%s", why);
}
