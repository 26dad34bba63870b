/*
 * smp_case: see smp_case.h.
 */
#include "smp_case.h"

#include <criterion/criterion.h>
#include <string.h>

#include "mcuboot.h"

static enum err
read_file(void *arg, uint64_t offset, uint8_t *out, size_t len)
{
	struct smp_case *f = arg;

	cr_assert(offset <= f->file_len && len <= f->file_len - offset);
	memcpy(out, f->file + offset, len);
	return f->read_error;
}

void
smp_case_load(struct smp_case *f, const char *name)
{
	struct mcuboot m;
	char path[200], why[100];

	snprintf(path, sizeof(path), "tests/data/mcuboot/%s", name);
	FILE *file = fopen(path, "rb");

	cr_assert_not_null(file);
	f->file_len = fread(f->file, 1, 1 << 20, file);
	fclose(file);
	f->image = (struct driver_image){
	    .size = f->file_len, .sha256 = {9, 9, 9}, .read = read_file, .arg = f};
	struct mcuboot_source s = {.size = f->file_len, .read = read_file, .arg = f};

	cr_assert_eq(mcuboot_parse(&s, &m, why, sizeof(why)), ERR_OK);
	memcpy(f->d.image_hash, m.sha256, 32);
	memcpy(f->d.image_version, m.version_text, sizeof(m.version_text));
}

void
smp_case_set(struct smp_case *f, const char *key, const char *value)
{
	for (size_t i = 0; smp_driver.options[i].key; i++)
		if (strcmp(smp_driver.options[i].key, key) == 0)
			f->values[i] = value;
	char why[200] = "";

	cr_assert_eq(smp_driver.init(f->state, f->values, why, sizeof(why)), ERR_OK, "%s", why);
}

struct smp_case *
smp_case_setup(void)
{
	struct smp_case *f = calloc(1, sizeof(*f));

	smp_script_init(&f->d);
	f->state = calloc(1, smp_driver.state_size);
	f->file = calloc(1, 1 << 20);
	for (size_t i = 0; smp_driver.options[i].key; i++)
		f->values[i] = smp_driver.options[i].fallback;
	smp_case_set(f, "version", "auto");
	smp_case_load(f, SMP_CASE_IMAGE);
	f->facts = smp_driver.facts(f->state);
	return f;
}

void
smp_case_teardown(struct smp_case *f)
{
	smp_script_fini(&f->d);
	free(f->state);
	free(f->file);
	free(f);
}

enum err
smp_case_run(struct smp_case *f, enum driver_verb verb, const char *target, uint32_t timeout_ms)
{
	struct driver_job job = {.verb = verb, .image = &f->image, .timeout_ms = timeout_ms};

	snprintf(job.target_version, sizeof(job.target_version), "%s", target);
	smp_script_run(&f->d, &smp_driver, f->state, &job, &f->result);
	return f->result.error;
}

/* What the device's flash must hold after a write. */
void
smp_case_expect_written(struct smp_case *f)
{
	cr_expect(f->d.slot[1].used);
	cr_expect_arr_eq(f->d.flash, f->file, f->file_len);
	cr_expect_not(f->d.unaligned);
	cr_expect_eq(f->facts->done_bytes, f->file_len);
	cr_expect_eq(f->facts->staged_hash_len, 32);
	cr_expect_arr_eq(f->facts->staged_hash, f->d.image_hash, 32);
}
