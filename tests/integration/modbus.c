/*
 * Modbus whole: a real flashd with real, jailed sessions between a gate that the test plays and
 * devices at a pseudo-terminal or behind a TCP port.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "flashhouse_expect.h"
#include "modbus_line.h"

TestSuite(modbus, .timeout = 90);

enum { BYTES = 30001, NOBODY = 65534 };

struct scene {
	struct flashhouse h;
	struct modbus_line *line;
	char conf[4000];
	uint8_t *image;
};

/* The profile once, and a device for each unit. */
static void
configure(struct scene *s, unsigned units, bool tcp)
{
	const char *const *o = modbus_dev_options(!tcp);
	char port[400];

	if (tcp)
		snprintf(port, sizeof(port), "tcp:127.0.0.1:%u", modbus_line_port(s->line));
	else
		snprintf(port, sizeof(port), "%s/bus", s->h.dir);
	AUTO(file) FILE *f = fmemopen(s->conf, sizeof(s->conf), "w");
	cr_assert_not_null(f);
	fprintf(f, "[flashd.profile test]\nframing = %s\nreply_ms = 300\nunit = 99\n",
	    tcp ? "tcp" : "rtu");
	for (; o[0]; o += 2)
		if (strcmp(o[0], "unit") != 0 && o[1][0])
			fprintf(f, "%s = %s\n", o[0], o[1]);
	for (unsigned i = 0; i < units; i++)
		fprintf(f,
		    "[flashd.device m%u]\nproduct_key = p1\ndevice_key = meter-%u\nvendor = acme\n"
		    "model = sensor-9\ndriver = modbus\nprofile = test\nport = %s\nunit = %u\n"
		    "run_wait_ms = 50\n",
		    i + 1, i + 1, port, 17 + i);
	s->h.devices = s->conf;
}

static void
setup(struct scene *s, unsigned units, bool tcp)
{
	char path[400];

	flashhouse_open(&s->h);
	snprintf(path, sizeof(path), "%s/bus", s->h.dir);
	s->line = modbus_line_start(tcp ? NULL : path, geteuid() ? geteuid() : NOBODY, units);
	configure(s, units, tcp);
	s->image = malloc(BYTES);
	modbus_dev_image(s->image, BYTES, "2.0.0");
	s->h.spec.version = "2.0.0";
	s->h.spec.driver = "modbus";
	s->h.spec.payload = s->image;
	s->h.spec.payload_len = BYTES;
	flashhouse_publish(&s->h);
	flashhouse_start(&s->h);
}

static void
teardown(struct scene *s)
{
	cr_expect_eq(flashhouse_stop(&s->h), 0);
	modbus_line_stop(s->line);
	free(s->image);
	flashhouse_close(&s->h);
}

static void
expect_runs(struct scene *s, unsigned unit, const char *version)
{
	const struct modbus_dev *d = modbus_line_take(s->line, unit);
	const char *runs = modbus_dev_version(d);

	cr_expect(runs && strcmp(runs, version) == 0, "unit %u: %s", unit, runs ? runs : "nothing");
	if (strcmp(version, "2.0.0") == 0)
		cr_expect_eq(memcmp(d->flash, s->image, BYTES), 0);
	modbus_line_give(s->line);
}

static void
upgrade(bool tcp)
{
	struct scene s;

	setup(&s, 1, tcp);
	flashhouse_begin(&s.h, 7);
	flashhouse_expect_end(&s.h, 7, PB__PHASE__PHASE_DONE, ERR_OK);
	cr_expect_not_null(
	    flashhouse_device(&s.h, PB__DEVICE_STATE__DEVICE_STATE_PRESENT, "2.0.0"));
	expect_runs(&s, 17, "2.0.0");
	teardown(&s);
}

Test(modbus, a_device_at_a_line_is_upgraded_by_file_records)
{
	upgrade(false);
}

Test(modbus, a_device_behind_tcp_is_upgraded_through_registers)
{
	upgrade(true);
}

Test(modbus, three_devices_at_one_line_take_turns)
{
	struct scene s;

	setup(&s, 3, false);
	modbus_line_slow(s.line, 200);
	for (unsigned i = 0; i < 3; i++) {
		static const char *const keys[] = {"meter-1", "meter-2", "meter-3"};

		flashhouse_begin_for(
		    &s.h, 7 + i, &(struct flashhouse_target){.device_key = keys[i]});
	}
	for (unsigned i = 0; i < 3; i++)
		cr_expect_not_null(flashhouse_report(&s.h, 7 + i, PB__PHASE__PHASE_DONE));
	for (unsigned i = 0; i < 3; i++)
		expect_runs(&s, 17 + i, "2.0.0");
	cr_expect_eq(modbus_line_collisions(s.line), 0, "two spoke at once");
	teardown(&s);
}

Test(modbus, a_device_that_loses_its_power_is_written_again)
{
	struct scene s;

	setup(&s, 1, false);
	modbus_line_slow(s.line, 2000);
	flashhouse_begin(&s.h, 7);
	cr_assert(modbus_line_until_written(s.line, 17, 40));
	modbus_dev_power(modbus_line_take(s.line, 17));
	modbus_line_give(s.line);
	modbus_line_slow(s.line, 0);
	flashhouse_expect_end(&s.h, 7, PB__PHASE__PHASE_DONE, ERR_OK);
	expect_runs(&s, 17, "2.0.0");
	teardown(&s);
}

Test(modbus, a_flashd_that_is_killed_in_mid_flash_goes_on_after_its_restart)
{
	struct scene s;

	setup(&s, 1, false);
	modbus_line_slow(s.line, 2000);
	flashhouse_begin(&s.h, 7);
	cr_assert(modbus_line_until_written(s.line, 17, 40));
	flashhouse_kill(&s.h);
	modbus_line_slow(s.line, 0);
	flashhouse_start(&s.h);
	flashhouse_expect_end(&s.h, 7, PB__PHASE__PHASE_DONE, ERR_OK);
	expect_runs(&s, 17, "2.0.0");
	teardown(&s);
}

Test(modbus, a_silent_device_does_not_keep_its_neighbour_on_the_line_from_its_turn)
{
	struct scene s;

	setup(&s, 2, false);
	cr_assert_not_null(flashhouse_device(&s.h, PB__DEVICE_STATE__DEVICE_STATE_PRESENT, NULL));
	modbus_line_take(s.line, 17)->off = true;
	modbus_line_give(s.line);
	flashhouse_begin_for(&s.h, 8, &(struct flashhouse_target){.device_key = "meter-2"});
	flashhouse_expect_end(&s.h, 8, PB__PHASE__PHASE_DONE, ERR_OK);
	expect_runs(&s, 18, "2.0.0");
	teardown(&s);
}
