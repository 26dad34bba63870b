/*
 * minikey: see minikey.h. Layout of the secret file (minisign 0.11): "Ed", kdf (0,0 = not
 * encrypted), "B2", salt 32, ops 8, mem 8, key id 8, secret 64, checksum 32; with -W everything
 * from salt to mem and the checksum is zero.
 */
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auto.h"
#include "bundle.h"
#include "bundle_dir.h"
#include "minikey.h"

#define PUBLIC_COMMENT "untrusted comment: minisign public key "
/* minisign takes this very line as the sign of a secret key, encrypted or not */
#define SECRET_COMMENT "untrusted comment: minisign encrypted secret key\n"

enum {
	PUBLIC_BYTES = 2 + MINISIG_KEY_ID + MINISIG_PUBLIC,
	SECRET_BYTES = 158,
	AT_KDF = 2,
	AT_SUM_ALG = 4,
	AT_ID = 54,
	AT_SECRET = 62,
};

enum err
minikey_make(const uint8_t *seed, struct minikey *out)
{
	uint8_t fresh[MINIKEY_SEED];

	if (sodium_init() < 0)
		return ERR_SYSTEM;
	if (!seed)
		randombytes_buf(fresh, sizeof(fresh));
	crypto_sign_seed_keypair(out->public_key, out->secret_key, seed ? seed : fresh);
	minisig_key_id(out->public_key, out->id);
	sodium_memzero(fresh, sizeof(fresh));
	return ERR_OK;
}

void
minikey_wipe(struct minikey *k)
{
	sodium_memzero(k, sizeof(*k));
}

/* The second line of a key file, decoded to exactly `size` bytes. */
static bool
second_line(const char *text, size_t len, uint8_t *out, size_t size)
{
	const char *nl = memchr(text, '\n', len);
	size_t got = 0;

	if (len > MINIKEY_TEXT_MAX || !nl)
		return false;
	const char *line = nl + 1;
	size_t n = len - (size_t)(line - text);

	if (n > 0 && line[n - 1] == '\n')
		n--;
	return sodium_base642bin(
		   out, size, line, n, NULL, &got, NULL, sodium_base64_VARIANT_ORIGINAL) == 0 &&
	       got == size;
}

static enum err
check_id(const uint8_t id[MINISIG_KEY_ID], const struct minikey *k, char why[WHY_SIZE])
{
	char want[2 * MINISIG_KEY_ID + 1], got[2 * MINISIG_KEY_ID + 1];

	if (memcmp(id, k->id, MINISIG_KEY_ID) == 0)
		return ERR_OK;
	sodium_bin2hex(want, sizeof(want), k->id, MINISIG_KEY_ID);
	sodium_bin2hex(got, sizeof(got), id, MINISIG_KEY_ID);
	return why_say(why, ERR_MISMATCH,
	    "expected key id %s, got %s: write it anew with `subotactl bundle keygen --import`",
	    want, got);
}

enum err
minikey_parse_public(const void *text, size_t len, struct minikey *out, char why[WHY_SIZE])
{
	uint8_t bytes[PUBLIC_BYTES];

	*out = (struct minikey){0};
	if (sodium_init() < 0)
		return ERR_SYSTEM;
	if (!second_line(text, len, bytes, sizeof(bytes)) || memcmp(bytes, "Ed", 2) != 0)
		return why_say(why, ERR_MALFORMED, "expected a minisign public key");
	memcpy(out->public_key, bytes + 2 + MINISIG_KEY_ID, MINISIG_PUBLIC);
	if (!minisig_key_is_sound(out->public_key))
		return why_say(
		    why, ERR_INVALID, "expected an Ed25519 key, got a point that is none");
	minisig_key_id(out->public_key, out->id);
	return check_id(bytes + 2, out, why);
}

enum err
minikey_parse_secret(
    const void *text, size_t len, bool any_id, struct minikey *out, char why[WHY_SIZE])
{
	uint8_t b[SECRET_BYTES];
	enum err e = ERR_OK;

	*out = (struct minikey){0};
	if (sodium_init() < 0)
		return ERR_SYSTEM;
	if (!second_line(text, len, b, sizeof(b)) || memcmp(b, "Ed", 2) != 0 ||
	    memcmp(b + AT_SUM_ALG, "B2", 2) != 0)
		return why_say(why, ERR_MALFORMED, "expected a minisign secret key");
	if (b[AT_KDF] != 0 || b[AT_KDF + 1] != 0)
		return why_say(why, ERR_UNSUPPORTED,
		    "expected an unencrypted key, got one with a password: sign with minisign");
	crypto_sign_seed_keypair(out->public_key, out->secret_key, b + AT_SECRET);
	minisig_key_id(out->public_key, out->id);
	if (memcmp(out->secret_key, b + AT_SECRET, MINISIG_SECRET) != 0)
		e = why_say(why, ERR_MALFORMED, "expected matching halves of a key");
	else if (!any_id)
		e = check_id(b + AT_ID, out, why);
	sodium_memzero(b, sizeof(b));
	if (e)
		minikey_wipe(out);
	return e;
}

