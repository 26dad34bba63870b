/*
 * rom_case: the AN3155 driver and a virtual STM32 at the ends of one line, in virtual time.
 *
 *     AUTO(rom_case) struct rom_case *s = rom_case_new();
 *     rom_case_flash(s, "1.0.0", 20000);      what it comes with
 *     rom_case_image(s, "1.1.0", 21000);      what it is to get
 *     rom_case_run(s, DRIVER_WRITE)           a verb, to its end
 *
 * Bytes to the device can be lost, spoilt or made the moment of a power cut, by their number.
 */
#ifndef SUBOTA_TESTS_ROM_CASE_H
#define SUBOTA_TESTS_ROM_CASE_H

#include "../subdevices/sub_rom.h"
#include "../subdevices/sub_wire.h"

#include "an3155.h"
#include "auto.h"
#include "bundle.h"

enum { ROM_CASE_FLASH = 128 * 1024, ROM_CASE_OPTIONS = 24 };

enum rom_case_fault {
	ROM_CASE_NONE,
	ROM_CASE_LOSE,  /* the byte does not arrive */
	ROM_CASE_FLIP,  /* with another bit */
	ROM_CASE_POWER, /* the device loses power before it, and has it again after a moment */
	ROM_CASE_STOP,  /* the driver's process is killed: the run ends */
};

struct rom_case {
	struct sub_chip chip;
	struct sub_rom rom;
	struct sub_wire to, from;
	void *state;
	const char *values[ROM_CASE_OPTIONS];
	int64_t now; /* ns */
	struct bundle_bytes image;
	struct driver_image signed_image;
	struct driver_result result;
	const struct driver_facts *facts;
	uint8_t pins;       /* that are wired */
	const char *target; /* of the jobs; NULL: "1.1.0" */
	/* faults */
	enum rom_case_fault fault;
	uint64_t fault_at; /* byte to the device, counted from the start of a verb */
	bool back;         /* the fault is for bytes from the device */
	int64_t off_ns;    /* power stays away so long */
	/* counted */
	uint64_t to_bytes, from_bytes;
	int64_t power_at;
};

/* F103 with 128 KiB in pages of 1 KiB, both pins, 115200 baud 8E1; asks the application by
 * `version`. The chip is empty and on. */
struct rom_case *rom_case_new(void);
void rom_case_free(struct rom_case *s);
AUTO_DEFINE(rom_case, struct rom_case *, rom_case_free)

/* Change an option; the driver forgets everything. NULL key: start it anew. */
void rom_case_set(struct rom_case *s, const char *key, const char *value);
/* The chip: another page size (0: sectors of an F4), id, erased value; empty, restarted. */
void rom_case_chip(struct rom_case *s, uint16_t id, uint32_t page, uint8_t erased);
void rom_case_flash(struct rom_case *s, const char *version, size_t size);
void rom_case_image(struct rom_case *s, const char *version, size_t size);

/* Run a verb; ERR_CLOSED: stopped by ROM_CASE_STOP. The result is also in s->result. */
enum err rom_case_run(struct rom_case *s, enum driver_verb verb);
/* As flashd does it: IDENTIFY, WRITE when nothing or another version runs, REBOOT, IDENTIFY; again
 * after trouble, `tries` times at most. True when the image runs. */
bool rom_case_upgrade(struct rom_case *s, unsigned tries);

/* Run only the device for so long. */
void rom_case_pass(struct rom_case *s, int64_t ms);
/* The flash holds the image, byte by byte, and nothing was programmed twice. */
void rom_case_expect_image(struct rom_case *s);

#endif
