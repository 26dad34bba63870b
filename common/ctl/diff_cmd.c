/*
 * diff_cmd: `diff`: what two captures of the bus say differently, link by link. Numbers and times
 * that differ in every run are made alike first: `seq` and `sent_at` are left out, upgrades and
 * reports are counted in the order in which they first appear.
 *
 * Per link the longest common subsequence decides, as for lines of text; beginnings and ends that
 * are alike are set aside first, so that the table stays small.
 */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "ask.h"
#include "capture.h"
#include "commands.h"
#include "ctl.h"
#include "out.h"

enum { TABLE_MAX = 16 << 20, IDS_MAX = 4096, SOURCE_SIZE = 16 };

/* clang-format off */
static const struct opt_spec specs[] = {
	{"all", NULL, false, false, "pings, progress and questions, too, which depend on the time"},
	OUT_OPTION,
	{NULL, NULL, false, false, NULL},
};

static const struct out_column columns[] = {
	{"side", "SIDE"}, {"link", "LINK"}, {"number", "NUMBER"}, {"kind", "KIND"},
	{"verdict", "VERDICT"}, {"says", "SAYS"}, {NULL, NULL},
};
/* clang-format on */

static const struct opt_command command = {
    .usage = "subotactl diff [--all] [--json] A B",
    .about =
	"Compare two captures of `tap --write`: messages of A (-) that B does not have, and the\n"
	"other way round (+), link by link. Exit status 0: the same, 1: they differ.",
    .specs = specs,
    .min_args = 2,
    .max_args = 2,
};

/* One capture, its messages as texts that can be compared. */
struct side {
	size_t n;
	struct line {
		char link[48];
		char *text;       /* verdict, kind and body */
		const cJSON *row; /* of the capture */
	} * lines;
	cJSON *list;
	bool heard[ASK_DAEMONS];
	size_t n_ids;
	struct {
		uint64_t n;
		char source[SOURCE_SIZE];
	} ids[IDS_MAX];
};

static void
side_free(struct side *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->lines[i].text);
	free(s->lines);
	cJSON_Delete(s->list);
	free(s);
}

AUTO_DEFINE(side, struct side *, side_free)

/* Which of this capture's upgrades, or of the reports of `source`, counted from 1; 0: none. Each
 * daemon numbers its own, and whose come first is chance. */
static unsigned
count_id(struct side *s, const char *source, const cJSON *id)
{
	char text[24];
	unsigned count = 1;

	out_text(id, text, sizeof(text));
	uint64_t n = strtoull(text, NULL, 10);
	if (n == 0)
		return 0;
	for (size_t i = 0; i < s->n_ids; i++) {
		bool same = strcmp(s->ids[i].source, source) == 0;

		if (same && s->ids[i].n == n)
			return count;
		count += same;
	}
	if (s->n_ids < IDS_MAX) {
		s->ids[s->n_ids].n = n;
		snprintf(s->ids[s->n_ids++].source, SOURCE_SIZE, "%s", source);
	}
	return count;
}

/* Which daemons the capture listened to. */
static void
find_heard(struct side *s)
{
	const cJSON *row = NULL;

	cJSON_ArrayForEach(row, s->list) for (size_t i = 0; i < ASK_DAEMONS; i++)
	    s->heard[i] |= strcmp(out_member(row, "daemon"), who_name(ask_daemons[i])) == 0;
}

static bool
was_heard(const struct side *s, const char *who)
{
	for (size_t i = 0; i < ASK_DAEMONS; i++)
		if (s->heard[i] && strcmp(who, who_name(ask_daemons[i])) == 0)
			return true;
	return false;
}

/* A message between two daemons is heard twice: the receiver's word counts, where it was heard. */
static bool
is_wanted(const struct side *s, const cJSON *row, bool all)
{
	static const char *const unsteady[] = {"Ping", "Progress", "Hello", "Query", "Answer"};
	const char *kind = out_member(row, "kind"), *to = out_member(row, "to");

	if (strcmp(out_member(row, "daemon"), to) != 0 && was_heard(s, to))
		return false;
	for (size_t i = 0; i < sizeof(unsteady) / sizeof(unsteady[0]) && !all; i++)
		if (strcmp(kind, unsteady[i]) == 0)
			return false;
	return true;
}

