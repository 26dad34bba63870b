/*
 * an3155_verb: which script, command or pause follows which. See an3155.h for what is wanted.
 *
 *     IDENTIFY   identify -> version
 *                attach -> first bytes of flash -> nothing to run
 *                                               -> version at an address -> leave
 *                                               -> leave -> identify
 *     WRITE      attach -> an3155_write until it is done
 *     REBOOT     leave
 *     attach     [reset pin] enter -> sync; else sync -> launch -> sync; then GET and ID
 *     leave      [no reset pin] GO; then script leave, rest
 */
#include <stdio.h>
#include <string.h>

#include "an3155_state.h"

enum {
	VECTOR = 8,
	QUIET_MS = 3000,
	VERSION_LEN = 32,
	UNIT_LEN = 12,
	ID_LEN = 3,
	PAGES_OF_ONE_BYTE = 256
};

static const char *
as_text(const struct an3155_talk *t, char out[60])
{
	static const char *const states[] = {"", "an answer", "NACK", "silence", "byte"};

	if (t->state == AN3155_GARBLED)
		snprintf(out, 60, "byte %02x", t->odd);
	else
		snprintf(out, 60, "%s", states[t->state]);
	return out;
}

static bool
has_reset(const struct an3155 *x)
{
	return x->job.pins & DRIVER_RESET;
}

static bool
is_upgrade(const struct an3155 *x)
{
	return x->job.verb == DRIVER_WRITE || x->job.target_version[0] != 0;
}

static void
say(struct an3155 *x, enum an3155_script script, struct mono now)
{
	x->step = AN3155_TALKING;
	x->script = script;
	x->tried = 1;
	expect_start(&x->talk, &x->scripts[script], &x->values, now);
}

static void
sync(struct an3155 *x, bool whole, struct mono now)
{
	x->whole = whole;
	x->step = AN3155_SYNCING;
	an3155_talk_sync(&x->rom, whole, now);
}

static void
ask(struct an3155 *x, const struct an3155_command *c, struct mono now)
{
	if (c != &x->command) {
		x->command = *c;
		x->faults = 0;
	}
	x->step = AN3155_ASKING;
	an3155_talk_start(&x->rom, &x->command, now);
}

static void
ask_simple(struct an3155 *x, enum an3155_code code, uint32_t address, uint32_t len, struct mono now)
{
	struct an3155_command c = {.code = code, .address = address, .len = len};

	ask(x, &c, now);
}

/* --- leaving --------------------------------------------------------------------------------- */

static void
leave(struct an3155 *x, struct mono now)
{
	x->left = true;
	if (has_reset(x))
		say(x, AN3155_LEAVE, now);
	else
		ask_simple(x, AN3155_GO, x->address, 0, now);
}

/* The result is clear; the device is to go on with its work before the verb ends. */
static void
leave_with(struct an3155 *x, enum err e, const char *detail, struct mono now)
{
	x->decided = true;
	x->result.error = e;
	snprintf(x->result.detail, sizeof(x->result.detail), "%s", detail);
	if (x->left || !x->attached)
		x->busy = false;
	else
		leave(x, now);
}

void
an3155_verb_rested(struct an3155 *x, struct mono now)
{
	if (x->decided)
		x->busy = false;
	else if (x->job.verb == DRIVER_IDENTIFY)
		say(x, AN3155_IDENTIFY, now);
	else
		an3155_finish(x, ERR_OK, "%s", "");
}

/* --- getting in step ------------------------------------------------------------------------- */

static void
attach(struct an3155 *x, struct mono now)
{
	bool may_reset = is_upgrade(x) || x->scripts[AN3155_IDENTIFY].n == 0;

	if (has_reset(x) && may_reset && x->job.verb != DRIVER_REBOOT)
		say(x, AN3155_ENTER, now);
	else
		sync(x, false, now);
}

