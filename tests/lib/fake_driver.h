/*
 * fake_driver: a driver made for tests of the session. IDENTIFY says "?" and takes one line, which
 * is the version; WRITE copies the image to the link. Its only option, `colour`, must not be "bad".
 */
#ifndef SUBOTA_TESTS_FAKE_DRIVER_H
#define SUBOTA_TESTS_FAKE_DRIVER_H

#include "driver.h"

/* The driver "fake", no other one. */
const struct driver *fake_driver_find(const char *name);

#endif
