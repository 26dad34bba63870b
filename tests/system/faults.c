/*
 * System tests of bad days: what the platform, the network, the publisher and the devices can do
 * wrong, and what has to come of it.
 */
#include <string.h>

#include "house_case.h"
#include "house_look.h"
#include "json.h"

TestSuite(faults, .timeout = 120);

static double
device_number(struct house *h, int device, const char *key)
{
	AUTO(json) cJSON *own = house_look_device(h, device);

	return json_number(own, key);
}

/* What is recorded of the newest failure, in the words of a daemon's events. */
static void
event_text(struct house *h, const char *daemon, const char *event, char *out, size_t size)
{
	char path[300], line[2048];

	out[0] = 0;
	snprintf(path, sizeof(path), "%s/state/%s/events.jsonl", h->dir, daemon);
	AUTO(file) FILE *f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (strstr(line, event))
			snprintf(out, size, "%s", line);
}

/* trust: 61 */
Test(faults, a_forged_package_is_refused_and_no_byte_of_it_reaches_a_device)
{
	AUTO(house_case) struct house *h = house_case_open(&(struct house_options){0});
	AUTO(scratch) char *dir = kit_scratch();
	AUTO(kit) struct kit *forger = kit_new(dir);
	char event[2048];

	house_case_plan(h, &(struct house_pack){.signer = forger});
	house_case_not_upgraded(h, 0, HOUSE_OLD);
	cr_expect_eq(device_number(h, 0, "upload_bytes"), 0);
	event_text(h, "fetchd", "image_refused", event, sizeof(event));
	cr_expect(strstr(event, "THRESHOLD"), "expected why it was refused, got: %s", event);
}

/* trust: 53 */
Test(faults, a_package_for_another_model_is_refused)
{
	AUTO(house_case) struct house *h = house_case_open(&(struct house_options){0});

	house_case_plan(h, &(struct house_pack){.model = "sensor-10"});
	house_case_not_upgraded(h, 0, HOUSE_OLD);
	cr_expect_eq(device_number(h, 0, "upload_bytes"), 0);
}

Test(faults, a_package_whose_manifest_says_another_version_than_the_plan_is_refused)
{
	AUTO(house_case) struct house *h = house_case_open(&(struct house_options){0});

	house_case_plan(h, &(struct house_pack){.planned = "1.1.1"});
	house_case_not_upgraded(h, 0, HOUSE_OLD);
	cr_expect_eq(device_number(h, 0, "upload_bytes"), 0);
}

/* rule: download-range */
Test(faults, a_download_that_is_cut_twice_is_resumed)
{
	AUTO(house_case) struct house *h = house_case_open(&(struct house_options){0});
	double requests, bytes, size;

	house_case_fault(h, "http_cut_after", "20000,2");
	house_case_plan(h, &(struct house_pack){0});
	house_case_upgraded(h, 0, HOUSE_NEW);
	house_case_served(h, &requests, &bytes, &size);
	cr_expect_eq(requests, 3);
	cr_expect_lt(bytes, size + 1024, "%.0f of %.0f bytes", bytes, size);
}

Test(faults, a_bit_that_flips_on_the_way_is_noticed_and_fetched_again)
{
	AUTO(house_case) struct house *h = house_case_open(&(struct house_options){0});

	house_case_fault(h, "http_flip", "30000,1");
	house_case_plan(h, &(struct house_pack){0});
	house_case_upgraded(h, 0, HOUSE_NEW);
}

Test(faults, a_device_that_loses_line_and_power_in_mid_flash_is_upgraded_when_it_is_back)
{
	AUTO(house_case) struct house *h = house_case_new(&(struct house_options){0});

	house_device_args(h, 0, "--unplug-at", "20000:1");
	HOUSE_MUST(h, house_start_all(h));
	house_case_plan(h, &(struct house_pack){0});
	house_case_upgraded(h, 0, HOUSE_NEW);
	cr_expect_eq(device_number(h, 0, "boots"), 3, "the first, after the loss, into the image");
}

/* rule: result-version */
Test(faults, a_sick_image_is_left_again_and_the_platform_hears_of_it)
{
	AUTO(house_case) struct house *h = house_case_new(&(struct house_options){0});

	house_device_args(h, 0, "--sick", HOUSE_NEW ":1");
	HOUSE_MUST(h, house_start_all(h));
	house_case_plan(h, &(struct house_pack){0});
	house_case_not_upgraded(h, 0, HOUSE_OLD);
	cr_expect_eq(device_number(h, 0, "reverts"), 1);
}

Test(faults, a_device_that_will_not_confirm_is_taken_back_and_not_called_upgraded)
{
	AUTO(house_case) struct house *h = house_case_new(&(struct house_options){0});

	house_device_args(h, 0, "--deny-confirm", NULL);
	HOUSE_MUST(h, house_start_all(h));
	house_case_plan(h, &(struct house_pack){0});
	house_case_not_upgraded(h, 0, HOUSE_OLD);
	cr_expect_eq(device_number(h, 0, "reverts"), 1);
}

Test(faults, a_bootloader_that_refuses_the_image_leaves_the_old_one)
{
	AUTO(house_case) struct house *h = house_case_new(&(struct house_options){0});

	house_device_args(h, 0, "--refuse-boot", HOUSE_NEW);
	HOUSE_MUST(h, house_start_all(h));
	house_case_plan(h, &(struct house_pack){0});
	house_case_not_upgraded(h, 0, HOUSE_OLD);
}

Test(faults, a_broken_device_does_not_delay_another)
{
	AUTO(house_case) struct house *h = house_case_new(&(struct house_options){.devices = 2});

	house_device_args(h, 0, "--unplug-at", "20000:600");
	HOUSE_MUST(h, house_start_all(h));
	house_case_plan(h, &(struct house_pack){0});
	house_case_upgraded(h, 1, HOUSE_NEW);
	cr_expect_eq(house_case_count(h, 0, 11), 0);
}

/* rule: duplicate publish-again */
Test(faults, a_platform_that_repeats_and_loses_messages_ends_the_upgrade_all_the_same)
{
	AUTO(house_case) struct house *h = house_case_open(&(struct house_options){0});

	house_case_fault(h, "repeat", "2");
	house_case_fault(h, "drop_ack", "5");
	house_case_plan(h, &(struct house_pack){0});
	house_case_upgraded(h, 0, HOUSE_NEW);
}

/* rule: sub-link-lost status-kept */
Test(faults, a_connection_that_breaks_again_and_again_loses_no_report)
{
	AUTO(house_case) struct house *h = house_case_open(&(struct house_options){0});

	house_case_fault(h, "mqtt_cut_after_packets", "12,3");
	house_case_plan(h, &(struct house_pack){0});
	house_case_upgraded(h, 0, HOUSE_NEW);
}

/* rule: download-digest */
/* trust: 61 */
Test(faults, a_wrong_digest_from_the_platform_stops_the_upgrade_before_the_device)
{
	AUTO(house_case) struct house *h = house_case_open(&(struct house_options){0});

	house_case_fault(h, "wrong_md5", "1");
	house_case_plan(h, &(struct house_pack){0});
	house_case_not_upgraded(h, 0, HOUSE_OLD);
	cr_expect_eq(device_number(h, 0, "upload_bytes"), 0);
}
