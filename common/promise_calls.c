/*
 * promise_calls: see promise_calls.h.
 *
 * Columns: the call (with all arguments), or with an error, or with one or two conditions on its
 * arguments. What has no row ends the process. Calls that only older machines have (x86's open,
 * poll, ...) are a table of their own, used where they exist.
 */
#include "promise_calls.h"

#include <asm/ioctls.h>
#include <asm/termbits.h>
#include <errno.h>
#include <linux/fcntl.h>
#include <linux/netlink.h>
#include <linux/gpio.h>
#include <linux/sched.h>
#include <linux/usbdevice_fs.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "auto.h"

#define AF_UNIX_ 1
#define AF_INET_ 2
#define AF_INET6_ 10
#define AF_NETLINK_ 16
#define WRITING (O_ACCMODE | O_CREAT | O_TRUNC | O_APPEND | (O_TMPFILE & ~O_DIRECTORY))
#define THREAD (CLONE_VM | CLONE_SIGHAND | CLONE_THREAD)
#define NAMESPACES \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | \
	    CLONE_NEWPID | CLONE_NEWNET)

#define CALL(name) {#name, SYS_##name, 0, {{0}}}
#define FAILS(name, error) {#name, SYS_##name, error, {{0}}}
#define CALL_IF(name, test, arg, value) {#name, SYS_##name, 0, {{SECCOMP_##test, arg, value}}}
#define CALL_IF2(name, t1, a1, v1, t2, a2, v2) \
	{#name, SYS_##name, 0, {{SECCOMP_##t1, a1, v1}, {SECCOMP_##t2, a2, v2}}}
#define FAILS_IF(name, error, test, arg, value) \
	{#name, SYS_##name, error, {{SECCOMP_##test, arg, value}}}
#define IOCTL(command) CALL_IF(ioctl, EQUALS, 1, command)
#define FCNTL(command) CALL_IF(fcntl, EQUALS, 1, command)
#define END {NULL, 0, 0, {{0}}}

/* A call that only older machines have, the same with conditions; nothing on the others. */
#ifdef SYS_open
#define OLD(name) CALL(name),
#define OLD_IF(name, test, arg, value) CALL_IF(name, test, arg, value),
#else
#define OLD(name)
#define OLD_IF(name, test, arg, value)
#endif

/* clang-format off */
static const struct seccomp_row base[] = {
	CALL(read), CALL(write), CALL(readv), CALL(writev), CALL(pread64), CALL(close), CALL(lseek),
	CALL(fstat), CALL(newfstatat), CALL(statx), OLD(stat) OLD(lstat)
	OLD(poll) CALL(ppoll), OLD(select) CALL(pselect6),
	CALL(brk), CALL(munmap), CALL(mremap), CALL(madvise),
	CALL_IF(mmap,           LACKS,  2, PROT_EXEC),
	CALL_IF(mprotect,       LACKS,  2, PROT_EXEC),
	CALL(futex), CALL(set_robust_list), CALL(rseq), CALL(sched_yield), CALL(sched_getaffinity),
	CALL(getpid), CALL(gettid), CALL(getppid),
	CALL(getuid), CALL(geteuid), CALL(getgid), CALL(getegid),
	CALL(clock_gettime), CALL(clock_getres), CALL(clock_nanosleep), CALL(nanosleep),
	CALL(gettimeofday), OLD(time)
	CALL(restart_syscall), CALL(rt_sigreturn), CALL(rt_sigprocmask), CALL(rt_sigaction),
	CALL(sigaltstack),
	CALL(exit), CALL(exit_group),
	CALL_IF(tgkill,         SELF,   0, 0), /* abort() */
	CALL(clock_adjtime), OLD(adjtimex) /* is the clock set? changing it needs a privilege */
	CALL(getrandom), CALL(sysinfo), CALL(uname),
	FCNTL(F_GETFL), FCNTL(F_SETFL), FCNTL(F_GETFD), FCNTL(F_SETFD), FCNTL(F_DUPFD_CLOEXEC),
	IOCTL(TCGETS), /* stdio asks whether it writes to a terminal */
	END,
};

/* No address goes with what is sent: a datagram of a session reaches its own device only. */
static const struct seccomp_row channel[] = {
	CALL_IF(sendto,         EQUALS, 5, 0),
	CALL(recvfrom), CALL(shutdown),
	CALL_IF2(getsockopt,    EQUALS, 1, SOL_SOCKET,  EQUALS, 2, SO_TYPE),
	END,
};

static const struct seccomp_row bus[] = {
	CALL(epoll_create1), CALL(epoll_ctl), OLD(epoll_wait) CALL(epoll_pwait), CALL(eventfd2),
	CALL(sendto), CALL(recvfrom), CALL(sendmsg), CALL(recvmsg), CALL(shutdown),
	CALL(getpeername), CALL(getsockname), CALL(getsockopt), CALL(setsockopt),
	CALL(accept4), CALL(connect), CALL(signalfd4),
	CALL_IF(socket,         EQUALS, 0, AF_UNIX_),
	CALL_IF(socketpair,     EQUALS, 0, AF_UNIX_),
	CALL_IF(prctl,          EQUALS, 0, PR_SET_NAME),
	/* its threads may still be starting when the filter comes */
	CALL(sched_getparam), CALL(sched_getscheduler), CALL(sched_setscheduler),
	END,
};

static const struct seccomp_row reader[] = {
	CALL_IF(openat,         LACKS,  2, WRITING),
	OLD_IF(open,            LACKS,  1, WRITING)
	OLD(access) CALL(faccessat), CALL(faccessat2), OLD(readlink) CALL(readlinkat),
	CALL(getdents64), CALL(statfs), CALL(fstatfs), CALL(fadvise64),
	END,
};

static const struct seccomp_row files[] = {
	CALL(openat), CALL(openat2), OLD(open)
	OLD(access) CALL(faccessat), CALL(faccessat2), OLD(readlink) CALL(readlinkat),
	CALL(getcwd), CALL(getdents64), CALL(statfs), CALL(fstatfs), CALL(fadvise64),
	CALL(pwrite64), CALL(fsync), CALL(fdatasync), CALL(ftruncate), CALL(fallocate),
	CALL(flock), CALL(fchmod), CALL(umask), CALL(utimensat), CALL(fchown),
	OLD(mkdir) CALL(mkdirat), OLD(unlink) OLD(rmdir) CALL(unlinkat), CALL(linkat),
	OLD(rename) CALL(renameat), CALL(renameat2),
	FCNTL(F_SETLK), FCNTL(F_SETLKW), FCNTL(F_GETLK), FCNTL(F_OFD_SETLK), FCNTL(F_OFD_GETLK),
	CALL(msync), /* SQLite's shared memory */
	END,
};

static const struct seccomp_row network[] = {
	CALL_IF(socket,         EQUALS, 0, AF_INET_),
	CALL_IF(socket,         EQUALS, 0, AF_INET6_),
	FAILS_IF(socket, EACCES, EQUALS, 0, AF_UNIX_),    /* a name service cache */
	FAILS_IF(socket, EACCES, EQUALS, 0, AF_NETLINK_), /* own addresses, for their order */
	CALL_IF(socketpair,     EQUALS, 0, AF_UNIX_),     /* a thread's wake-up */
	OLD(pipe) CALL(pipe2), CALL(eventfd2),
	CALL(connect), CALL(getpeername), CALL(getsockname), CALL(getsockopt), CALL(setsockopt),
	CALL(sendto), CALL(recvfrom), CALL(sendmsg), CALL(recvmsg), CALL(sendmmsg), CALL(shutdown),
	IOCTL(FIONREAD), IOCTL(FIONBIO),
	FAILS_IF(mmap, EACCES,  HAS,    2, PROT_EXEC), /* a resolver's plug-in: not here */
	END,
};

static const struct seccomp_row threads[] = {
	FAILS(clone3, ENOSYS), /* its flags cannot be seen; libc then takes clone */
	CALL_IF(clone,          HAS,    0, THREAD),
	CALL_IF(prctl,          EQUALS, 0, PR_SET_NAME),
	CALL(sched_getparam), CALL(sched_getscheduler),
	END,
};

static const struct seccomp_row courier[] = {
	CALL(pwrite64), CALL(ftruncate), CALL(fsync), CALL(fdatasync), CALL(sync_file_range),
	END,
};

/* A directory of links comes with its first device. */
static const struct seccomp_row plug[] = {
	CALL(inotify_add_watch),
	END,
};

static const struct seccomp_row line[] = {
	IOCTL(TCGETS2), IOCTL(TCSETS), IOCTL(TCSETSW), IOCTL(TCSETSF),
	IOCTL(TCSETS2), IOCTL(TCSETSW2), IOCTL(TCSETSF2), IOCTL(TCFLSH), IOCTL(TCSBRK), IOCTL(TCSBRKP),
	IOCTL(TIOCEXCL), IOCTL(TIOCNXCL), IOCTL(TIOCMGET), IOCTL(TIOCMSET), IOCTL(TIOCMBIS),
	IOCTL(TIOCMBIC), IOCTL(TIOCOUTQ), IOCTL(FIONREAD), IOCTL(TIOCGSERIAL), IOCTL(TIOCSSERIAL),
	IOCTL(GPIO_V2_LINE_SET_VALUES_IOCTL), /* of lines that were requested before: pins of a device */
	END,
};

/* What programs that write devices need: files (Landlock says which), threads, children of their
 * own, USB with word of what is plugged in. */
static const struct seccomp_row flasher[] = {
	CALL(openat), OLD(open) CALL(getcwd), FCNTL(F_SETLK), FCNTL(F_GETLK), FCNTL(F_DUPFD),
	FAILS(clone3, ENOSYS),
	CALL_IF(clone,          HAS,    0, THREAD),
	CALL_IF2(clone,         LACKS,  0, NAMESPACES,  HAS, 0, SIGCHLD),
	OLD(vfork) CALL(execve), CALL(wait4), CALL(waitid), CALL(rt_sigsuspend), CALL(rt_sigtimedwait),
	OLD(pause) OLD(alarm) CALL(setitimer), OLD(getpgrp) CALL(getpgid), CALL(getrusage), CALL(times),
	OLD(pipe) CALL(pipe2), CALL(dup), CALL(dup3), OLD(dup2) CALL(close_range),
	CALL_IF(mmap,           HAS,    2, PROT_EXEC),
	CALL_IF(mprotect,       HAS,    2, PROT_EXEC),
	OLD(arch_prctl) CALL(set_tid_address), CALL(prlimit64), OLD(getrlimit)
	CALL_IF(prctl,          EQUALS, 0, PR_SET_NAME),
	CALL_IF2(socket,        EQUALS, 0, AF_NETLINK_, EQUALS, 2, NETLINK_KOBJECT_UEVENT),
	CALL(bind), CALL(getsockname), CALL(getsockopt), CALL(setsockopt), CALL(recvfrom),
	CALL(recvmsg), CALL(eventfd2), CALL(timerfd_create), CALL(timerfd_settime),
	CALL(timerfd_gettime), CALL(epoll_create1), CALL(epoll_ctl), OLD(epoll_wait) CALL(epoll_pwait),
	IOCTL(USBDEVFS_CONTROL), IOCTL(USBDEVFS_BULK), IOCTL(USBDEVFS_SETINTERFACE),
	IOCTL(USBDEVFS_SETCONFIGURATION), IOCTL(USBDEVFS_GETDRIVER), IOCTL(USBDEVFS_SUBMITURB),
	IOCTL(USBDEVFS_DISCARDURB), IOCTL(USBDEVFS_REAPURB), IOCTL(USBDEVFS_REAPURBNDELAY),
	IOCTL(USBDEVFS_CLAIMINTERFACE), IOCTL(USBDEVFS_RELEASEINTERFACE), IOCTL(USBDEVFS_IOCTL),
	IOCTL(USBDEVFS_RESET), IOCTL(USBDEVFS_CLEAR_HALT), IOCTL(USBDEVFS_GET_CAPABILITIES),
	IOCTL(USBDEVFS_DISCONNECT_CLAIM), IOCTL(USBDEVFS_GET_SPEED),
	IOCTL(TIOCGWINSZ), IOCTL(FIOCLEX), IOCTL(FIONBIO), IOCTL(TIOCSBRK), IOCTL(TIOCCBRK),
	END,
};

/* Who starts them: a group for each, and an image in memory that nobody can change. */
static const struct seccomp_row launcher[] = {
	CALL_IF2(setpgid,       EQUALS, 0, 0,           EQUALS, 1, 0),
	CALL(memfd_create), FCNTL(F_ADD_SEALS),
	END,
};

/* Descriptors for those that are to be born. */
static const struct seccomp_row births[] = {
	CALL(recvmsg),
	END,
};

/* A child inherits the filter: this is also what a program needs until it has locked itself in. */
static const struct seccomp_row parent[] = {
	FAILS(clone3, ENOSYS),
	CALL_IF2(clone,         LACKS,  0, NAMESPACES,  HAS, 0, SIGCHLD),
	OLD(vfork) CALL(execve), CALL(wait4), CALL(waitid), CALL(kill),
	CALL_IF(openat,         EQUALS, 2, O_RDWR), /* /dev/null */
	CALL(socketpair), CALL(pipe2), CALL(dup3), OLD(dup2) FCNTL(F_DUPFD), CALL(close_range),
	CALL_IF(mmap,           HAS,    2, PROT_EXEC), /* the child's libraries */
	CALL_IF(mprotect,       HAS,    2, PROT_EXEC),
	OLD(arch_prctl) CALL(set_tid_address), CALL(capget), CALL(capset),
	OLD(access) CALL(faccessat), CALL(prlimit64), OLD(getrlimit) OLD(setrlimit)
	CALL_IF(prctl,          EQUALS, 0, PR_SET_PDEATHSIG),
	CALL_IF2(prctl,         EQUALS, 0, PR_SET_DUMPABLE, EQUALS, 1, 0),
	CALL_IF(prctl,          EQUALS, 0, PR_SET_NO_NEW_PRIVS),
	CALL_IF(prctl,          EQUALS, 0, PR_CAP_AMBIENT),
	CALL(seccomp), CALL(landlock_create_ruleset), CALL(landlock_add_rule),
	CALL(landlock_restrict_self),
	END,
};
/* clang-format on */

const struct seccomp_set promise_calls_base = {"base", base};
const struct seccomp_set promise_calls_channel = {"channel", channel};
const struct seccomp_set promise_calls_bus = {"bus", bus};
const struct seccomp_set promise_calls_reader = {"reader", reader};
const struct seccomp_set promise_calls_files = {"files", files};
const struct seccomp_set promise_calls_network = {"network", network};
const struct seccomp_set promise_calls_threads = {"threads", threads};
const struct seccomp_set promise_calls_courier = {"open file", courier};
const struct seccomp_set promise_calls_plug = {"hot-plug", plug};
const struct seccomp_set promise_calls_line = {"line", line};
const struct seccomp_set promise_calls_flasher = {"flasher", flasher};
const struct seccomp_set promise_calls_launcher = {"launcher", launcher};
const struct seccomp_set promise_calls_births = {"births", births};
const struct seccomp_set promise_calls_parent = {"parent", parent};
