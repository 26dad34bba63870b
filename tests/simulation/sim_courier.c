/*
 * sim_courier: see sim_courier.h.
 */
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "download.h"
#include "log.h"
#include "msg.h"
#include "sim.h"
#include "sim_courier.h"
#include "sim_held.h"
#include "sim_house.h"
#include "sim_watch.h"

enum { PIECE = 2048, GENTLE_MAX = 3 };

struct courier {
	struct downloads *of; /* NULL: its gate is gone */
	uint64_t job, done, durable, since_mark;
	int file;
	ino_t inode;
	Pb__Envelope *order;
	int trouble; /* enum sim_courier_trouble, or -1 */
	uint64_t trouble_at;
	bool stopped, dead;
	struct courier *next;
};

struct downloads {
	struct download_handler handler;
};

struct sim_couriers {
	struct courier *list;
	unsigned troubles[SIM_COURIER_TROUBLES];
	bool cut; /* sim_courier_cut */
	bool lied[SIM_PACKAGES_MAX];
	int64_t unreachable_until;
};

void
sim_couriers_new(void)
{
	sim()->couriers = calloc(1, sizeof(*sim()->couriers));
}

void
sim_courier_trouble(enum sim_courier_trouble t)
{
	unsigned *n = &sim()->couriers->troubles[t];

	if (sim()->gentle && *n >= GENTLE_MAX)
		return; /* the gate gives up after six in a row */
	++*n;
}

void
sim_courier_cut(bool goes)
{
	sim()->couriers->cut = goes;
}

void
sim_courier_calm(void)
{
	struct sim_couriers *all = sim()->couriers;

	all->unreachable_until = 0;
	memset(all->troubles, 0, sizeof(all->troubles));
}

void
sim_courier_unreachable(int64_t for_ns)
{
	sim()->couriers->unreachable_until = sim()->now + for_ns;
}

bool
sim_courier_lied(const struct sim_package *p)
{
	return sim()->couriers->lied[p - sim()->house->package];
}

static void
cut_power(void *arg)
{
	(void)arg;
	sim_power_cut();
}

bool
sim_courier_writes(ino_t inode)
{
	for (const struct courier *c = sim()->couriers->list; c; c = c->next)
		if (c->inode == inode)
			return true;
	return false;
}

/* In older seeds a courier does, as it would when only its gate had died: they stay what they were.
 */
static bool
outlives_power(void)
{
	return !sim()->hostile && !sim()->lively;
}

/* It is no process any more; what it had planned to do next finds it dead. */
void
sim_couriers_power_cut(void)
{
	struct sim_couriers *all = sim()->couriers;

	if (outlives_power())
		return;
	for (struct courier *c = all->list; c; c = c->next) {
		close(c->file);
		c->dead = true;
	}
	all->list = NULL;
}

/* --- what it says ----------------------------------------------------------------------------- */

struct word {
	struct courier *c;
	Pb__CourierReport *r;
};

static void
call_report(void *arg)
{
	struct word *w = arg;
	struct downloads *d = w->c->of;

	d->handler.on_report(d->handler.arg, w->c->job, w->r);
}

static void
say(struct courier *c)
{
	Pb__CourierReport r = PB__COURIER_REPORT__INIT;
	struct word w = {c, &r};

	r.done_bytes = c->done;
	r.durable_bytes = c->durable;
	if (c->of && !c->stopped)
		sim_call(&sim()->proc[SIM_FETCHD], call_report, &w);
}

static void
call_end(void *arg)
{
	struct word *w = arg;
	struct downloads *d = w->c->of;

	d->handler.on_end(d->handler.arg, w->c->job, w->r);
}

static void
end(struct courier *c, Pb__CourierReport *last)
{
	struct word w = {c, c->stopped ? NULL : last};

	for (struct courier **at = &sim()->couriers->list; *at; at = &(*at)->next)
		if (*at == c) {
			*at = c->next;
			break;
		}
	close(c->file);
	if (last) {
		last->final = true;
		last->done_bytes = c->done;
		last->durable_bytes = c->durable;
	}
	if (c->of)
		sim_call(&sim()->proc[SIM_FETCHD], call_end, &w);
	msg_free(c->order);
	free(c);
}

static void
hash_file(int fd, uint64_t from, const EVP_MD *how, uint8_t *out)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t piece[4096];
	off_t at = (off_t)from;

	EVP_DigestInit_ex(ctx, how, NULL);
	for (ssize_t n; (n = pread(fd, piece, sizeof(piece), at)) > 0; at += n)
		EVP_DigestUpdate(ctx, piece, (size_t)n);
	EVP_DigestFinal_ex(ctx, out, NULL);
	EVP_MD_CTX_free(ctx);
}

/* Whatever broke on the way: what came together is what the server has. A courier that outlives the
 * power goes on behind bytes that the disk has lost. */
