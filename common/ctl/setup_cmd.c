/*
 * setup_cmd: `setup`: a first configuration, by asking (setup.h). Writes DIR/subota.conf,
 * DIR/secrets (0600) and DIR/trust/root.1, and never over what is there unless --force says so.
 *
 * All is written beside its place first, and read as all three daemons read it; then each file gets
 * its name, the configuration last: a daemon that finds it finds the rest.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bundle_dir.h"
#include "commands.h"
#include "ctl.h"
#include "log.h"
#include "readers.h"
#include "root.h"
#include "setup.h"

#define USUAL_DIR "/etc/subota"

enum { ROOT_BYTES_MAX = 1 << 20, PATH_SIZE = 4096 };

/* clang-format off */
static const struct opt_spec specs[] = {
	{"dir",         "DIR",  false, false, "else /etc/subota"},
	{"force",       NULL,   false, false, "write over what is there"},
	{"host",        "HOST", false, false, "the platform's MQTT server"},
	{"port",        "PORT", false, false, "of it; else 8883"},
	{"ca",          "FILE", false, false, "certificates that the server is judged by; else the system's"},
	{"product-key", "KEY",  false, false, "of the gateway"},
	{"device-key",  "KEY",  false, false, "of the gateway"},
	{"device",      "LIST", false, true,  "NAME,PRODUCT,KEY,VENDOR,MODEL,DRIVER,PORT of a sub-device"},
	{"secret",      "PAIR", false, true,  "PRODUCT=FILE: the product secret is the file's first line"},
	{"common",      "PAIR", false, true,  "KEY=VALUE for [common]: users that are no system users, ..."},
	{"fetchd",      "PAIR", false, true,  "KEY=VALUE for [fetchd]: ca_file of the package server, ..."},
	{"root",        "FILE", false, false, "root.1, which says whose packages are good"},
	{NULL, NULL, false, false, NULL},
};
/* clang-format on */

static const struct opt_command command = {
    .usage = "subotactl setup [OPTION]...",
    .about =
	"Write a first configuration, by asking for what no option says. Each answer is checked\n"
	"as the daemons would; nothing is written before all of it is good, and nothing that is\n"
	"there is written over without --force.",
    .specs = specs,
};

/* Is it a root document? "" is none at all, which is allowed: packages are refused until then. */
static enum err
check_root(const char *path, struct bundle_bytes *out)
{
	char why[WHY_SIZE] = "";
	AUTO(root) Tr__Root *doc = NULL;
	enum err e = bundle_dir_read_file(AT_FDCWD, path, ROOT_BYTES_MAX, out);

	if (e == ERR_OK)
		e = root_parse(out->data, out->len, false, &doc, why);
	if (e != ERR_OK)
		fprintf(
		    stderr, "%s: expected a root document, got: %s %s\n", path, err_text(e), why);
	return e;
}

/* --- writing ---------------------------------------------------------------------------------- */

/* The file `name`, beside its place first. */
static void
path_of(const struct setup *s, const char *name, const char *suffix, char out[PATH_SIZE])
{
	snprintf(out, PATH_SIZE, "%s/%s%s", s->dir, name, suffix);
}

static enum err
write_new(const char *path, mode_t mode, const void *data, size_t len)
{
	AUTO(fd) int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, mode);

	if (fd >= 0 && fchmod(fd, mode) == 0 && write(fd, data, len) == (ssize_t)len &&
	    fsync(fd) == 0)
		return ERR_OK;
	fprintf(stderr, "setup: expected to write %s, got: %s\n", path, strerror(errno));
	return ERR_SYSTEM;
}

/* Gives it its name; not over another file unless that was said. */
static enum err
settle(const struct setup *s, const char *name)
{
	char from[PATH_SIZE], to[PATH_SIZE];

	path_of(s, name, ".new", from);
	path_of(s, name, "", to);
	bool force = opt_count(s->o, "force") > 0;
	int failed = force ? rename(from, to) : link(from, to);

	if (failed)
		fprintf(stderr, "setup: expected to make %s, got: %s\n", to, strerror(errno));
	unlink(from);
	return failed ? ERR_SYSTEM : ERR_OK;
}

static enum err
write_secrets(const struct setup *s)
{
	char path[PATH_SIZE], *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);

	if (!f)
		return ERR_NOMEM;
	for (size_t i = 0; i < s->n_secrets; i++)
		fprintf(f, "[product %s]\nsecret = %s\n\n", s->secrets[i].product_key,
		    s->secrets[i].secret);
	fclose(f);
	path_of(s, "secrets", ".new", path);
	enum err e = write_new(path, 0600, text, size);

	explicit_bzero(text, size);
	free(text);
	return e;
}

/* Of --common or --fetchd, as they are: a line that is no key is found when the daemons' readers
 * look at all of it. */
static void
put_pairs(FILE *f, const struct opt_set *o, const char *option)
{
	for (size_t i = 0; i < opt_count(o, option); i++) {
		const char *pair = opt_nth(o, option, i);

		fprintf(f, "%.*s\n", (int)strcspn(pair, "\r\n"), pair);
	}
}

static void
put_fetchd(FILE *f, const struct setup *s, bool usual)
{
	if (usual && opt_count(s->o, "fetchd") == 0)
		return;
	fprintf(f, "\n[fetchd]\n");
	if (!usual)
		fprintf(f, "trust_dir = %s/trust\n", s->dir);
	put_pairs(f, s->o, "fetchd");
}

