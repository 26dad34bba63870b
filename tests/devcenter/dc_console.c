/*
 * dc_console: see dc_console.h. A request's body goes into memory (JSON) or into a file beside the
 * packages (an upload), which is gone when the request is over.
 */
#include "dc_console.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <microhttpd.h>
#include <string.h>

#include "dc_api.h"
#include "dc_digest.h"
#include "dc_page.h"
#include "log.h"

enum { IDLE_S = 60, CONNECTIONS = 200 };

struct dc_console {
	struct dc_api api;
	struct MHD_Daemon *daemon;
};

struct request {
	bool upload, too_large;
	int fd;
	char path[4096]; /* of the upload */
	size_t len;
	char body[DC_API_BODY + 1];
};

/* --- answers --------------------------------------------------------------------------------- */

/* Nothing of anybody else's is loaded, nobody may frame or store the pages. */
static enum MHD_Result
queue(struct MHD_Connection *c, unsigned status, const char *type, struct MHD_Response *response)
{
	static const char *const headers[][2] = {
	    {"Content-Security-Policy",
		"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
		"connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"},
	    {"X-Content-Type-Options", "nosniff"},
	    {"Referrer-Policy", "no-referrer"},
	    {"Cross-Origin-Resource-Policy", "same-origin"},
	    {"Cache-Control", "no-store"},
	};

	if (!response)
		return MHD_NO;
	MHD_add_response_header(response, "Content-Type", type);
	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
		MHD_add_response_header(response, headers[i][0], headers[i][1]);
	enum MHD_Result result = MHD_queue_response(c, status, response);
	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result
say(struct MHD_Connection *c, struct dc_api_answer a)
{
	if (!a.text)
		return MHD_NO;
	return queue(c, a.status, "application/json",
	    MHD_create_response_from_buffer(strlen(a.text), a.text, MHD_RESPMEM_MUST_FREE));
}

/* --- bodies ---------------------------------------------------------------------------------- */

static struct request *
begin(struct dc_console *c, const char *method, const char *url)
{
	struct request *r = dc_peer_alloc(sizeof(*r));

	r->fd = -1;
	r->upload = strcmp(method, "POST") == 0 &&
		    (strcmp(url, "/api/package") == 0 || strcmp(url, "/api/package/file") == 0);
	if (!r->upload)
		return r;
	if (snprintf(r->path, sizeof(r->path), "%s/packages/.upload-XXXXXX", c->api.dir) <
	    (int)sizeof(r->path))
		r->fd = mkostemp(r->path, O_CLOEXEC);
	if (r->fd < 0) {
		log_error(NULL, "%s: %s", r->path, strerror(errno));
		r->path[0] = '\0';
		r->too_large = true;
	}
	return r;
}

static void
take(struct request *r, const char *data, size_t len)
{
	size_t max = r->upload ? DC_DIGEST_MAX : DC_API_BODY;

	if (r->too_large || len > max - r->len) {
		r->too_large = true;
		return;
	}
	if (r->upload)
		r->too_large = write(r->fd, data, len) != (ssize_t)len;
	else
		memcpy(r->body + r->len, data, len);
	r->len += len;
}

static void
on_completed(
    void *arg, struct MHD_Connection *connection, void **state, enum MHD_RequestTerminationCode how)
{
	struct request *r = *state;

	(void)arg;
	(void)connection;
	(void)how;
	if (!r)
		return;
	if (r->fd >= 0)
		close(r->fd);
	if (r->path[0])
		unlink(r->path);
	free(r);
	*state = NULL;
}

/* --- requests -------------------------------------------------------------------------------- */

static const char *
header(struct MHD_Connection *c, const char *name)
{
	return MHD_lookup_connection_value(c, MHD_HEADER_KIND, name);
}

static const char *
query(void *arg, const char *name)
{
	return MHD_lookup_connection_value(arg, MHD_GET_ARGUMENT_KIND, name);
}

static enum MHD_Result
on_request(void *arg, struct MHD_Connection *connection, const char *url, const char *method,
    const char *version, const char *upload, size_t *upload_size, void **state)
{
	struct dc_console *c = arg;
	struct request *r = *state;
	struct dc_page page;
	struct dc_api_request ask = {.method = strcmp(method, "HEAD") == 0 ? "GET" : method,
	    .path = url,
	    .host = header(connection, "Host"),
	    .origin = header(connection, "Origin"),
	    .token = header(connection, "X-Console-Token"),
	    .query = query,
	    .arg = connection};

	(void)version;
	if (!r) {
		unsigned refused = dc_api_admits(&c->api, &ask);

		if (refused)
			return say(connection, dc_api_refusal(refused));
		*state = begin(c, method, url);
		return MHD_YES;
	}
	if (*upload_size) {
		take(r, upload, *upload_size);
		*upload_size = 0;
		return MHD_YES;
	}
	if (r->too_large)
		return say(connection, dc_api_refusal(MHD_HTTP_CONTENT_TOO_LARGE));
	if (strcmp(ask.method, "GET") == 0 && dc_page_find(url, &page))
		return queue(connection, MHD_HTTP_OK, page.type,
		    MHD_create_response_from_buffer(
			page.len, (void *)(uintptr_t)page.data, MHD_RESPMEM_PERSISTENT));
	ask.body = r->upload || !r->len ? NULL : r->body;
	ask.upload = r->upload ? r->path : NULL;
	return say(connection, dc_api_answer(&c->api, &ask));
}

/* --- listening ------------------------------------------------------------------------------- */

static void
run(void *arg)
{
	MHD_run(arg);
}

enum err
dc_console_open(struct dc *dc, const char *dir, struct dc_net *net, const char *address,
    unsigned *port, struct dc_console **out)
{
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_port = htons((uint16_t)*port)};

	if (inet_pton(AF_INET, address, &sin.sin_addr) != 1) {
		log_error(NULL, "console: expected an IPv4 address, got %s", address);
		return ERR_INVALID;
	}
	struct dc_console *c = dc_peer_alloc(sizeof(*c));
	dc_api_init(&c->api, dc, dir);
	c->daemon = MHD_start_daemon(MHD_USE_EPOLL, (uint16_t)*port, NULL, NULL, on_request, c,
	    MHD_OPTION_SOCK_ADDR, &sin, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_S,
	    MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS, MHD_OPTION_NOTIFY_COMPLETED,
	    on_completed, c, MHD_OPTION_END);
	if (!c->daemon) {
		log_error(NULL, "cannot serve the console on %s port %u: %s", address, *port,
		    strerror(errno));
		free(c);
		return ERR_SYSTEM;
	}
	*out = c;
	*port = MHD_get_daemon_info(c->daemon, MHD_DAEMON_INFO_BIND_PORT)->port;
	return dc_net_watch(net,
	    MHD_get_daemon_info(c->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd, run, c->daemon);
}

void
dc_console_close(struct dc_console *c)
{
	if (!c)
		return;
	MHD_stop_daemon(c->daemon);
	free(c);
}

void
dc_console_tick(struct dc_console *c)
{
	if (c)
		MHD_run(c->daemon);
}
