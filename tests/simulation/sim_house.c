/*
 * sim_house: see sim_house.h.
 */
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "flash.h"
#include "gate.h"
#include "house_pack_image.h"
#include "kit.h"
#include "sim_depends.h"
#include "sim_device.h"
#include "sim_group.h"
#include "sim_house.h"
#include "sim_install.h"
#include "sim_kind.h"
#include "sim_rare.h"

enum { HEAD = 28 }; /* of MCUboot's header, with size and version */

const char *
sim_variant_name(int variant)
{
	static const char *const names[SIM_VARIANTS] = {
	    "good", "sick", "old", "forged", "other_model", "damaged", "mislabelled"};

	return names[variant];
}

/* --- packages --------------------------------------------------------------------------------- */

static void
digest(const EVP_MD *how, const struct bundle_bytes *b, uint8_t *out)
{
	EVP_Digest(b->data, b->len, out, NULL, how, NULL);
}

/* In lively worlds what does not work does so in other ways, too; but a board that has nothing to
 * go back to cannot bear it. */
static void
choose_illness(const struct sim_house *h, struct sim_package *p)
{
	struct sim_stream s = sim_stream("illness");

	s.state += p->sequence;
	if (sim()->aimed)
		sim_kind_illness(h, p, &s);
	if (p->variant != SIM_SICK || !sim()->lively || sim()->aimed)
		return;
	p->illness = (int)sim_stream_below(&s, h->checks ? SIM_ILL_UNWELL + 1 : SIM_ILL_UNWELL);
	if (h->bare && h->checks)
		p->illness = SIM_ILL_UNWELL;
	else if (h->bare)
		p->variant = SIM_GOOD;
}

/* In hostile worlds some packages are larger than what the platform takes, and are cut. */
static void
cut_up(struct sim_package *p)
{
	struct sim_stream s = sim_stream("pieces");
	size_t at = 0;

	s.state += p->sequence;
	if (!sim()->hostile || !sim_stream_chance(&s, 40))
		return;
	p->n_pieces = 1 + (unsigned)sim_stream_below(&s, SIM_PIECES_MAX);
	for (unsigned i = 0; i < p->n_pieces; i++) {
		size_t left = p->file.len - at, others = p->n_pieces - i - 1;
		size_t len = others ? 1 + sim_stream_below(&s, (left - others) / 2) : left;
		const struct bundle_bytes part = {p->file.data + at, len};

		p->piece[i].at = at;
		p->piece[i].len = len;
		digest(EVP_md5(), &part, p->piece[i].md5);
		at += len;
	}
}

struct sim_piece
sim_house_piece(const struct sim_package *p, const char *url)
{
	const char *name = strrchr(url, '/'), *dot = name ? strchr(name, '.') : NULL;
	unsigned i = dot ? (unsigned)strtoul(dot + 1, NULL, 10) : 0;

	if (dot && i < p->n_pieces)
		return p->piece[i];
	return (struct sim_piece){.len = p->file.len};
}

static void
make_package(
    struct sim_house *h, int n, int variant, const struct kit *ours, const struct kit *other)
{
	struct sim_package *p = &h->package[n];
	size_t size = sim_chance(25) ? (size_t)sim_between(6000, 16000)
				     : (size_t)sim_between(300, 3000);

	*p = (struct sim_package){.variant = variant, .sequence = (uint64_t)n + 10};
	choose_illness(h, p);
	int major = n < h->n_packages ? 1 : 7;
	snprintf(p->version, sizeof(p->version), "%d.%d.0", major, n);
	snprintf(p->target, sizeof(p->target), "%s%d.%d.0", variant == SIM_MISLABELLED ? "9" : "",
	    major, n);
	p->image = house_pack_image(p->version, 1, size);
	memcpy(p->hash, p->image.data + p->image.len - 32, 32);
	struct kit_spec spec = {.version = p->version,
	    .model = variant == SIM_OTHER_MODEL ? "sensor-7" : NULL,
	    .sequence = p->sequence,
	    .security_counter = 1,
	    .driver = h->loader ? "xmodem"
		      : h->bare ? "mcuboot"
				: NULL,
	    .component = n < h->n_packages ? NULL : "radio",
	    .payload = p->image.data,
	    .payload_len = p->image.len};
	if (sim()->depends)
		sim_depends_choose(h, n, &spec);
	p->file = kit_bundle(variant == SIM_FORGED ? other : ours, &spec);
	if (variant == SIM_DAMAGED)
		p->file.data[p->file.len - 1024 - 512 - sim_below(100)] ^= 1;
	digest(EVP_md5(), &p->file, p->md5);
	digest(EVP_sha256(), &p->file, p->sha256);
	if (n < h->n_packages)
		cut_up(p);
}

