/*
 * sim_device: the boards at the ends of the lines: the virtual sub-device of tests/subdevices with
 * its MCUboot, on a line that loses and flips bytes; and what must never happen to it. Devices are
 * numbered from 0, device i hangs on port "line-i".
 */
#ifndef SUBOTA_SIM_DEVICE_H
#define SUBOTA_SIM_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <subota.pb-c.h>

/* `second`: what its other processor (image 1) runs at first; NULL = it has none. */
void sim_device_new(int number, const char *dir, const char *first_image, const char *second);

/* Which board wants attention next, -1 = none, and when (ns). */
int sim_device_next(void);
int64_t sim_device_due(int number);
/* Move bytes, let the board and the session at the other end work. */
void sim_device_step(int number);

/* The host's end of the line. */
bool sim_device_is_plugged(int number);
size_t sim_device_room(int number);
void sim_device_put(int number, const void *data, size_t len);
size_t sim_device_get(int number, void *out, size_t size);
void sim_device_flush(int number);

/* Trouble. */
void sim_device_unplug(int number, int64_t for_ns);
void sim_device_plug(int number);
void sim_device_reset(int number);
void sim_device_forget_floor(int number);
void sim_device_noise(int number, double loss, double flip);
/* This version does not work on it; NULL = every one does. */
enum sim_illness {
	SIM_ILL_SILENT,  /* it starts and never answers */
	SIM_ILL_REFUSED, /* the boot loader does not start it */
	SIM_ILL_UNKEPT,  /* it runs, and refuses to be kept */
	SIM_ILL_UNWELL   /* it runs, and the operator's program says no */
};
void sim_device_sick(int number, const char *version, enum sim_illness how);

/* What it is: version in slot 0, whether for good; was `version` ever kept since `since` (ns)? */
const char *sim_device_version(int number);
bool sim_device_is_kept(int number);
bool sim_device_ran(int number, const char *version, int64_t since);
/* Was it kept by us on the very unit that has the device's place, as far as units are known? */
bool sim_device_was_given(int number, const char *version);
/* Is the unit another one than at first, which ran this version when it came? */
bool sim_device_came_with(int number, const char *version);
/* Was it started on trial since then? */
bool sim_device_started(int number, const char *version, int64_t since);
/* Of the other processor; true also when there is none. */
bool sim_device_second_is_kept(int number);
bool sim_device_second_ran(int number, const char *version);
const char *sim_device_second_version(int number);
/* What the operator's program would say, to this order. */
bool sim_device_is_well(int number, const Pb__SessionOrder *o);

#endif
