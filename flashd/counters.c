/*
 * counters: see counters.h.
 */
#include <stdio.h>
#include <string.h>

#include "counters.h"

void
counters_binding(char out[COUNTERS_BINDING], const char *vendor, const char *model,
    const char *hw_revision, const char *unit)
{
	bool known = unit && unit[0];

	snprintf(out, COUNTERS_BINDING, "%.64s/%.64s/%.64s%s%.64s", vendor, model, hw_revision,
	    known ? "/" : "", known ? unit : "");
}

static bool
copy_digest(const struct record_row *row, int column, uint8_t out[32])
{
	size_t len = 0;
	const void *data = record_blob(row, column, &len);

	if (!data || len != 32)
		return false;
	memcpy(out, data, 32);
	return true;
}

static enum err
take_row(void *arg, const struct record_row *row)
{
	struct counters_row *out = arg;
	int64_t counter = record_int(row, 0), sequence = record_int(row, 1);
	int64_t generation = record_int(row, 3);

	if (counter < 0 || sequence < 1 || generation < 0 || generation > UINT32_MAX ||
	    !copy_digest(row, 2, out->digest) || !copy_digest(row, 4, out->image_sha256))
		return ERR_CORRUPT;
	out->counter = (uint64_t)counter;
	out->sequence = (uint64_t)sequence;
	out->generation = (uint32_t)generation;
	snprintf(out->version, sizeof(out->version), "%s", record_text(row, 5));
	return ERR_OK;
}

enum err
counters_get(struct record *r, const struct counters_key *k, struct counters_row *out)
{
	*out = (struct counters_row){0};
	enum err e = record_query(r, take_row, out,
	    "SELECT counter, sequence, digest, generation, image_sha256, version FROM confirmed"
	    " WHERE product_key = ? AND device_key = ? AND binding = ? AND component = ?",
	    "tttt", k->product_key, k->device_key, k->binding, k->component);

	if (e == ERR_OK && out->sequence == 0) /* no row was taken */
		return ERR_NOT_FOUND;
	return e;
}

enum err
counters_raise(struct record *r, const struct counters_key *k, const struct counters_row *row)
{
	return record_run(r,
	    "INSERT INTO confirmed(product_key, device_key, binding, component, counter, sequence,"
	    " digest, generation, image_sha256, version) VALUES(?,?,?,?,?,?,?,?,?,?)"
	    " ON CONFLICT(product_key, device_key, binding, component) DO UPDATE SET"
	    " counter = max(counter, excluded.counter), sequence = excluded.sequence,"
	    " digest = excluded.digest, generation = excluded.generation,"
	    " image_sha256 = excluded.image_sha256, version = excluded.version",
	    "ttttiibibt", k->product_key, k->device_key, k->binding, k->component,
	    (int64_t)row->counter, (int64_t)row->sequence, row->digest, sizeof(row->digest),
	    (int64_t)row->generation, row->image_sha256, sizeof(row->image_sha256), row->version);
}

enum err
counters_check(struct record *r, const struct counters_key *k, const struct rollback_rules *rules,
    const Tr__Manifest *m, const uint8_t digest[32], char why[WHY_SIZE])
{
	struct counters_row row;
	struct rollback_state s = {0};
	enum err e = counters_get(r, k, &row);

	if (e != ERR_OK && e != ERR_NOT_FOUND)
		return why_say(why, ERR_CORRUPT,
		    "expected a readable record of what was confirmed on %.64s/%.64s, got: %s",
		    k->product_key, k->device_key, err_text(e));
	if (e == ERR_OK) {
		s.confirmed = true;
		s.counter = row.counter;
		s.sequence = row.sequence;
		s.generation = row.generation;
		memcpy(s.digest, row.digest, sizeof(s.digest));
	}
	return rollback_check(&s, rules, m, digest, why);
}
