/*
 * tls_spki: where a certificate keeps its SubjectPublicKeyInfo (RFC 5280, 4.1), for the optional
 * pin of tls.c. Pure; the certificate has been verified, but is walked as if it had not.
 */
#ifndef SUBOTA_TLS_SPKI_H
#define SUBOTA_TLS_SPKI_H

#include <stddef.h>
#include <stdint.h>

#include "err.h"

enum { TLS_SPKI_DIGEST = 32 };

/* The key's DER, tag and length included, inside `der`. ERR_MALFORMED when it is not there. */
enum err tls_spki_find(
    const uint8_t *der, size_t len, const uint8_t **key, size_t *key_len) MUST_CHECK;

/* A pin as people write it: 64 hex digits. ERR_INVALID otherwise. */
enum err tls_spki_parse_pin(const char *hex, uint8_t out[TLS_SPKI_DIGEST]) MUST_CHECK;

#endif
