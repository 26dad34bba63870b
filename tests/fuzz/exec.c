/*
 * fuzz: what subota-exec hands on to the exec driver (a program's words, which are a device's
 * words), frame by frame or as it comes; the first line also as a command line.
 */
#include "exec.h"

#include <stdlib.h>
#include <string.h>

#include "exec_argv.h"
#include "exec_wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static enum err
read_image(void *arg, uint64_t offset, uint8_t *out, size_t len)
{
	(void)arg;
	if (offset + len > 3000)
		abort();
	memset(out, 0x5a, len);
	return ERR_OK;
}

static void
drain(void *state, struct mono now)
{
	uint8_t out[500];

	while (exec_driver.output(state, out, sizeof(out), now) > 0)
		;
}

/* As output of the program, each line a frame; after a 0x01 it ends well, after a 0x02 not. */
static void
speak(void *state, const uint8_t *data, size_t len, struct mono now)
{
	uint8_t frame[EXEC_WIRE_FRAME];

	for (size_t at = 0, n; at < len; at += n + 1) {
		const uint8_t *end = memchr(data + at, '\n', len - at);

		n = end ? (size_t)(end - data) - at : len - at;
		n = n < EXEC_WIRE_DATA ? n : EXEC_WIRE_DATA;
		exec_driver.on_bytes(
		    state, frame, exec_wire_format(EXEC_OUTPUT, data + at, n, frame), now);
		if (n == 0 || (data[at] != 1 && data[at] != 2))
			continue;
		exec_driver.on_bytes(state, frame,
		    exec_wire_format(EXEC_EXIT, (uint8_t[]){0, 0, data[at] - 1, 0}, 4, frame), now);
		drain(state, now);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const enum driver_verb verbs[] = {DRIVER_IDENTIFY, DRIVER_WRITE, DRIVER_REBOOT};
	const char *values[32];
	char why[200], line[400] = "", word[EXEC_WORD_MAX];
	const char *at = line;
	struct mono now = {1000};
	struct driver_image image = {.size = 3000, .read = read_image};
	struct driver_job job = {.image = &image, .timeout_ms = 600000, .target_version = "1.2"};
	struct driver_result result;

	if (len < 1)
		return 0;
	for (size_t i = 0; exec_driver.options[i].key; i++)
		values[i] = exec_driver.options[i].fallback;
	values[0] = data[0] & 8 ? "avrdude" : "stm32flash";
	values[6] = data[0] & 16 ? "fw=" : "none";
	void *state = calloc(1, exec_driver.state_size);

	if (!state || exec_driver.init(state, values, why, sizeof(why)))
		abort();
	job.verb = verbs[data[0] % 3];
	exec_driver.start(state, &job, now);
	drain(state, now);
	if (data[0] & 32)
		exec_driver.on_bytes(state, data + 1, len - 1, now);
	else
		speak(state, data + 1, len - 1, now);
	if (exec_driver.facts(state)->done_bytes > 3000)
		abort();
	for (const char *c = exec_driver.facts(state)->version; *c; c++)
		if (*c <= 0x20 || *c >= 0x7f)
			abort();
	exec_driver.on_time(state, exec_driver.deadline(state));
	if (!exec_driver.done(state, &result) || strlen(result.detail) >= sizeof(result.detail))
		abort();
	free(state);
	memcpy(line, data, len < sizeof(line) - 1 ? len : sizeof(line) - 1);
	while (exec_argv_next(&at, &(struct exec_values){"p", "b", "a", "x", "t", "d", 9}, word))
		;
	(void)!exec_argv_check(line, why, sizeof(why));
	return 0;
}
