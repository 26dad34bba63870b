/*
 * smp_recovery: MCUboot's serial recovery: into the boot loader, over the only image, out again.
 *
 * Who answers, the application or the boot loader? An application's list always says what is
 * active, the boot loader's never does: nothing runs. What the boot loader lists it has validated,
 * so a listed hash (or, on builds without hashes, the version) is proof, and a torn image is not
 * there.
 *
 * Ways in: `boot_mode`, a parameter of the application's reset; `pin`, the boot pin held over a
 * reset; `window`, a moment after each start in which the first command is taken. Whichever: the
 * list is asked for ten times a second until the boot loader has it. There is no way back and no
 * test, one piece in flight, offset 0 always begins anew.
 *
 * A device found in its boot loader with something valid is started once before it is called bare.
 * Rejected: believing the listed version then. It does not run, and the upgrade would be called
 * done with the device in its boot loader for ever.
 */
#include <stdio.h>
#include <string.h>

#include "smp_state.h"

enum { STARTS = 3, SETTLE_MS = 1000 };

static bool
in_loader(const struct smp_answer *list)
{
	for (unsigned i = 0; i < list->n_images; i++)
		if (list->images[i].active)
			return false;
	return true;
}

/* What the boot loader would start. */
static const struct smp_slot *
primary(const struct smp *s)
{
	for (unsigned i = 0; i < s->list.n_images; i++)
		if (s->list.images[i].image == s->config.image && s->list.images[i].slot == 0)
			return &s->list.images[i];
	return NULL;
}

/* There is nothing to confirm, and no other slot that concerns us. */
static void
set_facts(struct smp *s)
{
	struct driver_facts *f = &s->facts;

	f->staged_hash_len = 0;
	f->staged_pending = false;
	if (in_loader(&s->list)) {
		f->version[0] = '\0';
		f->active_hash_len = 0;
	}
	f->active_confirmed = f->version[0] != '\0';
}

bool
smp_recovery_written(const struct smp *s)
{
	const struct smp_slot *p = primary(s);

	if (!p || !in_loader(&s->list))
		return false;
	return p->has_hash ? smp_slots_hold(p, s->image.sha256)
			   : strcmp(p->version, s->image.version_text) == 0;
}

/* --- into the boot loader --------------------------------------------------------------------- */

static bool
has_pins(const struct smp *s)
{
	return s->recovery.enter == SMP_ENTER_PIN && (s->job.pins & DRIVER_RESET);
}

static void
knock(struct smp *s, struct mono now)
{
	s->recovery.until = mono_after(now, s->recovery.enter_ms);
	s->params_known = false;
	s->message = s->buf_size = s->buf_count = 0;
	s->version_known = s->config.version >= 0;
	smp_ask(s, SMP_STEP_KNOCK, now);
}

static void
enter(struct smp *s, struct mono now)
{
	s->recovery.entered = true;
	if (has_pins(s)) {
		s->recovery.pins = DRIVER_RESET | (s->job.pins & DRIVER_BOOT);
		smp_ask(s, SMP_STEP_HOLD, now);
		s->ask.to_send = false;
	} else if (s->recovery.enter == SMP_ENTER_PIN) {
		smp_finish(s, ERR_CONFIG, "enter = pin: expected a reset pin, got none");
	} else {
		smp_ask(s, SMP_STEP_ENTER, now);
	}
}

size_t
smp_recovery_format_enter(struct smp *s, const struct smp_to *to)
{
	return s->recovery.enter == SMP_ENTER_BOOT_MODE ? smp_msg_reset_to_loader(to)
							: smp_msg_reset(to);
}

/* Answered or not: what counts is who answers next. */
void
smp_recovery_on_enter(struct smp *s, struct mono now)
{
	if (s->ask.open && s->answer.rc != 0 && s->answer.header.command == SMP_RESET &&
	    s->answer.header.group == SMP_OS && smp_msg_failed_with(&s->answer, 8, 0))
		smp_rejected(s, "reset into the boot loader");
	else
		knock(s, now);
}

/* The reset ends, the boot pin stays until the boot loader has answered. */
void
smp_recovery_held(struct smp *s, struct mono now)
{
	s->recovery.pins &= (uint8_t)~DRIVER_RESET;
	knock(s, now);
}

