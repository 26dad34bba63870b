/*
 * smp_msg: codec of SMP requests and answers; see smp_msg.h.
 *
 * Answers are read in one pass by a cursor over the CBOR map. Which keys mean what is a table per
 * map (the answer itself, one entry of the list, the "err" map): name, wanted type, where it goes.
 */
#include "smp_msg.h"

#include <stddef.h>

#include "smp_cbor.h"

enum field_kind { U32, U64, FLAG, VERSION, HASH, IMAGES, ROOMS, TROUBLE, VALUE };

/* A known key. `seen` is the offset of a bool that is set when the key was there (0 = none). */
struct field {
	const char *key;
	enum field_kind kind;
	size_t offset;
	size_t seen;
};

#define A(member) offsetof(struct smp_answer, member)
#define S(member) offsetof(struct smp_slot, member)
#define R(member) offsetof(struct smp_room, member)

/* clang-format off */
static const struct field answer_fields[] = {
	/* key        kind     goes to       and sets */
	{"rc",        U32,     A(rc),        0},
	{"err",       TROUBLE, 0,            A(in_group)},
	{"off",       U64,     A(off),       A(has_off)},
	{"match",     FLAG,    A(match),     A(has_match)},
	{"buf_size",  U32,     A(buf_size),  0},
	{"buf_count", U32,     A(buf_count), 0},
	{"images",    IMAGES,  0,            A(has_images)},
	{"val",       VALUE,   0,            0},
	{NULL,        U32,     0,            0},
};

static const struct field trouble_fields[] = {
	{"group",     U32,     A(rc_group),  0},
	{"rc",        U32,     A(rc),        0},
	{NULL,        U32,     0,            0},
};

static const struct field slot_fields[] = {
	{"image",     U32,     S(image),     0},
	{"slot",      U32,     S(slot),      0},
	{"version",   VERSION, S(version),   0},
	{"hash",      HASH,    S(hash),      0},
	{"bootable",  FLAG,    S(bootable),  S(has_flags)},
	{"pending",   FLAG,    S(pending),   S(has_flags)},
	{"confirmed", FLAG,    S(confirmed), S(has_flags)},
	{"active",    FLAG,    S(active),    S(has_flags)},
	{"permanent", FLAG,    S(permanent), S(has_flags)},
	{"slots",     ROOMS,   0,            0},
	{"max_image_size", U64, S(longest),  0},
	{NULL,        U32,     0,            0},
};

static const struct field room_fields[] = {
	{"slot",      U32,     R(slot),      0},
	{"size",      U64,     R(size),      0},
	{"upload_image_id", U32, R(upload_id), R(has_upload_id)},
	{NULL,        U32,     0,            0},
};
/* clang-format on */

/* --- answers --------------------------------------------------------------------------------- */

static enum err take(struct smp_cbor_reader *r, const struct field *f,
    const struct smp_cbor_item *item, char *base, struct smp_answer *a);

/* The pairs of a map that has begun, up to and including its end. */
static enum err
map(struct smp_cbor_reader *r, const struct field *fields, char *base, struct smp_answer *a)
{
	unsigned seen = 0;

	for (;;) {
		struct smp_cbor_item key = {0}, value = {0};
		const struct field *f = fields;
		enum err e = smp_cbor_next(r, &key);

		if (e || key.type == CBOR_END)
			return e;
		e = smp_cbor_skip(r, &key);
		if (!e)
			e = smp_cbor_next(r, &value);
		if (e)
			return e;
		while (f->key && !smp_cbor_is(&key, f->key))
			f++;
		if (f->key && seen & 1u << (f - fields))
			return ERR_MALFORMED; /* said twice: which one would be true? */
		seen |= f->key ? 1u << (f - fields) : 0;
		e = f->key ? take(r, f, &value, base, a) : smp_cbor_skip(r, &value);
		if (e)
			return e;
	}
}

