/*
 * modbus_dump: frames as JSON, whole, cut off and spoilt.
 */
#include "modbus_dump.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "auto.h"
#include "modbus_frame.h"
#include "tool.h"

static const struct {
	uint8_t data[20];
	size_t len;
	const char *says;
} rows[] = {
    {{1, 3, 2, 0, 1, 0x79, 0x84}, 7,
	"{\"framing\":\"rtu\",\"unit\":1,\"function\":3,\"name\":\"read holding registers\","
	"\"meaning\":\"answer\",\"data\":\"0001\"}"},
    {{1, 0x83, 2, 0xc0, 0xf1}, 5,
	"{\"framing\":\"rtu\",\"unit\":1,\"function\":3,\"name\":\"read holding registers\","
	"\"meaning\":\"exception\",\"exception\":2,\"text\":\"illegal data address\"}"},
    {{0, 7, 0, 0, 0, 6, 17, 6, 16, 1, 0, 3}, 12,
	"{\"framing\":\"tcp\",\"unit\":17,\"transaction\":7,\"function\":6,\"name\":\"write single "
	"register\",\"meaning\":\"either\",\"address\":4097,\"value\":3}"},
    {{0, 7, 0, 0, 0, 9, 1, 16, 32, 0, 0, 1, 2, 0xab, 0xcd}, 15,
	"{\"framing\":\"tcp\",\"unit\":1,\"transaction\":7,\"function\":16,\"name\":\"write "
	"multiple "
	"registers\",\"meaning\":\"request\",\"address\":8192,\"registers\":1,\"data\":\"abcd\"}"},
    {{0, 7, 0, 0, 0, 6, 1, 16, 32, 0, 0, 1}, 12,
	"{\"framing\":\"tcp\",\"unit\":1,\"transaction\":7,\"function\":16,\"name\":\"write "
	"multiple registers\",\"meaning\":\"answer\",\"address\":8192,\"registers\":1}"},
    {{0, 7, 0, 0, 0, 12, 1, 21, 9, 6, 0, 4, 0, 7, 0, 1, 0xab, 0xcd}, 18,
	"{\"framing\":\"tcp\",\"unit\":1,\"transaction\":7,\"function\":21,\"name\":\"write file "
	"record\",\"meaning\":\"either\","
	"\"file\":4,\"record\":7,\"registers\":1,\"data\":\"abcd\"}"},
};

enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

Test(modbus_dump, tells_every_kind_of_frame)
{
	for (size_t i = 0; i < ROWS; i++) {
		AUTO(mem) char *json = NULL;

		cr_assert_eq(modbus_dump_json(rows[i].data, rows[i].len, &json), ERR_OK, "%zu", i);
		cr_expect_str_eq(json, rows[i].says);
	}
}

Test(modbus_dump, refuses_what_is_cut_off_or_spoilt)
{
	for (size_t i = 0; i < ROWS; i++) {
		for (size_t len = 0; len < rows[i].len; len++) {
			AUTO(mem) uint8_t *exact = malloc(len + 1);
			char *json = NULL;

			memcpy(exact, rows[i].data, len);
			cr_expect_neq(
			    modbus_dump_json(exact, len, &json), ERR_OK, "%zu of %zu", len, i);
			cr_expect_null(json);
		}
	}
	uint8_t bad[20];
	char *json = NULL;
	memcpy(bad, rows[0].data, 7);
	bad[4] ^= 1;
	cr_expect_eq(modbus_dump_json(bad, 7, &json), ERR_FRAME_SUM);
	memcpy(bad, rows[2].data, 12);
	bad[7] = 43;
	cr_expect_eq(modbus_dump_json(bad, 12, &json), ERR_UNSUPPORTED);
}

Test(modbus_dump, subotactl_tells_a_frame)
{
	struct tool_result r = CTL(".", "decode", "modbus", "01 83 02 c0 f1");

	cr_expect_eq(r.status, 0, "%s", r.out);
	cr_expect(strstr(r.out, "illegal data address"), "%s", r.out);
}
