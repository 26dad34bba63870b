/*
 * sub_xmodem and sub_loader: the receiver against written blocks, and what menu, prompt and
 * application say; in virtual time.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "../subdevices/sub_frame.h"
#include "../subdevices/sub_loader.h"
#include "kit.h"
#include "sub_case.h"

enum { SAID = 8192 };

static const int64_t second_ns = 1000000000;

struct scene {
	char *scratch;
	struct sub_flash flash;
	struct sub_loader loader;
	struct sub_xmodem x;
	char said[SAID];
	size_t said_len;
	uint8_t file[4096];
	size_t file_len;
	int64_t now;
};

static void
on_text(void *arg, int64_t now, const char *text, size_t len)
{
	struct scene *s = arg;

	(void)now;
	cr_assert_lt(s->said_len + len, SAID);
	memcpy(s->said + s->said_len, text, len);
	s->said_len += len;
	s->said[s->said_len] = '\0';
}

static void
on_byte(void *arg, uint8_t b, int64_t now)
{
	on_text(arg, now, (const char *)&b, 1);
}

static bool
on_data(void *arg, const uint8_t *data, size_t len)
{
	struct scene *s = arg;

	memcpy(s->file + s->file_len, data, len);
	s->file_len += len;
	return true;
}

static void
start(struct scene *s, bool named)
{
	*s = (struct scene){.x.owner = {on_byte, on_data, s}};
	sub_xmodem_start(&s->x, named, true, 0);
}

static void
block(struct scene *s, uint8_t number, const char *text, size_t size)
{
	uint8_t b[3 + 1024 + 2] = {size == 128 ? 1 : 2, number, (uint8_t)~number};

	memset(b + 3, 0x1a, size);
	memcpy(b + 3, text, strlen(text));
	uint16_t sum = sub_frame_sum(b + 3, size);
	b[3 + size] = (uint8_t)(sum >> 8);
	b[4 + size] = (uint8_t)sum;
	for (size_t i = 0; i < size + 5; i++)
		sub_xmodem_byte(&s->x, b[i], s->now);
}

static void
expect_said(struct scene *s, const char *text)
{
	cr_expect_str_eq(s->said, text);
	s->said_len = 0;
	s->said[0] = '\0';
}

static void
wait(struct scene *s, int seconds)
{
	for (int i = 0; i < seconds; i++) {
		s->now += second_ns;
		sub_xmodem_step(&s->x, s->now);
	}
}

Test(sub_xmodem, asks_once_a_second_and_gives_up)
{
	struct scene s;

	start(&s, false);
	sub_xmodem_step(&s.x, 0);
	wait(&s, 2);
	expect_said(&s, "CCC");
	wait(&s, 70);
	cr_expect_eq(s.x.end, SUB_XMODEM_ABORTED);
}

Test(sub_xmodem, takes_blocks_once_and_in_order)
{
	struct scene s;

	start(&s, false);
	block(&s, 1, "one", 128);
	block(&s, 1, "one", 128);
	block(&s, 2, "two", 1024);
	expect_said(&s, "\6\6\6");
	cr_expect_eq(s.file_len, 128u + 1024u);
	sub_xmodem_byte(&s.x, 4, s.now);
	expect_said(&s, "\6");
	cr_expect_eq(s.x.end, SUB_XMODEM_DONE);
}

Test(sub_xmodem, refuses_a_bad_sum_and_cancels_at_a_skipped_block)
{
	struct scene s;

	start(&s, false);
	block(&s, 1, "one", 128);
	sub_xmodem_byte(&s.x, 1, s.now);
	for (int i = 0; i < 132; i++)
		sub_xmodem_byte(&s.x, (uint8_t)i, s.now);
	expect_said(&s, "\6\x15");
	block(&s, 3, "three", 128);
	expect_said(&s, "\x18\x18");
	cr_expect_eq(s.x.end, SUB_XMODEM_ABORTED);
	cr_expect_eq(s.file_len, 128u);
}

Test(sub_xmodem, torn_block_is_asked_for_again)
{
	struct scene s;

	start(&s, false);
	block(&s, 1, "one", 128);
	sub_xmodem_byte(&s.x, 1, s.now);
	wait(&s, 3);
	expect_said(&s, "\6\x15");
	block(&s, 2, "two", 128);
	expect_said(&s, "\6");
}

Test(sub_xmodem, ymodem_keeps_to_the_length_that_was_named)
{
	struct scene s;

	start(&s, true);
	uint8_t head[3 + 128 + 2] = {1, 0, 0xff, 'f', 0, '1', '3', '0', 0};
	uint16_t sum = sub_frame_sum(head + 3, 128);
	head[131] = (uint8_t)(sum >> 8);
	head[132] = (uint8_t)sum;
	for (size_t i = 0; i < sizeof(head); i++)
		sub_xmodem_byte(&s.x, head[i], s.now);
	expect_said(&s, "\6C");
	block(&s, 1, "one", 128);
	block(&s, 2, "tw", 128);
	cr_expect_eq(s.file_len, 130u);
	sub_xmodem_byte(&s.x, 4, s.now);
	expect_said(&s, "\6\6\6C");
	memset(head + 3, 0, 130);
	for (size_t i = 0; i < sizeof(head); i++)
		sub_xmodem_byte(&s.x, head[i], s.now);
	cr_expect_eq(s.x.end, SUB_XMODEM_DONE);
}

Test(sub_xmodem, answers_to_the_end_can_be_lost)
{
	struct scene s;

	start(&s, false);
	s.x.lose_acks = 1;
	block(&s, 1, "one", 128);
	sub_xmodem_byte(&s.x, 4, s.now);
	expect_said(&s, "\6");
	cr_expect_eq(s.x.end, SUB_XMODEM_DONE);
}

/* --- the loader ------------------------------------------------------------------------------- */

