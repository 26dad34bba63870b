/*
 * subota-flashd: the devices.
 *
 * May: bind the socket for the gate, read the image store and the trust anchors, write its own
 * state, open the configured lines, start sessions.
 * Must never: reach a network, believe another process about an image, parse a byte that a device
 * sent.
 */
#include "flash.h"
#include "flash_settings.h"

struct flashd {
	struct flash_settings settings; /* first: the skeleton hands it back as d->settings */
	struct flash flash;
};

static enum err
check(const void *settings)
{
	return flash_settings_check(settings);
}

static enum err
start(struct daemon *d)
{
	struct flashd *me = d->settings;

	return flash_start(&me->flash, d);
}

static void
stop(struct daemon *d)
{
	struct flashd *me = d->settings;

	flash_stop(&me->flash);
}

int
main(int argc, char **argv)
{
	static const struct sandbox_promise promise = {.name = "flashd",
	    .max_memory = 768 << 20,
	    .max_files = 1024, /* a line and a channel for each of 256 devices, and twice that */
	    .may_fork = true};
	AUTO(mem) struct flashd *me = calloc(1, sizeof(*me));

	if (!me)
		return 71;
	struct conf_section sections[3];
	const struct conf_table table = flash_settings_table(sections);
	const struct daemon_spec spec = {.name = "flashd",
	    .summary = "Devices and their bootloaders: decides whether and when a device is "
		       "upgraded, verifies\nthe image again by itself, and sees it through. It "
		       "reaches no network.\n",
	    .who = WHO_FLASHD,
	    .conf = &table,
	    .settings = me,
	    .common = &me->settings.common,
	    .uid_offset = offsetof(struct daemon_common, flash_uid),
	    .group_offset = offsetof(struct daemon_common, device_gid),
	    .promise = &promise,
	    .check = check,
	    .start = start,
	    .stop = stop};

	return daemon_main(&spec, argc, argv);
}
