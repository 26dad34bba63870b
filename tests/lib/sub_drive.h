/*
 * sub_drive: a driver and a virtual sub-device at the two ends of one line, in one process and in
 * virtual time: for faults by the thousand.
 *
 *     struct sub_drive_options o = {.driver = &smp_driver, .options = {"retries", "3"}};
 *     AUTO(sub_drive) struct sub_drive *d = sub_drive_new(&o);
 *     d->cut_at = 100;                       the power goes when the device has got 100 bytes
 *     cr_expect(sub_drive_upgrade(d));       whatever it takes
 *
 * Whoever flashes is as simple as can be: asks what runs, then writes, stages, reboots, confirms;
 * begins again with the question after each trouble. After a cut the line is gone: the verb ends as
 * a session would (ERR_LINK), and the next one begins with a driver that knows nothing.
 */
#ifndef SUBOTA_TESTS_SUB_DRIVE_H
#define SUBOTA_TESTS_SUB_DRIVE_H

#include "../subdevices/sub_device.h"
#include "../subdevices/sub_wire.h"
#include "auto.h"
#include "driver.h"
#include "sub_case.h"

enum { SUB_DRIVE_OPTIONS = 24 };

#define SUB_DRIVE_OLD "1.0.0"
#define SUB_DRIVE_NEW "1.1.0"

struct sub_drive_options {
	const struct driver *driver;
	const char *options[SUB_DRIVE_OPTIONS]; /* key, value, ...; NULL ends */
	struct sub_device_settings device;      /* buf_size 0: a stock Zephyr, fast */
	bool second;  /* it has an image 1 beside its image 0 */
	uint8_t pins; /* that are wired: enum driver_pin */
	uint32_t baud;                          /* 0: 1000000 */
	int64_t latency_ns;
	size_t body; /* of the images, 0: 400 */
};

struct sub_drive {
	struct sub_drive_options set;
	char *dir;
	struct sub_flash flash, second;
	struct sub_device device;
	struct sub_wire in, out; /* to the device, from it */
	void *state;
	uint8_t pins; /* that are on */
	int64_t now;
	uint8_t image[SUB_CASE_BODY + 100];
	size_t image_len;
	struct driver_image source;
	struct driver_result result;
	uint64_t sent;  /* bytes that the device has got, in all */
	uint8_t answers[8192]; /* datagrams under way to the driver, lengths before them */
	size_t answers_len;
	/* --- faults, set by the test */
	uint64_t cut_at;    /* line and power go when the device has got so many bytes; 0: never */
	int64_t cut_at_ns;  /* the same by the clock; 0: never */
	bool line_only;     /* a cut leaves the device its power and its memory */
	bool silent;        /* a cut takes power only: the line stays, and is silent */
	const char *noise;  /* said by the device before each piece of its text; NULL: nothing */
	/* --- what came of it */
	unsigned cuts, verbs, rounds;
};

struct sub_drive *sub_drive_new(const struct sub_drive_options *o);
void sub_drive_free(struct sub_drive *d);
AUTO_DEFINE(sub_drive, struct sub_drive *, sub_drive_free)

/* One verb; the result is also d->result. */
enum err sub_drive_run(struct sub_drive *d, enum driver_verb verb);
const struct driver_facts *sub_drive_facts(const struct sub_drive *d);
/* Power off and on again: RAM is gone, flash is read anew. */
void sub_drive_power_cut(struct sub_drive *d);
/* Until the new image runs and is kept, at most `rounds` beginnings; false when it does not come to
 * that. What has to be true on the way fails the test. */
bool sub_drive_upgrade(struct sub_drive *d, unsigned rounds);
/* Give the device time to start. */
void sub_drive_wait(struct sub_drive *d, double seconds);

#endif
