/*
 * cloud_move: see cloud_move.h.
 */
#include <string.h>
#include <strings.h>

#include "cloud_move.h"

static const char *
product_of(const struct cloud *c, const struct move_place *p)
{
	return p->product_key[0] ? p->product_key : c->identity->product_key;
}

/* Why not; ERR_OK when there is nothing against it. */
static enum err
check(const struct cloud *c, const struct move_place *to, const char *secret, char why[WHY_SIZE])
{
	const char *own = secrets_find(c->secrets, product_of(c, to));

	if (to->host[0] && !move_is_listed(c->identity->move_to, to->host, to->port))
		return why_say(why, ERR_POLICY, "expected a server of move_to, got %.100s:%u",
		    to->host, to->port);
	if (!own || (secret && strcmp(own, secret) != 0))
		return why_say(why, ERR_POLICY,
		    "expected a product whose secret is configured here, got %s",
		    product_of(c, to));
	return ERR_OK;
}

static void
go(struct cloud *c)
{
	const struct move_place *p = move_place(&c->outbox.move);

	c->io.move(c->io.arg, p->host[0] ? p->host : NULL, p->port);
}

static void
tell(struct cloud *c, const char *event, enum err e, const struct move_place *p)
{
	char text[300];

	snprintf(text, sizeof(text), "server %.200s:%u, product %s",
	    p->host[0] ? p->host : "(configured)", p->port, product_of(c, p));
	cloud_tell(c, NULL, event, e, text);
}

void
cloud_move(struct cloud *c, const struct dialect_configure *f, bool *begun)
{
	struct move *m = &c->outbox.move;
	struct move_place to = *move_place(m);
	char why[WHY_SIZE];

	*begun = false;
	if (f->has_server) {
		memcpy(to.host, f->host, sizeof(to.host));
		to.port = f->port;
	}
	if (f->has_product)
		memcpy(to.product_key, f->product_key, sizeof(to.product_key));
	if (strcmp(to.product_key, c->identity->product_key) == 0)
		to.product_key[0] = '\0';
	if (strcasecmp(to.host, c->identity->host) == 0 && to.port == c->identity->port)
		to.host[0] = '\0', to.port = 0;
	bool new_product = f->has_product && f->product_key[0];

	if (check(c, &to, new_product ? f->product_secret : NULL, why) != ERR_OK) {
		cloud_tell(c, NULL, "move_refused", ERR_POLICY, why);
		return;
	}
	*begun = move_begin(m, &to);
	if (!*begun)
		return;
	memcpy(m->secret, f->new_device_secret, sizeof(m->secret));
	entry_init(&c->entry);
	tell(c, "move_begun", ERR_OK, &to);
	c->outbox.move_dirty = true;
	go(c);
}

void
cloud_move_resume(struct cloud *c)
{
	struct move *m = &c->outbox.move;
	char why[WHY_SIZE];

	bool trial_ends = m->trying && check(c, &m->trial, NULL, why) != ERR_OK;
	bool place_ends = check(c, &m->now, NULL, why) != ERR_OK;

	if (trial_ends)
		*m = (struct move){.now = m->now};
	if (place_ends)
		m->now = (struct move_place){0};
	if (trial_ends || place_ends)
		cloud_tell(c, NULL, "move_refused", ERR_POLICY, why);
	c->outbox.move_dirty = trial_ends || place_ends;
	go(c);
}

enum err
cloud_move_adopt(struct cloud *c)
{
	struct move *m = &c->outbox.move;
	struct dialect_sub self = {0};
	const char *product = product_of(c, move_place(m));

	snprintf(self.product_key, sizeof(self.product_key), "%s", product);
	snprintf(self.device_key, sizeof(self.device_key), "%s", c->identity->device_key);
	if (strcmp(product, c->outbox.gateway.product_key) != 0) {
		enum err e = outbox_move_gateway(
		    &c->outbox, &self, strcmp(product, c->identity->product_key) == 0);

		if (e != ERR_OK)
			return e;
	}
	c->product_secret = secrets_find(c->secrets, product);
	endpoint_format(&self, c->endpoint);
	if (m->trying && m->secret[0]) {
		cloud_set_secret(c, m->secret);
		explicit_bzero(m->secret, sizeof(m->secret));
		c->outbox.move_dirty = true;
	}
	return ERR_OK;
}

void
cloud_move_on_online(struct cloud *c)
{
	struct move *m = &c->outbox.move;

	if (!move_accept(m))
		return;
	c->outbox.move_dirty = true;
	tell(c, "moved", ERR_OK, &m->now);
}

/* A secret that only the trial knew makes room for the one that has been accepted before. */
static void
take_back_secret(struct cloud *c)
{
	struct outbox *o = &c->outbox;

	if (!o->gateway_spare[0])
		return;
	memcpy(o->gateway_secret, o->gateway_spare, sizeof(o->gateway_secret));
	explicit_bzero(o->gateway_spare, sizeof(o->gateway_spare));
	o->gateway_dirty = true;
}

void
cloud_move_on_failure(struct cloud *c)
{
	struct move *m = &c->outbox.move;
	struct move_place tried = m->trial;

	c->outbox.move_dirty |= m->trying;
	if (!move_fail(m))
		return;
	explicit_bzero(m->secret, sizeof(m->secret));
	take_back_secret(c);
	entry_init(&c->entry);
	tell(c, "move_failed", ERR_NETWORK, &tried);
	go(c);
	c->relink = c->io.now(c->io.arg);
}
