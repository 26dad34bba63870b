/*
 * driver_run: see driver_run.h.
 */
#include "driver_run.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { OPTIONS_MAX = 32 };

void
driver_run_open(
    struct driver_run *r, const struct driver *driver, int fd, const char *const *options)
{
	const char *values[OPTIONS_MAX];
	char why[200] = "";

	*r = (struct driver_run){.driver = driver, .fd = fd};
	r->state = calloc(1, driver->state_size);
	cr_assert(r->state && fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) == 0);
	for (size_t i = 0; driver->options[i].key; i++) {
		values[i] = driver->options[i].fallback;
		for (size_t k = 0; options[k]; k += 2)
			if (strcmp(options[k], driver->options[i].key) == 0)
				values[i] = options[k + 1];
	}
	cr_assert_eq(driver->init(r->state, values, why, sizeof(why)), ERR_OK, "%s", why);
}

void
driver_run_close(struct driver_run *r)
{
	free(r->state);
	close(r->fd);
}

static enum err
read_image(void *arg, uint64_t offset, uint8_t *out, size_t len)
{
	const struct driver_run *r = arg;

	if (offset > r->image.size || len > r->image.size - offset)
		return ERR_LIMIT;
	memcpy(out, r->data + offset, len);
	return ERR_OK;
}

void
driver_run_image(struct driver_run *r, const uint8_t *data, size_t len)
{
	r->data = data;
	r->image = (struct driver_image){.size = len, .read = read_image, .arg = r};
}

uint8_t *
driver_run_bytes(size_t len)
{
	uint8_t *data = malloc(len);

	cr_assert_not_null(data);
	for (size_t i = 0; i < len; i++)
		data[i] = (uint8_t)(i * 2654435761u >> 11 ^ i);
	return data;
}

static void
write_out(struct driver_run *r)
{
	uint8_t out[2048];
	size_t n = 0;

	while ((n = r->driver->output(r->state, out, sizeof(out), clock_now())) > 0)
		for (size_t at = 0; at < n;) {
			ssize_t took = write(r->fd, out + at, n - at);
			struct pollfd p = {r->fd, POLLOUT, 0};

			if (took < 0 && errno != EAGAIN)
				return; /* the read says it */
			at += took > 0 ? (size_t)took : 0;
			if (took < 0)
				poll(&p, 1, 1000);
		}
}

static void
read_in(struct driver_run *r)
{
	uint8_t in[4096];
	ssize_t n = read(r->fd, in, sizeof(in));

	if (n > 0)
		r->driver->on_bytes(r->state, in, (size_t)n, clock_now());
	cr_assert(n > 0 || (n < 0 && errno == EAGAIN), "the peer is gone");
}

enum err
driver_run_verb(
    struct driver_run *r, enum driver_verb verb, const char *target, uint32_t timeout_ms)
{
	struct driver_job job = {
	    .verb = verb, .image = r->data ? &r->image : NULL, .timeout_ms = timeout_ms};

	snprintf(job.target_version, sizeof(job.target_version), "%s", target);
	r->driver->start(r->state, &job, clock_now());
	while (write_out(r), !r->driver->done(r->state, &r->result)) {
		struct pollfd p = {r->fd, POLLIN, 0};
		int64_t ms = mono_between(clock_now(), r->driver->deadline(r->state));

		if (poll(&p, 1, ms < 0 ? 0 : ms > 1000 ? 1000 : (int)ms) > 0)
			read_in(r);
		if (mono_reached(clock_now(), r->driver->deadline(r->state)))
			r->driver->on_time(r->state, clock_now());
	}
	return r->result.error;
}

static void
become(const char *dir, const char *const argv[], int fd)
{
	sigset_t none;
	int null = open("/dev/null", O_WRONLY);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (chdir(dir) < 0 || dup2(fd, 0) < 0 || dup2(fd, 1) < 0 || dup2(null, 2) < 0)
		_exit(126);
	execvp(argv[0], (char *const *)(uintptr_t)argv);
	_exit(127);
}

pid_t
driver_run_peer(const char *dir, const char *const argv[], int *fd)
{
	int pair[2] = {-1, -1};

	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	pid_t pid = fork();

	cr_assert(pid >= 0);
	if (pid == 0)
		become(dir, argv, pair[1]);
	close(pair[1]);
	*fd = pair[0];
	return pid;
}
