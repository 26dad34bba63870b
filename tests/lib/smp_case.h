/*
 * smp_case: one SMP driver, one scripted server, one image: what the driver's tests share.
 */
#ifndef SUBOTA_TESTS_SMP_CASE_H
#define SUBOTA_TESTS_SMP_CASE_H

#include "smp.h"
#include "smp_script.h"

#define SMP_CASE_IMAGE "2-ed25519-v1.1.0-dep-sec2.img" /* version 1.1.0.2 */

struct smp_case {
	struct smp_script d;
	void *state;
	uint8_t *file;
	size_t file_len;
	enum err read_error;
	struct driver_image image;
	struct driver_result result;
	const struct driver_facts *facts;
	const char *values[16];
};

/* Driver with its default options, a friendly device, SMP_CASE_IMAGE loaded. */
struct smp_case *smp_case_setup(void);
void smp_case_teardown(struct smp_case *f);

/* Take another image of tests/data/mcuboot. */
void smp_case_load(struct smp_case *f, const char *name);

/* Change one option; the driver forgets everything. */
void smp_case_set(struct smp_case *f, const char *key, const char *value);

/* Run a verb to its end; the result is also in f->result. */
enum err smp_case_run(
    struct smp_case *f, enum driver_verb verb, const char *target, uint32_t timeout_ms);

/* Expect that the device's flash and the facts are those after a whole write. */
void smp_case_expect_written(struct smp_case *f);

#define expect_run(f, verb, want) \
	do { \
		enum err got_ = smp_case_run(f, verb, "1.1.0.2", 200000); \
		cr_expect(got_ == (want), "expected %s, got %s (%s)", err_name(want), \
		    err_name(got_), (f)->result.detail); \
	} while (0)

#endif
