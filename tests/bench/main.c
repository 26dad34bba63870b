/*
 * subota-bench: the figures of DESIGN.md section 10, taken side by side with the peers in one run.
 *
 * usage: subota-bench [--quick] [--only PART] [--out FILE]
 *        subota-bench --readme [--out FILE]
 *
 * May: start the project's programs, curl and swupdate in scratch directories, listen on the
 * loopback address. Must never: leave a process or a file behind, except FILE.
 */
#include <getopt.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "bench.h"
#include "bench_cloud.h"
#include "bench_download.h"
#include "bench_exec.h"
#include "bench_fleet.h"
#include "bench_guard.h"
#include "bench_house.h"
#include "bench_jail.h"
#include "bench_modbus.h"
#include "bench_readme.h"
#include "bench_serial.h"
#include "bench_stm32.h"
#include "bench_wear.h"
#include "bench_xmodem.h"
#include "log.h"

/* clang-format off */
static const struct part {
	const char *name, *what;
	void (*run)(struct bench *b);
} parts[] = {
	{"serial",   "a session on emulated lines",              bench_serial},
	{"stm32",    "STM32 boot loaders on emulated lines, beside stm32flash", bench_stm32},
	{"xmodem",   "XMODEM-1K and YMODEM boot loaders, beside lrzsz", bench_xmodem},
	{"modbus",   "Modbus devices, beside libmodbus",         bench_modbus},
	{"exec",     "avrdude and stm32flash by recipe and by hand", bench_exec},
	{"download", "the gate beside curl and swupdate",        bench_download},
	{"fleet",    "one to eight devices, one of them bad",    bench_fleet},
	{"fleet-swupdate", "the same with swupdate's forwarder", bench_fleet_swupdate},
	{"crowd",    "16, 64 and 256 devices at once",           bench_crowd},
	{"house",    "idle daemons, plan to first byte, corrupt image", bench_house},
	{"jail",     "three jailed daemons beside one process",  bench_jail},
	{"flood",    "a flash while the gate floods flashd",    bench_flood},
	{"wear",     "what an upgrade writes to the gateway's disk", bench_wear},
	{"cloud",    "cloudd with a thousand sub-devices",       bench_cloud},
};
/* clang-format on */

static int
usage(void)
{
	fprintf(stderr,
	    "usage: subota-bench [--quick] [--only PART] [--out FILE]\n"
	    "       subota-bench --readme [--out FILE]: rows of the README from FILE\n");
	return 64;
}

struct order {
	bool quick, readme;
	const char *only, *out;
};

static int
run(void *arg)
{
	const struct order *o = arg;
	struct bench b = {.quick = o->quick};

	log_init("bench", LOG_ERROR);
	signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		if (o->only && strncmp(parts[i].name, o->only, strlen(o->only)) != 0)
			continue;
		double begin = bench_now();
		printf("%s: %s ...", parts[i].name, parts[i].what);
		fflush(stdout);
		parts[i].run(&b);
		printf(" %.0f s\n", bench_now() - begin);
	}
	bench_print(&b);
	if (!bench_write(&b, o->out)) {
		fprintf(stderr, "%s: cannot be written\n", o->out);
		return 71;
	}
	return b.failures ? 1 : 0;
}

int
main(int argc, char **argv)
{
	static const struct option words[] = {{"quick", no_argument, NULL, 'q'},
	    {"only", required_argument, NULL, 'o'}, {"out", required_argument, NULL, 'f'},
	    {"readme", no_argument, NULL, 'r'}, {0}};
	struct order o = {.out = "build/bench.json"};
	int word = 0;

	while ((word = getopt_long(argc, argv, "", words, NULL)) != -1) {
		if (word == 'q')
			o.quick = true;
		else if (word == 'o')
			o.only = optarg;
		else if (word == 'f')
			o.out = optarg;
		else if (word == 'r')
			o.readme = true;
		else
			return usage();
	}
	if (optind < argc || sodium_init() < 0)
		return usage();
	if (!o.readme)
		return bench_guard_run(run, &o);
	if (bench_readme(o.out))
		return 0;
	fprintf(stderr, "%s: expected the figures of a run, got none\n", o.out);
	return 66;
}
