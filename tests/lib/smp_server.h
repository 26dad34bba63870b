/*
 * smp_server: the answering half of the scripted SMP server; see smp_script.h.
 */
#ifndef SUBOTA_TESTS_SMP_SERVER_H
#define SUBOTA_TESTS_SMP_SERVER_H

#include "smp_script.h"

enum { SMP_SERVER_ANSWER = 1500 };

/* How long the device works on this request, before it answers. */
int64_t smp_server_works_us(const struct smp_script *d, const uint8_t *request, size_t len);

/* Do what the request asks and write the answer packet; 0 for no answer. *is_reset: it was a reset
 * that will be done. */
size_t smp_server_answer(struct smp_script *d, const uint8_t *request, size_t len,
    uint8_t answer[SMP_SERVER_ANSWER], bool *is_reset);

/* An answer of rc 2 to a request for which there was no buffer. */
size_t smp_server_no_memory(
    struct smp_script *d, const uint8_t *request, uint8_t answer[SMP_SERVER_ANSWER]);

/* The bootloader runs: swap, revert, refuse. */
void smp_server_boot(struct smp_script *d);

#endif
