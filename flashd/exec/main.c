/*
 * subota-exec: starts flasher programs for one session. Started by the nursery for one order of
 * flashd.
 *
 * usage: subota-exec MODE PLACE..., the words of sandbox.h, and what the program may reach:
 * $flasher=PATH (what may be run), $flasher_reads=PATH, $flasher_devices=PATH.
 *
 * Descriptor 3 is a socket to the session.
 *
 * May: keep the image in memory, start that program in a jail that is narrower still.
 * Must never: look at what the program says, open a file, start anything else.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>

#include "exec_launch.h"
#include "log.h"

enum { LINK_FD = 3 };

static bool
take_place(const char *word, struct places *out)
{
	static const char *const names[] = {"$flasher", "$flasher_reads", "$flasher_devices"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		size_t n = strlen(names[i]);

		if (strncmp(word, names[i], n) != 0 || word[n] != '=' || word[n + 1] != '/')
			continue;
		places_add(out, names[i], "%s", word + n + 1);
		return true;
	}
	return false;
}

int
main(int argc, char **argv)
{
	const struct sandbox_promise *promise = promise_find("exec");
	struct sandbox_mode mode = {0};
	struct places places = {0};
	bool fine = argc > 2;

	log_init("exec", LOG_INFO);
	prctl(PR_SET_PDEATHSIG, 0); /* the end of the session is enough, and leaves time */
	signal(SIGPIPE, SIG_IGN);
	sandbox_close_from(LINK_FD + 1);
	fine = fine && sandbox_mode_parse(argv[1], &mode) == ERR_OK;
	for (int i = 2; fine && i < argc; i++)
		fine = take_place(argv[i], &places);
	if (!fine) {
		fprintf(stderr, "subota-exec is started by subota-flashd only\n");
		return 64;
	}
	struct exec_launch l = {
	    .link = LINK_FD, .mode = &mode, .places = &places, .image = -1, .said = -1};
	if (sandbox_enter(promise, geteuid(), getegid(), 0) != ERR_OK ||
	    sandbox_lock_files(promise, &mode, &places) != ERR_OK ||
	    sandbox_lock_calls(promise, &mode) != ERR_OK)
		return 71;
	if (!exec_launch_run(&l))
		log_error(
		    NULL, "exec: expected an image and words of a session, got something else");
	places_fini(&places);
	return 0;
}
