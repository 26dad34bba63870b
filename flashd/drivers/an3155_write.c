/*
 * an3155_write: see an3155_write.h.
 */
#include "an3155_write.h"

#include <string.h>

#include "an3155_piece.h"

enum { PROBE = 16, LOOKS = 3, CRC_LEN = 4, CRC_MS_PER_KIB = 4, CRC_MS = 200 };

/* --- stages ---------------------------------------------------------------------------------- */

static void
enter(struct an3155_write *w, enum an3155_stage stage)
{
	w->stage = stage;
	an3155_piece_go(w, 0, 0);
}

void
an3155_write_restart(struct an3155_write *w)
{
	memset(w->wanted, 0, sizeof(w->wanted));
	w->good = 0;
	enter(w, AN3155_COMPARE);
}

void
an3155_write_start(struct an3155_write *w)
{
	w->round = 0;
	w->touched = false;
	w->error = ERR_OK;
	w->size = ((uint32_t)w->image->size + AN3155_HEAD - 1) / AN3155_HEAD * AN3155_HEAD;
	an3155_write_restart(w);
	w->head = an3155_piece_len(w);
}

static bool
any_wanted(const struct an3155_write *w)
{
	for (size_t i = 0; i < sizeof(w->wanted); i++)
		if (w->wanted[i])
			return true;
	return false;
}

static void
after_compare(struct an3155_write *w)
{
	if (!any_wanted(w)) {
		w->stage = AN3155_DONE;
		return;
	}
	if (!an3155_piece_is_wanted(w, 0)) {
		an3155_piece_go(w, 0, 0);
		w->good -= an3155_piece_page_end(w);
		an3155_piece_set_wanted(w, 0, true);
	}
	enter(w, AN3155_ERASE_FIRST);
}

/* VERIFY has taken from `wanted` what is right. */
static void
after_verify(struct an3155_write *w)
{
	if (!any_wanted(w)) {
		enter(w, AN3155_HEAD_REST);
		return;
	}
	if (++w->round >= w->rounds) {
		enter(w, AN3155_VERIFY_REST);
		an3155_piece_find_wanted(w);
		an3155_piece_fail(w, ERR_VERIFY,
		    "expected page %u at %08x to hold what was written, got something else %u "
		    "times: is it write-protected?",
		    (unsigned)w->page.number, (unsigned)(AN3155_FLASH + w->page.at), w->round);
		return;
	}
	enter(w, AN3155_ERASE_REST);
}

/* --- what is wanted -------------------------------------------------------------------------- */

static uint32_t
work_ms(const struct an3155_write *w, size_t pages)
{
	return w->chip->erase_ms * (uint32_t)pages * 2 + 500;
}

static bool
ask_erase(struct an3155_write *w, struct an3155_command *c)
{
	size_t most = w->stage == AN3155_ERASE_FIRST ? 1 : w->page.size >= 16384 ? 1 : AN3155_PAGES;
	uint32_t at = w->at, index = w->page_index;

	c->code = w->ext ? AN3155_ERASE_EXT : AN3155_ERASE;
	while (c->n_pages < most && an3155_piece_find_wanted(w)) {
		c->pages[c->n_pages++] = (uint16_t)w->page.number;
		if (!an3155_piece_next_page(w))
			break;
	}
	w->erasing = c->n_pages;
	if (w->stage != AN3155_FAILED && c->n_pages > 0)
		an3155_piece_go(w, at, index); /* until it is done */
	c->work_ms = work_ms(w, c->n_pages);
	w->touched |= c->n_pages > 0;
	return c->n_pages > 0;
}

static bool
ask_read(struct an3155_write *w, struct an3155_command *c, uint32_t len)
{
	w->len = len;
	c->code = AN3155_READ;
	c->address = w->base + w->at;
	c->len = len;
	return an3155_piece_fetch(w, w->at, w->piece, len);
}

/* The rest of the page in one, where the boot loader can sum up. */
static bool
ask_crc(struct an3155_write *w, struct an3155_command *c)
{
	uint8_t piece[AN3155_BLOCK];
	uint32_t end = an3155_piece_page_end(w), crc = UINT32_MAX;

	w->len = end - w->at;
	c->code = AN3155_CRC;
	c->address = w->base + w->at;
	c->len = w->len;
	c->work_ms = CRC_MS + w->len / 1024 * CRC_MS_PER_KIB;
	for (uint32_t at = w->at; at < end; at += AN3155_BLOCK) {
		uint32_t n = end - at < AN3155_BLOCK ? end - at : AN3155_BLOCK;

		if (!an3155_piece_fetch(w, at, piece, n))
			return false;
		crc = an3155_talk_crc(crc, piece, n);
	}
	for (int i = 0; i < CRC_LEN; i++)
		w->piece[i] = (uint8_t)(crc >> (24 - 8 * i));
	return true;
}

