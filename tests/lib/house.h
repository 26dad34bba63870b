/*
 * house: everything at once, as real processes in one scratch directory: the local Developer
 * Center, flashd, fetchd, cloudd and virtual sub-devices on serial lines. For the demo and for
 * system tests; it knows nothing of either.
 *
 *     struct house_options o = {.devices = 2};
 *     struct house *h = NULL;
 *     house_open(&o, &h)  house_start_all(h)          all run, devices are logged in
 *     house_pack_publish(h, &spec)  house_activate(h)  a signed package, a silent plan
 *     house_close(h)                                   no process, no file is left
 *
 * Each process can be started, stopped, killed and started again on its own. As root the daemons
 * run as users of their own (numbers only, nothing is created), otherwise all are the caller. Ports
 * are chosen by the system, so houses can stand side by side. A keeper, a child that only holds a
 * pipe, ends all of them and removes the directory if the caller dies however suddenly.
 *
 * Functions return what went wrong, and say it in house_why().
 */
#ifndef SUBOTA_TESTS_HOUSE_H
#define SUBOTA_TESTS_HOUSE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "auto.h"
#include "err.h"
#include "keeper.h"
#include "kit.h"
#include "tool.h"

enum { HOUSE_DEVICES = 16, HOUSE_WHY = 400 };

/* Processes, in the order in which they are started. */
enum house_part {
	HOUSE_DEVCENTER,
	HOUSE_FLASHD,
	HOUSE_FETCHD,
	HOUSE_CLOUDD,
	HOUSE_CROWD, /* all devices of the crowd, see house_crowd.h; only if there are any */
	HOUSE_DEVICE, /* the first; HOUSE_DEVICE + i */
	HOUSE_PARTS = HOUSE_DEVICE + HOUSE_DEVICES
};

#define HOUSE_VENDOR "acme"
#define HOUSE_MODEL "sensor-9"
#define HOUSE_OLD "1.0.0"
#define HOUSE_NEW "1.1.0"
#define HOUSE_GATEWAY_PK "gateways"
#define HOUSE_GATEWAY_DK "GW01"
#define HOUSE_PK "meters" /* of the devices, whose device keys are METER1, METER2, ... */

/* Users of the processes when we are root. */
enum {
	HOUSE_CLOUD_UID = 64001,
	HOUSE_FETCH_UID,
	HOUSE_COURIER_UID,
	HOUSE_FLASH_UID,
	HOUSE_SESSION_UID,
};

struct house_options {
	unsigned devices;     /* 1 to HOUSE_DEVICES; 0: 1 */
	bool second;          /* each has a second processor (image 1), component "radio" */
	unsigned parts;       /* of them are the components "app", "radio", ... of one meter */
	unsigned crowd;       /* further devices, in one process */
	unsigned baud;        /* 0: 115200 */
	unsigned reset_ms;    /* of a device; 0: 1500 */
	unsigned latency_ms;  /* of the lines */
	unsigned patience_s;  /* of what a test waits for; 0: 40 */
	unsigned retries;     /* of the platform, after a failed upgrade */
	bool hasty;           /* waits and deadlines of seconds instead of minutes, for tests */
	/* More lines for [fetchd] and [cloudd]; those for [flashd] take the place of the hasty
	 * ones, and so does a request_interval. May be NULL. */
	const char *fetchd, *cloudd, *flashd;
	const char *device; /* more lines for each device */
	const char *asks; /* how often cloudd asks for plans; NULL: 2 s when hasty */
	const char *link; /* to the devices: "udp", "tcp", "raw"; NULL: a terminal, console lines */
	bool stm32; /* devices are virtual STM32 at their boot loader's protocol, not SMP servers */
	const char *profile; /* of the Developer Center; NULL: p1 */
	const char *loader; /* devices without slots: "gecko", "u-boot", "mcuboot" */
	bool one_process;    /* tests/bench/solo in the daemons' place, as HOUSE_FLASHD */
	bool degrade;        /* sandbox = degrade, for kernels that cannot do all of it */
	const char *sandbox; /* words for the daemons' --no-sandbox; NULL: as shipped */
};

struct house_process {
	pid_t pid; /* 0: not running */
	int status; /* of the last end, as waitpid gave it */
	unsigned starts;
	unsigned orphans; /* children that outlived it and had to be killed, in all */
	char extra[2][40]; /* a device's further arguments */
};

struct house {
	char *dir;
	char programs[300];
	struct house_options options;
	struct kit *kit; /* the publisher */
	struct house_process process[HOUSE_PARTS];
	unsigned mqtt, https, console; /* ports */
	unsigned device_port[HOUSE_DEVICES]; /* where the link is one of the network */
	char package[64];     /* name of the last published */
	struct keeper keeper;
	char why[HOUSE_WHY];
};

/* Directory, keys, products, gateway, sub-devices, configuration. The Developer Center runs. */
enum err house_open(const struct house_options *o, struct house **out) MUST_CHECK;
/* Ends all, removes all. */
void house_close(struct house *h);
AUTO_DEFINE(house, struct house *, house_close)

/* What the last error was about. */
const char *house_why(const struct house *h);
enum err house_fail(struct house *h, enum err e, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* "flashd", "device 1"; of a part. */
const char *house_name(enum house_part p, char out[32]);
/* How many parts this house has: HOUSE_DEVICE + devices. */
enum house_part house_parts(const struct house *h);

/* Is the link to the devices one of the network? */
bool house_is_networked(const struct house *h);

/* Further arguments of a device's program from its next start on; `second` may be NULL. */
void house_device_args(struct house *h, int device, const char *first, const char *second);

enum err house_start(struct house *h, enum house_part p) MUST_CHECK;
/* Everything that does not run yet; waits until each device is logged in with its old version. */
enum err house_start_all(struct house *h) MUST_CHECK;
/* SIGTERM; ERR_TIMEOUT (and SIGKILL) when it does not end, ERR_SYSTEM when not with status 0. */
enum err house_stop(struct house *h, enum house_part p) MUST_CHECK;
/* SIGKILL, and wait for its end and that of its children, which should not outlive it. Nothing when
 * it is not running. */
void house_kill(struct house *h, enum house_part p);
/* False once it has ended by itself; its status is then in process[p].status. */
bool house_runs(struct house *h, enum house_part p);
/* First part that ended though nobody stopped it, HOUSE_PARTS if none did. */
enum house_part house_dead(struct house *h);

/* Run a command of subota-devcenter on this house. */
struct tool_result house_devcenter(struct house *h, const char *const words[]);
#define HOUSE_DC(h, ...) house_devcenter(h, (const char *const[]){__VA_ARGS__, NULL})

/* A silent plan `name` for the published package, at once; ERR_SYSTEM with what it said. */
enum err house_activate(struct house *h, const char *name) MUST_CHECK;
/* The same for packages of several components, in this order, up to a NULL. */
enum err house_activate_list(
    struct house *h, const char *name, const char *const packages[]) MUST_CHECK;

/* Component of a device's line: "app", where a meter has parts also "radio", ... */
const char *house_component(const struct house *h, unsigned device);

#endif
