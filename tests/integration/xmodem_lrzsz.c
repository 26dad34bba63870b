/*
 * The XMODEM driver and receivers that nobody here wrote: rx and rb of Debian's lrzsz, at a pair of
 * sockets (at a pseudo-terminal rx throws its own last answer away).
 */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "driver_run.h"
#include "kit.h"
#include "xmodem.h"

TestSuite(xmodem_lrzsz, .timeout = 60);

struct scene {
	char *dir;
	struct driver_run run;
	pid_t pid;
	uint8_t *image;
	size_t len;
};

static void
setup(struct scene *s, const char *const argv[], const char *protocol, size_t len)
{
	const char *options[] = {
	    "protocol", protocol, "identify", "expect 'v{version}'", "reply_ms", "3000", NULL};
	int fd = -1;

	s->dir = kit_scratch();
	s->pid = driver_run_peer(s->dir, argv, &fd);
	driver_run_open(&s->run, &xmodem_driver, fd, options);
	s->image = driver_run_bytes(len);
	s->len = len;
	driver_run_image(&s->run, s->image, len);
}

static void
teardown(struct scene *s)
{
	kill(s->pid, SIGKILL);
	waitpid(s->pid, NULL, 0);
	driver_run_close(&s->run);
	free(s->image);
	kit_scratch_remove(s->dir);
}

/* The file is the image, and then nothing but `padding` times 0x1a. */
static void
expect_file(struct scene *s, const char *name, size_t padding)
{
	AUTO(mem) uint8_t *got = calloc(1, s->len + 2000);
	char path[600];
	int status = 0;

	waitpid(s->pid, &status, 0);
	cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status 0x%x", (unsigned)status);
	snprintf(path, sizeof(path), "%s/%s", s->dir, name);
	AUTO(file) FILE *f = fopen(path, "re");
	cr_assert(f, "%s", path);
	size_t n = fread(got, 1, s->len + 2000, f);
	cr_assert_eq(
	    n, s->len + padding, "expected %zu bytes and %zu more, got %zu", s->len, padding, n);
	cr_expect_eq(memcmp(got, s->image, s->len), 0);
	for (size_t i = s->len; i < n; i++)
		cr_expect_eq(got[i], 0x1a);
	s->pid = fork(); /* something for teardown to end */
	if (s->pid == 0)
		_exit(0);
}

static void
expect_write(struct scene *s, enum err want)
{
	enum err got = driver_run_verb(&s->run, DRIVER_WRITE, "1.0.0", 40000);

	cr_expect_eq(got, want, "expected %s, got %s: %s", err_name(want), err_name(got),
	    s->run.result.detail);
}

Test(xmodem_lrzsz, rx_takes_an_image_in_blocks_of_128)
{
	struct scene s;

	setup(&s, (const char *const[]){"rx", "-c", "-b", "got", NULL}, "crc", 50000);
	expect_write(&s, ERR_OK);
	cr_expect_eq(xmodem_driver.facts(s.run.state)->done_bytes, 50000);
	expect_file(&s, "got", 128 - 50000 % 128);
	teardown(&s);
}

Test(xmodem_lrzsz, rx_takes_an_image_in_blocks_of_1024_and_a_short_last_one)
{
	struct scene s;

	setup(&s, (const char *const[]){"rx", "-c", "-b", "got", NULL}, "1k", 300 * 1024 + 100);
	expect_write(&s, ERR_OK);
	expect_file(&s, "got", 28);
	teardown(&s);
}

Test(xmodem_lrzsz, rb_takes_exactly_the_bytes_of_the_image)
{
	struct scene s;

	setup(&s, (const char *const[]){"rb", "-b", NULL}, "ymodem", 70001);
	expect_write(&s, ERR_OK);
	expect_file(&s, "image", 0);
	teardown(&s);
}

Test(xmodem_lrzsz, rb_with_made_up_errors_gets_all_of_it_all_the_same)
{
	struct scene s;

	setup(&s, (const char *const[]){"rb", "-b", "--errors", "9000", NULL}, "ymodem", 30000);
	expect_write(&s, ERR_OK);
	expect_file(&s, "image", 0);
	cr_expect_gt(xmodem_driver.facts(s.run.state)->rewinds, 0);
	teardown(&s);
}

Test(xmodem_lrzsz, rx_that_wants_sums_of_8_bits_is_refused)
{
	struct scene s;

	setup(&s, (const char *const[]){"rx", "-b", "got", NULL}, "crc", 1000);
	expect_write(&s, ERR_DEVICE_PROTO);
	cr_expect(strstr(s.run.result.detail, "sums of 8 bits"), "%s", s.run.result.detail);
	teardown(&s);
}
