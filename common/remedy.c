/*
 * remedy: see remedy.h.
 */
#include "remedy.h"

#include <errno.h>

const char *
remedy(int error)
{
	switch (error) {
	case ENOSPC:
	case EDQUOT:
		return "; make room";
	case EROFS:
		return "; see the kernel's log for why, check the file system, mount it writable";
	case EIO:
		return "; the disk fails: see the kernel's log, replace it";
	default:
		return "";
	}
}
