/*
 * exec_recipe: see exec_recipe.h. One row per program; a configuration may replace each field. None
 * of these programs knows the version of what runs, so `version` (text in the image, or in the
 * listing of a device, before the version) is for the configuration to say.
 */
#include "exec_recipe.h"

#include <stddef.h>
#include <string.h>

#define AVRDUDE "-p {part} -c arduino -P {port} -b {baud} "
#define DFU "/sys /run/udev /usr/share/misc"

/* clang-format off */
static const struct exec_recipe recipes[] = {
	{"none", {NULL}},
	/* AVR boot loaders that speak STK500; another programmer: replace the lines */
	{"avrdude", {
		[EXEC_PROGRAM]  = "/usr/bin/avrdude",
		[EXEC_IDENTIFY] = AVRDUDE "-q -q -U flash:r:-:r",
		[EXEC_FLASH]    = AVRDUDE "-D -V -U flash:w:{image}:r",
		[EXEC_VERIFY]   = AVRDUDE "-q -q -U flash:v:{image}:r",
		[EXEC_PROGRESS] = "marks # 50 Writing",
		[EXEC_READS]    = "/etc/avrdude.conf"}},
	/* a chip that waits in its boot loader; {address} is where the version stands in flash */
	{"stm32flash", {
		[EXEC_PROGRAM]  = "/usr/bin/stm32flash",
		[EXEC_IDENTIFY] = "-b {baud} -r - -S {address}:64 {port}",
		[EXEC_FLASH]    = "-b {baud} -f -v -w {image} {port}",
		[EXEC_RESET]    = "-b {baud} -g 0x08000000 {port}",
		[EXEC_PROGRESS] = "percent"}},
	/* USB; the device says its version in its descriptor */
	{"dfu-util", {
		[EXEC_PROGRAM]  = "/usr/bin/dfu-util",
		[EXEC_IDENTIFY] = "-l -d {part}",
		[EXEC_FLASH]    = "-d {part} -a 0 -s {address}:leave -D {image}",
		[EXEC_VERSION]  = "ver=",
		[EXEC_PROGRESS] = "percent",
		[EXEC_READS]    = DFU,
		[EXEC_DEVICES]  = "/dev/bus/usb",
		[EXEC_UNVERSIONED] = "away"}},
	{"esptool", {
		[EXEC_PROGRAM]  = "/usr/bin/esptool",
		[EXEC_FLASH]    = "--port {port} --baud {baud} write_flash {address} {image}",
		[EXEC_VERIFY]   = "--port {port} --baud {baud} verify_flash {address} {image}",
		[EXEC_PROGRESS] = "percent",
		[EXEC_RUNS]     = "/usr/bin/python3",
		[EXEC_READS]    = "/usr/share /etc/python3"}},
	/* {part} names the board's file: board/st_nucleo_f4.cfg */
	{"openocd", {
		[EXEC_PROGRAM]  = "/usr/bin/openocd",
		[EXEC_FLASH]    = "-f {part} -c 'program {image} verify reset exit {address}'",
		[EXEC_READS]    = "/usr/share/openocd " DFU,
		[EXEC_DEVICES]  = "/dev/bus/usb"}},
};
/* clang-format on */

enum { RECIPES = sizeof(recipes) / sizeof(recipes[0]) };

const char *
exec_recipe_setting(enum exec_setting s)
{
	static const char *const names[EXEC_SETTINGS] = {"program", "identify", "flash", "verify",
	    "reset", "version", "progress", "runs", "reads", "devices", "unversioned"};

	return names[s];
}

const struct exec_recipe *
exec_recipe_row(int i)
{
	return i < RECIPES ? &recipes[i] : NULL;
}

const struct exec_recipe *
exec_recipe_find(const char *name)
{
	for (int i = 0; i < RECIPES; i++)
		if (strcmp(recipes[i].name, name) == 0)
			return &recipes[i];
	return NULL;
}

const char *
exec_recipe_value(const struct exec_recipe *r, enum exec_setting s, const char *configured)
{
	const char *text = configured && strcmp(configured, "recipe") != 0 ? configured
			   : r                                             ? r->settings[s]
									   : NULL;

	return text && strcmp(text, "none") != 0 ? text : "";
}
