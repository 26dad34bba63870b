/*
 * outbox_open: the part that reads; declared in outbox.h. What it reads was written by us, but is
 * read as if it were not: lengths are cut, states and types that do not exist become idle.
 */
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "outbox_part.h"

static const char *const migrations[] = {
    "CREATE TABLE counter(name TEXT PRIMARY KEY, value INT);"
    "INSERT INTO counter VALUES('upgrade', 0), ('item', 0);"
    "CREATE TABLE secret(product_key TEXT, device_key TEXT, device_secret TEXT,"
    " PRIMARY KEY(product_key, device_key));"
    "CREATE TABLE device(product_key TEXT, device_key TEXT, component TEXT, version TEXT,"
    " state INT, upgrade INT, plan_component TEXT, source TEXT, target TEXT, type INT,"
    " battery INT, signal INT, space INT, failures INT, ask_at INT, error INT, detail TEXT,"
    " PRIMARY KEY(product_key, device_key));"
    "CREATE TABLE firmware(product_key TEXT, device_key TEXT, url TEXT, size INT, md5 BLOB,"
    " sha256 BLOB, crc INT, component TEXT, target TEXT, type INT,"
    " PRIMARY KEY(product_key, device_key));"
    "CREATE TABLE item(id INTEGER PRIMARY KEY, kind INT, product_key TEXT, device_key TEXT,"
    " upgrade INT, status INT, type INT, component TEXT, version TEXT, made_at INT);"
    "CREATE TABLE report(source TEXT, id INT, item INT, done INT, PRIMARY KEY(source, id));"
    "CREATE INDEX report_item ON report(item);"
    "CREATE TABLE upgrade(id INTEGER PRIMARY KEY, product_key TEXT, device_key TEXT,"
    " component TEXT, target TEXT, status INT, error INT, detail TEXT, changed_at INT);",
    "CREATE TABLE leaving(product_key TEXT, device_key TEXT,"
    " PRIMARY KEY(product_key, device_key));",
    "ALTER TABLE device ADD COLUMN turn INT NOT NULL DEFAULT 0;"
    "CREATE TABLE component(product_key TEXT, device_key TEXT, place INT, component TEXT,"
    " version TEXT, PRIMARY KEY(product_key, device_key, place));"
    "INSERT INTO component SELECT product_key, device_key, 0, component, version FROM device"
    " WHERE component <> '';"
    "CREATE TABLE rest(product_key TEXT, device_key TEXT, seq INT, component TEXT, source TEXT,"
    " target TEXT, type INT, battery INT, signal INT, space INT,"
    " PRIMARY KEY(product_key, device_key, seq));",
    "ALTER TABLE firmware ADD COLUMN listed INT NOT NULL DEFAULT 0;"
    "CREATE TABLE file(product_key TEXT, device_key TEXT, seq INT, url TEXT, size INT, md5 BLOB,"
    " PRIMARY KEY(product_key, device_key, seq));",
    "CREATE TABLE move(trial INT PRIMARY KEY, host TEXT, port INT, product_key TEXT,"
    " secret TEXT, failures INT);"
    "CREATE TABLE moved_secret(product_key TEXT PRIMARY KEY, device_secret TEXT, spare TEXT);",
};

enum { MIGRATIONS = sizeof(migrations) / sizeof(migrations[0]) };

#define COPY_TEXT(to, row, column) snprintf(to, sizeof(to), "%s", record_text(row, column))

struct loading {
	struct outbox *o;
	struct subdevices *devices;
};

/* From this column on. */
static void
load_plan(const struct record_row *row, int at, struct dialect_plan *p)
{
	COPY_TEXT(p->component, row, at);
	COPY_TEXT(p->source, row, at + 1);
	COPY_TEXT(p->target, row, at + 2);
	p->type = record_int(row, at + 3) == 1;
	p->min_battery_percent = (uint32_t)record_int(row, at + 4);
	p->min_signal_dbm = (int32_t)record_int(row, at + 5);
	p->space_bytes = (uint64_t)record_int(row, at + 6);
}