static void
not_there(struct an3155 *x, struct mono now)
{
	char last[120] = "";

	if (x->attached) { /* was in step before */
		an3155_finish(x, x->job.verb == DRIVER_WRITE ? ERR_TIMEOUT : ERR_DEVICE_AWAY,
		    "expected the boot loader to answer command %02x at %08x, got silence",
		    (unsigned)x->command.code, (unsigned)x->command.address);
		return;
	}
	if (x->job.verb == DRIVER_REBOOT) { /* nothing to ask: IDENTIFY will say what runs */
		say(x, AN3155_LEAVE, now);
		return;
	}
	if (x->scripts[AN3155_IDENTIFY].n > 0 && x->job.verb == DRIVER_IDENTIFY)
		expect_complain(&x->talk, last, sizeof(last));
	an3155_finish(x, x->heard && !x->rom.heard ? ERR_DEVICE_PROTO : ERR_DEVICE_AWAY,
	    "expected a boot loader to answer, got none%s%s", last[0] ? "; before that: " : "",
	    last);
}

void
an3155_verb_synced(struct an3155 *x, bool done, struct mono now)
{
	bool no_other_way = x->scripts[AN3155_IDENTIFY].n == 0;
	bool more = !x->whole && !has_reset(x) && (is_upgrade(x) || no_other_way);
	bool may_launch = x->job.verb == DRIVER_WRITE || no_other_way;

	if (!done && more && may_launch && x->scripts[AN3155_LAUNCH].n > 0) {
		say(x, AN3155_LAUNCH, now);
	} else if (!done && more) {
		sync(x, true, now);
	} else if (!done) {
		not_there(x, now);
	} else if (!x->attached) {
		x->attached = true;
		if (x->job.verb == DRIVER_REBOOT)
			leave(x, now);
		else
			ask_simple(x, AN3155_GET, 0, 0, now);
	} else if (x->writing && x->rom.fresh) { /* it was reset: who knows what it holds */
		an3155_write_restart(&x->write);
		an3155_write_want(&x->write, &x->command);
		ask(x, &x->command, now);
	} else {
		if (x->writing && !an3155_write_want(&x->write, &x->command))
			an3155_finish(x, x->write.error, "%s", x->write.detail);
		else
			ask(x, &x->command, now);
	}
}

void
an3155_verb_script(struct an3155 *x, bool met, struct mono now)
{
	if (!met && x->tried < x->tries && x->script != AN3155_LEAVE) {
		x->tried++;
		expect_start(&x->talk, &x->scripts[x->script], &x->values, now);
		return;
	}
	if (x->script == AN3155_LEAVE) {
		x->step = AN3155_RESTING;
		x->rest = mono_after(now, x->run_wait_ms);
	} else if (x->script != AN3155_IDENTIFY) {
		sync(x, true, now);
	} else if (met) {
		snprintf(x->facts.version, sizeof(x->facts.version), "%s", x->talk.version);
		snprintf(x->facts.unit, sizeof(x->facts.unit), "%s", x->talk.unit);
		x->facts.active_confirmed = true; /* there is nothing to confirm */
		an3155_finish(x, ERR_OK, "%s", "");
	} else if (!x->left) {
		attach(x, now);
	} else if (is_upgrade(x)) {
		an3155_finish(
		    x, ERR_OK, "%s", ""); /* something is there, but nothing that answers */
	} else {
		an3155_finish(x, ERR_DEVICE_AWAY,
		    "expected the application to say its version, got none; a vector table is "
		    "there");
	}
}

/* --- commands that were carried out ---------------------------------------------------------- */

static void
on_commands(struct an3155 *x, struct mono now)
{
	const struct an3155_talk *t = &x->rom;

	x->has_ext = x->has_erase = x->has_crc = false;
	for (size_t i = 2; i < t->in_len; i++) {
		x->has_ext |= t->in[i] == AN3155_ERASE_EXT;
		x->has_erase |= t->in[i] == AN3155_ERASE;
		x->has_crc |= t->in[i] == AN3155_CRC;
	}
	ask_simple(x, AN3155_ID, 0, 0, now);
}

