/*
 * ask: see ask.h. Only three keys of [common] are read: the users and groups in it may be unknown
 * where an operator sits, and do not concern him.
 */
#include <string.h>
#include <unistd.h>

#include "ask.h"
#include "bus_client.h"
#include "ctl.h"

#define USUAL_CONFIG "/etc/subota/subota.conf"

enum { TIMEOUT_MS = 3000, TIMEOUT_MAX_MS = 600000, KEYS = 3 };

const enum who ask_daemons[ASK_DAEMONS] = {WHO_CLOUDD, WHO_FETCHD, WHO_FLASHD};

enum who
ask_find(const char *name)
{
	for (size_t i = 0; i < ASK_DAEMONS; i++)
		if (strcmp(name, who_name(ask_daemons[i])) == 0)
			return ask_daemons[i];
	return WHO_NONE;
}

static enum err
ignore(void *item, const char *key, const char *value, char *why, size_t why_size)
{
	(void)item, (void)key, (void)value, (void)why, (void)why_size;
	return ERR_OK;
}

static size_t
pick_keys(struct conf_key out[KEYS])
{
	static const char *const wanted[KEYS] = {"run_dir", "state_dir", "tap"};
	size_t n = 0;

	for (size_t i = 0; i < daemon_n_common_keys; i++)
		for (size_t k = 0; k < KEYS; k++)
			if (strcmp(daemon_common_keys[i].name, wanted[k]) == 0)
				out[n++] = daemon_common_keys[i];
	return n;
}

static enum err
load(const char *path, struct daemon_common *common)
{
	struct conf_key keys[KEYS];
	struct conf_section section = {
	    .name = "common", .keys = keys, .n_keys = pick_keys(keys), .on_other = ignore};
	struct conf_table t = {&section, 1};

	if (!path && access(USUAL_CONFIG, F_OK) != 0)
		return conf_parse(&t, "defaults", "", 0, common);
	return conf_load(&t, path ? path : USUAL_CONFIG, common);
}

int
ask_begin(const struct opt_command *c, int argc, char **argv, struct opt_set *o, struct ask *a)
{
	enum err e = opt_parse(c, argc, argv, o);
	uint64_t timeout = 0;

	if (e)
		return e == ERR_CANCELLED ? CTL_OK : CTL_USAGE;
	if (opt_number(o, "timeout", TIMEOUT_MS, TIMEOUT_MAX_MS, &timeout))
		return CTL_USAGE;
	*a = (struct ask){.timeout_ms = (int)timeout, .form = out_form(o)};
	e = load(opt_nth(o, "config", 0), &a->common);
	return e ? ctl_complain(argv[0], e, opt_text(o, "config", USUAL_CONFIG)) : -1;
}

int
ask_status(enum err e)
{
	switch (e) {
	case ERR_OK:
		return CTL_OK;
	case ERR_NOT_FOUND:
	case ERR_TIMEOUT:
		return CTL_AWAY;
	case ERR_DENIED:
		return CTL_DENIED;
	case ERR_SYSTEM:
	case ERR_NOMEM:
		return CTL_SYSTEM;
	default:
		return CTL_DATA;
	}
}

void
ask_explain(enum err e, enum who daemon, const char *path, int timeout_ms, char why[WHY_SIZE])
{
	const char *name = who_name(daemon);

	if (e == ERR_NOT_FOUND)
		e = why_say(why, e, "%s is not running: expected a socket at %s", name, path);
	else if (e == ERR_DENIED)
		e = why_say(
		    why, e, "%s: only root and members of operator_group may use %s", name, path);
	else if (e == ERR_TIMEOUT)
		e = why_say(why, e, "%s does not answer: expected it within %d ms at %s", name,
		    timeout_ms, path);
	else
		e = why_say(why, e, "%s: %s (%s)", name, err_text(e), err_name(e));
	(void)e;
}

enum err
ask_one(const struct ask *a, enum who daemon, const char *what, const char *argument, cJSON **out,
    char why[WHY_SIZE])
{
	const struct bundle_bytes nothing = {0};

	return ask_about(a, daemon, what, argument, &nothing, out, why);
}

enum err
ask_about(const struct ask *a, enum who daemon, const char *what, const char *argument,
    const struct bundle_bytes *about, cJSON **out, char why[WHY_SIZE])
{
	char path[108];
	struct bus_answer answer = {0};

	*out = NULL;
	daemon_socket_path(&a->common, daemon, WHO_CTL, path);
	enum err e = bus_client_ask_about(
	    path, what, argument, about->data, about->len, a->timeout_ms, &answer);
	AUTO(mem) char *json = answer.json;

	if (e) {
		ask_explain(e, daemon, path, a->timeout_ms, why);
		return e;
	}
	if (answer.daemon != daemon)
		return why_say(why, ERR_PEER, "expected %s at %s, got %s", who_name(daemon), path,
		    who_name(answer.daemon));
	if (answer.error)
		return why_say(why, ERR_INVALID, "%s: '%s': %s (%s)", who_name(daemon), what,
		    err_text(answer.error), err_name(answer.error));
	*out = cJSON_Parse(json);
	return *out ? ERR_OK
		    : why_say(why, ERR_MALFORMED, "%s: expected JSON, got %zu bytes that are none",
			  who_name(daemon), strlen(json));
}

cJSON *
ask_or_complain(
    const struct ask *a, enum who daemon, const char *what, const char *argument, int *worst)
{
	cJSON *answer = NULL;
	char why[WHY_SIZE] = "";
	int status = ask_status(ask_one(a, daemon, what, argument, &answer, why));

	if (status != CTL_OK)
		fprintf(stderr, "subotactl: %s\n", why);
	if (status > *worst)
		*worst = status;
	return answer;
}

const cJSON *
ask_list(const cJSON *answer, const char *name)
{
	const cJSON *list = cJSON_IsObject(answer) ? cJSON_GetObjectItem(answer, name) : answer;

	return cJSON_IsArray(list) ? list : NULL;
}
