/*
 * Fuzz the strict readers: what manifest_parse accepts packs to the very bytes it came from, and
 * can be asked everything; a root document likewise.
 */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "bundle.h"
#include "manifest.h"
#include "root.h"

static void
must_pack_to(const ProtobufCMessage *m, const uint8_t *data, size_t size)
{
	AUTO(mem) uint8_t *again = malloc(size + 1);

	if (protobuf_c_message_get_packed_size(m) != size)
		abort();
	protobuf_c_message_pack(m, again);
	if (memcmp(again, data, size) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct manifest_target t = {"acme", "sensor-9", "3", "PK1/dev-1", "app"};
	char why[WHY_SIZE], comment[MANIFEST_COMMENT_SIZE];
	AUTO(manifest) Tr__Manifest *m = NULL;
	AUTO(root) Tr__Root *r = NULL;
	const Tr__Payload *p = NULL;

	if (manifest_parse(data, size, &m, why) == ERR_OK) {
		must_pack_to(&m->base, data, size);
		manifest_comment(m, comment);
		if (manifest_match(m, &t, &p, why) == ERR_OK && manifest_chunks(p) > 0 &&
		    manifest_chunk_len(p, manifest_chunks(p) - 1) == 0)
			abort();
	}
	if (sodium_init() >= 0 && root_parse(data, size, true, &r, why) == ERR_OK)
		must_pack_to(&r->base, data, size);
	return 0;
}
