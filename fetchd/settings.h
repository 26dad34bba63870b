/*
 * settings: what fetchd can be told in its configuration, [fetchd].
 */
#ifndef SUBOTA_SETTINGS_H
#define SUBOTA_SETTINGS_H

#include "daemon.h"

struct settings {
	struct daemon_common common;
	char trust_dir[200];
	char ca_file[200];
	char hosts[512];          /* blank-separated; empty = any */
	char redirect_hosts[512]; /* blank-separated; empty = no redirects */
	char package_ports[200];  /* ports.h */
	bool allow_http, allow_private_hosts, lab;
	int unsigned_packages; /* index into settings_unsigned */
	uint64_t quota, max_package, mark_bytes;
	uint64_t connect_timeout_ms, low_speed, low_speed_ms, total_ms;
	uint64_t parallel;
};

enum settings_unsigned { SETTINGS_UNSIGNED_REFUSE };

/* The table, made in `sections` because the common part's length is another file's. */
struct conf_table settings_table(struct conf_section sections[2]);

/* What a single key cannot tell; ERR_CONFIG with a log line. */
enum err settings_check(const void *settings) MUST_CHECK;

enum { SETTINGS_HOSTS_MAX = 16 };

/* Cut a blank-separated list in place: `out` gets pointers into `text`. Returns how many (at most
 * SETTINGS_HOSTS_MAX, the rest is ignored). */
size_t settings_split(char *text, char *out[SETTINGS_HOSTS_MAX]);

#endif
