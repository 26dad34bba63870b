/*
 * dialect_files: see dialect_files.h. Sorted by insertion: there are five at most.
 */
#include <inttypes.h>

#include "dialect_files.h"

enum { FILE_INDEX = 30, INDEX_MAX = 255 };

static enum err
insert(int64_t index, size_t node, int64_t seen[], size_t at[], size_t *n, char *why)
{
	size_t to = *n;

	for (; to > 0 && seen[to - 1] >= index; to--) {
		if (seen[to - 1] == index)
			return why_say(why, ERR_MALFORMED,
			    "id 30: expected each index once, got %" PRId64 " twice", index);
		seen[to] = seen[to - 1];
		at[to] = at[to - 1];
	}
	seen[to] = index;
	at[to] = node;
	++*n;
	return ERR_OK;
}

enum err
dialect_files_sort(const struct ttlv *t, const struct ttlv_node *list,
    size_t at[DIALECT_FILES_MAX], size_t *n, char *why)
{
	int64_t seen[DIALECT_FILES_MAX];
	enum err e = ERR_OK;

	*n = 0;
	if (!list->is_array || !list->members || list->members > DIALECT_FILES_MAX)
		return why_say(why, ERR_LIMIT, "id 20: expected an array of 1 to %d files, got %u",
		    DIALECT_FILES_MAX, list->members);
	for (size_t k = (size_t)(list - t->nodes) + 1; k < list->end && e == ERR_OK;
	     k = t->nodes[k].end) {
		int64_t index = 0;

		if (t->nodes[k].type != TTLV_STRUCT)
			return why_say(why, ERR_MALFORMED,
			    "id 20: expected structs, got type %u", t->nodes[k].type);
		const struct ttlv_node *said = ttlv_find(t, k + 1, t->nodes[k].end, FILE_INDEX);

		e = ttlv_int(said, 0, INDEX_MAX, &index);
		if (e != ERR_OK)
			return why_say(
			    why, e, "id 30: expected an index of 0 to %d", INDEX_MAX);
		e = insert(index, k, seen, at, n, why);
	}
	return e;
}
