/*
 * The local Developer Center as a real process: its command line, mosquitto's client tools as
 * judges of its broker, a recorded device over a socket.
 */
#include <criterion/criterion.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "dc_case.h"
#include "dc_scene.h"
#include "vectors.h"

/* --- mosquitto ------------------------------------------------------------------------------- */

/* mosquitto_sub in the background of a shell, ready when the broker has its subscription. */
static struct tool_result
roundtrip(struct dc_scene *s, const char *qos, const char *auth)
{
	char line[1500];

	snprintf(line, sizeof(line),
	    "stdbuf -oL mosquitto_sub --cafile ca.pem -h localhost -p %u %s -q %s -t 'a/+/#' -C 3 "
	    "-W 20 -v -d "
	    ">sub.txt 2>&1 & "
	    "for i in $(seq 300); do grep -qs SUBACK sub.txt && break; sleep 0.05; done; "
	    "for m in one two three; do "
	    "mosquitto_pub --cafile ca.pem -h localhost -p %u %s -q %s -t a/b/c -m $m || exit 9; "
	    "done; wait; grep '^a/b/c' sub.txt",
	    s->mqtt, auth, qos, s->mqtt, auth, qos);
	return TOOL(s->dir, "sh", "-c", line);
}

Test(devcenter, mosquittos_clients_talk_through_it_at_every_quality, .timeout = 120)
{
	struct dc_scene s = dc_scene_open();
	static const char *const qualities[] = {"0", "1", "2"};

	for (int i = 0; i < 3; i++) {
		struct tool_result r = roundtrip(&s, qualities[i], "-u observer -P observer");

		dc_scene_must(&r, qualities[i]);
		cr_expect_str_eq(r.out, "a/b/c one\na/b/c two\na/b/c three\n");
	}
	dc_scene_close(&s);
}

Test(devcenter, mosquittos_clients_are_refused_without_account_or_trust, .timeout = 120)
{
	struct dc_scene s = dc_scene_open();
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
	dc_scene_close(&s);
}

Test(devcenter, a_golden_password_registers_over_tls, .timeout = 120)
{
	struct dc_scene s = dc_scene_open();
	AUTO(vectors) cJSON *doc = vectors_load();
	const char *password = vectors_text(
	    cJSON_GetArrayItem(cJSON_GetObjectItem(doc, "passwords"), 0), "password");
	char port[8];

	/* mosquitto cannot leave the user name out; the platform takes both. */
	snprintf(port, sizeof(port), "%u", s.mqtt);
	struct tool_result r = TOOL(s.dir, "mosquitto_sub", "--cafile", "ca.pem", "-h", "localhost",
	    "-p", port, "-i", DC_CASE_EP, "-u", DC_CASE_EP, "-P", password, "-t",
	    "q/1/d/" DC_CASE_EP "/+", "-q", "1", "-C", "1", "-W", "20", "-F", "%t %x");
	dc_scene_must(&r, "mosquitto_sub");
	cr_expect(strstr(r.out, "q/1/d/" DC_CASE_EP "/sys aaaa0029"), "%s", r.out);
	cr_expect(strstr(r.out, "000100b4002b0020"), "%s", r.out);
	dc_scene_close(&s);
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
	struct dc_scene s = dc_scene_open();
	AUTO(vectors) cJSON *doc = vectors_load();
	static const char device[] = DC_CASE_PK "/" DC_CASE_DK;

	DC_MUST(
	    &s, "plan", "add", "up", "--product", DC_CASE_PK, "--package", "fw.bin", "--activate");
	struct tool_result r = DC_RUN(
	    &s, "wait", "--device", device, "--state", "online", "--timeout", "0");
	cr_expect_eq(r.status, 2, "it times out: %s", r.out);
	struct dc_line *l = dc_case_dial(s.plain);
	replay(l, cJSON_GetArrayItem(cJSON_GetObjectItem(doc, "sdk_sessions"), 0));
	DC_MUST(&s, "wait", "--device", device, "--state", "success", "--timeout", "10");
	DC_MUST(&s, "wait", "--device", device, "--state", "online", "--timeout", "10");
	r = DC_RUN(&s, "wait", "--device", device, "--state", "failed", "--timeout", "10");
	cr_expect_eq(r.status, 1, "it cannot be any more: %s", r.out);
	AUTO(vectors) cJSON *now = dc_scene_status(&s);
	const cJSON *d = cJSON_GetArrayItem(cJSON_GetObjectItem(now, "devices"), 0);
	static const int codes[] = {1, 2, 4, 5, 8, 9, 11};
	const cJSON *statuses = cJSON_GetObjectItem(d, "statuses");
	cr_assert_eq(cJSON_GetArraySize(statuses), 7);
	for (int i = 0; i < 7; i++)
		cr_expect_eq(cJSON_GetObjectItem(cJSON_GetArrayItem(statuses, i), "code")->valueint,
		    codes[i]);
	r = DC_RUN(&s, "log", device);
	cr_expect(strstr(r.out, "Download Succeeded"), "%s", r.out);
	dc_line_free(l);
	DC_MUST(&s, "wait", "--device", device, "--state", "offline", "--timeout", "10");
	dc_scene_close(&s);
}

