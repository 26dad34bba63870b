/*
 * bench_swupdate: see bench_swupdate.h. A .swu is a cpio archive (new ASCII format with sums):
 * sw-description, its signature, the image.
 */
#include "bench_swupdate.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "auto.h"
#include "bench.h"
#include "house_look.h"
#include "house_proc.h"
#include "kit.h"
#include "tool.h"

enum { SMALL = 4096, HEAD = 110, END_MS = 3000, PATIENCE_S = 120 };

static const char trailer[] = "TRAILER!!!";

static void
append(struct bundle_bytes *b, const void *data, size_t len)
{
	memcpy(b->data + b->len, data, len);
	b->len += len;
	while (b->len % 4)
		b->data[b->len++] = 0;
}

/* One member of the archive. */
static void
member(struct bundle_bytes *b, unsigned number, const char *name, const void *data, size_t len)
{
	char head[HEAD + 64];
	uint32_t sum = 0;

	for (size_t i = 0; i < len; i++)
		sum += ((const uint8_t *)data)[i];
	int n = snprintf(head, sizeof(head),
	    "070702%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%s", number, 0100644u, 0u,
	    0u, 1u, 0u, (unsigned)len, 0u, 0u, 0u, 0u, (unsigned)strlen(name) + 1, sum, name);
	append(b, head, (size_t)n + 1);
	append(b, data, len);
}

static size_t
read_small(const char *dir, const char *name, uint8_t out[SMALL])
{
	char path[400];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	AUTO(fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, out, SMALL);
	return n > 0 ? (size_t)n : 0;
}

static void
mkdir_tmp(const char *dir)
{
	char path[400];

	snprintf(path, sizeof(path), "%s/tmp", dir);
	mkdir(path, 0700); /* it may be there */
}

void
bench_swupdate_sha256(const void *data, size_t len, char hex[65])
{
	uint8_t sha[EVP_MAX_MD_SIZE] = {0};

	if (EVP_Digest(data, len, sha, NULL, EVP_sha256(), NULL) != 1)
		memset(sha, 0, sizeof(sha));
	for (int i = 0; i < 32; i++)
		snprintf(hex + 2 * i, 3, "%02x", sha[i]);
}

bool
bench_swupdate_keys(const char *dir)
{
	return TOOL(dir, "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout",
		   "key.pem", "-out", "cert.pem", "-subj", "/CN=bench", "-days", "30")
		       .status == 0 &&
	       TOOL(dir, "swupdate", "--version").status == 0;
}

bool
bench_swupdate_pack(const char *dir, const char *text, const char *name, const void *payload,
    size_t len, struct bundle_bytes *out)
{
	uint8_t signature[SMALL];

	kit_write(dir, "sw-description", text, strlen(text));
	if (TOOL(dir, "openssl", "cms", "-sign", "-in", "sw-description", "-out",
		"sw-description.sig", "-signer", "cert.pem", "-inkey", "key.pem", "-outform", "DER",
		"-nosmimecap", "-binary")
		.status != 0)
		return false;
	size_t signed_len = read_small(dir, "sw-description.sig", signature);
	*out = (struct bundle_bytes){.data = malloc(len + 4 * SMALL)};
	if (!out->data || signed_len == 0)
		return false;
	member(out, 1, "sw-description", text, strlen(text));
	member(out, 2, "sw-description.sig", signature, signed_len);
	member(out, 3, name, payload, len);
	member(out, 0, trailer, "", 0);
	return true;
}

bool
bench_swupdate_init(struct bench_swupdate *s, const char *dir, const void *payload, size_t len)
{
	char text[SMALL], hex[65];

	*s = (struct bench_swupdate){.dir = dir};
	snprintf(s->out, sizeof(s->out), "%s/out.bin", dir);
	bench_swupdate_sha256(payload, len, hex);
	snprintf(text, sizeof(text),
	    "software =\n{\n\tversion = \"1.0.0\";\n\thardware-compatibility: [ \"1.0\" ];\n"
	    "\timages: (\n\t\t{\n\t\t\tfilename = \"img.bin\";\n\t\t\ttype = \"rawfile\";\n"
	    "\t\t\tpath = \"%s\";\n\t\t\tsha256 = \"%s\";\n"
	    "\t\t\tinstalled-directly = true;\n\t\t}\n\t);\n}\n",
	    s->out, hex);
	return bench_swupdate_keys(dir) &&
	       bench_swupdate_pack(dir, text, "img.bin", payload, len, &s->file);
}

void
bench_swupdate_fini(struct bench_swupdate *s)
{
	free(s->file.data);
	s->file = (struct bundle_bytes){0};
}

pid_t
bench_swupdate_exec(const char *dir, const char *const argv[])
{
	char tmp[400];

	fflush(NULL);
	pid_t pid = fork();
	if (pid != 0)
		return pid;
	int null = open("/dev/null", O_RDWR);
	sigset_t none;
	sigemptyset(&none); /* it waits for its own children by SIGCHLD */
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(null, 0);
	dup2(null, 1);
	dup2(null, 2);
	snprintf(tmp, sizeof(tmp), "%s/tmp", dir);
	setenv("TMPDIR", tmp, 1); /* its sockets: several may run at the same time */
	if (chdir(dir) == 0)
		execvp(argv[0], (char *const *)(uintptr_t)argv);
	_exit(127);
}

pid_t
bench_swupdate_start(const struct bench_swupdate *s, const char *url, unsigned retries)
{
	char download[400];
	const char *argv[] = {
	    "swupdate", "-l", "1", "-H", "board:1.0", "-k", "cert.pem", "-d", download, NULL};

	unlink(s->out);
	mkdir_tmp(s->dir);
	snprintf(download, sizeof(download), "-u %s -r %u", url, retries);
	return bench_swupdate_exec(s->dir, argv);
}

bool
bench_swupdate_wait(pid_t pid)
{
	double end = bench_now() + PATIENCE_S;
	int status = 0;
	pid_t ended = 0;

	while ((ended = waitpid(pid, &status, WNOHANG)) == 0 && bench_now() < end)
		house_look_pause(1);
	if (ended != pid) {
		bench_swupdate_kill(pid);
		return false;
	}
	house_proc_end_group(pid, END_MS);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

void
bench_swupdate_kill(pid_t pid)
{
	kill(-pid, SIGKILL);
	waitpid(pid, NULL, 0);
	house_proc_end_group(pid, 0);
}

uint64_t
bench_swupdate_written(const struct bench_swupdate *s)
{
	struct stat st;

	return stat(s->out, &st) == 0 ? (uint64_t)st.st_size : 0;
}
