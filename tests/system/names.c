/*
 * System tests of name service: /etc/resolv.conf is replaced, as network managers do it, while all
 * daemons run locked in; names with several addresses; a name server that says nothing. Each test
 * has an /etc of its own, so they need root.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cloud_scene.h"
#include "house_life.h"
#include "house_proc.h"

TestSuite(names, .timeout = 120);

enum { RESTART_NEEDED = 71 << 8 }; /* as waitpid has it */

/* A copy of /etc in the place of /etc, in this process and those it starts. */
static void
own_etc(const char *dir)
{
	char copy[300];

	if (!house_proc_own_mounts())
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

/* --- cloudd's dialer -------------------------------------------------------------------------- */

#define NAME "cloud.test"
#define DEAD "::1" /* where no platform listens; it comes before one of IPv4 */
#define SILENT "127.77.0.1"

static void
write_etc(const char *path, const char *text)
{
	AUTO(file) FILE *f = fopen(path, "we");

	cr_assert_not_null(f, "%s", path);
	cr_assert_gt(fputs(text, f), 0);
}

/* The address that a resolver names first. */
static void
first_address(const char *name, char out[INET6_ADDRSTRLEN])
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	struct addrinfo *all = NULL;

	cr_assert_eq(getaddrinfo(name, "1", &hints, &all), 0);
	cr_assert_not_null(all->ai_next, "expected several addresses");
	cr_assert_eq(getnameinfo(all->ai_addr, all->ai_addrlen, out, INET6_ADDRSTRLEN, NULL, 0,
			 NI_NUMERICHOST),
	    0);
	freeaddrinfo(all);
}

Test(names, of_a_platform_whose_first_address_is_dead_leads_to_the_second)
{
	const struct cloud_scene_wish wish = {.host = NAME, .cloudd = "server_name = 127.0.0.1"};
	AUTO(scratch) char *dir = kit_scratch();
	char first[INET6_ADDRSTRLEN];

	own_etc(dir);
	write_etc("/etc/nsswitch.conf", "hosts: files\n");
	write_etc("/etc/host.conf", "multi on\n");
	write_etc("/etc/hosts", DEAD " " NAME "\n127.0.0.1 " NAME "\n");
	first_address(NAME, first);
	if (strcmp(first, DEAD) != 0)
		cr_skip_test("no IPv6 here");
	struct cloud_scene *s = cloud_scene_open(&wish);
	cloud_scene_start(s);
	cloud_scene_ready(s);
	cr_expect_not(cloud_scene_log_has(s, "down: "), "it is one try");
	cloud_scene_close(s);
	umount2("/etc", MNT_DETACH);
}

/* A name server that hears and never answers. */
static int
open_silent_server(void)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(53)};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	cr_assert_eq(inet_pton(AF_INET, SILENT, &at.sin_addr), 1);
	cr_assert_eq(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	write_etc("/etc/nsswitch.conf", "hosts: dns\n");
	unlink("/etc/resolv.conf");
	write_etc("/etc/resolv.conf", "nameserver " SILENT "\noptions timeout:30 attempts:5\n");
	return fd;
}

static bool
was_asked(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, 0) == 1;
}

Test(names, asked_of_a_server_that_says_nothing_do_not_hold_up_cloudd)
{
	const struct cloud_scene_wish wish = {.host = NAME};
	AUTO(scratch) char *dir = kit_scratch();

	own_etc(dir);
	AUTO(fd) int server = open_silent_server();
	struct cloud_scene *s = cloud_scene_open(&wish);
	cloud_scene_start(s);
	SCENE_WAIT(s, was_asked(server));
	pid_t dialer = house_proc_find(s->pid, "subota-dialer");
	cr_assert_gt(dialer, 0);
	struct tool_result r = CTL(dir, "status", "--config", s->conf, "--kv");
	cr_expect(strstr(r.out, "cloudd.up=yes\n"), "%s", r.out);
	SCENE_WAIT(s, s->linked); /* it greets the gate as well */
	cr_expect_not(cloud_scene_log_has(s, "down: "), "the resolver still waits");
	int status = cloud_scene_end(s, SIGTERM);
	cr_expect_eq(status, 0);
	SCENE_WAIT(s, house_proc_descriptors(dialer) == 0); /* it does not wait for the answer */
	cloud_scene_close(s);
	umount2("/etc", MNT_DETACH);
}
