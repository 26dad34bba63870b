/*
 * The nursery as systemd starts it: behind a socket, one for each connection of the daemon's; and
 * behind its own door, as in a container. What it starts, for whom, and what it does not. (How the
 * gate starts it by itself is what all tests of couriers do, flashd that of lanes.)
 */
#include <criterion/criterion.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "couriers.h"
#include "house_proc.h"
#include "kit.h"

TestSuite(nursery, .timeout = 60);

enum { PATIENCE_MS = 20000, NOBODY = 65534, WORDS = 8 };

static uid_t
somebody(void)
{
	return geteuid() ? geteuid() : NOBODY;
}

/* A command line with what the nursery is told: the daemon, who to be, one program of ours. */
struct words {
	char path[400], id[16], gid[16], place[440];
	char *argv[WORDS];
};

static void
name_nursery(struct words *w, const char *parent, const char *name, const char *program)
{
	snprintf(w->path, sizeof(w->path), "%s", couriers_program("subota-nursery"));
	snprintf(w->id, sizeof(w->id), "%u", (unsigned)somebody());
	snprintf(w->gid, sizeof(w->gid), "%u", geteuid() ? (unsigned)getegid() : NOBODY);
	snprintf(w->place, sizeof(w->place), "%s=%s", name, couriers_program(program));
	char *const argv[WORDS] = {w->path, (char *)(uintptr_t)parent,
	    (char *)(uintptr_t) "require", w->id, w->gid, (char *)(uintptr_t) "0", w->place, NULL};
	memcpy(w->argv, argv, sizeof(argv));
}

/* Not root any more, and ended with the test: a change of user takes that word away. */
static bool
become_somebody(void)
{
	return (geteuid() != 0 || (setresgid(NOBODY, NOBODY, NOBODY) == 0 &&
				      setresuid(NOBODY, NOBODY, NOBODY) == 0)) &&
	       prctl(PR_SET_PDEATHSIG, SIGKILL) == 0;
}

/* In a child: what systemd does for Accept=yes. */
__attribute__((noreturn)) static void
be_systemd(int listening, char *const argv[])
{
	struct pollfd p = {.fd = listening, .events = POLLIN};
	int fd = poll(&p, 1, PATIENCE_MS) == 1 ? accept(listening, NULL, NULL) : -1;

	if (fd < 0 || !become_somebody())
		_exit(98);
	if (fd != 3 && dup2(fd, 3) < 0)
		_exit(99);
	execv(argv[0], argv);
	_exit(127);
}

static pid_t
start_systemd(const char *dir, char *const argv[], char path[108])
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	AUTO(fd) int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	snprintf(path, 108, "%.90s/sock", dir);
	memcpy(a.sun_path, path, strlen(path) + 1);
	cr_assert_eq(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	cr_assert_eq(listen(fd, 4), 0);
	pid_t pid = fork();
	if (pid == 0)
		be_systemd(fd, argv);
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

/* Ask for a program with a channel and a descriptor that says nothing, or as many more of them as
 * n_fds says; *ours is the other end of the channel. */
static uint32_t
ask(struct nursery *n, enum nursery_program program, size_t n_fds, const struct places *places,
    int *ours)
{
	AUTO(fd) int mute = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	uint32_t id = 0;
	int pair[2];

	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	const struct nursery_birth birth = {.program = program,
	    .fds = {pair[1], mute, mute, mute},
	    .n_fds = n_fds,
	    .places = places};
	cr_assert_eq(nursery_spawn(n, &birth, &id), ERR_OK);
	close(pair[1]);
	*ours = pair[0];
	return id;
}

static void
expect_end(pid_t pid)
{
	int status = 0;

	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 0, "0x%x", (unsigned)status);
}

Test(nursery, starts_couriers_for_whoever_its_socket_lets_in_and_ends_with_them)
{
	AUTO(scratch) char *dir = kit_scratch();
	struct words w;
	char path[108];
	int channel = -1;

	name_nursery(&w, "fetchd", "$courier", "subota-courier");
	pid_t pid = start_systemd(dir, w.argv, path);
	struct nursery *n = NULL;
	cr_assert_eq(nursery_connect(path, &n), ERR_OK);
	cr_expect_eq(nursery_pid(n), 0);
	uint32_t id = ask(n, NURSERY_COURIER, 2, NULL, &channel);
	close(channel); /* a courier without orders ends */
	struct nursery_note note = next_note(n);
	cr_expect_eq(note.id, id);
	cr_expect_gt(note.pid, 0);
	nursery_free(n);
	expect_end(pid);
}

/* --- a daemon as its own nursery -------------------------------------------------------------- */

