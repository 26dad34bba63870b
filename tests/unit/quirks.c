/*
 * What a real SMP server does (the notes' list, number by number): each quirk of it switched on at
 * the virtual device by itself, one whole upgrade by the driver, in virtual time. And devices that
 * were taken over: each verb ends by its deadline, with a name for the trouble, and what was said
 * is fit for a log.
 */
#include <criterion/criterion.h>
#include <ctype.h>
#include <string.h>

#include "smp.h"
#include "sub_drive.h"

TestSuite(quirks, .timeout = 60);

enum { BODY = 2000 };

static const struct sub_drive_options plain = {.driver = &smp_driver,
    .options = {"reply_ms", "400", "first_reply_ms", "2000", "retries", "4", "reset_wait_ms", "20"},
    .body = BODY};

static struct sub_drive *
with(unsigned quirks)
{
	struct sub_drive_options o = plain;

	o.device.quirks = quirks;
	return sub_drive_new(&o);
}

static void
expect_upgraded(struct sub_drive *d)
{
	cr_expect(sub_drive_upgrade(d, 3), "%s", d->result.detail);
	cr_expect_str_eq(d->flash.slot[0].version, SUB_DRIVE_NEW);
	cr_expect(d->flash.slot[0].sound);
	cr_expect(d->flash.confirmed);
}

static void
upgrade_with(unsigned quirks)
{
	AUTO(sub_drive) struct sub_drive *d = with(quirks);

	expect_upgraded(d);
	cr_expect_leq(d->rounds, 2u);
}

static void
must(struct sub_drive *d, enum driver_verb verb, enum err want)
{
	enum err e = sub_drive_run(d, verb);

	cr_assert(e == want, "verb %d: expected %s, got %s: %s", (int)verb, err_name(want),
	    err_name(e), d->result.detail);
}

/* --- 1, 9 ------------------------------------------------------------------------------------ */

/* Something old lies in slot 1, and an upload is refused until it was erased. */
static void
upgrade_over_a_full_slot(unsigned quirks)
{
	AUTO(sub_drive) struct sub_drive *d = with(quirks | SUB_QUIRK_ERASE_FIRST);
	uint8_t old[SUB_CASE_BODY + 100];
	size_t n = sub_case_image("0.9.0", 500, old);

	cr_assert(sub_flash_erase(&d->flash, 1) && sub_flash_write(&d->flash, 1, 0, old, n));
	sub_flash_look(&d->flash, 1);
	expect_upgraded(d);
}

Test(quirks, slot_that_has_to_be_erased_first_is)
{
	upgrade_over_a_full_slot(0);
}

Test(quirks, erase_that_says_it_failed_is_judged_by_the_list)
{
	upgrade_over_a_full_slot(SUB_QUIRK_ERASE_RC7);
}

Test(quirks, pending_slot_is_never_written_over)
{
	AUTO(sub_drive) struct sub_drive *d = with(0);
	uint8_t other[SUB_CASE_BODY + 100];
	size_t n = sub_case_image("1.0.5", 500, other);

	cr_assert(sub_flash_erase(&d->flash, 1) && sub_flash_write(&d->flash, 1, 0, other, n));
	sub_flash_look(&d->flash, 1);
	cr_assert(sub_flash_mark(&d->flash, SUB_FLASH_TEST));
	must(d, DRIVER_WRITE, ERR_DEVICE_STATE);
	cr_expect_str_eq(d->flash.slot[1].version, "1.0.5");
}

/* Of a server that would let us: the way back is ours to spare. */
Test(quirks, way_back_of_an_image_on_trial_is_never_written_over)
{
	AUTO(sub_drive) struct sub_drive *d = with(SUB_QUIRK_UNGUARDED);

	d->flash.confirmed = false;
	cr_assert(sub_flash_mark(&d->flash, SUB_FLASH_NONE));
	uint64_t writes = d->device.smp.writes;
	must(d, DRIVER_WRITE, ERR_DEVICE_STATE);
	cr_expect_eq(d->device.smp.writes, writes);
}

/* --- 2, 3 ------------------------------------------------------------------------------------ */

Test(quirks, good_answers_may_carry_rc_0)
{
	upgrade_with(SUB_QUIRK_RC_ZERO);
}

