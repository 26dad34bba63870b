/*
 * System tests of the rules for nftables (subotactl firewall), in a network of the test's own: an
 * upgrade passes through them, each user reaches what he may and nothing else, and what the tools
 * say of them is true. Needs root and nft. As a service: tests/boot; on a kernel whose Landlock
 * knows no ports: tests/kernel.
 */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/socket.h>
#include <unistd.h>

#include "house_case.h"
#include "loopback.h"
#include "walled.h"

TestSuite(firewall, .timeout = 120);

static void
enter_network(void)
{
	if (!walled_enter())
		cr_skip_test("needs root");
	if (!walled_works())
		cr_skip_test("needs nft and a kernel with nf_tables");
}

/* errno of a connection, or of a datagram, by a socket of this user's; 0: it came about. */
static int
reach(unsigned uid, int type, unsigned port)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
	    .sin_port = htons((uint16_t)port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

	setfsuid(uid);
	AUTO(fd) int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
	setfsuid(0);
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0)
		return errno;
	if (type == SOCK_DGRAM && send(fd, "?", 1, 0) != 1)
		return errno;
	return 0;
}

Test(firewall, lets_an_upgrade_through_and_each_user_to_nobody_else)
{
	unsigned other = 0;

	enter_network();
	AUTO(house_case)
	struct house *h = house_case_open(&(struct house_options){.link = "tcp"});
	AUTO(fd) int listener = loopback_listen(0, &other);

	cr_assert_geq(listener, 0);

	HOUSE_MUST(h, walled_load(h));
	house_case_plan(h, &(struct house_pack){0});
	house_case_upgraded(h, 0, HOUSE_NEW);
	const struct {
		unsigned uid, own;
	} rows[] = {{HOUSE_CLOUD_UID, h->mqtt}, {HOUSE_COURIER_UID, h->https},
	    {HOUSE_FLASH_UID, h->device_port[0]}, {HOUSE_FETCH_UID, 0}, {HOUSE_SESSION_UID, 0}};
	const unsigned ports[] = {h->mqtt, h->https, h->device_port[0], other};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		bool names = rows[i].uid == HOUSE_CLOUD_UID || rows[i].uid == HOUSE_COURIER_UID;

		for (size_t k = 0; k < 4; k++)
			cr_expect_eq(reach(rows[i].uid, SOCK_STREAM, ports[k]),
			    ports[k] == rows[i].own ? 0 : ECONNREFUSED, "user %u, port %u",
			    rows[i].uid, ports[k]);
		cr_expect_eq(reach(rows[i].uid, SOCK_DGRAM, other), EPERM, "%u", rows[i].uid);
		cr_expect_eq(
		    reach(rows[i].uid, SOCK_DGRAM, 53), names ? 0 : EPERM, "%u", rows[i].uid);
	}
	for (size_t k = 0; k < 4; k++)
		cr_expect_eq(reach(0, SOCK_STREAM, ports[k]), 0, "others are left alone");
	cr_expect_eq(reach(0, SOCK_DGRAM, other), 0);
}

/* Users of the sockets that are connected to this port, by the kernel's own list; how many. */
static unsigned
count_sockets_to(unsigned port, unsigned uid)
{
	char line[300];
	unsigned n = 0;
	AUTO(file) FILE *f = fopen("/proc/self/net/tcp", "re");

	cr_assert(f && fgets(line, sizeof(line), f));
	while (fgets(line, sizeof(line), f)) {
		unsigned to = 0, owner = 0;

		if (sscanf(line, " %*d: %*x:%*x %*x:%x %*x %*x:%*x %*x:%*x %*x %u", &to, &owner) ==
			2 &&
		    to == port) {
			cr_expect_eq(owner, uid, "%s", line);
			n++;
		}
	}
	return n;
}

Test(firewall, knows_the_sockets_of_links_by_the_user_of_flashd)
{
	enter_network();
	AUTO(house_case)
	struct house *h = house_case_open(&(struct house_options){.link = "tcp"});

	cr_expect_eq(count_sockets_to(h->device_port[0], HOUSE_FLASH_UID), 1);
}

/* Does `subotactl NAME` say so of the firewall? */
static void
expect_said(struct house *h, const char *name, const char *words)
{
	bool asks = strcmp(name, "doctor") == 0;
	struct tool_result r = asks ? CTL(h->dir, name, "--config", "subota.conf", "--json")
				    : CTL(h->dir, name, "--json");

	cr_expect(strstr(r.out, words), "%s: expected %s, got %s", name, words, r.out);
}

Test(firewall, is_what_the_tools_say_of_it)
{
	enter_network();
	AUTO(house_case) struct house *h = house_case_open(&(struct house_options){0});

	expect_said(h, "sandbox", "by user: NOT active: nftables has no table inet subota");
	expect_said(h, "doctor", "\"found\":\"by user: NOT active");
	HOUSE_MUST(h, walled_load(h));
	expect_said(h, "sandbox", "by user: active (nftables, table inet subota)");
	expect_said(h, "doctor", "\"found\":\"by user: active (nftables");
	static const char more[] = "\n[flashd.device far]\nproduct_key = p\ndevice_key = d\n"
				   "vendor = v\nmodel = m\nport = udp:127.0.0.1:9\n";
	AUTO(file) FILE *f = NULL;
	char path[600];

	snprintf(path, sizeof(path), "%s/subota.conf", h->dir);
	cr_assert((f = fopen(path, "ae")) && fputs(more, f) >= 0);
	fclose(HAND_OVER(f));
	expect_said(h, "sandbox", "by user: active (nftables");
	expect_said(h, "doctor", "by user: active, with the rules of another configuration");
	HOUSE_MUST(h, walled_load(h));
	expect_said(h, "doctor", "\"found\":\"by user: active (nftables");
}
