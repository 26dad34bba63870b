/*
 * neighbour: see neighbour.h. Envelopes are made as JSON, from the golden frames or from the
 * descriptors alone, and packed by the tool that makes captures.
 */
#include <cjson/cJSON.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zmq.h>

#include "auto.h"
#include "ctl/wire_json.h"
#include "dump.h"
#include "golden.h"
#include "neighbour.h"

enum {
	PENALTY_MS = 1200,
	GREET_EVERY = 60,
	FOREIGN_EVERY = 400,
	LIST_MAX = 3,
	NOISE_MAX = 3000,
	DEEP = 4
};

struct mind {
	const struct neighbour *n;
	uint64_t state;
	void *ctx, *socket;
	uint64_t seq;
};

static uint32_t
roll(struct mind *m, uint32_t sides)
{
	m->state ^= m->state << 13;
	m->state ^= m->state >> 7;
	m->state ^= m->state << 17;
	return (uint32_t)(m->state >> 32) % sides;
}

/* --- fields ----------------------------------------------------------------------------------- */

static cJSON *
a_text(struct mind *m)
{
	char endless[3001];
	static const char *const texts[] = {"", "app", "1.1.0", "1.0.0", "flashd", "fetchd",
	    "https://127.0.0.1:1/fw.bin", "file:///etc/shadow", "../../../etc/passwd",
	    "\x1b[2J\x07", "%s%n%s", "'; DROP TABLE upgrade; --", "0123456789abcdef"};
	uint32_t n = roll(m, sizeof(texts) / sizeof(texts[0]) + 3);

	memset(endless, 'x', sizeof(endless) - 1);
	if (n < 2)
		return cJSON_CreateString(m->n->device[n]);
	if (n == 2)
		return cJSON_CreateString(endless + roll(m, 3000));
	return cJSON_CreateString(texts[n - 3]);
}

static cJSON *
a_number(struct mind *m)
{
	static const double numbers[] = {
	    0, 1, 2, 3, 7, 40, 100, 255, 1000, 65536, 4294967295, 9007199254740992};
	uint32_t n = roll(m, sizeof(numbers) / sizeof(numbers[0]) + 1);

	if (n == 0)
		return cJSON_CreateString("18446744073709551615");
	return cJSON_CreateNumber(numbers[n - 1]);
}

static cJSON *
some_bytes(struct mind *m)
{
	static const uint32_t lengths[] = {0, 8, 16, 32, 64, 200};
	uint32_t len = 2 * lengths[roll(m, 6)];
	char hex[401];

	for (uint32_t i = 0; i < len; i++)
		hex[i] = "0123456789abcdef"[roll(m, 16)];
	hex[len] = '\0';
	return cJSON_CreateString(hex);
}

static cJSON *a_message(struct mind *m, const ProtobufCMessageDescriptor *d, int depth);

static cJSON *
a_value(struct mind *m, const ProtobufCFieldDescriptor *f, int depth)
{
	switch (f->type) {
	case PROTOBUF_C_TYPE_MESSAGE:
		return a_message(m, f->descriptor, depth + 1);
	case PROTOBUF_C_TYPE_STRING:
		return a_text(m);
	case PROTOBUF_C_TYPE_BYTES:
		return some_bytes(m);
	case PROTOBUF_C_TYPE_BOOL:
		return cJSON_CreateBool(roll(m, 2));
	case PROTOBUF_C_TYPE_ENUM:
		return cJSON_CreateNumber(roll(m, 16));
	case PROTOBUF_C_TYPE_DOUBLE:
	case PROTOBUF_C_TYPE_FLOAT:
		return cJSON_CreateNumber(roll(m, 1000));
	case PROTOBUF_C_TYPE_SINT32:
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_UINT32:
		return cJSON_CreateNumber(roll(m, 3) ? roll(m, 300) : 2147483647);
	default:
		return a_number(m);
	}
}

static cJSON *
a_message(struct mind *m, const ProtobufCMessageDescriptor *d, int depth)
{
	cJSON *o = cJSON_CreateObject();

	for (unsigned i = 0; i < d->n_fields && depth < DEEP; i++) {
		const ProtobufCFieldDescriptor *f = &d->fields[i];
		bool list = f->label == PROTOBUF_C_LABEL_REPEATED;

		if (roll(m, 8) == 0)
			continue;
		if (!list) {
			cJSON_AddItemToObject(o, f->name, a_value(m, f, depth));
			continue;
		}
		cJSON *values = cJSON_AddArrayToObject(o, f->name);

		for (uint32_t k = roll(m, LIST_MAX); k > 0; k--)
			cJSON_AddItemToArray(values, a_value(m, f, depth));
	}
	return o;
}

