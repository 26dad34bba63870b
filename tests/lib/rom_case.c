/*
 * rom_case: see rom_case.h.
 */
#include "rom_case.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "house_pack_image.h"

static const int64_t ms_ns = 1000000;

enum { BAUD = 115200, STEPS_MAX = 20000000, VERB_MS = 600000 };

static int64_t
on_send(void *arg, int64_t now, const uint8_t *data, size_t len)
{
	struct rom_case *s = arg;

	sub_wire_put(&s->from, now, data, len);
	return sub_wire_sent_at(&s->from);
}

static void
make_wires(struct rom_case *s)
{
	sub_wire_init(&s->to, BAUD, 0, 1);
	sub_wire_init(&s->from, BAUD, 0, 2);
	s->to.bits = s->from.bits = 11;
}

struct rom_case *
rom_case_new(void)
{
	struct rom_case *s = calloc(1, sizeof(*s));

	cr_assert_not_null(s);
	s->chip.flash = malloc(ROM_CASE_FLASH);
	s->state = calloc(1, an3155_driver.state_size);
	cr_assert(s->chip.flash && s->state);
	s->now = 1000 * ms_ns;
	s->pins = DRIVER_BOOT | DRIVER_RESET;
	s->off_ns = 50 * ms_ns;
	s->power_at = SUB_ROM_NEVER;
	make_wires(s);
	for (size_t i = 0; an3155_driver.options[i].key; i++)
		s->values[i] = an3155_driver.options[i].fallback;
	rom_case_set(s, "identify", "send 'version\\n' expect 'app {version}\\r'");
	rom_case_chip(s, 0x410, 1024, 0xff);
	return s;
}

void
rom_case_free(struct rom_case *s)
{
	free(s->chip.flash);
	free(s->state);
	free(s->image.data);
	free(s);
}

void
rom_case_set(struct rom_case *s, const char *key, const char *value)
{
	char why[200] = "";

	for (size_t i = 0; key && an3155_driver.options[i].key; i++)
		if (strcmp(an3155_driver.options[i].key, key) == 0)
			s->values[i] = value;
	cr_assert_eq(an3155_driver.init(s->state, s->values, why, sizeof(why)), ERR_OK, "%s", why);
}

void
rom_case_chip(struct rom_case *s, uint16_t id, uint32_t page, uint8_t erased)
{
	uint8_t *flash = s->chip.flash;
	unsigned quirks = s->rom.quirks;

	s->chip = (struct sub_chip){
	    .id = id, .flash = flash, .size = ROM_CASE_FLASH, .page = page, .erased = erased};
	memset(flash, erased, ROM_CASE_FLASH);
	sub_rom_init(&s->rom, &s->chip, on_send, s);
	s->rom.quirks = quirks;
	sub_rom_power(&s->rom, true, s->now);
	rom_case_pass(s, 100);
}

void
rom_case_flash(struct rom_case *s, const char *version, size_t size)
{
	struct bundle_bytes b = house_pack_stm32(version, size);

	memset(s->chip.flash, s->chip.erased, ROM_CASE_FLASH);
	memcpy(s->chip.flash, b.data, size);
	free(b.data);
	sub_rom_power(&s->rom, true, s->now);
	rom_case_pass(s, 100);
}

static enum err
read_image(void *arg, uint64_t offset, uint8_t *out, size_t len)
{
	struct rom_case *s = arg;

	cr_assert_leq(offset + len, s->image.len);
	memcpy(out, s->image.data + offset, len);
	return ERR_OK;
}

void
rom_case_image(struct rom_case *s, const char *version, size_t size)
{
	free(s->image.data);
	s->image = house_pack_stm32(version, size);
	s->signed_image = (struct driver_image){.size = size, .read = read_image, .arg = s};
}

/* --- time ------------------------------------------------------------------------------------ */

static void
cut_power(struct rom_case *s)
{
	sub_rom_power(&s->rom, false, s->now);
	sub_wire_cut(&s->to, s->now);
	sub_wire_cut(&s->from, s->now);
	s->power_at = s->now + s->off_ns;
}

static enum rom_case_fault
fault_of(struct rom_case *s, bool back, uint64_t n)
{
	if (s->fault == ROM_CASE_NONE || s->back != back || n != s->fault_at)
		return ROM_CASE_NONE;
	return s->fault;
}

/* One byte arrives at the device; false: the driver is dead. */
static bool
to_device(struct rom_case *s, uint8_t b)
{
	enum rom_case_fault f = fault_of(s, false, s->to_bytes++);

	if (f == ROM_CASE_STOP)
		return false;
	if (f == ROM_CASE_POWER)
		cut_power(s);
	else if (f != ROM_CASE_LOSE)
		sub_rom_byte(&s->rom, f == ROM_CASE_FLIP ? b ^ 0x10 : b, s->now);
	return true;
}

