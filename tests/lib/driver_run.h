/*
 * driver_run: a driver at a descriptor, in real time: for tests with peers that nobody here wrote.
 */
#ifndef SUBOTA_TESTS_DRIVER_RUN_H
#define SUBOTA_TESTS_DRIVER_RUN_H

#include <sys/types.h>

#include "auto.h"
#include "driver.h"

struct driver_run {
	const struct driver *driver;
	void *state;
	int fd;              /* non-blocking, owned */
	const uint8_t *data; /* image, borrowed */
	struct driver_image image;
	struct driver_result result;
};

/* `options`: key, value, key, value, ..., NULL. Aborts the test when the driver refuses them. */
void driver_run_open(
    struct driver_run *r, const struct driver *driver, int fd, const char *const *options);
void driver_run_close(struct driver_run *r);

/* Run one verb to its end; the result is also in r->result. */
enum err driver_run_verb(
    struct driver_run *r, enum driver_verb verb, const char *target, uint32_t timeout_ms);

/* The image of the verbs that follow; `data` is borrowed. */
void driver_run_image(struct driver_run *r, const uint8_t *data, size_t len);
/* Bytes that look like firmware and contain every value. Caller frees. */
uint8_t *driver_run_bytes(size_t len);

/* Start argv[0] in `dir` with the other end of *fd as stdin and stdout; it dies with the test. */
pid_t driver_run_peer(const char *dir, const char *const argv[], int *fd);

#endif
