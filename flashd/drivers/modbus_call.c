/*
 * modbus_call: see modbus_call.h.
 */
#include "modbus_call.h"

#include <stdio.h>

void
modbus_call_init(struct modbus_call *c, const struct modbus_limits *limits)
{
	*c = (struct modbus_call){.limits = limits, .state = MODBUS_OVER};
	c->in.framing = limits->framing;
}

static bool
is_rtu(const struct modbus_call *c)
{
	return c->limits->framing == MODBUS_RTU;
}

/* Nothing is sent before the line was quiet for so long. */
static void
wait_quiet(struct modbus_call *c, struct mono now, uint32_t ms)
{
	c->state = MODBUS_QUIET;
	c->due = mono_after(now, is_rtu(c) ? (int64_t)ms : 0);
}

void
modbus_call_start(struct modbus_call *c, unsigned tries, struct mono now)
{
	const struct modbus_limits *l = c->limits;

	c->tried = 0;
	c->max_tries = tries;
	c->error = ERR_OK;
	c->exception = 0;
	c->heard = c->nonsense = false;
	c->busy_until = mono_after(now, l->busy_ms);
	wait_quiet(c, now, c->unheard ? l->reply_ms : l->silence_ms);
	c->unheard = 0;
}

static void
end(struct modbus_call *c, enum err e)
{
	c->state = MODBUS_OVER;
	c->error = e;
}

static void
try_again(struct modbus_call *c, struct mono now, uint32_t pause_ms)
{
	const struct modbus_limits *l = c->limits;

	if (c->tried >= c->max_tries) {
		end(c, c->heard ? ERR_DEVICE_PROTO : ERR_DEVICE_AWAY);
		return;
	}
	wait_quiet(c, now, l->silence_ms);
	if (pause_ms > 0)
		c->due = mono_after(now, pause_ms);
}

/* --- answers ---------------------------------------------------------------------------------- */

static void
on_exception(struct modbus_call *c, struct mono now)
{
	bool busy = c->exception == MODBUS_ACKNOWLEDGE || c->exception == MODBUS_BUSY;

	if (c->exception == MODBUS_NO_TARGET) { /* a gateway's word for silence */
		try_again(c, now, c->limits->poll_ms);
		if (c->state == MODBUS_OVER)
			c->error = ERR_DEVICE_AWAY;
	} else if (!busy) {
		end(c, ERR_DEVICE_REJECTED);
	} else if (mono_reached(now, c->busy_until)) {
		end(c, ERR_BUSY);
	} else {
		c->tried = 0;
		try_again(c, now, c->limits->poll_ms);
	}
}

static void
on_frame(struct modbus_call *c, uint8_t unit, uint16_t transaction, struct mono now)
{
	if (unit != c->limits->unit || (!is_rtu(c) && transaction != c->transaction))
		return; /* not for this request */
	if (!modbus_frame_fits(&c->request, &c->answer, &c->exception)) {
		c->nonsense = true;
		return;
	}
	c->nonsense = false;
	if (c->exception)
		on_exception(c, now);
	else
		end(c, ERR_OK);
}

void
modbus_call_byte(struct modbus_call *c, uint8_t byte, struct mono now)
{
	uint8_t unit = 0;
	uint16_t transaction = 0;

	c->heard |= c->own == 0; /* ourselves are nobody */
	if (c->state == MODBUS_QUIET && is_rtu(c)) {
		struct mono quiet = mono_after(now, c->limits->silence_ms);

		c->due = c->due.ms > quiet.ms ? c->due : quiet;
		return;
	}
	if (c->own > 0) {
		c->own--;
		return;
	}
	enum modbus_got got = modbus_frame_gather(&c->in, byte, &unit, &transaction, &c->answer);
	if (got == MODBUS_NONSENSE) {
		c->nonsense = true;
		if (!is_rtu(c)) /* where the next frame begins is lost for good */
			end(c, ERR_LINK);
	} else if (got == MODBUS_FRAME && c->state == MODBUS_WAITING) {
		on_frame(c, unit, transaction, now);
	}
}

/* --- requests --------------------------------------------------------------------------------- */

static void
prepare(struct modbus_call *c)
{
	c->tried++;
	c->transaction++;
	if (is_rtu(c))
		modbus_frame_quiet(&c->in);
	c->out_at = 0;
	c->out_len = modbus_frame_format(
	    c->limits->framing, c->limits->unit, c->transaction, &c->request, c->out);
	c->own = c->limits->echo ? c->out_len : 0;
	c->state = MODBUS_SENDING;
}

size_t
modbus_call_output(struct modbus_call *c, uint8_t *out, size_t size, struct mono now)
{
	size_t n = 0;

	if (c->state == MODBUS_QUIET && mono_reached(now, c->due))
		prepare(c);
	while (c->state == MODBUS_SENDING && n < size && c->out_at < c->out_len)
		out[n++] = c->out[c->out_at++];
	if (c->state == MODBUS_SENDING && c->out_at == c->out_len) {
		c->state = MODBUS_WAITING;
		c->due = mono_after(now, c->limits->reply_ms);
	}
	return n;
}

void
modbus_call_time(struct modbus_call *c, struct mono now)
{
	if (c->state != MODBUS_WAITING || !mono_reached(now, c->due))
		return;
	c->unheard++;
	try_again(c, now, 0);
}

struct mono
modbus_call_deadline(const struct modbus_call *c)
{
	return c->state == MODBUS_QUIET || c->state == MODBUS_WAITING ? c->due : MONO_NEVER;
}

void
modbus_call_complain(const struct modbus_call *c, char *out, size_t size)
{
	unsigned function = c->request.data[0], at = c->request.data[1] << 8 | c->request.data[2];

	if (function == MODBUS_WRITE_FILE)
		at = c->request.data[5] << 8 | c->request.data[6];
	if (c->exception)
		snprintf(out, size, "expected an answer to function %u at %u, got exception %u, %s",
		    function, at, c->exception, modbus_frame_exception(c->exception));
	else
		snprintf(out, size, "expected an answer to function %u at %u within %u ms, got %s",
		    function, at, (unsigned)c->limits->reply_ms,
		    c->nonsense ? "one that does not fit" : (c->heard ? "something else" : "none"));
}
