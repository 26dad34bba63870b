/*
 * journal: flashd's side of the audit log (audit.h): the gateway's report key, and the entries, in
 * the ledger's database, so that an entry is as durable as the report that it is about, and never
 * without it.
 */
#ifndef SUBOTA_JOURNAL_H
#define SUBOTA_JOURNAL_H

#include "audit.h"
#include "device.h"
#include "record.h"

enum { JOURNAL_KEPT = 20000, JOURNAL_PAGE = 100 };

#define JOURNAL_SCHEMA \
	"CREATE TABLE audit(seq INTEGER PRIMARY KEY, hash BLOB, line TEXT);" \
	"CREATE TABLE audit_key(id INTEGER PRIMARY KEY, seed BLOB);"

struct journal {
	struct record *record; /* borrowed */
	struct minikey key;
	char boot_id[CLOCK_BOOT_ID];
};

/* Load the key; the first time make it. */
enum err journal_open(struct journal *j, struct record *record) MUST_CHECK;
void journal_close(struct journal *j);

/* In the transaction that is open: the entry of this report, whose head goes to `head`. */
enum err journal_add(struct journal *j, const struct device_upgrade *u, int phase, enum err error,
    const char *detail, char head[AUDIT_HEAD]) MUST_CHECK;

/* Each entry with a number above `after`, at most JOURNAL_PAGE. */
typedef enum err journal_on_line(void *arg, uint64_t seq, const char *line);
enum err journal_each(struct journal *j, uint64_t after, journal_on_line *fn, void *arg) MUST_CHECK;

#endif
