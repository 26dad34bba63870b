/*
 * sandbox_lock: the layers that a promise describes as data: namespaces, Landlock, seccomp; and
 * which of them are wanted. See sandbox.h.
 */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "log.h"
#include "sandbox.h"

extern void __asan_init(void) __attribute__((weak));

/* --- what is wanted --------------------------------------------------------------------------- */

static const struct {
	const char *word;
	unsigned off;
} words[] = {{"none", SANDBOX_ALL}, {"no-files", SANDBOX_FILES}, {"no-calls", SANDBOX_CALLS},
    {"no-apart", SANDBOX_APART}};

enum { N_WORDS = sizeof(words) / sizeof(words[0]) };

static bool
take_off(const char *word, size_t len, struct sandbox_mode *m)
{
	for (size_t i = 0; i < N_WORDS; i++) {
		if (strlen(words[i].word) != len || memcmp(words[i].word, word, len) != 0)
			continue;
		m->off |= words[i].off;
		return true;
	}
	return false;
}

static bool
take_word(const char *word, size_t len, struct sandbox_mode *m)
{
	if (len == 7 && memcmp(word, "require", 7) == 0)
		*m = (struct sandbox_mode){0};
	else if (len == 7 && memcmp(word, "degrade", 7) == 0)
		m->degrade = true;
	else
		return take_off(word, len, m);
	return true;
}

enum err
sandbox_mode_parse(const char *text, struct sandbox_mode *out)
{
	struct sandbox_mode m = {0};

	for (const char *at = text;; at++) {
		size_t len = strcspn(at, ",");

		if (!take_word(at, len, &m))
			return ERR_INVALID;
		at += len;
		if (*at == '\0')
			break;
	}
	*out = m;
	return ERR_OK;
}

const char *
sandbox_mode_text(const struct sandbox_mode *m, char out[40])
{
	int at = snprintf(out, 40, "%s", m->degrade ? "degrade" : "require");

	if (m->off == SANDBOX_ALL)
		snprintf(out + at, 40 - (size_t)at, ",none");
	for (size_t i = 1; m->off != SANDBOX_ALL && i < N_WORDS; i++)
		if (m->off & words[i].off)
			at += snprintf(out + at, 40 - (size_t)at, ",%s", words[i].word);
	return out;
}

enum err
sandbox_mode_admit(const struct sandbox_mode *m)
{
	bool service = getenv("NOTIFY_SOCKET") || (getenv("INVOCATION_ID") && getppid() == 1);
	char text[40];

	if (m->off == 0)
		return ERR_OK;
	if (service) {
		log_error(NULL, "--no-sandbox is for debugging by hand: refused in a service");
		return ERR_DENIED;
	}
	log_warn(NULL, "THE SANDBOX IS OFF (%s): for debugging only, never near a network",
	    sandbox_mode_text(m, text));
	return ERR_OK;
}

/* --- the layers ------------------------------------------------------------------------------- */

/* A layer that did not come about. */
static enum err
give_up(const struct sandbox_promise *p, const struct sandbox_mode *m, const char *what)
{
	if (m->degrade) {
		log_warn(NULL, "%s: DEGRADED: goes on WITHOUT %s", p->name, what);
		return ERR_OK;
	}
	log_error(NULL,
	    "%s: expected %s, cannot have it: refuses to start (\"sandbox = degrade\" in [common] "
	    "goes on without)",
	    p->name, what);
	return ERR_DENIED;
}

enum err
sandbox_apart(const struct sandbox_promise *p, const struct sandbox_mode *m)
{
	if (!p->apart || (m->off & SANDBOX_APART) || geteuid() != 0)
		return ERR_OK;
	/* EINVAL: in a chroot "/" is no mount. Then mounts still reach the outside, but nobody in
	 * here may make one after the capabilities are gone. */
	if (unshare(CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWIPC) == 0 &&
	    (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) == 0 || errno == EINVAL))
		return ERR_OK;
	log_error(NULL, "%s: namespaces: %s", p->name, strerror(errno));
	return give_up(p, m, "mounts and a network of its own");
}

void
sandbox_tell_gaps(const struct sandbox_promise *p)
{
	int abi = landlock_abi();
	char text[200] = "";
	size_t at = 0;

	for (const struct landlock_gap *g = landlock_gaps(); g->since && at < sizeof(text); g++)
		if (g->since > abi)
			at += (size_t)snprintf(
			    text + at, sizeof(text) - at, "%s%s", at ? ", " : "", g->what);
	if (at)
		log_warn(NULL,
		    "%s: Landlock ABI %d does not limit %s: who does, says subotactl sandbox",
		    p->name, abi, text);
}

enum err
sandbox_lock_files(
    const struct sandbox_promise *p, const struct sandbox_mode *m, const struct places *places)
{
	static const struct landlock_rule proc[] = {{"/proc", LANDLOCK_READ}, {NULL, 0}};
	int abi = landlock_abi();

	if (!p->files || (m->off & SANDBOX_FILES))
		return ERR_OK;
	if (abi < LANDLOCK_ABI_MIN)
		return give_up(p, m, "Landlock (ABI 2 or newer)");
	/* sanitizers look into /proc of their own */
	const struct landlock_rule *also = __asan_init ? proc : NULL;
	if (landlock_enter(p->files, also, p->ports, places) == ERR_OK)
		return ERR_OK;
	return give_up(p, m, "Landlock");
}

enum err
sandbox_lock_calls(const struct sandbox_promise *p, const struct sandbox_mode *m)
{
	if (!p->calls || (m->off & SANDBOX_CALLS))
		return ERR_OK;
	if (__asan_init) {
		log_warn(NULL, "%s: BUILT WITH SANITIZERS: every system call is allowed", p->name);
		return ERR_OK;
	}
	enum err e = seccomp_works() ? seccomp_enter(p->calls) : ERR_UNSUPPORTED;
	if (e == ERR_OK)
		return ERR_OK;
	log_error(
	    NULL, "%s: seccomp: %s", p->name, e == ERR_SYSTEM ? strerror(errno) : err_text(e));
	return give_up(p, m, "a list of system calls");
}
