/*
 * an3155: driver of the boot loader that ST puts into the ROM of every STM32, over its UART.
 *
 * DESTRUCTIVE: no slots, no test, no way back. But the flash is read and written in any order, so
 * what is there already is found and kept, and the vector table goes in last (an3155_write.h): a
 * write that was cut off goes on where it was, and never leaves something that runs and is half.
 *
 * How the boot loader is reached: by its pins (script `enter`, where the device has them wired), or
 * because the application was told to start it (script `launch`), or because the chip looks for a
 * vector table and found none. How the version is known: from the application, over the same line
 * (script `identify`); where that has none, from an address in flash (`version_at`), which takes
 * the device out of its work each time it is asked. IDENTIFY leaves a silent device alone unless it
 * is being upgraded or there is no other way; then it may be reset. Three answers: a version, a
 * boot loader with nothing to run (the version is empty, the image must be written), or nothing.
 *
 * Read-out protection is told as ERR_PROTECTED and left as it is: taking it away erases everything.
 */
#ifndef SUBOTA_AN3155_H
#define SUBOTA_AN3155_H

#include "driver.h"

extern const struct driver an3155_driver;

#endif
