/*
 * dc_fault_store: see dc_fault_store.h. A random revision tells the platform that it is a new one.
 */
#include "dc_fault_store.h"

#include <openssl/rand.h>

enum err
dc_fault_store(struct dc_db *db, const char *name, int64_t value, int64_t times, int64_t percent)
{
	int64_t rev;

	if (RAND_bytes((unsigned char *)&rev, sizeof(rev)) != 1)
		return ERR_SYSTEM;
	return dc_db_run(db,
	    "INSERT OR REPLACE INTO fault (name, value, times, rev, percent) "
	    "VALUES (?, ?, ?, ?, ?)",
	    "tiiii", name, value, times, rev | 1, percent);
}
