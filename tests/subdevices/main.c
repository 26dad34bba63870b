/*
 * subota-subdevice: a virtual sub-device, an SMP server with two slots behind a simulated wire.
 *
 * May: make one pseudo-terminal and one symbolic link to it, read and write its own directory. Must
 * never: share code with the gateway's drivers (a mistake must not meet its twin), open a socket,
 * or be kinder than the devices it stands for.
 */
#include "sub_run.h"

int
main(int argc, char **argv)
{
	return sub_run(argc, argv);
}
