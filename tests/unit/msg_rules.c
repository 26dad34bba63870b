/*
 * msg: the rules of every field. A rule is a row: the canonical message of a kind with one field
 * changed, and what the check says then.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "fields.h"
#include "golden.h"
#include "msg.h"
#include "route.h"

enum how {
	TEXT,   /* the field is this text */
	LONG,   /* it is n letters x */
	NUMBER, /* it is n */
	BYTES,  /* it has n bytes */
	TIMES,  /* a repeated field has n values */
	GONE,   /* a message is missing */
};

struct rule {
	int kind;
	const char *field; /* of the body, of its device, or of the envelope */
	enum how how;
	const char *text;
	uint64_t n;
	bool fine;
};

#define K(k) PB__ENVELOPE__BODY_##k
#define TERA (UINT64_C(1) << 40)

/* clang-format off */
static const struct rule rules[] = {
	/* kind            field               how     text          n          fine */
	{K(HELLO),         "who",              TEXT,   "",           0,         false},
	{K(HELLO),         "who",              LONG,   "",           64,        true},
	{K(HELLO),         "who",              LONG,   "",           65,        false},
	{K(HELLO),         "build",            LONG,   "",           512,       true},
	{K(HELLO),         "build",            LONG,   "",           513,       false},
	{K(HELLO),         "proto_min",        NUMBER, "",           0,         false},
	{K(HELLO),         "proto_min",        NUMBER, "",           2,         false},
	{K(HELLO),         "proto_max",        NUMBER, "",           9,         true},
	{K(PING),          "nonce",            NUMBER, "",           0,         true},
	{K(DEVICE_REPORT), "device",           GONE,   "",           0,         false},
	{K(DEVICE_REPORT), "product_key",      TEXT,   "",           0,         false},
	{K(DEVICE_REPORT), "product_key",      LONG,   "",           32,        true},
	{K(DEVICE_REPORT), "product_key",      LONG,   "",           33,        false},
	{K(DEVICE_REPORT), "device_key",       TEXT,   "",           0,         false},
	{K(DEVICE_REPORT), "device_key",       TEXT,   "a b",        0,         false},
	{K(DEVICE_REPORT), "device_key",       TEXT,   "a/b",        0,         false},
	{K(DEVICE_REPORT), "device_key",       TEXT,   "a\"b",       0,         false},
	{K(DEVICE_REPORT), "device_key",       TEXT,   "a'b",        0,         false},
	{K(DEVICE_REPORT), "device_key",       TEXT,   "a`b",        0,         false},
	{K(DEVICE_REPORT), "device_key",       TEXT,   "a\nb",       0,         false},
	{K(DEVICE_REPORT), "device_key",       TEXT,   "a\x7f",      0,         false},
	{K(DEVICE_REPORT), "device_key",       TEXT,   "\xc3\xa0",   0,         false},
	{K(DEVICE_REPORT), "device_key",       TEXT,   "a!~{}[]",    0,         true},
	{K(DEVICE_REPORT), "component",        TEXT,   "",           0,         false},
	{K(DEVICE_REPORT), "component",        LONG,   "",           64,        true},
	{K(DEVICE_REPORT), "component",        LONG,   "",           65,        false},
	{K(DEVICE_REPORT), "component",        TEXT,   "a b",        0,         false},
	{K(DEVICE_REPORT), "component",        TEXT,   "../x",       0,         false},
	{K(DEVICE_REPORT), "version",          TEXT,   "",           0,         true},
	{K(DEVICE_REPORT), "version",          TEXT,   "aZ09_-.+",   0,         true},
	{K(DEVICE_REPORT), "version",          TEXT,   "1.0%s",      0,         false},
	{K(DEVICE_REPORT), "version",          LONG,   "",           65,        false},
	{K(DEVICE_REPORT), "state",            NUMBER, "",           0,         true},
	{K(DEVICE_REPORT), "state",            NUMBER, "",           4,         false},
	{K(DEVICE_REPORT), "state",            NUMBER, "",           0xffffffff, false},
	{K(DEVICE_REPORT), "battery_percent",  NUMBER, "",           102,       false},
	{K(DEVICE_REPORT), "place",            NUMBER, "",           19,        true},
	{K(DEVICE_REPORT), "place",            NUMBER, "",           20,        false},
	{K(DEVICE_REPORT), "places",           NUMBER, "",           20,        true},
	{K(DEVICE_REPORT), "places",           NUMBER, "",           21,        false},
	{K(DEVICE_REPORT), "signal_dbm",       NUMBER, "",           1001,      false},
	{K(DEVICE_REPORT), "signal_dbm",       NUMBER, "",           0xfffffc18, true}, /* -1000 */
	{K(DEVICE_REPORT), "signal_dbm",       NUMBER, "",           0xfffffc17, false},
	{K(PLAN_OFFER),    "device",           GONE,   "",           0,         false},
	{K(PLAN_OFFER),    "device_key",       TEXT,   "a/b",        0,         false},
	{K(PLAN_OFFER),    "upgrade",          NUMBER, "",           0,         false},
	{K(PLAN_OFFER),    "upgrade",          NUMBER, "",           INT64_MAX, true},
	{K(PLAN_OFFER),    "upgrade",          NUMBER, "",           (uint64_t)INT64_MAX + 1, false},
	{K(PLAN_OFFER),    "component",        TEXT,   "",           0,         false},
	{K(PLAN_OFFER),    "source_version",   TEXT,   "",           0,         true},
	{K(PLAN_OFFER),    "source_version",   TEXT,   "1 0",        0,         false},
	{K(PLAN_OFFER),    "target_version",   TEXT,   "",           0,         false},
	{K(PLAN_OFFER),    "target_version",   LONG,   "",           65,        false},
	{K(PLAN_OFFER),    "min_battery_percent", NUMBER, "",        100,       true},
	{K(PLAN_OFFER),    "min_battery_percent", NUMBER, "",        101,       false},
	{K(PLAN_OFFER),    "min_signal_dbm",   NUMBER, "",           1001,      false},
	{K(PLAN_OFFER),    "space_bytes",      NUMBER, "",           TERA,      true},
	{K(PLAN_OFFER),    "space_bytes",      NUMBER, "",           TERA + 1,  false},
	{K(PLAN_VERDICT),  "upgrade",          NUMBER, "",           0,         false},
	{K(PLAN_VERDICT),  "verdict",          NUMBER, "",           0,         false},
	{K(PLAN_VERDICT),  "verdict",          NUMBER, "",           1,         false}, /* with a reason */
	{K(PLAN_VERDICT),  "verdict",          NUMBER, "",           5,         false},
	{K(PLAN_VERDICT),  "reason",           NUMBER, "",           9999,      true},
	{K(PLAN_VERDICT),  "reason",           NUMBER, "",           10000,     false},
	{K(PLAN_VERDICT),  "detail",           LONG,   "",           512,       true},
	{K(PLAN_VERDICT),  "detail",           LONG,   "",           513,       false},
	{K(PLAN_VERDICT),  "detail",           TEXT,   "\xff",       0,         false},
	{K(PLAN_VERDICT),  "until",            NUMBER, "",           (uint64_t)INT64_MAX + 1, false},
	{K(FETCH_ORDER),   "upgrade",          NUMBER, "",           0,         false},
	{K(FETCH_ORDER),   "device",           GONE,   "",           0,         false},
	{K(FETCH_ORDER),   "component",        TEXT,   "a/b",        0,         false},
	{K(FETCH_ORDER),   "target_version",   TEXT,   "",           0,         false},
	{K(FETCH_ORDER),   "url",              TEXT,   "",           0,         false},
	{K(FETCH_ORDER),   "url",              TEXT,   "http://a b", 0,         false},
	{K(FETCH_ORDER),   "url",              LONG,   "",           3072,      true},
	{K(FETCH_ORDER),   "url",              LONG,   "",           3073,      false},
	{K(FETCH_ORDER),   "size",             NUMBER, "",           TERA + 1,  false},
	{K(FETCH_ORDER),   "md5",              BYTES,  "",           0,         true},
	{K(FETCH_ORDER),   "md5",              BYTES,  "",           15,        false},
	{K(FETCH_ORDER),   "md5",              BYTES,  "",           17,        false},
	{K(FETCH_ORDER),   "sha256",           BYTES,  "",           0,         true},
	{K(FETCH_ORDER),   "sha256",           BYTES,  "",           31,        false},
	{K(FLASH_ORDER),   "upgrade",          NUMBER, "",           0,         false},
	{K(FLASH_ORDER),   "device",           GONE,   "",           0,         false},
	{K(FLASH_ORDER),   "component",        TEXT,   "",           0,         false},
	{K(FLASH_ORDER),   "target_version",   TEXT,   "",           0,         false},
	{K(FLASH_ORDER),   "manifest_digest",  BYTES,  "",           0,         false},
	{K(FLASH_ORDER),   "manifest_digest",  BYTES,  "",           33,        false},
	{K(PROGRESS),      "upgrade",          NUMBER, "",           0,         false},
	{K(PROGRESS),      "device",           GONE,   "",           0,         false},
	{K(PROGRESS),      "phase",            NUMBER, "",           0,         false},
	{K(PROGRESS),      "phase",            NUMBER, "",           13,        false},
	{K(PROGRESS),      "done_bytes",       NUMBER, "",           TERA + 1,  false},
	{K(PROGRESS),      "total_bytes",      NUMBER, "",           TERA + 1,  false},
	{K(PROGRESS),      "bytes_per_second", NUMBER, "",           TERA + 1,  false},
	{K(REPORT),        "upgrade",          NUMBER, "",           0,         false},
	{K(REPORT),        "id",               NUMBER, "",           0,         false},
	{K(REPORT),        "id",               NUMBER, "",           (uint64_t)INT64_MAX + 1, false},
	{K(REPORT),        "source",           TEXT,   "fetchd",     0,         true},
	{K(REPORT),        "source",           TEXT,   "cloudd",     0,         false},
	{K(REPORT),        "device",           GONE,   "",           0,         false},
	{K(REPORT),        "phase",            NUMBER, "",           0,         false},
	{K(REPORT),        "phase",            NUMBER, "",           12,        true},
	{K(REPORT),        "error",            NUMBER, "",           10000,     false},
	{K(REPORT),        "detail",           TEXT,   "cut \xc3",   0,         false},
	{K(REPORT),        "version",          TEXT,   "",           0,         true},
	{K(REPORT),        "version",          TEXT,   "a?",         0,         false},
	{K(REPORT_ACK),    "upgrade",          NUMBER, "",           0,         true},
	{K(REPORT_ACK),    "id",               NUMBER, "",           0,         false},
	{K(REPORT_ACK),    "source",           TEXT,   "",           0,         false},
	{K(CANCEL),        "upgrade",          NUMBER, "",           0,         false},
	{K(CANCEL),        "reason",           TEXT,   "",           0,         true},
	{K(CANCEL),        "reason",           LONG,   "",           513,       false},
	{K(LINK_STATE),    "online",           NUMBER, "",           0,         true},
	{K(COURIER_ORDER), "url",              TEXT,   "",           0,         false},
	{K(COURIER_ORDER), "url",              TEXT,   "a\tb",       0,         false},
	{K(COURIER_ORDER), "size",             NUMBER, "",           TERA + 1,  false},
	{K(COURIER_ORDER), "offset",           NUMBER, "",           TERA + 1,  false},
	{K(COURIER_ORDER), "etag",             LONG,   "",           513,       false},
	{K(COURIER_ORDER), "md5",              BYTES,  "",           8,         false},
	{K(COURIER_ORDER), "sha256",           BYTES,  "",           33,        false},
	{K(COURIER_ORDER), "hosts",            TIMES,  "h",          64,        true},
	{K(COURIER_ORDER), "hosts",            TIMES,  "h",          65,        false},
	{K(COURIER_ORDER), "hosts",            TIMES,  "",           1,         false},
	{K(COURIER_ORDER), "redirect_hosts",   TIMES,  "a b",        1,         false},
	{K(COURIER_ORDER), "redirect_hosts",   TIMES,  "",           0,         true},
	{K(COURIER_ORDER), "ca_file",          LONG,   "",           513,       false},
	{K(COURIER_ORDER), "mark_bytes",       NUMBER, "",           TERA + 1,  false},
	{K(COURIER_REPORT), "error",           NUMBER, "",           10000,     false},
	{K(COURIER_REPORT), "detail",          LONG,   "",           513,       false},
	{K(COURIER_REPORT), "done_bytes",      NUMBER, "",           TERA + 1,  false},
	{K(COURIER_REPORT), "durable_bytes",   NUMBER, "",           TERA + 1,  false},
	{K(COURIER_REPORT), "received_bytes",  NUMBER, "",           TERA + 1,  false},
	{K(COURIER_REPORT), "etag",            TEXT,   "\x80",       0,         false},
	{K(COURIER_REPORT), "http_status",     NUMBER, "",           999,       true},
	{K(COURIER_REPORT), "http_status",     NUMBER, "",           1000,      false},
	{K(COURIER_REPORT), "md5",             BYTES,  "",           1,         false},
	{K(COURIER_REPORT), "sha256",          BYTES,  "",           64,        false},
	{K(SESSION_ORDER), "verb",             NUMBER, "",           0,         false},
	{K(SESSION_ORDER), "verb",             NUMBER, "",           7,         true},
	{K(SESSION_ORDER), "verb",             NUMBER, "",           8,         false},
	{K(SESSION_ORDER), "driver",           TEXT,   "",           0,         false},
	{K(SESSION_ORDER), "driver",           TEXT,   "a/b",        0,         false},
	{K(SESSION_ORDER), "options",          TIMES,  NULL,         64,        true},
	{K(SESSION_ORDER), "options",          TIMES,  NULL,         65,        false},
	{K(SESSION_ORDER), "key",              TEXT,   "",           0,         false},
	{K(SESSION_ORDER), "value",            LONG,   "",           513,       false},
	{K(SESSION_ORDER), "image_size",       NUMBER, "",           TERA + 1,  false},
	{K(SESSION_ORDER), "image_sha256",     BYTES,  "",           0,         true},
	{K(SESSION_ORDER), "image_sha256",     BYTES,  "",           20,        false},
	{K(SESSION_ORDER), "chunk_digests",    BYTES,  "",           0,         true},
	{K(SESSION_ORDER), "chunk_digests",    BYTES,  "",           33,        false},
	{K(SESSION_ORDER), "target_version",   TEXT,   "",           0,         true},
	{K(SESSION_ORDER), "target_version",   TEXT,   "v 1",        0,         false},
	{K(SESSION_ORDER), "resume_hint",      NUMBER, "",           TERA + 1,  false},
	{K(SESSION_ORDER), "device",           GONE,   "",           0,         true},
	{K(SESSION_ORDER), "device_key",       TEXT,   "a\nb",       0,         false},
	{K(SESSION_ORDER), "image_offset",     NUMBER, "",           TERA + 1,  false},
	{K(SESSION_ORDER), "boot_pin",         NUMBER, "",           6,         true},
	{K(SESSION_ORDER), "boot_pin",         NUMBER, "",           7,         false},
	{K(SESSION_ORDER), "reset_pin",        NUMBER, "",           7,         false},
	{K(SESSION_REPORT), "verb",            NUMBER, "",           0,         false},
	{K(SESSION_REPORT), "error",           NUMBER, "",           10000,     false},
	{K(SESSION_REPORT), "detail",          TEXT,   "\xed\xa0\x80", 0,       false}, /* a surrogate */
	{K(SESSION_REPORT), "done_bytes",      NUMBER, "",           TERA + 1,  false},
	{K(SESSION_REPORT), "total_bytes",     NUMBER, "",           TERA + 1,  false},
	{K(SESSION_REPORT), "version",         TEXT,   "",           0,         true},
	{K(SESSION_REPORT), "version",         TEXT,   "1?",         0,         false},
	{K(SESSION_REPORT), "active_hash",     BYTES,  "",           0,         true},
	{K(SESSION_REPORT), "active_hash",     BYTES,  "",           31,        false},
	{K(SESSION_REPORT), "staged_hash",     BYTES,  "",           33,        false},
	{K(SESSION_REPORT), "rewinds",         NUMBER, "",           TERA + 1,  false},
	{K(SESSION_REPORT), "wire_bytes",      NUMBER, "",           TERA + 1,  false},
	{K(SESSION_REPORT), "image_version",   TEXT,   "\x01",       0,         false},
	{K(SESSION_REPORT), "unit",            TEXT,   "a b",        0,         false},
	{K(SESSION_REPORT), "unit",            TEXT,   "0A1b-2c",    0,         true},
	{K(SESSION_REPORT), "image_hash",      BYTES,  "",           1,         false},
	{K(QUERY),         "what",             TEXT,   "",           0,         false},
	{K(QUERY),         "what",             TEXT,   "a b",        0,         false},
	{K(QUERY),         "argument",         TEXT,   "",           0,         true},
	{K(QUERY),         "argument",         LONG,   "",           513,       false},
	{K(QUERY),         "data",             BYTES,  "",           1,         true},
	{K(ACT),           "what",             TEXT,   "",           0,         false},
	{K(ACT),           "what",             TEXT,   "a b",        0,         false},
	{K(ACT),           "argument",         TEXT,   "",           0,         true},
	{K(ACT),           "argument",         LONG,   "",           513,       false},
	{K(ANSWER),        "error",            NUMBER, "",           10000,     false},
	{K(ANSWER),        "json",             LONG,   "",           60000,     true},
	{K(ANSWER),        "json",             TEXT,   "\xc0\x80",   0,         false},
};
/* clang-format on */