static int
pick_variant(int n)
{
	static const int shares[SIM_VARIANTS] = {64, 8, 0, 7, 7, 7, 7};
	int at = (int)sim_below(100), v = 0;

	if (n == 0)
		return SIM_GOOD;
	while (v < SIM_VARIANTS - 1 && at >= shares[v])
		at -= shares[v++];
	return v;
}

static void
make_packages(struct sim_house *h)
{
	char other_dir[SIM_PATH + 16];

	snprintf(other_dir, sizeof(other_dir), "%s/other", sim()->dir);
	mkdir(other_dir, 0700);
	struct kit *ours = kit_new(sim()->dir), *other = kit_new(other_dir);
	for (int n = 0; n < h->n_packages; n++)
		make_package(h, n, pick_variant(n), ours, other);
	for (int n = h->n_packages; n < h->n_all; n++)
		make_package(h, n, SIM_GOOD, ours, other);
	h->kit = ours;
	h->others_kit = other;
}

const struct sim_package *
sim_house_package(const char *url)
{
	const struct sim_house *h = sim()->house;
	const char *name = strrchr(url, '/');
	int n = name ? (int)strtol(name + 1, NULL, 10) : -1;

	return n >= 0 && n < h->n_all ? &h->package[n] : NULL;
}

static bool
is_for_us(const struct sim_package *p)
{
	return p->variant <= SIM_OLD || p->variant == SIM_MISLABELLED;
}

const struct sim_package *
sim_house_image(const uint8_t hash[32])
{
	const struct sim_house *h = sim()->house;

	for (int n = 0; n < h->n_all; n++)
		if (is_for_us(&h->package[n]) && memcmp(h->package[n].hash, hash, 32) == 0)
			return &h->package[n];
	return NULL;
}

const struct sim_package *
sim_house_head(const uint8_t *data, size_t len)
{
	const struct sim_house *h = sim()->house;

	for (int n = 0; len >= HEAD && n < h->n_all; n++)
		if (is_for_us(&h->package[n]) && memcmp(h->package[n].image.data, data, HEAD) == 0)
			return &h->package[n];
	return NULL;
}

/* XMODEM's last block is filled up. */
static bool
is_filling(const uint8_t *data, size_t len)
{
	size_t n = 0;

	while (n < len && data[n] == 0x1a)
		n++;
	return n == len && (n == 0 || sim()->house->loader);
}

bool
sim_house_is_signed(uint64_t off, const uint8_t *data, size_t len)
{
	const struct sim_house *h = sim()->house;

	for (int n = 0; n < h->n_all; n++) {
		const struct bundle_bytes *i = &h->package[n].image;
		size_t left = off <= i->len ? (size_t)(i->len - off) : 0;
		size_t of = len < left ? len : left;

		if (is_for_us(&h->package[n]) && off <= i->len &&
		    memcmp(i->data + off, data, of) == 0 && is_filling(data + of, len - of))
			return true;
	}
	return false;
}

/* --- settings --------------------------------------------------------------------------------- */

static void
set_common(struct daemon_common *c)
{
	snprintf(c->run_dir, sizeof(c->run_dir), "/run/sim");
	snprintf(c->state_dir, sizeof(c->state_dir), "%.150s", sim()->dir);
	snprintf(c->store_dir, sizeof(c->store_dir), "%.150s/store", sim()->dir);
	snprintf(c->lib_dir, sizeof(c->lib_dir), "/nowhere");
}

