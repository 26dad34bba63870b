/*
 * powercut: see powercut.h.
 */
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "powercut.h"

static const char *const places[] = {"state", "store"};

enum { PLACES = 2 };

static bool
run(const char *dir, const char *a, const char *b, const char *c, const char *d, const char *e)
{
	const char *const argv[] = {a, b, c, d, e, NULL};

	return tool_run(dir, argv).status == 0;
}

/* The image is the disk now: its directories stand where the daemons look for them. */
static bool
plug(struct house *h)
{
	char from[500], to[400], disk[400];
	bool good = run(h->dir, "mount", "-o", "loop", "disk.img", "disk");

	snprintf(disk, sizeof(disk), "%s/disk", h->dir);
	for (int i = 0; i < PLACES && good; i++) {
		snprintf(from, sizeof(from), "%s/%s", disk, places[i]);
		snprintf(to, sizeof(to), "%s/%s", h->dir, places[i]);
		mkdir(from, 0755);
		good = mount(from, to, NULL, MS_BIND, NULL) == 0;
	}
	return good;
}

/* What the cache still has goes into an image that nobody looks at any more. */
static void
unplug(struct house *h)
{
	char path[400];

	for (int i = 0; i < PLACES; i++) {
		snprintf(path, sizeof(path), "%s/%s", h->dir, places[i]);
		umount2(path, MNT_DETACH);
	}
	snprintf(path, sizeof(path), "%s/disk", h->dir);
	umount2(path, MNT_DETACH);
}

bool
powercut_open(struct powercut *p, struct house *h)
{
	char path[400];

	*p = (struct powercut){.h = h};
	if (geteuid() != 0 || unshare(CLONE_NEWNS) != 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
		return false;
	for (int i = 0; i < PLACES; i++) {
		snprintf(path, sizeof(path), "%s/%s", h->dir, places[i]);
		mkdir(path, 0755);
	}
	snprintf(path, sizeof(path), "%s/disk", h->dir);
	return mkdir(path, 0755) == 0 && run(h->dir, "truncate", "-s", "48M", "disk.img", NULL) &&
	       run(h->dir, "mkfs.ext4", "-q", "disk.img", NULL, NULL) && plug(h);
}

enum err
powercut_now(struct powercut *p)
{
	struct house *h = p->h;
	enum err e = ERR_OK;

	house_kill(h, HOUSE_CLOUDD);
	house_kill(h, HOUSE_FETCHD);
	house_kill(h, HOUSE_FLASHD);
	if (!run(h->dir, "cp", "disk.img", "copy.img", NULL, NULL))
		return ERR_SYSTEM;
	unplug(h);
	if (!run(h->dir, "mv", "copy.img", "disk.img", NULL, NULL) || !plug(h))
		return ERR_SYSTEM;
	p->cuts++;
	for (enum house_part part = HOUSE_FLASHD; part <= HOUSE_CLOUDD && e == ERR_OK; part++)
		e = house_start(h, part);
	return e;
}

void
powercut_close(struct powercut *p)
{
	for (enum house_part part = HOUSE_FLASHD; part <= HOUSE_CLOUDD; part++)
		house_kill(p->h, part);
	unplug(p->h);
}
