/*
 * flashhouse: see flashhouse.h.
 */
#include <criterion/criterion.h>
#include <libgen.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "daemon.h"
#include "flashhouse.h"
#include "mail.h"
#include "mcuboot.h"

enum { PATIENCE_MS = 20000, STEP_MS = 10, NOBODY = 65534 };

static uid_t
flash_uid(void)
{
	return geteuid() ? geteuid() : NOBODY;
}

static void
programs(char out[300])
{
	char self[280] = "";

	cr_assert_gt(readlink("/proc/self/exe", self, sizeof(self) - 1), 0);
	snprintf(out, 300, "%s/../bin", dirname(self));
}

static void
write_config(struct flashhouse *h)
{
	char path[300], lib[300], me[16], flash[16], session[16];

	programs(lib);
	snprintf(me, sizeof(me), "%u", (unsigned)geteuid());
	snprintf(flash, sizeof(flash), "%u", (unsigned)flash_uid());
	snprintf(session, sizeof(session), "%s", geteuid() ? me : FLASHHOUSE_SESSION_UID);
	snprintf(path, sizeof(path), "%s/subota.conf", h->dir);
	AUTO(file) FILE *f = fopen(path, "we");
	cr_assert_not_null(f);
	fprintf(f,
	    "[common]\nrun_dir = %s/run\nstate_dir = %s/state\nstore_dir = %s/store\n"
	    "lib_dir = %s\ncloud_user = %s\nfetch_user = %s\ncourier_user = %s\nflash_user = %s\n"
	    "session_user = %s\n",
	    h->dir, h->dir, h->dir, lib, me, me, me, flash, session);
	fprintf(f, "[flashd]\ntrust_dir = %s\n%s\n", h->kit->anchor_dir, h->extra);
	if (h->devices) {
		fprintf(f, "%s", h->devices);
		return;
	}
	fprintf(f,
	    "[flashd.device meter]\nproduct_key = p1\ndevice_key = meter-1\nvendor = acme\n"
	    "model = sensor-9\ndriver = smp\nport = %s/tty\nreply_ms = 300\nretries = 2\n"
	    "reset_wait_ms = 100\n",
	    h->dir);
}

static bool
read_image(void *arg, uint64_t offset, uint8_t *out, size_t len)
{
	struct flashhouse *h = arg;

	if (offset > h->image_len || len > h->image_len - offset)
		return false;
	memcpy(out, h->image + offset, len);
	return true;
}

static enum err
image_read(void *arg, uint64_t offset, uint8_t *out, size_t len)
{
	return read_image(arg, offset, out, len) ? ERR_OK : ERR_LIMIT;
}

static void
load_image(struct flashhouse *h)
{
	struct mcuboot m;
	struct mcuboot_source s = {.read = image_read, .arg = h};
	char why[100] = "";
	AUTO(file) FILE *f = fopen("tests/data/mcuboot/2-ed25519-v1.1.0-dep-sec2.img", "rbe");

	cr_assert_not_null(f);
	h->image = malloc(1 << 20);
	h->image_len = fread(h->image, 1, 1 << 20, f);
	s.size = h->image_len;
	cr_assert_eq(mcuboot_parse(&s, &m, why, sizeof(why)), ERR_OK, "%s", why);
	smp_tty_expect(h->device, m.version_text, m.sha256);
}

static void
on_message(void *arg, struct bus_link *from, const Pb__Envelope *e)
{
	struct flashhouse *h = arg;

	(void)from;
	cr_assert_lt(h->n, FLASHHOUSE_INBOX);
	h->inbox[h->n++] = mail_copy(e);
}

static void
on_up(void *arg, struct bus_link *link)
{
	struct flashhouse *h = arg;

	(void)link;
	h->greeted = true;
}

static void
on_down(void *arg, struct bus_link *link)
{
	struct flashhouse *h = arg;

	(void)link;
	h->greeted = false;
}