static bool
ask_look(struct an3155_write *w, struct an3155_command *c)
{
	if (w->crc)
		return ask_crc(w, c);
	return ask_read(w, c, an3155_piece_len(w));
}

/* A few bytes first: most pages that differ do so from their beginning. */
static bool
ask_compare(struct an3155_write *w, struct an3155_command *c)
{
	bool begins = w->page_good == 0;

	if (w->crc)
		return ask_crc(w, c);
	return ask_read(w, c, begins ? PROBE : an3155_piece_len(w));
}

static bool
ask_write(struct an3155_write *w, struct an3155_command *c, uint32_t len)
{
	if (w->doubt)
		return ask_read(w, c, len);
	w->len = len;
	c->code = AN3155_WRITE;
	c->address = w->base + w->at;
	c->len = len;
	c->work_ms = w->write_ms;
	if (!an3155_piece_fetch(w, w->at, w->piece, len))
		return false;
	memcpy(c->data, w->piece, len);
	w->touched = true;
	return true;
}

/* The next block that is not blank; false: no more. */
static bool
find_block(struct an3155_write *w)
{
	while (an3155_piece_find_wanted(w)) {
		for (; w->at < an3155_piece_page_end(w); w->at += an3155_piece_len(w)) {
			w->len = an3155_piece_len(w);
			if (!an3155_piece_fetch(w, w->at, w->piece, w->len))
				return false;
			if (!an3155_piece_is_head(w) && !an3155_piece_is_blank(w, w->piece, w->len))
				return true;
			w->good += an3155_piece_is_head(w) ? 0 : w->len;
		}
		if (!an3155_piece_next_page(w))
			return false;
	}
	return false;
}

/* The next block that was written, but the head; false: no more. */
static bool
find_written(struct an3155_write *w)
{
	while (an3155_piece_find_wanted(w)) {
		if (an3155_piece_is_head(w))
			w->at = w->head;
		if (w->at < an3155_piece_page_end(w))
			return true;
		an3155_piece_set_wanted(w, w->page_index, false); /* it was nothing but head */
		if (!an3155_piece_next_page(w))
			return false;
	}
	return false;
}

static bool
head_has_rest(struct an3155_write *w)
{
	uint32_t len = w->head - AN3155_HEAD;

	return len > 0 && (w->doubt || (an3155_piece_fetch(w, AN3155_HEAD, w->piece, len) &&
					   !an3155_piece_is_blank(w, w->piece, len)));
}

/* One stage's wish; false: it has none (any more). */
static bool
ask(struct an3155_write *w, struct an3155_command *c)
{
	switch (w->stage) {
	case AN3155_COMPARE:
		return ask_compare(w, c);
	case AN3155_ERASE_FIRST:
	case AN3155_ERASE_REST:
		return ask_erase(w, c);
	case AN3155_WRITE_REST:
		return (w->doubt || find_block(w)) && ask_write(w, c, w->len);
	case AN3155_VERIFY_REST:
		return find_written(w) && ask_look(w, c);
	case AN3155_HEAD_REST:
		w->at = AN3155_HEAD;
		return head_has_rest(w) && ask_write(w, c, w->head - AN3155_HEAD);
	case AN3155_HEAD_LAST:
		w->at = 0;
		return ask_write(w, c, AN3155_HEAD);
	case AN3155_HEAD_VERIFY:
		w->at = 0;
		return ask_read(w, c, w->head);
	default:
		return false;
	}
}

/* --- what came of it ------------------------------------------------------------------------- */

/* The stage has nothing to ask for any more. */
static void
leave(struct an3155_write *w)
{
	switch (w->stage) {
	case AN3155_COMPARE:
		after_compare(w);
		break;
	case AN3155_VERIFY_REST:
		after_verify(w);
		break;
	case AN3155_HEAD_VERIFY:
		w->good = w->size;
		w->stage = AN3155_DONE;
		break;
	case AN3155_ERASE_FIRST:
		enter(w, AN3155_ERASE_REST);
		if (!an3155_piece_next_page(w) && w->stage != AN3155_FAILED)
			enter(w, AN3155_WRITE_REST);
		break;
	default:
		enter(w, w->stage + 1);
	}
}

bool
an3155_write_want(struct an3155_write *w, struct an3155_command *c)
{
	while (w->stage < AN3155_DONE) {
		*c = (struct an3155_command){.code = AN3155_GET};
		if (ask(w, c))
			return true;
		if (w->stage < AN3155_DONE)
			leave(w);
	}
	return false;
}

