/*
 * ctl_setup: `subotactl setup` by options and by asking on a terminal: what it writes is what all
 * daemons take, and what is there stays.
 */
#include <criterion/criterion.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utmp.h>

#include "ctl/ctl.h"
#include "kit.h"
#include "tool.h"

enum { PATIENCE_MS = 20000 };

#define SECRET "0123456789abcdef"
#define DEVICE "m1,p2,METER1,acme,sensor-9,smp,/dev/ttyUSB0"
#define GATEWAY "--host", "iot.example", "--product-key", "p1", "--device-key", "gw1"

static char *
scene(void)
{
	char *dir = kit_scratch();

	kit_write(dir, "secret", SECRET "\n", sizeof(SECRET));
	return dir;
}

/* Users that need no account. */
#define USERS \
	"--common", "cloud_user=64001", "--common", "fetch_user=64002", "--common", \
	    "courier_user=64003", "--common", "flash_user=64004", "--common", "session_user=64005"
#define SETUP(dir, ...) CTL(dir, "setup", "--dir", "etc", USERS, __VA_ARGS__)

static void
slurp(const char *dir, const char *name, char out[4000])
{
	char path[400];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	AUTO(file) FILE *f = fopen(path, "re");
	cr_assert(f, "%s", path);
	size_t n = fread(out, 1, 3999, f);

	out[n] = '\0';
}

static mode_t
mode_of(const char *dir, const char *name)
{
	struct stat st = {0};
	char path[400];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return stat(path, &st) == 0 ? st.st_mode & 07777 : 0;
}

Test(ctl_setup, options_make_a_configuration_that_all_daemons_take)
{
	AUTO(scratch) char *dir = scene();
	AUTO(kit) struct kit *kit = kit_new(dir);
	char text[4000];
	struct tool_result r = SETUP(dir, GATEWAY, "--device", DEVICE, "--secret", "p1=secret",
	    "--secret", "p2=secret", "--root", "trust/root.1", "--fetchd",
	    "allow_private_hosts=yes", "--fetchd", "allow_http=yes");

	cr_assert_eq(r.status, 0, "%s", r.out);
	cr_expect(strstr(r.out, "subotactl doctor"), "what comes next: %s", r.out);
	slurp(dir, "etc/subota.conf", text);
	cr_expect(strstr(text, "\nhost = iot.example\nport = 8883\n"), "%s", text);
	cr_expect(strstr(text, "\n[flashd.device m1]\nproduct_key = p2\n"), "%s", text);
	cr_expect(strstr(text, "/trust\nallow_private_hosts=yes\nallow_http=yes\n"), "%s", text);
	cr_expect_null(strstr(text, SECRET));
	slurp(dir, "etc/secrets", text);
	cr_expect_str_eq(
	    text, "[product p1]\nsecret = " SECRET "\n\n[product p2]\nsecret = " SECRET "\n\n");
	cr_expect_eq(mode_of(dir, "etc/secrets"), 0600);
	cr_expect_eq(mode_of(dir, "etc/subota.conf"), 0644);
	cr_expect_eq(mode_of(dir, "etc/trust/root.1"), 0644);
	cr_expect_eq(TOOL(dir, "sh", "-c", "! ls etc etc/trust | grep new").status, 0);
}

Test(ctl_setup, what_is_there_is_not_written_over_unless_that_is_said)
{
	AUTO(scratch) char *dir = scene();
	char text[4000];

	cr_assert_eq(SETUP(dir, GATEWAY, "--secret", "p1=secret").status, 0);
	struct tool_result r = SETUP(dir, "--host", "other.example", "--product-key", "p1",
	    "--device-key", "gw1", "--secret", "p1=secret");

	cr_expect_eq(r.status, 1);
	cr_expect(strstr(r.out, "subota.conf is there; --force writes over it"), "%s", r.out);
	slurp(dir, "etc/subota.conf", text);
	cr_expect(strstr(text, "host = iot.example\n"), "%s", text);
	r = SETUP(dir, "--force", "--host", "other.example", "--product-key", "p1", "--device-key",
	    "gw1", "--secret", "p1=secret");
	cr_expect_eq(r.status, 0, "%s", r.out);
	slurp(dir, "etc/subota.conf", text);
	cr_expect(strstr(text, "host = other.example\n"), "%s", text);
}

