/*
 * fuzz: any JSON as an envelope. What is packed is within the limit; when it is a message it can be
 * shown, and what is shown packs to a message that shows the same.
 */
#include <stdlib.h>
#include <string.h>

#include "auto.h"
#include "ctl/wire_json.h"
#include "dump.h"
#include "msg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

AUTO_DEFINE(json, cJSON *, cJSON_Delete)

/* Not the bytes: text that is no UTF-8 is shown with '?', once and for all. */
static void
show_and_pack(const Pb__Envelope *e)
{
	AUTO(mem) char *text = NULL, *again = NULL;
	AUTO(mem) uint8_t *bytes = NULL;
	AUTO(msg) Pb__Envelope *packed = NULL;
	size_t len = 0;
	char why[WHY_SIZE];

	if (dump_json(&e->base, &text) != ERR_OK)
		abort();
	AUTO(json) cJSON *doc = cJSON_Parse(text);

	if (wire_json_pack(&pb__envelope__descriptor, doc, &bytes, &len, why) != ERR_OK)
		abort();
	if (msg_unpack(bytes, len, WIRE_JSON_MAX, &packed) != ERR_OK)
		abort();
	if (dump_json(&packed->base, &again) != ERR_OK || strcmp(text, again) != 0)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	AUTO(json) cJSON *doc = cJSON_ParseWithLength((const char *)data, len);
	AUTO(mem) uint8_t *bytes = NULL;
	AUTO(msg) Pb__Envelope *e = NULL;
	size_t n = 0;
	char why[WHY_SIZE];

	if (wire_json_pack(&pb__envelope__descriptor, doc, &bytes, &n, why) != ERR_OK)
		return 0;
	if (n > WIRE_JSON_MAX)
		abort();
	if (msg_unpack(bytes, n, WIRE_JSON_MAX, &e) == ERR_OK)
		show_and_pack(e);
	return 0;
}
