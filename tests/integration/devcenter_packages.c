/*
 * The local Developer Center's package store, judged by curl: ranges, refusals, faults, counters.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "dc_scene.h"
#include "vectors.h"

/* curl with a shell line; %s in it is the package's address. */
static struct tool_result
fetch(struct dc_scene *s, bool tls, const char *options)
{
	char line[1500];

	snprintf(line, sizeof(line),
	    "rm -f got; curl -s --max-time 20 --cacert ca.pem -o got -D head %s "
	    "%s://127.0.0.1:%u%s",
	    options, tls ? "https" : "http", tls ? s->https : s->http, s->path);
	return TOOL(s->dir, "sh", "-c", line);
}

static void
expect_same(struct dc_scene *s, const char *how)
{
	char line[300];

	snprintf(line, sizeof(line), "%s | cmp - got && cat head", how);
	struct tool_result r = TOOL(s->dir, "sh", "-c", line);
	cr_expect_eq(r.status, 0, "%s: %s", how, r.out);
}

static void
expect_head(struct dc_scene *s, const char *want)
{
	struct tool_result r = TOOL(s->dir, "cat", "head");

	cr_expect(strstr(r.out, want), "expected %s in %s", want, r.out);
}

Test(devcenter_packages, packages_are_served_whole_and_in_ranges, .timeout = 120)
{
	struct dc_scene s = dc_scene_open();

	for (int tls = 0; tls < 2; tls++) {
		dc_scene_must(&(struct tool_result){fetch(&s, tls, "").status, ""}, "whole");
		expect_same(&s, "cat fw.bin");
		dc_scene_must(
		    &(struct tool_result){fetch(&s, tls, "-r 1000000-").status, ""}, "range");
		expect_same(&s, "tail -c +1000001 fw.bin");
		expect_head(&s, " 206 ");
		expect_head(&s, "Content-Range: bytes 1000000-3145727/3145728");
		fetch(&s, tls, "-r -10");
		expect_same(&s, "tail -c 10 fw.bin");
		fetch(&s, tls, "-r 3145728-");
		expect_head(&s, " 416 ");
		expect_head(&s, "Content-Range: bytes */3145728");
	}
	fetch(&s, true, "-I");
	expect_head(&s, " 200 ");
	expect_head(&s, "Content-Length: 3145728");
	expect_head(&s, "Accept-Ranges: bytes");
	dc_scene_close(&s);
}

Test(devcenter_packages, if_range_gives_everything_when_the_etag_is_another, .timeout = 120)
{
	struct dc_scene s = dc_scene_open();

	dc_scene_must(
	    &(struct tool_result){
		fetch(&s, true, "-r 0-9 -H 'If-Range: \"nothing of this\"'").status, ""},
	    "other");
	expect_same(&s, "cat fw.bin");
	struct tool_result r = fetch(
	    &s, true, "-r 5-9 -H \"If-Range: $(sed -n 's/\\r$//; s/^ETag: //p' head)\"");
	dc_scene_must(&r, "same");
	expect_same(&s, "tail -c +6 fw.bin | head -c 5");
	dc_scene_close(&s);
}

Test(devcenter_packages, unknown_addresses_and_methods_are_refused, .timeout = 120)
{
	struct dc_scene s = dc_scene_open();
	char line[600];
	static const char *const paths[] = {"/", "/packages/", "/packages/../devcenter.db",
	    "/packages/%2e%2e/server.key", "/server.key"};

	for (int i = 0; i < 5; i++) {
		snprintf(line, sizeof(line),
		    "curl -s --path-as-is -o /dev/null -w '%%{http_code}' http://127.0.0.1:%u%s",
		    s.http, paths[i]);
		struct tool_result r = TOOL(s.dir, "sh", "-c", line);
		cr_expect_str_eq(r.out, "404", "%s", paths[i]);
	}
	fetch(&s, false, "-X POST -d x");
	expect_head(&s, " 405 ");
	dc_scene_close(&s);
}

/* Fetch under a fault; `fault set` returns when the server has it. */
static void
fetch_under(
    struct dc_scene *s, const char *fault, const char *value, const char *options, int status)
{
	DC_MUST(s, "fault", "clear");
	DC_MUST(s, "fault", "set", fault, value);
	struct tool_result r = fetch(s, true, options);
	cr_expect_eq(r.status, status, "%s %s: curl ended with %d", fault, value, r.status);
}

