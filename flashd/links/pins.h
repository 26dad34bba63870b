/*
 * pins: the lines beside a serial line that choose a device's boot loader and hold it in reset.
 *
 * In the configuration a pin is "dtr" or "rts" (the modem lines of the port), or the path of a GPIO
 * chip, a colon and the line's number ("/dev/gpiochip0:17"); a "!" before it turns it round. Modem
 * lines are turned by the session through the port itself. GPIO lines are requested here, through
 * the kernel's second GPIO interface and before the process locks itself in; the descriptor of the
 * request is all that a session inherits, and it can move these lines only. They stay requested, as
 * outputs, as long as flashd runs, so that they do not float between sessions. Rejected: libgpiod,
 * for two ioctls.
 */
#ifndef SUBOTA_PINS_H
#define SUBOTA_PINS_H

#include <stdbool.h>
#include <stdint.h>
#include <subota.pb-c.h>

#include "err.h"
#include "why.h"

enum { PINS_CHIP = 64, PINS_TEXT = 80 };

struct pin {
	Pb__Pin where; /* as the session is told */
	bool inverted; /* of a GPIO line; the modem lines have it in `where` */
	char chip[PINS_CHIP]; /* GPIO */
	uint32_t line;
};

struct pins {
	struct pin boot, reset;
	int fd; /* of the requested GPIO lines, -1 = none */
};

/* "" gives PIN_NONE. ERR_CONFIG with `why`: no such pin; two GPIO lines of different chips. */
enum err pins_parse(
    const char *boot, const char *reset, struct pins *out, char why[WHY_SIZE]) MUST_CHECK;

/* ioctl(2), or what a test puts in its place. */
typedef int pins_ioctl(int fd, unsigned long request, void *arg);

/* Request the GPIO lines, off; nothing when there are none. ERR_LINK or ERR_DENIED with `why`; then
 * fd stays -1. NULL: the real one. */
enum err pins_open(struct pins *p, pins_ioctl *call, char why[WHY_SIZE]) MUST_CHECK;
void pins_close(struct pins *p);

#endif
