/*
 * house_crowd: see house_crowd.h.
 */
#include "house_crowd.h"

#include <string.h>

#include "house_db.h"
#include "house_look.h"
#include "json.h"

#define SECRET "Q3Jvd2RTZWNyZXQxMg"

enum { SQL = 600 };

enum err
house_crowd_join(struct house *h)
{
	char pk[32], sql[SQL];

	for (int i = 1; i <= CROWD_PRODUCTS; i++) {
		snprintf(pk, sizeof(pk), "%s%d", CROWD_PK, i);
		struct tool_result r = HOUSE_DC(
		    h, "product", "add", pk, "--kind", "subdevice", "--ps", SECRET);
		if (r.status != 0)
			return house_fail(h, ERR_SYSTEM, "product add: %.200s", r.out);
	}
	snprintf(sql, sizeof(sql),
	    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %u) "
	    "INSERT INTO device (pk, dk, gateway) SELECT '%s' || (1 + i %% %d), 'C' || i, "
	    "(SELECT id FROM device WHERE pk = '%s') FROM n",
	    h->options.crowd, CROWD_PK, CROWD_PRODUCTS, HOUSE_GATEWAY_PK);
	return house_db_run(h, sql) ? ERR_OK : ERR_SYSTEM;
}

void
house_crowd_write(const struct house *h, FILE *secrets, FILE *conf)
{
	for (int i = 1; i <= CROWD_PRODUCTS; i++)
		fprintf(secrets, "[product %s%d]\nsecret = %s\n", CROWD_PK, i, SECRET);
	for (unsigned i = 1; i <= h->options.crowd; i++)
		fprintf(conf,
		    "\n[flashd.device crowd%u]\nproduct_key = %s%u\ndevice_key = C%u\n"
		    "vendor = %s\nmodel = %s%u\ndriver = smp\nport = %s/crowd/tty%u\nbaud = %u\n"
		    "reply_ms = 2000\nretries = 3\nreset_wait_ms = 50\n",
		    i, CROWD_PK, 1 + i % CROWD_PRODUCTS, i, HOUSE_VENDOR, CROWD_MODEL,
		    1 + i % CROWD_PRODUCTS, h->dir, i, h->options.baud);
}

/* --- looking ---------------------------------------------------------------------------------- */

static unsigned
count(struct house *h, const char *sql)
{
	long n = house_db_ask(h, sql);

	return n < 0 ? 0 : (unsigned)n;
}

unsigned
house_crowd_online(struct house *h, const char *version)
{
	char sql[SQL];

	snprintf(sql, sizeof(sql),
	    "SELECT count(*) FROM device WHERE pk GLOB '%s*' AND online AND version = '%s'",
	    CROWD_PK, version);
	return count(h, sql);
}

unsigned
house_crowd_progress(struct house *h, int progress)
{
	char sql[SQL];

	snprintf(sql, sizeof(sql),
	    "SELECT count(*) FROM progress JOIN device d ON d.id = progress.device "
	    "WHERE pk GLOB '%s*' AND state = %d",
	    CROWD_PK, progress);
	return count(h, sql);
}

unsigned
house_crowd_running(struct house *h, const char *version)
{
	char path[300];
	unsigned n = 0;

	for (unsigned i = 1; i <= h->options.crowd; i++) {
		snprintf(path, sizeof(path), "%s/crowd/%u/status.json", h->dir, i);
		AUTO(json) cJSON *own = json_file(path);
		n += strcmp(json_text(own, "running"), version) == 0 &&
		     cJSON_IsTrue(cJSON_GetObjectItem(own, "confirmed"));
	}
	return n;
}

void
house_crowd_statuses(struct house *h, unsigned device, char out[CROWD_STATUSES])
{
	char sql[SQL];

	snprintf(sql, sizeof(sql),
	    "SELECT code FROM status WHERE device = (SELECT id FROM device WHERE dk = 'C%u') "
	    "ORDER BY id",
	    device);
	house_db_list(h, sql, out, CROWD_STATUSES);
}
