/*
 * dp: a hostile frame through the parser; what was read must come back the same once it has been
 * written.
 */
#include <stdlib.h>
#include <string.h>

#include "dp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t buffer[DP_HEAD + DP_PAYLOAD_MAX], again[DP_HEAD + DP_PAYLOAD_MAX];
	static uint8_t frame[DP_FRAME_MAX];
	struct dp f, back;
	size_t len = 0;
	char *json = NULL;

	if (dp_parse(data, size, buffer, sizeof(buffer), &f) != ERR_OK)
		return 0;
	if (dp_format(&f, frame, sizeof(frame), &len) != ERR_OK ||
	    dp_parse(frame, len, again, sizeof(again), &back) != ERR_OK || back.len != f.len ||
	    memcmp(back.payload, f.payload, f.len) != 0)
		abort();
	if (dp_dump_json(data, size, &json) != ERR_OK)
		abort();
	free(json);
	return 0;
}