/* The other processor of the same board, behind the same line. */
static void
set_radio(struct sim_house *h, int n)
{
	struct flash_settings_device *d = &h->flash.devices[h->devices + n];

	*d = h->flash.devices[n];
	snprintf(d->name, sizeof(d->name), "radio%d", n);
	snprintf(d->component, sizeof(d->component), "radio");
	snprintf(d->options[0].key, sizeof(d->options[0].key), "image");
	snprintf(d->options[0].value, sizeof(d->options[0].value), "1");
	d->n_options = 1;
}

static void
set_device(struct sim_house *h, int n)
{
	struct flash_settings_device *d = &h->flash.devices[n];
	struct secrets *s = &h->secrets;

	snprintf(d->name, sizeof(d->name), "dev%d", n);
	snprintf(d->product_key, sizeof(d->product_key), "p1sub%d", n % h->products);
	snprintf(d->device_key, sizeof(d->device_key), "d%d", n);
	snprintf(d->vendor, sizeof(d->vendor), "acme");
	snprintf(d->model, sizeof(d->model), "sensor-9");
	snprintf(d->component, sizeof(d->component), "app");
	snprintf(d->driver, sizeof(d->driver), "smp");
	snprintf(d->port, sizeof(d->port), "line-%d", n);
	d->baud = 115200;
	if (n >= h->products)
		return;
	snprintf(s->products[s->n].product_key, sizeof(s->products[0].product_key), "p1sub%d", n);
	snprintf(s->products[s->n++].secret, sizeof(s->products[0].secret), "d2c5Q1FsVWpwT1k3");
}

/* As delivered, a small package has no mark before its end. */
static uint64_t
choose_marks(void)
{
	struct sim_stream s = sim_stream("marks");
	bool newer = sim()->hostile || sim()->lively;

	return newer && sim_stream_chance(&s, 50) ? 8 << 20 : 4096;
}

static void
set_all(struct sim_house *h)
{
	set_common(&h->gate.common);
	set_common(&h->flash.common);
	snprintf(h->gate.trust_dir, sizeof(h->gate.trust_dir), "%.150s/trust", sim()->dir);
	snprintf(h->flash.trust_dir, sizeof(h->flash.trust_dir), "%.150s/trust", sim()->dir);
	h->gate.quota = 45000 + sim_below(45000);
	h->gate.max_package = 10 << 20;
	h->gate.mark_bytes = choose_marks();
	h->gate.total_ms = 3600000;
	h->gate.parallel = 2;
	h->flash.ask_every_ms = 60000;
	h->flash.away_ms = 1800000;
	h->flash.wait_ms = 1800000;
	h->flash.queue_ms = 6 * 3600000;
	h->flash.parallel = sim()->seed % 3; /* 0: any; no draw: the seeds stay what they were */
	h->flash.per_link = 1;
	h->flash.n_policies = 1;
	h->flash.policies[0] = (struct flash_settings_policy){.name = "all",
	    .canary = sim()->seed / 2 % 2,
	    .parallel = sim()->seed % 2,
	    .priority = 50,
	    .stop_after = sim()->seed % 4 == 1 ? 2 : 0}; /* there a person resumes */
	h->flash.flash_ms = 3600000;
	h->flash.reboot_ms = h->flash.test_ms = h->flash.confirm_ms = 300000;
	h->flash.n_devices = (size_t)h->devices * (h->radio ? 2 : 1);
	h->identity = (struct cloud_identity){.product_key = "p1115X",
	    .device_key = "gw",
	    .model = "m",
	    .version = "0.1",
	    .sdk_version = "2.9.0",
	    .request_interval_ms = 600000};
	h->profile = *profile_find("p1");
	h->secrets.n = 1;
	snprintf(h->secrets.products[0].product_key, 33, "p1115X");
	snprintf(h->secrets.products[0].secret, 33, "d2c5Q1FsVWpwT1k3");
	for (int n = 0; n < h->devices; n++)
		set_device(h, n);
	for (int n = 0; h->radio && n < h->devices; n++)
		set_radio(h, n);
	if (sim()->lively)
		sim_world(h);
	if (sim()->aimed)
		sim_kind_settings(h);
	if (sim()->grouped)
		sim_group_settings(h);
	if (sim()->rare && sim()->grouped)
		sim_rare_settings(h);
}