static void
write_conf(const char *dir, char path[300])
{
	char lib[400];
	unsigned uid = (unsigned)somebody();

	snprintf(lib, sizeof(lib), "%s", couriers_program("x"));
	*strrchr(lib, '/') = '\0';
	snprintf(path, 300, "%s/subota.conf", dir);
	AUTO(file) FILE *f = fopen(path, "we");
	cr_assert_not_null(f);
	fprintf(f,
	    "[common]\nlib_dir = %s\ncloud_user = %u\nfetch_user = %u\ncourier_user = %u\n"
	    "flash_user = %u\nsession_user = %u\noperator_group = %u\ndevice_group = %u\n"
	    "[flashd.device m1]\nproduct_key = p1\ndevice_key = meter-1\nvendor = acme\n"
	    "model = sensor-9\ndriver = exec\nport = none\nprogram = /bin/true\n",
	    lib, uid, uid, uid, uid, uid, (unsigned)getegid(), (unsigned)getegid());
	cr_assert(chmod(dir, 0755) == 0 && chmod(path, 0644) == 0);
}

Test(nursery, of_a_unit_is_the_daemon_that_read_what_may_be_started)
{
	AUTO(scratch) char *dir = kit_scratch();
	char path[108], conf[300], flashd[400];
	struct places places = {0}, others = {0};
	struct nursery *n = NULL;
	int channel = -1;

	write_conf(dir, conf);
	snprintf(flashd, sizeof(flashd), "%s", couriers_program("subota-flashd"));
	pid_t pid = start_systemd(dir,
	    (char *const[]){flashd, (char *)(uintptr_t) "--nursery", (char *)(uintptr_t) "--config",
		conf, NULL},
	    path);
	cr_assert_eq(nursery_connect(path, &n), ERR_OK);

	/* what it was given: a launcher without a session to serve ends at once */
	places_add(&places, "$flasher", "/bin/true");
	uint32_t id = ask(n, NURSERY_EXEC, 1, &places, &channel);
	close(channel);
	struct nursery_note note = next_note(n);
	cr_expect_eq(note.id, id);
	cr_expect(note.pid > 0 && note.error == ERR_OK, "%s", err_name((enum err)note.error));

	/* what it was not */
	places_add(&others, "$flasher", "/bin/sh");
	(void)ask(n, NURSERY_EXEC, 1, &others, &channel);
	close(channel);
	note = next_note(n);
	cr_expect_eq(note.pid, 0);
	cr_expect_eq(note.error, ERR_DENIED);
	places_fini(&places);
	places_fini(&others);
	nursery_free(n);
	expect_end(pid);
}

/* --- what it refuses, and its end ------------------------------------------------------------- */

/* `flasher`: there is a device by driver exec, too. */
static struct nursery *
start_for_flashd(const char *flasher)
{
	struct words w;
	struct places places = {0};
	struct nursery *n = NULL;

	name_nursery(&w, "flashd", "$session", "subota-session");
	const struct nursery_setup setup = {.program = w.path,
	    .parent = "flashd",
	    .mode = "require",
	    .uid = somebody(),
	    .gid = geteuid() ? getegid() : NOBODY,
	    .places = &places};
	places_add(&places, "$session", "%s", couriers_program("subota-session"));
	if (flasher) {
		places_add(&places, "$exec", "%s", couriers_program("subota-exec"));
		places_add(&places, "$flasher", "%s", flasher);
	}
	cr_assert_eq(nursery_start(&setup, &n), ERR_OK);
	places_fini(&places);
	return n;
}

Test(nursery, of_flashd_starts_sessions_and_nothing_else)
{
	static const struct {
		enum nursery_program program;
		size_t n_fds;
		bool places;
	} asked[] = {{NURSERY_COURIER, 2, false}, {NURSERY_EXEC, 1, false},
	    {NURSERY_SESSION, 1, false}, {NURSERY_SESSION, 2, true},
	    {(enum nursery_program)99, 2, false}};
	struct nursery *n = start_for_flashd(NULL);
	pid_t pid = nursery_pid(n);
	struct places places = {0};
	int channel = -1;

	places_add(&places, "$session", "%s", couriers_program("subota-session"));
	for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
		uint32_t id = ask(n, asked[i].program, asked[i].n_fds,
		    asked[i].places ? &places : NULL, &channel);
		struct nursery_note note = next_note(n);

		close(channel);
		cr_expect_eq(note.id, id);
		cr_expect_eq(note.pid, 0, "%zu", i);
		cr_expect_eq(note.error, ERR_DENIED, "%zu", i);
	}
	uint32_t id = ask(n, NURSERY_SESSION, 4, NULL, &channel);
	close(channel);
	struct nursery_note note = next_note(n);
	cr_expect_eq(note.id, id);
	cr_expect(note.pid > 0 && note.error == ERR_OK, "%s", err_name((enum err)note.error));
	places_fini(&places);
	nursery_free(n);
	expect_end(pid);
}

static bool
is_alive(pid_t pid)
{
	struct house_proc p;

	return house_proc_read(pid, &p) && p.state != 'Z';
}

