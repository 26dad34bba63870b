/*
 * talk: the gate's conversation with its two neighbours.
 *
 * What only passes through is passed through: offers and cancels to the right, verdicts, devices
 * and reports to the left. What concerns an image steps the upgrade's machine. Nothing is believed
 * because of what it says; who sent it is the link it came in on.
 */
#ifndef SUBOTA_TALK_H
#define SUBOTA_TALK_H

#include "gate.h"

/* Bind the socket for cloudd, connect to flashd's, open the control socket. */
enum err talk_open(struct gate *g) MUST_CHECK;
/* Tell flashd that the image of an upgrade is ready; again after UPGRADE_AGAIN_MS. */
void talk_order(struct gate *g, struct upgrade *u);
/* Send what waits for either neighbour, in order. */
void talk_flush(struct gate *g);
/* Does something wait although its neighbour is there? Then flush again in a moment. */
bool talk_is_stuck(const struct gate *g);
/* Hand cloudd the reports it has not had since its link came up, or not acknowledged for a minute.
 */
void talk_reports(struct gate *g);
/* Tell cloudd how far an image is, for upgrades that wait for it; a fleet is served in turns. */
void talk_progress(struct gate *g, const struct image *i);

#endif
