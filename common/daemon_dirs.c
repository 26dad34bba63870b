/*
 * daemon_dirs: section [common] of the configuration, and the directories it names.
 *
 * Made while still root: each socket has a directory of its own, owned by the server, with the
 * client's group and mode 02750, so that nobody but these two can even look at it. The setgid bit
 * gives the socket file the client's group without any right to chown.
 */
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>

#include "daemon.h"
#include "remedy.h"

static const char *const sandboxes[] = {"require", "degrade", NULL};
static const char *const levels[] = {
    [LOG_ERROR] = "error", [LOG_WARN] = "warn", [LOG_INFO] = "info", [LOG_DEBUG] = "debug", NULL};

#define AT(field) .offset = offsetof(struct daemon_common, field)
#define TEXT(field) CONF_STRING, CONF_STRING_AT(struct daemon_common, field)

/* clang-format off */
const struct conf_key daemon_common_keys[] = {
	{"run_dir", TEXT(run_dir), .fallback = "/run/subota",
	    .help = "Directory of the sockets between the processes."},
	{"state_dir", TEXT(state_dir), .fallback = "/var/lib/subota",
	    .help = "Each daemon keeps its records in a directory of its own below this one."},
	{"store_dir", TEXT(store_dir), .fallback = "/var/lib/subota/store",
	    .help = "Packages: written by fetchd, read by flashd."},
	{"lib_dir", TEXT(lib_dir), .fallback = "/usr/lib/subota",
	    .help = "Where subota-dialer, subota-nursery and what it starts lie: subota-courier, "
		    "subota-session, subota-exec."},
	{"cloud_user", CONF_USER, AT(cloud_uid), .fallback = "subota-cloud",
	    .help = "User of cloudd, a name or a number."},
	{"fetch_user", CONF_USER, AT(fetch_uid), .fallback = "subota-fetch",
	    .help = "User of fetchd."},
	{"courier_user", CONF_USER, AT(courier_uid), .fallback = "subota-courier",
	    .help = "User of the couriers, which face the package servers."},
	{"flash_user", CONF_USER, AT(flash_uid), .fallback = "subota-flash",
	    .help = "User of flashd."},
	{"session_user", CONF_USER, AT(session_uid), .fallback = "subota-session",
	    .help = "User of flashd's sessions, which speak with devices, and of flasher programs."},
	{"operator_group", CONF_GROUP, AT(operator_gid), .fallback = "root",
	    .help = "Who is in this group may look: use subotactl with running daemons."},
	{"actor_group", CONF_GROUP, AT(actor_gid), .fallback = "root",
	    .help = "Who is in this group may act: confirm, reject, cancel, check, forget."},
	{"device_group", CONF_GROUP, AT(device_gid), .fallback = "dialout",
	    .help = "The group that may open the serial lines; flashd joins it, and flasher "
		    "programs."},
	{"tap", CONF_BOOL, AT(tap), .fallback = "yes",
	    .help = "Let operators listen to what the processes say to each other."},
	{"sandbox", CONF_CHOICE, AT(sandbox), .choices = sandboxes, .fallback = "require",
	    .help = "What to do on a kernel that cannot lock a process in as promised (subotactl "
		    "sandbox): refuse to start, or go on without."},
	{"log_level", CONF_CHOICE, AT(log_level), .choices = levels, .fallback = "info",
	    .help = "The most talkative kind of line in the debug log."},
};
/* clang-format on */

const size_t daemon_n_common_keys = sizeof(daemon_common_keys) / sizeof(daemon_common_keys[0]);

/* --- paths ------------------------------------------------------------------------------------ */

static const char *
short_name(enum who who)
{
	return who == WHO_ACTOR ? "act" : who_name(who);
}

void
daemon_socket_path(const struct daemon_common *c, enum who server, enum who client, char out[108])
{
	snprintf(out, 108, "%.80s/%s-%s/sock", c->run_dir, short_name(server), short_name(client));
}

void
daemon_tap_path(const struct daemon_common *c, enum who server, char out[108])
{
	snprintf(out, 108, "%.80s/%s-tap/sock", c->run_dir, short_name(server));
}

void
daemon_credential(const struct daemon *d, const char *name, const char *otherwise, char out[300])
{
	snprintf(out, 300, "%s/%s", d->credentials, name);
	if (!d->credentials[0] || access(out, F_OK) != 0)
		snprintf(out, 300, "%s", otherwise);
}

/* Not by getpwuid, which for a number without an account loads all that nsswitch.conf names into a
 * daemon that is still root, and there it stays. */
gid_t
daemon_gid_of(uid_t uid)
{
	AUTO(file) FILE *f = fopen("/etc/passwd", "re");
	struct passwd entry, *found = NULL;
	char text[1024];

	while (f && fgetpwent_r(f, &entry, text, sizeof(text), &found) == 0)
		if (found->pw_uid == uid)
			return found->pw_gid;
	return (gid_t)uid;
}

/* --- directories ------------------------------------------------------------------------------ */

