/*
 * work: one SessionOrder turned into a driver with its options, an image reader and a job.
 *
 * The order comes from flashd, which is trusted, yet everything in it is checked before use: a
 * driver of that name, a verb it has, options it knows with values it takes, an image whose size
 * and digests fit each other. Options the driver does not know are an error: a mistyped one must
 * not be silently ignored.
 */
#ifndef SUBOTA_WORK_H
#define SUBOTA_WORK_H

#include <stdbool.h>
#include <subota.pb-c.h>

#include "driver.h"
#include "reader.h"
#include "why.h"

typedef const struct driver *work_find(const char *name);

struct work {
	const struct driver *driver;
	void *state;
	struct reader *reader; /* NULL without an image */
	struct driver_image image;
	struct driver_job job;
};

/* `image_fd` is borrowed, -1 = none. ERR_UNSUPPORTED: no such driver or verb; ERR_CONFIG: an
 * option; ERR_INVALID: the image. `why` says what was expected and what came. Caller frees. */
enum err work_new(const Pb__SessionOrder *o, int image_fd, work_find *find, struct work **out,
    char why[WHY_SIZE]) MUST_CHECK;
void work_free(struct work *w);
AUTO_DEFINE(work, struct work *, work_free)

/* Fill a report from the driver's facts. The report borrows from the work; the texts
 * have room for a cleaned copy of 65 bytes each. */
struct work_texts {
	char version[65], image_version[65], unit[65];
};
void work_report(const struct work *w, Pb__SessionReport *r, struct work_texts *texts);

#endif
