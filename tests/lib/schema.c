/*
 * schema: see schema.h. Messages and enums are visited once each, in the order in which they are
 * first met from the three documents that stand on their own.
 */
#include <assert.h>
#include <bundle.pb-c.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <subota.pb-c.h>

#include "auto.h"
#include "route.h"
#include "schema.h"

enum { SEEN_MAX = 100 };

struct walk {
	FILE *out;
	const void *seen[SEEN_MAX];
	size_t n;
};

static bool
is_new(struct walk *w, const void *descriptor)
{
	for (size_t i = 0; i < w->n; i++)
		if (w->seen[i] == descriptor)
			return false;
	assert(w->n < SEEN_MAX);
	w->seen[w->n++] = descriptor;
	return true;
}

static const char *
type_name(const ProtobufCFieldDescriptor *f)
{
	static const char *const names[] = {[PROTOBUF_C_TYPE_INT32] = "int32",
	    [PROTOBUF_C_TYPE_SINT32] = "sint32",
	    [PROTOBUF_C_TYPE_SFIXED32] = "sfixed32",
	    [PROTOBUF_C_TYPE_INT64] = "int64",
	    [PROTOBUF_C_TYPE_SINT64] = "sint64",
	    [PROTOBUF_C_TYPE_SFIXED64] = "sfixed64",
	    [PROTOBUF_C_TYPE_UINT32] = "uint32",
	    [PROTOBUF_C_TYPE_FIXED32] = "fixed32",
	    [PROTOBUF_C_TYPE_UINT64] = "uint64",
	    [PROTOBUF_C_TYPE_FIXED64] = "fixed64",
	    [PROTOBUF_C_TYPE_FLOAT] = "float",
	    [PROTOBUF_C_TYPE_DOUBLE] = "double",
	    [PROTOBUF_C_TYPE_BOOL] = "bool",
	    [PROTOBUF_C_TYPE_STRING] = "string",
	    [PROTOBUF_C_TYPE_BYTES] = "bytes"};

	if (f->type == PROTOBUF_C_TYPE_MESSAGE)
		return ((const ProtobufCMessageDescriptor *)f->descriptor)->name;
	if (f->type == PROTOBUF_C_TYPE_ENUM)
		return ((const ProtobufCEnumDescriptor *)f->descriptor)->name;
	return names[f->type];
}

static const char *
label_name(const ProtobufCFieldDescriptor *f)
{
	if (f->label == PROTOBUF_C_LABEL_REPEATED)
		return "repeated";
	return f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF ? "oneof" : "single";
}

static void
walk_enum(struct walk *w, const ProtobufCEnumDescriptor *d)
{
	if (!is_new(w, d))
		return;
	for (unsigned i = 0; i < d->n_values; i++)
		fprintf(w->out, "%s %d %s\n", d->name, d->values[i].value, d->values[i].name);
}

static void
walk_message(struct walk *w, const ProtobufCMessageDescriptor *d)
{
	if (!is_new(w, d))
		return;
	for (unsigned i = 0; i < d->n_fields; i++) {
		const ProtobufCFieldDescriptor *f = &d->fields[i];

		fprintf(w->out, "%s %u %s %s %s\n", d->name, f->id, f->name, label_name(f),
		    type_name(f));
	}
	for (unsigned i = 0; i < d->n_fields; i++) {
		if (d->fields[i].type == PROTOBUF_C_TYPE_MESSAGE)
			walk_message(w, d->fields[i].descriptor);
		if (d->fields[i].type == PROTOBUF_C_TYPE_ENUM)
			walk_enum(w, d->fields[i].descriptor);
	}
}

char *
schema_lines(void)
{
	char *text = NULL;
	size_t size = 0;
	struct walk w = {.out = open_memstream(&text, &size)};

	assert(w.out);
	walk_message(&w, &pb__envelope__descriptor);
	walk_message(&w, &tr__manifest__descriptor);
	walk_message(&w, &tr__root__descriptor);
	fclose(w.out);
	return text;
}

char *
schema_routes(void)
{
	char *text = NULL;
	size_t size = 0, n = 0;
	const struct route_row *rows = route_rows(&n);
	FILE *out = open_memstream(&text, &size);

	assert(out);
	fprintf(out, "| kind | from | to | phase | bytes at most | may be dropped |\n");
	fprintf(out, "|---|---|---|---|---|---|\n");
	for (size_t i = 0; i < n; i++)
		fprintf(out, "| %s | %s | %s | %s | %zu | %s |\n", route_kind_name(rows[i].kind),
		    who_name(rows[i].from), who_name(rows[i].to),
		    rows[i].phases & ROUTE_GREETING ? "any" : "ready", rows[i].max_bytes,
		    rows[i].droppable ? "yes" : "no");
	fclose(out);
	return text;
}
