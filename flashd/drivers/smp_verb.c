/*
 * smp_verb: which exchange a verb needs next and what an answer means; see smp.h for the verbs.
 *
 * The steps are a table (what is asked, how often, what its answer and its silence lead to). The
 * rule behind all of it: a device's answer code is an opinion, its state list is the fact, so every
 * change is judged by a list that was read after it. A reset is never repeated blindly: the new
 * image may have started already, and a second reset would send it back.
 */
#include <stdio.h>
#include <string.h>

#include "smp_state.h"

enum {
	POLL_MS = 1000, /* one look at a device that is starting */
	LOOK_AGAIN_MS = 250,
	RESET_TAKES_MS = 5000, /* still the old image after that: the reset was lost */
	RESETS = 3,
	KNOCK_MS = 100, /* a recovery's window is half a second by default */
};

struct step {
	enum smp_op answer;
	enum smp_group group;
	enum smp_command command;
	uint32_t tries; /* 0 = as configured */
	size_t (*format)(struct smp *s, const struct smp_to *to);
	void (*on_answer)(struct smp *s, struct mono now);
	void (*on_silence)(struct smp *s, struct mono now);
};

static void
away(struct smp *s, struct mono now)
{
	if (s->recovery.on && smp_recovery_on_silence(s, now))
		return;
	smp_finish(s, ERR_DEVICE_AWAY, "expected an answer, got none to %u requests", s->ask.tries);
}

static void
ambiguous(struct smp *s, struct mono now)
{
	(void)now;
	smp_finish(s, ERR_AMBIGUOUS, "expected an answer, got none to %u requests", s->ask.tries);
}

/* --- params and the first list --------------------------------------------------------------- */

static size_t
format_params(struct smp *s, const struct smp_to *to)
{
	(void)s;
	return smp_msg_params(to);
}

static size_t
format_state(struct smp *s, const struct smp_to *to)
{
	(void)s;
	return smp_msg_state(to);
}

/* A server without params (MCUboot's recovery before 2026) is no error. */
static void
on_params(struct smp *s, struct mono now)
{
	s->params_known = true;
	if (s->answer.rc == 0) {
		s->buf_size = s->answer.buf_size;
		s->buf_count = s->answer.buf_count;
	}
	smp_ask(s, SMP_STEP_LIST, now);
}

/* A server believes the hash that an image carries, whatever became of its bytes on the way. Where
 * nothing vouched for those, an image is written again rather than believed again; a pending one
 * cannot be, and the bootloader will tell. */
static bool
is_there(const struct smp *s)
{
	const struct smp_slot *other = smp_slots_other(s, &s->list);

	return smp_slots_hold(other, s->image.sha256) && (s->framing->marked || other->pending);
}

static void
decide_write(struct smp *s, struct mono now)
{
	const struct smp_slot *active = smp_slots_active(s, &s->list);

	if (smp_slots_hold(active, s->image.sha256)) {
		s->facts.done_bytes = s->facts.total_bytes;
		smp_finish(s, ERR_ALREADY, "expected another image, got %s running already",
		    s->image.version_text);
	} else if (is_there(s)) {
		s->facts.done_bytes = s->facts.total_bytes;
		smp_finish(s, ERR_OK, "%s", "");
	} else if (smp_slots_on_trial(active)) { /* the other slot is its way back */
		smp_finish(s, ERR_DEVICE_STATE, "expected an image that is kept, got %s on test",
		    active->version);
	} else {
		smp_write_begin(s, now);
	}
}

static void
decide_stage(struct smp *s, struct mono now)
{
	const struct smp_slot *other = smp_slots_other(s, &s->list);

	if (smp_slots_hold(smp_slots_active(s, &s->list), s->image.sha256))
		smp_finish(s, ERR_ALREADY, "expected another image, got %s running already",
		    s->image.version_text);
	else if (!smp_slots_hold(other, s->image.sha256))
		smp_finish(s, ERR_DEVICE_STATE, "expected version %s in the other slot, got %s",
		    s->image.version_text, other ? other->version : "nothing");
	else if (other->pending)
		smp_finish(s, ERR_OK, "%s", "");
	else
		smp_ask(s, SMP_STEP_MARK, now);
}

/* Does what the job is about run? If not, the verb is over. */
static bool
runs_the_image(struct smp *s)
{
	const struct smp_slot *active = smp_slots_active(s, &s->list);
	bool went_back = smp_slots_wanted(s, smp_slots_other(s, &s->list));

	if (!active) {
		smp_finish(s, ERR_DEVICE_STATE, "expected an active image, got none");
		return false;
	}
	if (smp_slots_wanted(s, active) || (!s->job.image && !s->job.target_version[0]))
		return true;
	smp_finish(s, went_back ? ERR_REVERTED : ERR_WRONG_VERSION,
	    "expected version %s to run, got %s",
	    s->job.image ? s->image.version_text : s->job.target_version, active->version);
	return false;
}

