/*
 * seccomp: filters made from tables, run through a small interpreter of the same instructions, and
 * through the kernel in a child. And what the promises' tables must and must not allow.
 */
#include "seccomp.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <netinet/in.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "auto.h"
#include "promise.h"

enum { SELF = 4711, ARCH_OTHER = 0x40000003 };

#define ROW(nr, error, ...) {"row", nr, error, {__VA_ARGS__}}
#define END {NULL, 0, 0, {{0}}}

/* --- a filter, without the kernel ------------------------------------------------------------- */

/* What a program returns for this call. */
static uint32_t
judge(const struct sock_filter *p, size_t n, const struct seccomp_data *d)
{
	uint32_t a = 0;

	for (size_t i = 0; i < n; i++) {
		bool yes = false;

		switch (p[i].code) {
		case BPF_LD | BPF_W | BPF_ABS:
			cr_assert_leq(p[i].k, sizeof(*d) - 4);
			memcpy(&a, (const char *)d + p[i].k, 4);
			continue;
		case BPF_ALU | BPF_AND | BPF_K:
			a &= p[i].k;
			continue;
		case BPF_RET | BPF_K:
			return p[i].k;
		case BPF_JMP | BPF_JEQ | BPF_K:
			yes = a == p[i].k;
			break;
		case BPF_JMP | BPF_JGE | BPF_K:
			yes = a >= p[i].k;
			break;
		case BPF_JMP | BPF_JSET | BPF_K:
			yes = (a & p[i].k) != 0;
			break;
		default:
			cr_assert_fail("instruction %#x", p[i].code);
		}
		i += yes ? p[i].jt : p[i].jf;
	}
	cr_assert_fail("ran over the end");
	return 0;
}

static uint32_t
ask(const struct seccomp_set *const *sets, int nr, uint64_t a0, uint64_t a1, uint64_t a2)
{
	struct sock_filter text[SECCOMP_PROGRAM_MAX];
	struct seccomp_data d = {.nr = nr, .arch = AUDIT_ARCH_X86_64, .args = {a0, a1, a2}};
	size_t n = 0;

	cr_assert_eq(seccomp_program(sets, SELF, text, &n), ERR_OK);
	memcpy(&d.arch, &text[1].k, sizeof(d.arch)); /* this machine's */
	return judge(text, n, &d);
}

static const struct seccomp_row first_rows[] = {
    ROW(3, 0, {0}),
    ROW(5, 0, {SECCOMP_EQUALS, 1, 7}),
    ROW(5, 0, {SECCOMP_EQUALS, 1, 9}, {SECCOMP_EQUALS, 0, 1}),
    ROW(6, 0, {SECCOMP_LACKS, 2, 4}),
    ROW(8, EACCES, {SECCOMP_EQUALS, 0, 16}),
    ROW(9, ENOSYS, {0}),
    ROW(10, 0, {SECCOMP_SELF, 0, 0}),
    END,
};
static const struct seccomp_row second_rows[] = {
    ROW(6, EPERM, {SECCOMP_HAS, 2, 5}),
    ROW(8, 0, {SECCOMP_HAS, 0, 3}),
    END,
};
static const struct seccomp_set first = {"first", first_rows};
static const struct seccomp_set second = {"second", second_rows};
static const struct seccomp_set *const both[] = {&first, &second, NULL};

Test(seccomp, allows_what_has_a_row_and_kills_for_the_rest)
{
	cr_expect_eq(ask(both, 3, 1, 2, 3), SECCOMP_RET_ALLOW);
	cr_expect_eq(ask(both, 4, 0, 0, 0), SECCOMP_RET_KILL_PROCESS);
	cr_expect_eq(ask(both, 9, 0, 0, 0), SECCOMP_RET_ERRNO | ENOSYS);
}