static void
check_pieces(const struct courier *c, const struct sim_package *p)
{
	const Pb__CourierOrder *o = c->order->courier_order;
	const struct sim_piece of = sim_house_piece(p, o->url);
	uint8_t piece[PIECE];
	size_t at = 0;

	if (outlives_power() || sim_courier_lied(p) || c->done != of.len)
		return;
	for (ssize_t n; at < of.len; at += (size_t)n) {
		size_t left = of.len - at;

		n = pread(c->file, piece, left < PIECE ? left : PIECE, (off_t)(o->begins_at + at));
		if (n > 0 && memcmp(piece, p->file.data + of.at + at, (size_t)n) == 0)
			continue;
		sim_violate(6,
		    "a package (%s) was pieced together with bytes that its server has not",
		    p->version);
		return;
	}
}

static void
finish(struct courier *c)
{
	const Pb__CourierOrder *o = c->order->courier_order;
	Pb__CourierReport r = PB__COURIER_REPORT__INIT;
	uint8_t md5[16], sha256[32];

	if (fsync(c->file) != 0)
		abort();
	c->durable = c->done;
	if (o->md5.len) {
		hash_file(c->file, o->begins_at, EVP_md5(), md5);
		r.md5 = (ProtobufCBinaryData){sizeof(md5), md5};
		if (memcmp(md5, o->md5.data, sizeof(md5)) != 0)
			r.error = ERR_MD5;
	}
	if (o->sha256.len) {
		hash_file(c->file, o->begins_at, EVP_sha256(), sha256);
		r.sha256 = (ProtobufCBinaryData){sizeof(sha256), sha256};
		if (memcmp(sha256, o->sha256.data, sizeof(sha256)) != 0)
			r.error = ERR_SHA256;
	}
	if (c->trouble == SIM_COURIER_LIES && r.error) { /* as far as it can */
		r.error = ERR_OK;
		r.md5.data = o->md5.data;
		r.sha256.data = o->sha256.data;
	}
	end(c, &r);
}

static void
fail(struct courier *c)
{
	if (c->done == c->order->courier_order->offset)
		sim_watch_dry(c->job);
	Pb__CourierReport r = PB__COURIER_REPORT__INIT;

	if (c->trouble == SIM_COURIER_DIES) {
		end(c, NULL);
		return;
	}
	bool http = c->trouble == SIM_COURIER_HTTP, gone = c->trouble == SIM_COURIER_GONE;
	bool full = c->trouble == SIM_COURIER_FULL;
	r.error = http || gone ? ERR_HTTP : full ? ERR_FULL : ERR_NETWORK;
	r.http_status = http ? 503 : gone ? 404 : 0;
	end(c, &r);
}

/* --- fetching --------------------------------------------------------------------------------- */

/* As the courier's sink does before anything else: what it is to go on from is made durable. */
static void
settle(struct courier *c)
{
	if (c->durable || !c->done)
		return;
	if (fsync(c->file) != 0)
		abort();
	c->durable = c->done;
}

/* One piece of the package; false when there is no (more) to fetch. */
static bool
fetch(struct courier *c, const struct sim_package *p)
{
	const Pb__CourierOrder *o = c->order->courier_order;
	const struct sim_piece of = sim_house_piece(p, o->url);
	uint64_t left = of.len > c->done ? of.len - c->done : 0;
	size_t n = left < PIECE ? (size_t)left : PIECE;
	uint8_t piece[PIECE];

	if (n == 0)
		return false;
	memcpy(piece, p->file.data + of.at + c->done, n);
	if (c->trouble == SIM_COURIER_LIES)
		piece[sim_below(n)] ^= 0x40;
	if (c->trouble == SIM_COURIER_WRONG)
		piece[n - 1] ^= 0x40;
	if (c->trouble == SIM_COURIER_LIES || c->trouble == SIM_COURIER_WRONG)
		sim()->couriers->lied[p - sim()->house->package] = true;
	if (pwrite(c->file, piece, n, (off_t)(o->begins_at + c->done)) != (ssize_t)n)
		abort();
	c->done += n;
	c->since_mark += n;
	if (c->since_mark < c->order->courier_order->mark_bytes)
		return true;
	if (fsync(c->file) != 0)
		abort();
	c->durable = c->done;
	c->since_mark = 0;
	return true;
}

/* Its trouble is one of the way. */
static bool
breaks(const struct courier *c)
{
	return c->trouble >= 0 && c->trouble != SIM_COURIER_LIES &&
	       c->trouble != SIM_COURIER_WRONG && c->trouble != SIM_COURIER_SLOW;
}

