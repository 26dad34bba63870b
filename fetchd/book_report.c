/*
 * book_report: the gate's reports, numbers and known time in the book; declared in book.h.
 */
#include <stdio.h>

#include "book.h"
#include "clock.h"
#include "log.h"

#define COPY_TEXT(to, row, column) snprintf(to, sizeof(to), "%s", record_text(row, column))

enum err
book_drop_report(struct book *b, uint64_t id)
{
	return record_run(b->record, "DELETE FROM report WHERE id = ?", "i", (int64_t)id);
}

struct each {
	book_on_report *fn;
	void *arg;
};

static enum err
on_report(void *arg, const struct record_row *row)
{
	const struct each *each = arg;
	struct book_report r = {.id = (uint64_t)record_int(row, 0),
	    .upgrade = (uint64_t)record_int(row, 1),
	    .phase = (int)record_int(row, 4),
	    .error = (int)record_int(row, 5)};

	COPY_TEXT(r.product_key, row, 2);
	COPY_TEXT(r.device_key, row, 3);
	COPY_TEXT(r.detail, row, 6);
	return each->fn(each->arg, &r);
}

enum err
book_each_report(struct book *b, uint64_t after, unsigned max, book_on_report *fn, void *arg)
{
	struct each each = {fn, arg};

	return record_query(b->record, on_report, &each,
	    "SELECT id, upgrade, product_key, device_key, phase, error, detail FROM report"
	    " WHERE id > ? ORDER BY id LIMIT ?",
	    "ii", (int64_t)after, (int64_t)max);
}

uint64_t
book_bound(const struct book *b)
{
	return b->passed.ms;
}

void
book_set_bound(struct book *b, uint64_t ms)
{
	passed_set(&b->passed, b->record, ms);
}

enum err
book_next_local(struct book *b, uint64_t *id)
{
	int64_t value = 0;
	enum err e = record_run(b->record,
	    "INSERT INTO counter(name, value) VALUES('local', ?)"
	    " ON CONFLICT(name) DO UPDATE SET value = value + 1",
	    "i", (int64_t)(clock_wall_ms() / 1000));

	if (e == ERR_OK)
		e = record_get_int(
		    b->record, &value, "SELECT value FROM counter WHERE name = 'local'", "");
	*id = (uint64_t)value;
	return e;
}