static bool
is_equal(const struct an3155_write *w, const uint8_t *in)
{
	return memcmp(in, w->piece, w->crc && w->stage <= AN3155_VERIFY_REST ? CRC_LEN : w->len) ==
	       0;
}

/* To the next piece of this page or to the next page; leaves the stage behind the last one. */
static void
move_on(struct an3155_write *w, bool rest_of_page_too)
{
	w->again = 0;
	w->doubt = false;
	w->at += w->len;
	if (w->at >= an3155_piece_page_end(w) || rest_of_page_too)
		if (!an3155_piece_next_page(w) && w->stage != AN3155_FAILED)
			leave(w);
}

static void
on_compared(struct an3155_write *w, const uint8_t *in)
{
	bool same = is_equal(w, in);

	if (same) {
		w->good += w->len;
		w->page_good += w->len;
	} else {
		w->good -= w->page_good;
		an3155_piece_set_wanted(w, w->page_index, true);
	}
	move_on(w, !same);
}

/* What was read back may have been spoilt on its way: a second look before the page is. */
static void
on_verified(struct an3155_write *w, const uint8_t *in)
{
	bool same = is_equal(w, in);

	if (!same && ++w->again < LOOKS)
		return;
	if (!same)
		w->good -= an3155_piece_page_end(w) - w->at < w->good
			       ? an3155_piece_page_end(w) - w->at
			       : w->good;
	else if (w->at + w->len >= an3155_piece_page_end(w))
		an3155_piece_set_wanted(w, w->page_index, false);
	move_on(w, !same);
}

/* The head is read back: whatever is wrong with it, the whole page goes again. */
static void
on_head(struct an3155_write *w, const uint8_t *in)
{
	if (is_equal(w, in)) {
		leave(w);
		return;
	}
	if (++w->again < LOOKS)
		return;
	an3155_piece_set_wanted(w, 0, true);
	after_verify(w);
}

static void
on_erased(struct an3155_write *w)
{
	for (size_t i = 0; i < w->erasing; i++)
		if (!an3155_piece_find_wanted(w) || !an3155_piece_next_page(w)) {
			leave(w);
			return;
		}
	if (w->stage == AN3155_ERASE_FIRST)
		leave(w);
}

/* A doubtful block was read back. */
static void
on_looked(struct an3155_write *w, const uint8_t *in)
{
	bool same = memcmp(in, w->piece, w->len) == 0;

	if (!same && an3155_piece_is_blank(w, in, w->len) && ++w->again < LOOKS) {
		w->doubt = false; /* written again */
		return;
	}
	w->doubt = false;
	w->again = 0;
	if (w->stage != AN3155_WRITE_REST) {
		enter(w, same ? w->stage + 1 : AN3155_HEAD_VERIFY);
		return;
	}
	w->good += same ? w->len : 0;
	move_on(w, !same); /* VERIFY will find it */
}

void
an3155_write_done(struct an3155_write *w, const uint8_t *in)
{
	switch (w->stage) {
	case AN3155_COMPARE:
		on_compared(w, in);
		break;
	case AN3155_ERASE_FIRST:
	case AN3155_ERASE_REST:
		on_erased(w);
		break;
	case AN3155_VERIFY_REST:
		on_verified(w, in);
		break;
	case AN3155_HEAD_VERIFY:
		on_head(w, in);
		break;
	case AN3155_WRITE_REST:
		if (w->doubt) {
			on_looked(w, in);
		} else {
			w->good += w->len;
			move_on(w, false);
		}
		break;
	case AN3155_HEAD_REST:
	case AN3155_HEAD_LAST:
		if (w->doubt)
			on_looked(w, in);
		else
			leave(w);
		break;
	default:
		break;
	}
}

void
an3155_write_unsure(struct an3155_write *w)
{
	w->doubt = w->stage == AN3155_WRITE_REST || w->stage == AN3155_HEAD_REST ||
		   w->stage == AN3155_HEAD_LAST;
}

bool
an3155_write_is_vector(const uint8_t head[8])
{
	uint32_t stack = (uint32_t)head[3] << 24 | (uint32_t)head[2] << 16 |
			 (uint32_t)head[1] << 8 | head[0];
	uint32_t entry = (uint32_t)head[7] << 24 | (uint32_t)head[6] << 16 |
			 (uint32_t)head[5] << 8 | head[4];
	bool ram = stack >> 28 == 2 || (stack >= 0x10000000 && stack < 0x10040000);

	return ram && stack % 4 == 0 && entry % 2 == 1 && entry >= AN3155_FLASH &&
	       entry < AN3155_FLASH_END;
}
