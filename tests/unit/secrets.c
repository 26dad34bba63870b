/*
 * secrets: who else may read the file of product secrets.
 */
#include <criterion/criterion.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auto.h"
#include "kit.h"
#include "log.h"
#include "secrets.h"

static enum err
load(const char *dir, mode_t mode, gid_t gid)
{
	static const char text[] = "[product p1]\nsecret = 0123456789abcdef\n";
	struct secrets s;
	char path[300];

	log_init("test", LOG_SILENT);
	kit_write(dir, "secrets", text, sizeof(text) - 1);
	snprintf(path, sizeof(path), "%s/secrets", dir);
	cr_assert_eq(chown(path, geteuid(), gid), 0);
	cr_assert_eq(chmod(path, mode), 0);
	enum err e = secrets_load(path, &s);
	if (e == ERR_OK)
		cr_expect_str_eq(secrets_find(&s, "p1"), "0123456789abcdef");
	return e;
}

Test(secrets, are_read_from_a_file_that_nobody_else_can_read)
{
	AUTO(scratch) char *dir = kit_scratch();

	cr_expect_eq(load(dir, 0600, getegid()), ERR_OK);
	cr_expect_eq(load(dir, 0604, getegid()), ERR_DENIED);
	cr_expect_eq(load(dir, 0620, getegid()), ERR_DENIED);
}

/* systemd gives a service its credential by an ACL, which shows where the group's rights stand. */
Test(secrets, are_read_from_a_credential_of_the_service_manager)
{
	if (geteuid() != 0)
		cr_skip_test("needs root");
	AUTO(scratch) char *dir = kit_scratch();

	cr_expect_eq(load(dir, 0440, 0), ERR_OK);
	cr_expect_eq(load(dir, 0440, 100), ERR_DENIED);
	cr_expect_eq(load(dir, 0460, 0), ERR_DENIED);
	cr_expect_eq(load(dir, 0444, 0), ERR_DENIED);
}
