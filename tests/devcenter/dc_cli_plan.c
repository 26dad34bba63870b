/*
 * dc_cli_plan: see dc_cli_plan.h. Limits are the platform's (spec: developer center, section 12).
 */
#include "dc_cli_plan.h"

#include <errno.h>
#include <openssl/rand.h>
#include <string.h>
#include <time.h>

#include "dc_digest.h"

/* clang-format off */
const struct dc_opt_row dc_cli_plan_package_rows[] = {
	{"dir",       "DIR",     "directory of the Developer Center"},
	{"file",      "FILE",    "the package, at most 100 MiB"},
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
	{"versions",    "A;B",   "specified versions, for all packages without source"},
	{"mode",        "MODE",  "silent"},
	{"white",       "DK",    "only this device (repeat)"},
	{"black",       "DK",    "not this device (repeat)"},
	{"starts",      "MS",    "ms since 1970 (now)"},
	{"ends",        "MS",    "ms since 1970 (in a year)"},
	{"no-push",     NULL,    "offer only when a device asks"},
	{"push-from",   "MIN",   "minute of the day, UTC (0)"},
	{"push-to",     "MIN",   "minute of the day, UTC (0: the whole day)"},
	{"reject-min",  "MIN",   "minutes to wait after a refusal, 0 to 1440 (120)"},
	{"retries",     "N",     "after a failure, 0 to 5 (5)"},
	{"retry-ms",    "MS",    "wait before each (1000)"},
	{"min-signal",  "DBM",   "-113 to 0 (-113)"},
	{"min-battery", "PCT",   "0 to 100 (30)"},
	{"remark",      "TEXT",  "anything"},
	{"activate",    NULL,    "activate it at once"},
	{NULL, NULL, NULL},
};
static const char *const suffixes[] = {".bin", ".rar", ".pack", ".mini_1", ".mini_2", ".py",
	".tar", ".tar.gz", ".s19", ".bin_1", ".bin_2", ".zip"};
/* clang-format on */

enum { VERSION_MAX = 64, COMPONENT_MAX = 32, NAME_MAX_ = 100, DAY_MS = 86400000, COMPONENTS = 20 };

static int
fail(const char *what, const char *why)
{
	fprintf(stderr, "%s: %s\n", what, why);
	return DC_EXIT_FAILED;
}

static bool
is_text(const char *text, size_t max, const char *extra)
{
	size_t n = strlen(text);

	for (size_t i = 0; i < n; i++) {
		bool alnum = (text[i] >= '0' && text[i] <= '9') ||
			     (text[i] >= 'a' && text[i] <= 'z') ||
			     (text[i] >= 'A' && text[i] <= 'Z');

		if (!alnum && !strchr(extra, text[i]))
			return false;
	}
	return n > 0 && n <= max;
}

static bool
has_suffix(const char *name)
{
	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		size_t n = strlen(name), k = strlen(suffixes[i]);

		if (n > k && strcmp(name + n - k, suffixes[i]) == 0)
			return true;
	}
	return false;
}

/* --- packages -------------------------------------------------------------------------------- */

struct package {
	const char *file, *base, *component, *target, *source, *name, *scheme;
	int64_t kind;
};

static int
read_package(const struct dc_cli *c, struct package *p)
{
	const char *kind = dc_opt_get(&c->opt, "kind", "module");

	p->file = dc_opt_get(&c->opt, "file", NULL);
	p->component = dc_opt_get(&c->opt, "component", "");
	p->target = dc_opt_get(&c->opt, "target", "");
	p->source = dc_opt_get(&c->opt, "source", NULL);
	p->scheme = dc_opt_get(&c->opt, "scheme", "https");
	p->kind = strcmp(kind, "mcu") == 0;
	if (!p->file)
		return fail("package add", "--file is missing");
	p->base = strrchr(p->file, '/') ? strrchr(p->file, '/') + 1 : p->file;
	p->name = dc_opt_get(&c->opt, "name", p->base);
	if (strcmp(kind, "mcu") != 0 && strcmp(kind, "module") != 0)
		return fail("--kind", "expected module or mcu");
	if (strcmp(p->scheme, "https") != 0 && strcmp(p->scheme, "http") != 0)
		return fail("--scheme", "expected https or http");
	if (!is_text(p->base, 100, "_-.") || !has_suffix(p->base))
		return fail(p->base, "expected a file name of letters, digits, _ - . with one of "
				     "the platform's suffixes (.bin .tar .zip ...)");
	if (!is_text(p->component, COMPONENT_MAX, "_-."))
		return fail("--component", "expected 1 to 32 letters, digits, _ - .");
	if (!is_text(p->target, VERSION_MAX, "_-.") ||
	    (p->source && !is_text(p->source, VERSION_MAX, "_-.")))
		return fail("--target, --source", "expected 1 to 64 letters, digits, _ - .");
	if (!*p->name || strlen(p->name) > NAME_MAX_)
		return fail("--name", "expected 1 to 100 characters");
	return DC_EXIT_OK;
}

