/*
 * dialect_parse: what comes down; declared in dialect.h.
 *
 * Each message is a table of {id, how, where, must}, read by one function: so what is required and
 * how long it may be stands in one place, and every refusal names the id, what was expected and
 * what came.
 */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "dialect.h"
#include "dialect_files.h"

enum {
	OTA_URL = 1,
	OTA_SIZE = 2,
	OTA_MD5 = 3,
	OTA_COMPONENT = 4,
	OTA_SOURCE = 5,
	OTA_TARGET = 6,
	OTA_TYPE = 7,
	OTA_BATTERY = 8,
	OTA_SPACE = 9,
	OTA_SIGNAL = 10,
	OTA_CRC = 15,
	OTA_SHA256 = 16,
	OTA_FILES = 20,
	OTA_TASKS = 28,
	EXCEPTION_CODE = 1,
	EXCEPTION_PACKAGE = 2,
};

/* The members of one struct (or the top level) of a payload. */
struct scope {
	const struct ttlv *t;
	size_t from, to;
	char *why;
};

static const struct ttlv_node *
find(const struct scope *s, uint64_t id)
{
	return id ? ttlv_find(s->t, s->from, s->to, (uint16_t)id) : NULL;
}

/* Refuse id `id` because of `e`; where nothing is there, say so. */
static enum err
refuse(const struct scope *s, enum err e, uint64_t id, const char *expected)
{
	const struct ttlv_node *n = find(s, id);
	char number[TTLV_NUMBER_TEXT];

	if (!n || e == ERR_NOT_FOUND)
		return why_say(s->why, ERR_NOT_FOUND, "id %u: expected %s, got nothing",
		    (unsigned)id, expected);
	if (n->type == TTLV_BYTES)
		return why_say(s->why, e, "id %u: expected %s, got \"%.*s\" (%zu bytes)",
		    (unsigned)id, expected, n->len > 60 ? 60 : (int)n->len, (const char *)n->data,
		    n->len);
	if (n->type != TTLV_NUMBER)
		return why_say(
		    s->why, e, "id %u: expected %s, got type %u", (unsigned)id, expected, n->type);
	ttlv_number_text(n->number, number);
	return why_say(s->why, e, "id %u: expected %s, got %s", (unsigned)id, expected, number);
}

static enum err
read_int(const struct scope *s, uint64_t id, int64_t min, int64_t max, const char *expected,
    int64_t *out)
{
	enum err e = ttlv_int(find(s, id), min, max, out);

	return e == ERR_OK ? e : refuse(s, e, id, expected);
}

/* The same for what may be missing: then *out stays. */
static enum err
read_int_if(const struct scope *s, uint64_t id, int64_t min, int64_t max, const char *expected,
    int64_t *out)
{
	return find(s, id) ? read_int(s, id, min, max, expected, out) : ERR_OK;
}

/* An empty text counts as missing, as in the platform's own SDK. */
static bool
is_absent(const struct ttlv_node *n)
{
	return !n || (n->type == TTLV_BYTES && n->len == 0);
}

/* Component numbers and versions: what msg.h lets pass. */
static bool
is_name(const char *s)
{
	for (; *s; s++)
		if (!isalnum((unsigned char)*s) && !strchr("_-.+", *s))
			return false;
	return true;
}

static enum err
read_name(const struct scope *s, uint64_t id, const char *expected, char *out, size_t size)
{
	enum err e = ttlv_text(find(s, id), out, size);

	if (e == ERR_OK && !is_name(out))
		e = ERR_MALFORMED;
	return e == ERR_OK ? e : refuse(s, e, id, expected);
}

/* Keys of a device: printable, no blank, '/' or quote (msg.h), and no MQTT wildcard. */
static enum err
read_key(const struct scope *s, uint64_t id, char *out)
{
	enum err e = ttlv_text(find(s, id), out, DIALECT_KEY_MAX + 1);

	for (const char *c = out; e == ERR_OK && *c; c++)
		if (*c <= ' ' || *c > '~' || strchr("/\"'+#", *c))
			e = ERR_MALFORMED;
	if (e == ERR_OK)
		return ERR_OK;
	out[0] = '\0';
	return refuse(s, e, id, "a key of 1 to 32 characters");
}

