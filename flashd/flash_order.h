/*
 * flash_order: an order for a session, from the configuration of a device and a verified image.
 */
#ifndef SUBOTA_FLASH_ORDER_H
#define SUBOTA_FLASH_ORDER_H

#include "roster.h"
#include "verify.h"

enum { FLASH_ORDER_WHERE = 5 };
enum {
	FLASH_ORDER_OPTIONS = FLASH_SETTINGS_OPTIONS + FLASH_SETTINGS_PROFILE_OPTIONS +
			      FLASH_ORDER_WHERE
};

/* Borrows from the configuration and the image. */
struct flash_order {
	Pb__SessionOrder o;
	Pb__Device device;
	Pb__Option option[FLASH_ORDER_OPTIONS], *options[FLASH_ORDER_OPTIONS];
	/* port, rate, name, for a program; or all that a health check has */
	struct flash_settings_option where[FLASH_ORDER_WHERE];
	struct tty_settings line;
};

/* The options of the device's profile, then its own, which count where both say something. */
void flash_order_init(struct flash_order *k, const struct flash_settings *s,
    const struct roster_device *d, int verb, uint32_t timeout_ms);
/* Without options, pins and driver, which are the caller's. */
void flash_order_init_bare(
    struct flash_order *k, const struct flash_settings_device *c, int verb, uint32_t timeout_ms);
/* Borrowed. */
void flash_order_add_options(
    struct flash_order *k, const struct flash_settings_option *o, size_t n);
void flash_order_add_image(struct flash_order *k, const struct verify_image *v);

#endif
