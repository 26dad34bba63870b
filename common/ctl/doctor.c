/*
 * doctor: the machine around the daemons: kernel, clock, directories, disk, secrets, lines. What
 * they say themselves and what they reach is in doctor_reach.c.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "clock.h"
#include "doctor.h"
#include "firewall.h"
#include "flash_exec.h"
#include "flash_health.h"
#include "landlock.h"

enum {
	FOUND_SIZE = 400,
	DISK_BAD = 16 << 20,  /* below, records may not find room: bytes */
	DISK_WARN = 64 << 20, /* below, a package may not */
};

/* 2024-01-01: a clock before this was never set. */
#define CLOCK_SET_MS UINT64_C(1704067200000)

void
doctor_say(struct doctor *d, enum doctor_verdict verdict, const char *check, const char *advice,
    const char *format, ...)
{
	static const char *const words[] = {"ok", "warn", "bad"};
	cJSON *row = out_row(d->found);
	char found[FOUND_SIZE];
	va_list ap;

	va_start(ap, format);
	vsnprintf(found, sizeof(found), format, ap);
	va_end(ap);
	out_add_text(row, "verdict", words[verdict]);
	out_add_text(row, "check", check);
	out_add_text(row, "found", found);
	out_add_text(row, "advice", advice);
	d->bad += verdict == DOCTOR_BAD ? 1 : 0;
}

/* [common], from whichever daemon's settings there are; NULL: none. */
static const struct daemon_common *
common_of(const struct doctor *d)
{
	if (d->cloud)
		return &d->cloud->common;
	if (d->fetch)
		return &d->fetch->common;
	return d->flash ? &d->flash->common : NULL;
}

/* --- kernel and clock ------------------------------------------------------------------------- */

void
doctor_kernel(struct doctor *d)
{
	const struct daemon_common *c = common_of(d);
	int abi = landlock_abi();

	if (abi >= LANDLOCK_ABI_SCOPES)
		doctor_say(d, DOCTOR_OK, "kernel", "", "Landlock ABI %d", abi);
	else if (abi >= LANDLOCK_ABI_MIN)
		doctor_say(d, DOCTOR_WARN, "kernel", "subotactl sandbox says who limits the rest",
		    "expected Landlock ABI %d, got %d", LANDLOCK_ABI_SCOPES, abi);
	else
		doctor_say(d, c && c->sandbox == 1 ? DOCTOR_WARN : DOCTOR_BAD, "kernel",
		    "boot with lsm=landlock,... or a newer kernel; or sandbox = degrade",
		    "expected Landlock ABI %d, got %d", LANDLOCK_ABI_MIN, abi);
}

/* Where Landlock knows no ports, nobody else holds cloudd and couriers to theirs. */
void
doctor_firewall(struct doctor *d)
{
	const struct firewall_of of = {d->cloud, d->fetch, d->flash};
	bool ports = landlock_abi() >= LANDLOCK_ABI_PORTS;
	char mark[FIREWALL_MARK];
	AUTO(mem) char *rules = d->cloud && d->fetch && d->flash ? firewall_rules(&of, mark) : NULL;
	enum firewall_state s = firewall_look(rules ? mark : NULL);
	const char *what = firewall_text(s);

	if (s == FIREWALL_ACTIVE)
		doctor_say(d, DOCTOR_OK, "firewall", "", "by user: %s", what);
	else if (s == FIREWALL_OTHER)
		doctor_say(d, DOCTOR_WARN, "firewall", "systemctl restart subota-firewall",
		    "by user: %s", what);
	else if (s == FIREWALL_HIDDEN)
		doctor_say(d, DOCTOR_WARN, "firewall", "ask as root", "by user: %s", what);
	else
		doctor_say(d, DOCTOR_WARN, "firewall",
		    s == FIREWALL_ABSENT ? "a kernel with nf_tables"
					 : "systemctl start subota-firewall, or subotactl firewall "
					   "| nft -f -",
		    "by user: %s; %s", what,
		    ports ? "Landlock limits TCP ports, nothing UDP"
			  : "nothing limits the ports that cloudd and couriers reach");
}

