/*
 * manifest: strict reading. Numbers in comments are those of the adversarial cases.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kit.h"
#include "manifest_make.h"
#include "root.h"

static enum err
parse(const struct bundle_bytes *b)
{
	char why[WHY_SIZE] = "";
	AUTO(manifest) Tr__Manifest *m = NULL;
	enum err e = manifest_parse(b->data, b->len, &m, why);

	cr_assert_eq(e == ERR_OK, why[0] == 0, "a refusal has a reason: %d '%s'", e, why);
	return e;
}

/* Pack a manifest as it is and read it. */
static enum err
parse_packed(const Tr__Manifest *m)
{
	struct bundle_bytes b = {0};

	cr_assert_eq(manifest_make_pack(&m->base, &b), ERR_OK);
	enum err e = parse(&b);

	free(b.data);
	return e;
}

static struct bundle_bytes
packed(void)
{
	AUTO(manifest) Tr__Manifest *m = kit_manifest(&(struct kit_spec){.sequence = 241});
	struct bundle_bytes b = {0};

	cr_assert_eq(manifest_make_pack(&m->base, &b), ERR_OK);
	return b;
}

/* The kit's manifest, changed by a statement, must be refused with this error. */
#define REFUSED(error, statement) \
	do { \
		AUTO(manifest) Tr__Manifest *m = kit_manifest(&(struct kit_spec){0}); \
		Tr__Payload *p = m->payload[0]; \
		(void)p; \
		statement; \
		cr_assert_eq(parse_packed(m), error, "%s", #statement); \
	} while (0)

#define TEXT(field, value) cr_assert_eq(manifest_make_text(&(field), value), ERR_OK)

Test(manifest, reads_what_was_packed)
{
	struct bundle_bytes b = packed();

	cr_assert_eq(parse(&b), ERR_OK);
	free(b.data);
}

/* a digest is never "not checked" */
/* trust: 29 */
Test(manifest, refuses_a_digest_of_any_other_length)
{
	static const size_t lengths[] = {0, 1, 16, 31, 33, 64};

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		/* the right digest, then more of the same; or an upper-case text of one */
		uint8_t bytes[64];

		for (size_t k = 0; k < sizeof(bytes); k++)
			bytes[k] = lengths[i] == 64 ? (uint8_t) "AB01"[k % 4] : (uint8_t)k;
		REFUSED(ERR_MANIFEST, {
			cr_assert_eq(manifest_make_bytes(&p->stored_sha256, bytes, lengths[i]), 0);
			cr_assert_eq(manifest_make_bytes(&p->image_sha256, bytes, 32), ERR_OK);
		});
		REFUSED(ERR_MANIFEST, {
			cr_assert_eq(manifest_make_bytes(&p->stored_sha256, bytes, 32), ERR_OK);
			cr_assert_eq(manifest_make_bytes(&p->image_sha256, bytes, lengths[i]), 0);
		});
	}
	REFUSED(ERR_MANIFEST, {
		Tr__Depends *d = NULL;

		cr_assert_eq(manifest_make_depends(m, "mcu", &d), ERR_OK);
		cr_assert_eq(manifest_make_bytes(&d->image_sha256, "x", 1), ERR_OK);
	});
}

static void
depend_on(Tr__Manifest *m, const char *vendor, const char *model, const char *version)
{
	Tr__Depends *d = NULL;

	cr_assert_eq(manifest_make_depends(m, "mcu", &d), ERR_OK);
	cr_assert_eq(manifest_make_text(&d->vendor, vendor), ERR_OK);
	cr_assert_eq(manifest_make_text(&d->model, model), ERR_OK);
	cr_assert_eq(manifest_make_text(&d->min_version, version), ERR_OK);
}

Test(manifest, a_dependency_on_another_device_names_vendor_and_model_and_versions_are_numbers)
{
	REFUSED(ERR_OK, depend_on(m, "", "", ""));
	REFUSED(ERR_OK, depend_on(m, "acme", "radio-1", "1.20.3"));
	REFUSED(ERR_MANIFEST, depend_on(m, "acme", "", ""));
	REFUSED(ERR_MANIFEST, depend_on(m, "", "radio-1", ""));
	REFUSED(ERR_MANIFEST, depend_on(m, "acme", "radio 1", ""));
	REFUSED(ERR_MANIFEST, depend_on(m, "", "", "v1.2"));
	REFUSED(ERR_MANIFEST, depend_on(m, "", "", "1..2"));
	REFUSED(ERR_MANIFEST, depend_on(m, "", "", "1.2."));
	REFUSED(ERR_MANIFEST, depend_on(m, "", "", "1.2.3.4.5.6.7.8.9.10.11.12.13.14.15"));
}

