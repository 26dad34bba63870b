/*
 * dc_profile: how this platform expects sub-devices to be spoken for: whose topics, which ids. None
 * of it is public, so it is data, and a gateway's own idea of it can be held against three:
 *
 *     p1      a sub-device has topics of its own
 *     p2      all goes over the gateway's topics, two more values name the sub-device
 *     custom  a made-up vendor's: reports over the gateway, upgrades over the sub-device, whose
 *             topics are only heard by who subscribes to them; all ids are other ones
 *
 * Registration and login always go over the gateway's `sys`.
 */
#ifndef DC_PROFILE_H
#define DC_PROFILE_H

#include <stdbool.h>

struct dc_profile {
	const char *name;
	bool ota_by_gateway, sys_by_gateway; /* whose topics */
	bool must_subscribe;                 /* sub-devices' topics are not pushed */
	unsigned by_pk, by_dk;               /* name the sub-device in what the gateway carries */
	unsigned register_pk, blob, pk, dk, random, sign, flag; /* up: 00C0 to 00C6 */
	unsigned code, ds, key;                                 /* down: 00C1 to 00C8 */
};

/* NULL: there is none of this name. */
const struct dc_profile *dc_profile_find(const char *name);
/* Whether the gateway carries a sub-device's messages of this level of a topic. */
bool dc_profile_by_gateway(const struct dc_profile *p, const char *level);

#endif
