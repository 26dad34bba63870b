/*
 * event_page: the operator's record (event.h) read page by page, for whoever shows it: a daemon
 * that is asked for its own, or a tool that may read the files of one that is down.
 *
 * A cursor names a file and a place in it, `INODE:OFFSET`; "" is the oldest that is kept. A file
 * that was turned over is read to its end under its new name first; a cursor into a file that is
 * gone goes on with the oldest that is kept.
 */
#ifndef SUBOTA_EVENT_PAGE_H
#define SUBOTA_EVENT_PAGE_H

#include <cjson/cJSON.h>

#include "err.h"

enum { EVENT_PAGE_BYTES = 256 * 1024, EVENT_CURSOR = 48 };

/* {"next": cursor, "more": whether there is more at once, "damaged": lines that are no JSON object,
 * "events": [...]} of the record in the directory `dir`, at most EVENT_PAGE_BYTES of it. No file
 * yet is an empty page. ERR_INVALID: no cursor. The caller's. */
enum err event_page(int dir, const char *cursor, cJSON **out) MUST_CHECK;

#endif
