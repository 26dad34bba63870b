/*
 * flash_settings: see flash_settings.h. The tables are also the manual's pages.
 */
#include <string.h>

#include "flash_exec.h"
#include "flash_health.h"
#include "flash_settings.h"
#include "link.h"
#include "manifest.h"
#include "msg.h"
#include "order.h"
#include "policy.h"
#include "rollout.h"
#include "session/crew.h"
#include "tty.h"
#include "window.h"

static const char *const parities[] = {
    [TTY_NONE] = "none", [TTY_EVEN] = "even", [TTY_ODD] = "odd", NULL};
static const char *const flows[] = {[TTY_NO_FLOW] = "none", [TTY_RTSCTS] = "rtscts", NULL};
static const char *const policies[] = {
    [POLICY_AUTO] = "auto", [POLICY_ASK] = "ask", [POLICY_NEVER] = "never", NULL};

#define AT(field) .offset = offsetof(struct flash_settings, field)
#define IN(field) .offset = offsetof(struct flash_settings_device, field)
#define TEXT_IN(field) CONF_STRING, CONF_STRING_AT(struct flash_settings_device, field)
#define FOR(field) .offset = offsetof(struct flash_settings_policy, field)
#define TEXT_FOR(field) CONF_STRING, CONF_STRING_AT(struct flash_settings_policy, field)
#define DAY_MS 86400000ull

/* clang-format off */
static const struct conf_key keys[] = {
	{"trust_dir", CONF_STRING, CONF_STRING_AT(struct flash_settings, trust_dir),
	    .fallback = "/etc/subota/trust",
	    .help = "Directory of the root documents that say whose packages are good."},
	{"lab", CONF_BOOL, AT(lab), .fallback = "no",
	    .help = "Accept the development keys. Never in production."},
	{"ask_every", CONF_DURATION, AT(ask_every_ms), .min = 1000, .max = DAY_MS,
	    .fallback = "10 min", .help = "Ask each idle device this often what it runs."},
	{"image_wait", CONF_DURATION, AT(wait_ms), .min = 1000, .max = 30 * DAY_MS,
	    .fallback = "24 h", .help = "An accepted plan without an image fails after this time."},
	{"ask_wait", CONF_DURATION, AT(ask_ms), .min = 1000, .max = 30 * DAY_MS,
	    .fallback = "24 h",
	    .help = "Where policy says ask: a plan that nobody confirms is refused after this time."},
	{"queue_wait", CONF_DURATION, AT(queue_ms), .min = 1000, .max = 90 * DAY_MS,
	    .fallback = "7 d",
	    .help = "An upgrade whose turn has not come, or whose device was away, fails after this time."},
	{"parallel", CONF_UINT, AT(parallel), .max = 10000, .fallback = "0",
	    .help = "Upgrades under way at the same time; 0: as many as there are links."},
	{"parallel_per_link", CONF_UINT, AT(per_link), .max = 10000, .fallback = "1",
	    .help = "The same for each link; 0: any. A device that is not heard counts for none."},
	{"links_per_session", CONF_UINT, AT(links_per_session), .min = 1, .max = CREW_LINKS, .fallback = "1",
	    .help = "Links in one session process: more is less memory, and less between a hostile device and others."},
	{"away_retry", CONF_DURATION, AT(away_ms), .min = 1000, .max = 7 * DAY_MS,
	    .fallback = "30 min",
	    .help = "How long to go on trying when a device vanishes while it is written."},
	{"flash_deadline", CONF_DURATION, AT(flash_ms), .min = 1000, .max = 30 * DAY_MS,
	    .fallback = "6 h", .help = "Time for writing an image in all."},
	{"reboot_deadline", CONF_DURATION, AT(reboot_ms), .min = 1000, .max = DAY_MS,
	    .fallback = "10 min", .help = "Time for the reset into the new image."},
	{"test_deadline", CONF_DURATION, AT(test_ms), .min = 1000, .max = DAY_MS,
	    .fallback = "10 min", .help = "Time for the new image to show that it works."},
	{"confirm_deadline", CONF_DURATION, AT(confirm_ms), .min = 1000, .max = DAY_MS,
	    .fallback = "10 min", .help = "Time for the device to say that it keeps it."},
};

