/*
 * out: the one writer of all answers. A command builds its answer as JSON and names the columns a
 * person wants to see; --json prints the whole answer instead, --kv as lines KEY=VALUE for shells.
 * Texts may come from a device or the network: what is not printable ASCII becomes '?', so that
 * nobody can move a cursor.
 */
#ifndef SUBOTA_OUT_H
#define SUBOTA_OUT_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

#include "auto.h"
#include "opt.h"

AUTO_DEFINE(out_json, cJSON *, cJSON_Delete)

struct out_column {
	const char *key; /* member of a row; NULL ends the list */
	const char *title;
};

enum out_form { OUT_TEXT, OUT_JSON, OUT_KV };

/* Rows for an option table, and what they say; --json when both are there. */
#define OUT_OPTION \
	{"json", NULL, false, false, "the whole answer as JSON"}, \
	{ \
		"kv", NULL, false, false, "the whole answer as lines KEY=VALUE" \
	}
enum out_form out_form(const struct opt_set *o);


/* An array of objects: a table with one line each, columns as wide as they need. Returns the exit
 * status. */
int out_list(const cJSON *list, const struct out_column *columns, enum out_form form);

/* One row at once, for what goes on and on: columns two blanks apart, those without a value left
 * out. Flushed. */
void out_line(const cJSON *row, const struct out_column *columns, enum out_form form);

/* An object: a line for each member, `a.b` for members of members. */
int out_object(const cJSON *o, enum out_form form);

/* A whole answer for machines: one line of JSON, or its members as lines `a.b.0=value`. */
int out_value(const cJSON *value, enum out_form form);

/* A value as text; `text` of `size` bytes, cut to fit. "-" when there is none. */
void out_text(const cJSON *value, char *text, size_t size);

/* A member that is a text; "" when there is none. Borrowed. */
const char *out_member(const cJSON *o, const char *key);

/* A new object at the end of `list`; never NULL: without memory the program ends (71). */
cJSON *out_row(cJSON *list);
/* Put a list in order; equal members stay as they are. Not by cJSON_InsertItemInArray, which in
 * some builds of the library refuses every place but the ends. */
void out_sort(cJSON *list, int (*order)(const cJSON *a, const cJSON *b));
void out_add_text(cJSON *o, const char *key, const char *text);
void out_add_number(cJSON *o, const char *key, uint64_t n);

#endif
