/*
 * record_alarm: people are told when a daemon's record cannot be written (a disk that is full, that
 * fails, that has turned read-only), and when it can be again. Nothing that is to be recorded first
 * is done meanwhile, and nothing of it is lost while the daemon lives.
 */
#ifndef SUBOTA_RECORD_ALARM_H
#define SUBOTA_RECORD_ALARM_H

#include <cjson/cJSON.h>
#include <stdbool.h>

#include "event.h"
#include "record.h"

struct record_alarm {
	bool on;
};

/* True when that has begun or ended since the last call; `out` is then the event that says so, with
 * a text of the record's. */
bool record_alarm_turned(struct record_alarm *a, const struct record *r, struct event *out);

/* Adds to a daemon's status what is the matter with its record: "records_set_aside",
 * "record_fails" and "record_trouble". */
void record_alarm_show(cJSON *status, const struct record *r);

#endif
