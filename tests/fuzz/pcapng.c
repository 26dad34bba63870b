/*
 * fuzz: any bytes as a capture of the bus. A packet that is handed out lies within the file, its
 * link and comment are texts; what was read can be written again.
 */
#include <stdlib.h>
#include <string.h>

#include "auto.h"
#include "ctl/pcapng.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

struct again {
	const uint8_t *file;
	size_t len;
	struct pcapng_writer w;
};

static enum err
on_packet(void *arg, const struct pcapng_packet *p)
{
	struct again *a = arg;

	if (p->data < a->file || p->len > a->len || p->data + p->len > a->file + a->len ||
	    strlen(p->link) >= PCAPNG_NAME || strlen(p->comment) >= PCAPNG_NAME)
		abort();
	if (pcapng_add(&a->w, p) != ERR_OK)
		abort();
	return ERR_OK;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char why[WHY_SIZE], *text = NULL;
	size_t written = 0;
	struct again a = {.file = data, .len = len};
	FILE *f = open_memstream(&text, &written);

	if (!f || pcapng_begin(&a.w, f, "") != ERR_OK)
		abort();
	(void)!pcapng_read(data, len, on_packet, &a, why);
	fclose(f);
	free(text);
	return 0;
}
