/*
 * exec: driver of devices that a flasher program of somebody else writes: avrdude, stm32flash,
 * dfu-util, ...
 *
 * The program runs in a jail of its own, started by subota-exec (../exec), to which this driver
 * speaks instead of to a device: it sends the image, chunk by chunk as it was verified, and the
 * words of a command line (the program sees the image as /dev/fd/3, sealed), and takes what the
 * program says. That is a device's word, too, and trusted as little.
 *
 * IDENTIFY runs `identify` and looks for the version behind the text `version`; a program that
 * ends well and says none has found a device without application. WRITE runs `flash` and `verify`,
 * REBOOT runs `reset`. CHECK runs the program as a health check, for devices of any driver: every
 * end but exit status 0 is UNHEALTHY. DESTRUCTIVE: nothing is known about slots.
 */
#ifndef SUBOTA_EXEC_H
#define SUBOTA_EXEC_H

#include "driver.h"

extern const struct driver exec_driver;

#endif