/* trust: 30 */
Test(manifest, refuses_two_payloads_that_could_be_taken_for_one)
{
	static const char *const others[] = {"app", "APP", "aPp", "app.bin", "app.b"};
	struct bundle_bytes bytes = {(uint8_t *)(uintptr_t) "firmware", 8};
	struct bundle_source s = {bundle_read_memory, &bytes, 8};

	for (size_t i = 0; i <= sizeof(others) / sizeof(others[0]); i++) {
		const char *other = i < 5 ? others[i] : "apps";
		AUTO(manifest) Tr__Manifest *m = kit_manifest(&(struct kit_spec){0});
		Tr__Payload *p = NULL;

		cr_assert_eq(manifest_make_payload(m, other, &s, 256, &p), ERR_OK);
		TEXT(p->driver, "smp");
		TEXT(p->version, "1");
		cr_assert_eq(parse_packed(m), i < 5 ? ERR_MANIFEST : ERR_OK, "%s", other);
		TEXT(p->file, "p0");
		cr_assert_eq(parse_packed(m), ERR_MANIFEST);
		TEXT(p->file, "p1.bin");
		cr_assert_eq(parse_packed(m), ERR_MANIFEST);
	}
}

/* Append an unknown field 99 to a message's bytes by way of protobuf-c itself. */
static void
add_unknown(ProtobufCMessage *m)
{
	ProtobufCMessageUnknownField *u = calloc(1, sizeof(*u));

	u->tag = 99;
	u->wire_type = PROTOBUF_C_WIRE_TYPE_VARINT;
	u->len = 1;
	u->data = malloc(1);
	u->data[0] = 1;
	m->unknown_fields = u;
	m->n_unknown_fields = 1;
}

/* trust: 31 */
Test(manifest, refuses_an_unknown_field_at_every_depth_as_too_new)
{
	Tr__Depends *d = NULL;

	REFUSED(ERR_MANIFEST_TOO_NEW, add_unknown(&m->base));
	REFUSED(ERR_MANIFEST_TOO_NEW, add_unknown(&p->base));
	REFUSED(ERR_MANIFEST_TOO_NEW, add_unknown(&m->target[0]->base));
	REFUSED(ERR_MANIFEST_TOO_NEW, {
		cr_assert_eq(manifest_make_hint(p, "slot", "1"), ERR_OK);
		add_unknown(&p->driver_hint[0]->base);
	});
	REFUSED(ERR_MANIFEST_TOO_NEW, {
		cr_assert_eq(manifest_make_depends(m, "mcu", &d), ERR_OK);
		add_unknown(&d->base);
	});
	REFUSED(ERR_MANIFEST_TOO_NEW, {
		Tr__HwRange *r = malloc(sizeof(*r));

		tr__hw_range__init(r);
		r->max = 3;
		m->target[0]->hw_range = r;
		add_unknown(&r->base);
	});
}

Test(manifest, refuses_a_newer_format_and_a_newer_gateway_as_too_new)
{
	REFUSED(ERR_MANIFEST_TOO_NEW, m->format = 2);
	REFUSED(ERR_MANIFEST, m->format = 0);
	REFUSED(ERR_OK, TEXT(m->min_gateway, SUBOTA_VERSION));
	REFUSED(ERR_OK, TEXT(m->min_gateway, "0.0.1"));
	REFUSED(ERR_MANIFEST_TOO_NEW, TEXT(m->min_gateway, "99.0.0"));
	REFUSED(ERR_MANIFEST, TEXT(m->min_gateway, "1.0"));
	REFUSED(ERR_MANIFEST, TEXT(m->min_gateway, "0.0.1-rc"));
	REFUSED(ERR_MANIFEST, TEXT(m->min_gateway, "00.0.1"));
}

static enum err
parse_with(const struct bundle_bytes *b, size_t at, size_t cut, const void *in, size_t n)
{
	struct bundle_bytes out = {malloc(b->len + n), b->len + n - cut};

	memcpy(out.data, b->data, at);
	memcpy(out.data + at, in, n);
	memcpy(out.data + at + n, b->data + at + cut, b->len - at - cut);
	enum err e = parse(&out);

	free(out.data);
	return e;
}