/* The session that was asked for; a child of the nursery. */
static pid_t
find_session(pid_t nursery)
{
	pid_t session = 0;

	for (int k = 0; k < PATIENCE_MS / 10; k++) {
		session = house_proc_find(nursery, "subota-session");
		if (session)
			break;
		poll(NULL, 0, 10);
	}
	cr_assert_gt(session, 0);
	return session;
}

static void
expect_gone(pid_t pid, const char *what)
{
	for (int k = 0; k < PATIENCE_MS / 10 && is_alive(pid); k++)
		poll(NULL, 0, 10);
	cr_expect_not(is_alive(pid), "%s", what);
}

Test(nursery, that_dies_takes_its_sessions_along)
{
	struct nursery *n = start_for_flashd(NULL);
	pid_t pid = nursery_pid(n);
	int channel = -1;

	(void)ask(n, NURSERY_SESSION, 2, NULL, &channel);
	pid_t session = find_session(pid);
	cr_assert_eq(kill(pid, SIGKILL), 0);
	cr_assert_eq(waitpid(pid, NULL, 0), pid);
	expect_gone(session, "its channel is open still");
	close(channel);
	nursery_free(n);
}

Test(nursery, whose_daemon_is_gone_kills_its_sessions_at_once_and_ends)
{
	struct nursery *n = start_for_flashd(NULL);
	pid_t pid = nursery_pid(n);
	int channel = -1;

	(void)ask(n, NURSERY_SESSION, 2, NULL, &channel);
	pid_t session = find_session(pid);
	nursery_free(n);
	expect_end(pid);
	expect_gone(session, "its channel is open still");
	close(channel);
}

/* Those that may live on for a while keep the nursery alive; a session, which holds the line that
 * the next flashd needs, does not wait for them: its end is told while they live. */
Test(nursery, whose_daemon_is_gone_kills_its_sessions_before_others_have_ended)
{
	struct nursery *n = start_for_flashd("/bin/true");
	pid_t pid = nursery_pid(n);
	struct places told = {0};
	int launcher = -1, channel = -1;

	places_add(&told, "$flasher", "/bin/true");
	(void)ask(n, NURSERY_EXEC, 1, &told, &launcher);
	uint32_t id = ask(n, NURSERY_SESSION, 2, NULL, &channel);
	(void)find_session(pid);
	cr_assert_eq(shutdown(nursery_fd(n), SHUT_WR), 0); /* it says no more, and listens */
	struct nursery_note note = next_note(n);
	cr_expect_eq(note.id, id);
	cr_expect(WIFSIGNALED(note.status) && WTERMSIG(note.status) == SIGKILL);
	expect_end(pid);
	nursery_free(n);
	places_fini(&told);
	close(launcher);
	close(channel);
}

Test(nursery, kills_whom_the_daemon_names_and_says_so)
{
	struct nursery *n = start_for_flashd(NULL);
	pid_t pid = nursery_pid(n);
	int channel = -1;
	uint32_t id = ask(n, NURSERY_SESSION, 2, NULL, &channel);

	cr_assert_eq(nursery_kill(n, id + 1), ERR_OK); /* nobody */
	cr_assert_eq(nursery_kill(n, id), ERR_OK);
	struct nursery_note note = next_note(n);
	cr_expect_eq(note.id, id);
	cr_expect(WIFSIGNALED(note.status) && WTERMSIG(note.status) == SIGKILL);
	close(channel);
	nursery_free(n);
	expect_end(pid);
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
	struct words w;
	pid_t pid = fork();

	if (pid == 0) {
		char *argv[WORDS + 3] = {
		    w.path, (char *)(uintptr_t) "--listen", (char *)(uintptr_t)path};

		name_nursery(&w, "fetchd", "$courier", "subota-courier");
		memcpy(argv + 3, w.argv, sizeof(w.argv));
		if (!become_somebody())
			_exit(98);
		execv(argv[0], argv);
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
bears(struct nursery *n, int ms)
{
	struct pollfd p = {.fd = nursery_fd(n), .events = POLLIN};
	struct nursery_note note = {0};
	int channel = -1;
	uint32_t id = ask(n, NURSERY_COURIER, 2, NULL, &channel);

	close(channel);
	return poll(&p, 1, ms) == 1 && nursery_read(n, &note) == ERR_OK && note.id == id &&
	       note.error == ERR_OK;
}

Test(nursery, keeps_its_own_door_where_no_manager_does_and_four_are_inside_at_most)
{
	AUTO(scratch) char *dir = kit_scratch();
	struct nursery *n[5] = {NULL};
	char path[108];

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
	for (int i = 0; i < 4; i++)
		cr_expect(bears(n[i], PATIENCE_MS), "%d", i);
	cr_expect_not(bears(n[4], 300));
	nursery_free(n[0]);
	struct nursery_note note = next_note(n[4]); /* it waited at the door */
	cr_expect_eq(note.error, ERR_OK);
	for (int i = 1; i < 5; i++)
		nursery_free(n[i]);
	cr_assert_eq(kill(pid, SIGTERM), 0);
	expect_end(pid);
	cr_expect_not(is_socket(path));
}
