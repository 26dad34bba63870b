/*
 * sub_cbor: see sub_cbor.h.
 */
#include "sub_cbor.h"

#include <string.h>

enum { UINT, NEGATIVE, BYTES, TEXT, LIST, MAP, TAG, SIMPLE };
enum { DEPTH = 6, OPEN = 31, BREAK = 0xff };

struct in {
	const uint8_t *p, *end;
	bool bad;
};

struct head {
	unsigned major, info;
	uint64_t n;
};

static struct head
take_head(struct in *in)
{
	struct head h = {0};

	if (in->p == in->end) {
		in->bad = true;
		return h;
	}
	h.major = *in->p >> 5;
	h.info = *in->p++ & 31;
	h.n = h.info;
	if (h.info < 24 || h.info == OPEN)
		return h;
	size_t more = h.info < 28 ? 1u << (h.info - 24) : SIZE_MAX;
	if (more > (size_t)(in->end - in->p)) {
		in->bad = true;
		return h;
	}
	h.n = 0;
	while (more-- > 0)
		h.n = h.n << 8 | *in->p++;
	return h;
}

static bool
at_break(struct in *in)
{
	if (in->p == in->end) {
		in->bad = true;
		return true;
	}
	if (*in->p != BREAK)
		return false;
	in->p++;
	return true;
}

static void take(struct in *in, struct sub_cbor_value *v, int depth);

static void
take_items(struct in *in, const struct head *h, int depth)
{
	struct sub_cbor_value ignored;
	uint64_t per = h->major == MAP ? 2 : 1;

	if (depth == 0 || h->n > 1000) {
		in->bad = true;
		return;
	}
	for (uint64_t i = 0; !in->bad; i++) {
		if (h->info == OPEN ? at_break(in) : i == h->n)
			return;
		for (uint64_t k = 0; k < per; k++)
			take(in, &ignored, depth - 1);
	}
}

static void
take(struct in *in, struct sub_cbor_value *v, int depth)
{
	struct head h = take_head(in);

	*v = (struct sub_cbor_value){.kind = SUB_CBOR_OTHER, .number = h.n};
	if (in->bad)
		return;
	switch (h.major) {
	case UINT:
		v->kind = SUB_CBOR_UINT;
		break;
	case BYTES:
	case TEXT:
		in->bad = h.info == OPEN || h.n > (size_t)(in->end - in->p);
		if (in->bad)
			return;
		v->kind = h.major == BYTES ? SUB_CBOR_BYTES : SUB_CBOR_TEXT;
		v->data = in->p;
		v->len = (size_t)h.n;
		in->p += v->len;
		return;
	case LIST:
	case MAP:
		take_items(in, &h, depth);
		return;
	case SIMPLE:
		if (h.info == 20 || h.info == 21)
			*v = (struct sub_cbor_value){.kind = SUB_CBOR_BOOL, .number = h.info == 21};
		in->bad |= h.info == OPEN;
		return;
	default:
		break;
	}
	in->bad |= h.info == OPEN;
}

bool
sub_cbor_is_map(const uint8_t *data, size_t len)
{
	struct in in = {.p = data, .end = data + len};
	struct sub_cbor_value v;

	if (len == 0 || data[0] >> 5 != MAP)
		return false;
	take(&in, &v, DEPTH);
	return !in.bad && in.p == in.end;
}

struct sub_cbor_value
sub_cbor_get(const uint8_t *map, size_t len, const char *key)
{
	struct in in = {.p = map, .end = map + len};
	struct head h = take_head(&in);
	struct sub_cbor_value k, v, none = {.kind = SUB_CBOR_NONE};

	for (uint64_t i = 0; !in.bad; i++) {
		if (h.info == OPEN ? at_break(&in) : i == h.n)
			break;
		take(&in, &k, DEPTH);
		take(&in, &v, DEPTH);
		if (!in.bad && k.kind == SUB_CBOR_TEXT && k.len == strlen(key) &&
		    memcmp(k.data, key, k.len) == 0)
			return v;
	}
	return none;
}

/* --- writing --------------------------------------------------------------------------------- */

static void
put(struct sub_cbor_out *o, const void *data, size_t len)
{
	if (len > o->size - o->len) {
		o->full = true;
		return;
	}
	if (len > 0)
		memcpy(o->data + o->len, data, len);
	o->len += len;
}

static void
put_head(struct sub_cbor_out *o, unsigned major, uint64_t n)
{
	unsigned more = n < 24 ? 0 : n <= 0xff ? 1 : n <= 0xffff ? 2 : n <= 0xffffffff ? 4 : 8;
	static const uint8_t info[9] = {[1] = 24, [2] = 25, [4] = 26, [8] = 27};
	uint8_t b[9] = {(uint8_t)(major << 5 | (more == 0 ? n : info[more]))};

	for (unsigned i = 0; i < more; i++)
		b[1 + i] = (uint8_t)(n >> (8 * (more - 1 - i)));
	put(o, b, 1 + more);
}

void
sub_cbor_map(struct sub_cbor_out *o)
{
	put(o, "\xbf", 1);
}

void
sub_cbor_list(struct sub_cbor_out *o)
{
	put(o, "\x9f", 1);
}

void
sub_cbor_end(struct sub_cbor_out *o)
{
	put(o, "\xff", 1);
}

void
sub_cbor_key(struct sub_cbor_out *o, const char *key)
{
	sub_cbor_text(o, key, strlen(key));
}

void
sub_cbor_uint(struct sub_cbor_out *o, uint64_t n)
{
	put_head(o, UINT, n);
}

void
sub_cbor_bool(struct sub_cbor_out *o, bool b)
{
	put_head(o, SIMPLE, b ? 21 : 20);
}

void
sub_cbor_text(struct sub_cbor_out *o, const void *text, size_t len)
{
	put_head(o, TEXT, len);
	put(o, text, len);
}

void
sub_cbor_bytes(struct sub_cbor_out *o, const void *data, size_t len)
{
	put_head(o, BYTES, len);
	put(o, data, len);
}
