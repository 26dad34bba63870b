/*
 * sub_smp_list: the state list: frugal as a stock server's, bare as a recovery's, or as its quirks
 * want it.
 */
#include <stdio.h>
#include <string.h>

#include "sub_smp_part.h"

enum { TRAILER = 4096 }; /* of a slot, that the bootloader keeps */

/* Frugal, as many builds are: a flag that is false is left out. */
static void
say_flag(struct call *c, const char *key, bool value)
{
	if (!value && !has(c, SUB_QUIRK_ALL_FLAGS))
		return;
	sub_cbor_key(&c->out, key);
	sub_cbor_bool(&c->out, value);
}

static void
say_recovery_hash(struct call *c, const struct sub_image *i)
{
	if (c->s->no_hash)
		return;
	sub_cbor_key(&c->out, "hash");
	sub_cbor_bytes(&c->out, i->hash, sizeof(i->hash));
}

static void
say_version(struct call *c, const struct sub_image *i)
{
	static const char evil[] = "\033[2J\033]0;pwned\a1.0.0\r\n\"'%n$(reboot)";
	char text[SUB_IMAGE_VERSION + 8];
	bool four = has(c, SUB_QUIRK_FOUR_PARTS);

	snprintf(text, sizeof(text), "%s%s", i->version, four && i->number[7] == 0 ? ".0" : "");
	sub_cbor_key(&c->out, "version");
	if (has(c, SUB_QUIRK_EVIL_VERSION))
		sub_cbor_text(&c->out, evil, sizeof(evil) - 1);
	else
		sub_cbor_text(&c->out, text, strlen(text));
}

/* As a server that lists all slots has it. */
static void
say_empty_slot(struct call *c, unsigned n)
{
	if (!has(c, SUB_QUIRK_EMPTY_SLOTS) || c->s->recovery)
		return;
	sub_cbor_map(&c->out);
	say_number(c, "slot", n);
	sub_cbor_key(&c->out, "version");
	sub_cbor_text(&c->out, "<?\?\?>", 5);
	sub_cbor_end(&c->out);
}

static void
say_slot(struct call *c, const struct sub_flash *f, unsigned n)
{
	const struct sub_image *i = &f->slot[n];
	bool marked = n == 1 && f->pending != SUB_FLASH_NONE;

	if (c->s->recovery ? !i->sound : !i->listed) {
		say_empty_slot(c, n);
		return;
	}
	sub_cbor_map(&c->out);
	if (f == c->s->second)
		say_number(c, "image", 1);
	say_number(c, "slot", n);
	say_version(c, i);
	if (c->s->recovery) {
		say_recovery_hash(c, i);
		sub_cbor_end(&c->out);
		return;
	}
	sub_cbor_key(&c->out, "hash");
	sub_cbor_bytes(&c->out, i->hash, sizeof(i->hash));
	say_flag(c, "bootable", true);
	say_flag(c, "pending", marked);
	say_flag(c, "confirmed", n == 0 ? f->confirmed : !f->confirmed);
	say_flag(c, "active", n == 0);
	say_flag(c, "permanent", marked && f->pending == SUB_FLASH_FOR_GOOD);
	sub_cbor_end(&c->out);
}

void
sub_smp_say_list(struct call *c)
{
	sub_cbor_key(&c->out, "images");
	sub_cbor_list(&c->out);
	for (unsigned n = 0; n < 2; n++)
		say_slot(c, c->s->flash, n);
	for (unsigned n = 0; n < 2 && c->s->second; n++)
		say_slot(c, c->s->second, n);
	sub_cbor_end(&c->out);
}

static void
say_rooms(struct call *c, unsigned image)
{
	uint32_t size = c->s->slot_size ? c->s->slot_size : SUB_FLASH_SIZE;

	sub_cbor_map(&c->out);
	say_number(c, "image", image);
	sub_cbor_key(&c->out, "slots");
	sub_cbor_list(&c->out);
	for (unsigned n = 0; n < 2; n++) {
		sub_cbor_map(&c->out);
		say_number(c, "slot", n);
		say_number(c, "size", size);
		if (n == (c->s->recovery ? 0 : 1))
			say_number(c, "upload_image_id", image);
		sub_cbor_end(&c->out);
	}
	sub_cbor_end(&c->out);
	if (!has(c, SUB_QUIRK_SLOTS_ONLY))
		say_number(c, "max_image_size", size - TRAILER);
	sub_cbor_end(&c->out);
}

void
sub_smp_say_slots(struct call *c)
{
	sub_cbor_key(&c->out, "images");
	sub_cbor_list(&c->out);
	say_rooms(c, 0);
	if (c->s->second)
		say_rooms(c, 1);
	sub_cbor_end(&c->out);
}
