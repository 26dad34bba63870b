/*
 * modbus_case: the Modbus driver and a device in memory (modbus_dev.h) in virtual time.
 */
#ifndef SUBOTA_TESTS_MODBUS_CASE_H
#define SUBOTA_TESTS_MODBUS_CASE_H

#include "modbus.h"
#include "modbus_dev.h"

enum { MODBUS_CASE_SAID = 8 };

struct modbus_case {
	void *state;
	struct modbus_dev *dev;
	struct mono now;
	uint8_t *image;
	struct driver_image of;
	struct driver_result result;
	uint64_t to_device, from_device; /* bytes */
	/* Faults of the line, by the number of the byte; 0 = none. */
	uint64_t cut_at;  /* towards the device: power goes here, once, and comes back */
	uint64_t lose_at; /* towards the device: this byte is lost, once */
	uint64_t mute_at; /* from the device: nothing comes from here on, for ever */
	uint32_t late_ms, late_every; /* each n-th answer takes so long */
	bool echo; /* the line gives back what is sent */
	/* Said instead of the device's answers, over and over; NULL = none. */
	const uint8_t *babble;
	size_t babble_len;
	struct modbus_case_said {
		struct mono at;
		uint8_t data[MODBUS_DEV_OUT];
		size_t len;
	} said[MODBUS_CASE_SAID]; /* under way */
	size_t n_said;
};

/* `options` as of modbus_dev_options; `len` bytes of image of version "2.0.0"; the device runs
 * "1.0.0". */
void modbus_case_open(struct modbus_case *c, const char *const *options, size_t len);
void modbus_case_close(struct modbus_case *c);

/* A verb to its end. Aborts the test when it does not come to one. */
enum err modbus_case_run(struct modbus_case *c, enum driver_verb verb);
/* Whether the device holds exactly the image. */
bool modbus_case_holds(const struct modbus_case *c);
const char *modbus_case_version(struct modbus_case *c);

/* As flashd does: look, write if it must be, start, look; up to `rounds` times, until the new
 * version runs. */
bool modbus_case_upgrade(struct modbus_case *c, int rounds);

#endif
