/*
 * bus_client: the other end of a daemon's control socket and of its tap, for tools.
 *
 * Synchronous and without a loop: a tool asks one thing and waits. What a daemon answers passes the
 * same checks as any other message (msg_unpack, route_admit); a daemon may lie only in what it says
 * of itself. Tap lines are passed on as they come, one JSON object each:
 *
 *     {"n":number of the line,"at":ms since 1970,"daemon":"fetchd","from":"cloudd","to":"fetchd",
 *      "kind":"FetchOrder",
 *      "bytes":123,"verdict":"OK" or the name of an error,"message":{...} or null}
 */
#ifndef SUBOTA_BUS_CLIENT_H
#define SUBOTA_BUS_CLIENT_H

#include "route.h"

#include "auto.h"

struct bus_answer {
	enum who daemon;
	char build[64];
	unsigned error; /* enum err as the daemon says it, 0 = fine; then `json` may be empty */
	char *json;     /* heap, the caller's; never NULL after ERR_OK */
};

/* Ask the daemon that listens on `path` (file name, no scheme) and wait at most `timeout_ms` for
 * the whole answer. ERR_OK: there is one. ERR_NOT_FOUND: no such socket file; ERR_DENIED: not ours
 * to use; ERR_TIMEOUT: nobody answers (daemon not running, or hung); ERR_VERSION: no common
 * protocol version; ERR_MESSAGE, ERR_ROUTE, ERR_PHASE, ERR_LIMIT: nonsense came back. */
enum err bus_client_ask(const char *path, const char *what, const char *argument, int timeout_ms,
    struct bus_answer *out) MUST_CHECK;

/* The same with bytes that the question is about; ERR_LIMIT: too many for a message. */
enum err bus_client_ask_about(const char *path, const char *what, const char *argument,
    const void *data, size_t len, int timeout_ms, struct bus_answer *out) MUST_CHECK;

/* The same on a daemon's act socket: an order. */
enum err bus_client_act(const char *path, const char *what, const char *argument, int timeout_ms,
    struct bus_answer *out) MUST_CHECK;

/* A listener to any number of taps at once. Caller closes. */
struct bus_client_tap;
enum err bus_client_tap_open(struct bus_client_tap **out) MUST_CHECK;
void bus_client_tap_close(struct bus_client_tap *t);
AUTO_DEFINE(bus_client_tap, struct bus_client_tap *, bus_client_tap_close)

/* Listen to the tap at `path`, too; a daemon that restarts is heard again. Errors as above. */
enum err bus_client_tap_add(struct bus_client_tap *t, const char *path) MUST_CHECK;

/* The next line, without a newline, as a heap string; waits at most `timeout_ms` (-1: for ever),
 * then ERR_TIMEOUT. ERR_CANCELLED when a signal came meanwhile. */
enum err bus_client_tap_next(struct bus_client_tap *t, int timeout_ms, char **line) MUST_CHECK;

#endif
