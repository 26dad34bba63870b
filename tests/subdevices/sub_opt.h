/*
 * sub_opt: the command line, one table.
 */
#ifndef SUB_OPT_H
#define SUB_OPT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct sub_opt {
	const char *dir, *tty, *slot0, *second, *uid, *refuse_boot;
	uint64_t udp, tcp; /* ports, 0: not given */
	bool raw;
	const char *loader, *recovery, *quirks;
	unsigned quirk_bits;
	uint64_t lose_acks;
	uint64_t raw_idle_ms;
	uint64_t baud, latency_ms, noise_ms, buf_size, buf_count, slot_kib, reset_ms, swap_ms, seed;
	uint64_t deaf_after, count;
	uint64_t status_ms; /* least time between two of status.json */
	double loss, flip;
	struct sub_opt_pair {
		char name[32]; /* what stands before the colon */
		uint64_t seconds;
	} unplug, sick; /* an empty name: not given */
	uint64_t unplug_at;
	bool deny_confirm, quiet;
};

enum sub_opt_outcome { SUB_OPT_RUN, SUB_OPT_HELP, SUB_OPT_WRONG };

/* Fill in defaults and the command line. Help goes to stdout, what is wrong to stderr. Strings are
 * argv's. */
enum sub_opt_outcome sub_opt_parse(struct sub_opt *o, int argc, char **argv);

#endif
