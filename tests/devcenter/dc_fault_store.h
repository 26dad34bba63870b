/*
 * dc_fault_store: a fault that the command line or the console sets, written down for the platform.
 */
#ifndef DC_FAULT_STORE_H
#define DC_FAULT_STORE_H

#include "dc_db.h"
#include "dc_fault.h"

/* `name` as `fault set` takes it (known); `times` 0: always. It counts anew. */
enum err dc_fault_store(struct dc_db *db, const char *name, int64_t value, int64_t times,
    int64_t percent) MUST_CHECK;

#endif
