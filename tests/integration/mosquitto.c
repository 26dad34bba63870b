/*
 * subota-cloudd and a broker that nobody here has written: Debian's mosquitto, which wants a user
 * name with a password and knows nothing of the platform. cloudd has registered elsewhere before,
 * so it connects, subscribes, publishes and hears.
 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "cloud_scene.h"

TestSuite(mosquitto, .timeout = 120);

struct broker {
	pid_t pid;
	unsigned plain, tls; /* ports */
};

static unsigned
free_port(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(a);
	AUTO(fd) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	cr_assert(fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0 &&
		  getsockname(fd, (struct sockaddr *)&a, &len) == 0);
	return ntohs(a.sin_port);
}

/* With the certificate that the Developer Center has made for 127.0.0.1. */
static struct broker
start_broker(struct cloud_scene *s)
{
	struct broker b = {.plain = free_port(), .tls = free_port()};
	const char *argv[] = {"mosquitto", "-c", "mosquitto.conf", NULL};
	char path[400];

	snprintf(path, sizeof(path), "%s/mosquitto.conf", s->dc.dir);
	AUTO(file) FILE *f = fopen(path, "we");
	cr_assert_not_null(f);
	fprintf(f,
	    "%sallow_anonymous true\npersistence false\nlog_dest file %s/mosquitto.log\nlog_type "
	    "all\n"
	    "listener %u 127.0.0.1\nlistener %u 127.0.0.1\ncafile %s/ca.pem\n"
	    "certfile %s/server.pem\nkeyfile %s/server.key\n",
	    geteuid() ? "" : "user root\n", s->dc.dir, b.plain, b.tls, s->dc.dir, s->dc.dir,
	    s->dc.dir);
	cr_assert_eq(fflush(f), 0);
	b.pid = fork();
	if (b.pid == 0) {
		sigset_t none;

		sigemptyset(&none); /* loop_new has blocked some here */
		sigprocmask(SIG_SETMASK, &none, NULL);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (chdir(s->dc.dir) == 0)
			execv("/usr/sbin/mosquitto", (char **)(uintptr_t)argv);
		_exit(127);
	}
	cr_assert_gt(b.pid, 0);
	return b;
}

static void
stop_broker(struct broker *b)
{
	int status = -1;

	kill(b->pid, SIGTERM);
	cr_expect_eq(waitpid(b->pid, &status, 0), b->pid);
}

/* Publish as somebody else, on whom the broker forces nothing; true when it took it. */
static bool
publish(struct cloud_scene *s, unsigned port, const char *topic, const char *text)
{
	char number[8];

	snprintf(number, sizeof(number), "%u", port);
	return TOOL(s->dc.dir, "mosquitto_pub", "-h", "127.0.0.1", "-p", number, "-q", "1", "-t",
		   topic, "-m", text)
		   .status == 0;
}

static bool
broker_log_has(struct cloud_scene *s, const char *text)
{
	return TOOL(s->dc.dir, "grep", "-q", text, "mosquitto.log").status == 0;
}

/* cloudd has a device secret, so it speaks as soon as it is connected. */
static void
meet(bool plain)
{
	const struct cloud_scene_wish usual = {0};
	AUTO(cloud_scene) struct cloud_scene *s = cloud_scene_open(&usual);

	cloud_scene_start(s);
	SCENE_WAIT(s, cloud_scene_text_is(s, DC_CASE_DK, "version", "3.2.1"));
	(void)cloud_scene_end(s, SIGTERM);
	struct broker b = start_broker(s);
	const struct cloud_scene_wish other = {.plain = plain,
	    .port = plain ? b.plain : b.tls,
	    .cloudd = plain ? "send_user_name = yes\nlab = yes" : "send_user_name = yes"};
	cloud_scene_configure(s, &other);
	SCENE_WAIT(s, publish(s, b.plain, "anything", "is it up?"));
	cloud_scene_start(s);
	SCENE_WAIT(s, broker_log_has(s, "as " DC_CASE_EP " (.*u'" DC_CASE_EP "'"));
	SCENE_WAIT(s, cloud_scene_next(s, PB__ENVELOPE__BODY_LINK_STATE)->link_state->online);
	SCENE_WAIT(s, broker_log_has(s, "PUBLISH from " DC_CASE_EP " .*q/2/d/" DC_CASE_EP "/sys"));
	SCENE_WAIT(s, broker_log_has(s, "Sending PUBACK to " DC_CASE_EP));
	cr_assert(publish(s, b.plain, "q/1/d/" DC_CASE_EP "/ota", "not a frame"));
	SCENE_WAIT(s, cloud_scene_log_has(s, "message of 11 bytes on q/1/d/" DC_CASE_EP "/ota"));
	cr_expect_not(cloud_scene_log_has(s, "down:"));
	int status = cloud_scene_end(s, SIGTERM);
	cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%x", (unsigned)status);
	stop_broker(&b);
}

/* rule: mqtt-user */
Test(mosquitto, cloudd_connects_subscribes_and_publishes_over_tls)
{
	meet(false);
}

Test(mosquitto, cloudd_connects_subscribes_and_publishes_without_tls)
{
	meet(true);
}

/* rule: mqtt-connect */
Test(mosquitto, a_password_without_a_user_name_is_what_mosquitto_does_not_take)
{
	const struct cloud_scene_wish usual = {0};
	AUTO(cloud_scene) struct cloud_scene *s = cloud_scene_open(&usual);
	struct broker b = start_broker(s);
	const struct cloud_scene_wish other = {.port = b.tls};

	cloud_scene_configure(s, &other);
	SCENE_WAIT(s, publish(s, b.plain, "anything", "is it up?"));
	cloud_scene_start(s);
	SCENE_WAIT(s, cloud_scene_log_has(s, "down:"));
	SCENE_WAIT(s, cloud_scene_log_has(s, "next try in"));
	stop_broker(&b);
}
