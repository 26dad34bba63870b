/*
 * The machine of one package, and what the gate believes of a courier.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "image.h"

static const struct mono now = {1000000};

static struct image
in_state(int state)
{
	return (struct image){.id = 1, .state = state, .size = 1000, .done = 400, .durable = 300};
}

static struct image_news
news(enum err e, bool progressed)
{
	return (struct image_news){
	    .error = e, .detail = "why", .progressed = progressed, .now = now};
}

/* Step and say where it went; IMAGE_STATES = refused. */
static int
next(struct image *i, int event, const struct image_news *n)
{
	return image_step(i, event, n) == ERR_OK ? i->state : IMAGE_STATES;
}

Test(image, every_state_takes_exactly_the_events_of_its_rows)
{
	/* clang-format off */
	enum { NO = IMAGE_STATES, Q = IMAGE_QUEUED, G = IMAGE_FETCHING, F = IMAGE_FETCHED, V = IMAGE_VERIFYING,
	       R = IMAGE_READY, X = IMAGE_FAILED };
	static const int wanted[IMAGE_STATES][IMAGE_EVENTS] = {
		/*            START COMPLETE CONTINUES BROKEN BAD_HEAD CHECK GOOD BAD ORDERED UNWANTED LOST RESTARTED */
		/* QUEUED */    {G, NO,      NO,      NO,    NO,      NO,   NO,  NO, Q,      X,       NO,  NO},
		/* FETCHING */  {NO, F,      Q,      X,     X,       NO,   NO,  NO, G,      X,       NO,  Q},
		/* FETCHED */   {NO, NO,      NO,     NO,    NO,      V,    NO,  NO, F,      NO,      NO,  F},
		/* VERIFYING */ {NO, NO,      NO,     NO,    NO,      NO,   R,   X,  V,      NO,      Q,   F},
		/* READY */     {NO, NO,      NO,     NO,    NO,      NO,   NO,  NO, R,      NO,      Q,   NO},
		/* FAILED */    {NO, NO,      NO,     NO,    NO,      NO,   NO,  NO, Q,      NO,      NO,  NO},
		/* PARTIAL */   {NO, NO,     NO,      NO,    NO,      NO,   NO,  NO, Q,      NO,      NO,  NO},
	};
	/* clang-format on */
	struct image_news n = news(ERR_URL, false); /* hopeless */

	for (int s = 0; s < IMAGE_STATES; s++) {
		for (int e = 0; e < IMAGE_EVENTS; e++) {
			struct image i = in_state(s);
			int got = next(&i, e, &n);
			cr_expect_eq(got, wanted[s][e], "%s on %s: %d", image_table.states[s],
			    image_table.events[e], got);
			cr_expect_eq(i.changed, got != NO);
			if (got == NO)
				cr_expect(i.state == s && i.effects == 0);
		}
	}
}

Test(image, passing_troubles_are_tried_again_later_and_from_where_it_stopped)
{
	static const enum err rows[] = {
	    ERR_NETWORK, ERR_SLOW, ERR_COURIER, ERR_TIMEOUT, ERR_CLOSED};

	for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
		struct image i = in_state(IMAGE_FETCHING);
		struct image_news n = news(rows[k], true);
		cr_expect_eq(next(&i, IMAGE_BROKEN, &n), IMAGE_QUEUED);
		cr_expect_eq(i.effects, 0);
		cr_expect_eq(i.done, 400);
		cr_expect_eq(i.tries, 1);
		cr_expect_eq(i.dry, 0);
		cr_expect_gt(i.next_try.ms, now.ms);
	}
}

Test(image, of_refusals_only_a_server_in_trouble_is_asked_again)
{
	static const struct {
		unsigned status;
		int state;
	} rows[] = {{500, IMAGE_QUEUED}, {503, IMAGE_QUEUED}, {429, IMAGE_QUEUED},
	    {404, IMAGE_PARTIAL}, {403, IMAGE_PARTIAL}, {499, IMAGE_PARTIAL}, {0, IMAGE_PARTIAL}};

	for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
		struct image i = in_state(IMAGE_FETCHING);
		struct image_news n = news(ERR_HTTP, false);
		n.http_status = rows[k].status;
		cr_expect_eq(next(&i, IMAGE_BROKEN, &n), rows[k].state, "%u", rows[k].status);
	}
}

