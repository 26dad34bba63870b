/*
 * promise: see promise.h. Files: READ, WRITE, MAKE, ... are the rights of landlock.h, for the place
 * and all below it. A place with a '$' comes from the configuration (daemon.c, courier/main.c).
 */
#include "promise.h"

#include <string.h>

#include "promise_calls.h"

#define MIB (UINT64_C(1) << 20)
#define READ LANDLOCK_READ
#define WRITE LANDLOCK_WRITE
#define MAKE LANDLOCK_MAKE
#define SOCKETS LANDLOCK_SOCKETS
#define DEVICE LANDLOCK_DEVICE
#define RUN LANDLOCK_RUN
#define ABSENT LANDLOCK_MAY_BE_ABSENT

/* What a resolver reads. */
#define RESOLVER \
	{"/etc/resolv.conf", READ | LANDLOCK_REPLACED}, {"/etc/hosts", READ}, \
	    {"/etc/nsswitch.conf", READ}, {"/etc/host.conf", READ}, {"/etc/gai.conf", READ}, \
	    {"/etc/services", READ}, {"/etc/localtime", READ}, {"/dev/urandom", READ}

/* What the loader reads for another program. */
#define LOADER \
	{"/usr/lib", READ}, {"/lib", READ}, {"/etc/ld.so.cache", READ}, \
	    {"/lib64/ld-linux-x86-64.so.2", READ | RUN}, \
	    {"/lib/ld-linux-aarch64.so.1", READ | RUN}, {"/lib/ld-linux-armhf.so.3", READ | RUN}, \
	    {"/dev/null", READ | WRITE}

/* clang-format off */
static const struct landlock_rule cloudd_files[] = {
	{"$state",    READ | WRITE | MAKE},
	{"$sockets",  READ | SOCKETS},
	{"$ca",       READ | ABSENT},
	{"/dev/urandom", READ},
	{NULL, 0},
};

static const struct landlock_rule dialer_files[] = {
	RESOLVER,
	{NULL, 0},
};

static const struct landlock_rule fetchd_files[] = {
	{"$state",    READ | WRITE | MAKE},
	{"$store",    READ | WRITE | MAKE},
	{"$drop",     READ | MAKE | ABSENT}, /* what a person lays there is copied and removed */
	{"$sockets",  READ | SOCKETS},
	{"$trust",    READ | ABSENT},
	{"/dev/urandom", READ},
	{"/proc/sys/kernel/random/boot_id", READ},
	{NULL, 0},
};

static const struct landlock_rule fetchd_nursery_files[] = {
	{"$courier",  READ | RUN},
	{"$ca",       READ | ABSENT},
	{"/etc/ssl/certs", READ},
	{"/etc/ssl/openssl.cnf", READ},
	RESOLVER,
	LOADER,
	{NULL, 0},
};

static const struct landlock_rule courier_files[] = {
	RESOLVER,
	{"/etc/ssl/openssl.cnf", READ},
	{NULL, 0},
};

static const struct landlock_rule flashd_files[] = {
	{"$state",    READ | WRITE | MAKE},
	{"$store",    READ},
	{"$sockets",  READ | SOCKETS},
	{"$trust",    READ | ABSENT},
	{"$lines",    READ | WRITE | DEVICE | ABSENT}, /* directories: a device comes back as another node */
	{"/dev/urandom", READ},
	{NULL, 0},
};

static const struct landlock_rule flashd_nursery_files[] = {
	{"$session",  READ | RUN},
	/* only where a device is written by a program of somebody else */
	{"$exec",     READ | RUN},
	{"$flasher",  READ | RUN | ABSENT},
	{"$flasher_reads", READ | ABSENT},
	{"$flasher_devices", READ | WRITE | DEVICE | ABSENT},
	{"/dev/urandom", READ},
	LOADER,
	{NULL, 0},
};

static const struct landlock_rule flasher_files[] = {
	{"$flasher",  READ | RUN},
	{"$flasher_reads", READ | ABSENT},
	{"$flasher_devices", READ | WRITE | DEVICE | ABSENT},
	{"/dev/urandom", READ},
	LOADER,
	{NULL, 0},
};

