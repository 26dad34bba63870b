/*
 * dialect_configure: 00B4, what the platform makes of the gateway; declared in dialect.h. Each row
 * is whole or absent: half an address or half a product refuses the message, and nothing of it is
 * taken. No secret is ever in what is said.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <string.h>

#include "dialect.h"

enum {
	SERVER = 1,
	SERVER_HOST = 2,
	SERVER_ADDRESS = 3,
	SERVER_PORT = 4,
	DEVICE_SECRET = 5,
	SESSION_KEY = 6,
	PRODUCT = 7,
	PRODUCT_SECRET = 8,
	AGAIN = 9,
	NEW_DEVICE_SECRET = 10,
};

static const struct ttlv_node *
find(const struct ttlv *t, uint16_t id)
{
	return ttlv_find(t, 0, t->n, id);
}

/* An empty text counts as missing, as in the platform's own SDK. */
static bool
is_absent(const struct ttlv_node *n)
{
	return !n || (n->type == TTLV_BYTES && n->len == 0);
}

static enum err
read_secret(const struct ttlv *t, uint16_t id, char *out, char *why)
{
	const struct ttlv_node *n = find(t, id);
	enum err e = ttlv_text(n, out, DIALECT_KEY_MAX + 1);

	if (!n || e == ERR_NOT_FOUND || e == ERR_OK)
		return ERR_OK;
	return why_say(why, e, "id %u: expected a device secret of at most 32 characters, got %zu",
	    (unsigned)id, n->len);
}

static enum err
read_session_key(const struct ttlv *t, struct dialect_configure *out, char *why)
{
	const struct ttlv_node *n = find(t, SESSION_KEY);

	out->has_session_key = n;
	if (n && (n->type != TTLV_BYTES || n->len != sizeof(out->session_key)))
		return why_say(why, ERR_MALFORMED, "id 6: expected a session key of 16 bytes");
	if (n)
		memcpy(out->session_key, n->data, sizeof(out->session_key));
	return ERR_OK;
}

/* --- another server --------------------------------------------------------------------------- */

/* A number, or digits as text; an empty or missing one is 0. */
static enum err
read_port(const struct ttlv_node *n, uint16_t *out)
{
	char text[6];
	int64_t port = 0;
	enum err e = ERR_OK;

	*out = 0;
	if (is_absent(n))
		return ERR_OK;
	if (n->type == TTLV_NUMBER)
		e = ttlv_int(n, 0, UINT16_MAX, &port);
	else
		e = ttlv_text(n, text, sizeof(text));
	if (e == ERR_OK && n->type != TTLV_NUMBER) {
		port = strtol(text, NULL, 10);
		if (text[strspn(text, "0123456789")] || port > UINT16_MAX)
			e = ERR_MALFORMED;
	}
	if (e == ERR_OK)
		*out = (uint16_t)port;
	return e;
}

static enum err
read_host(const struct ttlv_node *n, char out[DIALECT_HOST_MAX + 1])
{
	enum err e = ttlv_text(n, out, DIALECT_HOST_MAX + 1);

	for (const char *c = out; e == ERR_OK && *c; c++)
		if (!isalnum((unsigned char)*c) && !strchr(".-_:", *c))
			e = ERR_MALFORMED;
	return e;
}

static enum err
check_address(const struct ttlv_node *n)
{
	char text[46];
	uint8_t raw[16];
	enum err e = ttlv_text(n, text, sizeof(text));

	if (e == ERR_OK && inet_pton(AF_INET, text, raw) != 1 &&
	    inet_pton(AF_INET6, text, raw) != 1)
		e = ERR_MALFORMED;
	return e;
}

/* Host, address and port: all of them or, back to the configuration, none. The address must be one,
 * and is not used (move.h). */
static enum err
read_server(const struct ttlv *t, struct dialect_configure *out, char *why)
{
	const struct ttlv_node *n = find(t, SERVER);

	if (!n)
		return ERR_OK;
	if (n->type != TTLV_STRUCT || n->is_array)
		return why_say(why, ERR_MALFORMED, "id 1: expected host, address and port");
	size_t from = (size_t)(n - t->nodes) + 1;
	const struct ttlv_node *host = ttlv_find(t, from, n->end, SERVER_HOST);
	const struct ttlv_node *address = ttlv_find(t, from, n->end, SERVER_ADDRESS);
	enum err e = read_port(ttlv_find(t, from, n->end, SERVER_PORT), &out->port);

	out->has_server = e == ERR_OK;
	if (e == ERR_OK && is_absent(host) && is_absent(address) && !out->port)
		return ERR_OK;
	if (e == ERR_OK)
		e = read_host(host, out->host);
	if (e == ERR_OK)
		e = check_address(address);
	if (e == ERR_OK && out->port)
		return ERR_OK;
	return why_say(
	    why, ERR_MALFORMED, "id 1: expected host, address and port 1 to 65535 together");
}

/* --- another product -------------------------------------------------------------------------- */

/* A key becomes part of topics: printable, no blank, '/' or quote, and no MQTT wildcard. */
static enum err
read_key(const struct ttlv_node *n, char out[DIALECT_KEY_MAX + 1])
{
	enum err e = ttlv_text(n, out, DIALECT_KEY_MAX + 1);

	for (const char *c = out; e == ERR_OK && *c; c++)
		if (*c <= ' ' || *c > '~' || strchr("/\"'+#", *c))
			e = ERR_MALFORMED;
	return e;
}

/* Key and secret: both or, back to the configuration, none. */
static enum err
read_product(const struct ttlv *t, struct dialect_configure *out, char *why)
{
	const struct ttlv_node *pk = find(t, PRODUCT), *ps = find(t, PRODUCT_SECRET);

	out->has_product = pk || ps;
	if (is_absent(pk) && is_absent(ps))
		return ERR_OK;
	enum err e = is_absent(ps) ? ERR_MALFORMED : read_key(pk, out->product_key);
	if (e == ERR_OK)
		e = ttlv_text(ps, out->product_secret, DIALECT_KEY_MAX + 1);
	if (e == ERR_OK)
		return ERR_OK;
	return why_say(
	    why, ERR_MALFORMED, "ids 7, 8: expected a product key and its secret together");
}

enum err
dialect_parse_configure(const uint8_t *data, size_t len, struct dialect_configure *out, char *why)
{
	struct ttlv t;
	enum err e = ttlv_parse(data, len, &t);

	*out = (struct dialect_configure){0};
	if (e != ERR_OK)
		return why_say(
		    why, e, "expected values, got %zu bytes that are none: %s", len, err_text(e));
	e = read_secret(&t, DEVICE_SECRET, out->device_secret, why);
	if (e == ERR_OK)
		e = read_secret(&t, NEW_DEVICE_SECRET, out->new_device_secret, why);
	if (e == ERR_OK)
		e = read_session_key(&t, out, why);
	if (e == ERR_OK)
		e = read_server(&t, out, why);
	if (e == ERR_OK)
		e = read_product(&t, out, why);
	const struct ttlv_node *again = find(&t, AGAIN);

	out->authenticate_again = again && again->type == TTLV_TRUE;
	return e;
}
