/*
 * bundle: framing. Numbers in comments are those of the adversarial cases.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bundle_write.h"
#include "kit.h"
#include "root.h"
#include "ustar.h"

/* A bundle in memory that tests may cut up, with the kit that made it. */
struct box {
	char *dir;
	struct kit *kit;
	struct bundle_bytes file;
};

static struct box
box_new(const struct kit_spec *spec)
{
	struct box b = {.dir = kit_scratch()};

	b.kit = kit_new(b.dir);
	b.file = kit_bundle(b.kit, spec);
	return b;
}

static void
box_fini(struct box *b)
{
	free(b->file.data);
	kit_free(b->kit);
	kit_scratch_remove(b->dir);
}

#define BOX(name, ...) \
	__attribute__((cleanup(box_fini))) struct box name = box_new( \
	    &(struct kit_spec){__VA_ARGS__})

static enum err
judge_fresh(const struct box *b, const void *file, size_t len)
{
	AUTO(trust) struct trust *t = kit_trust(b->kit, NULL);

	return kit_judge(t, file, len, NULL);
}

/* The file with `n` bytes put in at `at`. */
static struct bundle_bytes
with_inserted(const struct bundle_bytes *f, size_t at, const void *data, size_t n)
{
	struct bundle_bytes out = {malloc(f->len + n), f->len + n};

	memcpy(out.data, f->data, at);
	memcpy(out.data + at, data, n);
	memcpy(out.data + at + n, f->data + at, f->len - at);
	return out;
}

static size_t
padded(size_t n)
{
	return n + ustar_padding(n);
}

/* Offset of the n-th member's header. */
static size_t
member_at(const struct bundle_bytes *f, unsigned n)
{
	size_t at = 0;

	while (n-- > 0) {
		char name[USTAR_NAME_MAX + 1];
		uint64_t size = 0;

		cr_assert_eq(ustar_parse(f->data + at, name, &size), ERR_OK);
		at += USTAR_BLOCK + padded(size);
	}
	return at;
}

static size_t
member_len(const struct bundle_bytes *f, unsigned n)
{
	return member_at(f, n + 1) - member_at(f, n);
}

Test(bundle, reads_back_what_was_written)
{
	BOX(b, .sequence = 3);
	char why[WHY_SIZE] = "";

	cr_assert_eq(b.file.len % BUNDLE_BLOCK, 0u);
	AUTO(trust) struct trust *t = kit_trust(b.kit, NULL);

	cr_assert_eq(kit_judge(t, b.file.data, b.file.len, why), ERR_OK, "%s", why);
}

/* every byte with four masks; the prototype let the untrusted comment escape */
/* trust: 7 */
Test(bundle, refuses_every_changed_byte)
{
	static const uint8_t masks[] = {0x01, 0x20, 0x80, 0xff};
	BOX(b, .sequence = 3);
	AUTO(trust) struct trust *t = kit_trust(b.kit, NULL);

	for (size_t i = 0; i < b.file.len; i++)
		for (size_t m = 0; m < sizeof(masks); m++) {
			b.file.data[i] ^= masks[m];
			cr_assert_neq(kit_judge(t, b.file.data, b.file.len, NULL), ERR_OK,
			    "byte %zu mask %02x", i, masks[m]);
			b.file.data[i] ^= masks[m];
		}
	cr_assert_eq(kit_judge(t, b.file.data, b.file.len, NULL), ERR_OK);
}

/* trust: 7 */
Test(bundle, refuses_every_truncation_and_says_more_bytes_are_needed)
{
	BOX(b, .sequence = 3);
	AUTO(trust) struct trust *t = kit_trust(b.kit, NULL);

	for (size_t n = 0; n < b.file.len; n++)
		cr_assert_eq(kit_judge(t, b.file.data, n, NULL), ERR_TRUNCATED, "length %zu", n);
}