/* Both keys or none. */
static enum err
read_sub(const struct scope *s, uint64_t pk, uint64_t dk, struct dialect_sub *out)
{
	*out = (struct dialect_sub){0};
	if (!find(s, pk) && !find(s, dk))
		return ERR_OK;
	enum err e = read_key(s, pk, out->product_key);

	if (e == ERR_OK)
		e = read_key(s, dk, out->device_key);
	if (e != ERR_OK)
		*out = (struct dialect_sub){0};
	return e;
}

static enum err
read_payload(const uint8_t *data, size_t len, struct ttlv *t, char *why, struct scope *out)
{
	enum err e = ttlv_parse(data, len, t);

	*out = (struct scope){t, 0, t->n, why};
	if (e == ERR_OK)
		return ERR_OK;
	return why_say(
	    why, e, "expected values, got %zu bytes that are none: %s", len, err_text(e));
}

/* --- 0111 ------------------------------------------------------------------------------------- */

static enum err
read_plan(const struct scope *s, struct dialect_plan *p)
{
	int64_t type = 0, battery = 0, space = 0, signal = 0;

	*p = (struct dialect_plan){0};
	enum err e = read_name(s, OTA_COMPONENT,
	    "a component number of 1 to 32 letters, digits, _-.+", p->component,
	    sizeof(p->component));
	if (e == ERR_OK)
		e = read_name(s, OTA_TARGET, "a target version of 1 to 64 letters, digits, _-.+",
		    p->target, sizeof(p->target));
	if (e == ERR_OK)
		e = read_int(s, OTA_TYPE, 0, 1, "component type 0 or 1", &type);
	if (e == ERR_OK && !is_absent(find(s, OTA_SOURCE)))
		e = read_name(s, OTA_SOURCE, "a source version of at most 64 letters, digits, _-.+",
		    p->source, sizeof(p->source));
	if (e == ERR_OK)
		e = read_int_if(s, OTA_BATTERY, 0, 100, "a battery level of 0 to 100", &battery);
	if (e == ERR_OK)
		e = read_int_if(s, OTA_SPACE, 0, INT64_C(1) << 40, "a size up to 2^40", &space);
	if (e == ERR_OK)
		e = read_int_if(s, OTA_SIGNAL, -1000, 0, "a signal of -1000 to 0 dBm", &signal);
	p->type = (int)type;
	p->min_battery_percent = (uint32_t)battery;
	p->space_bytes = (uint64_t)space;
	p->min_signal_dbm = (int32_t)signal;
	return e;
}

/* Each component once: the second could not be told from a repetition of the first. */
static enum err
check_once(const struct scope *s, const struct dialect_notice *notice)
{
	const char *last = notice->plans[notice->n - 1].component;

	for (size_t i = 0; i + 1 < notice->n; i++)
		if (strcmp(notice->plans[i].component, last) == 0)
			return why_say(s->why, ERR_MALFORMED,
			    "id 28: expected each component once, got %s twice", last);
	return ERR_OK;
}

static enum err
read_tasks(const struct scope *s, const struct ttlv_node *tasks, struct dialect_notice *out)
{
	size_t at = (size_t)(tasks - s->t->nodes) + 1;
	enum err e = ERR_OK;

	if (!tasks->is_array || !tasks->members || tasks->members > DIALECT_PLANS_MAX)
		return why_say(s->why, ERR_LIMIT,
		    "id 28: expected an array of 1 to 20 components, got %u members",
		    tasks->members);
	for (; at < tasks->end && e == ERR_OK; at = s->t->nodes[at].end) {
		struct scope inner = {s->t, at + 1, s->t->nodes[at].end, s->why};

		if (s->t->nodes[at].type != TTLV_STRUCT)
			return why_say(s->why, ERR_MALFORMED,
			    "id 28: expected structs, got type %u", s->t->nodes[at].type);
		e = read_plan(&inner, &out->plans[out->n++]);
		if (e == ERR_OK)
			e = check_once(s, out);
	}
	return e;
}

