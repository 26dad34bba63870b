/*
 * loopback: listeners on 127.0.0.1, at ports that the kernel chooses.
 */
#ifndef SUBOTA_TEST_LOOPBACK_H
#define SUBOTA_TEST_LOOPBACK_H

/* A TCP listener, the caller's to close; `flags` are 0 or SOCK_NONBLOCK, its port goes to `port`.
 * -1 with errno when there is none. */
int loopback_listen(int flags, unsigned *port);

#endif