static long
size_of(struct dc_scene *s, const char *name)
{
	char path[500];
	struct stat st = {0};

	snprintf(path, sizeof(path), "%s/%s", s->dir, name);
	return stat(path, &st) == 0 ? (long)st.st_size : -1;
}

Test(devcenter_packages, the_package_store_misbehaves_on_request_and_stops, .timeout = 120)
{
	struct dc_scene s = dc_scene_open();

	fetch_under(&s, "http_cut_after", "1000000,1", "", 18);
	cr_expect_eq(size_of(&s, "got"), 1000000);
	dc_scene_must(&(struct tool_result){fetch(&s, true, "").status, ""}, "one time only");
	fetch_under(&s, "http_status", "503", "-f", 22);
	expect_head(&s, " 503 ");
	fetch_under(&s, "http_redirect", "302", "--fail-with-body --max-redirs 0 -L", 47);
	expect_head(&s, "Location: /elsewhere");
	fetch_under(&s, "http_stall_after", "70000", "-m 2", 28);
	cr_expect_eq(size_of(&s, "got"), 70000);
	fetch_under(&s, "http_drip", "10", "-m 1", 28);
	cr_expect_leq(size_of(&s, "got"), 110, "got %ld bytes", size_of(&s, "got"));
	cr_expect_geq(size_of(&s, "got"), 10, "got %ld bytes", size_of(&s, "got"));
	fetch_under(&s, "http_rate", "500000", "-m 2", 28);
	cr_expect_leq(size_of(&s, "got"), 1000000, "got %ld bytes", size_of(&s, "got"));
	cr_expect_geq(size_of(&s, "got"), 500000, "got %ld bytes", size_of(&s, "got"));
	fetch_under(&s, "http_flip", "12345", "", 0);
	struct tool_result r = TOOL(s.dir, "sh", "-c", "cmp -l fw.bin got");
	cr_expect(strstr(r.out, " 12346 ") && strchr(r.out, '\n') == strrchr(r.out, '\n'),
	    "one byte differs: %s", r.out);
	fetch_under(&s, "http_no_range", "1", "-r 5-", 0);
	expect_same(&s, "cat fw.bin");
	dc_scene_close(&s);
}

Test(devcenter_packages, bytes_that_were_served_are_counted, .timeout = 120)
{
	struct dc_scene s = dc_scene_open();

	fetch(&s, true, "");
	fetch(&s, true, "-r 0-999");
	fetch(&s, false, "-I");
	AUTO(vectors) cJSON *doc = dc_scene_status(&s);
	const cJSON *p = cJSON_GetArrayItem(cJSON_GetObjectItem(doc, "packages"), 0);
	cr_expect_eq(cJSON_GetObjectItem(p, "bytes_served")->valuedouble, DC_SCENE_PACKAGE + 1000);
	cr_expect_eq(cJSON_GetObjectItem(p, "requests")->valuedouble, 3);
	dc_scene_close(&s);
}

Test(devcenter_packages, every_file_of_a_package_is_served_and_counted, .timeout = 120)
{
	struct dc_scene s = dc_scene_open();

	struct tool_result r = TOOL(s.dir, "sh", "-c", "head -c 5000 fw.bin >a.bin; "
						       "tail -c 7000 fw.bin >b.bin");
	dc_scene_must(&r, "two files");
	DC_MUST(&s, "package", "add", "--file", "a.bin", "--file", "b.bin", "--name", "pair",
	    "--component", "app", "--target", "9.0.0");
	r = TOOL(s.dir, "sh", "-c",
	    "for f in a b; do curl -s --max-time 20 --cacert ca.pem -o got.$f "
	    "$(sed 's/.*\"https_port\":\\([0-9]*\\).*/https:\\/\\/127.0.0.1:\\1/' ready.json)"
	    "/packages/$(ls packages | grep -e \"-$f.bin\") && cmp got.$f $f.bin || exit 1; done");
	dc_scene_must(&r, "both are served");
	r = DC_RUN(&s, "status");
	cr_expect(strstr(r.out, "package pair: app 9.0.0, 12000 bytes, 12000 served in 2 requests"),
	    "%s", r.out);
	dc_scene_close(&s);
}
