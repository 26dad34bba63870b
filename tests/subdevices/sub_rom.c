/*
 * sub_rom: see sub_rom.h. A command is a walk over stages; each wants some bytes (`need`) and then
 * answers.
 */
#include "sub_rom.h"

#include <stdio.h>
#include <string.h>

enum { ACK = 0x79, NACK = 0x1f, BUSY = 0x76, HELLO = 0x7f };
enum {
	GET = 0x00,
	GVR = 0x01,
	GID = 0x02,
	READ = 0x11,
	GO = 0x21,
	WRITE = 0x31,
	ERASE = 0x43,
	ERASE2 = 0x44,
	CRC = 0xa1
};
enum { RAM_AT = 0x20000000, RAM_LEN = 0x10000 };

void
sub_rom_init(struct sub_rom *r, struct sub_chip *chip, sub_rom_send send, void *arg)
{
	memset(r, 0, sizeof(*r));
	r->chip = chip;
	r->send = send;
	r->arg = arg;
	r->start_ns = 20000000;
	r->write_ns = 5000000;
	r->erase_ns = 20000000;
	r->up_at = r->done_at = SUB_ROM_NEVER;
}

/* --- power and reset ------------------------------------------------------------------------- */

static void
forget(struct sub_rom *r)
{
	sub_chip_cut(r->chip);
	r->synced = r->deaf = false;
	r->stage = 0;
	r->in_len = 0;
	r->need = 1;
	r->line_len = 0;
	r->up_at = r->done_at = SUB_ROM_NEVER;
	r->version[0] = 0;
	r->changed = true;
}

/* The core begins at the flash. */
static void
begin_flash(struct sub_rom *r, bool looks)
{
	switch (sub_chip_boot(r->chip, r->version)) {
	case SUB_CHIP_RUNS:
		r->next = SUB_ROM_APP;
		break;
	case SUB_CHIP_EMPTY:
		r->next = looks && !(r->quirks & SUB_ROM_NO_CHECK) ? SUB_ROM_LOADER
								   : SUB_ROM_CRASHED;
		break;
	default:
		r->chip->crashes++;
		r->next = SUB_ROM_CRASHED;
	}
}

static void
begin(struct sub_rom *r, int64_t now)
{
	forget(r);
	r->state = SUB_ROM_STARTING;
	r->up_at = now + r->start_ns;
	r->boots++;
	if (r->boot)
		r->next = SUB_ROM_LOADER;
	else
		begin_flash(r, true);
}

void
sub_rom_power(struct sub_rom *r, bool on, int64_t now)
{
	forget(r);
	r->state = SUB_ROM_OFF;
	r->powered = on;
	if (on && !r->reset)
		begin(r, now);
}

void
sub_rom_pins(struct sub_rom *r, bool boot, bool reset, int64_t now)
{
	bool begins = r->reset && !reset, ends = !r->reset && reset;

	r->boot = boot;
	r->reset = reset;
	if (!r->powered)
		return;
	if (ends) {
		forget(r);
		r->state = SUB_ROM_STARTING;
	} else if (begins) {
		begin(r, now);
	}
}

/* --- answers --------------------------------------------------------------------------------- */

static void
say(struct sub_rom *r, int64_t now, const void *data, size_t len)
{
	r->send(r->arg, now, data, len);
}

static void
say_byte(struct sub_rom *r, int64_t now, uint8_t b)
{
	r->nacks += b == NACK;
	say(r, now, &b, 1);
}

/* Ready for the next command. */
static void
reset_command(struct sub_rom *r)
{
	r->stage = 0;
	r->in_len = 0;
	r->need = 2;
}

static void
refuse(struct sub_rom *r, int64_t now)
{
	reset_command(r);
	say_byte(r, now, NACK);
}

/* The stage is fine; the next wants so many bytes. */
static void
accept(struct sub_rom *r, int64_t now, size_t need)
{
	r->stage++;
	r->in_len = 0;
	r->need = need;
	say_byte(r, now, ACK);
}

static uint8_t
sum(const uint8_t *p, size_t n)
{
	uint8_t s = 0;

	while (n-- > 0)
		s ^= *p++;
	return s;
}

static void
work(struct sub_rom *r, int64_t now, int64_t ns)
{
	r->done_at = now + ns;
	if (r->quirks & SUB_ROM_BUSY)
		say_byte(r, now, BUSY);
}

/* --- commands -------------------------------------------------------------------------------- */