void
doctor_clock(struct doctor *d)
{
	uint64_t now = clock_wall_ms();
	char text[CLOCK_TEXT];

	clock_text(now, text);
	if (now < CLOCK_SET_MS)
		doctor_say(d, DOCTOR_BAD, "clock",
		    "set it; signed time limits cannot be judged by this one",
		    "expected a clock that was set, got %s", text);
	else if (!clock_is_synchronised())
		doctor_say(d, DOCTOR_WARN, "clock",
		    "run chrony or systemd-timesyncd, else expired packages get a grace",
		    "%s, not synchronised", text);
	else
		doctor_say(d, DOCTOR_OK, "clock", "", "%s, synchronised", text);
}

/* --- directories and disk --------------------------------------------------------------------- */

static void
look_at_directory(struct doctor *d, const char *path, uint32_t uid, mode_t forbidden)
{
	struct stat st = {0};

	if (stat(path, &st) < 0)
		doctor_say(d, errno == EACCES ? DOCTOR_WARN : DOCTOR_BAD, "directory",
		    errno == EACCES ? "ask as root"
				    : "start the daemons as root, or by the service "
				      "manager: they make it",
		    "expected %s, got: %s", path, strerror(errno));
	else if (!S_ISDIR(st.st_mode) || st.st_uid != uid || (st.st_mode & forbidden))
		doctor_say(d, DOCTOR_BAD, "directory", "remove it, or give it owner and mode",
		    "%s: expected a directory of user %u, mode without %03o, got user %u, mode "
		    "%03o",
		    path, (unsigned)uid, (unsigned)forbidden, (unsigned)st.st_uid,
		    (unsigned)st.st_mode & 07777);
	else
		doctor_say(d, DOCTOR_OK, "directory", "", "%s", path);
}

void
doctor_directories(struct doctor *d)
{
	const struct daemon_common *c = common_of(d);

	if (!c)
		return;
	const uint32_t uids[ASK_DAEMONS] = {c->cloud_uid, c->fetch_uid, c->flash_uid};

	for (size_t i = 0; i < ASK_DAEMONS; i++) {
		char path[300];

		snprintf(path, sizeof(path), "%s/%s", c->state_dir, readers[i].name);
		look_at_directory(d, path, uids[i], 077);
	}
	look_at_directory(d, c->store_dir, c->fetch_uid, 007);
}

static void
look_at_disk(struct doctor *d, const char *path, uint64_t wanted)
{
	struct statvfs v;

	if (statvfs(path, &v) < 0)
		return; /* said already, of the directory */
	uint64_t room = (uint64_t)v.f_bavail * v.f_frsize;
	bool inodes = v.f_files == 0 || v.f_favail > 64;

	if (room < DISK_BAD || !inodes)
		doctor_say(d, DOCTOR_BAD, "disk", "make room: upgrades stop here",
		    "%s: expected at least 16 MiB and 64 files free, got %llu MiB and %llu", path,
		    (unsigned long long)(room >> 20), (unsigned long long)v.f_favail);
	else if (room < wanted)
		doctor_say(d, DOCTOR_WARN, "disk", "make room, or lower the quota",
		    "%s: expected %llu MiB free, got %llu MiB", path,
		    (unsigned long long)(wanted >> 20), (unsigned long long)(room >> 20));
	else
		doctor_say(d, DOCTOR_OK, "disk", "", "%s: %llu MiB free", path,
		    (unsigned long long)(room >> 20));
}

void
doctor_disk(struct doctor *d)
{
	const struct daemon_common *c = common_of(d);

	if (!c)
		return;
	look_at_disk(d, c->state_dir, DISK_WARN);
	look_at_disk(d, c->store_dir, d->fetch ? d->fetch->max_package : DISK_WARN);
}

/* --- files ------------------------------------------------------------------------------------ */

