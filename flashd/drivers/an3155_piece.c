/*
 * an3155_piece: see an3155_piece.h.
 */
#include "an3155_piece.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void
an3155_piece_fail(struct an3155_write *w, enum err e, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(w->detail, sizeof(w->detail), format, ap);
	va_end(ap);
	w->error = e;
	w->stage = AN3155_FAILED;
}

bool
an3155_piece_is_wanted(const struct an3155_write *w, uint32_t page)
{
	return w->wanted[page / 8] & 1u << page % 8;
}

void
an3155_piece_set_wanted(struct an3155_write *w, uint32_t page, bool on)
{
	uint8_t bit = (uint8_t)(1u << page % 8);

	w->wanted[page / 8] = (uint8_t)(on ? w->wanted[page / 8] | bit
					   : w->wanted[page / 8] & ~bit);
}

/* Where the page at hand ends in the image. */
uint32_t
an3155_piece_page_end(const struct an3155_write *w)
{
	uint32_t end = AN3155_FLASH + w->page.at + w->page.size - w->base;

	return end < w->size ? end : w->size;
}

void
an3155_piece_go(struct an3155_write *w, uint32_t at, uint32_t index)
{
	w->page_index = index;
	w->at = at;
	w->again = 0;
	w->doubt = false;
	w->page_good = 0;
	if (!an3155_chip_page(w->chip, w->base - AN3155_FLASH + at, &w->page) ||
	    index >= AN3155_PAGES_MAX)
		an3155_piece_fail(w, ERR_SPACE,
		    "expected at most %u bytes of flash, got none at byte %u",
		    (unsigned)w->chip->size, (unsigned)at);
}

/* The page behind the one at hand; false: there is none. */
bool
an3155_piece_next_page(struct an3155_write *w)
{
	uint32_t end = an3155_piece_page_end(w);

	if (end >= w->size)
		return false;
	an3155_piece_go(w, end, w->page_index + 1);
	return w->stage != AN3155_FAILED;
}

/* The next page to be erased or written, the one at hand included. */
bool
an3155_piece_find_wanted(struct an3155_write *w)
{
	while (!an3155_piece_is_wanted(w, w->page_index))
		if (!an3155_piece_next_page(w))
			return false;
	return true;
}

/* Bytes of the image and what it is filled up with. */
bool
an3155_piece_fetch(struct an3155_write *w, uint32_t at, uint8_t *out, uint32_t len)
{
	uint32_t real = (uint32_t)w->image->size > at ? (uint32_t)w->image->size - at : 0;

	real = real < len ? real : len;
	memset(out + real, w->chip->erased, len - real);
	enum err e = real > 0 ? w->image->read(w->image->arg, at, out, real) : ERR_OK;
	if (e)
		an3155_piece_fail(w, e, "image could not be read at byte %u", (unsigned)at);
	return !e;
}

bool
an3155_piece_is_blank(const struct an3155_write *w, const uint8_t *data, uint32_t len)
{
	for (uint32_t i = 0; i < len; i++)
		if (data[i] != w->chip->erased)
			return false;
	return true;
}

/* Does the piece at hand go with the first block, which comes last? */
bool
an3155_piece_is_head(const struct an3155_write *w)
{
	return w->at < w->head;
}

uint32_t
an3155_piece_len(const struct an3155_write *w)
{
	uint32_t left = an3155_piece_page_end(w) - w->at;

	return left < AN3155_BLOCK ? left : AN3155_BLOCK;
}
