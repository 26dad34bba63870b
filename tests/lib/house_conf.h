/*
 * house_conf: what lies in a house before its processes start: directories, the platform's
 * products and devices, secrets, and one configuration file for the three daemons.
 */
#ifndef SUBOTA_TESTS_HOUSE_CONF_H
#define SUBOTA_TESTS_HOUSE_CONF_H

#include "house.h"

/* Directories, the publisher's keys, the image that the devices come with. */
enum err house_conf_directories(struct house *h) MUST_CHECK;
/* The Developer Center's directory, with products, a gateway and the devices behind it. */
enum err house_conf_platform(struct house *h) MUST_CHECK;
/* Which ports the running Developer Center got. */
enum err house_conf_ports(struct house *h) MUST_CHECK;
/* A free port of the loopback for each device. */
enum err house_conf_device_ports(struct house *h) MUST_CHECK;
/* DIR/subota.conf and DIR/secrets. */
enum err house_conf_write(struct house *h) MUST_CHECK;

#endif
