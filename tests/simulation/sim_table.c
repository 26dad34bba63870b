/*
 * sim_table: see sim_table.h.
 */
#include "sim_table.h"
#include "sim_fault.h"

typedef unsigned long long ull;

/* clang-format off */
static const struct { const char *name, *text; } sums[] = {
	/* in JSON                     for people */
	{"first_seed",                 NULL},
	{"seeds",                      "seeds"},
	{"upgrades",                   "upgrades"},
	{"violations",                 "violations of an invariant"},
	{"crashes",                    "processes killed"},
	{"power_cuts",                 "power cuts"},
	{"effects",                    "effects (where a process may die)"},
	{"messages",                   "messages between processes"},
	{"events",                     "events"},
	{"virtual_hours",              "hours of virtual life"},
	{"bytes_written_per_upgrade",  "bytes written to databases per upgrade"},
};
/* clang-format on */
enum { SUMS = sizeof(sums) / sizeof(sums[0]) };

static void
gather(const struct sim_totals *t, ull out[SUMS])
{
	const struct sim_counts *c = &t->sum.counts;
	const ull all[SUMS] = {t->first, t->seeds, c->upgrades, t->violations, c->crashes,
	    c->power_cuts, c->effects, c->messages, c->events, t->lasted_ms / 3600000,
	    c->upgrades ? c->bytes_written / c->upgrades : 0};

	for (int i = 0; i < SUMS; i++)
		out[i] = all[i];
}

void
sim_table_json(const struct sim_totals *t, const char *path)
{
	const struct sim_counts *c = &t->sum.counts;
	FILE *f = fopen(path, "we");
	ull all[SUMS];

	if (!f)
		return;
	gather(t, all);
	fprintf(f, "{");
	for (int i = 0; i < SUMS; i++)
		fprintf(f, "\n  \"%s\": %llu,", sums[i].name, all[i]);
	fprintf(f,
	    "\n  \"seconds\": %.1f,\n  \"upgrades_per_second\": %.1f,\n"
	    "  \"faults\": {",
	    t->seconds, t->seconds > 0 ? (double)c->upgrades / t->seconds : 0);
	for (int i = 0; i < SIM_FAULT_KINDS; i++)
		fprintf(
		    f, "%s\n    \"%s\": %llu", i ? "," : "", sim_fault_name(i), (ull)c->faults[i]);
	fprintf(f, "\n  },\n  \"tables\": {");
	sim_cover_print(&t->sum.cover, f);
	fprintf(f, "\n  }\n}\n");
	fclose(f);
}

void
sim_table_text(const struct sim_totals *t, const char *path)
{
	const struct sim_counts *c = &t->sum.counts;
	FILE *f = fopen(path, "we");
	ull all[SUMS];

	if (!f)
		return;
	gather(t, all);
	fprintf(f, "# A long run of the simulator\n\nMade by `make simulate-table`.\n\n"
		   "| what | how many |\n|---|--:|\n");
	for (int i = 0; i < SUMS; i++)
		if (sums[i].text)
			fprintf(f, "| %s | %llu |\n", sums[i].text, all[i]);
	fprintf(f, "| seconds | %.0f |\n", t->seconds);
	fprintf(f, "\n## Faults\n\n| kind | how many |\n|---|--:|\n");
	for (int i = 0; i < SIM_FAULT_KINDS; i++)
		fprintf(f, "| %s | %llu |\n", sim_fault_name(i), (ull)c->faults[i]);
	sim_cover_text(&t->sum.cover, f);
	fclose(f);
}
