/*
 * exec_launch: see exec_launch.h.
 *
 * It looks at none of the bytes that a program says. The program is in the same jail as we are and
 * in a narrower one of its own below it, so that it can reach neither us nor make another jail; it
 * leads a process group that nothing in it can leave.
 */
#include "exec_launch.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "auto.h"
#include "log.h"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8u
#endif

enum {
	LOOK_MS = 20, /* how often to ask whether the program has ended */
	TERM_MS = 1000,
	NOT_STARTED = 127,
	LOW = 10, /* descriptors from here on are out of the way */
	ALL_SEALS = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE,
};

/* --- to the session --------------------------------------------------------------------------- */

static bool
say(struct exec_launch *l, enum exec_kind kind, const void *data, size_t len)
{
	uint8_t out[EXEC_WIRE_FRAME];
	size_t n = exec_wire_format(kind, data, len, out);

	for (size_t at = 0; at < n;) {
		ssize_t took = write(l->link, out + at, n - at);

		if (took < 0 && errno != EINTR)
			return false;
		at += took > 0 ? (size_t)took : 0;
	}
	return true;
}

/* --- the program ------------------------------------------------------------------------------ */

__attribute__((noreturn)) static void
become(const struct exec_launch *l, char *const argv[], int out)
{
	char *const env[] = {(char *)(uintptr_t) "PATH=/usr/bin:/bin",
	    (char *)(uintptr_t) "LC_ALL=C", (char *)(uintptr_t) "HOME=/nonexistent", NULL};
	const struct sandbox_promise *p = promise_find("flasher");
	int high = fcntl(out, F_DUPFD, LOW), image = l->image;

	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	signal(SIGPIPE, SIG_DFL);
	if (image >= 0)
		image = fcntl(image, F_DUPFD, LOW);
	if (high < 0 || setpgid(0, 0) < 0 || dup2(high, 1) < 0 || dup2(high, 2) < 0 ||
	    (image >= 0 && dup2(image, EXEC_IMAGE_FD) < 0))
		_exit(NOT_STARTED);
	sandbox_close_from(image >= 0 ? EXEC_IMAGE_FD + 1 : EXEC_IMAGE_FD);
	if (sandbox_enter(p, geteuid(), getegid(), 0) != ERR_OK ||
	    sandbox_lock_files(p, l->mode, l->places) != ERR_OK ||
	    sandbox_lock_calls(p, l->mode) != ERR_OK)
		_exit(NOT_STARTED);
	execve(argv[0], argv, env);
	dprintf(2, "%s\n", strerror(errno));
	_exit(NOT_STARTED);
}

static bool
seal(struct exec_launch *l)
{
	if (l->image < 0 || l->sealed)
		return true;
	l->sealed = fcntl(l->image, F_ADD_SEALS, ALL_SEALS) == 0;
	return l->sealed;
}

/* False: it cannot be started, which is our trouble or the session's. */
static bool
start(struct exec_launch *l)
{
	char *argv[EXEC_WORDS_MAX + 2] = {NULL};
	int ends[2] = {-1, -1};
	size_t at = 0;

	for (size_t i = 0; i < l->n_words; i++) {
		argv[i] = l->words + at;
		at += strlen(l->words + at) + 1;
	}
	if (l->child || l->n_words == 0 || !seal(l) || pipe2(ends, O_CLOEXEC) < 0)
		return false;
	if (l->image >= 0)
		(void)lseek(l->image, 0, SEEK_SET);
	l->child = fork();
	if (l->child == 0)
		become(l, argv, ends[1]);
	close(ends[1]);
	l->said = ends[0];
	l->n_words = l->words_len = 0;
	(void)fcntl(l->said, F_SETFL, O_NONBLOCK);
	if (l->child < 0) {
		l->child = 0;
		return false;
	}
	return true;
}

