/*
 * answer: what a package server said before the body, and what follows from it.
 *
 * Header lines go in one by one as libcurl hands them out; answer_judge then says what to do with
 * the body. Pure, because this is where resuming goes wrong in the field: a 200 to a ranged request
 * means that the body starts at zero; a 206 is believed only if its Content-Range begins exactly
 * where the file ends, has the announced size and carries the validator we know.
 *
 * The validator is a strong ETag with its quotes, else the Last-Modified date as written. RFC 9110
 * sections 8.8, 13.1.5, 14.4 and 15.5.17.
 */
#ifndef SUBOTA_ANSWER_H
#define SUBOTA_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

enum { ANSWER_VALIDATOR_MAX = 200, ANSWER_LOCATION_MAX = 2048, ANSWER_HEAD_MAX = 32 * 1024 };

struct answer {
	unsigned status;
	bool has_length;
	uint64_t length;
	bool has_range; /* Content-Range was there ... */
	bool bad_range; /* ... but does not parse, or came twice */
	bool no_range;  /* ... and is of the form "bytes * / total" */
	uint64_t first, last;
	bool has_total;
	uint64_t total;
	bool encoded; /* Content-Encoding other than identity */
	char etag[ANSWER_VALIDATOR_MAX + 1];     /* strong only, with quotes */
	char modified[ANSWER_VALIDATOR_MAX + 1]; /* Last-Modified */
	char location[ANSWER_LOCATION_MAX + 1];
	size_t head_bytes; /* all lines, of interim answers too */
};

struct answer_wanted {
	uint64_t offset; /* where the request's range began; 0 = no range was asked for */
	uint64_t size;   /* of the whole package */
	const char *validator; /* known from before, "" = none */
};

enum answer_verdict {
	ANSWER_APPEND,   /* the body goes to `offset` */
	ANSWER_RESTART,  /* the body is the whole package: truncate and begin at 0 */
	ANSWER_ASK_ANEW, /* what we have is of another package: truncate, ask without a range */
	ANSWER_REDIRECT, /* see `location` */
	ANSWER_RETRY,    /* the server is in trouble, ask again later */
	ANSWER_REFUSE
};

/* One header line, with or without its line end. A status line starts over. ERR_LIMIT when all
 * lines together are over ANSWER_HEAD_MAX. Values that are too long are ignored as if absent. */
enum err answer_line(struct answer *a, const char *line, size_t len) MUST_CHECK;

/* What to do. *error is the reason for REFUSE and RETRY; `why` gets one sentence for all verdicts
 * but APPEND. */
enum answer_verdict answer_judge(const struct answer *a, const struct answer_wanted *w,
    enum err *error, char *why, size_t why_size);

/* The validator to use from now on; "" = none. Points into `a`. */
const char *answer_validator(const struct answer *a);
/* Whether the answer contradicts a validator known from before; one of another kind says nothing.
 */
bool answer_differs(const struct answer *a, const char *validator);

#endif
