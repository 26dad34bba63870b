/*
 * Plans of several components, delta packages and packages of several files: what the platform
 * sends, in which order, and what it makes of the answers.
 */
#include <criterion/criterion.h>
#include <string.h>
#include <sys/stat.h>

#include "dc_make.h"
#include "dc_talk.h"
#include "kit.h"
#include "tool.h"

enum { NONE = 0, RUNNING = 1, DONE = 2, FAILED = 3 };

/* A plan of app 2.0.0 and net 3.0.0, in this order; `source`: net is a delta from it. */
static void
plan_two(struct dc_case *c, const char *source)
{
	dc_case_plan(c, DC_CASE_SUB_PK, "app", 0, NULL, "2.0.0", true);
	dc_db_do(c->db,
	    "INSERT INTO package (name, component, kind, target, source, path, scheme, size, md5, "
	    "crc, sha256, created) VALUES ('n', 'net', 0, '3.0.0', ?, 'n', 'https', 7, ?, '', '', "
	    "0)",
	    "tt", source, "0123456789abcdef0123456789abcdef");
	dc_db_do(c->db, "INSERT INTO plan_component VALUES (1, 1, 2, NULL)", "");
}

static int64_t
state(struct dc_case *c, int seq)
{
	return dc_db_int(c->db, 9, "SELECT state FROM progress WHERE seq = ?", "i", (int64_t)seq);
}

/* The nth text with this id anywhere in the values, "" when there are not so many. */
static const char *
text_in(const struct dc_ttlv *v, unsigned id, unsigned nth)
{
	static char out[700];

	out[0] = '\0';
	for (unsigned i = 0; i < v->n; i++) {
		const struct dc_ttlv_element *e = &v->element[i];

		if (e->id != id || e->type != DC_TTLV_BYTES || e->depth == 0 || nth-- > 0)
			continue;
		snprintf(out, sizeof(out), "%.*s", e->count, (const char *)e->bytes);
		break;
	}
	return out;
}

/* The next frame must be this command. */
static void
expect_frame(struct dc_line *l, unsigned cmd, struct dc_ttlv *v)
{
	unsigned got = dc_line_frame(l, v);

	cr_assert_eq(got, cmd, "expected %04x, got %04x", cmd, got);
}

Test(dc_components, a_notice_of_several_components_is_one_list_in_the_plans_order)
{
	AUTO(dc_case) struct dc_case *c = dc_case_new();
	plan_two(c, "1.0.0");
	AUTO(mem) struct dc_ttlv *v = calloc(1, sizeof(*v));
	AUTO(dc_line) struct dc_line *l = dc_talk_begin(c);

	dc_talk_heard(l);
	dc_talk_ask(l, "1.0.0", NULL);
	expect_frame(l, 0x0111, v);
	cr_expect_null(dc_ttlv_find(v, 4), "everything is in the list");
	cr_assert_not_null(dc_ttlv_find(v, 28));
	cr_expect_eq(dc_ttlv_find(v, 28)->count, 2);
	cr_expect_str_eq(text_in(v, 4, 0), "app");
	cr_expect_str_eq(text_in(v, 6, 0), "2.0.0");
	cr_expect_str_eq(text_in(v, 4, 1), "net");
	cr_expect_str_eq(text_in(v, 5, 0), "1.0.0", "only the second has a source version");
	cr_expect_str_eq(text_in(v, 5, 1), "");
	cr_expect_str_eq(dc_talk_heard(l), "");
}

Test(dc_components, each_component_has_its_own_statuses_and_its_address_in_its_turn)
{
	AUTO(dc_case) struct dc_case *c = dc_case_new();
	plan_two(c, NULL);
	AUTO(dc_line) struct dc_line *l = dc_talk_begin(c);

	cr_expect_str_eq(dc_talk_heard(l), "00c3 0111");
	dc_talk_all(l, "app", (int[]){1, 2, 4, 8, 9, 0});
	cr_expect_str_eq(dc_talk_heard(l), "0113");
	dc_talk_say(l, "app", 11, "2.0.0");
	cr_expect_str_eq(dc_talk_heard(l), "", "the second was in the same notice");
	cr_expect_eq(state(c, 0), DONE);
	cr_expect_eq(state(c, 1), NONE);
	dc_talk_say(l, "net", 2, NULL);
	cr_expect_str_eq(dc_talk_heard(l), "0113");
	cr_expect_eq(state(c, 1), RUNNING);
	dc_talk_say(l, "net", 11, "3.0.0");
	cr_expect_eq(state(c, 1), DONE);
	cr_expect_str_eq(dc_talk_heard(l), "");
}

