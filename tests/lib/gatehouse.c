/*
 * gatehouse: see gatehouse.h.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "bus_client.h"
#include "couriers.h"
#include "daemon.h"
#include "gatehouse.h"
#include "house_proc.h"
#include "mail.h"

enum { STEP_MS = 2, GATE = 65532, COURIER = 65533 };

static uid_t
gate_uid(void)
{
	return geteuid() ? geteuid() : GATE;
}

static struct daemon_common
common(const struct gatehouse *h)
{
	struct daemon_common c = {.cloud_uid = geteuid(), .flash_uid = geteuid()};

	c.fetch_uid = gate_uid();
	snprintf(c.run_dir, sizeof(c.run_dir), "%s/run", h->dir);
	snprintf(c.state_dir, sizeof(c.state_dir), "%s/state", h->dir);
	return c;
}

static void
write_config(struct gatehouse *h)
{
	char path[300];
	struct daemon_common c = common(h);
	const char *lib = couriers_program("");

	snprintf(path, sizeof(path), "%s/subota.conf", h->dir);
	AUTO(file) FILE *f = fopen(path, "we");
	cr_assert_not_null(f);
	fprintf(f,
	    "[common]\nrun_dir = %s/run\nstate_dir = %s/state\nstore_dir = %s/store\n"
	    "lib_dir = %.*s\ncloud_user = %u\nfetch_user = %u\ncourier_user = %u\n"
	    "flash_user = %u\nsession_user = %u\n",
	    h->dir, h->dir, h->dir, (int)strlen(lib) - 1, lib, c.cloud_uid, c.fetch_uid,
	    geteuid() ? geteuid() : COURIER, c.flash_uid, c.flash_uid);
	fprintf(f, "[fetchd]\ntrust_dir = %s\nallow_http = yes\nallow_private_hosts = yes\n%s%s\n",
	    h->kit->anchor_dir, strstr(h->extra, "package_ports") ? "" : "package_ports = any\n",
	    h->extra);
}

/* --- our neighbours --------------------------------------------------------------------------- */

static void
on_message(void *arg, struct bus_link *from, const Pb__Envelope *e)
{
	struct gatehouse_mail *m = arg;

	(void)from;
	cr_assert_lt(m->n, GATEHOUSE_INBOX);
	m->inbox[m->n++] = mail_copy(e);
}

static void
on_up(void *arg, struct bus_link *link)
{
	struct gatehouse_mail *m = arg;

	(void)link;
	m->greeted = true;
}

static void
on_down(void *arg, struct bus_link *link)
{
	struct gatehouse_mail *m = arg;

	(void)link;
	m->greeted = false;
}

void
gatehouse_cloud_back(struct gatehouse *h)
{
	struct bus_handler handler = {on_message, on_up, on_down, &h->at_cloud};
	struct daemon_common c = common(h);
	char path[108];

	daemon_socket_path(&c, WHO_FETCHD, WHO_CLOUDD, path);
	cr_assert_eq(bus_new(h->cloud_loop, WHO_CLOUDD, &h->cloud_bus), ERR_OK);
	cr_assert_eq(bus_connect(h->cloud_bus, WHO_FETCHD, path, &handler, &h->cloud), ERR_OK);
}

void
gatehouse_cloud_away(struct gatehouse *h)
{
	bus_free(h->cloud_bus);
	h->cloud_bus = NULL;
	h->cloud = NULL;
	h->at_cloud.greeted = false;
}

void
gatehouse_flash_back(struct gatehouse *h)
{
	struct bus_handler handler = {on_message, on_up, on_down, &h->at_flash};
	struct daemon_common c = common(h);
	char path[108];

	daemon_socket_path(&c, WHO_FLASHD, WHO_FETCHD, path);
	cr_assert_eq(daemon_make_dirs(&c, WHO_FLASHD, c.flash_uid), ERR_OK);
	cr_assert_eq(bus_new(h->loop, WHO_FLASHD, &h->flash_bus), ERR_OK);
	cr_assert_eq(
	    bus_bind(h->flash_bus, WHO_FETCHD, c.fetch_uid, path, &handler, &h->flash), ERR_OK);
}

