/*
 * redact: what the schema marks is not in the copy, at any depth; all else is as it was. Which
 * fields those are stands here once more, by hand.
 */
#include <criterion/criterion.h>
#include <fnmatch.h>
#include <string.h>

#include "auto.h"
#include "ctl/capture.h"
#include "dump.h"
#include "fields.h"
#include "golden.h"
#include "kit.h"
#include "msg.h"
#include "redact.h"

#define SECRET "see https://me:SECRET@h/p?t=SECRET or it"
#define CUT "see https://@h/p? or it"

static const struct {
	const char *field;
	Pb__Redact redact;
} decided[] = {
    {"Device.product_key", PB__REDACT__REDACT_SHOWN},
    {"Device.device_key", PB__REDACT__REDACT_SHOWN},
    {"PlanVerdict.detail", PB__REDACT__REDACT_ADDRESSES},
    {"FetchFile.url", PB__REDACT__REDACT_ADDRESSES},
    {"FetchOrder.url", PB__REDACT__REDACT_ADDRESSES},
    {"Report.detail", PB__REDACT__REDACT_ADDRESSES},
    {"Cancel.reason", PB__REDACT__REDACT_ADDRESSES},
    {"CourierOrder.url", PB__REDACT__REDACT_ADDRESSES},
    {"CourierReport.detail", PB__REDACT__REDACT_ADDRESSES},
    {"Option.key", PB__REDACT__REDACT_SHOWN},
    {"Option.value", PB__REDACT__REDACT_WHOLE},
    {"SessionReport.detail", PB__REDACT__REDACT_ADDRESSES},
    {"Query.argument", PB__REDACT__REDACT_ADDRESSES},
    {"Answer.json", PB__REDACT__REDACT_ADDRESSES},
    {"Act.argument", PB__REDACT__REDACT_ADDRESSES},
};

enum { DECIDED = sizeof(decided) / sizeof(decided[0]) };

static Pb__Redact
wanted(const ProtobufCMessageDescriptor *d, const ProtobufCFieldDescriptor *f)
{
	char name[100];

	snprintf(name, sizeof(name), "%s.%s", d->short_name, f->name);
	for (size_t i = 0; i < DECIDED; i++)
		if (strcmp(decided[i].field, name) == 0)
			return decided[i].redact;
	return PB__REDACT__REDACT_UNDECIDED;
}

/* --- the schema ------------------------------------------------------------------------------- */

typedef void each_field(const ProtobufCMessageDescriptor *d, const ProtobufCFieldDescriptor *f);

static void
walk_schema(const ProtobufCMessageDescriptor *d, each_field *fn)
{
	for (unsigned i = 0; i < d->n_fields; i++) {
		fn(d, &d->fields[i]);
		if (d->fields[i].type == PROTOBUF_C_TYPE_MESSAGE)
			walk_schema(d->fields[i].descriptor, fn);
	}
}

static void
expect_decision(const ProtobufCMessageDescriptor *d, const ProtobufCFieldDescriptor *f)
{
	static const char *const sounds[] = {"*secret*", "*token*", "*key*", "*url*", "*pass*",
	    "*credential*", "*auth*", "*sign*", "*address*", "detail", "reason", "*text*", "json",
	    "value", "argument"};
	bool text = f->type == PROTOBUF_C_TYPE_STRING || f->type == PROTOBUF_C_TYPE_BYTES;

	for (size_t i = 0; text && i < sizeof(sounds) / sizeof(sounds[0]); i++)
		cr_expect(fnmatch(sounds[i], f->name, 0) != 0 ||
			      redact_of(d, f) != PB__REDACT__REDACT_UNDECIDED,
		    "%s.%s: expected a decision, [(redact) = ...] in proto/subota.proto, got none",
		    d->short_name, f->name);
}

Test(redact, a_field_that_sounds_like_a_secret_has_a_decision)
{
	walk_schema(&pb__envelope__descriptor, expect_decision);
}

