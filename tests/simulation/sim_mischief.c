/*
 * sim_mischief: see sim_mischief.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim_courier.h"
#include "sim_device.h"
#include "sim_device_part.h"
#include "sim_fault.h"
#include "sim_house.h"
#include "sim_mischief.h"
#include "sim_platform.h"
#include "sub_smp_part.h"

enum { DEAF_MS = 2 * 3600000, LIES_MS = 900000 };

void __wrap_sub_smp_say_list(struct call *c);
void __real_sub_smp_say_list(struct call *c);

/* --- lies ------------------------------------------------------------------------------------- */

static bool
lies(const struct board *b)
{
	return b->lie != LIE_NONE && sim()->now < b->lies_until;
}

static void
note_claim(struct board *b, const char *version)
{
	const struct sub_image *runs = &b->chip[0].flash.slot[0];

	if (strcmp(runs->version, version) != 0)
		snprintf(
		    b->claims[b->n_claims++ % CLAIMS_MAX], sizeof(b->claims[0]), "%s", version);
}

void
__wrap_sub_smp_say_list(struct call *c)
{
	ptrdiff_t at = (char *)c->s->flash - (char *)sim_device_board(0);
	struct board *b = sim_device_board((int)(at / (ptrdiff_t)sizeof(*b)));
	struct sub_image *i = &c->s->flash->slot[0], is = *i;

	if (lies(b) && b->lie != LIE_HASH) {
		note_claim(b, b->says);
		snprintf(i->version, sizeof(i->version), "%s", b->says);
	} else if (lies(b)) {
		memcpy(i->hash, b->says_hash, sizeof(i->hash));
	}
	__real_sub_smp_say_list(c);
	*i = is;
}

bool
sim_mischief_claimed(int number, const char *version)
{
	const struct board *b = sim_device_board(number);

	for (unsigned i = 0; i < b->n_claims && i < CLAIMS_MAX; i++)
		if (strcmp(b->claims[i], version) == 0)
			return true;
	return false;
}

/* It says what the plan that is under way would like to hear. */
static void
begin_to_lie(struct board *b, int number, enum lie lie, unsigned n)
{
	const struct sim_package *p = sim_platform_wants(number);

	if (!p)
		return;
	b->lie = lie;
	b->lies_until = sim()->now + n % LIES_MS * SIM_MS;
	snprintf(b->says, sizeof(b->says), "%s", lie == LIE_MISFIT ? "0.0.1" : p->version);
	memcpy(b->says_hash, p->hash, sizeof(b->says_hash));
}

/* --- another unit ----------------------------------------------------------------------------- */

/* What a spare part is delivered with: what all had at first, or something later, never newer than
 * what its predecessor ran. */
static const struct sim_package *
factory_image(const char *runs, unsigned n)
{
	const struct sim_house *h = sim()->house;
	int pick = 0;

	for (int i = 0; n % 2 && i < h->n_packages; i++) {
		if (h->package[i].variant == SIM_GOOD && n / 2 % 3 != 0)
			pick = i;
		if (strcmp(h->package[i].version, runs) == 0)
			break;
	}
	return &h->package[pick];
}

static void
exchange(struct chip *c, const char *dir, const struct sim_package *p)
{
	char image[SIM_PATH + 80];
	FILE *f = NULL;

	snprintf(image, sizeof(image), "%s.factory", dir);
	f = fopen(image, "we");
	if (!f || fwrite(p->image.data, 1, p->image.len, f) != p->image.len || fclose(f) != 0)
		abort();
	const char *refused = c->flash.refused;
	sub_flash_close(&c->flash);
	if (!sub_flash_open(&c->flash, dir, image))
		abort();
	c->flash.no_test = sim()->house->no_test;
	c->flash.refused = refused; /* it is of the same make */
	c->floor = 0;
	sim_device_note_kept(c, p->version);
}

static void
replace(struct board *b, int number, unsigned n)
{
	const struct sim_house *h = sim()->house;
	const struct sim_package *p = factory_image(b->chip[0].flash.slot[0].version, n);
	char dir[SIM_PATH + 64];

	sim_device_unplug(number, (1000 + n % 120000) * SIM_MS);
	snprintf(dir, sizeof(dir), "%s/board%d-unit%u", sim()->dir, number, ++b->units);
	exchange(&b->chip[0], dir, p);
	snprintf(dir, sizeof(dir), "%s/board%d-unit%u/second", sim()->dir, number, b->units);
	if (b->has_second)
		exchange(&b->chip[1], dir, &h->package[h->n_packages]);
	b->lie = LIE_NONE;
	snprintf(b->serial, sizeof(b->serial), "unit-%u", b->units);
	b->unit_since = sim()->now;
	sim_say(NULL, "device %d is another unit, with %s", number, p->version);
}

