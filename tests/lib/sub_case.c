/*
 * sub_case: see sub_case.h.
 */
#include "sub_case.h"

#include <assert.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "kit.h"

enum { TLVS = 4 + 4 + 32, PIECE = 256 };

static void
put_le(uint8_t *p, uint64_t n, int bytes)
{
	for (int i = 0; i < bytes; i++)
		p[i] = (uint8_t)(n >> 8 * i);
}

size_t
sub_case_image(const char *version, size_t body, uint8_t out[SUB_CASE_BODY + 100])
{
	unsigned v[4] = {0};
	size_t hashed = 32 + body;
	int n = sscanf(version, "%u.%u.%u.%u", &v[0], &v[1], &v[2], &v[3]);

	assert(n >= 3 && body <= SUB_CASE_BODY);
	memset(out, 0, 32);
	put_le(out, 0x96f3b83d, 4);
	put_le(out + 8, 32, 2);
	put_le(out + 12, body, 4);
	out[20] = (uint8_t)v[0];
	out[21] = (uint8_t)v[1];
	put_le(out + 22, v[2], 2);
	put_le(out + 24, v[3], 4);
	for (size_t i = 0; i < body; i++)
		out[32 + i] = (uint8_t)(i * 31 + v[0] + 7 * v[1] + 13 * v[2]);
	put_le(out + hashed, 0x6907, 2);
	put_le(out + hashed + 2, TLVS, 2);
	put_le(out + hashed + 4, 0x10, 2);
	put_le(out + hashed + 6, 32, 2);
	n = EVP_Digest(out, hashed, out + hashed + 8, NULL, EVP_sha256(), NULL);
	assert(n == 1);
	return hashed + TLVS;
}

const uint8_t *
sub_case_hash(const uint8_t *image, size_t len)
{
	return image + len - 32;
}

static int64_t
take_text(void *arg, int64_t now, const char *text, size_t len)
{
	struct sub_case *c = arg;

	for (size_t i = 0; i < len; i++) {
		enum sub_frame_event e = sub_frame_byte(&c->reader, (uint8_t)text[i]);

		if (e == SUB_FRAME_BEGINS)
			e = sub_frame_go_on(&c->reader);
		if (e != SUB_FRAME_PACKET)
			continue;
		c->answers++;
		c->map = c->reader.body + 2 + SUB_SMP_HEADER;
		c->map_len = c->reader.packet_len - SUB_SMP_HEADER;
	}
	return now + c->sent;
}

struct sub_case *
sub_case_new(const struct sub_device_settings *set)
{
	struct sub_case *c = calloc(1, sizeof(*c));
	uint8_t image[SUB_CASE_BODY + 100];
	char path[300], dir[300];

	assert(c);
	c->dir = kit_scratch();
	c->version = 1;
	size_t n = sub_case_image("1.0.0", 1000, image);
	kit_write(c->dir, "old.img", image, n);
	snprintf(path, sizeof(path), "%s/old.img", c->dir);
	snprintf(dir, sizeof(dir), "%s/flash", c->dir);
	bool fine = sub_flash_open(&c->flash, dir, path);
	assert(fine);
	sub_frame_init(&c->reader, SUB_FRAME_BODY);
	sub_device_init(&c->device, set, &c->flash, take_text, c);
	sub_device_power(&c->device, true, c->now);
	sub_case_wait(c, 5);
	return c;
}

void
sub_case_free(struct sub_case *c)
{
	sub_device_fini(&c->device);
	sub_flash_close(&c->flash);
	kit_scratch_remove(c->dir);
	free(c);
}

void
sub_case_power_cut(struct sub_case *c)
{
	const char *refused = c->flash.refused;
	char dir[300];

	sub_device_power(&c->device, false, c->now);
	sub_flash_close(&c->flash);
	snprintf(dir, sizeof(dir), "%s/flash", c->dir);
	bool fine = sub_flash_open(&c->flash, dir, NULL);
	assert(fine);
	c->flash.refused = refused;
	sub_device_power(&c->device, true, c->now);
	sub_case_wait(c, 5);
}

