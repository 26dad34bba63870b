/*
 * smp_server: what the scripted device answers. Requests are taken apart with libcbor (they come
 * from our own driver, so its trust in counts does not matter here); answers are put together by
 * hand as open maps, as real servers send them.
 */
#include "smp_server.h"

#include <cbor.h>
#include <string.h>

struct answer {
	struct smp_script *d;
	uint8_t *out;
	size_t len;
	unsigned pairs_at; /* where the head of a counted map lies */
	unsigned pairs;
};

static void
raw(struct answer *a, const void *data, size_t len)
{
	memcpy(a->out + a->len, data, len);
	a->len += len;
}

static void
head(struct answer *a, unsigned major, uint64_t v)
{
	uint8_t b[5] = {(uint8_t)(major << 5 | 26), (uint8_t)(v >> 24), (uint8_t)(v >> 16),
	    (uint8_t)(v >> 8), (uint8_t)v};
	uint8_t small = (uint8_t)(major << 5 | v);

	if (v < 24)
		raw(a, &small, 1);
	else
		raw(a, b, 5);
}

static void
key(struct answer *a, const char *text)
{
	head(a, 3, strlen(text));
	raw(a, text, strlen(text));
	a->pairs++;
}

static void
number(struct answer *a, const char *name, uint64_t v)
{
	key(a, name);
	head(a, 0, v);
}

static void
flag(struct answer *a, const char *name, bool v)
{
	if (!v && a->d->quirks & SMP_Q_FRUGAL)
		return;
	key(a, name);
	raw(a, v ? "\xf5" : "\xf4", 1);
}

static void
begin(struct answer *a)
{
	a->pairs_at = (unsigned)a->len;
	a->pairs = 0;
	raw(a, "\xbf", 1);
}

static void
end(struct answer *a)
{
	if (a->d->quirks & SMP_Q_DEFINITE && a->pairs < 24)
		a->out[a->pairs_at] = (uint8_t)(0xa0 | a->pairs);
	else
		raw(a, "\xff", 1);
}

static void
trouble(struct answer *a, unsigned rc, unsigned image_rc)
{
	if (a->d->quirks & SMP_Q_ERR_MAPS && image_rc) {
		key(a, "err");
		raw(a, "\xbf", 1);
		number(a, "group", 1);
		number(a, "rc", image_rc);
		raw(a, "\xff", 1);
		a->pairs -= 2;
		return;
	}
	number(a, "rc", rc);
}

static void
list(struct answer *a)
{
	key(a, "images");
	raw(a, "\x9f", 1);
	for (unsigned i = 0; i < 2; i++) {
		const struct smp_script_slot *s = &a->d->slot[i];
		unsigned pairs = a->pairs, at = a->pairs_at;

		if (!s->used)
			continue;
		begin(a);
		number(a, "slot", i);
		key(a, "version");
		head(a, 3, strlen(s->version));
		raw(a, s->version, strlen(s->version));
		if (!(a->d->quirks & SMP_Q_BARE_LIST)) {
			key(a, "hash");
			head(a, 2, 32);
			raw(a, s->hash, 32);
			flag(a, "bootable", true);
			flag(a, "pending", s->pending);
			flag(a, "confirmed", s->confirmed);
			flag(a, "active", s->active);
			flag(a, "permanent", false);
		}
		end(a);
		a->pairs = pairs;
		a->pairs_at = at;
	}
	raw(a, "\xff", 1);
	number(a, "splitStatus", 0);
}

/* --- requests ---- */

static const cbor_item_t *
get(const cbor_item_t *map, const char *name)
{
	for (size_t i = 0; i < cbor_map_size(map); i++) {
		const cbor_item_t *k = cbor_map_handle(map)[i].key;

		if (cbor_string_length(k) == strlen(name) &&
		    memcmp(cbor_string_handle(k), name, strlen(name)) == 0)
			return cbor_map_handle(map)[i].value;
	}
	return NULL;
}

static uint64_t
get_number(const cbor_item_t *map, const char *name)
{
	const cbor_item_t *v = get(map, name);

	return v ? cbor_get_int(v) : 0;
}

