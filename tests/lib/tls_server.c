/*
 * tls_server: see tls_server.h. OpenSSL works on memory, so that this file sees every byte on its
 * way and may hold it back.
 */
#include <criterion/criterion.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "kit.h"
#include "loopback.h"
#include "tls_server.h"
#include "tls_server_wolf.h"

enum { TICK_MS = 20, DRIP_MS = 1000, PATIENCE_S = 10, HEADER = 5 };

struct tls_server {
	const struct tls_server_plan *plan;
	SSL_CTX *ctx;
	int listener;
	unsigned port;
	char *dir; /* files for wolfSSL, NULL = none */
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool stop;
	struct tls_server_seen seen;
	unsigned ended;
};

/* One connection. */
struct peer {
	struct tls_server *s;
	int fd;
	SSL *ssl;
	BIO *in, *out; /* the SSL's */
	size_t sent;
	uint8_t header[HEADER]; /* of the record that is coming in */
	size_t header_len, body_left;
	bool finished;
};

static bool
is_stopped(struct tls_server *s)
{
	pthread_mutex_lock(&s->lock);
	bool stop = s->stop;
	pthread_mutex_unlock(&s->lock);
	return stop;
}

/* Wait for the client's bytes; false when it is time to end. */
static bool
wait_input(struct peer *p, int ms)
{
	struct pollfd w = {.fd = p->fd, .events = POLLIN};

	while (!is_stopped(p->s) && ms > 0) {
		if (poll(&w, 1, TICK_MS) > 0)
			return true;
		ms -= TICK_MS;
	}
	return false;
}

static bool
send_some(struct peer *p, const uint8_t *data, size_t len)
{
	size_t limit = p->s->plan->cut_after;

	if (limit && p->sent + len > limit)
		len = limit - p->sent;
	bool ok = len == 0 || send(p->fd, data, len, MSG_NOSIGNAL) == (ssize_t)len;
	p->sent += len;
	pthread_mutex_lock(&p->s->lock);
	p->s->seen.sent += len;
	pthread_cond_broadcast(&p->s->changed);
	pthread_mutex_unlock(&p->s->lock);
	return ok && (!limit || p->sent < limit);
}

/* False: the client has gone, or has had all that the plan grants it. */
static bool
send_all(struct peer *p, const uint8_t *data, size_t len)
{
	if (!p->s->plan->drip)
		return send_some(p, data, len);
	for (size_t i = 0; i < len; i++) {
		struct pollfd gone = {.fd = p->fd, .events = POLLRDHUP};

		if (!send_some(p, data + i, 1))
			return false;
		for (int ms = 0; ms < DRIP_MS; ms += TICK_MS)
			if (is_stopped(p->s) || poll(&gone, 1, TICK_MS) > 0)
				return false;
	}
	return true;
}

/* --- what the client says ----------------------------------------------------------------- */

/* Count TLS records by their headers; a byte at a time is fast enough here. */
static void
scan(struct peer *p, const uint8_t *data, size_t len)
{
	struct tls_server_seen *seen = &p->s->seen;

	pthread_mutex_lock(&p->s->lock);
	for (size_t i = 0; i < len; i++) {
		if (seen->hello_len < sizeof(seen->hello))
			seen->hello[seen->hello_len++] = data[i];
		if (p->body_left) {
			p->body_left--;
			continue;
		}
		p->header[p->header_len++] = data[i];
		if (p->header_len < HEADER)
			continue;
		seen->records[p->header[0]]++;
		p->body_left = (size_t)p->header[3] << 8 | p->header[4];
		p->header_len = 0;
	}
	pthread_mutex_unlock(&p->s->lock);
}

/* Read what is there; false at the end of the connection. */
static bool
take_input(struct peer *p)
{
	uint8_t data[4096];

	if (!wait_input(p, PATIENCE_S * 1000))
		return false;
	ssize_t n = recv(p->fd, data, sizeof(data), 0);
	if (n <= 0)
		return false;
	scan(p, data, (size_t)n);
	if (p->in)
		BIO_write(p->in, data, (int)n);
	return true;
}

/* --- the three kinds of servers ----------------------------------------------------------- */

static void
serve_raw(struct peer *p)
{
	if (!take_input(p) || !send_all(p, p->s->plan->raw, p->s->plan->raw_len))
		return;
	while (take_input(p))
		;
}

