/*
 * pcapng: see pcapng.h. A library for this would bring a whole packet capture along; of the format
 * only three kinds of block are needed.
 */
#include <stdlib.h>
#include <string.h>

#include "auto.h"
#include "pcapng.h"

enum {
	BLOCK_SECTION = 0x0a0d0d0a,
	BLOCK_INTERFACE = 1,
	BLOCK_PACKET = 6,
	ORDER_MAGIC = 0x1a2b3c4d,
	OPTION_COMMENT = 1,
	OPTION_NAME = 2, /* of an interface */
	COMMENT_MAX = 60000,
	BLOCK_HEAD = 8,   /* type, length */
	BLOCK_FRAME = 12, /* and the length again */
	PACKET_HEAD = 20,
};

/* --- writing ---------------------------------------------------------------------------------- */

/* A block's body while it grows. */
struct body {
	uint8_t *data;
	size_t len;
};

static void
put(struct body *b, const void *data, size_t len)
{
	memcpy(b->data + b->len, data, len);
	b->len += len;
}

static void
put32(struct body *b, uint32_t n)
{
	put(b, &n, sizeof(n));
}

static void
pad(struct body *b)
{
	static const uint8_t zeros[3];

	put(b, zeros, (4 - b->len % 4) % 4);
}

static void
put_option(struct body *b, uint16_t code, const char *text)
{
	uint16_t len = (uint16_t)strlen(text);

	put(b, &code, sizeof(code));
	put(b, &len, sizeof(len));
	put(b, text, len);
	pad(b);
}

static enum err
write_block(FILE *to, uint32_t type, const struct body *b)
{
	uint32_t head[2] = {type, (uint32_t)(b->len + BLOCK_FRAME)};

	return fwrite(head, sizeof(head), 1, to) == 1 && fwrite(b->data, b->len, 1, to) == 1 &&
		       fwrite(&head[1], sizeof(head[1]), 1, to) == 1
		   ? ERR_OK
		   : ERR_SYSTEM;
}

/* `text` of option `code` behind a block's fixed fields; "" = no option. */
static enum err
write_with_option(FILE *to, uint32_t type, const void *fixed, size_t len, const void *data,
    size_t data_len, uint16_t code, const char *text)
{
	AUTO(mem) uint8_t *room = malloc(len + data_len + strlen(text) + 64);
	struct body b = {.data = room};

	if (!room)
		return ERR_NOMEM;
	put(&b, fixed, len);
	if (data_len)
		put(&b, data, data_len);
	pad(&b);
	if (*text) {
		put_option(&b, code, text);
		put32(&b, 0); /* end of options */
	}
	return write_block(to, type, &b);
}

enum err
pcapng_begin(struct pcapng_writer *w, FILE *to, const char *comment)
{
	/* byte order, version 1.0, length unknown */
	static const uint32_t fixed[4] = {ORDER_MAGIC, 1, UINT32_MAX, UINT32_MAX};

	*w = (struct pcapng_writer){.to = to};
	if (strlen(comment) > COMMENT_MAX)
		return ERR_LIMIT;
	return write_with_option(
	    to, BLOCK_SECTION, fixed, sizeof(fixed), NULL, 0, OPTION_COMMENT, comment);
}

static enum err
need_link(struct pcapng_writer *w, const char *name, uint32_t *out)
{
	static const uint32_t fixed[2] = {PCAPNG_USER0, 0}; /* no limit of length */

	for (*out = 0; *out < w->n; ++*out)
		if (strcmp(w->links[*out], name) == 0)
			return ERR_OK;
	if (w->n == PCAPNG_LINKS || strlen(name) >= PCAPNG_NAME)
		return ERR_LIMIT;
	snprintf(w->links[w->n++], PCAPNG_NAME, "%s", name);
	return write_with_option(
	    w->to, BLOCK_INTERFACE, fixed, sizeof(fixed), NULL, 0, OPTION_NAME, name);
}

enum err
pcapng_add(struct pcapng_writer *w, const struct pcapng_packet *p)
{
	uint32_t link = 0;
	uint64_t at_us = p->at_ms * 1000;
	enum err e = p->len > PCAPNG_PACKET_MAX || strlen(p->comment) > COMMENT_MAX
			 ? ERR_LIMIT
			 : need_link(w, p->link, &link);

	if (e != ERR_OK)
		return e;
	const uint32_t fixed[5] = {link, (uint32_t)(at_us >> 32), (uint32_t)at_us, (uint32_t)p->len,
	    (uint32_t)p->original};

	return write_with_option(
	    w->to, BLOCK_PACKET, fixed, sizeof(fixed), p->data, p->len, OPTION_COMMENT, p->comment);
}