static void
expect_as_written(const ProtobufCMessageDescriptor *d, const ProtobufCFieldDescriptor *f)
{
	Pb__Redact is = redact_of(d, f);

	cr_expect_eq(is, wanted(d, f), "%s.%s: got %d", d->short_name, f->name, (int)is);
	cr_expect(is == PB__REDACT__REDACT_UNDECIDED || f->type == PROTOBUF_C_TYPE_STRING ||
		      (f->type == PROTOBUF_C_TYPE_BYTES && is != PB__REDACT__REDACT_ADDRESSES),
	    "%s.%s: only texts and bytes can be hidden", d->short_name, f->name);
}

Test(redact, the_table_is_what_the_schema_says)
{
	walk_schema(&pb__envelope__descriptor, expect_as_written);
}

/* --- messages --------------------------------------------------------------------------------- */

/* Each text becomes SECRET. */
static void
plant(ProtobufCMessage *m)
{
	for (unsigned k = 0; k < m->descriptor->n_fields; k++) {
		const ProtobufCFieldDescriptor *f = &m->descriptor->fields[k];
		size_t n = fields_count(m, f);

		for (size_t i = 0; i < n && f->type == PROTOBUF_C_TYPE_MESSAGE; i++)
			plant(fields_message(m, f, i));
		for (size_t i = 0; i < n && f->type == PROTOBUF_C_TYPE_STRING; i++) {
			char **at = (char **)(uintptr_t)fields_value(m, f, i);

			if (*at && **at)
				free(*at);
			*at = strdup(SECRET);
		}
	}
}

/* A message of this kind in which every text has a secret; the caller's. */
static Pb__Envelope *
secretive(int kind)
{
	Pb__FetchFile file = PB__FETCH_FILE__INIT, *files[] = {&file};
	uint8_t bytes[GOLDEN_BYTES];
	Pb__Envelope *e = NULL;
	struct golden g;
	size_t len = 0;

	golden_make(kind, &g);
	if (kind == PB__ENVELOPE__BODY_FETCH_ORDER) { /* younger than its frame */
		g.body.fetch_order.files = files;
		g.body.fetch_order.n_files = 1;
	}
	cr_assert_eq(msg_pack(&g.e, bytes, sizeof(bytes), &len), ERR_OK);
	cr_assert_eq(msg_unpack(bytes, len, sizeof(bytes), &e), ERR_OK);
	plant(&e->base);
	return e;
}

static const char *
text_wanted(Pb__Redact how)
{
	if (how == PB__REDACT__REDACT_WHOLE)
		return REDACT_TEXT;
	return how == PB__REDACT__REDACT_ADDRESSES ? CUT : SECRET;
}

/* Every text is as its decision says; counts them by decision. */
static void
expect_redacted(const ProtobufCMessage *m, unsigned seen[4])
{
	for (unsigned k = 0; k < m->descriptor->n_fields; k++) {
		const ProtobufCFieldDescriptor *f = &m->descriptor->fields[k];
		size_t n = fields_count(m, f);

		for (size_t i = 0; i < n && f->type == PROTOBUF_C_TYPE_MESSAGE; i++)
			expect_redacted(fields_message(m, f, i), seen);
		for (size_t i = 0; i < n && f->type == PROTOBUF_C_TYPE_STRING; i++) {
			Pb__Redact how = wanted(m->descriptor, f);

			seen[how]++;
			cr_expect_str_eq(*(char *const *)fields_value(m, f, i), text_wanted(how),
			    "%s.%s", m->descriptor->short_name, f->name);
		}
	}
}

