/*
 * follow: see follow.h. The file is looked at often while it grows fast, and seldom while it does
 * not: the look is a system call, and what it finds is the better for being large.
 */
#include <sys/stat.h>

#include "follow.h"
#include "gate.h"
#include "works.h"

enum { SLICE_BYTES = 2 * 1024 * 1024, FAST_BYTES = 512 * 1024, FAST_MS = 4, SLOW_MS = 512 };

void
follow_drop(struct gate *g, uint64_t job)
{
	check_free(follow_take(g, job));
}

struct check *
follow_take(struct gate *g, uint64_t job)
{
	struct check *k = g->follow.check;

	if (g->follow.job != job)
		return NULL;
	loop_timer_clear(g->daemon->loop, &g->follow.timer);
	if (k)
		close(g->follow.fd);
	g->follow = (struct follow){0};
	return k;
}

/* Hash what is there. How long to wait then, negative: it cannot be followed. */
static int
look(struct follow *f)
{
	struct stat st;

	if (fstat(f->fd, &st) < 0)
		return -1;
	uint64_t have = (uint64_t)st.st_size;
	enum err e = check_follow(f->check, f->fd, have, SLICE_BYTES);
	bool fast = have > f->seen && have - f->seen >= FAST_BYTES;

	if (e == ERR_AGAIN)
		return 0;
	f->seen = have;
	f->wait_ms = fast || f->wait_ms == 0 ? FAST_MS : f->wait_ms * 2;
	f->wait_ms = f->wait_ms < SLOW_MS ? f->wait_ms : SLOW_MS;
	return e == ERR_OK ? f->wait_ms : -1;
}

static void
on_timer(void *arg)
{
	struct gate *g = arg;
	struct follow *f = &g->follow;
	struct image *i = book_image(&g->book, f->job);
	int wait_ms = FAST_MS;

	if (!i || i->state != IMAGE_FETCHING)
		return; /* the next report or the verification goes on here */
	if (!f->check) {
		works_judge_head(g, i);
		gate_settle(g);
	} else {
		wait_ms = look(f);
	}
	if (wait_ms < 0)
		follow_drop(g, f->job);
	else if (f->job && !f->timer.set)
		loop_timer_set(g->daemon->loop, &f->timer, mono_after(clock_now(), wait_ms),
		    on_timer, g);
}

static bool
is_busy_with_another(const struct gate *g, uint64_t job)
{
	const struct image *other = book_image(&g->book, g->follow.job);

	return g->follow.job != job && other && other->state == IMAGE_FETCHING;
}

void
follow_growth(struct gate *g, const struct image *i)
{
	struct follow *f = &g->follow;

	if (is_busy_with_another(g, i->id) || i->state != IMAGE_FETCHING)
		return;
	if (f->job != i->id) {
		if (i->head_judged)
			return; /* too late for this one */
		follow_drop(g, f->job);
		f->job = i->id;
	}
	if (!f->timer.set)
		loop_timer_set(g->daemon->loop, &f->timer, clock_now(), on_timer, g);
}

void
follow_head(struct gate *g, const struct image *i, const struct checked *c)
{
	struct follow *f = &g->follow;
	AUTO(check) struct check *k = NULL;

	if (f->job != i->id || f->check ||
	    store_incoming_open(g->store, i->id, &f->fd, &f->seen) != ERR_OK)
		return;
	if (check_early(c, &k) == ERR_OK)
		f->check = HAND_OVER(k);
	else
		close(f->fd);
}
