/*
 * component: see component.h.
 */
#include <stdlib.h>
#include <string.h>
#include <subota.pb-c.h>

#include "component.h"

void
component_free_all(struct components *l)
{
	free(l->list);
	*l = (struct components){0};
}

struct component *
component_find(const struct components *l, const char *name)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->list[i].name, name) == 0)
			return &l->list[i];
	return NULL;
}

const struct component *
component_main(const struct components *l)
{
	return l->n && l->list[0].place == 0 ? &l->list[0] : NULL;
}

const char *
component_main_name(const struct components *l)
{
	const struct component *c = component_main(l);

	return c ? c->name : "";
}

const char *
component_main_version(const struct components *l)
{
	const struct component *c = component_main(l);

	return c ? c->version : "";
}

/* --- the list --------------------------------------------------------------------------------- */

static void
drop(struct components *l, size_t at)
{
	memmove(&l->list[at], &l->list[at + 1], (l->n - at - 1) * sizeof(*l->list));
	l->n--;
}

/* What flashd's list has no room for any more. */
static bool
drop_stale(struct components *l, const struct component *fresh, unsigned places)
{
	unsigned end = places ? places : 1;
	size_t before = l->n;

	for (size_t i = l->n; i-- > 0;) {
		const struct component *c = &l->list[i];
		bool same = strcmp(c->name, fresh->name) == 0;

		if (same ? c->place != fresh->place
			 : c->place == fresh->place || c->place >= end)
			drop(l, i);
	}
	return l->n != before;
}

static enum err
insert(struct components *l, const struct component *c)
{
	size_t at = 0;

	if (l->n >= COMPONENT_MAX)
		return ERR_LIMIT;
	struct component *list = realloc(l->list, (l->n + 1) * sizeof(*list));

	if (!list)
		return ERR_NOMEM;
	l->list = list;
	while (at < l->n && list[at].place < c->place)
		at++;
	memmove(&list[at + 1], &list[at], (l->n - at) * sizeof(*list));
	list[at] = *c;
	l->n++;
	return ERR_OK;
}

enum err
component_need(struct components *l, const char *name, unsigned place, unsigned places,
    bool *changed, struct component **out)
{
	struct component fresh = {0};

	snprintf(fresh.name, sizeof(fresh.name), "%s", name);
	const struct component *known = component_find(l, fresh.name);

	if (known)
		fresh = *known;
	fresh.place = place;
	*changed |= drop_stale(l, &fresh, places);
	*out = component_find(l, fresh.name);
	if (*out)
		return ERR_OK;
	*changed = true;
	enum err e = insert(l, &fresh);

	*out = component_find(l, fresh.name);
	return e;
}

bool
component_learn(struct components *l, const char *name, const char *version)
{
	struct component *c = component_find(l, name);

	if (!c || !version || !version[0] || strcmp(c->version, version) == 0)
		return false;
	snprintf(c->version, sizeof(c->version), "%s", version);
	return true;
}

int
component_state(const struct components *l)
{
	int best = PB__DEVICE_STATE__DEVICE_STATE_UNKNOWN;

	for (size_t i = 0; i < l->n; i++)
		if (l->list[i].state > best)
			best = l->list[i].state;
	return best;
}

bool
component_is_any_known(const struct components *l)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->list[i].version[0])
			return true;
	return false;
}

/* --- what is said ----------------------------------------------------------------------------- */

/* Then there is no doubt whose version is meant. */
static bool
is_alone(const struct components *l)
{
	return l->n == 0 || (l->n == 1 && l->list[0].place == 0);
}

/* What may be said of one component now. */
static const char *
sayable(const struct component *c, const char *name, const char *version, const char *hidden)
{
	if (name && strcmp(c->name, name) == 0)
		return version;
	return hidden && strcmp(c->name, hidden) == 0 ? c->announced : c->version;
}

static void
add_to_list(char *list, const char *name, const char *version)
{
	size_t n = strlen(list);
	size_t more = strlen(name) + strlen(version) + 1 + (n > 0);

	if (version[0] && n + more <= DIALECT_VERSION_LIST_MAX)
		snprintf(list + n, DIALECT_VERSION_LIST_MAX + 1 - n, "%s%s:%s", n ? ";" : "", name,
		    version);
}

void
component_say(const struct components *l, const char *name, const char *version, const char *hidden,
    struct component_versions *out)
{
	*out = (struct component_versions){0};
	if (name && is_alone(l)) {
		snprintf(out->module, sizeof(out->module), "%s", version);
		return;
	}
	for (size_t i = 0; i < l->n; i++) {
		const struct component *c = &l->list[i];
		const char *says = sayable(c, name, version, hidden);

		if (c->place == 0)
			snprintf(out->module, sizeof(out->module), "%s", says);
		else
			add_to_list(out->mcu, c->name, says);
	}
}

void
component_add_mcu(struct component_versions *v, const char *name, const char *version)
{
	size_t n = strlen(name);

	for (const char *at = v->mcu; *at; at += strcspn(at, ";"), at += *at == ';')
		if (strncmp(at, name, n) == 0 && at[n] == ':')
			return;
	add_to_list(v->mcu, name, version);
}

void
component_note_said(
    struct components *l, const char *name, const char *version, const char *hidden)
{
	for (size_t i = 0; i < l->n; i++) {
		struct component *c = &l->list[i];
		char says[DIALECT_VERSION_MAX + 1];

		snprintf(says, sizeof(says), "%s",
		    sayable(c, name && is_alone(l) ? c->name : name, version, hidden));
		snprintf(c->announced, sizeof(c->announced), "%s", says);
	}
}

void
component_forget_said(struct components *l)
{
	for (size_t i = 0; i < l->n; i++)
		l->list[i].announced[0] = '\0';
}

bool
component_is_said(const struct components *l, const char *hidden)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->list[i].announced, l->list[i].version) != 0 &&
		    !(hidden && strcmp(l->list[i].name, hidden) == 0))
			return false;
	return true;
}
