/*
 * demo_sum: what there is to say at the end: a table of the processes, and build/demo.json.
 */
#ifndef SUBOTA_DEMO_SUM_H
#define SUBOTA_DEMO_SUM_H

#include "demo_fault.h"

/* What each process did and for how long. */
void demo_sum_print(const struct demo_watch *w, FILE *to);

/* {"fault","expected","ok","why","devices":[{"device","from","to","running","outcome","platform",
 * "detail","seconds","phases":{"fetching":1.2,...},"bytes":{"package","image","device"}}],
 * "processes":[{"name","cpu_ms","children_cpu_ms","rss_kib","starts"}]}; false: not written. */
bool demo_sum_write(const struct demo_watch *w, const struct demo_fault *f, const char *why,
    const char *path);

#endif