enum err
dialect_parse_notice(
    const struct profile *p, const uint8_t *data, size_t len, struct dialect_notice *out, char *why)
{
	struct ttlv t;
	struct scope s;
	enum err e = read_payload(data, len, &t, why, &s);

	*out = (struct dialect_notice){0};
	if (e == ERR_OK)
		e = read_sub(&s, p->via_pk, p->via_dk, &out->sub);
	if (e != ERR_OK)
		return e;
	const struct ttlv_node *tasks = find(&s, OTA_TASKS);

	if (tasks && tasks->type == TTLV_STRUCT)
		return read_tasks(&s, tasks, out);
	out->n = 1;
	return read_plan(&s, &out->plans[0]);
}

/* --- 0113 ------------------------------------------------------------------------------------- */

/* Exactly n bytes as hex text. */
static enum err
read_hex(const struct scope *s, uint64_t id, const char *expected, uint8_t *out, size_t n)
{
	char text[2 * 32 + 1];
	enum err e = ttlv_text(find(s, id), text, sizeof(text));

	if (e == ERR_OK &&
	    (strlen(text) != 2 * n || strspn(text, "0123456789abcdefABCDEF") != 2 * n))
		e = ERR_MALFORMED;
	if (e != ERR_OK)
		return refuse(s, e, id, expected);
	for (size_t i = 0; i < n; i++) {
		char pair[3] = {text[2 * i], text[2 * i + 1], '\0'};

		out[i] = (uint8_t)strtoul(pair, NULL, 16);
	}
	return ERR_OK;
}

static enum err
read_crc(const struct scope *s, uint32_t *out)
{
	char text[9];
	enum err e = ttlv_text(find(s, OTA_CRC), text, sizeof(text));

	if (e == ERR_OK && text[strspn(text, "0123456789abcdefABCDEF")])
		e = ERR_MALFORMED;
	if (e != ERR_OK)
		return refuse(s, e, OTA_CRC, "1 to 8 hex digits");
	*out = (uint32_t)strtoul(text, NULL, 16);
	return ERR_OK;
}

static enum err
read_url(const struct scope *s, char *out)
{
	static const char expected[] = "an http or https address of at most 2048 characters";
	enum err e = ttlv_text(find(s, OTA_URL), out, DIALECT_URL_MAX + 1);

	if (e == ERR_OK && strncasecmp(out, "http://", 7) != 0 &&
	    strncasecmp(out, "https://", 8) != 0)
		e = ERR_MALFORMED;
	for (const char *c = out; e == ERR_OK && *c; c++)
		if (*c <= ' ' || *c > '~')
			e = ERR_MALFORMED;
	return e == ERR_OK ? e : refuse(s, e, OTA_URL, expected);
}

static enum err
read_file(const struct scope *s, struct dialect_file *out)
{
	int64_t size = 0;
	enum err e = read_url(s, out->url);

	if (e == ERR_OK)
		e = read_int(s, OTA_SIZE, 1, INT64_C(1) << 40, "a size of 1 to 2^40", &size);
	if (e == ERR_OK)
		e = read_hex(s, OTA_MD5, "an MD5 of 32 hex digits", out->md5, sizeof(out->md5));
	out->size = (uint64_t)size;
	return e;
}

/* One file with its digests. */
static enum err
read_single(const struct scope *s, struct dialect_firmware *out)
{
	enum err e = read_file(s, &out->file);

	if (e == ERR_OK)
		e = read_crc(s, &out->crc);
	if (e == ERR_OK && find(s, OTA_SHA256)) {
		e = read_hex(
		    s, OTA_SHA256, "a SHA-256 of 64 hex digits", out->sha256, sizeof(out->sha256));
		out->has_sha256 = e == ERR_OK;
	}
	return e;
}

static enum err
read_list(const struct scope *s, const struct ttlv_node *list, struct dialect_firmware *out)
{
	size_t at[DIALECT_FILES_MAX], n = 0;

	out->listed = true;
	if (out->type != 0)
		return why_say(s->why, ERR_UNSUPPORTED,
		    "id 20: expected one file for an MCU, got a list of %u", list->members);
	enum err e = dialect_files_sort(s->t, list, at, &n, s->why);

	if (e == ERR_OK && !(out->more = calloc(n, sizeof(*out->more))))
		e = ERR_NOMEM;
	for (size_t i = 0; i < n && e == ERR_OK; i++) {
		struct scope inner = {s->t, at[i] + 1, s->t->nodes[at[i]].end, s->why};

		e = read_file(&inner, i ? &out->more[i - 1] : &out->file);
	}
	out->n_more = e == ERR_OK ? n - 1 : 0;
	return e;
}

