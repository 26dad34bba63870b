/*
 * house_pack: see house_pack.h.
 */
#include "house_pack.h"

#include <string.h>

/* Write the bundle, whole or in pieces, and name its files on the command line. */
static void
write_files(struct house *h, const struct house_pack *p, const struct bundle_bytes *bundle,
    char paths[HOUSE_PACK_FILES][320], const char *words[2 * HOUSE_PACK_FILES])
{
	unsigned files = p->files ? p->files : 1;
	size_t each = p->cut ? p->cut : 20000, at = 0;
	char name[90];

	for (unsigned i = 0; i < files; i++) {
		size_t left = bundle->len - at, n = i + 1 < files && left > each ? each : left;

		if (i == 0)
			snprintf(name, sizeof(name), "%s.bin", h->package);
		else
			snprintf(name, sizeof(name), "%s.%u.bin", h->package, i);
		kit_write(h->dir, name, bundle->data + at, n);
		snprintf(paths[i], sizeof(paths[i]), "%s/%s", h->dir, name);
		words[2 * i] = "--file";
		words[2 * i + 1] = paths[i];
		at += n;
	}
}

/* Into the platform's package store. */
static enum err
add(struct house *h, const struct house_pack *p, const char *target,
    const struct bundle_bytes *bundle)
{
	char paths[HOUSE_PACK_FILES][320];
	const char *words[32] = {"package", "add", "--name", h->package, "--component",
	    p->component ? p->component : "app", "--target", target, "--kind",
	    p->kind ? p->kind : "module"};
	unsigned n = 10;

	if (p->source) {
		words[n++] = "--source";
		words[n++] = p->source;
	}
	write_files(h, p, bundle, paths, words + n);
	struct tool_result r = house_devcenter(h, words);
	if (r.status == 0)
		return ERR_OK;
	return house_fail(h, ERR_SYSTEM, "package add: status %d: %.200s", r.status, r.out);
}

/* NULL: SMP. */
static const char *
driver_of(const struct house *h)
{
	const char *loader = h->options.loader;

	if (loader)
		return strcmp(loader, "mcuboot") == 0 ? loader : "xmodem";
	return h->options.stm32 ? "an3155" : NULL;
}

enum err
house_pack_publish(struct house *h, const struct house_pack *p)
{
	const char *version = p->version ? p->version : HOUSE_NEW;
	uint32_t counter = p->counter ? p->counter : 2;
	size_t size = p->size ? p->size : 50000;
	struct bundle_bytes image = h->options.stm32 ? house_pack_stm32(version, size)
						     : house_pack_image(version, counter, size);
	struct kit_spec spec = {.vendor = HOUSE_VENDOR,
	    .driver = driver_of(h),
	    .model = p->model ? p->model : HOUSE_MODEL,
	    .version = version,
	    .sequence = p->sequence ? p->sequence : 5,
	    .security_counter = counter,
	    .payload = image.data,
	    .payload_len = image.len,
	    .component = p->component,
	    .expires_ms = p->expires_ms,
	    .root = p->root,
	    .release_key = p->release_key};

	if (!image.data)
		return ERR_NOMEM;
	snprintf(h->package, sizeof(h->package), "%s", p->name ? p->name : "fw");
	struct bundle_bytes bundle = kit_bundle(p->signer ? p->signer : h->kit, &spec);
	enum err e = add(h, p, p->planned ? p->planned : version, &bundle);
	free(bundle.data);
	free(image.data);
	return e;
}
