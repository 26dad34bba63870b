/*
 * xmodem: driver of boot loaders that take an image by XMODEM-CRC, XMODEM-1K or YMODEM.
 *
 * What is said before and after the transfer is data: scripts (expect.h), taken from a recipe and
 * changed one by one in the configuration. DESTRUCTIVE: there are no slots, no test and no way
 * back; while an image is written the device has none. So IDENTIFY knows three answers: a version
 * (script `identify`), a boot loader without one (script `loader`; the version is empty, the image
 * must be written), or nothing.
 *
 * The answer to the end of a transfer may be lost. Then the script `verify` decides (a checksum or
 * a text of the boot loader); without one the verb ends as ERR_AMBIGUOUS, and the next IDENTIFY
 * says what runs.
 */
#ifndef SUBOTA_XMODEM_H
#define SUBOTA_XMODEM_H

#include "driver.h"

extern const struct driver xmodem_driver;

#endif
