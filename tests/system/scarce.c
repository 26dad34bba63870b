/*
 * System tests of what daemons live on and may lose amid an upgrade: inodes, the last byte, the
 * right to their own directories. The platform hears how it ended, people are told which file it
 * was and what to do, and with what was missing given back the next upgrade goes through.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "house_case.h"
#include "house_life.h"
#include "house_look.h"
#include "house_places.h"

TestSuite(scarce, .timeout = 180);

enum { MANY = 100000 };

/* State and store in memory, which is small. */
static bool
confine(struct house *h)
{
	char path[HOUSE_PLACE];

	if (!house_places_make(h))
		return false;
	for (int i = 0; i < HOUSE_PLACES; i++) {
		house_place(h, i, path);
		if (mount("scarce", path, "tmpfs", 0, "size=12m,nr_inodes=120") != 0)
			return false;
	}
	return true;
}

static void
release(struct house *h)
{
	for (enum house_part part = HOUSE_CLOUDD; part >= HOUSE_FLASHD; part--)
		HOUSE_MUST(h, house_stop(h, part));
	house_places_clear(h);
}

static void
write_all(int fd)
{
	char block[4096] = {1};
	size_t step = sizeof(block);

	while (step) {
		if (write(fd, block, step) <= 0)
			step /= 4;
	}
}

static void
use_up_bytes(struct house *h)
{
	char place[HOUSE_PLACE], path[HOUSE_PLACE + 10];

	for (int i = 0; i < HOUSE_PLACES; i++) {
		house_place(h, i, place);
		snprintf(path, sizeof(path), "%s/ballast", place);
		AUTO(fd) int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
		cr_assert_geq(fd, 0);
		write_all(fd);
	}
}

static void
use_up_inodes(struct house *h)
{
	char path[400];
	int fd = 0;

	for (int i = 0; i < HOUSE_PLACES * MANY && fd >= 0; i++) {
		snprintf(path, sizeof(path), "%s/store/ballast%d", h->dir, i);
		fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
		if (fd >= 0)
			close(fd);
	}
}

static void
remove_ballast(struct house *h)
{
	struct tool_result r = TOOL(
	    h->dir, "find", "state", "store", "-name", "ballast*", "-delete");

	cr_assert_eq(r.status, 0, "%s", r.out);
}

/* For nobody: the state of all three, and the store; or as they were. */
static void
take_rights(struct house *h)
{
	struct tool_result r = TOOL(h->dir, "chmod", "0000", "state/flashd", "state/fetchd",
	    "state/cloudd", "store/incoming", "store");

	cr_assert_eq(r.status, 0, "%s", r.out);
}

static void
give_rights(struct house *h)
{
	struct tool_result r = TOOL(h->dir, "chmod", "0700", "state/flashd", "state/fetchd",
	    "state/cloudd", "store/incoming");

	cr_assert_eq(r.status, 0, "%s", r.out);
	r = TOOL(h->dir, "chmod", "2750", "store");
	cr_assert_eq(r.status, 0, "%s", r.out);
}

struct lack {
	void (*take)(struct house *h);
	void (*give)(struct house *h);
	const char *told; /* in the sentence that cloudd has of the end; NULL: none before give */
};

/* In the middle of a download, whose end then fails; or before the plan comes. */
static void
lacks(const struct lack *l, bool amid)
{
	AUTO(house_case) struct house *h = house_case_new(&(struct house_options){0});

	if (!confine(h))
		cr_skip_test("memory of its own needs root");
	HOUSE_MUST(h, house_start_all(h));
	house_case_fault(h, "http_rate", "40000");
	if (!amid)
		l->take(h);
	house_case_plan(h, &(struct house_pack){0});
	if (amid) {
		house_case_until(h, house_case_is_fetching, NULL, "a download");
		l->take(h);
	}
	house_life_until_said(
	    h, l->told ? HOUSE_CLOUDD : HOUSE_FETCHD, l->told ? l->told : "disk is full", 1);
	l->give(h);
	house_case_until_verdict(h, 0, "failed");
	house_case_fault(h, "http_rate", "0");
	house_case_plan(h, &(struct house_pack){.name = "next", .version = "1.2.0", .sequence = 6});
	house_case_until_verdict(h, 0, "success");
	HOUSE_MUST(h, house_look_wait_version(h, 0, "1.2.0"));
	release(h);
}

static const struct lack inodes = {
    use_up_inodes, remove_ballast, "got: No space left on device, no inode is free; remove files"};

/* trust: 57 store-full */
Test(scarce, a_store_without_an_inode_ends_a_download_and_says_so)
{
	lacks(&inodes, true);
}

/* trust: 57 store-full */
Test(scarce, a_store_without_an_inode_begins_no_download_and_says_so)
{
	lacks(&inodes, false);
}

/* trust: 57 store-full */
Test(scarce, a_disk_that_is_full_amid_a_download_keeps_the_report_of_its_end)
{
	static const struct lack bytes = {use_up_bytes, remove_ballast, NULL};

	lacks(&bytes, true);
}

static const struct lack rights = {
    take_rights, give_rights, "got: Permission denied; give it back to the gate's user"};

/* trust: 57 */
Test(scarce, a_gate_that_may_not_enter_its_store_says_which_file_and_what_to_do)
{
	lacks(&rights, false);
}

/* trust: 57 */
Test(scarce, a_gate_that_loses_its_store_amid_a_download_says_which_file_and_what_to_do)
{
	lacks(&rights, true);
}
