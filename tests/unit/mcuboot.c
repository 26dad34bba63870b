/*
 * mcuboot: real images (made and dumped by imgtool, tests/data/mcuboot) and broken ones.
 */
#include "mcuboot.h"

#include <criterion/criterion.h>

struct blob {
	uint8_t *data;
	size_t len;
	size_t most; /* largest piece that was asked for */
};

static enum err
blob_read(void *arg, uint64_t offset, uint8_t *out, size_t len)
{
	struct blob *b = arg;

	cr_assert(offset <= b->len && len <= b->len - offset, "asked for bytes past the end");
	b->most = len > b->most ? len : b->most;
	memcpy(out, b->data + offset, len);
	return ERR_OK;
}

static struct mcuboot_source
source(struct blob *b)
{
	return (struct mcuboot_source){.size = b->len, .read = blob_read, .arg = b};
}

static void
load(const char *name, struct blob *b)
{
	char path[256];

	snprintf(path, sizeof(path), "tests/data/mcuboot/%s", name);
	FILE *f = fopen(path, "rb");

	cr_assert_not_null(f, "%s", path);
	b->data = malloc(1 << 20);
	b->len = fread(b->data, 1, 1 << 20, f);
	fclose(f);
}

static enum err
parse(struct blob *b, struct mcuboot *m)
{
	struct mcuboot_source s = source(b);
	char why[200];
	enum err e = mcuboot_parse(&s, m, why, sizeof(why));

	cr_expect((e == ERR_OK) == (why[0] == 0));
	return e;
}

struct row {
	char name[64];
	char version[16];
	char digest[65]; /* empty: no SHA-256 */
	bool has_longer, is_signed, has_counter;
	uint32_t counter;
	unsigned dependencies;
};

/* from the dumps */
/* clang-format off */
static const struct row rows[] = {
	{"1-ed25519-v1.0.0.img", "1.0.0.1",
	 "bcb7e1e735835ed5ac01b1947a7fc0ce2a90e82918363aab9a184badb1e68f4f",
	 false, true, true, 1, 0},
	{"2-ed25519-v1.1.0-dep-sec2.img", "1.1.0.2",
	 "8c9e9111fb8046305df29fb3b105da1ab1d063e8c66199f1435106c7c628af3b",
	 false, true, true, 2, 1},
	{"3-p256-v2.0.0-dep1-secauto.img", "2.0.0",
	 "95f8a3b209d3461247379588ada12258239a205ec50d5db867d6a85c5880d00d",
	 false, true, true, 0x02000000, 1},
	{"5-ed25519-sha512-pure-fullkey-custom.img", "1.2.3.4", "", true, true, true, 7, 0},
	{"6-unsigned-v3.0.0-hdr32.img", "3.0.0",
	 "bcb5845b517acc825aa5f324b625fa1775befb0a616a93e971e1249da91a9e16",
	 false, false, false, 0, 0},
};
/* clang-format on */

Test(mcuboot, reads_real_images_as_imgtool_does)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *r = &rows[i];
		struct blob b = {0};
		struct mcuboot m;
		char hex[65] = "";

		load(r->name, &b);
		cr_assert_eq(parse(&b, &m), ERR_OK, "%s", r->name);
		for (size_t k = 0; k < 32 && m.has_sha256; k++)
			snprintf(hex + 2 * k, 3, "%02x", m.sha256[k]);
		cr_expect_str_eq(m.version_text, r->version);
		cr_expect_str_eq(hex, r->digest);
		cr_expect_eq(m.has_longer_hash, r->has_longer);
		cr_expect_eq(m.is_signed, r->is_signed, "%s", r->name);
		cr_expect_eq(m.has_counter, r->has_counter);
		cr_expect_eq(m.counter, r->counter);
		cr_expect_eq(m.n_dependencies, r->dependencies);
		cr_expect_eq(m.end, b.len);
		cr_expect_leq(b.most, 32);
		free(b.data);
	}
}

Test(mcuboot, reads_the_dependency)
{
	struct blob b = {0};
	struct mcuboot m;

	load("3-p256-v2.0.0-dep1-secauto.img", &b);
	cr_assert_eq(parse(&b, &m), ERR_OK);
	cr_assert_eq(m.dependencies[0].image, 1);
	cr_assert_eq(m.dependencies[0].least.minor, 9);
	cr_assert_eq(m.dependencies[0].least.build, 7);
	free(b.data);
}

Test(mcuboot, proves_the_hash_and_sees_every_kind_of_change)
{
	struct blob b = {0};
	struct mcuboot m;

	load("2-ed25519-v1.1.0-dep-sec2.img", &b);
	cr_assert_eq(parse(&b, &m), ERR_OK);

	struct mcuboot_source s = source(&b);
	/* header, padding, first and last byte of the body, protected record */
	const size_t at[] = {24, 100, 0x200, 0xca24, 0xca30};

	cr_assert_eq(mcuboot_verify(&s, &m), ERR_OK);
	for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		b.data[at[i]] ^= 1;
		cr_expect_eq(mcuboot_verify(&s, &m), ERR_VERIFY, "byte %zu", at[i]);
		b.data[at[i]] ^= 1;
	}
	b.data[b.len - 1] ^= 1; /* the signature is not part of the hash */
	cr_expect_eq(mcuboot_verify(&s, &m), ERR_OK);
	free(b.data);
}