/* --- power ------------------------------------------------------------------------------------ */

enum sub_flash_boot
sim_mischief_swap_was_cut(struct sub_flash *f)
{
	struct sub_flash before = *f;
	char dir[40];

	snprintf(dir, sizeof(dir), "/proc/self/fd/%d", before.dir);
	if (!sub_flash_open(f, dir, NULL))
		abort();
	f->refused = before.refused;
	f->no_test = before.no_test;
	sub_flash_close(&before);
	sim_say(NULL, "the power goes in the middle of a swap to %s", f->slot[0].version);
	return sub_flash_boot(f);
}

static void
restart(struct board *b)
{
	if (!b->plugged)
		return;
	sub_device_power(&b->device, false, sim()->now);
	sub_device_power(&b->device, true, sim()->now);
}

/* --- what makes them so ----------------------------------------------------------------------- */

unsigned
sim_mischief_quirks(int number)
{
	static const unsigned harmless[] = {SUB_QUIRK_ERASE_RC7, SUB_QUIRK_ERASE_FIRST,
	    SUB_QUIRK_RC_ZERO, SUB_QUIRK_COUNTED, SUB_QUIRK_ANSWER_V0, SUB_QUIRK_V0_REFUSES,
	    SUB_QUIRK_AT_ONCE, SUB_QUIRK_LINGERS, SUB_QUIRK_NO_MEMORY, SUB_QUIRK_NO_RESUME,
	    SUB_QUIRK_CHECKS, SUB_QUIRK_NO_PARAMS, SUB_QUIRK_ALL_FLAGS, SUB_QUIRK_EMPTY_SLOTS,
	    SUB_QUIRK_UNGUARDED, SUB_QUIRK_UNGUARDED, SUB_QUIRK_UNGUARDED};
	const size_t n = sizeof(harmless) / sizeof(harmless[0]);
	char name[24];

	if (!sim()->hostile)
		return 0;
	snprintf(name, sizeof(name), "quirks of %d", number);
	struct sim_stream s = sim_stream(name);
	unsigned one = harmless[sim_stream_below(&s, n)], other = harmless[sim_stream_below(&s, n)];
	sim_say(NULL, "device %d has the quirks 0x%x", number, one | other);
	return one | other;
}

void
sim_mischief_misfit(int number, unsigned n)
{
	begin_to_lie(sim_device_board(number), number, LIE_MISFIT, n);
	sim_device_forget_floor(number); /* who lies so is not believed what it keeps */
}

void
sim_mischief_strike(int kind, unsigned a, unsigned b)
{
	int number = (int)(a % (unsigned)sim()->house->devices);
	struct board *d = sim_device_board(number);

	switch (kind) {
	case SIM_FAULT_REPLACED:
		replace(d, number, b);
		break;
	case SIM_FAULT_RESTART:
		restart(d);
		break;
	case SIM_FAULT_DEAF:
		d->deaf_until = sim()->now + b % DEAF_MS * SIM_MS;
		break;
	case SIM_FAULT_SWAP_CUT:
		d->chip[d->has_second && b % 4 == 0].flash.cut_swap = 1 + b % 2;
		break;
	case SIM_FAULT_SAYS_VERSION:
		begin_to_lie(d, number, LIE_VERSION, b);
		break;
	case SIM_FAULT_SAYS_HASH:
		begin_to_lie(d, number, LIE_HASH, b);
		break;
	case SIM_FAULT_FORGETS:
		d->forgets_until = sim()->now + b % LIES_MS * SIM_MS;
		break;
	default: /* SIM_FAULT_DENIES */
		d->denies_until = sim()->now + b % LIES_MS * SIM_MS;
	}
}

void
sim_mischief_end(void)
{
	if (sim()->hostile)
		sim_courier_calm();
	for (int i = 0; i < sim()->house->devices; i++) {
		struct board *b = sim_device_board(i);

		b->lie = LIE_NONE;
		b->deaf_until = b->forgets_until = b->denies_until = 0;
		b->chip[0].flash.cut_swap = b->chip[1].flash.cut_swap = 0;
	}
}
