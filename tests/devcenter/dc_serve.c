/*
 * dc_serve: see dc_serve.h. Holds the pieces together; decides nothing but when to stop.
 */
#include "dc_serve.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/signalfd.h>

#include "dc_console.h"
#include "dc_http.h"
#include "dc_net.h"
#include "dc_platform.h"
#include "dc_tls.h"
#include "log.h"

enum { TICK_MS = 100 };

struct server {
	struct dc_db *db;
	struct dc *dc;
	struct dc_net *net;
	struct dc_http *http;
	struct dc_console *console;
	SSL_CTX *tls;
	int signals, lock;
	bool stop;
};

/* --- the broker's transport ------------------------------------------------------------------ */

/* A client of the broker and its connection, for the delay fault. */
struct link {
	struct server *server;
	struct dc_conn *conn;
	struct dc_client *client;
};

static void
send_bytes(void *arg, const uint8_t *data, size_t len)
{
	struct link *l = arg;
	struct mono when = {0};
	int64_t delay = dc_fault_value(&l->server->dc->faults, DC_FAULT_DELAY) +
			l->server->dc->slow_ms;

	if (delay > 0 && l->client && dc_client_user(l->client))
		when = mono_after(clock_now(), delay);
	dc_net_send(l->conn, data, len, when);
}

static void
close_link(void *arg)
{
	struct link *l = arg;

	dc_net_close(l->conn);
}

/* The time by which connections are silent for too long: `clock --connections` moves it, too. */
static struct mono
links_now(const struct server *s)
{
	return mono_after(clock_now(), s->dc->links_ahead_ms);
}

static void *
on_open(void *arg, struct dc_conn *c)
{
	struct server *s = arg;
	struct link *l = dc_peer_alloc(sizeof(*l));

	l->server = s;
	l->conn = c;
	l->client = dc_broker_open(s->dc->broker, l, links_now(s));
	if (!l->client) {
		free(l);
		return NULL;
	}
	return l;
}

static size_t
on_data(void *arg, void *peer, const uint8_t *data, size_t len)
{
	struct server *s = arg;
	struct link *l = peer;
	size_t used;

	if (dc_broker_input(s->dc->broker, l->client, data, len, links_now(s), &used))
		return len; /* it is being closed and was logged */
	return used;
}

static void
on_close(void *arg, void *peer)
{
	struct server *s = arg;
	struct link *l = peer;

	dc_broker_gone(s->dc->broker, l->client);
	free(l);
}

/* --- start and end --------------------------------------------------------------------------- */

static enum err
write_ready(const struct dc_serve_options *o, const struct dc_serve_options *got)
{
	char path[4096], temp[4096];

	if (snprintf(path, sizeof(path), "%s/ready.json", o->dir) >= (int)sizeof(path) ||
	    snprintf(temp, sizeof(temp), "%s/ready.json.new", o->dir) >= (int)sizeof(temp))
		return ERR_LIMIT;
	FILE *f = fopen(temp, "we");
	if (!f)
		return ERR_SYSTEM;
	fprintf(f,
	    "{\"pid\":%d,\"address\":\"%s\",\"mqtt_port\":%u,\"https_port\":%u,"
	    "\"plain_mqtt_port\":%u,\"http_port\":%u,\"console_port\":%u,\"ca\":\"ca.pem\"}\n",
	    getpid(), o->address, got->mqtt_port, got->https_port, got->plain_mqtt_port,
	    got->http_port, got->console_port);
	if (fclose(f) != 0 || rename(temp, path) != 0)
		return ERR_SYSTEM;
	return ERR_OK;
}

