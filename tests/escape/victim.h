/*
 * victim: the processes that are tried. The daemons run in a house, with nurseries and dialer; a
 * session and a courier are the shipped programs too, born in nurseries that we have started, and
 * held where they wait for a peer; subota-exec likewise, with `sleep` as the flasher program that
 * it was told to start; and a process of root without any jail is the control.
 */
#ifndef SUBOTA_ESCAPE_VICTIM_H
#define SUBOTA_ESCAPE_VICTIM_H

#include "attempt.h"
#include "chan.h"
#include "house.h"
#include "nursery.h"

enum { VICTIMS = 11 };

struct victims {
	/* the other: its flashd has a device by driver exec and one by TCP, too */
	struct house *house, *exec_house;
	const char *mode; /* words of sandbox.h */
	pid_t session, courier, exec, flasher, control;
	struct nursery *session_from, *courier_from, *exec_from; /* where they were born */
	struct chan *chan, *session_chan; /* closing them would end courier and session */
	int link;                         /* of the session: the other end */
	int exec_link;                    /* of exec: who plays its session */
	int line; /* of the device that a flasher program writes: the other end */
	char tty[64];
	int server, other, far, abstract; /* who listens, for those that try to connect */
	unsigned server_port, other_port, far_port;
	char abstract_name[16];
};

/* Listeners, and the firewall for all of it; the house is borrowed and need not run. */
enum err victims_open(struct victims *v, struct house *h, bool walled) MUST_CHECK;
void victims_close(struct victims *v);
/* From now on processes are started in this mode; those that run are ended. */
void victims_set_mode(struct victims *v, const char *mode);

/* The i-th, 0 to VICTIMS - 1: its bit and name. */
enum attempt_who victims_who(size_t i, const char **name);
/* Its pid, started when it does not run; 0 with a line on stderr when it cannot be. */
pid_t victims_pid(struct victims *v, enum attempt_who who);
pid_t victims_control(struct victims *v);
/* End it: it has been changed. */
void victims_end(struct victims *v, enum attempt_who who);
void victims_end_control(struct victims *v);
/* What the names in the attempts stand for, now. */
void victims_places(struct victims *v, enum attempt_who who, struct places *out);

#endif