Test(dc_components, one_that_was_confirmed_before_its_turn_gets_its_address_then)
{
	AUTO(dc_case) struct dc_case *c = dc_case_new();
	plan_two(c, NULL);
	AUTO(mem) struct dc_ttlv *v = calloc(1, sizeof(*v));
	AUTO(dc_line) struct dc_line *l = dc_talk_begin(c);
	char text[40];

	dc_talk_heard(l);
	dc_talk_say(l, "net", 2, NULL);
	cr_expect_str_eq(dc_talk_heard(l), "", "not its turn");
	cr_expect_eq(state(c, 1), NONE);
	dc_talk_say(l, "app", 2, NULL);
	cr_expect_str_eq(dc_talk_heard(l), "0113");
	dc_talk_report(l, "2.0.0");
	expect_frame(l, 0x0113, v);
	cr_assert(dc_ttlv_text(v, 4, text, sizeof(text)));
	cr_expect_str_eq(text, "net", "success by version report is a turn, too");
	cr_expect_eq(state(c, 1), RUNNING);
}

Test(dc_components, a_failed_component_stops_those_after_it)
{
	AUTO(dc_case) struct dc_case *c = dc_case_new();
	plan_two(c, NULL);
	dc_db_do(c->db, "UPDATE plan SET retries = 0", "");
	AUTO(dc_line) struct dc_line *l = dc_talk_begin(c);

	dc_talk_heard(l);
	dc_talk_all(l, "app", (int[]){2, 12, 0});
	cr_expect_str_eq(dc_talk_heard(l), "0113");
	dc_talk_ask(l, "1.0.0", NULL);
	dc_talk_pass(c, 86400000);
	dc_talk_say(l, "net", 2, NULL);
	cr_expect_str_eq(dc_talk_heard(l), "");
	cr_expect_eq(state(c, 0), FAILED);
	cr_expect_eq(state(c, 1), NONE);
}

Test(dc_components, a_retry_names_the_failed_component_and_the_rest)
{
	AUTO(dc_case) struct dc_case *c = dc_case_new();
	plan_two(c, NULL);
	AUTO(mem) struct dc_ttlv *v = calloc(1, sizeof(*v));
	AUTO(dc_line) struct dc_line *l = dc_talk_begin(c);

	dc_talk_heard(l);
	dc_talk_all(l, "app", (int[]){2, 6, 0});
	cr_expect_str_eq(dc_talk_heard(l), "0113");
	dc_talk_pass(c, 1000);
	expect_frame(l, 0x0111, v);
	cr_expect_str_eq(text_in(v, 4, 0), "app");
	cr_expect_str_eq(text_in(v, 4, 1), "net");
}

Test(dc_components, a_list_of_versions_tells_what_each_component_runs)
{
	AUTO(dc_case) struct dc_case *c = dc_case_new();
	plan_two(c, "1.5.0");
	AUTO(mem) struct dc_ttlv *v = calloc(1, sizeof(*v));
	AUTO(dc_line) struct dc_line *l = dc_talk_begin(c);
	char text[40];

	dc_talk_heard(l);
	dc_talk_ask(l, "1.0.0", "app:1.0.0;net:1.4.0");
	expect_frame(l, 0x0111, v);
	cr_expect_null(dc_ttlv_find(v, 28), "the delta begins at another version");
	cr_assert(dc_ttlv_text(v, 4, text, sizeof(text)));
	cr_expect_str_eq(text, "app");
	dc_talk_ask(l, "1.0.0", "app:2.0.0;net:1.5.0");
	expect_frame(l, 0x0111, v);
	cr_assert(dc_ttlv_text(v, 4, text, sizeof(text)));
	cr_expect_str_eq(text, "net");
	cr_assert(dc_ttlv_text(v, 5, text, sizeof(text)));
	cr_expect_str_eq(text, "1.5.0");
}

