/*
 * attempt_rows: the table of attempts. Columns: what it is; for whom it is meant to succeed; its
 * system calls. An attempt that does not succeed in a process of root without any jail cannot be
 * tested on this kernel, and is reported as such.
 */
#include <fcntl.h>
#include <linux/gpio.h>
#include <linux/netlink.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "attempt.h"
#include "landlock.h"

#define C ATTEMPT_CLOUDD
#define DI ATTEMPT_DIALER
#define F ATTEMPT_FETCHD
#define K ATTEMPT_COURIER
#define L ATTEMPT_FLASHD
#define D ATTEMPT_NURSERY
#define E ATTEMPT_EXEC
#define X ATTEMPT_FLASHER
#define S ATTEMPT_FLASH_NURSERY
#define SX ATTEMPT_EXEC_NURSERY

#define N(n) {ATTEMPT_NUMBER, (long)(n), NULL}
#define T(text) {ATTEMPT_TEXT, 0, text}
#define P(place) {ATTEMPT_PID, 0, place}
#define TCP(place) {ATTEMPT_TCP, 0, place}
#define UNIX(place) {ATTEMPT_UNIX, 0, place}
#define ABSTRACT(name) {ATTEMPT_UNIX, 1, name}
#define NETLINK(groups) {ATTEMPT_NETLINK, groups, NULL}
#define OWN(family) {ATTEMPT_OWN, family, NULL}
#define BEFORE {ATTEMPT_RESULT, 0, NULL}
#define ROOM {ATTEMPT_ROOM, 0, NULL}
#define ONES {ATTEMPT_ROOM, 1, NULL}

#define CALL(name, ...) {SYS_##name, {__VA_ARGS__}}
#define NONE {-1, {{0, 0, NULL}}}
#define ONE(...) {CALL(__VA_ARGS__), NONE}
#define OPEN(path, flags) ONE(openat, N(AT_FDCWD), T(path), N(flags), N(0600))
#define SOCKET(family, type, protocol) CALL(socket, N(family), N(type), N(protocol))
#define CONNECT(family, type, to) \
	{SOCKET(family, (type) | SOCK_NONBLOCK, 0), CALL(connect, BEFORE, to, N(16))}
/* as flashd does with the sockets of its links */
#define CONNECT_OWN(to) \
	{CALL(connect, OWN(AF_INET), ROOM, N(16)), CALL(connect, OWN(AF_INET), to, N(16))}
#define HOT_PLUG SOCKET(AF_NETLINK, SOCK_RAW, NETLINK_KOBJECT_UEVENT)
#define CONNECT_UNIX(path) \
	{SOCKET(AF_UNIX, SOCK_STREAM, 0), CALL(connect, BEFORE, UNIX(path), N(110))}

