/*
 * httpd: see httpd.h.
 */
#include <inttypes.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "httpd.h"
#include "loopback.h"

enum { HEAD_MAX = 8192, PIECE = 16384, TICK_MS = 20 };

struct httpd {
	const uint8_t *body;
	size_t len;
	int listener;
	unsigned port;
	char url[80];
	char *ca;
	SSL_CTX *tls;
	pthread_t acceptor;
	pthread_mutex_t lock;
	pthread_cond_t gone;
	bool stop;
	unsigned open; /* connections */
	unsigned etag;
	struct httpd_faults faults;
	struct httpd_counters counters;
};

struct conn {
	struct httpd *h;
	int fd;
	SSL *ssl;
	struct httpd_faults f; /* as they were when the request came */
	unsigned etag;
	char head[HEAD_MAX];
	uint64_t from;
	bool ranged;
	uint64_t sent; /* body bytes */
};

static bool
is_stopped(struct httpd *h)
{
	pthread_mutex_lock(&h->lock);
	bool stop = h->stop;
	pthread_mutex_unlock(&h->lock);
	return stop;
}

/* Sleep in ticks, so that a stop is seen. A closed connection ends it, too. False: give up. */
static bool
pass_time(struct conn *c, int64_t ms)
{
	while (ms > 0 && !is_stopped(c->h)) {
		struct pollfd p = {.fd = c->fd, .events = POLLRDHUP};
		int step = ms < TICK_MS ? (int)ms : TICK_MS;

		if (poll(&p, 1, step) > 0)
			return false;
		ms -= step;
	}
	return !is_stopped(c->h);
}

static bool
send_all(struct conn *c, const void *data, size_t len)
{
	const uint8_t *at = data;

	while (len > 0) {
		ssize_t n = c->ssl ? SSL_write(c->ssl, at, (int)len)
				   : send(c->fd, at, len, MSG_NOSIGNAL);
		if (n <= 0)
			return false;
		at += n;
		len -= (size_t)n;
	}
	return true;
}

static bool
read_head(struct conn *c)
{
	size_t n = 0;

	while (n < sizeof(c->head) - 1 && !strstr(c->head, "\r\n\r\n")) {
		ssize_t got = c->ssl ? SSL_read(c->ssl, c->head + n, (int)(sizeof(c->head) - 1 - n))
				     : recv(c->fd, c->head + n, sizeof(c->head) - 1 - n, 0);
		if (got <= 0)
			return false;
		n += (size_t)got;
		c->head[n] = 0;
	}
	return strstr(c->head, "\r\n\r\n") != NULL;
}

static const char *
find_header(const char *head, const char *name)
{
	size_t n = strlen(name);

	for (const char *line = strstr(head, "\r\n"); line; line = strstr(line + 2, "\r\n"))
		if (strncasecmp(line + 2, name, n) == 0 && line[2 + n] == ':')
			return line + 2 + n + 1 + strspn(line + 3 + n, " ");
	return NULL;
}

/* Take faults and counters of this request; says whether a one-time status is due. */
static void
take_request(struct conn *c)
{
	struct httpd *h = c->h;
	const char *range = find_header(c->head, "Range");
	const char *if_range = find_header(c->head, "If-Range");
	char mine[40];

	pthread_mutex_lock(&h->lock);
	c->f = h->faults;
	h->counters.requests++;
	if (h->faults.status_times && --h->faults.status_times == 0)
		h->faults.status = 0;
	if (h->faults.cuts && --h->faults.cuts == 0)
		h->faults.cut_after = 0;
	if (h->faults.new_etag)
		h->etag++;
	c->etag = h->etag;
	if (range && strncmp(range, "bytes=", 6) == 0) {
		h->counters.ranged++;
		h->counters.if_range += if_range != NULL;
		h->counters.last_offset = c->from = strtoull(range + 6, NULL, 10);
		c->ranged = !c->f.ignore_range;
	}
	pthread_mutex_unlock(&h->lock);
	snprintf(mine, sizeof(mine), "\"package-%u\"", c->etag);
	if (if_range && if_range[0] == '"' && !c->f.blind &&
	    strncmp(if_range, mine, strlen(mine)) != 0)
		c->ranged = false;
	if (!c->ranged)
		c->from = 0;
}

static bool
send_refusal(struct conn *c, int status, const char *more)
{
	char text[600];
	int n = snprintf(text, sizeof(text),
	    "HTTP/1.1 %d No\r\nContent-Length: 5\r\n%sConnection: close\r\n\r\nsorry", status,
	    more);

	return send_all(c, text, (size_t)n);
}

