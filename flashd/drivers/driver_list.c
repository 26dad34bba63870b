/*
 * driver_list: which drivers this build has. A new driver is one row here.
 */
#include <string.h>

#include "driver.h"
#include "smp.h"

const struct driver *const driver_list[] = {
    &smp_driver,
    NULL,
};

const struct driver *
driver_find(const char *name)
{
	for (size_t i = 0; driver_list[i]; i++)
		if (strcmp(driver_list[i]->name, name) == 0)
			return driver_list[i];
	return NULL;
}
