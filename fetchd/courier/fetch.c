/*
 * fetch: see fetch.h.
 *
 * `problem` is the one place where callbacks leave what stopped a transfer; libcurl's own code is
 * looked at only when they left nothing.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "address.h"
#include "answer.h"
#include "fetch.h"
#include "fetch_error.h"
#include "msg.h"
#include "pace.h"
#include "sink.h"
#include "url.h"

enum { WAIT_MS = 200, BACKOFF_FIRST_MS = 50, BACKOFF_MAX_MS = 2000, DETAIL_MAX = 400 };

#define UNWRITTEN "expected to write the package into the store, got: %s; look at its disk"

struct fetch {
	const Pb__CourierOrder *order;
	const char *ca;
	struct chan *chan;
	struct sink *sink;
	struct pace pace;
	CURLM *multi;

	char validator[ANSWER_VALIDATOR_MAX + 1];
	bool changed; /* the package has changed once in this run */
	uint64_t received;
	uint64_t most; /* the longest the file has been: what counts as getting on */
	unsigned tries, dry, hops;
	struct mono last_report;
	bool report_due;
	bool gate_gone;

	/* of the current request */
	struct answer answer;
	bool judged;
	enum answer_verdict verdict;
	uint64_t offset; /* where its range begins */
	struct mono complete_at; /* when the last announced byte came */
	enum err problem;
	char detail[DETAIL_MAX];
};

__attribute__((format(printf, 3, 4))) static enum err
fail(struct fetch *f, enum err e, const char *format, ...)
{
	va_list ap;

	f->problem = e;
	va_start(ap, format);
	vsnprintf(f->detail, sizeof(f->detail), format, ap);
	va_end(ap);
	return e;
}

/* --- reports --------------------------------------------------------------------------------- */

static enum err
send_report(struct fetch *f, Pb__CourierReport *r)
{
	Pb__Envelope e = PB__ENVELOPE__INIT;

	r->done_bytes = f->sink ? sink_written(f->sink) : 0;
	r->durable_bytes = f->sink ? sink_durable(f->sink) : 0;
	r->received_bytes = f->received;
	r->etag = f->validator;
	r->http_status = f->answer.status;
	e.body_case = PB__ENVELOPE__BODY_COURIER_REPORT;
	e.courier_report = r;
	f->report_due = false;
	f->last_report = clock_now();
	return chan_send(f->chan, &e);
}

/* At most one every FETCH_REPORT_MS. A gate that does not read now will read a later one. */
static void
report_progress(struct fetch *f)
{
	Pb__CourierReport r = PB__COURIER_REPORT__INIT;

	if (mono_between(f->last_report, clock_now()) < FETCH_REPORT_MS)
		return;
	if (send_report(f, &r) != ERR_OK)
		f->report_due = true;
}

static void
look_at_channel(struct fetch *f)
{
	Pb__Envelope *e = NULL;
	enum err got = chan_recv(f->chan, &e);

	msg_free(e);
	if (got == ERR_AGAIN)
		return;
	f->gate_gone = true; /* closed, or it says something that has no place here */
	fail(f, ERR_CLOSED, "the gate closed the channel");
}

/* --- libcurl's callbacks --------------------------------------------------------------------- */

static curl_socket_t
on_open(void *arg, curlsocktype purpose, struct curl_sockaddr *a)
{
	struct fetch *f = arg;

	if (purpose != CURLSOCKTYPE_IPCXN ||
	    !address_allowed(&a->addr, a->addrlen, f->order->allow_private_hosts)) {
		fail(f, ERR_URL, "expected a host with a public address, got a private one");
		return CURL_SOCKET_BAD;
	}
	return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
}

static size_t
on_header(char *line, size_t size, size_t n, void *arg)
{
	struct fetch *f = arg;

	if (answer_line(&f->answer, line, size * n) == ERR_OK)
		return size * n;
	fail(f, ERR_HTTP, "expected at most %d bytes of headers, got more", ANSWER_HEAD_MAX);
	return 0;
}

