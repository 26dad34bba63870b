/*
 * modbus: driver of devices that take an image through Modbus registers or file records, over RTU
 * or TCP.
 *
 * There is no standard for that, so what a device wants is a profile: options, most of them scripts
 * (modbus_steps.h). DESTRUCTIVE: nothing is known about slots. IDENTIFY knows three answers as with
 * xmodem: a version (option `version`), a boot loader without one (script `loader`, or a version
 * that is empty), or nothing.
 *
 * WRITE: `loader`, or `launch` and then `loader`; `unlock`; `erase`; for each piece `before`, the
 * data, `after`; `verify`; `commit`. A piece whose answer is lost is written again from `before`
 * on where its place is told (file records, an area of registers, {offset} or {block} in `before`);
 * otherwise the outcome is unknown and the image is written anew. REBOOT: `run`. The last step of
 * `launch`, `commit` and `run` may stay without an answer: a device that resets gives none, and the
 * next IDENTIFY says what runs.
 */
#ifndef SUBOTA_MODBUS_H
#define SUBOTA_MODBUS_H

#include "driver.h"

extern const struct driver modbus_driver;

#endif
