/*
 * System tests of a crowd: very many sub-devices of three products behind one gateway, one silent
 * plan for each product, all real daemons, a session process per device.
 *
 * What the platform heard of each device is read as attempts, see is_story(): a status may come
 * twice where a connection was cut before its acknowledgement, never out of order.
 */
#include <string.h>

#include "house_case.h"
#include "house_crowd.h"
#include "house_db.h"
#include "house_look.h"
#include "json.h"

enum { CROWD = 200, LOSSY_CROWD = 60, SANITIZED_CROWD = 20, CROWD_MAX = 250, DONE = 2 };

TestSuite(load, .timeout = 600);

extern void __asan_init(void) __attribute__((weak));

static bool
all_are_online(struct house *h, void *arg)
{
	house_look_pause(200);
	return house_crowd_online(h, arg) == h->options.crowd;
}

static bool
all_have_succeeded(struct house *h, void *arg)
{
	(void)arg;
	house_look_pause(200);
	return house_crowd_progress(h, DONE) == h->options.crowd &&
	       house_crowd_online(h, HOUSE_NEW) == h->options.crowd;
}

/* SUBOTA_CROWD=N makes every crowd so large (`make load`). With sanitizers two hundred sessions at
 * once would need gigabytes. */
static struct house *
crowded(unsigned usual)
{
	const char *wish = getenv("SUBOTA_CROWD");
	long n = wish ? strtol(wish, NULL, 10) : 0;

	if (__asan_init)
		usual = SANITIZED_CROWD;
	struct house *h = house_case_open(
	    &(struct house_options){.crowd = n > 0 && n <= CROWD_MAX ? (unsigned)n : usual,
		.patience_s = 240,
		.flashd = "ask_every = 10 min\naway_retry = 2 min\nflash_deadline = 10 min"});

	house_case_until(h, all_are_online, (void *)(uintptr_t)HOUSE_OLD, "a crowd that is online");
	return h;
}

/* A package and a plan for each product. */
static void
plan_for_all(struct house *h)
{
	char pk[CROWD_PRODUCTS][32], model[CROWD_PRODUCTS][32], name[CROWD_PRODUCTS][32];

	for (int i = 0; i < CROWD_PRODUCTS; i++) {
		snprintf(pk[i], sizeof(pk[i]), "%s%d", CROWD_PK, i + 1);
		snprintf(model[i], sizeof(model[i]), "%s%d", CROWD_MODEL, i + 1);
		snprintf(name[i], sizeof(name[i]), "load%d", i + 1);
		HOUSE_MUST(h,
		    house_pack_publish(h,
			&(struct house_pack){.name = name[i], .model = model[i], .size = 20000}));
	}
	for (int i = 0; i < CROWD_PRODUCTS; i++) {
		struct tool_result r = HOUSE_DC(h, "plan", "add", name[i], "--product", pk[i],
		    "--package", name[i], "--retries", "5", "--reject-min", "0", "--activate");
		cr_assert_eq(r.status, 0, "%s", r.out);
	}
}

/* One attempt after another, the last one a success; in each the statuses in their order, a
 * repeated one counting once: 1 2 4 5 8 9 11, ended early by 3, 6 or 12. */
static bool
is_story(const char *statuses)
{
	static const char order[] = {1, 2, 4, 5, 8, 9, 11};
	int last = 0;

	for (const char *at = statuses; *at; at += strspn(at, " ")) {
		char *end = NULL;
		int s = (int)strtol(at, &end, 10);

		at = end;
		if (s == last)
			continue;
		bool over = last == 0 || last == 3 || last == 6 || last == 12;
		bool ends = s == 3 || s == 6 || s == 12;
		if (over ? s != 1 : last == 11)
			return false;
		if (!over && !ends && s <= last)
			return false;
		if (!ends && !memchr(order, s, sizeof(order)))
			return false;
		last = s;
	}
	return last == 11;
}

static unsigned
count_of(const char *statuses, const char *status)
{
	unsigned n = 0;

	for (const char *at = statuses; (at = strstr(at, status)) != NULL; at += strlen(status))
		n += (at == statuses || at[-1] == ' ') &&
		     (at[strlen(status)] == ' ' || !at[strlen(status)]);
	return n;
}

static void
expect_the_end(struct house *h)
{
	char statuses[CROWD_STATUSES];

	cr_expect_eq(
	    house_crowd_running(h, HOUSE_NEW), h->options.crowd, "by the devices' own word");
	for (unsigned i = 1; i <= h->options.crowd; i++) {
		house_crowd_statuses(h, i, statuses);
		cr_expect(is_story(statuses), "C%u: %s", i, statuses);
	}
	cr_expect_eq(house_db_ask(h, "SELECT count(*) FROM status WHERE device = "
				     "(SELECT id FROM device WHERE dk = 'METER1')"),
	    0, "nothing was planned for it");
}

/* rule: load status-order */
Test(load, two_hundred_devices_of_three_products_need_three_downloads)
{
	static const char *const once[] = {"2", "4", "8", "9", "11"};
	AUTO(house_case) struct house *h = crowded(CROWD);
	char statuses[CROWD_STATUSES];

	plan_for_all(h);
	house_case_until(h, all_have_succeeded, NULL, "a crowd that is upgraded");
	expect_the_end(h);
	cr_expect_eq(house_db_ask(h, "SELECT sum(requests) FROM package"), CROWD_PRODUCTS);
	cr_expect_eq(house_db_ask(h, "SELECT sum(bytes) FROM package"),
	    house_db_ask(h, "SELECT sum(size) FROM package"));
	for (unsigned i = 1; i <= h->options.crowd; i++) {
		house_crowd_statuses(h, i, statuses);
		for (size_t k = 0; k < sizeof(once) / sizeof(once[0]); k++)
			cr_expect_eq(count_of(statuses, once[k]), 1, "C%u: %s", i, statuses);
	}
}

static bool
half_have_succeeded(struct house *h, void *arg)
{
	(void)arg;
	house_look_pause(100);
	return house_crowd_progress(h, DONE) >= h->options.crowd / 2;
}

/* MQTT runs over TCP, which makes good for a lost segment or breaks. So loss is this: the platform
 * loses every tenth message to the gateway for good, and some acknowledgements (each holds
 * everybody up for two seconds, as one message is in flight at a time), the connection is cut three
 * times amid all, with whatever was not acknowledged, and the broker dies when half the crowd is
 * done. */
/* rule: load-loss status-kept restart-goes-on */
Test(load, a_tenth_is_lost_and_the_broker_dies_and_every_device_ends_the_same)
{
	AUTO(house_case) struct house *h = crowded(LOSSY_CROWD);
	char cut_after[16];

	snprintf(cut_after, sizeof(cut_after), "%u,3", 7 * h->options.crowd);
	house_case_fault(h, "drop_publish", "10");
	house_case_fault(h, "drop_ack", "10,6");
	house_case_fault(h, "mqtt_cut_after_packets", cut_after);
	plan_for_all(h);
	house_case_until(h, half_have_succeeded, NULL, "half a crowd that is upgraded");
	house_kill(h, HOUSE_DEVCENTER);
	HOUSE_MUST(h, house_start(h, HOUSE_DEVCENTER));
	house_case_until(h, all_have_succeeded, NULL, "a crowd that is upgraded");
	expect_the_end(h);
	cr_expect_leq(house_db_ask(h, "SELECT sum(bytes) FROM package"),
	    house_db_ask(h, "SELECT sum(size) FROM package"), "fetched once");
}
