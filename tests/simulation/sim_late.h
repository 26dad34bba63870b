/*
 * sim_late: messages change their order over a reconnect: a platform that works off the queue of an
 * old connection when the next one is there already; in worlds of seeds from SIM_LATE on.
 *
 * For some seconds a connection's messages are taken by the broker, and acknowledged, but wait in
 * its queue, up, down, or both ways; then the connection breaks. The queue is worked off in its own
 * order, some seconds to ten minutes after, among what the next connection carries. What was on its
 * way when it broke, and was not acknowledged, comes so, too: the gateway has said it again, so
 * that it comes twice, once out of order. What was meant for the gateway may come twice by itself.
 *
 * What cannot happen, and is not modelled: within one connection the order is MQTT's; what is
 * acknowledged (PUBACK, PUBCOMP) is bound to its connection, as packet ids begin anew with each
 * clean session; and a queue is not lost after its messages were acknowledged.
 *
 * The bus between the processes (sim_bus.c) cannot bring a message of an old connection after the
 * next greeting, nor one twice. A server (ROUTER) gives each connection an id of its own and hears
 * only the one that greeted last (bus_link.c); a client (DEALER) has one connection, and libzmq
 * throws away what it had not read of the one before when that is made anew (ZMQ_IMMEDIATE), or the
 * client closes the socket itself; on sockets: bus/what_a_client_*. But what had left before a
 * break may arrive after it, in order, also when its sender is dead, as long as the other end
 * believes in that connection; in these worlds it does.
 *
 * What is the gateway's and what the network's: the order of statuses is looked at when the broker
 * has them (sim_order.h), so a late one violates nothing. What the platform then makes of it
 * (sim_status.c) must heal: it may take an older version for the device's, answer a confirmation
 * that is long over, count an end against the plan that is out. Statuses name no plan, so the
 * gateway cannot keep it from that; but it says each device's version with each login and with each
 * question for upgrades, does not begin what is done, and answers what is offered again.
 */
#ifndef SUBOTA_SIM_LATE_H
#define SUBOTA_SIM_LATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SIM_LATES_MAX = 24, SIM_LATE_READY = 0 };

/* Trouble: the connection's queues stand still, now or when the platform has heard a certain status
 * or is reached, and it breaks soon. */
void sim_late(unsigned a, unsigned b);
void sim_late_hears(int status);
/* It is calm: whatever waits comes now. */
void sim_late_end(void);

/* A message of the connection `life` has reached the broker; it is for the gateway. True when it
 * waits. */
bool sim_late_up(unsigned life, const char *topic, const uint8_t *data, size_t len);
bool sim_late_down(const char *topic, const uint8_t *data, size_t len);
/* The connection is about to be lost. */
void sim_late_lost(void);

/* Counts connections; sim_uplink.c. */
unsigned sim_uplink_life(void);

#endif
