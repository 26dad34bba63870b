/*
 * fuzz: any bytes as an MCUboot image; the reader aborts when asked for a byte past the end.
 */
#include "mcuboot.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

struct input {
	const uint8_t *data;
	size_t len;
};

static enum err
read_input(void *arg, uint64_t offset, uint8_t *out, size_t len)
{
	const struct input *in = arg;

	if (offset > in->len || len > in->len - offset)
		abort();
	memcpy(out, in->data + offset, len);
	return ERR_OK;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct input in = {data, len};
	struct mcuboot_source s = {.size = len, .read = read_input, .arg = &in};
	struct mcuboot m;
	char why[100];

	if (mcuboot_parse(&s, &m, why, sizeof(why)))
		return 0;
	if (m.end > len || mcuboot_verify(&s, &m) == ERR_NOMEM)
		abort();
	return 0;
}