static void
step(void *arg)
{
	struct courier *c = arg;
	const Pb__CourierOrder *o = c->order->courier_order;
	const struct sim_package *p = sim_house_package(o->url);

	if (c->dead) {
		msg_free(c->order);
		free(c);
		return;
	}
	if (c->stopped || (!c->of && sim_chance(50))) {
		end(c, NULL);
		return;
	}
	settle(c);
	if (sim()->now < sim()->couriers->unreachable_until) {
		c->trouble = SIM_COURIER_BREAKS;
		c->trouble_at = 0;
	}
	if (breaks(c) && c->done >= c->trouble_at) {
		fail(c);
		return;
	}
	if (p && fetch(c, p)) {
		if (sim()->couriers->cut && c->done > c->durable) {
			sim()->couriers->cut = false;
			sim_after(sim_between(0, 300) * SIM_MS, cut_power, NULL);
		}
		say(c);
		bool slow = c->trouble == SIM_COURIER_SLOW && !sim()->calm;
		int64_t wait = sim_between(5, 400);
		sim_after((slow ? 2500 : 1) * wait * SIM_MS, step, c);
		return;
	}
	if (c->done == o->size) {
		if (p)
			check_pieces(c, p);
		finish(c);
		return;
	}
	Pb__CourierReport r = PB__COURIER_REPORT__INIT;
	r.error = ERR_SIZE;
	end(c, &r);
}

/* --- the header ------------------------------------------------------------------------------- */

enum err
downloads_new(struct loop *loop, struct nursery *nursery, const struct download_handler *h,
    struct downloads **out)
{
	(void)loop, (void)nursery;
	*out = calloc(1, sizeof(**out));
	(*out)->handler = *h;
	return ERR_OK;
}

void
downloads_free(struct downloads *d)
{
	free(d);
}

void
sim_couriers_lost(void)
{
	for (struct courier *c = sim()->couriers->list; c; c = c->next)
		c->of = NULL;
}

static Pb__Envelope *
copy_order(Pb__CourierOrder *order)
{
	Pb__Envelope e = PB__ENVELOPE__INIT, *copy = NULL;
	static uint8_t buffer[ROUTE_BUS_MAX];
	size_t len = 0;

	e.proto = ROUTE_PROTO_MAX;
	e.body_case = PB__ENVELOPE__BODY_COURIER_ORDER;
	e.courier_order = order;
	if (msg_pack(&e, buffer, sizeof(buffer), &len) != ERR_OK ||
	    msg_unpack(buffer, len, sizeof(buffer), &copy) != ERR_OK ||
	    route_admit(copy, len, WHO_FETCHD, WHO_COURIER, ROUTE_READY) != ERR_OK)
		sim_violate(4, "an order to a courier is refused by our own table");
	return copy;
}

static int
take_trouble(struct sim_couriers *all)
{
	for (int t = 0; t < SIM_COURIER_TROUBLES; t++)
		if (all->troubles[t]) {
			all->troubles[t]--;
			return t;
		}
	return -1;
}

enum err
downloads_start(struct downloads *d, uint64_t job, int file, Pb__CourierOrder *order)
{
	struct courier *c = calloc(1, sizeof(*c));
	struct stat st = {0};

	sim_effect("a courier starts");
	*c = (struct courier){.of = d, .job = job, .done = order->offset};
	c->file = dup(file);
	sim_held_give(c->file);
	c->order = copy_order(order);
	if (c->file < 0 || fstat(c->file, &st) != 0 || !c->order)
		return ERR_SYSTEM;
	if (ftruncate(c->file, (off_t)(order->begins_at + order->offset)) != 0)
		return ERR_SYSTEM;
	sim_watch_fetch(job);
	if (sim_courier_writes(st.st_ino))
		sim_violate(6, "two couriers write to the same file");
	c->inode = st.st_ino;
	c->trouble = take_trouble(sim()->couriers);
	c->trouble_at = c->done + sim_below(order->size + 1 - c->done);
	c->next = sim()->couriers->list;
	sim()->couriers->list = c;
	sim_after(sim_between(20, 300) * SIM_MS, step, c);
	sim_effect("a courier has started");
	return ERR_OK;
}

void
downloads_make_ready(struct downloads *d)
{
	(void)d; /* nothing of it is to be seen but time */
}

void
downloads_stop(struct downloads *d, uint64_t job)
{
	for (struct courier *c = sim()->couriers->list; c; c = c->next)
		if (c->of == d && c->job == job)
			c->stopped = true;
}

bool
downloads_has(const struct downloads *d, uint64_t job)
{
	for (const struct courier *c = sim()->couriers->list; c; c = c->next)
		if (c->of == d && c->job == job)
			return true;
	return false;
}

unsigned
downloads_count(const struct downloads *d)
{
	unsigned n = 0;

	for (const struct courier *c = sim()->couriers->list; c; c = c->next)
		n += c->of == d;
	return n;
}
