/*
 * readers: see readers.h. The tables differ in the length of their sections' array and in the type
 * of their settings; here they are made alike.
 */
#include "readers.h"
#include "log.h"

static struct conf_table
fetch_table(struct conf_section *sections)
{
	return settings_table(sections);
}

static enum err
check_cloud(const void *s)
{
	return cloud_settings_check(s);
}

static enum err
check_flash(const void *s)
{
	return flash_settings_check(s);
}

/* clang-format off */
const struct reader readers[ASK_DAEMONS] = {
	{"cloudd", sizeof(struct cloud_settings), cloud_settings_table, check_cloud},
	{"fetchd", sizeof(struct settings),       fetch_table,          settings_check},
	{"flashd", sizeof(struct flash_settings), flash_settings_table, check_flash},
};
/* clang-format on */

enum err
readers_load(
    const struct reader *r, const char *path, const struct conf_watch *watch, void *settings)
{
	struct conf_section sections[READERS_SECTIONS] = {0};
	struct conf_table t = r->table(sections);

	log_init(r->name, LOG_WARN);
	enum err e = conf_load_watched(&t, path, settings, watch);

	return e || !r->check ? e : r->check(settings);
}
