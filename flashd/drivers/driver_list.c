/*
 * driver_list: which drivers this build has, and what they share about their options. A new driver
 * is one row here.
 */
#include <stdio.h>
#include <string.h>

#include "an3155.h"
#include "driver.h"
#include "exec.h"
#include "modbus.h"
#include "smp.h"
#include "xmodem.h"

const struct driver *const driver_list[] = {
    &smp_driver,
    &mcuboot_driver,
    &xmodem_driver,
    &an3155_driver,
    &modbus_driver,
    &exec_driver,
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

enum err
driver_number(
    const struct driver_option *o, const char *text, uint32_t *out, char *why, size_t why_size)
{
	uint64_t v = 0;
	size_t i = 0;

	for (; text[i] >= '0' && text[i] <= '9' && i < 10; i++)
		v = v * 10 + (uint64_t)(text[i] - '0');
	if (i == 0 || text[i] != 0 || v < o->min || v > o->max) {
		snprintf(why, why_size, "%s: expected a number from %llu to %llu, got %.40s",
		    o->key, (unsigned long long)o->min, (unsigned long long)o->max, text);
		return ERR_CONFIG;
	}
	*out = (uint32_t)v;
	return ERR_OK;
}
