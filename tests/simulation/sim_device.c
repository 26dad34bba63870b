/*
 * sim_device: see sim_device.h. The three wrapped functions of sub_flash are where invariants 1 and
 * 2 are watched: there a byte reaches the flash, there an image is started, there it is kept.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"
#include "sim_depends.h"
#include "sim_device.h"
#include "sim_device_part.h"
#include "sim_group.h"
#include "sim_house.h"
#include "sim_kind.h"
#include "sim_lane.h"
#include "sim_mischief.h"
#include "sim_platform.h"

enum { BAUD = 115200 };

bool __wrap_sub_flash_write(
    struct sub_flash *f, int slot, uint64_t off, const uint8_t *data, size_t len);
bool __real_sub_flash_write(
    struct sub_flash *f, int slot, uint64_t off, const uint8_t *data, size_t len);
enum sub_flash_boot __wrap_sub_flash_boot(struct sub_flash *f);
enum sub_flash_boot __real_sub_flash_boot(struct sub_flash *f);
bool __wrap_sub_flash_confirm(struct sub_flash *f);
bool __real_sub_flash_confirm(struct sub_flash *f);

struct board *
sim_device_board(int number)
{
	static struct board *all;

	if (!all)
		all = calloc(SIM_DEVICES_MAX, sizeof(*all));
	return &all[number];
}

static int64_t
send_text(void *arg, int64_t now, const char *text, size_t len)
{
	struct board *b = arg;

	sub_wire_put(&b->out, now, text, len);
	return sub_wire_sent_at(&b->out);
}

void
sim_device_new(int number, const char *dir, const char *first_image, const char *second)
{
	struct board *b = sim_device_board(number);
	bool bare = b->bare = sim()->house->bare;
	struct sub_device_settings set = {.buf_size = 512,
	    .buf_count = (uint32_t)sim_between(1, 4),
	    .reset_ns = sim_between(200, 3000) * SIM_MS,
	    .swap_ns = sim_between(100, 5000) * SIM_MS,
	    .sick = b->sick,
	    .sick_ns = 20000 * SIM_MS,
	    .quirks = sim_mischief_quirks(number),
	    .second = second ? &b->chip[1].flash : NULL,
	    .recovery = bare ? SUB_DEVICE_HAS_RECOVERY | SUB_DEVICE_BOOT_MODE : 0};
	char other[SIM_PATH + 64];

	snprintf(other, sizeof(other), "%s/second", dir);
	if (!sub_flash_open(&b->chip[0].flash, dir, first_image) ||
	    (second && !sub_flash_open(&b->chip[1].flash, other, second)))
		abort();
	b->has_second = second;
	b->plugged = true;
	sim_kind_board(sim()->house, b, &set);
	sub_device_init(&b->device, &set, &b->chip[0].flash, send_text, b);
	b->device.smp.serial = sim()->house->serials ? b->serial : NULL;
	sub_wire_init(&b->in, BAUD, SIM_MS, sim_below(UINT32_MAX));
	sub_wire_init(&b->out, BAUD, SIM_MS, sim_below(UINT32_MAX));
	sub_device_power(&b->device, true, sim()->now);
}

/* --- what must never happen ------------------------------------------------------------------- */

static int
number_of(const struct sub_flash *f)
{
	ptrdiff_t n = ((const char *)f - (const char *)sim_device_board(0)) /
		      (ptrdiff_t)sizeof(struct board);

	assert(n >= 0 && n < SIM_DEVICES_MAX);
	return (int)n;
}

static struct chip *
chip_of(const struct sub_flash *f)
{
	struct board *b = sim_device_board(number_of(f));

	return &b->chip[&b->chip[1].flash == f];
}

/* Does this version work there? Only the first processor is ever sick. */
static bool
is_sick(const struct sub_flash *f)
{
	const struct board *b = sim_device_board(number_of(f));

	return f == &b->chip[0].flash && b->sick[0] && strcmp(f->slot[0].version, b->sick) == 0;
}

