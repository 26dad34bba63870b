/*
 * subota-cloudd: the conversation with the platform.
 *
 * May: have the dialer (dialer/) connect to the platform's MQTT server or one of move_to; connect
 * to the gate's socket; read the product secrets (before it drops its privileges); write its own
 * state directory. Must never: make or hold a network socket; have a socket to flashd; see an
 * image, a device node, a trust anchor or a signing key.
 *
 * This file joins `struct cloud` (all decisions) to the sockets: uplink on the platform's side, the
 * bus on the gate's.
 */
#include <errno.h>
#include <sys/random.h>
#include <sys/statvfs.h>
#include <sysexits.h>
#include <unistd.h>

#include "cloud_act.h"
#include "cloud_settings.h"
#include "cloud_show.h"
#include "uplink.h"

struct cloudd {
	struct cloud_settings settings; /* first: the skeleton hands it back as d->settings */
	struct secrets secrets;
	struct uplink_settings link;
	struct daemon *daemon;
	struct cloud cloud;
	bool open; /* the cloud is */
	struct dial *dialer;
	struct uplink *uplink;
	struct bus_link *gate;
	struct loop_timer timer;
};

/* --- time ------------------------------------------------------------------------------------- */

static void
on_timer(void *arg)
{
	struct cloudd *me = arg;

	cloud_on_time(&me->cloud);
	loop_timer_set(me->daemon->loop, &me->timer, cloud_due(&me->cloud), on_timer, me);
}

/* After every event. */
static void
set_timer(struct cloudd *me)
{
	loop_timer_set(me->daemon->loop, &me->timer, cloud_due(&me->cloud), on_timer, me);
}

/* --- what leaves ------------------------------------------------------------------------------ */

static enum err
io_publish(
    void *arg, const char *topic, unsigned qos, const uint8_t *payload, size_t len, uint64_t token)
{
	struct cloudd *me = arg;

	return uplink_publish(me->uplink, topic, qos, payload, len, token);
}

static enum err
io_subscribe(void *arg, const char *topic)
{
	struct cloudd *me = arg;

	return uplink_subscribe(me->uplink, topic, 1);
}

static void
io_fail(void *arg, int platform_code)
{
	struct cloudd *me = arg;

	uplink_fail(me->uplink, platform_code);
}

static void
io_reconnect(void *arg)
{
	struct cloudd *me = arg;

	uplink_reconnect(me->uplink);
}

static void
io_move(void *arg, const char *host, uint16_t port)
{
	struct cloudd *me = arg;

	uplink_move(me->uplink, host, port);
}

static enum err
io_to_gate(void *arg, Pb__Envelope *e)
{
	struct cloudd *me = arg;

	return me->gate ? bus_send(me->gate, e) : ERR_OFFLINE;
}

static void
io_random(void *arg, uint8_t *out, size_t n)
{
	size_t have = 0;

	(void)arg;
	while (have < n) {
		ssize_t got = getrandom(out + have, n - have, 0);

		if (got < 0 && errno != EINTR)
			abort(); /* no kernel that we support lacks it */
		if (got > 0)
			have += (size_t)got;
	}
}

static struct mono
io_now(void *arg)
{
	(void)arg;
	return clock_now();
}

static uint64_t
io_wall_ms(void *arg)
{
	(void)arg;
	return clock_wall_ms();
}

static void
io_event(void *arg, const struct event *e)
{
	struct cloudd *me = arg;

	event_write(me->daemon->events, e);
}

static uint64_t
io_free_bytes(void *arg)
{
	struct cloudd *me = arg;
	struct statvfs v = {0};

	if (statvfs(me->daemon->state_dir, &v) != 0)
		return 0;
	return (uint64_t)v.f_bavail * v.f_frsize;
}

/* --- the platform ----------------------------------------------------------------------------- */

