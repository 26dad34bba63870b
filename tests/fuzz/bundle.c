/*
 * Fuzz the framing of bundles and the texts of signatures: whatever is accepted must be written
 * again to the same bytes, so that there is one file per bundle.
 */
#include <stdlib.h>
#include <string.h>

#include "bundle.h"
#include "bundle_write.h"
#include "manifest.h"
#include "minisig.h"

struct sink {
	const uint8_t *want;
	size_t len, at;
};

static enum err
compare(void *arg, const void *data, size_t len)
{
	struct sink *s = arg;

	if (s->at == s->len)
		return ERR_OK; /* the trailer */
	if (len > s->len - s->at || memcmp(s->want + s->at, data, len) != 0)
		abort();
	s->at += len;
	return ERR_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bundle_bytes b = {(uint8_t *)(uintptr_t)data, size};
	AUTO(bundle_head) struct bundle_head *h = NULL;
	struct bundle_payload at[BUNDLE_PAYLOADS_MAX];
	char why[WHY_SIZE];

	if (bundle_read_head(bundle_read_memory, &b, size, &h, why))
		return 0;
	for (size_t i = 0; i < h->manifest.n_sigs; i++) {
		struct minisig sig;

		if (minisig_parse(h->manifest.sigs[i].data, h->manifest.sigs[i].len, &sig))
			continue;
	}
	struct sink sink = {data, h->payload_offset, 0};

	if (bundle_write(compare, &sink, h, NULL, 0) != ERR_OK || sink.at != sink.len)
		abort();
	AUTO(manifest) Tr__Manifest *m = NULL;

	if (manifest_parse(h->manifest.doc.data, h->manifest.doc.len, &m, why))
		return 0;
	(void)!bundle_check_payloads(bundle_read_memory, &b, size, h, m, at, why);
	return 0;
}
