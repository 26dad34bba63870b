/*
 * sub_raw: SMP packets without lines, the device's side, pure: header and CBOR as they are, on a
 * UART (a packet's length says where it ends; what is longer than the buffer is swallowed; silence
 * begins anew) or in datagrams. The packet lies where sub_frame.h says.
 */
#ifndef SUB_RAW_H
#define SUB_RAW_H

#include "sub_frame.h"

/* Like sub_frame_byte; SUB_FRAME_BEGINS never has a packet behind it. */
enum sub_frame_event sub_raw_byte(struct sub_frame *f, uint8_t b);
/* The line was silent for long; true if that cost a packet which had begun. */
bool sub_raw_idle(struct sub_frame *f);
/* A datagram as a packet; false when it is none. */
bool sub_raw_datagram(struct sub_frame *f, const void *data, size_t len);

#endif