static void
start_upload(struct smp_script *d, const cbor_item_t *map)
{
	const cbor_item_t *sha = get(map, "sha");

	d->flash_len = 0;
	d->flash_size = get_number(map, "len");
	memset(d->sha, 0, sizeof(d->sha));
	if (sha)
		memcpy(d->sha, cbor_bytestring_handle(sha), 32);
	d->slot[1].used = false;
}

static void
store(struct smp_script *d, const cbor_item_t *data)
{
	size_t n = cbor_bytestring_length(data);
	bool last = d->flash_len + n >= d->flash_size;

	if (!last && n % 32 != 0)
		d->unaligned = true;
	if (!last && d->align)
		n -= n % d->align;
	memcpy(d->flash + d->flash_len, cbor_bytestring_handle(data), n);
	d->flash_len += n;
}

static void
upload(struct answer *a, const cbor_item_t *map)
{
	struct smp_script *d = a->d;
	uint64_t off = get_number(map, "off");
	const cbor_item_t *sha = get(map, "sha"), *data = get(map, "data");
	bool resumes = off == 0 && d->flash_len > 0 && sha && !(d->quirks & SMP_Q_NO_RESUME) &&
		       memcmp(cbor_bytestring_handle(sha), d->sha, 32) == 0;

	if (d->quirks & SMP_Q_NO_OFF)
		return;
	if (d->slot[1].pending || (d->quirks & SMP_Q_SLOT_TAKEN && d->slot[1].used)) {
		trouble(a, 5, 9);
		return;
	}
	if (off == 0 && !resumes)
		start_upload(d, map);
	if (off == d->flash_len && d->flash_size > 0 && !(d->quirks & SMP_Q_OFF_ZERO))
		store(d, data);
	uint64_t next = d->quirks & SMP_Q_OFF_HUGE ? 1u << 30 : d->flash_len;

	number(a, "off", next);
	if (d->flash_size == 0 || d->flash_len < d->flash_size)
		return;
	if (d->quirks & SMP_Q_MATCH_FALSE)
		flag(a, "match", false);
	d->slot[1] = (struct smp_script_slot){.used = !(d->quirks & SMP_Q_FORGETS)};
	snprintf(d->slot[1].version, sizeof(d->slot[1].version), "%s", d->image_version);
	memcpy(d->slot[1].hash, d->image_hash, 32);
	d->flash_len = d->flash_size = 0; /* the server forgets the upload: only the list tells */
}

static void
state_write(struct answer *a, const cbor_item_t *map)
{
	struct smp_script *d = a->d;
	const cbor_item_t *hash = get(map, "hash"), *confirm = get(map, "confirm");
	bool keep = confirm && cbor_get_bool(confirm);

	if (hash && (!cbor_isa_bytestring(hash) || !d->slot[1].used ||
			memcmp(cbor_bytestring_handle(hash), d->slot[1].hash, 32) != 0)) {
		trouble(a, 3, 8);
		return;
	}
	if (!(d->quirks & SMP_Q_MARK_LIES)) {
		d->slot[1].pending |= hash != NULL;
		d->slot[0].confirmed |= keep && !hash;
	}
	if (d->quirks & SMP_Q_MARK_TROUBLE)
		trouble(a, 6, 28);
	else
		list(a);
}

static void
image_group(struct answer *a, unsigned op, unsigned command, const cbor_item_t *map)
{
	if (command == 0 && op == 0)
		list(a);
	else if (command == 0)
		state_write(a, map);
	else if (command == 1)
		upload(a, map);
	else if (command == 5) {
		a->d->erases++;
		a->d->slot[1] = (struct smp_script_slot){0};
		if (a->d->quirks & SMP_Q_ERASE_RC7)
			trouble(a, 7, 7);
	} else
		trouble(a, 8, 0);
}

static void
os_group(struct answer *a, unsigned command, const cbor_item_t *map)
{
	const cbor_item_t *text = get(map, "d");

	if (command == 0 && text) {
		a->d->echoes++;
		key(a, "r");
		head(a, 3, cbor_string_length(text) < 1000 ? cbor_string_length(text) : 1000);
		raw(a, cbor_string_handle(text),
		    cbor_string_length(text) < 1000 ? cbor_string_length(text) : 1000);
	} else if (command == 6 && !(a->d->quirks & SMP_Q_NO_PARAMS)) {
		number(a, "buf_size", a->d->buf_size);
		number(a, "buf_count", a->d->buf_count);
	} else if (command != 5) {
		trouble(a, 8, 0);
	}
}

