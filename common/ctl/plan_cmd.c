/*
 * plan_cmd: `plan BUNDLE DEVICE`: what would come of a bundle on a device, and why; a dry run. It
 * is flashd that judges: it gets the bundle's head and answers check by check.
 */
#include <stdio.h>
#include <string.h>

#include "ask.h"
#include "bundle_file.h"
#include "commands.h"
#include "ctl.h"
#include "install.h"
#include "msg.h"

/* clang-format off */
static const struct opt_spec specs[] = {
	{"component", "NAME", false, false, "which part of the device; else its first"},
	ASK_OPTIONS,
	{NULL, NULL, false, false, NULL},
};

static const struct out_column columns[] = {
	{"check", "CHECK"}, {"result", "RESULT"}, {"text", "BECAUSE"}, {NULL, NULL},
};

static const struct {
	const char *verdict;
	int status;
	const char *text;
} ends[] = {
	{"begin",   CTL_OK,     "would begin now"},
	{"nothing", CTL_FAILED, "nothing to do, it runs that already"},
	{"wait",    CTL_FAILED, "would wait"},
	{"ask",     CTL_FAILED, "would wait for a person's yes"},
	{"refuse",  CTL_DATA,   "would be refused"},
};
/* clang-format on */

static const struct opt_command command = {
    .usage = "subotactl plan [OPTION]... BUNDLE DEVICE",
    .about =
	"What would happen now if this bundle were installed on this device (its name in the\n"
	"configuration, or PRODUCT/DEVICE), and why: each check with what it expects and what\n"
	"it got. Nothing is changed. Exit status 0: it would begin; 1: it would wait, or there\n"
	"is nothing to do; 65: it would be refused.",
    .specs = specs,
    .min_args = 2,
    .max_args = 2,
};

/* The bundle up to the header of its first payload. */
static enum err
read_head(const char *path, struct bundle_bytes *out, char why[WHY_SIZE])
{
	struct bundle_file f;
	enum err e = bundle_file_open(path, &f, why);

	if (e != ERR_OK)
		return e;
	out->len = f.head->payload_offset + BUNDLE_BLOCK;
	if (out->len > MSG_QUERY_DATA_MAX)
		e = why_say(why, ERR_LIMIT, "expected at most %d bytes before the payload, got %zu",
		    MSG_QUERY_DATA_MAX, out->len);
	if (e == ERR_OK && !(out->data = malloc(out->len)))
		e = ERR_NOMEM;
	if (e == ERR_OK)
		e = bundle_read_fd(&f.fd, 0, out->data, out->len);
	bundle_file_close(&f);
	return e;
}

static int
tell(const struct ask *a, const cJSON *answer)
{
	const char *verdict = cJSON_GetStringValue(cJSON_GetObjectItem(answer, "verdict"));
	char device[70], component[70], from[70], to[70];
	size_t i = 0, n = sizeof(ends) / sizeof(ends[0]);

	while (verdict && i < n && strcmp(ends[i].verdict, verdict) != 0)
		i++;
	if (a->form)
		out_value(answer, a->form);
	if (!verdict || i == n)
		return CTL_AWAY;
	if (a->form)
		return ends[i].status;
	out_list(ask_list(answer, "checks"), columns, false);
	out_text(cJSON_GetObjectItem(answer, "device"), device, sizeof(device));
	out_text(cJSON_GetObjectItem(answer, "component"), component, sizeof(component));
	out_text(cJSON_GetObjectItem(answer, "from"), from, sizeof(from));
	out_text(cJSON_GetObjectItem(answer, "to"), to, sizeof(to));
	printf("%s %s, %s -> %s: %s\n", device, component, from, to, ends[i].text);
	return ends[i].status;
}

enum err
plan_ask(const struct ask *a, const char *path, const char *device, const char *component,
    cJSON **answer, char why[WHY_SIZE])
{
	struct bundle_bytes head = {0};
	char argument[200];
	enum err e = read_head(path, &head, why);
	AUTO(mem) uint8_t *bytes = head.data;

	*answer = NULL;
	if (e != ERR_OK)
		return e;
	snprintf(
	    argument, sizeof(argument), "%.100s%s%.64s", device, *component ? " " : "", component);
	return ask_about(a, WHO_FLASHD, "plan", argument, &head, answer, why);
}

int
plan_cmd_run(int argc, char **argv)
{
	struct opt_set o;
	struct ask a;
	char why[WHY_SIZE] = "";
	cJSON *json = NULL;
	int status = ask_begin(&command, argc, argv, &o, &a);

	if (status >= 0)
		return status;
	enum err e = plan_ask(&a, o.args[0], o.args[1], opt_text(&o, "component", ""), &json, why);
	AUTO(out_json) cJSON *answer = json;

	if (e == ERR_OK)
		return tell(&a, answer);
	fprintf(stderr, "subotactl: %s: %s\n", o.args[0], *why ? why : err_text(e));
	return ask_status(e);
}
