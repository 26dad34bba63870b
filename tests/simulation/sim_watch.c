/*
 * sim_watch: see sim_watch.h.
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "flash.h"
#include "gate.h"
#include "sim_fault.h"
#include "sim_house.h"
#include "sim_install.h"
#include "sim_watch.h"
#include "store.h"

enum {
	HASTE_MS = 60000,
	HASTE_MAX = 15,
	STORED_MAX = 64,
	EXCUSED_MS = 180000, /* disks that are full or broken are so for a while */
	SLACK_MS = 300000,   /* until a deadline has been acted upon */
};

struct stored {
	uint64_t job, size; /* the number of what was removed is given again */
	uint8_t md5[16], digest[STORE_DIGEST];
	int64_t at; /* verified, and in the store */
	bool ordered;
	bool blamed; /* flashd was ordered something else in its place, and may blame the entry */
};

struct watch {
	struct stored stored[STORED_MAX];
	unsigned n_stored;
	int64_t excused_at;
	/* couriers in a row that brought nothing, of this job, from then on */
	uint64_t dry_job;
	int64_t dry_since;
	unsigned dry;
};

static struct watch *
watch(void)
{
	static struct watch w = {.excused_at = INT64_MIN};

	return &w;
}

/* --- steps ------------------------------------------------------------------------------------ */

static struct stored *
stored(struct watch *w, uint64_t job)
{
	for (unsigned i = 0; i < w->n_stored && i < STORED_MAX; i++)
		if (w->stored[i].job == job)
			return &w->stored[i];
	return NULL;
}

/* It may be spoilt from now on, also before it is ordered, which the gate does without a look. */
static void
note_good(const struct image *i)
{
	struct watch *w = watch();
	struct stored *s = stored(w, i->id);

	if (!s)
		s = &w->stored[w->n_stored++ % STORED_MAX];
	*s = (struct stored){.job = i->id, .size = i->size, .at = sim()->now};
	memcpy(s->md5, i->md5, sizeof(s->md5));
	memcpy(s->digest, i->digest, sizeof(s->digest));
}

void
sim_watch_step(const struct fsm_table *t, int event, const void *ctx)
{
	if (t->rows == image_table.rows && event == IMAGE_GOOD)
		note_good(ctx);
	if (t->rows != device_table.rows || event != DEVICE_TURN || sim_world_is_open())
		return;
	sim_violate(4, "a device's turn comes while no maintenance window is open");
}

/* --- time ------------------------------------------------------------------------------------- */

/* How long an upgrade may stay in a state where something is done to its device. */
static int64_t
longest(const struct device_upgrade *u)
{
	const struct flash_settings *s = &sim()->house->flash;

	switch (u->state) {
	case DEVICE_FLASHING:
		return (int64_t)s->flash_ms;
	case DEVICE_STAGED:
		return (int64_t)s->reboot_ms;
	case DEVICE_TESTING:
		return (int64_t)(s->test_ms + u->settle_ms + u->check_ms + s->flash_ms);
	case DEVICE_CONFIRMED:
		return (int64_t)s->confirm_ms;
	default:
		return INT64_MAX;
	}
}

/* Nobody answers while it is written. */
static bool
is_away_for_long(const struct device_upgrade *u)
{
	int64_t most = (int64_t)sim()->house->flash.away_ms;

	return u->state == DEVICE_FLASHING && mono_between(u->sign, sim_mono()) > most + SLACK_MS;
}

void
sim_watch_time(void)
{
	const struct flash *f = sim()->proc[SIM_FLASHD].self;

	if (!sim()->proc[SIM_FLASHD].alive || sim()->house->bare) /* which is tried for ever */
		return;
	for (const struct device_upgrade *u = f->ledger.upgrades; u; u = u->next) {
		int64_t most = longest(u), is = mono_between(u->since, sim_mono());

		if ((most < INT64_MAX && is > most + SLACK_MS) || is_away_for_long(u))
			sim_violate(4, "upgrade %llu is %s for %lld s", (unsigned long long)u->id,
			    device_table.states[u->state], (long long)is / 1000);
	}
}

