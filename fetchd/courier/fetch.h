/*
 * fetch: one order, carried out: the shell around libcurl.
 *
 * Requests are made one after another until the file is complete or the order has failed: after a
 * dropped connection with a short back-off and a range from where the file ends (at most
 * FETCH_DRY_MAX times in a row without a new byte, FETCH_TRIES_MAX in all), after a redirect to a
 * listed host, after a package that changed once. What the answers mean is decided in answer.c,
 * what may be asked for in url.c and address.c, what is too slow in pace.c; where bytes go in
 * sink.c. libcurl follows no redirect by itself, uses no proxy, no cookie, no credential and no
 * cache.
 */
#ifndef SUBOTA_FETCH_H
#define SUBOTA_FETCH_H

#include "auto.h"

#include "chan.h"

enum {
	FETCH_DRY_MAX = 4,
	FETCH_TRIES_MAX = 64,
	FETCH_HOPS_MAX = 5,
	FETCH_REPORT_MS = 250,
	/* Without a Content-Length: how long to wait for the end after the last announced byte. */
	FETCH_LINGER_MS = 1000,
};

/* Fetch into `file`, report progress on `chan`, and send the final report. `ca` is PEM text or NULL
 * (then https fails closed). Returns what the final report said; ERR_CLOSED when the gate went away
 * (what there is has been made durable). curl_global_init is the caller's. */
enum err fetch_run(const Pb__CourierOrder *order, const char *ca, struct chan *chan,
    int file) MUST_CHECK;

#endif
