/*
 * The Modbus driver and servers that nobody here wrote: libmodbus (registers) and pymodbus
 * (registers and file records), over a pseudo-terminal and over TCP.
 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <termios.h>

#include "driver_run.h"
#include "kit.h"
#include "modbus.h"
#include "modbus_dev.h"

TestSuite(modbus_peers, .timeout = 60);

enum { BYTES = 50001, PATIENCE_MS = 20000 };

struct scene {
	char *dir;
	pid_t pid;
	int stdio; /* the peer's */
	struct driver_run run;
	uint8_t *image;
};

static const char *
modbus_server(void)
{
	static char path[600];
	ssize_t n = readlink("/proc/self/exe", path, 500);

	cr_assert_gt(n, 0);
	path[n] = 0;
	snprintf(strrchr(path, '/'), 20, "/modbus-server");
	if (access(path, X_OK) != 0)
		cr_skip_test("needs libmodbus-dev when it is built");
	return path;
}

static void
need_pymodbus(void)
{
	if (access("/usr/lib/python3/dist-packages/pymodbus", F_OK) != 0 ||
	    access("/usr/lib/python3/dist-packages/serial_asyncio", F_OK) != 0)
		cr_skip_test("needs python3-pymodbus and python3-serial-asyncio");
}

/* A line whose one end is ours and whose other end the peer opens by its path. */
static int
open_line(char path[100])
{
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	struct termios t;

	cr_assert(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
	cr_assert_eq(ptsname_r(master, path, 100), 0);
	cr_assert_eq(tcgetattr(master, &t), 0);
	cfmakeraw(&t);
	cr_assert_eq(tcsetattr(master, TCSANOW, &t), 0);
	return master;
}

static void
wait_ready(struct scene *s)
{
	struct pollfd p = {s->stdio, POLLIN, 0};
	char text[20] = "";

	cr_assert_eq(poll(&p, 1, PATIENCE_MS), 1, "the peer does not start");
	cr_assert(read(s->stdio, text, sizeof(text) - 1) > 0 && strncmp(text, "ready", 5) == 0);
}

static int
connect_to(struct scene *s)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	char path[700];
	int port = 0;

	snprintf(path, sizeof(path), "%s/port", s->dir);
	for (int ms = 0; port == 0 && ms < PATIENCE_MS; ms += 10) {
		AUTO(file) FILE *f = fopen(path, "re");

		if (!f || fscanf(f, "%d\n", &port) != 1)
			poll(NULL, 0, 10);
	}
	cr_assert_neq(port, 0, "the peer does not start");
	a.sin_port = htons((uint16_t)port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	cr_assert_eq(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0, "%s", strerror(errno));
	return fd;
}

static void
setup(struct scene *s, const char *program, const char *script, bool tcp, bool file)
{
	char where[700], out[700];
	AUTO(mem) char *absolute = script ? realpath(script, NULL) : NULL;
	const char *options[64] = {"framing", tcp ? "tcp" : "rtu"};
	const char *const *rest = modbus_dev_options(file);
	int fd = -1;
	size_t n = 2, k = 0;

	for (; rest[n - 2]; n++)
		options[n] = rest[n - 2];
	s->dir = kit_scratch();
	snprintf(out, sizeof(out), "%s/out", s->dir);
	snprintf(where, sizeof(where), "%s/port", s->dir);
	if (!tcp)
		fd = open_line(where);
	cr_assert(absolute || !script);
	const char *argv[8] = {program};
	if (script) {
		argv[++k] = "-B";
		argv[++k] = absolute;
	}
	argv[++k] = options[1];
	argv[++k] = where;
	argv[++k] = out;
	s->pid = driver_run_peer(s->dir, argv, &s->stdio);
	if (tcp)
		fd = connect_to(s);
	else
		wait_ready(s);
	driver_run_open(&s->run, &modbus_driver, fd, options);
	s->image = malloc(BYTES);
	modbus_dev_image(s->image, BYTES, "2.0.0");
	driver_run_image(&s->run, s->image, BYTES);
}

static void
expect_version(struct scene *s, const char *version)
{
	enum err e = driver_run_verb(&s->run, DRIVER_IDENTIFY, "", PATIENCE_MS);

	cr_assert_eq(e, ERR_OK, "%s: %s", err_name(e), s->run.result.detail);
	cr_expect_str_eq(modbus_driver.facts(s->run.state)->version, version);
}

/* Upgrades it, and then it holds exactly the image. */
static void
upgrade(struct scene *s)
{
	AUTO(mem) uint8_t *got = calloc(1, BYTES + 100);
	char path[700];

	expect_version(s, "1.0.0");
	enum err e = driver_run_verb(&s->run, DRIVER_WRITE, "2.0.0", 40000);
	cr_expect_eq(e, ERR_OK, "%s: %s", err_name(e), s->run.result.detail);
	cr_expect_eq(modbus_driver.facts(s->run.state)->rewinds, 0);
	expect_version(s, ""); /* the boot loader */
	e = driver_run_verb(&s->run, DRIVER_REBOOT, "2.0.0", PATIENCE_MS);
	cr_expect_eq(e, ERR_OK, "%s: %s", err_name(e), s->run.result.detail);
	expect_version(s, "2.0.0");
	snprintf(path, sizeof(path), "%s/out", s->dir);
	AUTO(file) FILE *f = fopen(path, "re");
	cr_assert(f, "%s", path);
	cr_expect_eq(fread(got, 1, BYTES + 100, f), BYTES);
	cr_expect_eq(memcmp(got, s->image, BYTES), 0);
}

static void
teardown(struct scene *s)
{
	kill(s->pid, SIGKILL);
	waitpid(s->pid, NULL, 0);
	driver_run_close(&s->run);
	close(s->stdio);
	free(s->image);
	kit_scratch_remove(s->dir);
}

static void
upgrade_libmodbus(bool tcp)
{
	const char *program = modbus_server();
	struct scene s;

	setup(&s, program, NULL, tcp, false);
	upgrade(&s);
	teardown(&s);
}

static void
upgrade_pymodbus(bool tcp, bool file)
{
	struct scene s;

	need_pymodbus();
	setup(&s, "/usr/bin/python3", "tests/peers/modbus_server.py", tcp, file);
	upgrade(&s);
	teardown(&s);
}

Test(modbus_peers, libmodbus_takes_an_image_through_registers_over_a_line)
{
	upgrade_libmodbus(false);
}

Test(modbus_peers, libmodbus_takes_an_image_through_registers_over_tcp)
{
	upgrade_libmodbus(true);
}

Test(modbus_peers, pymodbus_takes_an_image_through_registers_over_a_line)
{
	upgrade_pymodbus(false, false);
}

Test(modbus_peers, pymodbus_takes_an_image_as_file_records_over_a_line)
{
	upgrade_pymodbus(false, true);
}

Test(modbus_peers, pymodbus_takes_an_image_as_file_records_over_tcp)
{
	upgrade_pymodbus(true, true);
}

Test(modbus_peers, libmodbus_says_why_it_refuses_a_register_it_does_not_have)
{
	const char *program = modbus_server();
	struct scene s;

	setup(&s, program, NULL, true, true); /* file records, which it does not know */
	cr_expect_neq(driver_run_verb(&s.run, DRIVER_WRITE, "2.0.0", 40000), ERR_OK);
	cr_expect(strstr(s.run.result.detail, "data: piece at 0: "), "%s", s.run.result.detail);
	teardown(&s);
}