int
dc_cli_plan_package(struct dc_cli *c)
{
	struct package p = {0};
	struct dc_digest d;
	uint8_t raw[8];
	char stored[140], path[4096];
	int status = read_package(c, &p);

	if (status != DC_EXIT_OK)
		return status;
	if (RAND_bytes(raw, sizeof(raw)) != 1)
		return fail(p.file, "no random bytes");
	snprintf(stored, sizeof(stored), "%02x%02x%02x%02x%02x%02x%02x%02x-%s", raw[0], raw[1],
	    raw[2], raw[3], raw[4], raw[5], raw[6], raw[7], p.base);
	if (snprintf(path, sizeof(path), "%s/packages/%s", c->dir, stored) >= (int)sizeof(path))
		return fail(c->dir, "name is too long");
	enum err err = dc_digest_copy(p.file, path, &d);
	if (err)
		return fail(p.file, err_text(err));
	err = dc_db_run(c->db,
	    "INSERT INTO package (name, component, kind, target, source, path, scheme, size, md5, "
	    "crc, sha256, url, remark, created) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
	    "ttitttti"
	    "tttt"
	    "ti",
	    p.name, p.component, p.kind, p.target, p.source, stored, p.scheme, d.size, d.md5, d.crc,
	    d.sha256, dc_opt_get(&c->opt, "url", NULL), dc_opt_get(&c->opt, "remark", NULL),
	    dc_cli_now());
	if (err) {
		unlink(path);
		return fail(p.name, err_text(err));
	}
	printf("{\"package\":\"%s\",\"path\":\"/packages/%s\",\"size\":%lld,\"md5\":\"%s\","
	       "\"sha256\":\"%s\"}\n",
	    p.name, stored, (long long)d.size, d.md5, d.sha256);
	return DC_EXIT_OK;
}

/* --- plans ----------------------------------------------------------------------------------- */

struct numbers {
	int64_t starts, ends, push_from, push_to, reject_min, retries, retry_ms, min_signal,
	    min_battery;
};

static enum err
read_numbers(const struct dc_opt *o, struct numbers *n)
{
	const int64_t now = dc_cli_now();
	const struct {
		const char *name;
		int64_t otherwise, min, max;
		int64_t *out;
	} rows[] = {
	    {"starts", now - 1000, 0, INT64_MAX, &n->starts},
	    {"ends", now + 365 * (int64_t)DAY_MS, 0, INT64_MAX, &n->ends},
	    {"push-from", 0, 0, 1439, &n->push_from},
	    {"push-to", 0, 0, 1439, &n->push_to},
	    {"reject-min", 120, 0, 1440, &n->reject_min},
	    {"retries", 5, 0, 5, &n->retries},
	    {"retry-ms", 1000, 0, DAY_MS, &n->retry_ms},
	    {"min-signal", -113, -113, 0, &n->min_signal},
	    {"min-battery", 30, 0, 100, &n->min_battery},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		enum err err = dc_opt_int(
		    o, rows[i].name, rows[i].otherwise, rows[i].min, rows[i].max, rows[i].out);

		if (err)
			return err;
	}
	return ERR_OK;
}

static enum err
add_components(struct dc_cli *c, int64_t plan)
{
	const char *name;

	for (unsigned i = 0; (name = dc_opt_nth(&c->opt, "package", i)) != NULL; i++) {
		int64_t package = dc_db_int(
		    c->db, 0, "SELECT id FROM package WHERE name = ?", "t", name);

		if (!package || i == COMPONENTS) {
			fprintf(stderr, "%s: %s\n", name,
			    package ? "more than 20 components" : "there is no such package");
			return ERR_NOT_FOUND;
		}
		enum err err = dc_db_run(c->db,
		    "INSERT INTO plan_component (plan, seq, package, versions) VALUES (?, ?, ?, ?)",
		    "iiit", plan, (int64_t)i, package, dc_opt_get(&c->opt, "versions", NULL));
		if (err)
			return err;
	}
	return ERR_OK;
}