void
doctor_secrets(struct doctor *d)
{
	struct stat st = {0};

	if (!d->cloud)
		return;
	const char *path = d->cloud->secrets_file;

	if (stat(path, &st) < 0)
		doctor_say(d, errno == EACCES ? DOCTOR_WARN : DOCTOR_BAD, "secrets",
		    errno == EACCES ? "ask as root"
				    : "see subota.conf(5), secrets; or LoadCredential=",
		    "expected %s, got: %s", path, strerror(errno));
	else if (!S_ISREG(st.st_mode) || (st.st_mode & 077))
		doctor_say(d, DOCTOR_BAD, "secrets", "chmod 600, and think of who has read it",
		    "%s: expected a file of mode 600, got %03o", path,
		    (unsigned)st.st_mode & 07777);
	else
		doctor_say(d, DOCTOR_OK, "secrets", "", "%s", path);
}

static void
look_at_line(struct doctor *d, const struct flash_settings_device *dev)
{
	struct stat st = {0};
	const struct daemon_common *c = &d->flash->common;
	/* a flasher program opens it itself */
	uint32_t uid = strcmp(dev->driver, "exec") == 0 ? c->session_uid : c->flash_uid;
	uint32_t gid = c->device_gid;

	if (dev->port[0] != '/')
		return; /* a network address: flashd knows whether it answers */
	if (stat(dev->port, &st) < 0) {
		doctor_say(d, DOCTOR_BAD, "line", "plug it in; by-id names stay the same",
		    "%s: expected %s, got: %s", dev->name, dev->port, strerror(errno));
		return;
	}
	bool may = (st.st_uid == uid && (st.st_mode & 0600) == 0600) ||
		   (st.st_gid == gid && (st.st_mode & 0060) == 0060) || (st.st_mode & 0006) == 0006;

	if (!S_ISCHR(st.st_mode))
		doctor_say(d, DOCTOR_BAD, "line", "name a serial line as port",
		    "%s: expected a serial line, %s is none", dev->name, dev->port);
	else if (!may)
		doctor_say(d, DOCTOR_BAD, "line", "device_group = the group of the line",
		    "%s: expected %s to be of user %u or group %u, got %u:%u, mode %03o", dev->name,
		    dev->port, (unsigned)uid, (unsigned)gid, (unsigned)st.st_uid,
		    (unsigned)st.st_gid, (unsigned)st.st_mode & 07777);
	else
		doctor_say(d, DOCTOR_OK, "line", "", "%s: %s", dev->name, dev->port);
}

/* Flashers and health checks: without them a device stays away, or a good image goes back. */
static void
look_at_programs(struct doctor *d, const struct flash_settings_device *dev)
{
	struct places p = {0};
	const char *path = NULL;

	flash_exec_places(d->flash, dev, &p);
	flash_health_places(dev, &p);
	for (size_t i = 0; (path = places_find(&p, "$flasher", i)) != NULL; i++) {
		struct stat st = {0};

		if (stat(path, &st) < 0)
			doctor_say(d, DOCTOR_BAD, "program", "install it, or correct its path",
			    "%s: expected %s, got: %s", dev->name, path, strerror(errno));
		else if (!S_ISREG(st.st_mode) || !(st.st_mode & 0001))
			doctor_say(d, DOCTOR_BAD, "program", "chmod 755",
			    "%s: expected %s to be a program for everybody, got mode %03o",
			    dev->name, path, (unsigned)st.st_mode & 07777);
		else
			doctor_say(d, DOCTOR_OK, "program", "", "%s: %s", dev->name, path);
	}
	places_fini(&p);
}

void
doctor_lines(struct doctor *d)
{
	if (!d->flash)
		return;
	if (d->flash->n_devices == 0)
		doctor_say(d, DOCTOR_WARN, "line", "add a [flashd.device NAME]",
		    "expected a device in the configuration, got none");
	for (size_t i = 0; i < d->flash->n_devices; i++)
		look_at_line(d, &d->flash->devices[i]);
	for (size_t i = 0; i < d->flash->n_devices; i++)
		look_at_programs(d, &d->flash->devices[i]);
}
