/*
 * copy: a file is copied in slices; what fails is told as what it was.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "auto.h"
#include "copy.h"
#include "kit.h"
#include "sick_calls.h"

enum { SLICE = 1024 * 1024, SIZE = 2 * SLICE + 7 };

struct scene {
	char *dir;
	uint8_t *bytes;
	struct copy c;
	uint64_t done;
	char why[WHY_SIZE];
};

static int
open_in(const struct scene *s, const char *name)
{
	char path[300];

	snprintf(path, sizeof(path), "%s/%s", s->dir, name);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	cr_assert_geq(fd, 0);
	return fd;
}

static struct scene
scene_new(void)
{
	struct scene s = {.dir = kit_scratch(), .bytes = malloc(SIZE)};

	for (size_t i = 0; i < SIZE; i++)
		s.bytes[i] = (uint8_t)(i * 7 + i / 251);
	kit_write(s.dir, "package.bin", s.bytes, SIZE);
	s.c = (struct copy){open_in(&s, "package.bin"), open_in(&s, "copy"), "package.bin", SIZE};
	return s;
}

static void
scene_fini(struct scene *s)
{
	close(s->c.in);
	close(s->c.out);
	free(s->bytes);
	kit_scratch_remove(s->dir);
}

#define SCENE(s) __attribute__((cleanup(scene_fini))) struct scene s = scene_new()

static enum err
run(struct scene *s)
{
	enum err e = ERR_AGAIN;

	while (e == ERR_AGAIN)
		e = copy_slice(&s->c, &s->done, s->why);
	return e;
}

Test(copy, a_file_comes_slice_by_slice)
{
	SCENE(s);
	AUTO(mem) uint8_t *got = malloc(SIZE + 1);

	cr_expect_eq(copy_slice(&s.c, &s.done, s.why), ERR_AGAIN);
	cr_expect_eq(s.done, SLICE);
	cr_expect_eq(run(&s), ERR_OK, "%s", s.why);
	cr_expect_eq(s.done, SIZE);
	cr_assert_eq(pread(s.c.out, got, SIZE + 1, 0), SIZE);
	cr_expect_eq(memcmp(got, s.bytes, SIZE), 0);
}

struct sickness {
	enum sick_call call;
	int error;
	enum err expected;
	const char *why;
};

/* clang-format off */
static const struct sickness sicknesses[] = {
	{SICK_READ,  EIO,    ERR_SYSTEM, "expected to read package.bin, got: Input/output error; the disk fails: see the kernel's log, replace it"},
	{SICK_WRITE, EIO,    ERR_SYSTEM, "expected to write the copy of package.bin, got: Input/output error; the disk fails: see the kernel's log, replace it"},
	{SICK_WRITE, EROFS,  ERR_SYSTEM, "expected to write the copy of package.bin, got: Read-only file system; see the kernel's log for why, check the file system, mount it writable"},
	{SICK_WRITE, ENOSPC, ERR_FULL,   "expected to write the copy of package.bin, got: No space left on device; make room"},
	{SICK_WRITE, EDQUOT, ERR_FULL,   "expected to write the copy of package.bin, got: Disk quota exceeded; make room"},
	{SICK_SYNC,  EIO,    ERR_SYSTEM, "expected to sync the copy of package.bin, got: Input/output error; the disk fails: see the kernel's log, replace it"},
	{SICK_SYNC,  ENOSPC, ERR_FULL,   "expected to sync the copy of package.bin, got: No space left on device; make room"},
};
/* clang-format on */

/* trust: store-full 57 */
Test(copy, what_the_disk_does_is_told_as_that_with_file_and_remedy)
{
	for (size_t i = 0; i < sizeof(sicknesses) / sizeof(sicknesses[0]); i++) {
		const struct sickness *sick = &sicknesses[i];
		SCENE(s);

		sick_calls_fail(sick->call, sick->error, sick->call == SICK_SYNC ? 0 : SLICE);
		cr_expect_eq(run(&s), sick->expected, "%zu", i);
		sick_calls_fail(sick->call, 0, 0);
		cr_expect_str_eq(s.why, sick->why);
		cr_expect_eq(s.done, sick->call == SICK_SYNC ? SIZE : SLICE, "%zu", i);
	}
}

Test(copy, a_file_that_became_shorter_is_told_as_that)
{
	SCENE(s);

	cr_assert_eq(ftruncate(s.c.in, SLICE + 3), 0);
	cr_expect_eq(run(&s), ERR_SIZE);
	cr_expect_str_eq(s.why, "expected 2097159 bytes in package.bin as before, got 1048579");
}

/* As a disk that is full within a slice does: the rest of it tells why. */
Test(copy, a_write_that_takes_a_part_is_gone_on_with)
{
	SCENE(s);

	sick_calls_fail(SICK_SHORT, EIO, SLICE + 100);
	cr_expect_eq(run(&s), ERR_OK, "%s", s.why);
	sick_calls_fail(SICK_WRITE, ENOSPC, SLICE + 100);
	s.done = 0;
	cr_expect_eq(run(&s), ERR_FULL);
	cr_expect(strstr(s.why, "No space left on device; make room"), "%s", s.why);
	sick_calls_fail(SICK_WRITE, 0, 0);
	sick_calls_fail(SICK_SHORT, 0, 0);
}
