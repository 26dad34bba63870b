/*
 * answer: see answer.h.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "answer.h"

/* A piece of a line; not terminated. */
struct text {
	const char *at;
	size_t len;
};

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static struct text
trim(struct text t)
{
	while (t.len && is_blank(t.at[0]))
		t = (struct text){t.at + 1, t.len - 1};
	while (t.len && (is_blank(t.at[t.len - 1]) || t.at[t.len - 1] == '\r' ||
			    t.at[t.len - 1] == '\n'))
		t.len--;
	return t;
}

/* Digits at the front; false without any or above 2^63. */
static bool
take_number(struct text *t, uint64_t *out)
{
	uint64_t v = 0;
	size_t n = 0;

	for (; n < t->len && t->at[n] >= '0' && t->at[n] <= '9'; n++) {
		if (v > (uint64_t)INT64_MAX / 10 - 1)
			return false;
		v = v * 10 + (uint64_t)(t->at[n] - '0');
	}
	*t = (struct text){t->at + n, t->len - n};
	*out = v;
	return n > 0;
}

static bool
take_char(struct text *t, char c)
{
	if (!t->len || t->at[0] != c)
		return false;
	*t = (struct text){t->at + 1, t->len - 1};
	return true;
}

/* Copy if it fits and every byte is printable; else leave `out` empty. */
static void
copy_text(char *out, size_t size, struct text t)
{
	out[0] = 0;
	if (t.len >= size)
		return;
	for (size_t i = 0; i < t.len; i++)
		if (t.at[i] < 0x20 || t.at[i] > 0x7e)
			return;
	memcpy(out, t.at, t.len);
	out[t.len] = 0;
}

/* "bytes 0-99/100", with a star for an unknown total, or "bytes" blank star slash total. */
static bool
parse_range(struct answer *a, struct text t)
{
	if (t.len < 6 || strncasecmp(t.at, "bytes ", 6) != 0)
		return false;
	t = trim((struct text){t.at + 6, t.len - 6});
	a->no_range = take_char(&t, '*');
	if (!a->no_range) {
		if (!take_number(&t, &a->first) || !take_char(&t, '-') ||
		    !take_number(&t, &a->last) || a->last < a->first)
			return false;
	}
	if (!take_char(&t, '/'))
		return false;
	if (take_char(&t, '*'))
		return t.len == 0 && !a->no_range;
	a->has_total = take_number(&t, &a->total);
	return a->has_total && t.len == 0 && (a->no_range || a->last < a->total);
}

static void
on_length(struct answer *a, struct text v)
{
	a->has_length = take_number(&v, &a->length) && v.len == 0;
}

static void
on_range(struct answer *a, struct text v)
{
	a->bad_range = a->has_range || !parse_range(a, v);
	a->has_range = true;
}

static void
on_etag(struct answer *a, struct text v)
{
	if (v.len >= 2 && v.at[0] == '"' && v.at[v.len - 1] == '"')
		copy_text(a->etag, sizeof(a->etag), v);
}

static void
on_modified(struct answer *a, struct text v)
{
	copy_text(a->modified, sizeof(a->modified), v);
}

static void
on_location(struct answer *a, struct text v)
{
	copy_text(a->location, sizeof(a->location), v);
}

static void
on_encoding(struct answer *a, struct text v)
{
	a->encoded = !(v.len == 8 && strncasecmp(v.at, "identity", 8) == 0);
}

static const struct {
	const char *name;
	void (*fn)(struct answer *a, struct text value);
} headers[] = {
    {"content-length", on_length},
    {"content-range", on_range},
    {"etag", on_etag},
    {"last-modified", on_modified},
    {"location", on_location},
    {"content-encoding", on_encoding},
};

/* "HTTP/1.1 206 Partial Content": begins an answer (or, after an interim one, the real one). */
static bool
take_status(struct answer *a, const char *line, size_t len)
{
	struct text t = {line, len};
	uint64_t status = 0;
	size_t head_bytes = a->head_bytes;

	if (len < 9 || strncmp(line, "HTTP/", 5) != 0)
		return false;
	while (t.len && !is_blank(t.at[0]))
		t = (struct text){t.at + 1, t.len - 1};
	t = trim(t);
	if (!take_number(&t, &status) || status > 999)
		status = 0;
	*a = (struct answer){.status = (unsigned)status, .head_bytes = head_bytes};
	return true;
}

