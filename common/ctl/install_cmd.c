/*
 * install_cmd: `install BUNDLE --device D...`: a package onto devices without the platform. The
 * file is laid beside the gate, which is told; gate and flashd verify and judge as ever. What is
 * shown is what they say. Ending this program ends nothing else.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "act.h"
#include "bundle_file.h"
#include "commands.h"
#include "ctl.h"
#include "install.h"
#include "merge.h"

enum {
	TARGETS_MAX = 2 * INSTALL_DEVICES_MAX,
	LOOK_MS = 300,
	BLOCK = 256 * 1024,
	STATUS = 24,
	ARGUMENT = 400
};

/* clang-format off */
static const struct opt_spec specs[] = {
	{"device", "NAME", true, true, "its name in the configuration, or PRODUCT/DEVICE"},
	{"no-wait", NULL, false, false, "do not stay until the devices run it"},
	ASK_OPTIONS,
	{NULL, NULL, false, false, NULL},
};
/* clang-format on */

static const struct opt_command command = {
    .usage = "subotactl install [OPTION]... BUNDLE",
    .about =
	"Install a package on devices of this gateway, without the platform: verified, judged\n"
	"by policy and queued like every other. The platform hears of the new version. Ctrl-C\n"
	"ends the watching, not the upgrade. Exit status 0: all devices run it; 1: some do not.",
    .specs = specs,
    .min_args = 1,
    .max_args = 1,
};

/* One component of one device. */
struct target {
	char name[70], keys[70], component[70], version[70];
	uint64_t upgrade;
	char status[STATUS];
	bool over, done;
};

struct install {
	struct ask ask;
	const char *path;
	char file[40]; /* in the drop directory */
	struct target targets[TARGETS_MAX];
	size_t n;
};

/* --- which devices ---------------------------------------------------------------------------- */

static const char *
text(const cJSON *o, const char *key)
{
	const char *s = cJSON_GetStringValue(cJSON_GetObjectItem(o, key));

	return s ? s : "";
}

static const Tr__Payload *
payload_for(const Tr__Manifest *m, const char *component)
{
	for (size_t i = 0; i < m->n_payload; i++)
		if (strcmp(m->payload[i]->component, component) == 0)
			return m->payload[i];
	return NULL;
}

/* Every component of the device for which the bundle has an image. */
static bool
add_device(struct install *in, const cJSON *devices, const char *wanted, const Tr__Manifest *m)
{
	const cJSON *d = NULL;
	size_t before = in->n;

	cJSON_ArrayForEach(d, devices)
	{
		struct target *t = &in->targets[in->n];
		const Tr__Payload *p = payload_for(m, text(d, "component"));
		char keys[sizeof(t->keys)];

		snprintf(keys, sizeof(keys), "%.32s/%.32s", text(d, "product_key"),
		    text(d, "device_key"));
		if (!p || in->n == TARGETS_MAX ||
		    (strcmp(text(d, "name"), wanted) != 0 && strcmp(keys, wanted) != 0))
			continue;
		memcpy(t->keys, keys, sizeof(keys));
		snprintf(t->name, sizeof(t->name), "%.64s", text(d, "name"));
		snprintf(t->component, sizeof(t->component), "%.64s", p->component);
		snprintf(t->version, sizeof(t->version), "%.64s", p->version);
		in->n++;
	}
	if (in->n == before)
		fprintf(stderr,
		    "subotactl: expected a configured device with a component of this package, got "
		    "'%s'\n",
		    wanted);
	return in->n > before;
}

static int
find_targets(struct install *in, const char *const *names, size_t n, const Tr__Manifest *m)
{
	int worst = CTL_OK;
	AUTO(out_json) cJSON *answer = ask_or_complain(&in->ask, WHO_FLASHD, "devices", "", &worst);
	const cJSON *devices = ask_list(answer, "devices");

	for (size_t i = 0; answer && i < n; i++)
		if (!add_device(in, devices, names[i], m))
			return CTL_FAILED;
	return worst;
}

/* --- the file --------------------------------------------------------------------------------- */

static enum err
copy(int from, int to, char why[WHY_SIZE])
{
	AUTO(mem) uint8_t *bytes = malloc(BLOCK);
	ssize_t n = 0;

	while (bytes && (n = read(from, bytes, BLOCK)) > 0)
		if (write(to, bytes, (size_t)n) != n)
			return why_say(why, ERR_FULL, "cannot lay it into the drop directory: %s",
			    strerror(errno));
	return bytes && n == 0 && fsync(to) == 0 ? ERR_OK : ERR_SYSTEM;
}

