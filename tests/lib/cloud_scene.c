/*
 * cloud_scene: see cloud_scene.h.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cloud_scene.h"
#include "couriers.h"
#include "daemon.h"
#include "kit.h"
#include "msg.h"

enum { CLOUD_UID = 64021, TURN_MS = 10 };

/* --- setting up ------------------------------------------------------------------------------- */

static FILE *
create(const char *path, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "w");

	cr_assert_not_null(f, "%s", path);
	return f;
}

void
cloud_scene_configure(struct cloud_scene *s, const struct cloud_scene_wish *w)
{
	const char *program = couriers_program("subota-dialer");
	char secrets[300];
	unsigned port = w->plain ? s->dc.plain : s->dc.mqtt, other = geteuid() ? 64000 : 0;

	snprintf(secrets, sizeof(secrets), "%s/secrets", s->dc.dir);
	AUTO(file) FILE *keys = create(secrets, 0600);
	fprintf(keys, "[product %s]\nsecret = %s\n[product %s]\nsecret = %s\n", DC_CASE_PK,
	    w->secret ? w->secret : DC_CASE_PS, DC_CASE_SUB_PK, DC_CASE_SUB_PS);
	AUTO(file) FILE *f = create(s->conf, 0644);
	fprintf(f,
	    "[common]\nrun_dir = %s\nstate_dir = %s\nlog_level = debug\ncloud_user = %u\n"
	    "lib_dir = %.*s\nfetch_user = %u\ncourier_user = %u\nflash_user = %u\n"
	    "session_user = %u\n",
	    s->run, s->state, (unsigned)s->uid, (int)(strrchr(program, '/') - program), program,
	    other + 1, other + 2, other + 3, other + 4);
	fprintf(f,
	    "[cloudd]\nhost = %s\nport = %u\ntls = %s\nproduct_key = %s\ndevice_key = %s\n"
	    "secrets = %s\nmodel = TESTGW\nversion = 3.2.1\n",
	    w->host ? w->host : "127.0.0.1", w->port ? w->port : port, w->plain ? "no" : "yes",
	    DC_CASE_PK, DC_CASE_DK, secrets);
	if (w->ca_file)
		fprintf(f, "ca_file = %s\n", w->ca_file);
	else
		fprintf(f, "ca_file = %s/ca.pem\n", s->dc.dir);
	fprintf(f, "%s\n", w->cloudd ? w->cloudd : "");
	if (w->profile)
		fprintf(f, "profile = custom\n[cloudd.profile]\n%s\n", w->profile);
}

static void
add_things(struct cloud_scene *s)
{
	DC_MUST(&s->dc, "product", "add", DC_CASE_SUB_PK, "--kind", "subdevice", "--ps",
	    DC_CASE_SUB_PS);
	DC_MUST(&s->dc, "subdevice", "add", DC_CASE_SUB_PK "/" DC_CASE_SUB_DK, "--gateway",
	    DC_CASE_PK "/" DC_CASE_DK);
	DC_MUST(&s->dc, "package", "add", "--file", "fw.bin", "--name", "app.bin", "--component",
	    "app", "--target", "1.1.0");
}

static void
on_message(void *arg, struct bus_link *from, const Pb__Envelope *e)
{
	struct cloud_scene *s = arg;
	uint8_t data[ROUTE_BUS_MAX];
	size_t len = 0;

	(void)from;
	cr_assert_lt(s->n_inbox, CLOUD_SCENE_INBOX);
	cr_assert_eq(msg_pack(e, data, sizeof(data), &len), ERR_OK);
	cr_assert_eq(msg_unpack(data, len, sizeof(data), &s->inbox[s->n_inbox++]), ERR_OK);
	s->offers += e->body_case == PB__ENVELOPE__BODY_PLAN_OFFER;
	s->orders += e->body_case == PB__ENVELOPE__BODY_FETCH_ORDER;
	s->cancels += e->body_case == PB__ENVELOPE__BODY_CANCEL;
	if (e->body_case == PB__ENVELOPE__BODY_REPORT_ACK) {
		s->acks++;
		s->acked = e->report_ack->id;
	}
}

