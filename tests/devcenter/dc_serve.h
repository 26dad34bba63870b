/*
 * dc_serve: the running local Developer Center: broker, platform, package store and web
 * console in one thread.
 */
#ifndef DC_SERVE_H
#define DC_SERVE_H

#include <stdbool.h>

#include "dc_profile.h"
#include "err.h"

struct dc_serve_options {
	const char *dir;
	const char *address;            /* IPv4 to listen on */
	const char *host;               /* name of this machine in URLs; NULL: the address */
	const char *ota_prefix; /* of the OTA calls of the OpenAPI */
	unsigned mqtt_port, https_port; /* 0: any */
	bool plain_mqtt, http;          /* also without TLS */
	unsigned plain_mqtt_port, http_port;
	const char *console_address;    /* IPv4 of the web console */
	unsigned console_port;
	const struct dc_profile *profile;
	bool quiet; /* no line per event */
};

/* Serve until SIGTERM or SIGINT. When everything listens, DIR/ready.json names the ports. */
enum err dc_serve_run(const struct dc_serve_options *o) MUST_CHECK;

#endif
