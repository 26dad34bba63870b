/*
 * dc_say: see dc_say.h.
 */
#include "dc_say.h"

#include <stdlib.h>
#include <string.h>

#include "dc_ota.h"

/* clang-format off */
enum {
	CMD_READ_STATUS = 0x0031, CMD_READ_INFO = 0x0041, CMD_CONFIGURE = 0x00B4, CMD_PLAN = 0x0111,
	ID_SERVER = 1, ID_HOST = 2, ID_ADDRESS = 3, ID_PORT = 4, ID_KEY = 6, ID_PRODUCT = 7,
	ID_PRODUCT_SECRET = 8, ID_AGAIN = 9, ID_NEW_SECRET = 10,
};
/* clang-format on */

static void
configure(struct dc *dc, struct dc_peer *p, const struct dc_ttlv_out *o)
{
	dc_peer_send(dc, p, "sys", CMD_CONFIGURE, 0, o);
}

/* HOST,ADDRESS,PORT: as many of them as there are. */
static void
say_server(struct dc *dc, struct dc_peer *p, const char *value)
{
	struct dc_ttlv_out o = {0};
	char text[300];
	char *at = text, *part[3] = {NULL, NULL, NULL};
	unsigned n = 0;

	snprintf(text, sizeof(text), "%s", strcmp(value, "none") == 0 ? "" : value);
	while (n < 3 && at && *at)
		part[n++] = strsep(&at, ",");
	dc_ttlv_put_struct(&o, ID_SERVER, n);
	if (part[0])
		dc_ttlv_put_text(&o, ID_HOST, part[0]);
	if (part[1])
		dc_ttlv_put_text(&o, ID_ADDRESS, part[1]);
	if (part[2])
		dc_ttlv_put_int(&o, ID_PORT, strtol(part[2], NULL, 10));
	configure(dc, p, &o);
}

static void
say_secret(struct dc *dc, struct dc_peer *p, const char *value)
{
	struct dc_ttlv_out o = {0};

	dc_db_do(dc->db, "UPDATE device SET ds = ? WHERE id = ?", "ti", value, p->device);
	dc_ttlv_put_text(&o, ID_NEW_SECRET, value);
	configure(dc, p, &o);
}

static void
say_key(struct dc *dc, struct dc_peer *p, const char *value)
{
	struct dc_ttlv_out o = {0};
	uint8_t key[DC_SESSION_KEY];

	(void)value;
	dc->random(key, sizeof(key));
	dc_ttlv_put_bytes(&o, ID_KEY, key, sizeof(key));
	configure(dc, p, &o);
	memcpy(p->key, key, sizeof(key));
	p->has_key = true;
}

static void
say_again(struct dc *dc, struct dc_peer *p, const char *value)
{
	struct dc_ttlv_out o = {0};

	(void)value;
	dc_ttlv_put_bool(&o, ID_AGAIN, true);
	configure(dc, p, &o);
}

static void
say_product(struct dc *dc, struct dc_peer *p, const char *value)
{
	struct dc_ttlv_out o = {0};
	AUTO(dc_query)
	struct dc_query *q = dc_db_query(dc->db, "SELECT ps FROM product WHERE pk = ?", "t", value);

	dc_ttlv_put_text(&o, ID_PRODUCT, value);
	if (dc_query_next(q))
		dc_ttlv_put_text(&o, ID_PRODUCT_SECRET, dc_query_text(q, 0));
	configure(dc, p, &o);
}

static void
say_exception(struct dc *dc, struct dc_peer *p, const char *value)
{
	dc_peer_refuse(dc, &p->session->self, (unsigned)strtoul(value, NULL, 10), 0,
	    p->is_sub ? p->pk : NULL, p->dk);
}

static void
say_question(struct dc *dc, struct dc_peer *p, const char *value)
{
	struct dc_ttlv_out none = {0};
	bool status = strcmp(value, "status") == 0;

	dc_peer_send(dc, p, "sys", status ? CMD_READ_STATUS : CMD_READ_INFO, 0, &none);
}

/* A plan whose values are none. */
static void
say_junk(struct dc *dc, struct dc_peer *p, const char *value)
{
	struct dc_ttlv_out o = {.len = 3, .data = {0xff, 0xff, 0xff}};

	(void)value;
	dc_peer_send(dc, p, "ota", CMD_PLAN, 0, &o);
}

static void
say_address(struct dc *dc, struct dc_peer *p, const char *value)
{
	(void)value;
	dc_ota_address(dc, p);
}

static void
say_plan(struct dc *dc, struct dc_peer *p, const char *value)
{
	(void)value;
	dc_ota_offer(dc, p, DC_OTA_REQUEST);
}

/* Nothing is said: the platform forgets that a sub-device is logged in. */
static void
lose(struct dc *dc, struct dc_peer *p, const char *value)
{
	(void)value;
	if (p->is_sub)
		dc_peer_remove_sub(dc, p, "lost by the platform");
}

/* clang-format off */
static const struct row {
	const char *name, *value, *text;
	void (*fn)(struct dc *dc, struct dc_peer *p, const char *value);
} rows[] = {
	/* name       value                 what */
	{"server",    "HOST,ADDRESS,PORT",  "00B4: another server (less of it, or none)", say_server},
	{"secret",    "TEXT",               "00B4: a new device secret", say_secret},
	{"key",       NULL,                 "00B4: a new session key, used at once", say_key},
	{"again",     NULL,                 "00B4: authenticate again", say_again},
	{"product",   "PK",                 "00B4: another product and its secret", say_product},
	{"exception", "CODE",               "00A3: this code, about no message", say_exception},
	{"question",  "status|info",        "0031 or 0041", say_question},
	{"junk",      NULL,                 "0111 with values that are none", say_junk},
	{"plan",      NULL,                 "0111 for the plan that fits, begun or not", say_plan},
	{"address",   NULL,                 "0113 for a plan that waits, without its 0111", say_address},
	{"nothing",   NULL,                 "forget that the sub-device is logged in", lose},
};
/* clang-format on */

enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

static const struct row *
find(const char *name, size_t len)
{
	for (unsigned i = 0; i < ROWS; i++)
		if (strlen(rows[i].name) == len && memcmp(rows[i].name, name, len) == 0)
			return &rows[i];
	return NULL;
}

void
dc_say(struct dc *dc, int64_t device, const char *text)
{
	size_t len = strcspn(text, " ");
	const struct row *row = find(text, len);
	struct dc_peer *p = dc_peer_of(dc, device);

	if (!row || !p)
		return;
	dc_peer_say(dc, p, "told to say: %.100s", text);
	row->fn(dc, p, text[len] ? text + len + 1 : "");
}

bool
dc_say_is_known(const char *name, bool has_value)
{
	const struct row *row = find(name, strlen(name));

	return row && (row->value != NULL) == has_value;
}

void
dc_say_print(FILE *f)
{
	for (unsigned i = 0; i < ROWS; i++)
		fprintf(f, "  %-10s %-18s %s\n", rows[i].name, rows[i].value ? rows[i].value : "",
		    rows[i].text);
}