/* rule: download-again */
Test(image, what_came_is_kept_where_only_the_way_was_bad)
{
	static const struct {
		enum err e;
		uint64_t done;
		int state;
	} rows[] = {{ERR_NETWORK, 400, IMAGE_PARTIAL}, {ERR_HTTP, 400, IMAGE_PARTIAL},
	    {ERR_NETWORK, 0, IMAGE_FAILED}, {ERR_URL, 400, IMAGE_FAILED},
	    {ERR_ENDLESS, 400, IMAGE_FAILED}, {ERR_FULL, 400, IMAGE_FAILED}};

	for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
		struct image i = in_state(IMAGE_FETCHING);
		struct image_news n = news(rows[k].e, false);
		bool kept = rows[k].state == IMAGE_PARTIAL;

		i.dry = IMAGE_DRY_TRIES;
		i.done = rows[k].done;
		n.http_status = 404;
		cr_expect_eq(next(&i, IMAGE_BROKEN, &n), rows[k].state, "row %zu", k);
		cr_expect_eq(i.effects, IMAGE_SAY_FAILED | (kept ? 0 : IMAGE_DO_CLEAR));
		cr_expect_eq(i.done, kept ? 400 : 0);
		if (!kept)
			continue;
		cr_expect_eq(next(&i, IMAGE_ORDERED, NULL), IMAGE_QUEUED);
		cr_expect(i.done == 400 && i.dry == 0 && i.error == ERR_OK);
	}
}

Test(image, pauses_grow_while_nothing_comes_and_shrink_when_something_does)
{
	struct image i = in_state(IMAGE_FETCHING);
	struct image_news dry = news(ERR_NETWORK, false), wet = news(ERR_NETWORK, true);
	int64_t before = 0;

	for (int k = 0; k < 5; k++) {
		i.state = IMAGE_FETCHING;
		cr_assert_eq(next(&i, IMAGE_BROKEN, &dry), IMAGE_QUEUED);
		cr_expect_gt(i.next_try.ms - now.ms, before);
		before = i.next_try.ms - now.ms;
	}
	i.state = IMAGE_FETCHING;
	cr_assert_eq(next(&i, IMAGE_BROKEN, &wet), IMAGE_QUEUED);
	cr_expect_lt(i.next_try.ms - now.ms, before);
}

Test(image, gives_up_after_so_many_dry_tries_or_tries_in_all)
{
	struct image i = in_state(IMAGE_FETCHING), j = in_state(IMAGE_FETCHING);
	struct image_news dry = news(ERR_NETWORK, false), wet = news(ERR_NETWORK, true);
	unsigned n = 0;

	while (next(&i, IMAGE_BROKEN, &dry) == IMAGE_QUEUED) {
		i.state = IMAGE_FETCHING;
		cr_assert_leq(++n, IMAGE_DRY_TRIES);
	}
	cr_expect_eq(n, IMAGE_DRY_TRIES);
	cr_expect_eq(i.state, IMAGE_PARTIAL);
	cr_expect_eq(i.error, ERR_NETWORK);
	cr_expect_str_eq(i.detail, "why");
	cr_expect_eq(i.effects, IMAGE_SAY_FAILED);
	for (n = 0; next(&j, IMAGE_BROKEN, &wet) == IMAGE_QUEUED; n++)
		j.state = IMAGE_FETCHING;
	cr_expect_eq(n, IMAGE_ALL_TRIES);
}

Test(image, wrong_digests_are_worth_one_more_whole_download_and_no_second)
{
	static const enum err rows[] = {ERR_MD5, ERR_SHA256, ERR_CHANGED, ERR_LIMIT};

	for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
		struct image i = in_state(IMAGE_FETCHING);
		struct image_news n = news(rows[k], true);
		snprintf(i.validator, sizeof(i.validator), "\"x\"");
		i.head_judged = true;
		cr_expect_eq(next(&i, IMAGE_BROKEN, &n), IMAGE_QUEUED);
		cr_expect_eq(i.effects, IMAGE_DO_CLEAR);
		cr_expect(i.done == 0 && i.durable == 0 && !i.validator[0] && !i.head_judged);
		i.state = IMAGE_FETCHING;
		cr_expect_eq(next(&i, IMAGE_BROKEN, &n), IMAGE_FAILED);
	}
}

