/*
 * modbus_walk: the state of the Modbus driver, and the way of a verb through the scripts of its
 * profile and the pieces of the image; which follows which is decided in on_met() and on_missed().
 */
#ifndef SUBOTA_MODBUS_WALK_H
#define SUBOTA_MODBUS_WALK_H

#include "modbus_profile.h"

/* What is at hand: a script (its number), or one of these. */
enum { AT_VERSION = MODBUS_SCRIPTS, AT_SERIAL, AT_DATA, AT_REST };

struct modbus_walk {
	struct modbus_profile profile;
	struct driver_job job;
	bool busy, up;
	struct mono end;
	struct modbus_call call;
	struct modbus_values values;

	int at;
	size_t step;
	bool pausing; /* until `due` */
	bool looking; /* then the register is read once more */
	struct mono due, step_end;
	bool launched;
	struct mono launch_end;
	enum err version_error;
	char detail[160]; /* of the last step that was missed */

	uint64_t offset; /* of the piece at hand */
	unsigned tried;  /* times that it was written */
	struct driver_facts facts;
	struct driver_result result;
};

/* Begin with a script or with what else may be at hand. */
void modbus_walk_go(struct modbus_walk *m, int at, struct mono now);
/* The call that ran is over. */
void modbus_walk_answer(struct modbus_walk *m, struct mono now);
/* The pause is over. */
void modbus_walk_resume(struct modbus_walk *m, struct mono now);
/* The verb is over. */
void modbus_walk_finish(struct modbus_walk *m, enum err e, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* "erase", "data", of what is at hand. */
const char *modbus_walk_name(const struct modbus_walk *m);

#endif
