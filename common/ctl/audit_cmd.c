/*
 * audit_cmd: `audit show`, `audit verify`, `audit head`, `audit key`: the log of what this gateway
 * reported, which nobody can alter unseen (audit.h).
 *
 * A log that is whole in itself may still have been cut off at its end. So verify also wants to
 * find every head that was seen elsewhere: those on the command line, and those that cloudd has
 * recorded. The key should come from --key, a copy taken when the gateway was set up: a log that is
 * asked for its own key proves only that it fits itself.
 */
#include <errno.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ask.h"
#include "audit.h"
#include "commands.h"
#include "ctl.h"
#include "history.h"

enum { PAGES_MAX = 1000, HEADS_MAX = 4096 };

/* clang-format off */
static const struct opt_spec specs[] = {
	{"key",  "FILE", false, false, "the gateway's public key, as audit key has printed it"},
	{"head", "HEAD", false, true,  "a head that was seen elsewhere, NUMBER:HASH"},
	ASK_OPTIONS,
	{NULL, NULL, false, false, NULL},
};

static const struct out_column columns[] = {
	{"seq", "NUMBER"}, {"at", "AT"}, {"upgrade", "UPGRADE"}, {"product_key", "PRODUCT"},
	{"device_key", "DEVICE"}, {"component", "COMPONENT"}, {"to", "TO"}, {"runs", "RUNS"},
	{"phase", "PHASE"}, {"error", "ERROR"}, {NULL, NULL},
};
/* clang-format on */

static const struct opt_command command = {
    .usage = "subotactl audit show|verify|head|key [OPTION]... [FILE]",
    .about =
	"The log of what flashd has reported: each entry is signed and names the one before it.\n"
	"show lists it; with FILE it is written there as it is. verify checks signatures, order "
	"and\n"
	"every head that was seen elsewhere, of the running gateway or of FILE: exit status 65, "
	"and\n"
	"the first entry that is wrong. head prints where it ends, key the public key to check "
	"with.",
    .specs = specs,
    .min_args = 1,
    .max_args = 2,
};

/* A log as lines, and the heads that were seen elsewhere. */
struct log_lines {
	cJSON *lines;
	struct minikey key;
	bool has_key;
	size_t n_heads;
	char heads[HEADS_MAX][AUDIT_HEAD];
	bool met[HEADS_MAX];
};

static void
log_free(struct log_lines *l)
{
	cJSON_Delete(l->lines);
	free(l);
}

AUTO_DEFINE(log_lines, struct log_lines *, log_free)

/* --- where it comes from ---------------------------------------------------------------------- */

/* One page of flashd's; the number to go on with, 0: that was all. */
static uint64_t
take_page(struct log_lines *l, cJSON *page)
{
	cJSON *lines = cJSON_GetObjectItem(page, "lines"), *line = NULL;
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItem(page, "public"));
	char next[24], why[WHY_SIZE];

	if (text && !l->has_key)
		l->has_key = minikey_parse_public(text, strlen(text), &l->key, why) == ERR_OK;
	while (lines && (line = lines->child)) {
		cJSON_DetachItemViaPointer(lines, line);
		cJSON_AddItemToArray(l->lines, line);
	}
	out_text(cJSON_GetObjectItem(page, "next"), next, sizeof(next));
	return cJSON_IsTrue(cJSON_GetObjectItem(page, "more")) ? strtoull(next, NULL, 10) : 0;
}

static int
ask_flashd(struct log_lines *l, const struct ask *a)
{
	uint64_t after = 0;
	int worst = CTL_OK;

	for (int i = 0; i < PAGES_MAX; i++) {
		char number[24];

		snprintf(number, sizeof(number), "%" PRIu64, after);
		AUTO(out_json)
		cJSON *page = ask_or_complain(a, WHO_FLASHD, "audit", number, &worst);
		uint64_t next = page ? take_page(l, page) : 0;

		if (next <= after)
			break;
		after = next;
	}
	return worst;
}

static int
read_file(struct log_lines *l, const char *path)
{
	AUTO(file) FILE *f = fopen(path, "re");
	char line[AUDIT_LINE + 2];

	while (f && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		cJSON_AddItemToArray(l->lines, cJSON_CreateString(line));
	}
	if (f && !ferror(f))
		return CTL_OK;
	fprintf(stderr, "audit: expected to read %s, got: %s\n", path, strerror(errno));
	return CTL_DATA;
}

