/*
 * flash_judge: gathers what policy has to know of a device - configuration, local time, what it
 * last said of itself - and has the plan judged.
 */
#ifndef SUBOTA_FLASH_JUDGE_H
#define SUBOTA_FLASH_JUDGE_H

#include "flash.h"
#include "policy.h"

/* `upgrade` is the plan's own id: it does not make its device busy. A device that is not known to
 * be there is asked soon. */
void flash_judge(struct flash *f, uint64_t upgrade, const Pb__PlanOffer *o, bool consent,
    struct policy_verdict *v);
/* The plan of an upgrade that was accepted, or that a person was asked about, as of now; of what it
 * demands, only the space is not kept. Consent is given. */
void flash_judge_again(struct flash *f, const struct device_upgrade *u, struct policy_verdict *v);

/* The same, with each check told on its own; nobody is asked because of it. */
void flash_judge_explain(
    struct flash *f, const Pb__PlanOffer *o, struct policy_verdict *v, why_on_check *fn, void *arg);

/* Is the order for what was agreed upon? ERR_MISMATCH. */
enum err flash_judge_agreed(
    const struct device_upgrade *u, const Pb__FlashOrder *o, char why[WHY_SIZE]) MUST_CHECK;

/* What the manifest says, for the health check and the counters. */
void flash_judge_take_image(
    const struct flash *f, struct device_upgrade *u, const struct verify_image *v);

#endif
