/*
 * strict: see strict.h.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "auto.h"
#include "capped.h"
#include "fields.h"
#include "strict.h"

enum { MAGIC_MAX = 64 };

/* Name of the first message that has an unknown field, NULL if none has. Depth is the schema's. */
static const char *
find_unknown(const ProtobufCMessage *m)
{
	if (!m)
		return NULL;
	if (m->n_unknown_fields > 0)
		return m->descriptor->short_name;
	for (unsigned k = 0; k < m->descriptor->n_fields; k++) {
		const ProtobufCFieldDescriptor *f = &m->descriptor->fields[k];
		size_t n = f->type == PROTOBUF_C_TYPE_MESSAGE ? fields_count(m, f) : 0;
		const char *found = NULL;

		for (size_t i = 0; i < n && !found; i++)
			found = find_unknown(fields_message(m, f, i));
		if (found)
			return found;
	}
	return NULL;
}

static bool
has_magic(const char *magic, const uint8_t *data, size_t len)
{
	size_t n = strlen(magic);
	uint8_t want[2 + MAGIC_MAX] = {0x0a, (uint8_t)n}; /* field 1, length-delimited */

	memcpy(want + 2, magic, n);
	return len >= n + 2 && memcmp(data, want, n + 2) == 0;
}

static enum err
check_canonical(const ProtobufCMessage *m, const uint8_t *data, size_t len, char why[WHY_SIZE])
{
	if (protobuf_c_message_get_packed_size(m) != len)
		return why_say(why, ERR_MALFORMED, "expected the canonical encoding, got another");
	AUTO(mem) uint8_t *again = malloc(len);

	if (!again)
		return ERR_NOMEM;
	protobuf_c_message_pack(m, again);
	if (memcmp(again, data, len) != 0)
		return why_say(why, ERR_MALFORMED, "expected the canonical encoding, got another");
	return ERR_OK;
}

enum err
strict_unpack(const ProtobufCMessageDescriptor *d, const char *magic, const uint8_t *data,
    size_t len, ProtobufCMessage **out, char why[WHY_SIZE])
{
	size_t left = STRICT_MEMORY;
	ProtobufCAllocator capped = capped_allocator(&left);

	if (!has_magic(magic, data, len))
		return why_say(why, ERR_MISMATCH, "expected a document that begins with %s", magic);
	ProtobufCMessage *m = protobuf_c_message_unpack(d, &capped, len, data);

	if (!m)
		return why_say(why, ERR_MALFORMED, "expected a %s, got bytes that do not unpack",
		    d->short_name);
	const char *unknown = find_unknown(m);
	enum err e = unknown ? why_say(why, ERR_UNSUPPORTED,
				   "%s has a field this version does not know", unknown)
			     : check_canonical(m, data, len, why);

	if (e) {
		protobuf_c_message_free_unpacked(m, NULL);
		return e;
	}
	*out = m;
	return ERR_OK;
}