Test(image, a_new_order_is_a_new_chance_for_a_failed_one)
{
	struct image i = in_state(IMAGE_FAILED);

	i.tries = i.dry = 5;
	i.from_zero = true;
	i.error = ERR_MD5;
	i.next_try = mono_after(now, 1000000);
	cr_expect_eq(next(&i, IMAGE_ORDERED, NULL), IMAGE_QUEUED);
	cr_expect(i.tries == 0 && i.dry == 0 && !i.from_zero && i.error == ERR_OK);
	cr_expect(mono_reached(now, i.next_try));
}

Test(image, each_step_has_the_effects_that_others_wait_for)
{
	static const struct {
		int state, event;
		unsigned effects;
	} rows[] = {
	    {IMAGE_QUEUED, IMAGE_START, IMAGE_DO_FETCH},
	    {IMAGE_FETCHING, IMAGE_COMPLETE, IMAGE_SAY_FETCHED},
	    {IMAGE_FETCHING, IMAGE_BAD_HEAD, IMAGE_DO_STOP | IMAGE_DO_CLEAR | IMAGE_SAY_FAILED},
	    {IMAGE_FETCHING, IMAGE_UNWANTED, IMAGE_DO_STOP | IMAGE_DO_CLEAR},
	    {IMAGE_VERIFYING, IMAGE_GOOD, IMAGE_SAY_READY},
	    {IMAGE_VERIFYING, IMAGE_BAD, IMAGE_DO_CLEAR | IMAGE_SAY_FAILED},
	    {IMAGE_READY, IMAGE_ORDERED, IMAGE_SAY_READY},
	    {IMAGE_FETCHED, IMAGE_ORDERED, IMAGE_SAY_FETCHED},
	    {IMAGE_READY, IMAGE_LOST, IMAGE_DO_CLEAR | IMAGE_SAY_LOST},
	    {IMAGE_FETCHING, IMAGE_RESTARTED, 0},
	};
	struct image_news n = news(ERR_DIGEST, false);

	for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
		struct image i = in_state(rows[k].state);
		cr_assert_eq(image_step(&i, rows[k].event, &n), ERR_OK);
		cr_expect_eq(i.effects, rows[k].effects, "%s on %s: 0x%x",
		    image_table.states[rows[k].state], image_table.events[rows[k].event],
		    i.effects);
	}
}

/* --- which order an image is for ---------------------------------------------------------------
 */

static uint8_t md5[16] = {1}, sha256[32] = {2}, other[32] = {9};

static Pb__FetchOrder
order(const char *url, uint64_t size, bool with_md5, bool with_sha256)
{
	Pb__FetchOrder o = PB__FETCH_ORDER__INIT;

	o.url = (char *)(uintptr_t)url;
	o.size = size;
	if (with_md5)
		o.md5 = (ProtobufCBinaryData){sizeof(md5), md5};
	if (with_sha256)
		o.sha256 = (ProtobufCBinaryData){sizeof(sha256), sha256};
	return o;
}

Test(image, content_decides_which_orders_share_a_download)
{
	struct image i;
	Pb__FetchOrder o = order("https://h/a", 1000, true, true);

	cr_assert_eq(image_init(&i, &o), ERR_OK);
	cr_expect_eq(i.state, IMAGE_QUEUED);
	Pb__FetchOrder elsewhere = order("https://h/b", 1000, true, true);
	Pb__FetchOrder only_md5 = order("https://h/b", 1000, true, false);
	Pb__FetchOrder larger = order("https://h/a", 1001, true, true);
	Pb__FetchOrder bare = order("https://h/a", 1000, false, false);
	Pb__FetchOrder bare_elsewhere = order("https://h/b", 1000, false, false);
	cr_expect(image_fits(&i, &o));
	cr_expect(image_fits(&i, &elsewhere), "same content from another address");
	cr_expect(image_fits(&i, &only_md5));
	cr_expect_not(image_fits(&i, &larger));
	cr_expect(image_fits(&i, &bare), "no digest to compare: the address decides");
	cr_expect_not(image_fits(&i, &bare_elsewhere));
	o.sha256.data = other;
	cr_expect_not(image_fits(&i, &o));
	o = order("https://h/a", 1000, true, false);
	o.md5.data = other;
	cr_expect_not(image_fits(&i, &o));
}

