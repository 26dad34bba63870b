/*
 * subotactl: the operator's and the publisher's tool.
 *
 * May: read files and sockets its caller may read, write files that are named on its command line.
 * Must never: change anything it was not told to on its command line, or run setuid.
 */
#include "ctl.h"

int
main(int argc, char **argv)
{
	return ctl_run(argc, argv);
}
