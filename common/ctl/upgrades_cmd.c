/*
 * upgrades_cmd: `upgrades` and `upgrade N`: what became of the platform's plans, told by the three
 * who carry them out.
 */
#include <stdio.h>

#include "ask.h"
#include "commands.h"
#include "ctl.h"
#include "history.h"
#include "merge.h"
#include "timeline.h"

/* clang-format off */
static const struct opt_spec specs[] = {
	ASK_OPTIONS,
	{NULL, NULL, false, false, NULL},
};

static const struct out_column columns[] = {
	{"upgrade", "UPGRADE"}, {"device", "DEVICE"}, {"component", "COMPONENT"},
	{"target", "TARGET"}, {"cloud", "PLATFORM"}, {"gate", "GATE"}, {"flash", "FLASH"},
	{"status", "STATUS"},
	{"done", "DONE"}, {"size", "SIZE"}, {"error", "ERROR"}, {"detail", "DETAIL"}, {NULL, NULL},
};
/* clang-format on */

static const struct out_column moments[] = {
	{"at", "AT"}, {"after", "AFTER"}, {"daemon", "DAEMON"}, {"what", "WHAT"},
	{"lasted", "FOR"}, {"why", "WHY"}, {NULL, NULL},
};

static const struct opt_command many = {
    .usage = "subotactl upgrades [OPTION]... [N]",
    .about = "The newest upgrades: what the platform was told, where the package is, how far the\n"
	     "device is, and why one failed. With N the story of that one: how it stands and who\n"
	     "said no to it, then what each daemon did with it, when, and for how long.",
    .specs = specs,
    .max_args = 1,
};

static const struct opt_command one = {
    .usage = "subotactl upgrade [OPTION]... N",
    .about = "All that the three daemons know of one upgrade, and of its package.",
    .specs = specs,
    .min_args = 1,
    .max_args = 1,
};

static cJSON *
ask_all(const struct ask *a, int *worst)
{
	AUTO(out_json) cJSON *cloudd = ask_or_complain(a, WHO_CLOUDD, "upgrades", "", worst);
	AUTO(out_json) cJSON *fetchd = ask_or_complain(a, WHO_FETCHD, "upgrades", "", worst);
	AUTO(out_json) cJSON *flashd = ask_or_complain(a, WHO_FLASHD, "upgrades", "", worst);

	return merge_upgrades(&(struct merge){cloudd, fetchd, flashd});
}

/* Everybody's events of upgrade `id`; the caller's. What cannot be read is complained of. */
static cJSON *
events_of(const struct ask *a, uint64_t id, int *worst)
{
	struct history h = {.ask = a, .upgrade = id};

	for (size_t i = 0; i < ASK_DAEMONS; i++) {
		char why[WHY_SIZE] = "";
		int status = ask_status(history_add(&h, a->common.state_dir, ask_daemons[i], why));

		if (status != CTL_OK)
			fprintf(stderr, "subotactl: %s\n", why);
		*worst = status > *worst ? status : *worst;
	}
	return history_read(&h);
}

static int
tell_story(const struct ask *a, const char *number)
{
	uint64_t id = 0;
	int worst = CTL_OK;
	char sentence[TIMELINE_SENTENCE], device[140];

	if (!opt_read_number(number, INT64_MAX, &id) || id == 0) {
		fprintf(stderr, "upgrades: expected a number, got '%s'\n", number);
		return CTL_USAGE;
	}
	AUTO(out_json) cJSON *list = ask_all(a, &worst);
	AUTO(out_json) cJSON *events = events_of(a, id, &worst);
	AUTO(out_json) cJSON *timeline = timeline_make(events);
	const cJSON *u = merge_find_upgrade(list, id);

	if (!u && !timeline->child) {
		fprintf(stderr, "upgrades: nothing that could be asked knows upgrade %s\n", number);
		return worst ? worst : CTL_FAILED;
	}
	timeline_sentence(u, timeline, sentence);
	if (a->form) {
		AUTO(out_json) cJSON *all = cJSON_CreateObject();

		out_add_text(all, "upgrade", number);
		out_add_text(all, "stands", sentence);
		cJSON_AddItemToObject(all, "timeline", cJSON_Duplicate(timeline, true));
		cJSON_AddItemToObject(all, "daemons", cJSON_Duplicate(u, true));
		out_value(all, a->form);
		return worst;
	}
	AUTO(out_json) cJSON *rows = timeline_rows(timeline);

	out_text(cJSON_GetObjectItem(u, "device"), device, sizeof(device));
	printf("upgrade %s of %s: ", number, device);
	AUTO(out_json) cJSON *said = cJSON_CreateString(sentence);
	out_text(said, sentence, sizeof(sentence));
	printf("%s\n\n", sentence);
	out_list(rows, moments, false);
	return worst;
}

int
upgrades_cmd_run(int argc, char **argv)
{
	struct opt_set o;
	struct ask a;
	int status = ask_begin(&many, argc, argv, &o, &a), worst = CTL_OK;

	if (status >= 0)
		return status;
	if (o.n_args)
		return tell_story(&a, o.args[0]);
	AUTO(out_json) cJSON *list = ask_all(&a, &worst);

	out_list(list, columns, a.form);
	return worst;
}

int
upgrades_cmd_one(int argc, char **argv)
{
	struct opt_set o;
	struct ask a;
	uint64_t id = 0;
	int status = ask_begin(&one, argc, argv, &o, &a), worst = CTL_OK;

	if (status >= 0)
		return status;
	if (!opt_read_number(o.args[0], INT64_MAX, &id)) {
		fprintf(stderr, "upgrade: expected a number, got '%s'\n", o.args[0]);
		return CTL_USAGE;
	}
	AUTO(out_json) cJSON *list = ask_all(&a, &worst);
	const cJSON *u = merge_find_upgrade(list, id);

	if (u)
		out_object(u, a.form);
	else
		fprintf(stderr, "upgrade: no daemon that answered knows upgrade %s\n", o.args[0]);
	return worst ? worst : u ? CTL_OK : CTL_FAILED;
}
