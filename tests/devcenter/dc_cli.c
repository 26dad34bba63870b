/*
 * dc_cli: see dc_cli.h. The commands are one table; --help prints from it.
 */
#include "dc_cli.h"

#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>

#include "clock.h"
#include "dc_cli_add.h"
#include "dc_cli_plan.h"
#include "dc_cli_show.h"
#include "dc_secret.h"
#include "dc_serve.h"
#include "log.h"

/* clang-format off */
static const struct dc_opt_row serve_rows[] = {
	{"dir",             "DIR",  "directory of the Developer Center"},
	{"listen",          "IPV4", "address to listen on (127.0.0.1)"},
	{"host",            "NAME", "this machine's name in package addresses (the address)"},
	{"mqtt-port",       "PORT", "MQTT over TLS (0: any)"},
	{"https-port",      "PORT", "packages (0: any)"},
	{"plain-mqtt-port", "PORT", "also MQTT without TLS (0: any)"},
	{"http-port",       "PORT", "also packages without TLS (0: any)"},
	{"console-port",    "PORT", "web console (0: any)"},
	{"console-listen",  "IPV4", "its address; it has no login (127.0.0.1)"},
	{"profile",         "NAME", "how sub-devices are spoken for: p1, p2 or custom (p1)"},
	{"ota-prefix",      "PATH", "of the OTA calls of the OpenAPI, below /v2/ (/v2/ota)"},
	{"quiet",           NULL,   "no line per event"},
	{NULL, NULL, NULL},
};
/* clang-format on */

static int
serve(struct dc_cli *c)
{
	struct dc_serve_options o = {.dir = c->dir,
	    .address = dc_opt_get(&c->opt, "listen", "127.0.0.1"),
	    .host = dc_opt_get(&c->opt, "host", NULL),
	    .ota_prefix = dc_opt_get(&c->opt, "ota-prefix", "/v2/ota"),
	    .console_address = dc_opt_get(&c->opt, "console-listen", "127.0.0.1"),
	    .plain_mqtt = dc_opt_get(&c->opt, "plain-mqtt-port", NULL) != NULL,
	    .http = dc_opt_get(&c->opt, "http-port", NULL) != NULL,
	    .profile = dc_profile_find(dc_opt_get(&c->opt, "profile", "p1")),
	    .quiet = dc_opt_get(&c->opt, "quiet", NULL) != NULL};
	const struct {
		const char *name;
		unsigned *port;
	} ports[] = {{"mqtt-port", &o.mqtt_port}, {"https-port", &o.https_port},
	    {"plain-mqtt-port", &o.plain_mqtt_port}, {"http-port", &o.http_port},
	    {"console-port", &o.console_port}};
	int64_t port;

	if (!o.profile) {
		fprintf(stderr, "--profile: expected p1, p2 or custom\n");
		return DC_EXIT_USAGE;
	}
	if (strncmp(o.ota_prefix, "/v2/", 4) != 0) {
		fprintf(stderr, "--ota-prefix: expected a path below /v2/, got %s\n", o.ota_prefix);
		return DC_EXIT_USAGE;
	}
	for (size_t i = 0; i < sizeof(ports) / sizeof(ports[0]); i++) {
		if (dc_opt_int(&c->opt, ports[i].name, 0, 0, 65535, &port))
			return DC_EXIT_USAGE;
		*ports[i].port = (unsigned)port;
	}
	return dc_serve_run(&o) ? DC_EXIT_FAILED : DC_EXIT_OK;
}

/* A command that writes does so in one transaction, up to its word to the server: what it read is
 * still so when it writes, and SQLite refuses a writer whose reading another has overtaken. */
enum use { NONE, LOOKS, WRITES };

