/*
 * house_places: see house_places.h.
 */
#include "house_places.h"

#include <assert.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "house_proc.h"

void
house_place(const struct house *h, int place, char path[HOUSE_PLACE])
{
	static const char *const names[HOUSE_PLACES] = {"state", "store"};

	assert(place < HOUSE_PLACES);
	snprintf(path, HOUSE_PLACE, "%s/%s", h->dir, names[place]);
}

bool
house_places_make(const struct house *h)
{
	char path[HOUSE_PLACE];

	if (!house_proc_own_mounts())
		return false;
	for (int i = 0; i < HOUSE_PLACES; i++) {
		house_place(h, i, path);
		mkdir(path, 0755);
	}
	return true;
}

void
house_places_clear(const struct house *h)
{
	char path[HOUSE_PLACE];

	for (int i = 0; i < HOUSE_PLACES; i++) {
		house_place(h, i, path);
		umount2(path, MNT_DETACH);
	}
}
