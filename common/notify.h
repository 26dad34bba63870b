/*
 * notify: tell the supervisor (systemd) how it stands with this daemon; sd_notify(3) says what
 * `state` may be: "READY=1", "STOPPING=1",
 * "WATCHDOG=1".
 *
 * The protocol is one datagram to the socket named in NOTIFY_SOCKET. libsystemd would do the same,
 * but maps six more libraries into every process for it.
 */
#ifndef SUBOTA_NOTIFY_H
#define SUBOTA_NOTIFY_H

#include <stdint.h>

/* Does nothing without NOTIFY_SOCKET; a supervisor that does not hear is logged and no error. */
void notify_supervisor(const char *state);

/* How long the supervisor waits for a "WATCHDOG=1" before it restarts this very process, in
 * microseconds; 0 = it does not watch (WATCHDOG_USEC, WATCHDOG_PID). */
uint64_t notify_watchdog_us(void);

#endif
