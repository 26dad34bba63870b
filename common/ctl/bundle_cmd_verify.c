/*
 * bundle_cmd_verify: a gateway's judgement, step by step, by the gateway's own code.
 */
#include <sodium.h>
#include <stdio.h>

#include "bundle_cmd.h"
#include "bundle_file.h"
#include "clock.h"
#include "ctl.h"
#include "opt.h"
#include "trust.h"

/* clang-format off */
static const struct opt_spec specs[] = {
	/* name   value   must   many   help */
	{"trust", "DIR",  true,  false, "anchors: holds root.1, as /etc/subota/trust does"},
	{"state", "DIR",  false, false, "newer root documents, read and written; default: none"},
	{"at",    "TIME", false, false, "judge as of this time; default now"},
	{"lab",   NULL,   false, false, "accept the public test keys"},
	{NULL,    NULL,   false, false, NULL},
};
/* clang-format on */

static const struct opt_command command = {
    .usage = "subotactl bundle verify --trust DIR [OPTION]... FILE",
    .about =
	"Check a bundle and tell each step; exit status 0 only if a gateway with these anchors\n"
	"would take it. What depends on a device (model, rollback) is not asked here.",
    .specs = specs,
    .min_args = 1,
    .max_args = 1,
};

static void
line(const char *verdict, const char *text, const char *why)
{
	printf("%-7s %s%s%s\n", verdict, text, *why ? ": " : "", why);
}

static void
tell_steps(const struct trust_result *r)
{
	for (int s = 0; s < TRUST_STEP_COUNT; s++) {
		enum trust_step step = (enum trust_step)s;

		if (s < (int)r->step)
			line("ok", trust_step_text(step), "");
		else if (s == (int)r->step)
			line(err_name(r->error), trust_step_text(step), r->why);
		else
			line("-", trust_step_text(step), "");
	}
	for (size_t i = 0; i < r->n_signers; i++) {
		char id[2 * MINISIG_KEY_ID + 1];

		sodium_bin2hex(id, sizeof(id), r->signers[i], MINISIG_KEY_ID);
		printf("        signed by %s, judged by root.%u\n", id, r->root_version);
	}
	if (r->clock_behind)
		printf("        this machine's clock is behind what is known to have passed\n");
}

static enum err
check_images(const struct bundle_file *f)
{
	enum err bad = ERR_OK;

	for (size_t i = 0; i < f->manifest->n_payload; i++) {
		char why[WHY_SIZE] = "";
		enum err e = bundle_file_check_payload(f, i, why);

		line(e ? err_name(e) : "ok", "every byte of the payload is the signed one", why);
		if (!bad)
			bad = e;
	}
	return bad;
}

static enum err
judge(const struct opt_set *o, const struct bundle_file *f, struct trust_time time)
{
	struct trust_policy policy = {.lab = opt_count(o, "lab") > 0};
	struct trust_result res;
	AUTO(trust) struct trust *t = NULL;
	AUTO(manifest) Tr__Manifest *m = NULL;
	enum err e = trust_open(opt_text(o, "trust", ""), opt_nth(o, "state", 0), &policy, &t);

	if (e) {
		line(err_name(e), "the anchors can be used", "");
		return e;
	}
	e = trust_verify(t, f->head, &time, &m, &res);
	tell_steps(&res);
	enum err images = check_images(f);

	return e ? e : images;
}

int
bundle_cmd_verify_run(int argc, char **argv)
{
	struct opt_set o;
	struct bundle_file f;
	struct trust_time time = {.synchronised = true};
	char why[WHY_SIZE] = "";
	enum err e = opt_parse(&command, argc, argv, &o);

	if (e)
		return e == ERR_CANCELLED ? CTL_OK : CTL_USAGE;
	if (opt_time(&o, "at", clock_wall_ms(), clock_wall_ms(), &time.now_ms))
		return CTL_USAGE;
	e = bundle_file_open(o.args[0], &f, why);
	line(e ? err_name(e) : "ok", "the framing is right and the manifest well formed", why);
	if (!e) {
		e = judge(&o, &f, time);
		bundle_file_close(&f);
	}
	printf("%s: %s\n", o.args[0], e ? "REFUSED" : "accepted");
	return e ? CTL_DATA : CTL_OK;
}