static enum err
listen_all(struct server *s, const struct dc_serve_options *o, struct dc_serve_options *got)
{
	const struct dc_net_handler h = {on_open, on_data, on_close, s};
	enum err err = dc_net_listen(s->net, o->address, &got->mqtt_port, s->tls, &h);

	if (!err && o->plain_mqtt)
		err = dc_net_listen(s->net, o->address, &got->plain_mqtt_port, NULL, &h);
	if (!err)
		err = dc_http_listen(s->http, o->address, &got->https_port, true);
	if (!err && o->http)
		err = dc_http_listen(s->http, o->address, &got->http_port, false);
	if (!err)
		err = dc_console_open(
		    s->dc, o->dir, s->net, o->console_address, &got->console_port, &s->console);
	s->dc->profile = o->profile;
	const char *host = o->host ? o->host : o->address;
	snprintf(s->dc->https, sizeof(s->dc->https), "https://%.100s:%u", host, got->https_port);
	snprintf(s->dc->http, sizeof(s->dc->http), "http://%.100s:%u", host, got->http_port);
	return err;
}

static void
on_signal(void *arg)
{
	struct server *s = arg;
	struct signalfd_siginfo info;

	if (read(s->signals, &info, sizeof(info)) == (ssize_t)sizeof(info))
		s->stop = true;
}

static enum err
catch_signals(struct server *s)
{
	struct rlimit files;
	sigset_t set;

	signal(SIGPIPE, SIG_IGN);
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &files);
	}
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	s->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	return s->signals < 0 ? ERR_SYSTEM : dc_net_watch(s->net, s->signals, on_signal, s);
}

/* One server per directory: the lock ends with the process, however that ends. */
static enum err
lock_dir(struct server *s, const char *dir)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/lock", dir);
	s->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (s->lock >= 0 && flock(s->lock, LOCK_EX | LOCK_NB) == 0)
		return ERR_OK;
	log_error(NULL, "%s: %s", path,
	    errno == EWOULDBLOCK ? "another server runs on this directory" : strerror(errno));
	return ERR_BUSY;
}

static enum err
start(struct server *s, const struct dc_serve_options *o, struct dc_serve_options *got)
{
	enum err err = lock_dir(s, o->dir);

	if (!err)
		err = dc_db_open(o->dir, false, &s->db);
	if (!err)
		err = dc_tls_context(o->dir, &s->tls);
	if (!err)
		err = dc_net_new(&s->net);
	if (!err)
		err = dc_platform_new(s->db, send_bytes, close_link, &s->dc);
	if (!err)
		err = dc_http_new(s->dc, o->dir, s->net, &s->http);
	if (!err)
		err = catch_signals(s);
	if (!err)
		err = listen_all(s, o, got);
	if (!err)
		s->dc->ota_prefix = o->ota_prefix;
	if (!err && !o->quiet)
		s->dc->events = stdout;
	return err;
}

static void
run(struct server *s)
{
	struct mono tick = clock_now();

	while (!s->stop && !dc_db_failed(s->db)) {
		struct mono now = clock_now();

		if (mono_reached(now, tick)) {
			dc_platform_tick(s->dc, links_now(s));
			tick = mono_after(now, TICK_MS);
		}
		int64_t left = mono_between(clock_now(), tick);
		dc_console_tick(s->console);
		dc_net_round(s->net, dc_http_tick(s->http, left > 0 ? (int)left : 0));
	}
}

enum err
dc_serve_run(const struct dc_serve_options *o)
{
	struct server s = {.signals = -1, .lock = -1};
	struct dc_serve_options got = *o;
	char ready[4096];
	enum err err = start(&s, o, &got);

	if (!err)
		err = write_ready(o, &got);
	if (!err && s.dc->events) {
		printf("listening: MQTT over TLS on %s:%u, packages on %s\n"
		       "console: http://%s:%u/\n",
		    o->address, got.mqtt_port, s.dc->https, o->console_address,
		    got.console_port);
		fflush(stdout);
	}
	if (!err)
		run(&s);
	if (!err && dc_db_failed(s.db))
		err = ERR_SYSTEM;
	snprintf(ready, sizeof(ready), "%s/ready.json", o->dir);
	if (err != ERR_BUSY)
		unlink(ready);
	dc_console_close(s.console);
	dc_http_free(s.http);
	dc_net_free(s.net); /* says to the broker that everybody is gone */
	dc_platform_free(s.dc);
	dc_db_close(s.db);
	SSL_CTX_free(s.tls);
	if (s.signals >= 0)
		close(s.signals);
	if (s.lock >= 0)
		close(s.lock);
	return err;
}
