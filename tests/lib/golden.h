/*
 * golden: one canonical message per kind, every field of which is set and lets the message pass.
 * Its bytes are in tests/data/golden and are kept for ever; tests of the route table and of the
 * field checks start from it and change one thing.
 */
#ifndef SUBOTA_TESTS_GOLDEN_H
#define SUBOTA_TESTS_GOLDEN_H

#include <stddef.h>
#include <stdint.h>
#include <subota.pb-c.h>

enum { GOLDEN_PROTO = 1, GOLDEN_BYTES = 4096, GOLDEN_KINDS = 19 };

/* A message with all that it points to; changed freely, copied never. */
struct golden {
	Pb__Envelope e;
	Pb__Device device;
	Pb__Option option, *options[1];
	char *hosts[2], *redirects[1];
	uint8_t md5[16], digest[64];
	union {
		Pb__Hello hello;
		Pb__Ping ping;
		Pb__DeviceReport device_report;
		Pb__PlanOffer plan_offer;
		Pb__PlanVerdict plan_verdict;
		Pb__FetchOrder fetch_order;
		Pb__FlashOrder flash_order;
		Pb__Progress progress;
		Pb__Report report;
		Pb__ReportAck report_ack;
		Pb__Cancel cancel;
		Pb__LinkState link_state;
		Pb__CourierOrder courier_order;
		Pb__CourierReport courier_report;
		Pb__SessionOrder session_order;
		Pb__SessionReport session_report;
		Pb__Query query;
		Pb__Answer answer;
		Pb__Act act;
	} body;
};

/* Kinds are Pb__Envelope__BodyCase: GOLDEN_FIRST .. GOLDEN_FIRST + GOLDEN_KINDS - 1. */
enum { GOLDEN_FIRST = PB__ENVELOPE__BODY_HELLO };

void golden_make(int kind, struct golden *g);

/* "tests/data/golden/v1-Hello.bin" */
void golden_path(int kind, char out[100]);

/* A literal for a field; protobuf-c wants it without const and does not write to it. */
char *golden_text(const char *s);

#endif
