/*
 * dc_http: see dc_http.h. One struct request lives from the first look at a request to
 * libmicrohttpd's word that it is over; the faults it is to suffer are drawn when it begins.
 */
#include "dc_http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <microhttpd.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>

#include "dc_http_open.h"
#include "dc_range.h"
#include "log.h"

enum { BLOCK = 128 << 10, IDLE_S = 120, CONNECTIONS = 4000, CERT_MAX = 16384, SLICE_MS = 20 };

struct request {
	struct request *next;
	struct dc_http *http;
	struct MHD_Connection *connection;
	bool started, suspended, cut;
	int64_t package;
	int fd;
	uint64_t size, first, len;
	uint64_t given, before; /* bytes handed over, and without the last block */
	uint64_t cut_after, stall_after, flip_at;
	int64_t rate, drip_ms;
	struct mono began, resume; /* when the body is paced */
	struct dc_http_body body;  /* of a call of the OpenAPI */
};

struct dc_http {
	struct dc *dc;
	char dir[3000];
	struct dc_net *net;
	struct MHD_Daemon *daemon[2]; /* without, with TLS */
	struct request *requests;
};

struct package {
	int64_t id;
	char name[101], path[200], etag[40];
};

enum err
dc_http_new(struct dc *dc, const char *dir, struct dc_net *net, struct dc_http **out)
{
	struct dc_http *h = dc_peer_alloc(sizeof(*h));

	h->dc = dc;
	h->net = net;
	snprintf(h->dir, sizeof(h->dir), "%s", dir);
	*out = h;
	return ERR_OK;
}

void
dc_http_free(struct dc_http *h)
{
	if (!h)
		return;
	for (struct request *r = h->requests; r; r = r->next) {
		r->cut = true;
		if (r->suspended)
			MHD_resume_connection(r->connection);
		r->suspended = false;
	}
	for (int i = 0; i < 2; i++)
		if (h->daemon[i])
			MHD_stop_daemon(h->daemon[i]);
	free(h);
}

/* --- the body -------------------------------------------------------------------------------- */

static void
suspend(struct request *r, int64_t ms)
{
	r->resume = mono_after(clock_now(), ms);
	r->suspended = true;
	MHD_suspend_connection(r->connection);
}

/* The body as a clock lets it out: by rate, or a byte at a time. */
static ssize_t
paced(struct request *r, size_t max)
{
	struct mono now = clock_now();

	if (!r->began.ms)
		r->began = now;
	int64_t elapsed = mono_between(r->began, now);
	int64_t due = r->drip_ms ? elapsed / r->drip_ms : elapsed * r->rate / 1000;
	if (due <= (int64_t)r->given) {
		suspend(r, r->drip_ms ? r->drip_ms - elapsed % r->drip_ms : SLICE_MS);
		return 0;
	}
	size_t ready = (size_t)(due - (int64_t)r->given);
	return (ssize_t)(ready < max ? ready : max);
}

/* How much may be sent now; 0: not now (suspended), -1: cut. */
static ssize_t
allowance(struct request *r, size_t max)
{
	if (r->cut || (r->cut_after && r->given >= r->cut_after))
		return -1;
	if (r->cut_after && r->cut_after - r->given < max)
		max = (size_t)(r->cut_after - r->given);
	if (r->stall_after && r->given >= r->stall_after) {
		suspend(r, INT32_MAX);
		return 0;
	}
	if (r->stall_after && r->stall_after - r->given < max)
		max = (size_t)(r->stall_after - r->given);
	return r->rate || r->drip_ms ? paced(r, max) : (ssize_t)max;
}

static ssize_t
read_body(void *arg, uint64_t at, char *buf, size_t max)
{
	struct request *r = arg;
	uint64_t offset = r->first + at;
	ssize_t n = allowance(r, max);

	if (n <= 0)
		return n == 0 ? 0 : MHD_CONTENT_READER_END_WITH_ERROR;
	n = pread(r->fd, buf, (size_t)n, (off_t)offset);
	if (n <= 0)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	if (r->flip_at && r->flip_at - 1 >= offset && r->flip_at - 1 < offset + (uint64_t)n)
		buf[r->flip_at - 1 - offset] ^= 1;
	r->before = r->given;
	r->given += (uint64_t)n;
	return n;
}

