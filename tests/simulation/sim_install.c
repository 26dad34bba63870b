/*
 * sim_install: see sim_install.h.
 */
#include "sim_install.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auto.h"
#include "drop.h"
#include "flash_act.h"
#include "sim.h"
#include "sim_device.h"
#include "sim_house.h"
#include "sim_platform.h"

enum {
	INSTALLS_MAX = 12,
	IDS_MAX = 256,
	FILES_MAX = 64,             /* of the last ones it is known what they are */
	LATER_MS = 20000,           /* what is done to a file later; the gate is away: again */
	LAST_EVERY_MS = 40 * 60000, /* longer than an upgrade waits for its turn */
	LAST_TRIES = 5,
	OLD_S = 7200
};

/* What a person does. */
enum way {
	WAY_WHOLE,
	WAY_HALF,      /* the copy onto the gateway broke off */
	WAY_GROWS,     /* it is ordered while it is still being copied */
	WAY_SCRIBBLED, /* and then bytes of it are changed */
	WAY_TAKEN,     /* and then it is taken away */
	WAY_CANCELLED, /* ordered, and then cancelled */
	WAY_MISNAMED,  /* the version that it is ordered as is not the package's */
	WAY_NOT_ORDERED,
};

struct visit {
	const struct sim_package *package;
	enum way way;
	int device;
	bool radio;
	char file[32];
	unsigned tries;
};

struct sim_installs {
	struct visit visit[INSTALLS_MAX];
	uint64_t ids[IDS_MAX]; /* of installations, as the gate numbers them */
	const struct sim_package *file[FILES_MAX];
	unsigned n, n_ids, files, open;
	unsigned tries[SIM_DEVICES_MAX]; /* to bring the last package */
	struct sim_stream chance;
};

static struct sim_installs *
installs(void)
{
	return sim()->installs;
}

const char *
sim_install_dir(void)
{
	static char path[SIM_PATH + 32];

	snprintf(path, sizeof(path), "%s/drop", sim()->dir);
	return path;
}

static unsigned
below(unsigned n)
{
	return (unsigned)sim_stream_below(&installs()->chance, n);
}

/* --- files ------------------------------------------------------------------------------------ */

static void
path_of(const char *file, char out[600])
{
	snprintf(out, 600, "%s/%s", sim_install_dir(), file);
}

/* Its time is the world's, not that of the machine on which the world is simulated. */
static void
set_time(const char *path)
{
	time_t now = (time_t)(sim_wall() / 1000);
	struct timespec t[2] = {{.tv_sec = now}, {.tv_sec = now}};

	(void)!utimensat(AT_FDCWD, path, t, 0);
}

static void
write_file(const char *file, const struct bundle_bytes *b, size_t at, size_t len)
{
	char path[600];

	path_of(file, path);
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0 || pwrite(fd, b->data + at, len, (off_t)at) != (ssize_t)len)
		abort();
	close(fd);
	set_time(path);
}

static void
scribble(const char *file, size_t len)
{
	char path[600];

	path_of(file, path);
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	if (pwrite(fd, "scribble", 8, (off_t)below((unsigned)len - 8)) != 8)
		abort();
	close(fd);
	set_time(path);
}

static void
lay(struct visit *v)
{
	size_t len = v->package->file.len;

	if (v->way == WAY_HALF || v->way == WAY_GROWS)
		len = 1 + below((unsigned)len - 1);
	installs()->file[installs()->files % FILES_MAX] = v->package;
	snprintf(v->file, sizeof(v->file), "package-%u.bundle", installs()->files++);
	write_file(v->file, &v->package->file, 0, len);
}

const struct sim_package *
sim_install_package(const char *url)
{
	unsigned n = 0;

	if (!sim()->local || sscanf(url, "drop:package-%u", &n) != 1)
		return NULL;
	return installs()->file[n % FILES_MAX];
}

/* --- orders ----------------------------------------------------------------------------------- */

struct order {
	const char *what;
	char argument[200];
	uint64_t upgrade;
	enum err e;
};

static void
note_id(uint64_t id)
{
	struct sim_installs *all = installs();

	for (unsigned i = 0; i < all->n_ids; i++)
		if (all->ids[i] == id)
			return;
	if (all->n_ids < IDS_MAX)
		all->ids[all->n_ids++] = id;
}

static void
note_all(void)
{
	const struct gate *g = sim()->proc[SIM_FETCHD].self;

	for (const struct upgrade *u = g ? g->book.upgrades : NULL; u; u = u->next)
		if (u->local)
			note_id(u->id);
}

static void
tell_gate(void *arg)
{
	struct order *o = arg;
	AUTO(mem) char *json = NULL;
	const char *number = NULL;

	o->e = drop_on_order(sim()->proc[SIM_FETCHD].self, o->what, o->argument, &json);
	number = json ? strstr(json, "\"upgrade\":") : NULL;
	o->upgrade = number ? strtoull(number + 10, NULL, 10) : 0;
	note_all();
}

