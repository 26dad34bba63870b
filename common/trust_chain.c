/*
 * trust_chain: see trust_chain.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bundle_dir.h"
#include "log.h"
#include "remedy.h"
#include "signers.h"
#include "trust_chain.h"

enum { NAME_SIZE = 64, STATE_MODE = 0600 };

static void
root_name(char out[NAME_SIZE], uint32_t version)
{
	snprintf(out, NAME_SIZE, "root.%u", version);
}

static enum err
push(struct trust_chain *c, Tr__Root *doc, const struct bundle_bytes *bytes, char why[WHY_SIZE])
{
	if (c->n >= TRUST_CHAIN_MAX) {
		root_free(doc);
		return why_say(
		    why, ERR_LIMIT, "expected at most %d root documents", TRUST_CHAIN_MAX);
	}
	struct trust_link *more = realloc(c->links, (c->n + 1) * sizeof(*more));

	if (!more) {
		root_free(doc);
		return ERR_NOMEM;
	}
	c->links = more;
	c->links[c->n].doc = doc;
	crypto_generichash(c->links[c->n].digest, BUNDLE_DIGEST, bytes->data, bytes->len, NULL, 0);
	c->n++;
	return ERR_OK;
}

/* Do enough keys of the root role of `by` say yes to `s`? */
static enum err
check_signed(
    const struct bundle_signed *s, const Tr__Root *by, uint32_t version, char why[WHY_SIZE])
{
	const Tr__Role *role = root_role(by, ROOT_ROLE);
	struct signers found;

	signers_find(s, by, &found);
	size_t n = signers_in_role(&found, role);

	if (n >= role->threshold)
		return ERR_OK;
	enum err e = found.revoked ? ERR_KEY_REVOKED : found.n > n ? ERR_SCOPE : ERR_THRESHOLD;

	return why_say(why, e, "root.%u: expected %u signatures by root keys of root.%u, got %zu",
	    version, role->threshold, by->version, n);
}

/* Verify the next document and put it on top. */
static enum err
step_up(struct trust_chain *c, uint32_t version, const struct bundle_signed *s, char why[WHY_SIZE])
{
	const Tr__Root *top = trust_chain_top(c);
	AUTO(root) Tr__Root *doc = NULL;
	enum err e = check_signed(s, top, version, why);

	if (!e)
		e = root_parse(s->doc.data, s->doc.len, c->lab, &doc, why);
	if (e)
		return e;
	if (doc->version != version)
		return why_say(why, ERR_ROOT, "expected version %u in the document, got %u",
		    version, doc->version);
	e = check_signed(s, doc, version, why);
	return e ? e : push(c, HAND_OVER(doc), &s->doc, why);
}

static enum err
compare_known(const struct trust_chain *c, const struct bundle_root *r, char why[WHY_SIZE])
{
	uint8_t digest[BUNDLE_DIGEST];

	crypto_generichash(digest, sizeof(digest), r->text.doc.data, r->text.doc.len, NULL, 0);
	if (memcmp(digest, c->links[r->version - 1].digest, sizeof(digest)) == 0)
		return ERR_OK;
	return why_say(
	    why, ERR_ROOT, "expected the root.%u that is known, got another", r->version);
}

static enum err
offer_one(struct trust_chain *c, const struct bundle_root *r, char why[WHY_SIZE])
{
	if (r->version >= 1 && r->version <= c->n)
		return compare_known(c, r, why);
	if (r->version != c->n + 1)
		return why_say(
		    why, ERR_ROOT, "expected root.%zu next, got root.%u", c->n + 1, r->version);
	return step_up(c, r->version, &r->text, why);
}

enum err
trust_chain_offer(
    struct trust_chain *c, const struct bundle_head *h, size_t *n_before, char why[WHY_SIZE])
{
	enum err e = ERR_OK;

	*n_before = c->n;
	for (size_t i = 0; !e && i < h->n_roots; i++)
		e = offer_one(c, &h->roots[i], why);
	if (e)
		trust_chain_drop(c, *n_before);
	return e;
}

enum err
trust_chain_keep(
    struct trust_chain *c, const struct bundle_head *h, size_t n_before, char why[WHY_SIZE])
{
	enum err e = ERR_OK;

	for (size_t i = 0; c->state_fd >= 0 && !e && i < h->n_roots; i++) {
		char name[NAME_SIZE];

		if (h->roots[i].version <= n_before)
			continue;
		root_name(name, h->roots[i].version);
		e = bundle_dir_replace_signed(c->state_fd, name, &h->roots[i].text, STATE_MODE);
		if (e)
			e = why_say(why, e, "%s cannot be kept: %s%s", name, strerror(errno),
			    remedy(errno));
	}
	if (e)
		trust_chain_drop(c, n_before);
	return e;
}