/* clang-format off */
/* words of the command, least and most positional words, what it does with the database */
static const struct command {
	const char *name, *words, *help;
	unsigned least, most;
	enum use database;
	const struct dc_opt_row *rows;
	int (*run)(struct dc_cli *c);
} commands[] = {
	{"init", "", "make a directory: certificates, database, observer account", 0, 0, NONE,
	 dc_cli_add_init_rows, dc_cli_add_init},
	{"serve", "", "run until SIGTERM; DIR/ready.json names the ports", 0, 0, NONE,
	 serve_rows, serve},
	{"product add", "PK", "add a product", 1, 1, WRITES,
	 dc_cli_add_product_rows, dc_cli_add_product},
	{"gateway add", "PK/DK", "add a gateway", 1, 1, WRITES,
	 dc_cli_add_gateway_rows, dc_cli_add_gateway},
	{"subdevice add", "PK/DK", "add a sub-device behind a gateway", 1, 1, WRITES,
	 dc_cli_add_subdevice_rows, dc_cli_add_subdevice},
	{"account add", "USER", "add an account that may hear and say everything", 1, 1, WRITES,
	 dc_cli_add_account_rows, dc_cli_add_account},
	{"device kick", "PK/DK", "close its connection; a sub-device: put it offline (0x00C8)",
	 1, 1, LOOKS, dc_cli_show_rows, dc_cli_add_kick},
	{"device say", "PK/DK NAME [VALUE]", "make the platform say something out of turn; `list`: what",
	 2, 3, LOOKS, dc_cli_show_rows, dc_cli_add_say},
	{"package add", "", "put a file into the package store", 0, 0, WRITES,
	 dc_cli_plan_package_rows, dc_cli_plan_package},
	{"plan add", "NAME", "make an upgrade plan", 1, 1, WRITES,
	 dc_cli_plan_add_rows, dc_cli_plan_add},
	{"plan edit", "NAME", "change it; only before it was activated, never its product", 1, 1, WRITES,
	 dc_cli_plan_edit_rows, dc_cli_plan_edit},
	{"plan retry", "NAME", "a silent plan once more on a device that failed", 1, 1, WRITES,
	 dc_cli_plan_verify_rows, dc_cli_plan_retry},
	{"plan activate", "NAME", "activate it, or go on after suspend", 1, 1, WRITES,
	 dc_cli_show_rows, dc_cli_plan_activate},
	{"plan suspend", "NAME", "no more new devices", 1, 1, WRITES,
	 dc_cli_show_rows, dc_cli_plan_suspend},
	{"plan terminate", "NAME", "end it for good", 1, 1, WRITES,
	 dc_cli_show_rows, dc_cli_plan_terminate},
	{"plan delete", "NAME", "remove it; only before it was activated", 1, 1, WRITES,
	 dc_cli_show_rows, dc_cli_plan_delete},
	{"plan confirm", "NAME", "what a person says about a manual plan on one device", 1, 1, WRITES,
	 dc_cli_plan_confirm_rows, dc_cli_plan_confirm},
	{"key add", "ACCESS", "an access key of the OpenAPI", 1, 1, WRITES,
	 dc_cli_add_key_rows, dc_cli_add_key},
	{"package verify", "NAME", "try a package on one device that is online, 60 minutes", 1, 1,
	 WRITES, dc_cli_plan_verify_rows, dc_cli_plan_verify},
	{"clock", "", "the platform's time, and put it ahead", 0, 0, WRITES,
	 dc_cli_plan_clock_rows, dc_cli_plan_clock},
	{"status", "", "devices, versions, plans, statuses in order", 0, 0, LOOKS,
	 dc_cli_show_status_rows, dc_cli_show_status},
	{"log", "PK/DK", "what happened to a device, in the platform's words", 1, 1, LOOKS,
	 dc_cli_show_log_rows, dc_cli_show_log},
	{"wait", "", "for a state of a device; exit 0 it is so, 1 it cannot be any more, 2 timeout",
	 0, 0, LOOKS, dc_cli_show_wait_rows, dc_cli_show_wait},
	{"fault set", "NAME[@KIND] VALUE[,TIMES]", "misbehave; of one kind of message: lose@0113 1", 2,
	 2, WRITES, dc_cli_show_fault_rows, dc_cli_show_fault_set},
	{"fault seed", "N", "what the chances of --percent are drawn from (1)", 1, 1, WRITES,
	 dc_cli_show_rows, dc_cli_show_fault_seed},
	{"fault clear", "[NAME]", "behave again", 0, 1, WRITES,
	 dc_cli_show_rows, dc_cli_show_fault_clear},
	{"fault list", "", "all faults, their meaning and what is set", 0, 0, LOOKS,
	 dc_cli_show_rows, dc_cli_show_fault_list},
};
/* clang-format on */

enum { COMMANDS = sizeof(commands) / sizeof(commands[0]), ORDER_MS = 5000 };

static void
print_all(FILE *f)
{
	fprintf(f, "usage: subota-devcenter COMMAND [OPTIONS]   (COMMAND --help tells more)\n");
	for (unsigned i = 0; i < COMMANDS; i++)
		fprintf(
		    f, "  %-14s %-26s %s\n", commands[i].name, commands[i].words, commands[i].help);
}

static void
print_one(const struct command *k, FILE *f)
{
	fprintf(f, "usage: subota-devcenter %s %s --dir DIR\n%s\n", k->name, k->words, k->help);
	dc_opt_print(k->rows, f);
}

/* The command whose words argv begins with; *used of them. */
static const struct command *
find(int argc, char **argv, int *used)
{
	char two[64];

	for (unsigned i = 0; i < COMMANDS; i++) {
		bool pair = strchr(commands[i].name, ' ') != NULL;

		if (argc < 1 + pair)
			continue;
		snprintf(two, sizeof(two), "%s%s%s", argv[0], pair ? " " : "", pair ? argv[1] : "");
		*used = 1 + pair;
		if (strcmp(two, commands[i].name) == 0)
			return &commands[i];
	}
	return NULL;
}

