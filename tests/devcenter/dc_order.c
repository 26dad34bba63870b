/*
 * dc_order: see dc_order.h.
 */
#include "dc_order.h"

#include <string.h>

#include "dc_platform.h"
#include "dc_say.h"
#include "dc_sys.h"
#include "log.h"

static void
load_faults(struct dc *dc)
{
	AUTO(dc_query)
	struct dc_query *q = dc_db_query(
	    dc->db, "SELECT name, value, times, rev, percent FROM fault", "");
	bool named[DC_FAULT_COUNT] = {false};
	enum dc_chaos_what what;
	unsigned kind;

	dc_chaos_begin(&dc->chaos);

	while (dc_query_next(q)) {
		enum dc_fault f = dc_fault_find(dc_query_text(q, 0));

		if (dc_chaos_parse(dc_query_text(q, 0), &what, &kind) &&
		    !dc_chaos_set(&dc->chaos, what, kind, dc_query_int(q, 1), dc_query_int(q, 2),
			dc_query_int(q, 4), dc_query_int(q, 3)))
			log_warn(NULL, "%s: expected at most %d of its sort, got more",
			    dc_query_text(q, 0), DC_CHAOS_RULES);
		if (f == DC_FAULT_COUNT)
			continue;
		named[f] = true;
		dc_fault_set(
		    &dc->faults, f, dc_query_int(q, 1), dc_query_int(q, 2), dc_query_int(q, 3));
	}
	for (unsigned f = 0; f < DC_FAULT_COUNT; f++)
		if (!named[f])
			dc_fault_clear(&dc->faults, (enum dc_fault)f);
	dc_chaos_end(&dc->chaos);
	dc_chaos_seed(
	    &dc->chaos, dc_db_int(dc->db, 1, "SELECT value FROM setting WHERE name = 'seed'", ""));
}

/* How far `clock` put the platform's time ahead. */
static void
load_clock(struct dc *dc)
{
	dc->ahead_ms = dc_db_int(dc->db, 0, "SELECT value FROM setting WHERE name = 'clock'", "");
	dc->links_ahead_ms = dc_db_int(
	    dc->db, 0, "SELECT value FROM setting WHERE name = 'links'", "");
}

void
dc_order_load(struct dc *dc)
{
	load_faults(dc);
	load_clock(dc);
}

static void
kick(struct dc *dc, int64_t device)
{
	struct dc_peer *p = dc_peer_of(dc, device);

	if (p && p->is_sub)
		dc_sys_kick(dc, p, DC_CODE_NOT_LOGGED_IN);
	else if (p)
		dc_broker_drop(dc->broker, p->session->client, "kicked");
}

void
dc_order_obey(struct dc *dc)
{
	for (;;) {
		AUTO(dc_query)
		struct dc_query *q = dc_db_query(
		    dc->db, "SELECT id, what, device FROM command ORDER BY id LIMIT 1", "");

		if (!dc_query_next(q))
			return;
		int64_t id = dc_query_int(q, 0), device = dc_query_int(q, 2);
		char say[400] = "";

		if (strncmp(dc_query_text(q, 1), "say ", 4) == 0)
			snprintf(say, sizeof(say), "%s", dc_query_text(q, 1) + 4);
		bool is_kick = strcmp(dc_query_text(q, 1), "kick") == 0;
		bool is_plan = strcmp(dc_query_text(q, 1), "plan") == 0;
		dc_query_free(HAND_OVER(q));
		dc_db_do(dc->db, "DELETE FROM command WHERE id = ?", "i", id);
		if (dc_db_failed(dc->db))
			return;
		if (say[0])
			dc_say(dc, device, say);
		if (is_kick)
			kick(dc, device);
		if (is_plan)
			dc_platform_offer(dc);
	}
}
