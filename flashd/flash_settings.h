/*
 * flash_settings: what flashd can be told in its configuration: [flashd] and [flashd.device NAME].
 */
#ifndef SUBOTA_FLASH_SETTINGS_H
#define SUBOTA_FLASH_SETTINGS_H

#include "daemon.h"
#include "device.h"
#include "pins.h"

enum {
	FLASH_SETTINGS_DEVICES = 256,
	FLASH_SETTINGS_OPTIONS = 16,
	FLASH_SETTINGS_PROFILE_OPTIONS = 32,
	FLASH_SETTINGS_POLICIES = 64,
	FLASH_SETTINGS_PROFILES = 32,
	FLASH_SETTINGS_SECTIONS = 5
};

struct flash_settings_option {
	char key[33];
	char value[257];
};

struct flash_settings_device {
	char name[65]; /* of the section */
	char product_key[33], device_key[33];
	char vendor[DEVICE_TEXT], model[DEVICE_TEXT], hw_revision[DEVICE_TEXT];
	char component[DEVICE_TEXT];
	char group[DEVICE_TEXT];                /* for policies; "" = none */
	char after[257], together[DEVICE_TEXT]; /* order.h */
	uint64_t settle_ms;
	char health_command[257], health_runs[257], health_reads[257]; /* flash_health.h */
	uint64_t health_ms;
	char driver[33];
	char profile[65]; /* name of its section; "" = none */
	char port[128];
	uint64_t baud;
	int parity; /* enum tty_parity */
	int flow;   /* enum tty_flow */
	uint64_t stop_bits;
	bool low_latency;
	char boot_pin[PINS_TEXT], reset_pin[PINS_TEXT]; /* "" = not wired */
	int policy;                                     /* enum policy_mode */
	uint64_t min_battery;
	uint64_t space;
	size_t n_options; /* for the driver */
	struct flash_settings_option options[FLASH_SETTINGS_OPTIONS];
};

/* Options of a driver for several devices. */
struct flash_settings_profile {
	char name[65]; /* of the section */
	size_t n_options;
	struct flash_settings_option options[FLASH_SETTINGS_PROFILE_OPTIONS];
};

/* When and under which conditions plans are carried out; "" = whichever. */
struct flash_settings_policy {
	char name[65];                                    /* of the section */
	char device[65], product[33], group[DEVICE_TEXT]; /* which devices it is for */
	int mode;                                         /* enum policy_mode */
	char windows[400];
	uint64_t min_battery, min_signal;                /* dBm, without the minus */
	uint64_t parallel, canary, stop_after, priority; /* rollout.h */
	bool restore;                                    /* flash_restore.h */
};

struct flash_settings {
	struct daemon_common common;
	char trust_dir[200];
	bool lab;
	uint64_t ask_every_ms, ask_ms, away_ms, wait_ms, queue_ms, flash_ms, reboot_ms, test_ms,
	    confirm_ms;
	uint64_t links_per_session;
	uint64_t parallel, per_link; /* upgrades under way at a time; 0 = any */
	size_t n_devices;
	struct flash_settings_device devices[FLASH_SETTINGS_DEVICES];
	size_t n_profiles;
	struct flash_settings_profile profiles[FLASH_SETTINGS_PROFILES];
	size_t n_policies;
	struct flash_settings_policy policies[FLASH_SETTINGS_POLICIES];
};

/* The table, made in `sections` because the common part's length is another file's. */
struct conf_table flash_settings_table(struct conf_section sections[FLASH_SETTINGS_SECTIONS]);

/* The profile of a device; NULL when it has none, or none of that name. */
const struct flash_settings_profile *flash_settings_profile(
    const struct flash_settings *s, const struct flash_settings_device *d);

/* What the table cannot say: no device twice, names that a manifest could name. Each fault is
 * logged. */
enum err flash_settings_check(const struct flash_settings *s) MUST_CHECK;

#endif
