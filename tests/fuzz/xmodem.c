/*
 * fuzz: what a device says to the XMODEM driver. The first byte chooses verb and protocol; after a
 * newline the driver writes, after a 0x01 time passes.
 */
#include "xmodem.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static enum err
read_image(void *arg, uint64_t offset, uint8_t *out, size_t len)
{
	if (offset + len > 3000)
		abort();
	memset(out, 0x5a, len);
	return *(const uint8_t *)arg & 0x80 ? ERR_TOCTOU : ERR_OK;
}

static void
pass_time(void *state, struct mono *now)
{
	struct mono due = xmodem_driver.deadline(state);
	uint8_t out[300];

	while (xmodem_driver.output(state, out, sizeof(out), *now) > 0)
		;
	due = xmodem_driver.deadline(state);
	*now = due.ms < INT64_MAX && due.ms > now->ms ? due : *now;
	xmodem_driver.on_time(state, *now);
}

static void
drive(void *state, const uint8_t *data, size_t len, struct mono *now)
{
	uint8_t out[700];

	for (size_t i = 0; i < len; i++) {
		xmodem_driver.on_bytes(state, data + i, 1, *now);
		if (data[i] == '\n')
			xmodem_driver.output(state, out, sizeof(out), *now);
		else if (data[i] == 1)
			pass_time(state, now);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const char *const protocols[] = {"crc", "1k", "ymodem"};
	static const enum driver_verb verbs[] = {DRIVER_IDENTIFY, DRIVER_WRITE, DRIVER_REBOOT};
	const char *values[20];
	char why[200];
	struct mono now = {1000};
	struct driver_image image = {.size = 3000, .read = read_image};
	struct driver_job job = {.image = &image, .timeout_ms = 600000, .target_version = "1.2"};
	struct driver_result result;

	if (len < 1)
		return 0;
	image.arg = (void *)(uintptr_t)data;
	for (size_t i = 0; xmodem_driver.options[i].key; i++)
		values[i] = xmodem_driver.options[i].fallback;
	values[0] = protocols[data[0] / 3 % 3];
	values[1] = "gecko";
	values[3] = "send 'v' expect 'v{version}\\r'";
	void *state = calloc(1, xmodem_driver.state_size);

	if (!state || xmodem_driver.init(state, values, why, sizeof(why)))
		abort();
	job.verb = verbs[data[0] % 3];
	xmodem_driver.start(state, &job, now);
	drive(state, data + 1, len - 1, &now);
	/* whatever came: the verb ends by its deadlines */
	for (int i = 0; i < 10000 && !xmodem_driver.done(state, &result); i++)
		pass_time(state, &now);
	if (!xmodem_driver.done(state, &result))
		abort();
	for (const char *c = xmodem_driver.facts(state)->version; *c; c++)
		if (*c <= 0x20 || *c >= 0x7f)
			abort();
	free(state);
	return 0;
}
