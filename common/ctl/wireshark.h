/*
 * wireshark: what Wireshark needs to read a capture: the schema, which is part of every capture,
 * and a few lines of Lua that hand our packets to Wireshark's own protobuf dissector.
 */
#ifndef SUBOTA_WIRESHARK_H
#define SUBOTA_WIRESHARK_H

#include "err.h"

/* The schema as a .proto file; heap, the caller's, NULL without memory. */
char *wireshark_schema(void);

/* Write subota.proto and subota.lua into the directory `dir`, which is there; errno says why not.
 */
enum err wireshark_write(const char *dir) MUST_CHECK;

#endif
