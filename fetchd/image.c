/*
 * image: see image.h. The table is the specification.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "image.h"

static const char *const states[] = {
    "QUEUED", "FETCHING", "FETCHED", "VERIFYING", "READY", "FAILED", "PARTIAL"};
static const char *const events[] = {"START", "COMPLETE", "CONTINUES", "BROKEN", "BAD_HEAD",
    "CHECK", "GOOD", "BAD", "ORDERED", "UNWANTED", "LOST", "RESTARTED"};

/* --- guards ---------------------------------------------------------------------------------- */

/* Nothing is wrong with the bytes that came. */
static bool
is_of_the_way(const struct image_news *n)
{
	switch ((int)n->error) {
	case ERR_NETWORK:
	case ERR_SLOW:
	case ERR_COURIER:
	case ERR_TIMEOUT:
	case ERR_CLOSED:
	case ERR_BUSY:
		return true;
	default:
		return false;
	}
}

/* Another try may help, with what is there already. */
static bool
is_passing(void *ctx, const void *data)
{
	const struct image *i = ctx;
	const struct image_news *n = data;

	if (i->tries >= IMAGE_ALL_TRIES || (!n->progressed && i->dry >= IMAGE_DRY_TRIES))
		return false;
	if (is_of_the_way(n))
		return true;
	switch ((int)n->error) {
	case ERR_HTTP:
		return n->http_status >= 500 || n->http_status == 429;
	default:
		return false;
	}
}

/* The platform will try again, and then need not begin at zero. */
static bool
is_worth_keeping(void *ctx, const void *data)
{
	const struct image *i = ctx;
	const struct image_news *n = data;

	return i->done > 0 && (is_of_the_way(n) || n->error == ERR_HTTP);
}

/* The bytes are wrong as a whole, perhaps only because they were pieced together: once from zero.
 */
static bool
is_worth_a_second_whole(void *ctx, const void *data)
{
	const struct image *i = ctx;
	enum err e = ((const struct image_news *)data)->error;

	return !i->from_zero &&
	       (e == ERR_MD5 || e == ERR_SHA256 || e == ERR_CHANGED || e == ERR_LIMIT);
}

/* --- actions --------------------------------------------------------------------------------- */

static void
forget_bytes(struct image *i)
{
	i->effects |= IMAGE_DO_CLEAR;
	i->done = i->durable = 0;
	i->file = 0;
	i->validator[0] = 0;
	i->head_judged = false;
}

static void
note(struct image *i, const struct image_news *n)
{
	i->error = n ? n->error : ERR_OK;
	snprintf(i->detail, sizeof(i->detail), "%s", n && n->detail ? n->detail : "");
}

static void
do_fetch(void *ctx, const void *data)
{
	(void)data;
	((struct image *)ctx)->effects |= IMAGE_DO_FETCH;
}

static void
do_fetched(void *ctx, const void *data)
{
	struct image *i = ctx;

	(void)data;
	note(i, NULL);
	i->done = i->durable = i->size;
	i->effects |= IMAGE_SAY_FETCHED;
}

static void
do_next_file(void *ctx, const void *data)
{
	struct image *i = ctx;

	(void)data;
	note(i, NULL);
	i->file++;
	i->validator[0] = 0;
	i->dry = 0;
	i->next_try = (struct mono){0};
}

static void
do_wait(void *ctx, const void *data)
{
	struct image *i = ctx;
	const struct image_news *n = data;
	unsigned shift = 0;

	note(i, n);
	i->tries++;
	i->dry = n->progressed ? 0 : i->dry + 1;
	shift = i->dry < 6 ? i->dry : 6;
	i->next_try = mono_after(n->now, (n->progressed ? 250 : 500) << shift);
}

static void
do_again_from_zero(void *ctx, const void *data)
{
	struct image *i = ctx;

	do_wait(i, data);
	i->from_zero = true;
	forget_bytes(i);
}

static void
do_fail(void *ctx, const void *data)
{
	struct image *i = ctx;

	note(i, data);
	forget_bytes(i);
	i->effects |= IMAGE_SAY_FAILED;
}

