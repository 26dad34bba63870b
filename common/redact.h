/*
 * redact: envelopes without what they should not tell whoever listens. Which field hides what is an
 * option of the schema (proto/subota.proto, `redact`); the build makes a table of it, for
 * protobuf-c knows no options. The tap shows nothing else; captures, replay and diff take the same
 * way.
 */
#ifndef SUBOTA_REDACT_H
#define SUBOTA_REDACT_H

#include <subota.pb-c.h>

#include "err.h"

#define REDACT_TEXT "(redacted)"

/* What the schema decided; UNDECIDED, which is shown, where it says nothing. */
Pb__Redact redact_of(const ProtobufCMessageDescriptor *d, const ProtobufCFieldDescriptor *f);

/* A copy of `e`, the caller's (msg_free), redacted at every depth: a text of which nothing is shown
 * is REDACT_TEXT unless it is empty, bytes are empty, other values as if never set; messages are
 * looked into only. ERR_NOMEM. */
enum err redact_envelope(const Pb__Envelope *e, Pb__Envelope **out) MUST_CHECK;

/* Take what identifies or authorises out of every address in a text, in place: what follows its
 * '?' or '#', a user and password before '@'. An address begins behind "://" and ends at a blank,
 * whatever else is in it: one that is cut too far does no harm. Pure. */
void redact_addresses(char *text);

#endif
