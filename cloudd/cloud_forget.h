/*
 * cloud_forget: a device leaves this gateway for good, because a person said so (`subotactl forget
 * PRODUCT/DEVICE`): it is logged out (00C4) and de-registered (00C6), and its secret is thrown away
 * when the platform has answered (00C7).
 *
 * A person has to say it. That a device is missing from flashd's reports is no reason: flashd may
 * just have started, and a registration that is thrown away may not be had again (10422).
 *
 * The wish is recorded, so it outlives a restart and a platform that is away. What was not told yet
 * is told first; only when the platform does not let the device in any more it is given up. A code
 * that says that the platform does not know the device here (10423, 10438, 10440) is as good as a
 * yes. Any other is an event, and it is asked again after the pause of a refused login.
 *
 * A device that flashd still lists registers anew with its next report: so take it out of the
 * configuration first. (Spec: developer center, 6 and 10.)
 */
#ifndef SUBOTA_CLOUD_FORGET_H
#define SUBOTA_CLOUD_FORGET_H

#include "cloud.h"

/* The order. ERR_BUSY: an upgrade of it is under way. */
enum err cloud_forget(struct cloud *c, struct subdevice *s, char why[WHY_SIZE]) MUST_CHECK;
/* Of a device that is to be forgotten: say so to the platform as soon as that can be. */
void cloud_forget_run(struct cloud *c, struct subdevice *s);
/* After a pause: is it to be said (again), instead of logging in? */
bool cloud_forget_is_due(const struct subdevice *s);
/* The platform has answered 00C6. */
void cloud_forget_on_reply(struct cloud *c, struct subdevice *s, int64_t code);

#endif
