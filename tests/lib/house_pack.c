/*
 * house_pack: see house_pack.h.
 */
#include "house_pack.h"

#include <string.h>

enum err
house_pack_publish(struct house *h, const struct house_pack *p)
{
	const char *version = p->version ? p->version : HOUSE_NEW;
	const char *component = p->component ? p->component : "app";
	uint32_t counter = p->counter ? p->counter : 2;
	struct bundle_bytes image = house_pack_image(version, counter, p->size ? p->size : 50000);
	struct kit_spec spec = {.vendor = HOUSE_VENDOR,
	    .driver = h->options.loader ? "xmodem" : NULL,
	    .model = p->model ? p->model : HOUSE_MODEL,
	    .version = version,
	    .sequence = p->sequence ? p->sequence : 5,
	    .security_counter = counter,
	    .payload = image.data,
	    .payload_len = image.len,
	    .component = component};
	char file[80], path[300];

	if (!image.data)
		return ERR_NOMEM;
	snprintf(h->package, sizeof(h->package), "%s", p->name ? p->name : "fw");
	snprintf(file, sizeof(file), "%s.bin", h->package);
	snprintf(path, sizeof(path), "%s/%s", h->dir, file);
	kit_bundle_file(p->signer ? p->signer : h->kit, &spec, path);
	free(image.data);
	struct tool_result r = HOUSE_DC(h, "package", "add", "--file", path, "--name", h->package,
	    "--component", component, "--target", p->planned ? p->planned : version, "--kind",
	    p->kind ? p->kind : "module", p->source ? "--source" : NULL, p->source);
	if (r.status == 0)
		return ERR_OK;
	return house_fail(h, ERR_SYSTEM, "package add: status %d: %.200s", r.status, r.out);
}
