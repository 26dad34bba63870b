/*
 * dc_ttlv: see dc_ttlv.h. The reader keeps one cursor and never looks past its end; structs are
 * walked by a stack of "members still to come", so depth is a number and not our own stack.
 */
#include "dc_ttlv.h"

#include <string.h>

struct cursor {
	const uint8_t *at;
	size_t left;
};

static bool
take(struct cursor *c, size_t n, const uint8_t **out)
{
	if (c->left < n)
		return false;
	*out = c->at;
	c->at += n;
	c->left -= n;
	return true;
}

static unsigned
be16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

static enum err
parse_number(struct cursor *c, struct dc_ttlv_element *e)
{
	const uint8_t *info, *digits;

	if (!take(c, 1, &info))
		return ERR_TRUNCATED;
	size_t n = (size_t)(*info & 7) + 1;
	if (!take(c, n, &digits))
		return ERR_TRUNCATED;
	e->negative = *info & 0x80;
	e->decimals = *info >> 3 & 15;
	for (size_t i = 0; i < n; i++)
		e->magnitude = e->magnitude << 8 | digits[i];
	return e->magnitude >> 63 ? ERR_LIMIT : ERR_OK;
}

static enum err
parse_bytes(struct cursor *c, struct dc_ttlv_element *e)
{
	const uint8_t *len;

	if (!take(c, 2, &len))
		return ERR_TRUNCATED;
	e->count = (uint16_t)be16(len);
	return take(c, e->count, &e->bytes) ? ERR_OK : ERR_TRUNCATED;
}

static enum err
parse_element(struct cursor *c, struct dc_ttlv_element *e)
{
	const uint8_t *p;

	if (!take(c, 2, &p))
		return ERR_TRUNCATED;
	e->id = (uint16_t)(be16(p) >> 3);
	e->type = p[1] & 7;
	switch (e->type) {
	case DC_TTLV_FALSE:
	case DC_TTLV_TRUE:
		return ERR_OK;
	case DC_TTLV_NUMBER:
		return parse_number(c, e);
	case DC_TTLV_BYTES:
		return parse_bytes(c, e);
	case DC_TTLV_STRUCT:
		if (!take(c, 2, &p))
			return ERR_TRUNCATED;
		e->count = (uint16_t)be16(p);
		return ERR_OK;
	default:
		return ERR_MALFORMED;
	}
}

/* Members still to come per open struct, and whether it has shown itself to be an array. */
struct open {
	unsigned depth;
	unsigned left[DC_TTLV_DEPTH + 1];
	bool array[DC_TTLV_DEPTH + 1];
};

/* Account for `e`; afterwards depth is that of the next element. */
static enum err
place(struct open *o, const struct dc_ttlv_element *e)
{
	if (o->depth > 0) {
		if (o->array[o->depth] && e->id != 0)
			return ERR_MALFORMED;
		o->array[o->depth] |= e->id == 0;
		o->left[o->depth]--;
	}
	if (e->type == DC_TTLV_STRUCT && e->count > 0) {
		if (o->depth == DC_TTLV_DEPTH)
			return ERR_LIMIT;
		o->depth++;
		o->left[o->depth] = e->count;
		o->array[o->depth] = false;
	}
	while (o->depth > 0 && o->left[o->depth] == 0)
		o->depth--;
	return ERR_OK;
}

enum err
dc_ttlv_parse(const uint8_t *data, size_t len, struct dc_ttlv *out)
{
	struct cursor c = {data, len};
	struct open o = {0};

	out->n = 0;
	if (len == 0)
		return ERR_TRUNCATED;
	while (c.left > 0) {
		if (out->n == DC_TTLV_ELEMENTS)
			return ERR_LIMIT;
		struct dc_ttlv_element *e = &out->element[out->n++];
		*e = (struct dc_ttlv_element){.depth = (uint8_t)o.depth};
		enum err err = parse_element(&c, e);
		if (!err)
			err = place(&o, e);
		if (err)
			return err;
	}
	return o.depth > 0 ? ERR_TRUNCATED : ERR_OK;
}