enum err
minikey_format_public(const struct minikey *k, char text[MINIKEY_TEXT_MAX], size_t *len)
{
	uint8_t b[PUBLIC_BYTES], reversed[MINISIG_KEY_ID];
	char line[sodium_base64_ENCODED_LEN(PUBLIC_BYTES, sodium_base64_VARIANT_ORIGINAL)];
	char id[2 * MINISIG_KEY_ID + 1];

	memcpy(b, "Ed", 2);
	memcpy(b + 2, k->id, MINISIG_KEY_ID);
	memcpy(b + 2 + MINISIG_KEY_ID, k->public_key, MINISIG_PUBLIC);
	sodium_bin2base64(line, sizeof(line), b, sizeof(b), sodium_base64_VARIANT_ORIGINAL);
	/* minisign prints the id as a little-endian number */
	for (int i = 0; i < MINISIG_KEY_ID; i++)
		reversed[i] = k->id[MINISIG_KEY_ID - 1 - i];
	sodium_bin2hex(id, sizeof(id), reversed, sizeof(reversed));
	for (char *p = id; *p; p++)
		*p = (char)(*p >= 'a' ? *p - 'a' + 'A' : *p);
	int n = snprintf(text, MINIKEY_TEXT_MAX, PUBLIC_COMMENT "%s\n%s\n", id, line);

	if (n < 0 || n >= MINIKEY_TEXT_MAX)
		return ERR_INVALID;
	*len = (size_t)n;
	return ERR_OK;
}

enum err
minikey_format_secret(const struct minikey *k, char text[MINIKEY_TEXT_MAX], size_t *len)
{
	uint8_t b[SECRET_BYTES] = {0};
	char line[sodium_base64_ENCODED_LEN(SECRET_BYTES, sodium_base64_VARIANT_ORIGINAL)];

	memcpy(b, "Ed", 2);
	memcpy(b + AT_SUM_ALG, "B2", 2);
	memcpy(b + AT_ID, k->id, MINISIG_KEY_ID);
	memcpy(b + AT_SECRET, k->secret_key, MINISIG_SECRET);
	sodium_bin2base64(line, sizeof(line), b, sizeof(b), sodium_base64_VARIANT_ORIGINAL);
	int n = snprintf(text, MINIKEY_TEXT_MAX, SECRET_COMMENT "%s\n", line);

	sodium_memzero(b, sizeof(b));
	sodium_memzero(line, sizeof(line));
	if (n < 0 || n >= MINIKEY_TEXT_MAX)
		return ERR_INVALID;
	*len = (size_t)n;
	return ERR_OK;
}

enum err
minikey_load_public(const char *path, struct minikey *out, char why[WHY_SIZE])
{
	struct bundle_bytes b = {0};
	enum err e = bundle_dir_read_file(AT_FDCWD, path, MINIKEY_TEXT_MAX, &b);

	if (e)
		return why_say(why, e, "%s cannot be read: %s", path, err_text(e));
	e = minikey_parse_public(b.data, b.len, out, why);
	free(b.data);
	return e;
}

enum err
minikey_load_secret(const char *path, bool any_id, struct minikey *out, char why[WHY_SIZE])
{
	struct stat st;
	struct bundle_bytes b = {0};

	if (stat(path, &st) == 0 && (st.st_mode & 077) != 0)
		return why_say(why, ERR_DENIED, "expected %s with mode 0600, got %04o", path,
		    st.st_mode & 07777);
	enum err e = bundle_dir_read_file(AT_FDCWD, path, MINIKEY_TEXT_MAX, &b);

	if (e)
		return why_say(why, e, "%s cannot be read: %s", path, err_text(e));
	e = minikey_parse_secret(b.data, b.len, any_id, out, why);
	sodium_memzero(b.data, b.len);
	free(b.data);
	return e;
}

static enum err
save_text(const char *path, mode_t mode, const char *text, size_t len, char why[WHY_SIZE])
{
	AUTO(fd) int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);

	if (fd < 0)
		return why_say(why, errno == EEXIST ? ERR_EXISTS : ERR_SYSTEM,
		    "%s cannot be made: %s", path, strerror(errno));
	if (write(fd, text, len) != (ssize_t)len || fsync(fd) < 0)
		return why_say(why, ERR_SYSTEM, "%s cannot be written", path);
	return ERR_OK;
}

enum err
minikey_save(
    const struct minikey *k, const char *public_path, const char *secret_path, char why[WHY_SIZE])
{
	char text[MINIKEY_TEXT_MAX];
	size_t len = 0;
	enum err e = minikey_format_secret(k, text, &len);

	if (!e)
		e = save_text(secret_path, 0600, text, len, why);
	sodium_memzero(text, sizeof(text));
	if (!e)
		e = minikey_format_public(k, text, &len);
	return e ? e : save_text(public_path, 0644, text, len, why);
}

enum err
minikey_sign(const struct minikey *k, const char *comment, struct bundle_signed *doc)
{
	uint8_t hash[MINISIG_HASH];
	char text[MINISIG_TEXT_MAX];
	struct minisig s;
	size_t len = 0;

	minisig_hash(doc->doc.data, doc->doc.len, hash);
	enum err e = minisig_sign(k->secret_key, hash, comment, &s);

	if (!e)
		e = minisig_format(&s, text, &len);
	return e ? e : bundle_add_sig(doc, text, len);
}
