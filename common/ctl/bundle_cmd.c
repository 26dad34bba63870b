/*
 * bundle_cmd: see bundle_cmd.h.
 */
#include <sodium.h>
#include <stdio.h>

#include "bundle_cmd.h"
#include "commands.h"
#include "ctl.h"
#include "minikey.h"
#include "opt.h"

enum { PATH_SIZE = 4096 };

/* clang-format off */
static const struct opt_spec keygen_specs[] = {
	/* name    value   must   many   help */
	{"import", "FILE", false, false, "give this minisign secret key the id we expect"},
	{NULL,     NULL,   false, false, NULL},
};
/* clang-format on */

static const struct opt_command keygen = {
    .usage = "subotactl bundle keygen [OPTION]... NAME",
    .about = "Make an Ed25519 key pair: NAME.pub and NAME.key (mode 0600, not encrypted) in the\n"
	     "file formats of minisign. Root keys belong on machines without a network.",
    .specs = keygen_specs,
    .min_args = 1,
    .max_args = 1,
};

static int
run_keygen(int argc, char **argv)
{
	struct opt_set o;
	struct minikey k;
	char why[WHY_SIZE] = "", pub[PATH_SIZE], key[PATH_SIZE], id[2 * MINISIG_KEY_ID + 1];
	enum err e = opt_parse(&keygen, argc, argv, &o);

	if (e)
		return e == ERR_CANCELLED ? CTL_OK : CTL_USAGE;
	if (snprintf(pub, sizeof(pub), "%s.pub", o.args[0]) >= PATH_SIZE)
		return ctl_complain("keygen", ERR_LIMIT, "the name is too long");
	snprintf(key, sizeof(key), "%s.key", o.args[0]);
	const char *import = opt_nth(&o, "import", 0);

	e = import ? minikey_load_secret(import, true, &k, why) : minikey_make(NULL, &k);
	if (!e)
		e = minikey_save(&k, pub, key, why);
	if (e)
		return ctl_complain("keygen", e, why);
	sodium_bin2hex(id, sizeof(id), k.id, sizeof(k.id));
	printf("key id %s\npublic %s\nsecret %s\n", id, pub, key);
	minikey_wipe(&k);
	return CTL_OK;
}

/* clang-format off */
static const struct ctl_command commands[] = {
	/* name    run                    help */
	{"keygen", run_keygen,            "make a key pair"},
	{"root",   bundle_cmd_root_run,   "make a root document: which keys may sign what"},
	{"make",   bundle_cmd_make_run,   "make a bundle from firmware images"},
	{"wrap",   bundle_cmd_make_wrap,  "make a bundle of a vendor's unsigned file, as operator"},
	{"sign",   bundle_cmd_sign_run,   "add a signature to a bundle or a root document"},
	{"show",   bundle_cmd_show_run,   "tell what is in a bundle or a root document"},
	{"verify", bundle_cmd_verify_run, "check a bundle the way a gateway does, step by step"},
	{NULL,     NULL,                  NULL},
};
/* clang-format on */

int
bundle_cmd_run(int argc, char **argv)
{
	return ctl_dispatch("subotactl bundle", commands, argc, argv);
}