/* All that waits in the pipe. */
static bool
hand_on(struct exec_launch *l)
{
	uint8_t data[EXEC_WIRE_DATA];
	ssize_t n;

	while (l->said >= 0 && (n = read(l->said, data, sizeof(data))) > 0)
		if (!say(l, EXEC_OUTPUT, data, (size_t)n))
			return false;
	return true;
}

/* Has it ended? Then whatever it started ends, too. False: the session is gone. */
static bool
look(struct exec_launch *l)
{
	int status = 0;

	if (!l->child || waitpid(l->child, &status, WNOHANG) != l->child)
		return true;
	(void)kill(-l->child, SIGKILL);
	l->child = 0;
	const uint8_t code[4] = {(uint8_t)((unsigned)status >> 24), (uint8_t)(status >> 16),
	    (uint8_t)(status >> 8), (uint8_t)status};
	bool fine = hand_on(l) && say(l, EXEC_EXIT, code, sizeof(code));
	close(l->said);
	l->said = -1;
	return fine;
}

/* The child may not lead its group yet. */
static void
send_signal(const struct exec_launch *l, int signal)
{
	(void)kill(l->child, signal);
	(void)kill(-l->child, signal);
}

static void
end(struct exec_launch *l)
{
	if (!l->child)
		return;
	send_signal(l, SIGTERM);
	for (int ms = 0; ms < TERM_MS; ms += LOOK_MS) {
		if (waitpid(l->child, NULL, WNOHANG) == l->child)
			break;
		poll(NULL, 0, LOOK_MS);
	}
	send_signal(l, SIGKILL);
	(void)waitpid(l->child, NULL, 0);
	l->child = 0;
}

/* --- from the session ------------------------------------------------------------------------- */

static bool
add_image(struct exec_launch *l, const uint8_t *data, size_t len)
{
	if (l->image < 0) {
		l->image = memfd_create("image", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);
		if (l->image < 0) /* before Linux 6.3 */
			l->image = memfd_create("image", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	}
	if (l->image < 0 || l->sealed)
		return false;
	for (size_t at = 0; at < len;) {
		ssize_t n = write(l->image, data + at, len - at);

		if (n <= 0)
			return false;
		at += (size_t)n;
	}
	return true;
}

static bool
add_word(struct exec_launch *l, const uint8_t *data, size_t len)
{
	if (l->n_words > EXEC_WORDS_MAX || l->words_len + len + 1 > sizeof(l->words) ||
	    memchr(data, 0, len))
		return false;
	memcpy(l->words + l->words_len, data, len);
	l->words_len += len;
	l->words[l->words_len++] = 0;
	l->n_words++;
	return true;
}

static bool
take_frame(struct exec_launch *l, size_t len)
{
	const uint8_t *data = l->in.data + EXEC_WIRE_HEAD;

	switch (l->in.data[0]) {
	case EXEC_IMAGE:
		return add_image(l, data, len);
	case EXEC_WORD:
		return add_word(l, data, len);
	case EXEC_RUN:
		return start(l);
	default:
		return false;
	}
}

/* False: the session is gone (*fine stays), or says what it must not. */
static bool
hear(struct exec_launch *l, bool *fine)
{
	uint8_t in[4096];
	ssize_t n = read(l->link, in, sizeof(in));

	if (n <= 0)
		return n < 0 && errno == EINTR;
	for (ssize_t i = 0; i < n && *fine; i++) {
		size_t len = 0;
		enum exec_got got = exec_wire_gather(&l->in, in[i], &len);

		*fine = got == EXEC_MORE || (got == EXEC_FRAME && take_frame(l, len));
	}
	return *fine;
}

bool
exec_launch_run(struct exec_launch *l)
{
	bool fine = true, on = true;

	while (on) {
		struct pollfd p[2] = {
		    {.fd = l->link, .events = POLLIN}, {.fd = l->said, .events = POLLIN}};

		if (poll(p, 2, l->child ? LOOK_MS : -1) < 0 && errno != EINTR)
			break;
		on = hand_on(l) && look(l) && (!p[0].revents || hear(l, &fine));
	}
	end(l);
	return fine;
}