enum err
answer_line(struct answer *a, const char *line, size_t len)
{
	const char *colon = memchr(line, ':', len);

	a->head_bytes += len;
	if (a->head_bytes > ANSWER_HEAD_MAX)
		return ERR_LIMIT;
	if (take_status(a, line, len) || !colon)
		return ERR_OK;
	struct text name = trim((struct text){line, (size_t)(colon - line)});
	struct text value = trim((struct text){colon + 1, len - (size_t)(colon - line) - 1});

	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
		if (strlen(headers[i].name) == name.len &&
		    strncasecmp(headers[i].name, name.at, name.len) == 0)
			headers[i].fn(a, value);
	return ERR_OK;
}

const char *
answer_validator(const struct answer *a)
{
	return a->etag[0] ? a->etag : a->modified;
}

bool
answer_differs(const struct answer *a, const char *validator)
{
	const char *same_kind = validator[0] == '"' ? a->etag : a->modified;

	return validator[0] && same_kind[0] && strcmp(same_kind, validator) != 0;
}

static enum answer_verdict
judge_whole(const struct answer *a, const struct answer_wanted *w, enum err *error, char *why,
    size_t size)
{
	if (a->has_length && a->length != w->size) {
		*error = a->length > w->size ? ERR_ENDLESS : ERR_SIZE;
		snprintf(why, size, "expected %" PRIu64 " bytes, got Content-Length %" PRIu64,
		    w->size, a->length);
		return ANSWER_REFUSE;
	}
	if (w->offset == 0)
		return ANSWER_APPEND;
	snprintf(why, size, "expected the range from %" PRIu64 ", got the whole package",
	    w->offset);
	return ANSWER_RESTART;
}

static enum answer_verdict
judge_part(const struct answer *a, const struct answer_wanted *w, enum err *error, char *why,
    size_t size)
{
	*error = ERR_HTTP;
	if (w->offset == 0 || !a->has_range || a->bad_range || a->no_range) {
		snprintf(why, size, "expected %s, got status 206 with %s Content-Range",
		    w->offset ? "a range" : "the whole package",
		    !a->has_range       ? "no"
			: a->bad_range ? "a malformed"
				       : "an unexpected");
		return ANSWER_REFUSE;
	}
	if (a->first != w->offset) {
		snprintf(why, size, "expected a range from %" PRIu64 ", got one from %" PRIu64,
		    w->offset, a->first);
		return ANSWER_REFUSE;
	}
	if (answer_differs(a, w->validator) || (a->has_total && a->total != w->size)) {
		snprintf(why, size, "expected the rest of %.80s, got a part of %.80s",
		    w->validator, answer_validator(a));
		*error = ERR_CHANGED;
		return ANSWER_ASK_ANEW;
	}
	if (a->last >= w->size) {
		snprintf(why, size, "expected a range up to %" PRIu64 ", got one up to %" PRIu64,
		    w->size - 1, a->last);
		*error = ERR_ENDLESS;
		return ANSWER_REFUSE;
	}
	return ANSWER_APPEND;
}

static bool
is_redirect(unsigned status)
{
	return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

static bool
is_trouble(unsigned status)
{
	return status == 408 || status == 429 || (status >= 500 && status <= 599);
}

enum answer_verdict
answer_judge(const struct answer *a, const struct answer_wanted *w, enum err *error, char *why,
    size_t size)
{
	*error = ERR_HTTP;
	why[0] = 0;
	if (a->encoded && a->status / 100 == 2) {
		snprintf(why, size, "expected plain bytes, got an encoded body");
		return ANSWER_REFUSE;
	}
	if (a->status == 200)
		return judge_whole(a, w, error, why, size);
	if (a->status == 206)
		return judge_part(a, w, error, why, size);
	snprintf(why, size, "expected status 200 or 206, got %u", a->status);
	if (a->status == 416 && w->offset > 0) {
		*error = ERR_CHANGED;
		return ANSWER_ASK_ANEW;
	}
	if (is_redirect(a->status) && a->location[0])
		return ANSWER_REDIRECT;
	return is_trouble(a->status) ? ANSWER_RETRY : ANSWER_REFUSE;
}
