/*
 * dc_fault: see dc_fault.h.
 */
#include "dc_fault.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct row {
	const char *name, *text;
} rows[] = {
#define X(symbol, name, text) {name, text},
    DC_FAULT_LIST(X)
#undef X
};

const char *
dc_fault_name(enum dc_fault f)
{
	return rows[f].name;
}

const char *
dc_fault_text(enum dc_fault f)
{
	return rows[f].text;
}

enum dc_fault
dc_fault_find(const char *name)
{
	unsigned f = 0;

	while (f < DC_FAULT_COUNT && strcmp(rows[f].name, name) != 0)
		f++;
	return (enum dc_fault)f;
}

enum err
dc_fault_number(const char *text, const char **end, int64_t *out)
{
	char *stop = NULL;

	errno = 0;
	*out = strtoll(text, &stop, 10);
	*end = stop;
	return stop != text && errno == 0 ? ERR_OK : ERR_INVALID;
}

enum err
dc_fault_parse(const char *text, int64_t *value, int64_t *times)
{
	const char *end;

	*times = 0;
	if (dc_fault_number(text, &end, value))
		return ERR_INVALID;
	if (*end == ',' && (dc_fault_number(end + 1, &end, times) || *times < 1))
		return ERR_INVALID;
	return *end == '\0' ? ERR_OK : ERR_INVALID;
}

void
dc_fault_set(struct dc_faults *fs, enum dc_fault f, int64_t value, int64_t times, int64_t rev)
{
	struct dc_fault_state *s = &fs->fault[f];

	if (s->rev == rev && rev)
		return;
	*s = (struct dc_fault_state){
	    .set = true, .value = value, .left = times ? times : -1, .rev = rev};
}

void
dc_fault_clear(struct dc_faults *fs, enum dc_fault f)
{
	fs->fault[f] = (struct dc_fault_state){0};
}

bool
dc_fault_strikes(struct dc_faults *fs, enum dc_fault f, int64_t *value)
{
	struct dc_fault_state *s = &fs->fault[f];

	if (!s->set || s->left == 0)
		return false;
	if (s->left > 0)
		s->left--;
	if (value)
		*value = s->value;
	return true;
}

bool
dc_fault_nth(struct dc_faults *fs, enum dc_fault f)
{
	struct dc_fault_state *s = &fs->fault[f];

	if (!s->set || s->left == 0 || s->value < 1)
		return false;
	return ++s->seen % (uint64_t)s->value == 0 && dc_fault_strikes(fs, f, NULL);
}

int64_t
dc_fault_value(const struct dc_faults *fs, enum dc_fault f)
{
	const struct dc_fault_state *s = &fs->fault[f];

	return s->set && s->left != 0 ? s->value : 0;
}