Test(mcuboot, says_when_there_is_no_hash_to_prove)
{
	struct blob b = {0};
	struct mcuboot m;

	load("5-ed25519-sha512-pure-fullkey-custom.img", &b);
	cr_assert_eq(parse(&b, &m), ERR_OK);
	struct mcuboot_source s = source(&b);

	cr_expect_eq(mcuboot_verify(&s, &m), ERR_UNSUPPORTED);
	free(b.data);
}

Test(mcuboot, refuses_every_truncation)
{
	struct blob b = {0};
	struct mcuboot m;

	load("6-unsigned-v3.0.0-hdr32.img", &b);
	for (size_t len = 0; len < b.len; len++) {
		struct blob cut = {.data = b.data, .len = len};

		cr_assert_eq(parse(&cut, &m), ERR_IMAGE, "cut to %zu bytes", len);
	}
	free(b.data);
}

Test(mcuboot, takes_padding_behind_the_image)
{
	struct blob b = {0};
	struct mcuboot m;

	load("6-unsigned-v3.0.0-hdr32.img", &b);
	memset(b.data + b.len, 0xff, 4096);
	b.len += 4096;
	cr_assert_eq(parse(&b, &m), ERR_OK);
	cr_assert_eq(m.end, b.len - 4096);
	free(b.data);
}

struct patch {
	char what[40];
	size_t at;
	uint8_t bytes[4];
	size_t n;
};

/* on 6-unsigned: header 0x20, body 0x3e8, records at 0x408: 07 69 28 00 | 10 00 20 00 ... */
static const struct patch patches[] = {
    {"magic", 0, {0}, 1},
    {"header shorter than a header", 8, {0x1f, 0}, 2},
    {"body of 0 bytes", 12, {0, 0, 0, 0}, 4},
    {"body of 4 GB", 12, {0xff, 0xff, 0xff, 0xff}, 4},
    {"protected area announced, not there", 10, {0x0c, 0}, 2},
    {"magic of the records", 0x408, {0x06}, 1},
    {"area shorter than its head", 0x40a, {3, 0}, 2},
    {"area past the end", 0x40a, {0x29, 0}, 2},
    {"area of 64 KiB", 0x40a, {0xff, 0xff}, 2},
    {"area cuts its record", 0x40a, {0x27, 0}, 2},
    {"record past its area", 0x40e, {0x21, 0}, 2},
    {"hash of 31 bytes", 0x40e, {0x1f, 0}, 2},
};

Test(mcuboot, refuses_each_broken_field)
{
	for (size_t i = 0; i < sizeof(patches) / sizeof(patches[0]); i++) {
		struct blob b = {0};
		struct mcuboot m;

		load("6-unsigned-v3.0.0-hdr32.img", &b);
		memcpy(b.data + patches[i].at, patches[i].bytes, patches[i].n);
		cr_expect_eq(parse(&b, &m), ERR_IMAGE, "%s", patches[i].what);
		free(b.data);
	}
}

Test(mcuboot, bounds_the_number_of_records)
{
	struct blob b = {0};
	struct mcuboot m;

	load("6-unsigned-v3.0.0-hdr32.img", &b);
	/* MCUBOOT_TLVS empty records of an unknown type, then one more */
	for (unsigned n = MCUBOOT_TLVS; n <= MCUBOOT_TLVS + 1u; n++) {
		memset(b.data + 0x40c, 0, 4 * n);
		b.data[0x40a] = (uint8_t)(4 + 4 * n);
		b.data[0x40b] = (uint8_t)((4 + 4 * n) >> 8);
		b.len = 0x40c + 4 * n;
		cr_expect_eq(parse(&b, &m), n > MCUBOOT_TLVS ? ERR_IMAGE : ERR_OK);
	}
	free(b.data);
}

static enum err
broken_read(void *arg, uint64_t offset, uint8_t *out, size_t len)
{
	(void)arg;
	(void)offset;
	(void)out;
	(void)len;
	return ERR_TOCTOU;
}

Test(mcuboot, hands_on_what_the_reader_says)
{
	struct mcuboot_source s = {.size = 4096, .read = broken_read};
	struct mcuboot m;
	char why[100];

	cr_assert_eq(mcuboot_parse(&s, &m, why, sizeof(why)), ERR_TOCTOU);
	m = (struct mcuboot){.header_size = 32, .body_size = 10, .has_sha256 = true};
	cr_assert_eq(mcuboot_verify(&s, &m), ERR_TOCTOU);
}
