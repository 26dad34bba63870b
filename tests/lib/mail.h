/*
 * mail: messages that a test's end of a link keeps beyond the bus' callback.
 */
#ifndef SUBOTA_TESTS_MAIL_H
#define SUBOTA_TESTS_MAIL_H

#include "msg.h"

/* A copy that went through its bytes, as if it had just come in; freed with msg_free. Fails the
 * test if it cannot. */
Pb__Envelope *mail_copy(const Pb__Envelope *e);

#endif
