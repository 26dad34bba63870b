/*
 * subota-flashd: the devices.
 *
 * May: bind the socket for the gate, read the image store and the trust anchors, write its own
 * state, open the configured lines, have sessions started by its nursery.
 * Must never: start a process, reach a network other than the addresses of its configured links,
 * believe another process about an image, parse a byte that a device sent.
 */
#include <sys/fsuid.h>
#include <time.h>

#include "flash.h"
#include "flash_exec.h"
#include "flash_health.h"
#include "flash_plug.h"
#include "flash_settings.h"
#include "plug.h"

struct flashd {
	struct flash_settings settings; /* first: the skeleton hands it back as d->settings */
	struct flash flash;
};

static enum err
check(const void *settings)
{
	return flash_settings_check(settings);
}

/* A device whose pins are not there has none: its sessions say so, the others go on. */
static enum err
open_pins(struct flashd *me)
{
	size_t n = me->settings.n_devices;
	struct pins *pins = calloc(n ? n : 1, sizeof(*pins));
	char why[WHY_SIZE] = "";

	me->flash.pins = pins;
	for (size_t i = 0; pins && i < n; i++) {
		const struct flash_settings_device *d = &me->settings.devices[i];

		if (pins_parse(d->boot_pin, d->reset_pin, &pins[i], why) != ERR_OK ||
		    pins_open(&pins[i], NULL, why) != ERR_OK)
			log_error(NULL, "device %s: %s", d->name, why);
	}
	return pins ? ERR_OK : ERR_NOMEM;
}

/* Flasher programs open the line themselves. */
static void
brood(const void *settings, struct daemon_brood *out)
{
	const struct flash_settings *s = settings;

	out->uid = s->common.session_uid;
	places_add(&out->places, "$session", "%s/subota-session", s->common.lib_dir);
	if (!flash_exec_any(s) && !flash_health_any(s))
		return;
	out->group = s->common.device_gid;
	places_add(&out->places, "$exec", "%s/subota-exec", s->common.lib_dir);
	for (size_t i = 0; i < s->n_devices; i++) {
		flash_exec_places(s, &s->devices[i], &out->places);
		flash_health_places(&s->devices[i], &out->places);
	}
}

/* As the user that we shall be: rules of nftables know a socket by who made it (subotactl
 * firewall). A service is that user already, and may not even make the call. */
static enum err
make_sockets(struct flashd *me)
{
	enum err e = ERR_OK;

	if (geteuid() == 0)
		setfsuid(me->settings.common.flash_uid);
	for (size_t i = 0; i < me->settings.n_devices && e == ERR_OK; i++)
		e = link_sockets_add(&me->flash.sockets, me->settings.devices[i].port);
	if (geteuid() == 0)
		setfsuid(0);
	return e;
}

/* Whoever of gate and flashd is first makes the store: what does not exist when a process locks
 * itself in stays out of its reach. */
static enum err
prepare(const struct daemon_spec *spec, struct daemon *d)
{
	const struct daemon_common *c = d->common;
	struct flashd *me = d->settings;

	enum err e = make_sockets(me);
	if (e == ERR_OK)
		e = open_pins(me);
	if (e == ERR_OK)
		e = flash_plug_prepare(&me->flash.plug, &me->settings);
	if (e == ERR_OK)
		e = daemon_nursery(spec, d, &me->flash.nursery);
	if (e != ERR_OK)
		return e;
	if (geteuid() != 0 && geteuid() != c->fetch_uid)
		return ERR_OK; /* somebody else made it, or lock_files says that it is missing */
	return daemon_make_dir(c->store_dir, c->fetch_uid, daemon_gid_of(c->flash_uid), 02750);
}

/* The directory in which the device of this line appears, now or when it is plugged in again; not
 * known while it is away. Of a network link the TCP port. */
static void
place_line(const char *port, struct places *out)
{
	struct link_place place;
	bool network = link_parse(port, &place, NULL) == ERR_OK && link_is_network(&place);
	AUTO(mem) char *real = network ? NULL : realpath(port, NULL);
	const char *end = real ? strrchr(real, '/') : NULL;

	if (network && place.port)
		places_add(out, "$link_ports", "%u", place.port);
	if (network)
		return;
	if (end && end > real)
		places_add(out, "$lines", "%.*s", (int)(end - real), real);
	else
		places_add(out, "$lines", "/dev");
}

static void
places(const void *settings, struct places *out)
{
	const struct flash_settings *s = settings;

	places_add(out, "$trust", "%s", s->trust_dir);
	for (size_t i = 0; i < s->n_devices; i++)
		if (!flash_exec_is(&s->devices[i]) || s->devices[i].port[0] == '/')
			place_line(s->devices[i].port, out);
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
	AUTO(mem) struct flashd *me = calloc(1, sizeof(*me));

	tzset(); /* the zone's file cannot be read later */

	if (!me)
		return 71;
	struct conf_section sections[FLASH_SETTINGS_SECTIONS];
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
	    .check = check,
	    .prepare = prepare,
	    .start = start,
	    .stop = stop,
	    .brood = brood,
	    .places = places};

	int status = daemon_main(&spec, argc, argv);

	/* of a start that failed after prepare; else flash_stop has done it */
	free(me->flash.pins);
	plug_free(me->flash.plug);
	nursery_free(me->flash.nursery);
	return status;
}
