/*
 * conf: any text through the table of flashd (numbers, sizes, durations, choices, named sections,
 * options of drivers), the log silent. What was taken must respect the limits of the table.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "flash_settings.h"
#include "log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_device(const struct flash_settings_device *d)
{
	if (!memchr(d->name, 0, sizeof(d->name)) || !d->name[0] ||
	    d->n_options > FLASH_SETTINGS_OPTIONS || d->baud < 300 || d->baud > 12000000 ||
	    d->min_battery > 100)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct daemon_common users = {.cloud_uid = 1};
	AUTO(mem) struct flash_settings *s = calloc(1, sizeof(*s));
	struct conf_section sections[FLASH_SETTINGS_SECTIONS];
	struct conf_table table = flash_settings_table(sections);

	/* [common] asks the system for users, which is none of the parser's work */
	table.sections++;
	table.n_sections--;
	log_init("fuzz", LOG_SILENT);
	if (!s)
		abort();
	s->common = users;
	if (conf_parse(&table, "fuzz", (const char *)data, size, s) == ERR_OK) {
		for (size_t i = 0; i < s->n_devices; i++)
			check_device(&s->devices[i]);
		(void)!flash_settings_check(s);
	}
	if (s->n_devices > FLASH_SETTINGS_DEVICES || memcmp(&s->common, &users, sizeof(users)) != 0)
		abort();
	return 0;
}
