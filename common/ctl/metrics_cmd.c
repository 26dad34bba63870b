/*
 * metrics_cmd: `metrics`: what the daemons say of themselves, in the text form that Prometheus
 * reads, for its node_exporter's directory of text files or for a small server of one's choice.
 *
 * One table says what there is; a figure that a daemon does not have is left out, so an older
 * daemon does not look like an empty one. A file is put in its place by a rename: who reads it
 * never sees half of it. A daemon that opens a port for this was rejected: nothing of ours listens
 * to a network.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ask.h"
#include "auto.h"
#include "commands.h"
#include "ctl.h"

/* clang-format off */
static const struct opt_spec specs[] = {
	{"output", "FILE", false, false, "write FILE, by a rename, instead of stdout"},
	ASK_OPTIONS,
	{NULL, NULL, false, false, NULL},
};
/* clang-format on */

static const struct opt_command command = {
    .usage = "subotactl metrics [--output FILE] [OPTION]...",
    .about =
	"Figures of the running daemons in Prometheus' text form. Exit status 69 when a daemon\n"
	"does not answer; what the others say is printed all the same.",
    .specs = specs,
};

/* What the daemons answered; NULL: nothing. */
struct answers {
	cJSON *status[ASK_DAEMONS], *upgrades[ASK_DAEMONS], *devices, *store;
};

enum kind { FIGURE, EACH, LINK, UP, DEVICES, RUNS, UPGRADES, STORE };

/* clang-format off */
static const struct metric {
	const char *name, *type;
	enum kind kind;
	enum who daemon; /* FIGURE: whose status */
	const char *key; /* in its status, in a link of it, in the store */
	const char *help;
} metrics[] = {
	/* name                           type       kind      daemon      key              help */
	{"subota_up",                     "gauge",   UP,       WHO_NONE,   NULL,            "1 when the daemon answers."},
	{"subota_records_set_aside",      "gauge",   EACH,     WHO_NONE,   "records_set_aside", "Databases that were damaged and set aside."},
	{"subota_record_fails",           "gauge",   EACH,     WHO_NONE,   "record_fails",  "1 when the daemon's record cannot be written: a full disk, one that fails or is read-only."},
	{"subota_clock_behind",           "gauge",   EACH,     WHO_NONE,   "clock_behind",  "1 when the clock is before a time that was signed and verified."},
	{"subota_platform_connected",     "gauge",   FIGURE,   WHO_CLOUDD, "connected",     "1 when the platform's server is connected."},
	{"subota_platform_online",        "gauge",   FIGURE,   WHO_CLOUDD, "online",        "1 when the gateway is logged in at the platform."},
	{"subota_platform_devices",       "gauge",   FIGURE,   WHO_CLOUDD, "logged_in",     "Devices that are logged in at the platform."},
	{"subota_platform_reports",       "gauge",   FIGURE,   WHO_CLOUDD, "unconfirmed",   "Reports that the platform has not confirmed yet."},
	{"subota_platform_refused_total", "counter", FIGURE,   WHO_CLOUDD, "refused",       "Messages of the platform that were refused."},
	{"subota_gate_couriers",          "gauge",   FIGURE,   WHO_FETCHD, "couriers",      "Downloads at work."},
	{"subota_gate_images",            "gauge",   FIGURE,   WHO_FETCHD, "images",        "Packages in the store."},
	{"subota_gate_root_version",      "gauge",   FIGURE,   WHO_FETCHD, "root_version",  "Version of the root document that the gate judges by."},
	{"subota_gate_refuses_all",       "gauge",   FIGURE,   WHO_FETCHD, "refuses_all",   "1 when there is no trust anchor."},
	{"subota_store_bytes",            "gauge",   STORE,    WHO_FETCHD, "used",          "Bytes in the store."},
	{"subota_store_quota_bytes",      "gauge",   STORE,    WHO_FETCHD, "quota",         "Bytes that the store may have."},
	{"subota_flash_links",            "gauge",   FIGURE,   WHO_FLASHD, "links",         "Links that devices hang on."},
	{"subota_flash_sessions",         "gauge",   FIGURE,   WHO_FLASHD, "sessions",      "Sessions at work."},
	{"subota_flash_active",           "gauge",   FIGURE,   WHO_FLASHD, "active",        "Upgrades that have not ended."},
	{"subota_flash_root_version",     "gauge",   FIGURE,   WHO_FLASHD, "root_version",  "Version of the root document that flashd judges by."},
	{"subota_flash_refuses_all",      "gauge",   FIGURE,   WHO_FLASHD, "refuses_all",   "1 when there is no trust anchor."},
	{"subota_devices",                "gauge",   DEVICES,  WHO_FLASHD, "state",         "Devices by state."},
	{"subota_device_runs",            "gauge",   RUNS,     WHO_FLASHD, NULL,            "1; the labels say which version a device runs."},
	{"subota_upgrades",               "gauge",   UPGRADES, WHO_NONE,   "state",         "Upgrades that a daemon remembers, by its state of them."},
	{"subota_link_up",                "gauge",   LINK,     WHO_NONE,   "up",            "1 when the two daemons are connected."},
	{"subota_link_received_total",    "counter", LINK,     WHO_NONE,   "received",      "Messages from the peer."},
	{"subota_link_sent_total",        "counter", LINK,     WHO_NONE,   "sent",          "Messages to the peer."},
	{"subota_link_refused_total",     "counter", LINK,     WHO_NONE,   "refused",       "Messages from the peer that were refused."},
	{"subota_link_dropped_total",     "counter", LINK,     WHO_NONE,   "dropped",       "Messages to the peer that were dropped."},
	{"subota_link_strangers_total",   "counter", LINK,     WHO_NONE,   "strangers",     "Connections by somebody else that were refused."},
};
#define METRICS (sizeof(metrics) / sizeof(metrics[0]))
/* clang-format on */