/* The headers are complete: decide what the body is. */
static void
judge(struct fetch *f)
{
	struct answer_wanted w = {f->offset, f->order->size, f->validator};
	enum err error = ERR_OK;
	char why[DETAIL_MAX] = "";

	f->judged = true;
	f->verdict = answer_judge(&f->answer, &w, &error, why, sizeof(why));
	bool whole = f->verdict == ANSWER_RESTART ||
	    (f->verdict == ANSWER_APPEND && f->answer.status == 200);
	bool differs = f->verdict == ANSWER_ASK_ANEW ||
	    (whole && answer_differs(&f->answer, f->validator));

	if (differs && f->changed) {
		fail(f, ERR_CHANGED, "the package changed on the server again: %s", why);
		return;
	}
	f->changed |= differs;
	if (f->verdict == ANSWER_REFUSE || f->verdict == ANSWER_RETRY)
		fail(f, error, "%s", why);
	if (f->verdict == ANSWER_RESTART || f->verdict == ANSWER_ASK_ANEW) {
		enum err e = sink_restart(f->sink);

		if (e != ERR_OK)
			fail(f, e, "cannot empty the file");
	}
	if (f->verdict == ANSWER_ASK_ANEW)
		f->validator[0] = 0;
	if (!whole)
		return;
	snprintf(f->validator, sizeof(f->validator), "%s", answer_validator(&f->answer));
	f->last_report = (struct mono){0}; /* the gate shall know the validator at once */
}

static size_t
on_body(char *data, size_t size, size_t n, void *arg)
{
	struct fetch *f = arg;
	size_t len = size * n;

	if (!f->judged)
		judge(f);
	if (f->problem != ERR_OK ||
	    (f->verdict != ANSWER_APPEND && f->verdict != ANSWER_RESTART))
		return 0;
	f->received += len;
	if (sink_size(f->sink) + len > f->order->size) {
		fail(f, ERR_ENDLESS, "expected %" PRIu64 " bytes, got more", f->order->size);
		return 0;
	}
	enum err e = sink_put(f->sink, data, len);
	if (e != ERR_OK)
		fail(f, e, UNWRITTEN, err_text(e));
	return e == ERR_OK ? len : 0;
}

/* --- one request ----------------------------------------------------------------------------- */

static CURLcode
set_all(struct fetch *f, CURL *c, CURLU *url, struct curl_slist *headers, const char *range)
{
	struct curl_blob ca = {
	    (void *)(uintptr_t)f->ca, f->ca ? strlen(f->ca) : 0, CURL_BLOB_NOCOPY};
	CURLcode r = CURLE_OK;

#define SET(option, value) \
	do { \
		if (r == CURLE_OK) \
			r = curl_easy_setopt(c, option, value); \
	} while (0)
	SET(CURLOPT_CURLU, url);
	SET(CURLOPT_PROTOCOLS_STR, f->order->allow_http ? "https,http" : "https");
	SET(CURLOPT_FOLLOWLOCATION, 0L);
	SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	SET(CURLOPT_PROXY, "");
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_USERAGENT, "subota/" SUBOTA_VERSION);
	SET(CURLOPT_HTTPHEADER, headers);
	SET(CURLOPT_BUFFERSIZE, (long)SINK_PIECE);
	SET(CURLOPT_CONNECTTIMEOUT_MS, (long)f->order->connect_timeout_ms);
	SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	SET(CURLOPT_CAINFO, NULL);
	SET(CURLOPT_CAPATH, NULL);
	if (f->ca)
		SET(CURLOPT_CAINFO_BLOB, &ca);
	if (range)
		SET(CURLOPT_RANGE, range);
	SET(CURLOPT_OPENSOCKETFUNCTION, on_open);
	SET(CURLOPT_OPENSOCKETDATA, f);
	SET(CURLOPT_HEADERFUNCTION, on_header);
	SET(CURLOPT_HEADERDATA, f);
	SET(CURLOPT_WRITEFUNCTION, on_body);
	SET(CURLOPT_WRITEDATA, f);
#undef SET
	return r;
}

static bool
is_complete(struct fetch *f)
{
	return sink_size(f->sink) == f->order->size;
}

/* Everything that can end a transfer besides libcurl. */
static void
watch(struct fetch *f, bool gate_spoke)
{
	struct mono now = clock_now();
	enum pace_verdict pace = pace_check(&f->pace, now, f->received);
	enum err e = sink_flush(f->sink);

	if (e != ERR_OK && f->problem == ERR_OK)
		fail(f, e, UNWRITTEN, err_text(e));
	if (gate_spoke)
		look_at_channel(f);
	if (pace == PACE_SLOW)
		fail(f, ERR_SLOW, "expected at least %u bytes a second for %u s, got fewer",
		    f->order->low_speed_bytes, f->order->low_speed_seconds);
	if (pace == PACE_OVER)
		fail(f, ERR_SLOW, "expected the whole package within %u s",
		    f->order->total_seconds);
	if (is_complete(f) && f->complete_at.ms == INT64_MAX)
		f->complete_at = mono_after(now, FETCH_LINGER_MS);
	if (f->problem == ERR_OK)
		report_progress(f);
}