/* --- envelopes -------------------------------------------------------------------------------- */

/* A kind that it may say; now and then any kind there is. */
static int
a_kind(struct mind *m)
{
	size_t n = 0, legal = 0;
	const struct route_row *rows = route_rows(&n);
	int kinds[64];

	if (roll(m, FOREIGN_EVERY) == 0)
		return rows[roll(m, (uint32_t)n)].kind;
	for (size_t i = 0; i < n && legal < 64; i++)
		if (rows[i].from == m->n->self && rows[i].to == m->n->to &&
		    rows[i].kind != PB__ENVELOPE__BODY_HELLO)
			kinds[legal++] = rows[i].kind;
	return kinds[roll(m, (uint32_t)legal)];
}

static void
send_json(struct mind *m, const cJSON *envelope)
{
	AUTO(mem) uint8_t *data = NULL;
	char why[WHY_SIZE] = "", junk[64];
	size_t len = 0;

	if (wire_json_pack(&pb__envelope__descriptor, envelope, &data, &len, why) != ERR_OK)
		_exit(3);
	zmq_pollitem_t item = {.socket = m->socket, .events = ZMQ_POLLOUT};

	if (zmq_poll(&item, 1, 1000) > 0)
		zmq_send(m->socket, data, len, ZMQ_DONTWAIT);
	while (zmq_recv(m->socket, junk, sizeof(junk), ZMQ_DONTWAIT) >= 0)
		;
}

static cJSON *
envelope(struct mind *m, const char *body, cJSON *message)
{
	cJSON *e = cJSON_CreateObject();

	cJSON_AddNumberToObject(e, "proto", roll(m, 500) ? 1 : 9);
	cJSON_AddNumberToObject(e, "seq", (double)(roll(m, 100) ? ++m->seq : 1));
	cJSON_AddNumberToObject(e, "upgrade", roll(m, 6) ? 1 + roll(m, 12) : 0);
	cJSON_AddItemToObject(e, body, message);
	return e;
}

static void
greet(struct mind *m)
{
	cJSON *hello = cJSON_CreateObject();

	cJSON_AddStringToObject(hello, "who", who_name(m->n->self));
	cJSON_AddStringToObject(hello, "build", "x");
	cJSON_AddNumberToObject(hello, "proto_min", 1);
	cJSON_AddNumberToObject(hello, "proto_max", 1);
	cJSON *e = envelope(m, "hello", hello);

	send_json(m, e);
	cJSON_Delete(e);
}

/* The device that is there, wherever one is named. */
static void
name_device(struct mind *m, cJSON *o)
{
	if (cJSON_GetObjectItem(o, "device_key")) {
		cJSON_ReplaceItemInObject(o, "product_key", cJSON_CreateString(m->n->device[0]));
		cJSON_ReplaceItemInObject(o, "device_key", cJSON_CreateString(m->n->device[1]));
	}
	for (cJSON *c = o->child; c; c = c->next)
		if (cJSON_IsObject(c))
			name_device(m, c);
}

/* One field, at any depth, says something else. */
static void
spoil(struct mind *m, const ProtobufCMessageDescriptor *d, cJSON *o)
{
	const ProtobufCFieldDescriptor *f = &d->fields[roll(m, d->n_fields)];
	cJSON *old = cJSON_GetObjectItem(o, f->name);

	if (f->type == PROTOBUF_C_TYPE_MESSAGE && f->label != PROTOBUF_C_LABEL_REPEATED && old &&
	    roll(m, 4))
		spoil(m, f->descriptor, old);
	else if (old && f->label != PROTOBUF_C_LABEL_REPEATED)
		cJSON_ReplaceItemInObject(o, f->name, a_value(m, f, 0));
}

/* A message as it should be, of the frames that are kept for ever; in most, nothing is wrong but
 * that nobody asked for it. */
