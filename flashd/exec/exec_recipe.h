/*
 * exec_recipe: how known flasher programs are called, as data, and what they must reach.
 */
#ifndef SUBOTA_EXEC_RECIPE_H
#define SUBOTA_EXEC_RECIPE_H

enum exec_setting {
	EXEC_PROGRAM,
	EXEC_IDENTIFY, /* says the version */
	EXEC_FLASH,
	EXEC_VERIFY,
	EXEC_RESET,
	EXEC_VERSION,     /* text before the version in what identify says */
	EXEC_PROGRESS,    /* percent, or marks CHARACTER COUNT TEXT */
	EXEC_RUNS,        /* further programs: of a script */
	EXEC_READS,       /* files and directories */
	EXEC_DEVICES,     /* device nodes beside the port, or directories of them */
	EXEC_UNVERSIONED, /* no version means: bare (the default), or away */
	EXEC_SETTINGS
};

struct exec_recipe {
	const char *name;
	const char *settings[EXEC_SETTINGS]; /* NULL = none */
};

/* "program", "identify", ... */
const char *exec_recipe_setting(enum exec_setting s);
/* NULL: no such recipe. */
const struct exec_recipe *exec_recipe_find(const char *name);
/* i-th recipe, NULL behind the last. */
const struct exec_recipe *exec_recipe_row(int i);

/* A setting: the configuration's, unless that says "recipe". Never NULL. */
const char *exec_recipe_value(
    const struct exec_recipe *r, enum exec_setting s, const char *configured);

#endif
