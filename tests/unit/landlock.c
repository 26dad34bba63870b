/*
 * landlock: rules over files, ports and signals, tried in children against the kernel. Where the
 * kernel is too old for a part, that part is not asked for.
 */
#include "landlock.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kit.h"
#include "loopback.h"
#include "resolver.h"

#define NEED(number, condition) \
	do { \
		if (!(condition)) \
			_exit(number); \
	} while (0)

typedef void action(const struct places *places);

static int
in_child(action *fn, const struct places *places)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		fn(places);
		_exit(0);
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int
error_of_open(const struct places *p, const char *place, const char *name, int flags)
{
	char path[400];

	snprintf(path, sizeof(path), "%s/%s", places_find(p, place, 0), name);
	int fd = open(path, flags, 0600);
	int error = fd < 0 ? errno : 0;
	if (fd >= 0)
		close(fd);
	return error;
}

static void
try_files(const struct places *p)
{
	static const struct landlock_rule rules[] = {
	    {"$mine", LANDLOCK_READ | LANDLOCK_WRITE | LANDLOCK_MAKE}, {"$theirs", LANDLOCK_READ},
	    {"/nowhere/at/all", LANDLOCK_READ}, {NULL, 0}};

	NEED(10, landlock_enter(rules, NULL, NULL, p) == ERR_OK);
	NEED(11, error_of_open(p, "$mine", "new", O_RDWR | O_CREAT) == 0);
	NEED(12, error_of_open(p, "$mine", "file", O_RDWR) == 0);
	NEED(13, error_of_open(p, "$theirs", "file", O_RDONLY) == 0);
	NEED(14, error_of_open(p, "$theirs", "file", O_RDWR) == EACCES);
	NEED(15, error_of_open(p, "$theirs", "new", O_RDWR | O_CREAT) == EACCES);
	NEED(16, error_of_open(p, "$secret", "file", O_RDONLY) == EACCES);
	NEED(17, open("/dev/null", O_RDONLY) < 0 && errno == EACCES);
}

static void
make_place(struct places *p, const char *dir, const char *name)
{
	char path[300];

	snprintf(path, sizeof(path), "%s/%s", dir, name + 1);
	cr_assert_eq(mkdir(path, 0700), 0);
	kit_write(path, "file", "x", 1);
	places_add(p, name, "%s", path);
}

Test(landlock, lets_through_what_a_rule_names_and_nothing_else)
{
	struct places p = {0};

	if (landlock_abi() < LANDLOCK_ABI_MIN)
		cr_skip_test("no Landlock here");
	AUTO(scratch) char *dir = kit_scratch();
	make_place(&p, dir, "$mine");
	make_place(&p, dir, "$theirs");
	make_place(&p, dir, "$secret");
	int status = in_child(try_files, &p);
	cr_expect_eq(status, 0, "expectation %d does not hold", status);
	places_fini(&p);
}

static void
enter_without_a_place(const struct places *p)
{
	static const struct landlock_rule must[] = {{"$gone", LANDLOCK_READ}, {NULL, 0}};
	static const struct landlock_rule may[] = {
	    {"$gone", LANDLOCK_READ | LANDLOCK_MAY_BE_ABSENT}, {NULL, 0}};

	NEED(10, landlock_enter(must, NULL, NULL, p) == ERR_SYSTEM);
	NEED(11, landlock_enter(may, NULL, NULL, p) == ERR_OK);
}

Test(landlock, refuses_to_promise_about_a_place_that_is_missing)
{
	struct places p = {0};

	if (landlock_abi() < LANDLOCK_ABI_MIN)
		cr_skip_test("no Landlock here");
	places_add(&p, "$gone", "/nowhere/at/all");
	int status = in_child(enter_without_a_place, &p);
	cr_expect_eq(status, 0, "expectation %d does not hold", status);
	places_fini(&p);
}

