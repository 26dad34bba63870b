/*
 * conf: table-driven configuration.
 *
 * A file of `[section]` and `[section name]` heads, `key = value` lines, and comments: a `#` at the
 * beginning of a line or after a blank. No section and no key comes twice. At most 1 MiB, 4096
 * bytes a line, no control characters; 64 sections in a table and 64 keys in each. Each daemon
 * has one table of sections and keys; the table is also what `--help-config`, the manual and
 * `subotactl config` print. One file serves all daemons: sections that belong to another daemon
 * (first word before a blank or dot is another of the known programs) are skipped, anything else
 * unknown is an error. All errors name file, line, key, the value seen and the value expected, and
 * all are reported, not just the first.
 *
 * Values land in plain structs by offset: bool -> bool, uint/size/duration -> uint64_t (bytes; ms),
 * string -> char array inside the struct (its size is the limit), choice -> int index into
 * `choices`, user -> uint32_t uid, group -> uint32_t gid (a name, or a number that need not have an
 * account).
 */
#ifndef SUBOTA_CONF_H
#define SUBOTA_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

enum conf_type {
	CONF_BOOL,
	CONF_UINT,
	CONF_SIZE,
	CONF_DURATION,
	CONF_STRING,
	CONF_CHOICE,
	CONF_USER,
	CONF_GROUP
};

struct conf_key {
	const char *name;
	enum conf_type type;
	size_t offset;
	size_t size;                /* CONF_STRING: of the array */
	uint64_t min, max;          /* numbers; both 0 = any */
	const char *const *choices; /* CONF_CHOICE, ends with NULL */
	const char *fallback;       /* text as if written in the file; NULL = must be given */
	const char *help;           /* one sentence */
	bool secret;                /* never printed */
};

struct conf_section {
	const char *name; /* "cloudd", "flashd.device" */
	bool named;       /* [flashd.device NAME], may occur max_items times */
	const struct conf_key *keys;
	size_t n_keys;
	size_t offset;       /* of the struct, or of the array of structs, in the settings */
	size_t item_size;    /* named: size of one */
	size_t max_items;    /* named */
	size_t count_offset; /* named: a size_t that counts them */
	size_t name_offset, name_size; /* named: char array for NAME inside the item */
	/* Keys that are not in `keys` go here (options of a driver); NULL = they are errors. */
	enum err (*on_other)(
	    void *item, const char *key, const char *value, char *why, size_t why_size);
};

/* Who wants to know of each value that was taken, and where it came from. */
struct conf_watch {
	/* `item` is NAME of [section NAME], else "". `key` is NULL for a key that went to on_other.
	 * `line` is 0 for a default. Nothing is kept. */
	void (*on_value)(void *ctx, const struct conf_section *section, const char *item,
	    const char *name, const struct conf_key *key, const char *value, unsigned line);
	void *ctx;
};

struct conf_table {
	const struct conf_section *sections;
	size_t n_sections;
};

#define CONF_STRING_AT(type, field) \
	.offset = offsetof(type, field), .size = sizeof(((type *)0)->field)

/* Read `path` into `settings` (defaults first). Errors go to the log, one line each. ERR_CONFIG if
 * there is any. */
enum err conf_load(const struct conf_table *t, const char *path, void *settings) MUST_CHECK;
/* The same, telling of each value; watch may be NULL. */
enum err conf_load_watched(const struct conf_table *t, const char *path, void *settings,
    const struct conf_watch *watch) MUST_CHECK;
/* The same from memory; `name` is for messages. The parser proper: pure but for the log. */
enum err conf_parse(const struct conf_table *t, const char *name, const char *text, size_t len,
    void *settings) MUST_CHECK;
/* Print the table as a commented sample file to stdout. */
void conf_print_help(const struct conf_table *t);

#endif
