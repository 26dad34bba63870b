/*
 * daemon_control: who looks at a daemon (daemon.h): the questions that all daemons answer alike.
 */
#include <string.h>

#include "daemon.h"
#include "event_page.h"

static enum err
answer_events(const struct daemon *d, const char *cursor, char **json)
{
	cJSON *page = NULL;
	enum err e = event_page(event_dir(d->events), cursor, &page);

	if (e != ERR_OK)
		return e;
	*json = cJSON_PrintUnformatted(page);
	cJSON_Delete(page);
	return *json ? ERR_OK : ERR_NOMEM;
}

static enum err
on_query(void *arg, const char *what, const char *argument, char **json)
{
	const struct daemon *d = arg;

	if (strcmp(what, "events") == 0)
		return answer_events(d, argument, json);
	return d->on_query(d->on_query_arg, what, argument, json);
}

enum err
daemon_control(struct daemon *d, enum who self, bus_on_query *fn, void *arg)
{
	char path[108];

	d->on_query = fn;
	d->on_query_arg = arg;
	daemon_socket_path(d->common, self, WHO_CTL, path);
	return bus_control(d->bus, path, on_query, d);
}
