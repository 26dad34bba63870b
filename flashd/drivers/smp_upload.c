/*
 * smp_upload: go-back-N with a careful window; see smp_upload.h.
 *
 * `flight` is in the order of sending and its offsets are contiguous up to `next`. Going back
 * empties it, so that answers of the old epoch are no longer known and can only move `acked`
 * forward.
 */
#include "smp_upload.h"

#include <string.h>

enum {
	SOON = 64,      /* a loss within so many answers is blamed on the window */
	TRY_FIRST = 64, /* good answers before a higher ceiling is tried */
	TRY_LAST = 4096,
	PAUSE_MS = 50, /* after "busy", doubled with each in a row */
	PAUSE_MOST_MS = 1600,
	PATIENCE_FLOOR_MS = 200,
	BACKOFF_MOST = 2, /* patience is at most 2^2 times reply_ms */
};

void
smp_upload_init(struct smp_upload *u, const struct smp_upload_limits *l, uint64_t size)
{
	*u = (struct smp_upload){
	    .limits = *l,
	    .size = size,
	    .window = 1,
	    .ceiling = l->window,
	    .try_after = TRY_FIRST,
	    .timer = MONO_NEVER,
	};
}

bool
smp_upload_done(const struct smp_upload *u)
{
	return u->acked == u->size;
}

/* Until the device has answered the first piece nothing may follow it. */
static unsigned
window_now(const struct smp_upload *u)
{
	return u->acked == 0 ? 1 : u->window;
}

bool
smp_upload_want(const struct smp_upload *u, struct mono now, uint64_t *off, uint32_t *len)
{
	uint32_t most = u->next == 0 ? u->limits.first_chunk : u->limits.chunk;

	if (u->n >= window_now(u) || u->next >= u->size || !mono_reached(now, u->not_before))
		return false;
	*off = u->next;
	*len = u->size - u->next < most ? (uint32_t)(u->size - u->next) : most;
	return true;
}

void
smp_upload_sent(struct smp_upload *u, uint8_t seq, uint64_t off, uint32_t len, struct mono now)
{
	if (u->n == 0)
		u->timer = now;
	u->flight[u->n++] = (struct smp_upload_piece){
	    .seq = seq, .off = off, .len = len, .sent = now};
	u->next = off + len;
	if (u->next > u->sent_to)
		u->sent_to = u->next;
}

static unsigned
find(const struct smp_upload *u, uint8_t seq)
{
	unsigned i = 0;

	while (i < u->n && u->flight[i].seq != seq)
		i++;
	return i;
}

bool
smp_upload_knows(const struct smp_upload *u, uint8_t seq)
{
	return find(u, seq) < u->n;
}

static uint32_t
patience(const struct smp_upload *u)
{
	uint64_t ms = 2 * (uint64_t)u->worst_ms + PATIENCE_FLOOR_MS;
	unsigned doubled = u->silences < BACKOFF_MOST ? u->silences : BACKOFF_MOST;

	if (u->acked == 0)
		return u->limits.first_reply_ms;
	if (u->worst_ms == 0 || ms > u->limits.reply_ms)
		ms = u->limits.reply_ms;
	return (uint32_t)(ms << doubled);
}

/* The oldest `k` pieces are dealt with. */
static void
drop_oldest(struct smp_upload *u, unsigned k)
{
	memmove(u->flight, u->flight + k, (u->n - k) * sizeof(u->flight[0]));
	u->n -= k;
}

static void
shrink(struct smp_upload *u)
{
	if (u->window > 1 && u->since_grown < SOON) {
		u->ceiling = u->window - 1;
		u->try_after = u->try_after * 4 < TRY_LAST ? u->try_after * 4 : TRY_LAST;
	}
	u->window = 1;
	u->good = 0;
	u->since_grown = 0;
}

static void
grow(struct smp_upload *u)
{
	u->good++;
	u->since_grown++;
	if (u->window == u->ceiling && u->ceiling < u->limits.window && u->good >= u->try_after) {
		u->ceiling++;
		u->good = 0;
	}
	if (u->window >= u->ceiling)
		return;
	u->window++;
	u->since_grown = 0;
}

