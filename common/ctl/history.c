/*
 * history: see history.h. A file is read from where it was left; when another one stands under its
 * name it was turned over, and the rest of the former one is in events.jsonl.1.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "history.h"

#define NOW_NAME "events.jsonl"
#define OLD_NAME "events.jsonl.1"

enum err
history_add(struct history *h, const char *state_dir, enum who daemon, char why[WHY_SIZE])
{
	struct history_file *f = &h->files[h->n];

	*f = (struct history_file){.daemon = daemon};
	snprintf(f->dir, sizeof(f->dir), "%s/%s", state_dir, who_name(daemon));
	if (access(f->dir, X_OK) != 0 && errno == EACCES)
		return why_say(why, ERR_DENIED,
		    "%s: only root and the user of %s may read its events", f->dir,
		    who_name(daemon));
	h->n++;
	return ERR_OK;
}

static bool
is_wanted(const struct history *h, const cJSON *event)
{
	const char *at = cJSON_GetStringValue(cJSON_GetObjectItem(event, "at"));
	char id[24] = "", want[24];

	if (h->since[0] && (!at || strcmp(at, h->since) < 0))
		return false;
	snprintf(want, sizeof(want), "%llu", (unsigned long long)h->upgrade);
	out_text(cJSON_GetObjectItem(event, "upgrade"), id, sizeof(id));
	return h->upgrade == 0 || strcmp(id, want) == 0;
}

static void
take_line(struct history *h, const char *line, size_t len, cJSON *list)
{
	cJSON *event = len ? cJSON_ParseWithLength(line, len) : NULL;

	if (cJSON_IsObject(event) && is_wanted(h, event)) {
		cJSON_AddItemToArray(list, event);
		return;
	}
	h->damaged += len > 0 && !cJSON_IsObject(event);
	cJSON_Delete(event);
}

/* Whole lines of `text`; how many bytes they are. */
static size_t
take_lines(struct history *h, const char *text, size_t len, cJSON *list)
{
	size_t used = 0;
	const char *end = memchr(text, '\n', len);

	while (end) {
		take_line(h, text + used, (size_t)(end - text) - used, list);
		used = (size_t)(end - text) + 1;
		end = memchr(text + used, '\n', len - used);
	}
	return used;
}

/* From `offset` on; where the next reading begins. */
static off_t
read_from(struct history *h, int fd, off_t offset, off_t size, cJSON *list)
{
	size_t len = size > offset ? (size_t)(size - offset) : 0;
	AUTO(mem) char *text = len ? malloc(len) : NULL;
	ssize_t n = text ? pread(fd, text, len, offset) : 0;

	return n > 0 ? offset + (off_t)take_lines(h, text, (size_t)n, list) : offset;
}

static int
open_in(const struct history_file *f, const char *name, struct stat *st)
{
	char path[300];

	snprintf(path, sizeof(path), "%s/%s", f->dir, name);
	AUTO(fd) int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	return fd >= 0 && fstat(fd, st) == 0 && S_ISREG(st->st_mode) ? hand_over_fd(&fd) : -1;
}

static void
read_file(struct history *h, struct history_file *f, cJSON *list)
{
	struct stat now, old;
	AUTO(fd) int fd = open_in(f, NOW_NAME, &now);

	if (fd < 0)
		return;
	if (now.st_ino != f->inode) {
		AUTO(fd) int before = open_in(f, OLD_NAME, &old);

		if (before >= 0)
			read_from(
			    h, before, old.st_ino == f->inode ? f->offset : 0, old.st_size, list);
		f->inode = now.st_ino;
		f->offset = 0;
	}
	f->offset = read_from(h, fd, f->offset, now.st_size, list);
}

static const char *
time_of(const cJSON *event)
{
	const char *at = cJSON_GetStringValue(cJSON_GetObjectItem(event, "at"));

	return at ? at : "";
}

static int
by_time(const cJSON *a, const cJSON *b)
{
	return strcmp(time_of(a), time_of(b));
}

cJSON *
history_read(struct history *h)
{
	cJSON *list = cJSON_CreateArray();

	for (size_t i = 0; i < h->n; i++)
		read_file(h, &h->files[i], list);
	out_sort(list, by_time);
	return list;
}

/* `15m` */
static bool
read_span(const char *text, uint64_t *ms)
{
	static const char units[] = "smhd";
	static const uint64_t unit_ms[] = {1000, 60000, 3600000, 86400000};
	char digits[12];
	size_t n = strlen(text);
	const char *unit = n > 1 ? strchr(units, text[n - 1]) : NULL;
	uint64_t count = 0;

	if (!unit || n > sizeof(digits))
		return false;
	memcpy(digits, text, n - 1);
	digits[n - 1] = '\0';
	if (!opt_read_number(digits, 1000000, &count))
		return false;
	*ms = count * unit_ms[unit - units];
	return true;
}

bool
history_since(const char *text, uint64_t now_ms, char out[HISTORY_SINCE])
{
	uint64_t ms = 0, span = 0;
	char at[CLOCK_TEXT];

	if (read_span(text, &span))
		ms = span < now_ms ? now_ms - span : 0;
	else if (text[0] == '+' || !opt_read_time(text, now_ms, &ms))
		return false;
	clock_text(ms, at);
	snprintf(out, HISTORY_SINCE, "%s", at);
	return true;
}
