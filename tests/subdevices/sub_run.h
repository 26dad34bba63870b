/*
 * sub_run: the shell around the device: one epoll loop over the pseudo-terminal, one timer and the
 * signals. It decides nothing but when to look.
 */
#ifndef SUB_RUN_H
#define SUB_RUN_H

/* The whole program; returns its exit status: 0, 64 wrong usage, 71 the system. */
int sub_run(int argc, char **argv);

#endif
