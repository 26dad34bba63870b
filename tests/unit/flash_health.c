/*
 * flash_health: what the configuration of a health check becomes: places, an order, and refusals.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "flash_health.h"

static struct flash_settings_device
device_with(const char *command)
{
	struct flash_settings_device d = {
	    .name = "meter", .product_key = "p1", .device_key = "m1", .port = "/dev/ttyS1"};

	snprintf(d.health_command, sizeof(d.health_command), "%s", command);
	d.health_ms = 3000;
	return d;
}

static const char *
value(const struct flash_order *k, const char *key)
{
	for (size_t i = 0; i < k->o.n_options; i++)
		if (strcmp(k->o.options[i]->key, key) == 0)
			return k->o.options[i]->value;
	return "(none)";
}

Test(flash_health, an_order_has_the_program_its_arguments_and_its_time)
{
	struct flash_settings_device d = device_with("/opt/check  --of {device} 'a b'");
	struct flash_order k;

	snprintf(d.driver, sizeof(d.driver), "smp");
	flash_health_order(&k, &d, 13000);
	cr_expect_eq(k.o.verb, PB__VERB__VERB_CHECK);
	cr_expect_str_eq(k.o.driver, "exec");
	cr_expect_eq(k.o.timeout_ms, 13000);
	cr_expect_str_eq(value(&k, "program"), "/opt/check");
	cr_expect_str_eq(value(&k, "check"), "  --of {device} 'a b'");
	cr_expect_str_eq(value(&k, "command_ms"), "3000");
	cr_expect_str_eq(value(&k, "device"), "meter");
	cr_expect_str_eq(value(&k, "port"), "(none)", "it does not ask for the line");
	d = device_with("/opt/check {port}");
	flash_health_order(&k, &d, 1);
	cr_expect_str_eq(value(&k, "port"), "/dev/ttyS1");
}

static unsigned
places_of(const struct flash_settings_device *d, const char *name, const char *path)
{
	struct places p = {0};
	unsigned n = 0;

	flash_health_places(d, &p);
	for (size_t i = 0; i < p.n; i++)
		n += strcmp(p.list[i].name, name) == 0 && strcmp(p.list[i].path, path) == 0;
	places_fini(&p);
	return n;
}

Test(flash_health, the_program_reaches_itself_what_is_named_and_the_line_only_if_it_asks)
{
	struct flash_settings_device d = device_with("/opt/check {device}");

	snprintf(d.health_runs, sizeof(d.health_runs), "/bin/sh /bin/cat");
	snprintf(d.health_reads, sizeof(d.health_reads), "/etc/limits");
	cr_expect_eq(places_of(&d, "$flasher", "/opt/check"), 1);
	cr_expect_eq(places_of(&d, "$flasher", "/bin/sh"), 1);
	cr_expect_eq(places_of(&d, "$flasher", "/bin/cat"), 1);
	cr_expect_eq(places_of(&d, "$flasher_reads", "/etc/limits"), 1);
	cr_expect_eq(places_of(&d, "$flasher_devices", "/dev/ttyS1"), 0);
	d = device_with("/opt/check --line={port}");
	cr_expect_eq(places_of(&d, "$flasher_devices", "/dev/ttyS1"), 1);
	d = device_with("");
	cr_expect_not(flash_health_is(&d));
	cr_expect_eq(places_of(&d, "$flasher", ""), 0);
}

Test(flash_health, what_is_no_command_is_refused_at_the_start)
{
	static const char *const bad[] = {
	    "check", "sh -c /opt/check", "/opt/check 'x", "/opt/check {versoin}"};
	static const char *const good[] = {"", "/opt/check", "/opt/check $(reboot) {target}"};
	struct flash_settings_device d;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		d = device_with(bad[i]);
		cr_expect_eq(flash_health_check(&d), ERR_CONFIG, "%s", bad[i]);
	}
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		d = device_with(good[i]);
		cr_expect_eq(flash_health_check(&d), ERR_OK, "%s", good[i]);
	}
	d = device_with("/opt/check");
	snprintf(d.health_runs, sizeof(d.health_runs), "/bin/sh sleep");
	cr_expect_eq(flash_health_check(&d), ERR_CONFIG);
}
