/*
 * bus_socket: ZeroMQ sockets as this project wants them, see bus_part.h.
 *
 * Every option is set here and nowhere else. Bounds: a connection costs its peer's owner at most
 * (send mark + receive mark) x message size; a message of many parts is not bounded by any option
 * of ZeroMQ and is left to the memory limit of the process (sandbox.h). File modes come from the
 * umask at bind, not from a chmod after it, so there is no moment with the wrong mode.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "bus_part.h"
#include "log.h"

enum {
	LISTEN_BACKLOG = 64,
	HANDSHAKE_MS = 10000,
	RECONNECT_MS = 100,
	RECONNECT_MAX_MS = 2000,
	HEARTBEAT_MS = 2000,
	HEARTBEAT_TIMEOUT_MS = 6000,
	SKIP_PARTS = 64,
};

bool
bus_id_same(const struct bus_id *a, const struct bus_id *b)
{
	return a->len == b->len && memcmp(a->bytes, b->bytes, a->len) == 0;
}

static bool
set_numbers(void *socket, const struct bus_socket_want *w)
{
	bool router = w->type == ZMQ_ROUTER;
	bool dealer = w->type == ZMQ_DEALER;
	/* clang-format off */
	const struct {
		bool wanted;
		int option;
		int value;
	} rows[] = {
		{true,   ZMQ_LINGER,            0},
		{true,   ZMQ_SNDHWM,            w->send_mark},
		{true,   ZMQ_RCVHWM,            w->receive_mark},
		{true,   ZMQ_BACKLOG,           LISTEN_BACKLOG},
		{true,   ZMQ_HANDSHAKE_IVL,     HANDSHAKE_MS},
		{true,   ZMQ_RECONNECT_IVL,     RECONNECT_MS},
		{true,   ZMQ_RECONNECT_IVL_MAX, RECONNECT_MAX_MS},
		{true,   ZMQ_HEARTBEAT_IVL,     HEARTBEAT_MS},
		{true,   ZMQ_HEARTBEAT_TIMEOUT, HEARTBEAT_TIMEOUT_MS},
		{true,   ZMQ_HEARTBEAT_TTL,     HEARTBEAT_TIMEOUT_MS},
		{router, ZMQ_ROUTER_MANDATORY,  1},
		{router, ZMQ_ROUTER_HANDOVER,   0},
		{dealer, ZMQ_IMMEDIATE,         1},
		{dealer, ZMQ_PROBE_ROUTER,      1},
	};
	/* clang-format on */

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int value = rows[i].value;
		if (rows[i].wanted &&
		    zmq_setsockopt(socket, rows[i].option, &value, sizeof(value)) != 0)
			return false;
	}
	return true;
}

enum err
bus_socket_new(void *ctx, const struct bus_socket_want *w, void **out)
{
	int64_t max = w->max_message;
	void *socket = zmq_socket(ctx, w->type);

	if (socket && set_numbers(socket, w) &&
	    zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &max, sizeof(max)) == 0 &&
	    (!w->domain ||
		zmq_setsockopt(socket, ZMQ_ZAP_DOMAIN, w->domain, strlen(w->domain)) == 0)) {
		*out = socket;
		return ERR_OK;
	}
	log_error(NULL, "socket for %s: %s", w->domain ? w->domain : "a question",
	    zmq_strerror(zmq_errno()));
	bus_socket_close(socket);
	return ERR_SYSTEM;
}

/* libzmq leaves the file of a bound socket behind. */
static void
remove_file(void *socket)
{
	char name[BUS_PATH_SIZE + 8] = "";
	size_t size = sizeof(name);
	int type = 0;
	size_t type_size = sizeof(type);

	if (zmq_getsockopt(socket, ZMQ_TYPE, &type, &type_size) != 0 ||
	    (type != ZMQ_ROUTER && type != ZMQ_XPUB) ||
	    zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, name, &size) != 0)
		return;
	if (strncmp(name, "ipc:///", 7) == 0 && unlink(name + 6) != 0 && errno != ENOENT)
		log_debug(NULL, "%s stays behind: %m", name + 6);
}

void
bus_socket_close(void *socket)
{
	if (!socket)
		return;
	remove_file(socket);
	zmq_close(socket);
}

