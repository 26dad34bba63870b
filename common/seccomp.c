/*
 * seccomp: see seccomp.h.
 *
 * The program is a list of blocks, one per call number: "is it this number? if not, skip the
 * block"; in the block each row tests its arguments and returns, and what falls out of the block is
 * the end. The kernel keeps a bitmap of numbers that are always allowed, so the order costs little.
 */
#include "seccomp.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { BLOCK_MAX = 200, X32_BIT = 0x40000000 };

#if defined(__x86_64__)
static const uint32_t machine = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
static const uint32_t machine = AUDIT_ARCH_AARCH64;
#else
static const uint32_t machine = 0;
#endif

/* Instructions; once one does not fit, `full`. */
struct text {
	struct sock_filter *at;
	size_t n, max;
	bool full;
};

static void
put(struct text *t, uint16_t code, uint8_t yes, uint8_t no, uint32_t k)
{
	if (t->n == t->max) {
		t->full = true;
		return;
	}
	t->at[t->n++] = (struct sock_filter){code, yes, no, k};
}

static void
put_load(struct text *t, size_t offset)
{
	put(t, BPF_LD | BPF_W | BPF_ABS, 0, 0, (uint32_t)offset);
}

static void
put_return(struct text *t, uint32_t what)
{
	put(t, BPF_RET | BPF_K, 0, 0, what);
}

/* --- one call --------------------------------------------------------------------------------- */

/* Where a test that fails goes is not known yet: 0xff, repaired by the caller. */
static void
put_check(struct text *t, const struct seccomp_check *c, uint32_t self)
{
	put_load(t, offsetof(struct seccomp_data, args) + 8 * c->arg);
	switch (c->test) {
	case SECCOMP_LACKS:
		put(t, BPF_JMP | BPF_JSET | BPF_K, 0xff, 0, c->value);
		break;
	case SECCOMP_HAS:
		put(t, BPF_ALU | BPF_AND | BPF_K, 0, 0, c->value);
		put(t, BPF_JMP | BPF_JEQ | BPF_K, 0, 0xff, c->value);
		break;
	case SECCOMP_SELF:
		put(t, BPF_JMP | BPF_JEQ | BPF_K, 0, 0xff, self);
		break;
	case SECCOMP_EQUALS:
	case SECCOMP_ALWAYS:
		put(t, BPF_JMP | BPF_JEQ | BPF_K, 0, 0xff, c->value);
		break;
	}
}

static bool
is_unconditional(const struct seccomp_row *r)
{
	return r->checks[0].test == SECCOMP_ALWAYS;
}

static void
put_row(struct text *t, const struct seccomp_row *r, uint32_t self)
{
	size_t start = t->n;

	for (size_t i = 0; i < 2 && r->checks[i].test != SECCOMP_ALWAYS; i++)
		put_check(t, &r->checks[i], self);
	put_return(
	    t, r->error ? SECCOMP_RET_ERRNO | (uint32_t)r->error : (uint32_t)SECCOMP_RET_ALLOW);
	for (size_t i = start; i < t->n; i++) {
		uint8_t away = (uint8_t)(t->n - i - 1);

		if (t->at[i].jt == 0xff)
			t->at[i].jt = away;
		if (t->at[i].jf == 0xff)
			t->at[i].jf = away;
	}
}

/* --- all rows of all sets --------------------------------------------------------------------- */

struct walk {
	const struct seccomp_set *const *set;
	const struct seccomp_row *row;
};

static const struct seccomp_row *
next(struct walk *w)
{
	while (*w->set) {
		const struct seccomp_row *r = w->row ? w->row : (*w->set)->rows;

		if (r->name) {
			w->row = r + 1;
			return r;
		}
		w->set++;
		w->row = NULL;
	}
	return NULL;
}

static bool
is_first(const struct seccomp_set *const *sets, const struct seccomp_row *row)
{
	struct walk w = {sets, NULL};
	const struct seccomp_row *r = next(&w);

	while (r && r->nr != row->nr)
		r = next(&w);
	return r == row;
}

/* Rows of this number that allow, or those that refuse; true when one has no condition. */
static bool
put_rows(
    struct text *t, const struct seccomp_set *const *sets, int nr, bool refusing, uint32_t self)
{
	struct walk w = {sets, NULL};

	for (const struct seccomp_row *r = next(&w); r; r = next(&w)) {
		if (r->nr != nr || (r->error != 0) != refusing)
			continue;
		put_row(t, r, self);
		if (is_unconditional(r))
			return true;
	}
	return false;
}

static enum err
put_block(struct text *t, const struct seccomp_set *const *sets, int nr, uint32_t self)
{
	struct sock_filter space[BLOCK_MAX];
	struct text block = {space, 0, BLOCK_MAX, false};

	if (!put_rows(&block, sets, nr, false, self) && !put_rows(&block, sets, nr, true, self))
		put_return(&block, SECCOMP_RET_KILL_PROCESS);
	put(t, BPF_JMP | BPF_JEQ | BPF_K, 0, (uint8_t)block.n, (uint32_t)nr);
	for (size_t i = 0; i < block.n; i++)
		put(t, space[i].code, space[i].jt, space[i].jf, space[i].k);
	return block.full ? ERR_LIMIT : ERR_OK;
}

enum err
seccomp_program(
    const struct seccomp_set *const *sets, uint32_t self, struct sock_filter *out, size_t *n)
{
	struct text t = {out, 0, SECCOMP_PROGRAM_MAX, false};
	struct walk w = {sets, NULL};

	if (!machine)
		return ERR_UNSUPPORTED;
	put_load(&t, offsetof(struct seccomp_data, arch));
	put(&t, BPF_JMP | BPF_JEQ | BPF_K, 1, 0, machine);
	put_return(&t, SECCOMP_RET_KILL_PROCESS);
	put_load(&t, offsetof(struct seccomp_data, nr));
	put(&t, BPF_JMP | BPF_JGE | BPF_K, 0, 1, X32_BIT);
	put_return(&t, SECCOMP_RET_KILL_PROCESS);
	for (const struct seccomp_row *r = next(&w); r; r = next(&w))
		if (is_first(sets, r) && put_block(&t, sets, r->nr, self) != ERR_OK)
			return ERR_LIMIT;
	put_return(&t, SECCOMP_RET_KILL_PROCESS);
	*n = t.n;
	return t.full ? ERR_LIMIT : ERR_OK;
}

enum err
seccomp_enter(const struct seccomp_set *const *sets)
{
	struct sock_filter text[SECCOMP_PROGRAM_MAX];
	struct sock_fprog program = {.filter = text};
	size_t n = 0;
	enum err e = seccomp_program(sets, (uint32_t)getpid(), text, &n);

	if (e != ERR_OK)
		return e;
	program.len = (unsigned short)n;
	long rc = syscall(
	    SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program);
	if (rc > 0)
		errno = EBUSY; /* a thread with a filter of its own */
	return rc == 0 ? ERR_OK : ERR_SYSTEM;
}

bool
seccomp_works(void)
{
	uint32_t action = SECCOMP_RET_KILL_PROCESS;

	return machine && syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}
