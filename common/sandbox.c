/*
 * sandbox: see sandbox.h.
 *
 * Everything here is done once, by one thread, before a library has started another: capabilities
 * and the ids bind the calling thread only, and a thread that is started later inherits what its
 * maker had. The capability calls are made directly, because libcap would be one more library in
 * every process for two system calls.
 *
 * Programs built with sanitizers keep their address space and stay dumpable: the first needs
 * terabytes of shadow, the leak check at exit attaches to its own process.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "auto.h"
#include "log.h"
#include "sandbox.h"

enum { CAPS_MAX = 64 };

extern void __asan_init(void) __attribute__((weak));

static bool
is_sanitized(void)
{
	return __asan_init != NULL;
}

static enum err
failed(const struct sandbox_promise *p, const char *what)
{
	log_error(NULL, "%s: cannot lock itself in: %s: %s", p->name, what, strerror(errno));
	return ERR_DENIED;
}

/* --- who it is -------------------------------------------------------------------------------- */

static enum err
drop_bounding_set(const struct sandbox_promise *p)
{
	for (unsigned long c = 0; c < CAPS_MAX; c++)
		if (prctl(PR_CAPBSET_READ, c, 0, 0, 0) == 1 &&
		    prctl(PR_CAPBSET_DROP, c, 0, 0, 0) != 0)
			return failed(p, "capability bounding set");
	return ERR_OK;
}

static enum err
drop_capabilities(const struct sandbox_promise *p)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0}};
	struct __user_cap_data_struct now[_LINUX_CAPABILITY_U32S_3] = {{0}};

	/* a service that has none may not even make the call that gives them up */
	bool has_none = syscall(SYS_capget, &head, now) == 0 && memcmp(now, none, sizeof(now)) == 0;
	if (!has_none && syscall(SYS_capset, &head, none) != 0)
		return failed(p, "capabilities");
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	return ERR_OK;
}

static enum err
drop_ids(const struct sandbox_promise *p, uid_t uid, gid_t gid, gid_t group)
{
	if (setgroups(group ? 1 : 0, &group) != 0)
		return failed(p, "groups");
	if (setresgid(gid, gid, gid) != 0)
		return failed(p, "group");
	if (setresuid(uid, uid, uid) != 0)
		return failed(p, "user");
	return ERR_OK;
}

static enum err
become(const struct sandbox_promise *p, uid_t uid, gid_t gid, gid_t group)
{
	if (geteuid() != 0 && (geteuid() != uid || getuid() != uid)) {
		log_error(NULL, "%s: expected to run as root or uid %u, got uid %u", p->name,
		    (unsigned)uid, (unsigned)geteuid());
		return ERR_DENIED;
	}
	if (uid == 0) {
		log_error(NULL, "%s: expected a user of its own, got root", p->name);
		return ERR_DENIED;
	}
	if (geteuid() == 0) {
		enum err e = drop_bounding_set(p);

		if (e == ERR_OK)
			e = drop_ids(p, uid, gid, group);
		if (e != ERR_OK)
			return e;
	}
	return drop_capabilities(p);
}

/* --- what it may use -------------------------------------------------------------------------- */

static bool
set_limit(__rlimit_resource_t what, uint64_t most)
{
	struct rlimit now = {0};

	if (getrlimit(what, &now) != 0)
		return false;
	if (now.rlim_max != RLIM_INFINITY && now.rlim_max < most)
		most = now.rlim_max;
	return setrlimit(what, &(struct rlimit){most, most}) == 0;
}

static enum err
set_limits(const struct sandbox_promise *p)
{
	if (!set_limit(RLIMIT_CORE, 0))
		return failed(p, "core size limit");
	if (p->max_memory && !is_sanitized() && !set_limit(RLIMIT_AS, p->max_memory))
		return failed(p, "memory limit");
	if (p->max_files && !set_limit(RLIMIT_NOFILE, p->max_files))
		return failed(p, "descriptor limit");
	if (p->max_file_size && !set_limit(RLIMIT_FSIZE, p->max_file_size))
		return failed(p, "file size limit");
	return ERR_OK;
}

enum err
sandbox_enter(const struct sandbox_promise *p, uid_t uid, gid_t gid, gid_t group)
{
	enum err e = set_limits(p);

	if (e == ERR_OK)
		e = become(p, uid, gid, group);
	if (e != ERR_OK)
		return e;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return failed(p, "no new privileges");
	/* after the change of ids, which sets it anew */
	if (!is_sanitized() && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
		return failed(p, "not dumpable");
	return ERR_OK;
}

void
sandbox_close_from(int lowest)
{
	if (syscall(SYS_close_range, (unsigned)lowest, ~0u, 0) == 0)
		return;
	for (int fd = lowest; fd < 4096; fd++)
		close(fd);
}

/* --- children --------------------------------------------------------------------------------- */

/* In the child, between vfork and exec: its memory is the parent's, which waits, so nothing is left
 * behind in it but errno, and only calls are made that are safe after the fork of a process with
 * threads. Moves fds[i] to 3 + i; the copies made first are above all targets. *report_at is where
 * the pipe to the parent is afterwards. */
static bool
place_descriptors(const int *fds, size_t n, int report, int *report_at)
{
	int high[8];
	int above = 3 + (int)n + 1;

	*report_at = 3 + (int)n;
	for (size_t i = 0; i < n; i++)
		if ((high[i] = fcntl(fds[i], F_DUPFD, above)) < 0)
			return false;
	int kept = fcntl(report, F_DUPFD, above);
	if (kept < 0)
		return false;
	for (size_t i = 0; i < n; i++)
		if (dup2(high[i], 3 + (int)i) < 0)
			return false;
	if (dup3(kept, *report_at, O_CLOEXEC) < 0)
		return false;
	int null = open("/dev/null", O_RDWR);
	if (null < 0 || dup2(null, 0) < 0)
		return false;
	sandbox_close_from(*report_at + 1);
	return true;
}

__attribute__((noreturn)) static void
run_child(const char *path, char *const argv[], const int *fds, size_t n, int report, pid_t parent)
{
	char *const empty[] = {NULL};
	int report_at = report;
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (getppid() == parent && place_descriptors(fds, n, report, &report_at))
		execve(path, argv, empty);
	int error = errno;
	(void)!write(report_at, &error, sizeof(error));
	_exit(127);
}

enum err
sandbox_spawn(const char *path, char *const argv[], const int *fds, size_t n_fds, pid_t *pid)
{
	int report[2] = {-1, -1}, error = 0;
	pid_t self = getpid();

	if (n_fds > 8)
		return ERR_LIMIT;
	if (pipe2(report, O_CLOEXEC) < 0)
		return ERR_SYSTEM;
	/* a copy of the page tables of a parent with hundreds of devices costs more than the child
	 */
	pid_t child = vfork();
	if (child == 0)
		run_child(path, argv, fds, n_fds, report[1], self);
	AUTO(fd) int from = report[0];
	close(report[1]);
	if (child < 0)
		return ERR_SYSTEM;
	ssize_t got;
	do
		got = read(from, &error, sizeof(error));
	while (got < 0 && errno == EINTR);
	if (got == (ssize_t)sizeof(error)) {
		(void)waitpid(child, NULL, 0);
		log_error(NULL, "cannot start %s: %s", path, strerror(error));
		return error == ENOENT ? ERR_NOT_FOUND : ERR_SYSTEM;
	}
	*pid = child;
	return ERR_OK;
}
