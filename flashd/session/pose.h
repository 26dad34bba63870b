/*
 * pose: how the line of a session stands: its pins, and its parity while a driver wants another.
 *
 * A driver says how it should be (driver_line), here it is made so, by ioctls on what the session
 * inherited: the line itself, and the request for its GPIO lines. What a device does not have wired
 * is no error; what it should have and cannot be moved is. The parity that flashd has set up is put
 * back; if the session is killed before, flashd does it with the next order.
 */
#ifndef SUBOTA_POSE_H
#define SUBOTA_POSE_H

#include <stdbool.h>
#include <stdint.h>
#include <subota.pb-c.h>

#include "driver.h"
#include "why.h"

/* ioctl(2), or what a test puts in its place. */
typedef int pose_ioctl(int fd, unsigned long request, void *arg);

struct pose {
	int link_fd, gpio_fd; /* gpio_fd -1: none; both borrowed */
	pose_ioctl *call;
	Pb__Pin boot, reset;
	bool known;  /* `is` is how they stand */
	bool framed; /* `kept` is the line as it was */
	struct driver_line is;
	uint8_t kept[64]; /* struct termios2 */
};

/* `call` NULL: the real one. */
void pose_init(struct pose *p, int link_fd, int gpio_fd, pose_ioctl *call);
/* The pins of the order that begins. */
void pose_begin(struct pose *p, Pb__Pin boot, Pb__Pin reset);
/* Which there are: enum driver_pin. */
uint8_t pose_pins(const struct pose *p);
/* Make it so. ERR_LINK with `why`. */
enum err pose_take(struct pose *p, struct driver_line want, char why[WHY_SIZE]) MUST_CHECK;

#endif
