/*
 * an3155_dump: see an3155_dump.h. Written without the driver's machine, from the protocol: a table
 * of commands and a walk over bytes.
 */
#include "an3155_dump.h"

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "an3155_talk.h"
#include "auto.h"

AUTO_DEFINE(cjson, cJSON *, cJSON_Delete)

/* clang-format off */
static const struct row {
	uint8_t code;
	const char *name;
	bool address;
	enum tail { NOTHING, COUNT, DATA, PAGES, PAGES2, SIZE } tail;
} rows[] = {
	/* code              name            address tail */
	{AN3155_GET,        "get",           false,  NOTHING},
	{AN3155_VERSION,    "get version",   false,  NOTHING},
	{AN3155_ID,         "get id",        false,  NOTHING},
	{AN3155_READ,       "read",          true,   COUNT},
	{AN3155_GO,         "go",            true,   NOTHING},
	{AN3155_WRITE,      "write",         true,   DATA},
	{AN3155_ERASE,      "erase",         false,  PAGES},
	{AN3155_ERASE_EXT,  "erase pages",   false,  PAGES2},
	{AN3155_CRC,        "checksum",      true,   SIZE},
};
/* clang-format on */

struct walk {
	const uint8_t *at;
	size_t left;
};

/* The next `n` bytes, whose last one is the xor of the others. */
static enum err
take(struct walk *w, size_t n, const uint8_t **out)
{
	uint8_t sum = 0;

	if (w->left < n)
		return ERR_TRUNCATED;
	for (size_t i = 0; i < n; i++)
		sum ^= w->at[i];
	if (sum != 0)
		return ERR_FRAME_SUM;
	*out = w->at;
	w->at += n;
	w->left -= n;
	return ERR_OK;
}

/* A byte and its complement. */
static enum err
take_pair(struct walk *w, uint8_t *out)
{
	if (w->left < 2)
		return ERR_TRUNCATED;
	if ((w->at[0] ^ w->at[1]) != 0xff)
		return ERR_FRAME_SUM;
	*out = w->at[0];
	w->at += 2;
	w->left -= 2;
	return ERR_OK;
}

static uint32_t
get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static enum err
put_number(cJSON *into, const char *name, double v)
{
	return cJSON_AddNumberToObject(into, name, v) ? ERR_OK : ERR_NOMEM;
}

static enum err
put_hex(cJSON *into, const uint8_t *data, size_t len)
{
	AUTO(mem) char *text = calloc(1, 2 * len + 1);

	if (!text)
		return ERR_NOMEM;
	for (size_t i = 0; i < len; i++)
		snprintf(text + 2 * i, 3, "%02x", data[i]);
	return cJSON_AddStringToObject(into, "data", text) ? ERR_OK : ERR_NOMEM;
}

static enum err
put_address(cJSON *into, struct walk *w)
{
	const uint8_t *p = NULL;
	char text[9];
	enum err e = take(w, 5, &p);

	if (e)
		return e;
	snprintf(text, sizeof(text), "%08x", (unsigned)get32(p));
	return cJSON_AddStringToObject(into, "address", text) ? ERR_OK : ERR_NOMEM;
}

static enum err
put_data(cJSON *into, struct walk *w)
{
	const uint8_t *p = NULL;
	size_t n = w->left ? w->at[0] + 1u : 0;
	enum err e = take(w, n + 2, &p);

	if (!e)
		e = put_number(into, "bytes", (double)n);
	return e ? e : put_hex(into, p + 1, n);
}

static enum err
put_pages(cJSON *into, struct walk *w, size_t width)
{
	const uint8_t *p = NULL;

	if (w->left < width)
		return ERR_TRUNCATED;
	size_t n = (width == 2 ? (size_t)w->at[0] << 8 | w->at[1] : w->at[0]) + 1u;
	enum err e = take(w, width + n * width + 1, &p);
	if (e)
		return e;
	cJSON *list = cJSON_AddArrayToObject(into, "pages");
	for (size_t i = 0; i < n; i++) {
		const uint8_t *at = p + width + i * width;
		cJSON *page = cJSON_CreateNumber(width == 2 ? at[0] << 8 | at[1] : at[0]);

		if (!page || !cJSON_AddItemToArray(list, page)) {
			cJSON_Delete(page);
			return ERR_NOMEM;
		}
	}
	return ERR_OK;
}

