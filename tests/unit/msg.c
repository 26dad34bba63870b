/*
 * msg: packing and unpacking, and the budget for memory. The rules of every field: msg_rules.c.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "fields.h"
#include "golden.h"
#include "msg.h"
#include "route.h"

/* --- golden frames ---------------------------------------------------------------------------- */

static size_t
read_frame(int kind, uint8_t out[GOLDEN_BYTES])
{
	char path[100];

	golden_path(kind, path);
	AUTO(file) FILE *f = fopen(path, "rbe");
	cr_assert_not_null(f, "%s is missing: make golden-frames", path);
	return fread(out, 1, GOLDEN_BYTES, f);
}

Test(msg, canonical_message_of_each_kind_packs_to_its_golden_frame)
{
	for (int kind = GOLDEN_FIRST; kind < GOLDEN_FIRST + GOLDEN_KINDS; kind++) {
		struct golden g;
		uint8_t frame[GOLDEN_BYTES], bytes[GOLDEN_BYTES];
		size_t want = read_frame(kind, frame), len = 0;

		golden_make(kind, &g);
		cr_assert_eq(msg_pack(&g.e, bytes, sizeof(bytes), &len), ERR_OK);
		cr_expect_eq(len, want, "%s", route_kind_name(kind));
		cr_expect_arr_eq(bytes, frame, want, "%s", route_kind_name(kind));
	}
}

Test(msg, golden_frame_of_each_kind_unpacks_passes_its_check_and_packs_to_itself)
{
	for (int kind = GOLDEN_FIRST; kind < GOLDEN_FIRST + GOLDEN_KINDS; kind++) {
		uint8_t frame[GOLDEN_BYTES], bytes[GOLDEN_BYTES];
		size_t n = read_frame(kind, frame), len = 0, rows = 0;
		const struct route_row *r = route_rows(&rows);
		AUTO(msg) Pb__Envelope *e = NULL;

		cr_assert_eq(msg_unpack(frame, n, n, &e), ERR_OK);
		cr_assert_eq((int)e->body_case, kind);
		while (r->kind != kind)
			r++;
		cr_expect_eq(r->check(e), ERR_OK, "%s", route_kind_name(kind));
		cr_assert_eq(msg_pack(e, bytes, sizeof(bytes), &len), ERR_OK);
		cr_expect_eq(len, n);
		cr_expect_arr_eq(bytes, frame, n);
	}
}

/* Fields that are younger than the golden frame of their kind, which is kept as it is. */
static bool
is_younger(const char *message, const char *field)
{
	static const char *const list[][2] = {
	    {"subota.v1.DeviceReport", "place"}, {"subota.v1.DeviceReport", "places"},
	    {"subota.v1.FetchOrder", "files"}, {"subota.v1.CourierOrder", "begins_at"},
	    {"subota.v1.Query", "data"}, {"subota.v1.Report", "head"},
	    {"subota.v1.SessionOrder", "boot_pin"}, {"subota.v1.SessionOrder", "reset_pin"},
	    {"subota.v1.SessionReport", "unit"},
	    {"subota.v1.SessionReport", "active_on_trial"}};

	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++)
		if (strcmp(list[i][0], message) == 0 && strcmp(list[i][1], field) == 0)
			return true;
	return false;
}

/* A field that is zero is not on the wire, so a frame would say nothing about it. */
static void
expect_all_set(const ProtobufCMessage *m)
{
	static const ProtobufCBinaryData none;
	const char *text = NULL;

	for (unsigned k = 0; k < m->descriptor->n_fields; k++) {
		const ProtobufCFieldDescriptor *f = &m->descriptor->fields[k];
		bool choice = f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF ||
			      is_younger(m->descriptor->name, f->name);
		size_t n = fields_count(m, f);

		cr_expect(n > 0 || choice, "%s.%s", m->descriptor->name, f->name);
		if (n == 0 || is_younger(m->descriptor->name, f->name))
			continue;
		const void *at = fields_value(m, f, 0);
		if (f->type == PROTOBUF_C_TYPE_MESSAGE)
			expect_all_set(fields_message(m, f, 0));
		else if (f->type == PROTOBUF_C_TYPE_STRING)
			memcpy(&text, at, sizeof(text));
		else
			cr_expect(memcmp(at, &none, 4) != 0, "%s.%s", m->descriptor->name, f->name);
		if (f->type == PROTOBUF_C_TYPE_STRING)
			cr_expect(text[0], "%s.%s", m->descriptor->name, f->name);
	}
}

Test(msg, canonical_messages_leave_no_field_unset)
{
	for (int kind = GOLDEN_FIRST; kind < GOLDEN_FIRST + GOLDEN_KINDS; kind++) {
		struct golden g;

		golden_make(kind, &g);
		expect_all_set(&g.e.base);
	}
}

