/*
 * bench_readme: see bench_readme.h.
 */
#include "bench_readme.h"

#include <string.h>

#include "auto.h"
#include "json.h"

enum { NAMES = 4 };

/* clang-format off */
static const struct row {
	const char *text, *goal;
	const char *names[NAMES];
	const char *peer;      /* NULL or who the figures below belong to */
	const char *peers[NAMES];
} rows[] = {
	{"100 MB fetched, verified and durable, to `curl -o`, which does only the first", "≤ 1.0",
	    {"download_100mb_to_curl"}, NULL, {NULL}},
	{"the same, to `swupdate`", "≤ 0.70", {"download_100mb_to_swupdate"}, NULL, {NULL}},
	{"of it after the last byte, s", "", {"download_100mb_after_last_byte"}, NULL, {NULL}},
	{"fetched again after SIGKILL at half, bytes", "≤ 65536", {"sigkill_at_half_fetched_again"},
	    "swupdate", {"sigkill_at_half_fetched_again_swupdate"}},
	{"two cuts after 20 MB each: fetched again, bytes", "≤ 65536", {"two_cuts_fetched_again"},
	    "swupdate", {"two_cuts_fetched_again_swupdate"}},
	{"the same, seconds to swupdate's", "≤ 1.0", {"two_cuts_seconds_to_swupdate"}, NULL, {NULL}},
	{"bytes of a corrupt image that reached the device", "0", {"corrupt_image_bytes_at_device"},
	    "swupdate's target", {"corrupt_image_bytes_written_swupdate"}},
	{"SMP, share of the line's rate: 115200 baud, 0 and 16 ms each way; 921600, 0 and 10 ms",
	    "≥ 0.97; 0.95", {"smp_line_share_115200_0ms", "smp_line_share_115200_16ms",
	    "smp_line_share_921600_0ms", "smp_line_share_921600_10ms"}, NULL, {NULL}},
	{"XMODEM-1K, share of what stop and wait allows: 115200, 0 and 16 ms; 921600, 0 and 16 ms",
	    "≥ 0.98", {"xmodem_limit_share_115200_0ms", "xmodem_limit_share_115200_16ms",
	    "xmodem_limit_share_921600_0ms", "xmodem_limit_share_921600_16ms"},
	    "lrzsz", {"xmodem_limit_share_115200_0ms_lrzsz", "xmodem_limit_share_115200_16ms_lrzsz",
	    "xmodem_limit_share_921600_0ms_lrzsz", "xmodem_limit_share_921600_16ms_lrzsz"}},
	{"YMODEM, likewise", "≥ 0.98", {"ymodem_limit_share_115200_0ms",
	    "ymodem_limit_share_115200_16ms", "ymodem_limit_share_921600_0ms",
	    "ymodem_limit_share_921600_16ms"},
	    "lrzsz", {"ymodem_limit_share_115200_0ms_lrzsz", "ymodem_limit_share_115200_16ms_lrzsz",
	    "ymodem_limit_share_921600_0ms_lrzsz", "ymodem_limit_share_921600_16ms_lrzsz"}},
	{"STM32 boot loader, likewise", "≥ 0.95; 0.90", {"an3155_limit_share_115200_0ms",
	    "an3155_limit_share_115200_16ms", "an3155_limit_share_921600_0ms",
	    "an3155_limit_share_921600_16ms"}, NULL, {NULL}},
	{"time for all of it, to `stm32flash`", "≤ 1.1", {"an3155_time_to_stm32flash_115200_0ms",
	    "an3155_time_to_stm32flash_115200_16ms", "an3155_time_to_stm32flash_921600_0ms",
	    "an3155_time_to_stm32flash_921600_16ms"}, NULL, {NULL}},
	{"Modbus RTU by registers, likewise, share of one exchange after the other", "≥ 0.90",
	    {"modbus_registers_limit_share_115200_0ms", "modbus_registers_limit_share_115200_16ms",
	    "modbus_registers_limit_share_921600_0ms", "modbus_registers_limit_share_921600_16ms"},
	    "libmodbus, which keeps no silence", {"modbus_registers_115200_0ms_libmodbus",
	    "modbus_registers_115200_16ms_libmodbus", "modbus_registers_921600_0ms_libmodbus",
	    "modbus_registers_921600_16ms_libmodbus"}},
	{"avrdude and stm32flash by recipe, to the same words by hand: time", "",
	    {"exec_time_to_avrdude", "exec_time_to_stm32flash"}, NULL, {NULL}},
	{"8 devices at once, time to that of one; bytes served to the package", "≤ 1.1; 1",
	    {"fleet_8_time_to_1", "fleet_8_bytes_served_to_package"},
	    "swupdate's forwarder", {"fleet_8_time_to_1_swupdate"}},
	{"of 4 devices one is down, dies, hangs from the start, in the middle: others done, of 3", "3",
	    {"fleet_4_one_down_others_done", "fleet_4_one_dying_others_done",
	    "fleet_4_one_hung_others_done", "fleet_4_one_hanging_others_done"},
	    "swupdate's forwarder", {"fleet_4_one_down_others_done_swupdate",
	    "fleet_4_one_dying_others_done_swupdate", "fleet_4_one_hung_others_done_swupdate",
	    "fleet_4_one_hanging_others_done_swupdate"}},
	{"their time to that of one device", "≤ 1.1", {"fleet_4_one_down_others_time_to_1",
	    "fleet_4_one_dying_others_time_to_1", "fleet_4_one_hung_others_time_to_1",
	    "fleet_4_one_hanging_others_time_to_1"}, NULL, {NULL}},
	{"the bad one has a clear status after, s", "≤ 40", {"fleet_4_one_down_clear_after",
	    "fleet_4_one_dying_clear_after", "fleet_4_one_hung_clear_after",
	    "fleet_4_one_hanging_clear_after"},
	    "swupdate's forwarder, given up after 40", {"fleet_4_one_down_ended_after_swupdate",
	    "fleet_4_one_dying_ended_after_swupdate", "fleet_4_one_hung_ended_after_swupdate",
	    "fleet_4_one_hanging_ended_after_swupdate"}},
	{"16, 64, 256 devices at once: CPU of flashd and sessions, s/MB", "",
	    {"fleet_16_cpu_per_mb", "fleet_64_cpu_per_mb", "fleet_256_cpu_per_mb"}, NULL, {NULL}},
	{"memory (PSS) for each, KiB", "",
	    {"fleet_16_pss_per_device", "fleet_64_pss_per_device", "fleet_256_pss_per_device"}, NULL,
	    {NULL}},
	{"idle daemons, PSS and anonymous, MiB", "≤ 11; 5",
	    {"idle_daemons_pss", "idle_daemons_anonymous"}, NULL, {NULL}},
	{"one upgrade, to the same code in one process without a jail: time", "≤ 1.05",
	    {"upgrade_time_to_one_process"}, NULL, {NULL}},
	{"its CPU: split alone; with its jails", "",
	    {"upgrade_cpu_split_to_one_process", "upgrade_cpu_to_one_process"}, NULL, {NULL}},
	{"a session's start and end in its jail, to without; ms", "≤ 1.25",
	    {"session_birth_jail_to_no_jail", "session_birth"}, NULL, {NULL}},
	{"an envelope on the bus with the tap on and nobody listening, to no tap; CPU", "≤ 1.02",
	    {"envelope_tap_unheard_to_off"}, NULL, {NULL}},
	{"a flash while flashd is flooded by its neighbour, to one in peace", "≤ 1.1",
	    {"flooded_flash_time"}, NULL, {NULL}},
	{"one upgrade writes to the disk: cloudd, the gate beside the package, flashd, KiB", "",
	    {"wear_cloudd_per_upgrade", "wear_fetchd_per_upgrade", "wear_flashd_per_upgrade"}, NULL,
	    {NULL}},
	{"ten seconds in which nothing happens, likewise, bytes", "0",
	    {"wear_cloudd_idle", "wear_fetchd_idle", "wear_flashd_idle"}, NULL, {NULL}},
	{"plan to first byte over http, ms", "≤ 2", {"plan_to_first_byte_http"}, NULL, {NULL}},
};
/* clang-format on */

