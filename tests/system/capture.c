/*
 * capture: what passes between the processes, kept in a file that Wireshark reads; two such files
 * compared; and one said again to a daemon that is alone.
 */
#include <glob.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "house_case.h"
#include "house_look.h"

TestSuite(capture, .timeout = 180);

#define SIGNATURE "0sEcReT9"

/* `subotactl tap --write FILE` in the background; its pid. */
static pid_t
tap_begin(struct house *h, const char *file)
{
	char tool[400], path[400];
	pid_t pid = fork();

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		snprintf(tool, sizeof(tool), "%s/subotactl", h->programs);
		snprintf(path, sizeof(path), "%s/subota.conf", h->dir);
		execl(tool, tool, "tap", "--config", path, "--write", file, (char *)NULL);
		_exit(127);
	}
	cr_assert_gt(pid, 0);
	for (struct stat st = {0}; stat(file, &st) != 0 || st.st_size == 0;)
		house_look_pause(20); /* opened once all taps are */
	return pid;
}

static void
tap_end(pid_t pid)
{
	int status = 0;

	cr_assert_eq(kill(pid, SIGINT), 0);
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %d", status);
}

/* An upgrade of one device, with the tap on. */
static void
record(const char *file)
{
	AUTO(house_case) struct house *h = house_case_open(&(struct house_options){0});
	pid_t tap = tap_begin(h, file);

	house_case_plan(h, &(struct house_pack){0});
	house_case_upgraded(h, 0, HOUSE_NEW);
	tap_end(tap);
}

static int
count(const char *text, const char *word)
{
	int n = 0;

	for (const char *at = strstr(text, word); at; at = strstr(at + 1, word))
		n++;
	return n;
}

Test(capture, wireshark_s_own_dissector_reads_every_field_of_an_upgrade)
{
	AUTO(scratch) char *dir = kit_scratch();
	char file[400], paths[500];

	snprintf(file, sizeof(file), "%s/up.pcapng", dir);
	snprintf(paths, sizeof(paths), "uat:protobuf_search_paths:\"%s\",\"TRUE\"", dir);
	record(file);
	cr_assert_eq(CTL(dir, "tap", "--wireshark", ".").status, 0);
	struct tool_result r = TOOL(dir, "tshark", "-X", "lua_script:subota.lua", "-o", paths, "-r",
	    "up.pcapng", "-Y", "protobuf.field.name == \"fetch_order\"", "-V");

	if (r.status == 127)
		cr_skip_test("tshark is not installed");
	cr_expect_eq(r.status, 0, "%s", r.out);
	cr_expect(strstr(r.out, "Interface name: fetchd:cloudd>fetchd"), "%s", r.out);
	cr_expect(strstr(r.out, "target_version = 1.1.0"), "%s", r.out);
	cr_expect(strstr(r.out, "device_key = METER1"), "%s", r.out);
	r = TOOL(dir, "strings", "-n", "12", "up.pcapng");
	if (r.status != 127)
		cr_expect(strstr(r.out, "message Envelope {"), "the schema is inside");
}

/* trust: 57 */
Test(capture, what_a_full_disk_does_not_take_is_told_and_no_success)
{
	AUTO(house_case) struct house *h = house_case_open(&(struct house_options){0});

	house_case_plan(h, &(struct house_pack){0});
	struct tool_result r = CTL(
	    h->dir, "tap", "--config", "subota.conf", "--count", "3", "--write", "/dev/full");

	cr_expect_eq(r.status, 71, "%s", r.out);
	cr_expect(strstr(r.out, "got: No space left on device"), "%s", r.out);
}

/* Lines that begin so; not of acknowledgements, for which of two daemons' reports the platform has
 * first is chance. */
static int
differences(const char *text, const char *begin)
{
	int n = 0;

	for (const char *at = text; *at;) {
		const char *end = strchrnul(at, '\n');
		bool ack = memmem(at, (size_t)(end - at), "  ReportAck  ", 13) != NULL;

		n += !ack && strncmp(at, begin, strlen(begin)) == 0;
		at = *end ? end + 1 : end;
	}
	return n;
}

Test(capture, two_upgrades_differ_in_their_addresses_only)
{
	AUTO(scratch) char *dir = kit_scratch();
	char a[400], b[400];

	snprintf(a, sizeof(a), "%s/a.pcapng", dir);
	snprintf(b, sizeof(b), "%s/b.pcapng", dir);
	record(a);
	record(b);
	struct tool_result r = CTL(dir, "diff", "a.pcapng", "a.pcapng");

	cr_expect_eq(r.status, 0, "%s", r.out);
	cr_expect_str_eq(r.out, "");
	r = CTL(dir, "diff", "a.pcapng", "b.pcapng");
	cr_expect_eq(r.status, 1, "%s", r.out);
	cr_expect_eq(differences(r.out, "-     cloudd>fetchd  "), 1, "%s", r.out);
	cr_expect_eq(count(r.out, "FetchOrder"), 2, "%s", r.out);
	cr_expect_null(strstr(r.out, "\"head\""), "another log has other hashes: %s", r.out);
	cr_expect_eq(count(r.out, "FlashOrder") % 2, 0, "%s", r.out);
	cr_expect_eq(CTL(dir, "diff", "a.pcapng", "nowhere").status, 71);
	kit_write(dir, "text", "no capture, but long enough to be looked at", 43);
	cr_expect_eq(CTL(dir, "diff", "a.pcapng", "text").status, 65);
}

