/*
 * fuzz: what a device says to the Modbus driver, and the same bytes as a frame to be told and as a
 * script. The first byte chooses verb and framing; after a newline the driver writes, after a 0x01
 * time passes.
 */
#include "modbus.h"

#include <stdlib.h>
#include <string.h>

#include "modbus_dump.h"
#include "modbus_steps.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static enum err
read_image(void *arg, uint64_t offset, uint8_t *out, size_t len)
{
	if (offset + len > 3001)
		abort();
	memset(out, 0x5a, len);
	return *(const uint8_t *)arg & 0x80 ? ERR_TOCTOU : ERR_OK;
}

static void
pass_time(void *state, struct mono *now)
{
	uint8_t out[300];

	while (modbus_driver.output(state, out, sizeof(out), *now) > 0)
		;
	struct mono due = modbus_driver.deadline(state);
	*now = due.ms < INT64_MAX && due.ms > now->ms ? due : *now;
	modbus_driver.on_time(state, *now);
}

static void
drive(void *state, const uint8_t *data, size_t len, struct mono *now)
{
	uint8_t out[300];

	for (size_t i = 0; i < len; i++) {
		modbus_driver.on_bytes(state, data + i, 1, *now);
		if (data[i] == '\n')
			modbus_driver.output(state, out, sizeof(out), *now);
		else if (data[i] == 1)
			pass_time(state, now);
	}
}

static void
set(const char **values, const char *key, const char *value)
{
	for (size_t i = 0; modbus_driver.options[i].key; i++)
		if (strcmp(modbus_driver.options[i].key, key) == 0)
			values[i] = value;
}

static void
tell(const uint8_t *data, size_t len)
{
	char *json = NULL, text[300] = "", why[200];
	struct modbus_steps steps;

	if (modbus_dump_json(data, len, &json) == ERR_OK)
		free(json);
	memcpy(text, data, len < sizeof(text) - 1 ? len : sizeof(text) - 1);
	if (modbus_steps_parse(text, &steps, why, sizeof(why)) == ERR_OK && steps.n > MODBUS_STEPS)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const enum driver_verb verbs[] = {DRIVER_IDENTIFY, DRIVER_WRITE, DRIVER_REBOOT};
	const char *values[32];
	char why[200];
	struct mono now = {1000};
	struct driver_image image = {.size = 3001, .read = read_image};
	struct driver_job job = {.image = &image, .timeout_ms = 600000, .target_version = "1.2"};
	struct driver_result result;

	if (len < 1)
		return 0;
	image.arg = (void *)(uintptr_t)data;
	for (size_t i = 0; modbus_driver.options[i].key; i++)
		values[i] = modbus_driver.options[i].fallback;
	set(values, "framing", data[0] & 4 ? "tcp" : "rtu");
	set(values, "version", "0 4 text");
	set(values, "data", data[0] & 8 ? "file 1 122" : "window 9 40");
	set(values, "loader", "wait 1 4 4 100");
	set(values, "erase", "set 1 2 wait 2 1 0 1000");
	set(values, "verify", "write 5 {size} {crc32} expect 9 {crc32}");
	set(values, "run", "set 1 4");
	void *state = calloc(1, modbus_driver.state_size);

	if (!state || modbus_driver.init(state, values, why, sizeof(why)))
		abort();
	job.verb = verbs[data[0] % 3];
	modbus_driver.start(state, &job, now);
	drive(state, data + 1, len - 1, &now);
	/* whatever came: the verb ends by its deadlines */
	for (int i = 0; i < 10000 && !modbus_driver.done(state, &result); i++)
		pass_time(state, &now);
	if (!modbus_driver.done(state, &result))
		abort();
	for (const char *c = modbus_driver.facts(state)->version; *c; c++)
		if (*c <= 0x20 || *c >= 0x7f)
			abort();
	free(state);
	tell(data + 1, len - 1);
	return 0;
}
