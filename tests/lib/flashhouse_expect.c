/*
 * flashhouse_expect: see flashhouse_expect.h.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "flashhouse_expect.h"
#include "golden.h"
#include "house_proc.h"
#include "msg.h"

enum { PATIENCE_MS = 20000, FLASH_MAX = 1 << 20 };

void
flashhouse_expect_end(struct flashhouse *h, uint64_t id, Pb__Phase phase, enum err error)
{
	const Pb__Report *r = flashhouse_end(h, id);

	cr_assert_not_null(r, "upgrade %u did not end", (unsigned)id);
	cr_expect_eq(r->phase, phase, "upgrade %u: expected phase %d, got %d: %s: %s", (unsigned)id,
	    (int)phase, (int)r->phase, err_name(r->error), r->detail);
	cr_expect_eq(r->error, error, "upgrade %u: expected %s, got %s: %s", (unsigned)id,
	    err_name(error), err_name(r->error), r->detail);
	cr_expect_str_eq(r->source, "flashd");
}

static void
expect_runs(struct smp_tty *device, const char *version)
{
	struct smp_script *d = smp_tty_take(device);

	cr_expect_str_eq(d->slot[0].version, version);
	cr_expect(d->slot[0].confirmed);
	smp_tty_give(device);
}

/* Everything that ever reached the device is what was signed. */
static size_t
expect_signed_bytes(struct flashhouse *h, struct smp_tty *device)
{
	AUTO(mem) uint8_t *got = malloc(FLASH_MAX);
	size_t n = smp_tty_received(device, got, FLASH_MAX);

	cr_assert_leq(n, h->image_len);
	cr_expect_eq(memcmp(got, h->image, n), 0, "a byte that was not signed reached the device");
	return n;
}

void
flashhouse_expect_upgraded(struct flashhouse *h, struct smp_tty *device)
{
	expect_runs(device, FLASHHOUSE_VERSION);
	cr_expect_eq(expect_signed_bytes(h, device), h->image_len);
}

void
flashhouse_expect_untouched(struct flashhouse *h)
{
	expect_runs(h->device, "1.0.0");
	cr_expect_eq(expect_signed_bytes(h, h->device), 0);
	cr_expect_eq(smp_tty_take(h->device)->resets, 0);
	smp_tty_give(h->device);
}

void
flashhouse_expect_old(struct flashhouse *h)
{
	expect_runs(h->device, "1.0.0");
	cr_expect_leq(expect_signed_bytes(h, h->device), h->image_len);
}

void
flashhouse_expect_verdict(struct flashhouse *h, uint64_t id, Pb__Verdict verdict, enum err reason)
{
	const Pb__PlanVerdict *v = flashhouse_verdict(h, id);

	cr_assert_not_null(v, "no verdict about plan %u", (unsigned)id);
	cr_expect_eq(v->verdict, verdict, "plan %u: expected verdict %d, got %d: %s", (unsigned)id,
	    (int)verdict, (int)v->verdict, v->detail);
	cr_expect_eq(v->reason, reason, "plan %u: expected %s, got %s: %s", (unsigned)id,
	    err_name(reason), err_name(v->reason), v->detail);
}

/* --- saying ----------------------------------------------------------------------------------- */

static Pb__Device
device_of(const struct flashhouse_target *t)
{
	Pb__Device d = PB__DEVICE__INIT;

	d.product_key = golden_text("p1");
	d.device_key = golden_text(t->device_key ? t->device_key : "meter-1");
	return d;
}

void
flashhouse_offer_for(struct flashhouse *h, uint64_t id, const struct flashhouse_target *t)
{
	Pb__Envelope e = PB__ENVELOPE__INIT;
	Pb__PlanOffer o = PB__PLAN_OFFER__INIT;
	Pb__Device d = device_of(t);

	o.device = &d;
	o.component = golden_text(t->component ? t->component : "app");
	o.target_version = golden_text(t->version ? t->version : h->spec.version);
	e.upgrade = id;
	e.body_case = PB__ENVELOPE__BODY_PLAN_OFFER;
	e.plan_offer = &o;
	flashhouse_send(h, &e);
}

void
flashhouse_order_for(struct flashhouse *h, uint64_t id, const struct flashhouse_target *t)
{
	Pb__Envelope e = PB__ENVELOPE__INIT;
	Pb__FlashOrder o = PB__FLASH_ORDER__INIT;
	Pb__Device d = device_of(t);

	o.device = &d;
	o.component = golden_text(t->component ? t->component : "app");
	o.target_version = golden_text(t->version ? t->version : h->spec.version);
	o.manifest_digest = (ProtobufCBinaryData){32, h->digest};
	e.upgrade = id;
	e.body_case = PB__ENVELOPE__BODY_FLASH_ORDER;
	e.flash_order = &o;
	flashhouse_send(h, &e);
}

/* Others may be at their end already: what was said of them stays. */
static void
forget_upgrade(struct flashhouse *h, uint64_t id)
{
	size_t kept = 0;

	for (size_t i = 0; i < h->n; i++)
		if (h->inbox[i]->upgrade == id)
			msg_free(h->inbox[i]);
		else
			h->inbox[kept++] = h->inbox[i];
	h->n = kept;
}

void
flashhouse_begin_for(struct flashhouse *h, uint64_t id, const struct flashhouse_target *t)
{
	struct mono end = mono_after(clock_now(), PATIENCE_MS);
	const Pb__PlanVerdict *v = NULL;

	while (!v || v->verdict != PB__VERDICT__VERDICT_ACCEPT) {
		cr_assert(!mono_reached(clock_now(), end), "%s", v ? v->detail : "no verdict");
		forget_upgrade(h, id);
		flashhouse_offer_for(h, id, t);
		v = flashhouse_verdict(h, id);
		cr_assert(v && v->verdict != PB__VERDICT__VERDICT_REJECT, "%s", v ? v->detail : "");
	}
	flashhouse_order_for(h, id, t);
}

/* --- the device and the sessions -------------------------------------------------------------- */

void
flashhouse_slow_down(struct flashhouse *h, unsigned piece_ms, unsigned boot_ms)
{
	struct smp_script *d = smp_tty_take(h->device);

	d->chunk_us = piece_ms * 1000;
	d->boot_us = boot_ms * 1000;
	smp_tty_give(h->device);
}

void
flashhouse_quirk(struct flashhouse *h, unsigned quirk)
{
	smp_tty_take(h->device)->quirks |= quirk;
	smp_tty_give(h->device);
}

int
flashhouse_session(struct flashhouse *h)
{
	struct mono end = mono_after(clock_now(), PATIENCE_MS);
	int pid = 0;

	while (!(pid = (int)house_proc_find(h->flashd, "subota-session")) &&
	       !mono_reached(clock_now(), end))
		loop_once(h->loop, 1);
	return pid;
}

/* A zombie whom nobody has collected yet has ended as well. */
bool
flashhouse_has_ended(struct flashhouse *h, int pid)
{
	struct mono end = mono_after(clock_now(), PATIENCE_MS);
	struct house_proc p;

	while (house_proc_read(pid, &p) && p.state != 'Z') {
		if (mono_reached(clock_now(), end))
			return false;
		loop_once(h->loop, 1);
	}
	return true;
}
