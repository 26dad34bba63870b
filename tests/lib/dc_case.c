/*
 * dc_case: see dc_case.h.
 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "dc_case.h"
#include "dc_secret.h"
#include "kit.h"

static struct {
	uint64_t clock;
	const uint8_t *random;
	size_t random_len;
	uint8_t count;
} state;

uint64_t *
dc_case_clock(void)
{
	return &state.clock;
}

static uint64_t
now(void)
{
	return state.clock;
}

void
dc_case_random(const void *bytes, size_t len)
{
	state.random = bytes;
	state.random_len = len;
}

static void
random_bytes(void *out, size_t n)
{
	uint8_t *to = out;

	for (size_t i = 0; i < n; i++) {
		if (state.random_len == 0) {
			to[i] = state.count++;
			continue;
		}
		to[i] = *state.random++;
		state.random_len--;
	}
}

static void
on_send(void *conn, const uint8_t *data, size_t len)
{
	struct dc_line *l = conn;

	cr_assert_leq(l->len + len, sizeof(l->data), "the platform says too much");
	if (l->slow_of && *l->slow_of > l->slowest)
		l->slowest = *l->slow_of;
	memcpy(l->data + l->len, data, len);
	l->len += len;
}

static void
on_close(void *conn)
{
	((struct dc_line *)conn)->closed = true;
}

static void
must(enum err err)
{
	cr_assert_eq(err, ERR_OK, "%s", err_text(err));
}

static void
start(struct dc_case *c)
{
	must(dc_platform_new(c->db, on_send, on_close, &c->dc));
	c->dc->now_ms = now;
	c->dc->random = random_bytes;
	snprintf(c->dc->https, sizeof(c->dc->https), "https://127.0.0.1:8443");
}

struct dc_case *
dc_case_new(void)
{
	struct dc_case *c = calloc(1, sizeof(*c));

	cr_assert_not_null(c);
	state.clock = 1764000000000;
	dc_case_random(NULL, 0);
	c->dir = kit_scratch();
	must(dc_db_open(c->dir, true, &c->db));
	must(dc_db_run(c->db,
	    "INSERT INTO product (pk, ps, kind, register) VALUES (?, ?, 'gateway', 'always')", "tt",
	    DC_CASE_PK, DC_CASE_PS));
	must(dc_db_run(c->db,
	    "INSERT INTO product (pk, ps, kind, register) VALUES (?, ?, 'subdevice', 'always')",
	    "tt", DC_CASE_SUB_PK, DC_CASE_SUB_PS));
	must(dc_db_run(c->db, "INSERT INTO device (id, pk, dk) VALUES (1, ?, ?)", "tt", DC_CASE_PK,
	    DC_CASE_DK));
	must(dc_db_run(c->db, "INSERT INTO device (id, pk, dk, ds, gateway) VALUES (2, ?, ?, ?, 1)",
	    "ttt", DC_CASE_SUB_PK, DC_CASE_SUB_DK, DC_CASE_SUB_DS));
	must(dc_db_run(c->db, "INSERT INTO account VALUES ('observer', 'observer')", ""));
	start(c);
	return c;
}

void
dc_case_restart(struct dc_case *c)
{
	dc_platform_free(c->dc);
	start(c);
}

void
dc_case_free(struct dc_case *c)
{
	dc_platform_free(c->dc);
	cr_expect_not(dc_db_failed(c->db));
	dc_db_close(c->db);
	kit_scratch_remove(c->dir);
	free(c);
}

struct dc_line *
dc_case_connect(struct dc_case *c)
{
	struct dc_line *l = calloc(1, sizeof(*l));

	cr_assert_not_null(l);
	l->of = c;
	l->client = dc_broker_open(c->dc->broker, l, (struct mono){0});
	cr_assert_not_null(l->client);
	return l;
}

struct dc_line *
dc_case_dial(unsigned port)
{
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	struct dc_line *l = calloc(1, sizeof(*l));

	cr_assert_not_null(l);
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	l->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	cr_assert_geq(l->fd, 0);
	cr_assert_eq(connect(l->fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	return l;
}

bool
dc_line_wait(struct dc_line *l, struct dc_mqtt_packet *p)
{
	struct pollfd ready = {.fd = l->fd, .events = POLLIN};

	while (dc_mqtt_frame(l->data + l->at, l->len - l->at, p) != ERR_OK) {
		ssize_t n = poll(&ready, 1, 10000) == 1
				? recv(l->fd, l->data + l->len, sizeof(l->data) - l->len, 0)
				: -1;

		if (n <= 0)
			return false;
		l->len += (size_t)n;
	}
	l->at += p->total;
	return true;
}

void
dc_line_free(struct dc_line *l)
{
	if (!l->of) {
		close(l->fd);
		free(l);
		return;
	}
	dc_broker_gone(l->of->dc->broker, l->client);
	free(l);
}

void
dc_line_send(struct dc_line *l, const void *data, size_t len)
{
	size_t used;

	if (!l->of) {
		cr_assert_eq(send(l->fd, data, len, MSG_NOSIGNAL), (ssize_t)len);
		return;
	}
	enum err err = dc_broker_input(
	    l->of->dc->broker, l->client, data, len, (struct mono){0}, &used);

	cr_expect_eq(err != ERR_OK, l->closed, "an error closes, nothing else does: %d", err);
}

/* --- packets --------------------------------------------------------------------------------- */

