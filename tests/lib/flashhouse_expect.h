/*
 * flashhouse_expect: what tests of flashd expect of the house (flashhouse.h), said in one line
 * each; and messages for any device, where flashhouse.h speaks for the first one.
 */
#ifndef SUBOTA_TESTS_FLASHHOUSE_EXPECT_H
#define SUBOTA_TESTS_FLASHHOUSE_EXPECT_H

#include "flashhouse.h"

/* The upgrade ends within 20 s, so and for this reason. */
void flashhouse_expect_end(struct flashhouse *h, uint64_t id, Pb__Phase phase, enum err error);

/* This device runs the new image for good and got exactly the signed bytes. */
void flashhouse_expect_upgraded(struct flashhouse *h, struct smp_tty *device);
/* It runs the old one for good, and never got a byte. */
void flashhouse_expect_untouched(struct flashhouse *h);
/* It runs the old one, and what it got of the new one is what was signed. */
void flashhouse_expect_old(struct flashhouse *h);

/* The plan is answered so and for this reason. */
void flashhouse_expect_verdict(
    struct flashhouse *h, uint64_t id, Pb__Verdict verdict, enum err reason);

/* An offer and an order for what `device_key`, `component` and `version` say (NULL: as usual). */
struct flashhouse_target {
	const char *device_key, *component, *version;
};
void flashhouse_offer_for(struct flashhouse *h, uint64_t id, const struct flashhouse_target *t);
void flashhouse_order_for(struct flashhouse *h, uint64_t id, const struct flashhouse_target *t);
/* Offer until the device has been asked and the plan is accepted, then order.
 * Forgets what came of this upgrade before. */
void flashhouse_begin_for(struct flashhouse *h, uint64_t id, const struct flashhouse_target *t);

/* The device takes so long for a piece, and so long to boot. */
void flashhouse_slow_down(struct flashhouse *h, unsigned piece_ms, unsigned boot_ms);
void flashhouse_quirk(struct flashhouse *h, unsigned quirk);

/* A session process of flashd, waiting 20 s for one. */
int flashhouse_session(struct flashhouse *h);
/* Wait for a process, whoever's, to end; false after 20 s. */
bool flashhouse_has_ended(struct flashhouse *h, int pid);

#endif