/* A setting by its name. */
static void
settings_group(struct answer *a, const cbor_item_t *map)
{
	static const char wanted[] = "id/serial";
	const cbor_item_t *name = get(map, "name");

	if (!a->d->serial || !name || cbor_string_length(name) != sizeof(wanted) - 1 ||
	    memcmp(cbor_string_handle(name), wanted, sizeof(wanted) - 1) != 0) {
		trouble(a, 8, 0);
		return;
	}
	key(a, "val");
	head(a, 2, a->d->serial_len);
	raw(a, a->d->serial, a->d->serial_len);
}

static bool
is_upload(const uint8_t *r)
{
	return r[5] == 1 && r[7] == 1;
}

static bool
is_first(const uint8_t *r, size_t len)
{
	return is_upload(r) && len > 20 && memmem(r, 20, "len", 3) != NULL;
}

int64_t
smp_server_works_us(const struct smp_script *d, const uint8_t *r, size_t len)
{
	if (is_first(r, len) && d->flash_len == 0)
		return d->erase_us;
	return is_upload(r) ? d->chunk_us : 200;
}

static size_t
finish(struct answer *a, const uint8_t *request)
{
	size_t n = a->len - 8;
	unsigned version = a->d->quirks & SMP_Q_ANSWER_V0 ? 0 : request[0] >> 3 & 3;

	memcpy(a->out, request, 8);
	a->out[0] = (uint8_t)(((request[0] & 7) + 1) | version << 3);
	a->out[2] = (uint8_t)(n >> 8);
	a->out[3] = (uint8_t)n;
	return a->len;
}

size_t
smp_server_no_memory(
    struct smp_script *d, const uint8_t *request, uint8_t answer[SMP_SERVER_ANSWER])
{
	struct answer a = {.d = d, .out = answer, .len = 8};

	begin(&a);
	trouble(&a, 2, 0);
	end(&a);
	return finish(&a, request);
}

size_t
smp_server_answer(struct smp_script *d, const uint8_t *r, size_t len,
    uint8_t answer[SMP_SERVER_ANSWER], bool *is_reset)
{
	struct answer a = {.d = d, .out = answer, .len = 8};
	struct cbor_load_result result = {0};
	cbor_item_t *map = cbor_load(r + 8, len - 8, &result);
	bool v1 = r[0] >> 3 & 3;

	*is_reset = false;
	if (!map || !cbor_isa_map(map) || result.read != len - 8)
		return 0;
	d->requests++;
	begin(&a);
	if (v1 && d->quirks & SMP_Q_V0_REFUSES)
		trouble(&a, 12, 0);
	else if (r[5] == 1)
		image_group(&a, r[0] & 7, r[7], map);
	else if (r[5] == 3)
		settings_group(&a, map);
	else
		os_group(&a, r[7], map);
	*is_reset = r[5] == 0 && r[7] == 5;
	if (d->quirks & SMP_Q_RC_ZERO && !memmem(a.out + 8, a.len - 8, "rc", 2))
		number(&a, "rc", 0);
	end(&a);
	cbor_decref(&map);
	if (r[5] == 1 && r[7] == 0 && (r[0] & 7) == 2 && d->quirks & SMP_Q_MARK_SILENT)
		return 0;
	if (v1 && d->quirks & SMP_Q_V0_SILENT)
		return 0;
	return finish(&a, r);
}

void
smp_server_boot(struct smp_script *d)
{
	struct smp_script_slot old = d->slot[0];
	bool swap = d->slot[1].used && d->slot[1].pending && !(d->quirks & SMP_Q_REFUSES_BOOT);
	bool revert = !old.confirmed && d->slot[1].used && !d->slot[1].pending;

	d->flash_len = d->flash_size = 0;
	d->slot[1].pending = false;
	d->quirks |= d->booted_quirks;
	if (d->booted_buf_size)
		d->buf_size = d->booted_buf_size;
	if (!swap && !revert)
		return;
	d->slot[0] = d->slot[1];
	d->slot[1] = old;
	d->slot[0].active = true;
	d->slot[0].confirmed = revert;
	d->slot[1].active = false;
	d->slot[1].confirmed = swap;
}
