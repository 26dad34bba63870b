/*
 * bench_readme: the rows of the table in the project's README, from the file that a run wrote, so
 * that no number in it is typed by hand.
 */
#ifndef SUBOTA_BENCH_README_H
#define SUBOTA_BENCH_README_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdio.h>

/* All rows, in Markdown; what a run has not measured says so. `figures` is the array that
 * bench_write makes. */
void bench_readme_rows(FILE *out, const cJSON *figures);

/* The same from a file; false when it cannot be read. */
bool bench_readme(const char *path);

#endif
