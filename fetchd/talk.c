/*
 * talk: see talk.h.
 */
#include <inttypes.h>
#include <string.h>

#include "drop.h"
#include "ports.h"
#include "redact.h"
#include "room.h"
#include "status.h"
#include "talk.h"

enum { RESEND_MS = 60000, REPORTS_AT_ONCE = 64 };

static void
step(struct upgrade *u, int event, const struct upgrade_news *news)
{
	struct subject s = upgrade_subject(u);

	if (upgrade_step(u, event, news) != ERR_OK)
		log_debug(&s, "%s means nothing in state %s", upgrade_table.events[event],
		    upgrade_table.states[u->state]);
}

/* --- sending ---------------------------------------------------------------------------------- */

/* Only what another time may help with stays: a message that the bus will never take must not stop
 * those behind it. */
static enum err
send_held(void *arg, Pb__Envelope *e)
{
	enum err err = bus_send(arg, e);

	return err == ERR_AGAIN || err == ERR_OFFLINE ? err : ERR_OK;
}

void
talk_flush(struct gate *g)
{
	if (bus_is_up(g->cloud))
		held_flush(&g->to_cloud, send_held, g->cloud);
	if (bus_is_up(g->flash))
		held_flush(&g->to_flash, send_held, g->flash);
}

bool
talk_is_stuck(const struct gate *g)
{
	return (g->to_cloud.due && bus_is_up(g->cloud)) || (g->to_flash.due && bus_is_up(g->flash));
}

/* Pass on, or keep until the neighbour is there and takes it. */
static void
pass_on(struct gate *g, struct bus_link *to, struct held *held, const Pb__Envelope *e)
{
	struct subject s = {.upgrade = e->upgrade};
	Pb__Envelope copy = *e;
	enum err err = ERR_OK;

	if (e->body_case != PB__ENVELOPE__BODY_PROGRESS)
		err = held_put(held, e);
	if ((err != ERR_OK || e->body_case == PB__ENVELOPE__BODY_PROGRESS) && bus_is_up(to))
		err = bus_send(to, &copy);
	if (err != ERR_OK)
		log_warn(&s, "cannot pass a %s on to %s: %s", route_kind_name((int)e->body_case),
		    who_name(bus_peer(to)), err_text(err));
	talk_flush(g);
}

void
talk_order(struct gate *g, struct upgrade *u)
{
	Pb__Device device = PB__DEVICE__INIT;
	Pb__FlashOrder o = PB__FLASH_ORDER__INIT;
	Pb__Envelope e = PB__ENVELOPE__INIT;
	struct image *i = book_image(&g->book, u->image);
	struct subject s = upgrade_subject(u);

	u->order_again = mono_after(clock_now(), UPGRADE_AGAIN_MS);
	if (!i || !i->has_digest || !image_is_settled(i) || !bus_is_up(g->flash))
		return;
	device.product_key = u->product_key;
	device.device_key = u->device_key;
	o.device = &device;
	o.component = u->component;
	o.target_version = u->target_version;
	o.manifest_digest = (ProtobufCBinaryData){sizeof(i->digest), i->digest};
	e.upgrade = u->id;
	e.body_case = PB__ENVELOPE__BODY_FLASH_ORDER;
	e.flash_order = &o;
	if (bus_send(g->flash, &e) != ERR_OK)
		log_debug(&s, "flashd does not take the order now");
}

static enum err
send_report(void *arg, const struct book_report *r)
{
	struct gate *g = arg;
	Pb__Device device = PB__DEVICE__INIT;
	Pb__Report report = PB__REPORT__INIT;
	Pb__Envelope e = PB__ENVELOPE__INIT;

	device.product_key = (char *)(uintptr_t)r->product_key;
	device.device_key = (char *)(uintptr_t)r->device_key;
	report.id = r->id;
	report.source = (char *)(uintptr_t) "fetchd";
	report.device = &device;
	report.phase = (Pb__Phase)r->phase;
	report.error = (uint32_t)r->error;
	report.detail = (char *)(uintptr_t)r->detail;
	e.upgrade = r->upgrade;
	e.body_case = PB__ENVELOPE__BODY_REPORT;
	e.report = &report;
	enum err err = bus_send(g->cloud, &e);
	if (err == ERR_OK)
		g->sent_report = r->id;
	return err;
}