/* For the gate to read, whoever we are; the directory lets nobody else in. */
static enum err
lay_down(struct install *in, char why[WHY_SIZE])
{
	char path[300];
	AUTO(fd) int from = open(in->path, O_RDONLY | O_CLOEXEC);

	snprintf(in->file, sizeof(in->file), "install-%08x%08x.bundle",
	    (unsigned)randombytes_random(), (unsigned)randombytes_random());
	snprintf(path, sizeof(path), "%s/drop/%s", in->ask.common.state_dir, in->file);
	AUTO(fd) int to = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);

	if (from < 0 || to < 0)
		return why_say(why, errno == EACCES ? ERR_DENIED : ERR_SYSTEM,
		    "cannot lay %.80s into %.80s: %s", in->path, path, strerror(errno));
	enum err e = fchmod(to, 0644) == 0 ? copy(from, to, why) : ERR_SYSTEM;

	if (e != ERR_OK)
		unlink(path);
	return e;
}

static void
take_away(const struct install *in)
{
	char path[300];

	snprintf(path, sizeof(path), "%s/drop/%s", in->ask.common.state_dir, in->file);
	unlink(path);
}

/* --- the order -------------------------------------------------------------------------------- */

static int
order(struct install *in, struct target *t)
{
	char argument[ARGUMENT];
	cJSON *json = NULL;

	snprintf(
	    argument, sizeof(argument), "%s %s %s %s", in->file, t->version, t->keys, t->component);
	int status = act_order_for(&in->ask, WHO_FETCHD, "install", argument, &json);
	AUTO(out_json) cJSON *answer = json;

	if (status == CTL_OK)
		t->upgrade = (uint64_t)cJSON_GetNumberValue(cJSON_GetObjectItem(answer, "upgrade"));
	return status;
}

static int
order_all(struct install *in)
{
	char why[WHY_SIZE] = "";
	enum err e = lay_down(in, why);
	int status = CTL_OK;
	size_t ordered = 0;

	if (e == ERR_DENIED) {
		fprintf(
		    stderr, "subotactl: %s: root and members of actor_group may install\n", why);
		return CTL_DENIED;
	}
	if (e != ERR_OK)
		return ctl_complain("subotactl", e, why);
	for (; ordered < in->n && status == CTL_OK; ordered++)
		status = order(in, &in->targets[ordered]);
	if (status != CTL_OK && ordered <= 1)
		take_away(in);
	return status;
}

/* --- watching --------------------------------------------------------------------------------- */

static void
on_interrupt(int signal)
{
	(void)signal; /* ends the pause */
}

static bool
pause_ms(long ms)
{
	return nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL) == 0;
}

/* What flashd says, and the gate until flashd has it. */
static void
take_status(struct target *t, const cJSON *row, char out[STATUS])
{
	const cJSON *gate = cJSON_GetObjectItem(row, "fetchd"), *flash = NULL;
	double done = 0, size = 0;

	flash = cJSON_GetObjectItem(row, "flashd");
	if (!flash) {
		bool ended = strcmp(text(gate, "state"), "ENDED") == 0;

		snprintf(out, STATUS, "%.20s",
		    ended                                         ? "refused"
		    : strcmp(text(gate, "state"), "ORDERED") == 0 ? "handed on"
								  : "copied, verified");
		t->over = ended;
		return;
	}
	done = cJSON_GetNumberValue(cJSON_GetObjectItem(flash, "done"));
	size = cJSON_GetNumberValue(cJSON_GetObjectItem(flash, "size"));
	if (strcmp(text(flash, "status"), "writing") == 0 && size > 0)
		snprintf(out, STATUS, "writing %3.0f %%", 100 * done / size);
	else
		snprintf(out, STATUS, "%.20s", text(flash, "status"));
	static const char *const ends[] = {"done", "reverted", "failed", "refused", "cancelled"};

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		t->over |= strcmp(out, ends[i]) == 0;
	t->done = strcmp(out, ends[0]) == 0;
}