void
smp_recovery_knock_again(struct smp *s, struct mono now)
{
	if (mono_reached(now, s->recovery.until)) {
		smp_finish(s, s->heard ? ERR_DEVICE_STATE : ERR_DEVICE_AWAY,
		    "expected the boot loader within %u ms, got %s", s->recovery.enter_ms,
		    s->heard ? "the application" : "no answer");
		return;
	}
	if (!s->version_known)
		s->version ^= 1;
	smp_ask(s, SMP_STEP_KNOCK, now);
}

void
smp_recovery_on_knock(struct smp *s, struct mono now)
{
	if (s->answer.rc == 0)
		smp_slots_take(s);
	if (s->answer.rc != 0 || !in_loader(&s->list)) { /* it has not reset yet */
		if (mono_reached(now, s->recovery.until)) {
			smp_recovery_knock_again(s, now);
			return;
		}
		s->ask = (struct smp_exchange){.due = mono_after(now, smp_verb_patience(s))};
		return;
	}
	s->recovery.pins = 0;
	s->version_known = true;
	smp_ask(s, SMP_STEP_PARAMS, now); /* its own, and then the list */
}

/* --- what a list means ------------------------------------------------------------------------ */

static void
write_it(struct smp *s, struct mono now)
{
	bool loader = in_loader(&s->list);
	const struct smp_slot *active = smp_slots_active(s, &s->list);

	if (!loader && smp_slots_hold(active, s->image.sha256)) {
		s->facts.done_bytes = s->facts.total_bytes;
		smp_finish(s, ERR_ALREADY, "expected another image, got %s running already",
		    s->image.version_text);
	} else if (!loader && s->recovery.entered) {
		smp_finish(s, ERR_DEVICE_STATE, "expected the boot loader, got the application");
	} else if (!loader) {
		enter(s, now);
	} else if (smp_recovery_written(s)) {
		s->facts.done_bytes = s->facts.total_bytes;
		smp_finish(s, ERR_OK, "%s", "");
	} else if (!s->params_known) {
		smp_ask(s, SMP_STEP_PARAMS, now);
	} else {
		smp_write_begin(s, now);
	}
}

/* Start what the boot loader has, if that has not been tried; else say how it is. An application
 * that was silent and had to be left by pins has been tried. */
static void
start_or_tell(struct smp *s, struct mono now)
{
	bool loader = in_loader(&s->list), asked = s->job.verb == DRIVER_IDENTIFY;
	unsigned most = asked ? !s->recovery.entered : STARTS;

	if (!loader || (asked && (!primary(s) || s->resets >= most)))
		smp_finish(s, ERR_OK, "%s", "");
	else if (s->resets < most)
		smp_verb_reset(s, now);
	else
		smp_finish(s, ERR_DEVICE_STATE,
		    "expected the application to start, got the boot loader with %s",
		    primary(s) ? primary(s)->version : "nothing to start");
}

void
smp_recovery_on_list(struct smp *s, struct mono now)
{
	set_facts(s);
	if (s->job.verb == DRIVER_WRITE)
		write_it(s, now);
	else
		start_or_tell(s, now);
}

void
smp_recovery_on_poll(struct smp *s, struct mono now)
{
	set_facts(s);
	/* it may not have reset yet */
	if (in_loader(&s->list) && mono_between(s->reset_at, now) < SETTLE_MS) {
		smp_ask(s, SMP_STEP_QUIET, now);
		s->ask.to_send = false;
		s->ask.due = mono_after(now, smp_verb_patience(s));
		return;
	}
	start_or_tell(s, now);
}

/* An application that does not answer any more is no hindrance where there are pins. */
bool
smp_recovery_on_silence(struct smp *s, struct mono now)
{
	bool upgrading = s->job.verb == DRIVER_WRITE || s->job.target_version[0] != '\0';

	if (s->recovery.entered || s->job.verb == DRIVER_REBOOT || !upgrading)
		return false;
	if (has_pins(s))
		enter(s, now);
	else if (s->recovery.enter == SMP_ENTER_WINDOW && s->job.verb == DRIVER_WRITE) {
		s->recovery.entered = true;
		knock(s, now);
	}
	return s->recovery.entered;
}
