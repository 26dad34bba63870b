/*
 * dc_cli_show: see dc_cli_show.h. Status is one JSON document, made from the tables; the text form
 * prints from the same document, so both always say the same.
 */
#include "dc_cli_show.h"

#include <cjson/cJSON.h>
#include <string.h>
#include <time.h>

#include "auto.h"
#include "clock.h"
#include "dc_chaos.h"
#include "dc_fault_store.h"
#include "dc_plan.h"
#include "dc_state.h"
#include "dc_user.h"

/* clang-format off */
const struct dc_opt_row dc_cli_show_rows[] = {
	{"dir",     "DIR",   "directory of the Developer Center"},
	{NULL, NULL, NULL},
};
const struct dc_opt_row dc_cli_show_log_rows[] = {
	{"dir",       "DIR",  "directory of the Developer Center"},
	{"component", "NAME", "only what concerns this component"},
	{"plan",      "NAME", "only what concerns this plan"},
	{NULL, NULL, NULL},
};
const struct dc_opt_row dc_cli_show_fault_rows[] = {
	{"dir",     "DIR",   "directory of the Developer Center"},
	{"percent", "P",     "how many of the messages of a kind it strikes (100)"},
	{NULL, NULL, NULL},
};
const struct dc_opt_row dc_cli_show_status_rows[] = {
	{"dir",     "DIR",   "directory of the Developer Center"},
	{"json",    NULL,    "one JSON document"},
	{NULL, NULL, NULL},
};
const struct dc_opt_row dc_cli_show_wait_rows[] = {
	{"dir",     "DIR",   "directory of the Developer Center"},
	{"device",  "PK/DK", "the device"},
	{"state",   "STATE", "success failed needless upgrading refused online offline version"},
	{"version", "TEXT",  "for --state version: the version it must report"},
	{"plan",    "NAME",  "for the first five: this plan and not the newest"},
	{"timeout", "S",     "seconds to wait (60)"},
	{NULL, NULL, NULL},
};
/* clang-format on */

enum { POLL_MS = 30 };

/* --- status ---------------------------------------------------------------------------------- */

static const char *
text_of(const cJSON *o, const char *name)
{
	const cJSON *item = cJSON_GetObjectItem(o, name);

	return cJSON_IsString(item) ? item->valuestring : "-";
}

static void
print_device(const cJSON *d)
{
	const cJSON *item;

	printf("%s/%s  %s  %s  version %s\n", text_of(d, "pk"), text_of(d, "dk"),
	    text_of(d, "kind"),
	    cJSON_IsTrue(cJSON_GetObjectItem(d, "online")) ? "online" : "offline",
	    text_of(d, "version"));
	cJSON_ArrayForEach(item, cJSON_GetObjectItem(d, "upgrades"))
	    printf("    plan %s: %s to %s: %s\n", text_of(item, "plan"), text_of(item, "component"),
		text_of(item, "target"), text_of(item, "state"));
	if (!cJSON_GetArraySize(cJSON_GetObjectItem(d, "statuses")))
		return;
	printf("    statuses:");
	cJSON_ArrayForEach(item, cJSON_GetObjectItem(d, "statuses"))
	    printf(" %.0f", cJSON_GetObjectItem(item, "code")->valuedouble);
	printf("\n");
}

int
dc_cli_show_status(struct dc_cli *c)
{
	AUTO(cjson) cJSON *all = dc_state_all(c->db, dc_cli_now(c), true);
	const cJSON *item;

	if (dc_opt_get(&c->opt, "json", NULL)) {
		char *text = cJSON_Print(all);

		printf("%s\n", text ? text : "{}");
		cJSON_free(text);
		return DC_EXIT_OK;
	}
	cJSON_ArrayForEach(item, cJSON_GetObjectItem(all, "devices")) print_device(item);
	cJSON_ArrayForEach(item, cJSON_GetObjectItem(all, "packages"))
	    printf("package %s: %s %s, %.0f bytes, %.0f served in %.0f requests\n",
		text_of(item, "name"), text_of(item, "component"), text_of(item, "target"),
		cJSON_GetObjectItem(item, "size")->valuedouble,
		cJSON_GetObjectItem(item, "bytes_served")->valuedouble,
		cJSON_GetObjectItem(item, "requests")->valuedouble);
	cJSON_ArrayForEach(item, cJSON_GetObjectItem(all, "plans"))
	    printf("plan %s: product %s, %s\n", text_of(item, "name"), text_of(item, "product"),
		text_of(item, "life"));
	return DC_EXIT_OK;
}