static enum err
add_lists(struct dc_cli *c, int64_t plan)
{
	static const char *const lists[] = {"white", "black"};
	enum err err = ERR_OK;
	const char *dk;

	for (unsigned l = 0; l < 2; l++)
		for (unsigned i = 0; !err && (dk = dc_opt_nth(&c->opt, lists[l], i)); i++)
			err = dc_db_run(c->db,
			    "INSERT INTO plan_device (plan, dk, list) VALUES (?, ?, ?) "
			    "ON CONFLICT (plan, dk) DO UPDATE SET list = excluded.list",
			    "itt", plan, dk, lists[l]);
	return err;
}

static enum err
add_plan(struct dc_cli *c, const char *pk, const struct numbers *n)
{
	enum err err = dc_db_run(c->db,
	    "INSERT INTO plan (name, pk, mode, starts, ends, push, push_from, push_to, reject_min, "
	    "retries, retry_ms, min_signal, min_battery, remark, created) "
	    "VALUES (?, ?, 'silent', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
	    "ttiiiiiiiiiiti", c->opt.word[0], pk, n->starts, n->ends,
	    (int64_t)(dc_opt_get(&c->opt, "no-push", NULL) == NULL), n->push_from, n->push_to,
	    n->reject_min, n->retries, n->retry_ms, n->min_signal, n->min_battery,
	    dc_opt_get(&c->opt, "remark", NULL), dc_cli_now());
	int64_t plan = dc_db_last_id(c->db);

	if (!err)
		err = add_components(c, plan);
	if (!err)
		err = add_lists(c, plan);
	return err;
}

int
dc_cli_plan_add(struct dc_cli *c)
{
	const char *pk = dc_opt_get(&c->opt, "product", NULL);
	struct numbers n;

	if (!pk || !dc_opt_get(&c->opt, "package", NULL))
		return fail(c->opt.word[0], "--product and --package are needed");
	if (strcmp(dc_opt_get(&c->opt, "mode", "silent"), "silent") != 0)
		return fail("--mode", "expected silent: nobody could confirm a manual plan yet");
	if (!dc_db_int(c->db, 0, "SELECT count(*) FROM product WHERE pk = ?", "t", pk))
		return fail(pk, "there is no such product");
	if (read_numbers(&c->opt, &n))
		return DC_EXIT_FAILED;
	if (n.ends <= n.starts)
		return fail("--ends", "expected a time after --starts");
	if (dc_db_run(c->db, "BEGIN IMMEDIATE", ""))
		return fail(c->opt.word[0], "database is busy");
	enum err err = add_plan(c, pk, &n);
	if (dc_db_run(c->db, err ? "ROLLBACK" : "COMMIT", "") && !err)
		err = ERR_SYSTEM;
	if (err)
		return fail(c->opt.word[0], err_text(err));
	if (dc_opt_get(&c->opt, "activate", NULL))
		return dc_cli_plan_activate(c);
	printf("{\"plan\":\"%s\",\"state\":\"inactivated\"}\n", c->opt.word[0]);
	return DC_EXIT_OK;
}

/* From one of two states to another. */
static int
change(struct dc_cli *c, const char *from, const char *or_from, const char *to)
{
	const char *name = c->opt.word[0];
	enum err err = dc_db_run(c->db,
	    "UPDATE plan SET state = ? WHERE name = ? AND state IN (?, ?)", "tttt", to, name, from,
	    or_from);

	if (err)
		return fail(name, err_text(err));
	if (dc_db_changes(c->db) == 0) {
		fprintf(stderr, "%s: expected a plan that is %s or %s\n", name, from, or_from);
		return DC_EXIT_FAILED;
	}
	printf("{\"plan\":\"%s\",\"state\":\"%s\"}\n", name, to);
	return dc_cli_order(c, "plan", 0);
}

int
dc_cli_plan_activate(struct dc_cli *c)
{
	return change(c, "inactivated", "suspended", "activated");
}

int
dc_cli_plan_suspend(struct dc_cli *c)
{
	return change(c, "activated", "activated", "suspended");
}

/* Running devices go on; who has not started counts as failed. */
int
dc_cli_plan_terminate(struct dc_cli *c)
{
	int status = change(c, "activated", "suspended", "terminated");

	if (status == DC_EXIT_OK &&
	    dc_db_run(c->db,
		"UPDATE progress SET state = 3, ended = ? WHERE state = 0 AND plan = "
		"(SELECT id FROM plan WHERE name = ?)",
		"it", dc_cli_now(), c->opt.word[0]))
		status = DC_EXIT_FAILED;
	return status;
}
