/*
 * xmodem_recipe: see xmodem_recipe.h. One row per boot loader; a configuration may replace each
 * script of a row. CAN before the first word ends a transfer that hangs since a power cut.
 */
#include "xmodem_recipe.h"

#include <stddef.h>
#include <string.h>

#define UBOOT_IDENTIFY \
	"send '\\x18\\x18\\x18\\r' expect '=> ' send 'printenv fw_version\\r' " \
	"expect 'fw_version={version}'"
#define UBOOT_LOADER "send '\\x18\\x18\\x18\\r' expect '=> '"
#define UBOOT_VERIFY \
	"send '\\r' expect '=> ' 5000 send 'crc32 {address} {size}\\r' expect '==> {crc32}' " \
	"10000 " \
	"send 'setenv fw_version {target}\\r' expect '=> '"

/* clang-format off */
static const struct xmodem_recipe recipes[] = {
	{"none", {NULL}},
	/* Silicon Labs' Gecko boot loader; how to read the version is the application's affair */
	{"gecko", {
		[XMODEM_LOADER] = "send '\\x18\\x18\\x18\\n' expect 'BL > '",
		[XMODEM_ENTER]  = "send '\\n' expect 'BL > ' send '1' expect 'begin upload'",
		[XMODEM_VERIFY] = "expect 'Serial upload complete' 10000 expect 'BL > ' 5000",
		[XMODEM_RUN]    = "send '2'"}},
	/* U-Boot's prompt; the image goes to {address} */
	{"u-boot", {
		[XMODEM_IDENTIFY] = UBOOT_IDENTIFY,
		[XMODEM_LOADER]   = UBOOT_LOADER,
		[XMODEM_ENTER]    = "send 'loady {address}\\r' expect 'Ready for binary'",
		[XMODEM_VERIFY]   = UBOOT_VERIFY}},
	{"u-boot-loadx", {
		[XMODEM_IDENTIFY] = UBOOT_IDENTIFY,
		[XMODEM_LOADER]   = UBOOT_LOADER,
		[XMODEM_ENTER]    = "send 'loadx {address}\\r' expect 'Ready for binary'",
		[XMODEM_VERIFY]   = UBOOT_VERIFY}},
};
/* clang-format on */

const struct xmodem_recipe *
xmodem_recipe_find(const char *name)
{
	for (size_t i = 0; i < sizeof(recipes) / sizeof(recipes[0]); i++)
		if (strcmp(recipes[i].name, name) == 0)
			return &recipes[i];
	return NULL;
}
