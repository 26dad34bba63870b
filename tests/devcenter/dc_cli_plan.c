/*
 * dc_cli_plan: see dc_cli_plan.h. What is allowed is dc_rule's, what is written dc_make's.
 */
#include "dc_cli_plan.h"

#include <string.h>

#include "dc_make.h"
#include "dc_user.h"

/* clang-format off */
const struct dc_opt_row dc_cli_plan_package_rows[] = {
	{"dir",       "DIR",     "directory of the Developer Center"},
	{"file",      "FILE",    "the package, at most 100 MiB; repeat for more files (at most 5)"},
	{"component", "NAME",    "component number"},
	{"target",    "VERSION", "version it brings"},
	{"source",    "VERSION", "version it starts from: makes it a delta package"},
	{"kind",      "KIND",    "module or mcu (module)"},
	{"name",      "NAME",    "name of the package (its file's)"},
	{"scheme",    "SCHEME",  "https or http (https)"},
	{"url",       "URL",     "address to hand out instead of the store's own"},
	{"remark",    "TEXT",    "anything"},
	{NULL, NULL, NULL},
};
const struct dc_opt_row dc_cli_plan_add_rows[] = {
	{"dir",         "DIR",   "directory of the Developer Center"},
	{"product",     "PK",    "product of the devices"},
	{"package",     "NAME",  "package; repeat for more components, in order (at most 20)"},
	{"versions",    "A;B",   "specified versions of full packages: one for all, or repeat as --package"},
	{"mode",        "MODE",  "silent, or manual: a person confirms (silent)"},
	{"text",        "LANG=TEXT", "what people read (repeat); manual: en or zh is needed"},
	{"white",       "DK",    "only this device (repeat)"},
	{"black",       "DK",    "not this device (repeat)"},
	{"starts",      "MS",    "ms since 1970 (now)"},
	{"ends",        "MS",    "ms since 1970 (in a year)"},
	{"no-push",     NULL,    "offer only when a device asks"},
	{"push-from",   "MIN",   "minute of the day, a whole hour (0)"},
	{"push-to",     "MIN",   "minute of the day, a whole hour (0: the whole day)"},
	{"zone",        "MIN",   "minutes east of UTC, for the push period (0)"},
	{"reject-min",  "MIN",   "minutes to wait after a refusal, 10 to 1440; 0: none (120)"},
	{"retries",     "N",     "after a failure, 0 to 5 (5)"},
	{"retry-ms",    "MS",    "wait before each (1000)"},
	{"min-signal",  "DBM",   "-113 to 0 (-113)"},
	{"min-battery", "PCT",   "0 to 100 (30)"},
	{"remark",      "TEXT",  "anything"},
	{"activate",    NULL,    "activate it at once"},
	{NULL, NULL, NULL},
};
const struct dc_opt_row dc_cli_plan_edit_rows[] = {
	{"dir",         "DIR",   "directory of the Developer Center"},
	{"name",        "NAME",  "another name; what is not given stays as it is"},
	{"package",     "NAME",  "all components anew; repeat, in order"},
	{"versions",    "A;B",   "specified versions of full packages, with --package"},
	{"mode",        "MODE",  "silent or manual"},
	{"text",        "LANG=TEXT", "all texts anew (repeat)"},
	{"white",       "DK",    "both lists anew (repeat)"},
	{"black",       "DK",    "both lists anew (repeat)"},
	{"starts",      "MS",    "ms since 1970"},
	{"ends",        "MS",    "ms since 1970"},
	{"push",        NULL,    "push it actively"},
	{"no-push",     NULL,    "offer only when a device asks"},
	{"push-from",   "MIN",   "minute of the day, a whole hour"},
	{"push-to",     "MIN",   "minute of the day, a whole hour"},
	{"zone",        "MIN",   "minutes east of UTC"},
	{"reject-min",  "MIN",   "minutes to wait after a refusal"},
	{"retries",     "N",     "after a failure, 0 to 5"},
	{"retry-ms",    "MS",    "wait before each"},
	{"min-signal",  "DBM",   "-113 to 0"},
	{"min-battery", "PCT",   "0 to 100"},
	{"remark",      "TEXT",  "anything"},
	{NULL, NULL, NULL},
};
const struct dc_opt_row dc_cli_plan_verify_rows[] = {
	{"dir",    "DIR",   "directory of the Developer Center"},
	{"device", "PK/DK", "the device; to verify a package it must be online"},
	{NULL, NULL, NULL},
};
const struct dc_opt_row dc_cli_plan_confirm_rows[] = {
	{"dir",    "DIR",   "directory of the Developer Center"},
	{"device", "PK/DK", "the device"},
	{"oper",   "OPER",  "now, appoint, cancel, seen (the result) or retry (now)"},
	{"starts", "MS",    "of an appointment, inside the plan"},
	{"ends",   "MS",    "of an appointment, an hour later or more"},
	{NULL, NULL, NULL},
};
const struct dc_opt_row dc_cli_plan_clock_rows[] = {
	{"dir",    "DIR",   "directory of the Developer Center"},
	{"ahead",  "S",     "put the platform's clock so many seconds before the true time"},
	{"connections", NULL, "for the silence of connections, too: whoever is quiet is put offline"},
	{NULL, NULL, NULL},
};
/* clang-format on */