const struct dc_ttlv_element *
dc_ttlv_find(const struct dc_ttlv *t, unsigned id)
{
	for (unsigned i = 0; i < t->n; i++)
		if (t->element[i].depth == 0 && t->element[i].id == id)
			return &t->element[i];
	return NULL;
}

bool
dc_ttlv_text(const struct dc_ttlv *t, unsigned id, char *out, size_t size)
{
	const struct dc_ttlv_element *e = dc_ttlv_find(t, id);

	out[0] = '\0';
	if (!e || e->type != DC_TTLV_BYTES || e->count >= size)
		return false;
	if (e->count && memchr(e->bytes, 0, e->count))
		return false;
	if (e->count)
		memcpy(out, e->bytes, e->count);
	out[e->count] = '\0';
	return true;
}

bool
dc_ttlv_int(const struct dc_ttlv *t, unsigned id, int64_t *out)
{
	const struct dc_ttlv_element *e = dc_ttlv_find(t, id);

	if (!e || e->type != DC_TTLV_NUMBER || e->decimals)
		return false;
	*out = e->negative ? -(int64_t)e->magnitude : (int64_t)e->magnitude;
	return true;
}

double
dc_ttlv_value(const struct dc_ttlv_element *e)
{
	double value = (double)e->magnitude;

	if (e->type != DC_TTLV_NUMBER)
		return e->type == DC_TTLV_TRUE;
	for (unsigned i = 0; i < e->decimals; i++)
		value /= 10;
	return e->negative ? -value : value;
}

static void
put(struct dc_ttlv_out *o, const void *data, size_t n)
{
	if (o->full || n > sizeof(o->data) - o->len) {
		o->full = true;
		return;
	}
	if (n)
		memcpy(o->data + o->len, data, n);
	o->len += n;
}

static void
put16(struct dc_ttlv_out *o, unsigned v)
{
	uint8_t b[2] = {(uint8_t)(v >> 8), (uint8_t)v};

	put(o, b, sizeof(b));
}

static void
put_head(struct dc_ttlv_out *o, unsigned id, enum dc_ttlv_type type)
{
	put16(o, id << 3 | type);
}

void
dc_ttlv_put_bool(struct dc_ttlv_out *o, unsigned id, bool value)
{
	put_head(o, id, value ? DC_TTLV_TRUE : DC_TTLV_FALSE);
}

void
dc_ttlv_put_number(
    struct dc_ttlv_out *o, unsigned id, bool negative, unsigned decimals, uint64_t magnitude)
{
	uint8_t b[9];
	size_t n = 1;

	while (n < 8 && magnitude >> (8 * n))
		n++;
	b[0] = (uint8_t)((negative ? 0x80 : 0) | decimals << 3 | (n - 1));
	for (size_t i = 0; i < n; i++)
		b[1 + i] = (uint8_t)(magnitude >> (8 * (n - 1 - i)));
	put_head(o, id, DC_TTLV_NUMBER);
	put(o, b, n + 1);
}

void
dc_ttlv_put_int(struct dc_ttlv_out *o, unsigned id, int64_t value)
{
	dc_ttlv_put_number(o, id, value < 0, 0, value < 0 ? -(uint64_t)value : (uint64_t)value);
}

void
dc_ttlv_put_bytes(struct dc_ttlv_out *o, unsigned id, const void *data, size_t len)
{
	if (len > UINT16_MAX) {
		o->full = true;
		return;
	}
	put_head(o, id, DC_TTLV_BYTES);
	put16(o, (unsigned)len);
	put(o, data, len);
}

void
dc_ttlv_put_text(struct dc_ttlv_out *o, unsigned id, const char *text)
{
	dc_ttlv_put_bytes(o, id, text, strlen(text));
}

void
dc_ttlv_put_struct(struct dc_ttlv_out *o, unsigned id, unsigned members)
{
	put_head(o, id, DC_TTLV_STRUCT);
	put16(o, members);
}
