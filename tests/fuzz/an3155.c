/*
 * fuzz: what a device says to the STM32 driver, and the same bytes as a line to be told. The first
 * byte chooses verb, pins and how it verifies; the driver writes as soon as it may, after a 0xf1
 * time passes.
 */
#include "an3155.h"

#include <stdlib.h>
#include <string.h>

#include "an3155_dump.h"

enum { SIZE = 3000, OPTIONS = 24 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static enum err
read_image(void *arg, uint64_t offset, uint8_t *out, size_t len)
{
	if (offset + len > SIZE)
		abort();
	memset(out, 0x21, len);
	if (offset == 0 && len >= 8)
		memcpy(out, "\x00\x50\x00\x20\x51\x01\x00\x08", 8);
	return *(const uint8_t *)arg & 0x80 ? ERR_TOCTOU : ERR_OK;
}

static void
pass_time(void *state, struct mono *now)
{
	uint8_t out[300];

	while (an3155_driver.output(state, out, sizeof(out), *now) > 0)
		;
	struct mono due = an3155_driver.deadline(state);
	*now = due.ms < INT64_MAX && due.ms > now->ms ? due : *now;
	an3155_driver.on_time(state, *now);
}

static void
drive(void *state, const uint8_t *data, size_t len, struct mono *now)
{
	uint8_t out[700];

	for (size_t i = 0; i < len; i++) {
		an3155_driver.on_bytes(state, data + i, 1, *now);
		if (data[i] == 0xf1)
			pass_time(state, now);
		else /* the driver speaks as soon as it may */
			an3155_driver.output(state, out, sizeof(out), *now);
		if (an3155_driver.line(state).pins & ~(DRIVER_BOOT | DRIVER_RESET))
			abort();
	}
}

static void
check(void *state, const struct driver_job *job)
{
	const struct driver_facts *f = an3155_driver.facts(state);
	struct driver_result result;

	if (f->done_bytes > f->total_bytes || strlen(f->version) >= sizeof(f->version))
		abort();
	if (an3155_driver.done(state, &result) && result.error == ERR_OK &&
	    job->verb == DRIVER_WRITE && (job->image->size != f->done_bytes))
		abort();
}

static void
set(const char **values, const char *key, const char *value)
{
	for (size_t i = 0; an3155_driver.options[i].key; i++)
		if (strcmp(an3155_driver.options[i].key, key) == 0)
			values[i] = value;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const enum driver_verb verbs[] = {DRIVER_IDENTIFY, DRIVER_WRITE, DRIVER_REBOOT};
	const char *values[OPTIONS];
	char why[200], *json = NULL;
	struct mono now = {1000};
	struct driver_image image = {.size = SIZE, .read = read_image};
	struct driver_job job = {.image = &image, .timeout_ms = 600000, .target_version = "1.2"};

	if (len < 1)
		return 0;
	if (an3155_dump_json(data + 1, len - 1, &json) == ERR_OK)
		free(json);
	image.arg = (void *)(uintptr_t)data;
	job.verb = verbs[data[0] % 3];
	job.pins = data[0] >> 2 & 3;
	for (size_t i = 0; an3155_driver.options[i].key; i++)
		values[i] = an3155_driver.options[i].fallback;
	set(values, "identify", data[0] & 0x10 ? "none" : "send 'v\\n' expect 'v{version}\\n'");
	set(values, "version_at", "08000100");
	set(values, "verify", data[0] & 0x20 ? "crc" : "read");
	void *state = calloc(1, an3155_driver.state_size);
	if (!state || an3155_driver.init(state, values, why, sizeof(why)) != ERR_OK)
		abort();
	an3155_driver.start(state, &job, now);
	drive(state, data + 1, len - 1, &now);
	check(state, &job);
	for (int i = 0; i < 100000 && !an3155_driver.done(state, NULL); i++)
		pass_time(state, &now);
	if (!an3155_driver.done(state, NULL))
		abort(); /* a verb ends by its deadlines */
	free(state);
	return 0;
}
