/*
 * sim_platform: see sim_platform.h.
 */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth.h"
#include "dp.h"
#include "sim.h"
#include "sim_device.h"
#include "sim_house.h"
#include "sim_platform.h"
#include "sim_platform_part.h"
#include "sim_quirk.h"

#define SECRET "2c8e8a105e5c4c0fa3787deb7e96ede7"
/* a device secret, sealed under the product's secret; from the golden data of the platform */
#define SEALED "2iKcFleFzN2uzW2fTpi5LEajGd+l6JHDxCTkffv2H8avWN9TzFkl5mKU/SaYv+aR"

/* --- down ------------------------------------------------------------------------------------- */

static void
send(int device, uint16_t command, uint16_t package_id, const struct ttlv_writer *w)
{
	char topic[ENDPOINT_TOPIC_SIZE];
	uint8_t frame[2 * 3000];
	struct dp f = {package_id, command, w->data, w->len};
	size_t len = 0;

	sim()->platform->package_id = dp_next_package(sim()->platform->package_id);
	if (!package_id)
		f.package_id = sim()->platform->package_id;
	if (dp_format(&f, frame, sizeof(frame), &len) != ERR_OK)
		abort();
	if (device < 0)
		snprintf(topic, sizeof(topic), "q/1/d/qdp1115Xgw/x");
	else
		snprintf(topic, sizeof(topic), "q/1/d/qdp1sub%dd%d/x",
		    device % sim()->house->products, device);
	sim_uplink_down(topic, frame, len);
}

void
sim_platform_reply(int device, uint16_t command, int code)
{
	uint8_t values[300];
	struct ttlv_writer w = TTLV_WRITER(values);
	char key[24];

	ttlv_put_int(&w, 1, code);
	snprintf(key, sizeof(key), "p1sub%d", device % sim()->house->products);
	ttlv_put_text(&w, 3, key);
	snprintf(key, sizeof(key), "d%d", device);
	ttlv_put_text(&w, 4, key);
	if (command == DIALECT_REGISTERED)
		ttlv_put_text(&w, 5, SEALED);
	send(-1, command, 0, &w);
}

void
sim_platform_exception(int device, int code, uint16_t package_id)
{
	uint8_t values[100];
	struct ttlv_writer w = TTLV_WRITER(values);

	ttlv_put_int(&w, 1, code);
	ttlv_put_int(&w, 2, package_id);
	send(device, DIALECT_EXCEPTION, 0, &w);
}

static void
put_plan(struct ttlv_writer *w, const struct sim_package *k, bool radio)
{
	ttlv_put_text(w, 4, radio ? "radio" : "app");
	ttlv_put_text(w, 6, k->target);
	ttlv_put_int(w, 7, radio);
}

static void
put_file(struct ttlv_writer *w, int package, int piece, int64_t size, const uint8_t md5[16])
{
	char text[65];
	int n = snprintf(text, sizeof(text), "https://packages.example/%d", package);

	if (piece >= 0)
		snprintf(text + n, sizeof(text) - (size_t)n, ".%d", piece);
	ttlv_put_text(w, 1, text);
	ttlv_put_int(w, 2, size);
	for (int i = 0; i < 16; i++)
		snprintf(text + 2 * i, 3, "%02x", md5[i]);
	ttlv_put_text(w, 3, text);
}

/* The last one first: only their indices count. */
static void
put_pieces(struct ttlv_writer *w, const struct sim_package *k, bool bad)
{
	ttlv_put_struct(w, 20, (uint16_t)k->n_pieces);
	for (unsigned i = k->n_pieces; i-- > 0;) {
		ttlv_put_struct(w, 0, 4);
		ttlv_put_int(w, 30, i);
		put_file(w, (int)(k - sim()->house->package), (int)i,
		    bad ? -1 : (int64_t)k->piece[i].len, k->piece[i].md5);
	}
}

void
sim_platform_send_firmware(int device, const struct sim_package *k, bool radio)
{
	uint8_t values[600];
	struct ttlv_writer w = TTLV_WRITER(values);

	put_plan(&w, k, radio);
	if (k->n_pieces && !radio) {
		put_pieces(&w, k, sim_quirk_is_bad(device));
	} else {
		put_file(&w, (int)(k - sim()->house->package), -1,
		    sim_quirk_is_bad(device) ? -1 : (int64_t)k->file.len, k->md5);
		ttlv_put_text(&w, 15, "cafe1234");
	}
	send(device, DIALECT_FIRMWARE, 0, &w);
}