/* Where a field of this name lies: in the body, one message below it, or in the envelope. */
static uint8_t *
find(ProtobufCMessage *m, const char *name, const ProtobufCFieldDescriptor **f)
{
	*f = protobuf_c_message_descriptor_get_field_by_name(m->descriptor, name);
	if (*f && (*f)->label == PROTOBUF_C_LABEL_REPEATED)
		return (uint8_t *)m;
	if (*f)
		return (uint8_t *)m + (*f)->offset;
	for (unsigned k = 0; k < m->descriptor->n_fields; k++) {
		const ProtobufCFieldDescriptor *sub = &m->descriptor->fields[k];
		bool has = sub->type == PROTOBUF_C_TYPE_MESSAGE && fields_count(m, sub);
		uint8_t *at = has ? find(fields_message(m, sub, 0), name, f) : NULL;

		if (at)
			return at;
	}
	return NULL;
}

static size_t
width(const ProtobufCFieldDescriptor *f)
{
	return f->type == PROTOBUF_C_TYPE_UINT64 ? 8 : 4;
}

static void
repeat(
    uint8_t *message, const ProtobufCFieldDescriptor *f, const struct rule *r, Pb__Option *option)
{
	static void *list[100];
	size_t n = r->n;
	void *at = list;

	for (size_t i = 0; i < n; i++)
		list[i] = r->text ? (void *)golden_text(r->text) : option;
	memcpy(message + f->offset, &at, sizeof(at));
	memcpy(message + f->quantifier_offset, &n, sizeof(n));
}

