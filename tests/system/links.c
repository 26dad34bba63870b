/*
 * System tests of links beside the terminal: the same upgrade with all processes real and jailed,
 * over datagrams, over a terminal server's TCP port, and over a UART without console lines.
 */
#include <string.h>

#include "house_case.h"
#include "house_look.h"
#include "json.h"

TestSuite(links, .timeout = 120);

static void
upgrade_over(const char *link)
{
	AUTO(house_case)
	struct house *h = house_case_open(&(struct house_options){.link = link});

	house_case_plan(h, &(struct house_pack){0});
	house_case_upgraded(h, 0, HOUSE_NEW);
}

Test(links, a_device_behind_udp_is_upgraded)
{
	upgrade_over("udp");
}

Test(links, a_device_behind_a_terminal_server_is_upgraded)
{
	upgrade_over("tcp");
}

Test(links, lost_datagrams_are_sent_again)
{
	AUTO(house_case)
	struct house *h = house_case_new(&(struct house_options){.link = "udp"});

	house_device_args(h, 0, "--loss", "0.03");
	HOUSE_MUST(h, house_start_all(h));
	house_case_plan(h, &(struct house_pack){0});
	house_case_upgraded(h, 0, HOUSE_NEW);
}

static bool
is_half_written(struct house *h, void *arg)
{
	AUTO(json) cJSON *own = house_look_device(h, 0);

	(void)arg;
	return json_number(own, "max_upload") > 10000;
}

/* The server is away with the device behind it: refused connections, ICMP instead of answers. */
static void
restart_in_mid_flash(const char *link)
{
	AUTO(house_case)
	struct house *h = house_case_open(&(struct house_options){.link = link});

	house_case_plan(h, &(struct house_pack){.size = 150000});
	house_case_until(h, is_half_written, NULL, "half of the image on the device");
	house_kill(h, HOUSE_DEVICE);
	HOUSE_MUST(h, house_start(h, HOUSE_DEVICE));
	house_case_upgraded(h, 0, HOUSE_NEW);
}

Test(links, a_terminal_server_that_restarts_in_mid_flash_is_connected_again)
{
	restart_in_mid_flash("tcp");
}

Test(links, a_device_behind_udp_that_restarts_in_mid_flash_is_written_again)
{
	restart_in_mid_flash("udp");
}

Test(links, a_device_with_raw_framing_is_upgraded)
{
	upgrade_over("raw");
}
