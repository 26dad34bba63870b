/*
 * fuzz: any bytes as an envelope. What unpacks is dumped, judged for every way, and packs again;
 * what was packed again unpacks to the same bytes.
 */
#include <string.h>

#include "auto.h"
#include "dump.h"
#include "msg.h"
#include "redact.h"
#include "route.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void
expect_same(const uint8_t *bytes, size_t len)
{
	AUTO(msg) Pb__Envelope *e = NULL;
	AUTO(mem) uint8_t *again = malloc(len + 1);
	size_t n = 0;

	if (msg_unpack(bytes, len, ROUTE_PIPE_MAX, &e) != ERR_OK ||
	    msg_pack(e, again, len, &n) != ERR_OK || n != len || memcmp(bytes, again, len) != 0)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	AUTO(msg) Pb__Envelope *e = NULL;
	AUTO(msg) Pb__Envelope *shown = NULL;
	AUTO(mem) char *json = NULL;
	AUTO(mem) uint8_t *bytes = malloc(2 * len + 64);
	size_t n = 0;
	bool admitted = false;

	if (msg_unpack(data, len, ROUTE_PIPE_MAX, &e) != ERR_OK)
		return 0;
	if (redact_envelope(e, &shown) != ERR_OK || dump_json(&shown->base, &json) != ERR_OK)
		abort();
	for (int from = WHO_NONE; from < WHO_COUNT; from++)
		for (int to = WHO_NONE; to < WHO_COUNT; to++)
			admitted |= route_admit(e, len, (enum who)from, (enum who)to,
					ROUTE_READY) == ERR_OK;
	if (msg_pack(e, bytes, 2 * len + 64, &n) == ERR_OK && admitted)
		expect_same(bytes, n);
	return 0;
}
