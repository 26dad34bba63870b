/*
 * dc_sys: reports of a device, and the life of sub-devices behind a gateway (commands 0x0034,
 * 0x0044 and 0x00C0 to 0x00C8; spec: developer center, sections 6 and 10).
 *
 * Handlers take the message from dc->frame and dc->ttlv. They return 0, or the code of the
 * exception that answers it.
 */
#ifndef DC_SYS_H
#define DC_SYS_H

#include "dc_peer.h"

unsigned dc_sys_status(struct dc *dc, struct dc_peer *p);
unsigned dc_sys_info(struct dc *dc, struct dc_peer *p);
unsigned dc_sys_sub_register(struct dc *dc, struct dc_peer *p);
unsigned dc_sys_sub_login(struct dc *dc, struct dc_peer *p);
unsigned dc_sys_sub_logout(struct dc *dc, struct dc_peer *p);
unsigned dc_sys_sub_deregister(struct dc *dc, struct dc_peer *p);

/* The platform puts a sub-device offline (0x00C8). */
void dc_sys_kick(struct dc *dc, struct dc_peer *sub, unsigned reason);

/* Answer the request of dc->frame (00C0, 00C2, 00C4, 00C6) with a code, whatever it is; false for
 * any other command. */
bool dc_sys_reject(struct dc *dc, struct dc_peer *p, unsigned code);

#endif
