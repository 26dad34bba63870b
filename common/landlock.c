/*
 * landlock: see landlock.h. The header of Debian 12 ends at ABI 2, so what came later is defined
 * here; the size of the attributes and the bits in them follow the kernel's ABI, because a kernel
 * refuses what it does not know.
 */
#include "landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/landlock.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "log.h"

#define FS_TRUNCATE (UINT64_C(1) << 14)
#define FS_IOCTL_DEV (UINT64_C(1) << 15)
#define NET_BIND_TCP (UINT64_C(1) << 0)
#define NET_CONNECT_TCP (UINT64_C(1) << 1)
#define SCOPE_ALL (UINT64_C(3)) /* abstract sockets, signals */

#define FS_READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define FS_WRITE (LANDLOCK_ACCESS_FS_WRITE_FILE | FS_TRUNCATE)
#define FS_MAKE \
	(LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_DIR | \
	    LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR | \
	    LANDLOCK_ACCESS_FS_REFER)
#define FS_SOCKETS (LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_REMOVE_FILE)
#define FS_OF_A_FILE \
	(LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | FS_WRITE | FS_IOCTL_DEV)

enum { RULE_PORT = 2 };

struct ruleset_attr {
	uint64_t files, net, scoped;
};

struct port_attr {
	uint64_t allowed, port;
};

int
landlock_abi(void)
{
	long v = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

	return v > 0 ? (int)v : 0;
}

/* clang-format off */
static const struct landlock_gap gaps[] = {
	{1, "files",            "users do, by owner and mode"},
	{2, "renaming",         "it is refused between directories"},
	{3, "truncation",       "users do: what a process only reads is another's"},
	{4, "TCP ports",        "a firewall by user does (subota-firewall.service); cloudd, gate and sessions have no network, flashd its links' sockets"},
	{5, "ioctls",           "seccomp does, by a list of them"},
	{6, "abstract sockets", "namespaces do for gate, flashd, sessions and cloudd (not as a service), seccomp for dialer and couriers"},
	{6, "signals",          "users and seccomp do"},
	{0, NULL, NULL},
};
/* clang-format on */

const struct landlock_gap *
landlock_gaps(void)
{
	return gaps;
}

/* Every right over files that this ABI can take away. */
static uint64_t
all_of(int abi)
{
	static const int since[] = {13, 13, 14, 15, 15, 16}; /* bits known to ABI 0.. 5 */

	return (UINT64_C(1) << since[abi < 5 ? abi : 5]) - 1;
}

static const struct {
	unsigned right;
	uint64_t bits;
	const char *text;
} rights_table[] = {
    {LANDLOCK_READ, FS_READ, "read"},
    {LANDLOCK_WRITE, FS_WRITE, "write"},
    {LANDLOCK_MAKE, FS_MAKE, "make"},
    {LANDLOCK_SOCKETS, FS_SOCKETS, "sockets"},
    {LANDLOCK_DEVICE, FS_IOCTL_DEV, "device"},
    {LANDLOCK_RUN, LANDLOCK_ACCESS_FS_EXECUTE, "run"},
};

enum { N_RIGHTS = sizeof(rights_table) / sizeof(rights_table[0]) };

static uint64_t
bits_of(unsigned rights)
{
	uint64_t bits = 0;

	for (size_t i = 0; i < N_RIGHTS; i++)
		if (rights & rights_table[i].right)
			bits |= rights_table[i].bits;
	return bits;
}

const char *
landlock_rights_text(unsigned rights, char out[64])
{
	size_t at = 0;

	out[0] = '\0';
	for (size_t i = 0; i < N_RIGHTS; i++)
		if (rights & rights_table[i].right)
			at += (size_t)snprintf(
			    out + at, 64 - at, "%s%s", at ? " " : "", rights_table[i].text);
	return out;
}

static enum err
allow_path(int ruleset, const char *path, unsigned rights, int abi)
{
	AUTO(fd) int fd = open(path, O_PATH | O_CLOEXEC);
	struct stat st = {0};

	if (fd < 0 && (rights & LANDLOCK_MAY_BE_ABSENT))
		return ERR_OK;
	if (fd >= 0 && fstat(fd, &st) == 0) {
		struct landlock_path_beneath_attr attr = {
		    .allowed_access = bits_of(rights) & all_of(abi), .parent_fd = fd};

		if (!S_ISDIR(st.st_mode))
			attr.allowed_access &= FS_OF_A_FILE;
		if (!attr.allowed_access || syscall(SYS_landlock_add_rule, ruleset,
						LANDLOCK_RULE_PATH_BENEATH, &attr, 0) == 0)
			return ERR_OK;
	}
	log_error(
	    NULL, "cannot lock itself in: expected to reach %s, got: %s", path, strerror(errno));
	return ERR_SYSTEM;
}

