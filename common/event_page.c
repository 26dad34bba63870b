/*
 * event_page: see event_page.h. Lines are parsed here, once, so that a torn one is counted and can
 * spoil neither the page nor its reader.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auto.h"
#include "event.h"
#include "event_page.h"

struct place {
	uint64_t inode;
	uint64_t offset;
};

/* Digits, and `end` behind them. */
static bool
read_number(const char *text, char end, const char **behind, uint64_t *out)
{
	char *stop = NULL;

	errno = 0;
	*out = strtoull(text, &stop, 10);
	*behind = stop + (*stop ? 1 : 0);
	return text[0] >= '0' && text[0] <= '9' && *stop == end && errno == 0;
}

static enum err
read_cursor(const char *cursor, struct place *out)
{
	const char *at = cursor;

	*out = (struct place){0};
	if (!*cursor)
		return ERR_OK;
	if (!read_number(at, ':', &at, &out->inode) || !read_number(at, '\0', &at, &out->offset) ||
	    out->offset > INT64_MAX)
		return ERR_INVALID;
	return ERR_OK;
}

/* -1: not there, or no plain file. */
static int
open_plain(int dir, const char *name, struct stat *st)
{
	AUTO(fd) int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	return fd >= 0 && fstat(fd, st) == 0 && S_ISREG(st->st_mode) ? hand_over_fd(&fd) : -1;
}

/* The line's event goes to the list; one more that is damaged otherwise. */
static unsigned
take_line(const char *line, size_t len, cJSON *list)
{
	cJSON *event = len ? cJSON_ParseWithLength(line, len) : NULL;

	if (len == 0)
		return 0;
	if (cJSON_IsObject(event) && cJSON_AddItemToArray(list, event))
		return 0;
	cJSON_Delete(event);
	return 1;
}

/* Whole lines of `text`; how many bytes they are. */
static size_t
take_lines(const char *text, size_t len, cJSON *list, unsigned *damaged)
{
	size_t used = 0;

	for (const char *end = memchr(text, '\n', len); end;
	     end = memchr(text + used, '\n', len - used)) {
		*damaged += take_line(text + used, (size_t)(end - text) - used, list);
		used = (size_t)(end - text) + 1;
	}
	return used;
}

/* One page of an open file from `at` on; moves `at`. True: there is more of it. */
static bool
take_page(int fd, off_t size, struct place *at, cJSON *list, unsigned *damaged)
{
	AUTO(mem) char *text = malloc(EVENT_PAGE_BYTES);
	ssize_t n = text ? pread(fd, text, EVENT_PAGE_BYTES, (off_t)at->offset) : 0;
	size_t used = n > 0 ? take_lines(text, (size_t)n, list, damaged) : 0;

	if (n == EVENT_PAGE_BYTES && used == 0) { /* no line is so long: passed over */
		used = (size_t)n;
		(*damaged)++;
	}
	at->offset += used;
	return used > 0 && at->offset < (uint64_t)size;
}

/* Read on where `at` says; at the end of the older file go on with the newer one. */
static bool
read_page(int dir, struct place *at, cJSON *list, unsigned *damaged)
{
	struct stat now = {0}, old = {0};
	AUTO(fd) int newer = open_plain(dir, EVENT_FILE, &now);
	AUTO(fd) int older = open_plain(dir, EVENT_FILE_OLD, &old);

	if (newer >= 0 && at->inode == now.st_ino)
		return take_page(newer, now.st_size, at, list, damaged);
	if (older >= 0) {
		if (at->inode != old.st_ino)
			*at = (struct place){old.st_ino, 0};
		if (take_page(older, old.st_size, at, list, damaged))
			return true;
	}
	if (newer < 0)
		return false;
	*at = (struct place){now.st_ino, 0};
	return true;
}

enum err
event_page(int dir, const char *cursor, cJSON **out)
{
	struct place at;
	unsigned damaged = 0;
	char next[EVENT_CURSOR];
	enum err e = read_cursor(cursor, &at);

	if (e != ERR_OK)
		return e;
	cJSON *page = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(page, "events");

	if (!list) {
		cJSON_Delete(page);
		return ERR_NOMEM;
	}
	bool more = read_page(dir, &at, list, &damaged);

	snprintf(next, sizeof(next), "%" PRIu64 ":%" PRIu64, at.inode, at.offset);
	cJSON_AddStringToObject(page, "next", at.inode ? next : "");
	cJSON_AddBoolToObject(page, "more", more);
	cJSON_AddNumberToObject(page, "damaged", damaged);
	*out = page;
	return ERR_OK;
}
