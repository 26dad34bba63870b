/*
 * sim_check: see sim_check.h.
 */
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "flash.h"
#include "flash_restore.h"
#include "gate.h"
#include "sim_check.h"
#include "sim_courier.h"
#include "sim_device.h"
#include "sim_disk.h"
#include "sim_house.h"
#include "sim_install.h"
#include "sim_platform.h"
#include "sim_rare.h"
#include "sim_traitor.h"
#include "sim_watch.h"

/* A day has 20,000 entries of the signed log. */
enum { DISK_MAX = 8 << 20, DISK_MAX_LONG = 64 << 20 };

static const struct gate *
gate(void)
{
	return sim()->proc[SIM_FETCHD].self;
}

static const struct flash *
flash(void)
{
	return sim()->proc[SIM_FLASHD].self;
}

static const struct cloud *
cloud(void)
{
	return sim()->proc[SIM_CLOUDD].self; /* its first member */
}

/* --- bounds ----------------------------------------------------------------------------------- */

static uint64_t
bytes_below(const char *dir, unsigned *files, int depth)
{
	DIR *d = opendir(dir);
	uint64_t sum = 0;
	char path[600];

	for (struct dirent *e; d && (e = readdir(d));) {
		struct stat st;

		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		if (stat(path, &st) != 0)
			continue;
		if (S_ISDIR(st.st_mode) && depth < 3)
			sum += bytes_below(path, files, depth + 1);
		if (S_ISREG(st.st_mode)) {
			sum += (uint64_t)st.st_size;
			++*files;
		}
	}
	if (d)
		closedir(d);
	return sum;
}

uint64_t
sim_check_store_bytes(void)
{
	unsigned files = 0;

	return bytes_below(sim_house_store(), &files, 0);
}

void
sim_check_bounds(void)
{
	uint64_t store = sim_check_store_bytes() - sim_traitor_bytes();

	if (store > sim()->house->gate.quota)
		sim_violate(5, "the store holds %llu bytes of %llu", (unsigned long long)store,
		    (unsigned long long)sim()->house->gate.quota);
	sim_watch_time();
	if (sim_disk_size() > (sim()->plan_every ? DISK_MAX_LONG : DISK_MAX))
		sim_violate(5, "the databases have grown to %llu bytes",
		    (unsigned long long)sim_disk_size());
}

/* --- what people are told --------------------------------------------------------------------- */

static bool
is_of_bytes(enum err e)
{
	return e == ERR_UNSIGNED || e == ERR_FRAME || e == ERR_DIGEST || e == ERR_THRESHOLD ||
	       e == ERR_MANIFEST || e == ERR_TRUNCATED;
}

/* It may be this one that is refused. */
static bool
is_judged(const struct image *i)
{
	return i->state == IMAGE_VERIFYING || (i->state == IMAGE_FETCHING && i->head_judged);
}

/* The event does not say which package: it counts when all that are judged are good ones, whose
 * bytes no courier has changed. A power cut, a restart, a broken download are no excuse. */
void
sim_check_told(const struct event *e)
{
	const struct sim_package *p = NULL;

	if (strcmp(e->name, "image_refused") != 0 || !is_of_bytes(e->error))
		return;
	for (const struct image *i = gate()->book.images; i; i = i->next) {
		if (!is_judged(i))
			continue;
		p = sim_house_package(i->url);
		if (!p || p->variant > SIM_OLD || sim_courier_lied(p))
			return;
	}
	if (p)
		sim_violate(6, "a good package (%s) is refused: %s: %s", p->version,
		    err_name(e->error), e->text);
}

bool
sim_check_is_quiet(void)
{
	return !sim()->proc[SIM_FLASHD].alive || flash_restore_next(flash()).ms == MONO_NEVER.ms;
}

bool
sim_check_is_complete(void)
{
	if (!sim()->proc[SIM_CLOUDD].alive)
		return false;
	for (const struct subdevice *s = cloud()->devices.first; s; s = s->next)
		if (s->leaving || s->gone)
			return false;
	return true;
}

/* --- the end ---------------------------------------------------------------------------------- */

static int64_t
count(struct record *r, const char *what)
{
	char sql[100];
	int64_t n = -1;

	snprintf(sql, sizeof(sql), "SELECT count(*) FROM %s", what);
	if (record_get_int(r, &n, sql, "") != ERR_OK)
		return -1;
	return n;
}

static void
check_queues(void)
{
	int64_t at_gate = count(gate()->book.record, "report");
	int64_t at_flash = count(flash()->ledger.record, "report");
	unsigned waiting = 0;

	for (const struct outbox_item *i = cloud()->outbox.items; i; i = i->next)
		waiting += !i->confirmed && i->kind != OUTBOX_CANCEL;
	if (at_gate || at_flash || waiting)
		sim_violate(3,
		    "when all is over, %lld reports of fetchd, %lld of flashd and %u messages to "
		    "the platform are not delivered",
		    (long long)at_gate, (long long)at_flash, waiting);
}

static void
check_machines(void)
{
	for (const struct upgrade *u = gate()->book.upgrades; u; u = u->next)
		if (u->state != UPGRADE_ENDED)
			sim_violate(4, "fetchd's upgrade %llu stays %s", (unsigned long long)u->id,
			    upgrade_table.states[u->state]);
	for (const struct device_upgrade *u = flash()->ledger.upgrades; u; u = u->next)
		if (!device_is_over(u))
			sim_violate(4, "flashd's upgrade %llu stays %s", (unsigned long long)u->id,
			    device_table.states[u->state]);
	for (const struct subdevice *s = cloud()->devices.first; s; s = s->next)
		if (s->conversation.state != CONVERSATION_IDLE)
			sim_violate(4, "the conversation about %s stays in state %d",
			    s->keys.device_key, s->conversation.state);
}

static void
check_devices(void)
{
	for (int i = 0; i < sim()->house->devices; i++) {
		if (!sim_device_is_kept(i))
			sim_violate(
			    2, "device %d is left on trial with %s", i, sim_device_version(i));
		if (!sim_device_second_is_kept(i))
			sim_violate(2, "the radio of device %d is left on trial", i);
		if (strcmp(sim_device_version(i), sim_platform_version(i)) != 0)
			sim_violate(3, "device %d runs %s, the platform believes %s", i,
			    sim_device_version(i), sim_platform_version(i));
	}
}

/* What is in the store is an image that the gate knows, or nothing. */
static void
check_store(void)
{
	unsigned files = 0, ready = 0, failed = 0;

	bytes_below(sim_house_store(), &files, 0);
	for (const struct image *i = gate()->book.images; i; i = i->next) {
		ready += i->state == IMAGE_READY || i->state == IMAGE_PARTIAL;
		failed += i->state == IMAGE_FAILED;
	}
	if (failed)
		sim_violate(5, "the gate keeps %u images that failed", failed);
	if (files > ready)
		sim_violate(5, "the store holds %u files, but the gate knows %u", files, ready);
}

void
sim_check_end(void)
{
	for (int i = 0; i < SIM_PROCS; i++)
		if (!sim()->proc[i].alive) {
			sim_violate(4, "%s does not run", sim()->proc[i].name);
			return;
		}
	check_queues();
	check_machines();
	check_devices();
	sim_rare_check_end();
	check_store();
	if (sim()->local)
		sim_install_check_end();
}
