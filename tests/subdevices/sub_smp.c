/*
 * sub_smp: see sub_smp.h. A refusal is a pair of numbers: what version 0 says, what version 1 says.
 */
#include "sub_smp.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sub_smp_part.h"

enum { OP_READ = 0, OP_WRITE = 2, GROUP_OS = 0, GROUP_IMAGE = 1, GROUP_SETTINGS = 3 };
enum {
	OS_ECHO = 0,
	OS_RESET = 5,
	OS_PARAMS = 6,
	IMAGE_STATE = 0,
	IMAGE_UPLOAD = 1,
	IMAGE_ERASE = 5,
	IMAGE_SLOTS = 6,
};
enum { WORK_NS = 100000, WRITE_NS_PER_BYTE = 5000, ERASE_NS_PER_KIB = 1000000, SLOT_KIB = 256 };

struct no {
	uint8_t rc;  /* version 0, and trouble of the protocol itself */
	uint8_t err; /* version 1 */
};

static const struct no unsupported = {8, 0}, nonsense = {3, 0}, too_new = {13, 0};
static const struct no no_hash = {3, 24}, unknown_hash = {1, 8}, already_pending = {6, 28};
static const struct no denied = {1, 32}, is_active = {1, 33}, no_slot = {5, 9};
static const struct no no_memory = {2, 0}, erase_fails = {7, 0}, too_old = {12, 0};
static const struct no short_head = {3, 22}, bad_magic = {3, 23}, no_length = {3, 21};
static const struct no not_newer = {6, 27}, write_failed = {1, 12};

static void
refuse(struct call *c, struct no no)
{
	c->refused = true;
	c->out.len = 1; /* after the map's head */
	if (c->version == 0 || no.err == 0) {
		sub_cbor_key(&c->out, "rc");
		sub_cbor_uint(&c->out, no.rc);
		return;
	}
	sub_cbor_key(&c->out, "err");
	sub_cbor_map(&c->out);
	sub_cbor_key(&c->out, "group");
	sub_cbor_uint(&c->out, c->group);
	sub_cbor_key(&c->out, "rc");
	sub_cbor_uint(&c->out, no.err);
	sub_cbor_end(&c->out);
}

static struct sub_cbor_value
get(const struct call *c, const char *key)
{
	return sub_cbor_get(c->map, c->map_len, key);
}

/* --- OS -------------------------------------------------------------------------------------- */

static void
os_echo(struct call *c)
{
	struct sub_cbor_value d = get(c, "d");

	if (d.kind != SUB_CBOR_TEXT) {
		refuse(c, nonsense);
		return;
	}
	sub_cbor_key(&c->out, "r");
	sub_cbor_text(&c->out, d.data, d.len);
}

static bool
has_params(const struct sub_smp *s)
{
	if (s->quirks & SUB_QUIRK_NO_PARAMS)
		return false;
	return !s->recovery || s->recovery_params;
}

static void
os_group(struct call *c)
{
	if (c->command == OS_ECHO) {
		os_echo(c);
	} else if (c->command == OS_RESET && c->op == OP_WRITE) {
		struct sub_cbor_value mode = get(c, "boot_mode");

		c->a->reset = true;
		c->a->to_loader = mode.kind == SUB_CBOR_UINT && mode.number == 1;
	} else if (c->command == OS_PARAMS && c->op == OP_READ && has_params(c->s)) {
		bool lies = has(c, SUB_QUIRK_PARAMS_LIE);

		say_number(c, "buf_size", lies ? 2048 : c->s->buf_size);
		say_number(c, "buf_count", lies ? 2 : c->s->buf_count);
	} else {
		refuse(c, unsupported);
	}
}

/* --- marks ------------------------------------------------------------------------------------ */

/* Slot 1 is needed: it boots next, or it is the way back. */
static bool
is_taken(const struct sub_flash *f)
{
	return f->pending != SUB_FLASH_NONE || !f->confirmed;
}

static void
keep_running(struct call *c, struct sub_flash *f)
{
	if (c->s->deny_confirm)
		refuse(c, denied);
	else if (f->pending != SUB_FLASH_NONE)
		refuse(c, already_pending);
	else if (!sub_flash_confirm(f))
		refuse(c, write_failed);
	else
		sub_smp_say_list(c);
}

