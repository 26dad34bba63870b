/*
 * sub_opt: see sub_opt.h. getopt_long does the words, one table the rest.
 */
#include "sub_opt.h"
#include "sub_quirk.h"

#include <errno.h>
#include <getopt.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

enum kind { TEXT, NUMBER, CHANCE, PAIR, FLAG };

struct row {
	const char *name, *argument;
	enum kind kind;
	size_t at; /* in struct sub_opt */
	uint64_t least, most;
	const char *help;
};

#define AT(field) offsetof(struct sub_opt, field)

/* clang-format off */
static const struct row rows[] = {
	/* name         argument           kind    field             least  most       help */
	{"dir",          "DIR",             TEXT,   AT(dir),          0, 0,             "the device's flash; killing and restarting is a power cut"},
	{"tty",          "PATH",            TEXT,   AT(tty),          0, 0,             "symbolic link to the serial line, made anew at each plug"},
	{"udp",          "PORT",            NUMBER, AT(udp),          1, 65535,         "instead of --tty: datagrams at this port of the loopback"},
	{"tcp",          "PORT",            NUMBER, AT(tcp),          1, 65535,         "instead of --tty: the line behind a terminal server at this port"},
	{"raw",          NULL,              FLAG,   AT(raw),          0, 0,             "header and CBOR as they are instead of base64 lines"},
	{"raw-idle-ms",  "N",               NUMBER, AT(raw_idle_ms),  1, 60000,         "silence that ends a torn packet (3000)"},
	{"loader",       "NAME",            TEXT,   AT(loader),       0, 0,             "no SMP, no slots: gecko or u-boot, XMODEM over the only image"},
	{"quirks",       "NAME,NAME",       TEXT,   AT(quirks),       0, 0,             "what it does differently; `--quirks list` names them"},
	{"recovery",     "WAY",             TEXT,   AT(recovery),     0, 0,             "MCUboot's serial recovery, entered by: mode, window"},
	{"lose-acks",    "N",               NUMBER, AT(lose_acks),    1, 1000,          "so many answers to the end of a transfer are lost"},
	{"slot0",        "IMAGE",           TEXT,   AT(slot0),        0, 0,             "MCUboot image for an empty DIR"},
	{"second",       "IMAGE",           TEXT,   AT(second),       0, 0,             "MCUboot image of a second processor (image 1), in DIR/second"},
	{"baud",         "N",               NUMBER, AT(baud),         300, 4000000,     "rate of the line (115200)"},
	{"latency-ms",   "N",               NUMBER, AT(latency_ms),   0, 1000,          "per direction (0)"},
	{"loss",         "CHANCE",          CHANCE, AT(loss),         0, 0,             "a byte is lost (0)"},
	{"flip",         "CHANCE",          CHANCE, AT(flip),         0, 0,             "a byte has a bit flipped (0)"},
	{"noise",        "MS",              NUMBER, AT(noise_ms),     1, 3600000,       "the console prints a line so often"},
	{"buf-size",     "N",               NUMBER, AT(buf_size),     96, 2048,         "reassembly buffer (384)"},
	{"buf-count",    "N",               NUMBER, AT(buf_count),    1, 16,            "buffers for requests and answers (4)"},
	{"slot-kib",     "N",               NUMBER, AT(slot_kib),     8, 1024,          "size of its slots (1024)"},
	{"reset-ms",     "N",               NUMBER, AT(reset_ms),     0, 600000,        "a start takes so long (1500)"},
	{"swap-ms",      "N",               NUMBER, AT(swap_ms),      0, 600000,        "a swap adds so much to it (800)"},
	{"seed",         "N",               NUMBER, AT(seed),         0, UINT64_MAX,    "of the faults by chance (1)"},
	{"uid",          "USER",            TEXT,   AT(uid),          0, 0,             "who owns the serial line"},
	{"unplug-at",    "BYTES[:SECONDS]", PAIR,   AT(unplug),       0, 3600,          "no line and no power once so many image bytes came, back after (3) s"},
	{"sick",         "VERSION[:SECONDS]", PAIR, AT(sick),         0, 3600,          "this version never answers; a watchdog resets after (4) s"},
	{"deny-confirm", NULL,              FLAG,   AT(deny_confirm), 0, 0,             "confirmation is denied"},
	{"refuse-boot",  "VERSION",         TEXT,   AT(refuse_boot),  0, 0,             "the bootloader takes it for forged"},
	{"deaf-after",   "BYTES",           NUMBER, AT(deaf_after),   1, UINT32_MAX,    "no answers any more once so many image bytes came"},
	{"count",        "N",               NUMBER, AT(count),        1, 1000,          "so many devices in one process: DIR/1 and PATH1, DIR/2 and PATH2 ... (0: one, as said)"},
	{"status-ms",    "N",               NUMBER, AT(status_ms),    0, 1000,          "status.json is written at most so often (0: at each change)"},
	{"quiet",        NULL,              FLAG,   AT(quiet),        0, 0,             "print nothing"},
};
/* clang-format on */

enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

