/*
 * cloud_settings: section [cloudd] of the configuration, and [cloudd.profile] for whoever needs
 * another variant of the sub-device leg.
 */
#ifndef SUBOTA_CLOUD_SETTINGS_H
#define SUBOTA_CLOUD_SETTINGS_H

#include "cloud.h"
#include "daemon.h"
#include "directory.h"

enum cloud_settings_profile { CLOUD_SETTINGS_P1, CLOUD_SETTINGS_P2, CLOUD_SETTINGS_CUSTOM };

struct cloud_settings {
	struct daemon_common common;
	struct cloud_identity identity;
	bool tls, lab, tls12;
	char ca_file[200], server_name[256], crl_file[200], spki_pin[65];
	uint64_t keepalive_ms;
	bool send_user_name;
	char secrets_file[200];
	int profile; /* enum cloud_settings_profile */
	struct profile custom;
};

struct conf_table cloud_settings_table(struct conf_section sections[3]);
/* What a single key cannot tell. ERR_CONFIG with a log line. */
enum err cloud_settings_check(const struct cloud_settings *s) MUST_CHECK;
/* The servers that it may ever connect to: the platform's, and those of move_to. Caller ends it. */
enum err cloud_settings_servers(const struct cloud_settings *s, struct directory *out) MUST_CHECK;
const struct profile *cloud_settings_profile(const struct cloud_settings *s);

#endif
