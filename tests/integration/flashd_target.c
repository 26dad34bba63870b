/*
 * flashd tells a session which version a device is to get with every order of an upgrade, and with
 * no other: drivers may do to a device under upgrade what they must not do to one at work.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "flashhouse.h"

TestSuite(flashd_target, .timeout = 60);

enum { PATIENCE_MS = 20000 };

/* A device that says its version to whatever it is asked, and notes what that was. */
static pid_t
start_device(int master, const char *notes)
{
	pid_t pid = fork();
	char c;

	if (pid != 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	int file = open(notes, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	while (read(master, &c, 1) == 1) {
		if (write(file, &c, 1) != 1 || (c == '\r' && write(master, " 1.0.0;", 7) != 7))
			_exit(1);
	}
	_exit(0);
}

/* Run the loop until the device was asked so. */
static bool
is_asked(struct flashhouse *h, const char *notes, const char *question)
{
	struct mono end = mono_after(clock_now(), PATIENCE_MS);
	char text[4096] = "";

	while (!strstr(text, question) && !mono_reached(clock_now(), end)) {
		loop_once(h->loop, 20);
		int file = open(notes, O_RDONLY | O_CLOEXEC);
		ssize_t n = file < 0 ? 0 : read(file, text, sizeof(text) - 1);

		text[n > 0 ? n : 0] = 0;
		if (file >= 0)
			close(file);
	}
	return strstr(text, question) != NULL;
}

Test(flashd_target, a_device_is_asked_for_the_version_it_is_to_get_only_under_upgrade)
{
	struct flashhouse h;
	char port[64], section[400], notes[300];
	int master = -1, slave = -1;

	cr_assert_eq(openpty(&master, &slave, port, NULL, NULL), 0);
	cr_assert_eq(fchmod(slave, 0666), 0);
	flashhouse_open(&h);
	snprintf(notes, sizeof(notes), "%s/asked", h.dir);
	snprintf(section, sizeof(section),
	    "[flashd.device meter]\nproduct_key = p1\ndevice_key = meter-1\nvendor = acme\n"
	    "model = sensor-9\ndriver = xmodem\nport = %s\n"
	    "identify = send 'want {target}.\\r' expect ' {version};'\n",
	    port);
	h.devices = section;
	h.spec.driver = "xmodem";
	pid_t device = start_device(master, notes);
	flashhouse_publish(&h);
	flashhouse_start(&h);
	cr_expect(is_asked(&h, notes, "want ."));
	flashhouse_begin(&h, 7);
	cr_expect(is_asked(&h, notes, "want " FLASHHOUSE_VERSION "."));
	kill(device, SIGKILL);
	waitpid(device, NULL, 0); /* before the house, whose keeper's pipe it holds, too */
	flashhouse_close(&h);
	close(master);
	close(slave);
}
