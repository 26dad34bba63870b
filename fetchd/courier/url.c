/*
 * url: see url.h.
 */
#include <stdarg.h>
#include <string.h>
#include <strings.h>

#include "url.h"

__attribute__((format(printf, 3, 4))) static enum err
refuse(char *why, size_t size, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(why, size, format, ap);
	va_end(ap);
	return ERR_URL;
}

static enum err
check_text(const char *text, char *why, size_t size)
{
	size_t n = strlen(text);

	if (n == 0 || n > URL_MAX)
		return refuse(why, size, "expected an address of 1..%d bytes, got %zu", URL_MAX, n);
	for (size_t i = 0; i < n; i++)
		if (text[i] <= 0x20 || text[i] >= 0x7f || text[i] == '\\')
			return refuse(why, size,
			    "expected printable characters in the address, got 0x%02x at %zu",
			    (unsigned char)text[i], i);
	if (strstr(text, ":///"))
		return refuse(why, size, "address has no host");
	return ERR_OK;
}

static bool
is_listed(const char *host, const struct url_policy *p)
{
	for (size_t i = 0; i < p->n_hosts; i++)
		if (strcasecmp(host, p->hosts[i]) == 0)
			return true;
	return p->n_hosts == 0;
}

static enum err
check_parts(CURLU *u, const struct url_policy *p, char *why, size_t size)
{
	AUTO(curl_text) char *scheme = NULL;
	AUTO(curl_text) char *host = NULL;
	AUTO(curl_text) char *user = NULL;
	AUTO(curl_text) char *password = NULL;

	if (curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK)
		return refuse(why, size, "address has no scheme");
	if (strcmp(scheme, "https") != 0 && !(p->allow_http && strcmp(scheme, "http") == 0))
		return refuse(why, size, "expected https%s, got %.20s",
		    p->allow_http ? " or http" : "", scheme);
	if (curl_url_get(u, CURLUPART_USER, &user, 0) == CURLUE_OK ||
	    curl_url_get(u, CURLUPART_PASSWORD, &password, 0) == CURLUE_OK)
		return refuse(why, size, "expected no user name in the address, got one");
	if (curl_url_get(u, CURLUPART_HOST, &host, 0) != CURLUE_OK || !*host)
		return refuse(why, size, "address has no host");
	if (!is_listed(host, p))
		return refuse(why, size, "expected one of the configured hosts, got %.200s", host);
	return ERR_OK;
}

enum err
url_check(const char *text, CURLU *base, const struct url_policy *p, CURLU **out, char *why,
    size_t why_size)
{
	AUTO(curlu) CURLU *u = base ? curl_url_dup(base) : curl_url();
	enum err e = check_text(text, why, why_size);

	if (e != ERR_OK)
		return e;
	if (!u)
		return ERR_NOMEM;
	CURLUcode code = curl_url_set(u, CURLUPART_URL, text, 0);
	if (code != CURLUE_OK)
		return refuse(why, why_size, "not an address: %s", curl_url_strerror(code));
	e = check_parts(u, p, why, why_size);
	if (e == ERR_OK)
		*out = HAND_OVER(u);
	return e;
}