/* Go back (or forward) to `off`: one rewind for all that is in flight. */
static enum err
go_to(struct smp_upload *u, uint64_t off)
{
	u->n = 0;
	u->next = off;
	u->timer = MONO_NEVER;
	u->rewinds++;
	shrink(u);
	return ++u->fruitless > SMP_UPLOAD_FRUITLESS ? ERR_DEVICE_PROTO : ERR_OK;
}

static void
advance(struct smp_upload *u, uint64_t off)
{
	u->acked = off;
	if (off <= u->highest)
		return;
	u->highest = off;
	u->fruitless = 0;
}

/* The device has all below `off`, which is not below `acked`: slide, and jump if it is further
 * than the pieces in flight. */
static enum err
forward(struct smp_upload *u, uint64_t off, struct mono now)
{
	unsigned k = 0;

	while (k < u->n && u->flight[k].off + u->flight[k].len <= off)
		k++;
	drop_oldest(u, k);
	advance(u, off);
	u->silences = 0;
	u->timer = u->n > 0 ? now : MONO_NEVER;
	if (u->n == 0 && u->next < off)
		u->next = off;
	if (u->n > 0 && u->flight[0].off != off)
		return go_to(u, off);
	return ERR_OK;
}

static void
sample(struct smp_upload *u, int64_t ms)
{
	uint32_t faded = u->worst_ms - u->worst_ms / 8;

	ms = ms < 1 ? 1 : ms > u->limits.reply_ms ? u->limits.reply_ms : ms;
	u->worst_ms = (uint32_t)ms > faded ? (uint32_t)ms : faded;
}

enum err
smp_upload_answer(struct smp_upload *u, uint8_t seq, uint64_t off, struct mono now)
{
	unsigned i = find(u, seq);

	if (i == u->n) { /* of an earlier epoch: late is not lost */
		if (off <= u->acked || off > u->sent_to)
			return ERR_OK;
		sample(u, mono_between(u->gave_up, now));
		return forward(u, off, now);
	}
	if (off > u->size)
		return ERR_DEVICE_PROTO;

	struct smp_upload_piece p = u->flight[i];

	if (p.off > 0)
		sample(u, mono_between(p.sent, now));
	u->silences = 0;
	if (off < p.off + p.len) { /* this piece or one before it was dropped, or cut short */
		advance(u, off);
		return go_to(u, off);
	}
	if (off == p.off + p.len)
		grow(u);
	return forward(u, off, now);
}

enum err
smp_upload_refused(struct smp_upload *u, uint8_t seq, struct mono now)
{
	unsigned i = find(u, seq);
	uint32_t pause = PAUSE_MS << (u->fruitless < 5 ? u->fruitless : 5);

	if (i == u->n)
		return ERR_OK;
	u->silences = 0;
	u->not_before = mono_after(now, pause < PAUSE_MOST_MS ? pause : PAUSE_MOST_MS);
	if (i == 0)
		return go_to(u, u->flight[0].off);

	uint64_t off = u->flight[i].off;
	unsigned older = i;
	enum err e = go_to(u, off);

	u->n = older; /* these may still be answered */
	u->timer = now;
	return e;
}

enum err
smp_upload_lost(struct smp_upload *u)
{
	if (u->n > 0)
		u->gave_up = u->flight[0].sent;
	return go_to(u, u->acked);
}

void
smp_upload_restart(struct smp_upload *u)
{
	u->n = 0;
	u->next = 0;
	u->acked = 0;
	u->timer = MONO_NEVER;
	u->silences = 0;
	u->worst_ms = 0;
	u->not_before = (struct mono){0};
	u->window = 1;
	u->good = u->since_grown = 0;
}

struct mono
smp_upload_deadline(const struct smp_upload *u)
{
	struct mono due = u->n > 0 ? mono_after(u->timer, patience(u)) : MONO_NEVER;

	return u->not_before.ms > 0 && u->not_before.ms < due.ms ? u->not_before : due;
}

enum err
smp_upload_time(struct smp_upload *u, struct mono now)
{
	if (mono_reached(now, u->not_before))
		u->not_before = (struct mono){0};
	if (u->n == 0 || !mono_reached(now, mono_after(u->timer, patience(u))))
		return ERR_OK;
	if (++u->silences >= u->limits.stalls)
		return ERR_DEVICE_AWAY;
	/* silence is counted by itself: a device that is away rewinds nothing */
	u->fruitless -= u->fruitless > 0;
	return smp_upload_lost(u);
}