static void
decide_confirm(struct smp *s, struct mono now)
{
	if (!runs_the_image(s))
		return;
	if (s->facts.active_confirmed)
		smp_finish(s, ERR_OK, "%s", "");
	else
		smp_ask(s, SMP_STEP_KEEP, now);
}

void
smp_verb_reset(struct smp *s, struct mono now)
{
	s->before = s->list;
	s->resets++;
	s->reset_acked = false;
	smp_ask(s, SMP_STEP_RESET, now);
}

/* A reset that was sent before, by a session that has died, may have done its work: another one
 * would throw out the image on test. */
static void
decide_reboot(struct smp *s, struct mono now)
{
	const struct smp_slot *other = smp_slots_other(s, &s->list);

	if (smp_slots_on_trial(smp_slots_active(s, &s->list)) && !(other && other->pending))
		smp_finish(s, ERR_OK, "%s", "");
	else
		smp_verb_reset(s, now);
}

static void
decide_revert(struct smp *s, struct mono now)
{
	const struct smp_slot *active = smp_slots_active(s, &s->list);

	if (smp_slots_on_trial(active))
		smp_verb_reset(s, now);
	else if (s->job.image && active && active->has_hash &&
		 !smp_slots_hold(active, s->image.sha256))
		smp_finish(s, ERR_OK, "%s", ""); /* it went back by itself */
	else
		smp_finish(s, ERR_DEVICE_STATE, "expected an image on test, got %s %s",
		    active ? active->version : "no image", active ? "for good" : "running");
}

static void
on_list(struct smp *s, struct mono now)
{
	if (s->answer.rc != 0) {
		smp_rejected(s, "state list");
		return;
	}
	smp_slots_take(s);
	if (s->recovery.on) {
		smp_recovery_on_list(s, now);
		return;
	}
	switch (s->job.verb) {
	case DRIVER_IDENTIFY:
		smp_unit_ask(s, now);
		return;
	case DRIVER_WRITE:
		decide_write(s, now);
		return;
	case DRIVER_STAGE:
		decide_stage(s, now);
		return;
	case DRIVER_REBOOT:
		decide_reboot(s, now);
		return;
	case DRIVER_CONFIRM:
		decide_confirm(s, now);
		return;
	case DRIVER_REVERT:
		decide_revert(s, now);
		return;
	case DRIVER_CHECK: /* not among its verbs */
		return;
	}
}

/* --- changes and their proof ----------------------------------------------------------------- */

static size_t
format_mark(struct smp *s, const struct smp_to *to)
{
	return smp_msg_test(to, s->image.sha256);
}

static size_t
format_keep(struct smp *s, const struct smp_to *to)
{
	bool named = s->config.image && s->facts.active_hash_len;

	return smp_msg_confirm(to, named ? s->facts.active_hash : NULL);
}

static void check_list(struct smp *s, struct mono now);

/* The answer to a state write is a new list, or trouble that only a list can judge. */
static void
on_change(struct smp *s, struct mono now)
{
	if (s->answer.rc != 0)
		smp_msg_trouble(&s->answer, s->trouble, sizeof(s->trouble));
	if (s->answer.rc == 0 && s->answer.has_images)
		check_list(s, now);
	else
		smp_ask(s, SMP_STEP_CHECK, now);
}

static void
check_list(struct smp *s, struct mono now)
{
	const struct smp_slot *other = NULL;
	bool fine = false;

	smp_slots_take(s);
	other = smp_slots_other(s, &s->list);
	if (s->recovery.on)
		fine = smp_recovery_written(s);
	else if (s->job.verb == DRIVER_WRITE)
		fine = smp_slots_hold(other, s->image.sha256) ||
		       smp_slots_hold(smp_slots_active(s, &s->list), s->image.sha256) ||
		       smp_slots_version_only(s);
	else if (s->job.verb == DRIVER_STAGE)
		fine = smp_slots_hold(other, s->image.sha256) && other->pending;
	else
		fine = s->facts.active_confirmed;
	if (fine)
		smp_finish(s, ERR_OK, "%s", "");
	else if (s->job.verb == DRIVER_WRITE && !smp_upload_done(&s->upload))
		smp_write_go_on(s, now);
	else if (s->trouble[0])
		smp_finish(s, ERR_DEVICE_REJECTED, "expected success, got %s", s->trouble);
	else if (s->job.verb == DRIVER_WRITE)
		smp_finish(s, ERR_VERIFY, "expected the written image in the list, got %s",
		    other ? other->version : "an empty slot");
	else
		smp_finish(s, ERR_DEVICE_STATE,
		    "expected the image %s, got a list that does not say so",
		    s->job.verb == DRIVER_STAGE ? "pending" : "confirmed");
}

