/*
 * subota-devcenter: the local Developer Center, a stand-in for the platform that anyone can run.
 *
 * May: listen on the addresses it is given, read and write its own directory. Must never: share
 * protocol code with the gateway, or hold anything that a real platform's customer would miss.
 */
#include "dc_cli.h"

int
main(int argc, char **argv)
{
	return dc_cli_run(argc, argv);
}
