/*
 * capture: what the tap has shown, kept in a file that Wireshark reads (pcapng.h), and read again.
 * A packet's link is `SEEN-BY:FROM>TO`, its comment the verdict when that was not OK; its bytes are
 * the envelope, made again from what the tap said, so without what the tap leaves out of addresses.
 */
#ifndef SUBOTA_CAPTURE_H
#define SUBOTA_CAPTURE_H

#include "out.h"
#include "pcapng.h"

enum { CAPTURE_BYTES_MAX = 256 * 1024 * 1024, CAPTURE_MESSAGES_MAX = 1000000 };

/* Begin a file: with the schema inside. */
enum err capture_begin(struct pcapng_writer *w, FILE *to) MUST_CHECK;
/* Add a line of the tap, parsed. ERR_MALFORMED with `why`: it is none. */
enum err capture_add(struct pcapng_writer *w, const cJSON *line, char why[WHY_SIZE]) MUST_CHECK;

/* A capture as a list of such lines: [{"at","daemon","from","to","kind","bytes","verdict",
 * "message"}]; the caller's. ERR_SYSTEM with errno; ERR_MALFORMED, ERR_LIMIT, ERR_TRUNCATED (it
 * was cut meanwhile) with `why`. */
enum err capture_load(const char *path, cJSON **out, char why[WHY_SIZE]) MUST_CHECK;

#endif
