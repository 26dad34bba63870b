/*
 * audit: tests 73 to 76 of the trust specification: whatever is done to the log, the check names
 * the first entry that is wrong.
 */
#include <criterion/criterion.h>
#include <sodium.h>
#include <string.h>

#include "audit.h"

enum { ENTRIES = 5 };

struct log {
	struct minikey key;
	size_t n;
	char lines[ENTRIES][AUDIT_LINE];
};

static void
make_log(struct log *l)
{
	uint8_t prev[AUDIT_HASH];

	cr_assert_geq(sodium_init(), 0);
	*l = (struct log){.n = ENTRIES};
	cr_assert_eq(minikey_make(NULL, &l->key), ERR_OK);
	audit_first(l->key.public_key, prev);
	for (size_t i = 0; i < ENTRIES; i++) {
		struct audit_entry e = {.seq = i + 1,
		    .at = "2026-11-24T09:00:00.000Z",
		    .boot_id = "b",
		    .upgrade = 7,
		    .product_key = "p",
		    .device_key = "d",
		    .component = "app",
		    .to = "2.0",
		    .runs = i < 3 ? "" : "2.0",
		    .phase = "PHASE_FLASHING",
		    .detail = ""};

		memcpy(e.prev, prev, sizeof(prev));
		cr_assert_eq(audit_format(&e, &l->key, l->lines[i]), ERR_OK);
		audit_hash(l->lines[i], strlen(l->lines[i]), prev);
	}
}

/* Index of the first line that is refused, `n` when none is; its error and reason. */
static size_t
check(const struct log *l, const uint8_t key[MINISIG_PUBLIC], enum err *e, char why[WHY_SIZE])
{
	struct audit_chain c = {0};

	for (size_t i = 0; i < l->n; i++) {
		*e = audit_check(&c, l->lines[i], strlen(l->lines[i]), key, why);
		if (*e != ERR_OK)
			return i;
	}
	return l->n;
}

static void
expect_refused(const struct log *l, size_t at, enum err want, const char *reason)
{
	char why[WHY_SIZE] = "";
	enum err e = ERR_OK;
	size_t got = check(l, l->key.public_key, &e, why);

	cr_expect_eq(got, at, "%zu: %s", got, why);
	cr_expect_eq(e, want, "%s: %s", err_name(e), why);
	cr_expect(strstr(why, reason), "%s", why);
}

static void
expect_whole(const struct log *l)
{
	char why[WHY_SIZE] = "";
	enum err e = ERR_OK;

	cr_expect_eq(check(l, l->key.public_key, &e, why), l->n, "%s", why);
}

static void
drop(struct log *l, size_t at)
{
	memmove(l->lines[at], l->lines[at + 1], (l->n - at - 1) * sizeof(l->lines[0]));
	l->n--;
}

Test(audit, a_log_that_nobody_touched_is_whole)
{
	struct log l;

	make_log(&l);
	expect_whole(&l);
}

/* trust: 73 */
Test(audit, test_73_any_byte_that_is_altered_is_found_at_its_entry)
{
	struct log l;

	make_log(&l);
	size_t len = strlen(l.lines[2]);

	for (size_t at = 0; at < len; at++) {
		char before = l.lines[2][at], why[WHY_SIZE] = "";
		enum err e = ERR_OK;

		l.lines[2][at] = before == '0' ? '1' : '0';
		cr_expect_eq(check(&l, l.key.public_key, &e, why), 2, "byte %zu: %s", at, why);
		l.lines[2][at] = before;
	}
	expect_whole(&l);
}

/* trust: 73 */
Test(audit, test_73_an_entry_that_is_left_out_said_twice_or_moved_is_found)
{
	struct log l, moved;

	make_log(&l);
	moved = l;
	memcpy(moved.lines[1], l.lines[2], AUDIT_LINE);
	memcpy(moved.lines[2], l.lines[1], AUDIT_LINE);
	expect_refused(&moved, 1, ERR_MISMATCH, "expected entry 2, got entry 3");
	moved = l;
	memcpy(moved.lines[3], l.lines[2], AUDIT_LINE);
	expect_refused(&moved, 3, ERR_MISMATCH, "expected entry 4, got entry 3");
	drop(&l, 2);
	expect_refused(&l, 2, ERR_MISMATCH, "expected entry 3, got entry 4");
}