static int
fail(const char *what, const char *why)
{
	fprintf(stderr, "%s: %s\n", what, why);
	return DC_EXIT_FAILED;
}

static int
say(const char *why)
{
	fprintf(stderr, "%s\n", why);
	return DC_EXIT_FAILED;
}

/* --- packages -------------------------------------------------------------------------------- */

int
dc_cli_plan_package(struct dc_cli *c)
{
	const char *kind = dc_opt_get(&c->opt, "kind", "module");
	const char *file = dc_opt_nth(&c->opt, "file", 0);
	struct dc_make_package p = {.file = file,
	    .url = dc_opt_get(&c->opt, "url", NULL),
	    .rule = {.mcu = strcmp(kind, "mcu") == 0,
		.component = dc_opt_get(&c->opt, "component", ""),
		.target = dc_opt_get(&c->opt, "target", ""),
		.source = dc_opt_get(&c->opt, "source", NULL),
		.scheme = dc_opt_get(&c->opt, "scheme", "https"),
		.remark = dc_opt_get(&c->opt, "remark", NULL)}};
	struct dc_make_stored got;
	char why[DC_RULE_WHY];

	if (!file)
		return fail("package add", "--file is missing");
	if (!p.rule.mcu && strcmp(kind, "module") != 0)
		return fail("--kind", "expected module or mcu");
	const char *more;
	for (p.rule.files = 1; (more = dc_opt_nth(&c->opt, "file", p.rule.files)); p.rule.files++)
		if (p.rule.files <= DC_RULE_FILES)
			p.more[p.rule.files - 1] = more;
	p.rule.base = strrchr(file, '/') ? strrchr(file, '/') + 1 : file;
	p.rule.name = dc_opt_get(&c->opt, "name", p.rule.base);
	if (dc_make_package(c->db, c->dir, &p, dc_cli_now(c), &got, why))
		return say(why);
	printf("{\"package\":\"%s\",\"path\":\"/packages/%s\",\"size\":%lld,\"md5\":\"%s\","
	       "\"sha256\":\"%s\"}\n",
	    p.rule.name, got.path, (long long)got.digest.size, got.digest.md5,
	    got.digest.sha256);
	return DC_EXIT_OK;
}

/* --- plans ----------------------------------------------------------------------------------- */

static enum err
read_numbers(const struct dc_opt *o, struct dc_rule_plan *n)
{
	const struct {
		const char *name;
		int64_t *out;
	} rows[] = {{"starts", &n->starts}, {"ends", &n->ends}, {"push-from", &n->push_from},
	    {"push-to", &n->push_to}, {"zone", &n->zone_min}, {"reject-min", &n->reject_min},
	    {"retries", &n->retries}, {"retry-ms", &n->retry_ms},
	    {"min-signal", &n->min_signal}, {"min-battery", &n->min_battery}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		enum err err = dc_opt_int(
		    o, rows[i].name, *rows[i].out, -INT32_MAX, INT64_MAX, rows[i].out);

		if (err)
			return err;
	}
	return ERR_OK;
}

/* All values of an option, at most as many as a command line holds. */
static unsigned
read_list(const struct dc_opt *o, const char *name, const char **out, unsigned max)
{
	unsigned n = 0;

	while (n < max && (out[n] = dc_opt_nth(o, name, n)) != NULL)
		n++;
	return n;
}

static int
change(struct dc_cli *c, int64_t plan, enum dc_make_verb verb)
{
	char why[DC_RULE_WHY];

	if (dc_make_change(c->db, plan, verb, dc_cli_now(c), why))
		return say(why);
	printf("{\"plan\":\"%s\",\"state\":\"%s\"}\n", c->opt.word[0], dc_make_state(verb));
	return dc_cli_order(c, "plan", 0);
}

