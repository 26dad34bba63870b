/*
 * smp: the driver's shell side: bytes in and out, time, one exchange at a time.
 *
 * Outgoing messages are made when the wire wants bytes, never queued, so that an upload piece is
 * read from the image in the moment it is sent and nothing stale is ever written. What an answer
 * means is decided in smp_verb.c and smp_upload.c.
 */
#include "smp.h"

#include <stdarg.h>

#include "smp_state.h"

void
smp_finish(struct smp *s, enum err e, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(s->result.detail, sizeof(s->result.detail), format, ap);
	va_end(ap);
	s->result.error = e;
	s->busy = false;
	s->step = SMP_IDLE;
	s->ask = (struct smp_exchange){0};
	s->poke_open = s->poke_wanted = false;
}

void
smp_rejected(struct smp *s, const char *what)
{
	char trouble[80];

	smp_msg_trouble(&s->answer, trouble, sizeof(trouble));
	smp_finish(s, ERR_DEVICE_REJECTED, "%s: expected success, got %s", what, trouble);
}

void
smp_ask(struct smp *s, enum smp_step step, struct mono now)
{
	s->step = step;
	s->ask = (struct smp_exchange){
	    .to_send = true,
	    .due = mono_after(now, smp_verb_patience(s)),
	};
}

static void
start(void *state, const struct driver_job *job, struct mono now)
{
	struct smp *s = state;

	s->job = *job;
	s->busy = true;
	s->heard = false;
	s->end = mono_after(now, job->timeout_ms);
	s->result = (struct driver_result){0};
	s->facts = (struct driver_facts){0};
	s->ask = (struct smp_exchange){0};
	s->poke_open = s->poke_wanted = false;
	s->resets = 0;
	s->reset_acked = false;
	s->erased = false;
	s->maybe_done = false;
	s->trouble[0] = 0;
	s->hushed = false;
	s->recovery.pins = 0;
	s->recovery.entered = false;
	smp_frame_reset(&s->tx, &s->rx);
	if (smp_options_fit(s))
		smp_verb_start(s, now);
}

/* --- output ---------------------------------------------------------------------------------- */

static struct smp_to
message_to(struct smp *s)
{
	return (struct smp_to){
	    .version = s->version,
	    .seq = s->seq++,
	    .out = s->framing->room(&s->tx),
	    .size = SMP_PACKET_MAX,
	};
}

static void
load_frame(struct smp *s, size_t len)
{
	s->hushed = false;
	s->framing->load(&s->tx, len);
}

static bool
load_request(struct smp *s, struct mono now)
{
	struct smp_to to = message_to(s);
	size_t len = smp_verb_format(s, &to);

	s->ask.to_send = false;
	if (!s->ask.open)
		s->ask.first_seq = to.seq;
	s->ask.open = true;
	s->ask.last_seq = to.seq;
	s->ask.tries++;
	s->ask.due = mono_after(now, smp_verb_patience(s));
	if (len > 0)
		load_frame(s, len);
	return len > 0;
}

static bool
load_piece(struct smp *s, struct mono now)
{
	struct smp_chunk c = {
	    .image = s->config.image,
	    .size = s->upload.size,
	    .sha256 = s->job.image->sha256,
	};
	uint32_t len = 0;
	uint8_t *data = NULL;

	if (!smp_upload_want(&s->upload, now, &c.off, &len))
		return false;
	struct smp_to to = message_to(s);

	c.len = len;
	size_t n = smp_msg_upload(&to, &c, &data);
	enum err e = n == 0 ? ERR_LIMIT : s->job.image->read(s->job.image->arg, c.off, data, c.len);

	if (e) {
		smp_finish(s, e, "image could not be read at byte %llu", (unsigned long long)c.off);
		return false;
	}
	load_frame(s, n);
	smp_upload_sent(&s->upload, to.seq, c.off, len, now);
	s->poke_due = mono_after(now, s->config.reply_ms);
	return true;
}

/* The first piece waits long, because the device erases. Servers answer in order: an echo that
 * comes back while the piece is not answered proves that the piece was lost. */
static bool
load_poke(struct smp *s)
{
	if (!s->poke_wanted)
		return false;
	struct smp_to to = message_to(s);

	s->poke_wanted = false;
	if (s->upload.acked != 0 || s->upload.n == 0)
		return false;
	s->poke_open = true;
	s->poke_seq = to.seq;
	s->poke_piece = s->upload.flight[0].seq;
	load_frame(s, smp_msg_echo(&to, 0));
	return true;
}

/* Where nothing marks the start of a message, a torn one ends only by the device's own patience. */
static struct mono
quiet_end(const struct smp *s)
{
	return mono_after(s->last_out, s->config.raw_quiet_ms);
}

