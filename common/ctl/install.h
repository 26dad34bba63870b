/*
 * install: what `install`, `plan` and `watch` share.
 */
#ifndef SUBOTA_CTL_INSTALL_H
#define SUBOTA_CTL_INSTALL_H

#include "ask.h"

enum { INSTALL_DEVICES_MAX = 64 };

/* Have the package at `path` installed on these devices (names or PRODUCT/DEVICE), all components
 * for which it has an image; `wait`: until all have ended. The exit status. */
int install_on(
    const struct ask *a, const char *path, const char *const *names, size_t n, bool wait);

/* Ask flashd what would come of it; `component` may be "". The answer is the caller's. */
enum err plan_ask(const struct ask *a, const char *path, const char *device, const char *component,
    cJSON **answer, char why[WHY_SIZE]) MUST_CHECK;

#endif