Test(dc_components, a_list_of_versions_has_at_most_511_characters)
{
	AUTO(dc_case) struct dc_case *c = dc_case_new();
	AUTO(dc_line) struct dc_line *l = dc_talk_begin(c);
	char list[513] = "app:1.0.0;net:";

	memset(list + 14, '1', 512 - 14);
	list[512] = '\0';
	dc_talk_ask(l, "1.0.0", list);
	cr_expect_eq(dc_db_int(c->db, 9, "SELECT length(mcu) FROM device WHERE id = 2", ""), 0);
	list[511] = '\0';
	dc_talk_ask(l, "1.0.0", list);
	cr_expect_eq(dc_db_int(c->db, 9, "SELECT length(mcu) FROM device WHERE id = 2", ""), 511);
}

Test(dc_components, twenty_components_fit_into_a_notice)
{
	AUTO(dc_case) struct dc_case *c = dc_case_new();
	AUTO(mem) struct dc_ttlv *v = calloc(1, sizeof(*v));
	dc_case_plan(c, DC_CASE_SUB_PK, "app", 0, NULL, "2.0.0", true);
	for (int i = 1; i < 20; i++) {
		dc_db_do(c->db,
		    "INSERT INTO package (name, component, kind, target, path, scheme, size, md5, "
		    "crc, sha256, created) VALUES (?, 'a_component_with_a_long_name' || ?, 0, "
		    "'a-version-of-the-greatest-length-that-is-allowed-for-it-123456789', ?, "
		    "'https', 7, '', '', '', 0)",
		    "iii", (int64_t)i, (int64_t)i, (int64_t)i);
		dc_db_do(c->db, "INSERT INTO plan_component VALUES (1, ?, ?, NULL)", "ii",
		    (int64_t)i, (int64_t)i + 1);
	}
	AUTO(dc_line) struct dc_line *l = dc_talk_begin(c);

	expect_frame(l, 0x00C3, v);
	expect_frame(l, 0x0111, v);
	cr_expect_eq(dc_ttlv_find(v, 28)->count, 20);
}

/* --- files ----------------------------------------------------------------------------------- */

/* A package of n files "f1.bin" ... with a byte more each. */
static enum err
make_files(struct dc_case *c, unsigned n, bool mcu, struct dc_make_stored *got, char *why)
{
	static char names[8][400];
	struct dc_make_package p = {.file = names[0],
	    .rule = {.base = "f1.bin",
		.name = "many",
		.component = "app",
		.target = "2.0.0",
		.scheme = "https",
		.files = n,
		.mcu = mcu}};
	char dir[400];

	snprintf(dir, sizeof(dir), "%s/packages", c->dir);
	mkdir(dir, 0755);
	for (unsigned i = 0; i < n && i < 8; i++) {
		snprintf(names[i], sizeof(names[i]), "%s/f%u.bin", c->dir, i + 1);
		FILE *f = fopen(names[i], "we");

		cr_assert_not_null(f);
		fprintf(f, "%.*s", (int)i + 1, "12345678");
		fclose(f);
		if (i > 0 && i <= DC_RULE_FILES)
			p.more[i - 1] = names[i];
	}
	return dc_make_package(c->db, c->dir, &p, 0, got, why);
}

Test(dc_components, a_package_of_several_files_is_a_list_of_addresses)
{
	AUTO(dc_case) struct dc_case *c = dc_case_new();
	AUTO(mem) struct dc_ttlv *v = calloc(1, sizeof(*v));
	struct dc_make_stored got;
	char why[DC_RULE_WHY] = "", text[40];
	int64_t n;

	cr_assert_eq(make_files(c, 5, false, &got, why), ERR_OK, "%s", why);
	dc_case_plan(c, DC_CASE_SUB_PK, "app", 0, NULL, "2.0.0", true);
	dc_db_do(c->db, "UPDATE plan_component SET package = ?", "i", got.id);
	AUTO(dc_line) struct dc_line *l = dc_talk_begin(c);
	expect_frame(l, 0x00C3, v);
	expect_frame(l, 0x0111, v);
	cr_expect(dc_ttlv_int(v, 9, &n) && n == 1 + 2 + 3 + 4 + 5, "the space is all files'");
	dc_talk_say(l, "app", 2, NULL);
	expect_frame(l, 0x0113, v);
	cr_assert(dc_ttlv_text(v, 4, text, sizeof(text)));
	cr_expect_str_eq(text, "app");
	for (unsigned id = 1; id < 17; id = id == 3 ? 15 : id + 1)
		cr_expect_null(dc_ttlv_find(v, id), "id %u stands beside a list", id);
	cr_assert_not_null(dc_ttlv_find(v, 20));
	cr_expect_eq(dc_ttlv_find(v, 20)->count, 5);
	cr_expect(strstr(text_in(v, 1, 0), "/packages/"), "%s", text_in(v, 1, 0));
	cr_expect(strstr(text_in(v, 1, 4), "-f5.bin"), "%s", text_in(v, 1, 4));
	cr_expect_str_eq(text_in(v, 3, 0), "c4ca4238a0b923820dcc509a6f75849b", "md5 of 1");
	cr_expect_str_eq(text_in(v, 3, 1), "c20ad4d76fe97759aa27a0c99bff6710", "md5 of 12");
}

