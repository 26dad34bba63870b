/*
 * ttlv: a hostile payload through parser, writer and JSON dump. What was read must come back the
 * same once it has been written.
 */
#include <stdlib.h>
#include <string.h>

#include "ttlv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct ttlv t, back;
	static uint8_t out[TTLV_SIZE_MAX];
	size_t len = 0;
	char *json = NULL;

	if (ttlv_parse(data, size, &t) != ERR_OK)
		return 0;
	if (ttlv_format(&t, out, sizeof(out), &len) != ERR_OK || len > size ||
	    ttlv_parse(out, len, &back) != ERR_OK || back.n != t.n)
		abort();
	if (ttlv_dump_json(data, size, &json) != ERR_OK)
		abort();
	free(json);
	return 0;
}
