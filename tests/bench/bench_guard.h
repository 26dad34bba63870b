/*
 * bench_guard: whatever becomes of the bench, no process and no file of it is left.
 *
 * The bench runs in a child. This process only waits, adopts what the child leaves behind, ends it
 * and removes the directory in which all scratch directories were made.
 */
#ifndef SUBOTA_BENCH_GUARD_H
#define SUBOTA_BENCH_GUARD_H

/* Run fn(arg) in a guarded child with TMPDIR set; its exit status, 128 + signal when it was ended
 * by one, 71 when it could not be started. SIGINT and SIGTERM end it. */
int bench_guard_run(int (*fn)(void *arg), void *arg);

#endif