/* Offset of the first byte of a field at the top level. */
static size_t
field_at(const struct bundle_bytes *b, unsigned want)
{
	size_t at = 0;

	while (at < b->len) {
		unsigned tag = b->data[at] >> 3, wire;

		wire = b->data[at] & 7;
		if (b->data[at] & 0x80)
			tag = (tag & 15) | (unsigned)b->data[at + 1] << 4;
		if (tag == want)
			return at;
		at += b->data[at] & 0x80 ? 2 : 1;
		uint64_t v = 0;

		for (unsigned shift = 0;; shift += 7) {
			v |= (uint64_t)(b->data[at] & 0x7f) << shift;
			if (!(b->data[at++] & 0x80))
				break;
		}
		at += wire == 2 ? v : 0;
	}
	cr_assert_fail("no field %u", want);
	return 0;
}

/* a duplicate scalar wins silently in protobuf, sequence 241 becomes 1 */
/* trust: 32 */
Test(manifest, refuses_everything_but_the_canonical_encoding)
{
	struct bundle_bytes b = packed();
	size_t sequence = field_at(&b, 9), format = field_at(&b, 2);

	cr_assert_eq(b.data[sequence], 9 << 3);
	cr_assert_eq(parse_with(&b, b.len, 0, "\x48\x01", 2), ERR_MANIFEST, "duplicate scalar");
	cr_assert_eq(parse_with(&b, sequence, 0, "\x48\x01", 2), ERR_MANIFEST, "duplicate before");
	cr_assert_eq(
	    parse_with(&b, sequence + 1, 2, "\xf1\x81\x00", 3), ERR_MANIFEST, "long varint");
	cr_assert_eq(parse_with(&b, format, 2, "", 0), ERR_MANIFEST, "format missing");
	cr_assert_eq(parse_with(&b, b.len, 0, "\x10\x01", 2), ERR_MANIFEST, "out of order");
	cr_assert_eq(parse_with(&b, sequence, 3, "\x4a\x01\x05", 3), ERR_MANIFEST, "wire type");
	cr_assert_eq(parse_with(&b, sequence, 0, "\x50\x00", 2), ERR_MANIFEST, "explicit default");
	cr_assert_eq(parse_with(&b, b.len, 0, "\x0b\x0c", 2), ERR_MANIFEST, "group");
	cr_assert_eq(parse_with(&b, b.len, 0, "\x00", 1), ERR_MANIFEST, "zero byte");
	free(b.data);
}

Test(manifest, refuses_every_truncation)
{
	struct bundle_bytes b = packed();

	for (size_t n = 0; n < b.len; n++) {
		/* of its own size, so that a sanitizer sees a byte too many */
		struct bundle_bytes cut = {malloc(n + 1), n};

		memcpy(cut.data, b.data, n);
		enum err e = parse(&cut);

		cr_assert(e == ERR_MANIFEST || e == ERR_MANIFEST_TOO_NEW, "length %zu: %d", n, e);
		free(cut.data);
	}
	free(b.data);
}

/* repeated numbers do not occur; a NUL inside a text does */
/* trust: 32 */
Test(manifest, refuses_a_text_with_a_nul_inside)
{
	struct bundle_bytes b = packed();
	size_t publisher = field_at(&b, 3);

	cr_assert_eq(b.data[publisher + 1], 4); /* acme */
	cr_assert_eq(parse_with(&b, publisher, 6,
			 "\x1a\x06"
			 "acme\0x",
			 8),
	    ERR_MANIFEST);
	free(b.data);
}

