/*
 * directory: the servers that may be dialled: the platform's, and those of move_to. cloudd makes
 * the list from its configuration, and the dialer gets the same one as words of its command line;
 * a place in it is all that is said between them.
 */
#ifndef SUBOTA_DIRECTORY_H
#define SUBOTA_DIRECTORY_H

#include <stddef.h>
#include <stdint.h>

#include "auto.h"
#include "err.h"

enum {
	DIRECTORY_HOST = 256, /* bytes of a name or address with its NUL */
	DIRECTORY_MOST = 300, /* more than fit into move_to */
};

struct directory_entry {
	char host[DIRECTORY_HOST];
	uint16_t port;
};

struct directory {
	size_t n;
	struct directory_entry *list;
};

/* One more; the same twice is one entry. ERR_INVALID: no host or port; ERR_LIMIT, ERR_NOMEM. */
enum err directory_add(struct directory *d, const char *host, uint16_t port) MUST_CHECK;
void directory_fini(struct directory *d);
/* The place of this server, whose name is compared without regard to case. ERR_DENIED: it is not
 * listed. */
enum err directory_find(
    const struct directory *d, const char *host, uint16_t port, uint32_t *place) MUST_CHECK;

/* "host port": the word of an entry; `out` has DIRECTORY_HOST + 8 bytes. */
void directory_format(const struct directory_entry *e, char out[DIRECTORY_HOST + 8]);
/* Add what such a word says. ERR_MALFORMED: it is none. */
enum err directory_parse(struct directory *d, const char *word) MUST_CHECK;

#endif
