/*
 * subota-fetchd: the gate.
 *
 * May: bind the socket for cloudd, connect to flashd's, write the image store and its own state,
 * read the trust anchors, start couriers through the nursery.
 * Must never: open a network socket, parse HTTP, see a device.
 *
 * The nursery is started while this process is still root, because couriers run under another uid.
 */
#include "drop.h"

struct fetchd {
	struct settings settings; /* first: the skeleton hands it back as d->settings */
	struct nursery *nursery;  /* until the gate has it */
	struct gate gate;
	bool started;
};

static void
brood(const void *settings, struct daemon_brood *out)
{
	const struct settings *s = settings;

	out->uid = s->common.courier_uid;
	places_add(&out->places, "$courier", "%s/subota-courier", s->common.lib_dir);
	if (s->ca_file[0])
		places_add(&out->places, "$ca", "%s", s->ca_file);
}

static enum err
prepare(const struct daemon_spec *s, struct daemon *d)
{
	struct fetchd *me = d->settings;
	const struct daemon_common *c = d->common;
	enum err e = daemon_make_dir(
	    c->store_dir, c->fetch_uid, daemon_gid_of(c->flash_uid), 02750);

	if (e != ERR_OK)
		return e;
	drop_make(c);
	return daemon_nursery(s, d, &me->nursery);
}

static enum err
start(struct daemon *d)
{
	struct fetchd *me = d->settings;

	me->started = true;
	return gate_start(&me->gate, d, HAND_OVER(me->nursery));
}

static void
stop(struct daemon *d)
{
	struct fetchd *me = d->settings;

	if (me->started)
		gate_stop(&me->gate);
}

static void
places(const void *settings, struct places *out)
{
	const struct settings *s = settings;

	places_add(out, "$trust", "%s", s->trust_dir);
	places_add(out, "$drop", "%s/drop", s->common.state_dir);
}

int
main(int argc, char **argv)
{
	AUTO(mem) struct fetchd *me = calloc(1, sizeof(*me));

	if (!me)
		return 71;
	struct conf_section sections[2];
	const struct conf_table table = settings_table(sections);
	const struct daemon_spec spec = {.name = "fetchd",
	    .summary = "The gate between the cloud's side and the devices' side: has packages "
		       "fetched,\nverifies them, keeps the image store. It opens no network "
		       "socket and no device.\n",
	    .who = WHO_FETCHD,
	    .conf = &table,
	    .settings = me,
	    .common = &me->settings.common,
	    .uid_offset = offsetof(struct daemon_common, fetch_uid),
	    .check = settings_check,
	    .prepare = prepare,
	    .start = start,
	    .stop = stop,
	    .brood = brood,
	    .places = places};
	int status = daemon_main(&spec, argc, argv);

	nursery_free(me->nursery);
	return status;
}