static enum err
load_device(void *arg, const struct record_row *row)
{
	struct loading *l = arg;
	struct subdevice *s = NULL;
	enum err e = subdevice_need(l->devices, record_text(row, 0), record_text(row, 1), &s);

	if (e != ERR_OK)
		return e;
	struct conversation *c = &s->conversation;
	int64_t state = record_int(row, 4);

	COPY_TEXT(c->version, row, 2);
	c->turn = (uint64_t)record_int(row, 3);
	c->state = state >= 0 && state < CONVERSATION_STATES ? (int)state : CONVERSATION_IDLE;
	c->upgrade = (uint64_t)record_int(row, 5);
	load_plan(row, 6, &c->plan);
	c->failures = (uint64_t)record_int(row, 13);
	c->ask_at = (uint64_t)record_int(row, 14);
	c->error = (int)record_int(row, 15);
	COPY_TEXT(c->detail, row, 16);
	return ERR_OK;
}

static enum err
load_component(void *arg, const struct record_row *row)
{
	struct loading *l = arg;
	struct subdevice *s = subdevice_find(l->devices, record_text(row, 0), record_text(row, 1));
	unsigned place = (unsigned)record_int(row, 2);
	struct component *k = NULL;
	bool changed = false;

	if (!s)
		return ERR_OK;
	enum err e = component_need(
	    &s->components, record_text(row, 3), place, COMPONENT_MAX, &changed, &k);
	if (e == ERR_OK)
		COPY_TEXT(k->version, row, 4);
	return e;
}

/* What is yet to come of a plan that is under way. */
static enum err
load_rest(void *arg, const struct record_row *row)
{
	struct loading *l = arg;
	struct subdevice *s = subdevice_find(l->devices, record_text(row, 0), record_text(row, 1));
	struct conversation *c = s ? &s->conversation : NULL;

	if (!c || c->state == CONVERSATION_IDLE || c->n_rest >= CONVERSATION_REST_MAX)
		return ERR_OK;
	if (conversation_need_rest(c) != ERR_OK)
		return ERR_NOMEM;
	load_plan(row, 2, &c->rest[c->n_rest++]);
	return ERR_OK;
}

static bool
copy_blob(const struct record_row *row, int column, uint8_t *out, size_t size)
{
	size_t len = 0;
	const void *data = record_blob(row, column, &len);

	if (!data || len != size)
		return false;
	memcpy(out, data, size);
	return true;
}

static void
load_file(const struct record_row *row, int at, struct dialect_file *f)
{
	COPY_TEXT(f->url, row, at);
	f->size = (uint64_t)record_int(row, at + 1);
	copy_blob(row, at + 2, f->md5, sizeof(f->md5));
}

/* The files after the first. */
static enum err
load_more(void *arg, const struct record_row *row)
{
	struct loading *l = arg;
	struct subdevice *s = subdevice_find(l->devices, record_text(row, 0), record_text(row, 1));
	struct dialect_firmware *f = s ? s->conversation.firmware : NULL;

	if (!f || f->n_more >= DIALECT_FILES_MAX - 1)
		return ERR_OK;
	if (!f->more)
		f->more = calloc(DIALECT_FILES_MAX - 1, sizeof(*f->more));
	if (!f->more)
		return ERR_NOMEM;
	load_file(row, 2, &f->more[f->n_more++]);
	return ERR_OK;
}

static enum err
load_firmware(void *arg, const struct record_row *row)
{
	struct loading *l = arg;
	struct subdevice *s = subdevice_find(l->devices, record_text(row, 0), record_text(row, 1));

	if (!s || s->conversation.firmware)
		return ERR_OK;
	struct dialect_firmware *f = calloc(1, sizeof(*f));

	if (!f)
		return ERR_NOMEM;
	s->conversation.firmware = f;
	load_file(row, 2, &f->file);
	f->listed = record_int(row, 10) == 1;
	f->has_sha256 = copy_blob(row, 5, f->sha256, sizeof(f->sha256));
	f->crc = (uint32_t)record_int(row, 6);
	COPY_TEXT(f->component, row, 7);
	COPY_TEXT(f->target, row, 8);
	f->type = record_int(row, 9) == 1;
	return ERR_OK;
}

