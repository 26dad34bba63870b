/*
 * journal: see journal.h. The last entry is read again for each new one instead of being kept in
 * memory: a transaction that is rolled back then needs no undoing here.
 */
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "journal.h"
#include "log.h"

/* --- the key ---------------------------------------------------------------------------------- */

struct seed {
	uint8_t bytes[MINIKEY_SEED];
	bool found;
};

static enum err
on_seed(void *arg, const struct record_row *row)
{
	struct seed *s = arg;
	size_t len = 0;
	const void *blob = record_blob(row, 0, &len);

	if (len != sizeof(s->bytes)) {
		log_error(NULL, "expected a report key of %zu bytes, got %zu: a new one is made",
		    sizeof(s->bytes), len);
		return ERR_OK;
	}
	memcpy(s->bytes, blob, len);
	s->found = true;
	return ERR_OK;
}

enum err
journal_open(struct journal *j, struct record *record)
{
	struct seed s = {0};

	*j = (struct journal){.record = record};
	clock_boot_id(j->boot_id);
	enum err e = record_query(record, on_seed, &s, "SELECT seed FROM audit_key", "");
	if (e == ERR_OK && !s.found) {
		randombytes_buf(s.bytes, sizeof(s.bytes));
		e = record_run(record, "INSERT OR REPLACE INTO audit_key(id, seed) VALUES(1, ?)",
		    "b", s.bytes, sizeof(s.bytes));
	}
	if (e == ERR_OK)
		e = minikey_make(s.bytes, &j->key);
	sodium_memzero(&s, sizeof(s));
	if (e != ERR_OK)
		log_error(NULL, "cannot load or make the report key: %s", err_text(e));
	return e;
}

void
journal_close(struct journal *j)
{
	minikey_wipe(&j->key);
}

/* --- entries ---------------------------------------------------------------------------------- */

struct last {
	uint64_t seq;
	uint8_t hash[AUDIT_HASH];
};

static enum err
on_last(void *arg, const struct record_row *row)
{
	struct last *l = arg;
	size_t len = 0;
	const void *hash = record_blob(row, 1, &len);

	if (len != sizeof(l->hash))
		return ERR_CORRUPT;
	l->seq = (uint64_t)record_int(row, 0);
	memcpy(l->hash, hash, len);
	return ERR_OK;
}

static const char *
phase_name(int phase)
{
	const ProtobufCEnumValue *v = protobuf_c_enum_descriptor_get_value(
	    &pb__phase__descriptor, phase);

	return v ? v->name : "";
}

enum err
journal_add(struct journal *j, const struct device_upgrade *u, int phase, enum err error,
    const char *detail, char head[AUDIT_HEAD])
{
	struct last last = {0};
	uint8_t hash[AUDIT_HASH];
	char line[AUDIT_LINE], at[CLOCK_TEXT];
	enum err e = record_query(
	    j->record, on_last, &last, "SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1", "");

	if (e != ERR_OK)
		return e;
	if (last.seq == 0)
		audit_first(j->key.public_key, last.hash);
	clock_text(clock_wall_ms(), at);
	struct audit_entry entry = {.seq = last.seq + 1,
	    .at = at,
	    .synchronised = clock_is_synchronised(),
	    .boot_id = j->boot_id,
	    .upgrade = u->id,
	    .product_key = u->product_key,
	    .device_key = u->device_key,
	    .component = u->component,
	    .manifest = u->has_digest ? u->digest : NULL,
	    .to = u->target_version,
	    .runs = u->version,
	    .phase = phase_name(phase),
	    .error = error,
	    .detail = detail};

	memcpy(entry.prev, last.hash, sizeof(entry.prev));
	e = audit_format(&entry, &j->key, line);
	if (e != ERR_OK)
		return e;
	audit_hash(line, strlen(line), hash);
	audit_head(entry.seq, hash, head);
	e = record_run(j->record, "INSERT INTO audit(seq, hash, line) VALUES(?,?,?)", "ibt",
	    (int64_t)entry.seq, hash, sizeof(hash), line);
	if (e == ERR_OK && entry.seq > JOURNAL_KEPT)
		e = record_run(j->record, "DELETE FROM audit WHERE seq <= ?", "i",
		    (int64_t)(entry.seq - JOURNAL_KEPT));
	return e;
}

struct each {
	journal_on_line *fn;
	void *arg;
};

static enum err
on_line(void *arg, const struct record_row *row)
{
	const struct each *each = arg;

	return each->fn(each->arg, (uint64_t)record_int(row, 0), record_text(row, 1));
}

enum err
journal_each(struct journal *j, uint64_t after, journal_on_line *fn, void *arg)
{
	struct each each = {fn, arg};

	return record_query(j->record, on_line, &each,
	    "SELECT seq, line FROM audit WHERE seq > ? ORDER BY seq LIMIT ?", "ii", (int64_t)after,
	    (int64_t)JOURNAL_PAGE);
}
