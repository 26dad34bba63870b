/*
 * readers: the daemons as readers of the configuration file, so that a tool reads it as they do.
 */
#ifndef SUBOTA_READERS_H
#define SUBOTA_READERS_H

#include "ask.h"
#include "cloud_settings.h"
#include "flash_settings.h"
#include "settings.h"

enum { READERS_SECTIONS = 8 };

struct reader {
	const char *name;
	size_t size; /* of its settings */
	struct conf_table (*table)(struct conf_section sections[READERS_SECTIONS]);
	enum err (*check)(const void *settings); /* may be NULL */
};

/* In the order orders go. */
extern const struct reader readers[ASK_DAEMONS];

/* Read `path` as this daemon does, into `settings` of its size; each complaint is a log line that
 * names the daemon. `watch` may be NULL. */
enum err readers_load(const struct reader *r, const char *path, const struct conf_watch *watch,
    void *settings) MUST_CHECK;

#endif
