/*
 * capped: an allocator for unpacking what strangers sent. Bytes are taken from a budget and never
 * given back, so the budget bounds memory and, as every allocation is filled once, time as well.
 * What was unpacked is freed with protobuf_c_message_free_unpacked(m, NULL).
 */
#ifndef SUBOTA_CAPPED_H
#define SUBOTA_CAPPED_H

#include <protobuf-c/protobuf-c.h>
#include <stddef.h>

/* `*left` is the budget in bytes and must outlive the allocator. */
ProtobufCAllocator capped_allocator(size_t *left);

#endif