void
gatehouse_flash_away(struct gatehouse *h)
{
	bus_free(h->flash_bus);
	h->flash_bus = NULL;
	h->flash = NULL;
	h->at_flash.greeted = false;
}

/* --- who tidies up --------------------------------------------------------------------------- */

enum { NOTHING_RUNS = 0, TIDY = -1 };

/* A parent-death signal does not survive the gate's change of user. */
static void
guard(struct gatehouse *h, int in)
{
	int last = NOTHING_RUNS, pid = 0;

	setsid();
	while (read(in, &pid, sizeof(pid)) == (ssize_t)sizeof(pid))
		last = pid;
	if (last > 0)
		kill(last, SIGKILL);
	if (last != TIDY)
		kit_scratch_remove(h->dir);
	_exit(0);
}

static void
start_guardian(struct gatehouse *h)
{
	int p[2];

	cr_assert_eq(pipe2(p, O_CLOEXEC), 0);
	int pid = fork();
	cr_assert_geq(pid, 0);
	if (pid == 0) {
		close(p[1]);
		guard(h, p[0]);
	}
	close(p[0]);
	h->guardian = p[1];
}

static void
tell_guardian(struct gatehouse *h, int what)
{
	cr_assert_eq(write(h->guardian, &what, sizeof(what)), (ssize_t)sizeof(what));
}

/* --- the house -------------------------------------------------------------------------------- */

void
gatehouse_open(struct gatehouse *h)
{
	*h = (struct gatehouse){.dir = kit_scratch()};
	start_guardian(h);
	cr_assert_eq(chmod(h->dir, 0755), 0);
	h->kit = kit_new(h->dir);
	h->spec = (struct kit_spec){.sequence = 5};
	cr_assert_eq(loop_new(&h->loop), ERR_OK);
	cr_assert_eq(loop_new(&h->cloud_loop), ERR_OK);
	gatehouse_cloud_back(h);
	gatehouse_flash_back(h);
}

static void
end_server(struct gatehouse *h)
{
	if (h->server)
		httpd_stop(h->server);
	h->server = NULL;
	free(h->package.data);
	h->package = (struct bundle_bytes){0};
}

void
gatehouse_close(struct gatehouse *h)
{
	if (h->fetchd)
		gatehouse_kill(h);
	gatehouse_cloud_away(h);
	gatehouse_flash_away(h);
	gatehouse_forget(&h->at_cloud);
	gatehouse_forget(&h->at_flash);
	loop_free(h->loop);
	loop_free(h->cloud_loop);
	end_server(h);
	free(h->payload);
	kit_free(h->kit);
	kit_scratch_remove(h->dir);
	tell_guardian(h, TIDY);
	close(h->guardian);
	cr_expect_gt(waitpid(-1, NULL, 0), 0);
}

void
gatehouse_start(struct gatehouse *h)
{
	char config[300];
	sigset_t none;
	const char *program = couriers_program("subota-fetchd");

	h->at_cloud.greeted = h->at_flash.greeted = false; /* not by this one */
	write_config(h);
	snprintf(config, sizeof(config), "%s/subota.conf", h->dir);
	char *const argv[] = {
	    (char *)(uintptr_t) "subota-fetchd", (char *)(uintptr_t) "--config", config, NULL};
	h->fetchd = fork();
	cr_assert_geq(h->fetchd, 0);
	if (h->fetchd) {
		tell_guardian(h, h->fetchd);
		return;
	}
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	execv(program, argv);
	_exit(127);
}

void
gatehouse_kill(struct gatehouse *h)
{
	cr_assert_eq(kill(h->fetchd, SIGKILL), 0);
	cr_assert_eq(waitpid(h->fetchd, NULL, 0), h->fetchd);
	h->fetchd = 0;
	tell_guardian(h, NOTHING_RUNS);
}

