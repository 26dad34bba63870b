/*
 * victim_open: see victim_open.h. The second house is needed because a nursery keeps one promise
 * for its life, and which one the configuration says: a device by driver exec, or none.
 */
#include "victim_open.h"

#include <pty.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "loopback.h"
#include "walled.h"

static int
listen_abstract(char name[16])
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(name, 16, "esc%010u", (unsigned)getpid());
	memcpy(at.sun_path + 1, name, strlen(name));
	socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name));
	return fd >= 0 && bind(fd, (struct sockaddr *)&at, len) == 0 && listen(fd, 64) == 0 ? fd
											    : -1;
}

/* The line of a flasher program's device: flashd may open it as well, as a group's. */
static bool
open_line(struct victims *v)
{
	int slave = -1;

	if (openpty(&v->line, &slave, v->tty, NULL, NULL) != 0)
		return false;
	bool fine = fchown(slave, HOUSE_SESSION_UID, HOUSE_FLASH_UID) == 0 &&
		    fchmod(slave, 0660) == 0;
	close(slave);
	return fine;
}

/* A flashd with a device that a program writes, and one at the end of a network link. Neither says
 * anything, so they are away. */
static enum err
open_exec_house(struct victims *v)
{
	struct house_options o = v->house->options;
	char text[800], cloudd[60], fetchd[40];

	snprintf(text, sizeof(text),
	    "ask_every = 2 s\naway_retry = 60 s\n\n[flashd.device written]\n"
	    "product_key = %s\ndevice_key = WRITTEN\nvendor = %s\nmodel = %s\n"
	    "driver = exec\nport = %s\nprogram = " FLASHER "\nidentify = 0\n\n"
	    "[flashd.device far]\nproduct_key = %s\ndevice_key = FAR001\nvendor = %s\nmodel = %s\n"
	    "port = tcp:127.0.0.1:%u\n",
	    HOUSE_PK, HOUSE_VENDOR, HOUSE_MODEL, v->tty, HOUSE_PK, HOUSE_VENDOR, HOUSE_MODEL,
	    v->far_port);
	/* the rules for this house are those for both */
	snprintf(cloudd, sizeof(cloudd), "move_to = 127.0.0.1:%u", v->house->mqtt);
	snprintf(fetchd, sizeof(fetchd), "package_ports = %u", v->server_port);
	o.flashd = text;
	o.cloudd = cloudd;
	o.fetchd = fetchd;
	enum err e = house_open(&o, &v->exec_house);
	if (e == ERR_OK)
		e = house_start_all(v->exec_house);
	if (v->exec_house) { /* what stands in the file now */
		v->exec_house->options.flashd = NULL;
		v->exec_house->options.fetchd = v->exec_house->options.cloudd = NULL;
		kit_write(v->exec_house->kit->anchor_dir, "spare", "x", 1);
	}
	return e;
}

enum err
victims_open(struct victims *v, struct house *h, bool walled)
{
	*v = (struct victims){.house = h, .mode = "require", .link = -1, .exec_link = -1};
	v->server = loopback_listen(SOCK_NONBLOCK, &v->server_port);
	v->other = loopback_listen(SOCK_NONBLOCK, &v->other_port);
	v->far = loopback_listen(SOCK_NONBLOCK, &v->far_port);
	v->abstract = listen_abstract(v->abstract_name);
	if (v->server < 0 || v->other < 0 || v->far < 0 || v->abstract < 0 || !open_line(v))
		return ERR_SYSTEM;
	kit_write(h->kit->anchor_dir, "spare", "x", 1);
	enum err e = open_exec_house(v);
	if (e == ERR_OK && walled)
		e = walled_load(v->exec_house);
	if (e != ERR_OK && v->exec_house)
		fprintf(stderr, "escape: %s\n", house_why(v->exec_house));
	return e;
}

void
victims_shut(struct victims *v)
{
	close(v->server);
	close(v->other);
	close(v->far);
	close(v->abstract);
	close(v->line);
	house_close(v->exec_house);
}
