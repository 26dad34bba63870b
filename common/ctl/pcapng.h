/*
 * pcapng: captures of the bus in the form that Wireshark reads (draft-ietf-opsawg-pcapng): one
 * section in this machine's byte order, one interface for each link that was heard, link type
 * USER0, times in microseconds. Read back are files of our own only.
 */
#ifndef SUBOTA_PCAPNG_H
#define SUBOTA_PCAPNG_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "err.h"
#include "why.h"

enum {
	PCAPNG_LINKS = 64,
	PCAPNG_NAME = 64,
	PCAPNG_PACKET_MAX = 1 << 20,
	PCAPNG_USER0 = 147, /* LINKTYPE_USER0 */
};

struct pcapng_writer {
	FILE *to; /* borrowed */
	size_t n;
	char links[PCAPNG_LINKS][PCAPNG_NAME];
};

/* The section's head, with a comment of at most 60000 bytes. ERR_SYSTEM: the file does not take
 * it. */
enum err pcapng_begin(struct pcapng_writer *w, FILE *to, const char *comment) MUST_CHECK;

struct pcapng_packet {
	const char *link; /* name of the interface */
	uint64_t at_ms;   /* since 1970 */
	const uint8_t *data;
	size_t len, original; /* bytes here, bytes that passed */
	const char *comment;  /* "" = none */
};

/* One packet, and its link's interface before the first. ERR_LIMIT: too many links, too long. */
enum err pcapng_add(struct pcapng_writer *w, const struct pcapng_packet *p) MUST_CHECK;

/* Each packet of a file in memory, in order; everything is borrowed. Stops when `fn` returns an
 * error, which is returned. A last block that is cut off (the writer was killed) ends it.
 * ERR_MALFORMED with `why`. */
typedef enum err pcapng_on_packet(void *arg, const struct pcapng_packet *p);
enum err pcapng_read(const uint8_t *file, size_t len, pcapng_on_packet *fn, void *arg,
    char why[WHY_SIZE]) MUST_CHECK;

#endif