int
gatehouse_stop(struct gatehouse *h)
{
	int status = 0;

	cr_assert_eq(kill(h->fetchd, SIGTERM), 0);
	cr_assert_eq(waitpid(h->fetchd, &status, 0), h->fetchd);
	h->fetchd = 0;
	tell_guardian(h, NOTHING_RUNS);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int
gatehouse_child(struct gatehouse *h, const char *program)
{
	return h->fetchd ? house_proc_find(h->fetchd, program) : 0;
}

char *
gatehouse_ask(struct gatehouse *h, const char *what)
{
	struct daemon_common c = common(h);
	struct bus_answer a;
	char path[108];

	daemon_socket_path(&c, WHO_FETCHD, WHO_CTL, path);
	return bus_client_ask(path, what, "", 1000, &a) == ERR_OK ? a.json : NULL;
}

bool
gatehouse_says(struct gatehouse *h, const char *what, const char *needle)
{
	AUTO(mem) char *json = gatehouse_ask(h, what);

	return json && strstr(json, needle);
}

/* --- packages --------------------------------------------------------------------------------- */

void
gatehouse_serve(struct gatehouse *h, struct bundle_bytes bytes)
{
	end_server(h);
	h->package = bytes;
	cr_assert_eq(EVP_Digest(bytes.data, bytes.len, h->md5, NULL, EVP_md5(), NULL), 1);
	cr_assert_eq(EVP_Digest(bytes.data, bytes.len, h->sha256, NULL, EVP_sha256(), NULL), 1);
	h->server = httpd_start(bytes.data, bytes.len, false);
	cr_assert_not_null(h->server);
}

void
gatehouse_pack(struct gatehouse *h, size_t size)
{
	free(h->payload);
	h->payload = malloc(size);
	for (size_t i = 0; i < size; i++)
		h->payload[i] = (uint8_t)((i + size) * 2654435761u >> 13);
	h->spec.payload = h->payload;
	h->spec.payload_len = size;
	struct bundle_head *head = kit_head(h->kit, &h->spec);
	memcpy(h->digest, head->digest, 32);
	gatehouse_serve(h, kit_file_of(head, &h->spec));
	bundle_head_free(head);
}

/* --- saying ----------------------------------------------------------------------------------- */

void
gatehouse_turn(struct gatehouse *h)
{
	(void)loop_once(h->loop, STEP_MS);
	if (!h->cloud_hung)
		(void)loop_once(h->cloud_loop, STEP_MS);
}

void
gatehouse_send(struct gatehouse *h, struct bus_link *link, Pb__Envelope *e)
{
	const bool *greeted = link == h->cloud ? &h->at_cloud.greeted : &h->at_flash.greeted;

	GATEHOUSE_WAIT(h, *greeted && bus_send(link, e) == ERR_OK);
}

void
gatehouse_fetch_order(struct gatehouse *h, struct gatehouse_order *w, uint64_t id)
{
	pb__envelope__init(&w->e);
	pb__fetch_order__init(&w->o);
	pb__device__init(&w->d);
	snprintf(w->device, sizeof(w->device), "meter-%llu", (unsigned long long)id);
	snprintf(w->url, sizeof(w->url), "%s", httpd_url(h->server));
	w->d.product_key = (char *)(uintptr_t) "p1";
	w->d.device_key = w->device;
	w->o.device = &w->d;
	w->o.component = (char *)(uintptr_t) "app";
	w->o.target_version = (char *)(uintptr_t) "2.4.1";
	w->o.url = w->url;
	w->o.size = h->package.len;
	w->o.md5 = (ProtobufCBinaryData){sizeof(h->md5), h->md5};
	w->o.sha256 = (ProtobufCBinaryData){sizeof(h->sha256), h->sha256};
	w->e.upgrade = id;
	w->e.body_case = PB__ENVELOPE__BODY_FETCH_ORDER;
	w->e.fetch_order = &w->o;
}

void
gatehouse_order(struct gatehouse *h, uint64_t id)
{
	struct gatehouse_order w;

	gatehouse_fetch_order(h, &w, id);
	gatehouse_send(h, h->cloud, &w.e);
}

void
gatehouse_cancel(struct gatehouse *h, uint64_t id)
{
	Pb__Envelope e = PB__ENVELOPE__INIT;
	Pb__Cancel c = PB__CANCEL__INIT;

	e.upgrade = id;
	e.body_case = PB__ENVELOPE__BODY_CANCEL;
	e.cancel = &c;
	gatehouse_send(h, h->cloud, &e);
}

void
gatehouse_flash_says(struct gatehouse *h, uint64_t id, Pb__Phase phase, enum err error)
{
	Pb__Envelope e = PB__ENVELOPE__INIT;
	Pb__Report r = PB__REPORT__INIT;
	Pb__Device d = PB__DEVICE__INIT;
	char device[32];

	snprintf(device, sizeof(device), "meter-%llu", (unsigned long long)id);
	d.product_key = (char *)(uintptr_t) "p1";
	d.device_key = device;
	r.id = id * 100 + (uint64_t)phase;
	r.source = (char *)(uintptr_t) "flashd";
	r.device = &d;
	r.phase = phase;
	r.error = (uint32_t)error;
	e.upgrade = id;
	e.body_case = PB__ENVELOPE__BODY_REPORT;
	e.report = &r;
	gatehouse_send(h, h->flash, &e);
}

void
gatehouse_ack(struct gatehouse *h, const char *source, uint64_t report)
{
	Pb__Envelope e = PB__ENVELOPE__INIT;
	Pb__ReportAck a = PB__REPORT_ACK__INIT;

	a.id = report;
	a.source = (char *)(uintptr_t)source;
	e.body_case = PB__ENVELOPE__BODY_REPORT_ACK;
	e.report_ack = &a;
	gatehouse_send(h, h->cloud, &e);
}

void
gatehouse_heard(struct gatehouse *h)
{
	Pb__Envelope e = PB__ENVELOPE__INIT;
	Pb__LinkState s = PB__LINK_STATE__INIT;
	const int kind = PB__ENVELOPE__BODY_LINK_STATE;
	unsigned before = gatehouse_count(&h->at_flash, kind, 0);

	s.online = true;
	e.body_case = PB__ENVELOPE__BODY_LINK_STATE;
	e.link_state = &s;
	gatehouse_send(h, h->cloud, &e); /* which it passes on, in order */
	GATEHOUSE_WAIT(h, gatehouse_count(&h->at_flash, kind, 0) > before);
}

/* --- hearing ---------------------------------------------------------------------------------- */

void
gatehouse_forget(struct gatehouse_mail *m)
{
	for (size_t i = 0; i < m->n; i++)
		msg_free(m->inbox[i]);
	m->n = 0;
}

unsigned
gatehouse_count(const struct gatehouse_mail *m, int kind, uint64_t id)
{
	unsigned n = 0;

	for (size_t i = 0; i < m->n; i++)
		n += (int)m->inbox[i]->body_case == kind && m->inbox[i]->upgrade == id;
	return n;
}

static const Pb__Report *
find_report(const struct gatehouse *h, uint64_t id, Pb__Phase phase)
{
	for (size_t i = 0; i < h->at_cloud.n; i++) {
		const Pb__Envelope *e = h->at_cloud.inbox[i];
		if (e->body_case == PB__ENVELOPE__BODY_REPORT && e->upgrade == id &&
		    e->report->phase == phase)
			return e->report;
	}
	return NULL;
}

const Pb__Report *
gatehouse_report(struct gatehouse *h, uint64_t id, Pb__Phase phase, enum err error)
{
	const Pb__Report *r = NULL;

	GATEHOUSE_WAIT(h, (r = find_report(h, id, phase)) != NULL);
	cr_assert_eq(r->error, error, "expected %s, got %s: %s", err_name(error),
	    err_name(r->error), r->detail);
	return r;
}

const Pb__FlashOrder *
gatehouse_flash_order(struct gatehouse *h, uint64_t id)
{
	GATEHOUSE_WAIT(h, gatehouse_count(&h->at_flash, PB__ENVELOPE__BODY_FLASH_ORDER, id) > 0);
	for (size_t i = 0;; i++)
		if (h->at_flash.inbox[i]->body_case == PB__ENVELOPE__BODY_FLASH_ORDER &&
		    h->at_flash.inbox[i]->upgrade == id)
			return h->at_flash.inbox[i]->flash_order;
}
