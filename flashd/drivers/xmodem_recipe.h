/*
 * xmodem_recipe: dialogues with known boot loaders, as data.
 */
#ifndef SUBOTA_XMODEM_RECIPE_H
#define SUBOTA_XMODEM_RECIPE_H

enum xmodem_script {
	XMODEM_IDENTIFY, /* reads the version of the application */
	XMODEM_LOADER,   /* shows that the boot loader is there */
	XMODEM_LAUNCH,   /* from the application into the boot loader */
	XMODEM_ENTER,    /* makes the boot loader receive */
	XMODEM_VERIFY,   /* shows that the image is whole */
	XMODEM_RUN,      /* starts it */
	XMODEM_SCRIPTS
};

struct xmodem_recipe {
	const char *name;
	const char *scripts[XMODEM_SCRIPTS]; /* NULL = none */
};

/* NULL: no such recipe. */
const struct xmodem_recipe *xmodem_recipe_find(const char *name);

#endif