Test(ctl_setup, each_wrong_answer_is_named_and_nothing_is_written)
{
	static const char *const bad[][2] = {{"--port", "0"}, {"--port", "x"}, {"--ca", ""},
	    {"--common", "x=1"}, {"--fetchd", "x=1"}, {"--device", "m1,p2"},
	    {"--device", "m1,p2,d,acme,s9,nodriver,/dev/tty"},
	    {"--device", "m#1,p2,d,acme,s9,smp,/dev/tty"}, {"--secret", "p1=missing"},
	    {"--root", "secret"}};
	AUTO(scratch) char *dir = scene();

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct tool_result r = SETUP(dir, bad[i][0], bad[i][1], GATEWAY, "--secret",
		    "p1=secret", "--secret", "p2=secret");

		cr_expect_eq(r.status, 65, "%s %s: %d %s", bad[i][0], bad[i][1], r.status, r.out);
		cr_expect(strstr(r.out, "expected"), "%s", r.out);
		cr_expect_eq(mode_of(dir, "etc/subota.conf"), 0, "%s", bad[i][0]);
		cr_expect_eq(mode_of(dir, "etc/secrets"), 0, "%s", bad[i][0]);
	}
	struct tool_result r = SETUP(dir, "--host", "x");

	cr_expect_eq(r.status, 65);
	cr_expect(strstr(r.out, "expected --product_key, got none"), "%s", r.out);
	r = SETUP(dir, GATEWAY);
	cr_expect(strstr(r.out, "expected --secret p1=FILE, got none"), "%s", r.out);
}

/* --- on a terminal ---------------------------------------------------------------------------- */

struct screen {
	int master;
	pid_t pid;
	size_t len, seen;
	char text[16384];
};

static void
begin(struct screen *s, const char *dir)
{
	static const char *const words[] = {"subotactl", "setup", "--dir", "etc", USERS, NULL};
	char *argv[sizeof(words) / sizeof(words[0])];

	*s = (struct screen){0};
	memcpy(argv, words, sizeof(argv));
	s->pid = forkpty(&s->master, NULL, NULL, NULL);
	if (s->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		_exit(chdir(dir) < 0 ? 127
				     : ctl_run((int)(sizeof(argv) / sizeof(argv[0])) - 1, argv));
	}
	cr_assert_gt(s->pid, 0);
}

/* Wait for the question, then answer it. */
static void
answer(struct screen *s, const char *question, const char *words)
{
	while (!strstr(s->text + s->seen, question)) {
		struct pollfd p = {s->master, POLLIN, 0};

		cr_assert_eq(poll(&p, 1, PATIENCE_MS), 1, "%s never came: %s", question, s->text);
		ssize_t n = read(s->master, s->text + s->len, sizeof(s->text) - 1 - s->len);
		cr_assert_gt(n, 0, "%s never came: %s", question, s->text);
		s->len += (size_t)n;
	}
	s->seen = (size_t)(strstr(s->text + s->seen, question) - s->text) + strlen(question);
	cr_assert_eq(write(s->master, words, strlen(words)), (ssize_t)strlen(words));
}

Test(ctl_setup, a_person_is_asked_again_until_the_answer_is_good_and_secrets_are_not_shown)
{
	AUTO(scratch) char *dir = scene();
	struct screen s;
	int status = 0;
	char text[4000];

	begin(&s, dir);
	answer(&s, "MQTT server: ", "iot.example\n");
	answer(&s, "Its port [8883]: ", "99999\n");
	answer(&s, "port: expected a number", "");
	answer(&s, "Its port [8883]: ", "\n");
	answer(&s, "(nothing: the system's): ", "\n");
	answer(&s, "Product key of this gateway: ", "p1\n");
	answer(&s, "Device key of this gateway: ", "gw1\n");
	answer(&s, "Name of a sub-device (nothing: no more): ", "m1\n");
	answer(&s, "its product key: ", "p2\n");
	answer(&s, "its device key: ", "METER1\n");
	answer(&s, "its vendor, as signed manifests say: ", "acme\n");
	answer(&s, "its model, as signed manifests say: ", "sensor-9\n");
	answer(&s, "its driver [smp]: ", "telepathy\n");
	answer(&s, "driver: expected smp", "");
	answer(&s, "its driver [smp]: ", "\n");
	answer(&s, "its line (best from /dev/serial/by-id): ", "/dev/ttyUSB0\n");
	answer(&s, "Name of a sub-device (nothing: no more): ", "\n");
	answer(&s, "Product secret of p1 (not shown): ", "short\n");
	answer(&s, "expected 16 to 32 characters, got 5", "");
	answer(&s, "Product secret of p1 (not shown): ", SECRET "\n");
	answer(&s, "Product secret of p2 (not shown): ", SECRET "\n");
	answer(&s, "(nothing: later): ", "\n");
	answer(&s, "subotactl doctor.", "");
	cr_assert_eq(waitpid(s.pid, &status, 0), s.pid);
	cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%s", s.text);
	cr_expect_null(strstr(s.text, SECRET), "%s", s.text);
	slurp(dir, "etc/subota.conf", text);
	cr_expect(strstr(text, "port = /dev/ttyUSB0\n"), "%s", text);
	close(s.master);
}

Test(ctl_setup, a_person_who_leaves_leaves_nothing_behind)
{
	AUTO(scratch) char *dir = scene();
	struct screen s;
	int status = 0;

	begin(&s, dir);
	answer(&s, "MQTT server: ", "iot.example\n");
	answer(&s, "Its port [8883]: ", "\004");
	answer(&s, "nothing was set up", "");
	cr_assert_eq(waitpid(s.pid, &status, 0), s.pid);
	cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 65);
	cr_expect_eq(mode_of(dir, "etc"), 0);
	close(s.master);
}