static void
open_gate(struct flashhouse *h)
{
	struct bus_handler handler = {on_message, on_up, on_down, h};
	struct daemon_common c = {0};
	char path[108];

	snprintf(c.run_dir, sizeof(c.run_dir), "%s/run", h->dir);
	daemon_socket_path(&c, WHO_FLASHD, WHO_FETCHD, path);
	cr_assert_eq(loop_new(&h->loop), ERR_OK);
	cr_assert_eq(bus_new(h->loop, WHO_FETCHD, &h->bus), ERR_OK);
	cr_assert_eq(bus_connect(h->bus, WHO_FLASHD, path, &handler, &h->gate), ERR_OK);
}

void
flashhouse_reconnect(struct flashhouse *h)
{
	bus_free(h->bus);
	loop_free(h->loop);
	flashhouse_forget(h);
	h->greeted = false;
	open_gate(h);
}

void
flashhouse_open(struct flashhouse *h)
{
	char path[300];

	*h = (struct flashhouse){.dir = kit_scratch()};
	cr_assert_eq(keeper_start(&h->keeper, h->dir), ERR_OK);
	cr_assert_eq(chmod(h->dir, 0755), 0);
	h->kit = kit_new(h->dir);
	snprintf(path, sizeof(path), "%s/store", h->dir);
	cr_assert_eq(mkdir(path, 0755), 0);
	snprintf(path, sizeof(path), "%s/tty", h->dir);
	h->device = smp_tty_start(path, flash_uid());
	load_image(h);
	h->spec = (struct kit_spec){.version = FLASHHOUSE_VERSION,
	    .sequence = 5,
	    .security_counter = 2,
	    .payload = h->image,
	    .payload_len = h->image_len};
	open_gate(h);
}

void
flashhouse_close(struct flashhouse *h)
{
	if (h->flashd)
		flashhouse_kill(h);
	flashhouse_forget(h);
	bus_free(h->bus);
	loop_free(h->loop);
	smp_tty_stop(h->device);
	free(h->image);
	kit_free(h->kit);
	keeper_end(&h->keeper, h->dir);
	free(h->dir);
}

void
flashhouse_start(struct flashhouse *h)
{
	char program[320], lib[300], config[300];
	sigset_t none;

	h->greeted = false; /* not by this one */
	programs(lib);
	write_config(h);
	snprintf(program, sizeof(program), "%s/subota-flashd", lib);
	snprintf(config, sizeof(config), "%s/subota.conf", h->dir);
	char *const argv[] = {
	    (char *)(uintptr_t) "subota-flashd", (char *)(uintptr_t) "--config", config, NULL};
	h->flashd = fork();
	cr_assert_geq(h->flashd, 0);
	if (h->flashd) {
		setpgid(h->flashd, h->flashd);
		keeper_add(&h->keeper, h->flashd);
		return;
	}
	setpgid(0, 0);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	execv(program, argv);
	_exit(127);
}

void
flashhouse_kill(struct flashhouse *h)
{
	cr_assert_eq(kill(h->flashd, SIGKILL), 0);
	cr_assert_eq(waitpid(h->flashd, NULL, 0), h->flashd);
	keeper_drop(&h->keeper, h->flashd);
	h->flashd = 0;
}

