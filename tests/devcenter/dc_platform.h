/*
 * dc_platform: the platform behind the broker. Binds the broker's questions to authentication,
 * commands and plans, and carries out what the command line orders while the server runs.
 */
#ifndef DC_PLATFORM_H
#define DC_PLATFORM_H

#include "dc_peer.h"

/* A platform on an open database (borrowed), which it starts with everybody offline. `send` and
 * `close` are the broker's transport. Time and randomness are the real ones until changed. */
enum err dc_platform_new(struct dc_db *db, void (*send)(void *, const uint8_t *, size_t),
    void (*close)(void *), struct dc **out) MUST_CHECK;
void dc_platform_free(struct dc *dc);
AUTO_DEFINE(dc_platform, struct dc *, dc_platform_free)

/* Offer to everybody who is connected whatever fits: after a plan has changed. */
void dc_platform_offer(struct dc *dc);

/* A message of the device with this endpoint that was held back; nothing if it is gone. */
void dc_platform_hear(struct dc *dc, const char *endpoint, const struct dc_mqtt_publish *m);

/* Every 100 ms or so: keep-alives, due offers, what the command line wrote. */
void dc_platform_tick(struct dc *dc, struct mono now);

#endif
