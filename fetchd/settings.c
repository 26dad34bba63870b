/*
 * settings: see settings.h. The table is also the manual's page of [fetchd].
 */
#include <string.h>

#include "log.h"
#include "ports.h"
#include "settings.h"

static const char *const unsigned_choices[] = {"refuse", NULL};

#define AT(field) .offset = offsetof(struct settings, field)
#define TEXT(field) CONF_STRING, CONF_STRING_AT(struct settings, field)

/* clang-format off */
static const struct conf_key keys[] = {
	{"trust_dir", TEXT(trust_dir), .fallback = "/etc/subota/trust",
	    .help = "Directory of the root documents that say whose packages are good."},
	{"ca_file", TEXT(ca_file), .fallback = "/etc/ssl/certs/ca-certificates.crt",
	    .help = "Certificates that a package server may prove itself with (PEM)."},
	{"hosts", TEXT(hosts), .fallback = "",
	    .help = "Package servers that may be asked, separated by blanks; empty allows any."},
	{"redirect_hosts", TEXT(redirect_hosts), .fallback = "",
	    .help = "Hosts that a package server may redirect to; empty allows no redirect."},
	{"package_ports", TEXT(package_ports), .fallback = "",
	    .help = "Ports of package servers, separated by blanks, or any; empty: 443, and 80 with allow_http."},
	{"allow_http", CONF_BOOL, AT(allow_http), .fallback = "no",
	    .help = "Fetch packages without TLS, too. The publisher's signature is checked either way."},
	{"allow_private_hosts", CONF_BOOL, AT(allow_private_hosts), .fallback = "no",
	    .help = "Connect to loopback, link-local and private addresses, too."},
	{"lab", CONF_BOOL, AT(lab), .fallback = "no",
	    .help = "Accept the development keys. Never in production."},
	{"unsigned_packages", CONF_CHOICE, AT(unsigned_packages), .choices = unsigned_choices,
	    .fallback = "refuse", .help = "What to do with a package that carries no signature."},
	{"quota", CONF_SIZE, AT(quota), .min = 1 << 20, .max = 1ull << 40, .fallback = "512 MiB",
	    .help = "Room for packages, those being fetched included."},
	{"max_package", CONF_SIZE, AT(max_package), .min = 1 << 10, .max = 1ull << 40,
	    .fallback = "256 MiB", .help = "Largest package that is fetched at all."},
	{"mark_bytes", CONF_SIZE, AT(mark_bytes), .min = 1 << 16, .max = 1ull << 32,
	    .fallback = "8 MiB", .help = "Make a download durable at least this often."},
	{"connect_timeout", CONF_DURATION, AT(connect_timeout_ms), .min = 100, .max = 600000,
	    .fallback = "20 s", .help = "Time for a connection and its TLS handshake."},
	{"low_speed", CONF_SIZE, AT(low_speed), .min = 0, .max = 1 << 30, .fallback = "64",
	    .help = "Bytes a second below which a download is too slow ..."},
	{"low_speed_time", CONF_DURATION, AT(low_speed_ms), .min = 1000, .max = 3600000,
	    .fallback = "60 s", .help = "... when it stays below for so long."},
	{"total_deadline", CONF_DURATION, AT(total_ms), .min = 1000, .max = 7ull * 86400000,
	    .fallback = "6 h", .help = "Time for one download in one go; it is resumed after that."},
	{"parallel", CONF_UINT, AT(parallel), .min = 1, .max = 16, .fallback = "2",
	    .help = "Downloads at the same time."},
};
/* clang-format on */

#undef TEXT
#undef AT

struct conf_table
settings_table(struct conf_section sections[2])
{
	sections[0] = (struct conf_section){.name = "common",
	    .keys = daemon_common_keys,
	    .n_keys = daemon_n_common_keys,
	    .offset = offsetof(struct settings, common)};
	sections[1] = (struct conf_section){
	    .name = "fetchd", .keys = keys, .n_keys = sizeof(keys) / sizeof(keys[0])};
	return (struct conf_table){sections, 2};
}

enum err
settings_check(const void *settings)
{
	const struct settings *s = settings;
	struct ports ports;
	char why[WHY_SIZE];
	enum err e = ports_parse(s->package_ports, s->allow_http, &ports, why);

	if (e != ERR_OK)
		log_error(NULL, "%s", why);
	return e;
}

size_t
settings_split(char *text, char *out[SETTINGS_HOSTS_MAX])
{
	size_t n = 0;
	char *save = NULL;

	for (char *t = strtok_r(text, " \t", &save); t && n < SETTINGS_HOSTS_MAX;
	     t = strtok_r(NULL, " \t", &save))
		out[n++] = t;
	return n;
}
