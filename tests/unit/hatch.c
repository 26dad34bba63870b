/*
 * One descriptor through a hatch.
 */
#include <criterion/criterion.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "hatch.h"

struct ends {
	int give, take;
};

static void
open_ends(struct ends *e)
{
	int pair[2];

	cr_assert_eq(hatch_new(pair), ERR_OK);
	*e = (struct ends){pair[0], pair[1]};
}

static void
close_ends(struct ends *e)
{
	close(e->give);
	close(e->take);
}

Test(hatch, hands_over_an_open_file)
{
	struct ends e;
	char text[8] = "";
	int got = -1;

	open_ends(&e);
	int file = memfd_create("file", 0);
	cr_assert_eq(write(file, "inside", 6), 6);
	cr_assert_eq(hatch_give(e.give, file), ERR_OK);
	close(file);
	cr_assert_eq(hatch_take(e.take, 1000, &got), ERR_OK);
	cr_expect_eq(pread(got, text, sizeof(text), 0), 6);
	cr_expect_str_eq(text, "inside");
	close(got);
	close_ends(&e);
}

Test(hatch, says_when_nothing_comes)
{
	struct ends e;
	int got = -1;

	open_ends(&e);
	cr_expect_eq(hatch_take(e.take, 0, &got), ERR_TIMEOUT);
	close(e.give);
	cr_expect_eq(hatch_take(e.take, 1000, &got), ERR_CLOSED);
	cr_expect_eq(got, -1);
	close(e.take);
}

Test(hatch, says_when_nobody_is_there)
{
	struct ends e;

	open_ends(&e);
	close(e.take);
	cr_expect_eq(hatch_give(e.give, 0), ERR_CLOSED);
	close(e.give);
}

Test(hatch, refuses_a_message_without_a_descriptor)
{
	struct ends e;
	int got = -1;

	open_ends(&e);
	cr_assert_eq(send(e.give, "x", 1, 0), 1);
	cr_expect_eq(hatch_take(e.take, 1000, &got), ERR_MALFORMED);
	cr_expect_eq(got, -1);
	close_ends(&e);
}

Test(hatch, refuses_two_descriptors_and_keeps_none)
{
	struct ends e;
	union {
		struct cmsghdr head;
		char space[CMSG_SPACE(2 * sizeof(int))];
	} control = {0};
	struct iovec iov = {(char[]){1}, 1};
	struct msghdr m = {.msg_iov = &iov,
	    .msg_iovlen = 1,
	    .msg_control = &control,
	    .msg_controllen = sizeof(control)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	int two[2] = {0, 1}, got = -1;

	open_ends(&e);
	*c = (struct cmsghdr){CMSG_LEN(sizeof(two)), SOL_SOCKET, SCM_RIGHTS};
	memcpy(CMSG_DATA(c), two, sizeof(two));
	cr_assert_eq(sendmsg(e.give, &m, 0), 1);
	int before = dup(0);
	close(before);
	cr_expect_eq(hatch_take(e.take, 1000, &got), ERR_MALFORMED);
	int after = dup(0);
	close(after);
	cr_expect_eq(after, before, "a descriptor stayed open");
	close_ends(&e);
}
