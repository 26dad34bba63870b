/*
 * works: see works.h.
 */
#include <inttypes.h>
#include <string.h>

#include "drop.h"
#include "room.h"
#include "sweep.h"
#include "talk.h"
#include "works.h"

enum { SLICE_BYTES = 4 * 1024 * 1024 };

static void
step(struct image *i, int event, const struct image_news *news)
{
	if (image_step(i, event, news) != ERR_OK)
		log_debug(NULL, "image %" PRIu64 ": %s means nothing in its state", i->id,
		    image_table.events[event]);
}

/* --- couriers -------------------------------------------------------------------------------- */

static void
fail_start(struct gate *g, struct image *i, enum err e, const char *detail)
{
	struct image_news n = {.error = e, .detail = detail, .now = clock_now()};

	(void)g;
	step(i, IMAGE_BROKEN, &n);
}

static void
start_courier(struct gate *g, struct image *i)
{
	const struct settings *s = g->settings;
	Pb__CourierOrder o = PB__COURIER_ORDER__INIT;
	AUTO(fd) int fd = -1;
	uint64_t length = 0;
	enum err e = store_incoming_open(g->store, i->id, &fd, &length);

	if (e != ERR_OK) {
		fail_start(g, i, e, store_why(g->store));
		return;
	}
	e = store_incoming_lock(fd);
	if (e != ERR_OK) {
		fail_start(g, i, e, "a courier of an earlier run still writes to the file");
		return;
	}
	i->done = image_offset(i, length, g->boot_id);
	image_find_file(i);
	struct image_span span = image_span(i);

	o.url = (char *)(uintptr_t)span.url;
	o.size = span.size;
	o.begins_at = span.base;
	o.offset = i->done - span.base;
	snprintf(i->boot_id, sizeof(i->boot_id), "%s", g->boot_id); /* not before: see image.h */
	i->changed = true;
	o.etag = o.offset ? i->validator : (char *)(uintptr_t) "";
	/* one digest is enough, and MD5 is the slower one */
	o.md5 = (ProtobufCBinaryData){
	    span.md5 ? sizeof(i->md5) : 0, (uint8_t *)(uintptr_t)span.md5};
	o.sha256 = (ProtobufCBinaryData){i->has_sha256 ? sizeof(i->sha256) : 0, i->sha256};
	o.allow_http = s->allow_http;
	o.allow_private_hosts = s->allow_private_hosts;
	o.hosts = g->hosts;
	o.n_hosts = g->n_hosts;
	o.redirect_hosts = g->redirects;
	o.n_redirect_hosts = g->n_redirects;
	o.ca_file = (char *)(uintptr_t)s->ca_file;
	o.connect_timeout_ms = (uint32_t)s->connect_timeout_ms;
	o.low_speed_bytes = (uint32_t)s->low_speed;
	o.low_speed_seconds = (uint32_t)(s->low_speed_ms / 1000);
	o.total_seconds = (uint32_t)(s->total_ms / 1000);
	o.mark_bytes = s->mark_bytes;
	i->start_offset = i->done;
	e = downloads_start(g->downloads, i->id, fd, &o);
	if (e != ERR_OK)
		fail_start(g, i, e, "cannot start a courier");
	else
		log_info(NULL, "image %" PRIu64 ": fetching %" PRIu64 " bytes from offset %" PRIu64,
		    i->id, i->size, i->done);
}

void
works_start_queued(struct gate *g)
{
	for (struct image *i = g->book.images; i; i = i->next) {
		if (i->state != IMAGE_QUEUED || !mono_reached(clock_now(), i->next_try) ||
		    downloads_has(g->downloads, i->id) || (drop_is(i) && drop_is_busy(g)))
			continue;
		if (downloads_count(g->downloads) >= g->settings->parallel)
			return;
		enum err e = room_make(g, i->size - i->done);
		step(i, IMAGE_START, NULL);
		if (e != ERR_OK) {
			i->effects &= ~(unsigned)IMAGE_DO_FETCH;
			fail_start(g, i, e, "no room for the package in the store");
		}
		return; /* settled first, the next one in the next round */
	}
}

bool
works_is_waiting(const struct gate *g)
{
	for (const struct image *i = g->book.images; i; i = i->next)
		if (i->state == IMAGE_QUEUED || i->state == IMAGE_FAILED)
			return true;
	return false;
}

/* --- what couriers say ------------------------------------------------------------------------ */