static bool
holds(const struct sub_flash *f, unsigned slot, const struct sub_cbor_value *hash)
{
	return f->slot[slot].listed && hash->kind == SUB_CBOR_BYTES &&
	       hash->len == SUB_IMAGE_HASH &&
	       memcmp(hash->data, f->slot[slot].hash, SUB_IMAGE_HASH) == 0;
}

/* Which image a hash is of; what is not known is image 0's to refuse. */
static struct sub_flash *
find_image(struct call *c, const struct sub_cbor_value *hash)
{
	struct sub_flash *second = c->s->second;

	return second && (holds(second, 0, hash) || holds(second, 1, hash)) ? second : c->s->flash;
}

static void
state_write(struct call *c)
{
	struct sub_cbor_value hash = get(c, "hash"), confirm = get(c, "confirm");
	struct sub_flash *f = find_image(c, &hash);
	bool keep = confirm.kind == SUB_CBOR_BOOL && confirm.number;

	if (hash.kind == SUB_CBOR_NONE && keep) {
		keep_running(c, f);
	} else if (hash.kind == SUB_CBOR_NONE) {
		refuse(c, no_hash);
	} else if (hash.kind != SUB_CBOR_BYTES || hash.len != SUB_IMAGE_HASH) {
		refuse(c, hash.kind != SUB_CBOR_BYTES ? nonsense : unknown_hash);
	} else if (memcmp(hash.data, f->slot[0].hash, SUB_IMAGE_HASH) == 0) {
		if (keep)
			keep_running(c, f);
		else
			refuse(c, is_active);
	} else if (!f->slot[1].listed || memcmp(hash.data, f->slot[1].hash, SUB_IMAGE_HASH) != 0) {
		refuse(c, unknown_hash);
	} else if (is_taken(f)) {
		refuse(c, already_pending);
	} else if (!sub_flash_mark(f, keep ? SUB_FLASH_FOR_GOOD : SUB_FLASH_TEST)) {
		refuse(c, write_failed);
	} else {
		sub_smp_say_list(c);
	}
}

/* --- upload ---------------------------------------------------------------------------------- */

void
sub_smp_forget(struct sub_smp *s)
{
	memset(&s->upload, 0, sizeof(s->upload));
}

static bool
resumes(const struct sub_smp *s, const struct sub_cbor_value *sha)
{
	bool can = !s->recovery && !(s->quirks & SUB_QUIRK_NO_RESUME);

	return can && s->upload.active && sha->kind == SUB_CBOR_BYTES && sha->len > 0 &&
	       sha->len == s->upload.sha_len && memcmp(sha->data, s->upload.sha, sha->len) == 0;
}

static int
slot_of(const struct sub_smp *s)
{
	return s->recovery ? 0 : 1;
}

static bool
is_free(const struct call *c, const struct sub_flash *f)
{
	return (!is_taken(f) || has(c, SUB_QUIRK_UNGUARDED)) &&
	       !(has(c, SUB_QUIRK_ERASE_FIRST) && f->slot[1].listed);
}

/* A new upload may begin; erases. */
static bool
begin_upload(struct call *c, const struct sub_cbor_value *data, const struct sub_cbor_value *sha)
{
	struct sub_smp *s = c->s;
	struct sub_cbor_value len = get(c, "len"), upgrade = get(c, "upgrade");
	struct sub_cbor_value image = get(c, "image");
	bool second = image.kind == SUB_CBOR_UINT && image.number == 1 && s->second;
	struct sub_flash *f = second ? s->second : s->flash;
	struct sub_image next = {0};

	if (len.kind != SUB_CBOR_UINT)
		refuse(c, no_length);
	else if (data->len < SUB_IMAGE_HEADER)
		refuse(c, short_head);
	else if (!sub_image_begins(data->data, data->len))
		refuse(c, bad_magic);
	else if (!s->recovery && !is_free(c, f))
		refuse(c, no_slot);
	else if (upgrade.kind == SUB_CBOR_BOOL && upgrade.number &&
		 (sub_image_number(&next, data->data),
		     memcmp(next.number, f->slot[0].number, 4) <= 0))
		refuse(c, not_newer);
	else if (!sub_flash_erase(f, slot_of(s)))
		refuse(c, write_failed);
	else {
		sub_smp_forget(s);
		s->upload.active = true;
		s->upload.flash = f;
		s->upload.size = len.number;
		if (sha->kind == SUB_CBOR_BYTES && sha->len <= sizeof(s->upload.sha)) {
			s->upload.sha_len = sha->len;
			memcpy(s->upload.sha, sha->data, sha->len);
		}
		c->a->work_ns += (len.number / 1024 < SLOT_KIB ? len.number / 1024 : SLOT_KIB) *
				 ERASE_NS_PER_KIB;
		return true;
	}
	return false;
}

