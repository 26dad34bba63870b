/*
 * sim_loop: common/loop.h in virtual time: only timers happen; descriptors and sockets belong to
 * what is simulated otherwise.
 */
#include <stdlib.h>

#include "sim.h"

struct loop {
	struct loop_timer *timers;
};

enum err
loop_new(struct loop **out)
{
	*out = calloc(1, sizeof(**out));
	return *out ? ERR_OK : ERR_NOMEM;
}

void
loop_free(struct loop *l)
{
	free(l);
}

void
loop_timer_clear(struct loop *l, struct loop_timer *t)
{
	for (struct loop_timer **at = &l->timers; *at; at = &(*at)->next) {
		if (*at != t)
			continue;
		*at = t->next;
		break;
	}
	t->set = false;
}

/* In lively worlds what is due at once comes a little later: others want the processor, too. */
static struct mono
lag(struct mono due)
{
	static struct sim_stream s;

	if (!sim()->lively || due.ms > sim_mono().ms)
		return due;
	if (!s.state)
		s = sim_stream("processor");
	return mono_after(sim_mono(), (int64_t)sim_stream_below(&s, 30));
}

void
loop_timer_set(struct loop *l, struct loop_timer *t, struct mono due, loop_on_timer *fn, void *arg)
{
	loop_timer_clear(l, t);
	due = lag(due);
	struct loop_timer **at = &l->timers;
	while (*at && (*at)->due.ms <= due.ms)
		at = &(*at)->next;
	*t = (struct loop_timer){fn, arg, due, *at, true};
	*at = t;
}

int64_t
sim_loop_due(const struct loop *l)
{
	if (!l->timers || l->timers->due.ms >= INT64_MAX / 2000000)
		return SIM_NEVER;
	int64_t at = sim()->boot_at + (l->timers->due.ms - 5000) * SIM_MS;
	return at < sim()->now ? sim()->now : at;
}

void
sim_loop_fire(void *loop)
{
	struct loop *l = loop;
	struct loop_timer *t = l->timers;

	loop_timer_clear(l, t);
	t->fn(t->arg);
}

enum err
loop_watch_fd(struct loop *l, int fd, short events, loop_on_ready *fn, void *arg)
{
	(void)l, (void)fd, (void)events, (void)fn, (void)arg;
	return ERR_OK;
}

void
loop_change_fd(struct loop *l, int fd, short events)
{
	(void)l, (void)fd, (void)events;
}

void
loop_unwatch_fd(struct loop *l, int fd)
{
	(void)l, (void)fd;
}

enum err
loop_watch_socket(struct loop *l, void *socket, loop_on_ready *fn, void *arg)
{
	(void)l, (void)socket, (void)fn, (void)arg;
	return ERR_OK;
}

void
loop_unwatch_socket(struct loop *l, void *socket)
{
	(void)l, (void)socket;
}

int
loop_run(struct loop *l)
{
	(void)l;
	return -1;
}

bool
loop_once(struct loop *l, int max_wait_ms)
{
	(void)l, (void)max_wait_ms;
	return false;
}

void
loop_stop(struct loop *l)
{
	(void)l;
}
