/*
 * decode: see decode.h. One row a kind. Everything but a bundle is one bounded piece of memory.
 */
#include <string.h>

#include "an3155_dump.h"
#include "decode.h"
#include "dp.h"
#include "dump.h"
#include "modbus_dump.h"
#include "mqtt.h"
#include "msg.h"
#include "route.h"
#include "smp_dump.h"
#include "ttlv.h"

enum {
	MODBUS_BYTES_MAX = 260,
	SMP_BYTES_MAX = 64 * 1024, /* a console frame with the noise of its line */
};

/* One of the rows of this kind lets it pass: who really sent it, nobody here can know. */
static enum err
check_envelope(const Pb__Envelope *e, size_t bytes, char why[WHY_SIZE])
{
	size_t n = 0;
	const struct route_row *rows = route_rows(&n);
	enum err worst = ERR_ROUTE;

	for (size_t i = 0; i < n; i++) {
		if (rows[i].kind != (int)e->body_case)
			continue;
		worst = route_admit(e, bytes, rows[i].from, rows[i].to, ROUTE_READY);
		if (worst == ERR_OK)
			return ERR_OK;
	}
	if (worst == ERR_VERSION)
		return why_say(why, worst, "expected protocol %d to %d, got %u", ROUTE_PROTO_MIN,
		    ROUTE_PROTO_MAX, e->proto);
	if (worst == ERR_ROUTE)
		return why_say(why, worst, "expected a kind of the route table, got none");
	return why_say(why, worst, "%s of %zu bytes", route_kind_name((int)e->body_case), bytes);
}

static enum err
decode_envelope(const uint8_t *data, size_t len, char **out, char why[WHY_SIZE])
{
	AUTO(msg) Pb__Envelope *m = NULL;
	enum err e = msg_unpack(data, len, ROUTE_PIPE_MAX, &m);

	if (!e)
		e = check_envelope(m, len, why);
	return e ? e : dump_json(&m->base, out);
}

static enum err
decode_dp(const uint8_t *data, size_t len, char **out, char why[WHY_SIZE])
{
	(void)why;
	return dp_dump_json(data, len, out);
}

static enum err
decode_ttlv(const uint8_t *data, size_t len, char **out, char why[WHY_SIZE])
{
	(void)why;
	return ttlv_dump_json(data, len, out);
}

static enum err
decode_mqtt(const uint8_t *data, size_t len, char **out, char why[WHY_SIZE])
{
	(void)why;
	return mqtt_dump_json(data, len, out);
}

static enum err
decode_smp(const uint8_t *data, size_t len, char **out, char why[WHY_SIZE])
{
	(void)why;
	return smp_dump_json(data, len, out);
}

static enum err
decode_an3155(const uint8_t *data, size_t len, char **out, char why[WHY_SIZE])
{
	(void)why;
	return an3155_dump_json(data, len, out);
}

static enum err
decode_modbus(const uint8_t *data, size_t len, char **out, char why[WHY_SIZE])
{
	(void)why;
	return modbus_dump_json(data, len, out);
}

static enum err
decode_package(const uint8_t *data, size_t len, char **out, char why[WHY_SIZE])
{
	/* bundle_read_memory only reads */
	struct bundle_bytes b = {(uint8_t *)(uintptr_t)data, len};

	return decode_bundle(bundle_read_memory, &b, len, out, why);
}

/* clang-format off */
static const struct {
	const char *name;
	size_t limit;
	enum err (*run)(const uint8_t *data, size_t len, char **out, char why[WHY_SIZE]);
} kinds[DECODE_KINDS] = {
	/*                   name        limit                 run */
	[DECODE_DP]       = {"dp",       DP_FRAME_MAX,         decode_dp},
	[DECODE_TTLV]     = {"ttlv",     TTLV_SIZE_MAX,        decode_ttlv},
	[DECODE_MQTT]     = {"mqtt",     16 * MQTT_PACKET_MAX, decode_mqtt},
	[DECODE_ENVELOPE] = {"envelope", ROUTE_PIPE_MAX,       decode_envelope},
	[DECODE_SMP]      = {"smp",      SMP_BYTES_MAX,        decode_smp},
	[DECODE_AN3155]   = {"an3155",   SMP_BYTES_MAX,        decode_an3155},
	[DECODE_MODBUS]   = {"modbus",   MODBUS_BYTES_MAX,     decode_modbus},
	[DECODE_BUNDLE]   = {"bundle",   SIZE_MAX,             decode_package},
};
/* clang-format on */

const char *
decode_name(enum decode_kind kind)
{
	return kinds[kind].name;
}

enum decode_kind
decode_find(const char *name)
{
	size_t k = 0;

	while (k < DECODE_KINDS && strcmp(kinds[k].name, name) != 0)
		k++;
	return (enum decode_kind)k;
}

size_t
decode_limit(enum decode_kind kind)
{
	return kinds[kind].limit;
}

enum err
decode_bytes(enum decode_kind kind, const uint8_t *data, size_t len, char **out, char why[WHY_SIZE])
{
	*out = NULL;
	if (len > kinds[kind].limit)
		return why_say(
		    why, ERR_LIMIT, "expected at most %zu bytes, got %zu", kinds[kind].limit, len);
	return kinds[kind].run(data, len, out, why);
}

static int
digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	char lower = c >= 'A' && c <= 'F' ? (char)(c - 'A' + 'a') : c;
	const char *at = c ? strchr(digits, lower) : NULL;

	return at ? (int)(at - digits) : -1;
}

static bool
is_between(char c)
{
	return c == ':' || c == ' ' || (c >= '\t' && c <= '\r');
}

bool
decode_is_hex(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (digit(text[i]) < 0 && !is_between(text[i]))
			return false;
	return true;
}

enum err
decode_unhex(const char *text, size_t len, uint8_t **out, size_t *n)
{
	AUTO(mem) uint8_t *bytes = malloc(len / 2 + 1);
	size_t digits = 0;

	if (!bytes)
		return ERR_NOMEM;
	for (size_t i = 0; i < len; i++) {
		int d = digit(text[i]);

		if (d < 0 && !is_between(text[i]))
			return ERR_MALFORMED;
		if (d < 0)
			continue;
		bytes[digits / 2] = (uint8_t)(digits % 2 ? bytes[digits / 2] << 4 | d : d);
		digits++;
	}
	if (digits % 2)
		return ERR_MALFORMED;
	*n = digits / 2;
	*out = HAND_OVER(bytes);
	return ERR_OK;
}