/* What differs in every run, made alike, in a copy of the message. */
static unsigned
make_alike(struct side *s, cJSON *message)
{
	unsigned upgrade = count_id(s, "upgrade", cJSON_GetObjectItem(message, "upgrade"));
	cJSON *body = NULL;

	cJSON_DeleteItemFromObject(message, "seq");
	cJSON_DeleteItemFromObject(message, "sent_at");
	cJSON_DeleteItemFromObject(message, "upgrade");
	cJSON_ArrayForEach(body, message)
	{
		char source[SOURCE_SIZE];

		snprintf(source, sizeof(source), "%s", out_member(body, "source"));
		unsigned id = count_id(s, source, cJSON_GetObjectItem(body, "id"));

		cJSON_DeleteItemFromObject(body, "head"); /* hash of a log that is another */

		if (id)
			cJSON_ReplaceItemInObject(body, "id", cJSON_CreateNumber(id));
	}
	return upgrade;
}

static enum err
add_line(struct side *s, const cJSON *row)
{
	struct line *l = &s->lines[s->n];
	cJSON *message = cJSON_Duplicate(cJSON_GetObjectItem(row, "message"), true);
	unsigned upgrade = make_alike(s, message);
	AUTO(mem) char *body = cJSON_PrintUnformatted(message);

	cJSON_Delete(message);
	snprintf(l->link, sizeof(l->link), "%s>%s", out_member(row, "from"), out_member(row, "to"));
	if (!body ||
	    asprintf(&l->text, "%s upgrade %u %s", out_member(row, "verdict"), upgrade, body) < 0)
		return ERR_NOMEM;
	l->row = row;
	s->n++;
	return ERR_OK;
}

/* NULL after a complaint; *status is then the exit status. */
static struct side *
load(const char *path, bool all, int *status)
{
	char why[WHY_SIZE] = "";
	AUTO(side) struct side *s = calloc(1, sizeof(*s));
	enum err e = s ? capture_load(path, &s->list, why) : ERR_NOMEM;
	const cJSON *row = NULL;

	if (e == ERR_OK) {
		find_heard(s);
		s->lines = calloc((size_t)cJSON_GetArraySize(s->list) + 1, sizeof(*s->lines));
		e = s->lines ? ERR_OK : ERR_NOMEM;
	}
	for (row = e ? NULL : s->list->child; row && e == ERR_OK; row = row->next)
		e = is_wanted(s, row, all) ? add_line(s, row) : ERR_OK;
	if (e == ERR_OK)
		return HAND_OVER(s);
	fprintf(stderr, "diff: %s: %s%s%s\n", path, e == ERR_SYSTEM ? strerror(errno) : err_text(e),
	    *why ? ": " : "", why);
	*status = e == ERR_SYSTEM || e == ERR_NOMEM ? CTL_SYSTEM : CTL_DATA;
	return NULL;
}

/* --- one link --------------------------------------------------------------------------------- */

/* The lines of one link, by their indexes. */
struct part {
	const struct side *side;
	size_t n;
	size_t *at;
};

static enum err
part_of(const struct side *s, const char *link, struct part *out)
{
	*out = (struct part){.side = s, .at = calloc(s->n + 1, sizeof(size_t))};
	for (size_t i = 0; out->at && i < s->n; i++)
		if (strcmp(s->lines[i].link, link) == 0)
			out->at[out->n++] = i;
	return out->at ? ERR_OK : ERR_NOMEM;
}

static const struct line *
line_of(const struct part *p, size_t i)
{
	const struct line *l = &p->side->lines[p->at[i]];

	assert(l->text); /* add_line takes none without */
	return l;
}

static bool
is_alike(const struct part *a, size_t i, const struct part *b, size_t k)
{
	return strcmp(line_of(a, i)->text, line_of(b, k)->text) == 0;
}

