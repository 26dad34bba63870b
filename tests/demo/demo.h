/*
 * demo: the main job in front of one's eyes: one silent upgrade from the platform's plan to a
 * device that runs the new version, all processes real; or one of the bad days of demo_fault.
 *
 * May: make a scratch directory under /tmp, start and end what house.h starts, write the JSON file
 * it was told. Must never: leave a process or a file behind, say "fine" unless the platform and the
 * device agree.
 */
#ifndef SUBOTA_DEMO_H
#define SUBOTA_DEMO_H

/* Exit status: 0 what was expected came true, 1 it did not, 64 usage, 71 environment, 130
 * interrupted. */
int demo_main(int argc, char **argv);

#endif