/* An array of maps, each into the next of at most `most` elements of `size` bytes at `to`. */
struct list {
	const struct field *fields;
	void *to;
	size_t size;
	unsigned *n, most;
};

static enum err
list(struct smp_cbor_reader *r, const struct list *l, struct smp_answer *a)
{
	for (;;) {
		struct smp_cbor_item item = {0};
		enum err e = smp_cbor_next(r, &item);

		if (e || item.type == CBOR_END)
			return e;
		if (item.type != CBOR_MAP)
			return ERR_MALFORMED;
		if (*l->n == l->most)
			return ERR_LIMIT;
		e = map(r, l->fields, (char *)l->to + l->size * (*l->n)++, a);
		if (e)
			return e;
	}
}

static enum err
images(struct smp_cbor_reader *r, struct smp_answer *a)
{
	const struct list l = {
	    slot_fields, a->images, sizeof(a->images[0]), &a->n_images, SMP_MSG_IMAGES};

	return list(r, &l, a);
}

/* The slots of one image. */
static enum err
rooms(struct smp_cbor_reader *r, struct smp_slot *slot, struct smp_answer *a)
{
	const struct list l = {
	    room_fields, slot->rooms, sizeof(slot->rooms[0]), &slot->n_rooms, SMP_MSG_ROOMS};

	return list(r, &l, a);
}

static enum err
take_number(const struct field *f, const struct smp_cbor_item *item, char *at)
{
	if (item->type != CBOR_UINT || (f->kind == U32 && item->number > UINT32_MAX))
		return ERR_MALFORMED;
	if (f->kind == U64)
		*(uint64_t *)(void *)at = item->number;
	else
		*(uint32_t *)(void *)at = (uint32_t)item->number;
	return ERR_OK;
}

/* Text of a device, cut to fit and made printable. */
static enum err
take_version(const struct smp_cbor_item *item, char out[65])
{
	uint8_t raw[256];
	size_t n = 0;

	if (item->type != CBOR_TEXT)
		return ERR_MALFORMED;
	enum err e = smp_cbor_copy(item, raw, sizeof(raw), &n);

	if (e)
		return e;
	n = n < 64 ? n : 64;
	for (size_t i = 0; i < n; i++)
		out[i] = raw[i] > 0x20 && raw[i] < 0x7f ? (char)raw[i] : '?';
	out[n] = 0;
	return ERR_OK;
}

/* Another length is another kind of hash (SHA-512): not ours, not wrong. */
static enum err
take_hash(const struct smp_cbor_item *item, struct smp_slot *slot)
{
	size_t n = 0;

	if (item->type != CBOR_BYTES)
		return ERR_MALFORMED;
	if (item->len != SMP_MSG_HASH)
		return ERR_OK;
	slot->has_hash = true;
	return smp_cbor_copy(item, slot->hash, SMP_MSG_HASH, &n);
}

/* Of a setting; one that is too long for a serial number is none. */
static enum err
take_value(const struct smp_cbor_item *item, struct smp_answer *a)
{
	if (item->type != CBOR_BYTES)
		return ERR_MALFORMED;
	if (item->len > sizeof(a->value))
		return ERR_OK;
	return smp_cbor_copy(item, a->value, sizeof(a->value), &a->value_len);
}

static enum err
take(struct smp_cbor_reader *r, const struct field *f, const struct smp_cbor_item *item, char *base,
    struct smp_answer *a)
{
	if (f->seen)
		*(bool *)(base + f->seen) = true;
	switch (f->kind) {
	case U32:
	case U64:
		return take_number(f, item, base + f->offset);
	case FLAG:
		*(bool *)(base + f->offset) = item->number != 0;
		return item->type == CBOR_BOOL ? ERR_OK : ERR_MALFORMED;
	case VERSION:
		return take_version(item, base + f->offset);
	case HASH:
		return take_hash(item, (struct smp_slot *)(void *)base);
	case VALUE:
		return take_value(item, a);
	case IMAGES:
		return item->type == CBOR_ARRAY ? images(r, a) : ERR_MALFORMED;
	case ROOMS:
		return item->type == CBOR_ARRAY ? rooms(r, (struct smp_slot *)(void *)base, a)
						: ERR_MALFORMED;
	case TROUBLE:
		return item->type == CBOR_MAP ? map(r, trouble_fields, (char *)a, a)
					      : ERR_MALFORMED;
	}
	return ERR_MALFORMED;
}