static bool
send_head(struct conn *c)
{
	char text[1200];
	uint64_t first = c->from + (uint64_t)c->f.shift_range;
	uint64_t total = c->h->len + c->f.extra;
	int n = snprintf(text, sizeof(text), "HTTP/1.1 %s\r\nAccept-Ranges: bytes\r\n",
	    c->ranged ? "206 Partial Content" : "200 OK");

	n += snprintf(text + n, sizeof(text) - (size_t)n,
	    "Last-Modified: Tue, 24 Nov 2026 09:00:00 GMT\r\nConnection: close\r\n");
	if (!c->f.no_etag)
		n += snprintf(
		    text + n, sizeof(text) - (size_t)n, "ETag: \"package-%u\"\r\n", c->etag);
	if (c->f.encoded)
		n += snprintf(text + n, sizeof(text) - (size_t)n, "Content-Encoding: gzip\r\n");
	if (c->ranged)
		n += snprintf(text + n, sizeof(text) - (size_t)n,
		    "Content-Range: bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64 "\r\n", first,
		    total - 1, total);
	if (!c->f.no_length)
		n += snprintf(text + n, sizeof(text) - (size_t)n, "Content-Length: %" PRIu64 "\r\n",
		    total - first);
	if (!send_all(c, text, (size_t)n))
		return false;
	while (c->f.drip_head)
		if (!pass_time(c, 50) || !send_all(c, "X-Wait: a while\r\n", 17))
			return false;
	return send_all(c, "\r\n", 2);
}

/* Bytes of the body at `at`; beyond its end it repeats. */
static size_t
body_piece(const struct conn *c, uint64_t at, size_t max, const uint8_t **out)
{
	uint64_t in = at % c->h->len;

	*out = c->h->body + in;
	return max < c->h->len - in ? max : (size_t)(c->h->len - in);
}

static bool
keep_rate(struct conn *c, size_t n)
{
	if (c->f.drip_ms)
		return pass_time(c, c->f.drip_ms);
	if (!c->f.rate)
		return true;
	struct timespec t = {0, (long)(n * 1000000000ull / c->f.rate)};
	nanosleep(&t, NULL);
	return true;
}

static void
send_body(struct conn *c)
{
	uint64_t at = c->from + (uint64_t)c->f.shift_range;
	uint64_t end = c->f.endless ? UINT64_MAX : c->h->len + c->f.extra;
	size_t piece = c->f.drip_ms ? 1 : PIECE;

	while (at < end && !is_stopped(c->h)) {
		const uint8_t *data = NULL;
		uint64_t room = end - at;

		if (c->f.cut_after && c->f.cut_after - c->sent < room)
			room = c->f.cut_after - c->sent;
		if (c->f.stall_after && c->f.stall_after - c->sent < room)
			room = c->f.stall_after - c->sent;
		if (room == 0)
			break;
		size_t n = body_piece(c, at, room < piece ? (size_t)room : piece, &data);
		if (!send_all(c, data, n) || !keep_rate(c, n))
			return;
		c->sent += n;
		at += n;
	}
	while (c->f.stall_after && c->sent >= c->f.stall_after && pass_time(c, 1000))
		;
}

static void
answer(struct conn *c)
{
	char more[400];

	if (!read_head(c))
		return;
	take_request(c);
	snprintf(more, sizeof(more), "Location: %s\r\n", c->f.redirect);
	if (c->f.redirect[0])
		send_refusal(c, 302, more);
	else if (c->f.status)
		send_refusal(c, c->f.status, "");
	else if (c->ranged && c->from >= c->h->len)
		send_refusal(c, 416, "");
	else if (send_head(c))
		send_body(c);
}

/* Wait a little until the peer has taken what we sent, then count it. */
static void
settle(struct conn *c)
{
	int left = 0;

	for (int i = 0; i < 100; i++) {
		if (ioctl(c->fd, SIOCOUTQ, &left) < 0 || left == 0)
			break;
		poll(NULL, 0, 5);
	}
	pthread_mutex_lock(&c->h->lock);
	c->h->counters.body_bytes += c->sent > (uint64_t)left ? c->sent - (uint64_t)left : 0;
	pthread_mutex_unlock(&c->h->lock);
}

static void *
conn_main(void *arg)
{
	struct conn *c = arg;
	struct httpd *h = c->h;

	if (h->tls) {
		c->ssl = SSL_new(h->tls);
		SSL_set_fd(c->ssl, c->fd);
	}
	if (!c->ssl || SSL_accept(c->ssl) == 1) {
		answer(c);
		shutdown(c->fd, SHUT_WR);
	}
	settle(c);
	SSL_free(c->ssl);
	close(c->fd);
	free(c);
	pthread_mutex_lock(&h->lock);
	h->open--;
	pthread_cond_signal(&h->gone);
	pthread_mutex_unlock(&h->lock);
	return NULL;
}

