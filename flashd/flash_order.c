/*
 * flash_order: see flash_order.h.
 */
#include "flash_order.h"

#include <stdio.h>

#include "flash_exec.h"

void
flash_order_add_options(struct flash_order *k, const struct flash_settings_option *o, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		Pb__Option *p = &k->option[k->o.n_options];

		pb__option__init(p);
		p->key = (char *)(uintptr_t)o[i].key;
		p->value = (char *)(uintptr_t)o[i].value;
		k->options[k->o.n_options++] = p;
	}
}

static void
add_where(struct flash_order *k, const struct flash_settings_device *c)
{
	k->where[0] = (struct flash_settings_option){.key = "port"};
	k->where[1] = (struct flash_settings_option){.key = "baud"};
	k->where[2] = (struct flash_settings_option){.key = "device"};
	snprintf(k->where[0].value, sizeof(k->where[0].value), "%s", c->port);
	snprintf(k->where[1].value, sizeof(k->where[1].value), "%u", (unsigned)c->baud);
	snprintf(k->where[2].value, sizeof(k->where[2].value), "%s", c->name);
	flash_order_add_options(k, k->where, 3);
}

void
flash_order_init_bare(
    struct flash_order *k, const struct flash_settings_device *c, int verb, uint32_t timeout_ms)
{
	pb__session_order__init(&k->o);
	pb__device__init(&k->device);
	k->device.product_key = (char *)(uintptr_t)c->product_key;
	k->device.device_key = (char *)(uintptr_t)c->device_key;
	k->o.options = k->options;
	k->o.device = &k->device;
	k->o.verb = (Pb__Verb)verb;
	k->o.timeout_ms = timeout_ms;
	k->line = (struct tty_settings){.path = c->port,
	    .baud = (uint32_t)c->baud,
	    .parity = (enum tty_parity)c->parity,
	    .flow = (enum tty_flow)c->flow,
	    .two_stop_bits = c->stop_bits == 2,
	    .may_hold_back = !c->low_latency};
}

void
flash_order_init(struct flash_order *k, const struct flash_settings *s,
    const struct roster_device *d, int verb, uint32_t timeout_ms)
{
	const struct flash_settings_device *c = d->config;
	const struct flash_settings_profile *p = flash_settings_profile(s, c);
	struct pins pins;

	flash_order_init_bare(k, c, verb, timeout_ms);
	k->o.driver = (char *)(uintptr_t)c->driver;
	if (p)
		flash_order_add_options(k, p->options, p->n_options);
	flash_order_add_options(k, c->options, c->n_options);
	if (flash_exec_is(c))
		add_where(k, c);
	if (pins_parse(c->boot_pin, c->reset_pin, &pins, NULL) == ERR_OK) {
		k->o.boot_pin = pins.boot.where;
		k->o.reset_pin = pins.reset.where;
	}
}

void
flash_order_add_image(struct flash_order *k, const struct verify_image *v)
{
	const Tr__Payload *p = v->payload;

	k->o.image_size = p->image_size;
	k->o.image_offset = v->offset;
	k->o.image_sha256 = p->image_sha256;
	k->o.chunk_size = p->chunk_size;
	k->o.chunk_digests = p->chunk_digests;
	k->o.target_version = p->version;
}