static const struct landlock_rule no_files[] = {{NULL, 0}};

#define SETS(...) (const struct seccomp_set *const[]){__VA_ARGS__, NULL}

static const struct sandbox_promise rows[] = {
	/* name      program            memory       files  size apart  files          ports */
	{"dialer",  "subota-dialer",   64 * MIB,     32, 0, false, dialer_files,  "$port",
	    SETS(&promise_calls_base, &promise_calls_reader, &promise_calls_network)},
	{"cloudd",  "subota-cloudd",  512 * MIB,     64, 0, true,  cloudd_files,  NULL,
	    SETS(&promise_calls_base, &promise_calls_bus, &promise_calls_files)},
	{"fetchd",  "subota-fetchd",  768 * MIB,    128, 0, true,  fetchd_files,  NULL,
	    SETS(&promise_calls_base, &promise_calls_bus, &promise_calls_files)},
	/* a courier inherits all of this and then has less: its own memory, files, calls */
	{"fetchd-nursery", "subota-nursery", 4096 * MIB,   256, 0, false, fetchd_nursery_files, "*",
	    SETS(&promise_calls_base, &promise_calls_reader, &promise_calls_network, &promise_calls_threads,
		&promise_calls_courier, &promise_calls_parent)},
	{"courier", "subota-courier", 512 * MIB,     32, 0, false, courier_files, "$port",
	    SETS(&promise_calls_base, &promise_calls_reader, &promise_calls_network, &promise_calls_threads,
		&promise_calls_courier)},
	/* files: a line and a channel for each of 256 devices, and twice that */
	{"flashd",  "subota-flashd",  768 * MIB,   1024, 0, true,  flashd_files,  "$link_ports",
	    SETS(&promise_calls_base, &promise_calls_bus, &promise_calls_files, &promise_calls_line, &promise_calls_plug)},
	/* a session inherits all of this, as a courier does */
	{"flashd-nursery", "subota-nursery", 768 * MIB, 1056, 0, true, flashd_nursery_files, NULL,
	    SETS(&promise_calls_base, &promise_calls_reader, &promise_calls_channel, &promise_calls_line,
		&promise_calls_births, &promise_calls_parent)},
	/* the same where there is a device with driver exec */
	{"flashd-nursery+exec", "subota-nursery", 768 * MIB, 1056, 0, true, flashd_nursery_files, NULL,
	    SETS(&promise_calls_base, &promise_calls_reader, &promise_calls_channel, &promise_calls_line,
		&promise_calls_births, &promise_calls_parent, &promise_calls_flasher, &promise_calls_launcher)},
	{"exec",    "subota-exec",    768 * MIB,    256, 0, true,  flasher_files, NULL,
	    SETS(&promise_calls_base, &promise_calls_reader, &promise_calls_line, &promise_calls_parent,
		&promise_calls_flasher, &promise_calls_launcher)},
	{"flasher", "flasher",        512 * MIB,     64, 4096, true, flasher_files, NULL,
	    SETS(&promise_calls_base, &promise_calls_reader, &promise_calls_line, &promise_calls_flasher)},
	{"session", "subota-session", 256 * MIB,     16, 0, true,  no_files,      NULL,
	    SETS(&promise_calls_base, &promise_calls_channel, &promise_calls_line)},
	/* the same for several links (links_per_session), four descriptors each */
	{"sessions", "subota-session", 512 * MIB,  1056, 0, true,  no_files,      NULL,
	    SETS(&promise_calls_base, &promise_calls_channel, &promise_calls_line, &promise_calls_births)},
};
/* clang-format on */

enum { N_ROWS = sizeof(rows) / sizeof(rows[0]) };

const struct sandbox_promise *
promise_find(const char *name)
{
	for (size_t i = 0; i < N_ROWS; i++)
		if (strcmp(rows[i].name, name) == 0)
			return &rows[i];
	return NULL;
}

const struct sandbox_promise *
promise_rows(size_t *n)
{
	*n = N_ROWS;
	return rows;
}