/* trust: 33 */
Test(manifest, refuses_texts_that_are_long_or_not_plain)
{
	static const char *const bad[] = {"", " ", "a b", "a\nb", "\x1b[2J", "\xff\xfe", "a/b",
	    "../x", "a\"b", "$(reboot)", "\xc3\xa9"};
	AUTO(mem) char *huge = calloc(1, 65537);

	memset(huge, 'x', 65536);
	for (size_t i = 0; i <= sizeof(bad) / sizeof(bad[0]); i++) {
		const char *s = i < sizeof(bad) / sizeof(bad[0]) ? bad[i] : huge;

		REFUSED(ERR_MANIFEST, TEXT(m->version, s));
		REFUSED(ERR_MANIFEST, TEXT(m->publisher, s));
		REFUSED(ERR_MANIFEST, TEXT(m->release_id, s));
		REFUSED(ERR_MANIFEST, TEXT(m->role, s));
		REFUSED(ERR_MANIFEST, TEXT(m->target[0]->vendor, s));
		REFUSED(ERR_MANIFEST, TEXT(m->target[0]->model, s));
		REFUSED(ERR_MANIFEST, TEXT(p->component, s));
		REFUSED(ERR_MANIFEST, TEXT(p->version, s));
		REFUSED(ERR_MANIFEST, TEXT(p->driver, s));
	}
	huge[MANIFEST_NAME_MAX + 1] = 0;
	REFUSED(ERR_MANIFEST, TEXT(m->version, huge));
	huge[MANIFEST_NAME_MAX] = 0;
	REFUSED(ERR_OK, TEXT(m->version, huge));
}

/* what is quoted in a reason is harmless */
/* trust: 33 */
Test(manifest, quotes_nothing_unprintable)
{
	AUTO(manifest) Tr__Manifest *m = kit_manifest(&(struct kit_spec){0});
	char why[WHY_SIZE] = "";

	TEXT(m->version, "\x1b[2J\nforged line\xff");
	cr_assert_eq(manifest_check(m, why), ERR_MANIFEST);
	for (const char *c = why; *c; c++)
		cr_assert(*c >= 0x20 && *c <= 0x7e);
	cr_assert(strstr(why, "forged"), "%s", why);
}

/* trust: 34 */
Test(manifest, refuses_another_document_of_the_same_key)
{
	static const char notes[] = "Release notes of 2.4.1\n";
	AUTO(scratch) char *dir = kit_scratch();
	AUTO(kit) struct kit *kit = kit_new(dir);
	struct bundle_bytes b = {(uint8_t *)(uintptr_t)notes, sizeof(notes) - 1}, root = {0};

	cr_assert_eq(parse(&b), ERR_MANIFEST);
	cr_assert_eq(manifest_make_pack(&kit->doc->base, &root), ERR_OK);
	cr_assert_eq(parse(&root), ERR_MANIFEST);
	free(root.data);
	REFUSED(ERR_MANIFEST, TEXT(m->magic, "subota.manifest.v2"));
	REFUSED(ERR_MANIFEST, TEXT(m->magic, ""));
}

/* trust: 35 */
Test(manifest, refuses_a_chunk_list_that_does_not_fit)
{
	static const uint32_t sizes[] = {
	    0, 1, 255, 257, 4096 + 1, 2 * 1024 * 1024, UINT32_C(1) << 31, UINT32_MAX};
	static uint8_t zeros[64 * 32];

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		REFUSED(ERR_MANIFEST, p->chunk_size = sizes[i]);
	REFUSED(ERR_OK, p->chunk_size = MANIFEST_CHUNK_MAX);
	REFUSED(ERR_OK, p->chunk_size = 256 * 3);
	for (size_t n = 0; n <= 64; n++)
		REFUSED(n == 32 ? ERR_OK : ERR_MANIFEST,
		    cr_assert_eq(manifest_make_bytes(&p->chunk_digests, zeros, n), ERR_OK));
	/* 257 chunks of 256, and their neighbours */
	static uint8_t image[256 * 8 + 1];
	AUTO(manifest)
	Tr__Manifest *m = kit_manifest(
	    &(struct kit_spec){.payload = image, .payload_len = sizeof(image), .chunk_size = 256});

	cr_assert_eq(manifest_chunks(m->payload[0]), 9u);
	cr_assert_eq(manifest_chunk_len(m->payload[0], 8), 1u);
	cr_assert_eq(manifest_chunk_len(m->payload[0], 9), 0u);
	cr_assert_eq(manifest_chunk_len(m->payload[0], 7), 256u);
	for (size_t n = 8; n <= 10; n++) {
		cr_assert_eq(
		    manifest_make_bytes(&m->payload[0]->chunk_digests, zeros, n * 32), ERR_OK);
		cr_assert_eq(parse_packed(m), n == 9 ? ERR_OK : ERR_MANIFEST);
	}
}

