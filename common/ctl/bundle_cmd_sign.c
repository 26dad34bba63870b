/*
 * bundle_cmd_sign: add signatures to a bundle (inside it) or to a root document (beside it), made
 * here with a secret key or elsewhere with minisign. What is added must hold: a signature by a
 * given public key is checked before it is written.
 */
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "bundle_cmd.h"
#include "bundle_file.h"
#include "ctl.h"
#include "minikey.h"
#include "opt.h"
#include "root.h"

enum { PATH_SIZE = 4096 };

/* clang-format off */
static const struct opt_spec specs[] = {
	/* name       value   must   many   help */
	{"key",       "FILE", false, true,  "secret key to sign with"},
	{"signature", "FILE", false, true,  "that minisign made of manifest or document"},
	{NULL,        NULL,   false, false, NULL},
};
/* clang-format on */

static const struct opt_command command = {
    .usage = "subotactl bundle sign [OPTION]... FILE",
    .about =
	"Add signatures to a bundle, or write FILE.sigN beside a root document FILE.\n"
	"With a key on another machine: tar xf FILE manifest; minisign -Sm manifest -t "
	"\"$COMMENT\",\n"
	"where COMMENT is the line `trusted comment` of `subotactl bundle show`; then --signature.",
    .specs = specs,
    .min_args = 1,
    .max_args = 1,
};

static enum err
add_key(struct bundle_signed *s, const char *path, const char *comment, char why[WHY_SIZE])
{
	struct minikey k;
	enum err e = minikey_load_secret(path, false, &k, why);

	if (!e)
		e = minikey_sign(&k, comment, s);
	minikey_wipe(&k);
	return e;
}

static enum err
add_file(struct bundle_signed *s, const char *path, const char *comment, char why[WHY_SIZE])
{
	struct bundle_bytes b = {0};
	struct minisig sig;
	enum err e = bundle_file_read(path, BUNDLE_SIG_BYTES, &b, why);

	if (!e && minisig_parse(b.data, b.len, &sig))
		e = why_say(why, ERR_MALFORMED,
		    "%s: expected a minisign signature (not -l) with the "
		    "default untrusted comment",
		    path);
	if (!e && comment && strcmp(sig.comment, comment) != 0)
		e = why_say(why, ERR_MISMATCH, "%s: expected trusted comment '%s'", path, comment);
	if (!e)
		e = bundle_add_sig(s, b.data, b.len);
	free(b.data);
	return e;
}

static enum err
add_all(struct bundle_signed *s, const struct opt_set *o, const char *comment, const char *demanded,
    char why[WHY_SIZE])
{
	enum err e = ERR_OK;

	for (size_t i = 0; !e && i < opt_count(o, "key"); i++)
		e = add_key(s, opt_nth(o, "key", i), comment, why);
	for (size_t i = 0; !e && i < opt_count(o, "signature"); i++)
		e = add_file(s, opt_nth(o, "signature", i), demanded, why);
	return e;
}

static enum err
sign_bundle(const char *path, const struct opt_set *o, char why[WHY_SIZE])
{
	struct bundle_file f;
	char comment[MANIFEST_COMMENT_SIZE];
	enum err e = bundle_file_open(path, &f, why);

	if (e)
		return e;
	manifest_comment(f.manifest, comment);
	e = add_all(&f.head->manifest, o, comment, comment, why);
	if (!e)
		e = bundle_file_resave(path, &f, why);
	bundle_file_close(&f);
	return e;
}

static enum err
sign_root(const char *path, const struct opt_set *o, struct bundle_signed *s, char why[WHY_SIZE])
{
	char comment[64], sig[PATH_SIZE];
	AUTO(root) Tr__Root *doc = NULL;
	enum err e = root_parse(s->doc.data, s->doc.len, true, &doc, why);
	size_t before = s->n_sigs;

	if (e)
		return e;
	snprintf(comment, sizeof(comment), "subota root version %u", doc->version);
	e = add_all(s, o, comment, NULL, why);
	for (size_t i = before; !e && i < s->n_sigs; i++) {
		snprintf(sig, sizeof(sig), "%s.sig%zu", path, i);
		e = bundle_file_create(sig, s->sigs[i].data, s->sigs[i].len, why);
	}
	return e;
}

/* A root document says so in its first bytes; everything else is taken for a bundle. */
static bool
is_root(const struct bundle_bytes *b)
{
	static const char first[] = "\x0a\x0e" ROOT_MAGIC;

	return b->len > sizeof(first) && memcmp(b->data, first, sizeof(first) - 1) == 0;
}

int
bundle_cmd_sign_run(int argc, char **argv)
{
	struct opt_set o;
	struct bundle_signed s = {0};
	char why[WHY_SIZE] = "";
	enum err e = opt_parse(&command, argc, argv, &o);

	if (e)
		return e == ERR_CANCELLED ? CTL_OK : CTL_USAGE;
	if (o.n_items == 0)
		return ctl_complain("sign", ERR_INVALID, "expected a --key or a --signature");
	if (sodium_init() < 0)
		return ctl_complain("sign", ERR_SYSTEM, "libsodium");
	e = bundle_file_read_signed(o.args[0], &s, why);
	if (!e && is_root(&s.doc))
		e = sign_root(o.args[0], &o, &s, why);
	else if (!e || e == ERR_LIMIT) /* larger than any document */
		e = sign_bundle(o.args[0], &o, why);
	bundle_signed_fini(&s);
	return e ? ctl_complain("sign", e, why) : CTL_OK;
}
