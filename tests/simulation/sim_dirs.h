/*
 * sim_dirs: names in the image store that a power cut takes back. Creations, renames and removals
 * are remembered until the directory that got or lost the name is synced, which makes durable all
 * that happened before, too (a journal keeps order). A power cut undoes the youngest of the rest,
 * any number of them. In hostile worlds; elsewhere a name is durable at once.
 */
#ifndef SUBOTA_SIM_DIRS_H
#define SUBOTA_SIM_DIRS_H

#include <sys/types.h>

/* After it was done: a file or directory of this name came to be. */
void sim_dirs_made(int dir, const char *name);
/* Instead of the call; result and errno are its. */
int sim_dirs_rename(int from_dir, const char *from, int to_dir, const char *to);
int sim_dirs_unlink(int dir, const char *name, int flags);
/* This directory was synced. */
void sim_dirs_synced(int dir);
/* The whole file system was. */
void sim_dirs_all_synced(void);
void sim_dirs_power_cut(void);

#endif
