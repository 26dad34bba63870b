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

/* --- up --------------------------------------------------------------------------------------- */

/* With its connection; only taken by the broker yet; when that connection is gone: acknowledged
 * there, or not, so that the gateway has said it again. */
enum when { IN_TIME, KEPT, KEPT_LATE, LATE };

static void
take_text(const struct ttlv *t, uint16_t id, char *out, size_t size)
{
	out[0] = 0;
	if (ttlv_text(ttlv_find(t, 0, t->n, id), out, size) != ERR_OK)
		out[0] = 0;
}

/* A status is said when the broker has it: that is when the gateway's order is looked at. */
static void
note_said(int device, bool radio, int status, enum when when)
{
	const struct sim_peer *p = sim_plans_peer(device);
	bool refused = !p->in || p->hurried;

	if (when == IN_TIME)
		sim_status_said(device, radio, status, refused);
	else if (when == KEPT)
		sim_status_keep(device, radio, status);
	else if (when == KEPT_LATE && refused)
		sim_order_refuse_late(&sim_plans_peer(device)->order[radio], status);
}

static void
hear_device(int device, const struct dp *f, const struct ttlv *t, enum when when)
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
		note_said(device, radio, (int)status, when);
	if (when == KEPT)
		return;
	if (!p->in) {
		sim_platform_exception(device, DIALECT_CODE_NOT_LOGGED_IN, f->package_id);
		return;
	}
	if (p->hurried) {
		p->hurried = false;
		sim_platform_exception(device, DIALECT_CODE_RATE, f->package_id);
		return;
	}
	if (status && radio)
		take_text(t, 26, version, sizeof(version));
	if (status && when == IN_TIME)
		sim_status_hear(device, radio, (int)status, version);
	else if (status)
		sim_status_late(device, radio, (int)status, version);
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

/* Of topics both ways; -1: the gateway. */
static int
device_of(const char *topic)
{
	int device = -1;

	if (sscanf(topic, "q/%*d/d/qdp1sub%*dd%d", &device) != 1 || device >= sim()->house->devices)
		return -1;
	return device;
}

static void
hear(const char *topic, const uint8_t *data, size_t len, enum when when)
{
	static struct ttlv t;
	uint8_t buffer[5000];
	struct dp f;
	int device = device_of(topic);

	t.n = 0;
	if (dp_parse(data, len, buffer, sizeof(buffer), &f) != ERR_OK ||
	    (f.len && ttlv_parse(f.payload, f.len, &t) != ERR_OK)) {
		sim_violate(3, "the platform cannot read a message on %s", topic);
		return;
	}
	if (device >= 0)
		hear_device(device, &f, &t, when);
	else if (when == IN_TIME || (when != KEPT && sim_uplink_is_ready()))
		hear_gateway(&f, &t);
}

void
sim_platform_hear(const char *topic, const uint8_t *data, size_t len)
{
	hear(topic, data, len, IN_TIME);
}

void
sim_platform_keep(const char *topic, const uint8_t *data, size_t len)
{
	hear(topic, data, len, KEPT);
}

void
sim_platform_hear_late(const char *topic, const uint8_t *data, size_t len, bool kept)
{
	hear(topic, data, len, kept ? KEPT_LATE : LATE);
}

/* An address begins what no plan announces; a plan and an address what was over. */
void
sim_platform_was_late(const char *topic, const uint8_t *data, size_t len)
{
	uint8_t buffer[5000];
	struct dp f;
	int device = device_of(topic);

	if (device < 0 || dp_parse(data, len, buffer, sizeof(buffer), &f) != ERR_OK)
		return;
	sim_say("platform", "a message %04x for device %d comes late", f.command, device);
	if (f.command == DIALECT_PLAN)
		sim_plans_peer(device)->stale = true;
	if (f.command != DIALECT_FIRMWARE)
		return;
	sim_plans_peer(device)->stale = sim_plans_peer(device)->gap = true;
	for (int i = 0; i < 2; i++)
		sim_order_push(&sim_plans_peer(device)->order[i]);
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
