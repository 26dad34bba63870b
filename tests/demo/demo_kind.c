/*
 * demo_kind: see demo_kind.h.
 */
#include "demo_kind.h"

#include <stddef.h>
#include <string.h>

/* clang-format off */
static const struct demo_kind table[] = {
	{"smp",    NULL,  NULL,     "SMP"},
	{"udp",    "udp", NULL,     "SMP in datagrams"},
	{"tcp",    "tcp", NULL,     "SMP by a terminal server"},
	{"raw",    "raw", NULL,     "raw SMP"},
	{"mcuboot", NULL, "mcuboot", "SMP in recovery"},
	{"xmodem", NULL,  "gecko",  "XMODEM"},
	{"ymodem", NULL,  "u-boot", "YMODEM"},
	{NULL,     NULL,  NULL,     NULL},
};
/* clang-format on */

const struct demo_kind *
demo_kind_table(void)
{
	return table;
}

const struct demo_kind *
demo_kind_find(const char *name)
{
	for (const struct demo_kind *k = table; k->name; k++)
		if (strcmp(k->name, name) == 0)
			return k;
	return NULL;
}
