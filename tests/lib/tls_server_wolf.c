/*
 * tls_server_wolf: wolfSSL as the hostile server, for the suites that authenticate but do not
 * encrypt (RFC 9150), which OpenSSL 3.0 does not have. Beside tls.c the one file with its headers.
 */
#include <wolfssl/options.h>
#include <wolfssl/ssl.h>

#include <stdbool.h>
#include <stddef.h>

#include "tls_server_wolf.h"

static WOLFSSL_CTX *
make_context(const struct tls_server_wolf *w)
{
	WOLFSSL_CTX *ctx = wolfSSL_CTX_new(wolfTLSv1_3_server_method());

	if (ctx && wolfSSL_CTX_use_certificate_file(ctx, w->cert_file, WOLFSSL_FILETYPE_PEM) == 1 &&
	    wolfSSL_CTX_use_PrivateKey_file(ctx, w->key_file, WOLFSSL_FILETYPE_PEM) == 1 &&
	    wolfSSL_CTX_set_cipher_list(ctx, w->suites) == 1)
		return ctx;
	wolfSSL_CTX_free(ctx);
	return NULL;
}

void
tls_server_wolf_serve(struct tls_server_wolf *w, int fd)
{
	unsigned char data[256];
	int n = 0;

	wolfSSL_Init();
	WOLFSSL_CTX *ctx = make_context(w);
	w->able = ctx != NULL;
	WOLFSSL *ssl = ctx ? wolfSSL_new(ctx) : NULL;
	if (ssl && wolfSSL_set_fd(ssl, fd) == 1 && wolfSSL_accept(ssl) == 1) {
		w->finished = true;
		while ((n = wolfSSL_read(ssl, data, sizeof(data))) > 0)
			w->app_bytes += (size_t)n;
	}
	wolfSSL_free(ssl);
	wolfSSL_CTX_free(ctx);
	wolfSSL_Cleanup();
}
