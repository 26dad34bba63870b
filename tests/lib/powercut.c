/*
 * powercut: see powercut.h.
 */
#include "powercut.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "house_places.h"
#include "powercut_view.h"

enum { NO_FLUSH = 2 };

/* ext4: no write from now on, whatever is in its cache. linux/ext4.h is too young for Debian 12. */
#define SHUTDOWN _IOR('X', 125, __u32)

static bool
run(const char *dir, const char *a, const char *b, const char *c, const char *d, const char *e)
{
	const char *const argv[] = {a, b, c, d, e, NULL};

	return tool_run(dir, argv).status == 0;
}

/* The image is the disk now: its directories stand where the daemons look for them. What ext4 does
 * for careless writers when they close or rename a file is left away: a power cut closes none. */
static bool
plug(const struct powercut *p)
{
	struct house *h = p->h;
	char from[500], to[HOUSE_PLACE], disk[400];
	bool good = run(h->dir, "mount", "-o", "loop,noauto_da_alloc,errors=remount-ro", p->image,
	    "disk");

	snprintf(disk, sizeof(disk), "%s/disk", h->dir);
	for (int i = 0; i < HOUSE_PLACES && good; i++) {
		house_place(h, i, to);
		snprintf(from, sizeof(from), "%s%s", disk, strrchr(to, '/'));
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

	house_places_clear(h);
	snprintf(path, sizeof(path), "%s/disk", h->dir);
	umount2(path, MNT_DETACH);
}

static bool
make_sick(struct powercut *p)
{
	char dir[400], image[400];

	snprintf(dir, sizeof(dir), "%s/sick", p->h->dir);
	snprintf(image, sizeof(image), "%s/disk.img", p->h->dir);
	p->sick = mkdir(dir, 0755) == 0 ? sickdisk_open(dir, image) : NULL;
	return p->sick != NULL;
}

static bool
prepare(struct powercut *p, const char *feature)
{
	const char *dir = p->h->dir;
	char path[400];

	if (!house_places_make(p->h))
		return false;
	snprintf(path, sizeof(path), "%s/disk", dir);
	return mkdir(path, 0755) == 0 && run(dir, "truncate", "-s", "48M", "disk.img", NULL) &&
	       run(dir, "mkfs.ext4", "-q", "-O", feature, "disk.img");
}

static void
forget(struct powercut *p)
{
	sickdisk_close(p->sick);
	p->sick = NULL;
	free(p->before);
	free(p->after);
	p->before = p->after = NULL;
}

static bool
open_on(struct powercut *p, struct house *h, const char *feature, const char *image)
{
	bool is_sick = strcmp(image, "disk.img") != 0;

	*p = (struct powercut){.h = h, .image = image};
	p->before = calloc(1, sizeof(*p->before));
	p->after = calloc(1, sizeof(*p->after));
	if (p->before && p->after && prepare(p, feature) && (!is_sick || make_sick(p)) && plug(p))
		return true;
	forget(p);
	return false;
}

bool
powercut_open(struct powercut *p, struct house *h)
{
	return open_on(p, h, "has_journal", "disk.img");
}

bool
powercut_open_sick(struct powercut *p, struct house *h, const char *feature)
{
	return open_on(p, h, feature, "sick/disk.img");
}

/* All daemons at once. They run no further, but what they asked of the kernel goes on. */
static void
strike(struct house *h)
{
	for (enum house_part part = HOUSE_FLASHD; part <= HOUSE_CLOUDD; part++)
		if (h->process[part].pid > 0)
			kill(h->process[part].pid, SIGKILL);
}

static void
bury(struct house *h)
{
	for (enum house_part part = HOUSE_CLOUDD; part >= HOUSE_FLASHD; part--)
		house_kill(h, part);
}

static bool
shut_down(const char *disk)
{
	AUTO(fd) int fd = open(disk, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	__u32 how = NO_FLUSH;

	return fd >= 0 && ioctl(fd, SHUTDOWN, &how) == 0;
}

/* As at boot. e2fsck ends with 1 when it has mended something. */
static bool
mend(struct house *h, bool was_sick)
{
	const char *const argv[] = {"e2fsck", "-f", "-y", "disk.img", NULL};

	return !was_sick || tool_run(h->dir, argv).status <= 1;
}

enum err
powercut_now(struct powercut *p)
{
	struct house *h = p->h;
	enum err e = ERR_OK;
	char disk[400];

	snprintf(disk, sizeof(disk), "%s/disk", h->dir);
	strike(h);
	powercut_view_take(p->before, disk);
	bool dark = shut_down(disk);

	bury(h);
	if (!dark || !run(h->dir, "cp", "disk.img", "copy.img", NULL, NULL))
		return house_fail(h, ERR_SYSTEM, "the disk could not be taken away");
	unplug(h);
	bool was_sick = p->sick != NULL;
	sickdisk_close(p->sick);
	p->sick = NULL;
	p->image = "disk.img";
	if (!run(h->dir, "mv", "copy.img", "disk.img", NULL, NULL) || !mend(h, was_sick) ||
	    !plug(p))
		return house_fail(h, ERR_SYSTEM, "the disk could not be brought back");
	p->cuts++;
	powercut_view_take(p->after, disk);
	p->lost = (struct tally){0};
	powercut_view_compare(p->before, p->after, &p->lost);
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
	forget(p);
}
