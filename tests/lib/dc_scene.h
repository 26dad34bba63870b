/*
 * dc_scene: the local Developer Center as a real process in a scratch directory: product and
 * gateway of the recorded sessions, and one package of pseudo-random bytes for component MCU1.
 */
#ifndef SUBOTA_TESTS_DC_SCENE_H
#define SUBOTA_TESTS_DC_SCENE_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <sys/types.h>

#include "tool.h"

enum { DC_SCENE_PACKAGE = 3 << 20 };

struct dc_scene {
	char *dir;
	char program[400];
	pid_t pid;
	unsigned mqtt, https, plain, http; /* ports */
	char path[300];                    /* of the package, "/packages/..." */
};

/* Run a command of subota-devcenter on the scene's directory. */
#define DC_RUN(s, ...) TOOL((s)->dir, (s)->program, __VA_ARGS__, "--dir", (s)->dir)
#define DC_MUST(s, ...) \
	do { \
		struct tool_result r_ = DC_RUN(s, __VA_ARGS__); \
		dc_scene_must(&r_, #__VA_ARGS__); \
	} while (0)

/* Fails the test unless the status is 0. */
void dc_scene_must(const struct tool_result *r, const char *what);

/* Everything is made and the server runs. Fails the test if not. */
struct dc_scene dc_scene_open(void);
/* Start the server (again: on the same ports); waits until it is ready. */
void dc_scene_start(struct dc_scene *s);
/* SIGTERM must end it with status 0 and take ready.json away; removes the directory. */
void dc_scene_close(struct dc_scene *s);
/* `status --json`; caller frees. */
cJSON *dc_scene_status(struct dc_scene *s);

#endif