static void
change(struct golden *g, const struct rule *r, char *room)
{
	static uint8_t zeros[100];
	const ProtobufCFieldDescriptor *f = NULL;
	uint8_t *at = find(&g->e.base, r->field, &f);
	char *text = r->how == LONG ? room : golden_text(r->text);
	ProtobufCBinaryData bytes = {r->n, zeros};

	cr_assert_not_null(at, "no field %s", r->field);
	memset(room, 'x', r->how == LONG ? r->n : 0);
	room[r->how == LONG ? r->n : 0] = '\0';
	switch (r->how) {
	case TEXT:
	case LONG:
		memcpy(at, &text, sizeof(text));
		break;
	case NUMBER:
		memcpy(at, &r->n, width(f));
		break;
	case BYTES:
		memcpy(at, &bytes, sizeof(bytes));
		break;
	case TIMES:
		repeat(at, f, r, &g->option);
		break;
	case GONE:
		memset(at, 0, sizeof(void *));
	}
}

static enum err
check(const Pb__Envelope *e)
{
	size_t n = 0;
	const struct route_row *r = route_rows(&n);

	while (r->kind != (int)e->body_case)
		r++;
	return r->check(e);
}

Test(msg, every_field_is_held_to_its_rule)
{
	AUTO(mem) char *room = malloc(1 << 17);

	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		const struct rule *r = &rules[i];
		struct golden g;

		golden_make(r->kind, &g);
		change(&g, r, room);
		cr_expect_eq(check(&g.e), r->fine ? ERR_OK : ERR_MESSAGE, "%s.%s, row %zu: %s, %s",
		    route_kind_name(r->kind), r->field, i, r->text ? r->text : "",
		    r->fine ? "fine" : "refused");
	}
}

Test(msg, body_that_is_missing_is_refused)
{
	for (int kind = GOLDEN_FIRST; kind < GOLDEN_FIRST + GOLDEN_KINDS; kind++) {
		Pb__Envelope e = PB__ENVELOPE__INIT;

		e.upgrade = 1;
		e.body_case = (Pb__Envelope__BodyCase)kind;
		cr_expect_eq(check(&e), ERR_MESSAGE, "%s", route_kind_name(kind));
	}
}

Test(msg, acceptance_has_no_reason)
{
	struct golden g;

	golden_make(PB__ENVELOPE__BODY_PLAN_VERDICT, &g);
	g.body.plan_verdict.verdict = PB__VERDICT__VERDICT_ACCEPT;
	g.body.plan_verdict.reason = 0;
	cr_expect_eq(msg_check_plan_verdict(&g.e), ERR_OK);
}
