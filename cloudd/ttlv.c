/*
 * ttlv: see ttlv.h.
 *
 * Element: 16 bits id << 3 | type, then by type: nothing (bool); info byte and n bytes (number;
 * info: bit 7 negative, bits 6..3 decimals, bits 2..0 n - 1); 16 bits length and bytes; 16 bits
 * member count, then the members. Structs are walked with a stack of their own instead of
 * recursion, so hostile nesting costs nothing.
 */
#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "ttlv.h"

/* --- reading ---------------------------------------------------------------------------------- */

struct reader {
	const uint8_t *data;
	size_t len, at;
};

/* A struct whose members are being read. Level 0 is the payload itself, with no known end. */
struct level {
	uint16_t node;
	uint16_t left; /* members still to come */
	bool elements; /* an id 0 was among them */
	bool others;   /* something else was */
};

static bool
has(const struct reader *r, size_t n)
{
	return r->len - r->at >= n;
}

static uint64_t
take(struct reader *r, size_t n)
{
	uint64_t v = 0;

	for (size_t i = 0; i < n; i++)
		v = v << 8 | r->data[r->at++];
	return v;
}

static enum err
read_number(struct reader *r, struct ttlv_number *n)
{
	if (!has(r, 1))
		return ERR_TRUNCATED;
	uint8_t info = (uint8_t)take(r, 1);
	size_t bytes = (size_t)(info & 7) + 1;

	if (!has(r, bytes))
		return ERR_TRUNCATED;
	n->magnitude = take(r, bytes);
	n->decimals = info >> 3 & 15;
	n->negative = info >> 7 && n->magnitude;
	return n->magnitude > INT64_MAX ? ERR_LIMIT : ERR_OK;
}

static enum err
read_bytes(struct reader *r, struct ttlv_node *n)
{
	if (!has(r, 2))
		return ERR_TRUNCATED;
	n->len = take(r, 2);
	if (!has(r, n->len))
		return ERR_TRUNCATED;
	n->data = r->data + r->at;
	r->at += n->len;
	return ERR_OK;
}

static enum err
read_node(struct reader *r, struct ttlv_node *n)
{
	if (!has(r, 2))
		return ERR_TRUNCATED;
	uint16_t head = (uint16_t)take(r, 2);

	*n = (struct ttlv_node){.id = head >> 3, .type = head & 7};
	switch (n->type) {
	case TTLV_FALSE:
	case TTLV_TRUE:
		return ERR_OK;
	case TTLV_NUMBER:
		return read_number(r, &n->number);
	case TTLV_BYTES:
		return read_bytes(r, n);
	case TTLV_STRUCT:
		if (!has(r, 2))
			return ERR_TRUNCATED;
		n->members = (uint16_t)take(r, 2);
		return ERR_OK;
	default:
		return ERR_MALFORMED;
	}
}

/* A non-zero id after an id 0 is refused, the reverse order is not: as the platform's own SDK. */
static enum err
count_in(struct level *l, uint16_t id)
{
	if (id && l->elements)
		return ERR_MALFORMED;
	l->elements |= id == 0;
	l->others |= id != 0;
	return ERR_OK;
}

/* Close every struct that is complete. */
static size_t
close_levels(struct ttlv *t, struct level *levels, size_t depth)
{
	while (depth > 0 && levels[depth].left == 0) {
		struct ttlv_node *n = &t->nodes[levels[depth].node];

		n->end = (uint16_t)t->n;
		n->is_array = levels[depth].elements && !levels[depth].others;
		depth--;
	}
	return depth;
}

enum err
ttlv_parse(const uint8_t *data, size_t len, struct ttlv *out)
{
	struct reader r = {data, len, 0};
	struct level levels[TTLV_DEPTH_MAX + 1] = {0};
	size_t depth = 0;

	out->n = 0;
	if (len > TTLV_SIZE_MAX)
		return ERR_LIMIT;
	if (len == 0)
		return ERR_TRUNCATED;
	while (depth > 0 || r.at < r.len) {
		if (out->n == TTLV_NODES_MAX)
			return ERR_LIMIT;
		struct ttlv_node *n = &out->nodes[out->n];
		enum err e = read_node(&r, n);

		if (e == ERR_OK)
			e = count_in(&levels[depth], n->id);
		if (e != ERR_OK)
			return e;
		if (depth > 0)
			levels[depth].left--;
		n->end = (uint16_t)(++out->n);
		if (n->type == TTLV_STRUCT) {
			if (depth == TTLV_DEPTH_MAX)
				return ERR_LIMIT;
			levels[++depth] = (struct level){
			    .node = (uint16_t)(out->n - 1), .left = n->members};
		}
		depth = close_levels(out, levels, depth);
	}
	return ERR_OK;
}

const struct ttlv_node *
ttlv_find(const struct ttlv *t, size_t from, size_t to, uint16_t id)
{
	for (size_t i = from; i < to; i = t->nodes[i].end)
		if (t->nodes[i].id == id)
			return &t->nodes[i];
	return NULL;
}

