/*
 * policy: may this plan be carried out on this device now? Pure.
 *
 * flashd decides from its own configuration and from what the device last said of itself; the plan
 * can only add conditions (battery, signal, space), never lift one. Each verdict other than ACCEPT
 * has the error that the platform is told and a sentence with both values. DEFER means: nothing is
 * wrong with the plan, ask again at `until`. ASKED, the last of all, means: a person has to say
 * yes.
 */
#ifndef SUBOTA_POLICY_H
#define SUBOTA_POLICY_H

#include <stdbool.h>
#include <subota.pb-c.h>

#include "err.h"
#include "why.h"

/* Each is stricter than the one before it. */
enum policy_mode { POLICY_AUTO, POLICY_ASK, POLICY_NEVER };

enum { POLICY_BATTERY_UNKNOWN = 101, POLICY_LATER_MS = 60000, POLICY_SOON_MS = 10000 };

/* The device a plan is for, as configured and as last heard. */
struct policy_device {
	bool known; /* configured here */
	enum policy_mode mode;
	bool consent; /* a person on the gateway has said yes */
	const char *component;
	const char *rule;       /* name of the policy that holds; NULL = the device's own */
	uint32_t min_battery;   /* percent; 0 = any */
	int32_t min_signal_dbm; /* 0 = any */
	const char *windows;    /* when upgrades may begin; NULL = always */
	unsigned minute;        /* of the week, local time */
	uint64_t opens_in_ms;   /* the next window; 0 = one is open */
	Pb__DeviceState state;
	const char *version;   /* "" = never answered */
	bool on_trial;         /* it may run another one, which is not kept */
	uint32_t battery;      /* percent; 101 = mains or unknown */
	int32_t signal_dbm;    /* 0 = unknown */
	uint64_t space;        /* for an image, bytes; 0 = unknown */
	const char *busy_with; /* why it is not free now; NULL = free */
};

struct policy_verdict {
	Pb__Verdict verdict;
	enum err reason;
	char detail[WHY_SIZE];
	uint64_t until; /* DEFER: wall clock, ms */
};

void policy_judge(const struct policy_device *d, const Pb__PlanOffer *o, uint64_t wall_ms,
    struct policy_verdict *out);

/* Each check on its own, whether it holds or not. */
void policy_explain(
    const struct policy_device *d, const Pb__PlanOffer *o, why_on_check *fn, void *arg);

#endif