/* As in the platform's own SDK, a list counts only where nothing is said of a file beside it. */
static const struct ttlv_node *
find_list(const struct scope *s)
{
	const struct ttlv_node *list = find(s, OTA_FILES);

	if (!list || list->type != TTLV_STRUCT || find(s, OTA_URL) || find(s, OTA_MD5) ||
	    find(s, OTA_CRC) || find(s, OTA_SHA256))
		return NULL;
	return list;
}

static enum err
read_firmware(const struct scope *s, struct dialect_firmware *out)
{
	int64_t type = 0;
	enum err e = read_name(
	    s, OTA_COMPONENT, "a component number", out->component, sizeof(out->component));

	if (e == ERR_OK)
		e = read_name(s, OTA_TARGET, "a target version", out->target, sizeof(out->target));
	if (e == ERR_OK)
		e = read_int(s, OTA_TYPE, 0, 1, "component type 0 or 1", &type);
	out->type = (int)type;
	if (e != ERR_OK)
		return e;
	const struct ttlv_node *list = find_list(s);

	return list ? read_list(s, list, out) : read_single(s, out);
}

enum err
dialect_parse_firmware(const struct profile *p, const uint8_t *data, size_t len,
    struct dialect_firmware *out, char *why)
{
	struct ttlv t;
	struct scope s;
	enum err e = read_payload(data, len, &t, why, &s);

	*out = (struct dialect_firmware){0};
	if (e == ERR_OK)
		e = read_sub(&s, p->via_pk, p->via_dk, &out->sub);
	return e == ERR_OK ? read_firmware(&s, out) : e;
}

/* --- the link --------------------------------------------------------------------------------- */

enum err
dialect_parse_exception(
    const struct profile *p, const uint8_t *data, size_t len, struct dialect_reply *out, char *why)
{
	struct ttlv t;
	struct scope s;
	int64_t package = 0;
	enum err e = read_payload(data, len, &t, why, &s);

	*out = (struct dialect_reply){0};
	if (e == ERR_OK)
		e = read_int(&s, EXCEPTION_CODE, 0, INT32_MAX, "a code", &out->code);
	if (e == ERR_OK)
		e = read_int_if(&s, EXCEPTION_PACKAGE, 0, UINT16_MAX, "a package id", &package);
	if (e == ERR_OK)
		e = read_sub(&s, p->sub_pk, p->sub_dk, &out->sub);
	out->package_id = (uint16_t)package;
	return e;
}

enum err
dialect_parse_reply(
    const struct profile *p, const uint8_t *data, size_t len, struct dialect_reply *out, char *why)
{
	struct ttlv t;
	struct scope s;
	enum err e = read_payload(data, len, &t, why, &s);

	*out = (struct dialect_reply){0};
	if (e == ERR_OK)
		e = read_int_if(&s, p->reply_code, 0, INT32_MAX, "a code", &out->code);
	if (e == ERR_OK)
		e = read_sub(&s, p->sub_pk, p->sub_dk, &out->sub);
	if (e == ERR_OK && !out->sub.product_key[0])
		e = refuse(&s, ERR_NOT_FOUND, p->sub_pk, "the sub-device's product key");
	if (e == ERR_OK && find(&s, p->reply_ds))
		e = ttlv_text(
		    find(&s, p->reply_ds), out->device_secret, sizeof(out->device_secret));
	if (e == ERR_OK && find(&s, p->reply_session_key)) {
		const struct ttlv_node *n = find(&s, p->reply_session_key);

		if (n->type != TTLV_BYTES || n->len > sizeof(out->session_key))
			return refuse(&s, ERR_MALFORMED, p->reply_session_key,
			    "a sealed session key of at most 32 bytes");
		if (n->len)
			memcpy(out->session_key, n->data, n->len);
		out->session_key_len = n->len;
	}
	return e;
}
