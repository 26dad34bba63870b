/*
 * modbus_call: when a request is sent, sent again and given up, byte by byte and ms by ms.
 */
#include "modbus_call.h"

#include <criterion/criterion.h>
#include <string.h>

static const struct modbus_limits limits = {.framing = MODBUS_RTU,
    .unit = 9,
    .reply_ms = 1000,
    .silence_ms = 5,
    .tries = 3,
    .poll_ms = 100,
    .busy_ms = 500};

static void
ask(struct modbus_call *c, unsigned tries, struct mono now)
{
	modbus_frame_write(&c->request, 0x2000, (const uint8_t *)"data", 2);
	modbus_call_start(c, tries, now);
}

/* How many bytes want to go out now. */
static size_t
sent(struct modbus_call *c, struct mono now)
{
	uint8_t out[300];

	return modbus_call_output(c, out, sizeof(out), now);
}

static void
answer(struct modbus_call *c, uint8_t unit, struct mono now)
{
	struct modbus_pdu p = {.data = {16, 0x20, 0, 0, 2}, .len = 5};
	uint8_t frame[MODBUS_ADU];
	size_t n = modbus_frame_format(MODBUS_RTU, unit, 0, &p, frame);

	for (size_t i = 0; i < n; i++)
		modbus_call_byte(c, frame[i], now);
}

Test(modbus_call, a_request_waits_until_the_line_is_quiet)
{
	struct modbus_call c;

	modbus_call_init(&c, &limits);
	ask(&c, 3, (struct mono){100});
	cr_expect_eq(sent(&c, (struct mono){104}), 0);
	modbus_call_byte(&c, 0, (struct mono){104});
	cr_expect_eq(sent(&c, (struct mono){108}), 0);
	cr_expect_eq(modbus_call_deadline(&c).ms, 109);
	cr_expect_eq(sent(&c, (struct mono){109}), 13);
	answer(&c, 8, (struct mono){120});
	cr_expect_eq(c.state, MODBUS_WAITING, "that was another unit");
	answer(&c, 9, (struct mono){130});
	cr_expect_eq(c.state, MODBUS_OVER);
	cr_expect_eq(c.error, ERR_OK);
}

Test(modbus_call, an_answer_that_comes_late_is_not_taken_for_that_of_the_next_request)
{
	struct modbus_call c;

	modbus_call_init(&c, &limits);
	ask(&c, 3, (struct mono){0});
	cr_expect_eq(sent(&c, (struct mono){5}), 13);
	modbus_call_time(&c, (struct mono){1005});
	cr_expect_eq(sent(&c, (struct mono){1010}), 13, "once more");
	answer(&c, 9, (struct mono){1020}); /* to the first, or to the second? */
	cr_expect(c.state == MODBUS_OVER && c.error == ERR_OK);
	ask(&c, 3, (struct mono){1020});
	cr_expect_eq(sent(&c, (struct mono){1030}), 0);
	answer(&c, 9, (struct mono){1500});
	cr_expect_eq(c.state, MODBUS_QUIET, "to one of the two before");
	cr_expect_eq(sent(&c, (struct mono){2019}), 0);
	cr_expect_eq(sent(&c, (struct mono){2020}), 13);
	answer(&c, 9, (struct mono){2030});
	ask(&c, 3, (struct mono){2030});
	cr_expect_eq(sent(&c, (struct mono){2035}), 13, "all is well again");
}

Test(modbus_call, tries_are_counted_and_then_it_is_away)
{
	struct modbus_call c;
	struct mono now = {0};
	char text[200];

	modbus_call_init(&c, &limits);
	ask(&c, 3, now);
	for (int i = 0; i < 3; i++) {
		now.ms += 5;
		cr_expect_eq(sent(&c, now), 13);
		now.ms += 1000;
		modbus_call_time(&c, now);
	}
	cr_expect(c.state == MODBUS_OVER && c.error == ERR_DEVICE_AWAY);
	modbus_call_complain(&c, text, sizeof(text));
	cr_expect_str_eq(
	    text, "expected an answer to function 16 at 8192 within 1000 ms, got none");
}

static void
refuse(struct modbus_call *c, uint8_t code, struct mono now)
{
	struct modbus_pdu p = {.data = {0x90, code}, .len = 2};
	uint8_t frame[MODBUS_ADU];
	size_t n = modbus_frame_format(MODBUS_RTU, 9, 0, &p, frame);

	for (size_t i = 0; i < n; i++)
		modbus_call_byte(c, frame[i], now);
}

Test(modbus_call, busy_means_later_and_a_gateway_without_its_target_means_away)
{
	struct modbus_call c;
	struct mono now = {5};
	int asked = 0;

	modbus_call_init(&c, &limits);
	ask(&c, 1, (struct mono){0});
	for (; c.state != MODBUS_OVER; asked++) {
		cr_expect_eq(sent(&c, now), 13);
		refuse(&c, asked % 2 ? MODBUS_BUSY : MODBUS_ACKNOWLEDGE, now);
		now.ms += 100;
	}
	cr_expect_eq(c.error, ERR_BUSY);
	cr_expect_eq(asked, 6);
	ask(&c, 1, now);
	now.ms += 5;
	cr_expect_eq(sent(&c, now), 13);
	refuse(&c, MODBUS_NO_TARGET, now);
	cr_expect_eq(c.error, ERR_DEVICE_AWAY);
}

Test(modbus_call, with_tcp_the_number_of_the_transaction_decides)
{
	struct modbus_limits tcp = limits;
	struct modbus_call c;
	struct modbus_pdu p = {.data = {16, 0x20, 0, 0, 2}, .len = 5};
	uint8_t frame[MODBUS_ADU];

	tcp.framing = MODBUS_TCP;
	modbus_call_init(&c, &tcp);
	ask(&c, 3, (struct mono){0});
	cr_expect_eq(sent(&c, (struct mono){0}), 17);
	for (uint16_t t = c.transaction - 1; t <= c.transaction; t++) {
		size_t n = modbus_frame_format(MODBUS_TCP, 9, t, &p, frame);

		cr_expect_neq(c.state, MODBUS_OVER);
		for (size_t i = 0; i < n; i++)
			modbus_call_byte(&c, frame[i], (struct mono){10});
	}
	cr_expect(c.state == MODBUS_OVER && c.error == ERR_OK);
}
