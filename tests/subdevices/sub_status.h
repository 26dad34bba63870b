/*
 * sub_status: DIR/status.json, for tests and for people.
 */
#ifndef SUB_STATUS_H
#define SUB_STATUS_H

#include "sub_device.h"

struct sub_status {
	uint64_t wire_in, wire_out; /* bytes */
	bool unplugged;
};

/* Replace the file as a whole. False with errno. */
bool sub_status_write(const struct sub_device *d, const struct sub_status *s);

#endif