static enum err
endpoint(const char *path, char out[BUS_PATH_SIZE + 8])
{
	struct sockaddr_un limit;

	if (path[0] != '/' || strlen(path) >= sizeof(limit.sun_path)) {
		log_error(NULL, "expected an absolute path below %zu bytes for a socket, got %s",
		    sizeof(limit.sun_path), path);
		return ERR_INVALID;
	}
	snprintf(out, BUS_PATH_SIZE + 8, "ipc://%s", path);
	return ERR_OK;
}

/* libzmq unlinks whatever lies at the path: look first what that is. */
static enum err
make_room(const char *path)
{
	struct stat st;

	if (lstat(path, &st) != 0)
		return ERR_OK; /* bind will say what else is wrong */
	if (!S_ISSOCK(st.st_mode) || st.st_uid != geteuid()) {
		log_error(NULL,
		    "%s: expected nothing or a socket of uid %u, got mode 0%o of uid %u", path,
		    (unsigned)geteuid(), (unsigned)st.st_mode, (unsigned)st.st_uid);
		return ERR_EXISTS;
	}
	return unlink(path) == 0 || errno == ENOENT ? ERR_OK : ERR_SYSTEM;
}

enum err
bus_socket_bind(void *socket, const char *path)
{
	char name[BUS_PATH_SIZE + 8];
	enum err e = endpoint(path, name);

	if (!e)
		e = make_room(path);
	if (e)
		return e;
	mode_t before = umask(0117); /* 0660 */
	int rc = zmq_bind(socket, name);
	umask(before);
	if (rc == 0)
		return ERR_OK;
	log_error(NULL, "cannot bind %s: %s", path, zmq_strerror(zmq_errno()));
	return ERR_SYSTEM;
}

enum err
bus_socket_connect(void *socket, const char *path)
{
	char name[BUS_PATH_SIZE + 8];
	enum err e = endpoint(path, name);

	if (e)
		return e;
	if (zmq_connect(socket, name) == 0)
		return ERR_OK;
	log_error(NULL, "cannot connect to %s: %s", path, zmq_strerror(zmq_errno()));
	return ERR_SYSTEM;
}

/* Throw away up to SKIP_PARTS further parts of a message; true when there are still more. */
static bool
skip(void *socket)
{
	for (int i = 0; i < SKIP_PARTS; i++) {
		zmq_msg_t part;
		zmq_msg_init(&part);
		int rc = zmq_msg_recv(&part, socket, ZMQ_DONTWAIT);
		int more = rc >= 0 && zmq_msg_more(&part);
		zmq_msg_close(&part);
		if (!more)
			return rc < 0 && zmq_errno() == EINTR;
	}
	return true;
}

enum err
bus_socket_receive(void *socket, struct bus_id *from, zmq_msg_t *body, bool *skipping)
{
	if (*skipping)
		*skipping = skip(socket);
	if (*skipping)
		return ERR_AGAIN;
	if (zmq_msg_recv(body, socket, ZMQ_DONTWAIT) < 0)
		return ERR_AGAIN;
	if (from) {
		size_t len = zmq_msg_size(body);
		from->len = len <= sizeof(from->bytes) ? (uint8_t)len : 0;
		memcpy(from->bytes, zmq_msg_data(body), from->len);
		if (!zmq_msg_more(body) || zmq_msg_recv(body, socket, ZMQ_DONTWAIT) < 0)
			return ERR_AGAIN;
	}
	if (!zmq_msg_more(body))
		return ERR_OK;
	*skipping = skip(socket);
	return ERR_MALFORMED;
}

static enum err
send_error(void)
{
	switch (zmq_errno()) {
	case EAGAIN:
		return ERR_AGAIN;
	case EHOSTUNREACH:
		return ERR_CLOSED;
	default:
		log_error(NULL, "sending on the bus: %s", zmq_strerror(zmq_errno()));
		return ERR_SYSTEM;
	}
}

enum err
bus_socket_send(void *socket, const struct bus_id *to, const void *data, size_t len)
{
	if (to && zmq_send(socket, to->bytes, to->len, ZMQ_DONTWAIT | ZMQ_SNDMORE) < 0)
		return send_error();
	return zmq_send(socket, data, len, ZMQ_DONTWAIT) < 0 ? send_error() : ERR_OK;
}