static void
on_check(struct smp *s, struct mono now)
{
	if (s->answer.rc != 0)
		smp_rejected(s, "state list");
	else
		check_list(s, now);
}

/* --- reset ----------------------------------------------------------------------------------- */

static size_t
format_reset(struct smp *s, const struct smp_to *to)
{
	(void)s;
	return smp_msg_reset(to);
}

/* Another image may answer next: what was learned from this one is forgotten. */
static void
be_quiet(struct smp *s, struct mono now)
{
	s->reset_at = now;
	s->params_known = false;
	s->message = s->buf_size = s->buf_count = 0;
	s->version_known = s->config.version >= 0;
	smp_ask(s, SMP_STEP_QUIET, now);
	s->ask.to_send = false;
}

static void
on_reset(struct smp *s, struct mono now)
{
	if (s->answer.rc != 0) {
		smp_rejected(s, "reset");
		return;
	}
	s->reset_acked = true;
	be_quiet(s, now);
}

/* Somebody answers. Is it the device before or after the reset? */
static void
on_poll(struct smp *s, struct mono now)
{
	if (s->answer.rc != 0) {
		be_quiet(s, s->reset_at);
		s->ask.due = mono_after(now, LOOK_AGAIN_MS);
		return;
	}
	smp_slots_take(s);
	if (s->recovery.on) {
		smp_recovery_on_poll(s, now);
		return;
	}

	const struct smp_slot *was = smp_slots_active(s, &s->before),
			      *is = smp_slots_active(s, &s->list);
	const struct smp_slot *had = smp_slots_other(s, &s->before),
			      *has = smp_slots_other(s, &s->list);
	bool swap_due = smp_slots_on_trial(was) || (had && had->pending);
	bool rebooted = swap_due ? !smp_slots_same(was, is) || !smp_slots_same(had, has)
				 : s->reset_acked;

	if (rebooted && s->job.verb == DRIVER_REVERT && was && smp_slots_hold(is, was->hash)) {
		smp_finish(s, ERR_DEVICE_STATE, "expected the old image back, got %s still running",
		    is->version);
	} else if (rebooted) {
		smp_finish(s, ERR_OK, "%s", "");
	} else if (s->reset_acked && mono_between(s->reset_at, now) < RESET_TAKES_MS) {
		smp_ask(s, SMP_STEP_QUIET, now);
		s->ask.to_send = false;
		s->ask.due = mono_after(now, LOOK_AGAIN_MS);
	} else if (s->resets < RESETS) {
		smp_verb_reset(s, now);
	} else {
		smp_finish(s, ERR_DEVICE_STATE, "expected the device to reset, got %s as before",
		    is ? is->version : "no image");
	}
}

static void
look(struct smp *s, struct mono now)
{
	if (s->step == SMP_STEP_RESET)
		s->reset_at = now;
	if (s->step == SMP_STEP_POLL && !s->version_known)
		s->version ^= 1;
	smp_ask(s, SMP_STEP_POLL, now);
}

