/*
 * route: the table, tested for every from x to x kind x phase against a second statement of who may
 * say what: per pair of neighbours one line of kinds, as DESIGN.md section 2 draws them.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "auto.h"
#include "golden.h"
#include "route.h"
#include "schema.h"

struct way {
	enum who from, to;
	const char *kinds;
};

/* clang-format off */
static const struct way ways[] = {
	{WHO_CLOUDD,  WHO_FETCHD,  "Hello Ping PlanOffer FetchOrder ReportAck Cancel LinkState"},
	{WHO_FETCHD,  WHO_CLOUDD,  "Hello Ping DeviceReport PlanVerdict Progress Report"},
	{WHO_FETCHD,  WHO_FLASHD,  "Hello Ping PlanOffer FlashOrder ReportAck Cancel LinkState"},
	{WHO_FLASHD,  WHO_FETCHD,  "Hello Ping DeviceReport PlanVerdict Progress Report"},
	{WHO_FETCHD,  WHO_COURIER, "CourierOrder"},
	{WHO_COURIER, WHO_FETCHD,  "CourierReport"},
	{WHO_FLASHD,  WHO_SESSION, "SessionOrder"},
	{WHO_SESSION, WHO_FLASHD,  "SessionReport"},
	{WHO_CTL,     WHO_CLOUDD,  "Hello Query"},
	{WHO_CTL,     WHO_FETCHD,  "Hello Query"},
	{WHO_CTL,     WHO_FLASHD,  "Hello Query"},
	{WHO_CLOUDD,  WHO_CTL,     "Hello Answer"},
	{WHO_FETCHD,  WHO_CTL,     "Hello Answer"},
	{WHO_FLASHD,  WHO_CTL,     "Hello Answer"},
	{WHO_ACTOR,   WHO_CLOUDD,  "Hello Act"},
	{WHO_ACTOR,   WHO_FETCHD,  "Hello Act"},
	{WHO_ACTOR,   WHO_FLASHD,  "Hello Act"},
	{WHO_CLOUDD,  WHO_ACTOR,   "Hello Answer"},
	{WHO_FETCHD,  WHO_ACTOR,   "Hello Answer"},
	{WHO_FLASHD,  WHO_ACTOR,   "Hello Answer"},
};
/* clang-format on */

static bool
is_word_of(const char *word, const char *words)
{
	size_t n = strlen(word);

	for (const char *at = strstr(words, word); at; at = strstr(at + 1, word))
		if ((at == words || at[-1] == ' ') && (at[n] == ' ' || at[n] == '\0'))
			return true;
	return false;
}

static bool
is_meant(int kind, enum who from, enum who to)
{
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
		if (ways[i].from == from && ways[i].to == to)
			return is_word_of(route_kind_name(kind), ways[i].kinds);
	return false;
}

static void
expect_admitted_as_meant(int kind, enum who from, enum who to)
{
	struct golden g;
	bool meant = is_meant(kind, from, to);
	enum err early = kind == PB__ENVELOPE__BODY_HELLO ? ERR_OK : ERR_PHASE;

	golden_make(kind, &g);
	cr_expect_eq(route_admit(&g.e, 1, from, to, ROUTE_READY), meant ? ERR_OK : ERR_ROUTE,
	    "%s from %s to %s", route_kind_name(kind), who_name(from), who_name(to));
	cr_expect_eq(route_admit(&g.e, 1, from, to, ROUTE_GREETING), meant ? early : ERR_ROUTE,
	    "early %s from %s to %s", route_kind_name(kind), who_name(from), who_name(to));
	cr_expect_eq(route_find(kind, from, to) != NULL, meant);
}

Test(route, every_kind_goes_where_it_is_meant_to_and_nowhere_else)
{
	for (int kind = GOLDEN_FIRST; kind < GOLDEN_FIRST + GOLDEN_KINDS; kind++)
		for (int from = WHO_NONE; from < WHO_COUNT; from++)
			for (int to = WHO_NONE; to < WHO_COUNT; to++)
				expect_admitted_as_meant(kind, (enum who)from, (enum who)to);
}

Test(route, cloudd_and_flashd_have_no_way_to_each_other)
{
	size_t n = 0;
	const struct route_row *r = route_rows(&n);

	for (size_t i = 0; i < n; i++)
		cr_expect(!(r[i].from == WHO_CLOUDD && r[i].to == WHO_FLASHD) &&
			  !(r[i].from == WHO_FLASHD && r[i].to == WHO_CLOUDD));
}

Test(route, each_row_stands_once_and_says_everything)
{
	size_t n = 0;
	const struct route_row *r = route_rows(&n);

	for (size_t i = 0; i < n; i++) {
		cr_expect_eq(route_find(r[i].kind, r[i].from, r[i].to), &r[i]);
		cr_expect_not_null(r[i].check);
		cr_expect(r[i].phases & ROUTE_READY);
		cr_expect_eq(r[i].droppable, r[i].kind == PB__ENVELOPE__BODY_PROGRESS);
		bool pipe = r[i].to == WHO_SESSION || r[i].to == WHO_COURIER;
		cr_expect_leq(r[i].max_bytes, pipe ? (size_t)ROUTE_PIPE_MAX : ROUTE_BUS_MAX);
	}
}

Test(route, message_of_exactly_the_limit_passes_and_one_byte_more_does_not)
{
	size_t n = 0;
	const struct route_row *r = route_rows(&n);

	for (size_t i = 0; i < n; i++) {
		struct golden g;

		golden_make(r[i].kind, &g);
		cr_expect_eq(
		    route_admit(&g.e, r[i].max_bytes, r[i].from, r[i].to, ROUTE_READY), ERR_OK);
		cr_expect_eq(route_admit(&g.e, r[i].max_bytes + 1, r[i].from, r[i].to, ROUTE_READY),
		    ERR_LIMIT);
	}
}

