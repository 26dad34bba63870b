/*
 * dc_page: the files of the console, compiled in from tests/devcenter/console/.
 */
#ifndef DC_PAGE_H
#define DC_PAGE_H

#include <stddef.h>

struct dc_page {
	const char *path, *type;
	const char *data;
	size_t len;
};

/* The file at a path of the console ("/" is index.html) into *out; NULL: there is none. */
const struct dc_page *dc_page_find(const char *path, struct dc_page *out);

#endif
