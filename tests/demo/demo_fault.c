/*
 * demo_fault: see demo_fault.h.
 */
#include "demo_fault.h"

#include <string.h>

/* --- what strikes ----------------------------------------------------------------------------- */

static bool
is_half_written(const struct demo_watch *w)
{
	const struct demo_device *d = &w->device[0];

	return d->phase == DEMO_FLASHING && d->total && d->done > d->total / 3;
}

/* flashd is shot while it writes, and started again. */
static bool
shoot_flashd(struct demo_watch *w)
{
	if (!is_half_written(w))
		return false;
	house_kill(w->house, HOUSE_FLASHD);
	return house_start(w->house, HOUSE_FLASHD) == ERR_OK;
}

/* The platform is away from the middle of the flashing to the end of it. */
static bool
take_platform_away(struct demo_watch *w)
{
	if (!house_runs(w->house, HOUSE_DEVCENTER))
		return w->device[0].phase >= DEMO_CONFIRMED &&
		       house_start(w->house, HOUSE_DEVCENTER) == ERR_OK;
	if (is_half_written(w))
		house_kill(w->house, HOUSE_DEVCENTER);
	return false;
}

/* --- what has to hold ------------------------------------------------------------------------- */

static bool
nothing_reached(const struct demo_watch *w, char why[DEMO_WHY])
{
	for (unsigned i = 0; i < w->n; i++) {
		if (w->device[i].uploaded == 0)
			continue;
		snprintf(why, DEMO_WHY, "%s: expected 0 bytes of the forged image, got %llu",
		    w->device[i].name, (unsigned long long)w->device[i].uploaded);
		return false;
	}
	return true;
}

static bool
was_resumed(const struct demo_watch *w, char why[DEMO_WHY])
{
	if (w->requests >= 3 && w->served < w->package_size + w->package_size / 4)
		return true;
	snprintf(why, DEMO_WHY,
	    "expected %llu bytes in 3 requests or more, nearly none twice; got %llu in %llu",
	    (unsigned long long)w->package_size, (unsigned long long)w->served,
	    (unsigned long long)w->requests);
	return false;
}

static bool
went_on(const struct demo_watch *w, char why[DEMO_WHY])
{
	const struct demo_device *d = &w->device[0];

	if (d->uploaded < d->written + d->written / 2)
		return true;
	snprintf(why, DEMO_WHY, "%s: expected about %llu bytes to be written, got %llu", d->name,
	    (unsigned long long)d->written, (unsigned long long)d->uploaded);
	return false;
}

static bool
went_back(const struct demo_watch *w, char why[DEMO_WHY])
{
	const struct demo_device *d = &w->device[0];

	if (d->reverts == 1 && d->phase == DEMO_REVERTED)
		return true;
	snprintf(why, DEMO_WHY, "%s: expected one way back to the old image, got %u, %s", d->name,
	    d->reverts, demo_phase_word(d->phase));
	return false;
}

/* clang-format off */
static const struct demo_fault table[] = {
	{.name = "none", .text = "nothing goes wrong",
	 .then = "each device runs the new version", .upgraded = true},
	{.name = "forged", .text = "the package is signed by somebody else's key",
	 .then = "refused, not one byte of it reaches a device", .forged = true,
	 .holds = nothing_reached},
	{.name = "cut", .text = "the connection breaks twice in mid-download",
	 .then = "resumed where it broke", .upgraded = true,
	 .platform = {"http_cut_after", "40000,2"}, .holds = was_resumed},
	{.name = "unplug",
	 .text = "the device loses line and power in mid-flash, and is back after 4 seconds",
	 .then = "it is found again, written anew and runs the new version", .upgraded = true,
	 .device = {"--unplug-at", "40000:4"}},
	{.name = "sick", .text = "the new image boots, but does not answer, and a watchdog bites",
	 .then = "the device goes back to its old image, and the platform is told",
	 .device = {"--sick", HOUSE_NEW ":5"}, .holds = went_back},
	{.name = "kill", .text = "flashd is killed in mid-flash and started again",
	 .then = "the writing goes on where it stopped", .upgraded = true,
	 .strike = shoot_flashd, .holds = went_on},
	{.name = "outage", .text = "the platform is gone while the device is upgraded",
	 .then = "the success is reported once it is back", .upgraded = true,
	 .strike = take_platform_away},
	{0},
};
/* clang-format on */

const struct demo_fault *
demo_fault_table(void)
{
	return table;
}

const struct demo_fault *
demo_fault_find(const char *name)
{
	for (const struct demo_fault *f = table; f->name; f++)
		if (strcmp(f->name, name) == 0)
			return f;
	return NULL;
}

/* Only the first device meets a fault of a device. */
static bool
is_upgraded(const struct demo_fault *f, unsigned i)
{
	return f->upgraded || (f->device[0] && i > 0);
}

bool
demo_fault_judge(const struct demo_fault *f, const struct demo_watch *w, char why[DEMO_WHY])
{
	for (unsigned i = 0; i < w->n; i++) {
		const struct demo_device *d = &w->device[i];
		const char *platform = is_upgraded(f, i) ? "success" : "failed";
		const char *version = is_upgraded(f, i) ? d->to : d->from;

		if (strcmp(d->platform, platform) == 0 && strcmp(d->running, version) == 0 &&
		    d->confirmed)
			continue;
		snprintf(why, DEMO_WHY,
		    "%s: expected %s to run, confirmed, and the platform to have recorded %s; got "
		    "%.20s%s and %s",
		    d->name, version, platform, d->running, d->confirmed ? "" : ", on test",
		    d->platform[0] ? d->platform : "nothing");
		return false;
	}
	return !f->holds || f->holds(w, why);
}
