/*
 * tool: run a program from a test, by an argument vector, and keep what it printed.
 */
#ifndef SUBOTA_TESTS_TOOL_H
#define SUBOTA_TESTS_TOOL_H

#include <stddef.h>

struct tool_result {
	int status;      /* exit status; 128 + signal; -1 when it could not be started */
	char out[65536]; /* stdout and stderr together, cut to fit */
};

/* Run argv[0] (looked up in PATH) in `dir`; stdin is empty. */
struct tool_result tool_run(const char *dir, const char *const argv[]);

#define TOOL(dir, ...) tool_run(dir, (const char *const[]){__VA_ARGS__, NULL})

/* The same for a program's main function, called in a child. NULL: exec argv[0]. */
typedef int tool_main(int argc, char **argv);
struct tool_result tool_call(const char *dir, const char *const argv[], tool_main *program);

/* `subotactl` of this very build, in this process's place: the same in-process code, in a child. */
struct tool_result tool_ctl(const char *dir, const char *const argv[]);

#define CTL(dir, ...) tool_ctl(dir, (const char *const[]){"subotactl", __VA_ARGS__, NULL})

#endif