static void
add_head(struct log_lines *l, const char *head)
{
	if (l->n_heads < HEADS_MAX)
		snprintf(l->heads[l->n_heads++], AUDIT_HEAD, "%s", head);
}

/* What cloudd has seen. That it is silent, or older than the log, is no fault of the log. */
static void
ask_cloudd(struct log_lines *l, const struct ask *a)
{
	struct history h = {.ask = a};
	char why[WHY_SIZE] = "";
	const cJSON *e = NULL;

	if (history_add(&h, a->common.state_dir, WHO_CLOUDD, why) != ERR_OK)
		fprintf(stderr, "audit: %s: its heads are not compared\n", why);
	AUTO(out_json) cJSON *events = history_read(&h);

	cJSON_ArrayForEach(e, events)
	{
		const char *name = cJSON_GetStringValue(cJSON_GetObjectItem(e, "event"));
		const char *head = cJSON_GetStringValue(cJSON_GetObjectItem(e, "text"));

		if (name && head && strcmp(name, "audit_head") == 0)
			add_head(l, head);
	}
}

/* --- the check -------------------------------------------------------------------------------- */

/* The heads that name this entry: are they its own? False after a complaint. */
static bool
meet_heads(struct log_lines *l, const struct audit_chain *c)
{
	char ours[AUDIT_HEAD];
	uint64_t seq = 0;
	char hash[17];

	audit_head(c->last, c->head, ours);
	for (size_t i = 0; i < l->n_heads; i++) {
		if (!audit_read_head(l->heads[i], &seq, hash) || seq != c->last)
			continue;
		l->met[i] = true;
		if (strcmp(l->heads[i], ours) == 0)
			continue;
		fprintf(stderr, "audit: entry %" PRIu64 ": expected head %s, as was seen, got %s\n",
		    c->last, l->heads[i], ours);
		return false;
	}
	return true;
}

/* A head behind the end: entries are missing there. One before the beginning was forgotten. */
static bool
all_met(const struct log_lines *l, const struct audit_chain *c)
{
	uint64_t seq = 0;
	char hash[17];

	for (size_t i = 0; i < l->n_heads; i++) {
		if (l->met[i] || !audit_read_head(l->heads[i], &seq, hash) || seq < c->first)
			continue;
		fprintf(stderr,
		    "audit: expected entry %" PRIu64 ", whose head %s was seen, got a log that "
		    "ends with entry %" PRIu64 "\n",
		    seq, l->heads[i], c->last);
		return false;
	}
	return true;
}

static int
verify(struct log_lines *l)
{
	struct audit_chain c = {0};
	char why[WHY_SIZE] = "", head[AUDIT_HEAD];
	const cJSON *line = NULL;
	uint64_t n = 0;

	cJSON_ArrayForEach(line, l->lines)
	{
		const char *text = cJSON_GetStringValue(line);
		enum err e = audit_check(&c, text, strlen(text), l->key.public_key, why);

		n++;
		if (e != ERR_OK) {
			fprintf(stderr,
			    "audit: line %" PRIu64 ", behind entry %" PRIu64 ": %s (%s)\n", n,
			    c.last, why, err_name(e));
			return CTL_DATA;
		}
		if (!meet_heads(l, &c))
			return CTL_DATA;
	}
	if (!all_met(l, &c))
		return CTL_DATA;
	audit_head(c.last, c.head, head);
	printf("%" PRIu64 " entries, from %" PRIu64 " to %" PRIu64
	       ", are whole; head %s; %zu heads "
	       "seen elsewhere fit\n",
	    n, c.first, c.last, n ? head : "-", l->n_heads);
	return CTL_OK;
}

/* --- commands --------------------------------------------------------------------------------- */

static int
write_file(const struct log_lines *l, const char *path)
{
	AUTO(file) FILE *f = fopen(path, "we");
	const cJSON *line = NULL;
	bool good = f != NULL;

	cJSON_ArrayForEach(line, l->lines)
	{
		good = good && fprintf(f, "%s\n", cJSON_GetStringValue(line)) > 0;
	}
	if (good && fflush(f) == 0)
		return CTL_OK;
	fprintf(stderr, "audit: expected to write %s, got: %s\n", path, strerror(errno));
	return CTL_SYSTEM;
}