static void
tell(cJSON *found, const char *side, const struct part *p, size_t i)
{
	const struct line *l = line_of(p, i);
	cJSON *row = out_row(found);

	out_add_text(row, "side", side);
	out_add_text(row, "link", l->link);
	out_add_number(row, "number", i + 1);
	out_add_text(row, "kind", out_member(l->row, "kind"));
	out_add_text(row, "verdict", out_member(l->row, "verdict"));
	out_add_text(row, "says", l->text + strlen(out_member(l->row, "verdict")) + 1);
}

/* Lengths of the longest common subsequences of what is left of both: a table of (n + 1) rows of
 * (m + 1); then walked from its corner. */
static void
walk(cJSON *found, const struct part *a, const struct part *b, size_t from, size_t n, size_t m,
    uint32_t *table)
{
#define AT(i, k) table[(i) * (m + 1) + (k)]
	for (size_t i = n; i-- > 0;)
		for (size_t k = m; k-- > 0;)
			AT(i, k) = is_alike(a, from + i, b, from + k) ? AT(i + 1, k + 1) + 1
				   : AT(i + 1, k) > AT(i, k + 1)      ? AT(i + 1, k)
								      : AT(i, k + 1);
	size_t i = 0, k = 0;

	while (i < n || k < m) {
		if (i < n && k < m && is_alike(a, from + i, b, from + k)) {
			i++;
			k++;
		} else if (k == m || (i < n && AT(i + 1, k) >= AT(i, k + 1))) {
			tell(found, "-", a, from + i++);
		} else {
			tell(found, "+", b, from + k++);
		}
	}
#undef AT
}

static enum err
compare_parts(cJSON *found, const struct part *a, const struct part *b)
{
	size_t from = 0, n = a->n, m = b->n;

	while (from < n && from < m && is_alike(a, from, b, from))
		from++;
	while (n > from && m > from && is_alike(a, n - 1, b, m - 1)) {
		n--;
		m--;
	}
	n -= from;
	m -= from;
	if ((n + 1) > TABLE_MAX / (m + 1))
		return ERR_LIMIT;
	AUTO(mem) uint32_t *table = calloc((n + 1) * (m + 1), sizeof(*table));

	if (!table)
		return ERR_NOMEM;
	walk(found, a, b, from, n, m, table);
	return ERR_OK;
}

static enum err
compare_link(cJSON *found, const struct side *a, const struct side *b, const char *link)
{
	struct part pa = {0}, pb = {0};
	enum err e = part_of(a, link, &pa);

	e = e ? e : part_of(b, link, &pb);
	e = e ? e : compare_parts(found, &pa, &pb);
	free(pa.at);
	free(pb.at);
	return e;
}

/* Is this the first line of its link, here and in what came before? */
static bool
is_new_link(const struct side *before, const struct side *s, size_t i)
{
	for (size_t k = 0; before && k < before->n; k++)
		if (strcmp(before->lines[k].link, s->lines[i].link) == 0)
			return false;
	for (size_t k = 0; k < i; k++)
		if (strcmp(s->lines[k].link, s->lines[i].link) == 0)
			return false;
	return true;
}

int
diff_cmd_run(int argc, char **argv)
{
	struct opt_set o;
	int status = CTL_OK;
	enum err e = opt_parse(&command, argc, argv, &o);

	if (e)
		return e == ERR_CANCELLED ? CTL_OK : CTL_USAGE;
	bool all = opt_count(&o, "all") > 0;
	AUTO(out_json) cJSON *found = cJSON_CreateArray();
	AUTO(side) struct side *a = load(o.args[0], all, &status);
	AUTO(side) struct side *b = a ? load(o.args[1], all, &status) : NULL;

	if (!b)
		return status;
	for (size_t i = 0; i < a->n && e == ERR_OK; i++)
		if (is_new_link(NULL, a, i))
			e = compare_link(found, a, b, a->lines[i].link);
	for (size_t i = 0; i < b->n && e == ERR_OK; i++)
		if (is_new_link(a, b, i))
			e = compare_link(found, a, b, b->lines[i].link);
	if (e)
		return ctl_complain("diff", e, "these captures differ too much to be compared");
	if (found->child || out_form(&o))
		out_list(found, columns, out_form(&o));
	return found->child ? CTL_FAILED : CTL_OK;
}