static void
on_up(void *arg, struct bus_link *link)
{
	(void)link;
	((struct cloud_scene *)arg)->linked = true;
}

static void
on_down(void *arg, struct bus_link *link)
{
	(void)link;
	((struct cloud_scene *)arg)->linked = false;
}

static void
open_gate(struct cloud_scene *s)
{
	const struct bus_pace pace = {500, 4, 20, 500};
	struct bus_handler h = {on_message, on_up, on_down, s};
	char path[400];

	snprintf(path, sizeof(path), "%s/fetchd-cloudd", s->run);
	cr_assert_eq(daemon_make_dir(s->run, geteuid(), getegid(), 0755), ERR_OK);
	cr_assert_eq(daemon_make_dir(path, geteuid(), daemon_gid_of(s->uid), 02750), ERR_OK);
	snprintf(path, sizeof(path), "%s/fetchd-cloudd/sock", s->run);
	mode_t old = umask(0007);
	cr_assert_eq(loop_new(&s->loop), ERR_OK);
	cr_assert_eq(bus_new(s->loop, WHO_FETCHD, &s->bus), ERR_OK);
	bus_set_pace(s->bus, &pace);
	cr_assert_eq(bus_bind(s->bus, WHO_CLOUDD, s->uid, path, &h, &s->gate), ERR_OK);
	umask(old);
}

struct cloud_scene *
cloud_scene_open(const struct cloud_scene_wish *wish)
{
	struct cloud_scene *s = calloc(1, sizeof(*s));
	char path[400];

	cr_assert_not_null(s);
	s->dc = dc_scene_open();
	s->uid = geteuid() ? geteuid() : CLOUD_UID;
	snprintf(s->conf, sizeof(s->conf), "%s/subota.conf", s->dc.dir);
	snprintf(s->log, sizeof(s->log), "%s/cloudd.log", s->dc.dir);
	snprintf(s->run, sizeof(s->run), "%s/run", s->dc.dir);
	snprintf(s->state, sizeof(s->state), "%s/state", s->dc.dir);
	snprintf(path, sizeof(path), "%s/ca.pem", s->dc.dir);
	cr_assert(chmod(s->dc.dir, 0755) == 0 && chmod(path, 0644) == 0);
	add_things(s);
	cr_assert_eq(dc_db_open(s->dc.dir, false, &s->view.db), ERR_OK);
	cloud_scene_configure(s, wish);
	open_gate(s);
	return s;
}

void
cloud_scene_close(struct cloud_scene *s)
{
	if (s->pid)
		(void)cloud_scene_end(s, SIGKILL);
	bus_free(s->bus);
	loop_free(s->loop);
	for (size_t i = 0; i < s->n_inbox; i++)
		msg_free(s->inbox[i]);
	dc_db_close(s->view.db);
	dc_scene_close(&s->dc);
	free(s);
}

/* --- cloudd ----------------------------------------------------------------------------------- */

void
cloud_scene_start(struct cloud_scene *s)
{
	const char *program = couriers_program("subota-cloudd");
	const char *argv[] = {program, "--config", s->conf, NULL};
	char *env[] = {NULL};
	posix_spawn_file_actions_t fa;
	posix_spawnattr_t at;
	sigset_t none;

	sigemptyset(&none); /* loop_new has blocked some here */
	posix_spawnattr_init(&at);
	posix_spawnattr_setflags(&at, POSIX_SPAWN_SETSIGMASK);
	posix_spawnattr_setsigmask(&at, &none);
	posix_spawn_file_actions_init(&fa);
	posix_spawn_file_actions_addopen(&fa, 1, s->log, O_WRONLY | O_CREAT | O_APPEND, 0644);
	posix_spawn_file_actions_adddup2(&fa, 1, 2);
	cr_assert_eq(posix_spawn(&s->pid, program, &fa, &at, (char **)(uintptr_t)argv, env), 0,
	    "%s", program);
	posix_spawn_file_actions_destroy(&fa);
	posix_spawnattr_destroy(&at);
}