static size_t
commands(const struct sub_rom *r, uint8_t *out)
{
	size_t n = 0;

	out[n++] = GET;
	out[n++] = GVR;
	out[n++] = GID;
	out[n++] = READ;
	out[n++] = GO;
	out[n++] = WRITE;
	out[n++] = r->quirks & SUB_ROM_OLD_ERASE ? ERASE : ERASE2;
	out[n++] = 0x63;
	out[n++] = 0x73;
	out[n++] = 0x82;
	out[n++] = 0x92;
	if (r->quirks & SUB_ROM_CRC)
		out[n++] = CRC;
	return n;
}

static void
tell_commands(struct sub_rom *r, int64_t now)
{
	uint8_t out[24] = {ACK, 0, 0x31};
	size_t n = commands(r, out + 3);

	out[1] = (uint8_t)n;
	out[3 + n] = ACK;
	reset_command(r);
	say(r, now, out, n + 4);
}

static void
tell_id(struct sub_rom *r, int64_t now)
{
	const uint8_t out[] = {ACK, 1, (uint8_t)(r->chip->id >> 8), (uint8_t)r->chip->id, ACK};

	reset_command(r);
	say(r, now, out, sizeof(out));
}

static bool
knows(const struct sub_rom *r, uint8_t command)
{
	uint8_t all[24];
	size_t n = commands(r, all);

	return (command <= ERASE2 || command == CRC) && memchr(all, command, n) != NULL;
}

static void
on_command(struct sub_rom *r, int64_t now)
{
	static const uint8_t version[] = {ACK, 0x31, 0, 0, ACK};
	uint8_t c = r->in[0];

	if ((c ^ r->in[1]) != 0xff || !knows(r, c) || ((r->quirks & SUB_ROM_LOCKED) && c > GID)) {
		refuse(r, now);
		return;
	}
	r->command = c;
	if (c == GET) {
		tell_commands(r, now);
	} else if (c == GID) {
		tell_id(r, now);
	} else if (c == GVR) {
		reset_command(r);
		say(r, now, version, sizeof(version));
	} else {
		accept(r, now, c == ERASE ? 1 : c == ERASE2 ? 2 : 5);
	}
}

static bool
is_inside(const struct sub_rom *r, uint32_t len)
{
	uint32_t at = r->address - SUB_CHIP_BASE;

	return r->address >= SUB_CHIP_BASE && at < r->chip->size && len <= r->chip->size - at;
}

static void
on_address(struct sub_rom *r, int64_t now)
{
	const uint8_t *p = r->in;

	r->address = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
	bool ram = r->address >= RAM_AT && r->address < RAM_AT + RAM_LEN;
	if (sum(p, 4) != p[4] || (!is_inside(r, 1) && !(ram && r->command == WRITE))) {
		refuse(r, now);
		return;
	}
	accept(r, now, r->command == READ ? 2 : r->command == WRITE ? 1 : 5);
	if (r->command != GO)
		return;
	forget(r);
	r->state = SUB_ROM_STARTING;
	r->up_at = now + r->start_ns;
	begin_flash(r, false);
}

static void
on_read(struct sub_rom *r, int64_t now)
{
	uint32_t n = r->in[0] + 1u;

	if ((r->in[0] ^ r->in[1]) != 0xff || !is_inside(r, n)) {
		refuse(r, now);
		return;
	}
	reset_command(r);
	say_byte(r, now, ACK);
	say(r, now, r->chip->flash + (r->address - SUB_CHIP_BASE), n);
}

/* n - 1, then n bytes and their checksum. */
static void
on_write(struct sub_rom *r, int64_t now)
{
	uint32_t n = r->in[0] + 1u;

	if (r->in_len == 1) {
		r->need = n + 2;
		return;
	}
	r->blocks++;
	bool bad = (r->quirks & SUB_ROM_NAK_DATA) && r->blocks % 11 == 0;
	if (bad || sum(r->in, n + 1) != r->in[n + 1] || n % 4 != 0) {
		refuse(r, now);
		return;
	}
	if (is_inside(r, n))
		sub_chip_write(r->chip, r->address - SUB_CHIP_BASE, r->in + 1, n);
	work(r, now, r->write_ns);
}