Test(seccomp, looks_at_arguments)
{
	cr_expect_eq(ask(both, 5, 0, 7, 0), SECCOMP_RET_ALLOW);
	cr_expect_eq(ask(both, 5, 0, 8, 0), SECCOMP_RET_KILL_PROCESS);
	cr_expect_eq(ask(both, 5, 1, 9, 0), SECCOMP_RET_ALLOW, "the second row");
	cr_expect_eq(ask(both, 5, 2, 9, 0), SECCOMP_RET_KILL_PROCESS, "both conditions");
	cr_expect_eq(ask(both, 10, SELF, 0, 0), SECCOMP_RET_ALLOW);
	cr_expect_eq(ask(both, 10, SELF + 1, 0, 0), SECCOMP_RET_KILL_PROCESS);
}

Test(seccomp, joins_the_rows_of_all_sets)
{
	cr_expect_eq(ask(both, 6, 0, 0, 3), SECCOMP_RET_ALLOW);
	cr_expect_eq(ask(both, 6, 0, 0, 4), SECCOMP_RET_KILL_PROCESS);
	cr_expect_eq(ask(both, 6, 0, 0, 5), SECCOMP_RET_ERRNO | EPERM);
	cr_expect_eq(ask(both, 8, 19, 0, 0), SECCOMP_RET_ALLOW);
	cr_expect_eq(ask(both, 8, 16, 0, 0), SECCOMP_RET_ERRNO | EACCES);
}

Test(seccomp, kills_for_another_machines_calls)
{
	struct sock_filter text[SECCOMP_PROGRAM_MAX];
	struct seccomp_data other = {.nr = 3, .arch = ARCH_OTHER};
	size_t n = 0;

	cr_assert_eq(seccomp_program(both, SELF, text, &n), ERR_OK);
	cr_expect_eq(judge(text, n, &other), SECCOMP_RET_KILL_PROCESS);
	cr_expect_eq(ask(both, 3 | 0x40000000, 0, 0, 0), SECCOMP_RET_KILL_PROCESS, "x32");
}

Test(seccomp, says_when_a_list_is_too_long)
{
	static struct seccomp_row many[SECCOMP_PROGRAM_MAX / 2 + 1];
	struct sock_filter text[SECCOMP_PROGRAM_MAX];
	size_t n = 0;

	for (int i = 0; i < SECCOMP_PROGRAM_MAX / 2; i++)
		many[i] = (struct seccomp_row){"row", i, 0, {{0}}};
	const struct seccomp_set set = {"many", many};
	const struct seccomp_set *const sets[] = {&set, NULL};
	cr_expect_eq(seccomp_program(sets, SELF, text, &n), ERR_LIMIT);
}

/* --- the promises ----------------------------------------------------------------------------- */

static const struct seccomp_set *const *
calls_of(const char *name)
{
	const struct sandbox_promise *p = promise_find(name);

	cr_assert(p && p->calls, "%s", name);
	return p->calls;
}

/* Where programs of somebody else write devices: an image in memory, and libusb's word of what is
 * plugged in. */
static bool
is_for_flashers(const char *name, int call)
{
	bool may = strcmp(name, "flashd-nursery+exec") == 0 || strcmp(name, "exec") == 0;

	return (call == SYS_memfd_create && may) ||
	       (call == SYS_bind && (may || strcmp(name, "flasher") == 0));
}

Test(promise, lets_nobody_do_what_no_process_needs)
{
	static const int never[] = {SYS_ptrace, SYS_process_vm_readv, SYS_process_vm_writev,
	    SYS_execveat, SYS_mount, SYS_umount2, SYS_unshare, SYS_setns, SYS_bpf,
	    SYS_io_uring_setup, SYS_userfaultfd, SYS_perf_event_open, SYS_keyctl, SYS_setuid,
	    SYS_setresuid, SYS_memfd_create, SYS_init_module, SYS_reboot, SYS_bind, SYS_listen,
	    SYS_personality};
	size_t n = 0;
	const struct sandbox_promise *rows = promise_rows(&n);

	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; rows[i].calls && k < sizeof(never) / sizeof(never[0]); k++)
			cr_expect_eq(ask(rows[i].calls, never[k], 0, 0, 0),
			    is_for_flashers(rows[i].name, never[k]) ? SECCOMP_RET_ALLOW
								    : SECCOMP_RET_KILL_PROCESS,
			    "%s: call %d", rows[i].name, never[k]);
}