/* --- the answer ------------------------------------------------------------------------------ */

static enum MHD_Result
refuse(struct MHD_Connection *c, unsigned status, const char *name, const char *value)
{
	static const char text[] = "no\n";
	struct MHD_Response *response = MHD_create_response_from_buffer(
	    sizeof(text) - 1, (void *)(uintptr_t)text, MHD_RESPMEM_PERSISTENT);

	if (!response)
		return MHD_NO;
	if (name)
		MHD_add_response_header(response, name, value);
	enum MHD_Result result = MHD_queue_response(c, status, response);
	MHD_destroy_response(response);
	return result;
}

static bool
find_package(struct dc_http *h, const char *url, struct package *out)
{
	if (strncmp(url, "/packages/", 10) != 0)
		return false;
	AUTO(dc_query)
	struct dc_query *q = dc_db_query(h->dc->db,
	    "SELECT id, name, path, sha256 FROM package WHERE path = ? UNION ALL "
	    "SELECT k.id, k.name, f.path, f.sha256 FROM package_file f JOIN package k "
	    "ON k.id = f.package WHERE f.path = ?",
	    "tt", url + 10, url + 10);
	if (!dc_query_next(q))
		return false;
	out->id = dc_query_int(q, 0);
	snprintf(out->name, sizeof(out->name), "%s", dc_query_text(q, 1));
	snprintf(out->path, sizeof(out->path), "%s", dc_query_text(q, 2));
	snprintf(out->etag, sizeof(out->etag), "\"%.32s\"", dc_query_text(q, 3));
	return true;
}

/* Draw the faults of a request whose range is known. */
static void
draw_faults(struct request *r)
{
	struct dc_faults *fs = &r->http->dc->faults;
	int64_t value;

	if (dc_fault_value(fs, DC_FAULT_HTTP_CUT) < (int64_t)r->len &&
	    dc_fault_strikes(fs, DC_FAULT_HTTP_CUT, &value)) {
		r->cut_after = (uint64_t)value;
		r->cut = value <= 0;
	}
	if (dc_fault_value(fs, DC_FAULT_HTTP_STALL) < (int64_t)r->len &&
	    dc_fault_strikes(fs, DC_FAULT_HTTP_STALL, &value) && value > 0)
		r->stall_after = (uint64_t)value;
	if (dc_fault_strikes(fs, DC_FAULT_HTTP_FLIP, &value) && value >= 0)
		r->flip_at = (uint64_t)value + 1;
	if (dc_fault_strikes(fs, DC_FAULT_HTTP_RATE, &value) && value > 0)
		r->rate = value;
	if (dc_fault_strikes(fs, DC_FAULT_HTTP_DRIP, &value) && value > 0)
		r->drip_ms = value;
}

static void
http_date(time_t at, char *out, size_t size)
{
	struct tm tm;

	gmtime_r(&at, &tm);
	strftime(out, size, "%a, %d %b %Y %H:%M:%S GMT", &tm);
}

/* Status by the request's Range and If-Range; sets r->first and r->len. */
static unsigned
choose_range(struct request *r, const char *etag, const char *date)
{
	const char *range = MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND, "Range");
	const char *if_range = MHD_lookup_connection_value(
	    r->connection, MHD_HEADER_KIND, "If-Range");

	if (if_range && strcmp(if_range, etag) != 0 && strcmp(if_range, date) != 0)
		range = NULL;
	if (dc_fault_strikes(&r->http->dc->faults, DC_FAULT_HTTP_NO_RANGE, NULL))
		range = NULL;
	switch (dc_range_parse(range, r->size, &r->first, &r->len)) {
	case DC_RANGE_PART:
		return MHD_HTTP_PARTIAL_CONTENT;
	case DC_RANGE_NONE:
		return MHD_HTTP_RANGE_NOT_SATISFIABLE;
	default:
		return MHD_HTTP_OK;
	}
}