static const struct conf_key device_keys[] = {
	{"product_key", TEXT_IN(product_key), .help = "The platform's name of the product."},
	{"device_key", TEXT_IN(device_key), .help = "The platform's name of the device."},
	{"vendor", TEXT_IN(vendor), .help = "Who made it, as its manifests say."},
	{"model", TEXT_IN(model), .help = "Which one it is, as its manifests say."},
	{"hw_revision", TEXT_IN(hw_revision), .fallback = "",
	    .help = "Its hardware revision; empty fits only manifests that ask for none."},
	{"component", TEXT_IN(component), .fallback = "app",
	    .help = "Which part of it is upgraded through this entry; of several entries for one device "
		    "the first is its main part, whose version is the device's."},
	{"group", TEXT_IN(group), .fallback = "",
	    .help = "A word by which policies can name several devices."},
	{"after", TEXT_IN(after), .fallback = "",
	    .help = "Names of device sections, separated by blanks, whose upgrades come first."},
	{"together", TEXT_IN(together), .fallback = "",
	    .help = "A word: all devices with it get a new version or none of them keeps it."},
	{"settle", CONF_DURATION, IN(settle_ms), .max = DAY_MS, .fallback = "0 s",
	    .help = "So long a new image has to answer as it should before it is kept."},
	{"health_command", TEXT_IN(health_command), .fallback = "",
	    .help = "Path of a program and its arguments, never a shell's: run when a new image has settled, "
		    "it is kept if the program ends with status 0. {device} and {target} stand for the name of "
		    "this section and the new version; with {port} it gets the line; empty: none."},
	{"health_runs", TEXT_IN(health_runs), .fallback = "",
	    .help = "Further programs that it starts (the interpreter of a script), separated by blanks."},
	{"health_reads", TEXT_IN(health_reads), .fallback = "",
	    .help = "Files and directories that it reads, separated by blanks."},
	{"health_deadline", CONF_DURATION, IN(health_ms), .min = 100, .max = DAY_MS, .fallback = "30 s",
	    .help = "Time for that program; one that takes longer has found the image unhealthy."},
	{"driver", TEXT_IN(driver), .fallback = "smp",
	    .help = "How it is spoken to; keys not listed here are options of the driver."},
	{"profile", TEXT_IN(profile), .fallback = "",
	    .help = "Name of a section with options of the driver; those given here come before them."},
	{"port", TEXT_IN(port), 
	    .help = "Serial line, for example /dev/ttyUSB0, or udp:ADDRESS:PORT, or tcp:ADDRESS:PORT (a "
		    "serial line behind ser2net), addresses in numbers, IPv6 in brackets."},
	{"baud", CONF_UINT, IN(baud), .min = 300, .max = 12000000, .fallback = "115200",
	    .help = "Bits a second on that line."},
	{"parity", CONF_CHOICE, IN(parity), .choices = parities, .fallback = "none",
	    .help = "Parity on that line."},
	{"stop_bits", CONF_UINT, IN(stop_bits), .min = 1, .max = 2, .fallback = "1",
	    .help = "Stop bits on that line."},
	{"flow", CONF_CHOICE, IN(flow), .choices = flows, .fallback = "none",
	    .help = "Flow control on that line: none, or rtscts (by its modem lines)."},
	{"low_latency", CONF_BOOL, IN(low_latency), .fallback = "yes",
	    .help = "Ask the line's driver not to hold bytes back, where it can be told."},
	{"boot_pin", TEXT_IN(boot_pin), .fallback = "",
	    .help = "Pin that chooses the boot loader (BOOT0): dtr, rts or /dev/gpiochipN:LINE, after a ! "
		    "where it is on when low; empty: not wired."},
	{"reset_pin", TEXT_IN(reset_pin), .fallback = "",
	    .help = "Pin that holds the device in reset (NRST), likewise; both GPIO lines are of one chip."},
	{"policy", CONF_CHOICE, IN(policy), .choices = policies, .fallback = "auto",
	    .help = "auto: plans are carried out; ask: only after subotactl confirm; never: all are "
		    "rejected."},
	{"min_battery", CONF_UINT, IN(min_battery), .max = 100, .fallback = "0",
	    .help = "Percent of battery below which no upgrade begins."},
	{"space", CONF_SIZE, IN(space), .max = 1ull << 40, .fallback = "0",
	    .help = "Room for an image on the device; 0 when it is not known."},
};

