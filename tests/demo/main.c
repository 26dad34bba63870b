/*
 * subota-demo: see demo.h.
 */
#include "demo.h"

int
main(int argc, char **argv)
{
	return demo_main(argc, argv);
}
