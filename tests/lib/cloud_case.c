/*
 * cloud_case: see cloud_case.h. What the platform and the gate say is in cloud_case_say.c.
 *
 * The fakes answer only after the call that made them, never from inside it, as the real ones.
 */
#include <criterion/criterion.h>
#include <stdarg.h>
#include <string.h>

#include "cloud_case.h"
#include "dp.h"
#include "kit.h"

static const struct secrets secrets = {
    {{"p1115X", "d2c5Q1FsVWpwT1k3"}, {CLOUD_CASE_PK, "d2c5Q1FsVWpwT1k3"}}, 2};

__attribute__((format(printf, 2, 3))) static void
note(struct cloud_case *c, const char *format, ...)
{
	size_t len = strlen(c->trace);
	va_list ap;

	va_start(ap, format);
	int n = vsnprintf(c->trace + len, sizeof(c->trace) - len, format, ap);
	va_end(ap);
	cr_assert(n > 0 && len + (size_t)n + 2 < sizeof(c->trace), "the trace is full");
	snprintf(c->trace + len + n, 2, " ");
}

/* --- what leaves ------------------------------------------------------------------------------ */

/* ":1.0.0" or, where there are several components, ":1.0.0,radio:7.0". */
static void
note_versions(struct cloud_case *c, const struct ttlv *t, uint16_t module, uint16_t mcu)
{
	char text[600] = "";

	c->trace[strlen(c->trace) - 1] = 0;
	(void)!ttlv_text(ttlv_find(t, 0, t->n, module), text, sizeof(text));
	note(c, ":%s", text);
	if (ttlv_text(ttlv_find(t, 0, t->n, mcu), text, sizeof(text)) == ERR_OK)
		c->trace[strlen(c->trace) - 1] = 0, note(c, ",%s", text);
}

static void
note_letter(struct cloud_case *c, const struct dp *f, struct cloud_case_letter *l)
{
	static struct ttlv t;
	int64_t n = 0;

	cr_assert(f->len == 0 || ttlv_parse(f->payload, f->len, &t) == ERR_OK);
	if (f->len == 0)
		t.n = 0;
	switch (f->command) {
	case DIALECT_OTA_STATUS:
		cr_assert_eq(ttlv_int(ttlv_find(&t, 0, t.n, 13), 1, 12, &n), ERR_OK);
		l->status = (int)n;
		note(c, "s%d", l->status);
		if (ttlv_find(&t, 0, t.n, 25))
			note_versions(c, &t, 25, 26);
		return;
	case DIALECT_INFO:
		note(c, "%s0044", l->from_device ? "" : "g");
		if (l->from_device)
			note_versions(c, &t, 2, 3);
		return;
	case DIALECT_EXCEPTION_UP:
		cr_assert_eq(ttlv_int(ttlv_find(&t, 0, t.n, 1), 0, 99999, &n), ERR_OK);
		note(c, "00a4:%d", (int)n);
		return;
	case DIALECT_STATE:
	case DIALECT_STATUS_READ:
		note(c, "g%04x", f->command);
		return;
	default:
		note(c, "%04x", f->command);
	}
}

/* The fake platform has the keys that it gave out, because cloudd has them. */
const uint8_t *
cloud_case_key(struct cloud_case *c, bool device)
{
	struct subdevice *s = device ? cloud_case_device(c) : NULL;

	if (s)
		return s->has_session_key ? s->session_key : NULL;
	return c->cloud.has_session_key ? c->cloud.session_key : NULL;
}

static void
read_letter(struct cloud_case *c, const uint8_t *data, size_t len, struct cloud_case_letter *l)
{
	const uint8_t *key = cloud_case_key(c, l->from_device);
	uint8_t clear[4096], buffer[4096];
	struct dp f;

	cr_assert_leq(len, sizeof(clear));
	l->sealed = key;
	if (key)
		cr_assert_eq(
		    auth_open(key, AUTH_SESSION_KEY, data, len, clear, sizeof(clear), &len),
		    ERR_OK);
	else
		memcpy(clear, data, len);
	cr_assert_eq(dp_parse(clear, len, buffer, sizeof(buffer), &f), ERR_OK);
	l->command = f.command;
	l->package_id = f.package_id;
	cr_assert_leq(f.len, sizeof(l->payload));
	l->len = f.len;
	memcpy(l->payload, f.payload, f.len);
	note_letter(c, &f, l);
}

