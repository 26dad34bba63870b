/*
 * event: see event.h. A line is written with one write(2) to a file opened for appending; if the
 * power goes in the middle of one, the next start ends that line first, so that at most one line is
 * spoilt. Not synced: events tell people, they are not what anything depends on.
 */
#include <cjson/cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auto.h"
#include "clock.h"
#include "event.h"

enum { FILE_MAX = 1024 * 1024, VALUE_MAX = 1000 };

struct event_log {
	int dir, fd;
	off_t size;
	char daemon[32];
};

/* clang-format off */
static const char *const names[] = {
	/* cloudd */
	"online", "offline", "gateway_refused", "login_refused", "no_secret", "put_offline",
	"operator_forget", "device_forgotten", "forget_refused", "move_refused", "move_begun", "moved", "move_failed", "plan_offered", "upgrade_ended", "audit_head",
	/* fetchd */
	"image_refused", "upgrade_failed", "operator_install",
	/* flashd */
	"plan_refused", "plan_put_off", "plan_awaits_person", "operator_confirm",
	"operator_reject", "operator_cancel", "operator_check", "device_done", "device_reverted", "device_failed", "device_regressed",
	"device_replaced", "group_stopped", "rollout_stopped", "operator_pause", "operator_resume",
	"restore_begins", "restore_impossible",
	"device_bare", "upgrade_refused", "upgrade_cancelled",
	/* every daemon */
	"state", "record_damaged", "clock_behind", "clock_good", "record_fails", "record_good",
};
/* clang-format on */

bool
event_is_known(const char *name)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

/* --- the file --------------------------------------------------------------------------------- */

static enum err
open_file(struct event_log *l)
{
	struct stat st;

	l->fd = openat(l->dir, EVENT_FILE,
	    O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0640);
	if (l->fd < 0 || fstat(l->fd, &st) != 0) {
		log_error(NULL, "%s: expected to open it, got: %s", EVENT_FILE, strerror(errno));
		return ERR_SYSTEM;
	}
	if (!S_ISREG(st.st_mode)) {
		log_error(NULL, "%s: expected a plain file, got mode %06o", EVENT_FILE,
		    (unsigned)st.st_mode);
		return ERR_SYSTEM;
	}
	l->size = st.st_size;
	return ERR_OK;
}

static void
end_torn_line(struct event_log *l)
{
	char last = '\n';

	if (l->size > 0 && pread(l->fd, &last, 1, l->size - 1) == 1 && last != '\n' &&
	    write(l->fd, "\n", 1) == 1)
		l->size++;
}

enum err
event_open(const char *dir, const char *daemon, struct event_log **out)
{
	AUTO(event_log) struct event_log *l = calloc(1, sizeof(*l));

	if (!l)
		return ERR_NOMEM;
	l->fd = -1;
	snprintf(l->daemon, sizeof(l->daemon), "%s", daemon);
	l->dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (l->dir < 0) {
		log_error(NULL, "%s: expected a directory for the event log, got: %s", dir,
		    strerror(errno));
		return ERR_SYSTEM;
	}
	enum err e = open_file(l);
	if (e != ERR_OK)
		return e;
	end_torn_line(l);
	*out = HAND_OVER(l);
	return ERR_OK;
}

void
event_close(struct event_log *l)
{
	if (!l)
		return;
	if (l->fd >= 0)
		close(l->fd);
	if (l->dir >= 0)
		close(l->dir);
	free(l);
}

int
event_dir(const struct event_log *l)
{
	return l->dir;
}

/* --- a line ----------------------------------------------------------------------------------- */

static bool
add_text(cJSON *o, const char *key, const char *value)
{
	char safe[VALUE_MAX + 1];

	if (!value || !*value)
		return true;
	log_safe(safe, sizeof(safe), value);
	return cJSON_AddStringToObject(o, key, safe) != NULL;
}

static bool
fill(cJSON *o, const char *daemon, const struct event *e)
{
	char at[CLOCK_TEXT], number[24];

	clock_text(clock_wall_ms(), at);
	if (!add_text(o, "at", at) || !add_text(o, "daemon", daemon) ||
	    !add_text(o, "event", e->name))
		return false;
	/* as text: JSON readers lose digits of such numbers */
	snprintf(number, sizeof(number), "%llu", (unsigned long long)e->about.upgrade);
	if (e->about.upgrade && !add_text(o, "upgrade", number))
		return false;
	return add_text(o, "product_key", e->about.product_key) &&
	       add_text(o, "device_key", e->about.device_key) &&
	       add_text(o, "error", e->error == ERR_OK ? NULL : err_name(e->error)) &&
	       add_text(o, "expected", e->expected) && add_text(o, "got", e->got) &&
	       add_text(o, "text", e->text);
}

/* Heap string with its line end; NULL when memory is out. */
static char *
format_line(const char *daemon, const struct event *e)
{
	cJSON *o = cJSON_CreateObject();
	AUTO(mem) char *json = o && fill(o, daemon, e) ? cJSON_PrintUnformatted(o) : NULL;
	char *line = NULL;

	cJSON_Delete(o);
	return json && asprintf(&line, "%s\n", json) > 0 ? line : NULL;
}

static void
log_it(const struct event *e)
{
	const char *expected = e->expected ? e->expected : "", *got = e->got ? e->got : "";
	bool both = *expected || *got;

	if (!event_is_known(e->name))
		log_error(NULL, "expected an event of the table in event.c, got %s", e->name);
	log_info(&e->about, "event %s%s%s%s%s%s%s%s%s", e->name, e->error == ERR_OK ? "" : ", ",
	    e->error == ERR_OK ? "" : err_name(e->error), e->text && *e->text ? ": " : "",
	    e->text ? e->text : "", both ? ": expected " : "", expected, both ? ", got " : "", got);
}

/* A file that cannot be renamed is emptied: bounded comes before complete. */
static void
rotate(struct event_log *l)
{
	if (renameat(l->dir, EVENT_FILE, l->dir, EVENT_FILE_OLD) == 0) {
		close(l->fd);
		if (open_file(l) != ERR_OK)
			l->size = 0;
		return;
	}
	log_error(NULL, "%s: expected to rename it, got: %s: emptied", EVENT_FILE, strerror(errno));
	if (ftruncate(l->fd, 0) == 0)
		l->size = 0;
}

void
event_write(struct event_log *l, const struct event *e)
{
	log_it(e);
	if (!l)
		return;
	AUTO(mem) char *line = format_line(l->daemon, e);
	size_t len = line ? strlen(line) : 0;
	if (l->size + (off_t)len > FILE_MAX)
		rotate(l);
	ssize_t n = line ? write(l->fd, line, len) : -1;
	if (n > 0)
		l->size += n;
	if (n == (ssize_t)len && line)
		return;
	log_error(&e->about, "%s: expected to write event %s, got: %s", EVENT_FILE, e->name,
	    line ? strerror(errno) : "out of memory");
	end_torn_line(l);
}
