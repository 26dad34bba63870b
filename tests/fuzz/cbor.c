/*
 * fuzz: any bytes through the CBOR reader; strings are copied out, containers skipped at times.
 */
#include "smp_cbor.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct smp_cbor_reader r;
	struct smp_cbor_item item = {0};
	uint8_t out[256];
	size_t n = 0;
	enum err e = ERR_OK;

	smp_cbor_reader_init(&r, data, len);
	while (!(e = smp_cbor_next(&r, &item))) {
		if ((item.type == CBOR_TEXT || item.type == CBOR_BYTES) &&
		    !smp_cbor_copy(&item, out, sizeof(out), &n) && n != item.len)
			abort();
		if (item.type == CBOR_ARRAY && item.number == 0 && len % 3 == 0)
			e = smp_cbor_skip(&r, &item);
		if (e)
			break;
	}
	if (e == ERR_NOT_FOUND && smp_cbor_finish(&r))
		abort();
	return 0;
}
