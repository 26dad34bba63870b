/*
 * sim_lane: flashd's lanes and sessions (flashd/lane.h) in virtual time. The session is the real
 * one but for its loop: the real work (order, verifying reader, driver) between a channel and a
 * line.
 */
#ifndef SUBOTA_SIM_LANE_H
#define SUBOTA_SIM_LANE_H

#include <stdbool.h>
#include <stdint.h>

int64_t sim_lane_due(int number);
void sim_lane_step(int number);
bool sim_lane_listens(int number);
void sim_lane_unplugged(int number);

/* The next session on it dies at once after a while, or never moves again. */
void sim_lane_kill(int number);
void sim_lane_kill_late(int number); /* the next that stages, resets or confirms */
void sim_lane_hang(int number);

#endif