int
dc_cli_show_log(struct dc_cli *c)
{
	int64_t device = dc_cli_find_device(c, c->opt.word[0]);
	char when[32];
	struct tm tm;

	if (!device)
		return DC_EXIT_FAILED;
	const char *component = dc_opt_get(&c->opt, "component", NULL);
	const char *plan = dc_opt_get(&c->opt, "plan", NULL);
	AUTO(dc_query)
	struct dc_query *q = dc_db_query(c->db,
	    "SELECT at, text FROM log WHERE device = ? AND (? IS NULL OR component = ?) "
	    "AND (? IS NULL OR plan = (SELECT id FROM plan WHERE name = ?)) ORDER BY id",
	    "itttt", device, component, component, plan, plan);
	while (dc_query_next(q)) {
		time_t s = (time_t)(dc_query_int(q, 0) / 1000);

		gmtime_r(&s, &tm);
		strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%S", &tm);
		printf(
		    "%s.%03dZ %s\n", when, (int)(dc_query_int(q, 0) % 1000), dc_query_text(q, 1));
	}
	return DC_EXIT_OK;
}

/* --- wait ------------------------------------------------------------------------------------ */

/* The plan of the device's upgrade: the one that was asked for, or the newest that knows it. */
static int64_t
plan_of(struct dc_cli *c, int64_t device)
{
	const char *name = dc_opt_get(&c->opt, "plan", NULL);

	if (name)
		return dc_db_int(c->db, 0, "SELECT id FROM plan WHERE name = ?", "t", name);
	return dc_db_int(c->db, 0,
	    "SELECT plan FROM progress WHERE device = ? ORDER BY plan DESC LIMIT 1", "i", device);
}

/* Where the device stands in its plan, as one of the names of --state; "" before anything. */
static const char *
stands(struct dc_cli *c, int64_t device)
{
	static const char *const names[] = {"", "upgrading", "success", "failed", "needless"};
	int64_t plan = plan_of(c, device);

	if (!plan)
		return "";
	int64_t state = dc_user_device_state(c->db, plan, device, dc_cli_now(c));
	if (state <= DC_PROGRESS_RUNNING &&
	    dc_db_int(c->db, 0,
		"SELECT count(*) FROM progress WHERE plan = ? AND device = ? AND last = 3", "ii",
		plan, device))
		return "refused";
	return names[state];
}

/* 1: it is so, 0: not yet, -1: it will not be any more. */
static int
look(struct dc_cli *c, int64_t device, const char *state)
{
	if (strcmp(state, "online") == 0 || strcmp(state, "offline") == 0)
		return dc_db_int(c->db, 0, "SELECT online FROM device WHERE id = ?", "i", device) ==
		       (state[1] == 'n');
	if (strcmp(state, "version") == 0)
		return dc_db_int(c->db, 0,
			   "SELECT count(*) FROM device WHERE id = ? AND version = ?", "it", device,
			   dc_opt_get(&c->opt, "version", "")) > 0;
	const char *now = stands(c, device);
	if (strcmp(now, state) == 0)
		return 1;
	return strcmp(now, "success") == 0 || strcmp(now, "failed") == 0 ||
		       strcmp(now, "needless") == 0
		   ? -1
		   : 0;
}

static bool
is_state(const char *state)
{
	static const char *const all[] = {"success", "failed", "needless", "upgrading", "refused",
	    "online", "offline", "version"};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (strcmp(all[i], state) == 0)
			return true;
	return false;
}

int
dc_cli_show_wait(struct dc_cli *c)
{
	const char *name = dc_opt_get(&c->opt, "device", NULL);
	const char *state = dc_opt_get(&c->opt, "state", "success");
	const struct timespec pause = {0, POLL_MS * 1000000L};
	int64_t timeout_s, device;
	int seen = 0;

	if (!name || !is_state(state) || dc_opt_int(&c->opt, "timeout", 60, 0, 86400, &timeout_s)) {
		fprintf(stderr, "expected --device PK/DK and a --state that --help names\n");
		return DC_EXIT_USAGE;
	}
	device = dc_cli_find_device(c, name);
	if (!device)
		return DC_EXIT_FAILED;
	struct mono end = mono_after(clock_now(), timeout_s * 1000);
	while ((seen = look(c, device, state)) == 0 && !mono_reached(clock_now(), end))
		nanosleep(&pause, NULL);
	if (seen == 1)
		return DC_EXIT_OK;
	fprintf(stderr, "%s: expected %s, got %s%s\n", name, state, stands(c, device),
	    seen ? "" : " (timed out)");
	return seen ? DC_EXIT_FAILED : DC_EXIT_TIMEOUT;
}

