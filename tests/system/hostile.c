/*
 * A system test of devices that were taken over: seven on one gateway, six of which do their worst,
 * each in another way; the seventh is upgraded as if it were alone, nobody's memory grows, and what
 * they said is nowhere raw.
 */
#include <string.h>

#include "house_case.h"
#include "house_look.h"
#include "json.h"

TestSuite(hostile, .timeout = 120);

enum { DEVICES = 7, MEMORY_KIB = 64 * 1024 };

static const char *const quirks[DEVICES] = {
    NULL, "off-wanders", "off-zero", "evil-version", "huge", "garbage", "endless"};

/* Newlines and what can be printed, and nothing else, in all that the processes wrote. */
static void
expect_clean_file(const char *path)
{
	AUTO(file) FILE *f = fopen(path, "re");
	long at = 0;
	int c;

	cr_assert(f, "%s", path);
	while ((c = getc(f)) != EOF) {
		cr_assert(c == '\n' || (c >= ' ' && c <= '~'), "%s: byte %#x at %ld", path,
		    (unsigned)c, at);
		at++;
	}
}

static void
expect_clean_logs(struct house *h)
{
	static const char *const files[] = {"log/flashd", "log/fetchd", "log/cloudd",
	    "state/flashd/events.jsonl", "state/cloudd/events.jsonl"};
	char path[300];

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", h->dir, files[i]);
		expect_clean_file(path);
	}
}

static long
peak_kib(pid_t pid)
{
	char path[64], line[200];
	long kib = -1;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	AUTO(file) FILE *f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "VmHWM: %ld", &kib) == 1)
			break;
	return kib;
}

/* The uploads that cannot end have ended. *arg: the most memory that a session was seen with. */
static bool
is_told(struct house *h, void *arg)
{
	char first[32], second[32];
	pid_t session = house_look_child(h, HOUSE_FLASHD, "subota-session");
	long *most = arg, kib = session ? peak_kib(session) : 0;

	*most = kib > *most ? kib : *most;
	house_case_verdict(h, 1, first);
	house_case_verdict(h, 2, second);
	return strcmp(first, "failed") == 0 && strcmp(second, "failed") == 0;
}

Test(hostile, six_devices_that_do_their_worst_harm_neither_the_seventh_nor_the_gateway)
{
	AUTO(house_case)
	struct house *h = house_case_new(&(struct house_options){.devices = DEVICES});
	long most = 0;

	for (int i = 1; i < DEVICES; i++)
		house_device_args(h, i, "--quirks", quirks[i]);
	for (int i = 0; i < DEVICES; i++)
		HOUSE_MUST(h, house_start(h, HOUSE_DEVICE + i));
	for (enum house_part p = 0; p <= HOUSE_CLOUDD; p++)
		HOUSE_MUST(h, house_start(h, p));
	for (int i = 0; i < 3; i++)
		HOUSE_MUST(h, house_look_wait_version(h, i, HOUSE_OLD));
	house_case_plan(h, &(struct house_pack){0});
	house_case_upgraded(h, 0, HOUSE_NEW);
	house_case_until(h, is_told, &most, "an end of the uploads that want wrong offsets");
	for (int i = 1; i < 3; i++) { /* the others may do as they are told in spite of all */
		AUTO(json) cJSON *own = house_look_device(h, i);

		cr_expect_str_eq(json_text(own, "running"), HOUSE_OLD, "device %d", i);
	}
	cr_expect(most > 0 && most < MEMORY_KIB, "%ld KiB in a session", most);
	cr_expect_lt(peak_kib(h->process[HOUSE_FLASHD].pid), MEMORY_KIB);
	expect_clean_logs(h);
}
