/*
 * url: may this address be asked for?
 *
 * The text is parsed by libcurl's own parser and the parsed handle is what the request is made
 * from, so that the check and the request cannot understand it differently. Refused: other schemes
 * than https (http by policy), control bytes, blanks, bytes over 0x7e and backslashes anywhere,
 * user info, a missing host, more than 2048 bytes, and a host that is not in the policy's list when
 * it has one. The address behind the host is judged later, at connect time (address.h).
 */
#ifndef SUBOTA_URL_H
#define SUBOTA_URL_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>

#include "auto.h"
#include "err.h"

enum { URL_MAX = 2048 };

struct url_policy {
	bool allow_http;
	char *const *hosts; /* allowed hosts, compared without case; n_hosts 0 = any */
	size_t n_hosts;
};

AUTO_DEFINE(curlu, CURLU *, curl_url_cleanup)
AUTO_DEFINE(curl_text, char *, curl_free)

/* Parse and check `text`, relative to `base` if not NULL. The handle is the caller's. On ERR_URL
 * `why` holds one sentence. */
enum err url_check(const char *text, CURLU *base, const struct url_policy *p, CURLU **out,
    char *why, size_t why_size) MUST_CHECK;

#endif
