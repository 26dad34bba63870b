/*
 * dc_http_open: a call of the OpenAPI as it comes in by HTTP: its body, which is JSON or a form,
 * and the answer.
 */
#ifndef DC_HTTP_OPEN_H
#define DC_HTTP_OPEN_H

#include <microhttpd.h>

#include "dc_peer.h"

struct dc_http_body {
	char *data; /* for free() when the request is over; NULL: none */
	size_t len;
};

/* Keep a piece of a body; what is too much is only counted. */
void dc_http_open_take(struct dc_http_body *b, const char *data, size_t len);
/* Answer a call whose body is whole. */
enum MHD_Result dc_http_open_call(struct dc *dc, struct MHD_Connection *connection,
    const char *url, struct dc_http_body *b);

#endif