/* `replay` as the user that cloudd had: the gate believes the kernel, not the tool. */
static struct tool_result
replay(struct house *h, const char *file)
{
	char tool[400], uid[40], gid[40];

	snprintf(tool, sizeof(tool), "%s/subotactl", h->programs);
	if (geteuid() != 0)
		return TOOL(h->dir, tool, "replay", "--to", "fetchd", "--config", "subota.conf",
		    "--timeout", "1500", file);
	snprintf(uid, sizeof(uid), "--reuid=%d", HOUSE_CLOUD_UID);
	snprintf(gid, sizeof(gid), "--regid=%d", HOUSE_CLOUD_UID);
	return TOOL(h->dir, "setpriv", uid, gid, "--clear-groups", tool, "replay", "--to", "fetchd",
	    "--config", "subota.conf", "--timeout", "1500", file);
}

/* The server that the recorded order names is another house's. */
Test(capture, a_capture_is_said_again_to_a_gate_that_is_alone)
{
	AUTO(scratch) char *dir = kit_scratch();
	AUTO(house_case)
	struct house *h = house_case_open(&(struct house_options){.fetchd = "package_ports = any"});
	char file[400];

	snprintf(file, sizeof(file), "%s/up.pcapng", dir);
	record(file);
	cr_assert_eq(chmod(dir, 0755) | chmod(file, 0644), 0);
	HOUSE_MUST(h, house_stop(h, HOUSE_CLOUDD));
	struct tool_result r = replay(h, file);

	if (r.status == 127)
		cr_skip_test("setpriv is not installed");
	cr_expect_eq(r.status, 0, "%s", r.out);
	cr_expect(strstr(r.out, "cloudd  fetchd  FetchOrder  "), "%s", r.out);
	cr_expect(
	    strstr(r.out, "fetchd  cloudd  PlanVerdict  "), "the device is judged: %s", r.out);
	cr_expect(strstr(r.out, "fetchd  cloudd  Progress  "), "and a download begun: %s", r.out);
}

Test(capture, nothing_is_said_to_the_gateway_s_own_daemons)
{
	AUTO(scratch) char *dir = kit_scratch();

	kit_write(dir, "conf", "[common]\n", 9);
	struct tool_result r = CTL(dir, "replay", "--to", "fetchd", "--config", "conf", "x");

	cr_expect_eq(r.status, 64);
	cr_expect(strstr(r.out, "expected --config of a scratch directory"), "%s", r.out);
	cr_expect_eq(CTL(dir, "replay", "--to", "fetchd", "x").status, 64);
	cr_expect_eq(CTL(dir, "replay", "--to", "cloudd", "--config", "conf", "x").status, 64);
}

/* A second package of the same file, whose address is one that an object store has signed. */
static void
publish_signed(struct house *h)
{
	char pattern[400], url[400], file[400];
	glob_t found;

	HOUSE_MUST(h, house_pack_publish(h, &(struct house_pack){0}));
	snprintf(pattern, sizeof(pattern), "%s/devcenter/packages/*-fw.bin", h->dir);
	cr_assert_eq(glob(pattern, 0, NULL, &found), 0, "%s", pattern);
	snprintf(url, sizeof(url), "https://127.0.0.1:%u/packages/%s?sign=" SIGNATURE "&a=1",
	    h->https, strrchr(found.gl_pathv[0], '/') + 1);
	globfree(&found);
	snprintf(file, sizeof(file), "%s/fw.bin", h->dir);
	struct tool_result r = HOUSE_DC(h, "package", "add", "--file", file, "--name", "signed",
	    "--component", "app", "--target", HOUSE_NEW, "--url", url);
	cr_assert_eq(r.status, 0, "%s", r.out);
	snprintf(h->package, sizeof(h->package), "signed");
	HOUSE_MUST(h, house_activate(h, h->package));
}

Test(capture, an_address_s_signature_fetches_the_package_and_is_in_no_capture)
{
	AUTO(scratch) char *dir = kit_scratch();
	AUTO(mem) char *text = calloc(1, 1 << 20);
	AUTO(house_case) struct house *h = house_case_open(&(struct house_options){0});
	char path[400];

	snprintf(path, sizeof(path), "%s/up.pcapng", dir);
	pid_t tap = tap_begin(h, path);

	publish_signed(h);
	house_case_upgraded(h, 0, HOUSE_NEW);
	tap_end(tap);
	AUTO(file) FILE *f = fopen(path, "re");
	cr_assert(f && text);
	size_t len = fread(text, 1, (1 << 20) - 1, f);
	cr_expect_not_null(memmem(text, len, "-fw.bin?", 8), "its address was heard");
	cr_expect_null(memmem(text, len, SIGNATURE, strlen(SIGNATURE)));
	cr_expect_null(memmem(text, len, "&a=1", 4));
	struct tool_result r = CTL(dir, "diff", "--json", "up.pcapng", "up.pcapng");
	cr_expect_eq(r.status, 0, "%s", r.out);
}
