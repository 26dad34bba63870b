/*
 * ports: see ports.h. An address is read as narrowly as can be: what is not plainly a host and a
 * port is refused. The courier reads it again, with curl's parser; should the two ever differ, its
 * own Landlock and the firewall go by what is really connected to.
 */
#include "ports.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { HTTP = 80, HTTPS = 443, DIGITS_MAX = 5 };

/* A port of `len` bytes; 0: none. */
static unsigned
read_port(const char *text, size_t len)
{
	unsigned long v = 0;

	if (len == 0 || len > DIGITS_MAX || strspn(text, "0123456789") < len)
		return 0;
	v = strtoul(text, NULL, 10);
	return v <= UINT16_MAX ? (unsigned)v : 0;
}

enum err
ports_parse(const char *text, bool allow_http, struct ports *out, char why[WHY_SIZE])
{
	*out = (struct ports){.any = strcmp(text, "any") == 0};
	if (out->any)
		return ERR_OK;
	for (const char *at = text + strspn(text, " \t"); *at; at += strspn(at, " \t")) {
		size_t len = strcspn(at, " \t");
		unsigned port = read_port(at, len);

		if (!port || out->n == PORTS_MAX)
			return why_say(why, ERR_CONFIG,
			    "package_ports: expected at most %d ports from 1 to 65535, or any, got "
			    "'%.40s'",
			    PORTS_MAX, at);
		out->list[out->n++] = (uint16_t)port;
		at += len;
	}
	if (out->n)
		return ERR_OK;
	out->list[out->n++] = HTTPS;
	if (allow_http)
		out->list[out->n++] = HTTP;
	return ERR_OK;
}

bool
ports_has(const struct ports *p, unsigned port)
{
	bool found = p->any;

	for (size_t i = 0; i < p->n; i++)
		found = found || p->list[i] == port;
	return found && port > 0;
}

unsigned
ports_of_url(const char *url)
{
	bool https = strncasecmp(url, "https://", 8) == 0;
	const char *host = strstr(url, "://");

	if (!host || (!https && strncasecmp(url, "http://", 7) != 0))
		return 0;
	host += 3;
	size_t len = strcspn(host, "/?#");
	if (memchr(host, '\\', len))
		return 0;
	for (const char *at = NULL; (at = memchr(host, '@', len)); host = at + 1)
		len -= (size_t)(at + 1 - host);
	if (host[0] == '[') {
		size_t six = strcspn(host, "]");

		if (six >= len)
			return 0;
		host += six;
		len -= six;
	}
	const char *colon = memchr(host, ':', len);
	if (!colon || colon + 1 == host + len)
		return https ? HTTPS : HTTP;
	return read_port(colon + 1, (size_t)(host + len - colon - 1));
}