/* What cloudd has not had since its link came up. */
void
talk_reports(struct gate *g)
{
	struct mono now = clock_now();

	if (mono_reached(now, g->resend_at)) {
		g->sent_report = 0;
		g->resend_at = mono_after(now, RESEND_MS);
	}
	if (!bus_is_up(g->cloud))
		return;
	if (book_each_report(&g->book, g->sent_report, REPORTS_AT_ONCE, send_report, g) != ERR_OK)
		log_debug(NULL, "cloudd does not take all reports now");
}

void
talk_progress(struct gate *g, const struct image *i)
{
	Pb__Progress p = PB__PROGRESS__INIT;
	Pb__Device device = PB__DEVICE__INIT;
	struct mono now = clock_now();
	unsigned budget = 8; /* a report: a fleet that waits for one image is served in turns */

	p.device = &device;
	p.phase = PB__PHASE__PHASE_FETCHING;
	p.done_bytes = i->done;
	p.total_bytes = i->size;
	p.bytes_per_second = i->rate;
	for (struct upgrade *u = g->book.upgrades; u && budget; u = u->next) {
		Pb__Envelope e = PB__ENVELOPE__INIT;

		if (u->image != i->id || u->state != UPGRADE_WAITING ||
		    !mono_reached(now, u->progress_at) || !bus_is_up(g->cloud))
			continue;
		device.product_key = u->product_key;
		device.device_key = u->device_key;
		e.upgrade = u->id;
		e.body_case = PB__ENVELOPE__BODY_PROGRESS;
		e.progress = &p;
		u->progress_at = mono_after(now, 1000);
		budget--;
		if (bus_send(g->cloud, &e) != ERR_OK)
			return;
	}
}

/* --- from the cloud's side -------------------------------------------------------------------- */

static enum err
refuse_port(const struct settings *s, const char *url, char *why, size_t size)
{
	unsigned port = ports_of_url(url);
	struct ports ports;

	if (ports_parse(s->package_ports, s->allow_http, &ports, NULL) == ERR_OK &&
	    ports_has(&ports, port))
		return ERR_OK;
	snprintf(why, size, "expected a port of package_ports (%.80s), got %u: %.60s",
	    s->package_ports[0] ? s->package_ports
	    : s->allow_http     ? "443 80"
				: "443",
	    port, url);
	return ERR_URL;
}

static enum err
refuse_url(struct gate *g, const char *url, char *why, size_t size)
{
	bool https = strncasecmp(url, "https://", 8) == 0;
	bool http = strncasecmp(url, "http://", 7) == 0;

	if (!https && !(http && g->settings->allow_http)) {
		snprintf(why, size, "expected an https address, got %.100s", url);
		return ERR_URL;
	}
	if (strlen(url) > IMAGE_URL_MAX) {
		snprintf(why, size, "expected a shorter address, got one of %zu", strlen(url));
		return ERR_INVALID;
	}
	return refuse_port(g->settings, url, why, size);
}

static enum err
refuse_order(struct gate *g, const Pb__FetchOrder *o, char *why, size_t size)
{
	enum err e = refuse_url(g, o->url, why, size);

	for (size_t i = 0; i < o->n_files && e == ERR_OK; i++)
		e = refuse_url(g, o->files[i]->url, why, size);
	if (e != ERR_OK) {
		redact_addresses(why); /* goes into logs */
		return e;
	}
	if (o->size == 0) {
		snprintf(why, size, "expected a size, got 0");
		return ERR_INVALID;
	}
	if (o->size > g->settings->max_package) {
		snprintf(why, size, "expected at most %" PRIu64 " bytes, got %" PRIu64,
		    g->settings->max_package, o->size);
		return ERR_LIMIT;
	}
	return ERR_OK;
}

static struct image *
find_image(struct gate *g, const Pb__FetchOrder *o)
{
	for (struct image *i = g->book.images; i; i = i->next)
		if (i->state != IMAGE_FAILED && image_fits(i, o))
			return i;
	return NULL;
}

static struct image *
need_image(struct gate *g, const Pb__FetchOrder *o)
{
	struct image fresh, *i = find_image(g, o);

	if (i && i->state == IMAGE_PARTIAL)
		image_move(i, o);
	if (i)
		return i;
	if (image_init(&fresh, o) == ERR_OK && book_add_image(&g->book, &fresh, &i) == ERR_OK)
		return i;
	image_fini(&fresh);
	return NULL;
}

