/*
 * smp: driver for devices that speak SMP (MCUmgr: Zephyr, Mynewt, MCUboot's serial recovery) over a
 * serial console. Interface: driver.h; options: `smp_driver.options`; facts of the field:
 * "What a real SMP server does" in the device notes, each with a test in tests/unit/smp.c.
 *
 * What the verbs mean here:
 *   IDENTIFY  parameters (where offered), then the state list: versions, hashes, flags.
 *   WRITE     the image must be MCUboot, say the target version, carry a SHA-256 that fits its
 *             content (else ERR_IMAGE, ERR_WRONG_VERSION, ERR_VERIFY before a byte is sent). Runs
 *             already: ERR_ALREADY. Lies in the other slot already: done at once. Ends only when
 *             the device lists the hash.
 *   STAGE     mark that hash for one test boot; done when the list says pending.
 *   REBOOT    reset; done when the device answers again and, where a swap was due, the list
 *             changed. Which image won is for the caller to read in the facts.
 *   CONFIRM   keep what runs; with an image, only if that is what runs, with a target version
 *             alone, only if what runs says that (ERR_REVERTED when it lies in the other slot, else
 *             ERR_WRONG_VERSION). Done when the list says confirmed. Of another image number than 0
 *             by its hash: without one the server means image 0. (A Zephyr of today wants to be
 *             built with ..IMG_ALLOW_CONFIRM_NON_ACTIVE_IMAGE_ANY.)
 *   REVERT    reset an image on test without confirming it. ERR_DEVICE_STATE when nothing is on
 *             test.
 * A changing request without any answer ends as ERR_AMBIGUOUS: ask with IDENTIFY.
 */
#ifndef SUBOTA_SMP_H
#define SUBOTA_SMP_H

#include "driver.h"

extern const struct driver smp_driver;

/* The same for MCUboot's serial recovery, which writes over the only image that runs: DESTRUCTIVE,
 * without STAGE, CONFIRM and REVERT. smp_recovery.c. */
extern const struct driver mcuboot_driver;

#endif