Test(devcenter, what_it_knows_survives_its_death, .timeout = 120)
{
	struct dc_scene s = dc_scene_open();
	AUTO(vectors) cJSON *doc = vectors_load();
	static const char device[] = DC_CASE_PK "/" DC_CASE_DK;
	struct dc_line *l = dc_case_dial(s.plain);

	DC_MUST(
	    &s, "plan", "add", "up", "--product", DC_CASE_PK, "--package", "fw.bin", "--activate");
	replay(l, cJSON_GetArrayItem(cJSON_GetObjectItem(doc, "sdk_sessions"), 0));
	kill(s.pid, SIGKILL);
	waitpid(s.pid, NULL, 0);
	dc_line_free(l);
	char ready[500];
	snprintf(ready, sizeof(ready), "%s/ready.json", s.dir);
	unlink(ready);
	dc_scene_start(&s);
	DC_MUST(&s, "wait", "--device", device, "--state", "success", "--timeout", "10");
	DC_MUST(&s, "wait", "--device", device, "--state", "offline", "--timeout", "10");
	dc_scene_close(&s);
}

Test(devcenter, hundreds_of_connections_are_served, .timeout = 120)
{
	struct dc_scene s = dc_scene_open();
	struct dc_line *l[300];
	struct dc_mqtt_packet p;
	char id[24];

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
	dc_scene_close(&s);
}

Test(devcenter, everything_to_a_device_is_held_back_on_request, .timeout = 120)
{
	struct dc_scene s = dc_scene_open();
	struct dc_line *l = dc_case_dial(s.plain), *o = dc_case_dial(s.plain);
	AUTO(vectors) cJSON *doc = vectors_load();
	const char *password = vectors_text(
	    cJSON_GetArrayItem(cJSON_GetObjectItem(doc, "passwords"), 0), "password");
	struct dc_mqtt_packet p;

	DC_MUST(&s, "fault", "set", "delay", "400");
	struct mono began = clock_now();
	dc_line_connect(o, "o", "observer", "observer");
	cr_assert(dc_line_wait(o, &p) && p.type == DC_MQTT_CONNACK);
	cr_expect_lt(mono_between(began, clock_now()), 400, "an account is no device");
	dc_line_connect(l, DC_CASE_EP, NULL, password);
	cr_assert(dc_line_wait(l, &p) && p.type == DC_MQTT_CONNACK);
	cr_expect_geq(mono_between(began, clock_now()), 400);
	dc_line_free(l);
	dc_line_free(o);
	dc_scene_close(&s);
}

Test(devcenter, a_second_server_on_the_same_directory_is_refused, .timeout = 120)
{
	struct dc_scene s = dc_scene_open();
	struct tool_result r = DC_RUN(&s, "serve");

	cr_expect_eq(r.status, 1);
	cr_expect(strstr(r.out, "another server"), "%s", r.out);
	char ready[500];
	snprintf(ready, sizeof(ready), "%s/ready.json", s.dir);
	cr_expect_eq(access(ready, F_OK), 0, "the first one's file stays");
	dc_scene_close(&s);
}