static int
error_of_connect(unsigned port)
{
	struct sockaddr_in at = {.sin_family = AF_INET,
	    .sin_port = htons((uint16_t)port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	int error = connect(fd, (struct sockaddr *)&at, sizeof(at)) < 0 ? errno : 0;

	close(fd);
	return error;
}

static void
try_ports(const struct places *p)
{
	static const struct landlock_rule none[] = {{NULL, 0}};
	struct sockaddr_in any = {.sin_family = AF_INET};
	unsigned port = (unsigned)strtoul(places_find(p, "$port", 0), NULL, 10);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	NEED(10, landlock_enter(none, NULL, "$port", p) == ERR_OK);
	NEED(11, error_of_connect(port) == 0);
	NEED(12, error_of_connect(port ^ 1) == EACCES);
	NEED(13, bind(fd, (struct sockaddr *)&any, sizeof(any)) < 0 && errno == EACCES);
	NEED(14, kill(getppid(), 0) < 0 || landlock_abi() < LANDLOCK_ABI_SCOPES);
}

Test(landlock, lets_tcp_reach_the_named_port_only)
{
	struct places p = {0};
	unsigned port = 0;
	AUTO(fd) int server = loopback_listen(0, &port);

	if (landlock_abi() < LANDLOCK_ABI_PORTS)
		cr_skip_test("this kernel's Landlock knows no ports");
	cr_assert_geq(server, 0);
	places_add(&p, "$port", "%u", port);
	int status = in_child(try_ports, &p);
	cr_expect_eq(status, 0, "expectation %d does not hold", status);
	places_fini(&p);
}

Test(landlock, says_for_every_abi_what_an_older_one_leaves_to_others)
{
	const struct landlock_gap *g = landlock_gaps();
	unsigned since_ports = 0, since_scopes = 0;

	for (; g->since; g++) {
		cr_expect(g[1].since == 0 || g[1].since >= g->since, "%s: by ABI", g->what);
		cr_expect(g->what[0] && g->instead[0]);
		since_ports += g->since == LANDLOCK_ABI_PORTS;
		since_scopes += g->since == LANDLOCK_ABI_SCOPES;
	}
	cr_expect_eq(since_ports, 1);
	cr_expect_eq(since_scopes, 2);
}

Test(landlock, names_rights_for_people)
{
	char text[64];

	cr_expect_str_eq(
	    landlock_rights_text(LANDLOCK_READ | LANDLOCK_DEVICE, text), "read device");
	cr_expect_str_eq(landlock_rights_text(LANDLOCK_MAY_BE_ABSENT, text), "");
}

/* --- a file that is replaced ------------------------------------------------------------------ */

/* As a network manager does it. */
static void
replace(const char *path)
{
	char fresh[420];

	snprintf(fresh, sizeof(fresh), "%s.new", path);
	int fd = open(fresh, O_WRONLY | O_CREAT, 0644);

	cr_assert(fd >= 0 && rename(fresh, path) == 0);
	close(fd);
}

/* In the child: say that we are locked in, wait until the file is another one. */
static void
wait_for_other(int ready, int go)
{
	char c = 0;

	NEED(20, write(ready, &c, 1) == 1 && read(go, &c, 1) == 1);
}

enum { LOST = 1, KEPT = 2 };

/* Whether a process that may read `link` loses it when `file` is replaced. */
static int
lose(const char *link, const char *file, const char *other)
{
	const struct landlock_rule rules[] = {{link, LANDLOCK_READ | LANDLOCK_REPLACED}, {NULL, 0}};
	struct places none = {0};
	struct resolver r;
	int ready[2], go[2], status = 0;
	char c = 0;

	cr_assert(pipe(ready) == 0 && pipe(go) == 0);
	pid_t pid = fork();
	if (pid == 0) {
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		NEED(10, landlock_enter(rules, NULL, NULL, &none) == ERR_OK);
		resolver_init(&r, link);
		NEED(11, !resolver_is_lost(&r));
		wait_for_other(ready[1], go[0]);
		NEED(12, open(other, O_RDONLY) < 0 && errno == EACCES);
		_exit(resolver_is_lost(&r) ? LOST : KEPT);
	}
	close(ready[1]);
	if (read(ready[0], &c, 1) == 1)
		replace(file);
	cr_assert_eq(write(go[1], &c, 1), 1);
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	close(ready[0]), close(go[0]), close(go[1]);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

Test(landlock, file_behind_a_link_may_be_replaced_and_the_rest_stays_closed)
{
	if (landlock_abi() < LANDLOCK_ABI_MIN)
		cr_skip_test("no Landlock here");
	AUTO(scratch) char *dir = kit_scratch();
	char run[300], file[340], link[300], other[340];

	snprintf(run, sizeof(run), "%s/run", dir);
	snprintf(file, sizeof(file), "%s/resolv.conf", run);
	snprintf(link, sizeof(link), "%s/link", dir);
	snprintf(other, sizeof(other), "%s/other", dir);
	cr_assert_eq(mkdir(run, 0755), 0);
	kit_write(dir, "other", "x", 1);
	cr_assert_eq(symlink("run/resolv.conf", link), 0);
	cr_expect_eq(lose(link, file, other), KEPT, "a link that leads nowhere yet");
	cr_expect_eq(lose(link, file, other), KEPT);
	cr_assert_eq(unlink(link), 0);
	cr_assert_eq(symlink(file, link), 0);
	cr_expect_eq(lose(link, file, other), KEPT, "an absolute one");
}

Test(landlock, plain_file_that_is_replaced_is_lost_and_that_is_noticed)
{
	if (landlock_abi() < LANDLOCK_ABI_MIN)
		cr_skip_test("no Landlock here");
	AUTO(scratch) char *dir = kit_scratch();
	char file[300], other[300];

	kit_write(dir, "resolv.conf", "x", 1);
	kit_write(dir, "other", "x", 1);
	snprintf(file, sizeof(file), "%s/resolv.conf", dir);
	snprintf(other, sizeof(other), "%s/other", dir);
	cr_expect_eq(lose(file, file, other), LOST);
}