/* --- reading ---------------------------------------------------------------------------------- */

struct reader {
	size_t n;
	char links[PCAPNG_LINKS][PCAPNG_NAME];
	pcapng_on_packet *fn;
	void *arg;
	char *why;
};

static uint32_t
get32(const uint8_t *at)
{
	uint32_t n = 0;

	memcpy(&n, at, sizeof(n));
	return n;
}

/* The text of an option, cut to `size`; "" when it is not among them. */
static void
find_option(const uint8_t *at, size_t len, uint16_t wanted, char *out, size_t size)
{
	*out = '\0';
	while (len >= 4) {
		uint16_t code = 0, n = 0;

		memcpy(&code, at, 2);
		memcpy(&n, at + 2, 2);
		size_t step = 4 + (n + 3u) / 4 * 4;
		if (code == 0 || step > len)
			return;
		if (code == wanted) {
			snprintf(out, size, "%.*s", (int)n, (const char *)at + 4);
			return;
		}
		at += step;
		len -= step;
	}
}

static enum err
read_interface(struct reader *r, const uint8_t *body, size_t len)
{
	if (len < 8 || (get32(body) & 0xffff) != PCAPNG_USER0)
		return why_say(r->why, ERR_MALFORMED, "expected link type %d", PCAPNG_USER0);
	if (r->n == PCAPNG_LINKS)
		return why_say(r->why, ERR_LIMIT, "expected at most %d links", PCAPNG_LINKS);
	find_option(body + 8, len - 8, OPTION_NAME, r->links[r->n++], PCAPNG_NAME);
	return ERR_OK;
}

static enum err
read_packet(struct reader *r, const uint8_t *body, size_t len)
{
	char comment[PCAPNG_NAME];

	if (len < PACKET_HEAD || get32(body) >= r->n)
		return why_say(r->why, ERR_MALFORMED, "expected a packet of a known link");
	size_t captured = get32(body + 12), padded = (captured + 3) / 4 * 4;

	if (captured > PCAPNG_PACKET_MAX || padded > len - PACKET_HEAD)
		return why_say(r->why, ERR_MALFORMED,
		    "expected a packet of at most %zu bytes, got %zu", len - PACKET_HEAD, captured);
	const uint8_t *behind = body + PACKET_HEAD + padded;

	find_option(behind, len - PACKET_HEAD - padded, OPTION_COMMENT, comment, sizeof(comment));
	return r->fn(
	    r->arg, &(struct pcapng_packet){.link = r->links[get32(body)],
			.at_ms = ((uint64_t)get32(body + 4) << 32 | get32(body + 8)) / 1000,
			.data = body + PACKET_HEAD,
			.len = captured,
			.original = get32(body + 16),
			.comment = comment});
}

static enum err
read_block(struct reader *r, uint32_t type, const uint8_t *body, size_t len)
{
	switch (type) {
	case BLOCK_INTERFACE:
		return read_interface(r, body, len);
	case BLOCK_PACKET:
		return read_packet(r, body, len);
	default:
		return ERR_OK; /* others may be there, and may be passed over */
	}
}

enum err
pcapng_read(const uint8_t *file, size_t len, pcapng_on_packet *fn, void *arg, char why[WHY_SIZE])
{
	AUTO(mem) struct reader *r = calloc(1, sizeof(*r));
	enum err e = ERR_OK;

	if (!r)
		return ERR_NOMEM;
	r->fn = fn;
	r->arg = arg;
	r->why = why;
	if (len < BLOCK_FRAME + 16 || get32(file) != BLOCK_SECTION ||
	    get32(file + BLOCK_HEAD) != ORDER_MAGIC)
		return why_say(
		    why, ERR_MALFORMED, "expected a pcapng file of this machine's byte order");
	for (size_t at = 0; e == ERR_OK && len - at >= BLOCK_FRAME;) {
		size_t size = get32(file + at + 4);

		if (size < BLOCK_FRAME || size % 4)
			return why_say(why, ERR_MALFORMED,
			    "at byte %zu: expected the length of a block, got %zu", at, size);
		if (size > len - at)
			break;
		e = read_block(r, get32(file + at), file + at + BLOCK_HEAD, size - BLOCK_FRAME);
		at += size;
	}
	return e;
}
