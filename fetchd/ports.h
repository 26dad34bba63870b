/*
 * ports: where package servers may listen ([fetchd] package_ports). The gate refuses an order that
 * leads to another port, in words; `subotactl firewall` holds the couriers' user to the same list,
 * which also holds a courier that was taken over, and one that was redirected. Pure.
 */
#ifndef SUBOTA_PORTS_H
#define SUBOTA_PORTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "why.h"

enum { PORTS_MAX = 32 };

struct ports {
	bool any;
	size_t n;
	uint16_t list[PORTS_MAX];
};

/* "443 8443" or "any"; "" stands for 443, and 80 where http is allowed. ERR_CONFIG with `why` (may
 * be NULL). */
enum err ports_parse(
    const char *text, bool allow_http, struct ports *out, char why[WHY_SIZE]) MUST_CHECK;
bool ports_has(const struct ports *p, unsigned port);

/* The port that an http or https address leads to; 0: it cannot be told. */
unsigned ports_of_url(const char *url);

#endif
