/*
 * record_sum: a sum in every page of a database, so that a bit that flipped on the disk is found.
 *
 * SQLite knows whether its trees hold together, not whether a number in a row is still the one that
 * was written. This is a layer between it and its files: the last 8 bytes of each page of the main
 * file are kept free and get a sum of the rest and of the page's number (so that a page in another
 * one's place is found, too) when the page is written; a page that is read and does not fit is an
 * I/O error with the code SQLITE_IOERR_DATA, which record.c calls ERR_CORRUPT. The log (-wal) has
 * sums of SQLite's own. The files stay ordinary SQLite databases, which any program may read; one
 * that writes without these sums spoils them.
 *
 * Rejected: SQLite's own extension for this, because no distribution builds it in, and because it
 * knows nothing of pages in another one's place.
 */
#ifndef SUBOTA_RECORD_SUM_H
#define SUBOTA_RECORD_SUM_H

#include <sqlite3.h>
#include <stdbool.h>

#define RECORD_SUM_VFS "subota-sum"

enum {
	RECORD_SUM_BYTES = 8,  /* to reserve in each page: SQLITE_FCNTL_RESERVE_BYTES */
	RECORD_SUM_MAX = 4096, /* larger pages have no sums */
};

/* Make the layer known to SQLite, above its default one; again is no harm. False: no memory. */
bool record_sum_register(void);
/* Do the pages of this open database have sums? */
bool record_sum_on(sqlite3 *db);
/* Has the disk failed to give back any of it? Then nobody knows what is in it. */
bool record_sum_unreadable(sqlite3 *db);

#endif