/* --- samples ---------------------------------------------------------------------------------- */

/* A label's value: quotes and backslashes escaped, what cannot be printed as '?'. */
static void
print_label(FILE *to, const char *name, const cJSON *value)
{
	char text[256];

	out_text(value, text, sizeof(text));
	fprintf(to, "%s=\"", name);
	for (const char *c = text; *c; c++)
		fprintf(to, "%s%c", *c == '"' || *c == '\\' ? "\\" : "", *c);
	fprintf(to, "\"");
}

static bool
is_figure(const cJSON *value)
{
	return cJSON_IsBool(value) || cJSON_IsNumber(value);
}

static void
print_value(FILE *to, const cJSON *value)
{
	if (cJSON_IsBool(value))
		fprintf(to, " %d\n", cJSON_IsTrue(value) ? 1 : 0);
	else
		fprintf(to, " %.17g\n", value->valuedouble);
}

static void
print_figure(FILE *to, const struct metric *m, const cJSON *from)
{
	const cJSON *value = cJSON_GetObjectItem(from, m->key);

	if (!is_figure(value))
		return;
	fprintf(to, "%s", m->name);
	print_value(to, value);
}

/* The figure of each daemon. */
static void
print_each(FILE *to, const struct metric *m, const struct answers *a)
{
	for (size_t i = 0; i < ASK_DAEMONS; i++) {
		const cJSON *value = cJSON_GetObjectItem(a->status[i], m->key);

		if (!is_figure(value))
			continue;
		fprintf(to, "%s{daemon=\"%s\"}", m->name, who_name(ask_daemons[i]));
		print_value(to, value);
	}
}

/* A link is a member of a daemon's status that is an object and counts messages. */
static void
print_links(FILE *to, const struct metric *m, const struct answers *a)
{
	for (size_t i = 0; i < ASK_DAEMONS; i++) {
		const cJSON *link = a->status[i] ? a->status[i]->child : NULL;

		for (; link; link = link->next) {
			const cJSON *value = cJSON_GetObjectItem(link, m->key);

			if (!cJSON_GetObjectItem(link, "received") || !is_figure(value))
				continue;
			fprintf(to, "%s{daemon=\"%s\",peer=\"%s\"}", m->name,
			    who_name(ask_daemons[i]), link->string);
			print_value(to, value);
		}
	}
}

/* Is an earlier element's member of the same text? */
static bool
came_before(const cJSON *list, const cJSON *element, const char *key)
{
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItem(element, key));

	for (const cJSON *e = list->child; e != element; e = e->next) {
		const char *other = cJSON_GetStringValue(cJSON_GetObjectItem(e, key));

		if (text && other && strcmp(text, other) == 0)
			return true;
	}
	return false;
}

static unsigned
count_alike(const cJSON *list, const char *key, const char *text)
{
	const cJSON *e = NULL;
	unsigned n = 0;

	cJSON_ArrayForEach(e, list)
	{
		const char *other = cJSON_GetStringValue(cJSON_GetObjectItem(e, key));

		n += other && strcmp(other, text) == 0 ? 1 : 0;
	}
	return n;
}

/* How many elements have each text at `key`; `who` may be NULL. */
static void
print_counts(FILE *to, const struct metric *m, const cJSON *list, const char *who)
{
	const cJSON *e = NULL;

	cJSON_ArrayForEach(e, list)
	{
		const cJSON *value = cJSON_GetObjectItem(e, m->key);
		const char *text = cJSON_GetStringValue(value);

		if (!text || came_before(list, e, m->key))
			continue;
		fprintf(to, "%s{", m->name);
		if (who)
			fprintf(to, "daemon=\"%s\",", who);
		print_label(to, m->key, value);
		fprintf(to, "} %u\n", count_alike(list, m->key, text));
	}
}