/* clang-format off */
static const struct step steps[SMP_STEPS] = {
	/* the answer wanted, how often it is asked for (0 = as configured)
	 *   made by, answered, silent */
	[SMP_STEP_PARAMS] = {SMP_READ_ANSWER, SMP_OS, SMP_PARAMS, 0,
	    format_params, on_params, away},
	[SMP_STEP_LIST] = {SMP_READ_ANSWER, SMP_IMAGE, SMP_STATE, 0,
	    format_state, on_list, away},
	[SMP_STEP_UNIT] = {SMP_READ_ANSWER, SMP_SETTINGS, SMP_SETTING, 1,
	    smp_unit_format, smp_unit_on_answer, smp_unit_silent},
	[SMP_STEP_ROOM] = {SMP_READ_ANSWER, SMP_IMAGE, SMP_SLOTS, 1,
	    smp_write_format_room, smp_write_on_room, smp_write_room_silent},
	[SMP_STEP_SIZE] = {SMP_WRITE_ANSWER, SMP_OS, SMP_ECHO, 1,
	    smp_write_format_size, smp_write_on_size, smp_write_size_silent},
	[SMP_STEP_ERASE] = {SMP_WRITE_ANSWER, SMP_IMAGE, SMP_ERASE, 1,
	    smp_write_format_erase, smp_write_on_erase, smp_write_on_erase},
	[SMP_STEP_MARK] = {SMP_WRITE_ANSWER, SMP_IMAGE, SMP_STATE, 0,
	    format_mark, on_change, ambiguous},
	[SMP_STEP_KEEP] = {SMP_WRITE_ANSWER, SMP_IMAGE, SMP_STATE, 0,
	    format_keep, on_change, ambiguous},
	[SMP_STEP_CHECK] = {SMP_READ_ANSWER, SMP_IMAGE, SMP_STATE, 0,
	    format_state, on_check, ambiguous},
	[SMP_STEP_RESET] = {SMP_WRITE_ANSWER, SMP_OS, SMP_RESET, 1,
	    format_reset, on_reset, look},
	[SMP_STEP_QUIET] = {SMP_READ_ANSWER, SMP_OS, SMP_ECHO, 0,
	    NULL, NULL, look},
	[SMP_STEP_POLL] = {SMP_READ_ANSWER, SMP_IMAGE, SMP_STATE, 1,
	    format_state, on_poll, look},
	[SMP_STEP_ENTER] = {SMP_WRITE_ANSWER, SMP_OS, SMP_RESET, 1,
	    smp_recovery_format_enter, smp_recovery_on_enter, smp_recovery_on_enter},
	[SMP_STEP_HOLD] = {SMP_READ_ANSWER, SMP_OS, SMP_ECHO, 0,
	    NULL, NULL, smp_recovery_held},
	[SMP_STEP_KNOCK] = {SMP_READ_ANSWER, SMP_IMAGE, SMP_STATE, 1,
	    format_state, smp_recovery_on_knock, smp_recovery_knock_again},
};
/* clang-format on */

size_t
smp_verb_format(struct smp *s, const struct smp_to *to)
{
	return steps[s->step].format ? steps[s->step].format(s, to) : 0;
}

bool
smp_verb_fits(const struct smp *s, const struct smp_header *h)
{
	const struct step *t = &steps[s->step];

	return t->on_answer && h->op == t->answer && h->group == t->group &&
	       h->command == t->command;
}

void
smp_verb_answer(struct smp *s, struct mono now)
{
	steps[s->step].on_answer(s, now);
}

void
smp_verb_silent(struct smp *s, struct mono now)
{
	steps[s->step].on_silence(s, now);
}

uint32_t
smp_verb_tries(const struct smp *s)
{
	if (s->step == SMP_STEP_QUIET || s->step == SMP_STEP_HOLD)
		return 0;
	return steps[s->step].tries ? steps[s->step].tries : s->config.retries;
}

uint32_t
smp_verb_patience(const struct smp *s)
{
	switch (s->step) {
	case SMP_STEP_QUIET:
		if (s->recovery.on && s->recovery.enter == SMP_ENTER_WINDOW)
			return s->recovery.window_ms;
		return s->config.reset_wait_ms;
	case SMP_STEP_HOLD:
		return s->recovery.pulse_ms;
	case SMP_STEP_KNOCK:
		return KNOCK_MS;
	case SMP_STEP_POLL:
		return s->config.reply_ms < POLL_MS ? s->config.reply_ms : POLL_MS;
	case SMP_STEP_ERASE:
		return s->config.first_reply_ms;
	default:
		return s->config.reply_ms;
	}
}

/* --- beginning ------------------------------------------------------------------------------- */

void
smp_verb_start(struct smp *s, struct mono now)
{
	enum driver_verb v = s->job.verb;
	bool needs = v == DRIVER_WRITE || v == DRIVER_STAGE;

	s->room_asked = false;
	if (v < DRIVER_IDENTIFY || v > DRIVER_REVERT) {
		smp_finish(s, ERR_UNSUPPORTED, "expected a verb of this driver, got %d", (int)v);
		return;
	}
	if (needs && !s->job.image) {
		smp_finish(s, ERR_INVALID, "expected an image, got none");
		return;
	}
	if (s->job.image && (needs || v == DRIVER_CONFIRM || v == DRIVER_REVERT) &&
	    !smp_write_read_image(s))
		return;
	if (v == DRIVER_WRITE && !smp_write_check_image(s))
		return;
	smp_ask(s,
	    (v == DRIVER_IDENTIFY || v == DRIVER_WRITE) && !s->params_known ? SMP_STEP_PARAMS
									    : SMP_STEP_LIST,
	    now);
}
