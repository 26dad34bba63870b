/*
 * daemon: the directories and paths of the skeleton. How the programs behave on their command lines
 * is tests/integration/daemons.c.
 */
#include <criterion/criterion.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon.h"
#include "kit.h"

static mode_t
mode_of(const char *path, struct stat *st)
{
	cr_assert_eq(lstat(path, st), 0, "%s", path);
	return st->st_mode & 07777;
}

static uid_t
somebody(void)
{
	return geteuid() ? geteuid() : 64001;
}

Test(daemon, makes_a_directory_with_its_parents_owner_and_mode)
{
	AUTO(scratch) char *dir = kit_scratch();
	struct stat st;
	char path[300];

	snprintf(path, sizeof(path), "%s/a/b/c", dir);
	cr_assert_eq(daemon_make_dir(path, somebody(), daemon_gid_of(somebody()), 02750), ERR_OK);
	cr_assert_eq(mode_of(path, &st), 02750);
	cr_assert_eq(st.st_uid, somebody());
	snprintf(path, sizeof(path), "%s/a", dir);
	cr_assert_eq(mode_of(path, &st) & 0755, 0755 & ~(umask(0)));
}

Test(daemon, brings_a_directory_that_is_there_already_to_the_right_mode)
{
	AUTO(scratch) char *dir = kit_scratch();
	struct stat st;
	char path[300];

	snprintf(path, sizeof(path), "%s/state", dir);
	cr_assert_eq(mkdir(path, 0777), 0);
	cr_assert_eq(daemon_make_dir(path, somebody(), daemon_gid_of(somebody()), 0700), ERR_OK);
	cr_assert_eq(mode_of(path, &st), 0700);
	cr_assert_eq(st.st_uid, somebody());
}

Test(daemon, follows_no_link_and_takes_no_file_for_a_directory)
{
	AUTO(scratch) char *dir = kit_scratch();
	char path[300], other[300];

	snprintf(path, sizeof(path), "%s/link", dir);
	snprintf(other, sizeof(other), "%s/elsewhere", dir);
	cr_assert_eq(mkdir(other, 0755), 0);
	cr_assert_eq(symlink(other, path), 0);
	cr_assert_eq(daemon_make_dir(path, somebody(), 0, 0700), ERR_SYSTEM);
	snprintf(path, sizeof(path), "%s/file", dir);
	AUTO(file) FILE *f = fopen(path, "we");
	cr_assert_not_null(f);
	cr_assert_eq(daemon_make_dir(path, somebody(), 0, 0700), ERR_SYSTEM);
}

Test(daemon, wants_absolute_paths)
{
	cr_assert_eq(daemon_make_dir("run", 0, 0, 0700), ERR_CONFIG);
	cr_assert_eq(daemon_make_dir("", 0, 0, 0700), ERR_CONFIG);
}

Test(daemon, gives_each_pair_of_neighbours_a_directory_of_its_own)
{
	AUTO(scratch) char *dir = kit_scratch();
	struct daemon_common c = {.cloud_uid = somebody(),
	    .fetch_uid = somebody(),
	    .flash_uid = somebody(),
	    .operator_gid = getegid()};
	struct stat st;
	char path[300];

	snprintf(c.run_dir, sizeof(c.run_dir), "%s/run", dir);
	snprintf(c.state_dir, sizeof(c.state_dir), "%s/state", dir);
	cr_assert_eq(daemon_make_dirs(&c, WHO_FETCHD, somebody()), ERR_OK);
	snprintf(path, sizeof(path), "%s/run/fetchd-cloudd", dir);
	cr_assert_eq(mode_of(path, &st), 02750);
	cr_assert_eq(st.st_gid, daemon_gid_of(somebody()));
	snprintf(path, sizeof(path), "%s/run/fetchd-ctl", dir);
	cr_assert_eq(mode_of(path, &st), 02750);
	snprintf(path, sizeof(path), "%s/run/fetchd-tap", dir);
	cr_assert_eq(mode_of(path, &st), 02750);
	snprintf(path, sizeof(path), "%s/state/fetchd", dir);
	cr_assert_eq(mode_of(path, &st), 0700);
	snprintf(path, sizeof(path), "%s/run/flashd-fetchd", dir);
	cr_assert_lt(lstat(path, &st), 0, "only the server makes it");
}