Test(promise, lets_only_nurseries_start_a_program)
{
	static const char *const nurseries[] = {
	    "fetchd-nursery", "flashd-nursery", "flashd-nursery+exec"};
	static const char *const others[] = {"cloudd", "fetchd", "courier", "flashd", "session"};

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		cr_expect_eq(ask(calls_of(others[i]), SYS_execve, 0, 0, 0),
		    SECCOMP_RET_KILL_PROCESS, "%s", others[i]);
		cr_expect_neq(ask(calls_of(others[i]), SYS_clone, SIGCHLD, 0, 0), SECCOMP_RET_ALLOW,
		    "%s", others[i]);
		cr_expect_neq(ask(calls_of(others[i]), SYS_mmap, 0, 4096, PROT_EXEC),
		    SECCOMP_RET_ALLOW, "%s", others[i]);
	}
	for (size_t i = 0; i < sizeof(nurseries) / sizeof(nurseries[0]); i++) {
		cr_expect_eq(ask(calls_of(nurseries[i]), SYS_execve, 0, 0, 0), SECCOMP_RET_ALLOW,
		    "%s", nurseries[i]);
		cr_expect_eq(ask(calls_of(nurseries[i]), SYS_clone, SIGCHLD | 0x10000000, 0, 0),
		    SECCOMP_RET_KILL_PROCESS, "%s: with a user namespace", nurseries[i]);
	}
}

/* What a program inherits can only be less than what who starts it has. */
Test(promise, lets_a_flasher_do_nothing_that_those_who_start_it_may_not)
{
	static const int calls[] = {SYS_openat, SYS_execve, SYS_bind, SYS_timerfd_create,
	    SYS_getcwd, SYS_pipe2, SYS_wait4, SYS_eventfd2, SYS_readlinkat, SYS_prlimit64,
	    SYS_dup3};

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		cr_expect_eq(ask(calls_of("flasher"), calls[i], 0, 0, 0), SECCOMP_RET_ALLOW);
		cr_expect_eq(ask(calls_of("exec"), calls[i], 0, 0, 0), SECCOMP_RET_ALLOW);
		cr_expect_eq(
		    ask(calls_of("flashd-nursery+exec"), calls[i], 0, 0, 0), SECCOMP_RET_ALLOW);
	}
	cr_expect_eq(ask(calls_of("flasher"), SYS_kill, 0, 0, 0), SECCOMP_RET_KILL_PROCESS);
	cr_expect_eq(ask(calls_of("flasher"), SYS_setpgid, 0, 0, 0), SECCOMP_RET_KILL_PROCESS);
	cr_expect_eq(ask(calls_of("flasher"), SYS_setsid, 0, 0, 0), SECCOMP_RET_KILL_PROCESS);
	cr_expect_eq(ask(calls_of("flasher"), SYS_socket, AF_INET, 0, 0), SECCOMP_RET_KILL_PROCESS);
	cr_expect_eq(ask(calls_of("flasher"), SYS_socket, AF_UNIX, 0, 0), SECCOMP_RET_KILL_PROCESS);
	cr_expect_eq(ask(calls_of("exec"), SYS_socket, AF_UNIX, 0, 0), SECCOMP_RET_KILL_PROCESS);
}

Test(promise, lets_a_session_open_nothing_and_a_courier_write_nothing)
{
	cr_expect_eq(ask(calls_of("session"), SYS_openat, 0, 0, 0), SECCOMP_RET_KILL_PROCESS);
	cr_expect_eq(
	    ask(calls_of("session"), SYS_socket, AF_UNIX, 0, 0), SECCOMP_RET_KILL_PROCESS);
	cr_expect_eq(ask(calls_of("courier"), SYS_openat, 0, 0, 0), SECCOMP_RET_ALLOW);
	cr_expect_eq(ask(calls_of("courier"), SYS_openat, 0, 0, 1), SECCOMP_RET_KILL_PROCESS);
	cr_expect_eq(ask(calls_of("courier"), SYS_openat, 0, 0, 0100), SECCOMP_RET_KILL_PROCESS);
}