void
sim_platform_send_plan(int device, const struct sim_plan *p)
{
	uint8_t values[300];
	struct ttlv_writer w = TTLV_WRITER(values);

	struct sim_peer *peer = sim_plans_peer(device);

	peer->needless = p->radio && sim_quirk_repeats();
	if (peer->needless) {
		struct sim_package old = {0};

		snprintf(
		    old.target, sizeof(old.target), "%.31s", sim_device_second_version(device));
		ttlv_put_struct(&w, 28, 2);
		ttlv_put_struct(&w, 0, 3);
		put_plan(&w, &old, true);
		ttlv_put_struct(&w, 0, 3);
		put_plan(&w, p->package, false);
		peer->radio_offered = NULL;
	} else if (p->radio) {
		ttlv_put_struct(&w, 28, 2);
		ttlv_put_struct(&w, 0, 3);
		put_plan(&w, p->package, false);
		ttlv_put_struct(&w, 0, 3);
		put_plan(&w, p->radio, true);
		sim_plans_peer(device)->radio_offered = p->radio;
	} else {
		put_plan(&w, p->package, false);
		if (p->wrong == 1)
			ttlv_put_text(&w, 5, "0.0.9");
		else if (sim()->house->sources && peer->version[0])
			ttlv_put_text(&w, 5, peer->version);
		if (p->wrong == 2)
			ttlv_put_int(&w, 9, INT64_C(1) << 32);
	}
	send(device, DIALECT_PLAN, 0, &w);
}

/* --- statuses --------------------------------------------------------------------------------- */

/* In lively worlds a device is expelled in the middle of all, and records are lost: what is said
 * for a while after that (`muddled`) need not fit what was said before. */
static bool
is_muddled(int device)
{
	return sim()->now < sim_plans_peer(device)->muddled;
}

static void
check_order(int device, struct sim_order *o, int status, bool refused)
{
	int last = o->last;
	bool late = false;

	if (!sim_order_hear(o, status, refused, &late) && !is_muddled(device))
		sim_violate(3, "device %d: status %d follows status %d%s", device, status, last,
		    late ? ", out of turn" : "");
}

/* The newer one of an old package may have been withdrawn. A unit known by its serial number that
 * has taken the device's place has floors of its own: of what it was delivered with nobody knows
 * the sequence (flashd/counters.h). */
static bool
had_newer(int device, const struct sim_package *p)
{
	const struct sim_house *h = sim()->house;

	for (int i = 0; i < h->n_packages; i++)
		if (h->package[i].sequence > p->sequence &&
		    sim_device_was_given(device, h->package[i].version))
			return true;
	return false;
}

static bool
is_of(const struct sim_package *p, const char *version)
{
	return p && strcmp(version, p->target) == 0;
}

static void
on_success(int device, const char *version)
{
	struct sim_peer *p = sim_plans_peer(device);
	struct sim_plan *n = sim_plans_current(device);

	if ((is_of(p->dropped, version) || is_of(p->early, version)) &&
	    strcmp(version, sim_plans_target(n)) != 0 && sim_device_ran(device, version, 0)) {
		n->begun = n->confirmed = false; /* it was the one before that was told about */
		return;
	}
	if (n->old && n->package->variant == SIM_GOOD && !had_newer(device, n->package)) {
		sim_plans_end(device, true);
		return;
	}
	if (sim_plans_is_bad(n)) {
		sim_violate(1, "device %d: success is reported of a package that is %s", device,
		    n->old ? "old" : sim_variant_name(n->package->variant));
		return;
	}
	if (strcmp(version, sim_plans_target(n)) != 0) {
		sim_violate(3, "device %d: success with version %s, expected %s", device, version,
		    sim_plans_target(n));
		return;
	}
	if (!sim_device_ran(device, version, 0))
		sim_violate(
		    3, "device %d: success with %s, which it does not keep", device, version);
	sim_plans_end(device, true);
}

