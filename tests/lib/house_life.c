/*
 * house_life: see house_life.h.
 */
#include "house_life.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "house_conf.h"
#include "json.h"

static unsigned
count(const char *text, const char *what)
{
	unsigned n = 0;

	for (const char *at = text; (at = strstr(at, what)) != NULL; at += strlen(what))
		n++;
	return n;
}

/* "METER1" as the platform names it. */
static void
full_name(const char *device, char out[80])
{
	const char *pk = strncmp(device, "METER", 5) == 0 ? HOUSE_PK : HOUSE_GATEWAY_PK;

	snprintf(out, 80, "%s%s%.40s", strchr(device, '/') ? "" : pk,
	    strchr(device, '/') ? "" : "/", device);
}

unsigned
house_life_log(struct house *h, const char *device, const char *text)
{
	char name[80];

	full_name(device, name);
	struct tool_result r = HOUSE_DC(h, "log", name);
	cr_assert_eq(r.status, 0, "log %s: %s", name, r.out);
	return count(r.out, text);
}

static unsigned
lines_with(const char *path, const char *text)
{
	char line[4096];
	unsigned n = 0;
	AUTO(file) FILE *f = fopen(path, "re");

	while (f && fgets(line, sizeof(line), f))
		n += strstr(line, text) != NULL;
	return n;
}

unsigned
house_life_events(struct house *h, const char *text)
{
	char path[300];

	snprintf(path, sizeof(path), "%s/state/cloudd/events.jsonl", h->dir);
	return lines_with(path, text);
}

unsigned
house_life_said(struct house *h, enum house_part p, const char *text)
{
	char path[300], name[32];

	snprintf(path, sizeof(path), "%s/log/%s", h->dir, house_name(p, name));
	return lines_with(path, text);
}

struct wish {
	const char *device, *text; /* device NULL: an event of cloudd's, or what `part` logged */
	unsigned times;
	enum house_part part; /* HOUSE_DEVCENTER: an event */
};

static bool
is_there(struct house *h, void *arg)
{
	const struct wish *w = arg;

	if (w->device)
		return house_life_log(h, w->device, w->text) >= w->times;
	if (w->part != HOUSE_DEVCENTER)
		return house_life_said(h, w->part, w->text) >= w->times;
	return house_life_events(h, w->text) >= w->times;
}

void
house_life_until_log(struct house *h, const char *device, const char *text, unsigned times)
{
	struct wish w = {device, text, times, HOUSE_DEVCENTER};

	house_case_until(h, is_there, &w, text);
}

void
house_life_until_event(struct house *h, const char *text, unsigned times)
{
	struct wish w = {NULL, text, times, HOUSE_DEVCENTER};

	house_case_until(h, is_there, &w, text);
}

void
house_life_until_said(struct house *h, enum house_part p, const char *text, unsigned times)
{
	struct wish w = {NULL, text, times, p};

	house_case_until(h, is_there, &w, text);
}

void
house_life_say(struct house *h, const char *device, const char *name, const char *value)
{
	char full[80];

	full_name(device, full);
	struct tool_result r = value ? HOUSE_DC(h, "device", "say", full, name, value)
				     : HOUSE_DC(h, "device", "say", full, name);
	cr_assert_eq(r.status, 0, "say %s %s: %s", full, name, r.out);
}

void
house_life_status(struct house *h, const char *key, char out[64])
{
	AUTO(json) cJSON *doc = house_look_ask(h, HOUSE_CLOUDD, "status");
	const cJSON *o = cJSON_GetObjectItem(doc, key);

	if (cJSON_IsNumber(o))
		snprintf(out, 64, "%.0f", o->valuedouble);
	else if (cJSON_IsBool(o))
		snprintf(out, 64, "%s", cJSON_IsTrue(o) ? "true" : "false");
	else
		snprintf(out, 64, "%.60s", json_text(doc, key));
}

/* --- a second platform ------------------------------------------------------------------------ */

static void
serve_twin(struct house *h, unsigned port, pid_t parent)
{
	char program[340], dir[300], log[300], number[16];

	snprintf(log, sizeof(log), "%s/log/twin", h->dir);
	snprintf(number, sizeof(number), "%u", port);
	int out = open(log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (out < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0)
		_exit(127);
	snprintf(program, sizeof(program), "%s/subota-devcenter", h->programs);
	snprintf(dir, sizeof(dir), "%s/twin", h->dir);
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() == parent)
		execl(program, "subota-devcenter", "serve", "--dir", dir, "--mqtt-port", number,
		    (char *)NULL);
	_exit(127);
}

static bool
is_twin_ready(struct house *h, void *arg)
{
	struct house_life_twin *t = arg;
	char path[300];

	snprintf(path, sizeof(path), "%s/twin/ready.json", h->dir);
	AUTO(json) cJSON *doc = json_file(path);
	t->port = (unsigned)json_number(doc, "mqtt_port");
	return t->port != 0;
}

static void
run_twin(struct house_life_twin *t)
{
	pid_t me = getpid();

	fflush(NULL);
	t->pid = fork();
	cr_assert_geq(t->pid, 0);
	if (t->pid == 0)
		serve_twin(t->h, t->port, me);
	keeper_add(&t->h->keeper, t->pid);
	house_case_until(t->h, is_twin_ready, t, "a second platform");
}

void
house_life_twin_start(struct house *h, struct house_life_twin *t)
{
	*t = (struct house_life_twin){.h = h};
	HOUSE_MUST(h, house_stop(h, HOUSE_DEVCENTER));
	struct tool_result r = TOOL(h->dir, "cp", "-a", "devcenter", "twin");
	cr_assert_eq(r.status, 0, "%s", r.out);
	HOUSE_MUST(h, house_start(h, HOUSE_DEVCENTER));
	run_twin(t);
}

void
house_life_twin_stranger(struct house *h, struct house_life_twin *t)
{
	char program[340];

	snprintf(program, sizeof(program), "%s/subota-devcenter", h->programs);
	struct tool_result r = TOOL(h->dir, "rm", "-r", "twin");
	cr_assert_eq(r.status, 0, "%s", r.out);
	r = TOOL(h->dir, program, "init", "--dir", "twin");
	cr_assert_eq(r.status, 0, "%s", r.out);
	run_twin(t);
}

unsigned
house_life_twin_said(struct house_life_twin *t, const char *text)
{
	char path[300];

	snprintf(path, sizeof(path), "%s/log/twin", t->h->dir);
	return lines_with(path, text);
}

void
house_life_twin_end(struct house_life_twin *t)
{
	kill(t->pid, SIGKILL);
	waitpid(t->pid, NULL, 0);
	keeper_drop(&t->h->keeper, t->pid);
}

unsigned
house_life_twin_log(struct house_life_twin *t, const char *device, const char *text)
{
	char program[340], name[80];

	snprintf(program, sizeof(program), "%s/subota-devcenter", t->h->programs);
	full_name(device, name);
	struct tool_result r = TOOL(t->h->dir, program, "log", name, "--dir", "twin");
	return count(r.out, text);
}

/* --- the configuration ------------------------------------------------------------------------ */

void
house_life_unlist(struct house *h, unsigned device)
{
	unsigned all = h->options.devices;

	HOUSE_MUST(h, house_stop(h, HOUSE_FLASHD));
	h->options.devices = device;
	HOUSE_MUST(h, house_conf_write(h));
	h->options.devices = all;
	HOUSE_MUST(h, house_start(h, HOUSE_FLASHD));
}