static void
do_keep(void *ctx, const void *data)
{
	struct image *i = ctx;

	note(i, data);
	i->effects |= IMAGE_SAY_FAILED;
}

static void
do_abort(void *ctx, const void *data)
{
	((struct image *)ctx)->effects |= IMAGE_DO_STOP;
	do_fail(ctx, data);
}

static void
do_tell(void *ctx, const void *data)
{
	(void)data;
	((struct image *)ctx)->effects |= IMAGE_SAY_READY;
}

static void
do_tell_fetched(void *ctx, const void *data)
{
	(void)data;
	((struct image *)ctx)->effects |= IMAGE_SAY_FETCHED;
}

static void
do_begin(void *ctx, const void *data)
{
	struct image *i = ctx;

	(void)data;
	note(i, NULL);
	i->tries = i->dry = 0;
	i->from_zero = i->has_digest = i->head_judged = false;
	i->blamed = false; /* that was another copy */
	i->next_try = (struct mono){0};
}

/* Its manifest's digest stays until its head is judged anew: by that name flashd knows it. */
static void
do_fetch_again(void *ctx, const void *data)
{
	struct image *i = ctx;
	bool had_digest = i->has_digest;

	do_begin(i, data);
	i->has_digest = had_digest;
	forget_bytes(i);
	i->effects |= IMAGE_SAY_LOST;
}

static void
do_stop(void *ctx, const void *data)
{
	struct image *i = ctx;
	struct image_news n = {.error = ERR_CANCELLED, .detail = "no upgrade wants it any more"};

	(void)data;
	i->effects |= IMAGE_DO_STOP;
	note(i, &n);
	forget_bytes(i);
}

/* clang-format off */
static const struct fsm_row rows[] = {
	/* state          event            guard                    action              next             note */
	{IMAGE_QUEUED,    IMAGE_START,     NULL,                    do_fetch,           IMAGE_FETCHING,  "start a courier"},
	{IMAGE_FETCHING,  IMAGE_COMPLETE,  NULL,                    do_fetched,         IMAGE_FETCHED,   "tell the upgrades, then verify"},
	{IMAGE_FETCHING,  IMAGE_CONTINUES, NULL,                    do_next_file,       IMAGE_QUEUED,    "the next file of several"},
	{IMAGE_FETCHING,  IMAGE_BROKEN,    is_passing,              do_wait,            IMAGE_QUEUED,    "again after a pause, from where it stopped"},
	{IMAGE_FETCHING,  IMAGE_BROKEN,    is_worth_a_second_whole, do_again_from_zero, IMAGE_QUEUED,    "once more, all of it"},
	{IMAGE_FETCHING,  IMAGE_BROKEN,    is_worth_keeping,        do_keep,            IMAGE_PARTIAL,   "hopeless for now"},
	{IMAGE_FETCHING,  IMAGE_BROKEN,    NULL,                    do_fail,            IMAGE_FAILED,    "hopeless"},
	{IMAGE_FETCHING,  IMAGE_BAD_HEAD,  NULL,                    do_abort,           IMAGE_FAILED,    "refused after its first bytes"},
	{IMAGE_FETCHED,   IMAGE_CHECK,     NULL,                    NULL,               IMAGE_VERIFYING, "nobody writes to the file any more"},
	{IMAGE_VERIFYING, IMAGE_GOOD,      NULL,                    do_tell,            IMAGE_READY,     "tell the upgrades"},
	{IMAGE_VERIFYING, IMAGE_BAD,       NULL,                    do_fail,            IMAGE_FAILED,    "refused"},
	{IMAGE_FAILED,    IMAGE_ORDERED,   NULL,                    do_begin,           IMAGE_QUEUED,    "a new order is a new chance"},
	{IMAGE_PARTIAL,   IMAGE_ORDERED,   NULL,                    do_begin,           IMAGE_QUEUED,    "from where it stopped"},
	{IMAGE_READY,     IMAGE_ORDERED,   NULL,                    do_tell,            FSM_SAME,        "it is there already"},
	{IMAGE_FETCHED,   IMAGE_ORDERED,   NULL,                    do_tell_fetched,    FSM_SAME,        "half of it is done already"},
	{IMAGE_VERIFYING, IMAGE_ORDERED,   NULL,                    do_tell_fetched,    FSM_SAME,        "half of it is done already"},
	{IMAGE_QUEUED,    IMAGE_ORDERED,   NULL,                    NULL,               FSM_SAME,        "one download for all"},
	{IMAGE_FETCHING,  IMAGE_ORDERED,   NULL,                    NULL,               FSM_SAME,        "one download for all"},
	{IMAGE_QUEUED,    IMAGE_UNWANTED,  NULL,                    do_stop,            IMAGE_FAILED,    "cancelled"},
	{IMAGE_FETCHING,  IMAGE_UNWANTED,  NULL,                    do_stop,            IMAGE_FAILED,    "cancelled"},
	{IMAGE_VERIFYING, IMAGE_LOST,      NULL,                    do_fetch_again,     IMAGE_QUEUED,    "a restart came amid publishing"},
	{IMAGE_READY,     IMAGE_LOST,      NULL,                    do_fetch_again,     IMAGE_QUEUED,    "fetch it again"},
	{IMAGE_FETCHING,  IMAGE_RESTARTED, NULL,                    NULL,               IMAGE_QUEUED,    "the courier died with the old gate"},
	{IMAGE_FETCHED,   IMAGE_RESTARTED, NULL,                    NULL,               FSM_SAME,        "verify again"},
	{IMAGE_VERIFYING, IMAGE_RESTARTED, NULL,                    NULL,               IMAGE_FETCHED,   "verify again"},
};

