/*
 * route: see route.h. The table is the whole truth about who may say what: nothing else in the
 * project decides it, and what is printed for people is made from it.
 *
 * A Hello is welcome at any time: a peer that was restarted greets a neighbour who knows nothing of
 * it yet. Limits are what the fields can be at their longest, rounded up.
 */
#include "msg.h"
#include "route.h"

#define KIND(k) PB__ENVELOPE__BODY_##k
#define ANY (ROUTE_GREETING | ROUTE_READY)
#define READY ROUTE_READY

/* clang-format off */
static const struct route_row rows[] = {
	/* kind                from          to            phases  max_bytes       droppable  check */
	{KIND(HELLO),          WHO_CLOUDD,   WHO_FETCHD,   ANY,    1024,           false, msg_check_hello},
	{KIND(HELLO),          WHO_FETCHD,   WHO_CLOUDD,   ANY,    1024,           false, msg_check_hello},
	{KIND(HELLO),          WHO_FETCHD,   WHO_FLASHD,   ANY,    1024,           false, msg_check_hello},
	{KIND(HELLO),          WHO_FLASHD,   WHO_FETCHD,   ANY,    1024,           false, msg_check_hello},
	{KIND(PING),           WHO_CLOUDD,   WHO_FETCHD,   READY,  128,            false, msg_check_ping},
	{KIND(PING),           WHO_FETCHD,   WHO_CLOUDD,   READY,  128,            false, msg_check_ping},
	{KIND(PING),           WHO_FETCHD,   WHO_FLASHD,   READY,  128,            false, msg_check_ping},
	{KIND(PING),           WHO_FLASHD,   WHO_FETCHD,   READY,  128,            false, msg_check_ping},
	{KIND(DEVICE_REPORT),  WHO_FLASHD,   WHO_FETCHD,   READY,  512,            false, msg_check_device_report},
	{KIND(DEVICE_REPORT),  WHO_FETCHD,   WHO_CLOUDD,   READY,  512,            false, msg_check_device_report},
	{KIND(PLAN_OFFER),     WHO_CLOUDD,   WHO_FETCHD,   READY,  512,            false, msg_check_plan_offer},
	{KIND(PLAN_OFFER),     WHO_FETCHD,   WHO_FLASHD,   READY,  512,            false, msg_check_plan_offer},
	{KIND(PLAN_VERDICT),   WHO_FLASHD,   WHO_FETCHD,   READY,  1024,           false, msg_check_plan_verdict},
	{KIND(PLAN_VERDICT),   WHO_FETCHD,   WHO_CLOUDD,   READY,  1024,           false, msg_check_plan_verdict},
	{KIND(FETCH_ORDER),    WHO_CLOUDD,   WHO_FETCHD,   READY,  16384,          false, msg_check_fetch_order},
	{KIND(FLASH_ORDER),    WHO_FETCHD,   WHO_FLASHD,   READY,  512,            false, msg_check_flash_order},
	{KIND(PROGRESS),       WHO_FLASHD,   WHO_FETCHD,   READY,  256,            true,  msg_check_progress},
	{KIND(PROGRESS),       WHO_FETCHD,   WHO_CLOUDD,   READY,  256,            true,  msg_check_progress},
	{KIND(REPORT),         WHO_FLASHD,   WHO_FETCHD,   READY,  1024,           false, msg_check_report},
	{KIND(REPORT),         WHO_FETCHD,   WHO_CLOUDD,   READY,  1024,           false, msg_check_report},
	{KIND(REPORT_ACK),     WHO_CLOUDD,   WHO_FETCHD,   READY,  128,            false, msg_check_report_ack},
	{KIND(REPORT_ACK),     WHO_FETCHD,   WHO_FLASHD,   READY,  128,            false, msg_check_report_ack},
	{KIND(CANCEL),         WHO_CLOUDD,   WHO_FETCHD,   READY,  1024,           false, msg_check_cancel},
	{KIND(CANCEL),         WHO_FETCHD,   WHO_FLASHD,   READY,  1024,           false, msg_check_cancel},
	{KIND(LINK_STATE),     WHO_CLOUDD,   WHO_FETCHD,   READY,  128,            false, msg_check_link_state},
	{KIND(LINK_STATE),     WHO_FETCHD,   WHO_FLASHD,   READY,  128,            false, msg_check_link_state},
	{KIND(COURIER_ORDER),  WHO_FETCHD,   WHO_COURIER,  READY,  16384,          false, msg_check_courier_order},
	{KIND(COURIER_REPORT), WHO_COURIER,  WHO_FETCHD,   READY,  2048,           false, msg_check_courier_report},
	{KIND(SESSION_ORDER),  WHO_FLASHD,   WHO_SESSION,  READY,  ROUTE_PIPE_MAX, false, msg_check_session_order},
	{KIND(SESSION_REPORT), WHO_SESSION,  WHO_FLASHD,   READY,  2048,           false, msg_check_session_report},
	{KIND(HELLO),          WHO_CTL,      WHO_CLOUDD,   ANY,    1024,           false, msg_check_hello},
	{KIND(HELLO),          WHO_CTL,      WHO_FETCHD,   ANY,    1024,           false, msg_check_hello},
	{KIND(HELLO),          WHO_CTL,      WHO_FLASHD,   ANY,    1024,           false, msg_check_hello},
	{KIND(HELLO),          WHO_CLOUDD,   WHO_CTL,      ANY,    1024,           false, msg_check_hello},
	{KIND(HELLO),          WHO_FETCHD,   WHO_CTL,      ANY,    1024,           false, msg_check_hello},
	{KIND(HELLO),          WHO_FLASHD,   WHO_CTL,      ANY,    1024,           false, msg_check_hello},
	{KIND(QUERY),          WHO_CTL,      WHO_CLOUDD,   READY,  1024,           false, msg_check_query},
	{KIND(QUERY),          WHO_CTL,      WHO_FETCHD,   READY,  1024,           false, msg_check_query},
	{KIND(QUERY),          WHO_CTL,      WHO_FLASHD,   READY,  ROUTE_BUS_MAX,  false, msg_check_query},
	{KIND(ANSWER),         WHO_CLOUDD,   WHO_CTL,      READY,  ROUTE_BUS_MAX,  false, msg_check_answer},
	{KIND(ANSWER),         WHO_FETCHD,   WHO_CTL,      READY,  ROUTE_BUS_MAX,  false, msg_check_answer},
	{KIND(ANSWER),         WHO_FLASHD,   WHO_CTL,      READY,  ROUTE_BUS_MAX,  false, msg_check_answer},
	{KIND(HELLO),          WHO_ACTOR,    WHO_CLOUDD,   ANY,    1024,           false, msg_check_hello},
	{KIND(HELLO),          WHO_ACTOR,    WHO_FETCHD,   ANY,    1024,           false, msg_check_hello},
	{KIND(HELLO),          WHO_ACTOR,    WHO_FLASHD,   ANY,    1024,           false, msg_check_hello},
	{KIND(HELLO),          WHO_CLOUDD,   WHO_ACTOR,    ANY,    1024,           false, msg_check_hello},
	{KIND(HELLO),          WHO_FETCHD,   WHO_ACTOR,    ANY,    1024,           false, msg_check_hello},
	{KIND(HELLO),          WHO_FLASHD,   WHO_ACTOR,    ANY,    1024,           false, msg_check_hello},
	{KIND(ACT),            WHO_ACTOR,    WHO_CLOUDD,   READY,  1024,           false, msg_check_act},
	{KIND(ACT),            WHO_ACTOR,    WHO_FETCHD,   READY,  1024,           false, msg_check_act},
	{KIND(ACT),            WHO_ACTOR,    WHO_FLASHD,   READY,  1024,           false, msg_check_act},
	{KIND(ANSWER),         WHO_CLOUDD,   WHO_ACTOR,    READY,  4096,           false, msg_check_answer},
	{KIND(ANSWER),         WHO_FETCHD,   WHO_ACTOR,    READY,  4096,           false, msg_check_answer},
	{KIND(ANSWER),         WHO_FLASHD,   WHO_ACTOR,    READY,  4096,           false, msg_check_answer},
};
/* clang-format on */

