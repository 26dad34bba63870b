/*
 * System tests of devices that have one image and a boot loader which writes straight over it
 * (XMODEM, YMODEM): the upgrade end to end, and what is different when nothing runs meanwhile.
 */
#include <string.h>

#include "house_case.h"
#include "house_look.h"
#include "json.h"

TestSuite(loaders, .timeout = 120);

Test(loaders, a_radio_with_a_menu_is_upgraded_by_xmodem)
{
	AUTO(house_case)
	struct house *h = house_case_open(&(struct house_options){.loader = "gecko"});

	house_case_plan(h, &(struct house_pack){0});
	house_case_upgraded(h, 0, HOUSE_NEW);
}

Test(loaders, a_board_with_a_prompt_is_upgraded_by_ymodem)
{
	AUTO(house_case)
	struct house *h = house_case_open(&(struct house_options){.loader = "u-boot"});

	house_case_plan(h, &(struct house_pack){0});
	house_case_upgraded(h, 0, HOUSE_NEW);
}

Test(loaders, a_device_is_upgraded_by_its_bootloaders_recovery)
{
	AUTO(house_case)
	struct house *h = house_case_open(&(struct house_options){.loader = "mcuboot"});

	house_case_plan(h, &(struct house_pack){0});
	house_case_upgraded(h, 0, HOUSE_NEW);
}

static void
upgrade_with(const char *loader, const char *fault, const char *value)
{
	AUTO(house_case)
	struct house *h = house_case_new(&(struct house_options){.loader = loader});

	house_device_args(h, 0, fault, value);
	HOUSE_MUST(h, house_start_all(h));
	house_case_plan(h, &(struct house_pack){0});
	house_case_upgraded(h, 0, HOUSE_NEW);
}

/* The image is whole, its sender cannot know: the loader's own words decide. */
Test(loaders, a_lost_answer_to_the_end_is_resolved_by_what_the_menu_says)
{
	upgrade_with("gecko", "--lose-acks", "50");
}

Test(loaders, a_lost_answer_to_the_end_is_resolved_by_the_sum_that_the_prompt_reads_back)
{
	upgrade_with("u-boot", "--lose-acks", "50");
}

/* Nothing can run until it is written again: the loader comes up by itself, without a version. */
Test(loaders, a_radio_unplugged_in_mid_flash_is_written_again_until_it_runs)
{
	upgrade_with("gecko", "--unplug-at", "20000:1");
}

Test(loaders, a_board_unplugged_in_mid_flash_is_written_again)
{
	upgrade_with("u-boot", "--unplug-at", "20000:1");
}

Test(loaders, a_recovery_unplugged_in_mid_flash_is_written_again)
{
	upgrade_with("mcuboot", "--unplug-at", "20000:1");
}

static bool
is_half_written(struct house *h, void *arg)
{
	AUTO(json) cJSON *own = house_look_device(h, 0);

	(void)arg;
	return json_number(own, "max_upload") > 10000;
}

/* The receiver waits for its next block, and gets the hello of another session. */
Test(loaders, flashd_killed_in_mid_transfer_begins_it_again)
{
	AUTO(house_case)
	struct house *h = house_case_open(&(struct house_options){.loader = "gecko"});

	house_case_plan(h, &(struct house_pack){.size = 100000});
	house_case_until(h, is_half_written, NULL, "half of the image on the device");
	house_kill(h, HOUSE_FLASHD);
	HOUSE_MUST(h, house_start(h, HOUSE_FLASHD));
	house_case_upgraded(h, 0, HOUSE_NEW);
}

static bool
is_tried_twice(struct house *h, void *arg)
{
	AUTO(json) cJSON *own = house_look_device(h, 0);

	(void)arg;
	return json_number(own, "upload_bytes") > 30000;
}

/* The menu accepts only what is sound: a device whose flash never takes it is never "failed". */
Test(loaders, an_image_that_the_loader_does_not_start_is_written_again_and_not_called_failed)
{
	AUTO(house_case)
	struct house *h = house_case_new(&(struct house_options){.loader = "gecko"});
	char verdict[32];

	house_device_args(h, 0, "--refuse-boot", HOUSE_NEW);
	HOUSE_MUST(h, house_start_all(h));
	house_case_plan(h, &(struct house_pack){.size = 20000});
	house_case_until(h, is_tried_twice, NULL, "a second time");
	house_case_verdict(h, 0, verdict);
	cr_expect_str_eq(verdict, "upgrading");
}
