/*
 * smp_dump: frames and packets as JSON, and what is refused.
 */
#include "smp_dump.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define ECHO_FRAME \
	"\x06\x09" \
	"ABACAAAGAABCAKFhZGJoaXBh\n"

static enum err
dump(const void *data, size_t len, char *json, size_t size)
{
	char *out = NULL;
	enum err e = smp_dump_json(data, len, &out);

	cr_assert((e == ERR_OK) == (out != NULL));
	snprintf(json, size, "%s", out ? out : "");
	free(out);
	return e;
}

Test(smp_dump, shows_a_console_frame)
{
	static const char *const frames[] = {ECHO_FRAME, "uart:~$ " ECHO_FRAME "junk"};
	char json[500];

	for (size_t i = 0; i < 2; i++) {
		cr_assert_eq(dump(frames[i], strlen(frames[i]), json, sizeof(json)), ERR_OK);
		cr_expect_str_eq(json,
		    "{\"framing\":\"console\",\"version\":0,\"op\":\"write\",\"group\":0,"
		    "\"command\":0,\"name\":\"echo\",\"seq\":66,\"length\":6,"
		    "\"body\":{\"d\":\"hi\"}}");
	}
}

Test(smp_dump, shows_a_raw_packet_with_every_type)
{
	static const uint8_t packet[] = {0x0b, 0, 0, 31, 0, 1, 7, 1, 0xbf, 0x61, 'a', 0x82, 0x20,
	    0xf6, 0x61, 'b', 0x42, 0xde, 0xad, 0x61, 'c', 0xf5, 0x05, 0xf9, 0, 0, 0x61, 'd', 0x1b,
	    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x80, 0xff};
	char json[500];

	/* the last key is an array and has no value; with one it is shown by its kind */
	cr_assert_eq(dump(packet, sizeof(packet), json, sizeof(json)), ERR_MALFORMED);
	uint8_t fixed[sizeof(packet) + 1];

	memcpy(fixed, packet, sizeof(packet) - 1);
	fixed[sizeof(packet) - 1] = 0x0a;
	fixed[sizeof(packet)] = 0xff;
	fixed[3] = sizeof(fixed) - 8;
	cr_assert_eq(dump(fixed, sizeof(fixed), json, sizeof(json)), ERR_OK);
	cr_expect_str_eq(json,
	    "{\"framing\":\"none\",\"version\":1,\"op\":\"write answer\",\"group\":1,"
	    "\"command\":1,\"name\":\"image upload\",\"seq\":7,\"length\":32,"
	    "\"body\":{\"a\":[-1,null],\"b\":\"dead\",\"c\":true,\"5\":\"float\","
	    "\"d\":\"18446744073709551615\",\"other\":10}}");
}

Test(smp_dump, refuses_with_the_right_name)
{
	static const uint8_t tag[] = {1, 0, 0, 2, 0, 0, 0, 0, 0xc0, 0x00};
	static const uint8_t longer[] = {1, 0, 0, 1, 0, 0, 0, 0, 0xa0, 0xa0};
	static const uint8_t huge[] = {1, 0, 0, 5, 0, 0, 0, 0, 0x9a, 0x10, 0, 0, 0};
	static const uint8_t op[] = {7, 0, 0, 1, 0, 0, 0, 0, 0xa0};
	static uint8_t big[5000];
	char frame[] = ECHO_FRAME, json[100];

	frame[20] ^= 1;
	cr_expect_eq(dump(frame, strlen(frame), json, sizeof(json)), ERR_FRAME_SUM);
	cr_expect_eq(dump(ECHO_FRAME, strlen(ECHO_FRAME) - 1, json, sizeof(json)), ERR_TRUNCATED);
	cr_expect_eq(dump("\x06\x09"
			  "!!!!\n",
			 7, json, sizeof(json)),
	    ERR_MALFORMED);
	cr_expect_eq(dump("", 0, json, sizeof(json)), ERR_TRUNCATED);
	cr_expect_eq(dump(tag, sizeof(tag), json, sizeof(json)), ERR_UNSUPPORTED);
	cr_expect_eq(dump(longer, sizeof(longer), json, sizeof(json)), ERR_MALFORMED);
	cr_expect_eq(dump(longer, sizeof(longer) - 2, json, sizeof(json)), ERR_TRUNCATED);
	cr_expect_eq(dump(huge, sizeof(huge), json, sizeof(json)), ERR_TRUNCATED);
	cr_expect_eq(dump(op, sizeof(op), json, sizeof(json)), ERR_MALFORMED);
	cr_expect_eq(dump(big, sizeof(big), json, sizeof(json)), ERR_LIMIT);
}