/* Lists of a command line, borrowed from it. */
struct lists {
	const char *white[DC_OPT_MAX], *black[DC_OPT_MAX], *packages[DC_OPT_MAX];
	const char *texts[DC_OPT_MAX], *versions[DC_OPT_MAX];
};

/* What the options say about a plan, into *p; what they do not say stays. */
static int
read_plan(struct dc_cli *c, struct lists *l, struct dc_make_plan *p)
{
	const char *mode = dc_opt_get(&c->opt, "mode", p->manual ? "manual" : "silent");
	unsigned n = read_list(&c->opt, "package", l->packages, DC_OPT_MAX);
	unsigned versions = read_list(&c->opt, "versions", l->versions, DC_OPT_MAX);

	if (versions && !n)
		return fail("--versions", "expected --package with it, got none");
	p->manual = strcmp(mode, "manual") == 0;
	if (!p->manual && strcmp(mode, "silent") != 0)
		return fail("--mode", "expected silent or manual");
	if (read_numbers(&c->opt, &p->rule))
		return DC_EXIT_FAILED;
	p->texts = l->texts;
	p->white = l->white;
	p->black = l->black;
	p->n_texts = read_list(&c->opt, "text", l->texts, DC_OPT_MAX);
	p->n_white = read_list(&c->opt, "white", l->white, DC_OPT_MAX);
	p->n_black = read_list(&c->opt, "black", l->black, DC_OPT_MAX);
	p->keeps_components = p->keeps_components && !n;
	p->keeps_lists = p->keeps_lists && !p->n_white && !p->n_black;
	p->keeps_texts = p->keeps_texts && !p->n_texts;
	if (!p->keeps_components)
		p->rule.components = n;
	for (unsigned i = 0; i < n && i < DC_RULE_COMPONENTS; i++) {
		p->packages[i] = l->packages[i];
		if (versions > 1)
			p->versions[i] = i < versions && *l->versions[i] ? l->versions[i] : NULL;
	}
	p->rule.versions = versions == 1 ? l->versions[0] : NULL;
	p->rule.remark = dc_opt_get(&c->opt, "remark", p->rule.remark);
	if (dc_opt_get(&c->opt, "no-push", NULL))
		p->rule.push = false;
	return DC_EXIT_OK;
}

int
dc_cli_plan_add(struct dc_cli *c)
{
	int64_t now = dc_cli_now(c), id;
	char why[DC_RULE_WHY];
	struct lists l;
	struct dc_make_plan p = {
	    .rule = dc_rule_plan_defaults(now), .pk = dc_opt_get(&c->opt, "product", NULL)};

	if (!p.pk || !dc_opt_get(&c->opt, "package", NULL))
		return fail(c->opt.word[0], "--product and --package are needed");
	if (read_plan(c, &l, &p))
		return DC_EXIT_FAILED;
	p.rule.name = c->opt.word[0];
	if (dc_make_plan(c->db, &p, now, &id, why))
		return say(why);
	if (dc_opt_get(&c->opt, "activate", NULL))
		return change(c, id, DC_MAKE_ACTIVATE);
	printf("{\"plan\":\"%s\",\"state\":\"inactivated\"}\n", c->opt.word[0]);
	return DC_EXIT_OK;
}

/* The plan that the command names; 0 after saying that there is none. */
static int64_t
named_plan(struct dc_cli *c)
{
	const char *name = c->opt.word[0];
	int64_t plan = dc_db_int(c->db, 0, "SELECT id FROM plan WHERE name = ?", "t", name);

	if (!plan)
		fprintf(stderr, "%s: expected a plan, got none of that name\n", name);
	return plan;
}

int
dc_cli_plan_edit(struct dc_cli *c)
{
	int64_t plan = named_plan(c);
	struct dc_make_loaded now;
	char why[DC_RULE_WHY];
	struct lists l;

	if (!plan || dc_make_load(c->db, plan, &now) || read_plan(c, &l, &now.plan))
		return DC_EXIT_FAILED;
	if (dc_opt_get(&c->opt, "push", NULL))
		now.plan.rule.push = true;
	now.plan.rule.name = dc_opt_get(&c->opt, "name", now.name);
	if (dc_make_edit(c->db, plan, &now.plan, why))
		return say(why);
	printf("{\"plan\":\"%s\",\"state\":\"inactivated\"}\n", now.plan.rule.name);
	return DC_EXIT_OK;
}