Test(redact, a_marked_field_is_hidden_at_every_depth_and_no_other_is)
{
	unsigned seen[4] = {0};

	for (int kind = GOLDEN_FIRST; kind < GOLDEN_FIRST + GOLDEN_KINDS; kind++) {
		AUTO(msg) Pb__Envelope *e = secretive(kind);
		AUTO(msg) Pb__Envelope *shown = NULL;

		cr_assert_eq(redact_envelope(e, &shown), ERR_OK);
		expect_redacted(&shown->base, seen);
		cr_expect_eq(shown->seq, e->seq);
		cr_expect_eq(shown->body_case, e->body_case);
	}
	cr_expect_eq(seen[PB__REDACT__REDACT_WHOLE], 1);
	cr_expect_eq(seen[PB__REDACT__REDACT_ADDRESSES], 11);
	cr_expect_gt(seen[PB__REDACT__REDACT_UNDECIDED], 20);
}

Test(redact, the_message_itself_keeps_what_it_says)
{
	AUTO(msg) Pb__Envelope *e = secretive(PB__ENVELOPE__BODY_SESSION_ORDER);
	AUTO(msg) Pb__Envelope *shown = NULL;

	cr_assert_eq(redact_envelope(e, &shown), ERR_OK);
	cr_expect_str_eq(e->session_order->options[0]->value, SECRET);
	cr_expect_str_eq(shown->session_order->options[0]->value, REDACT_TEXT);
	cr_expect_eq(shown->session_order->chunk_digests.len, e->session_order->chunk_digests.len);
	free(e->session_order->options[0]->value);
	e->session_order->options[0]->value = strdup("");
	msg_free(shown);
	cr_assert_eq(redact_envelope(e, &shown), ERR_OK);
	cr_expect_str_empty(shown->session_order->options[0]->value, "there is nothing to hide");
}

/* An envelope of one empty message: its tag in one or two bytes, and no length. */
static size_t
empty(int kind, uint8_t out[3])
{
	size_t n = 0;

	out[n++] = (uint8_t)((kind << 3 | 2) & 0x7f) | (kind > 15 ? 0x80 : 0);
	if (kind > 15)
		out[n++] = (uint8_t)(kind >> 4);
	out[n++] = 0;
	return n;
}

Test(redact, a_message_that_says_nothing_stays_one)
{
	for (int kind = GOLDEN_FIRST; kind < GOLDEN_FIRST + GOLDEN_KINDS; kind++) {
		AUTO(msg) Pb__Envelope *e = NULL;
		AUTO(msg) Pb__Envelope *shown = NULL;
		uint8_t bytes[3];
		size_t len = empty(kind, bytes);

		cr_assert_eq(msg_unpack(bytes, len, sizeof(bytes), &e), ERR_OK);
		cr_assert_eq(redact_envelope(e, &shown), ERR_OK);
		cr_expect_eq((int)shown->body_case, kind);
		cr_expect_eq(pb__envelope__get_packed_size(shown), len);
	}
}

/* --- captures --------------------------------------------------------------------------------- */

/* What is in the file; the caller's. */
static char *
text_of(const char *path, size_t *len)
{
	char *text = calloc(1, 1 << 20);
	AUTO(file) FILE *f = fopen(path, "re");

	cr_assert(f && text);
	*len = fread(text, 1, (1 << 20) - 1, f);
	return text;
}

/* An order whose address alone has a secret. */
static Pb__Envelope *
order(void)
{
	uint8_t bytes[GOLDEN_BYTES];
	Pb__Envelope *e = NULL;
	struct golden g;
	size_t len = 0;

	golden_make(PB__ENVELOPE__BODY_FETCH_ORDER, &g);
	g.body.fetch_order.url = golden_text(SECRET);
	cr_assert_eq(msg_pack(&g.e, bytes, sizeof(bytes), &len), ERR_OK);
	cr_assert_eq(msg_unpack(bytes, len, sizeof(bytes), &e), ERR_OK);
	return e;
}

static void
expect_cut(const cJSON *row)
{
	const cJSON *body = cJSON_GetObjectItem(cJSON_GetObjectItem(row, "message"), "fetch_order");

	cr_expect_str_eq(cJSON_GetStringValue(cJSON_GetObjectItem(body, "url")), CUT);
}

