/*
 * runner: runs items (item.h) one after the other, fuzz targets side by side, and adds up.
 */
#ifndef SUBOTA_TESTS_RUNNER_H
#define SUBOTA_TESTS_RUNNER_H

/* `subota-tests [-j JOBS] [-o LOG_DIR] [-f FUZZ_SECONDS] [-l LIMIT_S] ITEM...`. The last line of
 * stdout is "N passed, N failed". Exit status: 0 all passed, 1 something failed or nothing ran, 64
 * bad command line, 130 interrupted. */
int runner_run(int argc, char *argv[]);

#endif
