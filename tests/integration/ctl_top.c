/*
 * ctl_top: `subotactl top` on a terminal, which it leaves as it was, however it ends.
 */
#include <criterion/criterion.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include <utmp.h>

#include "answers.h"
#include "ctl/ctl.h"
#include "kit.h"
#include "tool.h"

enum { PATIENCE_MS = 20000 };

static const struct answers_row rows[] = {
    {WHO_FLASHD, "status", "{'links':1}"},
    {WHO_FLASHD, "devices", "{'devices':[{'product_key':'p','device_key':'d','state':'present'}]}"},
    {WHO_FLASHD, "upgrades", "{'upgrades':[]}"},
};

struct screen {
	struct answers daemons;
	int master, slave;
	pid_t pid;
	size_t len;
	char text[65536];
};

static void
begin(struct screen *s)
{
	static const struct winsize size = {.ws_row = 30, .ws_col = 100};
	char *argv[] = {(char *)"subotactl", (char *)"top", (char *)"--every", (char *)"100",
	    (char *)"--config", (char *)"conf", NULL};

	*s = (struct screen){0};
	answers_open(&s->daemons, rows, sizeof(rows) / sizeof(rows[0]));
	cr_assert_eq(openpty(&s->master, &s->slave, NULL, NULL, &size), 0);
	s->pid = fork();
	if (s->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (chdir(s->daemons.dir) < 0 || login_tty(s->slave) < 0)
			_exit(127);
		_exit(ctl_run(6, argv));
	}
	cr_assert_gt(s->pid, 0);
}

/* Until the screen has shown `word`. */
static void
wait_for(struct screen *s, const char *word)
{
	while (!strstr(s->text, word)) {
		struct pollfd p = {s->master, POLLIN, 0};

		cr_assert_eq(poll(&p, 1, PATIENCE_MS), 1, "%s never came: %s", word, s->text);
		ssize_t n = read(s->master, s->text + s->len, sizeof(s->text) - 1 - s->len);
		cr_assert_gt(n, 0);
		s->len += (size_t)n;
	}
}

/* It has ended well, the cursor and the other screen are back, and so is the line's mode. */
static void
expect_restored(struct screen *s)
{
	struct termios t;
	int status = 0;

	wait_for(s, "\033[?25h\033[?1049l");
	cr_assert_eq(waitpid(s->pid, &status, 0), s->pid);
	cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %d", status);
	cr_assert_eq(tcgetattr(s->slave, &t), 0);
	cr_expect(t.c_lflag & ICANON && t.c_lflag & ECHO);
	close(s->master);
	close(s->slave);
	answers_close(&s->daemons);
}

Test(ctl_top, q_ends_it_and_the_terminal_is_as_before)
{
	struct screen s;

	begin(&s);
	wait_for(&s, "\033[?1049h\033[?25l");
	wait_for(&s, "p/d ");
	wait_for(&s, "cloudd     does not answer");
	cr_assert_eq(write(s.master, "xq", 2), 2);
	expect_restored(&s);
}

Test(ctl_top, signals_end_it_and_the_terminal_is_as_before)
{
	static const int signals[] = {SIGTERM, SIGINT, SIGHUP};

	for (size_t i = 0; i < 3; i++) {
		struct screen s;

		begin(&s);
		wait_for(&s, "p/d ");
		cr_assert_eq(kill(s.pid, signals[i]), 0);
		expect_restored(&s);
	}
}

Test(ctl_top, a_terminal_that_gets_smaller_is_drawn_anew)
{
	static const struct winsize size = {.ws_row = 5, .ws_col = 20};
	struct screen s;

	begin(&s);
	wait_for(&s, "p/d ");
	cr_assert_eq(ioctl(s.master, TIOCSWINSZ, &size), 0);
	wait_for(&s, "\033[Hplatform ?   devices\033[K");
	cr_assert_eq(write(s.master, "q", 1), 1);
	expect_restored(&s);
}

Test(ctl_top, without_a_terminal_one_screen_is_printed)
{
	struct answers a;

	answers_open(&a, rows, sizeof(rows) / sizeof(rows[0]));
	struct tool_result r = CTL(a.dir, "top", "--config", "conf");

	cr_expect_eq(r.status, 0);
	cr_expect(strstr(r.out, "\np/d "), "%s", r.out);
	cr_expect_null(strchr(r.out, '\033'));
	r = CTL(a.dir, "top", "--json", "--config", "conf");
	cr_expect(strncmp(r.out, "{\"processes\":[", 14) == 0, "%s", r.out);
	answers_close(&a);
}