static CURLcode
transfer(struct fetch *f, CURL *c)
{
	struct curl_waitfd extra = {.fd = chan_fd(f->chan), .events = CURL_WAIT_POLLIN};
	CURLcode result = CURLE_ABORTED_BY_CALLBACK;
	int running = 1, left = 0;

	if (curl_multi_add_handle(f->multi, c) != CURLM_OK)
		return CURLE_OUT_OF_MEMORY;
	while (f->problem == ERR_OK && running) {
		if (curl_multi_perform(f->multi, &running) != CURLM_OK)
			break;
		watch(f, extra.revents != 0);
		if (is_complete(f) && mono_reached(clock_now(), f->complete_at))
			break;
		if (running && f->problem == ERR_OK &&
		    curl_multi_poll(f->multi, &extra, 1, WAIT_MS, NULL) != CURLM_OK)
			break;
	}
	for (CURLMsg *m; (m = curl_multi_info_read(f->multi, &left));)
		if (m->msg == CURLMSG_DONE)
			result = m->data.result;
	curl_multi_remove_handle(f->multi, c);
	return result;
}

static struct curl_slist *
make_headers(const struct fetch *f, bool ranged)
{
	char line[ANSWER_VALIDATOR_MAX + 16];

	if (!ranged || !f->validator[0])
		return NULL;
	snprintf(line, sizeof(line), "If-Range: %s", f->validator);
	return curl_slist_append(NULL, line);
}

/* One request to `url`; afterwards `problem` (ERR_OK: look at `verdict`). */
static void
request(struct fetch *f, CURLU *url)
{
	CURL *c = curl_easy_init();
	char text[CURL_ERROR_SIZE] = "";
	char range[32] = "";

	f->offset = sink_size(f->sink);
	f->answer = (struct answer){0};
	f->judged = false;
	f->complete_at = MONO_NEVER;
	snprintf(range, sizeof(range), "%" PRIu64 "-", f->offset);
	pace_begin(&f->pace, clock_now(), f->order->connect_timeout_ms, f->received);
	struct curl_slist *headers = make_headers(f, f->offset > 0);
	CURLcode code = CURLE_OUT_OF_MEMORY;

	if (c && curl_easy_setopt(c, CURLOPT_ERRORBUFFER, text) == CURLE_OK)
		code = set_all(f, c, url, headers, f->offset ? range : NULL);
	if (code == CURLE_OK)
		code = transfer(f, c);
	if (!f->judged && f->answer.status && code == CURLE_OK)
		judge(f);
	if (f->problem == ERR_OK && !f->judged)
		fail(f, fetch_error_of(code), "%.300s", *text ? text : curl_easy_strerror(code));
	curl_slist_free_all(headers);
	curl_easy_cleanup(c);
}

/* --- the order ------------------------------------------------------------------------------- */

static enum err
parse_url(struct fetch *f, CURLU **url)
{
	struct url_policy p = {f->order->allow_http, f->order->hosts, f->order->n_hosts};
	char why[DETAIL_MAX] = "";
	enum err e = url_check(f->order->url, NULL, &p, url, why, sizeof(why));

	return e == ERR_OK ? e : fail(f, e, "%s", why);
}

static enum err
follow_redirect(struct fetch *f, CURLU **url)
{
	struct url_policy p = {
	    f->order->allow_http, f->order->redirect_hosts, f->order->n_redirect_hosts};
	char why[DETAIL_MAX] = "";
	CURLU *next = NULL;

	if (p.n_hosts == 0)
		return fail(f, ERR_URL, "expected no redirect, got one to %.200s",
		    f->answer.location);
	if (++f->hops > FETCH_HOPS_MAX)
		return fail(f, ERR_URL, "expected at most %d redirects", FETCH_HOPS_MAX);
	enum err e = url_check(f->answer.location, *url, &p, &next, why, sizeof(why));
	if (e != ERR_OK)
		return fail(f, e, "redirect: %s", why);
	curl_url_cleanup(*url);
	*url = next;
	return ERR_OK;
}

/* Wait before the next try; an eye stays on the channel. */
static void
back_off(struct fetch *f)
{
	int ms = BACKOFF_FIRST_MS << f->dry;
	struct mono until = mono_after(clock_now(), ms < BACKOFF_MAX_MS ? ms : BACKOFF_MAX_MS);
	struct curl_waitfd extra = {.fd = chan_fd(f->chan), .events = CURL_WAIT_POLLIN};

	while (f->problem == ERR_OK && !mono_reached(clock_now(), until)) {
		int left = (int)mono_between(clock_now(), until);

		curl_multi_poll(f->multi, &extra, 1, left, NULL);
		look_at_channel(f);
	}
	if (f->problem == ERR_OK && mono_reached(clock_now(), f->pace.deadline))
		fail(f, ERR_SLOW, "expected the whole package within %u s",
		    f->order->total_seconds);
}