int
flashhouse_stop(struct flashhouse *h)
{
	int status = 0;

	cr_assert_eq(kill(h->flashd, SIGTERM), 0);
	cr_assert_eq(waitpid(h->flashd, &status, 0), h->flashd);
	keeper_drop(&h->keeper, h->flashd);
	h->flashd = 0;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* --- the store -------------------------------------------------------------------------------- */

void
flashhouse_put(struct flashhouse *h, const void *data, size_t len)
{
	char hex[65], entry[360];

	sodium_bin2hex(hex, sizeof(hex), h->digest, 32);
	snprintf(entry, sizeof(entry), "%s/store/%s", h->dir, hex);
	snprintf(h->bundle, sizeof(h->bundle), "%s/bundle", entry);
	cr_assert(mkdir(entry, 0755) == 0 || access(entry, F_OK) == 0);
	unlink(h->bundle);
	kit_write(entry, "bundle", data, len);
}

void
flashhouse_publish(struct flashhouse *h)
{
	struct bundle_head *head = kit_head(h->kit, &h->spec);
	struct bundle_bytes file = kit_file_of(head, &h->spec);

	memcpy(h->digest, head->digest, 32);
	flashhouse_put(h, file.data, file.len);
	free(file.data);
	bundle_head_free(head);
}

/* --- saying ----------------------------------------------------------------------------------- */

void
flashhouse_send(struct flashhouse *h, Pb__Envelope *e)
{
	struct mono end = mono_after(clock_now(), PATIENCE_MS);
	enum err err = ERR_OFFLINE;

	while (err != ERR_OK && !mono_reached(clock_now(), end)) {
		if (h->greeted)
			err = bus_send(h->gate, e);
		loop_once(h->loop, STEP_MS);
	}
	cr_assert_eq(err, ERR_OK, "cannot send: %s", err_name(err));
}

static Pb__Device *
device(Pb__Device *d)
{
	pb__device__init(d);
	d->product_key = (char *)(uintptr_t) "p1";
	d->device_key = (char *)(uintptr_t) "meter-1";
	return d;
}

void
flashhouse_offer(struct flashhouse *h, uint64_t id)
{
	Pb__Envelope e = PB__ENVELOPE__INIT;
	Pb__PlanOffer o = PB__PLAN_OFFER__INIT;
	Pb__Device d;

	o.device = device(&d);
	o.component = (char *)(uintptr_t) "app";
	o.target_version = (char *)(uintptr_t)h->spec.version;
	e.upgrade = id;
	e.body_case = PB__ENVELOPE__BODY_PLAN_OFFER;
	e.plan_offer = &o;
	flashhouse_send(h, &e);
}

void
flashhouse_order(struct flashhouse *h, uint64_t id)
{
	Pb__Envelope e = PB__ENVELOPE__INIT;
	Pb__FlashOrder o = PB__FLASH_ORDER__INIT;
	Pb__Device d;

	o.device = device(&d);
	o.component = (char *)(uintptr_t) "app";
	o.target_version = (char *)(uintptr_t)h->spec.version;
	o.manifest_digest = (ProtobufCBinaryData){32, h->digest};
	e.upgrade = id;
	e.body_case = PB__ENVELOPE__BODY_FLASH_ORDER;
	e.flash_order = &o;
	flashhouse_send(h, &e);
}

void
flashhouse_cancel(struct flashhouse *h, uint64_t id)
{
	Pb__Envelope e = PB__ENVELOPE__INIT;
	Pb__Cancel c = PB__CANCEL__INIT;

	e.upgrade = id;
	e.body_case = PB__ENVELOPE__BODY_CANCEL;
	e.cancel = &c;
	flashhouse_send(h, &e);
}

void
flashhouse_ack_all(struct flashhouse *h)
{
	for (size_t i = 0; i < h->n; i++) {
		Pb__Envelope e = PB__ENVELOPE__INIT;
		Pb__ReportAck ack = PB__REPORT_ACK__INIT;

		if (h->inbox[i]->body_case != PB__ENVELOPE__BODY_REPORT)
			continue;
		ack.id = h->inbox[i]->report->id;
		ack.source = h->inbox[i]->report->source;
		e.body_case = PB__ENVELOPE__BODY_REPORT_ACK;
		e.report_ack = &ack;
		flashhouse_send(h, &e);
	}
}

/* --- hearing ---------------------------------------------------------------------------------- */

typedef bool wanted(const Pb__Envelope *e, const void *arg);

static const Pb__Envelope *
wait_for(struct flashhouse *h, uint64_t id, wanted *fits, const void *arg)
{
	struct mono end = mono_after(clock_now(), PATIENCE_MS);

	for (size_t i = 0; !mono_reached(clock_now(), end);) {
		if (i == h->n) {
			loop_once(h->loop, STEP_MS);
			continue;
		}
		if (h->inbox[i]->upgrade == id && fits(h->inbox[i], arg))
			return h->inbox[i];
		i++;
	}
	return NULL;
}

static bool
is_verdict(const Pb__Envelope *e, const void *arg)
{
	(void)arg;
	return e->body_case == PB__ENVELOPE__BODY_PLAN_VERDICT;
}

static bool
is_phase(const Pb__Envelope *e, const void *arg)
{
	return e->body_case == PB__ENVELOPE__BODY_REPORT &&
	       (int)e->report->phase == *(const int *)arg;
}

static bool
is_end(const Pb__Envelope *e, const void *arg)
{
	(void)arg;
	return e->body_case == PB__ENVELOPE__BODY_REPORT &&
	       e->report->phase >= PB__PHASE__PHASE_DONE;
}

struct look {
	Pb__DeviceState state;
	const char *version;
};

static bool
is_device(const Pb__Envelope *e, const void *arg)
{
	const struct look *l = arg;

	return e->body_case == PB__ENVELOPE__BODY_DEVICE_REPORT &&
	       strcmp(e->device_report->device->device_key, "meter-1") == 0 &&
	       e->device_report->state == l->state &&
	       (!l->version || strcmp(e->device_report->version, l->version) == 0);
}

const Pb__PlanVerdict *
flashhouse_verdict(struct flashhouse *h, uint64_t id)
{
	const Pb__Envelope *e = wait_for(h, id, is_verdict, NULL);

	return e ? e->plan_verdict : NULL;
}

const Pb__Report *
flashhouse_report(struct flashhouse *h, uint64_t id, Pb__Phase phase)
{
	int wanted_phase = (int)phase;
	const Pb__Envelope *e = wait_for(h, id, is_phase, &wanted_phase);

	return e ? e->report : NULL;
}

const Pb__Report *
flashhouse_end(struct flashhouse *h, uint64_t id)
{
	const Pb__Envelope *e = wait_for(h, id, is_end, NULL);

	return e ? e->report : NULL;
}

const Pb__DeviceReport *
flashhouse_device(struct flashhouse *h, Pb__DeviceState state, const char *version)
{
	struct look l = {state, version};
	const Pb__Envelope *e = wait_for(h, 0, is_device, &l);

	return e ? e->device_report : NULL;
}

bool
flashhouse_until_written(struct flashhouse *h, size_t bytes)
{
	struct mono end = mono_after(clock_now(), PATIENCE_MS);
	size_t got = 0;

	while (got < bytes && !mono_reached(clock_now(), end)) {
		got = smp_tty_reached(h->device);
		loop_once(h->loop, 1);
	}
	return got >= bytes;
}

void
flashhouse_forget(struct flashhouse *h)
{
	for (size_t i = 0; i < h->n; i++)
		msg_free(h->inbox[i]);
	h->n = 0;
}

unsigned
flashhouse_count(const struct flashhouse *h, int kind)
{
	unsigned n = 0;

	for (size_t i = 0; i < h->n; i++)
		n += (int)h->inbox[i]->body_case == kind;
	return n;
}

void
flashhouse_begin(struct flashhouse *h, uint64_t id)
{
	cr_assert_not_null(flashhouse_device(h, PB__DEVICE_STATE__DEVICE_STATE_PRESENT, "1.0.0"));
	flashhouse_offer(h, id);
	const Pb__PlanVerdict *v = flashhouse_verdict(h, id);
	cr_assert_not_null(v);
	cr_assert_eq(v->verdict, PB__VERDICT__VERDICT_ACCEPT, "%s", v->detail);
	flashhouse_order(h, id);
}