static int
show(const struct log_lines *l, const struct ask *a)
{
	AUTO(out_json) cJSON *list = cJSON_CreateArray();
	const cJSON *line = NULL;

	cJSON_ArrayForEach(line, l->lines)
	{
		const char *text = cJSON_GetStringValue(line);
		cJSON *entry = cJSON_ParseWithLength(text, strcspn(text, "\t"));

		if (entry)
			cJSON_AddItemToArray(list, entry);
	}
	return out_list(list, columns, a->form);
}

static int
print_head(const struct log_lines *l)
{
	const cJSON *last = l->lines->child ? l->lines->child->prev : NULL;
	const char *text = cJSON_GetStringValue(last);
	uint8_t hash[AUDIT_HASH];
	char head[AUDIT_HEAD], seq[24];

	if (!text) {
		fprintf(stderr, "audit: expected an entry, got an empty log\n");
		return CTL_FAILED;
	}
	AUTO(out_json) cJSON *entry = cJSON_ParseWithLength(text, strcspn(text, "\t"));

	out_text(cJSON_GetObjectItem(entry, "seq"), seq, sizeof(seq));
	audit_hash(text, strlen(text), hash);
	audit_head(strtoull(seq, NULL, 10), hash, head);
	printf("%s\n", head);
	return CTL_OK;
}

static int
print_key(const struct log_lines *l)
{
	char text[MINIKEY_TEXT_MAX];
	size_t len = 0;

	if (!l->has_key || minikey_format_public(&l->key, text, &len) != ERR_OK)
		return CTL_FAILED;
	printf("%s", text);
	return CTL_OK;
}

/* Key and heads of the command line. */
static int
take_options(struct log_lines *l, const struct opt_set *o)
{
	const char *path = opt_nth(o, "key", 0);
	char why[WHY_SIZE] = "", hash[17];
	uint64_t seq = 0;

	for (size_t i = 0; i < opt_count(o, "head"); i++) {
		const char *head = opt_nth(o, "head", i);

		if (!audit_read_head(head, &seq, hash)) {
			fprintf(stderr, "--head: expected NUMBER:HASH, got '%s'\n", head);
			return CTL_USAGE;
		}
		add_head(l, head);
	}
	if (!path)
		return CTL_OK;
	enum err e = minikey_load_public(path, &l->key, why);

	l->has_key = e == ERR_OK;
	return e ? ctl_complain("audit", e, why) : CTL_OK;
}

static int
verify_all(struct log_lines *l, const struct ask *a, const struct opt_set *o)
{
	bool file = o->n_args == 2, own = !opt_count(o, "key");

	if (!l->has_key) {
		fprintf(stderr, "audit: expected --key with FILE, got none\n");
		return CTL_USAGE;
	}
	if (own)
		fprintf(stderr, "audit: without --key the log is checked with its own key\n");
	if (!file)
		ask_cloudd(l, a);
	return verify(l);
}

int
audit_cmd_run(int argc, char **argv)
{
	struct opt_set o;
	struct ask a;
	int status = ask_begin(&command, argc, argv, &o, &a);

	if (status >= 0)
		return status;
	AUTO(log_lines) struct log_lines *l = calloc(1, sizeof(*l));
	const char *what = o.args[0];
	bool verifies = strcmp(what, "verify") == 0, from_file = verifies && o.n_args == 2;

	if (!l || sodium_init() < 0)
		return ctl_complain("audit", ERR_NOMEM, "");
	l->lines = cJSON_CreateArray();
	status = take_options(l, &o);
	if (status == CTL_OK)
		status = from_file ? read_file(l, o.args[1]) : ask_flashd(l, &a);
	if (status != CTL_OK)
		return status;
	if (verifies)
		return verify_all(l, &a, &o);
	if (strcmp(what, "show") == 0)
		return o.n_args == 2 ? write_file(l, o.args[1]) : show(l, &a);
	if (strcmp(what, "head") == 0)
		return print_head(l);
	if (strcmp(what, "key") == 0)
		return print_key(l);
	fprintf(stderr, "audit: expected show, verify, head or key, got '%s'\n", what);
	return CTL_USAGE;
}