/* Image, flash and pages fit each other; `why` says what does not. */
static enum err
check_fit(struct an3155 *x, char *why, size_t size)
{
	const struct driver_image *image = x->job.image;
	uint32_t at = x->address - AN3155_FLASH;
	struct an3155_page first, last;
	uint8_t head[VECTOR];

	if (at >= x->chip->size || image->size > x->chip->size - at) {
		snprintf(why, size, "expected at most %u bytes at %08x of a %s, got %llu",
		    (unsigned)(at < x->chip->size ? x->chip->size - at : 0), (unsigned)x->address,
		    x->chip->name, (unsigned long long)image->size);
		return ERR_SPACE;
	}
	if (!an3155_chip_page(x->chip, at, &first) || first.at != at ||
	    !an3155_chip_page(x->chip, at + (uint32_t)image->size - 1, &last)) {
		snprintf(why, size, "address: expected the start of a page, got %08x",
		    (unsigned)x->address);
		return ERR_CONFIG;
	}
	if ((!x->has_ext && !x->has_erase) || (!x->has_ext && last.number >= PAGES_OF_ONE_BYTE)) {
		snprintf(why, size, "expected a boot loader that erases page %u, got none",
		    (unsigned)last.number);
		return ERR_UNSUPPORTED;
	}
	enum err e = image->size < VECTOR ? ERR_IMAGE
					  : image->read(image->arg, 0, head, sizeof(head));
	if (e == ERR_OK && x->vectors && !an3155_write_is_vector(head))
		e = ERR_IMAGE;
	if (e)
		snprintf(why, size, "expected an image that begins with a vector table, got none");
	return e;
}

/* The next command of the write, or its end. */
static void
go_on_writing(struct an3155 *x, struct mono now)
{
	struct an3155_write *w = &x->write;
	struct an3155_command c;
	bool more = an3155_write_want(w, &c);

	x->facts.done_bytes = w->good < x->facts.total_bytes ? w->good : x->facts.total_bytes;
	if (more)
		ask(x, &c, now);
	else if (w->error && !w->touched)
		leave_with(x, w->error, w->detail, now);
	else
		an3155_finish(x, w->error, "%s", w->detail);
}

static void
begin_writing(struct an3155 *x, struct mono now)
{
	char why[160] = "";
	enum err e = check_fit(x, why, sizeof(why));

	if (e) {
		leave_with(x, e, why, now);
		return;
	}
	x->write.chip = x->chip;
	x->write.image = x->job.image;
	x->write.base = x->address;
	x->write.ext = x->has_ext;
	x->write.crc = x->crc && x->has_crc;
	x->write.write_ms = x->write_ms;
	x->write.rounds = x->rounds;
	an3155_write_start(&x->write);
	x->writing = true;
	go_on_writing(x, now);
}

static void
on_id(struct an3155 *x, struct mono now)
{
	const struct an3155_talk *t = &x->rom;
	uint16_t id = (uint16_t)(t->in_len >= ID_LEN ? t->in[1] << 8 | t->in[2] : 0);
	char why[100];

	x->chip = x->any.size ? &x->any : an3155_chip_find(id);
	if (!x->chip) {
		snprintf(why, sizeof(why),
		    "expected a chip of the table or the option page_size, got id %03x",
		    (unsigned)id);
		leave_with(x, ERR_UNSUPPORTED, why, now);
	} else if (x->job.verb == DRIVER_WRITE) {
		begin_writing(x, now);
	} else {
		ask_simple(x, AN3155_READ, x->address, VECTOR, now);
	}
}

/* As the option version_as says; "" = it is none. */
static void
take_version(struct an3155 *x, const uint8_t *in)
{
	char *out = x->facts.version;

	if (x->numbers) {
		snprintf(out, sizeof(x->facts.version), "%u.%u.%u", in[0], in[1], in[2]);
		return;
	}
	memcpy(out, in, VERSION_LEN);
	out[VERSION_LEN] = 0;
	size_t n = strcspn(out, "\xff");
	out[n] = 0;
	for (const char *p = out; *p; p++)
		if (*p <= ' ' || *p > '~')
			n = 0;
	out[n < VERSION_LEN ? n : 0] = 0;
}

/* The chip's unique id, after the version: 96 bits. */
static bool
is_for_unit(const struct an3155 *x)
{
	return x->unit_at && x->command.code == AN3155_READ && x->command.address == x->unit_at &&
	       x->command.len == UNIT_LEN && x->facts.version[0];
}

