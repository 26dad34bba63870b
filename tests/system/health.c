/*
 * System tests of the health check by a program: a silent upgrade, a program's word, and what the
 * platform hears of it; through all daemons.
 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "house_case.h"
#include "house_look.h"

TestSuite(health, .timeout = 120);

/* A program that finds the second device unhealthy, and the lines that name it. */
static char *
write_check(char lines[400])
{
	static const char check[] = "#!/bin/sh\n"
				    "[ \"$1\" = meter2 ] || exit 0\n"
				    "echo \"meter2 shows no load with $2\"\n"
				    "exit 4\n";
	char *dir = kit_scratch(), path[300];

	chmod(dir, 0755);
	kit_write(dir, "check", check, sizeof(check) - 1);
	snprintf(path, sizeof(path), "%s/check", dir);
	cr_assert_eq(chmod(path, 0755), 0);
	snprintf(lines, 400, "health_command = %s {device} {target}\nhealth_runs = /bin/sh", path);
	return dir;
}

Test(health, the_platform_hears_of_a_device_that_a_program_found_unhealthy_and_of_one_that_is_well)
{
	char lines[400];
	char *dir = write_check(lines);
	AUTO(house_case)
	struct house *h = house_case_open(
	    &(struct house_options){.devices = 2, .hasty = true, .device = lines});

	house_case_plan(h, &(struct house_pack){0});
	house_case_upgraded(h, 0, HOUSE_NEW);
	house_case_not_upgraded(h, 1, HOUSE_OLD);
	struct tool_result r = CTL(h->dir, "upgrades", "--config", "subota.conf");

	cr_expect(
	    strstr(r.out, "health check of meter2: expected exit status 0, got 4"), "%s", r.out);
	cr_expect(strstr(r.out, "meter2 shows no load with " HOUSE_NEW), "%s", r.out);
	kit_scratch_remove(dir);
}