static void
tell_flashd(void *arg)
{
	struct order *o = arg;
	AUTO(mem) char *json = NULL;

	o->e = flash_act_on_order(sim()->proc[SIM_FLASHD].self, o->what, o->argument, &json);
}

/* False: the gate is away, or died of it. */
static bool
order(const struct visit *v, int device, uint64_t *upgrade)
{
	struct order o = {.what = "install"};

	snprintf(o.argument, sizeof(o.argument), "%s %s%s p1sub%d/d%d %s", v->file,
	    v->way == WAY_MISNAMED ? "9" : "", v->package->version, device % sim()->house->products,
	    device, v->radio ? "radio" : "app");
	bool lives = sim_call(&sim()->proc[SIM_FETCHD], tell_gate, &o);
	if (lives)
		sim_say(NULL, "a person installs %s: %s", o.argument, err_name(o.e));
	*upgrade = o.upgrade;
	return lives;
}

/* The gate's, while it copies, else flashd's, as subotactl asks. */
static void
cancel(uint64_t upgrade)
{
	struct order o = {.what = "cancel", .e = ERR_OFFLINE};

	snprintf(o.argument, sizeof(o.argument), "%llu", (unsigned long long)upgrade);
	sim_call(&sim()->proc[SIM_FETCHD], tell_gate, &o);
	if (o.e == ERR_NOT_FOUND)
		sim_call(&sim()->proc[SIM_FLASHD], tell_flashd, &o);
	sim_say(NULL, "a person cancels an installation: %s", err_name(o.e));
}

/* --- visits ----------------------------------------------------------------------------------- */

struct later {
	struct visit *v;
	uint64_t upgrade;
};

static void
do_later(void *arg)
{
	struct later *l = arg;
	struct visit *v = l->v;
	char path[600];

	path_of(v->file, path);
	if (v->way == WAY_GROWS && access(path, F_OK) == 0)
		write_file(v->file, &v->package->file, 0, v->package->file.len);
	else if (v->way == WAY_SCRIBBLED)
		scribble(v->file, v->package->file.len);
	else if (v->way == WAY_TAKEN)
		unlink(path);
	else if (v->way == WAY_CANCELLED)
		cancel(l->upgrade);
	installs()->open--;
	free(l);
}

static void
arrange_later(struct visit *v, uint64_t upgrade)
{
	struct later *l = malloc(sizeof(*l));

	*l = (struct later){v, upgrade};
	sim_after((int64_t)below(below(2) ? LATER_MS : 20) * SIM_MS, do_later, l);
}

static void
visit(void *arg)
{
	struct visit *v = arg;
	uint64_t upgrade = 0;
	bool lives = true;

	if (!v->file[0])
		lay(v);
	if (v->way != WAY_NOT_ORDERED)
		lives = order(v, v->device, &upgrade);
	if (lives || ++v->tries > 4)
		arrange_later(v, upgrade);
	else
		sim_after(LATER_MS * SIM_MS, visit, v);
}

/* One that is sick has to be what the board is sick of: the package of its plan. */
static const struct sim_package *
choose(int device)
{
	const struct sim_house *h = sim()->house;
	const struct sim_package *p = sim_plans_next(device);
	int n = (int)(p - h->package) + (int)below(4) - 2;

	if (n < 0 || n >= h->n_packages || below(3) == 0)
		n = (int)below((unsigned)(p - h->package) + 1);
	return h->package[n].variant == SIM_SICK && &h->package[n] != p ? p : &h->package[n];
}

static void
begin_visit(void *arg)
{
	static const enum way ways[] = {WAY_WHOLE, WAY_WHOLE, WAY_WHOLE, WAY_WHOLE, WAY_HALF,
	    WAY_GROWS, WAY_SCRIBBLED, WAY_TAKEN, WAY_CANCELLED, WAY_MISNAMED, WAY_NOT_ORDERED};
	const struct sim_house *h = sim()->house;
	struct visit *v = arg;

	v->device = (int)below((unsigned)h->devices);
	v->radio = h->radio && below(4) == 0;
	v->package = v->radio ? &h->package[h->n_packages + (int)below(SIM_RADIOS)]
			      : choose(v->device);
	v->way = ways[below(sizeof(ways) / sizeof(ways[0]))];
	visit(v);
}

/* --- the last one ----------------------------------------------------------------------------- */

static const struct sim_package *
last_package(void)
{
	const struct sim_house *h = sim()->house;
	const struct sim_package *p = &h->package[h->n_packages - 1];

	while (p->variant != SIM_GOOD)
		p--;
	return p;
}

