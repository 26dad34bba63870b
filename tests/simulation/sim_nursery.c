/*
 * sim_nursery: nursery.h, of which nobody has one here: sessions and couriers are simulated
 * (sim_lane.c, sim_courier.c).
 */
#include "nursery.h"

int
nursery_fd(const struct nursery *n)
{
	(void)n;
	return -1;
}

enum err
nursery_read(struct nursery *n, struct nursery_note *out)
{
	(void)n, (void)out;
	return ERR_AGAIN;
}

void
nursery_free(struct nursery *n)
{
	(void)n;
}
