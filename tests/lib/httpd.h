/*
 * httpd: a package server for tests that can be told to misbehave.
 *
 * One thread accepts, one thread per connection answers one request and closes. It serves one body
 * under every path, over plain HTTP or TLS (a fresh self-signed certificate for 127.0.0.1). Faults
 * are switched while it runs. Counters tell what a client really fetched: bytes that were handed to
 * the kernel but never left it are taken off again.
 */
#ifndef SUBOTA_TEST_HTTPD_H
#define SUBOTA_TEST_HTTPD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct httpd;

struct httpd_faults {
	uint64_t cut_after;   /* close after so many body bytes of a request ... */
	unsigned cuts;        /* ... so many times, then no more */
	uint64_t stall_after; /* stop sending after so many body bytes, keep the connection */
	unsigned drip_ms;     /* one body byte at a time, so many ms apart */
	bool drip_head;       /* headers, too, never end */
	bool no_length;       /* no Content-Length: the end of the connection ends the body */
	bool endless;         /* the body never ends (with no_length) */
	uint64_t extra;       /* Content-Length and body are longer by this */
	bool ignore_range;    /* 200 and everything to a ranged request */
	int64_t shift_range;  /* Content-Range and body begin this much later than asked */
	bool new_etag;        /* another ETag with every request */
	bool blind;           /* with new_etag: does not look at If-Range */
	bool no_etag;         /* Last-Modified only */
	bool encoded;         /* says Content-Encoding: gzip */
	int status;           /* answer with this and a short body ... */
	unsigned status_times; /* ... so many times; 0 = always */
	char redirect[300];   /* 302 to this */
	uint64_t rate;        /* body bytes a second, 0 = as fast as it goes */
};

struct httpd_counters {
	unsigned requests, ranged, if_range;
	uint64_t body_bytes;  /* that left this host's send queues */
	uint64_t last_offset; /* first byte of the last range asked for */
};

/* Serve `body` (borrowed) on 127.0.0.1. NULL if that fails. With `tls`, httpd_ca() is the PEM text
 * to trust. */
struct httpd *httpd_start(const void *body, size_t len, bool tls);
void httpd_stop(struct httpd *h);

void httpd_set(struct httpd *h, const struct httpd_faults *f);
/* Waits (up to 5 s) for open connections to end first. */
struct httpd_counters httpd_counters(struct httpd *h);
/* Forget the counters. */
void httpd_reset(struct httpd *h);
unsigned httpd_port(const struct httpd *h);
/* "http://127.0.0.1:PORT/package.bin" */
const char *httpd_url(const struct httpd *h);
const char *httpd_ca(const struct httpd *h);

#endif
