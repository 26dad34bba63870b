/*
 * bus_zap: who may connect (ZeroMQ's RFC 27), see bus_part.h.
 *
 * libzmq asks here before it lets a connection deliver anything, and it tells the credentials that
 * the kernel gives for the other end. That a handler exists, and that every socket names a domain,
 * also makes libzmq refuse ZMTP 1 and 2, which would deliver raw bytes as messages.
 *
 * The handler is a socket of the daemon's own loop, not a thread: nothing is shared, a sandbox
 * that binds single threads has one thread less to miss, and a daemon that hangs should not admit
 * anybody. One domain per socket; its name is the socket's path. The answer gives no user id: the
 * role of a peer is the socket it is on.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "bus_part.h"
#include "log.h"

/* Frames of a request: version, request id, domain, address, routing id, mechanism, then
 * credentials (none with NULL). */
enum {
	F_VERSION,
	F_REQUEST,
	F_DOMAIN,
	F_ADDRESS,
	F_IDENTITY,
	F_MECHANISM,
	F_COUNT,
	FRAME_MAX = 256,
	QUIET_MS = 10000,
};

struct frame {
	size_t len;
	char text[FRAME_MAX]; /* ended by a NUL where it fits */
};

static bool
digits(const char **at, const char *end, uint64_t *out)
{
	const char *start = *at;
	uint64_t v = 0;

	for (; *at < end && **at >= '0' && **at <= '9' && *at - start < 10; (*at)++)
		v = v * 10 + (uint64_t)(**at - '0');
	*out = v;
	return *at > start && v <= UINT32_MAX;
}

bool
bus_zap_uid(const char *address, size_t len, uid_t *uid)
{
	static const char prefix[] = "localhost:";
	const char *at = address + sizeof(prefix) - 1;
	const char *end = address + len;
	uint64_t v[3] = {0};

	if (len < sizeof(prefix) || memcmp(address, prefix, sizeof(prefix) - 1) != 0)
		return false;
	for (int i = 0; i < 3; i++) {
		if (!digits(&at, end, &v[i]))
			return false;
		if (i < 2 && (at == end || *at++ != ':'))
			return false;
	}
	if (at != end || v[0] == UINT32_MAX)
		return false;
	*uid = (uid_t)v[0];
	return true;
}

static bool
admits(const struct bus_domain *d, uid_t uid)
{
	struct stat st;

	switch (d->admits) {
	case BUS_ADMITS_UID:
		return uid == d->uid;
	case BUS_ADMITS_FILE:
		return true;
	case BUS_ADMITS_OWNER_OF:
		return uid == 0 || uid == geteuid() ||
		       (stat(d->name, &st) == 0 && st.st_uid == uid);
	}
	return false;
}

static void
refuse(struct bus_domain *d, const struct frame *address)
{
	struct mono now = clock_now();

	d->strangers++;
	if (!mono_reached(now, d->quiet_until))
		return;
	d->quiet_until = mono_after(now, QUIET_MS);
	if (d->admits == BUS_ADMITS_UID)
		log_warn(NULL, "%s: expected a peer of uid %u, got %s: refused (%llu so far)",
		    d->name, (unsigned)d->uid, address->text, (unsigned long long)d->strangers);
	else
		log_warn(NULL, "%s: peer %s refused (%llu so far)", d->name, address->text,
		    (unsigned long long)d->strangers);
}

static bool
equals(const struct frame *f, const char *text)
{
	return f->len == strlen(text) && memcmp(f->text, text, f->len) == 0;
}

static bool
decide(struct bus *bus, const struct frame *f)
{
	uid_t uid = 0;

	for (size_t i = 0; i < bus->zap.n; i++) {
		struct bus_domain *d = &bus->zap.domains[i];
		if (!equals(&f[F_DOMAIN], d->name))
			continue;
		if (equals(&f[F_MECHANISM], "NULL") &&
		    bus_zap_uid(f[F_ADDRESS].text, f[F_ADDRESS].len, &uid) && admits(d, uid))
			return true;
		refuse(d, &f[F_ADDRESS]);
		return false;
	}
	return false;
}

/* Read one request; true when it has the form. A frame too long for its place makes it formless. */
static bool
read_request(void *socket, struct frame *f)
{
	int more = 1;
	size_t more_size = sizeof(more);
	bool fits = true;
	int n = 0;

	for (; more; n++) {
		struct frame spill;
		struct frame *to = n < F_COUNT ? &f[n] : &spill;
		int len = zmq_recv(socket, to->text, sizeof(to->text) - 1, ZMQ_DONTWAIT);
		if (len < 0)
			return false;
		fits = fits && (size_t)len < sizeof(to->text);
		to->len = (size_t)len < sizeof(to->text) ? (size_t)len : sizeof(to->text) - 1;
		to->text[to->len] = '\0';
		if (zmq_getsockopt(socket, ZMQ_RCVMORE, &more, &more_size) != 0)
			return false;
	}
	return fits && n == F_COUNT && equals(&f[F_VERSION], "1.0");
}

static void
on_request(void *arg, short revents)
{
	struct bus *bus = arg;
	struct frame f[F_COUNT] = {0};
	void *s = bus->zap.socket;

	(void)revents;
	bool well_formed = read_request(s, f);
	if (!f[F_VERSION].len)
		return;
	const char *status = well_formed && decide(bus, f) ? "200" : "400";
	const int more = ZMQ_DONTWAIT | ZMQ_SNDMORE;
	if (zmq_send(s, "1.0", 3, more) < 0 ||
	    zmq_send(s, f[F_REQUEST].text, f[F_REQUEST].len, more) < 0 ||
	    zmq_send(s, status, 3, more) < 0 || zmq_send(s, "", 0, more) < 0 ||
	    zmq_send(s, "", 0, more) < 0 || zmq_send(s, "", 0, ZMQ_DONTWAIT) < 0)
		log_error(NULL, "answering who may connect: %s", zmq_strerror(zmq_errno()));
}

static enum err
open_handler(struct bus *bus)
{
	int linger = 0;
	void *s = zmq_socket(bus->ctx, ZMQ_REP);

	if (!s || zmq_setsockopt(s, ZMQ_LINGER, &linger, sizeof(linger)) != 0 ||
	    zmq_bind(s, "inproc://zeromq.zap.01") != 0) {
		log_error(NULL, "ZAP handler: %s", zmq_strerror(zmq_errno()));
		bus_socket_close(s);
		return ERR_SYSTEM;
	}
	bus->zap.socket = s;
	return loop_watch_socket(bus->loop, s, on_request, bus);
}

enum err
bus_zap_add(
    struct bus *bus, const char *path, enum bus_admits admits, uid_t uid, struct bus_domain **out)
{
	struct bus_zap *z = &bus->zap;

	if (z->n == BUS_DOMAINS_MAX || strlen(path) >= sizeof(z->domains[0].name))
		return ERR_LIMIT;
	enum err e = z->socket ? ERR_OK : open_handler(bus);
	if (e != ERR_OK)
		return e;
	struct bus_domain *d = &z->domains[z->n++];
	*d = (struct bus_domain){.admits = admits, .uid = uid};
	snprintf(d->name, sizeof(d->name), "%s", path);
	*out = d;
	return ERR_OK;
}

void
bus_zap_close(struct bus *bus)
{
	if (!bus->zap.socket)
		return;
	loop_unwatch_socket(bus->loop, bus->zap.socket);
	bus_socket_close(bus->zap.socket);
	bus->zap.socket = NULL;
}
