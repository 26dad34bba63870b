/*
 * sub_rom_run: the shell around the virtual STM32: a pseudo-terminal, a line of some rate and
 * latency, a flash in a file. It decides nothing but when to look.
 */
#ifndef SUB_ROM_RUN_H
#define SUB_ROM_RUN_H

/* `subota-subdevice stm32 ...`, whole; argv[0] is "stm32". Exit status as of sub_run. */
int sub_rom_run(int argc, char **argv);

#endif
