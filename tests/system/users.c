/*
 * System tests of who the processes are: users of their own without any privilege, in every thread,
 * and what one has, another cannot touch. What needs root is skipped without it.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "house_case.h"
#include "house_look.h"

TestSuite(users, .timeout = 120);

/* --- what the kernel says of a thread --------------------------------------------------------- */

/* The value behind "Key:" in a status file; "" when it has none. */
static void
field(const char *path, const char *key, char out[64])
{
	char line[256];
	AUTO(file) FILE *f = fopen(path, "re");

	out[0] = 0;
	while (f && fgets(line, sizeof(line), f)) {
		size_t n = strlen(key);

		if (strncmp(line, key, n) == 0 && line[n] == ':')
			snprintf(out, 64, "%.*s", (int)strcspn(line + n + 2, "\n"), line + n + 2);
	}
}

static void
check_thread(const char *path, const char *name, unsigned uid)
{
	static const char *const sets[] = {"CapInh", "CapPrm", "CapEff", "CapAmb"};
	char value[64], wanted[64];

	field(path, "NoNewPrivs", value);
	cr_expect_str_eq(value, "1", "%s: new privileges are possible", name);
	for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++) {
		field(path, sets[i], value);
		cr_expect_str_eq(value, "0000000000000000", "%s: %s is %s", name, sets[i], value);
	}
	snprintf(wanted, sizeof(wanted), "%u\t%u\t%u\t%u", uid, uid, uid, uid);
	field(path, "Uid", value);
	cr_expect_str_eq(value, wanted, "%s: users %s", name, value);
	if (geteuid() != 0)
		return;
	field(path, "Gid", value);
	cr_expect_str_eq(value, wanted, "%s: groups %s", name, value);
	field(path, "CapBnd", value);
	cr_expect_str_eq(value, "0000000000000000", "%s: CapBnd is %s", name, value);
}

/* Each thread of a process; returns how many. */
static unsigned
check_process(pid_t pid, const char *name, unsigned uid)
{
	char path[64], status[400];
	unsigned n = 0;

	cr_assert_gt(pid, 0, "%s is not running", name);
	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	AUTO(dir) DIR *d = opendir(path);
	cr_assert_not_null(d);
	for (struct dirent *e = readdir(d); e; e = readdir(d)) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(status, sizeof(status), "%s/%s/status", path, e->d_name);
		check_thread(status, name, uid);
		n++;
	}
	return n;
}

static unsigned
uid_or_ours(unsigned uid)
{
	return geteuid() == 0 ? uid : (unsigned)geteuid();
}

struct child {
	enum house_part parent;
	const char *program;
	pid_t pid;
};

/* At work, so that there is time to look at it. */
static bool
is_at_work(struct house *h, void *arg)
{
	struct child *c = arg;
	char state[32];
	double done;

	if (c->parent == HOUSE_FETCHD)
		house_case_image(h, state, &done);
	else
		house_case_flash(h, 0, state, &done);
	if (done < 5000)
		return false;
	c->pid = house_look_child(h, c->parent, c->program);
	return c->pid > 0;
}

static void
check_child(struct house *h, enum house_part parent, const char *program, unsigned uid)
{
	struct child c = {parent, program, 0};

	house_case_until(h, is_at_work, &c, program);
	check_process(c.pid, program, uid_or_ours(uid));
}

/* trust: 62 */
Test(users, each_daemon_is_a_user_of_its_own_without_privileges_in_every_thread)
{
	AUTO(house_case) struct house *h = house_case_open(&(struct house_options){0});
	const struct house_process *p = h->process;

	/* libzmq has threads of its own, which must have given up the same */
	cr_expect_gt(check_process(p[HOUSE_CLOUDD].pid, "cloudd", uid_or_ours(HOUSE_CLOUD_UID)), 1);
	cr_expect_gt(check_process(p[HOUSE_FETCHD].pid, "fetchd", uid_or_ours(HOUSE_FETCH_UID)), 1);
	cr_expect_gt(check_process(p[HOUSE_FLASHD].pid, "flashd", uid_or_ours(HOUSE_FLASH_UID)), 1);
	check_process(house_look_child(h, HOUSE_FETCHD, "subota-nursery"), "the gate's nursery",
	    uid_or_ours(HOUSE_COURIER_UID));
	check_process(house_look_child(h, HOUSE_FLASHD, "subota-nursery"), "flashd's nursery",
	    uid_or_ours(HOUSE_SESSION_UID));
}

Test(users, courier_and_session_have_no_privilege_while_they_face_their_stranger)
{
	AUTO(house_case)
	struct house *h = house_case_open(&(struct house_options){.baud = 460800});

	house_case_fault(h, "http_rate", "50000");
	house_case_plan(h, &(struct house_pack){0});
	check_child(h, HOUSE_FETCHD, "subota-courier", HOUSE_COURIER_UID);
	check_child(h, HOUSE_FLASHD, "subota-session", HOUSE_SESSION_UID);
	house_case_upgraded(h, 0, HOUSE_NEW);
}

/* --- what one has, another cannot touch ------------------------------------------------------- */

enum deed { READ, WRITE, CONNECT };

struct attempt {
	unsigned uid;
	enum deed deed;
	const char *path;
	bool allowed;
};

static bool
try_connect(const char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	AUTO(fd) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(a.sun_path, sizeof(a.sun_path), "%.107s", path);
	return connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0;
}

static bool
try_it(enum deed deed, const char *path)
{
	if (deed == CONNECT)
		return try_connect(path);
	AUTO(fd) int fd = open(path, O_CLOEXEC | (deed == READ ? O_RDONLY : O_WRONLY));
	return fd >= 0;
}

