/*
 * dc_http: the package store over HTTPS, and over HTTP when asked for.
 *
 * GET and HEAD of /packages/PATH as the 0x0113 message names it: Range, If-Range, strong ETag,
 * Last-Modified. /v2/ is the OpenAPI (dc_open.h). Everything else is 404 or 405. libmicrohttpd
 * parses, in the thread of the caller: its epoll is one more watch of the net. What was served is
 * counted per package: bytes of blocks that left completely, less what the kernel still held when
 * the connection ended.
 */
#ifndef DC_HTTP_H
#define DC_HTTP_H

#include "dc_net.h"
#include "dc_peer.h"

struct dc_http;

/* A store over DIR/packages. `dc` and `net` are borrowed. */
enum err dc_http_new(
    struct dc *dc, const char *dir, struct dc_net *net, struct dc_http **out) MUST_CHECK;
void dc_http_free(struct dc_http *h);
AUTO_DEFINE(dc_http, struct dc_http *, dc_http_free)

/* Listen; *port as in dc_net_listen. At most once with TLS and once without. */
enum err dc_http_listen(
    struct dc_http *h, const char *address, unsigned *port, bool tls) MUST_CHECK;

/* Do what is due; returns the ms after which it wants to be called again, at most `max`. */
int dc_http_tick(struct dc_http *h, int max);

#endif
