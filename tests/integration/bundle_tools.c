/*
 * bundle_tools: what a person can check with tar, minisign, sha256sum, openssl and protoc is what
 * the gateway checks, both ways. The golden files of tests/data/bundle stay as they are for ever: a
 * gateway must go on accepting what was signed years ago. Numbers in comments are those of the
 * adversarial cases.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bundle_dir.h"
#include "kit.h"
#include "tool.h"

#define GOLDEN "tests/data/bundle"

#define MUST(result) \
	do { \
		struct tool_result r_ = (result); \
		cr_assert_eq(r_.status, 0, "%s: exit %d: %s", #result, r_.status, r_.out); \
	} while (0)

/* Exit status other than 0, and this word in what it says. */
#define MUST_REFUSE(word, result) \
	do { \
		struct tool_result r_ = (result); \
		cr_assert_neq(r_.status, 0, "%s: %s", #result, r_.out); \
		cr_assert_neq(r_.status, 127, "%s: not installed", #result); \
		cr_assert(strstr(r_.out, word), "%s: %s", #result, r_.out); \
	} while (0)

static char *
golden(const char *name)
{
	char path[512], *full = NULL;

	snprintf(path, sizeof(path), "%s/%s", GOLDEN, name);
	full = realpath(path, NULL);
	cr_assert(full, "%s: run the tests in the project's directory", path);
	return full;
}

static struct bundle_bytes
slurp(const char *dir, const char *name)
{
	struct bundle_bytes b = {0};
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	cr_assert_eq(bundle_dir_read_file(AT_FDCWD, path, 1 << 24, &b), ERR_OK, "%s", path);
	return b;
}

static bool
same(const char *dir, const char *a, const char *b)
{
	struct bundle_bytes x = slurp(dir, a), y = slurp(dir, b);
	bool eq = x.len == y.len && memcmp(x.data, y.data, x.len) == 0;

	free(x.data);
	free(y.data);
	return eq;
}

/* The golden bundle, taken apart by tar. */
static char *
unpacked(void)
{
	char *dir = kit_scratch();
	AUTO(mem) char *fw = golden("fw.bin");

	MUST(TOOL(dir, "tar", "xf", fw));
	return dir;
}

/* trust: 77 */
Test(bundle_tools, tar_minisign_and_sha256sum_accept_the_golden_bundle)
{
	AUTO(scratch) char *dir = unpacked();
	AUTO(mem) char *pub = golden("t4.pub");
	AUTO(mem) char *p0 = golden("p0");
	struct tool_result r = TOOL(
	    dir, "minisign", "-Vm", "manifest", "-x", "manifest.sig0", "-p", pub);

	cr_assert_eq(r.status, 0, "%s", r.out);
	cr_assert(strstr(r.out, "Signature and comment signature verified"), "%s", r.out);
	cr_assert(strstr(r.out, "subota acme sensor-9 2.4.1 seq=241 sc=7 sha256="), "%s", r.out);
	r = TOOL(dir, "sha256sum", "p0");
	cr_assert_eq(
	    strncmp(r.out, "32e7e569f1c683fb63e964f3889835175e30d27c0671518d004bf9b601c846d6", 64),
	    0);
	MUST(TOOL(dir, "cmp", "p0", p0));
}

Test(bundle_tools, protoc_reads_the_manifest_with_our_schema)
{
	AUTO(scratch) char *dir = unpacked();
	AUTO(mem) char *schema = realpath("proto", NULL);
	char command[1024];

	snprintf(command, sizeof(command),
	    "protoc -I %s -I /usr/include --decode=subota.trust.v1.Manifest bundle.proto < "
	    "manifest",
	    schema);
	struct tool_result r = TOOL(dir, "sh", "-c", command);

	cr_assert_eq(r.status, 0, "%s", r.out);
	cr_assert(strstr(r.out, "sequence: 241\n"), "%s", r.out);
	cr_assert(strstr(r.out, "magic: \"subota.manifest.v1\"\n"), "%s", r.out);
	/* and encodes it canonically */
	snprintf(command, sizeof(command),
	    "protoc -I %s -I /usr/include --decode=subota.trust.v1.Manifest bundle.proto < "
	    "manifest |"
	    "protoc -I %s -I /usr/include --encode=subota.trust.v1.Manifest bundle.proto > again",
	    schema, schema);
	MUST(TOOL(dir, "sh", "-c", command));
	cr_assert(same(dir, "manifest", "again"));
}

Test(bundle_tools, openssl_verifies_without_minisign)
{
	AUTO(scratch) char *dir = unpacked();
	AUTO(mem) char *pub = golden("t4.pub");
	char command[1024];

	snprintf(command, sizeof(command),
	    "set -e; openssl dgst -blake2b512 -binary -out h manifest;"
	    "sed -n 2p %s | base64 -d | tail -c 32 > raw;"
	    "{ printf '\\060\\052\\060\\005\\006\\003\\053\\145\\160\\003\\041\\000'; cat raw; } > "
	    "pub.der;"
	    "openssl pkey -pubin -inform DER -in pub.der -out pub.pem;"
	    "sed -n 2p manifest.sig0 | base64 -d | tail -c 64 > s.bin;"
	    "openssl pkeyutl -verify -pubin -inkey pub.pem -rawin -in h -sigfile s.bin",
	    pub);
	struct tool_result r = TOOL(dir, "sh", "-c", command);

	cr_assert_eq(r.status, 0, "%s", r.out);
	cr_assert(strstr(r.out, "Signature Verified Successfully"), "%s", r.out);
}

/* trust: 78 */
Test(bundle_tools, gnu_tar_makes_the_same_bytes)
{
	AUTO(scratch) char *dir = unpacked();
	AUTO(mem) char *fw = golden("fw.bin");

	MUST(TOOL(dir, "tar", "--format=ustar", "--mtime=@0", "--owner=0", "--group=0",
	    "--numeric-owner", "--mode=0644", "-b1", "-cf", "again.bin", "root.2", "root.2.sig0",
	    "root.2.sig1", "manifest", "manifest.sig0", "p0"));
	MUST(TOOL(dir, "cmp", "again.bin", fw));
	/* with tar's own block factor, times and owner it is another file, and refused */
	MUST(TOOL(dir, "tar", "-cf", "other.bin", "root.2", "root.2.sig0", "root.2.sig1",
	    "manifest", "manifest.sig0", "p0"));
	MUST_REFUSE("ustar header", CTL(dir, "bundle", "show", "other.bin"));
}

Test(bundle_tools, the_gateway_accepts_the_golden_bundle_in_a_lab_only)
{
	AUTO(scratch) char *dir = kit_scratch();
	AUTO(mem) char *fw = golden("fw.bin");
	AUTO(mem) char *anchor = golden("trust/root.1");

	MUST(TOOL(dir, "sh", "-c", "umask 022; mkdir trust state"));
	MUST(TOOL(dir, "install", "-m", "0644", anchor, "trust/root.1"));
	MUST(CTL(dir, "bundle", "verify", "--lab", "--trust", "trust", "--at", "2026-01-01", fw));
	MUST_REFUSE("TEST_KEY", CTL(dir, "bundle", "verify", "--trust", "trust", fw));
	MUST_REFUSE("EXPIRED",
	    CTL(dir, "bundle", "verify", "--lab", "--trust", "trust", "--at", "2091-01-01", fw));
}

/* The keys of tests/data/bundle/README.md as files. */
static void
write_test_keys(const char *dir)
{
	for (unsigned n = 1; n <= 6; n++) {
		uint8_t seed[MINIKEY_SEED];
		struct minikey k;
		char pub[512], key[512], why[WHY_SIZE];

		kit_test_seed(n, seed);
		snprintf(pub, sizeof(pub), "%s/t%u.pub", dir, n);
		snprintf(key, sizeof(key), "%s/t%u.key", dir, n);
		cr_assert_eq(minikey_make(seed, &k), ERR_OK);
		cr_assert_eq(minikey_save(&k, pub, key, why), ERR_OK, "%s", why);
	}
}

Test(bundle_tools, the_same_options_make_the_golden_files_again)
{
	AUTO(scratch) char *dir = kit_scratch();
	AUTO(mem) char *fw = golden("fw.bin");
	AUTO(mem) char *root1 = golden("trust/root.1");
	AUTO(mem) char *root2 = golden("root.2");
	AUTO(mem) char *p0 = golden("p0");

	write_test_keys(dir);
	MUST(CTL(dir, "bundle", "root", "--role", "root:2:t1.pub,t2.pub,t3.pub", "--role",
	    "release:1:t4.pub,t5.pub:acme/*/*", "--role", "operator:1:t6.pub:other/*/*",
	    "--created", "2024-01-01", "--expires", "2090-01-01", "--key", "t1.key", "--key",
	    "t2.key"));
	MUST(CTL(dir, "bundle", "root", "--from", "root.1", "--floor", "acme/sensor-*/*:2:5",
	    "--max-gap", "release=1000", "--created", "2024-01-01", "--expires", "2090-01-01",
	    "--key", "t1.key", "--key", "t3.key"));
	MUST(CTL(dir, "bundle", "make", "--out", "fw.bin", "--publisher", "acme", "--vendor",
	    "acme", "--model", "sensor-9", "--model", "sensor-10", "--hw-rev", "1..4",
	    "--component", "app", "--payload", p0, "--version", "2.4.1", "--image-version",
	    "2.4.1+7", "--release-id", "r-241", "--sequence", "241", "--security-counter", "7",
	    "--created", "2024-01-01", "--expires", "2090-01-01", "--device-id", "PK1/dev-1",
	    "--depends", "radio:3:9", "--hint", "slot=1", "--hint", "baud=115200", "--chunk-size",
	    "1024", "--min-gateway", "0.1.0", "--root", "root.2", "--key", "t4.key"));
	MUST(TOOL(dir, "cmp", "root.1", root1));
	MUST(TOOL(dir, "cmp", "root.2", root2));
	MUST(TOOL(dir, "cmp", "fw.bin", fw));
}

/* A publisher's desk: keys r0 r1 (root, threshold 2), rel, op; trust/root.1; an unsigned fw.bin. */
static char *
desk(void)
{
	char *dir = kit_scratch();

	MUST(TOOL(dir, "sh", "-c", "umask 022; mkdir trust state; head -c 9000 /dev/zero > image"));
	MUST(CTL(dir, "bundle", "keygen", "r0"));
	MUST(CTL(dir, "bundle", "keygen", "r1"));
	MUST(CTL(dir, "bundle", "keygen", "rel"));
	MUST(CTL(dir, "bundle", "keygen", "op"));
	MUST(CTL(dir, "bundle", "root", "--role", "root:2:r0.pub,r1.pub", "--role",
	    "release:1:rel.pub:acme/*/*", "--role", "operator:1:op.pub:other/*/*", "--out",
	    "trust/root.1", "--key", "r0.key", "--key", "r1.key"));
	MUST(
	    CTL(dir, "bundle", "make", "--out", "fw.bin", "--publisher", "acme", "--vendor", "acme",
		"--model", "m1", "--payload", "image", "--version", "1.0.0", "--sequence", "1"));
	return dir;
}

#define VERIFY(dir, file) CTL(dir, "bundle", "verify", "--trust", "trust", "--state", "state", file)

Test(bundle_tools, signatures_of_stock_minisign_are_taken_in)
{
	AUTO(scratch) char *dir = desk();

	MUST_REFUSE("THRESHOLD", VERIFY(dir, "fw.bin"));
	MUST(TOOL(dir, "tar", "xf", "fw.bin", "manifest"));
	struct tool_result r = CTL(dir, "bundle", "show", "fw.bin");
	char *comment = strstr(r.out, "trusted comment  ");

	cr_assert(comment, "%s", r.out);
	comment += strlen("trusted comment  ");
	comment[strcspn(comment, "\n")] = 0;
	/* a comment that says something else, and the legacy kind, are refused at once */
	MUST(TOOL(dir, "minisign", "-W", "-S", "-s", "rel.key", "-m", "manifest", "-t", "hello"));
	MUST_REFUSE("trusted comment",
	    CTL(dir, "bundle", "sign", "--signature", "manifest.minisig", "fw.bin"));
	MUST(TOOL(dir, "minisign", "-W", "-Sl", "-s", "rel.key", "-m", "manifest", "-t", comment));
	MUST_REFUSE("minisign signature",
	    CTL(dir, "bundle", "sign", "--signature", "manifest.minisig", "fw.bin"));
	MUST(TOOL(dir, "minisign", "-W", "-S", "-s", "rel.key", "-m", "manifest", "-t", comment));
	MUST(CTL(dir, "bundle", "sign", "--signature", "manifest.minisig", "fw.bin"));
	MUST(VERIFY(dir, "fw.bin"));
}

Test(bundle_tools, keys_of_stock_minisign_are_written_anew)
{
	AUTO(scratch) char *dir = desk();

	MUST(TOOL(dir, "minisign", "-G", "-W", "-p", "theirs.pub", "-s", "theirs.key"));
	MUST(TOOL(dir, "chmod", "0600", "theirs.key"));
	MUST_REFUSE("--import", CTL(dir, "bundle", "sign", "--key", "theirs.key", "fw.bin"));
	MUST(CTL(dir, "bundle", "keygen", "--import", "theirs.key", "ours"));
	MUST(TOOL(dir, "sh", "-c",
	    "minisign -W -S -s ours.key -m image && minisign -Vm image -p ours.pub"));
	/* the public half is the same key */
	MUST(TOOL(dir, "sh", "-c",
	    "test \"$(sed -n 2p ours.pub | base64 -d | tail -c 32 | base64)\" = "
	    "\"$(sed -n 2p theirs.pub | base64 -d | tail -c 32 | base64)\""));
}

/* both say no to the same things; a changed byte in the manifest or in the signed lines */
/* trust: 77 */
Test(bundle_tools, minisign_refuses_what_we_refuse)
{
	AUTO(scratch) char *dir = unpacked();
	AUTO(mem) char *pub = golden("t4.pub");
	struct bundle_bytes m = slurp(dir, "manifest");

	for (size_t i = 0; i < m.len; i += 17) {
		m.data[i] ^= 0x20;
		kit_write(dir, "changed", m.data, m.len);
		m.data[i] ^= 0x20;
		MUST_REFUSE("verification failed",
		    TOOL(dir, "minisign", "-Vm", "changed", "-x", "manifest.sig0", "-p", pub));
		MUST(TOOL(dir, "sh", "-c",
		    "tar --format=ustar --mtime=@0 --owner=0 --group=0 --numeric-owner --mode=0644 "
		    "-b1"
		    " --transform=s/changed/manifest/ -cf changed.bin root.2 root.2.sig0 "
		    "root.2.sig1"
		    " changed manifest.sig0 p0"));
		cr_assert_neq(
		    CTL(dir, "bundle", "verify", "--trust", ".", "changed.bin").status, 0);
	}
	free(m.data);
}

Test(bundle_tools, an_operator_wraps_for_the_vendors_it_was_given_only)
{
	AUTO(scratch) char *dir = desk();

	MUST(CTL(dir, "bundle", "wrap", "--out", "ok.bin", "--publisher", "us", "--vendor", "other",
	    "--model", "x", "--version", "1", "--sequence", "1", "--key", "op.key", "image"));
	MUST(VERIFY(dir, "ok.bin"));
	MUST(CTL(dir, "bundle", "wrap", "--out", "no.bin", "--publisher", "us", "--vendor", "acme",
	    "--model", "x", "--version", "1", "--sequence", "1", "--key", "op.key", "image"));
	MUST_REFUSE("SCOPE", VERIFY(dir, "no.bin"));
}

Test(bundle_tools, a_root_is_signed_by_two_people_and_rotates_inside_a_bundle)
{
	AUTO(scratch) char *dir = desk();

	MUST(CTL(dir, "bundle", "keygen", "new"));
	MUST(CTL(dir, "bundle", "sign", "--key", "rel.key", "fw.bin"));
	MUST(VERIFY(dir, "fw.bin"));
	MUST(CTL(dir, "bundle", "root", "--from", "trust/root.1", "--role",
	    "release:1:new.pub:acme/*/*", "--revoke-key", "rel.pub"));
	MUST(CTL(dir, "bundle", "sign", "--key", "r0.key", "root.2"));
	MUST(CTL(dir, "bundle", "make", "--out", "two.bin", "--publisher", "acme", "--vendor",
	    "acme", "--model", "m1", "--payload", "image", "--version", "1.0.1", "--sequence", "2",
	    "--root", "root.2", "--key", "new.key"));
	MUST_REFUSE("THRESHOLD", VERIFY(dir, "two.bin"));
	/* the second person has the document only, and minisign */
	MUST(TOOL(dir, "minisign", "-W", "-S", "-s", "r1.key", "-m", "root.2", "-x", "by-r1"));
	MUST(CTL(dir, "bundle", "sign", "--signature", "by-r1", "root.2"));
	MUST(CTL(dir, "bundle", "make", "--out", "two.bin", "--publisher", "acme", "--vendor",
	    "acme", "--model", "m1", "--payload", "image", "--version", "1.0.1", "--sequence", "2",
	    "--root", "root.2", "--key", "new.key"));
	MUST(VERIFY(dir, "two.bin"));
	MUST_REFUSE("KEY_REVOKED", VERIFY(dir, "fw.bin"));
}

Test(bundle_tools, every_command_explains_itself_and_refuses_nonsense)
{
	static const char *const commands[] = {
	    "keygen", "root", "make", "wrap", "sign", "show", "verify"};
	AUTO(scratch) char *dir = kit_scratch();

	MUST(CTL(dir, "--version"));
	MUST(CTL(dir, "bundle", "--help"));
	cr_assert_eq(CTL(dir, "bundle").status, 64);
	cr_assert_eq(CTL(dir, "bundle", "sing").status, 64);
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		struct tool_result r = CTL(dir, "bundle", commands[i], "--help");

		cr_assert_eq(r.status, 0);
		cr_assert(strstr(r.out, "usage: subotactl bundle"), "%s", r.out);
		cr_assert_eq(CTL(dir, "bundle", commands[i], "--nonsense").status, 64);
	}
	MUST_REFUSE("NOT_FOUND", CTL(dir, "bundle", "sign", "--key", "none.key", "none.bin"));
}

Test(bundle_tools, a_secret_key_is_not_left_open_or_overwritten)
{
	AUTO(scratch) char *dir = desk();

	MUST_REFUSE("EXISTS", CTL(dir, "bundle", "keygen", "rel"));
	MUST(TOOL(dir, "chmod", "0644", "rel.key"));
	MUST_REFUSE("DENIED", CTL(dir, "bundle", "sign", "--key", "rel.key", "fw.bin"));
}