static enum err
publish(
    void *arg, const char *topic, unsigned qos, const uint8_t *payload, size_t len, uint64_t token)
{
	struct cloud_case *c = arg;
	struct cloud_case_letter l = {.token = token, .qos = qos};

	if (c->publish_error != ERR_OK)
		return c->publish_error;
	snprintf(l.topic, sizeof(l.topic), "%s", topic);
	l.from_device = !strstr(topic, CLOUD_CASE_GATEWAY "/");
	read_letter(c, payload, len, &l);
	cr_assert_lt(c->n_letters, CLOUD_CASE_LETTERS);
	c->letters[c->n_letters++] = c->last = l;
	if (l.status)
		c->last_status = l;
	return ERR_OK;
}

static enum err
subscribe(void *arg, const char *topic)
{
	struct cloud_case *c = arg;

	cr_assert(strstr(topic, "/+"));
	c->subscribed++;
	return ERR_OK;
}

static void
fail(void *arg, int code)
{
	struct cloud_case *c = arg;

	c->fails++;
	c->fail_code = code;
}

static void
reconnect(void *arg)
{
	struct cloud_case *c = arg;

	cr_assert(!c->cloud.outbox.gateway_dirty, "a secret is saved before it is used");
	c->reconnects++;
}

static void
move(void *arg, const char *host, uint16_t port)
{
	struct cloud_case *c = arg;

	snprintf(c->host, sizeof(c->host), "%s:%u", host ? host : "", port);
}

static enum err
to_gate(void *arg, Pb__Envelope *e)
{
	struct cloud_case *c = arg;

	if (c->gate_error != ERR_OK)
		return c->gate_error;
	if (e->upgrade)
		c->upgrade = e->upgrade;
	switch ((int)e->body_case) {
	case PB__ENVELOPE__BODY_PLAN_OFFER:
		note(c, "offer:%s", e->plan_offer->target_version);
		break;
	case PB__ENVELOPE__BODY_FETCH_ORDER:
		note(c, "order");
		c->order_size = e->fetch_order->size;
		break;
	case PB__ENVELOPE__BODY_CANCEL:
		note(c, "cancel");
		break;
	case PB__ENVELOPE__BODY_REPORT_ACK:
		note(
		    c, "ack:%s:%llu", e->report_ack->source, (unsigned long long)e->report_ack->id);
		break;
	case PB__ENVELOPE__BODY_LINK_STATE:
		note(c, e->link_state->online ? "online" : "offline");
		break;
	default:
		cr_assert_fail("kind %d to the gate", (int)e->body_case);
	}
	return ERR_OK;
}

static void
make_random(void *arg, uint8_t *out, size_t n)
{
	const struct cloud_case *c = arg;

	for (size_t i = 0; i < n; i++)
		out[i] = (uint8_t)(i * 37 + 11 + c->random_salt);
}

static struct mono
tell_now(void *arg)
{
	return ((struct cloud_case *)arg)->now;
}

static uint64_t
tell_wall(void *arg)
{
	return ((struct cloud_case *)arg)->wall;
}

static void
on_event(void *arg, const struct event *e)
{
	struct cloud_case *c = arg;

	cr_assert(event_is_known(e->name), "event %s", e->name);
	snprintf(c->last_event, sizeof(c->last_event), "%s", e->name);
	if (e->about.device_key && strcmp(e->name, "state") != 0) /* which all else shows, too */
		note(c, "!%s", e->name);
}

static uint64_t
free_bytes(void *arg)
{
	(void)arg;
	return 1000000;
}

/* --- lifetime --------------------------------------------------------------------------------- */

static void
open_cloud(struct cloud_case *c)
{
	struct cloud_io io = {publish, subscribe, fail, reconnect, move, to_gate, make_random,
	    tell_now, tell_wall, on_event, free_bytes, c};

	cr_assert_eq(
	    cloud_open(&c->cloud, &c->identity, &c->profile, &c->secrets, &io, c->path), ERR_OK);
}

