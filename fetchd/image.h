/*
 * image: one package on its way into the store; pure.
 *
 *     queued -> fetching -> fetched -> verifying -> ready
 *         |                                      `-> failed
 *         `-> partial: given up for now, the next order goes on with what is there
 *
 * One image serves any number of upgrades: it is keyed by what the platform says of its content
 * (size and the digests given), by the URL only when no digest is known, so that a thousand devices
 * with the same plan cause one download. What happens is the table in image.c; actions leave bits
 * in `effects`, which the gate carries out after the record is durable.
 *
 * The platform may have cut a package into several files. They are fetched one after another into
 * one file, which is the package: only the whole is signed. Each has an MD5 that is checked before
 * the next one begins, so a break costs at most what is left of one of them.
 *
 * `durable` and `boot_id` belong together: after a kill of a process (same boot) the file's own
 * length is the truth, because what was written is in the page cache; after a reboot only bytes up
 * to the last durable mark are.
 */
#ifndef SUBOTA_IMAGE_H
#define SUBOTA_IMAGE_H

#include <stdbool.h>
#include <subota.pb-c.h>

#include "clock.h"
#include "fsm.h"

enum image_state {
	IMAGE_QUEUED,
	IMAGE_FETCHING,
	IMAGE_FETCHED,
	IMAGE_VERIFYING,
	IMAGE_READY,
	IMAGE_FAILED,
	IMAGE_PARTIAL, /* nobody waits for it; what came is kept for the platform's next try */
	IMAGE_STATES
};

enum image_event {
	IMAGE_START,     /* a place for a courier is free */
	IMAGE_COMPLETE,  /* courier ended well: all bytes there, the platform's digests agree */
	IMAGE_CONTINUES, /* ... of this file, and another follows */
	IMAGE_BROKEN,    /* courier ended badly */
	IMAGE_BAD_HEAD,  /* the bundle's first bytes are not acceptable */
	IMAGE_CHECK,     /* verification begins */
	IMAGE_GOOD,      /* signatures and digests hold, and it lies in the store */
	IMAGE_BAD,       /* they do not */
	IMAGE_ORDERED,   /* an upgrade wants it */
	IMAGE_UNWANTED,  /* no upgrade wants it any more */
	IMAGE_LOST,      /* the store's entry is gone or damaged */
	IMAGE_RESTARTED, /* the gate has just started */
	IMAGE_EVENTS
};

/* What the gate has to do after a step. */
enum image_effect {
	IMAGE_DO_FETCH = 1,    /* start a courier */
	IMAGE_DO_STOP = 2,     /* stop the courier */
	IMAGE_DO_CLEAR = 4,    /* drop the incoming file */
	IMAGE_SAY_FETCHED = 8, /* tell all upgrades */
	IMAGE_SAY_READY = 16,
	IMAGE_SAY_FAILED = 32,
	IMAGE_SAY_LOST = 64,
};

enum {
	IMAGE_URL_MAX = 2048,
	IMAGE_FILES_MAX = 5,
	IMAGE_VALIDATOR_MAX = 200,
	IMAGE_DETAIL_MAX = 300,
	IMAGE_DRY_TRIES = 6,  /* in a row without a new byte */
	IMAGE_ALL_TRIES = 200 /* in all */
};

/* One of several files of a package. */
struct image_file {
	char url[IMAGE_URL_MAX + 1];
	uint64_t size;
	uint8_t md5[16];
};

struct image {
	uint64_t id; /* of the job; names the incoming file */
	int state;
	char url[IMAGE_URL_MAX + 1];
	uint64_t size;            /* of all files */
	struct image_file *files; /* heap; NULL = one, at `url` */
	size_t n_files;
	size_t file; /* files before this one are complete, and their MD5s agree */
	bool has_md5, has_sha256, has_digest;
	uint8_t md5[16], sha256[32];
	uint8_t digest[32]; /* of the manifest, as soon as the head has been judged */
	char validator[IMAGE_VALIDATOR_MAX + 1];
	uint64_t durable;
	char boot_id[CLOCK_BOOT_ID];
	unsigned tries, dry;
	bool from_zero; /* a whole second download was tried because the digests disagreed */
	int error;
	char detail[IMAGE_DETAIL_MAX + 1];
	uint64_t used_at; /* wall clock, ms: which entry goes first; PARTIAL: since when */
	bool good;        /* a device runs it: goes last */

	/* below: not recorded */
	bool changed; /* since it was recorded */
	int noted;    /* state + 1 that the operator's record has; 0: none */
	unsigned effects;
	bool head_judged;
	bool blamed;           /* flashd found it unusable: it goes with its last upgrade */
	uint64_t done;         /* bytes in the file */
	uint64_t start_offset; /* where the courier began */
	uint64_t rate;         /* bytes a second, of late */
	struct mono rate_at;   /* when, and at which byte, it was last worked out */
	uint64_t rate_done;
	struct mono next_try;
	struct image *next;
};

/* Data of BROKEN, BAD_HEAD and BAD. */
struct image_news {
	enum err error;
	unsigned http_status; /* with ERR_HTTP */
	const char *detail;
	bool progressed; /* BROKEN: new bytes came */
	struct mono now;
};

extern const struct fsm_table image_table;

/* fsm_step on the image's state. ERR_PHASE: the event means nothing here. */
enum err image_step(struct image *i, int event, const struct image_news *news) MUST_CHECK;

/* It is there, or cannot be had: while it is fetched again an order to flashd would only be
 * refused. Of one that cannot be had flashd is told all the same: if it has lost its memory of the
 * upgrade, it refuses the order, which ends it. */
bool image_is_settled(const struct image *i);

/* A new image for an order; ERR_NOMEM. Whoever has it last finishes it. */
enum err image_init(struct image *i, const Pb__FetchOrder *o) MUST_CHECK;
void image_fini(struct image *i);
/* The same for one on the heap. */
void image_free(struct image *i);
/* The addresses of another order for the same content: those before may hold no longer. */
void image_move(struct image *i, const Pb__FetchOrder *o);
/* Is the order for this very content? */
bool image_fits(const struct image *i, const Pb__FetchOrder *o);

/* Where the download goes on: `length` bytes lie in the incoming file, this boot is `boot_id`. */
uint64_t image_offset(const struct image *i, uint64_t length, const char *boot_id);

/* What a courier is to fetch now: a file of its own, or one of several. */
struct image_span {
	const char *url;
	uint64_t base, size; /* where it lies in the package */
	const uint8_t *md5;  /* NULL = need not be checked */
};
struct image_span image_span(const struct image *i);
/* `done` says how much of the package lies on the disk: which file that leaves to be fetched, and
 * bytes beyond its end are none. */
void image_find_file(struct image *i);

/* Whether the courier has to check the MD5: only when the platform announced no SHA-256. Neither is
 * a signature; together they say no more than the better one alone. */
bool image_needs_md5(const struct image *i);

/* Work out `rate` from `done`, at most once a second. */
void image_note_rate(struct image *i, struct mono now);

/* What a courier reported, held against what it was told to do: ERR_COURIER when it contradicts
 * itself or the order. Takes over validator, done and durable. The courier is the process that
 * faces the network: nothing in a report is believed beyond this. */
enum err image_take_report(struct image *i, const Pb__CourierReport *r) MUST_CHECK;

#endif