static enum MHD_Result
send_file(struct request *r, unsigned status, const char *etag, const char *date)
{
	char text[100];

	struct MHD_Response *response = MHD_create_response_from_callback(
	    r->len, BLOCK, read_body, r, NULL);
	if (!response)
		return MHD_NO;
	MHD_add_response_header(response, "Content-Type", "application/octet-stream");
	MHD_add_response_header(response, "Accept-Ranges", "bytes");
	MHD_add_response_header(response, "ETag", etag);
	MHD_add_response_header(response, "Last-Modified", date);
	if (status == MHD_HTTP_PARTIAL_CONTENT) {
		snprintf(text, sizeof(text), "bytes %llu-%llu/%llu", (unsigned long long)r->first,
		    (unsigned long long)(r->first + r->len - 1), (unsigned long long)r->size);
		MHD_add_response_header(response, "Content-Range", text);
	}
	enum MHD_Result result = MHD_queue_response(r->connection, status, response);
	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result
serve(struct request *r, struct package *package)
{
	char path[4096], date[64], text[64];
	struct stat st;

	if (snprintf(path, sizeof(path), "%s/packages/%s", r->http->dir, package->path) >=
	    (int)sizeof(path))
		return refuse(r->connection, MHD_HTTP_NOT_FOUND, NULL, NULL);
	r->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (r->fd < 0 || fstat(r->fd, &st) < 0) {
		log_error(NULL, "%s: %s", path, strerror(errno));
		return refuse(r->connection, MHD_HTTP_INTERNAL_SERVER_ERROR, NULL, NULL);
	}
	r->size = (uint64_t)st.st_size;
	r->package = package->id;
	http_date(st.st_mtime, date, sizeof(date));
	if (dc_fault_strikes(&r->http->dc->faults, DC_FAULT_HTTP_NEW_ETAG, NULL))
		snprintf(package->etag, sizeof(package->etag), "\"%llx-%p\"",
		    (unsigned long long)clock_now().ms, (void *)r);
	unsigned status = choose_range(r, package->etag, date);
	if (status == MHD_HTTP_RANGE_NOT_SATISFIABLE) {
		snprintf(text, sizeof(text), "bytes */%llu", (unsigned long long)r->size);
		return refuse(r->connection, status, "Content-Range", text);
	}
	draw_faults(r);
	if (r->http->dc->events) {
		fprintf(r->http->dc->events, "package %s: %u, bytes %llu to %llu of %llu\n",
		    package->name, status, (unsigned long long)r->first,
		    (unsigned long long)(r->first + r->len), (unsigned long long)r->size);
		fflush(r->http->dc->events);
	}
	return send_file(r, status, package->etag, date);
}

static enum MHD_Result
on_request(void *arg, struct MHD_Connection *connection, const char *url, const char *method,
    const char *version, const char *upload, size_t *upload_size, void **state)
{
	struct dc_http *h = arg;
	struct package package;
	int64_t value;

	(void)version;
	bool open = strncmp(url, "/v2/", 4) == 0;
	bool known = strcmp(method, "GET") == 0 || strcmp(method, open ? "POST" : "HEAD") == 0 ||
		     (open && strcmp(method, "PUT") == 0);
	if (!*state && !known)
		return refuse(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "Allow", "GET, HEAD");
	if (!*state) {
		struct request *r = dc_peer_alloc(sizeof(*r));

		*r = (struct request){
		    .http = h, .connection = connection, .fd = -1, .next = h->requests};
		h->requests = r;
		*state = r;
		return MHD_YES;
	}
	if (*upload_size) { /* a body with the GET of a package means nothing */
		if (open)
			dc_http_open_take(&((struct request *)*state)->body, upload, *upload_size);
		*upload_size = 0;
		return MHD_YES;
	}
	if (open)
		return dc_http_open_call(h->dc, connection, url, &((struct request *)*state)->body);
	if (!find_package(h, url, &package))
		return refuse(connection, MHD_HTTP_NOT_FOUND, NULL, NULL);
	if (dc_fault_strikes(&h->dc->faults, DC_FAULT_HTTP_STATUS, &value))
		return refuse(connection, (unsigned)value, NULL, NULL);
	if (dc_fault_strikes(&h->dc->faults, DC_FAULT_HTTP_REDIRECT, &value))
		return refuse(connection, (unsigned)value, "Location", "/elsewhere");
	return serve(*state, &package);
}

/* Bytes that really left: the last block may have left in part, the kernel may hold some. */
static uint64_t
bytes_served(const struct request *r, enum MHD_RequestTerminationCode how)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(
	    r->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	int held = 0;

	if (how == MHD_REQUEST_TERMINATED_COMPLETED_OK)
		return r->given;
	if (r->cut_after && r->given >= r->cut_after)
		return r->given;
	if (!info || ioctl(info->connect_fd, SIOCOUTQ, &held) < 0 || held < 0)
		held = 0;
	return r->before > (uint64_t)held ? r->before - (uint64_t)held : 0;
}

static void
on_completed(
    void *arg, struct MHD_Connection *connection, void **state, enum MHD_RequestTerminationCode how)
{
	struct dc_http *h = arg;
	struct request *r = *state;

	(void)connection;
	if (!r)
		return;
	if (r->package)
		dc_db_do(h->dc->db,
		    "UPDATE package SET requests = requests + 1, bytes = bytes + ? WHERE id = ?",
		    "ii", (int64_t)bytes_served(r, how), r->package);
	struct request **at = &h->requests;
	while (*at != r)
		at = &(*at)->next;
	*at = r->next;
	if (r->fd >= 0)
		close(r->fd);
	free(r->body.data);
	free(r);
	*state = NULL;
}

/* --- listening ------------------------------------------------------------------------------- */

static bool
load(const char *dir, const char *name, char out[CERT_MAX])
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	AUTO(file) FILE *f = fopen(path, "re");
	if (!f)
		return false;
	size_t n = fread(out, 1, CERT_MAX - 1, f);
	out[n] = '\0';
	return n > 0;
}