static enum err
make_parents(const char *path)
{
	char part[300];

	for (const char *p = path + 1; *p; p++) {
		if (*p != '/')
			continue;
		snprintf(part, sizeof(part), "%.*s", (int)(p - path), path);
		if (mkdir(part, 0755) < 0 && errno != EEXIST && errno != EROFS)
			return ERR_SYSTEM;
	}
	return ERR_OK;
}

/* Bring an open directory to owner and mode. */
static bool
set_owner(int fd, uid_t uid, gid_t gid, mode_t mode)
{
	struct stat st = {0};

	if (fstat(fd, &st) < 0)
		return false;
	if (geteuid() != 0) {
		if (st.st_uid != geteuid())
			errno = EPERM;
		return st.st_uid == geteuid() &&
		       ((st.st_mode & 07777) == mode || fchmod(fd, mode) == 0);
	}
	if ((st.st_uid != uid || st.st_gid != gid) && fchown(fd, uid, gid) < 0)
		return false;
	return fchmod(fd, mode) == 0;
}

enum err
daemon_make_dir(const char *path, uid_t uid, gid_t gid, mode_t mode)
{
	if (path[0] != '/' || strlen(path) >= 300) {
		log_error(NULL, "expected an absolute path of at most 299 bytes, got \"%s\"", path);
		return ERR_CONFIG;
	}
	if (make_parents(path) == ERR_OK && (mkdir(path, 0700) == 0 || errno == EEXIST)) {
		AUTO(fd) int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

		if (fd >= 0 && set_owner(fd, uid, gid, mode))
			return ERR_OK;
	}
	log_error(NULL, "%s: expected a directory of uid %u, mode %04o: %s%s", path, (unsigned)uid,
	    (unsigned)mode, strerror(errno), remedy(errno));
	return ERR_SYSTEM;
}

void
daemon_places(const struct daemon *d, enum who who, struct places *out)
{
	static const struct {
		enum who server, client;
	} sockets[] = {{WHO_FETCHD, WHO_CLOUDD}, {WHO_FLASHD, WHO_FETCHD}, {WHO_CLOUDD, WHO_ACTOR},
	    {WHO_FETCHD, WHO_ACTOR}, {WHO_FLASHD, WHO_ACTOR}};
	char path[108];

	places_add(out, "$state", "%s", d->state_dir);
	places_add(out, "$store", "%s", d->common->store_dir);
	for (size_t i = 0; i < sizeof(sockets) / sizeof(sockets[0]); i++) {
		if (sockets[i].server != who)
			continue;
		daemon_socket_path(d->common, who, sockets[i].client, path);
		places_add(out, "$sockets", "%.*s", (int)(strrchr(path, '/') - path), path);
	}
	daemon_socket_path(d->common, who, WHO_CTL, path);
	places_add(out, "$sockets", "%.*s", (int)(strrchr(path, '/') - path), path);
	daemon_tap_path(d->common, who, path);
	places_add(out, "$sockets", "%.*s", (int)(strrchr(path, '/') - path), path);
}

/* A directory that holds those of several users. What the service manager or the package made for
 * root is fine when we are not. */
static enum err
make_shared_dir(const char *path)
{
	struct stat st = {0};

	if (geteuid() != 0 && lstat(path, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == 0 &&
	    !(st.st_mode & 022))
		return ERR_OK;
	return daemon_make_dir(path, geteuid(), getegid(), 0755);
}

/* Of which sockets is `who` the server, and whose group may reach them? */
static enum err
make_socket_dirs(const struct daemon_common *c, enum who who, uid_t uid)
{
	const struct {
		enum who server, client;
		gid_t group;
	} dirs[] = {{WHO_FETCHD, WHO_CLOUDD, daemon_gid_of(c->cloud_uid)},
	    {WHO_FLASHD, WHO_FETCHD, daemon_gid_of(c->fetch_uid)},
	    {WHO_CLOUDD, WHO_ACTOR, c->actor_gid}, {WHO_FETCHD, WHO_ACTOR, c->actor_gid},
	    {WHO_FLASHD, WHO_ACTOR, c->actor_gid}, {who, WHO_CTL, c->operator_gid}};
	char path[108];
	enum err e = ERR_OK;

	for (size_t i = 0; e == ERR_OK && i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		if (dirs[i].server != who)
			continue;
		daemon_socket_path(c, who, dirs[i].client, path);
		*strrchr(path, '/') = '\0';
		e = daemon_make_dir(path, uid, dirs[i].group, 02750);
	}
	daemon_tap_path(c, who, path);
	*strrchr(path, '/') = '\0';
	return e == ERR_OK ? daemon_make_dir(path, uid, c->operator_gid, 02750) : e;
}

enum err
daemon_make_dirs(const struct daemon_common *c, enum who who, uid_t uid)
{
	char path[256];
	enum err e = make_shared_dir(c->run_dir);

	if (e == ERR_OK)
		e = make_socket_dirs(c, who, uid);
	if (e == ERR_OK)
		e = make_shared_dir(c->state_dir);
	snprintf(path, sizeof(path), "%s/%s", c->state_dir, who_name(who));
	return e == ERR_OK ? daemon_make_dir(path, uid, daemon_gid_of(uid), 0700) : e;
}