static void
serve_one(struct httpd *h, int fd)
{
	struct conn *c = calloc(1, sizeof(*c));
	struct timeval patience = {.tv_sec = 10};
	int small = 16384, one = 1;
	pthread_t t;

	if (!c) {
		close(fd);
		return;
	}
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	c->h = h;
	c->fd = fd;
	pthread_mutex_lock(&h->lock);
	h->open++;
	pthread_mutex_unlock(&h->lock);
	if (pthread_create(&t, NULL, conn_main, c) == 0)
		pthread_detach(t);
}

static void *
acceptor_main(void *arg)
{
	struct httpd *h = arg;

	while (!is_stopped(h)) {
		struct pollfd p = {.fd = h->listener, .events = POLLIN};

		if (poll(&p, 1, TICK_MS) <= 0)
			continue;
		int fd = accept4(h->listener, NULL, NULL, SOCK_CLOEXEC);
		if (fd >= 0)
			serve_one(h, fd);
	}
	return NULL;
}

/* A certificate for 127.0.0.1 that signs itself; its PEM text becomes h->ca. */
static bool
make_tls(struct httpd *h)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *x = X509_new();
	BIO *pem = BIO_new(BIO_s_mem());
	X509V3_CTX ctx;
	char *text = NULL;

	X509_set_version(x, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
	X509_gmtime_adj(X509_getm_notBefore(x), -3600);
	X509_gmtime_adj(X509_getm_notAfter(x), 3600);
	X509_set_pubkey(x, key);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC,
	    (const unsigned char *)"127.0.0.1", -1, -1, 0);
	X509_set_issuer_name(x, X509_get_subject_name(x));
	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, x, x, NULL, NULL, 0);
	X509_EXTENSION *san = X509V3_EXT_conf_nid(NULL, &ctx, NID_subject_alt_name, "IP:127.0.0.1");
	X509_add_ext(x, san, -1);
	X509_EXTENSION_free(san);
	X509_sign(x, key, EVP_sha256());
	PEM_write_bio_X509(pem, x);
	long n = BIO_get_mem_data(pem, &text);
	h->ca = strndup(text, (size_t)n);
	h->tls = SSL_CTX_new(TLS_server_method());
	bool ok = h->tls && SSL_CTX_use_certificate(h->tls, x) == 1 &&
		  SSL_CTX_use_PrivateKey(h->tls, key) == 1;
	BIO_free(pem);
	X509_free(x);
	EVP_PKEY_free(key);
	return ok;
}

static bool
start_listening(struct httpd *h)
{
	h->listener = loopback_listen(0, &h->port);
	if (h->listener < 0)
		return false;
	snprintf(h->url, sizeof(h->url), "http%s://127.0.0.1:%u/package.bin", h->tls ? "s" : "",
	    h->port);
	return true;
}

struct httpd *
httpd_start(const void *body, size_t len, bool tls)
{
	struct httpd *h = calloc(1, sizeof(*h));

	if (!h)
		return NULL;
	h->body = body;
	h->len = len;
	h->listener = -1;
	pthread_mutex_init(&h->lock, NULL);
	pthread_cond_init(&h->gone, NULL);
	if ((!tls || make_tls(h)) && start_listening(h) &&
	    pthread_create(&h->acceptor, NULL, acceptor_main, h) == 0)
		return h;
	free(h->ca);
	free(h);
	return NULL;
}

void
httpd_stop(struct httpd *h)
{
	if (!h)
		return;
	pthread_mutex_lock(&h->lock);
	h->stop = true;
	pthread_mutex_unlock(&h->lock);
	pthread_join(h->acceptor, NULL);
	pthread_mutex_lock(&h->lock);
	while (h->open > 0)
		pthread_cond_wait(&h->gone, &h->lock);
	pthread_mutex_unlock(&h->lock);
	close(h->listener);
	SSL_CTX_free(h->tls);
	free(h->ca);
	free(h);
}

void
httpd_set(struct httpd *h, const struct httpd_faults *f)
{
	pthread_mutex_lock(&h->lock);
	h->faults = *f;
	pthread_mutex_unlock(&h->lock);
}

struct httpd_counters
httpd_counters(struct httpd *h)
{
	struct timespec until = {0};

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 5;
	pthread_mutex_lock(&h->lock);
	while (h->open > 0 && pthread_cond_timedwait(&h->gone, &h->lock, &until) == 0)
		;
	struct httpd_counters c = h->counters;
	pthread_mutex_unlock(&h->lock);
	return c;
}

void
httpd_reset(struct httpd *h)
{
	pthread_mutex_lock(&h->lock);
	h->counters = (struct httpd_counters){0};
	pthread_mutex_unlock(&h->lock);
}

unsigned
httpd_port(const struct httpd *h)
{
	return h->port;
}

const char *
httpd_url(const struct httpd *h)
{
	return h->url;
}

const char *
httpd_ca(const struct httpd *h)
{
	return h->ca;
}
