/*
 * banned: calls that do not compile in this project; the Makefile includes this file before every
 * source. Each has cost somebody a buffer, a shell injection or a silent truncation. Use snprintf
 * with a checked result, strtoull with a checked end, memcpy with a checked length, posix_spawn or
 * execve with an argument vector.
 */
#ifndef SUBOTA_BANNED_H
#define SUBOTA_BANNED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef __GLIBC__
#include <alloca.h>
#endif

#undef strcpy
#undef strcat
#undef strncpy
#undef strncat
#undef strtok
#undef sprintf
#undef vsprintf
#undef alloca
#undef gets
#define BANNED(f) call_##f##_is_banned_see_common_banned_h
#define strcpy(...) BANNED(strcpy)
#define strcat(...) BANNED(strcat)
#define strncpy(...) BANNED(strncpy)
#define strncat(...) BANNED(strncat)
#define strtok(...) BANNED(strtok)
#define sprintf(...) BANNED(sprintf)
#define vsprintf(...) BANNED(vsprintf)
#define alloca(...) BANNED(alloca)
#define atoi(...) BANNED(atoi)
#define atol(...) BANNED(atol)
#define system(...) BANNED(system)
#define popen(...) BANNED(popen)

#endif