struct cloud_case *
cloud_case_new(void)
{
	struct cloud_case *c = calloc(1, sizeof(*c));

	cr_assert_not_null(c);
	c->identity = (struct cloud_identity){.product_key = "p1115X",
	    .device_key = "gw",
	    .model = "m",
	    .version = "0.1",
	    .sdk_version = "2.9.0",
	    .request_interval_ms = 600000};
	c->profile = *profile_find("p1");
	c->secrets = secrets;
	c->keys = (struct dialect_sub){CLOUD_CASE_PK, CLOUD_CASE_DK};
	snprintf(c->component, sizeof(c->component), "app");
	c->dir = kit_scratch();
	snprintf(c->path, sizeof(c->path), "%s/outbox.db", c->dir);
	c->now = (struct mono){1000000};
	c->wall = UINT64_C(1764000000000);
	c->next_report = 100;
	open_cloud(c);
	return c;
}

void
cloud_case_restart(struct cloud_case *c)
{
	cloud_close(&c->cloud);
	c->n_letters = 0;
	c->trace[0] = 0;
	open_cloud(c);
}

void
cloud_case_free(struct cloud_case *c)
{
	cloud_close(&c->cloud);
	kit_scratch_remove(c->dir);
	free(c);
}

void
cloud_case_connect(struct cloud_case *c)
{
	struct cloud_credentials who;

	cr_assert_eq(cloud_credentials(&c->cloud, &who), ERR_OK);
	cr_assert_str_eq(who.client_id, CLOUD_CASE_GATEWAY);
	bool registers = who.password[0] == '0';
	cloud_on_ready(&c->cloud);
	if (registers) {
		uint8_t values[100];
		struct ttlv_writer w = TTLV_WRITER(values);

		ttlv_put_text(&w, 5, CLOUD_CASE_SECRET);
		if (c->identity.encrypt)
			ttlv_put_bytes(&w, 6, CLOUD_CASE_KEY, AUTH_SESSION_KEY);
		cloud_case_down(c, false, DIALECT_CONFIGURE, &w);
	}
	if (!c->mute)
		cloud_case_confirm_all(c);
}

void
cloud_case_lose(struct cloud_case *c)
{
	c->n_letters = 0;
	cloud_on_down(&c->cloud, ERR_NETWORK, 0);
}

struct cloud_case *
cloud_case_online(void)
{
	struct cloud_case *c = cloud_case_new();

	cloud_on_gate_up(&c->cloud);
	cloud_case_reports_device(c, "1.0.0", PB__DEVICE_STATE__DEVICE_STATE_PRESENT);
	cloud_case_connect(c);
	CLOUD_CASE_EXPECT(c, "offline online g0034 g0044 00c0 00c2 0044:1.0.0 0115");
	return c;
}

/* --- looking ---------------------------------------------------------------------------------- */

const char *
cloud_case_trace(struct cloud_case *c)
{
	static char text[sizeof(c->trace)];
	size_t len = strlen(c->trace);

	memcpy(text, c->trace, len + 1);
	if (len)
		text[len - 1] = 0;
	c->trace[0] = 0;
	return text;
}

void
cloud_case_expect(const char *file, int line, struct cloud_case *c, const char *text)
{
	const char *got = cloud_case_trace(c);

	cr_expect_str_eq(got, text, "%s:%d: expected \"%s\", got \"%s\"", file, line, text, got);
}

struct subdevice *
cloud_case_device(struct cloud_case *c)
{
	struct subdevice *s = subdevice_find(
	    &c->cloud.devices, c->keys.product_key, c->keys.device_key);

	cr_assert_not_null(s);
	return s;
}

int
cloud_case_state(struct cloud_case *c)
{
	return cloud_case_device(c)->conversation.state;
}

void
cloud_case_pass(struct cloud_case *c, int64_t ms)
{
	int64_t end = c->now.ms + ms;

	while (c->now.ms < end) {
		int64_t next = cloud_due(&c->cloud).ms, step = end - c->now.ms;

		if (step > 1000)
			step = 1000;
		if (next > c->now.ms && next - c->now.ms < step)
			step = next - c->now.ms;
		c->now.ms += step;
		c->wall += (uint64_t)step;
		cloud_on_time(&c->cloud);
		if (!c->mute)
			cloud_case_confirm_all(c);
	}
}