static bool
wants_help(int argc, char **argv)
{
	for (int i = 0; i < argc; i++)
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
			return true;
	return false;
}

enum err
dc_cli_device_name(const char *text, char *pk, char *dk)
{
	size_t n = strcspn(text, "/");

	if (text[n] == '/' && n <= DC_KEY_MAX && strlen(text + n + 1) <= DC_KEY_MAX) {
		snprintf(pk, DC_KEY_MAX + 1, "%.*s", (int)n, text);
		snprintf(dk, DC_KEY_MAX + 1, "%s", text + n + 1);
		if (dc_secret_is_key(pk) && dc_secret_is_key(dk))
			return ERR_OK;
	}
	fprintf(stderr, "%s: expected PK/DK, letters and digits\n", text);
	return ERR_INVALID;
}

int64_t
dc_cli_find_device(struct dc_cli *c, const char *text)
{
	char pk[DC_KEY_MAX + 1], dk[DC_KEY_MAX + 1];

	if (dc_cli_device_name(text, pk, dk))
		return 0;
	int64_t id = dc_db_int(
	    c->db, 0, "SELECT id FROM device WHERE pk = ? AND dk = ?", "tt", pk, dk);
	if (!id)
		fprintf(stderr, "%s: there is no such device\n", text);
	return id;
}

/* Whether a server holds DIR/lock. */
static bool
is_served(const char *dir)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/lock", dir);
	AUTO(fd) int fd = open(path, O_RDWR | O_CLOEXEC);
	return fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0;
}

static void
write_out(struct dc_cli *c)
{
	if (c->writing)
		dc_db_commit(c->db);
	c->writing = false;
}

int
dc_cli_order(struct dc_cli *c, const char *what, int64_t device)
{
	const struct timespec pause = {0, 5000000};
	struct mono end = mono_after(clock_now(), ORDER_MS);

	write_out(c);
	if (!is_served(c->dir))
		return DC_EXIT_OK;
	if (dc_db_run(
		c->db, "INSERT INTO command (what, device) VALUES (?, ?)", "ti", what, device))
		return DC_EXIT_FAILED;
	int64_t id = dc_db_last_id(c->db);
	while (dc_db_int(c->db, 0, "SELECT count(*) FROM command WHERE id = ?", "i", id)) {
		if (!is_served(c->dir))
			return DC_EXIT_OK; /* it ended; the next one reads everything anyway */
		if (mono_reached(clock_now(), end)) {
			fprintf(stderr, "%s: the server does not react\n", c->dir);
			return DC_EXIT_TIMEOUT;
		}
		nanosleep(&pause, NULL);
	}
	return DC_EXIT_OK;
}

int64_t
dc_cli_now(struct dc_cli *c)
{
	return (int64_t)clock_wall_ms() +
	       dc_db_int(c->db, 0, "SELECT value FROM setting WHERE name = 'clock'", "");
}

static int
run(const struct command *k, int argc, char **argv)
{
	struct dc_cli c = {0};

	if (dc_opt_parse(&c.opt, k->rows, argc, argv))
		return DC_EXIT_USAGE;
	c.dir = dc_opt_get(&c.opt, "dir", NULL);
	if (!c.dir || c.opt.n_words < k->least || c.opt.n_words > k->most) {
		print_one(k, stderr);
		return DC_EXIT_USAGE;
	}
	if (k->database && dc_db_open(c.dir, false, &c.db)) {
		fprintf(stderr, "%s: no Developer Center is here; make one with `init`\n", c.dir);
		return DC_EXIT_FAILED;
	}
	c.writing = k->database == WRITES;
	if (c.writing)
		dc_db_begin(c.db);
	int status = k->run(&c);
	write_out(&c);
	if (c.db && dc_db_failed(c.db) && status == DC_EXIT_OK)
		status = DC_EXIT_FAILED;
	dc_db_close(c.db);
	return status;
}

int
dc_cli_run(int argc, char **argv)
{
	int used;

	log_init("devcenter", LOG_INFO);
	const struct command *k = find(argc - 1, argv + 1, &used);
	if (!k) {
		bool asked = argc > 1 && wants_help(argc - 1, argv + 1);

		print_all(asked ? stdout : stderr);
		return asked ? DC_EXIT_OK : DC_EXIT_USAGE;
	}
	if (wants_help(argc - 1 - used, argv + 1 + used)) {
		print_one(k, stdout);
		return DC_EXIT_OK;
	}
	return run(k, argc - 1 - used, argv + 1 + used);
}
