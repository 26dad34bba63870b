/*
 * sim_disk: a VFS for SQLite whose files lie in memory and know what was synced. A process that is
 * killed leaves what it wrote; a power cut leaves of each write since the last sync all, nothing or
 * a part, in any combination.
 */
#ifndef SUBOTA_SIM_DISK_H
#define SUBOTA_SIM_DISK_H

#include <stdint.h>

/* Bytes in all files together. */
uint64_t sim_disk_size(void);

#endif
