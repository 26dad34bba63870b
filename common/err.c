/*
 * err: names and texts of the closed error list; see err.h. The list itself is data and lives there
 * once.
 */
#include <string.h>

#include "err.h"

struct row {
	unsigned number;
	const char *name;
	const char *text;
};

static const struct row rows[] = {
#define X(name, number, text) {number, &#name[4], text},
    ERR_LIST(X)
#undef X
};

static const struct row *
find(unsigned number)
{
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].number == number)
			return &rows[i];
	return 0;
}

const char *
err_name(unsigned number)
{
	const struct row *r = find(number);

	return r ? r->name : "UNKNOWN";
}

const char *
err_text(unsigned number)
{
	const struct row *r = find(number);

	return r ? r->text : "unknown error";
}

const char *
err_text_of(const char *name)
{
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strcmp(rows[i].name, name) == 0)
			return rows[i].text;
	return "unknown error";
}
