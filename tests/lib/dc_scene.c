/*
 * dc_scene: see dc_scene.h.
 */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "dc_case.h"
#include "dc_scene.h"
#include "kit.h"
#include "vectors.h"

enum { WAIT_MS = 15000 };

void
dc_scene_must(const struct tool_result *r, const char *what)
{
	cr_assert_eq(r->status, 0, "%s: status %d: %s", what, r->status, r->out);
}

/* Wait for a file to be there. */
static bool
appears(const char *path)
{
	const struct timespec pause = {0, 5000000};

	for (int i = 0; i < WAIT_MS / 5; i++) {
		if (access(path, F_OK) == 0)
			return true;
		nanosleep(&pause, NULL);
	}
	return false;
}

void
dc_scene_start(struct dc_scene *s)
{
	char ready[500], text[600] = "", ports[4][8];
	const unsigned known[4] = {s->mqtt, s->https, s->plain, s->http};
	const char *argv[] = {s->program, "serve", "--dir", s->dir, "--mqtt-port", ports[0],
	    "--https-port", ports[1], "--plain-mqtt-port", ports[2], "--http-port", ports[3],
	    "--quiet", NULL};
	char *env[] = {NULL};

	for (int i = 0; i < 4; i++)
		snprintf(ports[i], sizeof(ports[i]), "%u", known[i]);
	snprintf(ready, sizeof(ready), "%s/ready.json", s->dir);
	(void)unlink(ready); /* of one that was killed */
	s->pid = fork();
	if (s->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that fails does not come to its end */
		execve(s->program, (char **)(uintptr_t)argv, env);
		_exit(127);
	}
	cr_assert_gt(s->pid, 0);
	cr_assert(appears(ready), "it never got ready");
	AUTO(file) FILE *f = fopen(ready, "r");
	cr_assert(f && fread(text, 1, sizeof(text) - 1, f) > 0);
	AUTO(vectors) cJSON *doc = cJSON_Parse(text);
	cr_assert_not_null(doc, "%s", text);
	s->mqtt = (unsigned)cJSON_GetObjectItem(doc, "mqtt_port")->valueint;
	s->https = (unsigned)cJSON_GetObjectItem(doc, "https_port")->valueint;
	s->plain = (unsigned)cJSON_GetObjectItem(doc, "plain_mqtt_port")->valueint;
	s->http = (unsigned)cJSON_GetObjectItem(doc, "http_port")->valueint;
}

static void
write_package(const char *dir)
{
	char path[500];
	uint32_t x = 1;

	snprintf(path, sizeof(path), "%s/fw.bin", dir);
	AUTO(file) FILE *f = fopen(path, "w");
	cr_assert_not_null(f);
	for (int i = 0; i < DC_SCENE_PACKAGE / 4; i++) {
		x = x * 1664525u + 1013904223u;
		fwrite(&x, 4, 1, f);
	}
}

/* subota-devcenter of this very build: ../bin beside the running test program. */
static void
find_program(struct dc_scene *s)
{
	char self[300] = "";

	cr_assert_gt(readlink("/proc/self/exe", self, sizeof(self) - 1), 0);
	*strrchr(self, '/') = '\0';
	snprintf(s->program, sizeof(s->program), "%s/../bin/subota-devcenter", self);
	cr_assert_eq(access(s->program, X_OK), 0, "%s is not built", s->program);
}

struct dc_scene
dc_scene_open(void)
{
	struct dc_scene s = {.dir = kit_scratch()};

	find_program(&s);
	write_package(s.dir);
	DC_MUST(&s, "init");
	DC_MUST(&s, "product", "add", DC_CASE_PK, "--ps", DC_CASE_PS);
	DC_MUST(&s, "gateway", "add", DC_CASE_PK "/" DC_CASE_DK);
	struct tool_result r = DC_RUN(&s, "package", "add", "--file", "fw.bin", "--component",
	    "MCU1", "--kind", "mcu", "--target", "1.1.0", "--source", "1.0.0");
	dc_scene_must(&r, "package add");
	AUTO(vectors) cJSON *doc = cJSON_Parse(r.out);
	snprintf(s.path, sizeof(s.path), "%s", vectors_text(doc, "path"));
	dc_scene_start(&s);
	return s;
}

void
dc_scene_close(struct dc_scene *s)
{
	char ready[500];
	int status = -1;

	kill(s->pid, SIGTERM);
	cr_expect_eq(waitpid(s->pid, &status, 0), s->pid);
	cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %x", (unsigned)status);
	snprintf(ready, sizeof(ready), "%s/ready.json", s->dir);
	cr_expect_neq(access(ready, F_OK), 0);
	kit_scratch_remove(s->dir);
}

cJSON *
dc_scene_status(struct dc_scene *s)
{
	struct tool_result r = DC_RUN(s, "status", "--json");

	dc_scene_must(&r, "status");
	cJSON *doc = cJSON_Parse(r.out);
	cr_assert_not_null(doc, "%s", r.out);
	return doc;
}
