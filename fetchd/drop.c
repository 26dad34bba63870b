/*
 * drop: see drop.h.
 */
#include <cjson/cJSON.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "copy.h"
#include "drop.h"
#include "manifest.h"
#include "store.h"

#define SCHEME "drop:"

enum { OLD_MS = 3600000, NAME_MAX_LEN = 64 };

/* --- names ------------------------------------------------------------------------------------ */

/* One that cannot lead anywhere else. */
static bool
is_name(const char *s)
{
	return s[0] && s[0] != '.' && strlen(s) <= NAME_MAX_LEN && manifest_is_name(s);
}

bool
drop_is(const struct image *i)
{
	return strncmp(i->url, SCHEME, strlen(SCHEME)) == 0;
}

static const char *
name_of(const struct image *i)
{
	return i->url + strlen(SCHEME);
}

void
drop_make(const struct daemon_common *c)
{
	char path[300];

	snprintf(path, sizeof(path), "%s/drop", c->state_dir);
	if (geteuid() != 0 && access(path, W_OK) == 0) /* the package or an earlier run made it */
		return;
	if (daemon_make_dir(path, c->fetch_uid, c->actor_gid, 03770) != ERR_OK)
		log_warn(NULL, "without %s nothing can be installed by hand", path);
}

static int
open_dir(const struct gate *g)
{
	char path[300];

	snprintf(path, sizeof(path), "%s/drop", g->settings->common.state_dir);
	return open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static enum err
open_file(const struct gate *g, const char *name, int *fd, uint64_t *size, char why[WHY_SIZE])
{
	AUTO(fd) int dir = open_dir(g);
	AUTO(fd)
	int file = dir < 0 ? -1 : openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;

	if (file < 0 || fstat(file, &st) < 0)
		return copy_fail("open, in the drop directory,", name, why);
	if (!S_ISREG(st.st_mode) || st.st_size <= 0 ||
	    (uint64_t)st.st_size > g->settings->max_package)
		return why_say(why, ERR_LIMIT,
		    "expected a plain file of 1 to %" PRIu64 " bytes, got mode %o and %lld",
		    g->settings->max_package, (unsigned)st.st_mode, (long long)st.st_size);
	*size = (uint64_t)st.st_size;
	*fd = hand_over_fd(&file);
	return ERR_OK;
}

/* --- copying ---------------------------------------------------------------------------------- */

bool
drop_is_busy(const struct gate *g)
{
	return g->drop.job != 0;
}

static void
end_copy(struct gate *g)
{
	loop_timer_clear(g->daemon->loop, &g->drop.slice);
	if (g->drop.in >= 0)
		close(g->drop.in);
	if (g->drop.out >= 0)
		close(g->drop.out);
	g->drop = (struct gate_drop){.in = -1, .out = -1};
}

static void
forget_file(const struct gate *g, const char *name)
{
	AUTO(fd) int dir = open_dir(g);

	if (dir >= 0 && unlinkat(dir, name, 0) < 0 && errno != ENOENT)
		log_warn(NULL, "%s stays in the drop directory: %s", name, strerror(errno));
}

static void
finish(struct gate *g, struct image *i, enum err e, const char *why)
{
	struct image_news n = {.error = e, .detail = why, .now = clock_now()};
	char name[NAME_MAX_LEN + 1];

	snprintf(name, sizeof(name), "%s", name_of(i)); /* the image may be gone after this */
	end_copy(g);
	if (e == ERR_OK)
		i->done = i->durable = i->size;
	if (image_step(i, e == ERR_OK ? IMAGE_COMPLETE : IMAGE_BROKEN, &n) != ERR_OK)
		log_debug(NULL, "image %" PRIu64 ": nobody waits for the copy", i->id);
	gate_settle(g);
	if (e == ERR_OK && !gate_is_unsettled(g)) /* else drop_sweep finds it */
		forget_file(g, name);
}

/* ERR_AGAIN: there is more. */
static enum err
copy(struct gate *g, struct image *i, char why[WHY_SIZE])
{
	const struct copy c = {g->drop.in, g->drop.out, name_of(i), i->size};
	enum err e = copy_slice(&c, &i->done, why);

	if (e != ERR_OK)
		return e;
	e = store_incoming_sync(g->store);
	return e == ERR_OK ? e : why_say(why, e, "%s", store_why(g->store));
}

static void
on_slice(void *arg)
{
	struct gate *g = arg;
	struct image *i = book_image(&g->book, g->drop.job);
	char why[WHY_SIZE] = "the package cannot be copied";

	if (!i || i->state != IMAGE_FETCHING) {
		end_copy(g);
		return;
	}
	enum err e = copy(g, i, why);

	if (e == ERR_AGAIN)
		loop_timer_set(g->daemon->loop, &g->drop.slice, clock_now(), on_slice, g);
	else
		finish(g, i, e, why);
}

void
drop_start(struct gate *g, struct image *i)
{
	char why[WHY_SIZE] = "another package is copied";
	uint64_t size = 0, length = 0;
	enum err e = ERR_BUSY; /* in a moment */

	if (!drop_is_busy(g)) {
		g->drop = (struct gate_drop){.job = i->id, .in = -1, .out = -1};
		e = open_file(g, name_of(i), &g->drop.in, &size, why);
	}
	if (e == ERR_OK && size != i->size)
		e = why_say(why, ERR_SIZE, "expected %" PRIu64 " bytes as before, got %" PRIu64,
		    i->size, size);
	if (e == ERR_OK) {
		e = store_incoming_open(g->store, i->id, &g->drop.out, &length);
		snprintf(why, sizeof(why), "%s", store_why(g->store));
	}
	i->done = 0;
	snprintf(i->boot_id, sizeof(i->boot_id), "%s", g->boot_id);
	if (e == ERR_OK)
		loop_timer_set(g->daemon->loop, &g->drop.slice, clock_now(), on_slice, g);
	else
		finish(g, i, e, why);
}

void
drop_stop(struct gate *g, const struct image *i)
{
	if (!drop_is(i))
		return;
	if (g->drop.job == i->id)
		end_copy(g);
	forget_file(g, name_of(i));
}

/* --- orders ----------------------------------------------------------------------------------- */

struct wanted {
	char file[NAME_MAX_LEN + 1], version[NAME_MAX_LEN + 1];
	char product[33], device[33], component[NAME_MAX_LEN + 1];
};

static enum err
parse(const char *argument, struct wanted *w, char why[WHY_SIZE])
{
	int end = 0;

	if (sscanf(argument, "%64s %64s %32[^/ ]/%32[^/ ] %64s%n", w->file, w->version, w->product,
		w->device, w->component, &end) == 5 &&
	    !argument[end] && is_name(w->file) && manifest_is_name(w->version) &&
	    manifest_is_name(w->component))
		return ERR_OK;
	return why_say(why, ERR_INVALID,
	    "expected FILE VERSION PRODUCT/DEVICE COMPONENT, got '%.100s'", argument);
}

/* The image of a file that is still to be copied, or was: one for all devices that want it. */
static struct image *
find_image(const struct gate *g, const char *url)
{
	for (struct image *i = g->book.images; i; i = i->next)
		if (i->state != IMAGE_FAILED && strcmp(i->url, url) == 0)
			return i;
	return NULL;
}

static enum err
need_image(struct gate *g, const struct wanted *w, Pb__FetchOrder *o, struct image **out,
    char why[WHY_SIZE])
{
	AUTO(fd) int fd = -1;
	struct image fresh;

	*out = find_image(g, o->url);
	if (*out)
		return ERR_OK;
	enum err e = open_file(g, w->file, &fd, &o->size, why);

	if (e != ERR_OK)
		return e;
	e = image_init(&fresh, o);
	if (e == ERR_OK)
		e = book_add_image(&g->book, &fresh, out);
	return e == ERR_OK ? e : why_say(why, e, "expected fewer packages at the same time");
}

static enum err
install(struct gate *g, const char *argument, uint64_t *id, char why[WHY_SIZE])
{
	char url[NAME_MAX_LEN + sizeof(SCHEME)];
	Pb__FetchOrder o = PB__FETCH_ORDER__INIT;
	Pb__Device device = PB__DEVICE__INIT;
	struct upgrade fresh, *u = NULL;
	struct image *i = NULL;
	struct wanted w;
	enum err e = parse(argument, &w, why);

	if (e != ERR_OK)
		return e;
	snprintf(url, sizeof(url), SCHEME "%s", w.file);
	device.product_key = w.product;
	device.device_key = w.device;
	o.device = &device;
	o.component = w.component;
	o.target_version = w.version;
	o.url = url;
	e = need_image(g, &w, &o, &i, why);
	if (e != ERR_OK)
		return e;
	e = book_next_local(&g->book, id);
	if (e != ERR_OK)
		return why_say(why, e, "not recorded: %s", record_trouble(g->book.record));
	upgrade_init(&fresh, *id, i->id, &o);
	fresh.local = true;
	e = book_add_upgrade(&g->book, &fresh, &u);
	if (e == ERR_OK)
		e = image_step(i, IMAGE_ORDERED, NULL);
	return e;
}

/* One that is still ours: not of the platform, whose plans flashd knows, and not handed on. */
static enum err
cancel(struct gate *g, const char *argument, uint64_t *id, char why[WHY_SIZE])
{
	char *end = NULL;
	uint64_t number = strtoull(argument, &end, 10);
	struct upgrade *u = *argument && !*end ? book_upgrade(&g->book, number) : NULL;

	if (!u || !u->local || (u->state != UPGRADE_WAITING && u->state != UPGRADE_FETCHED))
		return why_say(why, ERR_NOT_FOUND,
		    "expected an installation that the gate still copies or checks, got '%.40s'",
		    argument);
	*id = number;
	return upgrade_step(u, UPGRADE_CANCEL, NULL);
}

static void
note(struct gate *g, const char *what, uint64_t id, const char *argument, enum err e,
    const char *why)
{
	char text[WHY_SIZE];
	struct event ev = {
	    .name = strcmp(what, "cancel") == 0 ? "operator_cancel" : "operator_install",
	    .about.upgrade = id,
	    .error = e,
	    .text = text};

	(void)!why_say(text, e, "%.100s%s%.80s", argument, *why ? ": " : "", why);
	event_write(g->daemon->events, &ev);
}

enum err
drop_on_order(void *arg, const char *what, const char *argument, char **json)
{
	struct gate *g = arg;
	char why[WHY_SIZE] = "";
	uint64_t id = 0;
	enum err e = ERR_OK;

	if (strcmp(what, "install") == 0)
		e = install(g, argument, &id, why);
	else if (strcmp(what, "cancel") == 0)
		e = cancel(g, argument, &id, why);
	else
		e = why_say(why, ERR_NOT_FOUND, "expected install or cancel, got '%.40s'", what);
	if (strcmp(what, "cancel") != 0 || e == ERR_OK) /* else flashd is asked */
		note(g, what, id, argument, e, why);
	gate_settle(g);
	if (e == ERR_OK && g->unsaved != ERR_OK)
		e = why_say(why, g->unsaved, "not recorded, but may still begin: %s",
		    record_trouble(g->book.record));
	cJSON *root = cJSON_CreateObject();

	cJSON_AddStringToObject(root, "detail", why);
	cJSON_AddNumberToObject(root, "upgrade", (double)id);
	*json = cJSON_PrintUnformatted(root);
	cJSON_Delete(root);
	return *json ? e : ERR_NOMEM;
}

/* --- what was left ---------------------------------------------------------------------------- */

static bool
is_needed(const struct gate *g, const char *name)
{
	for (const struct image *i = g->book.images; i; i = i->next)
		if (drop_is(i) && strcmp(name_of(i), name) == 0 && i->state <= IMAGE_FETCHING)
			return true;
	return false;
}

static void
on_sweep(void *arg)
{
	drop_sweep(arg);
}

void
drop_sweep(struct gate *g)
{
	int fd = open_dir(g);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	uint64_t now = clock_wall_ms();

	if (!dir && fd >= 0)
		close(fd);
	for (struct dirent *d = NULL; dir && (d = readdir(dir)) != NULL;) {
		struct stat st;

		if (d->d_name[0] == '.' || is_needed(g, d->d_name) ||
		    fstatat(fd, d->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		    (uint64_t)st.st_mtime * 1000 + OLD_MS > now)
			continue;
		if (unlinkat(fd, d->d_name, 0) == 0)
			log_info(NULL, "drop: a file nobody asked for is removed");
	}
	if (dir)
		closedir(dir);
	loop_timer_set(
	    g->daemon->loop, &g->drop_sweep, mono_after(clock_now(), OLD_MS), on_sweep, g);
}