Test(image, the_slower_digest_is_checked_only_where_there_is_no_other)
{
	struct image i;
	Pb__FetchOrder both = order("u", 1, true, true), one = order("u", 1, true, false),
		       none = order("u", 1, false, false);

	cr_assert_eq(image_init(&i, &both), ERR_OK);
	cr_expect_not(image_needs_md5(&i));
	cr_assert_eq(image_init(&i, &one), ERR_OK);
	cr_expect(image_needs_md5(&i));
	cr_assert_eq(image_init(&i, &none), ERR_OK);
	cr_expect_not(image_needs_md5(&i));
}

Test(image, after_a_kill_the_file_is_believed_after_a_reboot_only_the_mark)
{
	struct image i = in_state(IMAGE_QUEUED);

	snprintf(i.boot_id, sizeof(i.boot_id), "this");
	cr_expect_eq(image_offset(&i, 400, "this"), 400);
	cr_expect_eq(image_offset(&i, 400, "other"), 300);
	cr_expect_eq(image_offset(&i, 200, "other"), 200, "less than the mark: what is there");
	cr_expect_eq(image_offset(&i, 1000, "this"), 1000);
	cr_expect_eq(image_offset(&i, 1001, "this"), 0, "more than there can be: from the start");
}

static Pb__CourierReport
report(uint64_t done, uint64_t durable, bool final)
{
	Pb__CourierReport r = PB__COURIER_REPORT__INIT;

	r.done_bytes = done;
	r.durable_bytes = durable;
	r.final = final;
	r.etag = (char *)(uintptr_t) "\"v\"";
	return r;
}

/* --- several files ---------------------------------------------------------------------------- */

static uint8_t digests[3][16] = {{1}, {2}, {3}};

/* Of 100, 200 and 300 bytes. */
static Pb__FetchOrder
order_of_three(void)
{
	static Pb__FetchFile file[3];
	static Pb__FetchFile *list[3];
	Pb__FetchOrder o = order("https://h/0", 600, false, false);

	for (unsigned i = 0; i < 3; i++) {
		list[i] = &file[i];
		pb__fetch_file__init(list[i]);
		list[i]->url = (char *)(uintptr_t) "https://h/0";
		list[i]->size = 100 * (i + 1);
		list[i]->md5 = (ProtobufCBinaryData){16, digests[i]};
	}
	o.files = list;
	o.n_files = 3;
	return o;
}

/* rule: url-files */
Test(image, files_of_a_package_follow_one_another)
{
	Pb__FetchOrder o = order_of_three();
	struct image i;
	Pb__CourierReport r = report(100, 100, true);
	struct image_news n = {.now = {5}};

	cr_assert_eq(image_init(&i, &o), ERR_OK);
	i.state = IMAGE_FETCHING;
	r.md5 = (ProtobufCBinaryData){16, digests[1]};
	cr_expect_eq(image_take_report(&i, &r), ERR_COURIER, "the digest of another file");
	r.md5.data = digests[0];
	cr_expect_eq(image_take_report(&i, &r), ERR_OK);
	cr_assert_eq(image_step(&i, IMAGE_CONTINUES, &n), ERR_OK);
	cr_expect_eq(i.state, IMAGE_QUEUED);
	cr_expect_eq(i.file, 1);
	cr_expect_str_eq(i.validator, "", "of the file before");
	struct image_span span = image_span(&i);
	cr_expect(span.base == 100 && span.size == 200 && span.md5 == i.files[1].md5);
	i.state = IMAGE_FETCHING;
	r = report(50, 40, false);
	cr_expect_eq(image_take_report(&i, &r), ERR_OK);
	cr_expect(i.done == 150 && i.durable == 140);
	r = report(201, 40, false);
	cr_expect_eq(image_take_report(&i, &r), ERR_COURIER, "more than this file has");
	n.error = ERR_MD5;
	cr_assert_eq(image_step(&i, IMAGE_BROKEN, &n), ERR_OK);
	cr_expect_eq(i.file, 0, "once from zero");
	image_fini(&i);
}

