/*
 * tap_filter: which lines of the tap are wanted, and how many were missed. Pure.
 */
#ifndef SUBOTA_TAP_FILTER_H
#define SUBOTA_TAP_FILTER_H

#include "ask.h"

/* Rows for the option table of a command that filters. */
#define TAP_FILTER_OPTIONS \
	{"kind", "KIND", false, true, "only such messages: FetchOrder, Report, ..."}, \
	    {"device", "DEVICE", false, false, "only of this device: PRODUCT/DEVICE or DEVICE"}, \
	    {"upgrade", "N", false, false, "only what concerns this upgrade"}, \
	{ \
		"link", "A-B", false, false, "only between these two: cloudd-fetchd" \
	}

struct tap_filter {
	const struct opt_set *options; /* borrowed: --kind */
	char product_key[64], device_key[64];
	uint64_t upgrade;
	enum who a, b; /* WHO_NONE: every link */
	uint64_t seen[ASK_DAEMONS];
	uint64_t missed;
};

/* From the options; ERR_INVALID after a complaint on stderr. */
enum err tap_filter_init(struct tap_filter *f, const struct opt_set *o) MUST_CHECK;

/* Counts the line, and says whether it is wanted. */
bool tap_filter_wants(struct tap_filter *f, const cJSON *line);

#endif
