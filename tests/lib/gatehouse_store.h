/*
 * gatehouse_store: the gate's image store, seen and spoiled from outside.
 */
#ifndef SUBOTA_TESTS_GATEHOUSE_STORE_H
#define SUBOTA_TESTS_GATEHOUSE_STORE_H

#include "gatehouse.h"

/* At least so many bytes lie in the incoming files together. */
bool gatehouse_store_fetched(struct gatehouse *h, uint64_t bytes);
/* Bytes of the entry of `digest` in the store, -1 when there is none. */
int64_t gatehouse_store_entry(struct gatehouse *h, const uint8_t digest[32]);
/* Cut an entry's bundle to `length` bytes; 0 removes it. */
void gatehouse_store_spoil(struct gatehouse *h, const uint8_t digest[32], int64_t length);
/* Change one byte of its first signature, which the digest does not cover. */
void gatehouse_store_unsign(struct gatehouse *h, const uint8_t digest[32]);

#endif