/* with a root document in front whose change must be noticed too */
/* trust: 7 */
Test(bundle, refuses_every_changed_byte_of_a_root_it_carries)
{
	BOX(b, .sequence = 3);
	struct kit_spec spec = {.sequence = 3};
	AUTO(bundle_head) struct bundle_head *h = kit_head(b.kit, &spec);
	AUTO(root) Tr__Root *next = kit_next_root(b.kit->doc);

	kit_add_root(b.kit, h, next, 3);
	struct bundle_bytes f = kit_file_of(h, &spec);
	size_t end = member_at(&f, 3);

	cr_assert_eq(judge_fresh(&b, f.data, f.len), ERR_OK);
	for (size_t i = 0; i < end; i++) {
		f.data[i] ^= 0x20;
		cr_assert_neq(judge_fresh(&b, f.data, f.len), ERR_OK, "byte %zu", i);
		f.data[i] ^= 0x20;
	}
	free(f.data);
}

Test(bundle, gives_the_head_as_soon_as_it_is_there)
{
	BOX(b, .sequence = 3);
	size_t payload = member_at(&b.file, 2);

	for (size_t n = 0; n <= payload + USTAR_BLOCK; n += 100) {
		AUTO(bundle_head) struct bundle_head *h = NULL;
		enum err e = bundle_read_head(bundle_read_memory, &b.file, n, &h, NULL);

		cr_assert_eq(e, n < payload + USTAR_BLOCK ? ERR_TRUNCATED : ERR_OK, "at %zu", n);
	}
}

Test(bundle, calls_a_raw_image_unsigned)
{
	static uint8_t raw[4096];
	static const uint8_t elf[2048] = "\177ELF";
	struct bundle_bytes a = {raw, sizeof(raw)}, e = {(uint8_t *)(uintptr_t)elf, sizeof(elf)};
	struct bundle_head *h = NULL;

	memset(raw, 0xff, sizeof(raw));
	cr_assert_eq(bundle_read_head(bundle_read_memory, &a, a.len, &h, NULL), ERR_UNSIGNED);
	cr_assert_eq(bundle_read_head(bundle_read_memory, &e, e.len, &h, NULL), ERR_UNSIGNED);
	memset(raw, 0, sizeof(raw));
	cr_assert_eq(bundle_read_head(bundle_read_memory, &a, a.len, &h, NULL), ERR_UNSIGNED);
}

/* trust: 23 */
Test(bundle, refuses_anything_but_two_to_twenty_zero_blocks_at_the_end)
{
	BOX(b, .sequence = 3);
	AUTO(trust) struct trust *t = kit_trust(b.kit, NULL);
	AUTO(mem) uint8_t *f = calloc(1, b.file.len + 64 * 512);
	size_t body = b.file.len - 2 * 512;

	memcpy(f, b.file.data, b.file.len);
	for (unsigned blocks = 0; blocks <= 64; blocks++) {
		enum err want = blocks < 2 ? ERR_TRUNCATED : blocks <= 20 ? ERR_OK : ERR_FRAME;

		cr_assert_eq(kit_judge(t, f, body + blocks * 512, NULL), want, "%u", blocks);
	}
	cr_assert_eq(kit_judge(t, f, b.file.len + 1, NULL), ERR_FRAME);
	f[b.file.len + 3] = 1;
	cr_assert_eq(kit_judge(t, f, b.file.len + 512, NULL), ERR_FRAME);
	f[b.file.len + 3] = 0;
	cr_assert_eq(kit_judge(t, f, b.file.len + 512, NULL), ERR_OK);
}

/* trust: 23 */
Test(bundle, refuses_leading_garbage_and_dirty_padding)
{
	BOX(b, .sequence = 3);
	static const uint8_t zeros[512];
	struct bundle_bytes f = with_inserted(&b.file, 0, zeros, 512);
	size_t manifest_end = member_at(&b.file, 1);

	cr_assert_eq(judge_fresh(&b, f.data, f.len), ERR_UNSIGNED);
	free(f.data);
	b.file.data[manifest_end - 1] = 1;
	cr_assert_eq(judge_fresh(&b, b.file.data, b.file.len), ERR_FRAME);
}