/* trust: 74 */
Test(audit, test_74_a_log_that_was_cut_off_is_whole_in_itself_but_lacks_a_head_that_was_seen)
{
	struct log l;
	char head[AUDIT_HEAD], hash[17];
	uint8_t last[AUDIT_HASH];
	uint64_t seq = 0;

	make_log(&l);
	audit_hash(l.lines[4], strlen(l.lines[4]), last);
	audit_head(5, last, head);
	l.n = 4;
	expect_whole(&l); /* which is why heads are sent with the reports */
	cr_expect(audit_read_head(head, &seq, hash));
	cr_expect_gt(seq, l.n);
}

Test(audit, a_log_may_begin_in_its_middle_where_the_oldest_were_forgotten)
{
	struct log l;

	make_log(&l);
	drop(&l, 0);
	drop(&l, 0);
	expect_whole(&l);
	drop(&l, 1);
	expect_refused(&l, 1, ERR_MISMATCH, "expected entry 4, got entry 5");
}

/* trust: 75 */
Test(audit, test_75_the_entries_of_another_gateway_are_refused)
{
	struct log a, b;
	char why[WHY_SIZE] = "";
	enum err e = ERR_OK;

	make_log(&a);
	make_log(&b);
	cr_expect_eq(check(&a, b.key.public_key, &e, why), 0);
	cr_expect_eq(e, ERR_SCOPE, "%s", why);
	cr_expect(strstr(why, "expected an entry of key "), "%s", why);
	memcpy(b.lines[3], a.lines[3], AUDIT_LINE);
	expect_refused(&b, 3, ERR_SCOPE, "expected an entry of key ");
}

/* trust: 76 */
Test(audit, test_76_a_key_that_was_replaced_breaks_the_chain_where_it_was)
{
	struct log l, later;
	struct audit_entry e = {.seq = 4,
	    .at = "",
	    .boot_id = "",
	    .product_key = "",
	    .device_key = "",
	    .component = "",
	    .to = "",
	    .runs = "",
	    .phase = "",
	    .detail = ""};

	make_log(&l);
	make_log(&later);
	audit_hash(l.lines[2], strlen(l.lines[2]), e.prev);
	cr_assert_eq(audit_format(&e, &later.key, l.lines[3]), ERR_OK);
	expect_refused(&l, 3, ERR_SCOPE, "expected an entry of key ");
}

Test(audit, what_is_no_entry_is_refused_and_nothing_too_long_is_written)
{
	static const char *const bad[] = {
	    "", "\t", "{}", "{}\t", "7\tx", "{\"seq\":\"1\"}\tAAAA", "[]\t[]"};
	struct log l;
	char long_text[AUDIT_LINE];
	struct audit_entry e = {.seq = 1,
	    .at = "",
	    .boot_id = "",
	    .product_key = "",
	    .device_key = "",
	    .component = "",
	    .to = "",
	    .runs = "",
	    .phase = "",
	    .detail = long_text};

	make_log(&l);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct audit_chain c = {0};
		char why[WHY_SIZE] = "";

		cr_expect_neq(
		    audit_check(&c, bad[i], strlen(bad[i]), l.key.public_key, why), ERR_OK);
		cr_expect_eq(c.last, 0);
		cr_expect_gt(strlen(why), 5, "%s", bad[i]);
	}
	memset(long_text, 'x', sizeof(long_text) - 1);
	long_text[sizeof(long_text) - 1] = '\0';
	cr_expect_eq(audit_format(&e, &l.key, l.lines[0]), ERR_LIMIT);
}

Test(audit, heads_are_a_number_and_16_digits)
{
	static const char *const bad[] = {"", ":0123456789abcdef", "1", "1:", "0:0123456789abcdef",
	    "1:0123456789abcde", "1:0123456789abcdef0", "1:0123456789ABCDEF",
	    "9999999999999999999:0123456789abcdef", "-1:0123456789abcdef"};
	uint64_t seq = 0;
	char hash[17];

	cr_expect(audit_read_head("12:0123456789abcdef", &seq, hash));
	cr_expect_eq(seq, 12);
	cr_expect_str_eq(hash, "0123456789abcdef");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_expect_not(audit_read_head(bad[i], &seq, hash), "%s", bad[i]);
}
