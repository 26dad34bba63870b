/*
 * report: see report.h. The random number's state is text in JSON, because a double holds only 53
 * of its bits.
 */
#include "report.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"

enum { PATH = 600, TABLE_ROWS = 15 };

bool
report_is_complete(const struct report *r)
{
	return r->o.cuts >= r->o.wanted && !r->o.why[0];
}

/* --- the file --------------------------------------------------------------------------------- */

static const struct {
	const char *name;
	size_t at;
} numbers[] = {
    {"cuts", offsetof(struct outage, cuts)},
    {"plans", offsetof(struct outage, plans)},
    {"upgrades", offsetof(struct outage, upgrades)},
    {"lost", offsetof(struct outage, lost)},
    {"daemon_starts", offsetof(struct outage, starts)},
    {"statuses", offsetof(struct outage, statuses)},
    {"cuts_without_loss_on_disk", offsetof(struct outage, lossless)},
};

enum { NUMBERS = sizeof(numbers) / sizeof(numbers[0]) };

static unsigned *
number_at(struct outage *o, int i)
{
	return (unsigned *)((char *)o + numbers[i].at);
}

bool
report_go_on(struct report *r, const char *path)
{
	AUTO(json) cJSON *doc = json_file(path);
	const char *random = json_text(doc, "random");

	if (!random[0] || json_number(doc, "seed") != (double)r->seed ||
	    json_number(doc, "wanted") != r->o.wanted || json_text(doc, "broken")[0])
		return false;
	for (int i = 0; i < NUMBERS; i++)
		*number_at(&r->o, i) = (unsigned)json_number(doc, numbers[i].name);
	r->o.random = strtoull(random, NULL, 16);
	r->sittings = (unsigned)json_number(doc, "sittings");
	r->seconds = json_number(doc, "seconds");
	tally_read(&r->o.moments, cJSON_GetObjectItem(doc, "under_way_at_the_cut"));
	tally_read(&r->o.writes, cJSON_GetObjectItem(doc, "amid_a_write"));
	tally_read(&r->o.files, cJSON_GetObjectItem(doc, "not_on_the_disk"));
	return true;
}

enum err
report_write(const struct report *r, const char *path)
{
	AUTO(json) cJSON *doc = cJSON_CreateObject();
	struct outage o = r->o;
	char random[32], other[PATH];

	snprintf(random, sizeof(random), "%016" PRIx64, r->o.random);
	cJSON_AddNumberToObject(doc, "seed", (double)r->seed);
	cJSON_AddNumberToObject(doc, "wanted", r->o.wanted);
	for (int i = 0; i < NUMBERS; i++)
		cJSON_AddNumberToObject(doc, numbers[i].name, *number_at(&o, i));
	cJSON_AddNumberToObject(doc, "sittings", r->sittings);
	cJSON_AddNumberToObject(doc, "seconds", (double)(uint64_t)r->seconds);
	cJSON_AddBoolToObject(doc, "complete", report_is_complete(r));
	cJSON_AddStringToObject(doc, "broken", r->o.why);
	cJSON_AddStringToObject(doc, "random", random);
	cJSON_AddItemToObject(doc, "under_way_at_the_cut", tally_json(&r->o.moments));
	cJSON_AddItemToObject(doc, "amid_a_write", tally_json(&r->o.writes));
	cJSON_AddItemToObject(doc, "not_on_the_disk", tally_json(&r->o.files));

	AUTO(mem) char *text = cJSON_Print(doc);
	if (!text || snprintf(other, sizeof(other), "%s.new", path) >= (int)sizeof(other))
		return ERR_LIMIT;
	FILE *f = fopen(other, "we");
	if (!f)
		return ERR_SYSTEM;
	bool good = fprintf(f, "%s\n", text) > 0;
	return fclose(f) == 0 && good && rename(other, path) == 0 ? ERR_OK : ERR_SYSTEM;
}

/* --- for people ------------------------------------------------------------------------------- */

/* The largest first, at most as many as a page bears. */
static void
rows(FILE *f, const struct tally *all)
{
	struct tally t = *all;

	for (int row = 0; row < TABLE_ROWS; row++) {
		unsigned best = 0;

		for (unsigned i = 1; i < t.kinds; i++)
			if (t.kind[i].n > t.kind[best].n)
				best = i;
		if (!t.kinds || !t.kind[best].n)
			return;
		fprintf(f, "| %s | %u |\n", t.kind[best].name, t.kind[best].n);
		t.kind[best].n = 0;
	}
}

enum err
report_table(const struct report *r, const char *path)
{
	const struct outage *o = &r->o;
	FILE *f = fopen(path, "we");

	if (!f)
		return ERR_SYSTEM;
	fprintf(f,
	    "# A long run of power cuts\n\nMade by `make powercut-table N=%u SEED=%" PRIu64
	    "`: the real daemons, eight devices, an ext4 disk that forgets what was not "
	    "synced.\n\n"
	    "| what | how many |\n|---|--:|\n"
	    "| power cuts | %u |\n| plans | %u |\n| upgrades | %u |\n| **lost** | **%u** |\n"
	    "| starts of a daemon | %u |\n| statuses that the platform took | %u |\n"
	    "| cuts in which the disk had all | %u |\n| sittings | %u |\n| minutes | %.0f |\n",
	    o->wanted, r->seed, o->cuts, o->plans, o->upgrades, o->lost, o->starts, o->statuses,
	    o->lossless, r->sittings, r->seconds / 60);
	fprintf(f, "\n## What was under way\n\nCuts that met at least one in this state.\n\n"
		   "| state | cuts |\n|---|--:|\n");
	rows(f, &o->moments);
	fprintf(f,
	    "\n## What was being written\n\nThree of four cuts come amid a write, if one comes.\n\n"
	    "| write | cuts |\n|---|--:|\n");
	rows(f, &o->writes);
	fprintf(f, "\n## What the disk did not have\n\nCuts after which such a file was not what "
		   "the daemons had left (N: a number).\n\n| file | cuts |\n|---|--:|\n");
	rows(f, &o->files);
	return fclose(f) == 0 ? ERR_OK : ERR_SYSTEM;
}

static void
print_tally(const char *title, const struct tally *t)
{
	printf("%s\n", title);
	for (unsigned i = 0; i < t->kinds; i++)
		printf("%8u  %s\n", t->kind[i].n, t->kind[i].name);
}

void
report_print(const struct report *r)
{
	const struct outage *o = &r->o;

	print_tally("cuts by what was under way", &o->moments);
	print_tally("cuts by what was being written", &o->writes);
	print_tally("cuts by what the disk did not have", &o->files);
	printf("%u of %u cuts, %u of them with nothing lost on the disk; %u plans, %u upgrades, "
	       "lost %u; %u statuses; %.0f min in %u sitting%s\n",
	    o->cuts, o->wanted, o->lossless, o->plans, o->upgrades, o->lost, o->statuses,
	    r->seconds / 60, r->sittings, r->sittings == 1 ? "" : "s");
	if (o->why[0])
		printf("broken: %s\n", o->why);
}