/* sizes that overflow somebody's integer; nothing large is allocated */
/* trust: 24 */
Test(bundle, refuses_every_size_above_its_cap)
{
	static const uint64_t sizes[] = {0, BUNDLE_MANIFEST_BYTES + 1, (UINT64_C(1) << 31) - 1,
	    UINT64_C(1) << 31, UINT64_C(1) << 32, (UINT64_C(1) << 33) - 1};
	uint8_t block[USTAR_BLOCK];

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct bundle_bytes f = {block, sizeof(block)};
		struct bundle_head *h = NULL;

		cr_assert_eq(ustar_format("manifest", sizes[i], block), ERR_OK);
		cr_assert_eq(
		    bundle_read_head(bundle_read_memory, &f, sizeof(block), &h, NULL), ERR_LIMIT);
		/* however long the file claims to be */
		cr_assert_eq(
		    bundle_read_head(bundle_read_memory, &f, UINT64_MAX, &h, NULL), ERR_LIMIT);
	}
	cr_assert_eq(ustar_format("manifest", UINT64_C(1) << 33, block), ERR_INVALID);
	cr_assert_eq(ustar_format("manifest", UINT64_C(1) << 63, block), ERR_INVALID);
}

/* base-256, blanks and signs that other readers take for a size */
/* trust: 24 */
Test(bundle, refuses_every_other_spelling_of_a_size)
{
	static const char *const spellings[] = {"\x80\0\0\0\0\0\0\0\0\0\0\1", "         10 ",
	    "00000000-10", "0x000000010", "00000000018"};

	for (size_t i = 0; i < sizeof(spellings) / sizeof(spellings[0]); i++) {
		uint8_t block[USTAR_BLOCK];
		char name[USTAR_NAME_MAX + 1];
		uint64_t size;

		cr_assert_eq(ustar_format("p0", 8, block), ERR_OK);
		memcpy(block + 124, spellings[i], 12);
		cr_assert_eq(ustar_parse(block, name, &size), ERR_FRAME, "%zu", i);
	}
}

/* trust: 25 */
Test(bundle, takes_payloads_at_every_internal_boundary)
{
	static const size_t sizes[] = {
	    1, 511, 512, 513, 4095, 4096, 4097, 65535, 65536, 65537, 1048575, 1048576, 1048577};
	AUTO(mem) uint8_t *bytes = calloc(1, 1048577);

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		BOX(b, .payload = bytes, .payload_len = sizes[i]);

		cr_assert_eq(judge_fresh(&b, b.file.data, b.file.len), ERR_OK, "%zu", sizes[i]);
		cr_assert_eq(
		    judge_fresh(&b, b.file.data, b.file.len - 1), ERR_TRUNCATED, "%zu", sizes[i]);
	}
}

/* 25: a file that is mostly a hole, above 2 and 4 GiB */
struct hole {
	const struct bundle_bytes *head;
	uint64_t payload;
};

static enum err
read_hole(void *arg, uint64_t offset, void *buf, size_t len)
{
	const struct hole *h = arg;
	uint8_t *out = buf;

	for (size_t i = 0; i < len; i++, offset++)
		out[i] = offset < h->head->len ? h->head->data[offset] : 0;
	return ERR_OK;
}