/* And this one does, but the program that is asked says no. A board without a way back keeps it. */
static bool
is_unwell(const struct sub_flash *f)
{
	const struct board *b = sim_device_board(number_of(f));

	return f == &b->chip[0].flash && !b->bare && b->unwell[0] &&
	       strcmp(f->slot[0].version, b->unwell) == 0;
}

bool
__wrap_sub_flash_write(struct sub_flash *f, int slot, uint64_t off, const uint8_t *data, size_t len)
{
	if (!sim_house_is_signed(off, data, len))
		sim_violate(1, "device %d: %zu bytes at %llu that no publisher signed for it",
		    number_of(f), len, (unsigned long long)off);
	if (sim()->depends && off == 0)
		sim_depends_writes(number_of(f), sim_house_head(data, len));
	if (sim()->now < sim_device_board(number_of(f))->forgets_until)
		return true;
	return __real_sub_flash_write(f, slot, off, data, len);
}

/* A list of so many at most holds this version, from then on. */
static bool
has(const struct kept *list, unsigned n, unsigned most, const char *version, int64_t since)
{
	for (unsigned i = 0; i < n && i < most; i++)
		if (list[i].at >= since && strcmp(list[i].version, version) == 0)
			return true;
	return false;
}

static bool
ran(const struct chip *c, const char *version, int64_t since)
{
	return has(c->kept, c->n_kept, KEPT_MAX, version, since);
}

static void
note(struct kept *k, const char *version)
{
	snprintf(k->version, sizeof(k->version), "%s", version);
	k->at = sim()->now;
}

void
sim_device_note_kept(struct chip *c, const char *version)
{
	note(&c->kept[c->n_kept++ % KEPT_MAX], version);
}

/* A new image starts. */
static void
check_start(struct chip *b, int number, const struct sub_image *i)
{
	const struct sim_package *p = sim_house_image(i->hash);

	if (p)
		note(&b->started[b->n_started++ % STARTED_MAX], p->version);
	if (!p)
		sim_violate(1, "device %d starts an image that nobody signed for it", number);
	else if (p->sequence < b->floor)
		sim_violate(1, "device %d starts %s, sequence %llu below %llu", number, i->version,
		    (unsigned long long)p->sequence, (unsigned long long)b->floor);
}

static void
note_kept(struct chip *b, int number, const char *version)
{
	sim_device_note_kept(b, version);
	sim_say(NULL, "device %d keeps %s", number, version);
}

/* Without a second slot it has nothing to boot while it is written; in the end it has
 * (sim_check.c). What starts is there for good. */
static void
check_bare(struct chip *b, int number, enum sub_flash_boot how)
{
	if (how == SUB_FLASH_DEAD)
		return;
	check_start(b, number, &b->flash.slot[0]);
	if (!ran(b, b->flash.slot[0].version, 0))
		note_kept(b, number, b->flash.slot[0].version);
}

enum sub_flash_boot
__wrap_sub_flash_boot(struct sub_flash *f)
{
	int number = number_of(f);
	unsigned cut = f->cut_swap;
	enum sub_flash_boot how = __real_sub_flash_boot(f);

	if (cut && how == SUB_FLASH_DEAD)
		return sim_mischief_swap_was_cut(f);
	sim_say(NULL, "device %d boots %s, outcome %d", number, f->slot[0].version, (int)how);
	if (sim_device_board(number)->bare)
		check_bare(chip_of(f), number, how);
	else if (how == SUB_FLASH_DEAD)
		sim_violate(2, "device %d has nothing to boot", number);
	if (how == SUB_FLASH_SWAPPED || (f->boots > 1 && !f->confirmed))
		check_start(chip_of(f), number, &f->slot[0]);
	if (sim()->house->no_test && f->confirmed && !ran(chip_of(f), f->slot[0].version, 0))
		note_kept(chip_of(f), number, f->slot[0].version);
	if (f->confirmed && is_sick(f))
		sim_violate(
		    2, "device %d keeps %s, which does not work on it", number, f->slot[0].version);
	return how;
}

