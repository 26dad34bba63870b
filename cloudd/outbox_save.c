/*
 * outbox_save: the part that writes; declared in outbox.h. One transaction for everything that
 * changed; nothing in memory is marked as saved before it has been committed.
 */
#include "outbox_part.h"

static enum err
save_secret(struct outbox *o, const struct dialect_sub *who, const char *secret)
{
	return record_run(o->record,
	    "INSERT INTO secret(product_key, device_key, device_secret) VALUES(?,?,?)"
	    " ON CONFLICT(product_key, device_key) DO UPDATE SET"
	    " device_secret = excluded.device_secret",
	    "ttt", who->product_key, who->device_key, secret);
}

static enum err
save_conversation(struct outbox *o, const struct subdevice *s)
{
	const struct conversation *c = &s->conversation;

	return record_run(o->record,
	    "INSERT INTO device(product_key, device_key, component, version, state, upgrade,"
	    " plan_component, source, target, type, battery, signal, space, failures, ask_at,"
	    " error, detail, turn) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
	    " ON CONFLICT(product_key, device_key) DO UPDATE SET component = excluded.component,"
	    " version = excluded.version, state = excluded.state, upgrade = excluded.upgrade,"
	    " plan_component = excluded.plan_component, source = excluded.source,"
	    " target = excluded.target, type = excluded.type, battery = excluded.battery,"
	    " signal = excluded.signal, space = excluded.space, failures = excluded.failures,"
	    " ask_at = excluded.ask_at, error = excluded.error, detail = excluded.detail,"
	    " turn = excluded.turn",
	    "ttttiitttiiiiiiiti", s->keys.product_key, s->keys.device_key,
	    component_main_name(&s->components), c->version, (int64_t)c->state, (int64_t)c->upgrade,
	    c->plan.component, c->plan.source, c->plan.target, (int64_t)c->plan.type,
	    (int64_t)c->plan.min_battery_percent, (int64_t)c->plan.min_signal_dbm,
	    (int64_t)c->plan.space_bytes, (int64_t)c->failures, (int64_t)c->ask_at,
	    (int64_t)c->error, c->detail, (int64_t)c->turn);
}

static enum err
save_components(struct outbox *o, const struct subdevice *s)
{
	const struct dialect_sub *k = &s->keys;
	enum err e = record_run(o->record,
	    "DELETE FROM component WHERE product_key = ? AND device_key = ?", "tt", k->product_key,
	    k->device_key);

	for (size_t i = 0; i < s->components.n && e == ERR_OK; i++) {
		const struct component *c = &s->components.list[i];

		e = record_run(o->record,
		    "INSERT INTO component(product_key, device_key, place, component, version)"
		    " VALUES(?,?,?,?,?)",
		    "ttitt", k->product_key, k->device_key, (int64_t)c->place, c->name, c->version);
	}
	return e;
}

static enum err
save_rest(struct outbox *o, const struct subdevice *s)
{
	const struct dialect_sub *k = &s->keys;
	enum err e = record_run(o->record,
	    "DELETE FROM rest WHERE product_key = ? AND device_key = ?", "tt", k->product_key,
	    k->device_key);

	for (size_t i = 0; i < s->conversation.n_rest && e == ERR_OK; i++) {
		const struct dialect_plan *p = &s->conversation.rest[i];

		e = record_run(o->record,
		    "INSERT INTO rest(product_key, device_key, seq, component, source, target,"
		    " type, battery, signal, space) VALUES(?,?,?,?,?,?,?,?,?,?)",
		    "ttitttiiii", k->product_key, k->device_key, (int64_t)i, p->component,
		    p->source, p->target, (int64_t)p->type, (int64_t)p->min_battery_percent,
		    (int64_t)p->min_signal_dbm, (int64_t)p->space_bytes);
	}
	return e;
}

static enum err
save_more(struct outbox *o, const struct dialect_sub *k, const struct dialect_firmware *f)
{
	enum err e = record_run(o->record,
	    "DELETE FROM file WHERE product_key = ? AND device_key = ?", "tt", k->product_key,
	    k->device_key);

	for (size_t i = 0; f && i < f->n_more && e == ERR_OK; i++)
		e = record_run(o->record,
		    "INSERT INTO file(product_key, device_key, seq, url, size, md5)"
		    " VALUES(?,?,?,?,?,?)",
		    "ttitib", k->product_key, k->device_key, (int64_t)i, f->more[i].url,
		    (int64_t)f->more[i].size, f->more[i].md5, sizeof(f->more[i].md5));
	return e;
}