const struct fsm_table image_table = {
	"image", states, IMAGE_STATES, events, IMAGE_EVENTS, rows, sizeof(rows) / sizeof(rows[0]),
};
/* clang-format on */

enum err
image_step(struct image *i, int event, const struct image_news *news)
{
	char name[32];
	struct fsm_table named = image_table;

	snprintf(name, sizeof(name), "image %llu", (unsigned long long)i->id);
	named.name = name;
	enum err e = fsm_step(&named, &i->state, event, i, news, NULL);
	i->changed |= e == ERR_OK;
	return e;
}

static enum err
take_files(struct image *i, const Pb__FetchOrder *o)
{
	if (!o->n_files)
		return ERR_OK;
	i->files = calloc(o->n_files, sizeof(*i->files));
	if (!i->files)
		return ERR_NOMEM;
	i->n_files = o->n_files;
	for (size_t k = 0; k < o->n_files; k++) {
		const Pb__FetchFile *from = o->files[k];
		struct image_file *f = &i->files[k];

		snprintf(f->url, sizeof(f->url), "%s", from->url);
		f->size = from->size;
		if (from->md5.len == sizeof(f->md5))
			memcpy(f->md5, from->md5.data, sizeof(f->md5));
	}
	return ERR_OK;
}

bool
image_is_settled(const struct image *i)
{
	return i->state == IMAGE_READY || i->state == IMAGE_FAILED;
}

enum err
image_init(struct image *i, const Pb__FetchOrder *o)
{
	*i = (struct image){.state = IMAGE_QUEUED, .size = o->size};
	snprintf(i->url, sizeof(i->url), "%s", o->url);
	i->has_md5 = o->md5.len == sizeof(i->md5);
	i->has_sha256 = o->sha256.len == sizeof(i->sha256);
	if (i->has_md5)
		memcpy(i->md5, o->md5.data, sizeof(i->md5));
	if (i->has_sha256)
		memcpy(i->sha256, o->sha256.data, sizeof(i->sha256));
	return take_files(i, o);
}

void
image_move(struct image *i, const Pb__FetchOrder *o)
{
	snprintf(i->url, sizeof(i->url), "%s", o->url);
	for (size_t k = 0; k < i->n_files && k < o->n_files; k++)
		snprintf(i->files[k].url, sizeof(i->files[k].url), "%s", o->files[k]->url);
}

void
image_fini(struct image *i)
{
	free(i->files);
	i->files = NULL;
	i->n_files = 0;
}

void
image_free(struct image *i)
{
	image_fini(i);
	free(i);
}