/* --- fetching --------------------------------------------------------------------------------- */

/* The package of an upgrade, if it is in the store. */
static struct stored *
stored_for(uint64_t upgrade)
{
	const struct gate *g = sim()->proc[SIM_FETCHD].self;
	const struct upgrade *u = book_upgrade(&g->book, upgrade);

	return u ? stored(watch(), u->image) : NULL;
}

void
sim_watch_ordered(uint64_t upgrade)
{
	struct stored *s = stored_for(upgrade);

	if (s)
		s->ordered = !s->blamed;
}

void
sim_watch_blamed(uint64_t upgrade)
{
	const struct stored *by = stored_for(upgrade);

	for (unsigned i = 0; by && i < watch()->n_stored && i < STORED_MAX; i++) {
		struct stored *s = &watch()->stored[i];

		if (memcmp(s->digest, by->digest, sizeof(s->digest)) != 0)
			continue;
		s->ordered = false;
		s->blamed = true;
	}
}

void
sim_watch_fault(int kind)
{
	switch (kind) {
	case SIM_FAULT_STORE_SPOILT:
	case SIM_FAULT_STORE_LOST:
	case SIM_FAULT_RECORD_LOST:
	case SIM_FAULT_DISK_FULL:
	case SIM_FAULT_DISK_READ_ONLY:
	case SIM_FAULT_DISK_ERROR:
	case SIM_FAULT_CLOCK_JUMP:
		watch()->excused_at = sim()->now + EXCUSED_MS * SIM_MS;
		break;
	default:
		break;
	}
}

static bool
is_same(const struct stored *s)
{
	const struct gate *g = sim()->proc[SIM_FETCHD].self;
	const struct image *i = book_image(&g->book, s->job);

	return i && i->size == s->size && memcmp(i->md5, s->md5, sizeof(s->md5)) == 0;
}

void
sim_watch_fetch(uint64_t job)
{
	const struct stored *s = stored(watch(), job);

	if (s && s->ordered && is_same(s) && s->at > watch()->excused_at)
		sim_violate(6, "a package that was stored for good is fetched once more");
}

static bool
is_as_it_should_be(const char *name, const struct sim_package *p)
{
	char path[SIM_PATH + 160];
	uint8_t piece[4096];
	size_t at = 0;
	ssize_t n = 0;

	snprintf(path, sizeof(path), "%s/%s/bundle", sim_house_store(), name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	while (fd >= 0 && (n = read(fd, piece, sizeof(piece))) > 0 &&
	       at + (size_t)n <= p->file.len && memcmp(piece, p->file.data + at, (size_t)n) == 0)
		at += (size_t)n;
	if (fd >= 0)
		close(fd);
	return fd >= 0 && n == 0 && at == p->file.len;
}

void
sim_watch_remove(const char *name)
{
	const struct gate *g = sim()->proc[SIM_FETCHD].self;
	uint8_t digest[STORE_DIGEST];

	if (!store_unhex(name, digest) || sim()->now < watch()->excused_at)
		return;
	for (const struct image *i = g->book.images; i; i = i->next) {
		const struct sim_package *p = sim_install_package(i->url);

		p = p ? p : sim_house_package(i->url);
		if (i->state == IMAGE_READY && p && book_users(&g->book, i->id) &&
		    memcmp(i->digest, digest, sizeof(digest)) == 0 && is_as_it_should_be(name, p))
			sim_violate(6, "a package that an upgrade waits for is removed");
	}
}

/* After six in a row, each later than the one before, the gate gives up, and the platform's next
 * try is minutes away. */
void
sim_watch_dry(uint64_t job)
{
	struct watch *w = watch();

	if (w->dry_job != job || sim()->now - w->dry_since > HASTE_MS * SIM_MS) {
		w->dry_job = job;
		w->dry_since = sim()->now;
		w->dry = 0;
	}
	if (++w->dry > HASTE_MAX)
		sim_violate(5, "%u couriers within a minute brought nothing", w->dry);
}
