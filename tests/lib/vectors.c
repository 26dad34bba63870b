/*
 * vectors: see vectors.h.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "vectors.h"

cJSON *
vectors_load(void)
{
	AUTO(file) FILE *f = fopen("tests/data/developer-center.json", "rb");
	AUTO(mem) char *text = calloc(1, 1 << 20);

	cr_assert(f && text, "tests run in the root of the project");
	size_t n = fread(text, 1, (1 << 20) - 1, f);
	cJSON *doc = cJSON_ParseWithLength(text, n);
	cr_assert_not_null(doc);
	return doc;
}

const char *
vectors_text(const cJSON *o, const char *key)
{
	return json_text(o, key);
}

static unsigned
nibble(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = c ? strchr(digits, c) : NULL;

	cr_assert_not_null(at, "expected a hex digit, got %d", c);
	return (unsigned)(at - digits);
}

struct vectors_bytes *
vectors_unhex(const char *hex)
{
	struct vectors_bytes *b = calloc(1, sizeof(*b));

	cr_assert_not_null(b);
	for (; *hex; hex += 2) {
		cr_assert_lt(b->len, sizeof(b->data));
		b->data[b->len++] = (uint8_t)(nibble(hex[0]) << 4 | nibble(hex[1]));
	}
	return b;
}

struct vectors_bytes *
vectors_hex(const cJSON *o, const char *key)
{
	return vectors_unhex(vectors_text(o, key));
}