static void
judge(int device, struct sim_plan *n, int status, bool again, const char *version)
{
	n->since = sim()->now;
	n->waits = status == DIALECT_CONFIRMED || (sim_order_is_end(status) && n->waits);
	if (status == DIALECT_DOWNLOAD_START && !n->confirmed && !is_muddled(device) &&
	    !sim_order_owes(&sim_plans_peer(device)->order[0], DIALECT_CONFIRMED))
		sim_violate(3, "device %d: status 4 of a plan that was not confirmed", device);
	if (status == DIALECT_CONFIRMED) {
		n->confirmed = true;
		n->confirmed_at = sim()->now;
		sim()->counts.upgrades += !again;
		if (sim_quirk_misfits(device))
			sim_say("platform", "sends device %d another address", device);
		else if (!sim_plans_peer(device)->silent)
			sim_platform_send_firmware(device, n->package, false);
		sim_plans_peer(device)->silent = false;
	}
	if (again || !sim_order_is_end(status))
		return;
	if (status == DIALECT_SUCCESS)
		on_success(device, version);
	else
		sim_plans_failed(device, status == DIALECT_REFUSED);
}

static void
on_status(int device, int status, const char *version)
{
	struct sim_peer *p = sim_plans_peer(device);
	struct sim_plan *n = sim_plans_current(device);
	bool again = status == p->last;

	sim_say("platform", "hears status %d of device %d, version %s", status, device, version);
	p->last = status;
	sim_quirk_hears(status);
	if (status == DIALECT_PLAN_RECEIVED)
		p->radio_open = false; /* whatever became of the list before */
	if (n && n->offered && status == DIALECT_PLAN_RECEIVED)
		n->begun = true;
	if (n && n->begun) /* else it is about what was over already */
		judge(device, n, status, again, version);
	if (status == DIALECT_SUCCESS || status == DIALECT_FAILURE)
		sim_plans_learn(device, version);
}

/* Of the second component: the order of what is said, and whether success is true. */
static void
on_radio(int device, int status, const char *versions)
{
	struct sim_peer *p = sim_plans_peer(device);
	const char *version = strncmp(versions, "radio:", 6) == 0 ? versions + 6 : "";

	sim_say(
	    "platform", "hears status %d of the radio of device %d, %s", status, device, versions);
	p->radio_open = !sim_order_is_end(status) && !p->needless;
	if (status == DIALECT_PLAN_RECEIVED)
		p->radio = p->radio_offered;
	if (status == DIALECT_CONFIRMED && p->radio_last != status && p->radio) {
		sim()->counts.upgrades++;
		sim_platform_send_firmware(device, p->radio, true);
	}
	p->radio_last = status;
	if (status == DIALECT_SUCCESS && !sim_device_second_ran(device, version))
		sim_violate(3, "device %d: success of a radio with \"%s\", which it does not keep",
		    device, versions);
}

/* --- up --------------------------------------------------------------------------------------- */

static void
take_text(const struct ttlv *t, uint16_t id, char *out, size_t size)
{
	out[0] = 0;
	if (ttlv_text(ttlv_find(t, 0, t->n, id), out, size) != ERR_OK)
		out[0] = 0;
}

static void
hear_device(int device, const struct dp *f, const struct ttlv *t)
{
	struct sim_peer *p = sim_plans_peer(device);
	char version[65], component[33];
	int64_t status = 0;

	take_text(t, f->command == DIALECT_INFO ? 2 : 25, version, sizeof(version));
	take_text(t, 4, component, sizeof(component));
	bool radio = strcmp(component, "radio") == 0;
	if (f->command != DIALECT_OTA_STATUS ||
	    ttlv_int(ttlv_find(t, 0, t->n, 13), 1, 12, &status) != ERR_OK)
		status = 0;
	if (status)
		check_order(device, &p->order[radio], (int)status, !p->in || p->hurried);
	if (!p->in) {
		sim_platform_exception(device, DIALECT_CODE_NOT_LOGGED_IN, f->package_id);
		return;
	}
	if (p->hurried) {
		p->hurried = false;
		sim_platform_exception(device, DIALECT_CODE_RATE, f->package_id);
		return;
	}
	if (status && radio) {
		take_text(t, 26, version, sizeof(version));
		on_radio(device, (int)status, version);
	} else if (status) {
		on_status(device, (int)status, version);
	}
	if (f->command == DIALECT_INFO || f->command == DIALECT_OTA_REQUEST) {
		sim_say("platform", "hears that device %d runs %s", device, version);
		sim_plans_learn(device, version);
		sim_plans_offer(device, f->command == DIALECT_OTA_REQUEST);
	}
}

