/*
 * sub_flash and sub_image: slots, flags and the bootloader of the virtual sub-device, cuts
 * included.
 */
#include "../subdevices/sub_flash.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>

#include "kit.h"
#include "sub_case.h"

struct house {
	char *scratch;
	char dir[300];
	struct sub_flash f;
	uint8_t next[SUB_CASE_BODY + 100];
	size_t next_len;
};

/* Runs 1.0.0, has 1.1.0 in memory. */
static struct house
house(void)
{
	struct house h = {.scratch = kit_scratch()};
	uint8_t old[SUB_CASE_BODY + 100];
	char path[300];

	kit_write(h.scratch, "old.img", old, sub_case_image("1.0.0", 500, old));
	snprintf(path, sizeof(path), "%s/old.img", h.scratch);
	snprintf(h.dir, sizeof(h.dir), "%s/flash", h.scratch);
	h.next_len = sub_case_image("1.1.0", 700, h.next);
	cr_assert(sub_flash_open(&h.f, h.dir, path));
	cr_assert_eq(sub_flash_boot(&h.f), SUB_FLASH_BOOTED);
	return h;
}

static void
leave(struct house *h)
{
	sub_flash_close(&h->f);
	kit_scratch_remove(h->scratch);
}

static void
stage(struct house *h, enum sub_flash_pending how)
{
	cr_assert(sub_flash_erase(&h->f, 1));
	cr_assert(sub_flash_write(&h->f, 1, 0, h->next, h->next_len));
	sub_flash_look(&h->f, 1);
	cr_assert(sub_flash_mark(&h->f, how));
}

static void
reopen(struct house *h)
{
	const char *refused = h->f.refused;

	sub_flash_close(&h->f);
	cr_assert(sub_flash_open(&h->f, h->dir, NULL));
	h->f.refused = refused;
}

Test(sub_flash, a_new_one_runs_what_it_was_given_and_counts_its_boots)
{
	struct house h = house();

	cr_expect_str_eq(h.f.slot[0].version, "1.0.0");
	cr_expect_not(h.f.slot[1].listed);
	cr_expect(h.f.confirmed);
	reopen(&h);
	cr_expect_eq(sub_flash_boot(&h.f), SUB_FLASH_BOOTED);
	cr_expect_eq(h.f.boots, 2);
	leave(&h);
}

Test(sub_flash, a_tested_image_swaps_in_and_reverts_unless_confirmed)
{
	struct house h = house();

	stage(&h, SUB_FLASH_TEST);
	cr_expect(sub_flash_will_swap(&h.f));
	cr_expect_eq(sub_flash_boot(&h.f), SUB_FLASH_SWAPPED);
	cr_expect_str_eq(h.f.slot[0].version, "1.1.0");
	cr_expect_str_eq(h.f.slot[1].version, "1.0.0");
	cr_expect_not(h.f.confirmed);
	reopen(&h);
	cr_expect_str_eq(h.f.slot[0].version, "1.1.0");
	cr_expect_eq(sub_flash_boot(&h.f), SUB_FLASH_REVERTED);
	cr_expect_str_eq(h.f.slot[0].version, "1.0.0");
	cr_expect(h.f.confirmed);
	cr_expect_eq(h.f.reverts, 1);
	cr_expect_eq(sub_flash_boot(&h.f), SUB_FLASH_BOOTED);
	leave(&h);
}

Test(sub_flash, a_confirmed_image_stays)
{
	struct house h = house();

	stage(&h, SUB_FLASH_TEST);
	cr_expect_eq(sub_flash_boot(&h.f), SUB_FLASH_SWAPPED);
	cr_expect(sub_flash_confirm(&h.f));
	reopen(&h);
	cr_expect_eq(sub_flash_boot(&h.f), SUB_FLASH_BOOTED);
	cr_expect_str_eq(h.f.slot[0].version, "1.1.0");
	stage(&h, SUB_FLASH_FOR_GOOD);
	cr_expect_eq(sub_flash_boot(&h.f), SUB_FLASH_SWAPPED);
	cr_expect(h.f.confirmed);
	leave(&h);
}

Test(sub_flash, a_corrupt_image_never_boots_wherever_the_bit_is)
{
	struct house h = house();
	size_t bits[] = {16 * 8, 20 * 8, 32 * 8, 400 * 8 + 3, 731 * 8, h.next_len * 8 - 1};

	for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++) {
		h.next[bits[i] / 8] ^= (uint8_t)(1u << bits[i] % 8);
		stage(&h, SUB_FLASH_TEST);
		cr_expect(h.f.slot[1].listed, "bit %zu: the server believes it", bits[i]);
		cr_expect_eq(sub_flash_boot(&h.f), SUB_FLASH_BOOTED, "bit %zu", bits[i]);
		cr_expect_str_eq(h.f.slot[0].version, "1.0.0");
		cr_expect_eq(h.f.pending, SUB_FLASH_NONE);
		h.next[bits[i] / 8] ^= (uint8_t)(1u << bits[i] % 8);
	}
	leave(&h);
}

