/*
 * fuzz: any text as the list of servers that the gateway may be moved to. It ends, and each place
 * that is taken has a port and is found again in the list.
 */
#include <stdlib.h>
#include <string.h>

#include "auto.h"
#include "move.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	AUTO(mem) char *list = malloc(len + 1);
	char host[DIALECT_HOST_MAX + 1];
	uint16_t port = 0;

	if (!list)
		abort();
	memcpy(list, data, len);
	list[len] = '\0';
	for (const char *at = list; at;) {
		const char *before = at;
		enum err e = move_next(&at, host, &port);

		if ((at && at <= before) ||
		    (e == ERR_OK && (!host[0] || port == 0 || !move_is_listed(list, host, port))))
			abort();
	}
	return 0;
}
