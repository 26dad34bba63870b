/*
 * subota-courier: one download, then gone. Started by the nursery for the gate.
 *
 * usage: subota-courier [MODE], the words of sandbox.h.
 *
 * Descriptors: 3 the channel to the gate (one order in, reports out), 4 the hatch through which the
 * file to append to comes; then the file takes its place.
 *
 * May: read the certificates named in its order, connect to the package server, append to the file.
 * Must never: open a path once it is locked in, see a key, live longer than one download.
 */
#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>

#include "auto.h"
#include "chan.h"
#include "fetch.h"
#include "hatch.h"
#include "log.h"
#include "msg.h"
#include "sandbox.h"

enum { CHANNEL_FD = 3, HATCH_FD = 4, FILE_FD = 4, ORDER_MS = 10000, CA_MAX = 4 << 20 };

/* The certificates as one text, NULL when there are none; then https fails closed. */
static char *
read_ca(const char *path)
{
	AUTO(file) FILE *f = path[0] ? fopen(path, "re") : NULL;
	struct stat st = {0};

	if (!f || fstat(fileno(f), &st) < 0 || st.st_size > CA_MAX) {
		if (path[0])
			log_error(NULL, "cannot read the certificates %s: %s", path,
			    f ? "too large" : strerror(errno));
		return NULL;
	}
	AUTO(mem) char *text = malloc((size_t)st.st_size + 1);
	if (!text)
		return NULL;
	size_t n = fread(text, 1, (size_t)st.st_size, f);
	text[n] = '\0';
	return n ? HAND_OVER(text) : NULL;
}

/* A redirect may lead to any port of a listed host; without such hosts the order names the port. */
static void
name_ports(const Pb__CourierOrder *o, struct places *places)
{
	AUTO(mem) char *port = NULL;
	CURLU *url = curl_url();

	places_add(places, "$port", "53"); /* a name server, when its answer is long */
	if (o->n_redirect_hosts || !url || curl_url_set(url, CURLUPART_URL, o->url, 0) ||
	    curl_url_get(url, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT))
		places_add(places, "$port", "*");
	else
		places_add(places, "$port", "%s", port);
	curl_url_cleanup(url);
}

static enum err
lock_in(const Pb__CourierOrder *o, const struct sandbox_mode *mode)
{
	const struct sandbox_promise *promise = promise_find("courier");
	struct places places = {0};

	name_ports(o, &places);
	enum err e = sandbox_enter(promise, geteuid(), getegid(), 0);
	if (e == ERR_OK)
		e = sandbox_lock_files(promise, mode, &places);
	if (e == ERR_OK)
		e = sandbox_lock_calls(promise, mode);
	places_fini(&places);
	return e;
}

/* The file takes the hatch's place. */
static enum err
take_file(void)
{
	AUTO(fd) int file = -1;
	enum err e = hatch_take(HATCH_FD, ORDER_MS, &file);

	if (e == ERR_OK && dup3(file, FILE_FD, O_CLOEXEC) < 0)
		e = ERR_SYSTEM;
	if (e != ERR_OK)
		log_error(NULL, "expected an open file, got: %s", err_text(e));
	return e;
}

int
main(int argc, char **argv)
{
	struct sandbox_mode mode = {0};
	AUTO(chan) struct chan *chan = NULL;
	AUTO(msg) Pb__Envelope *order = NULL;

	log_init("courier", LOG_INFO);
	signal(SIGPIPE, SIG_IGN);
	sandbox_close_from(HATCH_FD + 1);
	if (argc > 2 || (argc == 2 && sandbox_mode_parse(argv[1], &mode) != ERR_OK) ||
	    fcntl(HATCH_FD, F_GETFD) < 0 ||
	    chan_new(CHANNEL_FD, WHO_COURIER, WHO_FETCHD, &chan) != ERR_OK) {
		fprintf(stderr, "subota-courier is started by subota-fetchd only\n");
		return 64;
	}
	/* takes its time: do it in advance */
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return 71;
	enum err e = chan_wait(chan, ORDER_MS, &order);
	if (e == ERR_CLOSED)
		return 0; /* started in advance, and not needed */
	if (e != ERR_OK || order->body_case != PB__ENVELOPE__BODY_COURIER_ORDER) {
		log_error(NULL, "expected an order, got: %s", err_text(e));
		return 71;
	}
	if (take_file() != ERR_OK)
		return 71;
	AUTO(mem) char *ca = read_ca(order->courier_order->ca_file);
	if (lock_in(order->courier_order, &mode) != ERR_OK)
		return 71;
	e = fetch_run(order->courier_order, ca, chan, FILE_FD);
	return e == ERR_OK ? 0 : 1;
}
