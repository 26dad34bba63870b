/*
 * sim_platform: a small model of the Developer Center: devices log in, plans are offered, confirmed
 * and told about; each device has a row of plans, one after the other. What it is told is held
 * against what the boards did (invariant 3).
 */
#ifndef SUBOTA_SIM_PLATFORM_H
#define SUBOTA_SIM_PLATFORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void sim_platform_new(int plans_per_device);
/* The gateway's CONNECT; then, after SUBACK, its device secret if it registers. */
bool sim_platform_admits(const char *password);
void sim_platform_configure(void);
void sim_platform_lost(void);
/* A message from the gateway or a device; the answer goes down by sim_uplink_down. */
void sim_platform_hear(const char *topic, const uint8_t *data, size_t len);
/* The same in two steps (sim_late.h): the broker has it, and it is worked off from the queue of a
 * connection that is gone; `kept`: it was acknowledged there. */
void sim_platform_keep(const char *topic, const uint8_t *data, size_t len);
void sim_platform_hear_late(const char *topic, const uint8_t *data, size_t len, bool kept);
/* A message for the gateway comes that was meant for a connection before. */
void sim_platform_was_late(const char *topic, const uint8_t *data, size_t len);
/* Hand one to cloudd, if it is connected. */
void sim_uplink_hear(const char *topic, const uint8_t *data, size_t len);
bool sim_uplink_is_ready(void);
void sim_uplink_down(const char *topic, const uint8_t *data, size_t len);
/* The next one takes so much longer. */
void sim_uplink_delay(int64_t ms);
/* As cloudd, after something else than the platform or the gate moved it. */
void sim_uplink_set_timer(void);

/* Trouble: it forgets that a device is logged in; it does not take the next message. */
void sim_platform_forget(int device);
void sim_platform_hurry(int device);
void sim_platform_silence(int device);

/* The plan that a device has got is dropped, in the platform, by a person. Another takes its place
 * at once, or later. */
void sim_plans_drop(int device, bool at_once);
/* The package of the plan that is under way; NULL = none is. */
struct sim_package;
const struct sim_package *sim_platform_wants(int device);

/* The device keeps this package: plans for older ones have no future. */
void sim_plans_overtake(int device, const struct sim_package *by);
/* Which of the packages with a plan it has come to; the last of them. */
const struct sim_package *sim_plans_next(int device);
/* A plan was withdrawn that it may still follow. */
bool sim_plans_has_dropped(int device);

/* In calm weather a plan that was confirmed ends within its deadlines. */
void sim_plans_check(void);
/* Whether every plan has ended; what the first one that has not is, for people. */
bool sim_plans_is_done(char *why, size_t size);
unsigned sim_plans_left(void);
/* The last version it knows of a device. */
const char *sim_platform_version(int device);
/* A text per plan and how it ended, for comparing runs. */
void sim_plans_outcome(char *out, size_t size);

#endif