int
cloud_scene_end(struct cloud_scene *s, int signal)
{
	int status = -1;

	kill(s->pid, signal);
	cr_expect_eq(waitpid(s->pid, &status, 0), s->pid);
	s->pid = 0;
	return status;
}

int
cloud_scene_wait_end(struct cloud_scene *s)
{
	int status = -1;

	SCENE_WAIT(s, waitpid(s->pid, &status, WNOHANG) == s->pid);
	s->pid = 0;
	return status;
}

void
cloud_scene_turn(struct cloud_scene *s)
{
	(void)loop_once(s->loop, TURN_MS);
}

void
cloud_scene_give_up(struct cloud_scene *s, const char *condition)
{
	struct tool_result r = TOOL(s->dc.dir, "tail", "-c", "3000", "cloudd.log");

	if (s->pid)
		(void)cloud_scene_end(s, SIGKILL);
	cr_assert_fail("waited in vain for %s; statuses %s; cloudd says:\n%s", condition,
	    cloud_scene_statuses(s), r.out);
}

bool
cloud_scene_log_has(struct cloud_scene *s, const char *text)
{
	AUTO(file) FILE *f = fopen(s->log, "re");
	AUTO(mem) char *line = NULL;
	size_t size = 0;

	while (f && getline(&line, &size, f) > 0)
		if (strstr(line, text))
			return true;
	return false;
}

/* --- the gate --------------------------------------------------------------------------------- */

static Pb__Envelope *
take(struct cloud_scene *s)
{
	Pb__Envelope *e = s->inbox[0];

	s->n_inbox--;
	memmove(s->inbox, s->inbox + 1, s->n_inbox * sizeof(s->inbox[0]));
	return e;
}

/* The next of a kind stays at the head of the inbox; true when it is there. */
static bool
find(struct cloud_scene *s, int kind)
{
	while (s->n_inbox && (int)s->inbox[0]->body_case != kind)
		msg_free(take(s));
	return s->n_inbox > 0;
}

const Pb__Envelope *
cloud_scene_next(struct cloud_scene *s, int kind)
{
	static Pb__Envelope *held;

	SCENE_WAIT(s, find(s, kind));
	msg_free(held);
	held = take(s);
	return held;
}

static void
say(struct cloud_scene *s, Pb__Envelope *e, int kind)
{
	e->body_case = (Pb__Envelope__BodyCase)kind;
	SCENE_WAIT(s, s->linked);
	cr_assert_eq(bus_send(s->gate, e), ERR_OK);
}

static Pb__Device
device(void)
{
	Pb__Device d = PB__DEVICE__INIT;

	d.product_key = (char *)(uintptr_t)DC_CASE_SUB_PK;
	d.device_key = (char *)(uintptr_t)DC_CASE_SUB_DK;
	return d;
}

void
cloud_scene_device(struct cloud_scene *s, const char *version)
{
	Pb__Envelope e = PB__ENVELOPE__INIT;
	Pb__DeviceReport r = PB__DEVICE_REPORT__INIT;
	Pb__Device d = device();

	r.device = &d;
	r.component = (char *)(uintptr_t) "app";
	r.version = (char *)(uintptr_t)version;
	r.state = PB__DEVICE_STATE__DEVICE_STATE_PRESENT;
	r.battery_percent = 101;
	e.device_report = &r;
	say(s, &e, PB__ENVELOPE__BODY_DEVICE_REPORT);
}

void
cloud_scene_verdict(struct cloud_scene *s, uint64_t upgrade, int verdict, int reason)
{
	Pb__Envelope e = PB__ENVELOPE__INIT;
	Pb__PlanVerdict v = PB__PLAN_VERDICT__INIT;

	v.verdict = (Pb__Verdict)verdict;
	v.reason = (uint32_t)reason;
	v.detail = (char *)(uintptr_t) "as the test says";
	e.upgrade = upgrade;
	e.plan_verdict = &v;
	say(s, &e, PB__ENVELOPE__BODY_PLAN_VERDICT);
}

