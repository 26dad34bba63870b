/*
 * journal: each report of the ledger has its signed entry, which is durable with it and not without
 * it; the oldest are forgotten.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "kit.h"
#include "ledger.h"

struct scene {
	char *dir;
	char path[300];
	struct ledger l;
	struct audit_chain chain;
	char heads[10][AUDIT_HEAD];
};

static void
reopen(struct scene *s)
{
	bool fresh = false;

	ledger_close(&s->l);
	cr_assert_eq(ledger_open(s->path, (struct mono){1}, &s->l, &fresh), ERR_OK);
}

static void
begin(struct scene *s)
{
	*s = (struct scene){.dir = kit_scratch()};
	snprintf(s->path, sizeof(s->path), "%s/flashd.db", s->dir);
	reopen(s);
}

static void
end(struct scene *s)
{
	ledger_close(&s->l);
	kit_scratch_remove(s->dir);
}

static struct device_upgrade *
add(struct scene *s)
{
	const struct device_upgrade u = {.id = 41,
	    .product_key = "p",
	    .device_key = "d",
	    .component = "app",
	    .target_version = "2.0"};
	struct device_upgrade *out = NULL;

	cr_assert_eq(ledger_add(&s->l, &u, &out), ERR_OK);
	return out;
}

/* Say a phase: what device_step would ask for. */
static enum err
report(struct scene *s, struct device_upgrade *u, int phase)
{
	u->say |= 1u << phase;
	return ledger_save(&s->l, (struct mono){2});
}

static enum err
on_line(void *arg, uint64_t seq, const char *line)
{
	struct scene *s = arg;
	char why[WHY_SIZE] = "";

	cr_expect_eq(audit_check(&s->chain, line, strlen(line), s->l.journal.key.public_key, why),
	    ERR_OK, "%s", why);
	cr_expect_eq(s->chain.last, seq);
	if (seq <= 10)
		audit_head(seq, s->chain.head, s->heads[seq - 1]);
	return ERR_OK;
}

static enum err
on_report(void *arg, const struct ledger_report *r)
{
	unsigned *n = arg;

	cr_expect_eq((unsigned)strtoul(r->head, NULL, 10), ++*n, "%s", r->head);
	return ERR_OK;
}

static void
run(struct scene *s, const char *sql)
{
	cr_assert_eq(record_run(s->l.record, sql, ""), ERR_OK, "%s", sql);
}

Test(journal, each_report_has_its_signed_entry_and_carries_its_head)
{
	struct scene s;
	uint8_t key[MINISIG_PUBLIC];
	unsigned n = 0;

	begin(&s);
	struct device_upgrade *u = add(&s);
	memcpy(key, s.l.journal.key.public_key, sizeof(key));
	cr_assert_eq(report(&s, u, PB__PHASE__PHASE_VERIFIED), ERR_OK);
	cr_assert_eq(report(&s, u, PB__PHASE__PHASE_FLASHING), ERR_OK);
	reopen(&s);
	cr_expect_eq(memcmp(key, s.l.journal.key.public_key, sizeof(key)), 0, "the key stays");
	cr_assert_eq(journal_each(&s.l.journal, 0, on_line, &s), ERR_OK);
	cr_expect_eq(s.chain.last, 2);
	cr_assert_eq(ledger_each_report(&s.l, 0, 10, on_report, &n), ERR_OK);
	cr_expect_eq(n, 2);
	end(&s);
}

Test(journal, a_report_that_could_not_be_saved_leaves_no_entry)
{
	struct scene s;
	int64_t n = -1;

	begin(&s);
	struct device_upgrade *u = add(&s);
	run(&s, "CREATE TRIGGER full BEFORE INSERT ON report BEGIN SELECT RAISE(ABORT, 'x'); END");
	cr_expect_neq(report(&s, u, PB__PHASE__PHASE_FLASHING), ERR_OK);
	cr_assert_eq(record_get_int(s.l.record, &n, "SELECT count(*) FROM audit", ""), ERR_OK);
	cr_expect_eq(n, 0);
	run(&s, "DROP TRIGGER full");
	cr_expect_eq(ledger_save(&s.l, (struct mono){2}), ERR_OK);
	cr_assert_eq(journal_each(&s.l.journal, 0, on_line, &s), ERR_OK);
	cr_expect_eq(s.chain.last, 1);
	end(&s);
}

Test(journal, the_oldest_entries_are_forgotten_and_what_is_left_is_whole)
{
	struct scene s;
	int64_t n = 0;

	begin(&s);
	struct device_upgrade *u = add(&s);
	/* as if so many were there: the number of the last decides */
	cr_assert_eq(report(&s, u, PB__PHASE__PHASE_FLASHING), ERR_OK);
	run(&s, "UPDATE audit SET seq = 20000");
	for (int i = 0; i < 3; i++)
		cr_assert_eq(report(&s, u, PB__PHASE__PHASE_FLASHING), ERR_OK);
	cr_assert_eq(journal_each(&s.l.journal, 20000, on_line, &s), ERR_OK);
	cr_expect_eq(s.chain.first, 20001);
	cr_expect_eq(s.chain.last, 20003);
	run(&s, "UPDATE audit SET seq = 3 WHERE seq = 20000");
	cr_assert_eq(report(&s, u, PB__PHASE__PHASE_FLASHING), ERR_OK);
	cr_assert_eq(record_get_int(s.l.record, &n, "SELECT min(seq) FROM audit", ""), ERR_OK);
	cr_expect_eq(n, 20001, "entry 3 is forgotten");
	end(&s);
}
