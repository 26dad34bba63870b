/*
 * trust_chain: the root documents, from the anchor (root.1) to the newest, each signed by the
 * threshold of the one before and by its own. The inner part of trust.h.
 */
#ifndef SUBOTA_TRUST_CHAIN_H
#define SUBOTA_TRUST_CHAIN_H

#include "bundle.h"
#include "root.h"

enum { TRUST_CHAIN_MAX = 1024 };

struct trust_link {
	Tr__Root *doc; /* version = index + 1 */
	uint8_t digest[BUNDLE_DIGEST];
};

struct trust_chain {
	struct trust_link *links;
	size_t n; /* 0 = no anchor: everything is refused */
	bool lab;
	int state_fd; /* directory for newer roots, -1 = nothing is kept */
};

/* Anchor, then what the state directory holds, verified again. ERR_DENIED, ERR_TEST_KEY: see
 * trust_open. */
enum err trust_chain_load(struct trust_chain *c, const char *anchor_dir) MUST_CHECK;
void trust_chain_fini(struct trust_chain *c);

/* Lengthen the chain in memory by the newer roots of `h`. On any error the chain is as it was.
 * *n_before is its length before; trust_chain_keep or trust_chain_drop must follow. */
enum err trust_chain_offer(struct trust_chain *c, const struct bundle_head *h, size_t *n_before,
    char why[WHY_SIZE]) MUST_CHECK;
/* Make what came after `n_before` durable; on an error it is dropped. */
enum err trust_chain_keep(struct trust_chain *c, const struct bundle_head *h, size_t n_before,
    char why[WHY_SIZE]) MUST_CHECK;
void trust_chain_drop(struct trust_chain *c, size_t n_before);

/* The newest document, NULL if there is none. */
const Tr__Root *trust_chain_top(const struct trust_chain *c);

/* Version that last took a key from the role; 1 = never. */
uint32_t trust_chain_generation(const struct trust_chain *c, const char *role);

#endif
