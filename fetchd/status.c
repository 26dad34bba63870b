/*
 * status: see status.h. Numbers above 2^53 are written as text.
 */
#include <cjson/cJSON.h>
#include <inttypes.h>
#include <string.h>

#include "gate.h"
#include "status.h"

static void
add_number(cJSON *o, const char *name, uint64_t v)
{
	char text[24];

	if (v <= (UINT64_C(1) << 53)) {
		cJSON_AddNumberToObject(o, name, (double)v);
		return;
	}
	snprintf(text, sizeof(text), "%" PRIu64, v);
	cJSON_AddStringToObject(o, name, text);
}

static void
add_image(cJSON *list, const struct gate *g, const struct image *i)
{
	cJSON *o = cJSON_CreateObject();
	char hex[STORE_HEX + 1] = "";

	if (i->has_digest)
		store_hex(i->digest, hex);
	add_number(o, "image", i->id);
	cJSON_AddStringToObject(o, "state", image_table.states[i->state]);
	cJSON_AddStringToObject(o, "url", i->url);
	add_number(o, "size", i->size);
	add_number(o, "done", i->state == IMAGE_READY ? i->size : i->done);
	add_number(o, "durable", i->state == IMAGE_READY ? i->size : i->durable);
	add_number(o, "bytes_per_second", i->state == IMAGE_FETCHING ? i->rate : 0);
	add_number(o, "upgrades", book_users(&g->book, i->id));
	add_number(o, "tries", i->tries);
	cJSON_AddStringToObject(o, "manifest_digest", hex);
	cJSON_AddStringToObject(o, "error", err_name((unsigned)i->error));
	cJSON_AddStringToObject(o, "detail", i->detail);
	cJSON_AddItemToArray(list, o);
}

static void
add_upgrade(cJSON *list, const struct upgrade *u)
{
	cJSON *o = cJSON_CreateObject();

	add_number(o, "upgrade", u->id);
	cJSON_AddStringToObject(o, "product_key", u->product_key);
	cJSON_AddStringToObject(o, "device_key", u->device_key);
	cJSON_AddStringToObject(o, "component", u->component);
	cJSON_AddStringToObject(o, "target_version", u->target_version);
	cJSON_AddStringToObject(o, "state", upgrade_table.states[u->state]);
	add_number(o, "image", u->image);
	cJSON_AddBoolToObject(o, "local", u->local);
	cJSON_AddStringToObject(o, "error", err_name((unsigned)u->error));
	cJSON_AddStringToObject(o, "detail", u->detail);
	cJSON_AddItemToArray(list, o);
}

static void
add_link(cJSON *root, const char *name, const struct bus_link *link)
{
	struct bus_counters c = bus_counters(link);
	cJSON *o = cJSON_AddObjectToObject(root, name);

	cJSON_AddBoolToObject(o, "up", bus_is_up(link));
	add_number(o, "received", c.received);
	add_number(o, "sent", c.sent);
	add_number(o, "refused", c.refused);
	add_number(o, "dropped", c.dropped);
	add_number(o, "strangers", c.strangers);
	cJSON_AddStringToObject(o, "last_refusal", err_name((unsigned)c.last_refusal));
}

static void
fill_status(cJSON *root, struct gate *g)
{
	cJSON_AddStringToObject(root, "daemon", "fetchd");
	cJSON_AddStringToObject(root, "version", SUBOTA_VERSION);
	add_number(root, "root_version", trust_root_version(g->trust));
	cJSON_AddBoolToObject(root, "refuses_all", trust_refuses_all(g->trust));
	add_number(root, "couriers", downloads_count(g->downloads));
	add_number(root, "images", g->book.n_images);
	add_number(root, "upgrades", g->book.n_upgrades);
	cJSON_AddBoolToObject(root, "clock_behind",
	    clock_alarm_check(&g->clock, g->daemon->events, book_bound(&g->book)));
	record_alarm_show(root, g->book.record);
	add_link(root, "cloudd", g->cloud);
	add_link(root, "flashd", g->flash);
}

static void
fill_upgrades(cJSON *root, struct gate *g)
{
	cJSON *list = cJSON_AddArrayToObject(root, "upgrades");
	unsigned left = 200; /* the newest; an answer has to fit a message */

	for (const struct upgrade *u = g->book.upgrades; u && left; u = u->next, left--)
		add_upgrade(list, u);
}

static void
fill_store(cJSON *root, struct gate *g)
{
	cJSON *list = cJSON_AddArrayToObject(root, "images");
	unsigned left = 100;

	add_number(root, "used", store_used(g->store));
	add_number(root, "quota", g->settings->quota);
	for (const struct image *i = g->book.images; i && left; i = i->next, left--)
		add_image(list, g, i);
}

static const struct {
	const char *what;
	void (*fill)(cJSON *root, struct gate *g);
} queries[] = {
    {"status", fill_status},
    {"upgrades", fill_upgrades},
    {"store", fill_store},
};

enum err
status_on_query(void *arg, const char *what, const char *argument, char **json)
{
	(void)argument;
	for (size_t i = 0; i < sizeof(queries) / sizeof(queries[0]); i++) {
		if (strcmp(queries[i].what, what) != 0)
			continue;
		cJSON *root = cJSON_CreateObject();
		queries[i].fill(root, arg);
		*json = cJSON_PrintUnformatted(root);
		cJSON_Delete(root);
		return *json ? ERR_OK : ERR_NOMEM;
	}
	return ERR_NOT_FOUND;
}
