/*
 * mqtt: bytes of a hostile server through a session that publishes at every QoS, in pieces and with
 * time passing; and through the JSON dump.
 */
#include <stdint.h>
#include <stdlib.h>

#include "mqtt.h"
#include "session.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct session_login login = {
	    .client_id = "c", .password = "p", .topic = "t/+"};
	struct session *s = NULL;
	struct session_event ev;
	struct mono now = {0};
	const uint8_t *out = NULL;
	char *json = NULL;

	if (!mqtt_dump_json(data, size, &json))
		free(json);
	if (session_new(&s) || session_open(s, now, &login))
		abort();
	for (size_t at = 0; at < size; now.ms += 100) {
		size_t piece = size - at < 7 ? size - at : 7;

		at += session_input(s, data + at, piece);
		while (session_next(s, now, &ev))
			if (ev.kind == SESSION_READY)
				for (unsigned qos = 0; qos <= 2; qos++)
					(void)!session_publish(s, "a", qos, data, 10 % size, qos);
		session_sent(s, session_output(s, &out) / 2);
	}
	session_free(s);
	return 0;
}