Test(bundle, counts_payloads_of_gigabytes_rightly)
{
	static const uint64_t sizes[] = {(UINT64_C(1) << 31) - 1, UINT64_C(1) << 31,
	    (UINT64_C(1) << 32) + 1, BUNDLE_PAYLOAD_BYTES};
	BOX(b, .sequence = 3);
	size_t at = member_at(&b.file, 2);

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct bundle_bytes front = {b.file.data, at + USTAR_BLOCK};
		struct hole hole = {&front, sizes[i]};
		struct bundle_payload p[BUNDLE_PAYLOADS_MAX];
		AUTO(manifest) Tr__Manifest *m = kit_manifest(&(struct kit_spec){0});
		AUTO(bundle_head) struct bundle_head *h = NULL;

		m->payload[0]->stored_size = sizes[i];
		cr_assert_eq(ustar_format("p0", sizes[i], b.file.data + at), ERR_OK);
		uint64_t size = at + 512 + sizes[i] + ustar_padding(sizes[i]) + 1024;

		cr_assert_eq(bundle_read_head(read_hole, &hole, size, &h, NULL), ERR_OK);
		cr_assert_eq(bundle_full_size(h, m), size);
		cr_assert_eq(bundle_check_payloads(read_hole, &hole, size, h, m, p, NULL), ERR_OK);
		cr_assert_eq(p[0].size, sizes[i]);
		cr_assert_eq(bundle_check_payloads(read_hole, &hole, size - 1, h, m, p, NULL),
		    ERR_TRUNCATED);
		cr_assert_eq(
		    bundle_check_payloads(read_hole, &hole, size + 19 * 512, h, m, p, NULL),
		    ERR_FRAME);
	}
}

/* trust: 26 */
Test(bundle, refuses_missing_extra_repeated_and_swapped_members)
{
	BOX(b, .sequence = 3);
	const struct bundle_bytes *f = &b.file;
	size_t at[4] = {member_at(f, 0), member_at(f, 1), member_at(f, 2), member_at(f, 3)};
	uint8_t extra[1024] = {0};
	struct bundle_bytes g;

	cr_assert_eq(ustar_format("readme", 3, extra), ERR_OK);
	for (unsigned i = 0; i < 4; i++) {
		g = with_inserted(f, at[i], extra, sizeof(extra));
		cr_assert_neq(judge_fresh(&b, g.data, g.len), ERR_OK, "extra before %u", i);
		free(g.data);
	}
	for (unsigned i = 0; i < 3; i++) { /* each member twice */
		g = with_inserted(f, at[i + 1], f->data + at[i], member_len(f, i));
		cr_assert_eq(judge_fresh(&b, g.data, g.len), ERR_FRAME, "member %u twice", i);
		free(g.data);
	}
	for (unsigned i = 0; i < 3; i++) { /* one missing; without signatures none suffice */
		AUTO(mem) uint8_t *cut = malloc(f->len);
		size_t n = member_len(f, i);

		memcpy(cut, f->data, at[i]);
		memcpy(cut + at[i], f->data + at[i] + n, f->len - at[i] - n);
		enum err e = judge_fresh(&b, cut, f->len - n);

		cr_assert_eq(e,
		    i == 0   ? ERR_UNSIGNED
		    : i == 1 ? ERR_THRESHOLD
			     : ERR_FRAME,
		    "%u", i);
	}
}

/* trust: 26 */
Test(bundle, refuses_a_signature_before_its_manifest_and_a_payload_before_both)
{
	BOX(b, .sequence = 3);
	static const unsigned orders[][3] = {{1, 0, 2}, {2, 0, 1}, {0, 2, 1}};

	for (unsigned k = 0; k < 3; k++) {
		AUTO(mem) uint8_t *g = calloc(1, b.file.len);
		size_t n = 0;

		for (unsigned i = 0; i < 3; i++) {
			memcpy(g + n, b.file.data + member_at(&b.file, orders[k][i]),
			    member_len(&b.file, orders[k][i]));
			n += member_len(&b.file, orders[k][i]);
		}
		cr_assert_neq(judge_fresh(&b, g, b.file.len), ERR_OK, "order %u", k);
	}
}

/* trust: 27 */
Test(bundle, refuses_every_other_member_name)
{
	static const char *const names[] = {"../x", "/etc/passwd", "", "./manifest", "Manifest",
	    "manifest ", "manifest/", "root.1", "root.0", "root.02", "root.-1", "root.4294967296",
	    "p1", "p00", "manifest.sig0",
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	    "aaaaaaaaa"
	    "aaaaa"};
	BOX(b, .sequence = 3);

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		AUTO(mem) uint8_t *f = malloc(b.file.len);
		unsigned sum = 0;

		memcpy(f, b.file.data, b.file.len);
		memset(f, 0, 100);
		memcpy(f, names[i], strlen(names[i]));
		memset(f + 148, ' ', 8);
		for (unsigned k = 0; k < 512; k++)
			sum += f[k];
		snprintf((char *)f + 148, 8, "%06o", sum);
		f[155] = ' ';
		cr_assert_neq(judge_fresh(&b, f, b.file.len), ERR_OK, "name '%s'", names[i]);
	}
}