enum err
smp_msg_header(const uint8_t *p, size_t len, struct smp_header *out)
{
	if (len < SMP_MSG_HEADER)
		return ERR_TRUNCATED;
	*out = (struct smp_header){
	    .op = p[0] & 7,
	    .version = p[0] >> 3 & 3,
	    .flags = p[1],
	    .len = (uint16_t)(p[2] << 8 | p[3]),
	    .group = (uint16_t)(p[4] << 8 | p[5]),
	    .seq = p[6],
	    .command = p[7],
	};
	return out->op > SMP_WRITE_ANSWER || out->version > 1 ? ERR_MALFORMED : ERR_OK;
}

enum err
smp_msg_parse(const uint8_t *packet, size_t len, struct smp_answer *out)
{
	struct smp_cbor_reader r;
	struct smp_cbor_item item = {0};

	*out = (struct smp_answer){0};

	enum err e = smp_msg_header(packet, len, &out->header);

	if (e)
		return e;
	if ((out->header.op & 1) == 0 || out->header.len != len - SMP_MSG_HEADER)
		return ERR_MALFORMED;
	smp_cbor_reader_init(&r, packet + SMP_MSG_HEADER, len - SMP_MSG_HEADER);
	e = smp_cbor_next(&r, &item);
	if (!e && item.type != CBOR_MAP)
		e = ERR_MALFORMED;
	if (!e)
		e = map(&r, answer_fields, (char *)out, out);
	return e ? e : smp_cbor_finish(&r);
}

/* --- requests -------------------------------------------------------------------------------- */

static struct smp_cbor_writer
begin(const struct smp_to *to)
{
	struct smp_cbor_writer w;

	smp_cbor_writer_init(&w, to->out, to->size);
	if (to->size < SMP_MSG_HEADER)
		w.overflow = true;
	else
		w.len = SMP_MSG_HEADER;
	return w;
}

static size_t
finish(const struct smp_to *to, const struct smp_cbor_writer *w, enum smp_op op,
    enum smp_group group, unsigned command)
{
	size_t len = w->len - SMP_MSG_HEADER;

	if (w->overflow)
		return 0;
	to->out[0] = (uint8_t)((unsigned)op | (unsigned)to->version << 3);
	to->out[1] = 0;
	to->out[2] = (uint8_t)(len >> 8);
	to->out[3] = (uint8_t)len;
	to->out[4] = 0;
	to->out[5] = (uint8_t)group;
	to->out[6] = to->seq;
	to->out[7] = (uint8_t)command;
	return w->len;
}

size_t
smp_msg_echo(const struct smp_to *to, size_t letters)
{
	struct smp_cbor_writer w = begin(to);

	smp_cbor_put_map(&w, 1);
	smp_cbor_put_text(&w, "d");

	uint8_t *text = smp_cbor_put_room(&w, letters);

	if (!text)
		return 0;
	memset(text, 'x', letters);
	/* same head as a byte string's, but for the major type */
	to->out[SMP_MSG_HEADER + 3] |= 0x20;
	return finish(to, &w, SMP_WRITE, SMP_OS, SMP_ECHO);
}

static size_t
empty(const struct smp_to *to, enum smp_op op, enum smp_group group, unsigned command)
{
	struct smp_cbor_writer w = begin(to);

	smp_cbor_put_map(&w, 0);
	return finish(to, &w, op, group, command);
}