static void
show(const struct install *in, struct target *t, const cJSON *row)
{
	char now[STATUS] = "", detail[300];

	take_status(t, row, now);
	if (strcmp(now, t->status) == 0)
		return;
	snprintf(t->status, sizeof(t->status), "%s", now);
	out_text(cJSON_GetObjectItem(row, "detail"), detail, sizeof(detail));
	if (in->ask.form)
		return;
	printf("%s %s %s: %s%s%s\n", t->name, t->component, t->version, now,
	    strcmp(detail, "-") != 0 ? ": " : "", strcmp(detail, "-") != 0 ? detail : "");
	fflush(stdout);
}

static bool
look(struct install *in)
{
	int worst = CTL_OK;
	AUTO(out_json)
	cJSON *fetchd = ask_or_complain(&in->ask, WHO_FETCHD, "upgrades", "", &worst);
	AUTO(out_json)
	cJSON *flashd = ask_or_complain(&in->ask, WHO_FLASHD, "upgrades", "", &worst);
	AUTO(out_json) cJSON *list = merge_upgrades(&(struct merge){NULL, fetchd, flashd});
	bool over = true;

	for (size_t i = 0; i < in->n; i++) {
		struct target *t = &in->targets[i];
		const cJSON *row = merge_find_upgrade(list, t->upgrade);

		if (row && !t->over)
			show(in, t, row);
		over &= t->over;
	}
	return over;
}

static int
watch(struct install *in)
{
	bool all = true;

	sigaction(SIGINT, &(struct sigaction){.sa_handler = on_interrupt}, NULL);
	while (!look(in))
		if (!pause_ms(LOOK_MS)) {
			fprintf(
			    stderr, "subotactl: it goes on; subotactl upgrades shows how far\n");
			return CTL_FAILED;
		}
	for (size_t i = 0; i < in->n; i++)
		all &= in->targets[i].done;
	return all ? CTL_OK : CTL_FAILED;
}

/* --- all of it -------------------------------------------------------------------------------- */

static void
tell_json(const struct install *in)
{
	AUTO(out_json) cJSON *list = cJSON_CreateArray();

	for (size_t i = 0; i < in->n; i++) {
		const struct target *t = &in->targets[i];
		cJSON *row = out_row(list);

		out_add_text(row, "device", t->name);
		out_add_text(row, "component", t->component);
		out_add_text(row, "version", t->version);
		out_add_number(row, "upgrade", t->upgrade);
		out_add_text(row, "status", t->status);
	}
	out_value(list, in->ask.form);
}

static int
run(struct install *in, const char *const *names, size_t n, bool wait)
{
	struct bundle_file f;
	char why[WHY_SIZE] = "";
	enum err e = bundle_file_open(in->path, &f, why);

	if (e != ERR_OK)
		return ctl_complain(in->path, e, why);
	int status = find_targets(in, names, n, f.manifest);

	bundle_file_close(&f);
	if (status == CTL_OK)
		status = order_all(in);
	if (status != CTL_OK)
		return status;
	for (size_t i = 0; i < in->n && !in->ask.form; i++)
		printf("%s %s %s: upgrade %" PRIu64 "\n", in->targets[i].name,
		    in->targets[i].component, in->targets[i].version, in->targets[i].upgrade);
	fflush(stdout);
	if (wait)
		status = watch(in);
	if (in->ask.form)
		tell_json(in);
	return status;
}

int
install_on(const struct ask *a, const char *path, const char *const *names, size_t n, bool wait)
{
	AUTO(mem) struct install *in = calloc(1, sizeof(*in));

	if (!in || sodium_init() < 0)
		return CTL_SYSTEM;
	in->ask = *a;
	in->path = path;
	return run(in, names, n, wait);
}

int
install_cmd_run(int argc, char **argv)
{
	const char *names[INSTALL_DEVICES_MAX];
	struct opt_set o;
	struct ask a;
	int status = ask_begin(&command, argc, argv, &o, &a);
	size_t n = 0;

	if (status >= 0)
		return status;
	while (n < INSTALL_DEVICES_MAX && n < opt_count(&o, "device")) {
		names[n] = opt_nth(&o, "device", n);
		n++;
	}
	if (n == opt_count(&o, "device"))
		return install_on(&a, o.args[0], names, n, opt_count(&o, "no-wait") == 0);
	fprintf(stderr, "subotactl: expected at most %d devices\n", INSTALL_DEVICES_MAX);
	return CTL_USAGE;
}