static bool
has_same_files(const struct image *i, const Pb__FetchOrder *o)
{
	if (i->n_files != o->n_files)
		return false;
	for (size_t k = 0; k < i->n_files; k++) {
		const struct image_file *f = &i->files[k];
		const Pb__FetchFile *other = o->files[k];

		if (f->size != other->size || other->md5.len != sizeof(f->md5) ||
		    memcmp(f->md5, other->md5.data, sizeof(f->md5)) != 0)
			return false;
	}
	return true;
}

bool
image_fits(const struct image *i, const Pb__FetchOrder *o)
{
	bool md5 = i->has_md5 && o->md5.len == sizeof(i->md5);
	bool sha256 = i->has_sha256 && o->sha256.len == sizeof(i->sha256);

	if (i->size != o->size || !has_same_files(i, o))
		return false;
	if (md5 && memcmp(i->md5, o->md5.data, sizeof(i->md5)) != 0)
		return false;
	if (sha256 && memcmp(i->sha256, o->sha256.data, sizeof(i->sha256)) != 0)
		return false;
	return i->n_files || md5 || sha256 || strcmp(i->url, o->url) == 0;
}

uint64_t
image_offset(const struct image *i, uint64_t length, const char *boot_id)
{
	uint64_t sure = strcmp(i->boot_id, boot_id) == 0 ? length : i->durable;

	if (length > i->size)
		return 0;
	return sure < length ? sure : length;
}

struct image_span
image_span(const struct image *i)
{
	struct image_span span = {i->url, 0, i->size, image_needs_md5(i) ? i->md5 : NULL};

	if (!i->n_files)
		return span;
	for (size_t k = 0; k < i->file; k++)
		span.base += i->files[k].size;
	span.url = i->files[i->file].url;
	span.size = i->files[i->file].size;
	span.md5 = i->files[i->file].md5;
	return span;
}

void
image_find_file(struct image *i)
{
	while (i->file && i->done < image_span(i).base)
		i->file--;
	struct image_span span = image_span(i);

	if (i->done > span.base + span.size)
		i->done = span.base + span.size;
}

bool
image_needs_md5(const struct image *i)
{
	return i->has_md5 && !i->has_sha256;
}

void
image_note_rate(struct image *i, struct mono now)
{
	int64_t ms = mono_between(i->rate_at, now);

	if (i->rate_at.ms && ms < 1000)
		return;
	if (i->rate_at.ms && i->done >= i->rate_done)
		i->rate = (i->done - i->rate_done) * 1000 / (uint64_t)ms;
	i->rate_at = now;
	i->rate_done = i->done;
}

static enum err
check_report(const struct image *i, const Pb__CourierReport *r)
{
	bool complete = r->final && r->error == ERR_OK;
	struct image_span span = image_span(i);

	if (r->done_bytes > span.size || r->durable_bytes > r->done_bytes)
		return ERR_COURIER;
	if (complete && (r->done_bytes != span.size || r->durable_bytes != span.size))
		return ERR_COURIER;
	if (complete && span.md5 &&
	    (r->md5.len != sizeof(i->md5) || memcmp(r->md5.data, span.md5, sizeof(i->md5)) != 0))
		return ERR_COURIER;
	if (complete && i->has_sha256 &&
	    (r->sha256.len != sizeof(i->sha256) ||
		memcmp(r->sha256.data, i->sha256, sizeof(i->sha256)) != 0))
		return ERR_COURIER;
	return strlen(r->etag) > IMAGE_VALIDATOR_MAX ? ERR_COURIER : ERR_OK;
}

enum err
image_take_report(struct image *i, const Pb__CourierReport *r)
{
	if (check_report(i, r) != ERR_OK)
		return ERR_COURIER;
	for (const char *p = r->etag; *p; p++)
		if (*p < 0x20 || *p > 0x7e)
			return ERR_COURIER;
	snprintf(i->validator, sizeof(i->validator), "%s", r->etag);
	uint64_t base = image_span(i).base;

	i->done = base + r->done_bytes;
	i->durable = base + r->durable_bytes;
	return ERR_OK;
}
