/*
 * subota-subdevice: a virtual sub-device, an SMP server with two slots behind a simulated wire; or,
 * with the first word `stm32`, a virtual STM32 with its boot loader in ROM.
 *
 * May: make one pseudo-terminal and one symbolic link to it, read and write its own directory. Must
 * never: share code with the gateway's drivers (a mistake must not meet its twin), open a socket,
 * or be kinder than the devices it stands for.
 */
#include <string.h>
#include <sys/prctl.h>

#include "sub_rom_run.h"
#include "sub_run.h"

int
main(int argc, char **argv)
{
	prctl(PR_SET_TIMERSLACK, 1000); /* ns: no device is late by the 50 us of the default */
	if (argc > 1 && strcmp(argv[1], "stm32") == 0)
		return sub_rom_run(argc - 1, argv + 1);
	return sub_run(argc, argv);
}
