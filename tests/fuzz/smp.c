/*
 * fuzz: the SMP drivers' input. The first byte chooses the verb, the second driver, framing and
 * link. Frames in the input are bytes as from a wire; after a 0x00 byte the driver writes,
 * so that sequence numbers and windows move; after 0x01 time passes. Raw packets go through the
 * dump.
 */
#include <sodium.h>

#include "smp.h"
#include "smp_dump.h"
#include "smp_frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static uint8_t
image_byte(uint64_t at)
{
	/* an unsigned image: header of 32 bytes, body, one SHA-256 record (filled in by read_image)
	 */
	static const uint8_t head[32] = {0x3d, 0xb8, 0xf3, 0x96, 0, 0, 0, 0, 32, 0, 0, 0, 0x00,
	    0x10, 0, 0, 0, 0, 0, 0, 1, 2, 3, 0};

	return at < 32 ? head[at] : (uint8_t)(at * 31);
}

static enum err
read_image(void *arg, uint64_t offset, uint8_t *out, size_t len)
{
	static const uint8_t records[8] = {0x07, 0x69, 0x28, 0, 0x10, 0, 0x20, 0};
	uint8_t file[32 + 4096 + 40];

	(void)arg;
	for (size_t i = 0; i < sizeof(file); i++)
		file[i] = image_byte(i);
	memcpy(file + 32 + 4096, records, sizeof(records));
	crypto_hash_sha256(file + 32 + 4096 + 8, file, 32 + 4096);
	if (offset > sizeof(file) || len > sizeof(file) - offset)
		abort();
	memcpy(out, file + offset, len);
	return ERR_OK;
}

static void
drive(const struct driver *v, void *state, const uint8_t *data, size_t len, struct mono *now)
{
	uint8_t out[2048];
	size_t from = 0;

	for (size_t i = 0; i < len; i++) {
		if (data[i] > 1)
			continue;
		v->on_bytes(state, data + from, i - from, *now);
		from = i + 1;
		if (data[i] == 0) {
			v->output(state, out, sizeof(out), *now);
			continue;
		}
		struct mono due = v->deadline(state);

		*now = due.ms < INT64_MAX && due.ms > now->ms ? due : *now;
		v->on_time(state, *now);
	}
	v->on_bytes(state, data + from, len - from, *now);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const struct driver *v = len > 1 && data[1] & 16 ? &mcuboot_driver : &smp_driver;
	const char *values[32];
	char why[100];
	struct mono now = {1000};
	struct driver_image image = {.size = 32 + 4096 + 40, .read = read_image};
	struct driver_job job = {.image = &image, .timeout_ms = 60000, .target_version = "1.2.3"};
	struct driver_result result;
	char *json = NULL;

	if (len < 2)
		return 0;
	if (!smp_dump_json(data + 2, len - 2, &json))
		free(json);
	void *state = calloc(1, v->state_size);

	for (size_t i = 0; v->options[i].key; i++)
		values[i] = v->options[i].fallback;
	values[0] = data[1] & 1 ? "0" : "auto";
	values[1] = data[1] & 4 ? "raw" : "auto";
	job.datagram = data[1] & 8;
	job.pins = data[1] & 32 ? DRIVER_BOOT | DRIVER_RESET : 0;
	if (v->init(state, values, why, sizeof(why)))
		abort();
	job.verb = (enum driver_verb)(1 + data[0] % 6);
	if (!(v->verbs & 1u << job.verb))
		job.verb = DRIVER_WRITE;
	v->start(state, &job, now);
	drive(v, state, data + 2, len - 2, &now);
	if (data[1] & 2)
		v->on_link(state, false, now);
	v->on_link(state, true, now);
	/* whatever came: the verb ends by its deadlines */
	for (int i = 0; i < 10000 && !v->done(state, &result); i++) {
		now = v->deadline(state);
		v->on_time(state, now);
		while (v->output(state, (uint8_t[2048]){0}, 2048, now) > 0)
			;
	}
	if (!v->done(state, &result))
		abort();
	for (const char *c = v->facts(state)->version; *c; c++)
		if (*c <= 0x20 || *c >= 0x7f)
			abort();
	free(state);
	return 0;
}