static void
open_loader(struct scene *s, enum sub_loader_kind kind)
{
	uint8_t old[SUB_CASE_BODY + 100];
	char path[300], dir[300];

	*s = (struct scene){.scratch = kit_scratch()};
	kit_write(s->scratch, "old.img", old, sub_case_image("1.0.0", 500, old));
	snprintf(path, sizeof(path), "%s/old.img", s->scratch);
	snprintf(dir, sizeof(dir), "%s/flash", s->scratch);
	cr_assert(sub_flash_open(&s->flash, dir, path));
	s->loader = (struct sub_loader){
	    .kind = kind, .flash = &s->flash, .say = on_text, .arg = s};
	cr_assert(sub_loader_init(&s->loader));
	sub_loader_boot(&s->loader, true, 0);
	s->said_len = 0;
}

static void
close_loader(struct scene *s)
{
	sub_loader_fini(&s->loader);
	sub_flash_close(&s->flash);
	kit_scratch_remove(s->scratch);
}

static const char *
type(struct scene *s, const char *text)
{
	s->said_len = 0;
	s->said[0] = '\0';
	for (; *text; text++)
		sub_loader_byte(&s->loader, (uint8_t)*text, s->now);
	return s->said;
}

Test(sub_loader, radio_tells_its_version_and_goes_to_its_menu)
{
	struct scene s;

	open_loader(&s, SUB_LOADER_GECKO);
	cr_expect(strstr(type(&s, "version\n"), "app 1.0.0\r\n"));
	type(&s, "bootloader\n");
	cr_expect(s.loader.reset);
	sub_loader_boot(&s.loader, true, 0);
	cr_expect(strstr(type(&s, "\n"), "BL > "));
	cr_expect(strstr(type(&s, "1"), "begin upload\r\nC"));
	cr_expect(strstr(type(&s, "\x18\x18"), "Serial upload aborted"));
	cr_expect_not(s.flash.slot[0].sound, "it was erased");
	type(&s, "2");
	cr_expect(s.loader.reset);
	sub_loader_boot(&s.loader, false, 0);
	cr_expect(strstr(type(&s, "\n"), "BL > "), "nothing else can run");
	close_loader(&s);
}

Test(sub_loader, prompt_echoes_and_keeps_its_variable_only_when_told)
{
	struct scene s;

	open_loader(&s, SUB_LOADER_UBOOT);
	cr_expect_str_eq(type(&s, "printenv fw_version\r"),
	    "printenv fw_version\r\nfw_version=1.0.0\r\n=> ");
	type(&s, "setenv fw_version 2.0\r");
	sub_loader_boot(&s.loader, true, 0);
	cr_expect(strstr(type(&s, "printenv fw_version\r"), "=1.0.0\r"));
	type(&s, "setenv fw_version 2.0\rsaveenv\r");
	sub_loader_boot(&s.loader, true, 0);
	cr_expect(strstr(type(&s, "printenv fw_version\r"), "=2.0\r"));
	memcpy(s.loader.ram, "123456789", 9);
	cr_expect(strstr(type(&s, "crc32 40200000 9\r"), "==> cbf43926\r"));
	close_loader(&s);
}
