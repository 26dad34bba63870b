/*
 * book: what the gate must not forget: images, upgrades and its own reports, in SQLite.
 *
 * All images and all upgrades that matter are also held in memory, in two lists that are filled at
 * start; book_save writes every struct that changed, and the reports that follow, in one
 * transaction. Only after it said ERR_OK may effects leave the process.
 *
 * A report stays until its acknowledgement came back from the platform's side. Its id is unique for
 * ever, also over a lost database: a new book starts counting at the wall clock.
 */
#ifndef SUBOTA_BOOK_H
#define SUBOTA_BOOK_H

#include "image.h"
#include "passed.h"
#include "record.h"
#include "upgrade.h"

/* How many ended upgrades are remembered, so that a repeated order is answered and not done again.
 */
enum { BOOK_ENDED_MAX = 1000, BOOK_UPGRADES_MAX = 8192, BOOK_IMAGES_MAX = 256 };

struct book {
	struct record *record;
	struct image *images;
	struct upgrade *upgrades;
	size_t n_images, n_upgrades;
	uint64_t last_image; /* ids handed out so far */
	struct passed passed;
};

struct book_report {
	uint64_t id;
	uint64_t upgrade;
	char product_key[UPGRADE_TEXT_MAX + 1], device_key[UPGRADE_TEXT_MAX + 1];
	int phase;
	int error;
	char detail[UPGRADE_DETAIL_MAX + 1];
};

/* Open STATE/fetchd.db and load it. *fresh: there was none, or it was damaged. */
enum err book_open(const char *path, struct book *b, bool *fresh) MUST_CHECK;
void book_close(struct book *b);

/* New entries, in memory: `changed` is set and the next save makes them durable. The struct is
 * copied, the copy (an image gets its id) is returned and belongs to the book. ERR_LIMIT when there
 * are too many. */
enum err book_add_image(struct book *b, const struct image *i, struct image **out) MUST_CHECK;
enum err book_add_upgrade(
    struct book *b, const struct upgrade *u, struct upgrade **out) MUST_CHECK;
/* Save what changed, add the reports that upgrades have to make, forget the oldest ended upgrades:
 * all of it or nothing. On ERR_OK `changed` and the UPGRADE_SAY bits are clear. */
enum err book_save(struct book *b) MUST_CHECK;
/* A number for an upgrade that a person began. */
enum err book_next_local(struct book *b, uint64_t *id) MUST_CHECK;
/* Removes it from record and memory. */
enum err book_drop_image(struct book *b, struct image *i) MUST_CHECK;

struct image *book_image(const struct book *b, uint64_t id);
struct upgrade *book_upgrade(const struct book *b, uint64_t id);
/* How many upgrades that have not ended want the image. */
unsigned book_users(const struct book *b, uint64_t image);

/* Acknowledged. ERR_OK also when it is gone already. */
enum err book_drop_report(struct book *b, uint64_t id) MUST_CHECK;
typedef enum err book_on_report(void *arg, const struct book_report *r);
/* Each report with an id above `after`, in order, at most `max`. */
enum err book_each_report(
    struct book *b, uint64_t after, unsigned max, book_on_report *fn, void *arg) MUST_CHECK;

/* The latest time known to have passed (trust.h), 0 = none. */
uint64_t book_bound(const struct book *b);
void book_set_bound(struct book *b, uint64_t ms);

#endif
