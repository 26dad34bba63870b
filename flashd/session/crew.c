/*
 * crew: see crew.h.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "crew.h"
#include "hatch.h"
#include "log.h"

enum { CHANNEL, LINK, IMAGE, GPIO, THINGS };

/* A link, its ferry, and all that came with the order. */
struct seat {
	struct seat *next;
	struct chan *chan;
	struct ferry *ferry;
	int fds[THINGS]; /* -1 = none; the channel's is the channel's */
	struct mono due;
};

struct crew {
	int hatch; /* -1: it has ended */
	work_find *find;
	struct seat *seats;
	size_t n;
	struct pollfd fds[1 + 2 * CREW_LINKS];
};

enum err
crew_new(int hatch, work_find *find, struct crew **out)
{
	struct crew *c = calloc(1, sizeof(*c));

	if (!c)
		return ERR_NOMEM;
	c->hatch = hatch;
	c->find = find;
	*out = c;
	return ERR_OK;
}

static void
seat_free(struct seat *s)
{
	ferry_free(s->ferry);
	chan_free(s->chan);
	for (int i = 0; i < THINGS; i++)
		if (s->fds[i] >= 0)
			close(s->fds[i]);
	free(s);
}

void
crew_free(struct crew *c)
{
	if (!c)
		return;
	while (c->seats) {
		struct seat *s = c->seats;

		c->seats = s->next;
		seat_free(s);
	}
	free(c);
}

/* --- orders ----------------------------------------------------------------------------------- */

/* Which descriptor is what; false when the byte does not fit their number. */
static bool
sort(struct seat *s, uint8_t what, const int *fds, size_t n)
{
	size_t at = 2;

	if (what & ~(unsigned)(CREW_IMAGE | CREW_GPIO) ||
	    n != 2u + !!(what & CREW_IMAGE) + !!(what & CREW_GPIO))
		return false;
	s->fds[CHANNEL] = fds[0];
	s->fds[LINK] = fds[1];
	if (what & CREW_IMAGE)
		s->fds[IMAGE] = fds[at++];
	if (what & CREW_GPIO)
		s->fds[GPIO] = fds[at];
	return true;
}

static enum err
man(struct crew *c, struct seat *s)
{
	enum err e = chan_new(s->fds[CHANNEL], WHO_SESSION, WHO_FLASHD, &s->chan);

	if (e)
		return e;
	s->fds[CHANNEL] = -1;
	return ferry_new(s->chan,
	    &(struct ferry_ends){
		.link = s->fds[LINK], .image = s->fds[IMAGE], .gpio = s->fds[GPIO]},
	    c->find, &s->ferry);
}

/* What cannot be taken is closed, which tells flashd. */
static void
take_on(struct crew *c, uint8_t what, const int *fds, size_t n)
{
	struct seat *s = c->n < CREW_LINKS ? calloc(1, sizeof(*s)) : NULL;
	bool fits = false;
	enum err e = s ? ERR_OK : ERR_LIMIT;

	if (s) {
		memset(s->fds, 0xff, sizeof(s->fds));
		fits = sort(s, what, fds, n);
		e = fits ? man(c, s) : ERR_MALFORMED;
	}
	for (size_t i = 0; i < n && !fits; i++)
		close(fds[i]);
	if (e != ERR_OK) {
		log_error(NULL, "session: cannot take on a link: %s", err_text(e));
		if (s)
			seat_free(s);
		return;
	}
	s->next = c->seats;
	c->seats = s;
	c->n++;
}

static void
open_hatch(struct crew *c)
{
	int fds[HATCH_MOST];
	size_t n = 0;
	uint8_t what = 0;
	enum err e = hatch_take_all(c->hatch, 0, &what, fds, &n);

	if (e == ERR_OK)
		take_on(c, what, fds, n);
	else if (e != ERR_TIMEOUT)
		c->hatch = -1;
	if (e != ERR_OK && e != ERR_TIMEOUT && e != ERR_CLOSED)
		log_error(NULL, "session: expected a link, got: %s", err_text(e));
}

/* --- the loop --------------------------------------------------------------------------------- */

/* What all wait for; how long at most. */
static int
gather(struct crew *c, struct mono now)
{
	int least = -1;
	size_t i = 1;

	c->fds[0] = (struct pollfd){.fd = c->hatch, .events = POLLIN};
	for (struct seat *s = c->seats; s; s = s->next, i += 2) {
		int ms = ferry_wants(s->ferry, now, &c->fds[i]);

		s->due = ms < 0 ? MONO_NEVER : mono_after(now, ms);
		if (ms >= 0 && (least < 0 || ms < least))
			least = ms;
	}
	return least;
}

static void
turn(struct crew *c)
{
	struct mono now = clock_now();
	struct seat **at = &c->seats;

	for (size_t i = 1; *at; i += 2) {
		struct seat *s = *at;
		bool called = c->fds[i].revents || c->fds[i + 1].revents;

		if ((!called && !mono_reached(now, s->due)) || ferry_act(s->ferry, &c->fds[i])) {
			at = &s->next;
			continue;
		}
		*at = s->next;
		c->n--;
		seat_free(s);
	}
}

bool
crew_step(struct crew *c, int max_wait_ms)
{
	int ms = gather(c, clock_now());

	if (ms < 0 || (max_wait_ms >= 0 && ms > max_wait_ms))
		ms = max_wait_ms;
	if (poll(c->fds, 1 + 2 * c->n, ms) < 0) {
		if (errno != EINTR)
			return false;
		for (size_t i = 0; i < 1 + 2 * c->n; i++)
			c->fds[i].revents = 0;
	}
	turn(c);
	if (c->fds[0].revents)
		open_hatch(c);
	return c->hatch >= 0 || c->seats;
}