static void
refuse(struct gate *g, struct image *i, int event, enum err e, const char *why)
{
	char detail[IMAGE_DETAIL_MAX + 1];
	struct image_news n = {.error = e, .detail = detail, .now = clock_now()};
	struct event ev = {.name = "image_refused", .error = e, .text = detail};

	snprintf(detail, sizeof(detail), "%s%s%s",
	    e == ERR_UNSIGNED ? "expected a signed bundle (unsigned packages are refused), got: "
			      : "",
	    *why ? why : err_text(e), "");
	log_warn(NULL, "image %" PRIu64 ": refused, %s: %s", i->id, err_name(e), detail);
	event_write(g->daemon->events, &ev);
	step(i, event, &n);
}

void
works_judge_head(struct gate *g, struct image *i)
{
	struct trust_time time = gate_time(g);
	struct checked c = {0};
	AUTO(fd) int fd = -1;
	uint64_t length = 0;

	if (i->head_judged || store_incoming_open(g->store, i->id, &fd, &length) != ERR_OK)
		return;
	enum err e = check_head(g->trust, &time, fd, length, &c);
	if (e == ERR_TRUNCATED)
		return;
	i->head_judged = true;
	if (e == ERR_OK) {
		memcpy(i->digest, c.head->digest, sizeof(i->digest));
		i->has_digest = true;
		i->changed = true;
		book_set_bound(&g->book, trust_bound_ms(g->trust));
		clock_alarm_check(&g->clock, g->daemon->events, book_bound(&g->book));
		follow_head(g, i, &c);
	} else {
		refuse(g, i, IMAGE_BAD_HEAD, e, c.why);
	}
	checked_fini(&c);
}

/* Bytes are durable only when the file's name is. That is seen to at the first mark, not before the
 * courier starts: until then nothing is lost with the name. */
static enum err
keep_name(struct gate *g, const struct image *i, uint64_t durable_before)
{
	return durable_before == 0 && i->durable > 0 ? store_incoming_sync(g->store) : ERR_OK;
}

static void
on_report(void *arg, uint64_t job, const Pb__CourierReport *r)
{
	struct gate *g = arg;
	struct image *i = book_image(&g->book, job);
	char validator[IMAGE_VALIDATOR_MAX + 1];
	uint64_t durable = i ? i->durable : 0;

	if (!i || i->state != IMAGE_FETCHING)
		return;
	snprintf(validator, sizeof(validator), "%s", i->validator);
	uint64_t before = i->done;
	if (image_take_report(i, r) != ERR_OK) {
		log_error(NULL, "image %" PRIu64 ": a courier reported nonsense", i->id);
		downloads_stop(g->downloads, job);
		return;
	}
	if (keep_name(g, i, durable) != ERR_OK)
		i->durable = 0;
	if (i->done < before) { /* begun anew */
		i->head_judged = false;
		follow_drop(g, i->id);
	}
	/* a record per mark, and one for the validator: not one per report */
	i->changed |= i->durable != durable || strcmp(i->validator, validator) != 0;
	image_note_rate(i, clock_now());
	follow_growth(g, i);
	works_judge_head(g, i);
	talk_progress(g, i);
	gate_settle(g);
}

static int
end_event(const struct image *i, enum err e)
{
	if (e != ERR_OK)
		return IMAGE_BROKEN;
	return i->file + 1 < i->n_files ? IMAGE_CONTINUES : IMAGE_COMPLETE;
}

static void
on_end(void *arg, uint64_t job, const Pb__CourierReport *final)
{
	struct gate *g = arg;
	struct image *i = book_image(&g->book, job);
	struct image_news n = {.error = ERR_COURIER,
	    .detail = "the courier ended without a last report",
	    .now = clock_now()};
	uint64_t durable = i ? i->durable : 0;

	if (i && i->state == IMAGE_FETCHING) {
		if (final && image_take_report(i, final) != ERR_OK) {
			n.detail = "the courier's last report contradicts its order";
		} else if (keep_name(g, i, durable) != ERR_OK) {
			i->durable = 0;
			n.error = ERR_SYSTEM;
			n.detail = "the package cannot be made durable";
		} else if (final) {
			n.error = (enum err) final->error;
			n.detail = final->detail;
			n.http_status = final->http_status;
		}
		n.progressed = i->done > i->start_offset;
		step(i, end_event(i, n.error), &n);
		if (i->state == IMAGE_PARTIAL)
			i->used_at = clock_wall_ms();
		if (n.error != ERR_OK)
			log_warn(
			    NULL, "image %" PRIu64 ": %s: %s", i->id, err_name(n.error), n.detail);
	}
	gate_settle(g);
}

