/*
 * bench_relay: a serial line's worth of TCP in front of a device: a port of the loopback address
 * whose connections go on to another port, at so many bytes a second each way, and which can break.
 *
 * One thread per line. What does not fit the rate waits in the sender, as at a UART.
 */
#ifndef SUBOTA_BENCH_RELAY_H
#define SUBOTA_BENCH_RELAY_H

#include <stdint.h>

enum bench_relay_end {
	BENCH_RELAY_WHOLE,
	BENCH_RELAY_DIES,  /* after so many bytes to the device no connection is left, nor made */
	BENCH_RELAY_HANGS, /* after so many bytes to the device not one moves any more */
};

struct bench_relay;

/* Goes to `address`, `port`; `rate`: bytes a second. NULL when it cannot be made. */
struct bench_relay *bench_relay_start(
    const char *address, unsigned port, unsigned rate, enum bench_relay_end end, uint64_t after);
void bench_relay_stop(struct bench_relay *r);
unsigned bench_relay_port(const struct bench_relay *r);

#endif
