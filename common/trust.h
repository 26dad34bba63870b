/*
 * trust: why a byte may reach a device. Who verifies (the gate to fail early, flashd because it
 * believes nobody) has one of these with a state directory of its own.
 *
 * The anchor is root.1 in ANCHOR_DIR (part of the operating system's image). Newer root documents
 * arrive inside bundles: exactly one version up, signed by the threshold of the version before and
 * by its own; kept in STATE_DIR as root.N and root.N.sigM after the whole chain was verified, and
 * verified again at each start. Without an anchor everything is refused, loudly: there is no first
 * use.
 *
 * trust_verify, in this order: the bundle's newer roots; is the manifest revoked; signatures over
 * the raw bytes, each public key counting once; only then strict parsing; the trusted comment of
 * each counted signature; the manifest's role, its threshold and its scope over every target and
 * component; time; the signed floors. Nothing of a manifest is parsed before a threshold of known,
 * unrevoked keys has signed it.
 */
#ifndef SUBOTA_TRUST_H
#define SUBOTA_TRUST_H

#include <bundle.pb-c.h>
#include <stdbool.h>
#include <stdint.h>

#include "auto.h"
#include "bundle.h"
#include "err.h"
#include "manifest.h"
#include "minisig.h"

struct trust;

struct trust_policy {
	bool lab;          /* accept the keys of our own test data */
	bool dry;          /* read the state directory, write nothing into it */
	uint64_t build_ms; /* nothing happened before this program was built; 0 = no statement */
	uint64_t
	    offline_grace_ms; /* how long past its end a manifest may be for a clock nobody set */
};

/* What the clock says and whether that can be believed. `bound_ms` is the latest time the caller
 * knows to have passed (persisted by it); 0 = none. Fixed once per upgrade: `settled` says that an
 * earlier verification of the same let its device be changed, and nothing that ends or begins
 * counts any more. */
struct trust_time {
	uint64_t now_ms;
	bool synchronised;
	uint64_t bound_ms;
	bool settled;
};

/* clang-format off */
/*      name             what it says when it holds */
#define TRUST_STEPS(X)                                                       \
	X(TRUST_ANCHOR,    "a root document is there")                       \
	X(TRUST_ROOTS,     "the chain of root documents holds")              \
	X(TRUST_REVOKED,   "the manifest is not revoked")                    \
	X(TRUST_SIGNED,    "enough known keys signed the manifest")          \
	X(TRUST_PARSED,    "the manifest is well formed")                    \
	X(TRUST_COMMENT,   "the trusted comments say what the manifest says") \
	X(TRUST_SCOPE,     "the role may sign for this")                     \
	X(TRUST_TIME,      "it is valid today")                              \
	X(TRUST_FLOORS,    "it is not below the signed floors")
/* clang-format on */

enum trust_step {
#define X(name, text) name,
	TRUST_STEPS(X)
#undef X
	    TRUST_STEP_COUNT
};

/* How far a verification came, for logs, events and people. */
struct trust_result {
	enum err error;
	enum trust_step step; /* that refused, TRUST_STEP_COUNT when all hold */
	char why[WHY_SIZE];   /* expected ..., got ... */
	uint8_t signers[BUNDLE_SIGS_MAX][MINISIG_KEY_ID];
	size_t n_signers;
	uint32_t root_version; /* judged by this one */
	bool clock_behind; /* the clock is before what is known to have passed: raise an alarm */
};

/* Load root.1 and the newer ones. `state_dir` may be NULL: nothing is kept (tools). ERR_OK with
 * trust_refuses_all() when there is no usable root.1; ERR_DENIED when root.1 is writable by others
 * or owned by somebody else than root (or us, when we are not root); ERR_TEST_KEY. Refuse to start
 * on an error. A damaged newer root ends the chain there and is logged. */
enum err trust_open(const char *anchor_dir, const char *state_dir,
    const struct trust_policy *policy, struct trust **out) MUST_CHECK;
void trust_close(struct trust *t);
AUTO_DEFINE(trust, struct trust *, trust_close)

bool trust_refuses_all(const struct trust *t);
uint32_t trust_root_version(const struct trust *t); /* 0 = refuses all */

/* Take newer roots from a bundle's head; nothing changes unless the chain as a whole holds.
 * Versions we have are passed over when identical. ERR_ROOT (gap, other content, not acceptable),
 * ERR_THRESHOLD, ERR_SCOPE (signed, but by no root key), ERR_ROOT_EXPIRED. Kept even if the bundle
 * itself is refused later. */
enum err trust_apply_roots(struct trust *t, const struct bundle_head *h,
    const struct trust_time *time, char why[WHY_SIZE]) MUST_CHECK;

/* The whole verification, as above. On ERR_OK the manifest is the caller's. `res` is filled always.
 * ERR_NO_TRUST, those of trust_apply_roots, ERR_KEY_REVOKED, ERR_THRESHOLD, those of
 * manifest_parse, ERR_SCOPE, ERR_EXPIRED, ERR_NOT_YET, ERR_TIME, ERR_ROLLBACK (below every floor).
 */
enum err trust_verify(struct trust *t, const struct bundle_head *h, const struct trust_time *time,
    Tr__Manifest **out, struct trust_result *res) MUST_CHECK;

/* Signed floors for one target; 0 and 0 when there are none. */
void trust_floor(const struct trust *t, const char *vendor, const char *model,
    const char *component, uint64_t *min_counter, uint64_t *min_sequence);

/* The role's longest jump of the sequence; 0 for an unknown role. */
uint64_t trust_max_gap(const struct trust *t, const char *role);

/* Root version that last took a key away from the role (1 = never): stored sequences of an older
 * generation count no more (rollback.h). */
uint32_t trust_generation(const struct trust *t, const char *role);

/* The latest time known to have passed: roots and manifests that were verified, build. The caller
 * persists it and hands it back in trust_time. */
uint64_t trust_bound_ms(const struct trust *t);

/* Times the manifest parser was entered, since trust_open. */
uint64_t trust_parsed(const struct trust *t);

const char *trust_step_name(enum trust_step step); /* "TRUST_SIGNED" */
const char *trust_step_text(enum trust_step step);

#endif