/* rule: url-files */
Test(image, what_lies_on_the_disk_says_with_which_file_it_goes_on)
{
	static const struct {
		size_t known, file;
		uint64_t done, left;
	} rows[] = {{0, 0, 50, 50}, {0, 0, 100, 100}, {0, 0, 150, 100}, {1, 1, 100, 100},
	    {1, 0, 99, 99}, {2, 1, 250, 250}, {2, 2, 600, 600}, {2, 0, 0, 0}};
	Pb__FetchOrder o = order_of_three();
	struct image i;

	cr_assert_eq(image_init(&i, &o), ERR_OK);
	for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
		i.file = rows[k].known;
		i.done = rows[k].done;
		image_find_file(&i);
		cr_expect_eq(i.file, rows[k].file, "row %zu", k);
		cr_expect_eq(i.done, rows[k].left, "row %zu", k);
	}
	image_fini(&i);
}

/* rule: url-files */
Test(image, only_an_order_for_the_same_files_shares_a_download)
{
	Pb__FetchOrder o = order_of_three(), single = order("https://h/0", 600, false, false);
	struct image i;

	cr_assert_eq(image_init(&i, &o), ERR_OK);
	cr_expect(image_fits(&i, &o));
	cr_expect_not(image_fits(&i, &single));
	o.files[2]->md5.data = digests[0];
	cr_expect_not(image_fits(&i, &o));
	o.files[2]->md5.data = digests[2];
	o.n_files = 2;
	cr_expect_not(image_fits(&i, &o));
	image_fini(&i);
}

/* --- couriers --------------------------------------------------------------------------------- */

Test(image, takes_over_what_a_courier_reports_of_its_progress)
{
	struct image i = in_state(IMAGE_FETCHING);
	Pb__CourierReport r = report(700, 600, false);

	cr_expect_eq(image_take_report(&i, &r), ERR_OK);
	cr_expect(i.done == 700 && i.durable == 600);
	cr_expect_str_eq(i.validator, "\"v\"");
}

Test(image, a_courier_that_contradicts_itself_or_its_order_is_not_believed)
{
	struct image before = in_state(IMAGE_FETCHING), i = before;
	char long_tag[IMAGE_VALIDATOR_MAX + 2];
	Pb__CourierReport r[9] = {report(1001, 0, false), report(500, 501, false),
	    report(999, 999, true), report(1000, 999, true), report(1000, 1000, true),
	    report(1000, 1000, true), report(500, 0, false), report(500, 0, false),
	    report(1000, 1000, true)};

	i.has_sha256 = before.has_sha256 = true;
	memcpy(i.sha256, sha256, sizeof(i.sha256));
	memcpy(before.sha256, sha256, sizeof(before.sha256));
	memset(long_tag, 'x', sizeof(long_tag));
	long_tag[sizeof(long_tag) - 1] = '\0';
	r[4].sha256 = (ProtobufCBinaryData){32, other};
	r[5].sha256 = (ProtobufCBinaryData){31, sha256};
	r[6].etag = long_tag;
	r[7].etag = (char *)(uintptr_t) "a\r\nHost: b";
	for (size_t k = 0; k < sizeof(r) / sizeof(r[0]); k++) {
		cr_expect_eq(image_take_report(&i, &r[k]), ERR_COURIER, "%zu", k);
		cr_expect(memcmp(&i, &before, sizeof(i)) == 0, "%zu left a trace", k);
	}
	r[4].sha256.data = sha256;
	cr_expect_eq(image_take_report(&i, &r[4]), ERR_OK);
}

Test(image, an_unfinished_last_report_is_no_contradiction)
{
	struct image i = in_state(IMAGE_FETCHING);
	Pb__CourierReport r = report(500, 500, true);

	r.error = ERR_NETWORK;
	cr_expect_eq(image_take_report(&i, &r), ERR_OK);
	cr_expect_eq(i.done, 500);
}

Test(image, works_out_a_rate_once_a_second)
{
	struct image i = in_state(IMAGE_FETCHING);

	i.done = 0;
	image_note_rate(&i, now);
	i.done = 100;
	image_note_rate(&i, mono_after(now, 999));
	cr_expect_eq(i.rate, 0);
	i.done = 3000;
	image_note_rate(&i, mono_after(now, 1500));
	cr_expect_eq(i.rate, 2000);
	i.done = 10; /* begun anew */
	image_note_rate(&i, mono_after(now, 3000));
	cr_expect_eq(i.rate, 2000);
}
