/*
 * dc_http_open: see dc_http_open.h. A form's fields become parameters like those of the query: the
 * app's clients send them either way.
 */
#include "dc_http_open.h"

#include <arpa/inet.h>
#include <string.h>

#include "dc_open.h"

void
dc_http_open_take(struct dc_http_body *b, const char *data, size_t len)
{
	if (!b->data)
		b->data = dc_peer_alloc(DC_OPEN_BODY + 1);
	if (b->len + len <= DC_OPEN_BODY)
		memcpy(b->data + b->len, data, len);
	b->len += len;
}

static const char *
query(void *arg, const char *name)
{
	return MHD_lookup_connection_value(arg, MHD_GET_ARGUMENT_KIND, name);
}

/* '+' is a blank in a form. */
static void
decode(char *text)
{
	for (char *c = text; *c; c++)
		if (*c == '+')
			*c = ' ';
	MHD_http_unescape(text);
}

/* Take "a=1&b=2" apart in place. */
static void
read_form(struct MHD_Connection *c, char *body)
{
	for (char *at = body; at && *at;) {
		char *next = strchr(at, '&'), *value = strchr(at, '=');

		if (next)
			*next++ = '\0';
		if (value && (!next || value < next)) {
			*value++ = '\0';
			decode(at);
			decode(value);
			(void)MHD_set_connection_value(c, MHD_GET_ARGUMENT_KIND, at, value);
		}
		at = next;
	}
}

/* The caller's address as text; "" when it has none. */
static void
read_address(struct MHD_Connection *c, char out[INET_ADDRSTRLEN])
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(
	    c, MHD_CONNECTION_INFO_CLIENT_ADDRESS);

	out[0] = '\0';
	if (info && info->client_addr->sa_family == AF_INET)
		inet_ntop(AF_INET, &((const struct sockaddr_in *)info->client_addr)->sin_addr, out,
		    INET_ADDRSTRLEN);
}

static enum MHD_Result
answer(struct MHD_Connection *c, unsigned status, char *text)
{
	struct MHD_Response *response = MHD_create_response_from_buffer(
	    text ? strlen(text) : 0, text, MHD_RESPMEM_MUST_FREE);

	if (!response)
		return MHD_NO;
	MHD_add_response_header(response, "Content-Type", "application/json");
	enum MHD_Result result = MHD_queue_response(c, status, response);
	MHD_destroy_response(response);
	return result;
}

enum MHD_Result
dc_http_open_call(
    struct dc *dc, struct MHD_Connection *connection, const char *url, struct dc_http_body *b)
{
	char address[INET_ADDRSTRLEN];
	bool json = b->data && (b->data[0] == '{' || b->data[0] == '[');
	const struct dc_open_request ask = {.path = url,
	    .authorization = MHD_lookup_connection_value(
		connection, MHD_HEADER_KIND, "Authorization"),
	    .body = json ? b->data : NULL,
	    .address = address,
	    .query = query,
	    .arg = connection};

	if (b->len > DC_OPEN_BODY)
		return answer(connection, MHD_HTTP_CONTENT_TOO_LARGE, NULL);
	if (b->data && !json)
		read_form(connection, b->data);
	read_address(connection, address);
	return answer(connection, MHD_HTTP_OK, dc_open_answer(dc, &ask));
}