Test(quirks, maps_may_be_counted)
{
	upgrade_with(SUB_QUIRK_COUNTED);
	upgrade_with(SUB_QUIRK_COUNTED | SUB_QUIRK_RC_ZERO | SUB_QUIRK_ALL_FLAGS);
}

Test(quirks, answers_may_say_version_0_whatever_was_asked)
{
	upgrade_with(SUB_QUIRK_ANSWER_V0);
}

Test(quirks, server_that_refuses_version_1_is_spoken_to_in_version_0)
{
	upgrade_with(SUB_QUIRK_V0_REFUSES);
}

Test(quirks, server_that_ignores_version_1_is_spoken_to_in_version_0)
{
	upgrade_with(SUB_QUIRK_V0_SILENT);
}

/* --- 4 --------------------------------------------------------------------------------------- */

Test(quirks, old_image_that_still_answers_after_a_reset_is_not_taken_for_the_new_one)
{
	AUTO(sub_drive) struct sub_drive *d = with(SUB_QUIRK_LINGERS);

	must(d, DRIVER_WRITE, ERR_OK);
	must(d, DRIVER_STAGE, ERR_OK);
	must(d, DRIVER_REBOOT, ERR_OK);
	cr_expect_str_eq(sub_drive_facts(d)->version, SUB_DRIVE_NEW);
	cr_expect_eq(d->flash.boots, 2u, "reset once, not twice: the second would revert");
	expect_upgraded(d);
}

Test(quirks, reset_before_the_answer_is_out_is_one)
{
	upgrade_with(SUB_QUIRK_AT_ONCE);
}

/* --- 5, 11, 14 ------------------------------------------------------------------------------- */

static void
upgrade_with_buffers(unsigned quirks, uint32_t count, uint32_t size)
{
	struct sub_drive_options o = plain;

	o.device.quirks = quirks;
	o.device.buf_count = count;
	o.device.buf_size = size;
	AUTO(sub_drive) struct sub_drive *d = sub_drive_new(&o);
	expect_upgraded(d);
}

Test(quirks, too_few_buffers_cost_time_whether_they_are_told_or_not)
{
	upgrade_with_buffers(0, 2, 384);
	upgrade_with_buffers(SUB_QUIRK_NO_MEMORY, 2, 384);
	upgrade_with_buffers(SUB_QUIRK_NO_MEMORY | SUB_QUIRK_PARAMS_LIE, 1, 384);
}

Test(quirks, parameters_that_speak_for_another_transport_are_tried_first)
{
	upgrade_with_buffers(SUB_QUIRK_PARAMS_LIE, 4, 384);
	upgrade_with_buffers(SUB_QUIRK_PARAMS_LIE, 2, 1024);
}

Test(quirks, server_without_parameters_gets_short_messages)
{
	AUTO(sub_drive) struct sub_drive *d = with(SUB_QUIRK_NO_PARAMS);

	expect_upgraded(d);
	cr_expect_eq(d->device.frame.bad, 0u);
}

/* --- 6, 7, 8, 10 ----------------------------------------------------------------------------- */

/* Cut in the middle, the device keeping its memory: what was held is not sent again, if it says so.
 */
static uint64_t
bytes_after_a_cut(unsigned quirks)
{
	AUTO(sub_drive) struct sub_drive *d = with(quirks);

	d->cut_at = 2000;
	d->line_only = true;
	must(d, DRIVER_WRITE, ERR_LINK);
	must(d, DRIVER_WRITE, ERR_OK);
	uint64_t bytes = d->device.smp.upload_bytes;
	expect_upgraded(d);
	return bytes;
}

Test(quirks, offset_0_resumes_where_the_server_does_and_begins_anew_where_it_does_not)
{
	uint64_t resumed = bytes_after_a_cut(0), anew = bytes_after_a_cut(SUB_QUIRK_NO_RESUME);

	cr_expect_lt(resumed, anew);
}

Test(quirks, first_piece_holds_the_header_even_in_the_smallest_messages)
{
	struct sub_drive_options o = plain;

	o.options[8] = "max_message";
	o.options[9] = "128";
	AUTO(sub_drive) struct sub_drive *d = sub_drive_new(&o);
	expect_upgraded(d);
}