static void
on_read(struct an3155 *x, struct mono now)
{
	const uint8_t *in = x->rom.in;
	char why[100];

	if (x->command.address == x->address && x->command.len == VECTOR) {
		if (!an3155_write_is_vector(in))
			an3155_finish(x, ERR_OK, "%s", ""); /* stays in its boot loader */
		else if (x->version_at)
			ask_simple(x, AN3155_READ, x->version_at, VERSION_LEN, now);
		else
			leave(x, now);
		return;
	}
	if (is_for_unit(x)) {
		for (size_t i = 0; i < UNIT_LEN; i++)
			snprintf(x->facts.unit + 2 * i, 3, "%02x", in[i]);
		leave_with(x, ERR_OK, "", now);
		return;
	}
	take_version(x, in);
	x->facts.active_confirmed = x->facts.version[0] != 0;
	if (x->facts.version[0] && x->unit_at) {
		ask_simple(x, AN3155_READ, x->unit_at, UNIT_LEN, now);
		return;
	}
	snprintf(why, sizeof(why), "expected a version at %08x, got %02x %02x %02x %02x",
	    (unsigned)x->version_at, in[0], in[1], in[2], in[3]);
	if (x->facts.version[0] || is_upgrade(x))
		leave_with(x, ERR_OK, "", now);
	else
		leave_with(x, ERR_DEVICE_PROTO, why, now);
}

static void
on_carried_out(struct an3155 *x, struct mono now)
{
	switch (x->writing ? AN3155_WRITE : x->command.code) {
	case AN3155_GET:
		on_commands(x, now);
		break;
	case AN3155_ID:
		on_id(x, now);
		break;
	case AN3155_READ:
		on_read(x, now);
		break;
	case AN3155_GO:
		say(x, AN3155_LEAVE, now);
		break;
	default:
		an3155_write_done(&x->write, x->rom.in);
		go_on_writing(x, now);
	}
}

/* --- commands that were not ------------------------------------------------------------------ */

static void
give_up(struct an3155 *x, struct mono now)
{
	char got[60], why[160];
	enum err e = x->rom.state == AN3155_SILENT ? ERR_TIMEOUT : ERR_DEVICE_PROTO;

	if (is_for_unit(x)) { /* of no known unit, but there */
		leave_with(x, ERR_OK, "", now);
		return;
	}
	if (x->rom.state == AN3155_REFUSED)
		e = x->rom.turn == 0 ? ERR_PROTECTED : ERR_DEVICE_REJECTED;
	snprintf(why, sizeof(why), "command %02x at %08x: expected ACK, got %s %u times%s",
	    (unsigned)x->command.code, (unsigned)x->command.address, as_text(&x->rom, got),
	    x->faults, e == ERR_PROTECTED ? ": the flash is protected" : "");
	if (x->writing && x->write.touched)
		an3155_finish(x, e, "%s", why);
	else
		leave_with(x, e, why, now);
}

static void
on_fault(struct an3155 *x, struct mono now)
{
	bool refused = x->rom.state == AN3155_REFUSED;

	x->facts.rewinds++;
	if (x->command.code == AN3155_GO) { /* the script, or the next IDENTIFY, settles it */
		say(x, AN3155_LEAVE, now);
		return;
	}
	if (++x->faults > x->retries || (refused && x->rom.turn == 0 && x->faults >= 3)) {
		give_up(x, now);
		return;
	}
	if (x->writing && x->rom.turn >= 2)
		an3155_write_unsure(&x->write);
	if (!refused) {
		x->step = AN3155_QUIET;
		x->rest = mono_after(now, x->sync_ms);
		x->quiet_end = mono_after(now, QUIET_MS);
		return;
	}
	if (x->writing && !an3155_write_want(&x->write, &x->command))
		an3155_finish(x, x->write.error, "%s", x->write.detail);
	else
		ask(x, &x->command, now);
}

void
an3155_verb_command(struct an3155 *x, struct mono now)
{
	if (x->rom.state == AN3155_OK)
		on_carried_out(x, now);
	else
		on_fault(x, now);
}

/* --- beginnings ------------------------------------------------------------------------------ */

void
an3155_verb_start(struct an3155 *x, struct mono now)
{
	if (x->job.verb == DRIVER_WRITE && (!x->job.image || x->job.image->size == 0))
		an3155_finish(x, ERR_INVALID, "expected an image, got none");
	else if (x->job.verb == DRIVER_IDENTIFY && x->scripts[AN3155_IDENTIFY].n > 0)
		say(x, AN3155_IDENTIFY, now);
	else if (x->job.verb == DRIVER_REBOOT && has_reset(x))
		leave(x, now);
	else
		attach(x, now);
}