static void
print_runs(FILE *to, const struct metric *m, const cJSON *devices)
{
	static const char *const labels[] = {"product_key", "device_key", "component", "version"};
	const cJSON *d = NULL;

	cJSON_ArrayForEach(d, devices)
	{
		fprintf(to, "%s{", m->name);
		for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++) {
			fprintf(to, "%s", i ? "," : "");
			print_label(to, labels[i], cJSON_GetObjectItem(d, labels[i]));
		}
		fprintf(to, "} 1\n");
	}
}

static const cJSON *
status_of(const struct answers *a, enum who who)
{
	for (size_t i = 0; i < ASK_DAEMONS; i++)
		if (ask_daemons[i] == who)
			return a->status[i];
	return NULL;
}

static void
print_metric(FILE *to, const struct metric *m, const struct answers *a)
{
	fprintf(to, "# HELP %s %s\n# TYPE %s %s\n", m->name, m->help, m->name, m->type);
	switch (m->kind) {
	case FIGURE:
		print_figure(to, m, status_of(a, m->daemon));
		return;
	case EACH:
		print_each(to, m, a);
		return;
	case STORE:
		print_figure(to, m, a->store);
		return;
	case LINK:
		print_links(to, m, a);
		return;
	case DEVICES:
		print_counts(to, m, ask_list(a->devices, "devices"), NULL);
		return;
	case RUNS:
		print_runs(to, m, ask_list(a->devices, "devices"));
		return;
	case UP:
		for (size_t i = 0; i < ASK_DAEMONS; i++)
			fprintf(to, "%s{daemon=\"%s\"} %d\n", m->name, who_name(ask_daemons[i]),
			    a->status[i] ? 1 : 0);
		return;
	case UPGRADES:
		for (size_t i = 0; i < ASK_DAEMONS; i++)
			print_counts(
			    to, m, ask_list(a->upgrades[i], "upgrades"), who_name(ask_daemons[i]));
		return;
	}
}

/* --- where to --------------------------------------------------------------------------------- */

static void
print_all(FILE *to, const struct answers *a)
{
	for (const struct metric *m = metrics; m < metrics + METRICS; m++)
		print_metric(to, m, a);
}

/* Beside `path` first, then in its place; readable for everybody, as its readers expect. */
static int
write_file(const char *path, const struct answers *a)
{
	char beside[4096];
	int n = snprintf(beside, sizeof(beside), "%s.%ld", path, (long)getpid());

	if (n < 0 || (size_t)n >= sizeof(beside))
		return ctl_complain("metrics", ERR_INVALID, "the file's name is too long");
	FILE *to = fopen(beside, "wxe");
	bool good = to != NULL;

	if (good)
		print_all(to, a);
	good = good && fflush(to) == 0 && !ferror(to);
	good = to && fclose(to) == 0 && good && rename(beside, path) == 0;
	if (good)
		return CTL_OK;
	fprintf(stderr, "metrics: expected to write %s, got: %s\n", path, strerror(errno));
	if (to)
		unlink(beside);
	return CTL_SYSTEM;
}

int
metrics_cmd_run(int argc, char **argv)
{
	struct opt_set o;
	struct ask ask;
	int status = ask_begin(&command, argc, argv, &o, &ask), worst = CTL_OK, written = CTL_OK;
	struct answers a = {0};

	if (status >= 0)
		return status;
	for (size_t i = 0; i < ASK_DAEMONS; i++) {
		enum who who = ask_daemons[i];

		a.status[i] = ask_or_complain(&ask, who, "status", "", &worst);
		if (!a.status[i])
			continue; /* one complaint of it is enough */
		a.upgrades[i] = ask_or_complain(&ask, who, "upgrades", "", &worst);
		if (who == WHO_FLASHD)
			a.devices = ask_or_complain(&ask, who, "devices", "", &worst);
		if (who == WHO_FETCHD)
			a.store = ask_or_complain(&ask, who, "store", "", &worst);
	}
	if (opt_count(&o, "output"))
		written = write_file(opt_nth(&o, "output", 0), &a);
	else
		print_all(stdout, &a);
	for (size_t i = 0; i < ASK_DAEMONS; i++) {
		cJSON_Delete(a.status[i]);
		cJSON_Delete(a.upgrades[i]);
	}
	cJSON_Delete(a.devices);
	cJSON_Delete(a.store);
	return written ? written : worst;
}