Test(sub_flash, a_part_of_an_image_is_not_listed_and_does_not_boot)
{
	struct house h = house();

	for (size_t n = 0; n < h.next_len; n += n < 40 ? 1 : 50) {
		struct sub_image i;

		sub_image_read(&i, h.next, n);
		cr_expect_not(i.listed, "%zu bytes", n);
		cr_expect_not(i.sound);
	}
	leave(&h);
}

Test(sub_flash, a_refused_version_stays_in_slot_1_and_the_old_one_runs)
{
	struct house h = house();

	h.f.refused = "1.1.0";
	stage(&h, SUB_FLASH_TEST);
	cr_expect_eq(sub_flash_boot(&h.f), SUB_FLASH_BOOTED);
	cr_expect_str_eq(h.f.slot[0].version, "1.0.0");
	cr_expect_str_eq(h.f.slot[1].version, "1.1.0");
	cr_expect_eq(h.f.pending, SUB_FLASH_NONE);
	leave(&h);
}

Test(sub_flash, without_a_sound_image_nothing_runs)
{
	AUTO(scratch) char *dir = kit_scratch();
	struct sub_flash f;

	cr_assert(sub_flash_open(&f, dir, NULL));
	cr_expect_eq(sub_flash_boot(&f), SUB_FLASH_DEAD);
	sub_flash_close(&f);
}

static void
write_state(struct house *h, const char *text)
{
	char path[400];
	FILE *f = NULL;

	snprintf(path, sizeof(path), "%s/state", h->dir);
	f = fopen(path, "w");
	cr_assert(f && fputs(text, f) >= 0);
	fclose(f);
}

/* The intent is written; the files were exchanged, or not yet. */
Test(sub_flash, a_swap_that_was_cut_is_finished_at_the_next_start)
{
	for (int done = 0; done < 2; done++) {
		struct house h = house();
		char text[200];
		int n = snprintf(
		    text, sizeof(text), "pending 0\nconfirmed 0\nboots 2\nreverts 0\nswapping ");

		stage(&h, SUB_FLASH_TEST);
		for (int i = 0; i < 32; i++)
			n += snprintf(text + n, sizeof(text) - (size_t)n, "%02x",
			    sub_case_hash(h.next, h.next_len)[i]);
		if (done)
			cr_assert_eq(sub_flash_boot(&h.f), SUB_FLASH_SWAPPED);
		write_state(&h, text);
		reopen(&h);
		cr_expect_str_eq(h.f.slot[0].version, "1.1.0", "done %d", done);
		cr_expect_str_eq(h.f.slot[1].version, "1.0.0");
		cr_expect_not(h.f.confirmed);
		cr_expect_eq(sub_flash_boot(&h.f), SUB_FLASH_BOOTED, "what it swapped in");
		cr_expect_str_eq(h.f.slot[0].version, "1.1.0");
		cr_expect_eq(sub_flash_boot(&h.f), SUB_FLASH_REVERTED);
		leave(&h);
	}
}

Test(sub_flash, does_not_open_a_damaged_state)
{
	struct house h = house();

	write_state(&h, "rubbish\n");
	sub_flash_close(&h.f);
	cr_expect_not(sub_flash_open(&h.f, h.dir, NULL));
	leave(&h);
}

Test(sub_flash, a_slot_has_an_end)
{
	struct house h = house();

	cr_expect(sub_flash_write(&h.f, 1, SUB_FLASH_SIZE - 10, h.next, 10));
	cr_expect_not(sub_flash_write(&h.f, 1, SUB_FLASH_SIZE - 9, h.next, 10));
	cr_expect_not(sub_flash_write(&h.f, 1, UINT64_MAX, h.next, 10));
	leave(&h);
}

/* Real images made by the vendor's tool: version and hash as its own dump says. */
Test(sub_flash, reads_real_images)
{
	static const struct {
		char file[40], version[12];
		bool listed;
	} rows[] = {
	    {"1-ed25519-v1.0.0.img", "1.0.0.1", true},
	    {"2-ed25519-v1.1.0-dep-sec2.img", "1.1.0.2", true},
	    {"3-p256-v2.0.0-dep1-secauto.img", "2.0.0", true},
	    {"5-ed25519-sha512-pure-fullkey-custom.img", "", false},
	    {"6-unsigned-v3.0.0-hdr32.img", "3.0.0", true},
	};
	AUTO(mem) uint8_t *data = malloc(SUB_FLASH_SIZE);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char path[320];
		struct sub_image image;

		snprintf(path, sizeof(path), "tests/data/mcuboot/%s", rows[i].file);
		AUTO(fd) int fd = open(path, O_RDONLY);
		ssize_t n = read(fd, data, SUB_FLASH_SIZE);
		cr_assert(n > 0, "%s", path);
		sub_image_read(&image, data, (size_t)n);
		cr_expect_str_eq(image.version, rows[i].version, "%s", path);
		cr_expect_eq(image.listed, rows[i].listed, "%s", path);
		cr_expect_eq(image.sound, rows[i].listed, "%s", path);
	}
}