Test(devcenter, wrong_command_lines_are_explained, .timeout = 120)
{
	struct dc_scene s = dc_scene_open();
	static const struct {
		const char *argv[8];
		const char *says;
	} rows[] = {
	    {{"gateway", "add", "nope/DK11"}, "no gateway product"},
	    {{"gateway", "add", "p1115X"}, "expected PK/DK"},
	    {{"gateway", "add", DC_CASE_PK "/" DC_CASE_DK}, "exists already"},
	    {{"subdevice", "add", "a/b"}, "--gateway"},
	    {{"product", "add", "x", "--ps", "short"}, "16 to 32"},
	    {{"product", "add", "x", "--kind", "toaster"}, "gateway or subdevice"},
	    {{"package", "add", "--file", "nothing.bin", "--component", "c", "--target", "1"},
		"No such file"},
	    {{"plan", "add", "p", "--product", DC_CASE_PK, "--package", "none"}, "no such package"},
	    {{"plan", "activate", "none"}, "expected a plan"},
	    {{"plan", "delete", "none"}, "expected a plan"},
	    {{"plan", "add", "p", "--product", DC_CASE_PK, "--package", "fw.bin", "--retries=6"},
		"0 to 5, got 6"},
	    {{"package", "verify", "fw.bin"}, "--device"},
	    {{"plan", "add", "p", "--product=" DC_CASE_PK, "--package=fw.bin", "--mode=manual"},
		"a text in zh or en"},
	    {{"plan", "add", "p", "--product=" DC_CASE_PK, "--package=fw.bin", "--mode=maybe"},
		"silent or manual"},
	    {{"plan", "confirm", "p"}, "--device"},
	    {{"plan", "edit", "none"}, "expected a plan"},
	    {{"plan", "retry", "none"}, "expected a plan"},
	    {{"gateway", "add", DC_CASE_PK "/DK1"}, "4 to 32"},
	    {{"plan", "add", "p", "--product=" DC_CASE_PK, "--package=fw.bin", "--push-from=30"},
		"whole hours, got minutes 30 and 0"},
	    {{"package", "verify", "fw.bin", "--device", DC_CASE_PK "/" DC_CASE_DK}, "online"},
	    {{"clock", "--ahead", "-1"}, "--ahead"},
	    {{"fault", "set", "nonsense", "1"}, "no such fault"},
	    {{"fault", "set", "delay", "soon"}, "VALUE"},
	    {{"fault", "set", "lose@nowhere", "1"}, "no such fault"},
	    {{"fault", "set", "delay", "1", "--percent=50"}, "NAME@KIND"},
	    {{"fault", "set", "lose@0113", "1", "--percent=101"}, "from 1 to 100"},
	    {{"fault", "seed", "-1"}, "0 or more"},
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
	dc_scene_must(&help, "--help");
	cr_expect(strstr(help.out, "--min-battery"), "%s", help.out);
	dc_scene_close(&s);
}

/* The newest plan's life, as `status` has it. */
static void
expect_life(struct dc_scene *s, const char *life)
{
	AUTO(vectors) cJSON *doc = dc_scene_status(s);
	const cJSON *p = cJSON_GetArrayItem(cJSON_GetObjectItem(doc, "plans"), 0);

	cr_expect_str_eq(vectors_text(p, "life"), life);
}

Test(devcenter, a_day_of_a_plan_s_life_takes_no_time, .timeout = 120)
{
	struct dc_scene s = dc_scene_open();

	DC_MUST(&s, "plan", "add", "day", "--product", DC_CASE_PK, "--package", "fw.bin");
	expect_life(&s, "Inactivated");
	DC_MUST(&s, "plan", "activate", "day");
	expect_life(&s, "To be upgraded");
	DC_MUST(&s, "clock", "--ahead", "31449600");
	expect_life(&s, "To be upgraded"); /* the day before its end */
	DC_MUST(&s, "clock", "--ahead", "31622400");
	expect_life(&s, "Ended");
	DC_MUST(&s, "plan", "suspend", "day");
	cr_expect_neq(DC_RUN(&s, "plan", "activate", "day").status, 0, "it has ended");
	dc_scene_close(&s);
}

Test(devcenter, an_app_confirms_a_manual_plan_over_https, .timeout = 120)
{
	struct dc_scene s = dc_scene_open();
	char line[1500];

	DC_MUST(&s, "account", "add", "anna", "--password", "geheim");
	DC_MUST(&s, "plan", "add", "m", "--product", DC_CASE_PK, "--package", "fw.bin", "--mode",
	    "manual", "--text", "en=Better", "--activate");
	snprintf(line, sizeof(line),
	    "B=https://127.0.0.1:%u/v2; C='curl -s --max-time 20 --cacert ca.pem'; "
	    "R=$($C --data-urlencode phone=anna -d pwd=geheim "
	    "$B/enduser/enduserapi/phonePwdLogin | "
	    "sed 's/.*\"refreshToken\":{\"token\":\"\\([^\"]*\\).*/\\1/'); "
	    "T=$($C -X PUT -d \"refreshToken=$R\" $B/enduser/enduserapi/refreshToken | "
	    "sed 's/.*\"accessToken\":{\"token\":\"\\([^\"]*\\).*/\\1/'); "
	    "$C -X PUT \"$B/enduser/enduserapi/refreshToken?refreshToken=$R\"; "
	    "D='[{\"productKey\":\"" DC_CASE_PK "\",\"deviceKey\":\"" DC_CASE_DK
	    "\",\"planId\":1,\"operType\":1}]'; "
	    "$C -H \"Authorization: $T\" -d \"$D\" "
	    "$B/ota/enduserapi/v2/userBatchConfirmUpgrade; "
	    "$C -H \"Authorization: $T\" "
	    "\"$B/ota/enduserapi/v2/getDeviceUpgradePlan?pk=" DC_CASE_PK "&dk=" DC_CASE_DK "\"; "
	    "head -c 300000 /dev/zero | $C -o /dev/null -w '%%{http_code}' --data-binary @- "
	    "$B/ota/enduserapi/v2/userBatchConfirmUpgrade",
	    s.https);
	struct tool_result r = TOOL(s.dir, "sh", "-c", line);
	static const char *const says[] = {"\"failList\":[]", "\"userConfirmStatus\":1",
	    "\"upgradeVersionInfo\":\"Better\"", "\"comVerList\":[]", "\"code\":5032", "413"};
	for (size_t i = 0; i < sizeof(says) / sizeof(says[0]); i++)
		cr_expect(strstr(r.out, says[i]), "expected %s in: %s", says[i], r.out);
	dc_scene_close(&s);
}

Test(devcenter, a_plan_is_edited_until_it_is_activated, .timeout = 120)
{
	struct dc_scene s = dc_scene_open();

	DC_MUST(&s, "plan", "add", "p", "--product", DC_CASE_PK, "--package", "fw.bin",
	    "--retries=2", "--min-signal=-90");
	DC_MUST(&s, "plan", "edit", "p", "--name", "q", "--retries=3", "--no-push", "--white",
	    DC_CASE_DK, "--zone=60");
	AUTO(vectors) cJSON *doc = dc_scene_status(&s);
	const cJSON *plan = cJSON_GetArrayItem(cJSON_GetObjectItem(doc, "plans"), 0);
	static const struct {
		const char *name;
		int value;
	} rows[] = {
	    {"retries", 3}, {"min_signal", -90}, {"push", 0}, {"zone", 60}, {"min_battery", 30}};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		cr_expect_eq(cJSON_GetObjectItem(plan, rows[i].name)->valueint, rows[i].value, "%s",
		    rows[i].name);
	cr_expect_str_eq(vectors_text(plan, "name"), "q");
	struct tool_result r = DC_RUN(&s, "plan", "edit", "q", "--versions", "1;2");
	cr_expect(r.status == 1 && strstr(r.out, "--package with it"), "%s", r.out);
	DC_MUST(&s, "plan", "edit", "q", "--push", "--package", "fw.bin", "--versions", "1;2");
	DC_MUST(&s, "plan", "activate", "q");
	r = DC_RUN(&s, "plan", "edit", "q", "--retries=4");
	cr_expect(r.status == 1 && strstr(r.out, "only those can be edited"), "%s", r.out);
	dc_scene_close(&s);
}

Test(devcenter, faults_of_a_kind_of_message_are_set_listed_and_cleared, .timeout = 120)
{
	struct dc_scene s = dc_scene_open();

	DC_MUST(&s, "fault", "seed", "42");
	DC_MUST(&s, "fault", "set", "lose@0113", "1", "--percent", "30");
	DC_MUST(&s, "fault", "set", "slow@down", "5,2");
	struct tool_result r = DC_RUN(&s, "fault", "list");
	cr_expect(strstr(r.out, "lose@0113 [set: 1, always, 30 %]"), "%s", r.out);
	cr_expect(strstr(r.out, "slow@down [set: 5, 2 times]"), "%s", r.out);
	DC_MUST(&s, "fault", "clear", "lose@0113");
	r = DC_RUN(&s, "fault", "list");
	cr_expect_null(strstr(r.out, "lose@0113"), "%s", r.out);
	cr_expect(strstr(r.out, "slow@down ["), "%s", r.out);
	DC_MUST(&s, "fault", "clear");
	r = DC_RUN(&s, "fault", "list");
	cr_expect_null(strstr(r.out, "[set"), "%s", r.out);
	dc_scene_close(&s);
}

Test(devcenter, a_quiet_connection_ends_when_its_clock_is_put_ahead_and_only_then, .timeout = 120)
{
	struct dc_scene s = dc_scene_open();
	AUTO(dc_line) struct dc_line *l = dc_case_dial(s.plain);
	struct dc_mqtt_packet p;

	dc_line_connect(l, "quiet", "observer", "observer"); /* keep-alive 120 s */
	cr_assert(dc_line_wait(l, &p) && p.type == DC_MQTT_CONNACK);
	DC_MUST(&s, "clock", "--ahead", "86400");
	dc_line_send(l, "\xc0\0", 2);
	cr_expect(dc_line_wait(l, &p) && p.type == DC_MQTT_PINGRESP, "a day of plans has passed");
	DC_MUST(&s, "clock", "--ahead", "172800", "--connections");
	struct pollfd ready = {.fd = l->fd, .events = POLLIN};
	char byte;
	cr_expect_eq(poll(&ready, 1, 10000), 1, "it is closed");
	cr_expect_leq(recv(l->fd, &byte, 1, 0), 0);
	dc_scene_close(&s);
}

/* --- another writer -------------------------------------------------------------------------- */

/* Writes to the database all the time, in a process of its own. */
static pid_t
write_on(struct dc_scene *s)
{
	const struct timespec pause = {0, 200000};
	struct dc_db *db = NULL;
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (dc_db_open(s->dir, false, &db))
		_exit(1);
	for (int64_t i = 0; !dc_db_failed(db); i++) {
		dc_db_do(db,
		    "INSERT INTO setting (name, value) VALUES ('noise', ?) "
		    "ON CONFLICT (name) DO UPDATE SET value = excluded.value",
		    "i", i);
		nanosleep(&pause, NULL);
	}
	_exit(1);
}

Test(devcenter, commands_do_not_fail_because_another_writes_in_between, .timeout = 300)
{
	struct dc_scene s = dc_scene_open();
	int status = 0;

	DC_MUST(&s, "plan", "add", "up", "--product", DC_CASE_PK, "--package", "fw.bin");
	pid_t pid = write_on(&s);
	cr_assert_gt(pid, 0);
	for (int i = 0; i < 40; i++) {
		DC_MUST(&s, "plan", "activate", "up");
		DC_MUST(&s, "plan", "suspend", "up");
	}
	cr_expect_eq(waitpid(pid, &status, WNOHANG), 0, "the writer, too, goes on");
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	dc_scene_close(&s);
}