static enum err
load_secret(void *arg, const struct record_row *row)
{
	struct loading *l = arg;
	const struct dialect_sub *g = &l->o->gateway;
	const char *pk = record_text(row, 0), *dk = record_text(row, 1);
	struct subdevice *s = NULL;

	if (strcmp(pk, g->product_key) == 0 && strcmp(dk, g->device_key) == 0) {
		COPY_TEXT(l->o->gateway_secret, row, 2);
		return ERR_OK;
	}
	if (strcmp(pk, g->product_key) == 0 && !dk[0]) { /* see outbox_part_save_gateway */
		COPY_TEXT(l->o->gateway_spare, row, 2);
		return ERR_OK;
	}
	enum err e = subdevice_need(l->devices, pk, dk, &s);

	if (e == ERR_OK)
		COPY_TEXT(s->device_secret, row, 2);
	return e;
}

static enum err
load_leaving(void *arg, const struct record_row *row)
{
	struct loading *l = arg;
	struct subdevice *s = subdevice_find(l->devices, record_text(row, 0), record_text(row, 1));

	if (s)
		s->leaving = true;
	return ERR_OK;
}

static enum err
load_item(void *arg, const struct record_row *row)
{
	struct loading *l = arg;
	struct outbox_item i = {.kind = (enum outbox_kind)record_int(row, 1),
	    .upgrade = (uint64_t)record_int(row, 4),
	    .status = (int)record_int(row, 5),
	    .type = (int)record_int(row, 6),
	    .made_at = (uint64_t)record_int(row, 9),
	    .durable = true,
	    .saved = true};
	struct outbox_item *added = NULL;

	enum err e = subdevice_need(
	    l->devices, record_text(row, 2), record_text(row, 3), &i.device);
	if (e != ERR_OK)
		return e;
	COPY_TEXT(i.component, row, 7);
	COPY_TEXT(i.version, row, 8);
	e = outbox_add(l->o, &i, &added);
	if (e == ERR_OK)
		added->id = (uint64_t)record_int(row, 0);
	return e;
}

static enum err
load_counters(struct outbox *o, uint64_t wall_ms, bool fresh)
{
	int64_t upgrade = 0, item = 0;
	enum err e = record_get_int(
	    o->record, &upgrade, "SELECT value FROM counter WHERE name = 'upgrade'", "");

	if (e == ERR_OK)
		e = record_get_int(
		    o->record, &item, "SELECT value FROM counter WHERE name = 'item'", "");
	o->last_upgrade = (uint64_t)upgrade;
	o->last_item = (uint64_t)item;
	/* also when a new one was never saved: the process may have died right after making it */
	o->dirty = fresh || !o->last_upgrade;
	/* and this record may be an old copy, whose next numbers were given before */
	if (o->last_upgrade < wall_ms)
		o->last_upgrade = wall_ms;
	return e;
}

static enum err
load_all(struct outbox *o, struct subdevices *devices)
{
	struct loading l = {o, devices};
	enum err e = record_query(o->record, load_device, &l,
	    "SELECT product_key, device_key, version, turn, state, upgrade, plan_component,"
	    " source, target, type, battery, signal, space, failures, ask_at, error, detail"
	    " FROM device",
	    "");

	if (e == ERR_OK)
		e = record_query(o->record, load_component, &l,
		    "SELECT product_key, device_key, place, component, version FROM component"
		    " ORDER BY place",
		    "");
	if (e == ERR_OK)
		e = record_query(o->record, load_rest, &l,
		    "SELECT product_key, device_key, component, source, target, type, battery,"
		    " signal, space FROM rest ORDER BY product_key, device_key, seq",
		    "");

	if (e == ERR_OK)
		e = record_query(o->record, load_firmware, &l,
		    "SELECT product_key, device_key, url, size, md5, sha256, crc, component,"
		    " target, type, listed FROM firmware",
		    "");
	if (e == ERR_OK)
		e = record_query(o->record, load_more, &l,
		    "SELECT product_key, device_key, url, size, md5 FROM file"
		    " ORDER BY product_key, device_key, seq",
		    "");
	if (e == ERR_OK)
		e = record_query(o->record, load_secret, &l,
		    "SELECT product_key, device_key, device_secret FROM secret", "");
	if (e == ERR_OK)
		e = record_query(
		    o->record, load_leaving, &l, "SELECT product_key, device_key FROM leaving", "");
	if (e == ERR_OK)
		e = record_query(o->record, load_item, &l,
		    "SELECT id, kind, product_key, device_key, upgrade, status, type, component,"
		    " version, made_at FROM item ORDER BY id",
		    "");
	if (e == ERR_OK)
		e = outbox_move_load(o);
	/* what such a report caused was not durable, and is worth nothing now */
	if (e == ERR_OK)
		e = record_run(o->record,
		    "UPDATE report SET done = 1 WHERE done = 0 AND item NOT IN"
		    " (SELECT id FROM item)",
		    "");
	return e;
}