/* --- faults ---------------------------------------------------------------------------------- */

int
dc_cli_show_fault_set(struct dc_cli *c)
{
	const char *name = c->opt.word[0];
	int64_t value, times, percent;
	enum dc_chaos_what what;
	unsigned kind;

	if (dc_fault_find(name) == DC_FAULT_COUNT && !dc_chaos_parse(name, &what, &kind)) {
		fprintf(stderr, "%s: there is no such fault; `fault list` names them\n", name);
		return DC_EXIT_FAILED;
	}
	if (dc_fault_parse(c->opt.word[1], &value, &times)) {
		fprintf(stderr, "%s: expected VALUE or VALUE,TIMES\n", c->opt.word[1]);
		return DC_EXIT_FAILED;
	}
	if (dc_opt_int(&c->opt, "percent", 100, 1, 100, &percent))
		return DC_EXIT_FAILED;
	if (percent < 100 && !strchr(name, '@')) {
		fprintf(stderr, "--percent: expected a fault of a kind of message (NAME@KIND)\n");
		return DC_EXIT_FAILED;
	}
	return dc_fault_store(c->db, name, value, times, percent) ? DC_EXIT_FAILED
								  : dc_cli_order(c, "fault", 0);
}

int
dc_cli_show_fault_seed(struct dc_cli *c)
{
	const char *end;
	int64_t seed;

	if (dc_fault_number(c->opt.word[0], &end, &seed) || *end || seed < 0) {
		fprintf(stderr, "%s: expected a number, 0 or more\n", c->opt.word[0]);
		return DC_EXIT_FAILED;
	}
	enum err err = dc_db_run(c->db,
	    "INSERT INTO setting (name, value) VALUES ('seed', ?) "
	    "ON CONFLICT (name) DO UPDATE SET value = excluded.value",
	    "i", seed);
	return err ? DC_EXIT_FAILED : dc_cli_order(c, "fault", 0);
}

int
dc_cli_show_fault_clear(struct dc_cli *c)
{
	const char *name = c->opt.word[0];
	enum err err = dc_db_run(
	    c->db, "DELETE FROM fault WHERE ? IS NULL OR name = ?", "tt", name, name);

	return err ? DC_EXIT_FAILED : dc_cli_order(c, "fault", 0);
}

static void
print_set(const struct dc_query *q)
{
	printf(" [set: %lld", (long long)dc_query_int(q, 1));
	if (dc_query_int(q, 2))
		printf(", %lld times", (long long)dc_query_int(q, 2));
	else
		printf(", always");
	if (dc_query_int(q, 3) < 100)
		printf(", %lld %%", (long long)dc_query_int(q, 3));
	printf("]");
}

int
dc_cli_show_fault_list(struct dc_cli *c)
{
	for (unsigned f = 0; f < DC_FAULT_COUNT; f++) {
		AUTO(dc_query)
		struct dc_query *q = dc_db_query(c->db,
		    "SELECT name, value, times, percent FROM fault WHERE name = ?", "t",
		    dc_fault_name((enum dc_fault)f));

		printf(
		    "%-24s %s", dc_fault_name((enum dc_fault)f), dc_fault_text((enum dc_fault)f));
		if (dc_query_next(q))
			print_set(q);
		printf("\n");
	}
	printf("of one kind of message; KIND is a command (0113), down or up:\n");
	for (unsigned w = 0; w < DC_CHAOS_COUNT; w++)
		printf("%s@%-*s %s\n", dc_chaos_name((enum dc_chaos_what)w),
		    (int)(23 - strlen(dc_chaos_name((enum dc_chaos_what)w))), "KIND",
		    dc_chaos_text((enum dc_chaos_what)w));
	AUTO(dc_query)
	struct dc_query *q = dc_db_query(c->db,
	    "SELECT name, value, times, percent FROM fault WHERE name LIKE '%@%' ORDER BY name",
	    "");
	while (dc_query_next(q)) {
		printf("  %s", dc_query_text(q, 0));
		print_set(q);
		printf("\n");
	}
	return DC_EXIT_OK;
}