static enum err
save_firmware(struct outbox *o, const struct subdevice *s)
{
	const struct dialect_firmware *f = s->conversation.firmware;
	const struct dialect_sub *k = &s->keys;
	enum err e = save_more(o, k, f);

	if (e != ERR_OK)
		return e;
	if (!f)
		return record_run(o->record,
		    "DELETE FROM firmware WHERE product_key = ? AND device_key = ?", "tt",
		    k->product_key, k->device_key);
	return record_run(o->record,
	    "INSERT OR REPLACE INTO firmware(product_key, device_key, url, size, md5, sha256, crc,"
	    " component, target, type, listed) VALUES(?,?,?,?,?,?,?,?,?,?,?)",
	    "tttibbittii", k->product_key, k->device_key, f->file.url, (int64_t)f->file.size,
	    f->file.md5, sizeof(f->file.md5), f->sha256,
	    f->has_sha256 ? sizeof(f->sha256) : (size_t)0, (int64_t)f->crc, f->component, f->target,
	    (int64_t)f->type, (int64_t)f->listed);
}

static enum err
save_leaving(struct outbox *o, const struct subdevice *s)
{
	return record_run(o->record,
	    s->leaving ? "INSERT OR IGNORE INTO leaving(product_key, device_key) VALUES(?,?)"
		       : "DELETE FROM leaving WHERE product_key = ? AND device_key = ?",
	    "tt", s->keys.product_key, s->keys.device_key);
}

/* What is kept of an upgrade that is over stays, for people. */
static enum err
delete_device(struct outbox *o, const struct dialect_sub *k)
{
	static const char *const tables[] = {
	    "DELETE FROM device WHERE product_key = ? AND device_key = ?",
	    "DELETE FROM firmware WHERE product_key = ? AND device_key = ?",
	    "DELETE FROM secret WHERE product_key = ? AND device_key = ?",
	    "DELETE FROM leaving WHERE product_key = ? AND device_key = ?",
	    "DELETE FROM component WHERE product_key = ? AND device_key = ?",
	    "DELETE FROM rest WHERE product_key = ? AND device_key = ?",
	    "DELETE FROM file WHERE product_key = ? AND device_key = ?"};
	enum err e = ERR_OK;

	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]) && e == ERR_OK; i++)
		e = record_run(o->record, tables[i], "tt", k->product_key, k->device_key);
	return e;
}

static enum err
save_device(struct outbox *o, const struct subdevice *s)
{
	enum err e = ERR_OK;

	if (s->gone)
		return s->dirty ? delete_device(o, &s->keys) : ERR_OK;
	if (s->dirty)
		e = save_conversation(o, s);
	if (e == ERR_OK && s->dirty)
		e = save_leaving(o, s);
	if (e == ERR_OK && s->dirty)
		e = save_components(o, s);
	if (e == ERR_OK && s->dirty)
		e = save_rest(o, s);
	if (e == ERR_OK && s->dirty)
		e = save_firmware(o, s);
	if (e == ERR_OK && s->secret_dirty)
		e = save_secret(o, &s->keys, s->device_secret);
	return e;
}

/* What an item says about its upgrade, for the history. */
static enum err
save_history(struct outbox *o, const struct outbox_item *i, uint64_t wall_ms)
{
	const struct conversation *c = &i->device->conversation;
	bool current = c->upgrade == i->upgrade;

	return record_run(o->record,
	    "INSERT INTO upgrade(id, product_key, device_key, component, target, status, error,"
	    " detail, changed_at) VALUES(?,?,?,?,?,?,?,?,?) ON CONFLICT(id) DO UPDATE SET"
	    " status = excluded.status, error = excluded.error, detail = excluded.detail,"
	    " changed_at = excluded.changed_at",
	    "ittttiiti", (int64_t)i->upgrade, i->device->keys.product_key,
	    i->device->keys.device_key, i->component, current ? c->plan.target : "",
	    (int64_t)i->status, (int64_t)(current ? c->error : 0), current ? c->detail : "",
	    (int64_t)wall_ms);
}

static enum err
save_item(struct outbox *o, const struct outbox_item *i, uint64_t wall_ms)
{
	enum err e = record_run(o->record,
	    "INSERT INTO item(id, kind, product_key, device_key, upgrade, status, type, component,"
	    " version, made_at) VALUES(?,?,?,?,?,?,?,?,?,?)",
	    "iittiiitti", (int64_t)i->id, (int64_t)i->kind, i->device->keys.product_key,
	    i->device->keys.device_key, (int64_t)i->upgrade, (int64_t)i->status, (int64_t)i->type,
	    i->component, i->version, (int64_t)i->made_at);

	if (e == ERR_OK && i->kind == OUTBOX_STATUS)
		e = save_history(o, i, wall_ms);
	return e;
}

static bool
is_to_insert(const struct outbox_item *i)
{
	return i->durable && !i->saved && !i->confirmed;
}

static bool
is_to_delete(const struct outbox_item *i)
{
	return i->saved && i->confirmed;
}

static enum err
save_items(struct outbox *o, uint64_t wall_ms)
{
	enum err e = ERR_OK;

	for (const struct outbox_item *i = o->items; i && e == ERR_OK; i = i->next) {
		if (is_to_insert(i))
			e = save_item(o, i, wall_ms);
		if (e == ERR_OK && is_to_delete(i))
			e = record_run(o->record, "UPDATE report SET done = 1 WHERE item = ?", "i",
			    (int64_t)i->id);
		if (e == ERR_OK && is_to_delete(i))
			e = record_run(
			    o->record, "DELETE FROM item WHERE id = ?", "i", (int64_t)i->id);
	}
	return e;
}