bool
__wrap_sub_flash_confirm(struct sub_flash *f)
{
	int number = number_of(f);
	struct chip *b = chip_of(f);
	const struct sim_package *p = sim_house_image(f->slot[0].hash);

	if (p && sim()->grouped && f == &sim_device_board(number)->chip[0].flash)
		sim_group_keeps(number, p);
	if (p && sim()->local && f == &sim_device_board(number)->chip[0].flash)
		sim_plans_overtake(number, p);
	if (p && p->sequence > b->floor)
		b->floor = p->sequence;
	if (is_sick(f))
		sim_violate(2, "device %d is told to keep %s, which does not work on it", number,
		    f->slot[0].version);
	if (is_unwell(f))
		sim_violate(2,
		    "device %d is told to keep %s, which the operator's program finds ill", number,
		    f->slot[0].version);
	note_kept(b, number, f->slot[0].version);
	b->touched = false;
	return __real_sub_flash_confirm(f);
}

/* --- time ------------------------------------------------------------------------------------- */

int64_t
sim_device_due(int number)
{
	const struct board *b = sim_device_board(number);
	int64_t due = sim_lane_due(number), at = sub_device_due(&b->device);

	due = at < due ? at : due;
	at = sub_wire_due(&b->in);
	due = at < due ? at : due;
	at = sub_wire_due(&b->out);
	return at < due ? at : due;
}

int
sim_device_next(void)
{
	int best = -1;
	int64_t due = SIM_NEVER;

	for (int i = 0; i < sim()->house->devices; i++) {
		int64_t at = sim_device_due(i);

		if (at >= due)
			continue;
		due = at;
		best = i;
	}
	return best;
}

static bool
runs(const struct board *b, const char *version)
{
	return version[0] && strcmp(b->chip[0].flash.slot[0].version, version) == 0;
}

void
sim_device_step(int number)
{
	struct board *b = sim_device_board(number);
	uint8_t bytes[1024];
	size_t n = 0;

	b->device.smp.deny_confirm = runs(b, b->unkept) || sim()->now < b->denies_until;
	while ((n = sub_wire_get(&b->in, sim()->now, bytes, sizeof(bytes))) > 0)
		for (size_t i = 0; i < n && sim()->now >= b->deaf_until; i++)
			sub_device_byte(&b->device, bytes[i], sim()->now);
	sub_device_step(&b->device, sim()->now);
	sim_lane_step(number);
	while (!sim_lane_listens(number) &&
	       sub_wire_get(&b->out, sim()->now, bytes, sizeof(bytes)) > 0)
		; /* nobody reads: lost */
}

/* --- the host's end --------------------------------------------------------------------------- */

bool
sim_device_is_plugged(int number)
{
	return sim_device_board(number)->plugged;
}

size_t
sim_device_room(int number)
{
	return sub_wire_room(&sim_device_board(number)->in, sim()->now);
}

void
sim_device_put(int number, const void *data, size_t len)
{
	if (sim_device_board(number)->plugged)
		sub_wire_put(&sim_device_board(number)->in, sim()->now, data, len);
}

size_t
sim_device_get(int number, void *out, size_t size)
{
	return sub_wire_get(&sim_device_board(number)->out, sim()->now, out, size);
}

void
sim_device_flush(int number)
{
	uint8_t bytes[1024];

	while (sim_device_get(number, bytes, sizeof(bytes)) > 0)
		;
}

/* --- trouble ---------------------------------------------------------------------------------- */

static void
plug(void *arg)
{
	struct board *b = arg;

	if (b->plugged)
		return;
	b->plugged = true;
	sub_device_power(&b->device, true, sim()->now);
}

void
sim_device_plug(int number)
{
	plug(sim_device_board(number));
}

