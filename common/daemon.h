/*
 * daemon: the skeleton all three daemons share; their main() is one call.
 *
 * In order: options (--config FILE, --check, --help, --help-config, --version, --verbose),
 * configuration, spec->check, directories of the daemon's table made with the right owners (while
 * still root), spec->prepare (still root: what must be read or started before), namespaces and
 * privileges (sandbox_apart, sandbox_enter), event log, loop, ZeroMQ context, files and ports
 * (sandbox_lock_files), spec->start, system calls (sandbox_lock_calls), readiness (notify.h),
 * loop, spec->stop. With --nursery it ends after the configuration (daemon_become_nursery). Exit
 * status: 0 after SIGTERM or SIGINT, 64 usage, 78 configuration, 71 environment.
 */
#ifndef SUBOTA_DAEMON_H
#define SUBOTA_DAEMON_H

#include "bus.h"
#include "conf.h"
#include "event.h"
#include "loop.h"
#include "nursery.h"
#include "sandbox.h"

/* [common] of the configuration: what every process must know of the others. */
struct daemon_common {
	char run_dir[100];   /* sockets; ipc paths are short (107) */
	char state_dir[200]; /* STATE/cloudd, STATE/fetchd, STATE/flashd */
	char store_dir[200]; /* images: written by fetchd, read by flashd */
	char lib_dir[200];   /* where subota-dialer, subota-nursery and what it starts lie */
	uint32_t cloud_uid, fetch_uid, courier_uid, flash_uid, session_uid;
	uint32_t operator_gid; /* may use control and tap sockets; 0 = root only */
	uint32_t actor_gid;    /* may use act sockets; 0 = root only */
	uint32_t device_gid;   /* flashd's supplementary group, for the lines; 0 = none */
	bool tap;
	int log_level;
	int sandbox; /* 0 require, 1 degrade */
};

extern const struct conf_key daemon_common_keys[];
extern const size_t daemon_n_common_keys;

/* What a running daemon hangs off. */
struct daemon {
	const struct daemon_common *common;
	struct loop *loop;
	struct bus *bus;
	struct event_log *events;
	void *settings;
	char state_dir[256]; /* this daemon's own, 0700 */
	char credentials[200]; /* directory of what the service manager entrusts; "" = none */
	struct loop_timer heart; /* the service manager's watchdog */
	int64_t heart_ms; /* 0 = nobody watches */
	bus_on_query *on_query; /* what daemon_control does not answer */
	void *on_query_arg;
	struct sandbox_mode mode;
	char mode_text[40]; /* for the processes that it starts */
};

/* What a daemon has started by its nursery. */
struct daemon_brood {
	uid_t uid;   /* of all of it */
	gid_t group; /* one more; 0 = none */
	struct places places; /* of programs and of what they may reach: for its promise */
};

struct daemon_spec {
	const char *name;    /* "fetchd" */
	const char *summary; /* what it may touch and what it must never: printed by --help */
	enum who who;
	const struct conf_table *conf;
	void *settings;
	struct daemon_common *common; /* inside settings */
	size_t uid_offset;            /* of this daemon's uid in struct daemon_common */
	size_t group_offset;          /* of its supplementary group there; 0 = it has none */
	enum err (*check)(const void *settings); /* what a single key cannot tell; may be NULL */
	/* as root, may be NULL */
	enum err (*prepare)(const struct daemon_spec *s, struct daemon *d);
	enum err (*start)(struct daemon *d);
	void (*stop)(struct daemon *d);
	/* NULL: it starts nothing. */
	void (*brood)(const void *settings, struct daemon_brood *out);
	/* Paths for the names in its promise (promise.c) beyond $state, $store, $sockets. */
	void (*places)(const void *settings, struct places *out);
};

int daemon_main(const struct daemon_spec *spec, int argc, char **argv);

/* Path of the socket on which `server` listens for `client`: RUN/<server>-<client>/sock. `out` has
 * 108 bytes. */
void daemon_socket_path(
    const struct daemon_common *c, enum who server, enum who client, char out[108]);
/* The same for the tap: RUN/<server>-tap/sock. */
void daemon_tap_path(const struct daemon_common *c, enum who server, char out[108]);

/* The nursery of this daemon, in spec->prepare: whoever listens at RUN/<name>-nursery/sock, else,
 * and for root, one that is started here. Caller frees. */
enum err daemon_nursery(
    const struct daemon_spec *s, const struct daemon *d, struct nursery **out) MUST_CHECK;
/* --nursery: become the one that was started for a connection to that socket, descriptor 3, by the
 * user that we are; its places come from the configuration, which the daemon's user cannot change.
 * Returns only an exit status. */
int daemon_become_nursery(const struct daemon_spec *s, const struct daemon *d);

/* Path of a file that only this daemon may read: the service manager's credential `name`
 * (LoadCredential= of the unit) if there is one, else `otherwise`. */
void daemon_credential(
    const struct daemon *d, const char *name, const char *otherwise, char out[300]);

/* The control socket, on which `fn` answers what a daemon has to say of its own, and the skeleton
 * what all can: "events", whose argument is a cursor (event_page.h). */
enum err daemon_control(struct daemon *d, enum who self, bus_on_query *fn, void *arg) MUST_CHECK;

/* Primary group of a uid in /etc/passwd; the same number when no account there has it. */
gid_t daemon_gid_of(uid_t uid);

/* Make `path` (parents, too, mode 0755) a directory of uid:gid with `mode`. Not as root: it must
 * be possible to make it ours; the group stays. ERR_SYSTEM with a log line. */
enum err daemon_make_dir(const char *path, uid_t uid, gid_t gid, mode_t mode) MUST_CHECK;
/* Name the places of every daemon: $state, $store, $sockets. */
void daemon_places(const struct daemon *d, enum who who, struct places *out);
/* All directories of `who`: run, sockets, state. */
enum err daemon_make_dirs(const struct daemon_common *c, enum who who, uid_t uid) MUST_CHECK;

/* Sockets (out of this order nothing is bound): fetchd binds fetchd-cloudd, flashd binds
 * flashd-fetchd; each daemon binds <name>-ctl, cloudd and flashd <name>-act, and all
 * <name>-tap when `tap` is on. Directories: owner
 * the server, group the client, mode 02750. */

#endif