struct builder {
	size_t len;
	uint8_t data[70000];
};

static void
put(struct builder *b, const void *data, size_t n)
{
	cr_assert_leq(b->len + n, sizeof(b->data));
	if (n)
		memcpy(b->data + b->len, data, n);
	b->len += n;
}

static void
put16(struct builder *b, unsigned v)
{
	put(b, (uint8_t[]){(uint8_t)(v >> 8), (uint8_t)v}, 2);
}

static void
put_text(struct builder *b, const char *text)
{
	put16(b, (unsigned)strlen(text));
	put(b, text, strlen(text));
}

static void
send_packet(struct dc_line *l, unsigned head, const struct builder *body)
{
	struct builder p = {0};
	size_t left = body->len;

	put(&p, (uint8_t[]){(uint8_t)head}, 1);
	do {
		uint8_t b = (uint8_t)(left & 127);

		left >>= 7;
		b |= left ? 128 : 0;
		put(&p, &b, 1);
	} while (left);
	put(&p, body->data, body->len);
	dc_line_send(l, p.data, p.len);
}

void
dc_line_connect(struct dc_line *l, const char *id, const char *user, const char *password)
{
	struct builder b = {0};
	uint8_t flags = (uint8_t)(2 | (user ? 0x80 : 0) | (password ? 0x40 : 0));

	put_text(&b, "MQTT");
	put(&b, (uint8_t[]){4, flags}, 2);
	put16(&b, 120);
	put_text(&b, id);
	if (user)
		put_text(&b, user);
	if (password)
		put_text(&b, password);
	send_packet(l, 0x10, &b);
}

void
dc_line_subscribe(struct dc_line *l, const char *filter, unsigned qos)
{
	struct builder b = {0};

	put16(&b, ++l->next_id);
	put_text(&b, filter);
	put(&b, (uint8_t[]){(uint8_t)qos}, 1);
	send_packet(l, 0x82, &b);
}

void
dc_line_publish(
    struct dc_line *l, const char *topic, const void *data, size_t len, unsigned qos, uint16_t id)
{
	struct builder b = {0};

	put_text(&b, topic);
	if (qos)
		put16(&b, id);
	put(&b, data, len);
	send_packet(l, 0x30 | qos << 1, &b);
}

void
dc_line_ack(struct dc_line *l, unsigned type_and_flags, uint16_t id)
{
	struct builder b = {0};

	put16(&b, id);
	send_packet(l, type_and_flags, &b);
}

void
dc_line_login(struct dc_line *l, unsigned flag)
{
	char password[128], sign[DC_SIGN_LEN + 1];

	must(dc_db_run(l->of->db, "UPDATE device SET ds = ? WHERE id = 1", "t", DC_CASE_DS));
	dc_secret_sign(DC_CASE_DS, DC_CASE_PS, "0123456789ABCDEF", sign);
	snprintf(password, sizeof(password), "1;%04u;0123456789ABCDEF;%s", flag, sign);
	dc_line_connect(l, DC_CASE_EP, NULL, password);
	dc_line_subscribe(l, "q/1/d/" DC_CASE_EP "/+", 1);
	cr_assert_not(l->closed);
	if (flag == 0)
		l->at = l->len;
}

void
dc_line_command(struct dc_line *l, const char *endpoint, const char *level, unsigned cmd,
    const struct dc_ttlv_out *v)
{
	uint8_t frame[9000];
	char topic[200];
	size_t n;

	cr_assert_not(v->full);
	must(dc_dp_format(++l->next_pkg, cmd, v->data, v->len, frame, sizeof(frame), &n));
	snprintf(topic, sizeof(topic), "q/2/d/%s/%s", endpoint, level);
	dc_line_publish(l, topic, frame, n, 0, 0);
}

