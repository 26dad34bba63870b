/*
 * dc_auth: CONNECT, registration, and what follows the first SUBSCRIBE.
 */
#ifndef DC_AUTH_H
#define DC_AUTH_H

#include "dc_peer.h"

/* Verify a CONNECT. 0: accepted, and a device has a session now; otherwise the CONNACK code. A
 * registration that is refused is accepted here and told by 0x00A3 later, as the platform does. */
unsigned dc_auth_connect(
    struct dc *dc, struct dc_client *c, const struct dc_mqtt_connect *p) MUST_CHECK;

/* The device has subscribed: hand out the secret and the session key, or refuse. True when it is
 * online now. */
bool dc_auth_greet(struct dc *dc, struct dc_session *s);

#endif
