/*
 * orders: what goes to the gate and what comes from it. Orders are effects of conversations and are
 * sent again whenever the gate comes back; reports are taken in once each.
 */
#ifndef SUBOTA_ORDERS_H
#define SUBOTA_ORDERS_H

#include "cloud.h"

/* Everything that conversations want from the gate: offers, orders, cancels. */
void orders_run(struct cloud *c);
/* The report needs not be repeated any more. */
void orders_acknowledge(struct cloud *c, const char *source, uint64_t id);
/* Whether the platform can be reached. */
void orders_link_state(struct cloud *c);
void orders_on_message(struct cloud *c, const Pb__Envelope *e);

#endif
