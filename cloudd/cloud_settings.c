/*
 * cloud_settings: see cloud_settings.h. The tables are also the manual's page.
 */
#include <string.h>

#include "cloud_settings.h"

static const char *const profiles[] = {"p1", "p2", "custom", NULL};

#define AT(field) .offset = offsetof(struct cloud_settings, field)
#define TEXT(field) CONF_STRING, CONF_STRING_AT(struct cloud_settings, field)

/* clang-format off */
static const struct conf_key keys[] = {
	{"host", TEXT(identity.host), .help = "The platform's MQTT server."},
	{"port", CONF_UINT, AT(identity.port), .min = 1, .max = 65535, .fallback = "8883",
	    .help = "Its port: 8883 with TLS, 1883 without."},
	{"tls", CONF_BOOL, AT(tls), .fallback = "yes",
	    .help = "Speak TLS and verify the server; `no` needs lab = yes."},
	{"lab", CONF_BOOL, AT(lab), .fallback = "no",
	    .help = "Allow what is only fit for a laboratory. Never in production."},
	{"ca_file", TEXT(ca_file), .fallback = "/etc/ssl/certs/ca-certificates.crt",
	    .help = "Certificates that the server may prove itself with (PEM)."},
	{"server_name", TEXT(server_name), .fallback = "",
	    .help = "Name that the server's certificate must bear, if it is not `host`."},
	{"crl_file", TEXT(crl_file), .fallback = "",
	    .help = "Revocation lists (PEM); with it every issuer must have one."},
	{"spki_pin", TEXT(spki_pin), .fallback = "",
	    .help = "SHA-256 of the server's public key, 64 hex digits, in addition to all else."},
	{"tls12", CONF_BOOL, AT(tls12), .fallback = "no",
	    .help = "Speak TLS 1.2 only, for servers that cannot do 1.3."},
	{"product_key", TEXT(identity.product_key), .help = "Product key of the gateway."},
	{"device_key", TEXT(identity.device_key), .help = "Device key of the gateway."},
	{"secrets", TEXT(secrets_file), .fallback = "/etc/subota/secrets",
	    .help = "File (0600) of [product KEY] sections with a `secret` each."},
	{"keepalive", CONF_DURATION, AT(keepalive_ms), .min = 1000, .max = 65535000,
	    .fallback = "120 s", .help = "Longest silence on the connection."},
	{"send_user_name", CONF_BOOL, AT(send_user_name), .fallback = "no",
	    .help = "Send the client id as MQTT user name, for other brokers."},
	{"encrypt", CONF_BOOL, AT(identity.encrypt), .fallback = "no",
	    .help = "Ask the platform for session keys and encrypt payloads, inside TLS."},
	{"ask_sha256", CONF_BOOL, AT(identity.ask_sha256), .fallback = "no",
	    .help = "Ask for the package's SHA-256, and refuse it without one."},
	{"request_interval", CONF_DURATION, AT(identity.request_interval_ms), .min = 1000,
	    .max = 7ull * 86400000, .fallback = "10 min",
	    .help = "Ask for upgrades of each device this often, give or take a tenth."},
	{"move_to", TEXT(identity.move_to), .fallback = "",
	    .help = "Servers to which the platform may move the gateway: host:port, ...; none: to no other."},
	{"model", TEXT(identity.model), .fallback = "subota",
	    .help = "Model of the gateway, as reported."},
	{"version", TEXT(identity.version), .fallback = SUBOTA_VERSION,
	    .help = "Version of the gateway, as reported."},
	{"sdk_version", TEXT(identity.sdk_version), .fallback = "2.9.0",
	    .help = "Generation of the platform's protocol, as reported."},
	{"profile", CONF_CHOICE, AT(profile), .choices = profiles, .fallback = "p1",
	    .help = "How sub-devices are spoken for: p1 own topics, p2 the gateway's, custom."},
};
/* clang-format on */

struct conf_table
cloud_settings_table(struct conf_section sections[3])
{
	sections[0] = (struct conf_section){.name = "common",
	    .keys = daemon_common_keys,
	    .n_keys = daemon_n_common_keys,
	    .offset = offsetof(struct cloud_settings, common)};
	sections[1] = (struct conf_section){
	    .name = "cloudd", .keys = keys, .n_keys = sizeof(keys) / sizeof(keys[0])};
	sections[2] = (struct conf_section){.name = "cloudd.profile",
	    .keys = profile_keys,
	    .n_keys = PROFILE_KEYS,
	    .offset = offsetof(struct cloud_settings, custom)};
	return (struct conf_table){sections, 3};
}

/* Keys become part of topics. */
static bool
is_key(const char *s)
{
	size_t len = strlen(s);

	for (const char *c = s; *c; c++)
		if (*c <= ' ' || *c > '~' || strchr("/\"'+#;", *c))
			return false;
	return len >= 1 && len <= DIALECT_KEY_MAX;
}

enum err
cloud_settings_check(const struct cloud_settings *s)
{
	if (!is_key(s->identity.product_key) || !is_key(s->identity.device_key)) {
		log_error(NULL,
		    "expected product_key and device_key of 1 to 32 plain characters, got \"%s\" "
		    "and \"%s\"",
		    s->identity.product_key, s->identity.device_key);
		return ERR_CONFIG;
	}
	char host[DIALECT_HOST_MAX + 1];
	uint16_t port = 0;

	for (const char *at = s->identity.move_to[0] ? s->identity.move_to : NULL; at;) {
		if (move_next(&at, host, &port) == ERR_OK)
			continue;
		log_error(NULL, "move_to: expected host:port, ..., got \"%s\"",
		    s->identity.move_to);
		return ERR_CONFIG;
	}
	if (!s->tls && !s->lab) {
		log_error(NULL, "expected tls = yes (or lab = yes), got tls = no");
		return ERR_CONFIG;
	}
	if (!s->tls)
		log_warn(NULL, "LAB: no TLS: everything that is said can be read and forged");
	return ERR_OK;
}

enum err
cloud_settings_servers(const struct cloud_settings *s, struct directory *out)
{
	char host[DIALECT_HOST_MAX + 1];
	uint16_t port = 0;
	enum err e = directory_add(out, s->identity.host, (uint16_t)s->identity.port);

	for (const char *at = s->identity.move_to[0] ? s->identity.move_to : NULL; at && !e;) {
		e = move_next(&at, host, &port);
		if (e == ERR_OK)
			e = directory_add(out, host, port);
	}
	return e;
}

const struct profile *
cloud_settings_profile(const struct cloud_settings *s)
{
	if (s->profile == CLOUD_SETTINGS_CUSTOM)
		return &s->custom;
	return profile_find(profiles[s->profile]);
}
