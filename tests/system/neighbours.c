/*
 * neighbours: a process that was taken over against the real one beside it: cloudd against the
 * gate, the gate against flashd, in whatever envelopes or bytes. Whoever is attacked lives,
 * answers, stays small, counts what it refused, does nothing to a device; and works when the real
 * neighbour is back.
 *
 * NEIGHBOUR_N and NEIGHBOUR_SEED make it longer and another one: make neighbours N= SEED=.
 */
#include <dirent.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "ctl/processes.h"
#include "house_case.h"
#include "house_look.h"
#include "json.h"
#include "neighbour.h"

TestSuite(neighbours, .timeout = 3600);

enum {
	ENVELOPES = 900,
	CONNECTIONS = 300,
	MEMORY_MAX = 96 << 20,
	FILES_MAX = 200,
	HEARD_MIN = 60,
	FLOODED = 5000
};

static uint64_t
setting(const char *name, uint64_t fallback)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 10) : fallback;
}

static struct neighbour
as(struct house *h, enum who self, enum who to, uid_t uid, char path[200], unsigned n)
{
	snprintf(path, 200, "%s/run/%s-%s/sock", h->dir, who_name(to), who_name(self));
	return (struct neighbour){.path = path,
	    .self = self,
	    .to = to,
	    .uid = uid,
	    .seed = setting("NEIGHBOUR_SEED", 1),
	    .n = (unsigned)setting("NEIGHBOUR_N", n),
	    .device = {HOUSE_PK, "METER1"}};
}

static unsigned
open_files(pid_t pid)
{
	char path[60];
	unsigned n = 0;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	AUTO(dir) DIR *dir = opendir(path);
	while (dir && readdir(dir))
		n++;
	return n;
}

static bool
answers(struct house *h, void *arg)
{
	enum house_part p = *(const enum house_part *)arg;
	AUTO(json) cJSON *status = house_look_ask(h, p, "status");

	return status != NULL;
}

/* It lives, answers and is small; and no byte went to the device. */
static void
expect_unharmed(struct house *h, enum house_part victim)
{
	char pid[16];
	AUTO(json) cJSON *device = house_look_device(h, 0);

	cr_assert(house_runs(h, victim), "it has ended");
	house_case_until(h, answers, &victim, "it answers");
	snprintf(pid, sizeof(pid), "%d", (int)h->process[victim].pid);
	cr_expect_lt(processes_memory(pid), MEMORY_MAX);
	cr_expect_lt(open_files(h->process[victim].pid), FILES_MAX);
	cr_expect_eq(json_number(device, "upload_bytes"), 0);
	cr_expect_eq(json_number(device, "boots"), 1);
	cr_expect_eq(h->process[victim].starts, 1);
}

/* Enough of it was heard to mean something, and what was refused was counted. */
static void
expect_counted(struct house *h, enum house_part victim, const char *peer)
{
	AUTO(json) cJSON *status = house_look_ask(h, victim, "status");
	const cJSON *link = cJSON_GetObjectItem(status, peer);

	cr_expect_gt(json_number(link, "refused"), 0);
	cr_expect_gt(json_number(link, "received") - json_number(link, "refused"), HEARD_MIN);
	if (getenv("NEIGHBOUR_N"))
		fprintf(stderr, "%.0f came, %.0f were refused\n", json_number(link, "received"),
		    json_number(link, "refused"));
}

static void
upgrade_after_all(struct house *h)
{
	HOUSE_MUST(h, house_start_all(h));
	house_case_plan(h, &(struct house_pack){0});
	house_case_upgraded(h, 0, HOUSE_NEW);
}

/* trust: 44 */
Test(neighbours, cloudd_taken_over_says_whatever_it_likes_to_the_gate)
{
	AUTO(house_case) struct house *h = house_case_open(&(struct house_options){0});
	char path[200];
	struct neighbour n = as(h, WHO_CLOUDD, WHO_FETCHD, HOUSE_CLOUD_UID, path, ENVELOPES);

	HOUSE_MUST(h, house_stop(h, HOUSE_CLOUDD));
	cr_expect(neighbour_wait(neighbour_envelopes(&n)));
	expect_unharmed(h, HOUSE_FETCHD);
	expect_unharmed(h, HOUSE_FLASHD);
	expect_counted(h, HOUSE_FETCHD, "cloudd");
	upgrade_after_all(h);
}

/* trust: 45 */
Test(neighbours, the_gate_taken_over_says_whatever_it_likes_to_flashd)
{
	AUTO(house_case) struct house *h = house_case_open(&(struct house_options){0});
	char path[200];
	struct neighbour n = as(h, WHO_FETCHD, WHO_FLASHD, HOUSE_FETCH_UID, path, ENVELOPES);

	HOUSE_MUST(h, house_stop(h, HOUSE_CLOUDD));
	HOUSE_MUST(h, house_stop(h, HOUSE_FETCHD));
	cr_expect(neighbour_wait(neighbour_envelopes(&n)));
	expect_unharmed(h, HOUSE_FLASHD);
	expect_counted(h, HOUSE_FLASHD, "fetchd");
	upgrade_after_all(h);
}

