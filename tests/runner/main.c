/*
 * subota-tests: runs the test programs and says at the end how many passed. See runner.h.
 */
#include "runner.h"

int
main(int argc, char *argv[])
{
	return runner_run(argc, argv);
}