/* In a child that is this user; exit status 0 done, 1 denied, 2 something else was wrong. */
static int
as_user(const struct attempt *a, const char *path)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		if (setgroups(0, NULL) < 0 || setresgid(a->uid, a->uid, a->uid) < 0 ||
		    setresuid(a->uid, a->uid, a->uid) < 0)
			_exit(2);
		if (try_it(a->deed, path))
			_exit(0);
		_exit(errno == EACCES || errno == EPERM ? 1 : 2);
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 2;
}

/* clang-format off */
/*      who                 does     what                          may it? */
static const struct attempt attempts[] = {
	{HOUSE_CLOUD_UID,   READ,    "state/cloudd/cloudd.db",     true},
	{HOUSE_FETCH_UID,   READ,    "state/fetchd/fetchd.db",     true},
	{HOUSE_FLASH_UID,   READ,    "state/flashd/flashd.db",     true},
	{HOUSE_CLOUD_UID,   READ,    "state/fetchd/fetchd.db",     false},
	{HOUSE_CLOUD_UID,   READ,    "state/flashd/flashd.db",     false},
	{HOUSE_FETCH_UID,   READ,    "state/cloudd/cloudd.db",     false},
	{HOUSE_FETCH_UID,   READ,    "state/flashd/flashd.db",     false},
	{HOUSE_FLASH_UID,   READ,    "state/cloudd/cloudd.db",     false},
	{HOUSE_FLASH_UID,   READ,    "state/fetchd/fetchd.db",     false},
	{HOUSE_COURIER_UID, READ,    "state/cloudd/cloudd.db",     false},
	{HOUSE_COURIER_UID, READ,    "state/fetchd/fetchd.db",     false},
	{HOUSE_COURIER_UID, READ,    "state/flashd/flashd.db",     false},
	/* product secrets are read before privileges are dropped */
	{HOUSE_CLOUD_UID,   READ,    "secrets",                    false},
	{HOUSE_FETCH_UID,   READ,    "secrets",                    false},
	{HOUSE_COURIER_UID, READ,    "secrets",                    false},
	{HOUSE_FLASH_UID,   READ,    "secrets",                    false},
	/* orders go along the line, not past it */
	{HOUSE_CLOUD_UID,   CONNECT, "run/fetchd-cloudd/sock",     true},
	{HOUSE_FETCH_UID,   CONNECT, "run/flashd-fetchd/sock",     true},
	{HOUSE_CLOUD_UID,   CONNECT, "run/flashd-fetchd/sock",     false},
	{HOUSE_COURIER_UID, CONNECT, "run/flashd-fetchd/sock",     false},
	{HOUSE_COURIER_UID, CONNECT, "run/fetchd-cloudd/sock",     false},
	{HOUSE_CLOUD_UID,   CONNECT, "run/flashd-ctl/sock",        false},
	{HOUSE_COURIER_UID, CONNECT, "run/fetchd-ctl/sock",        false},
	{HOUSE_CLOUD_UID,   CONNECT, "run/flashd-act/sock",        false},
	{HOUSE_FETCH_UID,   CONNECT, "run/flashd-act/sock",        false},
	{HOUSE_COURIER_UID, CONNECT, "run/cloudd-act/sock",        false},
	/* images: published by the gate, read by flashd, nobody else's business */
	{HOUSE_FLASH_UID,   WRITE,   "store/IMAGE/bundle",         false},
	{HOUSE_FLASH_UID,   READ,    "store/IMAGE/bundle",         true},
	{HOUSE_CLOUD_UID,   READ,    "store/IMAGE/bundle",         false},
	{HOUSE_CLOUD_UID,   WRITE,   "store/IMAGE/bundle",         false},
	{HOUSE_COURIER_UID, WRITE,   "store/IMAGE/bundle",         false},
	/* the line is flashd's */
	{HOUSE_FLASH_UID,   WRITE,   "device1/tty",                true},
	{HOUSE_CLOUD_UID,   WRITE,   "device1/tty",                false},
	{HOUSE_FETCH_UID,   WRITE,   "device1/tty",                false},
	{HOUSE_COURIER_UID, WRITE,   "device1/tty",                false},
};
/* clang-format on */

/* Path of an attempt; IMAGE is the one entry of the store. */
static void
resolve(const struct house *h, const char *path, char out[400])
{
	static const char prefix[] = "store/IMAGE";
	char store[250];

	snprintf(out, 400, "%s/%s", h->dir, path);
	if (strncmp(path, prefix, sizeof(prefix) - 1) != 0)
		return;
	snprintf(store, sizeof(store), "%.200s/store", h->dir);
	AUTO(dir) DIR *d = opendir(store);
	cr_assert_not_null(d);
	for (struct dirent *e = readdir(d); e; e = readdir(d))
		if (strlen(e->d_name) == 64)
			snprintf(
			    out, 400, "%s/%.64s%.30s", store, e->d_name, path + sizeof(prefix) - 1);
}

/* trust: 44 62 */
Test(users, what_one_has_another_cannot_touch)
{
	if (geteuid() != 0)
		cr_skip_test("needs root");
	AUTO(house_case) struct house *h = house_case_open(&(struct house_options){0});
	char path[400];

	house_case_plan(h, &(struct house_pack){0});
	house_case_upgraded(h, 0, HOUSE_NEW);
	for (size_t i = 0; i < sizeof(attempts) / sizeof(attempts[0]); i++) {
		const struct attempt *a = &attempts[i];

		resolve(h, a->path, path);
		cr_assert_eq(access(path, F_OK), 0, "%s is not there", path);
		int got = as_user(a, path);
		cr_expect_eq(got, a->allowed ? 0 : 1, "uid %u, deed %d, %s: expected %s, got %d",
		    a->uid, (int)a->deed, a->path, a->allowed ? "yes" : "no", got);
	}
}
