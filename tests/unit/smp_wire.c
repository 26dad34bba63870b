/*
 * smp_wire: how well the driver fills a wire, in virtual time: no clock is read. Occupancy is the
 * share of the time between the first and the last piece in which the wire towards the device was
 * busy (goal G6).
 */
#include <criterion/criterion.h>

#include "mcuboot.h"
#include "smp.h"
#include "smp_script.h"

#define IMAGE_3 "3-p256-v2.0.0-dep1-secauto.img" /* 200 KB */

enum { NS_115200 = 86806, NS_921600 = 10851 };

struct setting {
	uint32_t byte_ns, latency_us, chunk_us;
	uint32_t buf_size, buf_count;
	unsigned buffers;
	bool one_at_a_time;
	const char *max_message, *window;
};

struct outcome {
	double occupancy, seconds;
	uint64_t rewinds, drops;
};

static uint8_t file[1 << 18];
static size_t file_len;

static enum err
read_file(void *arg, uint64_t offset, uint8_t *out, size_t len)
{
	(void)arg;
	memcpy(out, file + offset, len);
	return ERR_OK;
}

static void
init(void *state, const struct setting *t)
{
	const char *values[16];
	char why[100];

	for (size_t i = 0; smp_driver.options[i].key; i++) {
		values[i] = smp_driver.options[i].fallback;
		if (t->max_message && strcmp(smp_driver.options[i].key, "max_message") == 0)
			values[i] = t->max_message;
		if (t->window && strcmp(smp_driver.options[i].key, "window") == 0)
			values[i] = t->window;
	}
	cr_assert_eq(smp_driver.init(state, values, why, sizeof(why)), ERR_OK);
}

static struct outcome
measure(const struct setting *t)
{
	struct smp_script d;
	struct driver_result result;
	struct mcuboot m;
	char why[100];
	void *state = calloc(1, smp_driver.state_size);
	FILE *f = fopen("tests/data/mcuboot/" IMAGE_3, "rb");
	struct driver_image image = {.read = read_file};
	struct mcuboot_source s = {.read = read_file};

	cr_assert_not_null(f);
	file_len = fread(file, 1, sizeof(file), f);
	fclose(f);
	image.size = s.size = file_len;
	cr_assert_eq(mcuboot_parse(&s, &m, why, sizeof(why)), ERR_OK);
	init(state, t);
	smp_script_init(&d);
	memcpy(d.image_hash, m.sha256, 32);
	d.byte_us_x1000 = t->byte_ns;
	d.latency_us = t->latency_us;
	d.chunk_us = t->chunk_us;
	d.buf_size = t->buf_size;
	d.buf_count = t->buf_count;
	d.buffers = t->buffers;
	d.one_at_a_time = t->one_at_a_time;

	struct driver_job job = {.verb = DRIVER_WRITE, .image = &image, .timeout_ms = 600000};

	smp_script_run(&d, &smp_driver, state, &job, &result);
	cr_assert_eq(result.error, ERR_OK, "%s", result.detail);
	cr_assert_arr_eq(d.flash, file, file_len);
	double us = (double)(d.last_upload_us - d.first_upload_us - d.erase_us);
	struct outcome o = {
	    .occupancy = (double)(d.wire_busy_last - d.wire_busy_first) / 1000 / us,
	    .seconds = us / 1e6,
	    .rewinds = smp_driver.facts(state)->rewinds,
	    .drops = d.drops,
	};
	smp_script_fini(&d);
	free(state);
	return o;
}

Test(smp_wire, fills_the_wire_of_a_cooperative_device)
{
	static const uint32_t latencies[] = {0, 1000, 4000, 10000, 16000};

	for (size_t i = 0; i < sizeof(latencies) / sizeof(latencies[0]); i++) {
		struct setting t = {.byte_ns = NS_115200,
		    .latency_us = latencies[i],
		    .chunk_us = 5000,
		    .buf_size = 516,
		    .buf_count = 6};
		struct outcome o = measure(&t);

		cr_log_info("115200, %u us: %.4f", latencies[i], o.occupancy);
		cr_expect_geq(
		    o.occupancy, 0.97, "%u us of latency: %.4f", latencies[i], o.occupancy);
		cr_expect_eq(o.rewinds, 0);
	}
}

Test(smp_wire, fills_it_with_a_window_of_two)
{
	struct setting t = {.byte_ns = NS_115200,
	    .latency_us = 16000,
	    .chunk_us = 2000,
	    .buf_size = 1028,
	    .buf_count = 3};
	struct outcome o = measure(&t);

	cr_expect_geq(o.occupancy, 0.97, "%.4f", o.occupancy);
}

Test(smp_wire, fills_a_fast_wire)
{
	struct setting t = {.byte_ns = NS_921600,
	    .latency_us = 10000,
	    .chunk_us = 1000,
	    .buf_size = 516,
	    .buf_count = 6,
	    .window = "8"};
	struct outcome o = measure(&t);

	cr_expect_geq(o.occupancy, 0.95, "%.4f", o.occupancy);
}

/* One setting with the window that the device promises, and the same with a window of 1. */
static void
compare(const struct setting *t)
{
	struct setting alone = *t;
	struct outcome open = measure(t);

	alone.window = "1";
	struct outcome one = measure(&alone);

	cr_log_info("drops while busy %d, %u promised, %u us of latency, %u us of flash: %.2f s, "
		    "alone %.2f s, "
		    "%llu rewinds, %llu drops",
	    t->one_at_a_time, t->buf_count, t->latency_us, t->chunk_us, open.seconds, one.seconds,
	    (unsigned long long)open.rewinds, (unsigned long long)open.drops);
	cr_expect_eq(one.rewinds, 0);
	cr_expect_leq(open.seconds, one.seconds / 0.98,
	    "%u promised, %u us of latency, %u us of flash: %.2f s, alone %.2f s, %llu rewinds",
	    t->buf_count, t->latency_us, t->chunk_us, open.seconds, one.seconds,
	    (unsigned long long)open.rewinds);
}

/* Devices that promise more buffers than they have and drop in silence: never slower than one
 * request at a time. Flash from fast to slower than the wire. */
Test(smp_wire, is_never_slower_than_window_one_on_a_stock_device)
{
	static const uint32_t latencies[] = {0, 1000, 16000};
	static const uint32_t flash[] = {6000, 12000, 20000, 35000, 60000};
	static const uint32_t rates[] = {NS_115200, NS_921600};
	struct setting t = {.buf_size = 384, .buffers = 2};

	for (size_t i = 0; i < 2 * 3 * 5 * 2; i++) {
		t.one_at_a_time = i % 2;
		t.buf_count = 4;
		t.latency_us = latencies[i / 2 % 3];
		t.chunk_us = flash[i / 6 % 5];
		t.byte_ns = rates[i / 30];
		compare(&t);
	}
}