static cJSON *
a_good_message(struct mind *m, int kind, const ProtobufCFieldDescriptor *f)
{
	AUTO(mem) char *json = NULL;
	struct golden g;

	golden_make(kind, &g);
	if (dump_json(&g.e.base, &json) != ERR_OK)
		_exit(5);
	cJSON *whole = cJSON_Parse(json), *body = cJSON_DetachItemFromObject(whole, f->name);

	cJSON_Delete(whole);
	if (roll(m, 5))
		name_device(m, body);
	for (bool more = roll(m, 16) == 0; more; more = roll(m, 4) == 0)
		spoil(m, f->descriptor, body);
	return body;
}

static void
say_something(struct mind *m)
{
	int kind = a_kind(m);
	const ProtobufCFieldDescriptor *f = protobuf_c_message_descriptor_get_field(
	    &pb__envelope__descriptor, (unsigned)kind);
	cJSON *body = roll(m, 100) ? a_good_message(m, kind, f) : a_message(m, f->descriptor, 0);
	cJSON *e = envelope(m, f->name, body);

	send_json(m, e);
	cJSON_Delete(e);
}

static void
become(const struct neighbour *n)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (geteuid() == 0 && (setgid(n->uid) != 0 || setuid(n->uid) != 0))
		_exit(2);
	prctl(PR_SET_PDEATHSIG, SIGKILL); /* forgotten with the user */
}

pid_t
neighbour_envelopes(const struct neighbour *n)
{
	struct mind m = {.n = n, .state = n->seed * 2654435769u + 1};
	char address[120];
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	become(n);
	m.ctx = zmq_ctx_new();
	m.socket = zmq_socket(m.ctx, ZMQ_DEALER);
	snprintf(address, sizeof(address), "ipc://%s", n->path);
	if (zmq_setsockopt(m.socket, ZMQ_LINGER, &(int){500}, sizeof(int)) != 0 ||
	    zmq_connect(m.socket, address) != 0)
		_exit(4);
	for (unsigned i = 0; i < n->n; i++) {
		if (i % GREET_EVERY == 0) {
			poll(NULL, 0, PENALTY_MS); /* for what was refused before */
			greet(&m);
		}
		say_something(&m);
	}
	zmq_close(m.socket);
	zmq_ctx_term(m.ctx);
	_exit(0);
}

/* --- bytes ------------------------------------------------------------------------------------ */

/* The greeting of ZMTP 3.0 with the NULL mechanism, and READY of a DEALER. */
static const uint8_t handshake[] = {0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, 0, 'N', 'U', 'L', 'L', 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 26, 5, 'R', 'E', 'A', 'D', 'Y', 11, 'S', 'o',
    'c', 'k', 'e', 't', '-', 'T', 'y', 'p', 'e', 0, 0, 0, 6, 'D', 'E', 'A', 'L', 'E', 'R'};

static void
connect_and_spoil(struct mind *m)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	uint8_t bytes[sizeof(handshake) + NOISE_MAX];
	uint32_t noise = roll(m, NOISE_MAX), kind = roll(m, 3);
	AUTO(fd) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	snprintf(a.sun_path, sizeof(a.sun_path), "%s", m->n->path);
	if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a)) != 0)
		return; /* the queue is full */
	memcpy(bytes, handshake, sizeof(handshake));
	for (size_t i = 0; i < noise; i++)
		bytes[sizeof(handshake) + i] = (uint8_t)roll(m, 256);
	if (kind == 1) /* a bit of the handshake */
		bytes[roll(m, sizeof(handshake))] ^= (uint8_t)(1u << roll(m, 8));
	const uint8_t *from = kind == 2 ? bytes + sizeof(handshake) : bytes;
	size_t len = (size_t)(bytes + sizeof(handshake) + noise - from);

	for (size_t at = 0; at < len;) { /* in pieces */
		size_t piece = 1 + roll(m, 700);
		ssize_t sent = send(
		    fd, from + at, piece < len - at ? piece : len - at, MSG_NOSIGNAL);

		if (sent <= 0)
			return;
		at += (size_t)sent;
	}
	if (roll(m, 4) == 0)
		poll(NULL, 0, (int)roll(m, 5));
}

pid_t
neighbour_bytes(const struct neighbour *n)
{
	struct mind m = {.n = n, .state = n->seed * 2654435769u + 1};
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	become(n);
	for (unsigned i = 0; i < n->n; i++)
		connect_and_spoil(&m);
	_exit(0);
}

bool
neighbour_wait(pid_t pid)
{
	int status = 0;

	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}