/* The directory in which a link's target lies or will lie. */
static bool
find_target_dir(const char *path, char out[PATH_MAX])
{
	char target[PATH_MAX], joined[2 * PATH_MAX];
	ssize_t n = readlink(path, target, sizeof(target) - 1);
	size_t dir = (size_t)(strrchr(path, '/') - path);

	if (n <= 0)
		return false;
	target[n] = '\0';
	if (!realpath(path, out)) {
		snprintf(joined, sizeof(joined), "%.*s/%s", target[0] == '/' ? 0 : (int)dir, path,
		    target);
		*strrchr(joined, '/') = '\0';
		return realpath(joined, out) != NULL;
	}
	*strrchr(out, '/') = '\0';
	return true;
}

static enum err
allow_replaced(int ruleset, const char *path)
{
	char dir[PATH_MAX];

	if (!find_target_dir(path, dir) || dir[0] == '\0' || strrchr(dir, '/') == dir)
		return ERR_OK;
	AUTO(fd) int fd = open(dir, O_PATH | O_CLOEXEC | O_DIRECTORY);
	struct landlock_path_beneath_attr attr = {
	    .allowed_access = LANDLOCK_ACCESS_FS_READ_FILE, .parent_fd = fd};

	if (fd >= 0 &&
	    syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &attr, 0) == 0)
		return ERR_OK;
	log_error(
	    NULL, "cannot lock itself in: expected to reach %s, got: %s", dir, strerror(errno));
	return ERR_SYSTEM;
}

static enum err
allow_files(int ruleset, const struct landlock_rule *rules, const struct places *places, int abi)
{
	enum err e = ERR_OK;

	for (; e == ERR_OK && rules->place; rules++) {
		const char *path = rules->place;

		if (path[0] == '/')
			e = allow_path(ruleset, path, rules->rights | LANDLOCK_MAY_BE_ABSENT, abi);
		if (e == ERR_OK && rules->rights & LANDLOCK_REPLACED)
			e = allow_replaced(ruleset, path);
		for (size_t i = 0; e == ERR_OK && rules->place[0] == '$' &&
				   (path = places_find(places, rules->place, i));
		     i++)
			e = allow_path(ruleset, path, rules->rights, abi);
	}
	return e;
}

static bool
is_any_port(const char *ports, const struct places *places)
{
	const char *p;

	for (size_t i = 0; ports && (p = places_find(places, ports, i)); i++)
		if (strcmp(p, "*") == 0)
			return true;
	return ports && strcmp(ports, "*") == 0;
}

static enum err
allow_ports(int ruleset, const char *ports, const struct places *places)
{
	const char *p;

	for (size_t i = 0; ports && (p = places_find(places, ports, i)); i++) {
		struct port_attr attr = {NET_CONNECT_TCP, strtoul(p, NULL, 10)};

		if (syscall(SYS_landlock_add_rule, ruleset, RULE_PORT, &attr, 0) != 0) {
			log_error(NULL, "cannot lock itself in: port %s: %s", p, strerror(errno));
			return ERR_SYSTEM;
		}
	}
	return ERR_OK;
}

enum err
landlock_enter(const struct landlock_rule *rules, const struct landlock_rule *also,
    const char *ports, const struct places *places)
{
	int abi = landlock_abi();
	bool any_port = is_any_port(ports, places);
	struct ruleset_attr attr = {.files = all_of(abi),
	    .net = any_port ? NET_BIND_TCP : NET_BIND_TCP | NET_CONNECT_TCP,
	    .scoped = SCOPE_ALL};
	size_t size = abi < LANDLOCK_ABI_PORTS ? 8 : abi < LANDLOCK_ABI_SCOPES ? 16 : 24;
	AUTO(fd) int set = (int)syscall(SYS_landlock_create_ruleset, &attr, size, 0);

	if (set < 0) {
		log_error(NULL, "cannot lock itself in: Landlock: %s", strerror(errno));
		return ERR_SYSTEM;
	}
	enum err e = allow_files(set, rules, places, abi);
	if (e == ERR_OK && also)
		e = allow_files(set, also, places, abi);
	if (e == ERR_OK && abi >= LANDLOCK_ABI_PORTS && !any_port)
		e = allow_ports(set, ports, places);
	if (e == ERR_OK && syscall(SYS_landlock_restrict_self, set, 0) != 0) {
		log_error(NULL, "cannot lock itself in: Landlock: %s", strerror(errno));
		e = ERR_SYSTEM;
	}
	return e;
}
