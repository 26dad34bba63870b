/*
 * System tests of name service: /etc/resolv.conf is replaced, as network managers do it, while all
 * daemons run locked in. Each test has an /etc of its own, so they need root.
 */
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "house_life.h"

TestSuite(names, .timeout = 120);

enum { RESTART_NEEDED = 71 << 8 }; /* as waitpid has it */

/* A copy of /etc in the place of /etc, in this process and those it starts. */
static void
own_etc(const char *dir)
{
	char copy[300];

	if (geteuid() != 0 || unshare(CLONE_NEWNS) != 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
		cr_skip_test("needs a mount namespace of its own");
	struct tool_result r = TOOL(dir, "cp", "-a", "/etc", "etc");
	cr_assert_eq(r.status, 0, "%s", r.out);
	snprintf(copy, sizeof(copy), "%s/etc", dir);
	cr_assert_eq(mount(copy, "/etc", NULL, MS_BIND, NULL), 0);
}

/* By another file of that name, as a network manager has it. */
static void
replace(const char *path)
{
	static const char text[] = "nameserver 127.0.0.1\n";
	char fresh[320];

	snprintf(fresh, sizeof(fresh), "%s.new", path);
	AUTO(fd) int fd = open(fresh, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	cr_assert_geq(fd, 0);
	cr_assert_eq(write(fd, text, sizeof(text) - 1), (ssize_t)sizeof(text) - 1);
	cr_assert_eq(rename(fresh, path), 0);
}

Test(names, cloudd_that_lost_its_name_service_ends_and_works_when_it_is_started_again)
{
	AUTO(scratch) char *dir = kit_scratch();

	own_etc(dir);
	unlink("/etc/resolv.conf");
	replace("/etc/resolv.conf");
	AUTO(house_case) struct house *h = house_case_open(&(struct house_options){0});

	replace("/etc/resolv.conf");
	house_kill(h, HOUSE_DEVCENTER); /* so cloudd looks for it */
	for (int i = 0; i < 2000 && house_runs(h, HOUSE_CLOUDD); i++)
		house_look_pause(20);
	cr_expect_eq(h->process[HOUSE_CLOUDD].status, RESTART_NEEDED);
	HOUSE_MUST(h, house_start(h, HOUSE_DEVCENTER));
	HOUSE_MUST(h, house_start(h, HOUSE_CLOUDD));
	house_life_until_log(h, "METER1", "login through", 2);
	HOUSE_MUST(h, house_stop(h, HOUSE_CLOUDD));
	umount2("/etc", MNT_DETACH);
}

Test(names, a_gate_whose_couriers_lost_their_name_service_is_started_again_once_and_fetches)
{
	AUTO(scratch) char *dir = kit_scratch();

	own_etc(dir);
	unlink("/etc/resolv.conf");
	replace("/etc/resolv.conf");
	AUTO(house_case) struct house *h = house_case_open(&(struct house_options){0});

	replace("/etc/resolv.conf");
	house_case_plan(h, &(struct house_pack){0});
	house_case_upgraded(h, 0, HOUSE_NEW);
	cr_expect_eq(h->process[HOUSE_FETCHD].starts, 2);
	cr_expect_eq(h->process[HOUSE_CLOUDD].starts, 1, "it had no name to resolve");
	umount2("/etc", MNT_DETACH);
}

Test(names, behind_a_link_the_name_service_may_be_replaced)
{
	AUTO(scratch) char *dir = kit_scratch();
	char run[200], file[240];

	own_etc(dir);
	snprintf(run, sizeof(run), "%s/resolve", dir);
	snprintf(file, sizeof(file), "%s/resolv.conf", run);
	cr_assert_eq(chmod(dir, 0755), 0);
	cr_assert_eq(mkdir(run, 0755), 0);
	replace(file);
	unlink("/etc/resolv.conf");
	cr_assert_eq(symlink(file, "/etc/resolv.conf"), 0);
	AUTO(house_case) struct house *h = house_case_open(&(struct house_options){0});

	replace(file);
	house_kill(h, HOUSE_DEVCENTER);
	house_life_until_said(h, HOUSE_CLOUDD, "down: NETWORK", 2);
	cr_expect(house_runs(h, HOUSE_CLOUDD));
	HOUSE_MUST(h, house_start(h, HOUSE_DEVCENTER));
	house_life_until_log(h, "METER1", "login through", 2);
	HOUSE_MUST(h, house_stop(h, HOUSE_CLOUDD));
	umount2("/etc", MNT_DETACH);
}
