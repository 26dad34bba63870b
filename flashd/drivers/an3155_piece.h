/*
 * an3155_piece: where a write stands: the page and the piece at hand, which pages are wanted, what
 * the image has there. Steps of an3155_write, which decides.
 */
#ifndef SUBOTA_AN3155_PIECE_H
#define SUBOTA_AN3155_PIECE_H

#include "an3155_write.h"

void an3155_piece_fail(struct an3155_write *w, enum err e, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Pages to be erased and written, counted from the first of the image. */
bool an3155_piece_is_wanted(const struct an3155_write *w, uint32_t page);
void an3155_piece_set_wanted(struct an3155_write *w, uint32_t page, bool on);

/* To the byte `at` of the image, in its page number `index`; may fail the write. */
void an3155_piece_go(struct an3155_write *w, uint32_t at, uint32_t index);
/* Where the page at hand ends in the image. */
uint32_t an3155_piece_page_end(const struct an3155_write *w);
/* The page behind the one at hand; false: there is none, or the write failed. */
bool an3155_piece_next_page(struct an3155_write *w);
/* The next wanted page, the one at hand included; false likewise. */
bool an3155_piece_find_wanted(struct an3155_write *w);

/* Bytes of the image and what it is filled up with; false: the write failed. */
bool an3155_piece_fetch(struct an3155_write *w, uint32_t at, uint8_t *out, uint32_t len);
bool an3155_piece_is_blank(const struct an3155_write *w, const uint8_t *data, uint32_t len);
/* Does the piece at hand belong to the first block, which comes last? */
bool an3155_piece_is_head(const struct an3155_write *w);
/* Of the block that begins at hand. */
uint32_t an3155_piece_len(const struct an3155_write *w);

#endif
