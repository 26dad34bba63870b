/*
 * The local Developer Center as a real process: its command line, mosquitto's client tools and curl
 * as judges of its broker and package store, a recorded device over a socket.
 */
#include <criterion/criterion.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "dc_case.h"
#include "kit.h"
#include "tool.h"
#include "vectors.h"

enum { PACKAGE = 3 << 20, WAIT_MS = 15000 };

struct scene {
	char *dir;
	char program[400];
	pid_t pid;
	unsigned mqtt, https, plain, http;
	char path[300]; /* of the package, "/packages/..." */
};

#define RUN(s, ...) TOOL((s)->dir, (s)->program, __VA_ARGS__, "--dir", (s)->dir)

static void
must(const struct tool_result *r, const char *what)
{
	cr_assert_eq(r->status, 0, "%s: status %d: %s", what, r->status, r->out);
}

#define MUST(s, ...) \
	do { \
		struct tool_result r_ = RUN(s, __VA_ARGS__); \
		must(&r_, #__VA_ARGS__); \
	} while (0)

/* Wait for a file to be there. */
static bool
appears(const char *path)
{
	const struct timespec pause = {0, 5000000};

	for (int i = 0; i < WAIT_MS / 5; i++) {
		if (access(path, F_OK) == 0)
			return true;
		nanosleep(&pause, NULL);
	}
	return false;
}

static void
start(struct scene *s)
{
	char ready[500], text[600] = "";
	const char *argv[] = {s->program, "serve", "--dir", s->dir, "--http-port", "0",
	    "--plain-mqtt-port", "0", "--quiet", NULL};
	char *env[] = {NULL};

	cr_assert_eq(
	    posix_spawn(&s->pid, s->program, NULL, NULL, (char **)(uintptr_t)argv, env), 0);
	snprintf(ready, sizeof(ready), "%s/ready.json", s->dir);
	cr_assert(appears(ready), "it never got ready");
	AUTO(file) FILE *f = fopen(ready, "r");
	cr_assert(f && fread(text, 1, sizeof(text) - 1, f) > 0);
	AUTO(vectors) cJSON *doc = cJSON_Parse(text);
	cr_assert_not_null(doc, "%s", text);
	s->mqtt = (unsigned)cJSON_GetObjectItem(doc, "mqtt_port")->valueint;
	s->https = (unsigned)cJSON_GetObjectItem(doc, "https_port")->valueint;
	s->plain = (unsigned)cJSON_GetObjectItem(doc, "plain_mqtt_port")->valueint;
	s->http = (unsigned)cJSON_GetObjectItem(doc, "http_port")->valueint;
}

static void
write_package(const char *dir)
{
	char path[500];
	uint32_t x = 1;

	snprintf(path, sizeof(path), "%s/fw.bin", dir);
	AUTO(file) FILE *f = fopen(path, "w");
	cr_assert_not_null(f);
	for (int i = 0; i < PACKAGE / 4; i++) {
		x = x * 1664525u + 1013904223u;
		fwrite(&x, 4, 1, f);
	}
}

/* subota-devcenter of this very build: ../bin beside the running test program. */
static void
find_program(struct scene *s)
{
	char self[300] = "";

	cr_assert_gt(readlink("/proc/self/exe", self, sizeof(self) - 1), 0);
	*strrchr(self, '/') = '\0';
	snprintf(s->program, sizeof(s->program), "%s/../bin/subota-devcenter", self);
	cr_assert_eq(access(s->program, X_OK), 0, "%s is not built", s->program);
}

static struct scene
open_scene(void)
{
	struct scene s = {.dir = kit_scratch()};

	find_program(&s);
	write_package(s.dir);
	MUST(&s, "init");
	MUST(&s, "product", "add", DC_CASE_PK, "--ps", DC_CASE_PS);
	MUST(&s, "gateway", "add", DC_CASE_PK "/" DC_CASE_DK);
	struct tool_result r = RUN(&s, "package", "add", "--file", "fw.bin", "--component", "MCU1",
	    "--kind", "mcu", "--target", "1.1.0", "--source", "1.0.0");
	must(&r, "package add");
	AUTO(vectors) cJSON *doc = cJSON_Parse(r.out);
	snprintf(s.path, sizeof(s.path), "%s", vectors_text(doc, "path"));
	start(&s);
	return s;
}

/* SIGTERM ends it with status 0 and takes ready.json away. */
static void
close_scene(struct scene *s)
{
	char ready[500];
	int status = -1;

	kill(s->pid, SIGTERM);
	cr_expect_eq(waitpid(s->pid, &status, 0), s->pid);
	cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %x", (unsigned)status);
	snprintf(ready, sizeof(ready), "%s/ready.json", s->dir);
	cr_expect_neq(access(ready, F_OK), 0);
	kit_scratch_remove(s->dir);
}

/* The server's status document; caller frees. */
static cJSON *
status_of(struct scene *s)
{
	struct tool_result r = RUN(s, "status", "--json");

	must(&r, "status");
	cJSON *doc = cJSON_Parse(r.out);
	cr_assert_not_null(doc, "%s", r.out);
	return doc;
}

/* --- mosquitto ------------------------------------------------------------------------------- */

/* mosquitto_sub in the background of a shell, ready when the broker has its subscription. */
static struct tool_result
roundtrip(struct scene *s, const char *qos, const char *auth)
{
	char line[1500];

	snprintf(line, sizeof(line),
	    "stdbuf -oL mosquitto_sub --cafile ca.pem -h localhost -p %u %s -q %s -t 'a/+/#' -C 3 "
	    "-W 20 -v -d "
	    ">sub.txt 2>&1 & "
	    "for i in $(seq 300); do grep -q SUBACK sub.txt && break; sleep 0.05; done; "
	    "for m in one two three; do "
	    "mosquitto_pub --cafile ca.pem -h localhost -p %u %s -q %s -t a/b/c -m $m || exit 9; "
	    "done; wait; grep '^a/b/c' sub.txt",
	    s->mqtt, auth, qos, s->mqtt, auth, qos);
	return TOOL(s->dir, "sh", "-c", line);
}

Test(devcenter, mosquittos_clients_talk_through_it_at_every_quality, .timeout = 120)
{
	struct scene s = open_scene();
	static const char *const qualities[] = {"0", "1", "2"};

	for (int i = 0; i < 3; i++) {
		struct tool_result r = roundtrip(&s, qualities[i], "-u observer -P observer");

		must(&r, qualities[i]);
		cr_expect_str_eq(r.out, "a/b/c one\na/b/c two\na/b/c three\n");
	}
	close_scene(&s);
}

Test(devcenter, mosquittos_clients_are_refused_without_account_or_trust, .timeout = 120)
{
	struct scene s = open_scene();
	char port[8];

	snprintf(port, sizeof(port), "%u", s.mqtt);
	struct tool_result wrong = TOOL(s.dir, "mosquitto_pub", "--cafile", "ca.pem", "-h",
	    "localhost", "-p", port, "-u", "observer", "-P", "x", "-t", "t", "-m", "m");
	cr_expect_neq(wrong.status, 0);
	cr_expect(strstr(wrong.out, "bad user name or password"), "%s", wrong.out);
	struct tool_result stranger = TOOL(s.dir, "mosquitto_pub", "--cafile",
	    "/etc/ssl/certs/ca-certificates.crt", "-h", "localhost", "-p", port, "-u", "observer",
	    "-P", "observer", "-t", "t", "-m", "m");
	cr_expect_neq(stranger.status, 0, "another authority proves nothing");
	close_scene(&s);
}

Test(devcenter, a_golden_password_registers_over_tls, .timeout = 120)
{
	struct scene s = open_scene();
	AUTO(vectors) cJSON *doc = vectors_load();
	const char *password = vectors_text(
	    cJSON_GetArrayItem(cJSON_GetObjectItem(doc, "passwords"), 0), "password");
	char port[8];

	/* mosquitto cannot leave the user name out; the platform takes both. */
	snprintf(port, sizeof(port), "%u", s.mqtt);
	struct tool_result r = TOOL(s.dir, "mosquitto_sub", "--cafile", "ca.pem", "-h", "localhost",
	    "-p", port, "-i", DC_CASE_EP, "-u", DC_CASE_EP, "-P", password, "-t",
	    "q/1/d/" DC_CASE_EP "/+", "-q", "1", "-C", "1", "-W", "20", "-F", "%t %x");
	must(&r, "mosquitto_sub");
	cr_expect(strstr(r.out, "q/1/d/" DC_CASE_EP "/sys aaaa0029"), "%s", r.out);
	cr_expect(strstr(r.out, "000100b4002b0020"), "%s", r.out);
	close_scene(&s);
}

/* --- packages -------------------------------------------------------------------------------- */

/* curl with a shell line; %s in it is the package's address. */
static struct tool_result
fetch(struct scene *s, bool tls, const char *options)
{
	char line[1500];

	snprintf(line, sizeof(line),
	    "rm -f got; curl -s --max-time 20 --cacert ca.pem -o got -D head %s "
	    "%s://127.0.0.1:%u%s",
	    options, tls ? "https" : "http", tls ? s->https : s->http, s->path);
	return TOOL(s->dir, "sh", "-c", line);
}

static void
expect_same(struct scene *s, const char *how)
{
	char line[300];

	snprintf(line, sizeof(line), "%s | cmp - got && cat head", how);
	struct tool_result r = TOOL(s->dir, "sh", "-c", line);
	cr_expect_eq(r.status, 0, "%s: %s", how, r.out);
}

static void
expect_head(struct scene *s, const char *want)
{
	struct tool_result r = TOOL(s->dir, "cat", "head");

	cr_expect(strstr(r.out, want), "expected %s in %s", want, r.out);
}

Test(devcenter, packages_are_served_whole_and_in_ranges, .timeout = 120)
{
	struct scene s = open_scene();

	for (int tls = 0; tls < 2; tls++) {
		must(&(struct tool_result){fetch(&s, tls, "").status, ""}, "whole");
		expect_same(&s, "cat fw.bin");
		must(&(struct tool_result){fetch(&s, tls, "-r 1000000-").status, ""}, "range");
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
	close_scene(&s);
}

Test(devcenter, if_range_gives_everything_when_the_etag_is_another, .timeout = 120)
{
	struct scene s = open_scene();

	must(
	    &(struct tool_result){
		fetch(&s, true, "-r 0-9 -H 'If-Range: \"nothing of this\"'").status, ""},
	    "other");
	expect_same(&s, "cat fw.bin");
	struct tool_result r = fetch(
	    &s, true, "-r 5-9 -H \"If-Range: $(sed -n 's/\\r$//; s/^ETag: //p' head)\"");
	must(&r, "same");
	expect_same(&s, "tail -c +6 fw.bin | head -c 5");
	close_scene(&s);
}

Test(devcenter, unknown_addresses_and_methods_are_refused, .timeout = 120)
{
	struct scene s = open_scene();
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
	close_scene(&s);
}

/* Fetch under a fault; `fault set` returns when the server has it. */
static void
fetch_under(struct scene *s, const char *fault, const char *value, const char *options, int status)
{
	MUST(s, "fault", "clear");
	MUST(s, "fault", "set", fault, value);
	struct tool_result r = fetch(s, true, options);
	cr_expect_eq(r.status, status, "%s %s: curl ended with %d", fault, value, r.status);
}

static long
size_of(struct scene *s, const char *name)
{
	char path[500];
	struct stat st = {0};

	snprintf(path, sizeof(path), "%s/%s", s->dir, name);
	return stat(path, &st) == 0 ? (long)st.st_size : -1;
}

Test(devcenter, the_package_store_misbehaves_on_request_and_stops, .timeout = 120)
{
	struct scene s = open_scene();

	fetch_under(&s, "http_cut_after", "1000000,1", "", 18);
	cr_expect_eq(size_of(&s, "got"), 1000000);
	must(&(struct tool_result){fetch(&s, true, "").status, ""}, "one time only");
	fetch_under(&s, "http_status", "503", "-f", 22);
	expect_head(&s, " 503 ");
	fetch_under(&s, "http_redirect", "302", "--fail-with-body --max-redirs 0 -L", 47);
	expect_head(&s, "Location: /elsewhere");
	fetch_under(&s, "http_stall_after", "70000", "-m 2", 28);
	cr_expect_eq(size_of(&s, "got"), 70000);
	fetch_under(&s, "http_drip", "10", "-m 1", 28);
	cr_expect_leq(size_of(&s, "got"), 110, "got %ld bytes", size_of(&s, "got"));
	cr_expect_geq(size_of(&s, "got"), 10, "got %ld bytes", size_of(&s, "got"));
	close_scene(&s);
}

Test(devcenter, bytes_that_were_served_are_counted, .timeout = 120)
{
	struct scene s = open_scene();

	fetch(&s, true, "");
	fetch(&s, true, "-r 0-999");
	fetch(&s, false, "-I");
	AUTO(vectors) cJSON *doc = status_of(&s);
	const cJSON *p = cJSON_GetArrayItem(cJSON_GetObjectItem(doc, "packages"), 0);
	cr_expect_eq(cJSON_GetObjectItem(p, "bytes_served")->valuedouble, PACKAGE + 1000);
	cr_expect_eq(cJSON_GetObjectItem(p, "requests")->valuedouble, 3);
	close_scene(&s);
}

/* --- the platform ---------------------------------------------------------------------------- */

static void
send_step(struct dc_line *l, const cJSON *step, uint16_t id)
{
	AUTO(mem) struct vectors_bytes *wire = vectors_hex(step, "wire");
	unsigned qos = (unsigned)cJSON_GetObjectItem(step, "qos")->valueint;
	struct dc_mqtt_packet p = {0};

	dc_line_publish(l, vectors_text(step, "topic"), wire->data, wire->len, qos, id);
	while (p.type != DC_MQTT_PUBACK && p.type != DC_MQTT_PUBCOMP) {
		cr_assert(dc_line_wait(l, &p), "no answer to %s", vectors_text(step, "cmd"));
		if (p.type == DC_MQTT_PUBREC)
			dc_line_ack(l, 0x62, id);
	}
}

static void
replay(struct dc_line *l, const cJSON *session)
{
	const cJSON *step = NULL;
	uint16_t id = 1;

	cJSON_ArrayForEach(step, cJSON_GetObjectItem(session, "steps"))
	{
		if (strcmp(vectors_text(step, "mqtt"), "CONNECT") == 0)
			dc_line_connect(l, vectors_text(step, "client_id"), NULL,
			    vectors_text(step, "password"));
		if (strcmp(vectors_text(step, "mqtt"), "SUBSCRIBE") == 0)
			dc_line_subscribe(l, vectors_text(step, "topic"), 1);
		if (strcmp(vectors_text(step, "from"), "SDK") == 0)
			send_step(l, step, ++id);
	}
}

Test(devcenter, a_recorded_upgrade_is_seen_by_the_command_line_while_it_runs, .timeout = 120)
{
	struct scene s = open_scene();
	AUTO(vectors) cJSON *doc = vectors_load();
	static const char device[] = DC_CASE_PK "/" DC_CASE_DK;

	MUST(&s, "plan", "add", "up", "--product", DC_CASE_PK, "--package", "fw.bin", "--activate");
	struct tool_result r = RUN(
	    &s, "wait", "--device", device, "--state", "online", "--timeout", "0");
	cr_expect_eq(r.status, 2, "it times out: %s", r.out);
	struct dc_line *l = dc_case_dial(s.plain);
	replay(l, cJSON_GetArrayItem(cJSON_GetObjectItem(doc, "sdk_sessions"), 0));
	MUST(&s, "wait", "--device", device, "--state", "success", "--timeout", "10");
	MUST(&s, "wait", "--device", device, "--state", "online", "--timeout", "10");
	r = RUN(&s, "wait", "--device", device, "--state", "failed", "--timeout", "10");
	cr_expect_eq(r.status, 1, "it cannot be any more: %s", r.out);
	AUTO(vectors) cJSON *now = status_of(&s);
	const cJSON *d = cJSON_GetArrayItem(cJSON_GetObjectItem(now, "devices"), 0);
	static const int codes[] = {1, 2, 4, 5, 8, 9, 11};
	const cJSON *statuses = cJSON_GetObjectItem(d, "statuses");
	cr_assert_eq(cJSON_GetArraySize(statuses), 7);
	for (int i = 0; i < 7; i++)
		cr_expect_eq(cJSON_GetObjectItem(cJSON_GetArrayItem(statuses, i), "code")->valueint,
		    codes[i]);
	r = RUN(&s, "log", device);
	cr_expect(strstr(r.out, "Download Succeeded"), "%s", r.out);
	dc_line_free(l);
	MUST(&s, "wait", "--device", device, "--state", "offline", "--timeout", "10");
	close_scene(&s);
}

Test(devcenter, what_it_knows_survives_its_death, .timeout = 120)
{
	struct scene s = open_scene();
	AUTO(vectors) cJSON *doc = vectors_load();
	static const char device[] = DC_CASE_PK "/" DC_CASE_DK;
	struct dc_line *l = dc_case_dial(s.plain);

	MUST(&s, "plan", "add", "up", "--product", DC_CASE_PK, "--package", "fw.bin", "--activate");
	replay(l, cJSON_GetArrayItem(cJSON_GetObjectItem(doc, "sdk_sessions"), 0));
	kill(s.pid, SIGKILL);
	waitpid(s.pid, NULL, 0);
	dc_line_free(l);
	char ready[500];
	snprintf(ready, sizeof(ready), "%s/ready.json", s.dir);
	unlink(ready);
	start(&s);
	MUST(&s, "wait", "--device", device, "--state", "success", "--timeout", "10");
	MUST(&s, "wait", "--device", device, "--state", "offline", "--timeout", "10");
	close_scene(&s);
}

Test(devcenter, hundreds_of_connections_are_served, .timeout = 120)
{
	struct scene s = open_scene();
	struct dc_line *l[300];
	struct dc_mqtt_packet p;
	char id[16];

	for (int i = 0; i < 300; i++) {
		l[i] = dc_case_dial(s.plain);
		snprintf(id, sizeof(id), "client%d", i);
		dc_line_connect(l[i], id, "observer", "observer");
		dc_line_subscribe(l[i], "t", 0);
	}
	for (int i = 0; i < 300; i++) {
		cr_assert(dc_line_wait(l[i], &p) && p.type == DC_MQTT_CONNACK);
		cr_assert(dc_line_wait(l[i], &p) && p.type == DC_MQTT_SUBACK);
	}
	dc_line_publish(l[0], "t", "x", 1, 0, 0);
	for (int i = 0; i < 300; i++) {
		cr_expect(dc_line_wait(l[i], &p) && p.type == DC_MQTT_PUBLISH);
		dc_line_free(l[i]);
	}
	close_scene(&s);
}

Test(devcenter, a_second_server_on_the_same_directory_is_refused, .timeout = 120)
{
	struct scene s = open_scene();
	struct tool_result r = RUN(&s, "serve");

	cr_expect_eq(r.status, 1);
	cr_expect(strstr(r.out, "another server"), "%s", r.out);
	cr_expect_eq(size_of(&s, "ready.json") > 0, 1, "the first one's file stays");
	close_scene(&s);
}

Test(devcenter, wrong_command_lines_are_explained, .timeout = 120)
{
	struct scene s = open_scene();
	static const struct {
		const char *argv[8];
		const char *says;
	} rows[] = {
	    {{"gateway", "add", "nope/DK1"}, "no gateway product"},
	    {{"gateway", "add", "p1115X"}, "expected PK/DK"},
	    {{"gateway", "add", DC_CASE_PK "/" DC_CASE_DK}, "exists already"},
	    {{"subdevice", "add", "a/b"}, "--gateway"},
	    {{"product", "add", "x", "--ps", "short"}, "16 to 32"},
	    {{"product", "add", "x", "--kind", "toaster"}, "gateway or subdevice"},
	    {{"package", "add", "--file", "nothing.bin", "--component", "c", "--target", "1"},
		"No such file"},
	    {{"plan", "add", "p", "--product", DC_CASE_PK, "--package", "none"}, "no such package"},
	    {{"plan", "activate", "none"}, "expected a plan"},
	    {{"fault", "set", "nonsense", "1"}, "no such fault"},
	    {{"fault", "set", "delay", "soon"}, "VALUE"},
	    {{"wait", "--device", "a/b", "--state", "happy"}, "--state"},
	    {{"frobnicate"}, "usage"},
	    {{"status", "--frob"}, "unknown option"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *argv[12] = {s.program};
		int n = 1;

		for (int k = 0; k < 8 && rows[i].argv[k]; k++)
			argv[n++] = rows[i].argv[k];
		argv[n++] = "--dir";
		argv[n++] = s.dir;
		struct tool_result r = tool_run(s.dir, argv);
		cr_expect_neq(r.status, 0, "%s %s", rows[i].argv[0], rows[i].argv[1]);
		cr_expect(strstr(r.out, rows[i].says), "expected '%s' in: %s", rows[i].says, r.out);
	}
	struct tool_result help = TOOL(s.dir, s.program, "plan", "add", "--help");
	must(&help, "--help");
	cr_expect(strstr(help.out, "--min-battery"), "%s", help.out);
	close_scene(&s);
}