int
dc_cli_plan_retry(struct dc_cli *c)
{
	const char *on = dc_opt_get(&c->opt, "device", NULL);
	int64_t plan = named_plan(c);
	char why[DC_RULE_WHY];

	if (!plan || !on)
		return plan ? fail(c->opt.word[0], "--device PK/DK is missing") : DC_EXIT_FAILED;
	int64_t device = dc_cli_find_device(c, on);
	if (!device)
		return DC_EXIT_FAILED;
	if (dc_user_retry(c->db, plan, device, dc_cli_now(c), why))
		return fail(on, why);
	printf("{\"plan\":\"%s\",\"device\":\"%s\",\"oper\":\"retry\"}\n", c->opt.word[0], on);
	return dc_cli_order(c, "plan", 0);
}

static int
change_named(struct dc_cli *c, enum dc_make_verb verb)
{
	int64_t plan = named_plan(c);

	return plan ? change(c, plan, verb) : DC_EXIT_FAILED;
}

int
dc_cli_plan_activate(struct dc_cli *c)
{
	return change_named(c, DC_MAKE_ACTIVATE);
}

int
dc_cli_plan_suspend(struct dc_cli *c)
{
	return change_named(c, DC_MAKE_SUSPEND);
}

int
dc_cli_plan_terminate(struct dc_cli *c)
{
	return change_named(c, DC_MAKE_TERMINATE);
}

int
dc_cli_plan_delete(struct dc_cli *c)
{
	return change_named(c, DC_MAKE_DELETE);
}

int
dc_cli_plan_verify(struct dc_cli *c)
{
	const char *name = c->opt.word[0], *on = dc_opt_get(&c->opt, "device", NULL);
	int64_t package = dc_db_int(c->db, 0, "SELECT id FROM package WHERE name = ?", "t", name);
	char why[DC_RULE_WHY];
	int64_t plan;

	if (!package || !on)
		return fail(name, on ? "there is no such package" : "--device PK/DK is missing");
	int64_t device = dc_cli_find_device(c, on);
	if (!device)
		return DC_EXIT_FAILED;
	if (dc_make_verify(c->db, package, device, dc_cli_now(c), &plan, why))
		return say(why);
	printf("{\"package\":\"%s\",\"device\":\"%s\"}\n", name, on);
	return dc_cli_order(c, "plan", 0);
}

int
dc_cli_plan_confirm(struct dc_cli *c)
{
	static const char *const words[] = {"", "now", "appoint", "cancel", "seen", "retry"};
	const char *name = c->opt.word[0], *on = dc_opt_get(&c->opt, "device", NULL);
	const char *oper = dc_opt_get(&c->opt, "oper", "now");
	int64_t plan = dc_db_int(c->db, 0, "SELECT id FROM plan WHERE name = ?", "t", name);
	struct dc_user_wish w = {0};
	char why[DC_RULE_WHY];

	for (int i = 1; i < 6; i++)
		if (strcmp(words[i], oper) == 0)
			w.oper = i;
	if (!plan || !on)
		return fail(name, on ? "there is no such plan" : "--device PK/DK is missing");
	int64_t device = dc_cli_find_device(c, on);
	if (!device || dc_opt_int(&c->opt, "starts", 0, 0, INT64_MAX, &w.starts) ||
	    dc_opt_int(&c->opt, "ends", 0, 0, INT64_MAX, &w.ends))
		return DC_EXIT_FAILED;
	if (dc_user_confirm(c->db, plan, device, &w, dc_cli_now(c), why))
		return fail(on, why);
	printf("{\"plan\":\"%s\",\"device\":\"%s\",\"oper\":\"%s\"}\n", name, on, oper);
	return dc_cli_order(c, "plan", 0);
}

static enum err
store_setting(struct dc_cli *c, const char *name, int64_t value)
{
	return dc_db_run(c->db,
	    "INSERT INTO setting (name, value) VALUES (?, ?) "
	    "ON CONFLICT (name) DO UPDATE SET value = excluded.value",
	    "ti", name, value);
}

int
dc_cli_plan_clock(struct dc_cli *c)
{
	bool links = dc_opt_get(&c->opt, "connections", NULL) != NULL;
	int64_t s;

	if (dc_opt_int(&c->opt, "ahead", 0, 0, 10 * 365 * (int64_t)86400, &s))
		return DC_EXIT_FAILED;
	if (dc_opt_get(&c->opt, "ahead", NULL) &&
	    (store_setting(c, "clock", s * 1000) || (links && store_setting(c, "links", s * 1000))))
		return fail("clock", "the database is busy");
	printf("{\"now\":%lld}\n", (long long)dc_cli_now(c));
	return dc_cli_order(c, "clock", 0);
}