Test(promise, lets_only_the_network_processes_have_a_network)
{
	cr_expect_eq(ask(calls_of("dialer"), SYS_socket, AF_INET, 0, 0), SECCOMP_RET_ALLOW);
	cr_expect_eq(ask(calls_of("cloudd"), SYS_socket, AF_INET, 0, 0), SECCOMP_RET_KILL_PROCESS);
	cr_expect_eq(ask(calls_of("courier"), SYS_socket, AF_INET6, 0, 0), SECCOMP_RET_ALLOW);
	cr_expect_eq(ask(calls_of("fetchd"), SYS_socket, AF_INET, 0, 0), SECCOMP_RET_KILL_PROCESS);
	cr_expect_eq(ask(calls_of("flashd"), SYS_socket, AF_INET, 0, 0), SECCOMP_RET_KILL_PROCESS);
	cr_expect_eq(
	    ask(calls_of("courier"), SYS_socket, AF_UNIX, 0, 0), SECCOMP_RET_ERRNO | EACCES);
}

/* --- the kernel ------------------------------------------------------------------------------- */

extern void __asan_init(void) __attribute__((weak));

static int
in_child(void (*fn)(void))
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		fn();
		_exit(0);
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void
open_a_file(void)
{
	if (seccomp_enter(calls_of("session")) != ERR_OK)
		_exit(10);
	if (write(-1, "", 1) >= 0 || errno != EBADF)
		_exit(11);
	(void)!syscall(SYS_openat, -1, "/", 0, 0);
}

Test(seccomp, is_obeyed_by_the_kernel)
{
	if (!__asan_init)
		cr_expect_eq(in_child(open_a_file), 128 + SIGSYS);
}

/* A connected socket, as a session inherits it, and the attempt to use it for another address. */
static void
use_link_for(int what)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
	    .sin_port = htons(9),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct iovec bytes = {(void *)(uintptr_t) "x", 1};
	struct msghdr m = {
	    .msg_name = &to, .msg_namelen = sizeof(to), .msg_iov = &bytes, .msg_iovlen = 1};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0 ||
	    seccomp_enter(calls_of("session")) != ERR_OK)
		_exit(10);
	if (what == 0 && send(fd, "x", 1, 0) == 1)
		_exit(0);
	if (what == 1)
		(void)!sendto(fd, "x", 1, 0, (struct sockaddr *)&to, sizeof(to));
	if (what == 2)
		(void)!sendmsg(fd, &m, 0);
	if (what == 3)
		(void)!connect(fd, (struct sockaddr *)&to, sizeof(to));
	_exit(11);
}

static void use_link_as_meant(void) { use_link_for(0); }
static void name_an_address(void) { use_link_for(1); }
static void hide_an_address(void) { use_link_for(2); }
static void connect_anew(void) { use_link_for(3); }

Test(seccomp, a_session_sends_to_its_own_device_only)
{
	if (__asan_init)
		return;
	cr_expect_eq(in_child(use_link_as_meant), 0);
	cr_expect_eq(in_child(name_an_address), 128 + SIGSYS);
	cr_expect_eq(in_child(hide_an_address), 128 + SIGSYS);
	cr_expect_eq(in_child(connect_anew), 128 + SIGSYS);
}

static void *
open_when_told(void *arg)
{
	char byte;

	(void)!read(*(int *)arg, &byte, 1);
	(void)!syscall(SYS_openat, -1, "/", 0, 0);
	return NULL;
}

static void
open_in_an_older_thread(void)
{
	pthread_t thread;
	int pipes[2];

	if (pipe(pipes) < 0 || pthread_create(&thread, NULL, open_when_told, &pipes[0]) != 0)
		_exit(10);
	if (seccomp_enter(calls_of("session")) != ERR_OK)
		_exit(11);
	(void)!write(pipes[1], "x", 1);
	pthread_join(thread, NULL);
}

Test(seccomp, binds_threads_that_were_there_before)
{
	if (!__asan_init)
		cr_expect_eq(in_child(open_in_an_older_thread), 128 + SIGSYS);
}

static void
abort_inside(void)
{
	if (seccomp_enter(calls_of("session")) != ERR_OK)
		_exit(10);
	abort();
}

Test(seccomp, leaves_an_abort_readable)
{
	if (!__asan_init)
		cr_expect_eq(in_child(abort_inside), 128 + SIGABRT);
}
