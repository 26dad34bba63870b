/*
 * log: lines as somebody reads them from a pipe.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <regex.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "auto.h"
#include "caught.h"
#include "kit.h"
#include "log.h"

static bool
matches(const char *text, const char *pattern)
{
	regex_t re;

	cr_assert_eq(regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB), 0);
	bool is = regexec(&re, text, 0, NULL, 0) == 0;
	regfree(&re);
	return is;
}

Test(log, writes_time_program_level_subject_and_text)
{
	struct subject s = {7, "p1115X", "meter-1"};

	log_init("fetchd", LOG_INFO);
	AUTO(caught) struct caught *c = caught_begin(STDERR_FILENO);
	log_info(&s, "expected %d, got %d", 1, 2);
	cr_expect(matches(caught_text(c),
		      "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\\.[0-9]{3}Z fetchd info upgrade 7 "
		      "p1115X/meter-1: expected 1, got 2\n$"),
	    "%s", caught_text(c));
}

Test(log, leaves_out_what_a_subject_does_not_say)
{
	log_init("x", LOG_INFO);
	AUTO(caught) struct caught *c = caught_begin(STDERR_FILENO);
	log_warn(&(struct subject){.upgrade = 9}, "a");
	log_warn(&(struct subject){.product_key = "p", .device_key = "d"}, "b");
	log_warn(&(struct subject){0}, "c");
	log_warn(NULL, "d");
	const char *text = caught_text(c);
	cr_expect(strstr(text, " x warn upgrade 9: a\n"), "%s", text);
	cr_expect(strstr(text, " x warn p/d: b\n"));
	cr_expect(strstr(text, " x warn c\n"));
	cr_expect(strstr(text, " x warn d\n"));
}

Test(log, is_silent_above_its_level)
{
	log_init("x", LOG_WARN);
	AUTO(caught) struct caught *c = caught_begin(STDERR_FILENO);
	log_info(NULL, "no");
	log_debug(NULL, "no");
	cr_expect_str_eq(caught_text(c), "");
	log_error(NULL, "yes");
	cr_expect(strstr(caught_text(c), " error yes\n"));
	log_init("x", LOG_SILENT);
	log_error(NULL, "no");
	cr_expect_null(strstr(caught_text(c), "no"));
}

Test(log, lets_nobody_forge_a_line_or_move_a_cursor)
{
	struct subject s = {.product_key = "p\n", .device_key = "d\033[2J"};

	log_init("x", LOG_INFO);
	AUTO(caught) struct caught *c = caught_begin(STDERR_FILENO);
	log_info(&s, "%s", "a\nb\r\t\x7f\xc3\xa4");
	const char *text = caught_text(c);
	cr_expect(strstr(text, "p\\x0a/d\\x1b[2J: a\\x0ab\\x0d\\x09\\x7f\\xc3\\xa4\n"), "%s", text);
	cr_expect_eq(strchr(text, '\n'), text + strlen(text) - 1, "one line");
}

static size_t
text_length(size_t asked)
{
	char text[2001];
	AUTO(caught) struct caught *c = caught_begin(STDERR_FILENO);

	memset(text, '\1', asked); /* four bytes each when written */
	text[asked] = 0;
	log_info(NULL, "%s", text);
	const char *first = strchr(caught_text(c), '\\');
	return first ? strlen(first) : 0;
}

Test(log, cuts_a_long_text_and_marks_that)
{
	log_init("x", LOG_INFO);
	cr_expect_eq(text_length(1000), 4 * 1000 + 1);
	cr_expect_eq(text_length(1001), 4 * 997 + 3 + 1);
	cr_expect_eq(text_length(2000), 4 * 997 + 3 + 1);
}

Test(log, keeps_errno)
{
	log_init("x", LOG_INFO);
	AUTO(caught) struct caught *c = caught_begin(STDERR_FILENO);
	errno = ENOSPC;
	log_info(NULL, "a");
	cr_expect_eq(errno, ENOSPC);
}

Test(log, makes_text_safe_within_its_size)
{
	char out[8] = "#######";

	cr_expect_eq(log_safe(out, 0, "abc"), 0);
	cr_expect_eq(out[0], '#');
	cr_expect_eq(log_safe(out, 1, "abc"), 0);
	cr_expect_str_eq(out, "");
	cr_expect_eq(log_safe(out, 4, "abc"), 3);
	cr_expect_str_eq(out, "abc");
	cr_expect_eq(log_safe(out, 5, "a\1"), 1, "an escape is whole or not there");
	cr_expect_str_eq(out, "a");
	cr_expect_eq(log_safe(out, 6, "a\1"), 5);
	cr_expect_str_eq(out, "a\\x01");
}

/* A journal of our own; `path` has 108 bytes. */
static int
open_ears(const char *dir, char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	snprintf(path, 108, "%.90s/journal", dir);
	memcpy(a.sun_path, path, strlen(path) + 1);
	cr_assert_eq(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	return fd;
}

static void
set_stream(unsigned long long off)
{
	struct stat st = {0};
	char text[60];

	cr_assert_eq(fstat(STDERR_FILENO, &st), 0);
	snprintf(text, sizeof(text), "%llu:%llu", (unsigned long long)st.st_dev,
	    (unsigned long long)st.st_ino + off);
	setenv("JOURNAL_STREAM", text, 1);
}

Test(log, gives_the_journal_upgrade_and_device_as_fields)
{
	struct subject s = {7, "p1\n", "meter-1"};
	char path[108], got[1000] = "";
	AUTO(scratch) char *dir = kit_scratch();
	AUTO(fd) int ears = open_ears(dir, path);

	log_init("fetchd", LOG_INFO);
	set_stream(0);
	log_journal(path);
	log_warn(&s, "a\nPRIORITY=0");
	cr_assert_gt(recv(ears, got, sizeof(got) - 1, 0), 0);
	cr_expect_str_eq(got, "MESSAGE=upgrade 7 p1\\x0a/meter-1: a\\x0aPRIORITY=0\nPRIORITY=4\n"
			      "SYSLOG_IDENTIFIER=subota-fetchd\nSUBOTA_UPGRADE=7\n"
			      "SUBOTA_DEVICE=p1\\x0a/meter-1\n");
	memset(got, 0, sizeof(got));
	log_info(NULL, "b");
	cr_assert_gt(recv(ears, got, sizeof(got) - 1, 0), 0);
	cr_expect_str_eq(got, "MESSAGE=b\nPRIORITY=6\nSYSLOG_IDENTIFIER=subota-fetchd\n");
}

Test(log, writes_to_stderr_when_the_journal_is_not_behind_it_or_does_not_hear)
{
	char path[108], got[100];
	AUTO(scratch) char *dir = kit_scratch();
	AUTO(fd) int ears = open_ears(dir, path);

	log_init("fetchd", LOG_INFO);
	set_stream(1);
	log_journal(path);
	AUTO(caught) struct caught *c = caught_begin(STDERR_FILENO);
	log_info(NULL, "one");
	cr_expect_lt(recv(ears, got, sizeof(got), 0), 0);
	set_stream(0);
	log_journal(path);
	close(hand_over_fd(&ears));
	log_info(NULL, "two");
	cr_expect(strstr(caught_text(c), "info one\n"));
	cr_expect(strstr(caught_text(c), "info two\n"), "%s", caught_text(c));
}
