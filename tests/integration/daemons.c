/*
 * daemons: the three programs as a person meets them: on the command line, with a configuration
 * that is wrong, and when they are started and stopped with nobody else there.
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "clock.h"
#include "couriers.h"
#include "kit.h"
#include "tool.h"

enum { PATIENCE_MS = 30000 };

struct program {
	char name[20];
	char word[40]; /* in its help */
};

static struct program programs[] = {{"subota-cloudd", "conversation with the platform"},
    {"subota-fetchd", "image store"}, {"subota-flashd", "Devices and their bootloaders"}};

#define EACH_PROGRAM cr_make_param_array(struct program, programs, 3)

ParameterizedTestParameters(daemons, explain_themselves)
{
	return EACH_PROGRAM;
}

ParameterizedTest(struct program *p, daemons, explain_themselves)
{
	const char *path = couriers_program(p->name);
	struct tool_result r = TOOL("/", path, "--help");

	cr_assert_eq(r.status, 0);
	cr_assert_not_null(strstr(r.out, p->word), "%s", r.out);
	r = TOOL("/", path, "--version");
	cr_assert_eq(r.status, 0);
	cr_assert_not_null(strstr(r.out, SUBOTA_VERSION));
	r = TOOL("/", path, "--help-config");
	cr_assert_eq(r.status, 0);
	cr_assert_not_null(strstr(r.out, "run_dir"), "%s", r.out);
}

ParameterizedTestParameters(daemons, refuse_what_they_do_not_know)
{
	return EACH_PROGRAM;
}

ParameterizedTest(struct program *p, daemons, refuse_what_they_do_not_know)
{
	const char *path = couriers_program(p->name);

	cr_assert_eq(TOOL("/", path, "--frobnicate").status, 64);
	struct tool_result r = TOOL("/", path, "start");
	cr_assert_eq(r.status, 64);
	cr_assert_not_null(strstr(r.out, "got \"start\""), "%s", r.out);
	r = TOOL("/", path, "--config", "/nonexistent/subota.conf");
	cr_assert_eq(r.status, 78);
	cr_assert_not_null(strstr(r.out, "/nonexistent/subota.conf"), "%s", r.out);
}

/* A configuration in `dir` with `extra` lines in [common]. */
static void
write_conf(const char *dir, const char *extra, char path[300])
{
	uid_t uid = geteuid() ? geteuid() : 64001;
	unsigned step = geteuid() ? 0 : 1;
	char programs_dir[400];

	snprintf(programs_dir, sizeof(programs_dir), "%s", couriers_program("x"));
	*strrchr(programs_dir, '/') = '\0';
	snprintf(path, 300, "%s/secrets", dir);
	AUTO(fd) int secrets = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	cr_assert_geq(secrets, 0);
	cr_assert_gt(dprintf(secrets, "[product p1]\nsecret = 0123456789abcdef\n"), 0);
	snprintf(path, 300, "%s/subota.conf", dir);
	AUTO(file) FILE *f = fopen(path, "we");
	cr_assert_not_null(f);
	fprintf(f,
	    "[common]\nrun_dir = %s/run\nstate_dir = %s/state\nstore_dir = %s/store\n"
	    "lib_dir = %s\ncloud_user = %u\nfetch_user = %u\ncourier_user = %u\n"
	    "flash_user = %u\nsession_user = %u\n%s\n"
	    "[cloudd]\nhost = 127.0.0.1\nport = 1\ntls = no\nlab = yes\nproduct_key = p1\n"
	    "device_key = gw1\nsecrets = %s/secrets\n"
	    "[fetchd]\ntrust_dir = %s/trust\n[flashd]\ntrust_dir = %s/trust\n",
	    dir, dir, dir, programs_dir, uid, uid + step, uid + 2 * step, uid + 3 * step,
	    uid + 4 * step, extra, dir, dir, dir);
	cr_assert_eq(chmod(dir, 0755), 0);
}

ParameterizedTestParameters(daemons, check_a_configuration_without_starting)
{
	return EACH_PROGRAM;
}