static void
help(void)
{
	printf("usage: subota-subdevice --dir DIR --tty PATH|--udp PORT|--tcp PORT [...]\n"
	       "a virtual sub-device: an SMP server with two slots on a simulated serial line\n");
	for (int i = 0; i < ROWS; i++)
		printf("  --%s %s\t%s\n", rows[i].name, rows[i].argument ? rows[i].argument : "",
		    rows[i].help);
	printf("DIR/status.json says what it does.\n");
}

static bool
read_number(const char *text, uint64_t least, uint64_t most, uint64_t *out)
{
	char *end = NULL;

	errno = 0;
	*out = strtoull(text, &end, 10);
	return errno == 0 && end != text && *end == '\0' && text[0] != '-' && *out >= least &&
	       *out <= most;
}

static bool
read_pair(const struct row *r, const char *text, struct sub_opt_pair *out)
{
	const char *colon = strchr(text, ':');
	size_t n = colon ? (size_t)(colon - text) : strlen(text);

	if (n == 0 || n >= sizeof(out->name))
		return false;
	memcpy(out->name, text, n);
	out->name[n] = '\0';
	return !colon || read_number(colon + 1, r->least, r->most, &out->seconds);
}

static bool
take(struct sub_opt *o, const struct row *r, const char *text)
{
	char *field = (char *)o + r->at, *end = NULL;

	switch (r->kind) {
	case TEXT:
		*(const char **)(void *)field = text;
		return true;
	case NUMBER:
		return read_number(text, r->least, r->most, (uint64_t *)(void *)field);
	case CHANCE:
		*(double *)(void *)field = strtod(text, &end);
		return end != text && *end == '\0' && *(double *)(void *)field >= 0 &&
		       *(double *)(void *)field <= 1;
	case PAIR:
		return read_pair(r, text, (struct sub_opt_pair *)(void *)field);
	case FLAG:
		*(bool *)(void *)field = true;
		return true;
	}
	return false;
}

static bool
is_complete(struct sub_opt *o)
{
	int lines = (o->tty != NULL) + (o->udp != 0) + (o->tcp != 0);

	if (!o->dir || lines != 1) {
		fprintf(stderr,
		    "subota-subdevice: expected --dir and one of --tty, --udp and --tcp\n");
		return false;
	}
	if (o->loader && strcmp(o->loader, "gecko") != 0 && strcmp(o->loader, "u-boot") != 0) {
		fprintf(stderr, "subota-subdevice: --loader: expected gecko or u-boot, got %s\n",
		    o->loader);
		return false;
	}
	const char *wrong = NULL;
	if (o->quirks && !sub_quirk_parse(o->quirks, &o->quirk_bits, &wrong)) {
		fprintf(stderr, "subota-subdevice: --quirks: got %s, expected some of", wrong);
		for (const struct sub_quirk_row *r = sub_quirk_table(); r->name; r++)
			fprintf(stderr, " %s", r->name);
		fprintf(stderr, "\n");
		return false;
	}
	if (o->recovery && strcmp(o->recovery, "mode") != 0 && strcmp(o->recovery, "window") != 0) {
		fprintf(stderr, "subota-subdevice: --recovery: expected mode or window, got %s\n",
		    o->recovery);
		return false;
	}
	if (o->unplug.name[0] && !read_number(o->unplug.name, 1, UINT32_MAX, &o->unplug_at)) {
		fprintf(stderr,
		    "subota-subdevice: --unplug-at: expected a number of bytes, got %s\n",
		    o->unplug.name);
		return false;
	}
	return true;
}

enum sub_opt_outcome
sub_opt_parse(struct sub_opt *o, int argc, char **argv)
{
	struct option words[ROWS + 2] = {{"help", no_argument, NULL, ROWS}};
	int which = 0;

	*o = (struct sub_opt){
	    .baud = 115200,
	    .buf_size = 384,
	    .buf_count = 4,
	    .slot_kib = 1024,
	    .reset_ms = 1500,
	    .raw_idle_ms = 3000,
	    .swap_ms = 800,
	    .seed = 1,
	    .unplug = {.seconds = 3},
	    .sick = {.seconds = 4},
	};
	for (int i = 0; i < ROWS; i++)
		words[i + 1] = (struct option){
		    rows[i].name, rows[i].kind == FLAG ? no_argument : required_argument, NULL, i};
	optind = 0;
	while ((which = getopt_long(argc, argv, "", words, NULL)) != -1) {
		if (which == ROWS) {
			help();
			return SUB_OPT_HELP;
		}
		if (which == '?')
			return SUB_OPT_WRONG;
		if (take(o, &rows[which], optarg))
			continue;
		fprintf(stderr, "subota-subdevice: --%s: expected %s, got %s\n", rows[which].name,
		    rows[which].argument, optarg);
		return SUB_OPT_WRONG;
	}
	if (optind < argc) {
		fprintf(stderr, "subota-subdevice: expected options only, got %s\n", argv[optind]);
		return SUB_OPT_WRONG;
	}
	return is_complete(o) ? SUB_OPT_RUN : SUB_OPT_WRONG;
}