static void
on_lost(void *arg)
{
	(void)arg;
	/* It cannot be started again without the privileges that are gone: a restart will.
	 * Everything is durable. */
	log_error(NULL, "the nursery died, nothing can be fetched: restart needed");
	_exit(71);
}

struct download_handler
works_handler(struct gate *g)
{
	return (struct download_handler){on_report, on_end, on_lost, g};
}

/* --- verification ----------------------------------------------------------------------------- */

void
works_stop(struct gate *g)
{
	loop_timer_clear(g->daemon->loop, &g->slice);
	check_free(g->check);
	g->check = NULL;
	checked_fini(&g->checked);
	if (g->check_fd >= 0)
		close(g->check_fd);
	g->check_fd = -1;
	g->check_job = 0;
}

/* What lay in the store had been verified before a restart: whatever is wrong with it now is the
 * disk's fault or ours, and a fresh copy helps. */
static void
lose_entry(struct gate *g, struct image *i, enum err e)
{
	struct image_news lost = {.error = e, .detail = "", .now = clock_now()};

	log_warn(NULL, "image %" PRIu64 ": a restart left no good entry: %s", i->id, err_text(e));
	store_drop(g->store, i->digest);
	step(i, IMAGE_LOST, &lost);
}

static void
end_check(struct gate *g, struct image *i, enum err e, const char *why)
{
	if (e == ERR_OK && !g->check_stored) {
		e = store_publish(g->store, i->id, i->digest);
		why = store_why(g->store);
	}
	if (e == ERR_OK) {
		i->used_at = clock_wall_ms();
		log_info(NULL, "image %" PRIu64 ": verified, signed by %s, release %s", i->id,
		    g->checked.manifest->publisher, g->checked.manifest->release_id);
		step(i, IMAGE_GOOD, NULL);
	} else if (g->check_stored) {
		lose_entry(g, i, e);
	} else {
		refuse(g, i, IMAGE_BAD, e, why);
	}
	works_stop(g);
}

static void
on_slice(void *arg)
{
	struct gate *g = arg;
	struct image *i = book_image(&g->book, g->check_job);
	char why[WHY_SIZE] = "";
	enum err e = i ? check_step(g->check, SLICE_BYTES, why) : ERR_CANCELLED;

	if (e == ERR_AGAIN) {
		loop_timer_set(g->daemon->loop, &g->slice, clock_now(), on_slice, g);
		return;
	}
	if (i)
		end_check(g, i, e, why);
	else
		works_stop(g);
	gate_settle(g);
}

/* The file to verify: the incoming one, or, when a restart came between publishing and recording,
 * the store's. */
static enum err
open_for_check(struct gate *g, struct image *i, uint64_t *size)
{
	enum err e = store_incoming_open(g->store, i->id, &g->check_fd, size);

	g->check_stored = false;
	if (e != ERR_OK || *size == i->size)
		return e;
	close(hand_over_fd(&g->check_fd));
	store_incoming_drop(g->store, i->id);
	g->check_stored = true;
	return i->has_digest ? store_bundle_open(g->store, i->digest, &g->check_fd, size)
			     : ERR_NOT_FOUND;
}

static void
start_check(struct gate *g, struct image *i)
{
	struct trust_time time = gate_time(g);
	char why[WHY_SIZE] = "";
	uint64_t size = 0;

	bool changed = i->changed;
	step(i, IMAGE_CHECK, NULL);
	i->changed = changed; /* no record of its own: a restart verifies a FETCHED one as well */
	g->check_job = i->id;
	enum err e = open_for_check(g, i, &size);
	if (e != ERR_OK && !g->check_stored)
		snprintf(why, sizeof(why), "%s", store_why(g->store));
	if (e == ERR_OK && size != i->size)
		e = ERR_SIZE;
	if (e == ERR_OK) {
		e = check_head(g->trust, &time, g->check_fd, size, &g->checked);
		snprintf(why, sizeof(why), "%s", g->checked.why);
	}
	if (e == ERR_TRUNCATED)
		e = ERR_FRAME;
	if (e == ERR_OK) {
		memcpy(i->digest, g->checked.head->digest, sizeof(i->digest));
		i->has_digest = i->changed = true;
		g->check = follow_take(g, i->id);
		e = g->check ? check_complete(g->check, g->check_fd, size, &g->checked, why)
			     : check_new(g->check_fd, size, &g->checked, &g->check, why);
	}
	if (e == ERR_OK)
		loop_timer_set(g->daemon->loop, &g->slice, clock_now(), on_slice, g);
	else
		end_check(g, i, e, why);
}