static bool
store(struct call *c, const struct sub_cbor_value *data)
{
	struct sub_smp *s = c->s;
	size_t len = data->len;

	if (s->recovery && s->align > 1 && s->upload.off + len < s->upload.size)
		len -= len % s->align;
	if (!sub_flash_write(s->upload.flash, slot_of(s), s->upload.off, data->data, len)) {
		sub_smp_forget(s);
		refuse(c, write_failed);
		return false;
	}
	s->writes++;
	s->upload.off += len;
	if (s->upload.off > s->max_upload)
		s->max_upload = s->upload.off;
	c->a->work_ns += data->len * WRITE_NS_PER_BYTE;
	return true;
}

/* The offset that it says it wants. */
static uint64_t
wanted(const struct call *c, uint64_t off)
{
	if (has(c, SUB_QUIRK_OFF_ZERO))
		return 0;
	if (has(c, SUB_QUIRK_OFF_WANDERS))
		return (off * 7 + 64) % (c->s->upload.size ? c->s->upload.size : 1) / 32 * 32;
	return c->s->upload.off;
}

/* Is what lies in slot 1 the file that was announced? */
static bool
matches(const struct sub_smp *s)
{
	uint8_t sum[EVP_MAX_MD_SIZE];
	size_t len = 0;
	uint8_t *data = sub_flash_read(s->upload.flash, slot_of(s), &len);
	bool fine = data && EVP_Digest(data, len, sum, NULL, EVP_sha256(), NULL) == 1 &&
		    s->upload.sha_len == 32 && memcmp(sum, s->upload.sha, 32) == 0;

	free(data);
	return fine;
}

static void
upload(struct call *c)
{
	struct sub_smp *s = c->s;
	struct sub_cbor_value off = get(c, "off"), data = get(c, "data"), sha = get(c, "sha");

	if (off.kind != SUB_CBOR_UINT || data.kind != SUB_CBOR_BYTES) {
		refuse(c, nonsense);
		return;
	}
	s->upload_bytes += data.len;
	bool again = off.number == 0 && resumes(s, &sha);
	if (off.number == 0 && !again && !begin_upload(c, &data, &sha))
		return;
	if (!again && s->upload.active && off.number == s->upload.off && !store(c, &data))
		return;
	if (s->recovery)
		say_number(c, "rc", 0);
	say_number(c, "off", wanted(c, off.number));
	if (!s->upload.active || s->upload.off < s->upload.size)
		return;
	sub_flash_look(s->upload.flash, slot_of(s));
	if (has(c, SUB_QUIRK_CHECKS)) {
		sub_cbor_key(&c->out, "match");
		sub_cbor_bool(&c->out, matches(s));
	}
	sub_smp_forget(s);
}

static void
erase(struct call *c)
{
	if (is_taken(c->s->flash) && !has(c, SUB_QUIRK_UNGUARDED)) {
		refuse(c, already_pending);
		return;
	}
	sub_smp_forget(c->s);
	c->a->work_ns += (uint64_t)SLOT_KIB * ERASE_NS_PER_KIB;
	if (!sub_flash_erase(c->s->flash, 1))
		refuse(c, write_failed);
	else if (has(c, SUB_QUIRK_ERASE_RC7))
		refuse(c, erase_fails);
}

static void
image_group(struct call *c)
{
	if (c->command == IMAGE_STATE && c->op == OP_READ)
		sub_smp_say_list(c);
	else if (c->command == IMAGE_STATE && !c->s->recovery)
		state_write(c);
	else if (c->command == IMAGE_UPLOAD && c->op == OP_WRITE)
		upload(c);
	else if (c->command == IMAGE_SLOTS && c->op == OP_READ && !has(c, SUB_QUIRK_NO_SLOT_INFO))
		sub_smp_say_slots(c);
	else if (c->command == IMAGE_ERASE && !c->s->recovery && c->op == OP_WRITE)
		erase(c);
	else
		refuse(c, unsupported);
}