static enum err
up_credentials(void *arg, struct uplink_credentials *out)
{
	struct cloudd *me = arg;
	struct cloud_credentials c = {0};
	enum err e = cloud_credentials(&me->cloud, &c);

	if (e != ERR_OK)
		return e;
	snprintf(out->client_id, sizeof(out->client_id), "%s", c.client_id);
	snprintf(out->user, sizeof(out->user), "%s", c.client_id);
	snprintf(out->password, sizeof(out->password), "%s", c.password);
	snprintf(out->topic, sizeof(out->topic), "%s", c.topic);
	explicit_bzero(&c, sizeof(c));
	return ERR_OK;
}

static void
up_ready(void *arg)
{
	struct cloudd *me = arg;

	cloud_on_ready(&me->cloud);
	set_timer(me);
}

static void
up_message(void *arg, const char *topic, const uint8_t *payload, size_t len)
{
	struct cloudd *me = arg;

	cloud_on_message(&me->cloud, topic, payload, len);
	set_timer(me);
}

static void
up_published(void *arg, uint64_t token)
{
	struct cloudd *me = arg;

	cloud_on_published(&me->cloud, token);
	set_timer(me);
}

static void
up_down(void *arg, enum err why, int platform_code)
{
	struct cloudd *me = arg;

	cloud_on_down(&me->cloud, why, platform_code);
	set_timer(me);
	if (why == ERR_DIALER) {
		log_error(NULL, "no connection is possible without the dialer: restart needed");
		_exit(EX_OSERR); /* everything is durable */
	}
}

/* --- the gate --------------------------------------------------------------------------------- */

static void
gate_message(void *arg, struct bus_link *from, const Pb__Envelope *e)
{
	struct cloudd *me = arg;

	(void)from;
	cloud_on_gate_message(&me->cloud, e);
	set_timer(me);
}

static void
gate_up(void *arg, struct bus_link *link)
{
	struct cloudd *me = arg;

	(void)link;
	cloud_on_gate_up(&me->cloud);
	set_timer(me);
}

static void
gate_down(void *arg, struct bus_link *link)
{
	struct cloudd *me = arg;

	(void)link;
	log_warn(NULL, "the gate is away");
	cloud_on_gate_down(&me->cloud);
	set_timer(me);
}

static enum err
on_query(void *arg, const char *what, const char *argument, char **json)
{
	struct cloudd *me = arg;

	(void)argument;
	return cloud_show(&me->cloud, what, json);
}

static enum err
on_order(void *arg, const char *what, const char *argument, char **json)
{
	struct cloudd *me = arg;
	enum err e = cloud_act(&me->cloud, what, argument, json);

	set_timer(me);
	return e;
}

/* --- start and end ---------------------------------------------------------------------------- */

static enum err
check(const void *settings)
{
	return cloud_settings_check(settings);
}

/* Before we are locked in, and into a network of our own. */
static enum err
start_dialer(struct cloudd *me, const struct daemon *d)
{
	struct directory servers = {0};
	uid_t uid = d->common->cloud_uid;
	char path[260];

	snprintf(path, sizeof(path), "%s/subota-dialer", d->common->lib_dir);
	const struct dial_setup setup = {
	    .program = path, .mode = d->mode_text, .uid = uid, .gid = daemon_gid_of(uid)};
	enum err e = cloud_settings_servers(&me->settings, &servers);
	if (e == ERR_OK)
		return dial_start(&setup, &servers, &me->dialer);
	directory_fini(&servers);
	return e;
}

static enum err
prepare(const struct daemon_spec *s, struct daemon *d)
{
	struct cloudd *me = d->settings;
	char path[300];

	(void)s;
	daemon_credential(d, "secrets", me->settings.secrets_file, path);
	enum err e = secrets_load(path, &me->secrets);
	return e == ERR_OK ? start_dialer(me, d) : e;
}

static const char *
given(const char *text)
{
	return text[0] ? text : NULL;
}

