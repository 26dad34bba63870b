/*
 * smp_msg_names: what commands and codes are called, for people; declared in smp_msg.h.
 */
#include <stdio.h>

#include "smp_msg.h"

/* clang-format off */
struct name { unsigned group, number; const char *text; };

static const struct name command_names[] = {
	{SMP_OS,    SMP_ECHO,   "echo"},
	{SMP_OS,    SMP_RESET,  "reset"},
	{SMP_OS,    SMP_PARAMS, "params"},
	{SMP_SETTINGS, SMP_SETTING, "setting"},
	{SMP_IMAGE, SMP_STATE,  "image state"},
	{SMP_IMAGE, SMP_UPLOAD, "image upload"},
	{SMP_IMAGE, SMP_ERASE,  "image erase"},
	{SMP_IMAGE, SMP_SLOTS,  "slot info"},
};

/* group 0 stands for the server's own codes */
static const struct name rc_names[] = {
	{0, 1, "unknown error"}, {0, 2, "out of memory"}, {0, 3, "invalid value"},
	{0, 4, "timeout"}, {0, 5, "no such entry"}, {0, 6, "wrong state"},
	{0, 7, "message too large"}, {0, 8, "not supported"}, {0, 9, "corrupt"}, {0, 10, "busy"},
	{0, 11, "access denied"}, {0, 12, "protocol too old"}, {0, 13, "protocol too new"},
	{1, 3, "no image"}, {1, 8, "hash not found"}, {1, 9, "no free slot"},
	{1, 12, "flash write failed"}, {1, 13, "flash erase failed"}, {1, 20, "invalid offset"},
	{1, 21, "invalid length"}, {1, 22, "invalid image header"}, {1, 23, "bad image magic"},
	{1, 24, "invalid hash"}, {1, 25, "invalid flash address"},
	{1, 27, "version is not newer"}, {1, 28, "an image is pending already"},
	{1, 29, "bad vector table"}, {1, 30, "image too large"}, {1, 31, "data overrun"},
	{1, 32, "confirmation denied"}, {1, 33, "the active image cannot be tested"},
	{1, 34, "active slot unknown"},
};
/* clang-format on */

static const char *
find(const struct name *names, size_t n, unsigned group, unsigned number)
{
	for (size_t i = 0; i < n; i++)
		if (names[i].group == group && names[i].number == number)
			return names[i].text;
	return NULL;
}

const char *
smp_msg_name(unsigned group, unsigned command)
{
	return find(
	    command_names, sizeof(command_names) / sizeof(command_names[0]), group, command);
}

void
smp_msg_trouble(const struct smp_answer *a, char *out, size_t size)
{
	const char *text = find(
	    rc_names, sizeof(rc_names) / sizeof(rc_names[0]), a->in_group ? a->rc_group : 0, a->rc);

	if (a->in_group)
		snprintf(out, size, "error %u of group %u (%s)", a->rc, a->rc_group,
		    text ? text : "unknown");
	else
		snprintf(out, size, "rc %u (%s)", a->rc, text ? text : "unknown");
}

bool
smp_msg_failed_with(const struct smp_answer *a, unsigned rc, unsigned image_rc)
{
	if (a->rc == 0)
		return false;
	if (a->in_group && a->rc_group == SMP_IMAGE)
		return image_rc != 0 && a->rc == image_rc;
	return rc != 0 && a->rc == rc;
}
