/*
 * subota-session: the process at the end of one link, or, where `links_per_session` says so, of
 * several. Started for flashd by its nursery.
 *
 * usage: subota-session [MODE], the words of sandbox.h.
 *
 * Descriptors of one link: 3 the channel to flashd, 4 the link, 5 the package (only where one is
 * needed), 6 the GPIO lines of the device (only where it has some). Of several: 3 the hatch through
 * which those come (crew.h).
 *
 * May: read and write its links, read their packages, take orders from its channels and report to
 * them. Must never: open anything, see a key, see a device of another session, live longer than its
 * channels.
 */
#include <fcntl.h>
#include <signal.h>
#include <sodium.h>
#include <sys/socket.h>

#include "crew.h"
#include "ferry.h"
#include "log.h"
#include "sandbox.h"

enum { CHANNEL_FD = 3, LINK_FD = 4, IMAGE_FD = 5, GPIO_FD = 6 };

static int
if_open(int fd)
{
	return fcntl(fd, F_GETFD) < 0 ? -1 : fd;
}

static bool
is_hatch(int fd)
{
	int type = 0;
	socklen_t len = sizeof(type);

	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 && type == SOCK_SEQPACKET;
}

static bool
lock_in(const char *promise, const struct sandbox_mode *mode)
{
	const struct sandbox_promise *p = promise_find(promise);
	const struct places nowhere = {0};

	return sandbox_enter(p, geteuid(), getegid(), 0) == ERR_OK &&
	       sandbox_lock_files(p, mode, &nowhere) == ERR_OK &&
	       sandbox_lock_calls(p, mode) == ERR_OK;
}

/* Exit statuses: 64 not started as it should be, 71 the jail or memory. */
static int
serve_one(const struct sandbox_mode *mode)
{
	AUTO(chan) struct chan *chan = NULL;
	AUTO(ferry) struct ferry *ferry = NULL;
	const struct ferry_ends ends = {
	    .link = LINK_FD, .image = if_open(IMAGE_FD), .gpio = if_open(GPIO_FD)};

	if (if_open(LINK_FD) < 0 || chan_new(CHANNEL_FD, WHO_SESSION, WHO_FLASHD, &chan) != ERR_OK)
		return 64;
	if (ferry_new(chan, &ends, driver_find, &ferry) != ERR_OK || !lock_in("session", mode))
		return 71;
	while (ferry_step(ferry, -1))
		;
	return 0;
}

static int
serve_several(const struct sandbox_mode *mode)
{
	AUTO(crew) struct crew *crew = NULL;

	if (crew_new(CHANNEL_FD, driver_find, &crew) != ERR_OK || !lock_in("sessions", mode))
		return 71;
	while (crew_step(crew, -1))
		;
	return 0;
}

int
main(int argc, char **argv)
{
	struct sandbox_mode mode = {0};
	int status = 64;

	log_init("session", LOG_INFO);
	signal(SIGPIPE, SIG_IGN);
	sandbox_close_from(GPIO_FD + 1);
	if (sodium_init() < 0)
		return 71;
	if (argc <= 2 && (argc == 1 || sandbox_mode_parse(argv[1], &mode) == ERR_OK))
		status = is_hatch(CHANNEL_FD) ? serve_several(&mode) : serve_one(&mode);
	if (status == 64)
		fprintf(stderr, "subota-session is started for subota-flashd only\n");
	return status;
}
