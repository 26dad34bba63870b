/*
 * redact: see redact.h. A copy, because the message at hand is about to be sent or acted on; packed
 * and unpacked, because protobuf-c has no other way to make one. Costs that only while somebody
 * listens.
 */
#include <stdlib.h>
#include <string.h>

#include "auto.h"
#include "fields.h"
#include "msg.h"
#include "redact.h"

static const struct row {
	const ProtobufCMessageDescriptor *message;
	uint32_t field;
	Pb__Redact redact;
} rows[] = {
#include "redact_rows.h"
};

Pb__Redact
redact_of(const ProtobufCMessageDescriptor *d, const ProtobufCFieldDescriptor *f)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].message == d && rows[i].field == f->id)
			return rows[i].redact;
	return PB__REDACT__REDACT_UNDECIDED;
}

/* --- text ------------------------------------------------------------------------------------- */

/* Put [from, end) where `to` is; what follows it. */
static char *
put(char *to, const char *from, const char *end)
{
	memmove(to, from, (size_t)(end - from));
	return to + (end - from);
}

/* One pass, whatever there is: a text may be all addresses. */
void
redact_addresses(char *text)
{
	char *to = text;
	const char *from = text;

	for (const char *at; (at = strstr(from, "://"));) {
		to = put(to, from, at + 3);
		at += 3;
		const char *end = at + strcspn(at, " ");
		const char *stop = at + strcspn(at, "?# "); /* the query begins */
		const char *host_end = at + strcspn(at, "/?# ");
		const char *user = memrchr(at, '@', (size_t)(host_end - at));

		to = put(to, user ? user : at, stop < end ? stop + 1 : end);
		from = end;
	}
	memmove(to, from, strlen(from) + 1);
}

/* --- messages --------------------------------------------------------------------------------- */

/* A text or bytes of a message that was unpacked: on the heap, or protobuf-c's empty text. */
static enum err
hide(const ProtobufCFieldDescriptor *f, void *at)
{
	char **text = at;
	ProtobufCBinaryData *bytes = at;

	if (f->type == PROTOBUF_C_TYPE_BYTES)
		bytes->len = 0; /* freed by its address */
	if (f->type != PROTOBUF_C_TYPE_STRING || !**text)
		return ERR_OK;
	char *hidden = strdup(REDACT_TEXT);

	if (!hidden)
		return ERR_NOMEM;
	free(*text);
	*text = hidden;
	return ERR_OK;
}

static enum err redact_message(ProtobufCMessage *m);

static enum err
redact_value(const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f, size_t i)
{
	void *at = (void *)(uintptr_t)fields_value(m, f, i);
	Pb__Redact how = redact_of(m->descriptor, f);

	if (f->type == PROTOBUF_C_TYPE_MESSAGE)
		return redact_message(fields_message(m, f, i));
	if (how == PB__REDACT__REDACT_WHOLE)
		return hide(f, at);
	if (how == PB__REDACT__REDACT_ADDRESSES && f->type == PROTOBUF_C_TYPE_STRING &&
	    **(char **)at) /* the empty text is nobody's to write to */
		redact_addresses(*(char **)at);
	return ERR_OK;
}

static enum err
redact_message(ProtobufCMessage *m)
{
	enum err e = ERR_OK;

	for (unsigned k = 0; k < m->descriptor->n_fields; k++) {
		const ProtobufCFieldDescriptor *f = &m->descriptor->fields[k];
		size_t n = fields_count(m, f);

		for (size_t i = 0; i < n && e == ERR_OK; i++)
			e = redact_value(m, f, i);
	}
	return e;
}

enum err
redact_envelope(const Pb__Envelope *e, Pb__Envelope **out)
{
	size_t len = pb__envelope__get_packed_size(e);
	AUTO(mem) uint8_t *bytes = malloc(len + 1);

	*out = NULL;
	if (!bytes)
		return ERR_NOMEM;
	pb__envelope__pack(e, bytes);
	AUTO(msg) Pb__Envelope *copy = pb__envelope__unpack(NULL, len, bytes);
	enum err err = copy ? redact_message(&copy->base) : ERR_NOMEM;

	if (!err)
		*out = HAND_OVER(copy);
	return err;
}
