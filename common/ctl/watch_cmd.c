/*
 * watch_cmd: `watch DIR`: packages that appear in a directory (a USB stick) are installed on every
 * device they are for. A program of its own that nobody starts unless told to: neither daemon looks
 * at foreign directories. Which devices a package is for is flashd's answer (plan), not ours.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "commands.h"
#include "ctl.h"
#include "install.h"

enum { FILES_MAX = 256, LOOK_S = 2, DEVICES = INSTALL_DEVICES_MAX };

/* clang-format off */
static const struct opt_spec specs[] = {
	{"once", NULL, false, false, "look at what is there now, then end"},
	ASK_OPTIONS,
	{NULL, NULL, false, false, NULL},
};
/* clang-format on */

static const struct opt_command command = {
    .usage = "subotactl watch [OPTION]... DIR",
    .about =
	"Install packages (*.bundle, *.bin) that appear in DIR on every device for which they\n"
	"are news, as subotactl install does; each file once. flashd judges which those are.\n"
	"Goes on until it is ended.",
    .specs = specs,
    .min_args = 1,
    .max_args = 1,
};

/* A file as it was when it was looked at; one that still grows is looked at again. */
struct seen {
	char name[256];
	int64_t size, mtime;
	bool handled;
};

struct watch {
	struct ask ask;
	const char *dir;
	struct seen files[FILES_MAX];
	size_t n;
};

/* --- one package ------------------------------------------------------------------------------ */

/* Names of the devices for which it would begin, wait or need a yes; borrowed from `devices`. */
static size_t
find_devices(const struct watch *w, const char *path, const cJSON *devices, const char *names[])
{
	const cJSON *d = NULL;
	size_t n = 0;

	cJSON_ArrayForEach(d, devices)
	{
		const char *name = cJSON_GetStringValue(cJSON_GetObjectItem(d, "name"));
		const char *part = cJSON_GetStringValue(cJSON_GetObjectItem(d, "component"));
		char why[WHY_SIZE] = "";
		cJSON *json = NULL;

		if (!name || !part || n == DEVICES)
			continue;
		enum err e = plan_ask(&w->ask, path, name, part, &json, why);
		AUTO(out_json) cJSON *answer = json;
		const char *verdict = cJSON_GetStringValue(cJSON_GetObjectItem(answer, "verdict"));

		if (e != ERR_OK)
			fprintf(stderr, "subotactl: %s: %s: %s\n", path, name, why);
		else if (verdict && strcmp(verdict, "refuse") != 0 &&
			 strcmp(verdict, "nothing") != 0)
			names[n++] = name;
	}
	return n;
}

static void
handle(const struct watch *w, const char *name)
{
	const char *names[DEVICES];
	char path[600];
	int worst = CTL_OK;
	AUTO(out_json) cJSON *answer = ask_or_complain(&w->ask, WHO_FLASHD, "devices", "", &worst);

	snprintf(path, sizeof(path), "%.300s/%.255s", w->dir, name);
	size_t n = answer ? find_devices(w, path, ask_list(answer, "devices"), names) : 0;

	printf("%s: for %zu devices\n", path, n);
	fflush(stdout);
	if (n > 0 && install_on(&w->ask, path, names, n, false) != CTL_OK)
		fprintf(stderr, "subotactl: %s: not ordered for all of them\n", path);
}

/* --- the directory ---------------------------------------------------------------------------- */

static bool
is_package(const char *name)
{
	const char *dot = strrchr(name, '.');

	return name[0] != '.' && dot && (strcmp(dot, ".bundle") == 0 || strcmp(dot, ".bin") == 0);
}

static struct seen *
note(struct watch *w, const char *name)
{
	for (size_t i = 0; i < w->n; i++)
		if (strcmp(w->files[i].name, name) == 0)
			return &w->files[i];
	if (w->n == FILES_MAX)
		return NULL;
	struct seen *s = &w->files[w->n++];

	*s = (struct seen){.size = -1};
	snprintf(s->name, sizeof(s->name), "%s", name);
	return s;
}

static void
look_at(struct watch *w, int dir, const char *name)
{
	struct stat st;
	struct seen *s = is_package(name) ? note(w, name) : NULL;

	if (!s || fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
		return;
	bool same = s->size == (int64_t)st.st_size && s->mtime == (int64_t)st.st_mtime;

	if (same && !s->handled) {
		s->handled = true;
		handle(w, name);
	} else if (!same) {
		s->size = (int64_t)st.st_size;
		s->mtime = (int64_t)st.st_mtime;
		s->handled = false;
	}
}

/* A stick that is not there now may come; one that went is forgotten, so that it counts anew. */
static void
look(struct watch *w)
{
	DIR *dir = opendir(w->dir);

	if (!dir)
		w->n = 0;
	for (struct dirent *e = NULL; dir && (e = readdir(dir)) != NULL;)
		look_at(w, dirfd(dir), e->d_name);
	if (dir)
		closedir(dir);
}

static void
on_end(int signal)
{
	(void)signal; /* ends the pause */
}

int
watch_cmd_run(int argc, char **argv)
{
	AUTO(mem) struct watch *w = calloc(1, sizeof(*w));
	struct opt_set o;
	int status = w ? ask_begin(&command, argc, argv, &o, &w->ask) : CTL_SYSTEM;

	if (status >= 0)
		return status;
	w->dir = o.args[0];
	sigaction(SIGINT, &(struct sigaction){.sa_handler = on_end}, NULL);
	sigaction(SIGTERM, &(struct sigaction){.sa_handler = on_end}, NULL);
	look(w);
	do {
		if (nanosleep(&(struct timespec){LOOK_S, 0}, NULL) != 0)
			return CTL_OK;
		look(w);
	} while (opt_count(&o, "once") == 0);
	return CTL_OK;
}
