/*
 * status: what the gate tells an operator on its control socket, as JSON: `status`, `upgrades`,
 * `store`. Reads only.
 */
#ifndef SUBOTA_STATUS_H
#define SUBOTA_STATUS_H

#include "err.h"

/* A bus_on_query; arg is the gate. */
enum err status_on_query(
    void *arg, const char *what, const char *argument, char **json) MUST_CHECK;

#endif
