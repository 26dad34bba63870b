/*
 * doctor: what can be wrong with a gateway, looked at from outside the daemons: one function a
 * subject. Each adds what it found to a list; what is wrong comes with what to do about it. Nothing
 * is changed, nothing is sent but a TLS greeting to the platform's server.
 */
#ifndef SUBOTA_DOCTOR_H
#define SUBOTA_DOCTOR_H

#include "ask.h"
#include "readers.h"

/* What the daemons would read; a part that cannot be read is NULL. */
struct doctor {
	const struct cloud_settings *cloud;
	const struct settings *fetch;
	const struct flash_settings *flash;
	const struct ask *ask;
	cJSON *found; /* grows: {verdict, check, found, advice} */
	int bad;      /* how many verdicts were "bad" */
};

void doctor_kernel(struct doctor *d);
void doctor_firewall(struct doctor *d);
void doctor_clock(struct doctor *d);
void doctor_directories(struct doctor *d);
void doctor_disk(struct doctor *d);
void doctor_secrets(struct doctor *d);
void doctor_trust(struct doctor *d);
void doctor_lines(struct doctor *d);
void doctor_platform(struct doctor *d);
void doctor_daemons(struct doctor *d);

/* A line of the list. `advice` is "" when all is well. */
enum doctor_verdict { DOCTOR_OK, DOCTOR_WARN, DOCTOR_BAD };
void doctor_say(struct doctor *d, enum doctor_verdict verdict, const char *check,
    const char *advice, const char *format, ...) __attribute__((format(printf, 5, 6)));

#endif
