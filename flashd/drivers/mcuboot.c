/*
 * mcuboot: header and TLV areas of an MCUboot image; see mcuboot.h.
 *
 * Header, then area by area, TLV by TLV: each is read by itself (heads of 4 bytes, values of at
 * most 32), so a large image costs no memory. The protected area is announced by the header, the
 * other must follow it directly.
 */
#include "mcuboot.h"

#include <sodium.h>
#include <stdarg.h>

enum tlv_type {
	TLV_SHA256 = 0x10,
	TLV_SHA384 = 0x11,
	TLV_SHA512 = 0x12,
	TLV_RSA2048 = 0x20,
	TLV_ED25519 = 0x24, /* 0x20..0x24 are the signatures */
	TLV_DEPENDENCY = 0x40,
	TLV_COUNTER = 0x50,
};

enum { AREA_MAGIC = 0x6907, PROTECTED_MAGIC = 0x6908, AREA_HEAD = 4, TLV_HEAD = 4 };

struct parse {
	const struct mcuboot_source *source;
	struct mcuboot *out;
	char *why;
	size_t why_size;
	unsigned tlvs;
};

__attribute__((format(printf, 2, 3))) static enum err
refuse(struct parse *p, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(p->why, p->why_size, format, ap);
	va_end(ap);
	return ERR_IMAGE;
}

static uint16_t
le16(const uint8_t *b)
{
	return (uint16_t)(b[0] | b[1] << 8);
}