Test(route, version_that_is_not_ours_is_refused)
{
	struct golden g;

	golden_make(PB__ENVELOPE__BODY_PING, &g);
	g.e.proto = 0;
	cr_expect_eq(route_admit(&g.e, 1, WHO_CLOUDD, WHO_FETCHD, ROUTE_READY), ERR_VERSION);
	g.e.proto = ROUTE_PROTO_MAX + 1;
	cr_expect_eq(route_admit(&g.e, 1, WHO_CLOUDD, WHO_FETCHD, ROUTE_READY), ERR_VERSION);
}

Test(route, checks_come_in_order_version_row_phase_size_fields)
{
	struct golden g;

	golden_make(PB__ENVELOPE__BODY_CANCEL, &g);
	g.e.proto = 0;
	g.e.upgrade = 0; /* no check lets it pass */
	cr_expect_eq(route_admit(&g.e, 9999, WHO_CTL, WHO_FETCHD, ROUTE_GREETING), ERR_VERSION);
	g.e.proto = 1;
	cr_expect_eq(route_admit(&g.e, 9999, WHO_CTL, WHO_FETCHD, ROUTE_GREETING), ERR_ROUTE);
	cr_expect_eq(route_admit(&g.e, 9999, WHO_CLOUDD, WHO_FETCHD, ROUTE_GREETING), ERR_PHASE);
	cr_expect_eq(route_admit(&g.e, 9999, WHO_CLOUDD, WHO_FETCHD, ROUTE_READY), ERR_LIMIT);
	cr_expect_eq(route_admit(&g.e, 50, WHO_CLOUDD, WHO_FETCHD, ROUTE_READY), ERR_MESSAGE);
}

Test(route, envelope_without_a_body_or_of_an_unknown_kind_has_no_row)
{
	Pb__Envelope e = PB__ENVELOPE__INIT;

	e.proto = 1;
	cr_expect_eq(route_admit(&e, 1, WHO_CLOUDD, WHO_FETCHD, ROUTE_READY), ERR_ROUTE);
	e.body_case = (Pb__Envelope__BodyCase)999;
	cr_expect_eq(route_admit(&e, 1, WHO_CLOUDD, WHO_FETCHD, ROUTE_READY), ERR_ROUTE);
}

Test(route, names_are_total)
{
	for (int who = WHO_NONE; who < WHO_COUNT; who++)
		cr_expect_not_null(who_name((enum who)who));
	cr_expect_str_eq(who_name(WHO_CTL), "ctl");
	cr_expect_str_eq(who_name((enum who)99), who_name(WHO_NONE));
	cr_expect_str_eq(route_kind_name(PB__ENVELOPE__BODY_PLAN_OFFER), "PlanOffer");
	cr_expect_str_eq(route_kind_name(0), "unknown");
	cr_expect_str_eq(route_kind_name(1), "unknown"); /* a field, but no kind */
	cr_expect_str_eq(route_kind_name(-1), "unknown");
}

/* A longest message of a kind fits its row: all texts and lists as long as the checks allow. */
Test(route, limits_leave_room_for_the_longest_fields)
{
	struct golden g;
	char url[3073], text[513];

	memset(url, 'u', sizeof(url) - 1);
	url[sizeof(url) - 1] = '\0';
	memset(text, 't', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	golden_make(PB__ENVELOPE__BODY_FETCH_ORDER, &g);
	g.body.fetch_order.url = url;
	size_t n = pb__envelope__get_packed_size(&g.e);
	cr_expect_eq(route_admit(&g.e, n, WHO_CLOUDD, WHO_FETCHD, ROUTE_READY), ERR_OK);
	golden_make(PB__ENVELOPE__BODY_REPORT, &g);
	g.body.report.detail = text;
	n = pb__envelope__get_packed_size(&g.e);
	cr_expect_eq(route_admit(&g.e, n, WHO_FLASHD, WHO_FETCHD, ROUTE_READY), ERR_OK);
	golden_make(PB__ENVELOPE__BODY_PLAN_VERDICT, &g);
	g.body.plan_verdict.detail = text;
	n = pb__envelope__get_packed_size(&g.e);
	cr_expect_eq(route_admit(&g.e, n, WHO_FLASHD, WHO_FETCHD, ROUTE_READY), ERR_OK);
	golden_make(PB__ENVELOPE__BODY_COURIER_REPORT, &g);
	g.body.courier_report.detail = g.body.courier_report.etag = text;
	n = pb__envelope__get_packed_size(&g.e);
	cr_expect_eq(route_admit(&g.e, n, WHO_COURIER, WHO_FETCHD, ROUTE_READY), ERR_OK);
}

static char *
read_whole(const char *path)
{
	char *text = calloc(1, 1 << 16);
	AUTO(file) FILE *f = fopen(path, "re");

	cr_assert_not_null(f, "%s", path);
	cr_assert_gt(fread(text, 1, (1 << 16) - 1, f), 0);
	return text;
}

Test(route, table_in_the_readme_is_the_table)
{
	AUTO(mem) char *readme = read_whole(SCHEMA_ROUTES);
	AUTO(mem) char *table = schema_routes();
	char *begin = strstr(readme, SCHEMA_BEGIN), *end = strstr(readme, SCHEMA_END);

	cr_assert(begin && end);
	*end = '\0';
	cr_expect_str_eq(begin + strlen(SCHEMA_BEGIN), table, "make routes-table");
}
