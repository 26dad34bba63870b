/*
 * secrets: the product secrets of the gateway's and the sub-devices' products, in a file of their
 * own that nobody else may read:
 *
 *     [product p11abc]
 *     secret = d2c5Q1FsVWpwT1k3
 */
#ifndef SUBOTA_SECRETS_H
#define SUBOTA_SECRETS_H

#include <stddef.h>

#include "err.h"

enum { SECRETS_MAX = 64, SECRETS_TEXT = 33 };

struct secrets_product {
	char product_key[SECRETS_TEXT];
	char secret[SECRETS_TEXT];
};

struct secrets {
	struct secrets_product products[SECRETS_MAX];
	size_t n;
};

/* Read the file; it has to be a plain file of ours or root's that group and others cannot touch,
 * and each secret has 16 to 32 characters. ERR_CONFIG or ERR_DENIED, with log lines that never show
 * a secret. */
enum err secrets_load(const char *path, struct secrets *out) MUST_CHECK;

/* NULL: none for this product. */
const char *secrets_find(const struct secrets *s, const char *product_key);

#endif