/* The connection ended early, or the server is in trouble: go on, unless that is hopeless. */
static void
try_again(struct fetch *f)
{
	f->dry = sink_size(f->sink) > f->most ? 0 : f->dry + 1;
	if (f->dry == 0)
		f->most = sink_size(f->sink);
	f->hops = 0;
	if (f->dry > FETCH_DRY_MAX || ++f->tries > FETCH_TRIES_MAX) {
		if (f->problem == ERR_OK)
			fail(f, ERR_NETWORK, "expected %" PRIu64 " bytes, got %" PRIu64,
			    f->order->size, sink_size(f->sink));
		return;
	}
	f->problem = ERR_OK;
	f->detail[0] = 0;
	back_off(f);
}

/* Requests until the file is complete or `problem` is final. */
static void
fetch_all(struct fetch *f)
{
	AUTO(curlu) CURLU *url = NULL;
	AUTO(curlu) CURLU *start = NULL;

	if (parse_url(f, &start) != ERR_OK)
		return;
	while (f->problem == ERR_OK && !is_complete(f)) {
		if (!url && !(url = curl_url_dup(start))) {
			fail(f, ERR_NOMEM, "no memory for an address");
			return;
		}
		request(f, url);
		if (f->problem == ERR_OK && f->verdict == ANSWER_REDIRECT) {
			if (follow_redirect(f, &url) != ERR_OK)
				return;
			continue;
		}
		curl_url_cleanup(HAND_OVER(url));
		bool again = f->judged && f->verdict == ANSWER_RETRY;

		if (is_complete(f) && f->problem != ERR_ENDLESS && !f->gate_gone)
			fail(f, ERR_OK, "%s", "");
		else if (f->problem == ERR_OK || fetch_error_is_passing(f->problem) || again)
			try_again(f);
	}
}

static bool
is_same(const ProtobufCBinaryData *wanted, const uint8_t *got, size_t len)
{
	return wanted->len == 0 || (wanted->len == len && memcmp(wanted->data, got, len) == 0);
}

/* Final report; with digests only if the file is complete. What cannot be made durable is a greater
 * problem than any before: the next sync of it would say that all is well. */
static enum err
finish(struct fetch *f)
{
	Pb__CourierReport r = PB__COURIER_REPORT__INIT;
	uint8_t md5[16] = {0}, sha256[32] = {0};
	enum err e = f->problem, kept = ERR_OK;

	if (e == ERR_OK)
		e = sink_finish(f->sink, md5, sha256);
	else if (f->sink)
		kept = sink_settle(f->sink);
	e = kept == ERR_OK ? e : kept;
	if (f->gate_gone)
		return e;
	if (e != f->problem)
		fail(f, e, UNWRITTEN, err_text(e));
	else if (e == ERR_OK && !is_same(&f->order->md5, md5, 16))
		fail(f, ERR_MD5, "expected the announced MD5, got another");
	else if (e == ERR_OK && !is_same(&f->order->sha256, sha256, 32))
		fail(f, ERR_SHA256, "expected the announced SHA-256, got another");
	r.final = true;
	r.error = f->problem;
	r.detail = f->detail;
	if (e == ERR_OK) {
		r.md5 = (ProtobufCBinaryData){f->order->md5.len ? 16 : 0, md5};
		r.sha256 = (ProtobufCBinaryData){f->order->sha256.len ? 32 : 0, sha256};
	}
	enum err sent = send_report(f, &r);
	return sent == ERR_OK ? f->problem : sent;
}

static enum err
run_with_sink(struct fetch *f, int file)
{
	const Pb__CourierOrder *o = f->order;
	struct sink_setup setup = {
	    file, o->begins_at, o->offset, o->mark_bytes, o->md5.len > 0, o->sha256.len > 0};
	AUTO(sink) struct sink *sink = NULL;
	enum err e = sink_new(&setup, &sink);

	f->sink = sink;
	if (e != ERR_OK) {
		fail(f, e, "cannot use the file at offset %" PRIu64, o->begins_at + o->offset);
		return finish(f);
	}
	snprintf(f->validator, sizeof(f->validator), "%s", o->offset ? o->etag : "");
	f->most = o->offset;
	pace_init(&f->pace, clock_now(), o->low_speed_bytes, o->low_speed_seconds,
	    o->total_seconds);
	fetch_all(f);
	return finish(f);
}

enum err
fetch_run(const Pb__CourierOrder *order, const char *ca, struct chan *chan, int file)
{
	struct fetch f = {.order = order, .ca = ca, .chan = chan, .complete_at = MONO_NEVER};

	f.multi = curl_multi_init();
	enum err e = f.multi ? run_with_sink(&f, file) : ERR_NOMEM;
	curl_multi_cleanup(f.multi);
	return e;
}