static const struct conf_key profile_keys[] = {{.name = NULL}}; /* all of them are the driver's */

static const struct conf_key policy_keys[] = {
	{"device", TEXT_FOR(device), .fallback = "",
	    .help = "Holds for the device of this section name; empty: for whichever."},
	{"product", TEXT_FOR(product), .fallback = "",
	    .help = "Holds for devices of this product key; empty: for whichever."},
	{"group", TEXT_FOR(group), .fallback = "",
	    .help = "Holds for devices of this group; empty: for whichever."},
	{"mode", CONF_CHOICE, FOR(mode), .choices = policies, .fallback = "auto",
	    .help = "auto: plans are carried out under the conditions below; ask: only after subotactl "
		    "confirm, too; never: all are rejected."},
	{"windows", TEXT_FOR(windows), .fallback = "",
	    .help = "Local times when upgrades may begin: mon-fri 22:00-05:00, sat 00:00-24:00; empty: "
		    "always."},
	{"min_battery", CONF_UINT, FOR(min_battery), .max = 100, .fallback = "0",
	    .help = "Percent of battery below which no upgrade begins."},
	{"min_signal", CONF_UINT, FOR(min_signal), .max = 200, .fallback = "0",
	    .help = "Weakest signal in dBm, without its minus; 0: any."},
	{"parallel", CONF_UINT, FOR(parallel), .max = 10000, .fallback = "0",
	    .help = "Upgrades of one product at the same time; 0: any."},
	{"canary", CONF_UINT, FOR(canary), .max = 10000, .fallback = "0",
	    .help = "So many devices get a new version first; the rest begins when they run it."},
	{"stop_after", CONF_UINT, FOR(stop_after), .max = 10000, .fallback = "0",
	    .help = "Failures after which nothing more begins until subotactl rollout resume; 0: never."},
	{"priority", CONF_UINT, FOR(priority), .max = ROLLOUT_PRIORITY_MAX, .fallback = "50",
	    .help = "Higher begins first; who waits gains one point a minute."},
	{"restore", CONF_BOOL, FOR(restore), .fallback = "no",
	    .help = "A device that runs another version than it confirmed, or nothing for too long, gets the "
		    "confirmed one again."},
};
/* clang-format on */

#undef FOR
#undef TEXT_FOR
#undef AT
#undef IN
#undef TEXT_IN

static enum err
add_option(struct flash_settings_option *options, size_t most, size_t *n, const char *key,
    const char *value, char *why, size_t why_size)
{
	struct flash_settings_option *o = &options[*n];

	if (*n == most || strlen(key) >= sizeof(o->key) || strlen(value) >= sizeof(o->value)) {
		snprintf(why, why_size, "expected at most %zu options of %zu characters", most,
		    sizeof(o->value) - 1);
		return ERR_CONFIG;
	}
	snprintf(o->key, sizeof(o->key), "%s", key);
	snprintf(o->value, sizeof(o->value), "%s", value);
	++*n;
	return ERR_OK;
}

static enum err
on_option(void *item, const char *key, const char *value, char *why, size_t why_size)
{
	struct flash_settings_device *d = item;

	return add_option(
	    d->options, FLASH_SETTINGS_OPTIONS, &d->n_options, key, value, why, why_size);
}

