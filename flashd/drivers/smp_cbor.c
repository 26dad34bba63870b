/*
 * smp_cbor: strict bounded cursor over a CBOR message and a small writer; see smp_cbor.h.
 *
 * One head (the first byte and its argument) is decoded by head(), which is the only place that
 * moves over a head. Containers live on a stack of fixed depth; ended() is called once per finished
 * item and counts it in its container. A CBOR_END of a counted container costs no byte, that of an
 * open one costs the break 0xff.
 */
#include "smp_cbor.h"

enum { BREAK = 0xff, OPEN = 31 };

struct head {
	unsigned major; /* 0..7 */
	unsigned info;  /* 0..31 */
	uint64_t value;
};

void
smp_cbor_reader_init(struct smp_cbor_reader *r, const uint8_t *data, size_t len)
{
	*r = (struct smp_cbor_reader){.data = data, .len = len};
}

/* Decode a head at *at. info 31 gives value 0 and is judged by the caller. */
static enum err
head(const uint8_t *data, size_t len, size_t *at, struct head *h)
{
	if (*at >= len)
		return ERR_TRUNCATED;
	uint8_t first = data[(*at)++];

	*h = (struct head){.major = first >> 5, .info = first & 31};
	if (h->info < 24) {
		h->value = h->info;
		return ERR_OK;
	}
	if (h->info == OPEN)
		return ERR_OK;
	if (h->info > 27)
		return ERR_MALFORMED;

	size_t n = (size_t)1 << (h->info - 24);

	if (len - *at < n)
		return ERR_TRUNCATED;
	for (size_t i = 0; i < n; i++)
		h->value = h->value << 8 | data[(*at)++];
	return ERR_OK;
}

/* An item is complete: count it where it stands. */
static void
ended(struct smp_cbor_reader *r)
{
	if (r->depth == 0) {
		r->complete = true;
		return;
	}
	struct smp_cbor_level *l = &r->level[r->depth - 1];

	l->odd = l->map && !l->odd;
	if (l->counted)
		l->left--;
}

static enum err
close_level(struct smp_cbor_reader *r, struct smp_cbor_item *out)
{
	r->depth--;
	ended(r);
	*out = (struct smp_cbor_item){.type = CBOR_END};
	return ERR_OK;
}

static enum err
open_level(struct smp_cbor_reader *r, const struct head *h, struct smp_cbor_item *out)
{
	bool map = h->major == 5;
	bool counted = h->info != OPEN;
	uint64_t left = h->value;

	if (r->depth == CBOR_DEPTH)
		return ERR_LIMIT;
	/* every item costs a byte at least: a larger count can never be served */
	if (counted && left > (r->len - r->at) / (map ? 2 : 1))
		return ERR_TRUNCATED;
	if (counted && map)
		left *= 2;
	r->level[r->depth++] = (struct smp_cbor_level){
	    .left = left, .counted = counted, .map = map};
	*out = (struct smp_cbor_item){.type = map ? CBOR_MAP : CBOR_ARRAY};
	return ERR_OK;
}

/* Walk over the chunks of an open string up to and including its break. */
static enum err
chunks(struct smp_cbor_reader *r, unsigned major, struct smp_cbor_item *out)
{
	struct head h = {0};
	size_t start = r->at;

	out->chunked = true;
	out->data = r->data + start;
	while (r->at < r->len && r->data[r->at] != BREAK) {
		enum err e = head(r->data, r->len, &r->at, &h);

		if (e)
			return e;
		if (h.major != major || h.info == OPEN)
			return ERR_MALFORMED;
		if (++r->items > CBOR_ITEMS)
			return ERR_LIMIT;
		if (h.value > r->len - r->at)
			return ERR_TRUNCATED;
		r->at += (size_t)h.value;
		out->len += (size_t)h.value;
	}
	if (r->at >= r->len)
		return ERR_TRUNCATED;
	out->span = r->at - start;
	r->at++;
	return ERR_OK;
}

static enum err
string(struct smp_cbor_reader *r, const struct head *h, struct smp_cbor_item *out)
{
	*out = (struct smp_cbor_item){.type = h->major == 2 ? CBOR_BYTES : CBOR_TEXT};
	if (h->info == OPEN)
		return chunks(r, h->major, out);
	if (h->value > r->len - r->at)
		return ERR_TRUNCATED;
	out->data = r->data + r->at;
	out->len = out->span = (size_t)h->value;
	r->at += out->len;
	return ERR_OK;
}

static enum err
simple(const struct head *h, struct smp_cbor_item *out)
{
	*out = (struct smp_cbor_item){.type = CBOR_NULL};
	switch (h->info) {
	case 20:
	case 21:
		out->type = CBOR_BOOL;
		out->number = h->info == 21;
		return ERR_OK;
	case 22:
	case 23:
		return ERR_OK;
	case 25:
	case 26:
	case 27:
		out->type = CBOR_FLOAT;
		return ERR_OK;
	default:
		return h->info == OPEN ? ERR_MALFORMED : ERR_UNSUPPORTED;
	}
}

static enum err
number(const struct head *h, struct smp_cbor_item *out)
{
	if (h->info == OPEN)
		return ERR_MALFORMED;
	*out = (struct smp_cbor_item){
	    .type = h->major == 0 ? CBOR_UINT : CBOR_NINT,
	    .number = h->value,
	};
	return ERR_OK;
}

