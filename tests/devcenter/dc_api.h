/*
 * dc_api: what the console's pages ask for, without a socket: a request in, a status and JSON out.
 *
 *     GET  /api/state                     dc_state_all(), and the token
 *     GET  /api/log?device=ID&after=ID&component=C   dc_state_log()
 *     GET  /api/plan/one?id=ID            dc_state_plan()
 *     GET  /api/plan/devices?id=ID        dc_state_plan_devices()
 *     GET  /api/faults                    dc_state_faults()
 *     POST /api/fault                     {"name", "value", "times", "percent"}
 *     POST /api/fault/clear               {"name"}; without one: all; /api/fault/seed {"seed"}
 *     POST /api/package?file=NAME&...     the body is the package's bytes
 *     POST /api/package/file?package=ID&file=NAME   another file of a package
 *     POST /api/verify                    {"package": ID, "device": ID}
 *     POST /api/plan                      {"name", "product", "packages": [NAME], ...}
 *     POST /api/plan/edit                 the same and "id": made over as a whole
 *     POST /api/plan/activate             {"id"}; also suspend, terminate, delete
 *     POST /api/plan/retry                {"id", "device": ID}
 *     POST /api/plan/confirm              {"id", "device": ID, "oper": 1 to 5, "starts", "ends"}
 *
 * A POST must carry the token that only a page of this very server can read (X-Console-Token), and
 * an Origin, if it has one, must be ours. Any request whose Host is a name other than localhost is
 * refused, so that no foreign name can be pointed at this server. Errors are {"error": SENTENCE}.
 */
#ifndef DC_API_H
#define DC_API_H

#include "dc_peer.h"

enum { DC_API_TOKEN = 32, DC_API_BODY = 512 << 10 };

struct dc_api {
	struct dc *dc;
	const char *dir;
	char token[DC_API_TOKEN + 1];
};

struct dc_api_request {
	const char *method, *path;
	const char *host, *origin, *token; /* headers; NULL: not there */
	/* value of a query parameter; NULL: not there */
	const char *(*query)(void *arg, const char *name);
	void *arg;
	const char *body;   /* JSON; NULL: none */
	const char *upload; /* a file that holds the body of POST /api/package; NULL: none */
};

struct dc_api_answer {
	unsigned status;
	char *text; /* JSON, for free(); NULL only without memory */
};

/* A token of its own; both are borrowed. */
void dc_api_init(struct dc_api *a, struct dc *dc, const char *dir);

/* Whether a request may go on to be answered: 0, or the status that refuses it. To be asked before
 * a body is taken. */
unsigned dc_api_admits(const struct dc_api *a, const struct dc_api_request *r);
struct dc_api_answer dc_api_refusal(unsigned status);

/* The answer to an admitted request. */
struct dc_api_answer dc_api_answer(struct dc_api *a, const struct dc_api_request *r);

#endif