/* States that need a firmware and have none cannot go on. */
static void
mend(struct subdevices *devices)
{
	for (struct subdevice *s = devices->first; s; s = s->next) {
		struct conversation *c = &s->conversation;
		struct subject about = subdevice_subject(s);

		if (c->state < CONVERSATION_ORDERED || c->firmware)
			continue;
		log_error(&about, "expected a firmware for state %s, got none: upgrade dropped",
		    conversation_table.states[c->state]);
		c->state = CONVERSATION_IDLE;
		c->n_rest = 0;
		s->dirty = true;
	}
}

enum err
outbox_open(const char *path, const struct dialect_sub *gateway, uint64_t wall_ms, struct outbox *o,
    struct subdevices *devices, bool *fresh)
{
	*o = (struct outbox){.gateway = *gateway};
	enum err e = record_open(path, migrations, MIGRATIONS, fresh, &o->record);

	if (e == ERR_OK)
		e = load_counters(o, wall_ms, *fresh);
	if (e == ERR_OK) {
		uint64_t last = o->last_item; /* outbox_add counts */

		e = load_all(o, devices);
		o->last_item = last;
	}
	if (e == ERR_OK) {
		mend(devices);
		return ERR_OK;
	}
	outbox_close(o);
	return e;
}

void
outbox_close(struct outbox *o)
{
	for (struct outbox_item *i = o->items, *next; i; i = next) {
		next = i->next;
		free(i);
	}
	o->items = o->last = NULL;
	outbox_part_free(&o->reports);
	outbox_part_free(&o->settled);
	record_close(o->record);
	o->record = NULL;
}

/* --- history ---------------------------------------------------------------------------------- */

struct each {
	outbox_on_upgrade *fn;
	void *arg;
};

static enum err
on_upgrade(void *arg, const struct record_row *row)
{
	const struct each *each = arg;
	char keys[2][DIALECT_KEY_MAX + 1], component[DIALECT_COMPONENT_MAX + 1];
	char target[DIALECT_VERSION_MAX + 1], detail[WHY_SIZE];
	struct outbox_upgrade u = {(uint64_t)record_int(row, 0), keys[0], keys[1], component,
	    target, (int)record_int(row, 5), (int)record_int(row, 6), detail,
	    (uint64_t)record_int(row, 8)};

	COPY_TEXT(keys[0], row, 1);
	COPY_TEXT(keys[1], row, 2);
	COPY_TEXT(component, row, 3);
	COPY_TEXT(target, row, 4);
	COPY_TEXT(detail, row, 7);
	return each->fn(each->arg, &u);
}

enum err
outbox_each_upgrade(struct outbox *o, unsigned max, outbox_on_upgrade *fn, void *arg)
{
	struct each each = {fn, arg};

	return record_query(o->record, on_upgrade, &each,
	    "SELECT id, product_key, device_key, component, target, status, error, detail,"
	    " changed_at FROM upgrade ORDER BY id DESC LIMIT ?",
	    "i", (int64_t)max);
}