/* clang-format off */
static const struct attempt rows[] = {
	/* files */
	{"write cloudd's records",            C, OPEN("$state/cloudd/cloudd.db", O_RDWR)},
	{"write the gate's records",          F, OPEN("$state/fetchd/fetchd.db", O_RDWR)},
	{"write flashd's records",            L, OPEN("$state/flashd/flashd.db", O_RDWR)},
	{"read the product secrets",          0, OPEN("$dir/secrets", O_RDONLY)},
	{"read /etc/shadow",                  0, OPEN("/etc/shadow", O_RDONLY)},
	{"read the configuration",            0, OPEN("$dir/subota.conf", O_RDONLY)},
	{"read a trust anchor",               F | L, OPEN("$trust/root.1", O_RDONLY)},
	{"cut off a trust anchor",            0, OPEN("$trust/spare", O_RDONLY | O_TRUNC)},
	{"write a trust anchor",              0, OPEN("$trust/root.1", O_WRONLY)},
	{"make a file in the image store",    F, OPEN("$store/escape", O_RDWR | O_CREAT)},
	{"write a file in the drop directory", 0, OPEN("$state/drop/escape", O_RDWR | O_CREAT)},
	{"make a file in /tmp",               0, OPEN("/tmp", O_RDWR | O_TMPFILE)},
	{"list /",                            0, OPEN("/", O_RDONLY | O_DIRECTORY)},
	{"change a file's mode by its name",  0, ONE(fchmodat, N(AT_FDCWD), T("$trust/root.1"), N(0644))},
	{"open the serial line",              L, OPEN("$line", O_RDWR | O_NOCTTY | O_NONBLOCK)},
	{"open the line of a flasher program", L | SX | E | X, OPEN("$flasher_line", O_RDWR | O_NOCTTY | O_NONBLOCK)},
	{"type into its own line",             0, {CALL(openat, N(AT_FDCWD), T("$line"), N(O_RDWR | O_NOCTTY | O_NONBLOCK)),
		CALL(ioctl, BEFORE, N(TIOCSTI), T("x"))}},
	{"write the kernel's log",             0, OPEN("/dev/kmsg", O_WRONLY)},
	/* other processes */
	{"open a sibling's memory",           0, OPEN("$sibproc/mem", O_RDWR)},
	{"read a sibling's environment",      0, OPEN("$sibproc/environ", O_RDONLY)},
	{"trace a sibling",                   0, ONE(ptrace, N(PTRACE_SEIZE), P("$sibling"), N(0), N(0))},
	{"read a sibling's memory",           0, ONE(process_vm_readv, P("$sibling"), N(0), N(0), N(0), N(0), N(0))},
	{"signal a sibling",                  0, ONE(kill, P("$sibling"), N(0))},
	{"signal the parent",                 0, ONE(kill, P("$parent"), N(0))},
	/* the network */
	{"TCP to the platform",               DI | D, CONNECT(AF_INET, SOCK_STREAM, TCP("$broker"))},
	{"TCP to the package server",         K | D, CONNECT(AF_INET, SOCK_STREAM, TCP("$server"))},
	{"TCP to another port",               D, CONNECT(AF_INET, SOCK_STREAM, TCP("$other"))},
	{"UDP",                               DI | K | D, CONNECT(AF_INET, SOCK_DGRAM, TCP("$other"))},
	{"bind a TCP port",                   0, {SOCKET(AF_INET, SOCK_STREAM, 0), CALL(bind, BEFORE, TCP("0"), N(16))}},
	{"own TCP socket to its port",        DI | K | L, CONNECT_OWN(TCP("$own"))}, /* flashd's: of a device */
	{"own TCP socket to another port",    0, CONNECT_OWN(TCP("$other"))},
	{"netlink socket",                    0, {SOCKET(AF_NETLINK, SOCK_RAW, 0), NONE}},
	{"hear what is plugged in",           SX | E | X, {HOT_PLUG, CALL(bind, BEFORE, NETLINK(1), N(12))}},
	{"forge that something is plugged in", 0, {HOT_PLUG, CALL(sendto, BEFORE, ROOM, N(16), N(0), NETLINK(2), N(12))}},
	{"packet socket",                     0, {SOCKET(AF_PACKET, SOCK_RAW, 0), NONE}},
	{"raw socket",                        0, {SOCKET(AF_INET, SOCK_RAW, 1), NONE}},
	/* the processes' sockets */
	{"connect to the gate's socket",      C | F, CONNECT_UNIX("$run/fetchd-cloudd/sock")},
	{"connect to flashd's socket",        F | L, CONNECT_UNIX("$run/flashd-fetchd/sock")},
	{"connect to the gate's act socket",  F, CONNECT_UNIX("$run/fetchd-act/sock")},
	{"connect to flashd's act socket",    L, CONNECT_UNIX("$run/flashd-act/sock")},
	{"connect to an abstract socket",     0, {SOCKET(AF_UNIX, SOCK_STREAM, 0),
		CALL(connect, BEFORE, ABSTRACT("$abstract"), N(2 + 1 + 13))}},
	/* other programs, own code */
	{"execute a shell",                   0, ONE(execve, T("/bin/sh"), N(0), N(0))},
	{"start a process",                   D | S | SX | E | X, ONE(clone, N(SIGCHLD), N(0), N(0), N(0), N(0))},
	{"start a process in a user namespace", 0, ONE(clone, N(SIGCHLD | CLONE_NEWUSER), N(0), N(0), N(0), N(0))},
	{"make a nameless executable",        SX | E, ONE(memfd_create, T("x"), N(0))},
	{"map executable memory",             D | S | SX | E | X, ONE(mmap, N(0), N(4096), N(PROT_READ | PROT_EXEC),
		N(MAP_PRIVATE | MAP_ANONYMOUS), N(-1), N(0))},
	/* devices that are not its own: 6 is where a session's GPIO lines are, when it has some */
	{"ask a GPIO chip for a line",        0, ONE(ioctl, N(0), N(GPIO_V2_GET_LINE_IOCTL), ROOM)},
	{"ask a GPIO chip what it is",        0, ONE(ioctl, N(0), N(GPIO_GET_CHIPINFO_IOCTL), ROOM)},
	{"switch a GPIO line without one",    0, ONE(ioctl, N(6), N(GPIO_V2_LINE_SET_VALUES_IOCTL), ROOM)},
	/* the system */
	{"become root",                       0, ONE(setuid, N(0))},
	{"new user namespace",                0, ONE(unshare, N(CLONE_NEWUSER))},
	{"new mount namespace",               0, ONE(unshare, N(CLONE_NEWNS))},
	{"mount",                             0, ONE(mount, T("none"), T("$dir/log"), T("tmpfs"), N(0), N(0))},
	{"change root",                       0, ONE(chroot, T("/"))},
	{"allow itself core dumps",           0, ONE(prlimit64, N(0), N(RLIMIT_CORE), ONES, N(0))},
	{"become dumpable",                   0, ONE(prctl, N(PR_SET_DUMPABLE), N(1))},
	{"change its personality",            0, ONE(personality, N(0x0040000))},
	{"load a BPF program",                0, ONE(bpf, N(0), ROOM, N(64))},
	{"io_uring",                          0, ONE(io_uring_setup, N(4), ROOM)},
	{"userfaultfd",                       0, ONE(userfaultfd, N(O_CLOEXEC))},
	{"perf events",                       0, ONE(perf_event_open, T("\1"), N(0), N(-1), N(-1), N(0))},
	{"key rings",                         0, ONE(keyctl, N(0), N(-4), N(1))},
	{"kernel log",                        0, ONE(syslog, N(10), N(0), N(0))},
	{"a call of the x32 machine",         0, {{SYS_getpid | 0x40000000, {N(0)}}, NONE}},
};