Test(msg, envelope_has_no_kind_beyond_the_golden_ones)
{
	for (unsigned i = 0; i < pb__envelope__descriptor.n_fields; i++) {
		unsigned tag = pb__envelope__descriptor.fields[i].id;

		cr_expect(tag < GOLDEN_FIRST + GOLDEN_KINDS, "tag %u has no golden message", tag);
	}
}

/* --- packing ---------------------------------------------------------------------------------- */

Test(msg, packing_fits_exactly_or_is_refused)
{
	struct golden g;
	uint8_t bytes[GOLDEN_BYTES];
	size_t len = 0;

	golden_make(PB__ENVELOPE__BODY_REPORT, &g);
	size_t need = pb__envelope__get_packed_size(&g.e);
	cr_expect_eq(msg_pack(&g.e, bytes, need - 1, &len), ERR_LIMIT);
	cr_expect_eq(msg_pack(&g.e, bytes, need, &len), ERR_OK);
	cr_expect_eq(len, need);
}

Test(msg, unpacking_has_a_limit_and_takes_what_lies_on_it)
{
	uint8_t frame[GOLDEN_BYTES];
	size_t n = read_frame(PB__ENVELOPE__BODY_QUERY, frame);
	AUTO(msg) Pb__Envelope *e = NULL;

	cr_expect_eq(msg_unpack(frame, n, n - 1, &e), ERR_LIMIT);
	cr_expect_null(e);
	cr_expect_eq(msg_unpack(frame, n, n, &e), ERR_OK);
}

Test(msg, frame_cut_inside_a_body_does_not_unpack)
{
	for (int kind = GOLDEN_FIRST; kind < GOLDEN_FIRST + GOLDEN_KINDS; kind++) {
		uint8_t frame[GOLDEN_BYTES];
		size_t n = read_frame(kind, frame);

		for (size_t cut = 1; cut < n; cut++) {
			AUTO(msg) Pb__Envelope *e = NULL;
			enum err err = msg_unpack(frame, cut, n, &e);

			cr_expect(err == ERR_MESSAGE || e->body_case == 0, "%s cut to %zu of %zu",
			    route_kind_name(kind), cut, n);
		}
	}
}

Test(msg, nothing_unpacks_to_an_envelope_without_a_body)
{
	AUTO(msg) Pb__Envelope *e = NULL;

	cr_assert_eq(msg_unpack((const uint8_t *)"", 0, 10, &e), ERR_OK);
	cr_expect_eq((int)e->body_case, 0);
}

/* --- strangers -------------------------------------------------------------------------------- */

static const uint8_t unknown_field[] = {0xfa, 0x3f, 0x03, 'x', 'y', 'z'}; /* tag 1023, bytes */

Test(msg, unknown_fields_at_any_depth_count_as_nothing)
{
	/* proto 1, body Cancel {reason "r", unknown}, unknown */
	uint8_t frame[32] = {0x08, 1, 0xa2, 0x01, 9, 0x0a, 1, 'r'};
	uint8_t bytes[32];
	size_t len = 0;
	AUTO(msg) Pb__Envelope *e = NULL;

	memcpy(frame + 8, unknown_field, 6);
	memcpy(frame + 14, unknown_field, 6);
	cr_assert_eq(msg_unpack(frame, 20, 20, &e), ERR_OK);
	cr_expect_eq(e->base.n_unknown_fields, 0);
	cr_expect_eq(e->cancel->base.n_unknown_fields, 0);
	cr_expect_str_eq(e->cancel->reason, "r");
	cr_assert_eq(msg_pack(e, bytes, sizeof(bytes), &len), ERR_OK);
	cr_expect_eq(len, 8, "passed on without them, got %zu bytes", len);
}

/* Repeat `unit` until `len` bytes are full; the result is the caller's. */
static uint8_t *
flood(const uint8_t *unit, size_t n, size_t len)
{
	uint8_t *all = malloc(len);

	cr_assert_not_null(all);
	for (size_t at = 0; at < len; at += n)
		memcpy(all + at, unit, n);
	return all;
}

Test(msg, flood_of_tiny_unknown_fields_is_over_the_budget)
{
	static const uint8_t tiny[] = {0x28, 0}; /* tag 5, 0 */
	AUTO(mem) uint8_t *all = flood(tiny, 2, ROUTE_PIPE_MAX);
	AUTO(msg) Pb__Envelope *e = NULL;

	cr_expect_eq(msg_unpack(all, ROUTE_PIPE_MAX, ROUTE_PIPE_MAX, &e), ERR_MESSAGE);
	cr_expect_null(e);
}

