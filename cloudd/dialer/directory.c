/*
 * directory: see directory.h.
 */
#include "directory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum err
directory_add(struct directory *d, const char *host, uint16_t port)
{
	uint32_t place = 0;

	if (host[0] == '\0' || strlen(host) >= DIRECTORY_HOST || port == 0)
		return ERR_INVALID;
	if (directory_find(d, host, port, &place) == ERR_OK)
		return ERR_OK;
	if (d->n == DIRECTORY_MOST)
		return ERR_LIMIT;
	struct directory_entry *list = realloc(d->list, (d->n + 1) * sizeof(*list));
	if (!list)
		return ERR_NOMEM;
	d->list = list;
	snprintf(list[d->n].host, DIRECTORY_HOST, "%s", host);
	list[d->n++].port = port;
	return ERR_OK;
}

void
directory_fini(struct directory *d)
{
	free(d->list);
	*d = (struct directory){0};
}

enum err
directory_find(const struct directory *d, const char *host, uint16_t port, uint32_t *place)
{
	for (size_t i = 0; i < d->n; i++) {
		if (d->list[i].port != port || strcasecmp(d->list[i].host, host) != 0)
			continue;
		*place = (uint32_t)i;
		return ERR_OK;
	}
	return ERR_DENIED;
}

void
directory_format(const struct directory_entry *e, char out[DIRECTORY_HOST + 8])
{
	snprintf(out, DIRECTORY_HOST + 8, "%s %u", e->host, (unsigned)e->port);
}

enum err
directory_parse(struct directory *d, const char *word)
{
	const char *blank = strrchr(word, ' ');
	char host[DIRECTORY_HOST], *end = NULL;
	size_t len = blank ? (size_t)(blank - word) : 0;

	if (len == 0 || len >= sizeof(host) || blank[1] < '1' || blank[1] > '9')
		return ERR_MALFORMED;
	unsigned long port = strtoul(blank + 1, &end, 10);
	if (port > UINT16_MAX || *end)
		return ERR_MALFORMED;
	memcpy(host, word, len);
	host[len] = '\0';
	return directory_add(d, host, (uint16_t)port);
}