void
trust_chain_drop(struct trust_chain *c, size_t n_before)
{
	while (c->n > n_before)
		root_free(c->links[--c->n].doc);
}

const Tr__Root *
trust_chain_top(const struct trust_chain *c)
{
	return c->n ? c->links[c->n - 1].doc : NULL;
}

/* Who may write to it can replace what we believe. */
static enum err
check_owner(int fd, const char *dir, const char *what)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return ERR_SYSTEM;
	if ((st.st_mode & (S_IWGRP | S_IWOTH)) == 0 && (st.st_uid == 0 || st.st_uid == geteuid()))
		return ERR_OK;
	log_error(NULL,
	    "trust: expected %s/%s owned by root and writable by its owner only, got "
	    "uid %u and mode %04o",
	    dir, what, (unsigned)st.st_uid, st.st_mode & 07777);
	return ERR_DENIED;
}

/* root.1; on ERR_OK without a document the chain stays empty. */
static enum err
load_anchor(struct trust_chain *c, const char *dir)
{
	char why[WHY_SIZE] = "";
	struct bundle_bytes b = {0};
	AUTO(root) Tr__Root *doc = NULL;
	AUTO(fd) int dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO(fd)
	int fd = dirfd < 0
		     ? -1
		     : openat(dirfd, "root.1", O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0) {
		log_error(
		    NULL, "trust: no %s/root.1 (%s): everything is refused", dir, strerror(errno));
		return ERR_OK;
	}
	if (check_owner(dirfd, dir, ".") || check_owner(fd, dir, "root.1"))
		return ERR_DENIED;
	enum err e = bundle_dir_read_file(dirfd, "root.1", BUNDLE_ROOT_BYTES, &b);

	if (!e)
		e = root_parse(b.data, b.len, c->lab, &doc, why);
	if (!e && doc->version != 1)
		e = why_say(why, ERR_ROOT, "expected version 1, got %u", doc->version);
	if (!e)
		e = push(c, HAND_OVER(doc), &b, why);
	free(b.data);
	if (!e || e == ERR_NOMEM)
		return e;
	log_error(NULL, "trust: %s/root.1: %s: %s", dir, err_text(e), why);
	return e == ERR_TEST_KEY ? e : ERR_OK;
}

/* One newer root from the state directory; false ends the chain. */
static bool
load_next(struct trust_chain *c)
{
	char name[NAME_SIZE], why[WHY_SIZE] = "";
	struct bundle_signed s = {0};

	root_name(name, (uint32_t)c->n + 1);
	enum err e = bundle_dir_load_signed(c->state_fd, name, BUNDLE_ROOT_BYTES, &s, why);

	if (!e)
		e = step_up(c, (uint32_t)c->n + 1, &s, why);
	bundle_signed_fini(&s);
	if (e && e != ERR_NOT_FOUND)
		log_error(NULL, "trust: kept %s: %s: %s; going on with root.%zu", name, err_text(e),
		    why, c->n);
	return e == ERR_OK;
}

enum err
trust_chain_load(struct trust_chain *c, const char *anchor_dir)
{
	enum err e = load_anchor(c, anchor_dir);

	if (e)
		return e;
	while (c->n > 0 && c->state_fd >= 0 && load_next(c))
		;
	return ERR_OK;
}

void
trust_chain_fini(struct trust_chain *c)
{
	trust_chain_drop(c, 0);
	free(c->links);
	c->links = NULL;
	if (c->state_fd >= 0)
		close(c->state_fd);
	c->state_fd = -1;
}

/* Does `next` lack or revoke a key that the role of `prev` had? */
static bool
takes_a_key(const Tr__Root *prev, const Tr__Root *next, const char *role)
{
	const Tr__Role *old = root_role(prev, role), *new = root_role(next, role);

	for (size_t i = 0; old && i < old->n_key_id; i++) {
		const uint8_t *id = old->key_id[i].data;

		if (!new || !root_role_has_key(new, id))
			return true;
		if (root_key_revoked(next, id) && !root_key_revoked(prev, id))
			return true;
	}
	return false;
}

uint32_t
trust_chain_generation(const struct trust_chain *c, const char *role)
{
	uint32_t generation = 1;

	for (size_t i = 1; i < c->n; i++)
		if (takes_a_key(c->links[i - 1].doc, c->links[i].doc, role))
			generation = (uint32_t)i + 1;
	return generation;
}
