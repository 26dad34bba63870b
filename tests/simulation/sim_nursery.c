/*
 * sim_nursery: the nursery and its crews, of which nobody has one here: couriers and sessions are
 * sim_courier.c's and sim_lane.c's. Who shares a session with whom is tests/system/crews.c's
 * matter.
 */
#include "crews.h"
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

enum err
crews_new(struct nursery *nursery, size_t links, struct crews **out)
{
	(void)nursery, (void)links, (void)out;
	return ERR_UNSUPPORTED;
}

void
crews_free(struct crews *c)
{
	(void)c;
}

void
crews_on_end(struct crews *c, uint32_t id)
{
	(void)c, (void)id;
}
