/*
 * The nursery as systemd starts it: behind a socket, one for each connection of the gate's, with no
 * word about users; and behind its own door, as in a container. (How the gate starts it by itself
 * is what all tests of couriers do.)
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "couriers.h"
#include "kit.h"

TestSuite(nursery, .timeout = 60);

enum { PATIENCE_MS = 20000, NOBODY = 65534 };

/* In a child: what systemd does for Accept=yes. */
__attribute__((noreturn)) static void
be_systemd(int listening, const char *program, const char *courier)
{
	struct pollfd p = {.fd = listening, .events = POLLIN};

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	int fd = poll(&p, 1, PATIENCE_MS) == 1 ? accept(listening, NULL, NULL) : -1;
	if (fd < 0 || (geteuid() == 0 && (setresgid(NOBODY, NOBODY, NOBODY) < 0 ||
					     setresuid(NOBODY, NOBODY, NOBODY) < 0)))
		_exit(98);
	if (fd != 3 && dup2(fd, 3) < 0)
		_exit(99);
	execl(program, program, courier, (char *)NULL);
	_exit(127);
}

static pid_t
start_systemd(const char *dir, char path[108])
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	AUTO(fd) int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	const char *program = couriers_program("subota-nursery");
	const char *courier = couriers_program("subota-courier");

	snprintf(path, 108, "%.90s/sock", dir);
	memcpy(a.sun_path, path, strlen(path) + 1);
	cr_assert_eq(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	cr_assert_eq(listen(fd, 4), 0);
	pid_t pid = fork();
	if (pid == 0)
		be_systemd(fd, program, courier);
	return pid;
}

/* What comes next from the nursery. */
static struct nursery_note
next_note(struct nursery *n)
{
	struct pollfd p = {.fd = nursery_fd(n), .events = POLLIN};
	struct nursery_note note = {0};

	cr_assert_eq(poll(&p, 1, PATIENCE_MS), 1);
	cr_assert_eq(nursery_read(n, &note), ERR_OK);
	return note;
}

Test(nursery, starts_couriers_for_whoever_its_socket_lets_in_and_ends_with_them)
{
	AUTO(scratch) char *dir = kit_scratch();
	char path[108];
	int pair[2], status = 0;
	pid_t pid = start_systemd(dir, path);
	struct nursery *n = NULL;

	cr_assert_eq(nursery_connect(path, &n), ERR_OK);
	cr_expect_eq(nursery_pid(n), 0);
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	AUTO(fd) int file = open("/dev/null", O_WRONLY | O_CLOEXEC);
	cr_assert_eq(nursery_spawn(n, 5, pair[1], file), ERR_OK);
	close(pair[1]);
	close(pair[0]); /* a courier without orders ends */
	struct nursery_note note = next_note(n);
	cr_expect_eq(note.id, 5);
	cr_expect_gt(note.pid, 0);
	nursery_free(n);
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 0, "0x%x", (unsigned)status);
}

Test(nursery, is_missed_when_nobody_listens)
{
	AUTO(scratch) char *dir = kit_scratch();
	struct nursery *n = NULL;
	char path[300];

	snprintf(path, sizeof(path), "%s/sock", dir);
	cr_expect_eq(nursery_connect(path, &n), ERR_OFFLINE);
	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	cr_expect_eq(nursery_connect(path, &n), ERR_INVALID);
	cr_expect_null(n);
}

/* --- its own door ----------------------------------------------------------------------------- */

static pid_t
start_door(const char *path)
{
	const char *program = couriers_program("subota-nursery");
	const char *courier = couriers_program("subota-courier");
	pid_t pid = fork();

	if (pid == 0) {
		if (geteuid() == 0 && (setresgid(NOBODY, NOBODY, NOBODY) < 0 ||
					  setresuid(NOBODY, NOBODY, NOBODY) < 0))
			_exit(98);
		prctl(PR_SET_PDEATHSIG, SIGKILL); /* a change of user takes it away */
		execl(program, program, "--listen", path, courier, (char *)NULL);
		_exit(127);
	}
	return pid;
}

static bool
is_socket(const char *path)
{
	struct stat st = {0};

	return stat(path, &st) == 0 && S_ISSOCK(st.st_mode);
}

/* Whether a courier can be born there within `ms`. It has no orders, so it ends at once. */
static bool
bears(struct nursery *n, uint32_t id, int ms)
{
	struct pollfd p = {.fd = nursery_fd(n), .events = POLLIN};
	struct nursery_note note = {0};
	int pair[2];

	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	AUTO(fd) int file = open("/dev/null", O_WRONLY | O_CLOEXEC);
	cr_assert_eq(nursery_spawn(n, id, pair[1], file), ERR_OK);
	close(pair[1]);
	close(pair[0]);
	return poll(&p, 1, ms) == 1 && nursery_read(n, &note) == ERR_OK && note.id == id;
}

Test(nursery, keeps_its_own_door_where_no_manager_does_and_four_are_inside_at_most)
{
	AUTO(scratch) char *dir = kit_scratch();
	struct nursery *n[5] = {NULL};
	char path[108];
	int status = 0;

	snprintf(path, sizeof(path), "%.90s/sock", dir);
	if (geteuid() == 0)
		cr_assert_eq(chown(dir, NOBODY, NOBODY), 0);
	fclose(fopen(path, "w")); /* what a predecessor left behind is no obstacle */
	pid_t pid = start_door(path);
	for (int i = 0; i < PATIENCE_MS / 10 && !is_socket(path); i++)
		poll(NULL, 0, 10);
	for (int i = 0; i < 5; i++) {
		for (int k = 0; k < PATIENCE_MS / 10 && nursery_connect(path, &n[i]) != ERR_OK; k++)
			poll(NULL, 0, 10); /* bound, but it does not listen yet */
		cr_assert_not_null(n[i]);
	}
	for (uint32_t i = 0; i < 4; i++)
		cr_expect(bears(n[i], i, PATIENCE_MS), "%u", i);
	cr_expect_not(bears(n[4], 4, 300));
	nursery_free(n[0]);
	struct nursery_note note = next_note(n[4]); /* it waited at the door */
	cr_expect_eq(note.id, 4);
	for (int i = 1; i < 5; i++)
		nursery_free(n[i]);
	cr_assert_eq(kill(pid, SIGTERM), 0);
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 0, "0x%x", (unsigned)status);
	cr_expect_not(is_socket(path));
}
