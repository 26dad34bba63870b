/*
 * sim_quirk: see sim_quirk.h.
 */
#include "sim_quirk.h"
#include "dialect.h"
#include "sim.h"
#include "sim_device.h"
#include "sim_house.h"
#include "sim_platform.h"
#include "sim_platform_part.h"

enum { MUDDLED_MS = 6 * 3600000, LATE_MS = 10000, LATE_SPREAD_MS = 900, LATER_SPREAD_MS = 15000 };

/* How a request may go wrong, counted from 1. */
/* clang-format off */
static const struct quirk {
	int reply;     /* code of the reply; 0 = none comes */
	int exception; /* code of an exception that comes instead */
	bool late;     /* after the gateway has given up waiting */
} quirks[] = {
	/* reply                     exception                    late */
	{DIALECT_CODE_NOT_ASSOCIATED, 0,                           false},
	{DIALECT_CODE_SUB_SECRET,     0,                           false},
	{DIALECT_CODE_NOT_LOGGED_IN,  0,                           false},
	{DIALECT_CODE_UNKNOWN,        0,                           false},
	{0,                           0,                           false},
	{DIALECT_CODE_OK,             0,                           true},
	{0,                           DIALECT_CODE_SUB_SECRET,     false},
	{0,                           DIALECT_CODE_NOT_LOGGED_IN,  false},
	{0,                           DIALECT_CODE_NOT_ASSOCIATED, false},
};
/* clang-format on */
enum { QUIRKS = sizeof(quirks) / sizeof(quirks[0]) };

static void
muddle(int device)
{
	sim_plans_peer(device)->muddled = sim()->now + MUDDLED_MS * SIM_MS;
}

void
sim_quirk_refuse(int device, unsigned how)
{
	struct sim_peer *p = sim_plans_peer(device);

	p->quirk = 1 + (int)(how % QUIRKS);
	p->quirk_times = 1 + how / QUIRKS % 3;
}

void
sim_quirk_login(int device, unsigned how)
{
	sim_quirk_refuse(device, how);
	if (how % 2 == 0 || !sim_plans_peer(device)->in)
		return;
	muddle(device);
	sim_plans_peer(device)->in = false;
	sim_platform_exception(device, DIALECT_CODE_NOT_LOGGED_IN, 0);
}

void
sim_quirk_begin(void)
{
	struct sim_stream s = sim_stream("first logins");

	for (int i = 0; i < sim()->house->devices; i++)
		if (sim_stream_chance(&s, 25))
			sim_quirk_refuse(i, (unsigned)sim_stream_below(&s, QUIRKS));
}

int
sim_quirk_answer(int device, uint16_t command)
{
	struct sim_peer *p = sim_plans_peer(device);
	struct sim_stream *s = &sim()->platform->moods;

	(void)command;
	if (!p->quirk)
		return DIALECT_CODE_OK;
	const struct quirk *q = &quirks[p->quirk - 1];
	if (p->quirk_times-- <= 1)
		p->quirk = 0;
	muddle(device);
	if (q->exception)
		sim_platform_exception(device, q->exception, 0);
	if (q->late)
		sim_uplink_delay(
		    LATE_MS + (int64_t)sim_stream_below(
				  s, sim_stream_chance(s, 50) ? LATE_SPREAD_MS : LATER_SPREAD_MS));
	return q->reply;
}

void
sim_quirk_expel(int device, unsigned how)
{
	static const int codes[] = {
	    DIALECT_CODE_NOT_LOGGED_IN, DIALECT_CODE_SUB_SECRET, DIALECT_CODE_NOT_ASSOCIATED};

	muddle(device);
	sim_plans_peer(device)->in = false;
	if (how % 4 == 3)
		sim_platform_reply(device, DIALECT_PUT_OFFLINE, DIALECT_CODE_OK);
	else
		sim_platform_exception(device, codes[how % 4], 0);
}

void
sim_quirk_push(int device, bool before)
{
	struct sim_peer *p = sim_plans_peer(device);
	struct sim_plan *n = sim_plans_current(device);

	if (!n || !p->in || sim()->now < n->due || n->wrong)
		return;
	n->offered = n->known = true;
	muddle(device);
	before &= !sim()->house->forgets;
	const struct sim_package *k = before && p->at ? p->plan[p->at - 1].package : n->package;
	sim_say("platform", "sends an address to device %d out of nothing", device);
	sim_platform_send_firmware(device, k, false);
}

void
sim_quirk_push_radio(int device)
{
	const struct sim_peer *p = sim_plans_peer(device);

	if (!p->radio || !p->in)
		return;
	muddle(device);
	sim_platform_send_firmware(device, p->radio, true);
}

void
sim_quirk_push_before(int device)
{
	const struct sim_peer *p = sim_plans_peer(device);

	if (p->at < 1 || p->at > p->n || !p->in || sim()->house->forgets)
		return;
	muddle(device);
	sim_platform_send_firmware(device, p->plan[p->at - 1].package, false);
}

void
sim_quirk_malform(int device, bool now)
{
	struct sim_peer *p = sim_plans_peer(device);

	p->malformed = true;
	muddle(device);
	if (now && p->in)
		sim_platform_send_firmware(device, sim()->house->package, false);
}

static bool
is_in_the_mood(unsigned percent)
{
	return sim()->lively && !sim()->calm && !sim()->gentle &&
	       sim_stream_chance(&sim()->platform->moods, percent);
}

bool
sim_quirk_pushes(int device)
{
	struct sim_plan *n = sim_plans_current(device);

	if (n->wrong || n->radio || !is_in_the_mood(8))
		return false;
	sim_quirk_push(device, false);
	return true;
}

bool
sim_quirk_misfits(int device)
{
	const struct sim_peer *p = sim_plans_peer(device);

	if (p->at < 1 || sim()->house->forgets || !is_in_the_mood(4))
		return false;
	muddle(device);
	sim_platform_send_firmware(device, p->plan[p->at - 1].package, false);
	return true;
}

bool
sim_quirk_repeats(void)
{
	return is_in_the_mood(20);
}

void
sim_quirk_cut_at(int status, int64_t for_ns)
{
	sim()->platform->cut_at = status;
	sim()->platform->cut_ns = for_ns;
}

void
sim_quirk_hears(int status)
{
	if (sim()->platform->cut_at != status)
		return;
	sim()->platform->cut_at = 0;
	sim_bus_away(0, sim()->platform->cut_ns);
}

bool
sim_quirk_is_bad(int device)
{
	struct sim_peer *p = sim_plans_peer(device);
	bool bad = p->malformed;

	p->malformed = false;
	return bad;
}

void
sim_quirk_muddle(void)
{
	for (int i = 0; i < sim()->house->devices; i++) {
		struct sim_plan *n = sim_plans_current(i);

		muddle(i);
		if (n)
			n->waits = false;
	}
}

void
sim_quirk_muddle_one(int device)
{
	muddle(device);
}

void
sim_quirk_mute(void)
{
	for (int i = 0; i < sim()->house->devices; i++)
		sim_plans_peer(i)->radio_open = false;
}

void
sim_quirk_end(void)
{
	sim()->platform->cut_at = 0;
	for (int i = 0; i < sim()->house->devices; i++) {
		sim_plans_peer(i)->quirk = 0;
		sim_plans_peer(i)->malformed = false;
	}
}
