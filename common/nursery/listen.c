/*
 * listen: see listen.h.
 *
 * What a nursery's socket is under systemd. It reads not one byte of a connection: a nursery of
 * its own is started for each, which locks itself in before it hears the daemon. So a daemon that
 * was started again meets a fresh nursery, and the one of its predecessor ends with its connection.
 * Rejected: one nursery for all connections (couriers would outlive the gate that asked for them),
 * systemd-socket-activate in the image (40 MB of packages for these lines).
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "auto.h"
#include "listen.h"
#include "log.h"
#include "sandbox.h"

static int
open_door(const char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	AUTO(fd) int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (strlen(path) >= sizeof(a.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(a.sun_path, path, strlen(path) + 1);
	umask(0117);
	if (fd < 0 || (unlink(path) < 0 && errno != ENOENT) ||
	    bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(fd, LISTEN_MAX) < 0)
		return -1;
	umask(0077);
	return hand_over_fd(&fd);
}

static int
open_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -1;
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* How many ended; *stop when we are to end as well. */
static int
reap(int signals, bool *stop)
{
	struct signalfd_siginfo info;
	int ended = 0;

	while (read(signals, &info, sizeof(info)) == (ssize_t)sizeof(info))
		if (info.ssi_signo != SIGCHLD)
			*stop = true;
	while (waitpid(-1, NULL, WNOHANG) > 0)
		ended++;
	return ended;
}

static bool
let_in(int door, char *const argv[])
{
	AUTO(fd) int fd = accept4(door, NULL, NULL, SOCK_CLOEXEC);
	pid_t pid = 0;

	return fd >= 0 && sandbox_spawn(argv[0], argv, &fd, 1, &pid) == ERR_OK;
}

int
listen_run(const char *path, char *const argv[])
{
	AUTO(fd) int door = open_door(path);
	AUTO(fd) int signals = open_signals();
	bool stop = false;
	int inside = 0;

	if (door < 0 || signals < 0) {
		log_error(NULL, "%s: cannot listen: %s", path, strerror(errno));
		return 71;
	}
	log_info(NULL, "waiting for a daemon at %s", path);
	while (!stop) {
		/* a full house lets a daemon wait at the door */
		struct pollfd p[] = {{.fd = signals, .events = POLLIN},
		    {.fd = inside < LISTEN_MAX ? door : -1, .events = POLLIN}};

		if (poll(p, 2, -1) < 0 && errno != EINTR)
			return 71;
		inside -= reap(signals, &stop);
		if (p[1].revents && let_in(door, argv))
			inside++;
	}
	unlink(path);
	return 0;
}
