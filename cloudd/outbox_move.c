/*
 * outbox_move: the record of a move (move.h) and of the secrets that belong to another product than
 * the configured one; declared in outbox.h. These have a table of their own, so that they cannot be
 * taken for a sub-device's.
 */
#include <string.h>

#include "outbox_part.h"

#define COPY_TEXT(to, row, column) snprintf(to, sizeof(to), "%s", record_text(row, column))

static enum err
load_place(void *arg, const struct record_row *row)
{
	struct move *m = arg;
	bool trial = record_int(row, 0) == 1;
	struct move_place *p = trial ? &m->trial : &m->now;
	int64_t port = record_int(row, 2);

	COPY_TEXT(p->host, row, 1);
	p->port = port > 0 && port <= UINT16_MAX ? (uint16_t)port : 0;
	COPY_TEXT(p->product_key, row, 3);
	if (!trial)
		return ERR_OK;
	COPY_TEXT(m->secret, row, 4);
	m->failures = (unsigned)record_int(row, 5) % MOVE_FAILURES_MAX;
	m->trying = true;
	return ERR_OK;
}

enum err
outbox_move_load(struct outbox *o)
{
	o->move = (struct move){0};
	return record_query(o->record, load_place, &o->move,
	    "SELECT trial, host, port, product_key, secret, failures FROM move", "");
}

static enum err
save_place(struct outbox *o, const struct move_place *p, bool trial)
{
	return record_run(o->record,
	    "INSERT INTO move(trial, host, port, product_key, secret, failures)"
	    " VALUES(?,?,?,?,?,?)",
	    "ititti", (int64_t)trial, p->host, (int64_t)p->port, p->product_key,
	    trial ? o->move.secret : "", (int64_t)(trial ? o->move.failures : 0));
}

enum err
outbox_move_save(struct outbox *o)
{
	enum err e = record_run(o->record, "DELETE FROM move", "");

	if (e == ERR_OK)
		e = save_place(o, &o->move.now, false);
	return e == ERR_OK && o->move.trying ? save_place(o, &o->move.trial, true) : e;
}

enum err
outbox_move_save_secrets(struct outbox *o)
{
	return record_run(o->record,
	    "INSERT OR REPLACE INTO moved_secret(product_key, device_secret, spare)"
	    " VALUES(?,?,?)",
	    "ttt", o->gateway.product_key, o->gateway_secret, o->gateway_spare);
}

static enum err
load_secrets(void *arg, const struct record_row *row)
{
	struct outbox *o = arg;

	COPY_TEXT(o->gateway_secret, row, 0);
	COPY_TEXT(o->gateway_spare, row, 1);
	return ERR_OK;
}

enum err
outbox_move_gateway(struct outbox *o, const struct dialect_sub *gateway, bool configured)
{
	enum err e = o->gateway_dirty ? outbox_part_save_gateway(o) : ERR_OK;

	if (e != ERR_OK)
		return e;
	o->gateway = *gateway;
	o->away = !configured;
	o->gateway_dirty = false;
	explicit_bzero(o->gateway_secret, sizeof(o->gateway_secret));
	explicit_bzero(o->gateway_spare, sizeof(o->gateway_spare));
	if (o->away)
		return record_query(o->record, load_secrets, o,
		    "SELECT device_secret, spare FROM moved_secret WHERE product_key = ?", "t",
		    gateway->product_key);
	return record_query(o->record, load_secrets, o,
	    "SELECT a.device_secret, coalesce(b.device_secret, '') FROM secret a"
	    " LEFT JOIN secret b ON b.product_key = a.product_key AND b.device_key = ''"
	    " WHERE a.product_key = ? AND a.device_key = ?",
	    "tt", gateway->product_key, gateway->device_key);
}