static void
make_boards(const struct sim_house *h)
{
	const struct bundle_bytes *radio = &h->package[h->n_packages].image;
	char dir[SIM_PATH + 32], first[SIM_PATH + 32], second[SIM_PATH + 32];

	kit_write(sim()->dir, "first.bin", h->package[0].image.data, h->package[0].image.len);
	if (h->radio)
		kit_write(sim()->dir, "second.bin", radio->data, radio->len);
	snprintf(first, sizeof(first), "%s/first.bin", sim()->dir);
	snprintf(second, sizeof(second), "%s/second.bin", sim()->dir);
	for (int n = 0; n < h->devices; n++) {
		snprintf(dir, sizeof(dir), "%s/board%d", sim()->dir, n);
		sim_device_new(n, dir, first, h->radio ? second : NULL);
	}
}

void
sim_house_new(int devices, int packages)
{
	static const char *const dirs[] = {"cloudd", "fetchd", "flashd", "store"};
	struct sim_house *h = calloc(1, sizeof(*h));
	char path[SIM_PATH + 32];

	sim()->house = h;
	h->devices = devices;
	h->n_packages = packages + 1;
	h->products = SIM_PRODUCTS;
	h->radio = sim()->seed % 3 == 0; /* without a draw: the other seeds stay what they were */
	if (sim()->lively)
		sim_world_boards(h);
	if (sim()->aimed)
		sim_kind_choose(h);
	if (sim()->grouped)
		sim_group_choose(h);
	if (sim()->rare && sim()->grouped)
		sim_rare_choose(h);
	h->n_all = h->n_packages + (h->radio ? SIM_RADIOS : 0);
	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", sim()->dir, dirs[i]);
		if (mkdir(path, 0700) != 0)
			abort();
	}
	if (sim()->local && mkdir(sim_install_dir(), 0700) != 0)
		abort();
	snprintf(h->store, sizeof(h->store), "%s/store", sim()->dir);
	make_packages(h);
	set_all(h);
	make_boards(h);
}

const char *
sim_house_store(void)
{
	return sim()->house->store;
}

/* --- starting --------------------------------------------------------------------------------- */

struct starting {
	struct sim_proc *p;
	enum err e;
};

static void
start_gate(struct sim_proc *p, enum err *e)
{
	struct gate *g = calloc(1, sizeof(*g));

	p->self = g;
	p->daemon.settings = &sim()->house->gate;
	p->daemon.common = &sim()->house->gate.common;
	*e = gate_start(g, &p->daemon, NULL);
}

static void
start_flash(struct sim_proc *p, enum err *e)
{
	struct flash *f = calloc(1, sizeof(*f));

	p->self = f;
	p->daemon.settings = &sim()->house->flash;
	p->daemon.common = &sim()->house->flash.common;
	*e = flash_start(f, &p->daemon);
}

static void
start(void *arg)
{
	static const enum who who[SIM_PROCS] = {WHO_CLOUDD, WHO_FETCHD, WHO_FLASHD};
	static void (*const fn[SIM_PROCS])(struct sim_proc *, enum err *) = {
	    sim_cloudd_start, start_gate, start_flash};
	struct starting *s = arg;
	struct sim_proc *p = s->p;

	snprintf(
	    p->daemon.state_dir, sizeof(p->daemon.state_dir), "%.150s/%s", sim()->dir, p->name);
	s->e = loop_new(&p->daemon.loop);
	if (s->e == ERR_OK)
		s->e = bus_new(p->daemon.loop, who[p->who], &p->daemon.bus);
	if (s->e == ERR_OK)
		fn[p->who](p, &s->e);
}

void
sim_house_start(struct sim_proc *p)
{
	struct starting s = {p, ERR_OK};

	p->alive = true;
	p->life++;
	sim_say(p->name, "starts");
	if (!sim_call(p, start, &s))
		return;
	if (s.e == ERR_OK) {
		p->failed_starts = 0;
		return;
	}
	sim_say(p->name, "cannot start: %s", err_text(s.e));
	if (++p->failed_starts > 100 && sim()->calm)
		sim_violate(4, "%s cannot start: %s", p->name, err_text(s.e));
	sim_kill(p);
}