/* trust: 24 */
Test(manifest, refuses_sizes_and_numbers_out_of_range)
{
	static const uint64_t sizes[] = {0, (UINT64_C(1) << 31) - 1, UINT64_C(1) << 31,
	    UINT64_C(1) << 32, (UINT64_C(1) << 33) - 1, UINT64_C(1) << 33, UINT64_C(1) << 63,
	    UINT64_MAX};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		REFUSED(ERR_MANIFEST, p->stored_size = sizes[i]);
		REFUSED(ERR_MANIFEST, p->image_size = sizes[i]);
		REFUSED(ERR_MANIFEST, p->stored_size = p->image_size = sizes[i]);
	}
	REFUSED(ERR_MANIFEST, m->sequence = 0);
	REFUSED(ERR_MANIFEST, m->sequence = UINT64_C(1) << 63);
	REFUSED(ERR_OK, m->sequence = INT64_MAX);
	REFUSED(ERR_MANIFEST, m->security_counter = UINT64_C(1) << 63);
	REFUSED(ERR_MANIFEST, m->created_ms = 0);
	REFUSED(ERR_MANIFEST, m->expires_ms = 0);
	REFUSED(ERR_MANIFEST, m->expires_ms = m->created_ms);
	REFUSED(ERR_MANIFEST, m->expires_ms = UINT64_MAX);
	REFUSED(ERR_MANIFEST, m->not_before_ms = m->expires_ms);
}

/* this version expands nothing and patches nothing, and says so */
/* trust: 36 37 */
Test(manifest, refuses_compression_and_delta)
{
	REFUSED(ERR_UNSUPPORTED, TEXT(p->compression, "zstd"));
	REFUSED(ERR_MANIFEST, TEXT(p->compression, "gzip"));
	REFUSED(ERR_UNSUPPORTED, {
		p->delta = malloc(sizeof(*p->delta));
		tr__delta__init(p->delta);
		TEXT(p->delta->format, "bsdiff");
	});
	/* without either, image and stored bytes are one thing */
	REFUSED(ERR_MANIFEST, p->image_sha256.data[0] ^= 1);
	REFUSED(ERR_MANIFEST, p->image_size = 9);
}

Test(manifest, refuses_lists_over_their_limits)
{
	REFUSED(ERR_MANIFEST, {
		for (int i = 0; i < MANIFEST_TARGETS_MAX; i++)
			cr_assert_eq(manifest_make_target(m, "acme", "m", NULL), ERR_OK);
	});
	REFUSED(ERR_MANIFEST, {
		for (int i = 0; i <= MANIFEST_DEVICES_MAX; i++)
			cr_assert_eq(
			    manifest_make_add_text(&m->device_id, &m->n_device_id, "d"), 0);
	});
	REFUSED(ERR_MANIFEST, {
		char key[16];

		for (int i = 0; i <= MANIFEST_HINTS_MAX; i++) {
			snprintf(key, sizeof(key), "k%d", i);
			cr_assert_eq(manifest_make_hint(p, key, "v"), ERR_OK);
		}
	});
	REFUSED(ERR_MANIFEST, {
		Tr__Depends *d = NULL;

		for (int i = 0; i <= MANIFEST_DEPENDS_MAX; i++)
			cr_assert_eq(manifest_make_depends(m, "c", &d), ERR_OK);
	});
	REFUSED(ERR_MANIFEST, {
		tr__target__free_unpacked(m->target[0], NULL);
		m->n_target = 0;
	});
}

Test(manifest, refuses_hints_that_are_not_ascending_or_not_plain)
{
	REFUSED(ERR_OK, {
		cr_assert_eq(manifest_make_hint(p, "slot", "1"), ERR_OK);
		cr_assert_eq(manifest_make_hint(p, "baud", "115200"), ERR_OK);
		cr_assert_str_eq(manifest_hint(p, "slot"), "1");
		cr_assert_null(manifest_hint(p, "slo"));
	});
	REFUSED(ERR_MANIFEST, {
		cr_assert_eq(manifest_make_hint(p, "a", "1"), ERR_OK);
		cr_assert_eq(manifest_make_hint(p, "b", "1"), ERR_OK);
		TEXT(p->driver_hint[1]->key, "a");
	});
	REFUSED(ERR_MANIFEST, cr_assert_eq(manifest_make_hint(p, "a", "x\ny"), ERR_OK));
	REFUSED(ERR_MANIFEST, cr_assert_eq(manifest_make_hint(p, "A", "x"), ERR_OK));
}
