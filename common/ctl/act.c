/*
 * act: see act.h.
 */
#include <stdio.h>

#include "act.h"
#include "bus_client.h"
#include "ctl.h"

/* The daemon said no. */
static int
tell_refusal(const char *what, const char *argument, const struct bus_answer *answer)
{
	AUTO(out_json) cJSON *json = cJSON_Parse(answer->json);
	const cJSON *detail = cJSON_GetObjectItem(json, "detail");

	fprintf(stderr, "subotactl: %s %s: %s (%s)%s%s\n", what, argument, err_text(answer->error),
	    err_name(answer->error), cJSON_IsString(detail) && detail->valuestring[0] ? ": " : "",
	    cJSON_IsString(detail) ? detail->valuestring : "");
	return CTL_FAILED;
}

int
act_order_for(
    const struct ask *a, enum who daemon, const char *what, const char *argument, cJSON **out)
{
	char path[108], why[WHY_SIZE] = "";
	struct bus_answer answer = {0};

	*out = NULL;
	daemon_socket_path(&a->common, daemon, WHO_ACTOR, path);
	enum err e = bus_client_act(path, what, argument, a->timeout_ms, &answer);
	AUTO(mem) char *json = answer.json;

	if (e == ERR_OK && answer.daemon != daemon)
		e = ERR_PEER;
	if (e == ERR_DENIED)
		(void)!why_say(why, e, "%s: only root and members of actor_group may use %s",
		    who_name(daemon), path);
	else if (e != ERR_OK)
		ask_explain(e, daemon, path, a->timeout_ms, why);
	if (e != ERR_OK) {
		fprintf(stderr, "subotactl: %s\n", why);
		return ask_status(e);
	}
	if (answer.error)
		return tell_refusal(what, argument, &answer);
	*out = cJSON_Parse(json);
	return CTL_OK;
}

int
act_order(const struct ask *a, enum who daemon, const char *what, const char *argument)
{
	cJSON *json = NULL;
	int status = act_order_for(a, daemon, what, argument, &json);
	AUTO(out_json) cJSON *answer = json;

	return status == CTL_OK && a->form ? out_value(answer, a->form) : status;
}

bool
act_try(const struct ask *a, enum who daemon, const char *what, const char *argument)
{
	char path[108];
	struct bus_answer answer = {0};

	daemon_socket_path(&a->common, daemon, WHO_ACTOR, path);
	enum err e = bus_client_act(path, what, argument, a->timeout_ms, &answer);
	AUTO(mem) char *json = answer.json;

	if (e != ERR_OK || answer.daemon != daemon || answer.error)
		return false;
	AUTO(out_json) cJSON *doc = cJSON_Parse(json);

	return !a->form || out_value(doc, a->form) == CTL_OK;
}