static void
wait_ns(struct sub_case *c, int64_t ns)
{
	int64_t end = c->now + ns;

	while (sub_device_due(&c->device) <= end) {
		if (sub_device_due(&c->device) > c->now)
			c->now = sub_device_due(&c->device);
		sub_device_step(&c->device, c->now);
	}
	c->now = end;
}

void
sub_case_wait(struct sub_case *c, double seconds)
{
	wait_ns(c, (int64_t)(seconds * 1e9));
}

void
sub_case_send(
    struct sub_case *c, unsigned op, unsigned group, unsigned command, const void *map, size_t len)
{
	uint8_t packet[1000] = {(uint8_t)(op | c->version << 3), 0, 0, 0, 0, (uint8_t)group,
	    ++c->seq, (uint8_t)command};
	char text[SUB_FRAME_TEXT];

	if (!map) {
		map = "\xa0";
		len = 1;
	}
	assert(len <= sizeof(packet) - SUB_SMP_HEADER);
	packet[2] = (uint8_t)(len >> 8);
	packet[3] = (uint8_t)len;
	memcpy(packet + SUB_SMP_HEADER, map, len);
	size_t n = sub_frame_format(packet, SUB_SMP_HEADER + len, text);
	for (size_t i = 0; i < n; i++)
		sub_device_byte(&c->device, (uint8_t)text[i], c->now);
}

bool
sub_case_ask(
    struct sub_case *c, unsigned op, unsigned group, unsigned command, const void *map, size_t len)
{
	c->answers = 0;
	c->map = NULL;
	sub_case_send(c, op, group, command, map, len);
	for (int i = 0; i < 1000 && c->answers == 0; i++)
		wait_ns(c, 1000000);
	return c->answers == 1;
}

int64_t
sub_case_piece(
    struct sub_case *c, uint64_t off, const uint8_t *data, size_t n, size_t len, const uint8_t *sha)
{
	uint8_t map[600];
	struct sub_cbor_out o = {.data = map, .size = sizeof(map)};

	sub_cbor_map(&o);
	sub_cbor_key(&o, "off");
	sub_cbor_uint(&o, off);
	sub_cbor_key(&o, "data");
	sub_cbor_bytes(&o, data, n);
	if (len) {
		sub_cbor_key(&o, "len");
		sub_cbor_uint(&o, len);
	}
	if (sha) {
		sub_cbor_key(&o, "sha");
		sub_cbor_bytes(&o, sha, 32);
	}
	sub_cbor_end(&o);
	assert(!o.full);
	if (!sub_case_ask(c, 2, 1, 1, map, o.len))
		return -1;
	struct sub_cbor_value v = sub_cbor_get(c->map, c->map_len, "off");
	return v.kind == SUB_CBOR_UINT ? (int64_t)v.number : -1;
}

void
sub_case_upload(struct sub_case *c, const uint8_t *image, size_t len)
{
	for (size_t off = 0; off < len; off += PIECE) {
		size_t n = len - off < PIECE ? len - off : PIECE;
		int64_t next = sub_case_piece(c, off, image + off, n, off == 0 ? len : 0, NULL);

		assert(next == (int64_t)(off + n));
	}
}

bool
sub_case_mark(struct sub_case *c, const uint8_t *hash, bool confirm)
{
	uint8_t map[100];
	struct sub_cbor_out o = {.data = map, .size = sizeof(map)};

	sub_cbor_map(&o);
	if (hash) {
		sub_cbor_key(&o, "hash");
		sub_cbor_bytes(&o, hash, 32);
	}
	sub_cbor_key(&o, "confirm");
	sub_cbor_bool(&o, confirm);
	sub_cbor_end(&o);
	return sub_case_ask(c, 2, 1, 0, map, o.len) && sub_case_refusal(c) == 0;
}

unsigned
sub_case_refusal(const struct sub_case *c)
{
	/* "err" is the last key and its "rc" the last in it: ... "rc" N ff ff */
	const uint8_t *at = c->map ? memmem(c->map, c->map_len, "\x62rc", 3) : NULL;

	if (!at)
		return 0;
	return at[3] < 24 ? at[3] : at[4];
}