void
cloud_scene_progress(struct cloud_scene *s, uint64_t upgrade, int phase)
{
	Pb__Envelope e = PB__ENVELOPE__INIT;
	Pb__Progress p = PB__PROGRESS__INIT;
	Pb__Device d = device();

	p.device = &d;
	p.phase = (Pb__Phase)phase;
	e.upgrade = upgrade;
	e.progress = &p;
	say(s, &e, PB__ENVELOPE__BODY_PROGRESS);
}

uint64_t
cloud_scene_report(struct cloud_scene *s, uint64_t upgrade, uint64_t id, const char *source,
    int phase, int error, const char *version)
{
	Pb__Envelope e = PB__ENVELOPE__INIT;
	Pb__Report r = PB__REPORT__INIT;
	Pb__Device d = device();

	r.id = id ? id : ++s->last_report;
	r.source = (char *)(uintptr_t)source;
	r.device = &d;
	r.phase = (Pb__Phase)phase;
	r.error = (uint32_t)error;
	r.detail = (char *)(uintptr_t)(error ? "as the test says" : "");
	r.version = (char *)(uintptr_t)version;
	e.upgrade = upgrade;
	e.report = &r;
	say(s, &e, PB__ENVELOPE__BODY_REPORT);
	return r.id;
}

/* --- the platform ----------------------------------------------------------------------------- */

void
cloud_scene_plan(struct cloud_scene *s)
{
	DC_MUST(&s->dc, "plan", "add", "up", "--product", DC_CASE_SUB_PK, "--package", "app.bin",
	    "--versions", "1.0.0", "--retry-ms", "200", "--activate");
}

int64_t
cloud_scene_number(struct cloud_scene *s, const char *dk, const char *column)
{
	return dc_db_int(s->view.db, -1,
	    "SELECT CASE ? WHEN 'online' THEN online WHEN 'registered' THEN registered "
	    "WHEN 'known' THEN ds IS NOT NULL END FROM device WHERE dk = ?",
	    "tt", column, dk);
}

bool
cloud_scene_text_is(struct cloud_scene *s, const char *dk, const char *column, const char *text)
{
	return dc_db_int(s->view.db, 0,
		   "SELECT count(*) FROM device WHERE dk = ? AND ? = CASE ? WHEN 'version' THEN "
		   "version "
		   "WHEN 'model' THEN model WHEN 'ds' THEN ds END",
		   "ttt", dk, text, column) == 1;
}

const char *
cloud_scene_statuses(struct cloud_scene *s)
{
	return dc_case_statuses(&s->view, DC_CASE_SUB_DK);
}

bool
cloud_scene_is_done(struct cloud_scene *s)
{
	return dc_case_state(&s->view, DC_CASE_SUB_DK) == DC_PROGRESS_DONE;
}

void
cloud_scene_ready(struct cloud_scene *s)
{
	cloud_scene_device(s, "1.0.0");
	SCENE_WAIT(s, cloud_scene_number(s, DC_CASE_SUB_DK, "online") == 1);
	SCENE_WAIT(s, cloud_scene_text_is(s, DC_CASE_SUB_DK, "version", "1.0.0"));
}

void
cloud_scene_upgrade(struct cloud_scene *s)
{
	uint64_t id = cloud_scene_next(s, PB__ENVELOPE__BODY_PLAN_OFFER)->upgrade;

	cloud_scene_verdict(s, id, PB__VERDICT__VERDICT_ACCEPT, 0);
	cr_assert_eq(cloud_scene_next(s, PB__ENVELOPE__BODY_FETCH_ORDER)->upgrade, id);
	cloud_scene_progress(s, id, PB__PHASE__PHASE_FETCHING);
	cloud_scene_report(s, id, 0, "fetchd", PB__PHASE__PHASE_FETCHED, 0, "");
	cloud_scene_progress(s, id, PB__PHASE__PHASE_FLASHING);
	uint64_t last = cloud_scene_report(s, id, 0, "flashd", PB__PHASE__PHASE_DONE, 0, "1.1.0");
	SCENE_WAIT(s, cloud_scene_is_done(s) && s->acked == last);
}