void
sim_device_unplug(int number, int64_t for_ns)
{
	struct board *b = sim_device_board(number);

	if (!b->plugged)
		return;
	b->plugged = false;
	sub_wire_cut(&b->in, sim()->now);
	sub_wire_cut(&b->out, sim()->now);
	sub_device_power(&b->device, false, sim()->now);
	sim_after(for_ns, plug, b);
	sim_lane_unplugged(number);
}

void
sim_device_reset(int number)
{
	struct board *b = sim_device_board(number);

	if (!b->plugged)
		return;
	sub_device_power(&b->device, false, sim()->now);
	sub_device_power(&b->device, true, sim()->now);
}

void
sim_device_forget_floor(int number)
{
	sim_device_board(number)->chip[0].floor = sim_device_board(number)->chip[1].floor = 0;
}

void
sim_device_noise(int number, double loss, double flip)
{
	struct board *b = sim_device_board(number);

	if (sim()->house->loader) /* it says its version in plain text, which nothing guards */
		return;
	b->in.loss = b->out.loss = loss;
	b->in.flip = b->out.flip = flip;
}

void
sim_device_sick(int number, const char *version, enum sim_illness how)
{
	struct board *b = sim_device_board(number);
	bool silent = version && how == SIM_ILL_SILENT;

	snprintf(b->sick, sizeof(b->sick), "%s", silent ? version : "");
	b->chip[0].flash.refused = version && how == SIM_ILL_REFUSED ? version : NULL;
	snprintf(
	    b->unkept, sizeof(b->unkept), "%s", version && how == SIM_ILL_UNKEPT ? version : "");
	snprintf(
	    b->unwell, sizeof(b->unwell), "%s", version && how == SIM_ILL_UNWELL ? version : "");
}

/* --- what it is ------------------------------------------------------------------------------- */

const char *
sim_device_version(int number)
{
	return sim_device_board(number)->chip[0].flash.slot[0].version;
}

/* What another tool has put on trial, after or amid an upgrade, is not on trial because of us. */
static bool
is_kept(const struct chip *c)
{
	return c->flash.confirmed || c->touched;
}

bool
sim_device_is_kept(int number)
{
	const struct board *b = sim_device_board(number);

	return b->bare ? !b->device.dead : is_kept(&b->chip[0]);
}

bool
sim_device_was_given(int number, const char *version)
{
	const struct board *b = sim_device_board(number);
	int64_t since = sim()->house->serials && b->unit_since ? b->unit_since + 1 : 0;

	return sim_device_ran(number, version, since);
}

bool
sim_device_came_with(int number, const char *version)
{
	int64_t since = sim_device_board(number)->unit_since;

	return since && sim_device_ran(number, version, since) &&
	       !sim_device_ran(number, version, since + 1);
}

bool
sim_device_ran(int number, const char *version, int64_t since)
{
	return ran(&sim_device_board(number)->chip[0], version, since);
}

bool
sim_device_started(int number, const char *version, int64_t since)
{
	const struct chip *c = &sim_device_board(number)->chip[0];

	return has(c->started, c->n_started, STARTED_MAX, version, since);
}

bool
sim_device_second_is_kept(int number)
{
	const struct board *b = sim_device_board(number);

	return !b->has_second || is_kept(&b->chip[1]);
}

bool
sim_device_is_well(int number, const Pb__SessionOrder *o)
{
	const struct board *b = sim_device_board(number);
	bool app = false;

	for (size_t i = 0; i < o->n_options; i++)
		app |= strcmp(o->options[i]->key, "device") == 0 &&
		       strncmp(o->options[i]->value, "dev", 3) == 0;
	return !app || !runs(b, b->unwell);
}

const char *
sim_device_second_version(int number)
{
	return sim_device_board(number)->chip[1].flash.slot[0].version;
}

bool
sim_device_second_ran(int number, const char *version)
{
	return ran(&sim_device_board(number)->chip[1], version, 0);
}