static bool
load(struct smp *s, struct mono now)
{
	if (!s->busy || (s->hushed && !mono_reached(now, quiet_end(s))))
		return false;
	if (s->step == SMP_STEP_UPLOAD)
		return load_piece(s, now) || (s->busy && load_poke(s));
	return s->ask.to_send && load_request(s, now);
}

static bool
gap_is_over(const struct smp *s, struct mono now)
{
	return s->config.line_gap_us == 0 || now.ms * 1000 >= s->next_line_us;
}

static size_t
output(void *state, uint8_t *out, size_t size, struct mono now)
{
	struct smp *s = state;
	size_t n = 0;

	while (s->up && n < size && !(n > 0 && s->framing->datagram)) {
		if (smp_frame_idle(&s->tx) && !load(s, now))
			break;
		if (s->framing->at_line(&s->tx)) {
			if (!gap_is_over(s, now))
				break;
			int64_t us = now.ms * 1000 > s->next_line_us + 1000 ? now.ms * 1000
									    : s->next_line_us;
			s->next_line_us = us + s->config.line_gap_us;
		}
		n += s->framing->output(&s->tx, out + n, size - n);
		s->last_out = now;
	}
	return n;
}

/* --- input ----------------------------------------------------------------------------------- */

/* An answer whose code says that the server does not know our version. */
static bool
other_version(struct smp *s, struct mono now)
{
	const struct smp_answer *a = &s->answer;

	if (s->version_known)
		return false;
	if (a->in_group || (a->rc != SMP_RC_TOO_OLD && a->rc != SMP_RC_TOO_NEW) ||
	    s->version == 0) {
		s->version_known = true;
		return false;
	}
	s->version = 0;
	s->version_known = true;
	smp_ask(s, s->step, now);
	return true;
}

static bool
is_ours(const struct smp *s, uint8_t seq)
{
	return s->ask.open &&
	       (uint8_t)(seq - s->ask.first_seq) <= (uint8_t)(s->ask.last_seq - s->ask.first_seq);
}

static void
on_poke(struct smp *s)
{
	s->poke_open = false;
	if (s->upload.n == 0 || s->upload.flight[0].seq != s->poke_piece)
		return;
	if (smp_upload_lost(&s->upload))
		smp_finish(s, ERR_DEVICE_PROTO, "device loses every piece at byte %llu",
		    (unsigned long long)s->upload.acked);
}

static void
on_packet(struct smp *s, const uint8_t *packet, size_t len, struct mono now)
{
	const struct smp_header *h = &s->answer.header;

	if (smp_msg_parse(packet, len, &s->answer)) {
		s->nonsense++;
		return;
	}
	if (s->step == SMP_STEP_UPLOAD) {
		bool upload = h->op == SMP_WRITE_ANSWER && h->group == SMP_IMAGE &&
			      h->command == SMP_UPLOAD;
		bool poke = s->poke_open && h->group == SMP_OS && h->command == SMP_ECHO &&
			    h->seq == s->poke_seq;

		s->heard |= upload || poke;
		if (upload)
			smp_write_on_answer(s, now);
		else if (poke)
			on_poke(s);
		return;
	}
	if (!is_ours(s, h->seq) || !smp_verb_fits(s, h)) {
		s->nonsense++;
		return;
	}
	s->heard = true;
	if (!other_version(s, now))
		smp_verb_answer(s, now);
}

static void
on_bytes(void *state, const uint8_t *data, size_t len, struct mono now)
{
	struct smp *s = state;

	for (size_t at = 0; at < len;) {
		const uint8_t *packet = NULL;
		size_t packet_len = 0;

		at += s->framing->feed(&s->rx, data + at, len - at, &packet, &packet_len);
		if (packet && s->busy)
			on_packet(s, packet, packet_len, now);
	}
}

/* --- time ------------------------------------------------------------------------------------ */

static void
on_end(struct smp *s)
{
	if (s->step == SMP_STEP_POLL || s->step == SMP_STEP_QUIET)
		smp_finish(s, ERR_DEVICE_AWAY,
		    "expected the device back after its reset, got no answer "
		    "in %u ms",
		    s->job.timeout_ms);
	else if (s->ask.open && (s->step == SMP_STEP_MARK || s->step == SMP_STEP_KEEP))
		smp_finish(
		    s, ERR_AMBIGUOUS, "expected an answer in %u ms, got none", s->job.timeout_ms);
	else
		smp_finish(s, s->heard ? ERR_TIMEOUT : ERR_DEVICE_AWAY,
		    "expected an end within %u ms, got as far as %llu of %llu bytes",
		    s->job.timeout_ms, (unsigned long long)s->facts.done_bytes,
		    (unsigned long long)s->facts.total_bytes);
}

/* The device may hold half a message of ours, and we half of one of its own. */
static void
hush(struct smp *s)
{
	if (s->framing->marked)
		return;
	s->hushed = true;
	smp_frame_reset(&s->tx, &s->rx);
}

