/*
 * dc_open: the platform's OpenAPI (spec: developer center, section 14) without a socket: a request
 * in, the envelope {"code", "msg", "data", "extMsg"} out. HTTP's status is 200 whatever the code.
 *
 * The prefix of the OTA calls (dc->ota_prefix) and their verbs are not public and so ours: GET,
 * POST and PUT are taken alike, parameters come from the query, a form or, for the batch calls, a
 * JSON array.
 */
#ifndef DC_OPEN_H
#define DC_OPEN_H

#include "dc_peer.h"

enum { DC_OPEN_BODY = 256 << 10, DC_OPEN_TOKEN_MS = 7200000, DC_OPEN_REFRESH_MS = 86400000 };

struct dc_open_request {
	const char *path;
	const char *authorization; /* header; NULL: none */
	const char *body;          /* JSON; NULL: none */
	const char *address;       /* of the caller; NULL: not known */
	const char *(*query)(void *arg, const char *name);
	void *arg;
};

/* JSON for free(); NULL only without memory. */
char *dc_open_answer(struct dc *dc, const struct dc_open_request *r);

/* hex SHA256(user + secret): the password of accessKeyLogin. */
void dc_open_sign(const char *user, const char *secret, char out[65]);

#endif
