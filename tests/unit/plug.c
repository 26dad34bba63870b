/*
 * Lines that appear, vanish and come back under other names; what is behind a port is a symbolic
 * link in a directory of the test.
 */
#include <criterion/criterion.h>
#include <pty.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kit.h"
#include "link.h"
#include "plug.h"

struct scene {
	char *dir;
	char by_id[200], port[260];
	struct plug *plug;
	unsigned heard;
};

static void
on_port(void *arg, const char *port)
{
	struct scene *s = arg;

	cr_expect_str_eq(port, s->port);
	s->heard++;
}

/* With or without the directory of the links. */
static void
open_scene(struct scene *s, bool made)
{
	*s = (struct scene){.dir = kit_scratch()};
	snprintf(s->by_id, sizeof(s->by_id), "%s/serial/by-id", s->dir);
	snprintf(s->port, sizeof(s->port), "%.120s/usb-acme-1", s->by_id);
	cr_assert_eq(strlen(s->port), strlen(s->by_id) + strlen("/usb-acme-1"));
	if (made) {
		char serial[220];

		snprintf(serial, sizeof(serial), "%s/serial", s->dir);
		cr_assert_eq(mkdir(serial, 0755), 0);
		cr_assert_eq(mkdir(s->by_id, 0755), 0);
	}
	cr_assert_eq(plug_new(&s->plug), ERR_OK);
	cr_assert_eq(plug_add(s->plug, s->port), ERR_OK);
}

static void
close_scene(struct scene *s)
{
	plug_free(s->plug);
	kit_scratch_remove(s->dir);
}

static unsigned
hears(struct scene *s)
{
	s->heard = 0;
	plug_read(s->plug, on_port, s);
	return s->heard;
}

static void
make_dirs(struct scene *s)
{
	char serial[220];

	snprintf(serial, sizeof(serial), "%s/serial", s->dir);
	cr_assert_eq(mkdir(serial, 0755), 0);
	hears(s);
	cr_assert_eq(mkdir(s->by_id, 0755), 0);
	hears(s);
}

Test(plug, link_that_appears_is_heard_of_and_another_is_not)
{
	struct scene s;
	char other[300];

	open_scene(&s, true);
	cr_expect_eq(hears(&s), 0u);
	snprintf(other, sizeof(other), "%s/usb-acme-2", s.by_id);
	cr_assert_eq(symlink("/dev/null", other), 0);
	cr_expect_eq(hears(&s), 0u);
	cr_assert_eq(symlink("/dev/null", s.port), 0);
	cr_expect_eq(hears(&s), 1u);
	cr_expect_eq(hears(&s), 0u);
	close_scene(&s);
}

Test(plug, link_that_leads_nowhere_yet_is_not_told)
{
	struct scene s;

	open_scene(&s, true);
	cr_assert_eq(symlink("/does/not/exist", s.port), 0);
	cr_expect_eq(hears(&s), 0u);
	close_scene(&s);
}

Test(plug, link_that_moves_to_another_terminal_is_heard_of)
{
	struct scene s;
	char next[300];

	open_scene(&s, true);
	cr_assert_eq(symlink("/dev/null", s.port), 0);
	hears(&s);
	cr_assert_eq(unlink(s.port), 0);
	cr_expect_eq(hears(&s), 0u);
	snprintf(next, sizeof(next), "%s/.next", s.by_id);
	cr_assert_eq(symlink("/dev/zero", next), 0);
	cr_assert_eq(rename(next, s.port), 0);
	cr_expect_eq(hears(&s), 1u);
	close_scene(&s);
}

Test(plug, directories_may_come_with_the_first_device_and_go_with_the_last)
{
	struct scene s;

	open_scene(&s, false);
	for (int i = 0; i < 3; i++) {
		char serial[220];

		make_dirs(&s);
		cr_assert_eq(symlink("/dev/null", s.port), 0);
		cr_expect_eq(hears(&s), 1u, "round %d", i);
		cr_assert_eq(unlink(s.port), 0);
		cr_assert_eq(rmdir(s.by_id), 0);
		snprintf(serial, sizeof(serial), "%s/serial", s.dir);
		hears(&s);
		cr_assert_eq(rmdir(serial), 0);
		hears(&s);
	}
	close_scene(&s);
}

/* All at once, before anybody reads: the link is there when its directory is looked at. */
Test(plug, nothing_is_missed_when_all_of_the_way_appears_at_once)
{
	struct scene s;
	char serial[220];

	open_scene(&s, false);
	snprintf(serial, sizeof(serial), "%s/serial", s.dir);
	cr_assert_eq(mkdir(serial, 0755), 0);
	cr_assert_eq(mkdir(s.by_id, 0755), 0);
	cr_assert_eq(symlink("/dev/null", s.port), 0);
	cr_expect_geq(hears(&s), 1u);
	close_scene(&s);
}

Test(plug, network_ports_are_no_business_of_it)
{
	AUTO(plug) struct plug *p = NULL;

	cr_assert_eq(plug_new(&p), ERR_OK);
	cr_expect_eq(plug_add(p, "udp:192.0.2.7:1337"), ERR_OK);
	plug_read(p, on_port, NULL);
}

/* The same path, another terminal: what is opened is the new one. */
Test(plug, port_that_came_back_as_another_terminal_is_opened_there)
{
	struct scene s;
	struct link l;
	char why[WHY_SIZE] = "", name[64], in[4] = "";

	open_scene(&s, true);
	struct tty_settings set = {.path = s.port, .baud = 115200};
	link_init(&l, -1);
	for (int i = 0; i < 2; i++) {
		AUTO(fd) int master = -1;
		AUTO(fd) int keep = -1;

		cr_assert_eq(openpty(&master, &keep, name, NULL, NULL), 0);
		cr_assert_eq(symlink(name, s.port), 0);
		cr_expect_eq(hears(&s), 1u);
		cr_assert_eq(link_open(&l, &set, why), ERR_OK, "%s", why);
		cr_assert_eq(write(l.fd, "hi", 2), 2);
		cr_assert_eq(read(master, in, sizeof(in)), 2);
		link_close(&l);
		cr_assert_eq(unlink(s.port), 0);
	}
	close_scene(&s);
}