static enum err
save_reports(struct outbox *o)
{
	enum err e = ERR_OK;

	for (const struct outbox_report *r = o->reports; r && e == ERR_OK; r = r->next)
		e = record_run(o->record,
		    "INSERT INTO report(source, id, item, done) VALUES(?,?,?,?)", "tiii", r->source,
		    (int64_t)r->id, (int64_t)r->item, (int64_t)(r->item == 0));
	if (e == ERR_OK && o->reports)
		e = record_run(o->record,
		    "DELETE FROM report WHERE done = 1 AND rowid <="
		    " (SELECT max(rowid) FROM report) - ?",
		    "i", (int64_t)OUTBOX_REPORTS);
	if (e == ERR_OK && o->reports)
		e = record_run(o->record,
		    "DELETE FROM upgrade WHERE id NOT IN"
		    " (SELECT id FROM upgrade ORDER BY id DESC LIMIT ?)",
		    "i", (int64_t)OUTBOX_UPGRADES);
	return e;
}

/* The secret before this one has the row of a device without a key. */
enum err
outbox_part_save_gateway(struct outbox *o)
{
	struct dialect_sub before = o->gateway;

	if (o->away)
		return outbox_move_save_secrets(o);
	enum err e = save_secret(o, &o->gateway, o->gateway_secret);

	before.device_key[0] = '\0';
	return e == ERR_OK ? save_secret(o, &before, o->gateway_spare) : e;
}

static enum err
save_counters(struct outbox *o)
{
	/* a row that is written makes its page dirty, changed or not */
	enum err e = record_run(o->record,
	    "UPDATE counter SET value = ?1 WHERE name = 'upgrade' AND value <> ?1", "i",
	    (int64_t)o->last_upgrade);

	if (e == ERR_OK)
		e = record_run(o->record,
		    "UPDATE counter SET value = ?1 WHERE name = 'item' AND value <> ?1", "i",
		    (int64_t)o->last_item);
	if (e == ERR_OK && o->gateway_dirty)
		e = outbox_part_save_gateway(o);
	if (e == ERR_OK && o->move_dirty)
		e = outbox_move_save(o);
	return e;
}

static enum err
save_all(struct outbox *o, const struct subdevices *devices, uint64_t wall_ms)
{
	enum err e = save_counters(o);

	for (const struct subdevice *s = devices->first; s && e == ERR_OK; s = s->next)
		e = save_device(o, s);
	if (e == ERR_OK)
		e = save_reports(o);
	return e == ERR_OK ? save_items(o, wall_ms) : e;
}

/* --- after the commit ------------------------------------------------------------------------- */

struct push {
	struct outbox *o;
};

static enum err
push_settled(void *arg, const struct record_row *row)
{
	struct push *p = arg;

	return outbox_part_push(
	    &p->o->settled, record_text(row, 0), (uint64_t)record_int(row, 1), 0);
}

/* A report that cannot be acknowledged now will come again, so nothing here is fatal. */
static void
mark_items(struct outbox *o)
{
	struct push p = {o};

	for (struct outbox_item *i = o->items; i; i = i->next) {
		bool settles = is_to_delete(i);

		if (is_to_insert(i))
			i->saved = true;
		else if (settles)
			i->saved = false;
		if (settles && record_query(o->record, push_settled, &p,
				   "SELECT source, id FROM report WHERE item = ?", "i",
				   (int64_t)i->id) != ERR_OK)
			log_warn(NULL, "cannot acknowledge reports now, they will come again");
	}
}

static void
mark_reports(struct outbox *o)
{
	for (const struct outbox_report *r = o->reports; r; r = r->next)
		if (r->item == 0 && outbox_part_push(&o->settled, r->source, r->id, 0) != ERR_OK)
			log_warn(NULL, "cannot acknowledge a report now, it will come again");
	outbox_part_free(&o->reports);
}

static bool
has_changes(const struct outbox *o, const struct subdevices *devices)
{
	bool changed = o->dirty || o->gateway_dirty || o->move_dirty;

	for (const struct subdevice *s = devices->first; s && !changed; s = s->next)
		changed = s->dirty || s->secret_dirty;
	return changed;
}

enum err
outbox_save(struct outbox *o, struct subdevices *devices, uint64_t wall_ms)
{
	if (!has_changes(o, devices))
		return ERR_OK;
	enum err e = record_begin(o->record);

	if (e != ERR_OK)
		return e;
	e = save_all(o, devices, wall_ms);
	if (e == ERR_OK)
		e = record_commit(o->record);
	if (e != ERR_OK) {
		record_rollback(o->record);
		return e;
	}
	for (struct subdevice *s = devices->first; s; s = s->next)
		s->dirty = s->secret_dirty = false;
	mark_items(o);
	mark_reports(o);
	o->dirty = o->gateway_dirty = o->move_dirty = false;
	return ERR_OK;
}