static uint32_t
le32(const uint8_t *b)
{
	return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

static struct mcuboot_version
version(const uint8_t *b)
{
	return (struct mcuboot_version){b[0], b[1], le16(b + 2), le32(b + 4)};
}

/* Read, or refuse what lies past the end of the file. */
static enum err
get(struct parse *p, uint64_t offset, uint8_t *out, size_t len)
{
	if (offset > p->source->size || len > p->source->size - offset)
		return refuse(p, "expected an image of at least %llu bytes, got %llu",
		    (unsigned long long)(offset + len), (unsigned long long)p->source->size);
	return p->source->read(p->source->arg, offset, out, len);
}

void
mcuboot_version_text(const struct mcuboot_version *v, char out[MCUBOOT_VERSION_TEXT])
{
	if (v->build != 0)
		snprintf(out, MCUBOOT_VERSION_TEXT, "%u.%u.%u.%u", v->major, v->minor, v->revision,
		    v->build);
	else
		snprintf(out, MCUBOOT_VERSION_TEXT, "%u.%u.%u", v->major, v->minor, v->revision);
}

static enum err
header(struct parse *p)
{
	uint8_t b[MCUBOOT_HEADER] = {0};
	struct mcuboot *m = p->out;
	enum err e = get(p, 0, b, sizeof(b));

	if (e)
		return e;
	if (le32(b) != MCUBOOT_MAGIC)
		return refuse(
		    p, "expected an MCUboot image (magic %08x), got %08x", MCUBOOT_MAGIC, le32(b));
	m->load_address = le32(b + 4);
	m->header_size = le16(b + 8);
	m->protected_size = le16(b + 10);
	m->body_size = le32(b + 12);
	m->flags = le32(b + 16);
	m->version = version(b + 20);
	mcuboot_version_text(&m->version, m->version_text);
	if (m->header_size < MCUBOOT_HEADER)
		return refuse(p, "expected a header of at least %d bytes, got %u", MCUBOOT_HEADER,
		    m->header_size);
	if (m->body_size == 0)
		return refuse(p, "expected an image with a body, got one of 0 bytes");
	return ERR_OK;
}

static enum err
dependency(struct parse *p, const uint8_t *value)
{
	struct mcuboot *m = p->out;

	if (m->n_dependencies == MCUBOOT_DEPENDENCIES)
		return refuse(
		    p, "expected at most %d dependencies, got more", MCUBOOT_DEPENDENCIES);
	m->dependencies[m->n_dependencies++] = (struct mcuboot_dependency){
	    .image = value[0], .least = version(value + 4)};
	return ERR_OK;
}

/* One TLV whose value of `len` bytes (checked to lie in its area) starts at `at`. */
static enum err
tlv(struct parse *p, unsigned type, unsigned len, uint64_t at, bool is_protected)
{
	struct mcuboot *m = p->out;
	uint8_t value[32] = {0};
	unsigned want = type == TLV_SHA256 ? 32 : type == TLV_DEPENDENCY ? 12 : 4;

	if (type >= TLV_RSA2048 && type <= TLV_ED25519)
		m->is_signed = true;
	if (type == TLV_SHA384 || type == TLV_SHA512)
		m->has_longer_hash = true;
	if (type != TLV_SHA256 && type != TLV_DEPENDENCY && type != TLV_COUNTER)
		return ERR_OK;
	if (len != want)
		return refuse(
		    p, "expected %u bytes in the record of type 0x%02x, got %u", want, type, len);
	if (type != TLV_SHA256 && !is_protected)
		return ERR_OK; /* the bootloader believes these only where the hash covers them */

	enum err e = get(p, at, value, len);

	if (e)
		return e;
	if (type == TLV_DEPENDENCY)
		return dependency(p, value);
	if (type == TLV_COUNTER) {
		m->has_counter = true;
		m->counter = le32(value);
		return ERR_OK;
	}
	if (m->has_sha256)
		return refuse(p, "expected one SHA-256 record, got two");
	m->has_sha256 = true;
	memcpy(m->sha256, value, sizeof(m->sha256));
	return ERR_OK;
}

/* The TLV area at `at`; *end is the first byte after it. */
static enum err
area(struct parse *p, uint64_t at, unsigned magic, uint64_t *end)
{
	uint8_t b[4] = {0};
	enum err e = get(p, at, b, AREA_HEAD);

	if (e)
		return e;
	if (le16(b) != magic)
		return refuse(p, "expected records (magic %04x) at byte %llu, got %04x", magic,
		    (unsigned long long)at, le16(b));
	unsigned total = le16(b + 2);

	if (total < AREA_HEAD || total > MCUBOOT_TLV_AREA || total > p->source->size - at)
		return refuse(
		    p, "expected an area of records inside the file, got %u bytes", total);
	*end = at + total;
	for (at += AREA_HEAD; at < *end && !e;) {
		if (*end - at < TLV_HEAD || ++p->tlvs > MCUBOOT_TLVS)
			return refuse(p, "expected at most %d whole records", MCUBOOT_TLVS);
		e = get(p, at, b, TLV_HEAD);
		if (e)
			return e;
		at += TLV_HEAD;
		if (le16(b + 2) > *end - at)
			return refuse(p, "expected a record inside its area, got %u bytes of %u",
			    le16(b + 2), (unsigned)(*end - at));
		e = tlv(p, le16(b), le16(b + 2), at, magic == PROTECTED_MAGIC);
		at += le16(b + 2);
	}
	return e;
}

enum err
mcuboot_parse(const struct mcuboot_source *s, struct mcuboot *out, char *why, size_t why_size)
{
	struct parse p = {.source = s, .out = out, .why = why, .why_size = why_size};
	uint64_t end = 0;

	*out = (struct mcuboot){0};
	if (why_size > 0)
		why[0] = 0;

	enum err e = header(&p);

	if (e)
		return e;
	uint64_t at = (uint64_t)out->header_size + out->body_size;

	if (out->protected_size > 0) {
		e = area(&p, at, PROTECTED_MAGIC, &end);
		if (!e && end - at != out->protected_size)
			e = refuse(&p, "expected %u bytes of protected records, got %u",
			    out->protected_size, (unsigned)(end - at));
		at = end;
	}
	if (!e)
		e = area(&p, at, AREA_MAGIC, &out->end);
	return e;
}

enum err
mcuboot_verify(const struct mcuboot_source *s, const struct mcuboot *image)
{
	crypto_hash_sha256_state hash;
	uint8_t digest[32] = {0};
	uint8_t piece[1024];
	uint64_t total = (uint64_t)image->header_size + image->body_size + image->protected_size;

	if (!image->has_sha256 ||
	    image->flags & (MCUBOOT_ENCRYPTED_AES128 | MCUBOOT_ENCRYPTED_AES256))
		return ERR_UNSUPPORTED;
	if (total > s->size)
		return ERR_VERIFY;
	crypto_hash_sha256_init(&hash);
	for (uint64_t at = 0; at < total;) {
		size_t n = total - at < sizeof(piece) ? (size_t)(total - at) : sizeof(piece);
		enum err e = s->read(s->arg, at, piece, n);

		if (e)
			return e;
		crypto_hash_sha256_update(&hash, piece, n);
		at += n;
	}
	crypto_hash_sha256_final(&hash, digest);
	return memcmp(digest, image->sha256, sizeof(digest)) == 0 ? ERR_OK : ERR_VERIFY;
}
