/*
 * smp_tty: the scripted SMP server (smp_server.h) as a device on a pseudo-terminal, in real time,
 * in a thread of its own: for tests of whole processes.
 *
 * The line's path is a symbolic link in a directory of the test, so that a device can be unplugged
 * (the terminal is gone) and plugged in again (another terminal, same path). Frames are read and
 * made here; no code is shared with the driver.
 */
#ifndef SUBOTA_TESTS_SMP_TTY_H
#define SUBOTA_TESTS_SMP_TTY_H

#include <sys/types.h>

#include "smp_script.h"

struct smp_tty;

/* Start a friendly device that runs 1.0.0, with its line at `path`; `uid` gets the terminal. */
struct smp_tty *smp_tty_start(const char *path, uid_t uid);
void smp_tty_stop(struct smp_tty *t);

/* The device's state, locked against its thread: between take and give it stands still. */
struct smp_script *smp_tty_take(struct smp_tty *t);
void smp_tty_give(struct smp_tty *t);

/* What an upload becomes once it is whole; from an MCUboot file's header and hash. */
void smp_tty_expect(struct smp_tty *t, const char *version, const uint8_t hash[32]);

void smp_tty_unplug(struct smp_tty *t, bool with_power); /* with_power: the device reboots, too */
void smp_tty_plug(struct smp_tty *t);

/* Bytes of the upload that the device holds or ever held, for a look at what reached it. */
size_t smp_tty_received(struct smp_tty *t, uint8_t *out, size_t size);
/* How many that are; never fewer than before. */
size_t smp_tty_reached(struct smp_tty *t);

#endif
