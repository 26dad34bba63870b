/*
 * smp_write: how an image gets into the other slot: is it one, how long may messages be, what the
 * answers to its pieces mean. The window itself is smp_upload.c.
 */
#include <stdio.h>
#include <string.h>

#include "smp_state.h"

enum {
	PROBE_ABOVE = 380, /* messages up to the smallest stock buffer need no probe */
	ECHO_HEAD = 14,
	MESSAGE_LEAST = SMP_MSG_FIRST + SMP_UPLOAD_ALIGN,
};

static void
begin_upload(struct smp *s, struct mono now)
{
	/* without marks the next message would fill up a torn one, and be believed */
	bool one = !s->framing->marked || s->recovery.on;
	uint32_t buffers = !one && s->buf_count > 1 ? s->buf_count - 1 : 1;
	struct smp_upload_limits l = {
	    .first_chunk = (s->message - SMP_MSG_FIRST) / SMP_UPLOAD_ALIGN * SMP_UPLOAD_ALIGN,
	    .chunk = (s->message - SMP_MSG_NEXT) / SMP_UPLOAD_ALIGN * SMP_UPLOAD_ALIGN,
	    .window = buffers < s->config.window ? buffers : s->config.window,
	    .first_reply_ms = s->config.first_reply_ms,
	    .reply_ms = s->config.reply_ms,
	    .stalls = s->config.retries,
	};

	smp_upload_init(&s->upload, &l, s->job.image->size);
	s->step = SMP_STEP_UPLOAD;
	s->poke_due = mono_after(now, s->config.reply_ms);
}

/* The longest message: what params say less the framing, what the option allows. Params speak for
 * the whole server, so a long one is tried with an echo before an image depends on it. */
static void
find_message(struct smp *s, struct mono now)
{
	uint32_t said = s->config.message_unsaid;

	if (s->buf_size > s->framing->overhead)
		said = s->buf_size - (uint32_t)s->framing->overhead;
	s->try_message = said < s->config.max_message ? said : s->config.max_message;
	if (s->try_message > s->framing->most)
		s->try_message = (uint32_t)s->framing->most;
	if (s->try_message < MESSAGE_LEAST) {
		smp_finish(s, ERR_UNSUPPORTED, "expected buffers of at least %d bytes, got %u",
		    MESSAGE_LEAST + 4, s->buf_size);
		return;
	}
	if (s->message != 0 && s->message <= s->try_message) {
		begin_upload(s, now);
	} else if (s->try_message <= PROBE_ABOVE) {
		s->message = s->try_message;
		begin_upload(s, now);
	} else {
		smp_ask(s, SMP_STEP_SIZE, now);
	}
}

/* --- room ------------------------------------------------------------------------------------ */

size_t
smp_write_format_room(struct smp *s, const struct smp_to *to)
{
	(void)s;
	return smp_msg_slots(to);
}

void
smp_write_begin(struct smp *s, struct mono now)
{
	if (s->room_asked) {
		find_message(s, now);
		return;
	}
	s->room_asked = true;
	smp_ask(s, SMP_STEP_ROOM, now);
}

/* The slot that an upload goes to: the one that says so, else by the rules
 * (spec/device-protocols.md 2.5): a recovery's first one, an application's that does not run. NULL
 * when it is not told. */
static const struct smp_room *
goal(const struct smp *s, const struct smp_slot *image)
{
	const struct smp_slot *active = smp_slots_active(s, &s->list);
	const struct smp_room *guess = NULL;

	for (unsigned i = 0; i < image->n_rooms; i++) {
		const struct smp_room *r = &image->rooms[i];

		if (r->has_upload_id && r->upload_id == s->config.image)
			return r;
		if (!guess && (s->recovery.on || (active && r->slot != active->slot)))
			guess = r;
	}
	return guess;
}