static enum err
open_cloud(struct cloudd *me)
{
	const struct cloud_io io = {io_publish, io_subscribe, io_fail, io_reconnect, io_move,
	    io_to_gate, io_random, io_now, io_wall_ms, io_event, io_free_bytes, me};
	char path[300];

	snprintf(path, sizeof(path), "%s/cloudd.db", me->daemon->state_dir);
	me->open = true;
	return cloud_open(&me->cloud, &me->settings.identity, cloud_settings_profile(&me->settings),
	    &me->secrets, &io, path);
}

static enum err
open_uplink(struct cloudd *me)
{
	const struct cloud_settings *s = &me->settings;
	const struct uplink_handler handler = {
	    up_credentials, up_ready, up_message, up_published, up_down, me};

	me->link = (struct uplink_settings){.dialer = me->dialer,
	    .host = s->identity.host,
	    .port = (uint16_t)s->identity.port,
	    .tls = s->tls,
	    .lab = s->lab,
	    .ca_file = s->ca_file,
	    .server_name = given(s->server_name),
	    .crl_file = given(s->crl_file),
	    .spki_pin = given(s->spki_pin),
	    .tls12 = s->tls12,
	    .keepalive_s = (unsigned)(s->keepalive_ms / 1000),
	    .send_user_name = s->send_user_name};
	return uplink_new(me->daemon->loop, &me->link, &handler, &me->uplink);
}

static enum err
open_bus(struct cloudd *me)
{
	const struct daemon_common *c = me->daemon->common;
	const struct bus_handler handler = {gate_message, gate_up, gate_down, me};
	char path[108];

	daemon_socket_path(c, WHO_FETCHD, WHO_CLOUDD, path);
	enum err e = bus_connect(me->daemon->bus, WHO_FETCHD, path, &handler, &me->gate);
	if (e != ERR_OK)
		return e;
	e = daemon_control(me->daemon, WHO_CLOUDD, on_query, me);
	daemon_socket_path(c, WHO_CLOUDD, WHO_ACTOR, path);
	return e == ERR_OK ? bus_act(me->daemon->bus, path, on_order, me) : e;
}

static enum err
start(struct daemon *d)
{
	struct cloudd *me = d->settings;

	me->daemon = d;
	enum err e = open_uplink(me);
	if (e == ERR_OK)
		e = open_cloud(me);
	if (e == ERR_OK)
		e = open_bus(me);
	if (e != ERR_OK)
		return e;
	uplink_start(me->uplink);
	set_timer(me);
	return ERR_OK;
}

static void
stop(struct daemon *d)
{
	struct cloudd *me = d->settings;

	loop_timer_clear(d->loop, &me->timer);
	uplink_free(me->uplink);
	if (me->open)
		cloud_close(&me->cloud);
}

static void
places(const void *settings, struct places *out)
{
	const struct cloud_settings *s = settings;

	places_add(out, "$ca", "%s", s->ca_file);
	if (s->crl_file[0])
		places_add(out, "$ca", "%s", s->crl_file);
}

int
main(int argc, char **argv)
{
	AUTO(mem) struct cloudd *me = calloc(1, sizeof(*me));

	if (!me)
		return 71;
	struct conf_section sections[3];
	const struct conf_table table = cloud_settings_table(sections);
	const struct daemon_spec spec = {.name = "cloudd",
	    .summary = "The conversation with the platform. It has a dialer connect to the "
		       "platform's MQTT\nserver, connects to fetchd, and sees no image, no device "
		       "and no signing key.\n",
	    .who = WHO_CLOUDD,
	    .conf = &table,
	    .settings = me,
	    .common = &me->settings.common,
	    .uid_offset = offsetof(struct daemon_common, cloud_uid),
	    .check = check,
	    .prepare = prepare,
	    .start = start,
	    .stop = stop,
	    .places = places};
	int status = daemon_main(&spec, argc, argv);

	dial_free(me->dialer);
	explicit_bzero(&me->secrets, sizeof(me->secrets));
	return status;
}
