/*
 * subota-session: the process at the end of one link. Started by flashd for one order.
 *
 * usage: subota-session [MODE], the words of sandbox.h.
 *
 * Descriptors: 3 the channel to flashd, 4 the link, 5 the package (only where one is needed), 6 the
 * GPIO lines of the device (only where it has some).
 *
 * May: read and write the link, read the package, take orders from its channel and report to it.
 * Must never: open anything, see a key, see another device, live longer than its channel.
 */
#include <fcntl.h>
#include <signal.h>
#include <sodium.h>

#include "ferry.h"
#include "log.h"
#include "sandbox.h"

enum { CHANNEL_FD = 3, LINK_FD = 4, IMAGE_FD = 5, GPIO_FD = 6 };

int
main(int argc, char **argv)
{
	const struct sandbox_promise *promise = promise_find("session");
	const struct places nowhere = {0};
	struct sandbox_mode mode = {0};
	AUTO(chan) struct chan *chan = NULL;
	AUTO(ferry) struct ferry *ferry = NULL;

	log_init("session", LOG_INFO);
	signal(SIGPIPE, SIG_IGN);
	sandbox_close_from(GPIO_FD + 1);
	if (argc > 2 || (argc == 2 && sandbox_mode_parse(argv[1], &mode) != ERR_OK) ||
	    fcntl(LINK_FD, F_GETFD) < 0 ||
	    chan_new(CHANNEL_FD, WHO_SESSION, WHO_FLASHD, &chan) != ERR_OK) {
		fprintf(stderr, "subota-session is started by subota-flashd only\n");
		return 64;
	}
	const struct ferry_ends ends = {.link = LINK_FD,
	    .image = fcntl(IMAGE_FD, F_GETFD) < 0 ? -1 : IMAGE_FD,
	    .gpio = fcntl(GPIO_FD, F_GETFD) < 0 ? -1 : GPIO_FD};
	if (sodium_init() < 0 || ferry_new(chan, &ends, driver_find, &ferry) != ERR_OK ||
	    sandbox_enter(promise, geteuid(), getegid(), 0) != ERR_OK ||
	    sandbox_lock_files(promise, &mode, &nowhere) != ERR_OK ||
	    sandbox_lock_calls(promise, &mode) != ERR_OK)
		return 71;
	while (ferry_step(ferry, -1))
		;
	return 0;
}