static enum err
on_profile_option(void *item, const char *key, const char *value, char *why, size_t why_size)
{
	struct flash_settings_profile *p = item;

	return add_option(
	    p->options, FLASH_SETTINGS_PROFILE_OPTIONS, &p->n_options, key, value, why, why_size);
}

struct conf_table
flash_settings_table(struct conf_section sections[FLASH_SETTINGS_SECTIONS])
{
	sections[0] = (struct conf_section){.name = "common",
	    .keys = daemon_common_keys,
	    .n_keys = daemon_n_common_keys,
	    .offset = offsetof(struct flash_settings, common)};
	sections[1] = (struct conf_section){
	    .name = "flashd", .keys = keys, .n_keys = sizeof(keys) / sizeof(keys[0])};
	sections[2] = (struct conf_section){.name = "flashd.device",
	    .named = true,
	    .keys = device_keys,
	    .n_keys = sizeof(device_keys) / sizeof(device_keys[0]),
	    .offset = offsetof(struct flash_settings, devices),
	    .item_size = sizeof(struct flash_settings_device),
	    .max_items = FLASH_SETTINGS_DEVICES,
	    .count_offset = offsetof(struct flash_settings, n_devices),
	    .name_offset = offsetof(struct flash_settings_device, name),
	    .name_size = sizeof(((struct flash_settings_device *)0)->name),
	    .on_other = on_option};
	sections[3] = (struct conf_section){.name = "flashd.policy",
	    .named = true,
	    .keys = policy_keys,
	    .n_keys = sizeof(policy_keys) / sizeof(policy_keys[0]),
	    .offset = offsetof(struct flash_settings, policies),
	    .item_size = sizeof(struct flash_settings_policy),
	    .max_items = FLASH_SETTINGS_POLICIES,
	    .count_offset = offsetof(struct flash_settings, n_policies),
	    .name_offset = offsetof(struct flash_settings_policy, name),
	    .name_size = sizeof(((struct flash_settings_policy *)0)->name)};
	sections[4] = (struct conf_section){.name = "flashd.profile",
	    .named = true,
	    .keys = profile_keys,
	    .n_keys = 0,
	    .offset = offsetof(struct flash_settings, profiles),
	    .item_size = sizeof(struct flash_settings_profile),
	    .max_items = FLASH_SETTINGS_PROFILES,
	    .count_offset = offsetof(struct flash_settings, n_profiles),
	    .name_offset = offsetof(struct flash_settings_profile, name),
	    .name_size = sizeof(((struct flash_settings_profile *)0)->name),
	    .on_other = on_profile_option};
	return (struct conf_table){sections, FLASH_SETTINGS_SECTIONS};
}

static bool
is_same(const struct flash_settings_device *a, const struct flash_settings_device *b)
{
	return strcmp(a->product_key, b->product_key) == 0 &&
	       strcmp(a->device_key, b->device_key) == 0 && strcmp(a->component, b->component) == 0;
}

/* As messages want them. */
static bool
is_key(const char *s)
{
	for (const char *p = s; *p; p++)
		if (*p <= 0x20 || *p > 0x7e || strchr("/'\"", *p))
			return false;
	return s[0] != 0;
}

static enum err
check_port(const struct flash_settings_device *d)
{
	struct link_place place;
	char why[WHY_SIZE];
	enum err e = link_parse(d->port, &place, why);

	if (e != ERR_OK)
		log_error(NULL, "device %s: port: %s", d->name, why);
	if (d->flow == TTY_RTSCTS && (strstr(d->boot_pin, "rts") || strstr(d->reset_pin, "rts"))) {
		log_error(NULL,
		    "device %s: flow: expected none where RTS is a pin of the device, got rtscts",
		    d->name);
		e = ERR_CONFIG;
	}
	return e;
}

static enum err
check_pins(const struct flash_settings_device *d)
{
	struct pins p;
	char why[WHY_SIZE];
	enum err e = pins_parse(d->boot_pin, d->reset_pin, &p, why);

	if (e != ERR_OK)
		log_error(NULL, "device %s: %s", d->name, why);
	return e;
}