Test(redact, a_capture_holds_no_secret_whoever_made_the_line)
{
	static const char line[] = "{\"at\":1,\"daemon\":\"fetchd\",\"from\":\"cloudd\",\"to\":"
				   "\"fetchd\",\"bytes\":9,\"verdict\":\"OK\"}";
	AUTO(scratch) char *dir = kit_scratch();
	AUTO(msg) Pb__Envelope *e = order();
	AUTO(out_json) cJSON *row = cJSON_Parse(line);
	AUTO(mem) char *json = NULL;
	char path[300], why[WHY_SIZE] = "";
	struct pcapng_writer w = {0};
	size_t len = 0;

	cr_assert_eq(dump_json(&e->base, &json), ERR_OK);
	cJSON_AddItemToObject(row, "message", cJSON_Parse(json));
	snprintf(path, sizeof(path), "%s/up.pcapng", dir);
	AUTO(file) FILE *f = fopen(path, "we");
	cr_assert_eq(capture_begin(&w, f), ERR_OK);
	cr_assert_eq(capture_add(&w, row, why), ERR_OK, "%s", why);
	cr_assert_eq(fflush(f), 0);
	AUTO(mem) char *file = text_of(path, &len);

	cr_expect_not_null(memmem(file, len, CUT, strlen(CUT)));
	cr_expect_null(memmem(file, len, "SECRET", 6));
	cr_expect_not_null(memmem(file, len, "[(redact) = REDACT_WHOLE]", 25), "it says why");
}

Test(redact, a_capture_of_somebody_else_is_shown_without_its_secrets)
{
	AUTO(scratch) char *dir = kit_scratch();
	AUTO(msg) Pb__Envelope *e = order();
	AUTO(out_json) cJSON *list = NULL;
	char path[300], why[WHY_SIZE] = "";
	uint8_t bytes[GOLDEN_BYTES];
	struct pcapng_writer w = {0};
	struct pcapng_packet p = {.link = "fetchd:cloudd>fetchd", .data = bytes, .comment = ""};

	cr_assert_eq(msg_pack(e, bytes, sizeof(bytes), &p.len), ERR_OK);
	p.original = p.len;
	snprintf(path, sizeof(path), "%s/up.pcapng", dir);
	AUTO(file) FILE *f = fopen(path, "we");
	cr_assert_eq(capture_begin(&w, f), ERR_OK);
	cr_assert_eq(pcapng_add(&w, &p), ERR_OK);
	cr_assert_eq(fflush(f), 0);
	cr_assert_eq(capture_load(path, &list, why), ERR_OK, "%s", why);
	cr_expect_eq(cJSON_GetArraySize(list), 1);
	expect_cut(cJSON_GetArrayItem(list, 0));
}

/* --- texts ------------------------------------------------------------------------------------ */

Test(redact, an_address_loses_its_query_and_its_password)
{
	static const struct {
		const char *from, *to;
	} rows[] = {
	    {"https://h/p?token=secret", "https://h/p?"},
	    {"https://h/p#secret", "https://h/p#"},
	    {"https://h/p and a b?c", "https://h/p and a b?c"},
	    {"got https://h/p?x=1 instead", "got https://h/p? instead"},
	    {"https://h/p?a=\"secret", "https://h/p?"},
	    {"https://h/p?a='b',c", "https://h/p?"},
	    {"https://u:pw@h/p@q", "https://@h/p@q"},
	    {"https://u:p@w@h?x@y", "https://@h?"},
	    {"a://b?c d://e?f", "a://b? d://e?"},
	    {"a://b ?c", "a://b ?c"},
	    {"a://b/c://d@e?f", "a://b/c://d@e?"},
	    {"://?", "://?"},
	    {"://", "://"},
	    {"", ""},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		AUTO(mem) char *text = strdup(rows[i].from);

		redact_addresses(text);
		cr_expect_str_eq(text, rows[i].to);
		redact_addresses(text);
		cr_expect_str_eq(text, rows[i].to, "a second time");
	}
}