/* Has the innermost container ended here? Sets *is_end and, for an open one, eats the break. */
static enum err
at_end(struct smp_cbor_reader *r, bool *is_end)
{
	const struct smp_cbor_level *l = &r->level[r->depth - 1];

	*is_end = false;
	if (l->counted) {
		*is_end = l->left == 0;
		return ERR_OK;
	}
	if (r->at >= r->len)
		return ERR_TRUNCATED;
	if (r->data[r->at] != BREAK)
		return ERR_OK;
	if (l->odd)
		return ERR_MALFORMED;
	r->at++;
	*is_end = true;
	return ERR_OK;
}

static enum err
leaf(struct smp_cbor_reader *r, const struct head *h, struct smp_cbor_item *out)
{
	enum err e = ERR_UNSUPPORTED; /* major 6: tags */

	if (h->major <= 1)
		e = number(h, out);
	else if (h->major <= 3)
		e = string(r, h, out);
	else if (h->major == 7)
		e = simple(h, out);
	if (!e)
		ended(r);
	return e;
}

enum err
smp_cbor_next(struct smp_cbor_reader *r, struct smp_cbor_item *out)
{
	struct head h = {0};

	if (r->depth == 0 && r->complete)
		return r->at == r->len ? ERR_NOT_FOUND : ERR_MALFORMED;
	if (r->depth > 0) {
		bool is_end = false;
		enum err e = at_end(r, &is_end);

		if (e)
			return e;
		if (is_end)
			return close_level(r, out);
	}
	if (++r->items > CBOR_ITEMS)
		return ERR_LIMIT;

	enum err e = head(r->data, r->len, &r->at, &h);

	if (e)
		return e;
	if (h.major == 4 || h.major == 5)
		return open_level(r, &h, out);
	return leaf(r, &h, out);
}

enum err
smp_cbor_skip(struct smp_cbor_reader *r, const struct smp_cbor_item *item)
{
	struct smp_cbor_item inner = {0};
	unsigned open = item->type == CBOR_ARRAY || item->type == CBOR_MAP;

	while (open > 0) {
		enum err e = smp_cbor_next(r, &inner);

		if (e)
			return e;
		if (inner.type == CBOR_END)
			open--;
		else if (inner.type == CBOR_ARRAY || inner.type == CBOR_MAP)
			open++;
	}
	return ERR_OK;
}

enum err
smp_cbor_finish(const struct smp_cbor_reader *r)
{
	if (r->depth > 0 || !r->complete)
		return ERR_TRUNCATED;
	return r->at == r->len ? ERR_OK : ERR_MALFORMED;
}

enum err
smp_cbor_copy(const struct smp_cbor_item *item, uint8_t *out, size_t size, size_t *len)
{
	struct head h = {0};
	size_t at = 0;

	*len = 0;
	if (item->len > size)
		return ERR_LIMIT;
	if (!item->chunked) {
		if (item->len > 0)
			memcpy(out, item->data, item->len);
		*len = item->len;
		return ERR_OK;
	}
	while (at < item->span) { /* smp_cbor_next has checked every head */
		enum err e = head(item->data, item->span, &at, &h);

		if (e)
			return e;
		memcpy(out + *len, item->data + at, (size_t)h.value);
		*len += (size_t)h.value;
		at += (size_t)h.value;
	}
	return ERR_OK;
}

bool
smp_cbor_is(const struct smp_cbor_item *item, const char *text)
{
	size_t len = strlen(text);

	return item->type == CBOR_TEXT && !item->chunked && item->len == len &&
	       memcmp(item->data, text, len) == 0;
}

void
smp_cbor_writer_init(struct smp_cbor_writer *w, uint8_t *out, size_t size)
{
	*w = (struct smp_cbor_writer){.out = out, .size = size};
}

static void
put(struct smp_cbor_writer *w, const void *data, size_t len)
{
	if (w->overflow || len > w->size - w->len) {
		w->overflow = true;
		return;
	}
	if (len > 0)
		memcpy(w->out + w->len, data, len);
	w->len += len;
}

static void
put_head(struct smp_cbor_writer *w, unsigned major, uint64_t value)
{
	uint8_t b[9] = {0};
	unsigned n = value < 24 ? 0 : value <= 0xff ? 1 : value <= 0xffff ? 2 : 4;

	if (value > UINT32_MAX)
		n = 8;
	b[0] = (uint8_t)(major << 5 | (unsigned)value);
	if (n > 0)
		b[0] = (uint8_t)(major << 5 | (n == 1 ? 24u : n == 2 ? 25u : n == 4 ? 26u : 27u));
	for (unsigned i = 0; i < n; i++)
		b[n - i] = (uint8_t)(value >> (8 * i));
	put(w, b, 1 + n);
}

void
smp_cbor_put_map(struct smp_cbor_writer *w, uint64_t pairs)
{
	put_head(w, 5, pairs);
}

void
smp_cbor_put_uint(struct smp_cbor_writer *w, uint64_t value)
{
	put_head(w, 0, value);
}

void
smp_cbor_put_bool(struct smp_cbor_writer *w, bool value)
{
	put_head(w, 7, value ? 21 : 20);
}

void
smp_cbor_put_text(struct smp_cbor_writer *w, const char *text)
{
	put_head(w, 3, strlen(text));
	put(w, text, strlen(text));
}

void
smp_cbor_put_bytes(struct smp_cbor_writer *w, const uint8_t *data, size_t len)
{
	put_head(w, 2, len);
	put(w, data, len);
}

uint8_t *
smp_cbor_put_room(struct smp_cbor_writer *w, size_t len)
{
	put_head(w, 2, len);
	if (w->overflow || len > w->size - w->len) {
		w->overflow = true;
		return NULL;
	}
	w->len += len;
	return w->out + w->len - len;
}