/* A server without the command (it is optional) refuses the image itself, later. */
void
smp_write_on_room(struct smp *s, struct mono now)
{
	for (unsigned i = 0; s->answer.rc == 0 && i < s->answer.n_images; i++) {
		const struct smp_slot *image = &s->answer.images[i];
		const struct smp_room *room = goal(s, image);
		uint64_t most = image->longest ? image->longest : room ? room->size : 0;

		if (image->image != s->config.image || most == 0 || s->job.image->size <= most)
			continue;
		smp_finish(s, ERR_SPACE, "expected an image of at most %llu bytes, got %llu",
		    (unsigned long long)most, (unsigned long long)s->job.image->size);
		return;
	}
	find_message(s, now);
}

void
smp_write_room_silent(struct smp *s, struct mono now)
{
	find_message(s, now);
}

/* --- message size ---------------------------------------------------------------------------- */

size_t
smp_write_format_size(struct smp *s, const struct smp_to *to)
{
	/* short texts have a shorter head; the message is then a little shorter than tried */
	return smp_msg_echo(to, s->try_message - ECHO_HEAD);
}

/* Any answer, also "not supported", proves that the request arrived. */
void
smp_write_on_size(struct smp *s, struct mono now)
{
	s->message = s->try_message;
	begin_upload(s, now);
}

void
smp_write_size_silent(struct smp *s, struct mono now)
{
	static const uint32_t usual[] = {2044, 1020, 508, PROBE_ABOVE};

	for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++) {
		if (usual[i] >= s->try_message)
			continue;
		s->try_message = usual[i];
		if (usual[i] <= PROBE_ABOVE)
			break;
		smp_ask(s, SMP_STEP_SIZE, now);
		return;
	}
	s->message = s->try_message;
	begin_upload(s, now);
}

static void
no_slot(struct smp *s, struct mono now)
{
	const struct smp_slot *other = smp_slots_other(s, &s->list);

	if (s->recovery.on) { /* it has no erase, and no other slot */
		smp_rejected(s, "upload");
		return;
	}
	if (!s->erased && other && !other->pending &&
	    !smp_slots_on_trial(smp_slots_active(s, &s->list))) {
		s->erased = true;
		smp_ask(s, SMP_STEP_ERASE, now);
		return;
	}
	smp_finish(s, ERR_DEVICE_STATE, "expected a free slot, got one with %s, %s",
	    other ? other->version : "an unknown image",
	    other && other->pending ? "pending" : "while the running image is on test");
}

static void
upload_trouble(struct smp *s, struct mono now)
{
	const struct smp_answer *a = &s->answer;
	bool again = smp_msg_failed_with(a, SMP_RC_NOMEM, 0) ||
		     smp_msg_failed_with(a, SMP_RC_BUSY, 0) ||
		     smp_msg_failed_with(a, SMP_RC_TIMEOUT, 0);
	bool occupied = smp_msg_failed_with(a, SMP_RC_NOENT, 9) ||
			smp_msg_failed_with(a, SMP_RC_BADSTATE, 28);

	if (!smp_upload_knows(&s->upload, a->header.seq))
		return;
	if (again) {
		if (smp_upload_refused(&s->upload, a->header.seq, now))
			smp_rejected(s, "upload");
	} else if (occupied && s->upload.acked == 0) {
		no_slot(s, now);
	} else {
		smp_rejected(s, "upload");
		if (smp_msg_failed_with(a, 0, 30))
			s->result.error = ERR_SPACE;
	}
}

/* A server forgets an upload with its last piece. When that answer was lost, the piece sent again
 * is answered with offset 0: before all is sent once more, the list may know. */
static void
look_if_done(struct smp *s, struct mono now)
{
	s->maybe_done = true;
	smp_ask(s, SMP_STEP_CHECK, now);
}

void
smp_write_go_on(struct smp *s, struct mono now)
{
	s->step = SMP_STEP_UPLOAD;
	s->ask = (struct smp_exchange){0};
	s->poke_due = mono_after(now, s->config.reply_ms);
}