static enum err
put_size(cJSON *into, struct walk *w)
{
	const uint8_t *p = NULL;
	enum err e = take(w, 5, &p);

	return e ? e : put_number(into, "bytes", get32(p));
}

static enum err
put_tail(cJSON *into, struct walk *w, enum tail tail)
{
	uint8_t n = 0;
	enum err e = ERR_OK;

	switch (tail) {
	case COUNT:
		e = take_pair(w, &n);
		return e ? e : put_number(into, "bytes", n + 1);
	case DATA:
		return put_data(into, w);
	case PAGES:
		return put_pages(into, w, 1);
	case PAGES2:
		return put_pages(into, w, 2);
	case SIZE:
		return put_size(into, w);
	default:
		return ERR_OK;
	}
}

static const struct row *
row_of(uint8_t code)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].code == code)
			return &rows[i];
	return NULL;
}

/* One command; it may end behind any of its turns. */
static enum err
put_command(cJSON *list, struct walk *w)
{
	uint8_t code = 0;
	enum err e = take_pair(w, &code);
	const struct row *r = e ? NULL : row_of(code);

	if (e || !r)
		return e ? e : ERR_UNSUPPORTED;
	cJSON *c = cJSON_CreateObject();
	if (!c || !cJSON_AddItemToArray(list, c)) {
		cJSON_Delete(c);
		return ERR_NOMEM;
	}
	if (!cJSON_AddStringToObject(c, "name", r->name))
		return ERR_NOMEM;
	if (r->address && w->left > 0)
		e = put_address(c, w);
	if (!e && r->tail != NOTHING && w->left > 0)
		return put_tail(c, w, r->tail);
	bool whole = r->tail == NOTHING && (!r->address || cJSON_GetObjectItem(c, "address"));
	return e || whole || cJSON_AddTrueToObject(c, "partial") ? e : ERR_NOMEM;
}

/* What stands for itself before data begins. */
static const char *
answer_of(uint8_t b)
{
	return b == AN3155_ACK    ? "ack"
	       : b == AN3155_NACK ? "nack"
	       : b == AN3155_BUSY ? "busy"
				  : NULL;
}

static enum err
put_answers(cJSON *doc, struct walk *w)
{
	cJSON *list = cJSON_AddArrayToObject(doc, "answers");

	for (; w->left > 0 && answer_of(w->at[0]); w->at++, w->left--) {
		cJSON *word = cJSON_CreateString(answer_of(w->at[0]));

		if (!word || !cJSON_AddItemToArray(list, word)) {
			cJSON_Delete(word);
			return ERR_NOMEM;
		}
	}
	return list ? put_hex(doc, w->at, w->left) : ERR_NOMEM;
}

enum err
an3155_dump_json(const uint8_t *data, size_t len, char **out)
{
	struct walk w = {data, len};
	AUTO(cjson) cJSON *doc = cJSON_CreateObject();
	enum err e = ERR_OK;

	if (!doc)
		return ERR_NOMEM;
	if (len == 0)
		return ERR_TRUNCATED;
	if (answer_of(data[0])) {
		e = put_answers(doc, &w);
	} else {
		cJSON *list = cJSON_AddArrayToObject(doc, "commands");

		e = list ? ERR_OK : ERR_NOMEM;
		w.at += data[0] == AN3155_HELLO;
		w.left -= data[0] == AN3155_HELLO;
		while (!e && w.left > 0)
			e = put_command(list, &w);
	}
	if (e)
		return e;
	*out = cJSON_PrintUnformatted(doc);
	return *out ? ERR_OK : ERR_NOMEM;
}