Test(quirks, server_that_checks_says_match_and_one_that_finds_another_image_is_believed)
{
	upgrade_with(SUB_QUIRK_CHECKS);

	AUTO(sub_drive) struct sub_drive *d = with(SUB_QUIRK_CHECKS);
	d->source.sha256[0] ^= 1; /* as if a byte had changed on the way */
	must(d, DRIVER_WRITE, ERR_VERIFY);
}

/* Nothing of it is checked at the upload: only the bootloader refuses it. */
Test(quirks, image_that_the_bootloader_refuses_uploads_and_tests_fine_and_is_not_called_running)
{
	AUTO(sub_drive) struct sub_drive *d = with(0);

	d->flash.refused = SUB_DRIVE_NEW;
	must(d, DRIVER_WRITE, ERR_OK);
	must(d, DRIVER_STAGE, ERR_OK);
	must(d, DRIVER_REBOOT, ERR_OK);
	must(d, DRIVER_CONFIRM, ERR_REVERTED);
	cr_expect_str_eq(d->flash.slot[0].version, SUB_DRIVE_OLD);
}

Test(quirks, confirmation_leaves_the_hash_out)
{
	AUTO(sub_drive) struct sub_drive *d = with(0);

	must(d, DRIVER_WRITE, ERR_OK);
	must(d, DRIVER_STAGE, ERR_OK);
	must(d, DRIVER_REBOOT, ERR_OK);
	must(d, DRIVER_CONFIRM, ERR_OK); /* `hash: null` would have been refused */
}

/* --- 12, 13, 15 ------------------------------------------------------------------------------ */

/* Offset of the hash's type in the image: TLVs lie behind header and body. */
Test(quirks, image_that_no_server_lists_is_refused_before_a_byte_is_sent)
{
	AUTO(sub_drive) struct sub_drive *d = with(0);

	d->image[32 + BODY + 4] = 0x12; /* SHA-512 */
	must(d, DRIVER_WRITE, ERR_IMAGE);
	cr_expect_eq(d->sent, 0u);
}

Test(quirks, false_flags_may_be_said)
{
	upgrade_with(SUB_QUIRK_ALL_FLAGS);
}

Test(quirks, empty_slots_may_be_listed)
{
	upgrade_with(SUB_QUIRK_EMPTY_SLOTS);
}

/* --- slot info ------------------------------------------------------------------------------- */

static void
expect_no_room(unsigned quirks, uint32_t slot, const char *words)
{
	struct sub_drive_options o = plain;

	o.device.quirks = quirks;
	o.device.slot_size = slot;
	AUTO(sub_drive) struct sub_drive *d = sub_drive_new(&o);

	must(d, DRIVER_WRITE, ERR_SPACE);
	cr_expect_eq(d->device.smp.upload_bytes, 0u);
	cr_expect(strstr(d->result.detail, words), "%s", d->result.detail);
}

Test(quirks, image_longer_than_its_slot_is_refused_before_a_byte_of_it_is_sent)
{
	expect_no_room(0, 6000, "expected an image of at most 1904 bytes, got 2");
	expect_no_room(
	    SUB_QUIRK_SLOTS_ONLY, 2000, "expected an image of at most 2000 bytes, got 2");
}

Test(quirks, server_without_slot_info_takes_what_fits)
{
	upgrade_with(SUB_QUIRK_NO_SLOT_INFO);
	upgrade_with(SUB_QUIRK_SLOTS_ONLY);
}

/* --- versions -------------------------------------------------------------------------------- */

/* Versions are names; the hash decides. */
Test(quirks, versions_with_a_build_number_of_0_are_no_other_image)
{
	AUTO(sub_drive) struct sub_drive *d = with(SUB_QUIRK_FOUR_PARTS);

	must(d, DRIVER_WRITE, ERR_OK);
	must(d, DRIVER_STAGE, ERR_OK);
	must(d, DRIVER_REBOOT, ERR_OK);
	must(d, DRIVER_CONFIRM, ERR_OK);
	must(d, DRIVER_WRITE, ERR_ALREADY);
}

Test(quirks, device_with_nothing_to_run_is_away_not_wrong)
{
	AUTO(sub_drive) struct sub_drive *d = with(0);

	cr_assert(sub_flash_erase(&d->flash, 0));
	sub_drive_power_cut(d);
	sub_drive_wait(d, 1);
	must(d, DRIVER_IDENTIFY, ERR_DEVICE_AWAY);
}