static enum err
write_conf(const struct setup *s)
{
	char path[PATH_SIZE];
	bool usual = strcmp(s->dir, USUAL_DIR) == 0;
	AUTO(mem) char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);

	if (!f)
		return ERR_NOMEM;
	fprintf(f, "# Made by subotactl setup. Every key there is: subotactl config, "
		   "subota.conf(5).\n");
	if (opt_count(s->o, "common"))
		fprintf(f, "[common]\n");
	put_pairs(f, s->o, "common");
	fprintf(f, "\n[cloudd]\nhost = %s\nport = %s\nproduct_key = %s\ndevice_key = %s\n", s->host,
	    s->port, s->product_key, s->device_key);
	if (*s->ca)
		fprintf(f, "ca_file = %s\n", s->ca);
	if (!usual)
		fprintf(f, "secrets = %s/secrets\n", s->dir);
	put_fetchd(f, s, usual);
	if (!usual)
		fprintf(f, "\n[flashd]\ntrust_dir = %s/trust\n", s->dir);
	for (size_t i = 0; i < s->n_devices; i++) {
		fprintf(f, "\n[flashd.device %s]\n", s->devices[i][0]);
		for (size_t k = 1; k < SETUP_FIELDS; k++)
			fprintf(f, "%s = %s\n", setup_device_keys[k], s->devices[i][k]);
	}
	fclose(f);
	path_of(s, "subota.conf", ".new", path);
	return write_new(path, 0644, text, size);
}

/* As all three daemons read it. */
static enum err
check_conf(const struct setup *s)
{
	char path[PATH_SIZE];
	enum err e = ERR_OK;

	path_of(s, "subota.conf", ".new", path);
	for (size_t i = 0; i < ASK_DAEMONS && e == ERR_OK; i++) {
		AUTO(mem) void *settings = calloc(1, readers[i].size);

		e = settings ? readers_load(&readers[i], path, NULL, settings) : ERR_NOMEM;
	}
	return e;
}

static bool
exists(const struct setup *s, const char *name)
{
	char path[PATH_SIZE];

	path_of(s, name, "", path);
	if (access(path, F_OK) != 0 || opt_count(s->o, "force"))
		return false;
	fprintf(stderr, "setup: %s is there; --force writes over it\n", path);
	return true;
}

static enum err
write_all(const struct setup *s)
{
	AUTO(mem) uint8_t *root = NULL;
	struct bundle_bytes b = {0};
	char path[PATH_SIZE];
	enum err e = *s->root ? check_root(s->root, &b) : ERR_OK;

	root = b.data;
	path_of(s, "trust", "", path);
	if (e == ERR_OK && (mkdir(s->dir, 0755) < 0 || mkdir(path, 0755) < 0) && errno != EEXIST)
		return ctl_complain("setup", ERR_SYSTEM, path) ? ERR_SYSTEM : ERR_OK;
	path_of(s, "trust/root.1", ".new", path);
	if (e == ERR_OK && *s->root)
		e = write_new(path, 0644, root, b.len);
	e = e ? e : write_conf(s);
	e = e ? e : check_conf(s);
	e = e ? e : write_secrets(s);
	e = e ? e : settle(s, "secrets");
	if (e == ERR_OK && *s->root)
		e = settle(s, "trust/root.1");
	e = e ? e : settle(s, "subota.conf");
	for (const char *const *n =
		 (const char *const[]){"subota.conf", "secrets", "trust/root.1", NULL};
	     *n; n++) {
		path_of(s, *n, ".new", path);
		unlink(path);
	}
	return e;
}

static void
say_next(const struct setup *s)
{
	printf("%s/subota.conf and %s/secrets are written.\n", s->dir, s->dir);
	if (!*s->root)
		printf("Put root.1 into %s/trust: until then every package is refused.\n", s->dir);
	if (s->n_devices == 0)
		printf("Add a [flashd.device NAME] for each sub-device.\n");
	printf("Then: systemctl enable --now subota.target, and subotactl doctor.\n");
}

int
setup_cmd_run(int argc, char **argv)
{
	struct opt_set o;
	AUTO(mem) struct setup *s = calloc(1, sizeof(*s));
	enum err e = opt_parse(&command, argc, argv, &o);

	if (e)
		return e == ERR_CANCELLED ? CTL_OK : CTL_USAGE;
	if (!s)
		return ctl_complain("setup", ERR_NOMEM, "");
	s->o = &o;
	s->dir = opt_text(&o, "dir", USUAL_DIR);
	s->asks = isatty(STDIN_FILENO);
	log_init("setup", LOG_ERROR);
	if (exists(s, "subota.conf") || exists(s, "secrets") ||
	    (opt_count(&o, "root") && exists(s, "trust/root.1")))
		return CTL_FAILED;
	e = setup_take(s);
	e = e ? e : write_all(s);
	explicit_bzero(s->secrets, sizeof(s->secrets));
	if (e == ERR_OK)
		say_next(s);
	else
		fprintf(stderr, "setup: nothing was set up\n");
	return e == ERR_OK ? CTL_OK : e == ERR_SYSTEM ? CTL_SYSTEM : CTL_DATA;
}
