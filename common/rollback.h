/*
 * rollback: may this manifest replace what runs? One pure function; who stores the numbers (flashd)
 * raises them only after the device ran and confirmed the image, and never lowers them.
 *
 * Hard: the security counter must not be below what was confirmed, the signed floor, or the
 * device's own counter; no local knob, only a newer root document can lower a floor. The sequence
 * must rise by at most max_gap (a thief of a release key would else lock everybody out with 2^63);
 * the same sequence is only the same manifest again. To go back, a publisher signs the old image
 * with a higher sequence. When a root document took a key away from the role, the stored sequence
 * counts no more.
 */
#ifndef SUBOTA_ROLLBACK_H
#define SUBOTA_ROLLBACK_H

#include <bundle.pb-c.h>
#include <stdbool.h>
#include <stdint.h>

#include "err.h"
#include "why.h"

#define ROLLBACK_MAX_GAP UINT64_C(1000000)

/* What is known of one component of one device. */
struct rollback_state {
	bool confirmed; /* the next four are of the last confirmed image */
	uint64_t counter;
	uint64_t sequence;
	uint8_t digest[32];  /* of its manifest */
	uint32_t generation; /* trust_generation() of its role at that time */
	bool device_has_counter;
	uint64_t device_counter; /* as the device says; may only raise the bar */
};

/* What the root document says today, for the role and target of the manifest. */
struct rollback_rules {
	uint64_t floor_counter; /* trust_floor() */
	uint64_t floor_sequence;
	uint64_t max_gap;            /* trust_max_gap(); 0 = ROLLBACK_MAX_GAP */
	uint32_t generation;         /* trust_generation() */
	bool same_counter_downgrade; /* local knob: a lower sequence is allowed at the same counter
				      */
};

/* ERR_OK: newer. ERR_ALREADY: the very manifest that is confirmed. ERR_ROLLBACK, ERR_REPLAY (same
 * sequence, other manifest), ERR_FAST_FORWARD. */
enum err rollback_check(const struct rollback_state *s, const struct rollback_rules *r,
    const Tr__Manifest *m, const uint8_t digest[32], char why[WHY_SIZE]) MUST_CHECK;

#endif