void
smp_write_on_answer(struct smp *s, struct mono now)
{
	const struct smp_answer *a = &s->answer;

	if (a->rc != 0) {
		upload_trouble(s, now);
		return;
	}
	if (!a->has_off) {
		if (smp_upload_knows(&s->upload, a->header.seq))
			smp_finish(s, ERR_DEVICE_PROTO, "upload: expected an offset, got none");
		return;
	}
	if (a->has_match && !a->match && smp_upload_knows(&s->upload, a->header.seq)) {
		smp_finish(s, ERR_VERIFY, "expected the device to hold the image, got match false");
		return;
	}
	bool was_near = s->upload.acked > 0 && s->upload.sent_to == s->upload.size;
	enum err e = smp_upload_answer(&s->upload, a->header.seq, a->off, now);

	s->facts.done_bytes = s->upload.acked;
	s->facts.rewinds = s->upload.rewinds;
	if (e)
		smp_finish(s, e, "upload: expected progress to %llu bytes, got offset %llu",
		    (unsigned long long)s->upload.size, (unsigned long long)a->off);
	else if (smp_upload_done(&s->upload))
		smp_ask(s, SMP_STEP_CHECK, now);
	else if (was_near && s->upload.acked == 0 && !s->maybe_done)
		look_if_done(s, now);
}

size_t
smp_write_format_erase(struct smp *s, const struct smp_to *to)
{
	const struct smp_slot *other = smp_slots_other(s, &s->list);

	return smp_msg_erase(to, other ? other->slot : 1);
}

/* Its code may say failure though the slot is empty: the list knows. */
void
smp_write_on_erase(struct smp *s, struct mono now)
{
	smp_ask(s, SMP_STEP_LIST, now);
}

/* Read what the image says about itself; false when that ends the verb. */
bool
smp_write_read_image(struct smp *s)
{
	const struct driver_image *i = s->job.image;
	struct mcuboot_source source = {.size = i->size, .read = i->read, .arg = i->arg};
	char why[120] = "";
	enum err e = mcuboot_parse(&source, &s->image, why, sizeof(why));

	if (e) {
		smp_finish(s, e, "%s", why[0] ? why : "image could not be read");
		return false;
	}
	if (!s->image.has_sha256) {
		smp_finish(s, ERR_IMAGE, "expected an image with a SHA-256 hash, got %s",
		    s->image.has_longer_hash ? "a longer one, which no device lists" : "none");
		return false;
	}
	snprintf(
	    s->facts.image_version, sizeof(s->facts.image_version), "%s", s->image.version_text);
	memcpy(s->facts.image_hash, s->image.sha256, SMP_MSG_HASH);
	s->facts.image_hash_len = SMP_MSG_HASH;
	return true;
}

/* May this image be written at all? false when that ends the verb. */
bool
smp_write_check_image(struct smp *s)
{
	const struct driver_image *i = s->job.image;
	struct mcuboot_source source = {.size = i->size, .read = i->read, .arg = i->arg};

	s->facts.total_bytes = i->size;
	if (s->job.target_version[0] && strcmp(s->job.target_version, s->image.version_text) != 0) {
		smp_finish(s, ERR_WRONG_VERSION, "expected an image of version %s, got %s",
		    s->job.target_version, s->image.version_text);
		return false;
	}
	if (i->size > UINT32_MAX) {
		smp_finish(s, ERR_IMAGE, "expected an image below 4 GiB, got %llu bytes",
		    (unsigned long long)i->size);
		return false;
	}
	enum err e = mcuboot_verify(&source, &s->image);

	if (e && e != ERR_UNSUPPORTED) { /* encrypted: only the device can tell */
		smp_finish(
		    s, e, "expected the image to fit the hash it carries, got %s", err_text(e));
		return false;
	}
	return true;
}
