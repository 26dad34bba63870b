/*
 * dc_late: see dc_late.h. One list, oldest first; what is let go leaves the list before it acts,
 * since acting may hold something again.
 */
#include "dc_late.h"

#include <string.h>

#include "dc_platform.h"

struct dc_late {
	struct dc_late *next;
	bool up, overtaken; /* overtaken: it only waits for another one */
	int64_t due;
	char endpoint[DC_ENDPOINT_MAX + 1]; /* of the connection */
	char topic[DC_MQTT_TOPIC_MAX + 1];
	size_t len;
	uint8_t data[];
};

static void
hold(struct dc *dc, bool up, const char *endpoint, const char *topic, const uint8_t *data,
    size_t len, const struct dc_chaos_verdict *v)
{
	struct dc_late **at = &dc->late, *l;
	unsigned n = 0;

	for (; *at; at = &(*at)->next)
		n++;
	if (n >= DC_LATE_MAX)
		return;
	l = dc_peer_alloc(sizeof(*l) + len);
	l->up = up;
	l->overtaken = v->reorder && !v->delay_ms;
	l->due = dc_peer_now(dc) + v->delay_ms;
	snprintf(l->endpoint, sizeof(l->endpoint), "%s", endpoint);
	snprintf(l->topic, sizeof(l->topic), "%s", topic);
	memcpy(l->data, data, len);
	l->len = len;
	*at = l;
}

static void
let_go(struct dc *dc, struct dc_late *l)
{
	struct dc_mqtt_publish m = {.qos = 1, .payload = l->data, .len = l->len};

	snprintf(m.topic, sizeof(m.topic), "%s", l->topic);
	if (l->up)
		dc_platform_hear(dc, l->endpoint, &m);
	else
		dc_broker_publish(dc->broker, l->topic, l->data, l->len, 1);
	free(l);
}

/* Take out the first that is due, or that was overtaken on this connection; NULL: none. */
static struct dc_late *
take(struct dc *dc, const char *endpoint, bool up)
{
	for (struct dc_late **at = &dc->late; *at; at = &(*at)->next) {
		struct dc_late *l = *at;
		bool now = endpoint
			       ? l->overtaken && l->up == up && strcmp(l->endpoint, endpoint) == 0
			       : l->due <= dc_peer_now(dc);

		if (!now)
			continue;
		*at = l->next;
		return l;
	}
	return NULL;
}

static void
release(struct dc *dc, const char *endpoint, bool up)
{
	struct dc_late *l;

	while ((l = take(dc, endpoint, up)) != NULL)
		let_go(dc, l);
}

void
dc_late_send(struct dc *dc, const struct dc_peer *p, const char *topic, const uint8_t *data,
    size_t len, unsigned cmd, const struct dc_chaos_verdict *v)
{
	const char *endpoint = p->session->self.endpoint;

	if (v->lose || v->cut) {
		dc_peer_say(dc, p, "0x%04x %s, as ordered", cmd,
		    v->lose ? "lost" : "not sent, connection cut");
		if (v->cut && p->session->client)
			dc_broker_drop(dc->broker, p->session->client, "cut, as ordered");
		return;
	}
	if (v->delay_ms || v->reorder) {
		dc_peer_say(dc, p, "0x%04x held back, as ordered", cmd);
		hold(dc, false, endpoint, topic, data, len, v);
		return;
	}
	dc->slow_ms = v->slow_ms;
	for (int64_t i = 0; i <= v->copies; i++)
		dc_broker_publish(dc->broker, topic, data, len, 1);
	dc->slow_ms = 0;
	release(dc, endpoint, false);
}

void
dc_late_hold(struct dc *dc, const struct dc_session *s, const struct dc_mqtt_publish *m,
    const struct dc_chaos_verdict *v)
{
	hold(dc, true, s->self.endpoint, m->topic, m->payload, m->len, v);
}

void
dc_late_heard(struct dc *dc, const struct dc_session *s)
{
	release(dc, s->self.endpoint, true);
}

void
dc_late_tick(struct dc *dc)
{
	release(dc, NULL, false);
}

void
dc_late_free(struct dc *dc)
{
	while (dc->late) {
		struct dc_late *next = dc->late->next;

		free(dc->late);
		dc->late = next;
	}
}