/* What only Landlock denies: which attempt, since which ABI, to whom. Where Landlock is older, the
 * firewall by user denies what is in the table below, too; a container's network has nobody else in it. */
static const struct {
	const char *name;
	int since;
	unsigned who;
} gaps[] = {
	{"TCP to the platform",           LANDLOCK_ABI_PORTS, K},
	{"TCP to the package server",     LANDLOCK_ABI_PORTS, DI},
	{"TCP to another port",           LANDLOCK_ABI_PORTS, DI | K},
	{"own TCP socket to another port", LANDLOCK_ABI_PORTS, DI | K | L},
};

static const struct {
	const char *name;
	unsigned who;
} walled[] = {
	{"TCP to the platform",           K | D},
	{"TCP to the package server",     DI},
	{"TCP to another port",           DI | K | D},
	{"UDP",                           DI | K | D},
	{"own TCP socket to another port", DI | K | L},
};
/* clang-format on */

const struct attempt *
attempt_rows(size_t *n)
{
	*n = sizeof(rows) / sizeof(rows[0]);
	return rows;
}

unsigned
attempt_gap(const struct attempt *a, int abi, int *since)
{
	for (size_t i = 0; i < sizeof(gaps) / sizeof(gaps[0]); i++) {
		if (strcmp(gaps[i].name, a->name) != 0 || abi >= gaps[i].since)
			continue;
		*since = gaps[i].since;
		return gaps[i].who;
	}
	return 0;
}

unsigned
attempt_walled(const struct attempt *a)
{
	for (size_t i = 0; i < sizeof(walled) / sizeof(walled[0]); i++)
		if (strcmp(walled[i].name, a->name) == 0)
			return walled[i].who;
	return 0;
}
