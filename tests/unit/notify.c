/*
 * What the supervisor hears.
 */
#include <criterion/criterion.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "auto.h"
#include "kit.h"
#include "log.h"
#include "notify.h"

/* A supervisor's socket, and its name for NOTIFY_SOCKET. */
static int
listen_at(const char *name)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	memcpy(a.sun_path, name, strlen(name));
	if (name[0] == '@')
		a.sun_path[0] = '\0';
	cr_assert_eq(bind(fd, (struct sockaddr *)&a,
			 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name))),
	    0);
	setenv("NOTIFY_SOCKET", name, 1);
	return fd;
}

static void
expect_heard(int fd, const char *what)
{
	char got[64] = "";

	cr_assert_gt(recv(fd, got, sizeof(got) - 1, 0), 0);
	cr_expect_str_eq(got, what);
}

Test(notify, tells_a_supervisor_with_a_path)
{
	char *dir = kit_scratch();
	char path[200];

	snprintf(path, sizeof(path), "%s/notify", dir);
	AUTO(fd) int fd = listen_at(path);
	notify_supervisor("READY=1");
	expect_heard(fd, "READY=1");
	kit_scratch_remove(dir);
}

Test(notify, tells_a_supervisor_in_the_abstract_namespace)
{
	char name[64];

	snprintf(name, sizeof(name), "@subota-notify-%d", (int)getpid());
	AUTO(fd) int fd = listen_at(name);
	notify_supervisor("STOPPING=1");
	expect_heard(fd, "STOPPING=1");
}

Test(notify, does_nothing_without_a_supervisor_or_with_one_that_is_gone)
{
	char *dir = kit_scratch();
	char path[200];

	unsetenv("NOTIFY_SOCKET");
	notify_supervisor("READY=1");
	snprintf(path, sizeof(path), "%s/gone", dir);
	close(listen_at(path));
	notify_supervisor("READY=1");
	cr_expect_eq(access(path, F_OK), 0);
	kit_scratch_remove(dir);
}

Test(notify, refuses_a_name_that_is_none_or_too_long)
{
	char *dir = kit_scratch();
	char path[200], longer[300];

	snprintf(path, sizeof(path), "%s/notify", dir);
	AUTO(fd) int fd = listen_at(path);
	memset(longer, 'x', sizeof(longer));
	longer[0] = '/';
	longer[sizeof(longer) - 1] = '\0';
	setenv("NOTIFY_SOCKET", longer, 1);
	notify_supervisor("READY=1");
	setenv("NOTIFY_SOCKET", path + 1, 1);
	notify_supervisor("READY=1");
	char got[8];
	cr_expect_lt(recv(fd, got, sizeof(got), 0), 0);
	kit_scratch_remove(dir);
}

Test(notify, knows_whether_the_supervisor_watches_this_process)
{
	char pid[16];

	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
	cr_expect_eq(notify_watchdog_us(), 0);
	setenv("WATCHDOG_USEC", "30000000", 1);
	cr_expect_eq(notify_watchdog_us(), 30000000);
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	setenv("WATCHDOG_PID", pid, 1);
	cr_expect_eq(notify_watchdog_us(), 30000000);
	setenv("WATCHDOG_PID", "1", 1);
	cr_expect_eq(notify_watchdog_us(), 0);
	unsetenv("WATCHDOG_PID");
	setenv("WATCHDOG_USEC", "soon", 1);
	cr_expect_eq(notify_watchdog_us(), 0);
	setenv("WATCHDOG_USEC", "99999999999999999999", 1);
	cr_expect_eq(notify_watchdog_us(), 0);
}