/* Or a younger one, which somebody installed; a unit that came in the place of such a one cannot
 * have it any more. */
static bool
has_last(int device)
{
	const struct sim_house *h = sim()->house;
	const struct sim_package *last = last_package();

	if (!sim_device_is_kept(device))
		return false;
	for (const struct sim_package *p = last + 1; p < h->package + h->n_packages; p++)
		if (sim_device_ran(device, p->version, 0))
			return true;
	return strcmp(sim_device_version(device), last->version) == 0;
}

static void
bring_last(void *arg)
{
	struct visit v = {.package = last_package(), .way = WAY_WHOLE};
	char why[200];
	uint64_t upgrade = 0;

	sim_after(LAST_EVERY_MS * SIM_MS, bring_last, arg);
	if (!sim()->calm || !sim_plans_is_done(why, sizeof(why)))
		return;
	for (int i = 0; i < sim()->house->devices; i++) {
		if (has_last(i))
			continue;
		if (!v.file[0])
			lay(&v);
		if (order(&v, i, &upgrade) && ++installs()->tries[i] > LAST_TRIES)
			sim_violate(6,
			    "device %d: a good package that is installed again and "
			    "again in calm weather never comes to run",
			    i);
	}
}

bool
sim_install_is_done(char *why, size_t size)
{
	for (int i = 0; i < sim()->house->devices; i++) {
		snprintf(why, size, "the last package on device %d, which runs %s", i,
		    sim_device_version(i));
		if (!has_last(i))
			return false;
	}
	snprintf(why, size, "a person has not ended");
	return installs()->open == 0;
}

void
sim_install_new(void)
{
	struct sim_installs *all = calloc(1, sizeof(*all));
	int64_t span = (sim()->hostile ? 3600 : 1200) * 1000 * SIM_MS;

	sim()->installs = all;
	all->chance = sim_stream("installs");
	all->n = all->open = below(INSTALLS_MAX);
	for (unsigned i = 0; i < all->n; i++)
		sim_after((int64_t)sim_stream_below(&all->chance, (uint64_t)span), begin_visit,
		    &all->visit[i]);
	sim_after(LAST_EVERY_MS * SIM_MS, bring_last, NULL);
}

/* --- what must never happen ------------------------------------------------------------------- */

/* Is it, to the byte, what somebody made who may not sign, or not what was signed? */
static bool
is_unsigned(const uint8_t *data, size_t len)
{
	const struct sim_house *h = sim()->house;

	for (int n = 0; n < h->n_packages; n++) {
		const struct sim_package *p = &h->package[n];

		if ((p->variant == SIM_FORGED || p->variant == SIM_DAMAGED) && p->file.len == len &&
		    memcmp(p->file.data, data, len) == 0)
			return true;
	}
	return false;
}

static void
check_entry(const Pb__FlashOrder *o)
{
	char path[600];
	size_t at = (size_t)snprintf(path, sizeof(path), "%s/", sim_house_store());

	for (size_t i = 0; i < o->manifest_digest.len && at + 3 < sizeof(path); i++)
		at += (size_t)snprintf(path + at, 3, "%02x", o->manifest_digest.data[i]);
	snprintf(path + at, sizeof(path) - at, "/bundle");
	FILE *f = fopen(path, "re");
	AUTO(mem) uint8_t *data = malloc(65536);
	size_t len = f && data ? fread(data, 1, 65536, f) : 0;
	if (f)
		fclose(f);
	if (len && is_unsigned(data, len))
		sim_violate(1, "the gate orders a package that is not signed to be flashed");
}

/* A gate that was broken into orders what it likes. */
void
sim_install_sent(enum sim_who to, const Pb__Envelope *e)
{
	const struct sim_installs *all = installs();

	if (e->body_case == PB__ENVELOPE__BODY_FLASH_ORDER && !sim()->hostile)
		check_entry(e->flash_order);
	for (unsigned i = 0; to == SIM_CLOUDD && e->upgrade && i < all->n_ids; i++)
		if (all->ids[i] == e->upgrade)
			sim_violate(3, "cloudd hears of upgrade %llu, which a person began",
			    (unsigned long long)e->upgrade);
}

static bool
is_old(const char *file)
{
	char path[600];
	struct stat st;

	path_of(file, path);
	return stat(path, &st) == 0 && (uint64_t)st.st_mtime + OLD_S < sim_wall() / 1000;
}

/* Those that nobody ordered stay for an hour, and are looked for every hour. */
void
sim_install_check_end(void)
{
	DIR *d = opendir(sim_install_dir());

	for (struct dirent *e; d && (e = readdir(d));)
		if (e->d_name[0] != '.' && is_old(e->d_name))
			sim_violate(5, "%s is left in the drop directory", e->d_name);
	if (d)
		closedir(d);
}