Test(daemon, names_sockets_after_server_and_client)
{
	struct daemon_common c = {.run_dir = "/run/subota"};
	char path[108];

	daemon_socket_path(&c, WHO_FLASHD, WHO_FETCHD, path);
	cr_assert_str_eq(path, "/run/subota/flashd-fetchd/sock");
	daemon_socket_path(&c, WHO_CLOUDD, WHO_CTL, path);
	cr_assert_str_eq(path, "/run/subota/cloudd-ctl/sock");
	daemon_socket_path(&c, WHO_FLASHD, WHO_ACTOR, path);
	cr_assert_str_eq(path, "/run/subota/flashd-act/sock");
	daemon_tap_path(&c, WHO_CLOUDD, path);
	cr_assert_str_eq(path, "/run/subota/cloudd-tap/sock");
}

Test(daemon, takes_the_users_number_for_the_group_of_a_user_without_an_account)
{
	cr_assert_eq(daemon_gid_of(0), 0);
	cr_assert_eq(daemon_gid_of(64123), 64123);
}

Test(daemon, finds_the_group_of_each_account)
{
	AUTO(file) FILE *f = fopen("/etc/passwd", "re");
	unsigned n = 0;

	cr_assert_not_null(f);
	for (struct passwd *p; (p = fgetpwent(f)); n++) {
		struct passwd *first = getpwuid(p->pw_uid); /* several may have one number */

		cr_assert_not_null(first);
		cr_expect_eq(daemon_gid_of(first->pw_uid), first->pw_gid, "%s", first->pw_name);
	}
	cr_expect_gt(n, 1);
}

static unsigned
count_nss(void)
{
	AUTO(file) FILE *f = fopen("/proc/self/maps", "re");
	char line[600];
	unsigned n = 0;

	cr_assert_not_null(f);
	while (fgets(line, sizeof(line), f))
		n += strstr(line, "libnss_") != NULL;
	return n;
}

Test(daemon, loads_no_library_for_a_user_without_an_account)
{
	unsigned before = count_nss();

	cr_assert_eq(daemon_gid_of(64123), 64123);
	cr_expect_eq(count_nss(), before);
}

/* Status with which a child ends that makes the directories as an ordinary user. */
static int
make_as_nobody(const struct daemon_common *c, uid_t uid)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		if (setresgid(uid, uid, uid) < 0 || setresuid(uid, uid, uid) < 0)
			_exit(9);
		log_init("test", LOG_SILENT);
		_exit((int)daemon_make_dirs(c, WHO_FLASHD, uid));
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	return WEXITSTATUS(status);
}

/* As systemd-tmpfiles leaves it for daemons that never were root. */
Test(daemon, takes_the_directories_that_root_made_for_it)
{
	struct daemon_common c = {.flash_uid = 64001, .operator_gid = 64009};

	if (geteuid() != 0)
		cr_skip_test("needs root");
	AUTO(scratch) char *dir = kit_scratch();
	cr_assert_eq(chmod(dir, 0755), 0);
	snprintf(c.run_dir, sizeof(c.run_dir), "%s/run", dir);
	snprintf(c.state_dir, sizeof(c.state_dir), "%s/state", dir);
	cr_assert_eq(make_as_nobody(&c, 64001), ERR_SYSTEM, "nothing is there");
	cr_assert_eq(daemon_make_dirs(&c, WHO_FLASHD, 64001), ERR_OK);
	cr_assert_eq(make_as_nobody(&c, 64001), ERR_OK);
	cr_assert_eq(make_as_nobody(&c, 64002), ERR_SYSTEM, "another's");
	cr_assert_eq(chmod(c.run_dir, 0777), 0);
	cr_assert_eq(make_as_nobody(&c, 64001), ERR_SYSTEM, "anybody can put something else there");
}

Test(daemon, prefers_a_credential_of_the_service_manager)
{
	AUTO(scratch) char *dir = kit_scratch();
	struct daemon d = {0};
	char path[300], wanted[300];

	daemon_credential(&d, "secrets", "/etc/x", path);
	cr_expect_str_eq(path, "/etc/x", "nobody entrusts anything");
	snprintf(d.credentials, sizeof(d.credentials), "%s", dir);
	daemon_credential(&d, "secrets", "/etc/x", path);
	cr_expect_str_eq(path, "/etc/x", "something else is entrusted");
	kit_write(dir, "secrets", "", 0);
	snprintf(wanted, sizeof(wanted), "%s/secrets", dir);
	daemon_credential(&d, "secrets", "/etc/x", path);
	cr_expect_str_eq(path, wanted);
}