static void
run(void *arg)
{
	struct MHD_Daemon *d = arg;

	MHD_run(d);
}

enum err
dc_http_listen(struct dc_http *h, const char *address, unsigned *port, bool tls)
{
	char cert[CERT_MAX], key[CERT_MAX];
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_port = htons((uint16_t)*port)};
	struct MHD_OptionItem secure[] = {{MHD_OPTION_HTTPS_MEM_CERT, 0, cert},
	    {MHD_OPTION_HTTPS_MEM_KEY, 0, key},
	    {MHD_OPTION_HTTPS_PRIORITIES, 0,
		(void *)(uintptr_t) "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"},
	    {MHD_OPTION_END, 0, NULL}};

	if (inet_pton(AF_INET, address, &sin.sin_addr) != 1)
		return ERR_INVALID;
	if (tls && (!load(h->dir, "server.pem", cert) || !load(h->dir, "server.key", key)))
		return ERR_CONFIG;
	struct MHD_Daemon *d = MHD_start_daemon(
	    MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | (tls ? MHD_USE_TLS : 0), (uint16_t)*port,
	    NULL, NULL, on_request, h, MHD_OPTION_SOCK_ADDR, &sin, MHD_OPTION_CONNECTION_TIMEOUT,
	    (unsigned)IDLE_S, MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS,
	    MHD_OPTION_NOTIFY_COMPLETED, on_completed, h, MHD_OPTION_ARRAY,
	    tls ? secure : secure + 3, MHD_OPTION_END);
	if (!d) {
		log_error(NULL, "cannot serve packages on %s port %u: %s", address, *port,
		    strerror(errno));
		return ERR_SYSTEM;
	}
	h->daemon[tls] = d;
	*port = MHD_get_daemon_info(d, MHD_DAEMON_INFO_BIND_PORT)->port;
	return dc_net_watch(
	    h->net, MHD_get_daemon_info(d, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd, run, d);
}

int
dc_http_tick(struct dc_http *h, int max)
{
	struct mono now = clock_now();
	MHD_UNSIGNED_LONG_LONG wait;

	for (struct request *r = h->requests; r; r = r->next) {
		if (!r->suspended || !mono_reached(now, r->resume))
			continue;
		r->suspended = false;
		MHD_resume_connection(r->connection);
	}
	for (int i = 0; i < 2; i++) {
		if (!h->daemon[i])
			continue;
		MHD_run(h->daemon[i]);
		if (MHD_get_timeout(h->daemon[i], &wait) == MHD_YES && wait < (unsigned)max)
			max = (int)wait;
	}
	for (struct request *r = h->requests; r; r = r->next)
		if (r->suspended && mono_between(now, r->resume) < max)
			max = (int)mono_between(now, r->resume);
	return max > 0 ? max : 0;
}