Test(msg, flood_of_empty_hosts_is_over_the_budget)
{
	enum { COUNT = 400000 };
	AUTO(mem) uint8_t *frame = malloc(10 + 2 * COUNT);
	static const uint8_t head[] = {
	    0xb2, 0x01, 0x80, 0xea, 0x30}; /* courier_order, 800000 bytes */
	AUTO(msg) Pb__Envelope *e = NULL;

	memcpy(frame, head, 5);
	for (size_t i = 0; i < COUNT; i++)
		memcpy(frame + 5 + 2 * i, "\x42\0", 2);
	cr_expect_eq(msg_unpack(frame, 5 + 2 * COUNT, ROUTE_PIPE_MAX, &e), ERR_MESSAGE);
}

Test(msg, flood_of_the_same_body_is_over_the_budget)
{
	/* courier_order {hosts "a"}, over and over: each is merged with those before it */
	static const uint8_t again[] = {0xb2, 0x01, 3, 0x42, 1, 'a'};
	size_t len = 6 * (ROUTE_BUS_MAX / 6);
	AUTO(mem) uint8_t *all = flood(again, 6, len);
	AUTO(msg) Pb__Envelope *e = NULL;

	cr_expect_eq(msg_unpack(all, len, ROUTE_BUS_MAX, &e), ERR_MESSAGE);
}

Test(msg, two_bodies_in_one_envelope_leave_the_last_one)
{
	/* ping {nonce 5}, cancel {} */
	static const uint8_t both[] = {0x5a, 2, 0x08, 5, 0xa2, 0x01, 0};
	AUTO(msg) Pb__Envelope *e = NULL;

	cr_assert_eq(msg_unpack(both, sizeof(both), sizeof(both), &e), ERR_OK);
	cr_expect_eq((int)e->body_case, PB__ENVELOPE__BODY_CANCEL);
}

/* The largest honest message: chunk digests to the row's limit. */
Test(msg, order_with_as_many_digests_as_fit_unpacks)
{
	struct golden g;
	size_t n = 30000 * 32, len = 0;
	AUTO(mem) uint8_t *digests = calloc(1, n + 32);
	AUTO(mem) uint8_t *bytes = malloc(ROUTE_PIPE_MAX);
	AUTO(msg) Pb__Envelope *e = NULL;

	golden_make(PB__ENVELOPE__BODY_SESSION_ORDER, &g);
	g.body.session_order.chunk_digests = (ProtobufCBinaryData){n, digests};
	cr_assert_eq(msg_pack(&g.e, bytes, ROUTE_PIPE_MAX, &len), ERR_OK);
	cr_assert_eq(msg_unpack(bytes, len, ROUTE_PIPE_MAX, &e), ERR_OK);
	cr_expect_eq(msg_check_session_order(e), ERR_OK);
	g.body.session_order.chunk_digests.len += 32;
	cr_expect_eq(msg_check_session_order(&g.e), ERR_MESSAGE);
}

/* rule: url-files */
Test(msg, a_fetch_order_names_at_most_five_files_that_add_up)
{
	static uint8_t md5[16];
	Pb__FetchFile file[6], *list[6];
	struct golden g;

	golden_make(PB__ENVELOPE__BODY_FETCH_ORDER, &g);
	Pb__FetchOrder *o = g.e.fetch_order;
	o->md5.len = o->sha256.len = 0;
	for (size_t i = 0; i < 6; i++) {
		list[i] = &file[i];
		pb__fetch_file__init(list[i]);
		file[i].url = golden_text("https://h/a");
		file[i].size = 10;
		file[i].md5 = (ProtobufCBinaryData){sizeof(md5), md5};
	}
	o->files = list;
	for (size_t n = 1; n <= 6; n++) {
		o->n_files = n;
		o->size = 10 * n;
		cr_expect_eq(msg_check_fetch_order(&g.e) == ERR_OK, n <= 5, "%zu files", n);
	}
	o->n_files = 2;
	o->size = 21;
	cr_expect_neq(msg_check_fetch_order(&g.e), ERR_OK, "they do not add up");
	file[1].size = 11;
	cr_expect_eq(msg_check_fetch_order(&g.e), ERR_OK);
	o->sha256 = (ProtobufCBinaryData){32, g.digest};
	cr_expect_neq(msg_check_fetch_order(&g.e), ERR_OK, "whose digest would that be?");
	o->sha256.len = 0;
	file[1].md5.len = 15;
	cr_expect_neq(msg_check_fetch_order(&g.e), ERR_OK);
	file[1].md5.len = 16;
	file[1].url = golden_text("");
	cr_expect_neq(msg_check_fetch_order(&g.e), ERR_OK);
}
