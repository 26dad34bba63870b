/*
 * inject: see inject.h. Order: seize, interrupt, look that the instruction before the stop is
 * `syscall`, then for each call: registers, one single step, result. At the end the registers are
 * put back, and the kernel restarts the call that was interrupted.
 */
#include "inject.h"

#if defined(__x86_64__)

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

enum { RED_ZONE = 1024, ROOM = 8192, TRIES = 50, STEPS = 8 };

struct inject {
	pid_t pid;
	struct user_regs_struct saved;
	uint64_t free; /* next free byte of our room on its stack */
	bool gone;
};

bool
inject_works(void)
{
	return true;
}

static bool
is_at_syscall(struct inject *in)
{
	unsigned char code[2] = {0};
	struct iovec here = {code, 2};
	struct iovec there = {(void *)(uintptr_t)(in->saved.rip - 2), 2};

	return process_vm_readv(in->pid, &here, 1, &there, 1, 0) == 2 && code[0] == 0x0f &&
	       code[1] == 0x05;
}

static bool
stop(struct inject *in)
{
	int status = 0;

	if (ptrace(PTRACE_INTERRUPT, in->pid, 0, 0) != 0 ||
	    waitpid(in->pid, &status, __WALL) != in->pid || !WIFSTOPPED(status))
		return false;
	return ptrace(PTRACE_GETREGS, in->pid, 0, &in->saved) == 0;
}

struct inject *
inject_begin(pid_t pid)
{
	const long options = PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE |
			     PTRACE_O_TRACEEXEC;
	struct inject *in = calloc(1, sizeof(*in));

	if (!in)
		return NULL;
	in->pid = pid;
	if (ptrace(PTRACE_SEIZE, pid, 0, options) != 0) {
		free(in);
		return NULL;
	}
	for (int i = 0; i < TRIES; i++) {
		if (!stop(in))
			break;
		if (is_at_syscall(in)) {
			in->free = (in->saved.rsp - RED_ZONE - ROOM) & ~UINT64_C(63);
			return in;
		}
		ptrace(PTRACE_CONT, pid, 0, 0);
		usleep(2000);
	}
	free(in);
	return NULL;
}

void
inject_finish(struct inject *in)
{
	if (!in)
		return;
	if (!in->gone) {
		ptrace(PTRACE_SETREGS, in->pid, 0, &in->saved);
		ptrace(PTRACE_DETACH, in->pid, 0, 0);
	}
	free(in);
}

uint64_t
inject_put(struct inject *in, const void *bytes, size_t n)
{
	uint64_t at = in->free;
	struct iovec here = {(void *)(uintptr_t)bytes, n};
	struct iovec there = {(void *)(uintptr_t)at, n};

	if (process_vm_writev(in->pid, &here, 1, &there, 1, 0) != (ssize_t)n)
		return 0;
	in->free += (n + 63) & ~(size_t)63;
	return at;
}

/* A process that was just started by the call: nobody needs it. */
static void
kill_new(pid_t parent)
{
	unsigned long child = 0;

	if (ptrace(PTRACE_GETEVENTMSG, parent, 0, &child) != 0 || !child)
		return;
	kill((pid_t)child, SIGKILL);
	waitpid((pid_t)child, NULL, __WALL);
}

/* What the last step came to; true: one more step is needed. */
static bool
look(struct inject *in, int status, enum inject_end *end)
{
	*end = INJECT_LOST;
	if (WIFSIGNALED(status) || WIFEXITED(status)) {
		in->gone = true;
		if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
			*end = INJECT_KILLED;
		return false;
	}
	switch (status >> 16) {
	case PTRACE_EVENT_EXEC:
		kill(in->pid, SIGKILL);
		in->gone = true;
		*end = INJECT_BECAME;
		return false;
	case PTRACE_EVENT_FORK:
	case PTRACE_EVENT_VFORK:
	case PTRACE_EVENT_CLONE:
		kill_new(in->pid);
		return true;
	default:
		*end = INJECT_RETURNED;
		return WSTOPSIG(status) != SIGTRAP;
	}
}

enum inject_end
inject_call(struct inject *in, long nr, const uint64_t args[6], long *result)
{
	struct user_regs_struct r = in->saved;
	enum inject_end end = INJECT_LOST;
	bool more = true;
	int status = 0;

	r.rip -= 2;
	r.orig_rax = (unsigned long long)-1;
	r.rax = (unsigned long long)nr;
	r.rdi = args[0];
	r.rsi = args[1];
	r.rdx = args[2];
	r.r10 = args[3];
	r.r8 = args[4];
	r.r9 = args[5];
	if (in->gone || ptrace(PTRACE_SETREGS, in->pid, 0, &r) != 0)
		return INJECT_LOST;
	for (int i = 0; more && i < STEPS; i++) {
		if (ptrace(PTRACE_SINGLESTEP, in->pid, 0, 0) != 0 ||
		    waitpid(in->pid, &status, __WALL) != in->pid)
			return INJECT_LOST;
		more = look(in, status, &end);
	}
	if (end == INJECT_RETURNED && ptrace(PTRACE_GETREGS, in->pid, 0, &r) == 0)
		*result = (long)r.rax;
	return end;
}

#else

bool
inject_works(void)
{
	return false;
}

struct inject *
inject_begin(pid_t pid)
{
	(void)pid;
	return NULL;
}

void
inject_finish(struct inject *in)
{
	(void)in;
}

uint64_t
inject_put(struct inject *in, const void *bytes, size_t n)
{
	(void)in;
	(void)bytes;
	(void)n;
	return 0;
}

enum inject_end
inject_call(struct inject *in, long nr, const uint64_t args[6], long *result)
{
	(void)in;
	(void)nr;
	(void)args;
	*result = 0;
	return INJECT_LOST;
}

#endif
