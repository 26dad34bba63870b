/*
 * schema: what was once promised on the wire stays. Each line of proto/schema.lock must still be
 * true, and everything there is must stand in it.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "auto.h"
#include "schema.h"

static char *
read_lock(void)
{
	char *text = calloc(1, 1 << 17);
	AUTO(file) FILE *f = fopen(SCHEMA_LOCK, "re");

	cr_assert_not_null(f, "%s is missing", SCHEMA_LOCK);
	cr_assert_gt(fread(text, 1, (1 << 17) - 1, f), 0);
	return text;
}

static bool
has_line(const char *text, const char *line, size_t len)
{
	for (const char *at = text; *at;) {
		const char *end = strchrnul(at, '\n');

		if ((size_t)(end - at) == len && memcmp(at, line, len) == 0)
			return true;
		at = *end ? end + 1 : end;
	}
	return false;
}

/* Every line of `these` is one of `those`; otherwise it is told with `advice`. */
static void
expect_subset(const char *these, const char *those, const char *advice)
{
	for (const char *at = these; *at;) {
		const char *end = strchrnul(at, '\n');
		size_t len = (size_t)(end - at);

		cr_expect(has_line(those, at, len), "%.*s: %s", (int)len, at, advice);
		at = *end ? end + 1 : end;
	}
}

Test(schema, no_tag_type_or_name_that_was_promised_has_changed)
{
	AUTO(mem) char *lock = read_lock();
	AUTO(mem) char *now = schema_lines();

	expect_subset(lock, now,
	    "expected as promised in proto/schema.lock, got another tag, type, name, or nothing; "
	    "give the new thing a new tag");
}

Test(schema, everything_there_is_stands_in_the_lock)
{
	AUTO(mem) char *lock = read_lock();
	AUTO(mem) char *now = schema_lines();

	expect_subset(now, lock, "new; append it with: make schema-lock");
}

Test(schema, lock_knows_both_documents_and_the_envelope)
{
	AUTO(mem) char *lock = read_lock();

	cr_expect_not_null(strstr(lock, "subota.v1.Envelope 10 hello oneof subota.v1.Hello\n"));
	cr_expect_not_null(strstr(lock, "subota.v1.Verdict 3 VERDICT_DEFER\n"));
	cr_expect_not_null(strstr(lock, "subota.trust.v1.Manifest 1 "));
	cr_expect_not_null(strstr(lock, "subota.trust.v1.Root 1 "));
}