Test(dc_components, a_package_has_at_most_five_files_and_an_mcus_one)
{
	AUTO(dc_case) struct dc_case *c = dc_case_new();
	struct dc_make_stored got;
	char why[DC_RULE_WHY] = "";
	int64_t idx;

	cr_expect_eq(make_files(c, 6, false, &got, why), ERR_INVALID);
	cr_expect_str_eq(why, "file: expected 1 to 5 files, got 6");
	cr_expect_eq(make_files(c, 2, true, &got, why), ERR_INVALID);
	cr_expect_eq(make_files(c, 0, false, &got, why), ERR_INVALID);
	cr_expect_eq(make_files(c, 4, false, &got, why), ERR_OK, "%s", why);
	char file[400];
	snprintf(file, sizeof(file), "%s/f1.bin", c->dir);
	cr_expect_eq(dc_make_file(c->db, c->dir, got.id, file, "f.exe", &idx, why), ERR_INVALID);
	cr_expect_eq(dc_make_file(c->db, c->dir, 99, file, "f.bin", &idx, why), ERR_NOT_FOUND);
	cr_expect_eq(dc_make_file(c->db, c->dir, got.id, file, "f.bin", &idx, why), ERR_OK);
	cr_expect_eq(idx, 4);
	cr_expect_eq(dc_make_file(c->db, c->dir, got.id, file, "f.bin", &idx, why), ERR_INVALID);
	dc_db_do(c->db, "DELETE FROM package_file WHERE idx = 4", "");
	dc_case_plan(c, DC_CASE_SUB_PK, "app", 0, NULL, "2.0.0", true);
	dc_db_do(c->db, "UPDATE plan_component SET package = ?", "i", got.id);
	cr_expect_eq(dc_make_file(c->db, c->dir, got.id, file, "f.bin", &idx, why), ERR_PHASE);
}

Test(dc_components, a_package_whose_file_is_missing_leaves_nothing_behind)
{
	AUTO(dc_case) struct dc_case *c = dc_case_new();
	struct dc_make_stored got;
	char why[DC_RULE_WHY] = "", line[400];

	cr_assert_eq(make_files(c, 3, false, &got, why), ERR_OK, "%s", why);
	dc_db_do(c->db, "DELETE FROM package_file", "");
	dc_db_do(c->db, "DELETE FROM package", "");
	snprintf(line, sizeof(line), "%s/f1.bin", c->dir);
	struct dc_make_package p = {.file = line,
	    .more = {line, "/nonexistent/f.bin"},
	    .rule = {.base = "f1.bin",
		.name = "many",
		.component = "app",
		.target = "2.0.0",
		.scheme = "https",
		.files = 3}};
	cr_expect_neq(dc_make_package(c->db, c->dir, &p, 0, &got, why), ERR_OK);
	cr_expect_eq(dc_db_int(c->db, 9, "SELECT count(*) FROM package", ""), 0);
	cr_expect_eq(dc_db_int(c->db, 9, "SELECT count(*) FROM package_file", ""), 0);
	struct tool_result r = TOOL(c->dir, "sh", "-c", "ls packages | wc -l");
	cr_expect_str_eq(r.out, "3\n", "what the first one stored, no more: %s", r.out);
}