enum err
ttlv_int(const struct ttlv_node *n, int64_t min, int64_t max, int64_t *out)
{
	if (!n)
		return ERR_NOT_FOUND;
	if (n->type != TTLV_NUMBER)
		return ERR_MALFORMED;
	uint64_t m = n->number.magnitude;

	for (unsigned d = n->number.decimals; d > 0; d--) {
		if (m % 10)
			return ERR_MALFORMED;
		m /= 10;
	}
	int64_t v = n->number.negative ? -(int64_t)m : (int64_t)m;

	if (v < min || v > max)
		return ERR_LIMIT;
	*out = v;
	return ERR_OK;
}

enum err
ttlv_text(const struct ttlv_node *n, char *out, size_t size)
{
	if (!n || (n->type == TTLV_BYTES && n->len == 0))
		return ERR_NOT_FOUND;
	if (n->type != TTLV_BYTES)
		return ERR_MALFORMED;
	if (n->len >= size)
		return ERR_LIMIT;
	for (size_t i = 0; i < n->len; i++)
		if (n->data[i] < 0x20 || n->data[i] == 0x7f)
			return ERR_MALFORMED;
	memcpy(out, n->data, n->len);
	out[n->len] = '\0';
	return ERR_OK;
}

/* --- writing ---------------------------------------------------------------------------------- */

static void
put(struct ttlv_writer *w, uint64_t value, size_t n)
{
	if (w->error == ERR_OK && w->size - w->len < n)
		w->error = ERR_LIMIT;
	if (w->error != ERR_OK)
		return;
	for (size_t i = n; i-- > 0;)
		w->data[w->len++] = (uint8_t)(value >> 8 * i);
}

static void
put_head(struct ttlv_writer *w, uint16_t id, enum ttlv_type type)
{
	if (id > TTLV_ID_MAX && w->error == ERR_OK)
		w->error = ERR_INVALID;
	put(w, (uint64_t)(id << 3 | type), 2);
}

void
ttlv_put_bool(struct ttlv_writer *w, uint16_t id, bool value)
{
	put_head(w, id, value ? TTLV_TRUE : TTLV_FALSE);
}

void
ttlv_put_number(struct ttlv_writer *w, uint16_t id, struct ttlv_number n)
{
	size_t bytes = 1;
	bool negative = n.negative && n.magnitude;

	if ((n.decimals > TTLV_DECIMALS_MAX || n.magnitude > INT64_MAX) && w->error == ERR_OK)
		w->error = ERR_INVALID;
	while (bytes < 8 && n.magnitude >> 8 * bytes)
		bytes++;
	put_head(w, id, TTLV_NUMBER);
	put(w, (uint64_t)negative << 7 | (uint64_t)n.decimals << 3 | (bytes - 1), 1);
	put(w, n.magnitude, bytes);
}

void
ttlv_put_int(struct ttlv_writer *w, uint16_t id, int64_t value)
{
	uint64_t magnitude = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;

	ttlv_put_number(w, id, (struct ttlv_number){value < 0, 0, magnitude});
}

void
ttlv_put_bytes(struct ttlv_writer *w, uint16_t id, const void *data, size_t len)
{
	if (len > UINT16_MAX && w->error == ERR_OK)
		w->error = ERR_INVALID;
	put_head(w, id, TTLV_BYTES);
	put(w, len, 2);
	if (w->error == ERR_OK && w->size - w->len < len)
		w->error = ERR_LIMIT;
	if (w->error != ERR_OK || len == 0)
		return;
	memcpy(w->data + w->len, data, len);
	w->len += len;
}

void
ttlv_put_text(struct ttlv_writer *w, uint16_t id, const char *text)
{
	ttlv_put_bytes(w, id, text, strlen(text));
}

void
ttlv_put_struct(struct ttlv_writer *w, uint16_t id, uint16_t members)
{
	put_head(w, id, TTLV_STRUCT);
	put(w, members, 2);
}

enum err
ttlv_put_end(const struct ttlv_writer *w, size_t *len)
{
	if (w->error == ERR_OK)
		*len = w->len;
	return w->error;
}

enum err
ttlv_format(const struct ttlv *t, uint8_t *out, size_t size, size_t *len)
{
	struct ttlv_writer w = {out, size, 0, ERR_OK};

	for (size_t i = 0; i < t->n; i++) {
		const struct ttlv_node *n = &t->nodes[i];

		if (n->type == TTLV_NUMBER)
			ttlv_put_number(&w, n->id, n->number);
		else if (n->type == TTLV_BYTES)
			ttlv_put_bytes(&w, n->id, n->data, n->len);
		else if (n->type == TTLV_STRUCT)
			ttlv_put_struct(&w, n->id, n->members);
		else
			ttlv_put_bool(&w, n->id, n->type == TTLV_TRUE);
	}
	return ttlv_put_end(&w, len);
}

void
ttlv_number_text(struct ttlv_number n, char out[TTLV_NUMBER_TEXT])
{
	uint64_t unit = 1;

	assert(n.decimals <= TTLV_DECIMALS_MAX);
	for (unsigned d = 0; d < n.decimals; d++)
		unit *= 10;
	if (n.decimals == 0)
		snprintf(out, TTLV_NUMBER_TEXT, "%s%" PRIu64, n.negative ? "-" : "", n.magnitude);
	else
		snprintf(out, TTLV_NUMBER_TEXT, "%s%" PRIu64 ".%0*" PRIu64, n.negative ? "-" : "",
		    n.magnitude / unit, n.decimals, n.magnitude % unit);
}