static void
on_fetch_order(struct gate *g, const Pb__Envelope *e)
{
	const Pb__FetchOrder *o = e->fetch_order;
	struct upgrade fresh, *u = book_upgrade(&g->book, e->upgrade);
	char why[UPGRADE_DETAIL_MAX] = "";
	struct image *i = NULL;

	if (u) {
		step(u, UPGRADE_REPEATED, NULL);
		return;
	}
	struct upgrade_news n = {refuse_order(g, o, why, sizeof(why)), why};
	if (n.error == ERR_OK && !(i = need_image(g, o)))
		n = (struct upgrade_news){ERR_LIMIT, "too many packages at the same time"};
	upgrade_init(&fresh, e->upgrade, i ? i->id : 0, o);
	struct subject s = upgrade_subject(&fresh);
	if (book_add_upgrade(&g->book, &fresh, &u) != ERR_OK) {
		log_error(&s, "too many upgrades at the same time, order dropped");
		return;
	}
	if (n.error != ERR_OK) {
		log_warn(&s, "order refused: %s", n.detail);
		step(u, UPGRADE_IMAGE_FAILED, &n);
	} else if (image_step(i, IMAGE_ORDERED, NULL) != ERR_OK) {
		log_error(&s, "image %" PRIu64 " cannot be ordered", i->id);
	} else if (i->state == IMAGE_QUEUED) {
		downloads_make_ready(g->downloads); /* it starts while the order is made durable */
	}
}

static void
on_cancel(struct gate *g, const Pb__Envelope *e)
{
	struct upgrade *u = book_upgrade(&g->book, e->upgrade);

	held_drop(&g->to_flash, PB__ENVELOPE__BODY_PLAN_OFFER, e->upgrade);
	if (u)
		step(u, UPGRADE_CANCEL, NULL);
	if (!u || u->effects & UPGRADE_PASS_ON)
		pass_on(g, g->flash, &g->to_flash, e);
}

/* A report of flashd's goes on to cloudd at once, also when the disk is full. Its acknowledgement
 * waits until what the report means here is durable: else flashd would never say it again. */
static void
on_ack(struct gate *g, const Pb__Envelope *e)
{
	bool ours = strcmp(e->report_ack->source, "fetchd") == 0;

	if (!ours && gate_is_unsettled(g))
		log_info(NULL, "an acknowledgement waits until the record is safe");
	else if (!ours)
		pass_on(g, g->flash, &g->to_flash, e);
	else if (book_drop_report(&g->book, e->report_ack->id) != ERR_OK)
		log_warn(NULL, "cannot forget an acknowledged report");
}

static void
on_cloud_message(void *arg, struct bus_link *from, const Pb__Envelope *e)
{
	struct gate *g = arg;

	(void)from;
	switch ((int)e->body_case) {
	case PB__ENVELOPE__BODY_FETCH_ORDER:
		on_fetch_order(g, e);
		break;
	case PB__ENVELOPE__BODY_CANCEL:
		on_cancel(g, e);
		break;
	case PB__ENVELOPE__BODY_REPORT_ACK:
		on_ack(g, e);
		break;
	case PB__ENVELOPE__BODY_PLAN_OFFER: /* its order comes soon, if all goes well */
		pass_on(g, g->flash, &g->to_flash, e);
		downloads_make_ready(g->downloads);
		break;
	default: /* LinkState: the route table lets nothing else in */
		pass_on(g, g->flash, &g->to_flash, e);
	}
	gate_settle(g);
}

static void
on_cloud_up(void *arg, struct bus_link *link)
{
	struct gate *g = arg;

	(void)link;
	held_again(&g->to_cloud);
	talk_flush(g);
	g->sent_report = 0;
	g->resend_at = mono_after(clock_now(), RESEND_MS);
	gate_settle(g);
}

/* flashd shall know that the platform cannot be reached, whoever is to blame. */
static void
on_cloud_down(void *arg, struct bus_link *link)
{
	struct gate *g = arg;
	Pb__LinkState state = PB__LINK_STATE__INIT;
	Pb__Envelope e = PB__ENVELOPE__INIT;

	(void)link;
	e.body_case = PB__ENVELOPE__BODY_LINK_STATE;
	e.link_state = &state;
	pass_on(g, g->flash, &g->to_flash, &e);
}

/* --- from the devices' side ------------------------------------------------------------------- */

/* flashd found the entry unusable: the next order after its last upgrade fetches it again. */
static bool
blames_the_image(uint32_t error)
{
	return error == ERR_TOCTOU || error == ERR_DIGEST || error == ERR_NOT_FOUND ||
	       error == ERR_CORRUPT || error == ERR_FRAME;
}

