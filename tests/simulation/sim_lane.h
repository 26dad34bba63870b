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

/* The next session with this order, perhaps only right after one with the order `after`, dies of
 * it; or its board is unplugged, or resets by itself. */
struct sim_lane_blow {
	int verb, after;           /* enum Pb__Verb */
	bool board, both;          /* the board instead of the session, or as well */
	bool cancel;               /* and a person cancels what is under way */
	int64_t delay_ns, away_ns; /* away_ns 0: a reset */
};
void sim_lane_blow(int number, const struct sim_lane_blow *b);
void sim_lane_hang(int number);

#endif