static bool
to_driver(struct rom_case *s, uint8_t b)
{
	enum rom_case_fault f = fault_of(s, true, s->from_bytes++);

	if (f == ROM_CASE_STOP)
		return false;
	if (f == ROM_CASE_POWER) {
		cut_power(s);
		return true;
	}
	b = f == ROM_CASE_FLIP ? b ^ 0x10 : b;
	if (f != ROM_CASE_LOSE && s->state)
		an3155_driver.on_bytes(s->state, &b, 1, (struct mono){s->now / ms_ns});
	return true;
}

static bool
deliver(struct rom_case *s)
{
	uint8_t b;

	while (sub_wire_get(&s->to, s->now, &b, 1) == 1)
		if (!to_device(s, b))
			return false;
	while (sub_wire_get(&s->from, s->now, &b, 1) == 1)
		if (!to_driver(s, b))
			return false;
	if (s->now >= s->power_at) {
		s->power_at = SUB_ROM_NEVER;
		sub_rom_power(&s->rom, true, s->now);
	}
	sub_rom_step(&s->rom, s->now);
	return true;
}

static int64_t
least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* When something happens without the driver. */
static int64_t
due_of_device(struct rom_case *s)
{
	return least(least(sub_wire_due(&s->to), sub_wire_due(&s->from)),
	    least(sub_rom_due(&s->rom), s->power_at));
}

static void
turn_pins(struct rom_case *s)
{
	struct driver_line l = an3155_driver.line(s->state);
	bool boot = l.pins & s->pins & DRIVER_BOOT, reset = l.pins & s->pins & DRIVER_RESET;

	if (boot != s->rom.boot || reset != s->rom.reset)
		sub_rom_pins(&s->rom, boot, reset, s->now);
}

/* What the driver wants now. */
static void
serve_driver(struct rom_case *s)
{
	struct mono now = {s->now / ms_ns};
	uint8_t out[512];
	size_t n = 0;

	if (mono_reached(now, an3155_driver.deadline(s->state)))
		an3155_driver.on_time(s->state, now);
	turn_pins(s);
	while ((n = an3155_driver.output(s->state, out, sizeof(out), now)) > 0) {
		turn_pins(s);
		sub_wire_put(&s->to, s->now, out, n);
	}
	turn_pins(s);
}

enum err
rom_case_run(struct rom_case *s, enum driver_verb verb)
{
	struct driver_job job = {.verb = verb,
	    .image = verb == DRIVER_WRITE ? &s->signed_image : NULL,
	    .timeout_ms = VERB_MS,
	    .pins = s->pins};
	const struct mono begin = {s->now / ms_ns};

	snprintf(
	    job.target_version, sizeof(job.target_version), "%s", s->target ? s->target : "1.1.0");
	s->to_bytes = s->from_bytes = 0;
	s->facts = an3155_driver.facts(s->state);
	an3155_driver.start(s->state, &job, begin);
	for (int i = 0; i < STEPS_MAX; i++) {
		serve_driver(s);
		if (an3155_driver.done(s->state, &s->result))
			return s->result.error;
		int64_t due = due_of_device(s);
		struct mono d = an3155_driver.deadline(s->state);

		due = d.ms < INT64_MAX / ms_ns ? least(due, d.ms * ms_ns) : due;
		s->now = due > s->now ? due : s->now;
		if (!deliver(s)) {
			s->fault = ROM_CASE_NONE;
			rom_case_set(s, NULL, NULL);
			return s->result.error = ERR_CLOSED;
		}
	}
	cr_assert_fail("a verb without an end");
	return ERR_TIMEOUT;
}

void
rom_case_pass(struct rom_case *s, int64_t ms)
{
	int64_t end = s->now + ms * ms_ns;
	void *state = s->state;

	s->state = NULL;
	while (s->now < end) {
		s->now = least(end, due_of_device(s) > s->now ? due_of_device(s) : s->now + 1);
		deliver(s);
	}
	s->state = state;
}

/* --- whole upgrades -------------------------------------------------------------------------- */

static bool
runs_image(struct rom_case *s)
{
	return rom_case_run(s, DRIVER_IDENTIFY) == ERR_OK &&
	       strcmp(s->facts->version, s->target ? s->target : "1.1.0") == 0;
}

bool
rom_case_upgrade(struct rom_case *s, unsigned tries)
{
	for (unsigned i = 0; i < tries; i++) {
		if (runs_image(s))
			return true;
		if (s->result.error == ERR_OK && rom_case_run(s, DRIVER_WRITE) == ERR_OK &&
		    rom_case_run(s, DRIVER_REBOOT) == ERR_OK && runs_image(s))
			return true;
		rom_case_pass(s, 1000);
	}
	return false;
}

void
rom_case_expect_image(struct rom_case *s)
{
	for (size_t i = 0; i < s->image.len; i++)
		cr_assert_eq(s->chip.flash[i], s->image.data[i],
		    "byte %zu of %zu: expected %02x, got %02x", i, s->image.len, s->image.data[i],
		    s->chip.flash[i]);
	cr_expect_eq(s->chip.crashes, 0, "it ran into a half image");
}