size_t
smp_msg_params(const struct smp_to *to)
{
	return empty(to, SMP_READ, SMP_OS, SMP_PARAMS);
}

size_t
smp_msg_reset(const struct smp_to *to)
{
	return empty(to, SMP_WRITE, SMP_OS, SMP_RESET);
}

size_t
smp_msg_reset_to_loader(const struct smp_to *to)
{
	struct smp_cbor_writer w = begin(to);

	smp_cbor_put_map(&w, 1);
	smp_cbor_put_text(&w, "boot_mode");
	smp_cbor_put_uint(&w, 1);
	return finish(to, &w, SMP_WRITE, SMP_OS, SMP_RESET);
}

size_t
smp_msg_state(const struct smp_to *to)
{
	return empty(to, SMP_READ, SMP_IMAGE, SMP_STATE);
}

size_t
smp_msg_slots(const struct smp_to *to)
{
	return empty(to, SMP_READ, SMP_IMAGE, SMP_SLOTS);
}

size_t
smp_msg_setting(const struct smp_to *to, const char *name)
{
	struct smp_cbor_writer w = begin(to);

	smp_cbor_put_map(&w, 1);
	smp_cbor_put_text(&w, "name");
	smp_cbor_put_text(&w, name);
	return finish(to, &w, SMP_READ, SMP_SETTINGS, SMP_SETTING);
}

size_t
smp_msg_erase(const struct smp_to *to, uint32_t slot)
{
	struct smp_cbor_writer w = begin(to);

	smp_cbor_put_map(&w, 1);
	smp_cbor_put_text(&w, "slot");
	smp_cbor_put_uint(&w, slot);
	return finish(to, &w, SMP_WRITE, SMP_IMAGE, SMP_ERASE);
}

size_t
smp_msg_test(const struct smp_to *to, const uint8_t hash[SMP_MSG_HASH])
{
	struct smp_cbor_writer w = begin(to);

	smp_cbor_put_map(&w, 2);
	smp_cbor_put_text(&w, "hash");
	smp_cbor_put_bytes(&w, hash, SMP_MSG_HASH);
	smp_cbor_put_text(&w, "confirm");
	smp_cbor_put_bool(&w, false);
	return finish(to, &w, SMP_WRITE, SMP_IMAGE, SMP_STATE);
}

size_t
smp_msg_confirm(const struct smp_to *to, const uint8_t *hash)
{
	struct smp_cbor_writer w = begin(to);

	smp_cbor_put_map(&w, hash ? 2 : 1);
	if (hash) {
		smp_cbor_put_text(&w, "hash");
		smp_cbor_put_bytes(&w, hash, SMP_MSG_HASH);
	}
	smp_cbor_put_text(&w, "confirm");
	smp_cbor_put_bool(&w, true);
	return finish(to, &w, SMP_WRITE, SMP_IMAGE, SMP_STATE);
}

size_t
smp_msg_upload(const struct smp_to *to, const struct smp_chunk *c, uint8_t **data)
{
	struct smp_cbor_writer w = begin(to);
	bool first = c->off == 0;
	bool says_image = first && c->image != 0;

	smp_cbor_put_map(&w, (first ? 4u : 2u) + says_image);
	if (says_image) {
		smp_cbor_put_text(&w, "image");
		smp_cbor_put_uint(&w, c->image);
	}
	if (first) {
		smp_cbor_put_text(&w, "len");
		smp_cbor_put_uint(&w, c->size);
	}
	smp_cbor_put_text(&w, "off");
	smp_cbor_put_uint(&w, c->off);
	if (first) {
		smp_cbor_put_text(&w, "sha");
		smp_cbor_put_bytes(&w, c->sha256, 32);
	}
	smp_cbor_put_text(&w, "data");
	*data = smp_cbor_put_room(&w, c->len);
	return *data ? finish(to, &w, SMP_WRITE, SMP_IMAGE, SMP_UPLOAD) : 0;
}
