/*
 * dc_late: messages that misbehaviour holds back, to and from devices: until a time of the
 * platform's clock, or until another one has overtaken them.
 */
#ifndef DC_LATE_H
#define DC_LATE_H

#include "dc_peer.h"

/* Send what dc_peer has written, as the verdict wants it. */
void dc_late_send(struct dc *dc, const struct dc_peer *p, const char *topic, const uint8_t *data,
    size_t len, unsigned cmd, const struct dc_chaos_verdict *v);

/* Hold back a message that came from the device of a session. At most DC_LATE_MAX are held; what
 * is more is lost. */
enum { DC_LATE_MAX = 4096 };
void dc_late_hold(struct dc *dc, const struct dc_session *s, const struct dc_mqtt_publish *m,
    const struct dc_chaos_verdict *v);
/* Another one of the session was heard. */
void dc_late_heard(struct dc *dc, const struct dc_session *s);

/* Let go of what is due. */
void dc_late_tick(struct dc *dc);
void dc_late_free(struct dc *dc);

#endif