static void
serve_wolf(struct peer *p)
{
	char cert[300], key[300];
	struct timeval patience = {.tv_sec = PATIENCE_S};
	struct tls_server_wolf w = {
	    .cert_file = cert, .key_file = key, .suites = p->s->plan->wolf_suites};

	setsockopt(p->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	snprintf(cert, sizeof(cert), "%s/server.pem", p->s->dir);
	snprintf(key, sizeof(key), "%s/server.key", p->s->dir);
	tls_server_wolf_serve(&w, p->fd);
	pthread_mutex_lock(&p->s->lock);
	p->s->seen.unable = !w.able;
	p->s->seen.finished += w.finished;
	p->s->seen.app_bytes += w.app_bytes;
	pthread_mutex_unlock(&p->s->lock);
}

static void
note_progress(struct peer *p, bool done, size_t app_bytes)
{
	struct tls_server_seen *seen = &p->s->seen;
	const char *name = SSL_get_servername(p->ssl, TLSEXT_NAMETYPE_host_name);

	pthread_mutex_lock(&p->s->lock);
	if (name)
		snprintf(seen->sni, sizeof(seen->sni), "%s", name);
	if (done && !p->finished) {
		seen->finished++;
		seen->resumed += SSL_session_reused(p->ssl) == 1;
	}
	seen->app_bytes += app_bytes;
	pthread_mutex_unlock(&p->s->lock);
	p->finished = p->finished || done;
}

/* Let OpenSSL work on what has come; false when nothing more is to be expected of it. */
static bool
advance(struct peer *p)
{
	uint8_t data[4096], *to_send = NULL;
	int r = p->finished ? 1 : SSL_do_handshake(p->ssl);
	bool more = r == 1 || SSL_get_error(p->ssl, r) == SSL_ERROR_WANT_READ;

	note_progress(p, r == 1, 0);
	while (p->finished && (r = SSL_read(p->ssl, data, sizeof(data))) > 0)
		note_progress(p, true, (size_t)r);
	long n = BIO_get_mem_data(p->out, &to_send);
	bool sent = n <= 0 || send_all(p, to_send, (size_t)n);
	(void)BIO_reset(p->out);
	return more && sent;
}

static void
serve_openssl(struct peer *p)
{
	p->ssl = SSL_new(p->s->ctx);
	p->in = BIO_new(BIO_s_mem());
	p->out = BIO_new(BIO_s_mem());
	BIO_set_mem_eof_return(p->in, -1);
	SSL_set_bio(p->ssl, p->in, p->out);
	SSL_set_accept_state(p->ssl);
	while (take_input(p) && advance(p))
		;
	shutdown(p->fd, SHUT_WR);
	p->in = NULL;
	while (take_input(p))
		;
	SSL_free(p->ssl);
}

static void *
thread_main(void *arg)
{
	struct tls_server *s = arg;

	while (!is_stopped(s)) {
		struct pollfd w = {.fd = s->listener, .events = POLLIN};

		if (poll(&w, 1, TICK_MS) <= 0)
			continue;
		struct peer p = {.s = s, .fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC)};
		if (p.fd < 0)
			continue;
		pthread_mutex_lock(&s->lock);
		s->seen.connections++;
		s->seen.hello_len = 0;
		pthread_mutex_unlock(&s->lock);
		if (s->plan->raw)
			serve_raw(&p);
		else if (s->plan->wolf_suites)
			serve_wolf(&p);
		else
			serve_openssl(&p);
		close(p.fd);
		pthread_mutex_lock(&s->lock);
		s->ended++;
		pthread_cond_broadcast(&s->changed);
		pthread_mutex_unlock(&s->lock);
	}
	return NULL;
}

/* --- life --------------------------------------------------------------------------------- */

static void
make_context(struct tls_server *s)
{
	const struct tls_server_plan *p = s->plan;
	int least = p->version ? p->version : TLS1_2_VERSION;
	int most = p->version ? p->version : TLS1_3_VERSION;

	s->ctx = SSL_CTX_new(TLS_server_method());
	cr_assert_not_null(s->ctx);
	SSL_CTX_set_security_level(s->ctx, 0);
	SSL_CTX_set_dh_auto(s->ctx, 1);
	cr_assert(SSL_CTX_set_min_proto_version(s->ctx, least) == 1 &&
		  SSL_CTX_set_max_proto_version(s->ctx, most) == 1);
	if (p->no_tickets)
		SSL_CTX_set_num_tickets(s->ctx, 0);
	if (p->suites)
		cr_assert_eq(SSL_CTX_set_cipher_list(s->ctx, p->suites), 1, "%s", p->suites);
	if (p->id)
		cr_assert(SSL_CTX_use_certificate(s->ctx, p->id->cert) == 1 &&
			  SSL_CTX_use_PrivateKey(s->ctx, p->id->key) == 1);
	if (p->chain)
		cr_assert_eq(SSL_CTX_add1_chain_cert(s->ctx, p->chain->cert), 1);
}

static void
make_files(struct tls_server *s)
{
	char path[300];

	s->dir = kit_scratch();
	snprintf(path, sizeof(path), "%s/server.pem", s->dir);
	pki_save_cert(s->plan->id, path);
	snprintf(path, sizeof(path), "%s/server.key", s->dir);
	pki_save_key(s->plan->id, path);
}

struct tls_server *
tls_server_start(const struct tls_server_plan *plan)
{
	struct tls_server *s = calloc(1, sizeof(*s));

	cr_assert_not_null(s);
	s->plan = plan;
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->changed, NULL);
	make_context(s);
	if (plan->wolf_suites)
		make_files(s);
	s->listener = loopback_listen(0, &s->port);
	cr_assert_geq(s->listener, 0);
	cr_assert_eq(pthread_create(&s->thread, NULL, thread_main, s), 0);
	return s;
}

void
tls_server_stop(struct tls_server *s)
{
	pthread_mutex_lock(&s->lock);
	s->stop = true;
	pthread_mutex_unlock(&s->lock);
	pthread_join(s->thread, NULL);
	close(s->listener);
	SSL_CTX_free(s->ctx);
	if (s->dir)
		kit_scratch_remove(s->dir);
	free(s);
}

uint16_t
tls_server_port(const struct tls_server *s)
{
	return (uint16_t)s->port;
}

bool
tls_server_saw(struct tls_server *s, unsigned connections, struct tls_server_seen *out)
{
	struct timespec until = {0};
	int e = 0;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += PATIENCE_S;
	pthread_mutex_lock(&s->lock);
	while (s->ended < connections && e == 0)
		e = pthread_cond_timedwait(&s->changed, &s->lock, &until);
	bool all = s->ended >= connections;
	*out = s->seen;
	pthread_mutex_unlock(&s->lock);
	return all;
}
