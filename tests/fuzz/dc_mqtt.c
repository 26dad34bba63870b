/*
 * Fuzz: bytes of a stranger into the local Developer Center's broker, in pieces of seven, while
 * somebody else is subscribed to everything.
 */
#include <stdlib.h>
#include <string.h>

#include "dc_broker.h"

static void
on_send(void *conn, const uint8_t *data, size_t len)
{
	struct dc_mqtt_packet p;

	(void)conn;
	if (dc_mqtt_frame(data, len, &p) != ERR_OK || p.total != len)
		abort(); /* we say nothing that we would not understand */
}

static void
on_client(void *conn)
{
	(void)conn;
}

static unsigned
on_connect(void *arg, struct dc_client *c, const struct dc_mqtt_connect *p)
{
	(void)arg;
	if (!p->has_user)
		dc_client_set_device(c, c);
	return 0;
}

static bool
yes(void *arg, struct dc_client *c, const char *topic)
{
	(void)arg;
	(void)c;
	return topic[0] != 0;
}

static void
on_event(void *arg, struct dc_client *c)
{
	(void)arg;
	(void)c;
}

static bool
on_publish(void *arg, struct dc_client *c, const struct dc_mqtt_publish *p)
{
	(void)arg;
	(void)c;
	return p->len > 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t hello[] = {
	    0x10, 13, 0, 4, 'M', 'Q', 'T', 'T', 4, 2, 0, 9, 0, 1, 'z', 0x82, 6, 0, 1, 0, 1, '#', 2};
	const struct dc_broker_ops ops = {
	    on_send, on_client, on_connect, yes, on_event, on_publish, yes, on_event, NULL};
	struct dc_faults faults = {0};
	AUTO(dc_broker) struct dc_broker *b = NULL;
	size_t used;

	dc_fault_set(&faults, DC_FAULT_REPEAT, 2, 0, 1);
	if (dc_broker_new(&ops, &faults, &b))
		abort();
	struct dc_client *other = dc_broker_open(b, NULL, (struct mono){0});
	struct dc_client *c = dc_broker_open(b, NULL, (struct mono){0});
	if (dc_broker_input(b, other, hello, sizeof(hello), (struct mono){0}, &used))
		abort();
	for (size_t at = 0, end = 0; end < size; at += used) {
		end = size - end < 7 ? size : end + 7;
		if (dc_broker_input(b, c, data + at, end - at, (struct mono){0}, &used))
			break;
	}
	return 0;
}