void
works_check_next(struct gate *g)
{
	for (struct image *i = g->book.images; i && !g->check_job; i = i->next)
		if (i->state == IMAGE_FETCHED && !downloads_has(g->downloads, i->id))
			start_check(g, i);
}

enum err
works_open_ready(struct gate *g, const struct image *i, struct checked *out)
{
	struct trust_time time = gate_time(g);
	AUTO(fd) int fd = -1;
	uint64_t size = 0;
	enum err e = store_bundle_open(g->store, i->digest, &fd, &size);

	*out = (struct checked){0};
	if (e != ERR_OK || size != i->size)
		return ERR_CORRUPT;
	e = check_head(g->trust, &time, fd, size, out);
	if (e != ERR_OK)
		return e == ERR_TRUNCATED || e == ERR_FRAME ? ERR_CORRUPT : e;
	if (memcmp(out->head->digest, i->digest, sizeof(i->digest)) == 0)
		return ERR_OK;
	checked_fini(out);
	return ERR_CORRUPT;
}

/* --- effects ---------------------------------------------------------------------------------- */

void
works_carry_out(struct gate *g, struct image *i)
{
	unsigned todo = i->effects;

	i->effects = 0;
	if (todo & (IMAGE_DO_STOP | IMAGE_DO_CLEAR))
		drop_stop(g, i);
	if (todo & IMAGE_DO_STOP)
		downloads_stop(g->downloads, i->id);
	if (todo & IMAGE_DO_CLEAR) {
		follow_drop(g, i->id);
		store_incoming_drop(g->store, i->id);
	}
	if (todo & IMAGE_DO_FETCH && drop_is(i))
		drop_start(g, i);
	else if (todo & IMAGE_DO_FETCH)
		start_courier(g, i);
}

void
works_release(struct gate *g, struct image *i)
{
	if (book_users(&g->book, i->id))
		return;
	if (i->state == IMAGE_QUEUED || i->state == IMAGE_FETCHING)
		step(i, IMAGE_UNWANTED, NULL);
	if (i->state != IMAGE_FAILED)
		return;
	downloads_stop(g->downloads, i->id);
	drop_stop(g, i);
	store_incoming_drop(g->store, i->id);
	if (book_drop_image(&g->book, i) != ERR_OK)
		log_warn(NULL, "cannot forget an image");
}

void
works_forget_failed(struct gate *g)
{
	for (struct image *i = g->book.images, *next; i; i = next) {
		next = i->next;
		if (i->changed || i->effects)
			continue;
		if (i->state == IMAGE_FAILED)
			works_release(g, i);
		else if (room_is_stale(i) && !book_users(&g->book, i->id))
			room_forget(g, i);
	}
}

/* --- after a start ---------------------------------------------------------------------------- */

/* The record may know of bytes that are not there: published before that was recorded, or removed.
 * Room has to be made for them, too. */
static void
count_bytes(struct gate *g, struct image *i)
{
	uint64_t there = store_incoming_length(g->store, i->id);

	if (i->done > there)
		i->done = there;
}

void
works_restart(struct gate *g)
{
	sweep_store(g);
	for (struct image *i = g->book.images, *next; i; i = next) {
		AUTO(fd) int fd = -1;
		uint64_t size = 0;

		next = i->next;
		if (i->state != IMAGE_READY) {
			count_bytes(g, i);
			if (image_step(i, IMAGE_RESTARTED, NULL) == ERR_OK)
				i->changed = true;
		} else if (store_bundle_open(g->store, i->digest, &fd, &size) != ERR_OK ||
			   size != i->size) {
			log_warn(NULL, "image %" PRIu64 ": its entry in the store is gone", i->id);
			store_drop(g->store, i->digest); /* or damaged: it must not stay */
			step(i, IMAGE_LOST, NULL);
		}
		if (i->state != IMAGE_READY)
			works_release(g, i);
	}
}