static void
on_request(int device, uint16_t command)
{
	struct sim_peer *p = sim_plans_peer(device);
	int code = sim_quirk_answer(device, command);
	bool fine = code == DIALECT_CODE_OK;

	switch (command) {
	case DIALECT_REGISTER:
		p->known |= fine;
		if (code)
			sim_platform_reply(device, DIALECT_REGISTERED, code);
		break;
	case DIALECT_LOGIN:
		p->in = fine;
		if (code)
			sim_platform_reply(device, DIALECT_LOGGED_IN, code);
		break;
	case DIALECT_FORGET:
		p->known &= !fine;
		if (code)
			sim_platform_reply(device, DIALECT_FORGOTTEN, code);
		break;
	default:
		p->in = false;
	}
}

/* A registration names the product, and the device only in what it sealed with the product's
 * secret: "DEVICE KEY;RANDOM;SIGN". */
static void
take_sealed_key(const struct ttlv *t, char *out, size_t size)
{
	static const char secret[] = "d2c5Q1FsVWpwT1k3";
	char blob[AUTH_BLOB_SIZE];
	uint8_t sealed[AUTH_BLOB_SIZE], clear[AUTH_BLOB_SIZE + 1];
	size_t n = 0, len = 0;

	out[0] = 0;
	take_text(t, (uint16_t)sim()->house->profile.register_blob, blob, sizeof(blob));
	if (sodium_base642bin(sealed, sizeof(sealed), blob, strlen(blob), NULL, &n, NULL,
		sodium_base64_VARIANT_ORIGINAL) != 0 ||
	    auth_open(secret, 16, sealed, n, clear, AUTH_BLOB_SIZE, &len) != ERR_OK)
		return;
	clear[len] = 0;
	snprintf(out, size, "%.*s", (int)strcspn((char *)clear, ";"), (char *)clear);
}

static void
hear_gateway(const struct dp *f, const struct ttlv *t)
{
	const struct profile *p = &sim()->house->profile;
	bool registers = f->command == DIALECT_REGISTER;
	char key[40];

	if (!registers && f->command != DIALECT_LOGIN && f->command != DIALECT_LOGOUT &&
	    f->command != DIALECT_FORGET)
		return;
	if (registers)
		take_sealed_key(t, key, sizeof(key));
	else
		take_text(t, (uint16_t)p->sub_dk, key, sizeof(key));
	int device = key[0] == 'd' ? (int)strtol(key + 1, NULL, 10) : -1;
	if (device >= 0 && device < sim()->house->devices)
		on_request(device, f->command);
}

void
sim_platform_hear(const char *topic, const uint8_t *data, size_t len)
{
	static struct ttlv t;
	uint8_t buffer[5000];
	struct dp f;
	int device = -1;

	t.n = 0;
	if (dp_parse(data, len, buffer, sizeof(buffer), &f) != ERR_OK ||
	    (f.len && ttlv_parse(f.payload, f.len, &t) != ERR_OK)) {
		sim_violate(3, "the platform cannot read a message on %s", topic);
		return;
	}
	if (sscanf(topic, "q/2/d/qdp1sub%*dd%d", &device) == 1 && device < sim()->house->devices)
		hear_device(device, &f, &t);
	else
		hear_gateway(&f, &t);
}

/* --- the gateway ------------------------------------------------------------------------------ */

bool
sim_platform_admits(const char *password)
{
	return password[0] == '0' || sim()->platform->registered;
}

void
sim_platform_configure(void)
{
	uint8_t values[100];
	struct ttlv_writer w = TTLV_WRITER(values);

	sim()->platform->registered = true;
	ttlv_put_text(&w, 5, SECRET);
	send(-1, DIALECT_CONFIGURE, 0, &w);
}

void
sim_platform_lost(void)
{
	for (int i = 0; i < SIM_DEVICES_MAX; i++) {
		sim_plans_peer(i)->in = false;
		sim_order_cut(&sim_plans_peer(i)->order[0]);
		sim_order_cut(&sim_plans_peer(i)->order[1]);
	}
}

void
sim_platform_forget(int device)
{
	sim_plans_peer(device)->in = false;
}

void
sim_platform_silence(int device)
{
	sim_plans_peer(device)->silent = true;
}

void
sim_platform_hurry(int device)
{
	sim_plans_peer(device)->hurried = true;
}

void
sim_platform_new(int plans_per_device)
{
	sim()->platform = calloc(1, sizeof(*sim()->platform));
	sim()->platform->moods = sim_stream("moods");
	for (int i = 0; i < sim()->house->devices; i++)
		sim_plans_make(i, plans_per_device);
}
