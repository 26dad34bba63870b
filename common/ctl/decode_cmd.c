/*
 * decode_cmd: `decode`: what a frame says, or why it is refused. What is decoded: an argument of
 * nothing but hex digits, blanks and colons is the bytes themselves; any other argument names a
 * file of raw bytes (a file whose name looks like hex is ./NAME); `-` is raw bytes from stdin.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "commands.h"
#include "ctl.h"
#include "decode.h"
#include "opt.h"

enum { STEP = 64 * 1024 };

/* clang-format off */
static const struct opt_spec specs[] = {
	/* name value must   many   help */
	{"hex", NULL, false, false, "the file, or stdin, holds hex text"},
	{NULL,  NULL, false, false, NULL},
};
/* clang-format on */

static const struct opt_command command = {
    .usage = "subotactl decode dp|ttlv|mqtt|envelope|smp|modbus|an3155|bundle HEX|FILE|-",
    .about =
	"Say as JSON what a frame of the platform (dp, or only its values: ttlv; mqtt around it),\n"
	"a message between the daemons (envelope), bytes of a device (smp, modbus, an3155) or a\n"
	"package (bundle) say. HEX may have blanks and colons in it; FILE and - (stdin) are raw\n"
	"bytes.\n"
	"Exit status 65, and the reason on stderr, when a gateway would refuse its form.",
    .specs = specs,
    .min_args = 2,
    .max_args = 2,
};

/* All of a stream, and a NUL behind it that is not counted. Reading ends soon after `limit`: more
 * than that is refused anyway. */
static enum err
read_all(int fd, size_t limit, uint8_t **out, size_t *len)
{
	AUTO(mem) uint8_t *data = NULL;
	size_t used = 0, size = 0;
	ssize_t n = 1;

	while (n != 0 && used <= limit) {
		if (used + 1 >= size) {
			uint8_t *more = realloc(data, size += size / 2 + STEP);

			if (!more)
				return ERR_NOMEM;
			data = more;
		}
		n = read(fd, data + used, size - used - 1);
		if (n < 0 && errno != EINTR)
			return ERR_SYSTEM;
		used += n > 0 ? (size_t)n : 0;
	}
	data[used] = '\0';
	*len = used;
	*out = HAND_OVER(data);
	return ERR_OK;
}

static enum err
from_text(enum decode_kind kind, const char *text, size_t len, char **out, char why[WHY_SIZE])
{
	AUTO(mem) uint8_t *data = NULL;
	size_t n = 0;
	enum err e = decode_unhex(text, len, &data, &n);

	if (e == ERR_MALFORMED)
		return why_say(why, e, "expected pairs of hex digits, got '%.40s'", text);
	return e ? e : decode_bytes(kind, data, n, out, why);
}

static enum err
from_stream(enum decode_kind kind, int fd, bool hex, char **out, char why[WHY_SIZE])
{
	AUTO(mem) uint8_t *data = NULL;
	size_t len = 0, limit = decode_limit(kind);
	enum err e = read_all(fd, hex && limit < SIZE_MAX / 4 ? 4 * limit : limit, &data, &len);

	if (e)
		return why_say(why, e, "%s", strerror(errno));
	if (!hex)
		return decode_bytes(kind, data, len, out, why);
	return from_text(kind, (const char *)data, len, out, why);
}

static enum err
from_file(enum decode_kind kind, const char *path, bool hex, char **out, char why[WHY_SIZE])
{
	struct stat st;
	AUTO(fd) int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &st) < 0)
		return why_say(why, errno == ENOENT ? ERR_NOT_FOUND : ERR_INVALID,
		    "expected hex or a file, got '%.100s': %s", path, strerror(errno));
	if (S_ISDIR(st.st_mode))
		return why_say(why, ERR_INVALID, "expected a file, got the directory '%s'", path);
	if (kind == DECODE_BUNDLE && !hex && S_ISREG(st.st_mode)) /* may be larger than memory */
		return decode_bundle(bundle_read_fd, &fd, (uint64_t)st.st_size, out, why);
	return from_stream(kind, fd, hex, out, why);
}

int
decode_cmd_run(int argc, char **argv)
{
	struct opt_set o;
	char why[WHY_SIZE] = "", prefix[32];
	AUTO(mem) char *json = NULL;
	enum err e = opt_parse(&command, argc, argv, &o);

	if (e)
		return e == ERR_CANCELLED ? CTL_OK : CTL_USAGE;
	const char *what = o.args[1];
	enum decode_kind kind = decode_find(o.args[0]);
	bool hex = opt_count(&o, "hex") > 0;

	if (kind == DECODE_KINDS) {
		fprintf(stderr,
		    "decode: expected dp, ttlv, mqtt, envelope, smp, modbus, an3155 or bundle, "
		    "got '%s'\n",
		    o.args[0]);
		return CTL_USAGE;
	}
	if (strcmp(what, "-") == 0)
		e = from_stream(kind, STDIN_FILENO, hex, &json, why);
	else if (!hex && decode_is_hex(what, strlen(what)))
		e = from_text(kind, what, strlen(what), &json, why);
	else
		e = from_file(kind, what, hex, &json, why);
	snprintf(prefix, sizeof(prefix), "decode %s", decode_name(kind));
	if (e)
		return ctl_complain(prefix, e, why);
	printf("%s\n", json);
	return CTL_OK;
}
