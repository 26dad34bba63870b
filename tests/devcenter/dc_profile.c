/*
 * dc_profile: see dc_profile.h. Every number is this project's own choice, but for 3 and 4, which
 * are those of 0x00A3.
 */
#include "dc_profile.h"

#include <stddef.h>
#include <string.h>

/* clang-format off */
static const struct dc_profile profiles[] = {
	{.name = "p1", .register_pk = 7, .blob = 20, .pk = 3, .dk = 4, .random = 21, .sign = 22,
	 .flag = 23, .code = 1, .ds = 5, .key = 6},
	{.name = "p2", .ota_by_gateway = true, .sys_by_gateway = true, .by_pk = 17, .by_dk = 18,
	 .register_pk = 7, .blob = 20, .pk = 3, .dk = 4, .random = 21, .sign = 22, .flag = 23,
	 .code = 1, .ds = 5, .key = 6},
	{.name = "custom", .sys_by_gateway = true, .must_subscribe = true,
	 .by_pk = 201, .by_dk = 202, .register_pk = 101, .blob = 102, .pk = 103, .dk = 104,
	 .random = 105, .sign = 106, .flag = 107, .code = 108, .ds = 109, .key = 110},
};
/* clang-format on */

const struct dc_profile *
dc_profile_find(const char *name)
{
	for (size_t i = 0; i < sizeof(profiles) / sizeof(profiles[0]); i++)
		if (strcmp(profiles[i].name, name) == 0)
			return &profiles[i];
	return NULL;
}

bool
dc_profile_by_gateway(const struct dc_profile *p, const char *level)
{
	if (strncmp(level, "ota", 3) == 0)
		return p->ota_by_gateway;
	return strncmp(level, "sys", 3) == 0 && p->sys_by_gateway;
}
