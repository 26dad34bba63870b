/*
 * What a package server says before the body, line by line, and the judgement over it.
 */
#include <string.h>

#include "answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *at = (const char *)data, *end = at + size;
	struct answer_wanted w = {10, 1000, "\"abc\""};
	struct answer a = {0};
	enum err e = ERR_OK;
	char why[100];

	while (at < end) {
		const char *nl = memchr(at, '\n', (size_t)(end - at));
		size_t len = nl ? (size_t)(nl - at) + 1 : (size_t)(end - at);

		if (answer_line(&a, at, len) != ERR_OK)
			return 0;
		at += len;
	}
	if (answer_judge(&a, &w, &e, why, sizeof(why)) == ANSWER_APPEND && a.status == 206 &&
	    (a.first != w.offset || a.last >= w.size))
		__builtin_trap();
	return 0;
}