static const cJSON *
find(const cJSON *figures, const char *name)
{
	const cJSON *f = NULL;

	cJSON_ArrayForEach(f, figures)
	{
		if (strcmp(json_text(f, "name"), name) == 0)
			return f;
	}
	return NULL;
}

/* Ratios and shares to two places, what is large as a whole. */
static void
say_number(FILE *out, double v)
{
	fprintf(out, v >= 100 || v == (double)(long long)v ? "%.0f" : v >= 10 ? "%.1f" : "%.2f", v);
}

static void
say_values(FILE *out, const cJSON *figures, const char *const names[NAMES])
{
	for (int i = 0; i < NAMES && names[i]; i++) {
		const cJSON *f = find(figures, names[i]);

		fprintf(out, "%s", i ? ", " : "");
		if (!f)
			fprintf(out, "not measured");
		else
			say_number(out, json_number(f, "value"));
	}
}

static bool
is_missed(const cJSON *f)
{
	const cJSON *goal = cJSON_GetObjectItem(f, "goal");
	double value = json_number(f, "value");

	if (!cJSON_IsNumber(goal))
		return false;
	return strcmp(json_text(f, "better"), "lower") == 0 ? value > goal->valuedouble
							    : value < goal->valuedouble;
}

static void
say_row(FILE *out, const cJSON *figures, const struct row *r)
{
	unsigned missed = 0, measured = 0;
	double samples = 0, spread = 0;

	for (int i = 0; i < NAMES && r->names[i]; i++) {
		const cJSON *f = find(figures, r->names[i]);

		missed += f && is_missed(f);
		measured++;
		if (f && i == 0) {
			samples = json_number(f, "samples");
			spread = json_number(f, "spread");
		}
	}
	fprintf(out, "| %s | %s | ", r->text, r->goal);
	say_values(out, figures, r->names);
	if (missed > 0 && measured > 1)
		fprintf(out, ", %u missed", missed);
	else if (missed > 0)
		fprintf(out, ", missed");
	if (r->peer) {
		fprintf(out, " (%s: ", r->peer);
		say_values(out, figures, r->peers);
		fprintf(out, ")");
	}
	fprintf(out, " | %.0f", samples);
	if (samples > 1) {
		fprintf(out, ", ");
		say_number(out, spread);
	}
	fprintf(out, " |\n");
}

void
bench_readme_rows(FILE *out, const cJSON *figures)
{
	fprintf(out, "| figure | goal | here | samples, spread |\n|---|---|---|---|\n");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		say_row(out, figures, &rows[i]);
}

bool
bench_readme(const char *path)
{
	AUTO(json) cJSON *figures = json_file(path);

	if (!cJSON_IsArray(figures))
		return false;
	bench_readme_rows(stdout, figures);
	return fflush(stdout) == 0;
}