static void
on_silence(struct smp *s, struct mono now)
{
	hush(s);
	if (s->ask.tries >= smp_verb_tries(s)) {
		smp_verb_silent(s, now);
		return;
	}
	if (!s->version_known && s->ask.tries > 0)
		s->version ^= 1; /* old servers may drop what they do not know */
	s->ask.to_send = true;
	s->ask.due = mono_after(now, smp_verb_patience(s));
}

/* An echo behind a torn message would become its rest: only where messages are marked. */
static bool
may_poke(const struct smp *s)
{
	return s->framing->marked && s->upload.acked == 0 && s->upload.n > 0;
}

static void
upload_time(struct smp *s, struct mono now)
{
	unsigned silences = s->upload.silences;
	enum err e = smp_upload_time(&s->upload, now);

	if (s->upload.silences > silences)
		hush(s);
	if (may_poke(s) && mono_reached(now, s->poke_due)) {
		s->poke_wanted = true;
		s->poke_due = mono_after(now, s->config.reply_ms);
	}
	s->facts.rewinds = s->upload.rewinds;
	if (e)
		smp_finish(s, e, "expected an answer to byte %llu of %llu, got none %u times",
		    (unsigned long long)s->upload.acked, (unsigned long long)s->upload.size,
		    s->upload.silences);
}

static void
on_time(void *state, struct mono now)
{
	struct smp *s = state;

	if (!s->busy)
		return;
	if (gap_is_over(s, now))
		s->next_line_us = 0;
	if (mono_reached(now, s->end))
		on_end(s);
	else if (!s->up)
		return;
	else if (s->step == SMP_STEP_UPLOAD)
		upload_time(s, now);
	else if (mono_reached(now, s->ask.due))
		on_silence(s, now);
}

static struct mono
earlier(struct mono a, struct mono b)
{
	return a.ms < b.ms ? a : b;
}

static struct mono
deadline(const void *state)
{
	const struct smp *s = state;
	struct mono due = s->end;

	if (!s->busy)
		return MONO_NEVER;
	if (!s->up)
		return due;
	if (s->step == SMP_STEP_UPLOAD) {
		due = earlier(due, smp_upload_deadline(&s->upload));
		if (may_poke(s))
			due = earlier(due, s->poke_due);
	} else {
		due = earlier(due, s->ask.due);
	}
	if (s->hushed)
		due = earlier(due, quiet_end(s));
	if (s->next_line_us > 0 && !smp_frame_idle(&s->tx))
		due = earlier(due, (struct mono){(s->next_line_us + 999) / 1000});
	return due;
}

static bool
done(const void *state, struct driver_result *result)
{
	const struct smp *s = state;

	if (!s->busy && result)
		*result = s->result;
	return !s->busy;
}

static const struct driver_facts *
facts(const void *state)
{
	return &((const struct smp *)state)->facts;
}

static void
on_link(void *state, bool up, struct mono now)
{
	struct smp *s = state;
	bool back = up && !s->up;

	s->up = up;
	smp_frame_reset(&s->tx, &s->rx);
	if (!back || !s->busy)
		return;
	s->poke_open = s->poke_wanted = false;
	if (s->step == SMP_STEP_UPLOAD)
		smp_upload_restart(&s->upload);
	else if (s->step == SMP_STEP_RESET && s->ask.open)
		smp_verb_silent(s, now); /* it may have reset: look first */
	else if (s->step != SMP_STEP_QUIET)
		smp_ask(s, s->step, now);
}

static struct driver_line
line(const void *state)
{
	return (struct driver_line){.pins = ((const struct smp *)state)->recovery.pins};
}

/* clang-format off */
#define FUNCTIONS \
	.state_size = sizeof(struct smp), .start = start, .on_bytes = on_bytes, .on_time = on_time, \
	.output = output, .deadline = deadline, .done = done, .facts = facts, .on_link = on_link
/* clang-format on */

const struct driver smp_driver = {
    .name = "smp",
    .caps = DRIVER_VERSION | DRIVER_HASH | DRIVER_SLOTS | DRIVER_RESUME | DRIVER_TEST |
	    DRIVER_AUTOREVERT,
    .verbs = 1u << DRIVER_IDENTIFY | 1u << DRIVER_WRITE | 1u << DRIVER_STAGE | 1u << DRIVER_REBOOT |
	     1u << DRIVER_CONFIRM | 1u << DRIVER_REVERT,
    .options = smp_options,
    .init = smp_options_init,
    FUNCTIONS,
};

const struct driver mcuboot_driver = {
    .name = "mcuboot",
    .caps = DRIVER_VERSION | DRIVER_HASH | DRIVER_DESTRUCTIVE,
    .verbs = 1u << DRIVER_IDENTIFY | 1u << DRIVER_WRITE | 1u << DRIVER_REBOOT,
    .options = smp_recovery_options,
    .init = smp_recovery_init,
    .line = line,
    FUNCTIONS,
};