static enum err
check_names(const struct flash_settings_device *d)
{
	const struct {
		const char *key, *value;
	} names[] = {{"vendor", d->vendor}, {"model", d->model}, {"component", d->component}};
	enum err e = ERR_OK;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (manifest_is_name(names[i].value))
			continue;
		log_error(NULL, "device %s: %s: expected 1 to 64 letters, digits or _-.+, got '%s'",
		    d->name, names[i].key, names[i].value);
		e = ERR_CONFIG;
	}
	if (is_key(d->product_key) && is_key(d->device_key) && d->port[0])
		return e;
	log_error(NULL,
	    "device %s: expected a port and keys of 1 to 32 printable characters without blanks, "
	    "'/' and quotes, got '%s', '%s' and '%s'",
	    d->name, d->port, d->product_key, d->device_key);
	return ERR_CONFIG;
}

/* A policy for nobody is a misspelt one. */
static enum err
check_policy(const struct flash_settings *s, const struct flash_settings_policy *p)
{
	struct window w;
	char why[WHY_SIZE];
	enum err e = window_parse(p->windows, &w, why);
	bool named = !p->device[0];

	if (e != ERR_OK)
		log_error(NULL, "policy %s: %s", p->name, why);
	for (size_t i = 0; i < s->n_devices && !named; i++)
		named = strcmp(s->devices[i].name, p->device) == 0;
	if (named)
		return e;
	log_error(NULL, "policy %s: expected the name of a device's section, got '%s'", p->name,
	    p->device);
	return ERR_CONFIG;
}

/* The platform counts at most so many components of a device. */
static enum err
check_components(const struct flash_settings *s, const struct flash_settings_device *d)
{
	unsigned n = 0;

	for (size_t i = 0; i < s->n_devices; i++)
		n += strcmp(s->devices[i].product_key, d->product_key) == 0 &&
		     strcmp(s->devices[i].device_key, d->device_key) == 0;
	if (n <= MSG_COMPONENTS_MAX)
		return ERR_OK;
	log_error(NULL, "device %s: expected at most %d components of %.32s/%.32s, got %u", d->name,
	    MSG_COMPONENTS_MAX, d->product_key, d->device_key, n);
	return ERR_CONFIG;
}

const struct flash_settings_profile *
flash_settings_profile(const struct flash_settings *s, const struct flash_settings_device *d)
{
	for (size_t i = 0; d->profile[0] && i < s->n_profiles; i++)
		if (strcmp(s->profiles[i].name, d->profile) == 0)
			return &s->profiles[i];
	return NULL;
}

static enum err
check_profile(const struct flash_settings *s, const struct flash_settings_device *d)
{
	if (!d->profile[0] || flash_settings_profile(s, d))
		return ERR_OK;
	log_error(NULL, "device %s: profile: expected the name of a section flashd.profile, got %s",
	    d->name, d->profile);
	return ERR_CONFIG;
}

enum err
flash_settings_check(const struct flash_settings *s)
{
	enum err e = order_check(s);

	for (size_t i = 0; i < s->n_policies; i++)
		if (check_policy(s, &s->policies[i]) != ERR_OK)
			e = ERR_CONFIG;
	for (size_t i = 0; i < s->n_devices; i++) {
		if (check_names(&s->devices[i]) != ERR_OK || check_port(&s->devices[i]) != ERR_OK ||
		    check_pins(&s->devices[i]) != ERR_OK ||
		    check_components(s, &s->devices[i]) != ERR_OK ||
		    check_profile(s, &s->devices[i]) != ERR_OK ||
		    flash_exec_check(s, &s->devices[i]) != ERR_OK ||
		    flash_health_check(&s->devices[i]) != ERR_OK)
			e = ERR_CONFIG;
		for (size_t k = 0; k < i; k++) {
			if (!is_same(&s->devices[i], &s->devices[k]))
				continue;
			log_error(NULL, "device %s: expected another device than %s, got the same",
			    s->devices[i].name, s->devices[k].name);
			e = ERR_CONFIG;
		}
	}
	return e;
}
