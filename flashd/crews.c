/*
 * crews: see crews.h.
 */
#include <stdlib.h>

#include "crews.h"
#include "hatch.h"
#include "session/crew.h"

struct process {
	struct process *next;
	uint32_t id;
	int hatch; /* -1: let go, it takes nobody any more */
	size_t n;  /* links */
};

struct crews {
	struct nursery *nursery;
	size_t links;
	struct process *processes;
};

enum err
crews_new(struct nursery *nursery, size_t links, struct crews **out)
{
	struct crews *c = calloc(1, sizeof(*c));

	if (!c)
		return ERR_NOMEM;
	*c = (struct crews){.nursery = nursery, .links = links};
	*out = c;
	return ERR_OK;
}

static void
let_go(struct process *p)
{
	if (p->hatch >= 0)
		close(hand_over_fd(&p->hatch));
}

void
crews_free(struct crews *c)
{
	if (!c)
		return;
	while (c->processes) {
		struct process *p = c->processes;

		c->processes = p->next;
		let_go(p);
		free(p);
	}
	free(c);
}

/* Where it hangs in the list; what is there is NULL when it is not in it. */
static struct process **
find(struct crews *c, uint32_t id)
{
	struct process **at = &c->processes;

	while (*at && (*at)->id != id)
		at = &(*at)->next;
	return at;
}

static struct process *
find_room(const struct crews *c)
{
	struct process *p = c->processes;

	while (p && (p->hatch < 0 || p->n >= c->links))
		p = p->next;
	return p;
}

static enum err
start(struct crews *c, struct process **out)
{
	struct process *p = calloc(1, sizeof(*p));
	int pair[2] = {-1, -1};
	enum err e = p ? hatch_new(pair) : ERR_NOMEM;

	if (e == ERR_OK) {
		const struct nursery_birth birth = {
		    .program = NURSERY_CREW, .fds = {pair[1]}, .n_fds = 1};

		p->hatch = pair[0];
		e = nursery_spawn(c->nursery, &birth, &p->id);
		close(pair[1]);
		if (e != ERR_OK)
			let_go(p);
	}
	if (e != ERR_OK) {
		free(p);
		return e;
	}
	p->next = c->processes;
	c->processes = p;
	*out = p;
	return ERR_OK;
}

static enum err
give(const struct process *p, const struct crews_link *l)
{
	int fds[HATCH_MOST] = {l->channel, l->link};
	uint8_t what = 0;
	size_t n = 2;

	if (l->image >= 0) {
		what |= CREW_IMAGE;
		fds[n++] = l->image;
	}
	if (l->gpio >= 0) {
		what |= CREW_GPIO;
		fds[n++] = l->gpio;
	}
	return hatch_give_all(p->hatch, what, fds, n);
}

/* One that has died takes nobody: then the next. */
enum err
crews_join(struct crews *c, const struct crews_link *l, uint32_t *id)
{
	struct process *p = NULL;
	enum err e = ERR_CLOSED;

	while (e == ERR_CLOSED && (p = find_room(c))) {
		e = give(p, l);
		if (e == ERR_CLOSED)
			let_go(p);
	}
	if (!p) {
		e = start(c, &p);
		if (e == ERR_OK)
			e = give(p, l);
		if (e != ERR_OK && p)
			let_go(p);
	}
	if (e == ERR_OK) {
		*id = p->id;
		p->n++;
	}
	return e;
}

void
crews_leave(struct crews *c, uint32_t id)
{
	struct process *p = *find(c, id);

	if (p && p->n > 0 && --p->n == 0)
		let_go(p);
}

void
crews_on_end(struct crews *c, uint32_t id)
{
	struct process **at = find(c, id), *p = *at;

	if (!p)
		return;
	*at = p->next;
	let_go(p);
	free(p);
}