static void
settings_group(struct call *c)
{
	struct sub_cbor_value name = get(c, "name");

	if (c->command != 0 || c->op != OP_READ || !c->s->serial) {
		refuse(c, unsupported);
	} else if (name.kind != SUB_CBOR_TEXT) {
		refuse(c, nonsense);
	} else {
		sub_cbor_key(&c->out, "val");
		sub_cbor_bytes(&c->out, c->s->serial, strlen(c->s->serial));
	}
}

/* --- one request ----------------------------------------------------------------------------- */

static void
answer_head(struct call *c, const uint8_t *request)
{
	size_t n = c->out.len;
	uint8_t *h = c->a->data;

	memcpy(h, request, SUB_SMP_HEADER);
	h[0] = (uint8_t)((c->op + 1) | (has(c, SUB_QUIRK_ANSWER_V0) ? 0 : c->version << 3));
	h[1] = 0;
	h[2] = (uint8_t)(n >> 8);
	h[3] = (uint8_t)n;
	c->a->len = SUB_SMP_HEADER + n;
}

size_t
sub_smp_answer(struct sub_smp *s, const uint8_t *p, size_t len, struct sub_smp_answer *a)
{
	a->len = 0;
	a->reset = a->to_loader = false;
	a->work_ns = WORK_NS;
	if (len < SUB_SMP_HEADER || (size_t)(p[2] << 8 | p[3]) > len - SUB_SMP_HEADER)
		return 0;

	struct call c = {.s = s,
	    .a = a,
	    .out = {.data = a->data + SUB_SMP_HEADER, .size = s->buf_size - SUB_SMP_HEADER},
	    .version = s->recovery ? 0 : p[0] >> 3 & 3,
	    .op = p[0] & 7,
	    .group = (unsigned)p[4] << 8 | p[5],
	    .command = p[7],
	    .map = p + SUB_SMP_HEADER,
	    .map_len = (size_t)(p[2] << 8 | p[3])};

	if (c.out.size > sizeof(a->data) - SUB_SMP_HEADER)
		c.out.size = sizeof(a->data) - SUB_SMP_HEADER;
	if (c.op != OP_READ && c.op != OP_WRITE)
		return SUB_SMP_HEADER + c.map_len;
	if (c.version > 0 && has(&c, SUB_QUIRK_V0_SILENT))
		return SUB_SMP_HEADER + c.map_len;
	sub_cbor_map(&c.out);
	if (c.version > 0 && has(&c, SUB_QUIRK_V0_REFUSES)) {
		c.version = 0;
		refuse(&c, too_old);
	} else if (c.version > 1) {
		c.version = 1;
		refuse(&c, too_new);
	} else if (!sub_cbor_is_map(c.map, c.map_len)) {
		refuse(&c, nonsense);
	} else if (c.group == GROUP_OS) {
		os_group(&c);
	} else if (c.group == GROUP_IMAGE) {
		image_group(&c);
	} else if (c.group == GROUP_SETTINGS && !s->recovery) {
		settings_group(&c);
	} else {
		refuse(&c, unsupported);
	}
	if (!c.refused && has(&c, SUB_QUIRK_RC_ZERO) && !s->recovery) /* there it is said */
		say_number(&c, "rc", 0);
	sub_cbor_end(&c.out);
	if (!c.out.full && has(&c, SUB_QUIRK_COUNTED))
		sub_quirk_count(c.out.data, &c.out.len);
	if (has(&c, SUB_QUIRK_HUGE | SUB_QUIRK_NESTED))
		c.out.len = sub_quirk_evil_map(s->quirks, c.out.data, c.out.size);
	if (!c.out.full)
		answer_head(&c, p);
	return SUB_SMP_HEADER + c.map_len;
}

void
sub_smp_no_memory(const uint8_t *p, struct sub_smp_answer *a)
{
	struct call c = {.a = a,
	    .out = {.data = a->data + SUB_SMP_HEADER, .size = sizeof(a->data) - SUB_SMP_HEADER},
	    .version = p[0] >> 3 & 1,
	    .op = p[0] & 7};

	*a = (struct sub_smp_answer){0};
	sub_cbor_map(&c.out);
	refuse(&c, no_memory);
	sub_cbor_end(&c.out);
	answer_head(&c, p);
}