ParameterizedTest(struct program *p, daemons, check_a_configuration_without_starting)
{
	AUTO(scratch) char *dir = kit_scratch();
	char conf[300];

	write_conf(dir, "", conf);
	struct tool_result r = TOOL(dir, couriers_program(p->name), "--config", conf, "--check");
	cr_assert_eq(r.status, 0, "%s", r.out);
	write_conf(dir, "log_level = chatty\nnonsense = 1", conf);
	r = TOOL(dir, couriers_program(p->name), "--config", conf, "--check");
	cr_assert_eq(r.status, 78);
	cr_assert_not_null(strstr(r.out, "chatty"), "%s", r.out);
	cr_assert_not_null(strstr(r.out, "nonsense"), "%s", r.out);
}

/* --- started and stopped ---------------------------------------------------------------------- */

/* A datagram socket that hears READY=1. */
static int
open_notify(const char *dir, char path[108])
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	snprintf(path, 108, "%.90s/notify", dir);
	memcpy(a.sun_path, path, strlen(path) + 1);
	cr_assert_geq(fd, 0);
	cr_assert_eq(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	cr_assert_eq(chmod(path, 0777), 0);
	return fd;
}

static bool
hears(int fd, const char *word)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	char text[200] = "";

	while (poll(&p, 1, PATIENCE_MS) == 1) {
		memset(text, 0, sizeof(text));
		if (recv(fd, text, sizeof(text) - 1, 0) > 0 && strstr(text, word))
			return true;
	}
	return false;
}

static pid_t
start(const char *program, const char *conf, const char *notify)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	setenv("NOTIFY_SOCKET", notify, 1);
	setenv("WATCHDOG_USEC", "400000", 1);
	execl(program, program, "--config", conf, (char *)NULL);
	_exit(127);
}

ParameterizedTestParameters(daemons, say_when_they_are_ready_and_end_on_request)
{
	return EACH_PROGRAM;
}

ParameterizedTest(struct program *p, daemons, say_when_they_are_ready_and_end_on_request)
{
	AUTO(scratch) char *dir = kit_scratch();
	char conf[300], notify[108];
	int status = 0;

	write_conf(dir, "", conf);
	kit_free(kit_new(dir)); /* trust anchors */
	AUTO(fd) int ears = open_notify(dir, notify);
	for (int round = 0; round < 2; round++) { /* a second start finds what the first left */
		pid_t pid = start(couriers_program(p->name), conf, notify);

		cr_assert_gt(pid, 0);
		cr_assert(hears(ears, "READY=1"), "%s round %d", p->name, round);
		for (int beat = 0; beat < 3; beat++)
			cr_assert(hears(ears, "WATCHDOG=1"), "%s beat %d", p->name, beat);
		cr_assert_eq(kill(pid, SIGTERM), 0);
		cr_assert(hears(ears, "STOPPING=1"));
		cr_assert_eq(waitpid(pid, &status, 0), pid);
		cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%s round %d: 0x%x",
		    p->name, round, (unsigned)status);
	}
}

Test(daemons, refuse_a_configuration_that_keeps_them_root)
{
	AUTO(scratch) char *dir = kit_scratch();
	char conf[300], text[4096];

	if (geteuid() != 0)
		return; /* an ordinary user cannot keep root */
	write_conf(dir, "", conf);
	AUTO(file) FILE *f = fopen(conf, "re");
	size_t n = fread(text, 1, sizeof(text) - 1, f);
	text[n] = '\0';
	AUTO(file) FILE *w = fopen(conf, "we");
	char *at = strstr(text, "flash_user = ");
	cr_assert_not_null(at);
	fprintf(w, "%.*sflash_user = root%s", (int)(at - text), text, strchr(at, '\n'));
	fflush(w);
	struct tool_result r = TOOL(dir, couriers_program("subota-flashd"), "--config", conf);
	cr_assert_eq(r.status, 71, "%s", r.out);
	cr_assert_not_null(strstr(r.out, "got root"), "%s", r.out);
}
