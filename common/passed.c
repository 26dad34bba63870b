/*
 * passed: see passed.h.
 */
#include "passed.h"

#include <stdio.h>

#include "log.h"

enum { SQL = 100 };

enum err
passed_load(struct passed *p, struct record *r, const char *table)
{
	char sql[SQL];
	int64_t ms = 0;

	snprintf(sql, sizeof(sql), "SELECT value FROM %s WHERE name = 'bound'", table);
	enum err e = record_get_int(r, &ms, sql, "");

	*p = (struct passed){.table = table};
	p->ms = p->durable = ms > 0 ? (uint64_t)ms : 0;
	return e == ERR_NOT_FOUND ? ERR_OK : e;
}

void
passed_set(struct passed *p, struct record *r, uint64_t ms)
{
	char sql[SQL];

	if (ms > p->ms)
		p->ms = ms;
	if (p->ms == p->durable)
		return;
	snprintf(sql, sizeof(sql), "INSERT OR REPLACE INTO %s(name, value) VALUES('bound', ?)",
	    p->table);
	if (record_run(r, sql, "i", (int64_t)p->ms) == ERR_OK)
		p->durable = p->ms;
	else
		log_warn(NULL, "cannot remember the time that has passed");
}
