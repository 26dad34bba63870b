/*
 * subota-soak: real hours of a whole house: real daemons, virtual devices, plan after plan, deaths
 * at random, and whether memory and descriptors stay flat.
 *
 * usage: subota-soak [--minutes N] [--devices N] [--seed N] [--out FILE]
 *
 * A signal ends it early; what was seen until then is printed and written all the same.
 *
 * May: start the project's programs in a scratch directory, listen on the loopback address, as root
 * mount a file in a namespace of its own. Must never: leave a process or a file behind, except
 * FILE.
 */
#include <getopt.h>
#include <signal.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "siege.h"

enum { DEVICES = 64, DEVICES_MAX = 240 };

static volatile sig_atomic_t stopped;

static void
on_signal(int number)
{
	stopped = number;
}

static bool
is_stopped(void)
{
	return stopped != 0;
}

struct options {
	double minutes;
	unsigned long devices, seed;
	const char *out, *found;
};

static int
usage(void)
{
	fprintf(stderr,
	    "usage: subota-soak [--minutes N] [--devices 1..%d] [--seed N] [--out FILE] "
	    "[--found DIR]\n",
	    DEVICES_MAX);
	return 64;
}

static bool
parse(struct options *o, int argc, char **argv)
{
	static const struct option words[] = {{"minutes", required_argument, NULL, 'm'},
	    {"devices", required_argument, NULL, 'd'}, {"seed", required_argument, NULL, 's'},
	    {"out", required_argument, NULL, 'o'}, {"found", required_argument, NULL, 'f'}, {0}};

	*o = (struct options){60, DEVICES, 1, "build/soak.json", NULL};
	for (int c; (c = getopt_long(argc, argv, "", words, NULL)) != -1;) {
		if (c == 'm')
			o->minutes = strtod(optarg, NULL);
		else if (c == 'd')
			o->devices = strtoul(optarg, NULL, 10);
		else if (c == 's')
			o->seed = strtoul(optarg, NULL, 10);
		else if (c == 'o')
			o->out = optarg;
		else if (c == 'f')
			o->found = optarg;
		else
			return false;
	}
	return optind == argc && o->minutes > 0 && o->devices >= 1 && o->devices <= DEVICES_MAX;
}

static bool
write_json(const struct options *o, const struct siege *s, bool good, bool flat)
{
	FILE *f = fopen(o->out, "we");

	if (!f)
		return false;
	fprintf(f,
	    "{\n  \"minutes\": %.1f,\n  \"devices\": %u,\n  \"seed\": %lu,\n  \"plans\": %u,\n"
	    "  \"upgrades\": %u,\n  \"ended_early\": %s,\n  \"good\": %s,\n  \"flat\": %s,\n",
	    s->gauge.n ? s->gauge.samples[s->gauge.n - 1].at_s / 60 : 0, s->devices, o->seed,
	    s->plans, s->upgrades, is_stopped() ? "true" : "false", good ? "true" : "false",
	    flat ? "true" : "false");
	for (int i = 0; i < SIEGE_HARMS; i++)
		fprintf(f, "  \"%s\": %u,\n", siege_harm_name(i), s->harms[i]);
	gauge_write(&s->gauge, f);
	fprintf(f, "}\n");
	return fclose(f) == 0;
}

/* Of a plan that was under way when a person ended it nothing is known. */
static const char *
verdict(const struct siege *s, bool good)
{
	if (!good)
		return s->why;
	return is_stopped()
		   ? "ended early: the last plan was not waited for, none before it was lost"
		   : "no upgrade was lost";
}

int
main(int argc, char **argv)
{
	const struct sigaction act = {.sa_handler = on_signal};
	struct options o;
	char why[300] = "";

	if (!parse(&o, argc, argv))
		return usage();
	log_init("soak", LOG_ERROR);
	signal(SIGPIPE, SIG_IGN);
	sigaction(SIGINT, &act, NULL);
	sigaction(SIGTERM, &act, NULL);
	if (sodium_init() < 0)
		return 71;
	struct siege s = {.devices = (unsigned)o.devices,
	    .seconds = o.minutes * 60,
	    .seed = o.seed,
	    .found = o.found,
	    .is_stopped = is_stopped};
	bool good = siege_run(&s);
	bool flat = gauge_is_flat(&s.gauge, s.calm_from, why, sizeof(why));

	if (s.gauge.n)
		gauge_print(&s.gauge);
	printf("%u plans, %u upgrades of %u devices", s.plans, s.upgrades, s.devices);
	for (int i = 0; i < SIEGE_HARMS; i++)
		printf(", %s %u", siege_harm_name(i), s.harms[i]);
	printf("\n%s%s%s\n", verdict(&s, good), flat ? ", all flat" : ", not flat: ", why);
	bool written = write_json(&o, &s, good, flat);
	free(s.gauge.samples);
	if (!written)
		return 71;
	return good && (flat || is_stopped()) ? 0 : 1;
}
