/*
 * Fuzz: the local Developer Center's frames and values; what is understood is written again and
 * must come back the same.
 */
#include <stdlib.h>
#include <string.h>

#include "dc_dp.h"
#include "dc_ttlv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct dc_dp frame, again;
	static struct dc_ttlv values;
	static uint8_t out[2 * DC_DP_PAYLOAD_MAX + 32];
	char text[64];
	int64_t number;
	size_t n;

	(void)!dc_ttlv_parse(data, size, &values);
	if (dc_dp_parse(data, size, &frame) != ERR_OK)
		return 0;
	if (dc_dp_format(frame.pkg_id, frame.cmd, frame.payload, frame.len, out, sizeof(out), &n) ||
	    dc_dp_parse(out, n, &again) || again.len != frame.len ||
	    memcmp(again.payload, frame.payload, frame.len) != 0)
		abort();
	if (dc_ttlv_parse(frame.payload, frame.len, &values) != ERR_OK)
		return 0;
	for (unsigned id = 0; id < 32; id++) {
		(void)dc_ttlv_text(&values, id, text, sizeof(text));
		(void)dc_ttlv_int(&values, id, &number);
	}
	for (unsigned i = 0; i < values.n; i++)
		(void)dc_ttlv_value(&values.element[i]);
	return 0;
}