Test(neighbours, bytes_of_any_kind_on_the_sockets_of_gate_and_flashd)
{
	AUTO(house_case) struct house *h = house_case_open(&(struct house_options){0});
	char gate[200], flash[200];
	struct neighbour n = as(h, WHO_CLOUDD, WHO_FETCHD, HOUSE_CLOUD_UID, gate, CONNECTIONS);
	struct neighbour m = as(h, WHO_FETCHD, WHO_FLASHD, HOUSE_FETCH_UID, flash, CONNECTIONS);
	pid_t one = neighbour_bytes(&n), two = neighbour_bytes(&m);

	cr_expect(neighbour_wait(one) && neighbour_wait(two));
	expect_unharmed(h, HOUSE_FETCHD);
	expect_unharmed(h, HOUSE_FLASHD);
	upgrade_after_all(h);
}

/* While a device is written, cloudd is taken over and floods the gate. */
Test(neighbours, a_flood_from_cloudd_s_side_does_not_keep_a_device_from_its_end)
{
	AUTO(house_case) struct house *h = house_case_open(&(struct house_options){0});
	char path[200], state[32] = "";
	struct neighbour n = as(h, WHO_CLOUDD, WHO_FETCHD, HOUSE_CLOUD_UID, path, 3 * ENVELOPES);

	house_case_plan(h, &(struct house_pack){.size = 120000});
	for (int i = 0; i < 600 && strcmp(state, "FLASHING") != 0; i++) {
		house_case_flash(h, 0, state, &(double){0});
		house_look_pause(20);
	}
	cr_assert_str_eq(state, "FLASHING");
	HOUSE_MUST(h, house_stop(h, HOUSE_CLOUDD));
	pid_t flood = neighbour_envelopes(&n);

	cr_expect(neighbour_wait(flood));
	HOUSE_MUST(h, house_start(h, HOUSE_CLOUDD));
	for (int i = 0; i < 1500 && strcmp(state, "DONE") != 0 && strcmp(state, "FAILED") != 0;
	     i++) {
		house_case_flash(h, 0, state, &(double){0});
		house_look_pause(50);
	}
	cr_expect(strcmp(state, "DONE") == 0 || strcmp(state, "CANCELLED") == 0, "%s", state);
}

static bool
is_written(struct house *h, void *arg)
{
	AUTO(json) cJSON *device = house_look_device(h, 0);

	(void)arg;
	return json_number(device, "upload_bytes") > 20000;
}

/* More than its ledger holds, so that its bounds were met. */
static bool
was_flooded(struct house *h, void *arg)
{
	AUTO(json) cJSON *status = house_look_ask(h, HOUSE_FLASHD, "status");

	(void)arg;
	return json_number(cJSON_GetObjectItem(status, "fetchd"), "received") > FLOODED;
}

static bool
runs_new(struct house *h, void *arg)
{
	AUTO(json) cJSON *device = house_look_device(h, 0);

	(void)arg;
	return strcmp(json_text(device, "running"), HOUSE_NEW) == 0 &&
	       cJSON_IsTrue(cJSON_GetObjectItem(device, "confirmed"));
}

/* In the middle of a write the gate is taken over and says all that flashd takes: plans and orders,
 * each of which becomes a record. */
Test(neighbours, a_flash_goes_on_while_the_gate_floods_flashd_and_so_does_all_after_it)
{
	AUTO(house_case) struct house *h = house_case_open(&(struct house_options){0});
	char path[200], pid[16];
	const struct neighbour n = as(h, WHO_FETCHD, WHO_FLASHD, HOUSE_FETCH_UID, path, 0);
	enum house_part flashd = HOUSE_FLASHD;

	house_case_plan(h, &(struct house_pack){.size = 120000});
	house_case_until(h, is_written, NULL, "a part of it is written");
	house_kill(h, HOUSE_FETCHD);
	pid_t flood = neighbour_flood(&n);

	house_case_until(h, runs_new, NULL, "the device runs the new version, confirmed");
	house_case_until(h, was_flooded, NULL, "flashd was flooded");
	kill(flood, SIGKILL);
	waitpid(flood, NULL, 0);
	house_case_until(h, answers, &flashd, "flashd answers");
	snprintf(pid, sizeof(pid), "%d", (int)h->process[HOUSE_FLASHD].pid);
	cr_expect_lt(processes_memory(pid), MEMORY_MAX);
	HOUSE_MUST(h, house_start(h, HOUSE_FETCHD));
	house_case_upgraded(h, 0, HOUSE_NEW);
	house_case_plan(h, &(struct house_pack){.name = "next", .version = "1.2.0", .sequence = 6});
	house_case_upgraded(h, 0, "1.2.0");
}