bool
dc_line_next(struct dc_line *l, struct dc_mqtt_packet *p)
{
	if (l->at == l->len)
		return false;
	must(dc_mqtt_frame(l->data + l->at, l->len - l->at, p));
	l->at += p->total;
	return true;
}

bool
dc_line_message(struct dc_line *l, struct dc_mqtt_publish *p)
{
	struct dc_mqtt_packet packet;

	while (dc_line_next(l, &packet)) {
		if (packet.type != DC_MQTT_PUBLISH)
			continue;
		must(dc_mqtt_publish(&packet, p));
		return true;
	}
	return false;
}

unsigned
dc_line_frame(struct dc_line *l, struct dc_ttlv *values)
{
	struct dc_mqtt_publish m;
	AUTO(mem) struct dc_dp *frame = calloc(1, sizeof(*frame));

	if (!dc_line_message(l, &m))
		return 0;
	must(dc_dp_parse(m.payload, m.len, frame));
	/* Values point into the payload, which must outlive this call: unescaped in place. */
	memcpy((uint8_t *)(uintptr_t)m.payload, frame->payload, frame->len);
	must(dc_ttlv_parse(m.payload, frame->len, values));
	return frame->cmd;
}

void
dc_line_sub_login(struct dc_line *l, bool flag)
{
	struct dc_ttlv_out v = {0};
	char sign[DC_SIGN_LEN + 1];

	dc_secret_sign(DC_CASE_SUB_DS, DC_CASE_SUB_PS, "FEDCBA9876543210", sign);
	dc_ttlv_put_text(&v, 3, DC_CASE_SUB_PK);
	dc_ttlv_put_text(&v, 4, DC_CASE_SUB_DK);
	dc_ttlv_put_text(&v, 21, "FEDCBA9876543210");
	dc_ttlv_put_text(&v, 22, sign);
	dc_ttlv_put_bool(&v, 23, flag);
	dc_line_command(l, DC_CASE_EP, "sys", 0x00C2, &v);
}

void
dc_case_plan(struct dc_case *c, const char *pk, const char *component, int kind, const char *source,
    const char *target, bool push)
{
	must(dc_db_run(c->db,
	    "INSERT INTO package (name, component, kind, target, source, path, scheme, size, md5, "
	    "crc, sha256, created) VALUES ('fw' || ?, ?, ?, ?, ?, 'fw' || ?, 'https', 5000, "
	    "'33d9712cc5eb0bf18a41ed54a908e412', '9b71c', "
	    "'34398b85297bf7d9dfb59b8d511d8bbb44ab23e891570e4395e7871475fc8afb', 0)",
	    "ttittt", target, component, (int64_t)kind, target, source, target));
	int64_t package = dc_db_last_id(c->db);
	must(dc_db_run(c->db,
	    "INSERT INTO plan (name, pk, state, mode, starts, ends, push, push_from, push_to, "
	    "reject_min, retries, retry_ms, min_signal, min_battery, created) "
	    "VALUES ('plan ' || ?, ?, 'activated', 'silent', 0, ?, ?, 0, 0, 120, 5, 1000, -110, "
	    "30, "
	    "0)",
	    "ttii", target, pk, (int64_t)INT64_MAX, (int64_t)push));
	must(dc_db_run(c->db, "INSERT INTO plan_component (plan, seq, package) VALUES (?, 0, ?)",
	    "ii", dc_db_last_id(c->db), package));
}

const char *
dc_case_statuses(struct dc_case *c, const char *dk)
{
	static char text[300];
	size_t n = 0;
	AUTO(dc_query)
	struct dc_query *q = dc_db_query(c->db,
	    "SELECT s.code FROM status s JOIN device d ON d.id = s.device WHERE d.dk = ? "
	    "ORDER BY s.id",
	    "t", dk);

	text[0] = '\0';
	while (dc_query_next(q) && n < sizeof(text) - 8)
		n += (size_t)snprintf(
		    text + n, sizeof(text) - n, "%s%d", n ? " " : "", (int)dc_query_int(q, 0));
	return text;
}

int
dc_case_state(struct dc_case *c, const char *dk)
{
	return (int)dc_db_int(c->db, -1,
	    "SELECT pr.state FROM progress pr JOIN device d ON d.id = pr.device WHERE d.dk = ? "
	    "ORDER BY pr.plan DESC LIMIT 1",
	    "t", dk);
}
