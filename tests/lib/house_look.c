/*
 * house_look: see house_look.h.
 */
#include "house_look.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "bus_client.h"
#include "clock.h"
#include "daemon.h"
#include "house_proc.h"
#include "json.h"
#include "tool.h"

enum { ASK_MS = 300, LOGIN_MS = 60000 };

void
house_look_pause(int ms)
{
	const struct timespec t = {ms / 1000, (ms % 1000) * 1000000L};

	nanosleep(&t, NULL);
}

cJSON *
house_look_platform(struct house *h)
{
	struct tool_result r = HOUSE_DC(h, "status", "--json");

	return r.status == 0 ? cJSON_Parse(r.out) : NULL;
}

const cJSON *
house_look_platform_device(const cJSON *doc, int device)
{
	const cJSON *d;
	char dk[32];

	snprintf(dk, sizeof(dk), "METER%d", device + 1);
	cJSON_ArrayForEach(d, cJSON_GetObjectItem(doc, "devices"))
	{
		if (strcmp(json_text(d, "dk"), dk) == 0)
			return d;
	}
	return NULL;
}

cJSON *
house_look_device(struct house *h, int device)
{
	char path[300];

	snprintf(path, sizeof(path), "%s/device%d/status.json", h->dir, device + 1);
	return json_file(path);
}

cJSON *
house_look_ask(struct house *h, enum house_part p, const char *what)
{
	static const enum who daemons[] = {
	    [HOUSE_FLASHD] = WHO_FLASHD, [HOUSE_FETCHD] = WHO_FETCHD, [HOUSE_CLOUDD] = WHO_CLOUDD};
	struct daemon_common c = {0};
	struct bus_answer answer = {0};
	char path[108];

	snprintf(c.run_dir, sizeof(c.run_dir), "%s/run", h->dir);
	daemon_socket_path(&c, daemons[p], WHO_CTL, path);
	if (bus_client_ask(path, what, "", ASK_MS, &answer) != ERR_OK)
		return NULL;
	cJSON *doc = answer.error ? NULL : cJSON_Parse(answer.json);
	free(answer.json);
	return doc;
}

/* --- ready ------------------------------------------------------------------------------------ */

/* The file by which a process says that it is ready; daemons have none. */
static bool
ready_file(struct house *h, enum house_part p, char path[300])
{
	char name[32];

	if (p != HOUSE_DEVCENTER && p < HOUSE_CROWD)
		return false;
	if (p == HOUSE_CROWD) { /* the last one's */
		snprintf(path, 300, "%s/crowd/%u/status.json", h->dir, h->options.crowd);
		return true;
	}
	snprintf(path, 300, "%s/%s/%s.json", h->dir, house_name(p, name),
	    p == HOUSE_DEVCENTER ? "ready" : "status");
	return true;
}

void
house_look_forget(struct house *h, enum house_part p)
{
	char path[300];

	if (ready_file(h, p, path))
		unlink(path);
}

bool
house_look_ready(struct house *h, enum house_part p)
{
	char path[300];
	bool has_file = ready_file(h, p, path);

	if (h->options.one_process && p == HOUSE_FLASHD)
		return true; /* nobody can ask it: a device's login will tell */
	AUTO(json) cJSON *doc = has_file ? json_file(path) : house_look_ask(h, p, "status");

	return doc != NULL;
}

enum err
house_look_wait_version(struct house *h, int device, const char *version)
{
	struct mono end = mono_after(clock_now(), LOGIN_MS);
	char name[32], seen[80] = "";
	enum house_part dead = HOUSE_PARTS;

	while (!mono_reached(clock_now(), end) && dead == HOUSE_PARTS) {
		AUTO(json) cJSON *doc = house_look_platform(h);
		const cJSON *d = house_look_platform_device(doc, device);

		if (cJSON_IsTrue(cJSON_GetObjectItem(d, "online")) &&
		    strcmp(json_text(d, "version"), version) == 0)
			return ERR_OK;
		snprintf(seen, sizeof(seen), "%s, version '%s'",
		    cJSON_IsTrue(cJSON_GetObjectItem(d, "online")) ? "online" : "offline",
		    json_text(d, "version"));
		house_look_pause(20);
		dead = house_dead(h);
	}
	if (dead != HOUSE_PARTS)
		return house_fail(h, ERR_CLOSED, "%s ended by itself, status %#x",
		    house_name(dead, name), (unsigned)h->process[dead].status);
	return house_fail(h, ERR_TIMEOUT, "METER%d: expected online, version %s; got %s",
	    device + 1, version, seen);
}

/* --- processes -------------------------------------------------------------------------------- */

pid_t
house_look_child(struct house *h, enum house_part p, const char *program)
{
	return h->process[p].pid ? house_proc_find(h->process[p].pid, program) : 0;
}

void
house_keep(const struct house *h, const char *where)
{
	(void)TOOL(h->dir, "rm", "-rf", where);
	struct tool_result r = TOOL(h->dir, "cp", "-a", h->dir, where);

	if (r.status != 0)
		fprintf(stderr, "cannot be kept: %s\n", r.out);
}