/* A list of pages, one byte each or two; the special codes for everything are not known. */
static void
on_erase(struct sub_rom *r, int64_t now)
{
	size_t w = r->command == ERASE2 ? 2 : 1;
	size_t n = (w == 2 ? (size_t)r->in[0] << 8 | r->in[1] : r->in[0]) + 1u;

	if (r->in_len == w) {
		r->need = w + n * w + 1;
		if (w == 2 && n > 512)
			refuse(r, now);
		return;
	}
	if (sum(r->in, r->need - 1) != r->in[r->need - 1]) {
		refuse(r, now);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		const uint8_t *p = r->in + w + i * w;
		uint32_t page = w == 2 ? (uint32_t)p[0] << 8 | p[1] : p[0], at, len;

		if (!sub_chip_page(r->chip, page, &at, &len)) {
			refuse(r, now);
			return;
		}
		sub_chip_erase(r->chip, page);
	}
	work(r, now, r->erase_ns * (int64_t)n);
}

static void
on_crc(struct sub_rom *r, int64_t now)
{
	const uint8_t *p = r->in;
	uint32_t len = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
	uint32_t crc = 0xffffffff;
	uint8_t out[7] = {ACK, ACK};

	if (sum(p, 4) != p[4] || len % 4 != 0 || !is_inside(r, len)) {
		refuse(r, now);
		return;
	}
	for (uint32_t i = 0; i < len; i++) {
		const uint8_t *f = r->chip->flash + (r->address - SUB_CHIP_BASE) + i / 4 * 4;

		crc ^= (uint32_t)f[3 - i % 4] << 24; /* the word's last byte first */
		for (int bit = 0; bit < 8; bit++)
			crc = crc << 1 ^ (crc >> 31 ? 0x04c11db7 : 0);
	}
	for (int i = 0; i < 4; i++)
		out[2 + i] = (uint8_t)(crc >> (24 - 8 * i));
	out[6] = sum(out + 2, 4);
	reset_command(r);
	say(r, now, out, sizeof(out));
}

static void
on_stage(struct sub_rom *r, int64_t now)
{
	if (r->stage == 0)
		on_command(r, now);
	else if (r->command == ERASE || r->command == ERASE2)
		on_erase(r, now);
	else if (r->stage == 1)
		on_address(r, now);
	else if (r->command == READ)
		on_read(r, now);
	else if (r->command == WRITE)
		on_write(r, now);
	else
		on_crc(r, now);
}

static void
loader_byte(struct sub_rom *r, uint8_t b, int64_t now)
{
	if (r->deaf || r->done_at != SUB_ROM_NEVER)
		return; /* it does not listen while it programs */
	if (!r->synced) {
		r->synced = b == HELLO;
		r->wrong += !r->synced;
		r->deaf = !r->synced && (r->quirks & SUB_ROM_TOUCHY);
		reset_command(r);
		if (r->synced)
			say_byte(r, now, ACK);
		return;
	}
	r->in[r->in_len++] = b;
	if (r->in_len == r->need)
		on_stage(r, now);
}

/* --- the application ------------------------------------------------------------------------- */

static void
app_line(struct sub_rom *r, int64_t now)
{
	char out[64];

	if (r->quirks & SUB_ROM_MUTE_APP)
		return;
	if (strcmp(r->line, "version") == 0) {
		int n = snprintf(out, sizeof(out), "app %s\r\n", r->version);

		say(r, now, out, (size_t)n);
	} else if (strcmp(r->line, "boot") == 0) {
		say(r, now, "ok\r\n", 4);
		forget(r);
		r->state = SUB_ROM_LOADER;
	}
}

static void
app_byte(struct sub_rom *r, uint8_t b, int64_t now)
{
	if (b != '\r' && b != '\n') {
		if (r->line_len + 1 < sizeof(r->line))
			r->line[r->line_len++] = (char)b;
		return;
	}
	r->line[r->line_len] = 0;
	r->line_len = 0;
	app_line(r, now);
}

void
sub_rom_byte(struct sub_rom *r, uint8_t b, int64_t now)
{
	sub_rom_step(r, now);
	if (r->state == SUB_ROM_APP)
		app_byte(r, b, now);
	else if (r->state == SUB_ROM_LOADER)
		loader_byte(r, b, now);
}

void
sub_rom_step(struct sub_rom *r, int64_t now)
{
	if (now >= r->up_at) {
		r->up_at = SUB_ROM_NEVER;
		r->state = r->next;
		r->changed = true;
	}
	if (now < r->done_at)
		return;
	r->done_at = SUB_ROM_NEVER;
	sub_chip_end(r->chip);
	bool lost = (r->quirks & SUB_ROM_NO_ACK) && r->command == WRITE && r->blocks % 7 == 0;
	reset_command(r);
	r->changed = true;
	if (!lost)
		say_byte(r, now, ACK);
}

int64_t
sub_rom_due(const struct sub_rom *r)
{
	return r->up_at < r->done_at ? r->up_at : r->done_at;
}