const char *
who_name(enum who who)
{
	static const char *const names[WHO_COUNT] = {
	    "nobody", "cloudd", "fetchd", "courier", "flashd", "session", "ctl", "actor"};

	return (unsigned)who < WHO_COUNT ? names[who] : names[WHO_NONE];
}

const struct route_row *
route_rows(size_t *n)
{
	*n = sizeof(rows) / sizeof(rows[0]);
	return rows;
}

const char *
route_kind_name(int kind)
{
	const ProtobufCFieldDescriptor *f = kind <= 0
						? NULL
						: protobuf_c_message_descriptor_get_field(
						      &pb__envelope__descriptor, (unsigned)kind);

	if (!f || f->type != PROTOBUF_C_TYPE_MESSAGE)
		return "unknown";
	return ((const ProtobufCMessageDescriptor *)f->descriptor)->short_name;
}

const struct route_row *
route_find(int kind, enum who from, enum who to)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].kind == kind && rows[i].from == from && rows[i].to == to)
			return &rows[i];
	return NULL;
}

enum err
route_admit(const Pb__Envelope *e, size_t bytes, enum who from, enum who to, enum route_phase phase)
{
	if (e->proto < ROUTE_PROTO_MIN || e->proto > ROUTE_PROTO_MAX)
		return ERR_VERSION;
	const struct route_row *row = route_find((int)e->body_case, from, to);

	if (!row)
		return ERR_ROUTE;
	if (!(row->phases & (unsigned)phase))
		return ERR_PHASE;
	return bytes > row->max_bytes ? ERR_LIMIT : row->check(e);
}
