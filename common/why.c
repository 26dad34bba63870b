/*
 * why: see why.h.
 */
#include <stdarg.h>
#include <stdio.h>

#include "why.h"

enum err
why_say(char *why, enum err e, const char *format, ...)
{
	va_list ap;

	if (!why)
		return e;
	va_start(ap, format);
	vsnprintf(why, WHY_SIZE, format, ap);
	va_end(ap);
	for (char *p = why; *p; p++)
		if (*p < 0x20 || *p > 0x7e)
			*p = '?';
	return e;
}