/* types, links, owners, times, modes; the checksum is right each time */
/* trust: 27 28 */
Test(bundle, refuses_every_other_header_even_with_a_right_checksum)
{
	BOX(b, .sequence = 3);
	static const char types[] = "\0001234567LKNxg";

	for (unsigned member = 0; member < 3; member++)
		for (unsigned at = 0; at < 512; at++) {
			size_t h = member_at(&b.file, member);
			AUTO(mem) uint8_t *f = malloc(b.file.len);
			unsigned sum = 0;

			if (at >= 148 && at < 156)
				continue;
			memcpy(f, b.file.data, b.file.len);
			f[h + at] = at == 156 ? (uint8_t)types[(member * 5 + 1) % 13]
					      : (uint8_t)(f[h + at] ^ 1);
			memset(f + h + 148, ' ', 8);
			for (unsigned k = 0; k < 512; k++)
				sum += f[h + k];
			snprintf((char *)f + h + 148, 8, "%06o", sum);
			f[h + 155] = ' ';
			cr_assert_neq(
			    judge_fresh(&b, f, b.file.len), ERR_OK, "%u of %u", at, member);
		}
	for (size_t i = 0; i < sizeof(types) - 1; i++) {
		uint8_t block[USTAR_BLOCK];
		char name[USTAR_NAME_MAX + 1];
		uint64_t size;
		unsigned sum = 0;

		cr_assert_eq(ustar_format("p0", 8, block), ERR_OK);
		block[156] = (uint8_t)types[i];
		memset(block + 148, ' ', 8);
		for (unsigned k = 0; k < 512; k++)
			sum += block[k];
		snprintf((char *)block + 148, 8, "%06o", sum);
		block[155] = ' ';
		cr_assert_eq(ustar_parse(block, name, &size), ERR_FRAME, "type %02x", types[i]);
	}
}

Test(bundle, refuses_more_roots_or_signatures_than_it_keeps)
{
	AUTO(bundle_head) struct bundle_head *h = NULL;
	struct bundle_signed *s = NULL;

	cr_assert_eq(bundle_head_new(&h), ERR_OK);
	for (unsigned i = 0; i < BUNDLE_SIGS_MAX; i++)
		cr_assert_eq(bundle_add_sig(&h->manifest, "x", 1), ERR_OK);
	cr_assert_eq(bundle_add_sig(&h->manifest, "x", 1), ERR_LIMIT);
	for (unsigned i = 0; i < BUNDLE_ROOTS_MAX; i++)
		cr_assert_eq(bundle_head_add_root(h, i + 2, "x", 1, &s), ERR_OK);
	cr_assert_eq(bundle_head_add_root(h, 99, "x", 1, &s), ERR_LIMIT);
}

/* A ninth signature and a 33rd root in a file. */
Test(bundle, refuses_a_file_with_more_members_of_a_kind_than_allowed)
{
	BOX(b, .sequence = 3);
	struct bundle_bytes f = with_inserted(&b.file, 0, "", 0);
	uint8_t member[1024] = {0};

	for (unsigned i = 1; i <= BUNDLE_SIGS_MAX; i++) {
		char name[32];

		snprintf(name, sizeof(name), "manifest.sig%u", i);
		cr_assert_eq(ustar_format(name, 1, member), ERR_OK);
		member[512] = 'x';
		struct bundle_bytes g = with_inserted(
		    &f, member_at(&f, i + 1), member, sizeof(member));

		free(f.data);
		f = g;
		cr_assert_eq(judge_fresh(&b, f.data, f.len), i < 8 ? ERR_OK : ERR_LIMIT, "%u", i);
	}
	free(f.data);
}