static void
on_flash_report(struct gate *g, const Pb__Envelope *e)
{
	struct upgrade *u = book_upgrade(&g->book, e->upgrade);
	struct image *i = u ? book_image(&g->book, u->image) : NULL;
	bool over = upgrade_is_end(e->report->phase);

	if (!u)
		return;
	if (i && e->report->phase == PB__PHASE__PHASE_DONE) {
		i->good = i->changed = true;
		i->used_at = clock_wall_ms();
	}
	step(u, over ? UPGRADE_OVER : UPGRADE_HEARD, NULL);
	if (over && i && blames_the_image(e->report->error))
		room_blame(g, i); /* others of a group end a moment later */
	if (!over || !i || i->state != IMAGE_READY || !i->blamed || room_is_wanted(g, i))
		return;
	log_warn(NULL, "image %" PRIu64 ": flashd found it unusable, dropped", i->id);
	u->image = 0;
	if (room_drop_entry(g, i) != ERR_OK)
		log_warn(NULL, "cannot forget an image");
}

/* A person's upgrade (drop.h): cloudd hears nothing of it, so the acknowledgement is ours. */
static bool
is_local(const struct gate *g, const Pb__Envelope *e)
{
	const struct upgrade *u = e->upgrade ? book_upgrade(&g->book, e->upgrade) : NULL;

	return u && u->local;
}

static void
on_local_message(struct gate *g, const Pb__Envelope *e)
{
	Pb__ReportAck ack = PB__REPORT_ACK__INIT;
	Pb__Envelope out = PB__ENVELOPE__INIT;

	if (e->body_case != PB__ENVELOPE__BODY_REPORT)
		return;
	on_flash_report(g, e);
	gate_settle(g);
	if (gate_is_unsettled(g)) /* it is said again */
		return;
	ack.id = e->report->id;
	ack.source = e->report->source;
	out.body_case = PB__ENVELOPE__BODY_REPORT_ACK;
	out.report_ack = &ack;
	pass_on(g, g->flash, &g->to_flash, &out);
}

static void
on_flash_message(void *arg, struct bus_link *from, const Pb__Envelope *e)
{
	struct gate *g = arg;

	(void)from;
	if (is_local(g, e)) {
		on_local_message(g, e);
		return;
	}
	switch ((int)e->body_case) {
	case PB__ENVELOPE__BODY_REPORT:
		pass_on(g, g->cloud, &g->to_cloud, e);
		on_flash_report(g, e);
		gate_settle(g);
		break;
	default: /* DeviceReport, PlanVerdict, Progress */
		if (e->body_case == PB__ENVELOPE__BODY_PLAN_VERDICT)
			held_drop(&g->to_flash, PB__ENVELOPE__BODY_PLAN_OFFER, e->upgrade);
		pass_on(g, g->cloud, &g->to_cloud, e);
		if (talk_is_stuck(g))
			gate_settle(g); /* so that it is tried again soon */
	}
}

static void
on_flash_up(void *arg, struct bus_link *link)
{
	struct gate *g = arg;

	(void)link;
	/* it tells of all its devices anew; one that it does not know any more has gone */
	held_drop(&g->to_cloud, PB__ENVELOPE__BODY_DEVICE_REPORT, 0);
	held_again(&g->to_flash);
	talk_flush(g);
	for (struct upgrade *u = g->book.upgrades; u; u = u->next)
		if (u->state == UPGRADE_ORDERED || u->state == UPGRADE_TAKEN)
			step(u, UPGRADE_DUE, NULL);
	gate_settle(g);
}

static void
on_flash_down(void *arg, struct bus_link *link)
{
	(void)arg;
	(void)link;
	log_warn(NULL, "flashd is away");
}

/* --- links ------------------------------------------------------------------------------------ */

enum err
talk_open(struct gate *g)
{
	const struct daemon_common *c = &g->settings->common;
	struct bus_handler cloud = {on_cloud_message, on_cloud_up, on_cloud_down, g};
	struct bus_handler flash = {on_flash_message, on_flash_up, on_flash_down, g};
	char path[108];

	daemon_socket_path(c, WHO_FETCHD, WHO_CLOUDD, path);
	enum err e = bus_bind(g->daemon->bus, WHO_CLOUDD, c->cloud_uid, path, &cloud, &g->cloud);
	if (e != ERR_OK)
		return e;
	daemon_socket_path(c, WHO_FLASHD, WHO_FETCHD, path);
	e = bus_connect(g->daemon->bus, WHO_FLASHD, path, &flash, &g->flash);
	if (e != ERR_OK)
		return e;
	e = daemon_control(g->daemon, WHO_FETCHD, status_on_query, g);
	daemon_socket_path(c, WHO_FETCHD, WHO_ACTOR, path);
	return e == ERR_OK ? bus_act(g->daemon->bus, path, drop_on_order, g) : e;
}
