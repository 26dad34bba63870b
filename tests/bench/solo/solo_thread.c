/*
 * solo_thread: a session is a thread that gets what the process would get: its end of the channel,
 * the link and the package as descriptors of its own.
 */
#include <pthread.h>

#include "auto.h"
#include "ferry.h"
#include "solo.h"

enum err
solo_thread_start(void *(*fn)(void *arg), void *arg)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, fn, arg) != 0)
		return ERR_SYSTEM;
	pthread_detach(thread);
	return ERR_OK;
}

enum err
solo_session_run(int fds[], size_t n)
{
	AUTO(chan) struct chan *chan = NULL;
	AUTO(ferry) struct ferry *ferry = NULL;
	const struct ferry_ends ends = {
	    .link = fds[1], .image = n > 2 ? fds[2] : -1, .gpio = n > 3 ? fds[3] : -1};
	enum err e = chan_new(fds[0], WHO_SESSION, WHO_FLASHD, &chan);

	if (e != ERR_OK)
		return e;
	fds[0] = -1; /* the channel's now */
	e = ferry_new(chan, &ends, driver_find, &ferry);
	while (e == ERR_OK && ferry_step(ferry, -1))
		;
	return e;
}