/* --- taken over ------------------------------------------------------------------------------ */

static bool
is_fit_for_a_log(const char *text)
{
	for (; *text; text++)
		if (!isprint((unsigned char)*text))
			return false;
	return true;
}

static void
expect_bounded(unsigned quirks, enum driver_verb verb, enum err want)
{
	AUTO(sub_drive) struct sub_drive *d = with(quirks);
	int64_t from = d->now;

	must(d, verb, want);
	cr_expect_leq((d->now - from) / 1000000, 61000, "%s", d->result.detail);
	cr_expect(is_fit_for_a_log(d->result.detail), "%s", d->result.detail);
	cr_expect(is_fit_for_a_log(sub_drive_facts(d)->version));
	cr_expect_str_eq(d->flash.slot[0].version, SUB_DRIVE_OLD);
	cr_expect(d->flash.slot[0].sound);
}

Test(quirks, wrong_offsets_for_ever_end_an_upload)
{
	expect_bounded(SUB_QUIRK_OFF_ZERO, DRIVER_WRITE, ERR_DEVICE_PROTO);
	expect_bounded(SUB_QUIRK_OFF_WANDERS, DRIVER_WRITE, ERR_DEVICE_PROTO);
}

Test(quirks, answers_that_lie_about_their_size_are_no_answers)
{
	expect_bounded(SUB_QUIRK_HUGE, DRIVER_IDENTIFY, ERR_DEVICE_AWAY);
	expect_bounded(SUB_QUIRK_NESTED, DRIVER_IDENTIFY, ERR_DEVICE_AWAY);
}

Test(quirks, escape_sequences_in_a_version_do_not_get_out)
{
	expect_bounded(SUB_QUIRK_EVIL_VERSION, DRIVER_IDENTIFY, ERR_OK);
	expect_bounded(SUB_QUIRK_EVIL_VERSION, DRIVER_CONFIRM, ERR_WRONG_VERSION);
}

Test(quirks, babble_without_end_is_survived_or_ends_by_the_deadline)
{
	for (unsigned i = 0; i < 2; i++) {
		AUTO(sub_drive)
		struct sub_drive *d = with(i ? SUB_QUIRK_ENDLESS : SUB_QUIRK_GARBAGE);

		for (int verb = DRIVER_IDENTIFY; verb <= DRIVER_WRITE; verb++) {
			int64_t from = d->now;

			(void)!sub_drive_run(d, (enum driver_verb)verb);
			cr_expect_leq((d->now - from) / 1000000, 61000);
			cr_expect(is_fit_for_a_log(d->result.detail), "%s", d->result.detail);
		}
		cr_expect(d->flash.slot[0].sound);
	}
}

/* --- the table ------------------------------------------------------------------------------- */

/* Any two of the honest ones together, too. */
Test(quirks, any_two_oddities_together_are_no_hindrance)
{
	for (unsigned a = 1; a < SUB_QUIRK_TAKEN_OVER; a <<= 1)
		for (unsigned b = a; b < SUB_QUIRK_TAKEN_OVER; b <<= 1) {
			AUTO(sub_drive) struct sub_drive *d = with(a | b);

			cr_assert(
			    sub_drive_upgrade(d, 3), "quirks %#x: %s", a | b, d->result.detail);
		}
}

Test(quirks, names_are_told_apart_and_unknown_ones_refused)
{
	unsigned bits = 0;
	const char *wrong = NULL;

	cr_expect(sub_quirk_parse("erase-rc7,counted", &bits, &wrong));
	cr_expect_eq(bits, (unsigned)(SUB_QUIRK_ERASE_RC7 | SUB_QUIRK_COUNTED));
	cr_expect_not(sub_quirk_parse("counted,nonsense", &bits, &wrong));
	cr_expect_str_eq(wrong, "nonsense");
	cr_expect_not(sub_quirk_parse("", &bits, &wrong));
	for (const struct sub_quirk_row *r = sub_quirk_table(); r->name; r++) {
		cr_expect(sub_quirk_parse(r->name, &bits, &wrong), "%s", r->name);
		cr_expect_eq(bits, r->bit, "%s", r->name);
	}
}
