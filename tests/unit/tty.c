/*
 * Opening serial lines; a pseudo-terminal stands for one.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "auto.h"
#include "tty.h"

struct scene {
	int master, keep;
	char path[64];
};

static void
open_scene(struct scene *s)
{
	cr_assert_eq(openpty(&s->master, &s->keep, s->path, NULL, NULL), 0);
}

static void
close_scene(struct scene *s)
{
	close(s->master);
	close(s->keep);
}

Test(tty, is_raw_both_ways_at_any_rate)
{
	static const uint32_t rates[] = {9600, 115200, 250000, 1234567};
	struct scene s;
	struct termios t;
	char why[WHY_SIZE] = "", in[300] = "";
	unsigned char all[256];

	open_scene(&s);
	for (size_t i = 0; i < 256; i++)
		all[i] = (unsigned char)i;
	for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
		struct tty_settings set = {.path = s.path, .baud = rates[i]};
		AUTO(fd) int fd = -1;

		cr_assert_eq(tty_open(&set, &fd, why), ERR_OK, "%s", why);
		cr_expect(fcntl(fd, F_GETFL) & O_NONBLOCK);
		cr_expect(fcntl(fd, F_GETFD) & FD_CLOEXEC);
		cr_assert_eq(tcgetattr(fd, &t), 0);
		cr_expect_eq(t.c_lflag, 0);
		cr_expect_eq(t.c_oflag, 0);
		cr_expect_eq(t.c_cflag & HUPCL, 0);
		cr_assert_eq(write(fd, all, 256), 256);
		cr_assert_eq(read(s.master, in, sizeof(in)), 256);
		cr_expect_eq(memcmp(in, all, 256), 0);
		cr_assert_eq(write(s.master, all, 256), 256);
		cr_assert_eq(read(fd, in, sizeof(in)), 256);
		cr_expect_eq(memcmp(in, all, 256), 0);
	}
	close_scene(&s);
}

Test(tty, tolerates_a_pseudo_terminal_that_drops_parity)
{
	struct scene s;
	char why[WHY_SIZE] = "";
	AUTO(fd) int fd = -1;

	open_scene(&s);
	struct tty_settings set = {.path = s.path, .baud = 115200, .parity = TTY_EVEN};
	cr_expect_eq(tty_open(&set, &fd, why), ERR_OK, "%s", why);
	close_scene(&s);
}

Test(tty, is_for_one_at_a_time)
{
	struct scene s;
	char why[WHY_SIZE] = "";
	AUTO(fd) int fd = -1;
	int second = -1;

	open_scene(&s);
	struct tty_settings set = {.path = s.path, .baud = 115200};
	cr_assert_eq(tty_open(&set, &fd, why), ERR_OK);
	cr_expect_eq(tty_open(&set, &second, why), ERR_BUSY);
	cr_expect(strstr(why, s.path) && strstr(why, "expected"), "%s", why);
	close(hand_over_fd(&fd));
	cr_expect_eq(tty_open(&set, &fd, why), ERR_OK, "%s", why);
	close_scene(&s);
}

Test(tty, says_what_is_wrong_with_a_path)
{
	struct tty_settings set = {.path = "/dev/does-not-exist", .baud = 115200};
	char why[WHY_SIZE] = "";
	int fd = -1;

	cr_expect_eq(tty_open(&set, &fd, why), ERR_LINK);
	cr_expect(
	    strstr(why, "/dev/does-not-exist: expected a serial line, got: No such"), "%s", why);
	set.path = "/dev/null";
	cr_expect_eq(tty_open(&set, &fd, why), ERR_CONFIG);
	cr_expect(strstr(why, "/dev/null: expected a serial line"), "%s", why);
	cr_expect_eq(fd, -1);
}

Test(tty, flush_drops_what_nobody_read)
{
	struct scene s;
	char why[WHY_SIZE] = "", in[8];
	AUTO(fd) int fd = -1;

	open_scene(&s);
	struct tty_settings set = {.path = s.path, .baud = 115200};
	cr_assert_eq(tty_open(&set, &fd, why), ERR_OK);
	cr_assert_eq(write(s.master, "stale", 5), 5);
	tty_flush(fd);
	cr_expect_eq(read(fd, in, sizeof(in)), -1);
	cr_expect_eq(errno, EAGAIN);
	close_scene(&s);
}

static void
expect_shape(tcflag_t want, tcflag_t mask, const struct tty_settings *like)
{
	struct scene s;
	struct termios t;
	char why[WHY_SIZE] = "";
	AUTO(fd) int fd = -1;

	open_scene(&s);
	struct tty_settings set = *like;
	set.path = s.path;
	set.baud = 115200;
	cr_assert_eq(tty_open(&set, &fd, why), ERR_OK, "%s", why);
	cr_assert_eq(tcgetattr(fd, &t), 0);
	cr_expect_eq(t.c_cflag & mask, want);
	close_scene(&s);
}

Test(tty, has_the_flow_control_and_the_stop_bits_that_are_wanted)
{
	expect_shape(0, CRTSCTS | CSTOPB, &(struct tty_settings){0});
	expect_shape(CRTSCTS, CRTSCTS | CSTOPB, &(struct tty_settings){.flow = TTY_RTSCTS});
	expect_shape(CSTOPB, CRTSCTS | CSTOPB, &(struct tty_settings){.two_stop_bits = true});
	expect_shape(
	    0, CRTSCTS | CSTOPB, &(struct tty_settings){.parity = TTY_ODD, .may_hold_back = true});
}

Test(tty, each_setting_makes_another_line_of_it)
{
	static const struct tty_settings rows[] = {{.baud = 115200},
	    {.baud = 9600},
	    {.baud = 115200, .parity = TTY_EVEN},
	    {.baud = 115200, .parity = TTY_ODD},
	    {.baud = 115200, .flow = TTY_RTSCTS},
	    {.baud = 115200, .two_stop_bits = true},
	    {.baud = 115200, .may_hold_back = true}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++)
			cr_expect_eq(tty_same(&rows[i], &rows[k]), i == k, "%zu, %zu", i, k);
}
